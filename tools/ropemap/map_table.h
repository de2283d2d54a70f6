/* map_table.h - the options of a map */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_TABLE_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_TABLE_H

#include "tools/ropemap/command.h"
#include "tools/ropemap/print_size.h"
#include "tools/ropemap/rule_options.h"

const char *order_choice(int index);

const char *state_choice(int index);

const char *phase_choice(int index);

ropemap_status set_heads(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_phase(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_size(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_backend(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_device(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_threads(void *into, const cli_option *option, const char *text, ropemap_error *error);

ropemap_status set_output(void *into, const cli_option *option, const char *text, ropemap_error *error);

enum { MAP_OUTPUTS_MAX = 16 };

typedef enum map_content { MAP_CONTENT_ONES, MAP_CONTENT_GAUSS } map_content;

/* How a map is shown, as ropemap_figure has it. */
typedef struct map_figure {
    ropemap_norm norm;
    double linear_below, percentile; /* the latter as a share */
    double contours[8];
    int32_t contour_count;
    bool dark;
} map_figure;

/* Heads that share the last axis of the tensors, of queries and of keys; 0: queries' have an axis of their
 * own, keys' are as many as the head dim makes. */
typedef struct tensor_heads {
    int64_t queries, keys;
} tensor_heads;

/* Plain values; texts are borrowed from the command line. `has_` and NULL tell what was given. */
typedef struct map_options {
    rule_options rule;       /* first: see there */
    ropemap_request request; /* complete but for the rule, vectors and ranges: map_inputs_open sets them */

    const char *positions, *row_positions, *col_positions; /* ranges as written */

    bool has_content;
    map_content content;
    uint64_t seed;
    const char *queries, *keys;                /* FILE[:TENSOR] */
    ropemap_vectors *lent_queries, *lent_keys; /* those, open already; borrowed. NULL: not open */
    ropemap_order order;
    int64_t batch, head;
    tensor_heads heads;
    const char *needs_tensor; /* an option that was given and means something for tensors alone */

    ropemap_phase phase;
    bool has_phase;             /* --phase was given, besides --diff */
    bool diff;                  /* less the exact map */
    int64_t shift;              /* added to every position */
    const char *positions_from; /* a .npy file */
    bool turned;                /* the request's vectors carry their rotation by now */
    ropemap_request shown;      /* where vectors are turned before the map: the request that titles tell */

    const char *outputs[MAP_OUTPUTS_MAX];
    int output_count;
    bool bare, has_limits;
    double low, high;
    print_size print;
    ropemap_colormap colormap;
    map_figure figure;
    bool json, force, quiet, verbose, dry_run;
} map_options;

map_options map_options_default(void);

/* The table, ended by a row without a name; its setters fill a map_options. */
extern const cli_option map_option_table[];

/* ROPEMAP_USAGE for options that do not go together or are missing. Looks at no file. */
ropemap_status map_options_check(const map_options *options, ropemap_error *error);

#endif
