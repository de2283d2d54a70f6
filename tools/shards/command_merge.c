/* command_merge.c - ropemap merge: writes the outputs of a run whose shards are finished */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct merge_options {
    const char *folder; /* first: work_operand fills it */
    bool keep, force, quiet;
} merge_options;

static const cli_option merge_rows[] = {
    {.group = GROUP_HOW,
     .name = "keep-work",
     .help = "leave DIR as it is at the end",
     .type = OPTION_FLAG,
     .offset = offsetof(merge_options, keep)},
    OPTION_QUIET(offsetof(merge_options, quiet), "print nothing but errors"),
    {.name = NULL},
};

/* The command line of the run, as its record has it. Start with {.count = 0}; free with free_line. */
typedef struct line {
    char **words; /* [count], owned, and NULL */
    int count;
} line;

static void free_line(line *words) {
    for (int i = 0; i < words->count; i++) {
        free(words->words[i]);
    }
    free(words->words);
}

/* "--NAME=VALUE", or "--NAME" where the value is NULL. */
static bool add_word(line *words, const char *name, const char *value) {
    char **more = realloc(words->words, (size_t)(words->count + 2) * sizeof *more);
    words->words = more != NULL ? more : words->words;
    const size_t size = strlen(name) + (value != NULL ? strlen(value) : 0) + 4;
    char *word = more != NULL ? malloc(size) : NULL;
    if (word == NULL) {
        return false;
    }
    (void)snprintf(word, size, "--%s%s%s", name, value != NULL ? "=" : "", value != NULL ? value : "");
    more[words->count++] = word;
    more[words->count] = NULL;
    return true;
}

static bool make_line(const json_t *document, const char *folder, const merge_options *options, line *words) {
    const char *name;
    json_t *values, *value;
    size_t index;
    bool whole = add_word(words, "ropemap", NULL); /* in place of the command's name */
    json_object_foreach(json_object_get(document, "options"), name, values) {
        json_array_foreach(values, index, value) {
            whole = whole && add_word(words, name, json_string_value(value));
        }
    }
    whole = whole && add_word(words, "work", folder);
    whole = whole && (!options->keep || add_word(words, "keep-work", NULL));
    return whole && (!options->quiet || add_word(words, "quiet", NULL));
}

static void merge_only(const cli_command *command, void *options) {
    for (int i = 0; i < COMMAND_BLOCKS && command->blocks[i].rows != NULL; i++) {
        if (command->blocks[i].rows == work_rows) {
            ((work_options *)(void *)((char *)options + command->blocks[i].offset))->merge_only = true;
        }
    }
}

/* Its files are named from where it was begun. */
static ropemap_status enter(const json_t *document, ropemap_error *error) {
    const char *folder = json_string_value(json_object_get(document, "folder"));
    return folder != NULL && chdir(folder) == 0
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_IO, "%.200s: the folder of the run cannot be entered (%s)",
                      folder != NULL ? folder : "run.json", strerror(errno));
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    merge_options *options = given;
    work_record record = {.document = NULL};
    line words = {.count = 0};
    char here[PATH_MAX] = "", folder[2 * PATH_MAX];
    if (options->folder == NULL) {
        return fail(error, ROPEMAP_USAGE, "DIR is missing; give the directory of --work");
    }
    if (options->folder[0] != '/' && getcwd(here, sizeof here) == NULL) {
        return fail(error, ROPEMAP_IO, "the working directory cannot be named (%s)", strerror(errno));
    }
    (void)snprintf(folder, sizeof folder, "%s%s%s", here, here[0] != '\0' ? "/" : "", options->folder);
    ropemap_status status = record_read(folder, &record, error);
    const char *name = json_string_value(json_object_get(record.document, "command"));
    int used = 0;
    char *only = (char *)(uintptr_t)name;
    const cli_command *command = name != NULL ? command_find(1, &only, &used) : NULL;
    if (status == ROPEMAP_OK && command == NULL) {
        status = fail(error, ROPEMAP_USAGE, "%.300s: there is no run here; give the directory of --work",
                      options->folder);
    }
    status = status == ROPEMAP_OK ? enter(record.document, error) : status;
    if (status == ROPEMAP_OK && !make_line(record.document, folder, options, &words)) {
        status = fail(error, ROPEMAP_RESOURCES, "no memory for the command of the run");
    }
    if (status == ROPEMAP_OK) {
        run->code = command_run_prepared(command, words.count, words.words, merge_only);
    }
    free_line(&words);
    record_free(&record);
    return status;
}

const cli_command command_merge = {
    .name = "merge",
    .summary = "write the outputs of a run whose shards are finished",
    .usage = "DIR [output]",
    .examples = "  ropemap merge w\n",
    .blocks = {{merge_rows, 0}},
    .operand = &work_operand,
    .size = sizeof(merge_options),
    .work = work,
};
