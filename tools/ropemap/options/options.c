/* options.c - the tables of all commands: the parser, and what an option's type does with a value */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options/options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words that are nearly right ------------------------------------------------------------------------
 */

enum { LONGEST = 64 };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Letters to insert, delete, replace or swap with their neighbour to turn `a` into `b` (Damerau 1964). */
static int edit_distance(const char *a, const char *b) {
    const size_t rows = strlen(a);
    const size_t cols = strlen(b);
    if (rows > LONGEST || cols > LONGEST) {
        return INT_MAX;
    }
    int cost[LONGEST + 1][LONGEST + 1] = {{0}}; /* [prefix of a, prefix of b] */
    for (size_t row = 0; row <= rows; row++) {
        cost[row][0] = (int)row;
    }
    for (size_t col = 0; col <= cols; col++) {
        cost[0][col] = (int)col;
    }
    for (size_t row = 1; row <= rows; row++) {
        for (size_t col = 1; col <= cols; col++) {
            const int change = a[row - 1] == b[col - 1] ? 0 : 1;
            int best = least(cost[row - 1][col] + 1, cost[row][col - 1] + 1);
            best = least(best, cost[row - 1][col - 1] + change);
            if (row > 1 && col > 1 && a[row - 1] == b[col - 2] && a[row - 2] == b[col - 1]) {
                best = least(best, cost[row - 2][col - 2] + 1);
            }
            cost[row][col] = best;
        }
    }
    return cost[rows][cols];
}

void suggestion_offer(cli_suggestion *suggestion, const char *name) {
    const size_t length = strlen(suggestion->word);
    const bool begins = length > 0 && strncmp(name, suggestion->word, length) == 0;
    const int distance = begins ? 0 : edit_distance(suggestion->word, name);
    const int near_enough = 1 + (int)(length / 4);
    if (distance <= near_enough && (suggestion->best == NULL || distance < suggestion->distance)) {
        suggestion->best = name;
        suggestion->distance = distance;
    }
}

/* ---- an option in words ---------------------------------------------------------------------------------
 */

cli_subject option_subject(const cli_option *option) {
    cli_subject subject;
    (void)snprintf(subject.text, sizeof subject.text, "%s%s", option->name != NULL ? "--" : "",
                   option->name != NULL ? option->name : option->argument);
    return subject;
}

cli_subject option_subject_of(const cli_option *option, const char *value) {
    cli_subject subject;
    (void)snprintf(subject.text, sizeof subject.text, "--%s %.64s", option->name, value);
    return subject;
}

void option_list_choices(const cli_option *option, char *list, size_t size) {
    size_t used = 0;
    list[0] = '\0';
    for (int index = 0; option->choices(index) != NULL && used < size; index++) {
        const int length =
            snprintf(list + used, size - used, "%s%s", index == 0 ? "" : "|", option->choices(index));
        used += length > 0 ? (size_t)length : 0;
    }
}

ropemap_status option_choose(const cli_option *option, const char *text, int *index, ropemap_error *error) {
    cli_suggestion nearest = {.word = text};
    for (int choice = 0; option->choices(choice) != NULL; choice++) {
        if (strcmp(text, option->choices(choice)) == 0) {
            *index = choice;
            return ROPEMAP_OK;
        }
        suggestion_offer(&nearest, option->choices(choice));
    }
    char list[200];
    option_list_choices(option, list, sizeof list);
    return fail(error, ROPEMAP_USAGE, "%s: '%.64s' is unknown; give %s%s%s%s", option_subject(option).text,
                text, list, nearest.best != NULL ? ": did you mean " : "",
                nearest.best != NULL ? nearest.best : "", nearest.best != NULL ? "?" : "");
}

/* ---- what a type does with a value --------------------------------------------------------------------- */

static ropemap_status set_integer(void *field, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    uint64_t value = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, (uint64_t)option->least,
                                                 (uint64_t)option->most, &value, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (option->even && value % 2 != 0) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.64s' is odd; give an even number",
                    option_subject(option).text, text);
    }
    if (option->type == OPTION_INT32) {
        *(int32_t *)field = (int32_t)value;
    } else {
        *(int64_t *)field = (int64_t)value;
    }
    return ROPEMAP_OK;
}

