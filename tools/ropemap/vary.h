/* vary.h - several settings of one command: --vary NAME=VALUES, every combination of them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_VARY_H
#define ROPEMAP_TOOLS_VARY_H

#include "tools/ropemap/command.h"

enum { VARY_AXES = 3, VARY_VALUES = 100, VARY_SETTINGS = 100 };

/* An option of the command and the texts that it is given in turn. */
typedef struct vary_axis {
    const cli_option *option;
    int count;
    char *values[VARY_VALUES]; /* owned */
} vary_axis;

/* Zeroed: nothing varies, which is one setting. Free with vary_free. */
typedef struct vary_set {
    vary_axis axes[VARY_AXES];
    int axis_count;
} vary_set;

/*
 * Adds "NAME=VALUES": NAME is an option of `command` that takes a value, VALUES are items with commas between
 * them, or FROM-TO*FACTOR for numbers. A scaling rule or a path is one item: a name may be given several
 * times.
 */
ropemap_status vary_add(vary_set *vary, const cli_command *command, const char *text, ropemap_error *error);

/* ROPEMAP_USAGE where one of these options varies; `names` ends with NULL. */
ropemap_status vary_refuse(const vary_set *vary, const char *const *names, ropemap_error *error);

/* How many combinations there are; the last axis varies fastest. */
int vary_count(const vary_set *vary);

/* Gives combination `index` to the options' setters. */
ropemap_status vary_apply(const vary_set *vary, int index, void *into, ropemap_error *error);

/* "base, head-dim and scaling": the options that vary. */
void vary_names(const vary_set *vary, char *text, size_t size);

/* "base 1e4, head-dim 64": what combination `index` has that others have not. */
void vary_label(const vary_set *vary, int index, char *text, size_t size);

void vary_free(vary_set *vary);

#endif
