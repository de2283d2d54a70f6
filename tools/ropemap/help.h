/* help.h - help pages, the manual page and completion */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_HELP_H
#define ROPEMAP_TOOLS_ROPEMAP_HELP_H

#include "tools/ropemap/command.h"

/* Of each group of options. */
extern const char *const group_titles[GROUP_COUNT];

/* Print the page of the program, or of a command, to stdout; return the exit code. */
int help_program(void);

int help_command(const cli_command *command);

/* Prints what each scaling rule takes and does. */
void help_scaling_rules(void);

/* What --axes can begin with. */
void help_deals(void);

#endif