static ropemap_status set_real(double *field, const cli_option *option, const char *text,
                               ropemap_error *error) {
    const cli_bounds *bounds = option->bounds;
    const ropemap_status status = number_real(option_subject(option).text, text, field, error);
    const bool low = bounds->above ? *field > bounds->low : *field >= bounds->low;
    return status != ROPEMAP_OK || (low && (bounds->high == 0.0 || *field <= bounds->high))
               ? status
               : fail(error, ROPEMAP_USAGE, "%s: '%.64s' is out of range; give %s",
                      option_subject(option).text, text, bounds->words);
}

static ropemap_status set_interval(cli_interval *field, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    field->given = true;
    return number_interval(option_subject_of(option, text).text, text, &field->low, &field->high, error);
}

static ropemap_status add_text(cli_texts *field, const cli_option *option, const char *text,
                               ropemap_error *error) {
    if (field->count == TEXTS_MOST) {
        return fail(error, ROPEMAP_USAGE, "--%s: '%.200s' is one too many; give at most %d", option->name,
                    text, TEXTS_MOST);
    }
    field->all[field->count++] = text;
    return ROPEMAP_OK;
}

static ropemap_status set_choice(void *field, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    if (status == ROPEMAP_OK && option->type == OPTION_WORD) {
        *(const char **)field = option->choices(index);
    } else if (status == ROPEMAP_OK) {
        memcpy(field, &index, sizeof index); /* an enumeration is as large */
    }
    return status;
}

static ropemap_status set_size(cli_size *field, const cli_option *option, const char *text,
                               ropemap_error *error) {
    return number_size(option_subject(option).text, text, (uint64_t)option->most, &field->width,
                       &field->height, error);
}

static ropemap_status refuse_missing(const cli_option *option, ropemap_error *error) {
    char list[200];
    (void)snprintf(list, sizeof list, "%s", option->argument != NULL ? option->argument : "");
    if (option->argument == NULL) {
        option_list_choices(option, list, sizeof list);
    }
    return fail(error, ROPEMAP_USAGE, "%s needs a value: %s", option_subject(option).text, list);
}

/* Whether its value names a file or a directory, which an empty one does not. */
static bool names_file(const cli_option *option) {
    return option->argument != NULL &&
           (strncmp(option->argument, "FILE", 4) == 0 || strncmp(option->argument, "PATH", 4) == 0 ||
            strncmp(option->argument, "DIR", 3) == 0);
}

ropemap_status option_set(cli_match match, void *options, const char *text, ropemap_error *error) {
    const cli_option *option = match.option;
    if (text != NULL && text[0] == '\0' && names_file(option)) {
        return refuse_missing(option, error);
    }
    void *into = (char *)options + match.offset, *field = (char *)into + option->offset;
    if (option->bit != 0) {
        *(uint32_t *)into |= option->bit;
    }
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return ROPEMAP_OK;
    case OPTION_TEXT:
        *(const char **)field = text;
        return ROPEMAP_OK;
    case OPTION_TEXTS:
        return add_text(field, option, text, error);
    case OPTION_INT:
    case OPTION_INT32:
        return set_integer(field, option, text, error);
    case OPTION_REAL:
        return set_real(field, option, text, error);
    case OPTION_RANGE:
        return number_range(option_subject(option).text, text, 0, field, error);
    case OPTION_INTERVAL:
        return set_interval(field, option, text, error);
    case OPTION_SIZE:
        return set_size(field, option, text, error);
    case OPTION_CHOICE:
    case OPTION_WORD:
        return set_choice(field, option, text, error);
    case OPTION_CUSTOM:
        break;
    }
    return option->set(into, option, text, error);
}

/* ---- names --------------------------------------------------------------------------------------------- */

cli_match options_find(const cli_command *command, const char *name, size_t length) {
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        for (const cli_option *option = block->rows; option->name != NULL; option++) {
            if (strncmp(option->name, name, length) == 0 && option->name[length] == '\0') {
                return (cli_match){option, block->offset};
            }
        }
    }
    return (cli_match){.option = NULL};
}

