/* options.h - the tables of all commands: the parser, and what an option's type does with a value */
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

/* An option of a command, and where its block's struct is in the command's options. */
typedef struct cli_match {
    const cli_option *option; /* NULL: there is none */
    size_t offset;
} cli_match;

/* The option of that name. */
cli_match options_find(const cli_command *command, const char *name, size_t length);

/* The field that the option of that name fills; NULL: the command does not have it. */
void *options_field(const cli_command *command, void *options, const char *name);

/* The first of the rows whose bit is in `given`; NULL: none is. */
const cli_option *options_given(const cli_option *rows, uint32_t given);

/* Options and operands in the order of the command line. Start zeroed; free `all` with free(). */
typedef struct cli_line {
    struct {
        const cli_option *option;
        const char *value; /* NULL of a flag; borrowed */
    } * all;
    int count, room;
    bool help; /* --help or -h was found; the rest is not read */
} cli_line;

/*
 * Sets the options that argv[1] to argv[argc - 1] give, in their order: --name VALUE, --name=VALUE, -l VALUE,
 * -lVALUE, flags together (-qv), and operands; after "--" everything is an operand. Names are exact.
 * ROPEMAP_USAGE, or what a setter fails with.
 */
ropemap_status options_parse(const cli_command *command, int argc, char **argv, void *options, cli_line *line,
                             ropemap_error *error);

/* Sets one option; `text` is NULL of a flag. */
ropemap_status option_set(cli_match match, void *options, const char *text, ropemap_error *error);

/*
 * The same by name: a value is required where the option is no flag; a flag takes NULL. ROPEMAP_USAGE, also
 * for a name that the command does not have.
 */
ropemap_status options_set(const cli_command *command, const char *name, const char *value, void *options,
                           ropemap_error *error);

/* The option as a message names it: "--base", or an operand's word. */
typedef struct cli_subject {
    char text[128];
} cli_subject;

cli_subject option_subject(const cli_option *option);

/* With the value it was given, for messages about a part of it: "--size 5x0". */
cli_subject option_subject_of(const cli_option *option, const char *value);

/* The number of the choice that `text` names. ROPEMAP_USAGE lists the choices. */
ropemap_status option_choose(const cli_option *option, const char *text, int *index, ropemap_error *error);

/* The option's choices with bars between them, "half|interleaved", cut where they are too long. */
void option_list_choices(const cli_option *option, char *list, size_t size);

/* An error of the library that names a field which is an option ("rows: ...") names the option ("--rows:
 * ..."). */
void options_name(const cli_command *command, ropemap_error *error);

/* attention_options.c: how positions enter scores; scores and masks. They fill a ropemap_request. */
extern const cli_option encoding_rows[], attention_rows[];

#endif
