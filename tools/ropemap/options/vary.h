/* vary.h - several settings of one command: --vary NAME=VALUES, and what both sweeps make of them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_OPTIONS_VARY_H
#define ROPEMAP_TOOLS_ROPEMAP_OPTIONS_VARY_H

#include "tools/ropemap/options/options.h"
#include "tools/ropemap/run.h"

enum { VARY_AXES = 3, VARY_VALUES = OUTPUTS_FRAMES, VARY_SETTINGS = OUTPUTS_FRAMES };

/* An option of the command and the texts that it is given in turn. */
typedef struct vary_axis {
    cli_match match;
    int count;
    char *values[VARY_VALUES]; /* owned */
} vary_axis;

/* Without axes nothing varies, which is one setting. Free with vary_free. */
typedef struct vary_set {
    const cli_command *command; /* whose options may vary */
    vary_axis axes[VARY_AXES];
    int axis_count;
} vary_set;

/*
 * A setter, for a vary_set at the option's offset: adds "NAME=VALUES". NAME is an option of the command that
 * takes a value, VALUES are items with commas between them, or FROM-TO*FACTOR for numbers. A scaling rule or
 * a path is one item: a name may be given several times.
 */
ropemap_status vary_option(void *into, const cli_option *option, const char *text, ropemap_error *error);

/* Whether the option of that name varies. */
bool vary_has(const vary_set *vary, const char *name);

/* Under --vary encoding, takes parameters away that belong to another of the encodings: --slope from RoPE
 * beside ALiBi. One that none of them has stays, for a check to refuse. */
void vary_keep_own(const vary_set *vary, ropemap_encoding_choice *encoding);

/* Whether one number varies, up or down through three values or more; a head's is its name. */
bool vary_rises(const vary_set *vary);

/* Whether the option of that name varies over the one value "all". */
bool vary_over_all(const vary_set *vary, const char *name);

/* Puts these numbers [count] in the place of that value, if it is there. ROPEMAP_USAGE: too many;
 * ROPEMAP_RESOURCES. */
ropemap_status vary_number(vary_set *vary, const char *name, const int64_t *numbers, int64_t count,
                           ropemap_error *error);

/* ROPEMAP_USAGE where one of these options varies; `names` ends with NULL. */
ropemap_status vary_refuse(const vary_set *vary, const char *const *names, ropemap_error *error);

/* Notes the files that the values name, where such options vary. */
ropemap_status vary_note(const vary_set *vary, cli_outputs *outputs, ropemap_error *error);

/* How many combinations there are; the last axis varies fastest. */
int vary_count(const vary_set *vary);

/* Sets the options to combination `index`. */
ropemap_status vary_apply(const vary_set *vary, int index, void *options, ropemap_error *error);

/* "base, head dimension and scaling": the options that vary. */
void vary_names(const vary_set *vary, char *text, size_t size);

/* "base 10,000": one value of an option. */
void vary_label_value(const cli_option *option, const char *value, char *text, size_t size);

/* "base 10,000, d = 64": what combination `index` has that others have not. */
void vary_label(const vary_set *vary, int index, char *text, size_t size);

/* What the rows of panels have in common, and what their columns have. */
typedef struct vary_headings {
    char words[2][VARY_SETTINGS][120];
    const char *rows[VARY_SETTINGS], *cols[VARY_SETTINGS];
} vary_headings;

void vary_free(vary_set *vary);

/* What both sweeps have: settings, a page with all of them, and a frame of each. */
typedef struct sweep_options {
    vary_set vary;
    cli_texts outputs;
    int64_t columns;    /* 0: those of the last option that varies */
    const char *frames; /* a directory; NULL: none */
} sweep_options;

/* The rows, which fill a sweep_options. */
extern const cli_option sweep_rows[];

/* ROPEMAP_USAGE where nothing varies. In `outputs`, which may be NULL, notes what is read and adds the
 * frames.
 */
ropemap_status sweep_check(const sweep_options *options, bool force, cli_outputs *outputs,
                           ropemap_error *error);

/* Headings of panels in sweep_columns(); false where each needs a label of its own. */
bool sweep_headings(const sweep_options *options, vary_headings *headings);

/* Panels side by side; 0: as the library chooses. */
int32_t sweep_columns(const sweep_options *options);

/* The setting of which the output is the frame; -1: it is a page. */
int sweep_frame(const sweep_options *options, int output);

#endif