static cli_match find_letter(const cli_command *command, char letter) {
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        for (const cli_option *option = block->rows; option->name != NULL; option++) {
            if (option->letter == letter) {
                return (cli_match){option, block->offset};
            }
        }
    }
    return (cli_match){.option = NULL};
}

void *options_field(const cli_command *command, void *options, const char *name) {
    const cli_match match = options_find(command, name, strlen(name));
    return match.option != NULL ? (char *)options + match.offset + match.option->offset : NULL;
}

const cli_option *options_given(const cli_option *rows, uint32_t given) {
    while (rows->name != NULL && (rows->bit & given) == 0) {
        rows++;
    }
    return rows->name != NULL ? rows : NULL;
}

void options_name(const cli_command *command, ropemap_error *error) {
    const size_t length = strcspn(error->text, ": ");
    const bool named =
        error->text[length] == ':' && options_find(command, error->text, length).option != NULL;
    if (named && (error->status == ROPEMAP_USAGE || error->status == ROPEMAP_RESOURCES)) {
        const ropemap_error before = *error;
        (void)fail(error, before.status, "--%.480s", before.text);
    }
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

/* The command's option with the letter that an option of that name has elsewhere: --positions is what curves
 * have as --distances, both -n. NULL: there is none. */
static const char *name_alike(const cli_command *command, const char *name) {
    for (int index = 0; command_at(index) != NULL; index++) {
        const cli_option *other = options_find(command_at(index), name, strlen(name)).option;
        const cli_option *own =
            other != NULL && other->letter != 0 ? find_letter(command, other->letter).option : NULL;
        if (own != NULL && own->name != NULL) {
            return own->name;
        }
    }
    return NULL;
}

static ropemap_status refuse_unknown(const cli_command *command, const char *name, size_t length,
                                     ropemap_error *error) {
    char word[80];
    (void)snprintf(word, sizeof word, "%.*s", (int)(length < 79 ? length : 79), name);
    cli_suggestion nearest = {.word = word};
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        for (const cli_option *option = block->rows; option->name != NULL; option++) {
            suggestion_offer(&nearest, option->name);
        }
    }
    suggestion_offer(&nearest, "help");
    nearest.best = nearest.best != NULL ? nearest.best : name_alike(command, word);
    if (nearest.best != NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s: unknown option, did you mean --%s?", word, nearest.best);
    }
    return fail(error, ROPEMAP_USAGE, "--%s: unknown option, see 'ropemap %s --help'", word, command->name);
}

static ropemap_status refuse_value(const char *name, const char *value, ropemap_error *error) {
    return fail(error, ROPEMAP_USAGE, "--%s takes no value ('%.64s')", name, value);
}

/* ---- parser -------------------------------------------------------------------------------------------- */

/* What is being read. */
typedef struct reader {
    const cli_command *command;
    int argc;
    char **argv;
    int next; /* argument to read */
    void *options;
    cli_line *line;
    ropemap_error *error;
} reader;

static ropemap_status remember(const reader *from, const cli_option *option, const char *value) {
    cli_line *line = from->line;
    if (line->count == line->room) {
        const int room = 2 * line->room + 16;
        void *more = realloc(line->all, (size_t)room * sizeof *line->all);
        if (more == NULL) {
            return fail(from->error, ROPEMAP_RESOURCES, "no memory for the command line");
        }
        line->all = more;
        line->room = room;
    }
    line->all[line->count].option = option;
    line->all[line->count++].value = value;
    return ROPEMAP_OK;
}

/* Sets an option to `value`, or to the next argument where it is NULL and one is needed. */
static ropemap_status take(reader *from, cli_match match, const char *value) {
    if (value == NULL && match.option->type != OPTION_FLAG) {
        if (from->next == from->argc) {
            return refuse_missing(match.option, from->error);
        }
        value = from->argv[from->next++];
    }
    const ropemap_status status = remember(from, match.option, value);
    return status == ROPEMAP_OK ? option_set(match, from->options, value, from->error) : status;
}

