/* curve_options.h - what a command line of `ropemap curve` asks for, and the curves that come of it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_CURVE_OPTIONS_H
#define ROPEMAP_TOOLS_CURVE_OPTIONS_H

#include "tools/ropemap/map_table.h"
#include "tools/ropemap/outputs.h"
#include "tools/ropemap/rule_options.h"

#include <jansson.h>

enum { CURVES_MOST = 24, CURVE_OUTPUTS_MOST = 8, CURVE_LABEL = 120 };

typedef enum curve_quantity { CURVE_SIMILARITY, CURVE_ROFORMER } curve_quantity;

typedef struct curve_options {
    rule_options rule; /* first: see there */
    ropemap_range distances;
    bool has_distances;
    vary_set vary;
    const char *labels[CURVES_MOST];
    int label_count;
    bool log_axis;
    curve_quantity quantity;
    ropemap_phase phase;
    int64_t shift;                             /* of both positions */
    const char *along;                         /* the axis as written; NULL: the last of several */
    int32_t first_pair, pair_count;            /* a band of pairs alone; pair_count 0: all */
    const char *queries, *keys;                /* FILE[:TENSOR]; NULL: equal vectors */
    ropemap_vectors *lent_queries, *lent_keys; /* those, open already; borrowed. NULL: not open */
    ropemap_order order;
    int64_t batch, head, first_position;
    tensor_heads heads;
    bool already_rotated;
    bool has_limits;
    double low, high;
    int64_t width, height; /* pixels of a .png; 0: the chart's own */
    print_size print;
    int32_t threads;
    const char *outputs[CURVE_OUTPUTS_MOST];
    int output_count;
    bool json, force, quiet;
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} curve_options;

extern const cli_option curve_option_table[];

/* The setter of --output; `into` is a curve_options. */
ropemap_status curve_set_output(void *into, const cli_option *option, const char *text, ropemap_error *error);

/* One setting and its curve. */
typedef struct curve {
    char label[CURVE_LABEL];
    ropemap_spec spec;
    ropemap_frequencies *table; /* which the rule borrows; owned; NULL: none */
    int32_t along;              /* the axis that distances are along, from 1; 0: there is one */
    int64_t trained_length;     /* 0: not told */
    double *values;             /* [distances.count], owned */
    bool has_reach;
    ropemap_reach reach;
} curve;

typedef struct curves {
    ropemap_range distances;
    double *distance; /* [distances.count], owned */
    curve one[CURVES_MOST];
    int count;
} curves;

/* Computes every setting's curve. */
ropemap_status curves_make(const curve_options *options, curves *made, ropemap_error *error);
void curves_free(curves *made);

/* The bytes of a file as its name says, to be freed with curves_bytes_free and the same name. */
ropemap_status curves_encode(const curve_options *options, const curves *made, const char *name,
                             ropemap_bytes *bytes, ropemap_error *error);
void curves_bytes_free(const char *name, ropemap_bytes *bytes);

/* Files as their names say, after a look at all of them. */
ropemap_status curves_check_outputs(const curve_options *options, cli_outputs *outputs, ropemap_error *error);
ropemap_status curves_write(const curve_options *options, const curves *made, cli_outputs *outputs,
                            ropemap_error *error);

/* Prints to stdout; returns the exit code. */
int curves_text(const curve_options *options, const curves *made);

/* JSON of schema ropemap.curve/1; NULL: no memory. The caller owns it. */
json_t *curves_document(const curve_options *options, const curves *made);

#endif
