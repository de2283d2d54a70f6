/* commands.c - the commands there are, and the options of each */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/rule_options.h"

#include <stdio.h>
#include <string.h>

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
