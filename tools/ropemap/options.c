/* options.c - options: the tables of all commands, and the one parser */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/rule_options.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

/* What is being read. */
typedef struct command_line {
    const cli_command *command;
    int argc;
    char **argv;
    int next; /* argument to read */
    void *into;
    bool help;
    options_note note; /* NULL: nobody wants to know */
    void *note_user;
    ropemap_error *error;
} command_line;

bool option_is_flag(const cli_option *option) {
    return option->argument == NULL && option->choices == NULL;
}

ropemap_status option_set_flag(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    (void)text;
    (void)error;
    *(bool *)((char *)into + option->offset) = true;
    return ROPEMAP_OK;
}

ropemap_status option_set_text(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    (void)error;
    *(const char **)((char *)into + option->offset) = text;
    return ROPEMAP_OK;
}

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
    return fail(error, ROPEMAP_USAGE, "%s: unknown value ('%.64s'), expected %s%s%s%s",
                option_subject(option).text, text, list, nearest.best != NULL ? "; did you mean " : "",
                nearest.best != NULL ? nearest.best : "", nearest.best != NULL ? "?" : "");
}

const cli_option *options_find(const cli_command *command, const char *name, size_t length) {
    for (int at = 0; command_option(command, at) != NULL; at++) {
        const cli_option *option = command_option(command, at);
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0) {
            return option;
        }
    }
    return NULL;
}

void options_name(const cli_command *command, ropemap_error *error) {
    const size_t length = strcspn(error->text, ": ");
    const bool named = error->text[length] == ':' && options_find(command, error->text, length) != NULL;
    if (named && (error->status == ROPEMAP_USAGE || error->status == ROPEMAP_RESOURCES)) {
        const ropemap_error before = *error;
        (void)fail(error, before.status, "--%.480s", before.text);
    }
}

int options_report(const cli_command *command, ropemap_status status, const ropemap_error *error) {
    ropemap_error named = *error;
    named.status = status;
    options_name(command, &named);
    return failure_report(status, &named);
}

static ropemap_status refuse_unknown(const command_line *line, const char *name, size_t length) {
    char word[80];
    (void)snprintf(word, sizeof word, "%.*s", (int)(length < 79 ? length : 79), name);
    cli_suggestion nearest = {.word = word};
    for (int at = 0; command_option(line->command, at) != NULL; at++) {
        const cli_option *option = command_option(line->command, at);
        suggestion_offer(&nearest, option->name);
    }
    suggestion_offer(&nearest, "help");
    if (nearest.best != NULL) {
        return fail(line->error, ROPEMAP_USAGE, "--%s: unknown option, did you mean --%s?", word,
                    nearest.best);
    }
    return fail(line->error, ROPEMAP_USAGE, "--%s: unknown option, see 'ropemap %s --help'", word,
                line->command->name);
}

static ropemap_status refuse_missing(const command_line *line, const cli_option *option) {
    char list[200];
    (void)snprintf(list, sizeof list, "%s", option->argument != NULL ? option->argument : "");
    if (option->argument == NULL) {
        option_list_choices(option, list, sizeof list);
    }
    return fail(line->error, ROPEMAP_USAGE, "%s: no value, expected %s", option_subject(option).text, list);
}

/* Calls the setter with `value`, or with the next argument where it is NULL and one is needed. */
static ropemap_status take(command_line *line, const cli_option *option, const char *value) {
    if (value == NULL && !option_is_flag(option)) {
        if (line->next == line->argc) {
            return refuse_missing(line, option);
        }
        value = line->argv[line->next++];
    }
    if (line->note != NULL) {
        line->note(line->note_user, option, value);
    }
    return option->set(line->into, option, value, line->error);
}

static ropemap_status refuse_value(const command_line *line, const char *name, const char *value) {
    return fail(line->error, ROPEMAP_USAGE, "--%s: a value ('%.64s'), expected none", name, value);
}

/* --name or --name=value */
static ropemap_status read_long(command_line *line, const char *name) {
    const char *equals = strchr(name, '=');
    const size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const cli_option *option = options_find(line->command, name, length);
    if (option != NULL && equals != NULL && option_is_flag(option)) {
        return refuse_value(line, option->name, equals + 1);
    }
    if (option != NULL) {
        return take(line, option, equals != NULL ? equals + 1 : NULL);
    }
    if (length == strlen("help") && strncmp(name, "help", length) == 0) {
        if (equals != NULL) {
            return refuse_value(line, "help", equals + 1);
        }
        line->help = true;
        return ROPEMAP_OK;
    }
    return refuse_unknown(line, name, length);
}

