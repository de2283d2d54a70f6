/* curves.h - the options of curves, the curves that they describe, and their chart */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_CURVES_H
#define ROPEMAP_TOOLS_ROPEMAP_CURVES_H

#include "host/ropemap_attention.h"
#include "host/ropemap_decay.h"
#include "host/ropemap_model.h"
#include "tools/ropemap/options/attention_options.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/ropemap/options/vary.h"
#include "tools/ropemap/result.h"

enum { CURVES_MOST = TEXTS_MOST, CURVE_LABEL = 120 };

typedef enum curve_quantity { CURVE_SIMILARITY, CURVE_ROFORMER } curve_quantity;

typedef enum curve_measure { CURVE_DOT, CURVE_SOFTMAX } curve_measure;

typedef enum curve_axis { CURVE_LINEAR, CURVE_LOG } curve_axis;

typedef struct curve_options {
    rule_options rule;
    tensor_options tensors;  /* without queries: equal vectors */
    ropemap_range distances; /* count 0: not given */
    vary_set vary;
    cli_texts labels;
    curve_axis axis;
    curve_quantity quantity;
    curve_measure measure;   /* of tensors */
    ropemap_request request; /* of softmax: its scale, softmax, mask and machine */
    int64_t exact;           /* of softmax: distances that are counted one by one; 0: not given */
    ropemap_phase phase;
    int64_t shift;      /* of both positions */
    const char *along;  /* the axis as written; NULL: the last of several */
    ropemap_range band; /* these pairs alone; count 0: all */
    cli_interval limits;
    cli_size size; /* pixels of a .png; 0: the chart's own */
    print_size print;
    int32_t threads;
    cli_texts outputs;
    bool json, force, quiet;
    cli_call *call; /* that computes it */
} curve_options;

/* The rows of curves that a sweep has too, and those of a single set of curves; they fill a curve_options. */
extern const cli_option curve_rows[], curve_single_rows[];

curve_options curve_options_default(void);

/* One setting and its curve. */
typedef struct curve {
    char label[CURVE_LABEL];
    ropemap_spec spec;
    ropemap_frequencies *table; /* the rule borrows this and the next two; owned; each may be NULL */
    ropemap_model *model;
    ropemap_divisors *lists;
    int32_t along;          /* the axis that distances are along, from 1; 0: there is one */
    int64_t trained_length; /* 0: unknown */
    double at_zero;         /* S(0), which similarities are divided by; 0: of another quantity */
    double *values;         /* [distances.count], owned */
    bool has_reach;
    ropemap_reach reach;
} curve;

typedef struct curves {
    ropemap_range distances;
    double *distance;         /* [distances.count], owned */
    char origin[CURVE_LABEL]; /* model, layer and head of a capture; "": none */
    curve one[CURVES_MOST];
    int count;
} curves;

/* Computes every setting's curve; puts numbers in the place of --vary head=all. */
ropemap_status curves_make(curve_options *options, curves *made, ropemap_error *error);
void curves_free(void *made);

/* The distances, then each curve; false past the last. */
bool curves_array(const void *made, int32_t index, cli_array *array);

enum { CURVE_MARKS_MOST = 4 };

/* A chart and what it borrows but for the curves; it must not move. */
typedef struct curve_chart {
    ropemap_chart chart;
    ropemap_series series[CURVES_MOST];
    ropemap_mark marks[CURVE_MARKS_MOST];
    char words[CURVE_MARKS_MOST][80];
    char title[320], subtitle[120 + CURVE_LABEL], description[300];
} curve_chart;

void curve_chart_make(const curve_options *options, const curves *made, curve_chart *to);

/* Its axes anew, where those options have changed since. */
void curve_chart_axes(const curve_options *options, const curves *made, curve_chart *to);

/* Words of a chart in which `part`, such as "over base", follows what is drawn, and then what the rules of
 * all curves of `count` charts have in common. */
void curve_chart_words(const curve_options *options, const curves *made, int count, const char *part,
                       curve_chart *to);

#endif
