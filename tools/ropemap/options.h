/* options.h - options: the tables of all commands, and the one parser */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_OPTIONS_H
#define ROPEMAP_TOOLS_ROPEMAP_OPTIONS_H

#include "tools/ropemap/command.h"

/* The best name seen so far for a word that is not known. Start with {.word = ...}. */
typedef struct cli_suggestion {
    const char *word; /* Borrowed */
    const char *best; /* NULL: nothing is near enough. Borrowed */
    int distance;     /* of `best` */
} cli_suggestion;

/* Takes `name` where it is nearer to the word than what was offered before. */
void suggestion_offer(cli_suggestion *suggestion, const char *name);

/*
 * Gives argv[1] to argv[argc - 1] to the setters of `command`, in their order: --name VALUE, --name=VALUE,
 * -l VALUE, -lVALUE, flags together (-qv), and operands; after "--" everything is an operand. Names are
 * exact. Where --help or -h is found *help is set and the rest is not read. ROPEMAP_USAGE, or what a setter
 * fails with.
 */
ropemap_status options_parse(const cli_command *command, int argc, char **argv, void *into, bool *help,
                             ropemap_error *error);

/* The same, and tells each option that was given and its value, NULL of a flag, to `note`. */
typedef void (*options_note)(void *user, const cli_option *option, const char *value);

ropemap_status options_parse_noted(const cli_command *command, int argc, char **argv, void *into, bool *help,
                                   options_note note, void *user, ropemap_error *error);

/*
 * Gives one value to the setter of the option of that name, which must take one where it is no flag; a flag
 * takes NULL. ROPEMAP_USAGE, also for a name that the command does not have.
 */
ropemap_status options_set(const cli_command *command, const char *name, const char *value, void *into,
                           ropemap_error *error);

/* The option of that name, NULL where there is none. */
const cli_option *options_find(const cli_command *command, const char *name, size_t length);

/* Setters: a bool at the option's offset becomes true; a const char * there points to the value. */
ropemap_status option_set_flag(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status option_set_text(void *into, const cli_option *option, const char *text, ropemap_error *error);

/* Whether the option takes no value. */
bool option_is_flag(const cli_option *option);

/* The option as a message names it: "--base", or an operand's word. */
typedef struct cli_subject {
    char text[128];
} cli_subject;

cli_subject option_subject(const cli_option *option);

/* With the value it was given, for messages about a part of it: "--size 5x0". */
cli_subject option_subject_of(const cli_option *option, const char *value);

/* The number of the choice that `text` names. ROPEMAP_USAGE lists the choices. */
ropemap_status option_choose(const cli_option *option, const char *text, int *index, ropemap_error *error);

/*
 * What the library refused: where it names a field that is an option's ("rows: ..."), the option is named
 * ("--rows: ...").
 */
void options_name(const cli_command *command, ropemap_error *error);

/* failure_report after options_name. */
int options_report(const cli_command *command, ropemap_status status, const ropemap_error *error);

/* The option's choices with bars between them, "half|interleaved", cut where they are too long. */
void option_list_choices(const cli_option *option, char *list, size_t size);

#endif