static const cli_option *find_letter(const cli_command *command, char letter) {
    int at = 0;
    while (command_option(command, at) != NULL && command_option(command, at)->letter != letter) {
        at++;
    }
    return command_option(command, at);
}

/* -q, -qv, -b5e5: letters are flags up to the first that takes a value. */
static ropemap_status read_letters(command_line *line, const char *letters) {
    for (; *letters != '\0' && !line->help; letters++) {
        const cli_option *option = find_letter(line->command, *letters);
        if (option == NULL && *letters == 'h') {
            line->help = true;
        } else if (option == NULL) {
            return fail(line->error, ROPEMAP_USAGE, "-%c: unknown option, see 'ropemap %s --help'", *letters,
                        line->command->name);
        } else if (!option_is_flag(option)) {
            return take(line, option, letters[1] != '\0' ? letters + 1 : NULL);
        } else {
            const ropemap_status status = take(line, option, NULL);
            if (status != ROPEMAP_OK) {
                return status;
            }
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status read_operand(command_line *line, const char *text) {
    const cli_option *operand = line->command->operand;
    if (operand == NULL) {
        return fail(line->error, ROPEMAP_USAGE,
                    "%.200s: unexpected argument, 'ropemap %s' takes options only", text,
                    line->command->name);
    }
    if (line->note != NULL) {
        line->note(line->note_user, operand, text);
    }
    return operand->set(line->into, operand, text, line->error);
}

ropemap_status options_parse(const cli_command *command, int argc, char **argv, void *into, bool *help,
                             ropemap_error *error) {
    return options_parse_noted(command, argc, argv, into, help, NULL, NULL, error);
}

ropemap_status options_parse_noted(const cli_command *command, int argc, char **argv, void *into, bool *help,
                                   options_note note, void *user, ropemap_error *error) {
    command_line line = {.command = command,
                         .argc = argc,
                         .argv = argv,
                         .next = 1,
                         .into = into,
                         .note = note,
                         .note_user = user,
                         .error = error};
    bool options = true;
    ropemap_status status = ROPEMAP_OK;
    while (line.next < argc && status == ROPEMAP_OK && !line.help) {
        const char *argument = argv[line.next++];
        if (options && strcmp(argument, "--") == 0) {
            options = false;
        } else if (options && strncmp(argument, "--", 2) == 0) {
            status = read_long(&line, argument + 2);
        } else if (options && argument[0] == '-' && argument[1] != '\0') {
            status = read_letters(&line, argument + 1);
        } else {
            status = read_operand(&line, argument);
        }
    }
    *help = line.help;
    return status;
}

ropemap_status options_set(const cli_command *command, const char *name, const char *value, void *into,
                           ropemap_error *error) {
    const command_line line = {.command = command, .into = into, .error = error};
    const cli_option *option = options_find(command, name, strlen(name));
    if (option == NULL) {
        return refuse_unknown(&line, name, strlen(name));
    }
    if (option_is_flag(option) && value != NULL) {
        return refuse_value(&line, name, value);
    }
    if (!option_is_flag(option) && value == NULL) {
        return refuse_missing(&line, option);
    }
    return option->set(into, option, value, error);
}

static const cli_command *const commands[] = {
    &command_map,    &command_curve,
    &command_sweep,  &command_sweep_curve,
    &command_bound,  &command_explain,
    &command_info,   &command_check,
    &command_serve,  &command_bench,
    &command_doctor, &command_completion,
    &command_manual, NULL,
};

const cli_command *command_at(int index) {
    return commands[index];
}

static bool is_taken(const cli_command *command, const char *name) {
    for (int at = 0; command->without != NULL && command->without[at] != NULL; at++) {
        if (strcmp(command->without[at], name) == 0) {
            return false;
        }
    }
    return true;
}

const cli_option *command_option(const cli_command *command, int index) {
    const cli_option *const tables[] = {command->takes_rule ? rule_option_table : NULL, command->options,
                                        command->more};
    for (int table = 0; table < 3; table++) {
        for (const cli_option *option = tables[table]; option != NULL && option->name != NULL; option++) {
            if (tables[table] == command->options && !is_taken(command, option->name)) {
                continue;
            }
            if (index-- == 0) {
                return option;
            }
        }
    }
    return NULL;
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
