/* commands.c - the commands there are, and the options of each */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/rule_options.h"

#include <string.h>

static const cli_command *const commands[] = {
    &command_map,   &command_curve, &command_sweep,  &command_bound,      &command_explain, &command_info,
    &command_check, &command_bench, &command_doctor, &command_completion, &command_manual,  NULL,
};

const cli_command *command_at(int index) {
    return commands[index];
}

const cli_option *command_option(const cli_command *command, int index) {
    const cli_option *const tables[] = {command->takes_rule ? rule_option_table : NULL, command->options,
                                        command->more};
    for (int table = 0; table < 3; table++) {
        const cli_option *option = tables[table];
        for (; option != NULL && option->name != NULL && index > 0; index--) {
            option++;
        }
        if (option != NULL && option->name != NULL) {
            return option;
        }
    }
    return NULL;
}

const cli_command *command_find(const char *name) {
    for (int index = 0; commands[index] != NULL; index++) {
        if (strcmp(commands[index]->name, name) == 0) {
            return commands[index];
        }
    }
    return NULL;
}