/* --name or --name=value */
static ropemap_status read_long(reader *from, const char *name) {
    const char *equals = strchr(name, '=');
    const size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const cli_match match = options_find(from->command, name, length);
    const bool help = match.option == NULL && length == strlen("help") && strncmp(name, "help", length) == 0;
    if (equals != NULL && (help || (match.option != NULL && match.option->type == OPTION_FLAG))) {
        return refuse_value(help ? "help" : match.option->name, equals + 1, from->error);
    }
    from->line->help = help;
    if (help) {
        return ROPEMAP_OK;
    }
    return match.option != NULL ? take(from, match, equals != NULL ? equals + 1 : NULL)
                                : refuse_unknown(from->command, name, length, from->error);
}

/* -q, -qv, -b5e5: letters are flags up to the first that takes a value. */
static ropemap_status read_letters(reader *from, const char *letters) {
    for (; *letters != '\0' && !from->line->help; letters++) {
        const cli_match match = find_letter(from->command, *letters);
        if (match.option == NULL && *letters == 'h') {
            from->line->help = true;
        } else if (match.option == NULL) {
            return fail(from->error, ROPEMAP_USAGE, "-%c: unknown option, see 'ropemap %s --help'", *letters,
                        from->command->name);
        } else if (match.option->type != OPTION_FLAG) {
            return take(from, match, letters[1] != '\0' ? letters + 1 : NULL);
        } else {
            const ropemap_status status = take(from, match, NULL);
            if (status != ROPEMAP_OK) {
                return status;
            }
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status read_operand(reader *from, const char *text) {
    return from->command->operand != NULL
               ? take(from, (cli_match){.option = from->command->operand}, text)
               : fail(from->error, ROPEMAP_USAGE,
                      "%.200s: unexpected argument, 'ropemap %s' takes options only", text,
                      from->command->name);
}

ropemap_status options_parse(const cli_command *command, int argc, char **argv, void *options, cli_line *line,
                             ropemap_error *error) {
    reader from = {.command = command,
                   .argc = argc,
                   .argv = argv,
                   .next = 1,
                   .options = options,
                   .line = line,
                   .error = error};
    bool names = true;
    ropemap_status status = ROPEMAP_OK;
    while (from.next < argc && status == ROPEMAP_OK && !line->help) {
        const char *argument = argv[from.next++];
        if (names && strcmp(argument, "--") == 0) {
            names = false;
        } else if (names && strncmp(argument, "--", 2) == 0) {
            status = read_long(&from, argument + 2);
        } else if (names && argument[0] == '-' && argument[1] != '\0') {
            status = read_letters(&from, argument + 1);
        } else {
            status = read_operand(&from, argument);
        }
    }
    return status;
}

ropemap_status options_set(const cli_command *command, const char *name, const char *value, void *options,
                           ropemap_error *error) {
    const cli_match match = options_find(command, name, strlen(name));
    if (match.option == NULL) {
        return refuse_unknown(command, name, strlen(name), error);
    }
    if (match.option->type == OPTION_FLAG && value != NULL) {
        return refuse_value(name, value, error);
    }
    if (match.option->type != OPTION_FLAG && value == NULL) {
        return refuse_missing(match.option, error);
    }
    return option_set(match, options, value, error);
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static const cli_command *const commands[] = {
    &command_map,    &command_curve,  &command_sweep,      &command_sweep_curve, &command_pairs,
    &command_heads,  &command_bound,  &command_plan,       &command_explain,     &command_info,
    &command_check,  &command_export, &command_serve,      &command_bench,       &command_merge,
    &command_status, &command_doctor, &command_completion, &command_manual,      NULL,
};

const cli_command *command_at(int index) {
    return commands[index];
}

static const cli_command *find_name(const char *name) {
    for (int index = 0; commands[index] != NULL; index++) {
        if (strcmp(commands[index]->name, name) == 0) {
            return commands[index];
        }
    }
    return NULL;
}

const cli_command *command_find(int count, char **words, int *used) {
    char both[80];
    const cli_command *command = NULL;
    *used = 2;
    if (count > 1 && snprintf(both, sizeof both, "%s %s", words[0], words[1]) < (int)sizeof both) {
        command = find_name(both);
    }
    if (command == NULL) {
        *used = 1;
        command = find_name(words[0]);
    }
    return command;
}
