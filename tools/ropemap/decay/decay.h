/* decay.h - what the files of this room share with the server: results of curve, bound, plan and explain */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_DECAY_DECAY_H
#define ROPEMAP_TOOLS_ROPEMAP_DECAY_DECAY_H

#include "host/ropemap_attention.h"
#include "host/ropemap_decay.h"
#include "host/ropemap_model.h"
#include "tools/ropemap/options/options.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/ropemap/options/vary.h"
#include "tools/ropemap/run.h"

#include <jansson.h>

/* ---- curves.c: the options of curves, the curves that they describe, and their chart */

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
    ropemap_request request; /* the encoding; of softmax: its scale, softmax, mask and machine */
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
    bool until_trained; /* curves of models end at their trained lengths */
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
    ropemap_encoding encoding;
    double slope;           /* of ALiBi */
    int32_t along;          /* the axis that distances are along, from 1; 0: there is one */
    int64_t trained_length; /* 0: unknown */
    double at_zero;         /* S(0), which similarities are divided by; 0: of another quantity */
    double *values;         /* [distances.count], owned; NaN: not shown */
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

/* Whether base, scaling and what rotates play a part. */
bool rule_matters(ropemap_encoding encoding);

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

/* ---- command_bound.c: the options of `ropemap bound`, and its results */

enum { BOUND_WINDOWS_MOST = 16, BOUND_LIST_MOST = 32, BOUND_LENGTH_MOST = 1 << 24, CARD_BASES = 121 };

typedef struct bound_options {
    rule_options rule;
    int64_t lengths[BOUND_LIST_MOST], dims[BOUND_LIST_MOST]; /* of --table */
    int length_count, dim_count;
    int32_t windows; /* to look for, the first from the least base on */
    int64_t limit;
    cli_interval bases; /* that are searched; zeroed: the library's */
    double resolution;  /* relative width of the least window that is found */
    int32_t threads;
    cli_texts outputs; /* charts of the table */
    print_size print;
    bool card; /* draw the decay card instead of the table */
    bool json, quiet, force;
    cli_call *call; /* that computes it */
} bound_options;

/* The rows, which fill a bound_options. */
extern const cli_option bound_rows[];

/* The windows of bases of one length and dimension. */
typedef struct bound_found {
    int64_t length;
    int32_t head_dim;
    int32_t count;
    ropemap_window windows[BOUND_WINDOWS_MOST];
} bound_found;

/* Whether a first window has every base above 1: the search began there, next to 1. */
static inline bool bound_any_base(const ropemap_window *first) {
    return first->low_is_edge && first->low < 1.000001;
}

/* What each of the card's bases reaches; NaN: not within what was searched. */
typedef struct bound_card {
    double base[CARD_BASES], half[CARD_BASES], zero[CARD_BASES];
} bound_card;

/* All results. */
typedef struct bound_results {
    bool has_reach;
    ropemap_reach reach;
    int64_t limit;      /* distances that were searched for it */
    bound_found *found; /* [count], owned */
    int count;
    bound_card *card; /* owned; NULL: none */
} bound_results;

/* ROPEMAP_USAGE for options that do not go together or are missing. `given` is a bound_options. */
ropemap_status bound_check(void *given, cli_outputs *outputs, ropemap_error *error);

/* The decay card of a rule that is resolved: computed, as the end of a document, and as a picture. */
ropemap_status card_make(const bound_options *options, bound_card *card, ropemap_error *error);
json_t *card_document(const bound_card *card);
ropemap_status card_encode(const bound_options *options, const bound_results *results, output_kind kind,
                           ropemap_bytes *bytes, ropemap_error *error);

/* ---- command_plan.c, plan_flags.c: the options of `ropemap plan`, and the bases and factors that it finds
 */

enum { PLAN_WINDOWS_MOST = 16, PLAN_CHOICES = 5, PLAN_PART_BYTES = 400, PLAN_FLAG_BYTES = 1000 };

typedef struct plan_options {
    rule_options rule;
    double keep;        /* share of S(0) */
    int64_t original;   /* 0: not given */
    int only;           /* the change that is looked at, from 1; 0: all */
    int32_t windows;    /* of each choice */
    cli_interval bases; /* that are searched; zeroed: 1 to 1e16 */
    double resolution;  /* relative width of the least window that is found; 0: as the help says */
    int32_t threads;
    bool json, quiet;
    cli_call *call; /* that computes it */
} plan_options;

/* A base, or a factor of a scaling rule, and where it keeps similarity up to the length. */
typedef struct plan_choice {
    bool of_factor;
    int32_t count; /* of windows; 0: none in the range that was searched */
    ropemap_window windows[PLAN_WINDOWS_MOST];
    double value; /* with which the first window begins, or what the rule has where that holds; 0: none */
    bool held;    /* `value` is what the rule has */
    ropemap_spec spec;   /* the rule with `value` */
    ropemap_reach reach; /* of that */
} plan_choice;

typedef struct plan_results {
    int64_t length;  /* tokens */
    double original; /* length that the model was trained at, or that is assumed */
    bool assumed;
    double base; /* of the rule */
    plan_choice choices[PLAN_CHOICES];
    int count;
} plan_results;

/* The least value of a window as it is written: from `low` on a whole base, five digits of a factor, more
 * where that is above `high`. */
double plan_least(double low, double high, bool of_factor);

/* How three programs are told of a choice that has a value; "" where one cannot be. */
typedef struct plan_flags {
    char transformers[PLAN_FLAG_BYTES];   /* lines of config.json, of version 5 */
    char transformers_4[PLAN_FLAG_BYTES]; /* of version 4 */
    char vllm[PLAN_FLAG_BYTES];           /* the end of a command line, as llama_cpp is */
    char llama_cpp[PLAN_FLAG_BYTES];
    char note[PLAN_FLAG_BYTES]; /* what to know of them */
} plan_flags;

/* `own`: the scaling of the model itself, which its files state. */
void plan_flags_make(const plan_choice *choice, ropemap_scaling_rule own, int64_t length, plan_flags *flags);

/* ---- command_explain.c: ropemap explain */

enum {
    EXPLAIN_SENTENCES = 5,
    EXPLAIN_SENTENCE_BYTES = 1024,
    EXPLAIN_LIMIT = 1 << 22 /* distances that a first zero is looked for at */
};

typedef struct explain_options {
    rule_options rule;
    bool quick; /* without the last sentence */
    bool json, quiet;
    int32_t threads; /* 0: as many as the machine has */
    cli_call *call;  /* that computes it */
} explain_options;

typedef struct explanation {
    char sentence[EXPLAIN_SENTENCES][EXPLAIN_SENTENCE_BYTES];
    ropemap_reach own, plain; /* plain: without scaling */
    ropemap_reach rotated;    /* of the rotated part of the head alone; as own where that is all */
    double more, less;        /* bases ten times as large and a tenth */
    ropemap_reach at_more, at_less;
    int64_t reach_half_dim, reach_double_dim;
    double falls_from, falls_to; /* a larger base that reaches less far; 0: none was met */
    int64_t falls_reach_from, falls_reach_to;
    int64_t length;        /* that the least base is for */
    double least_base;     /* 0: there is none */
    double least_high;     /* where the window that it begins ends */
    bool has_least;        /* it was looked for */
    bool least_is_edge;    /* every base above 1 holds */
    bool least_is_lasting; /* and so does every larger base */
    double attention;
    double floor; /* what no distance takes similarity below, whatever the base: all cosines -1 */
    int32_t pairs, slowed, stopped;
} explanation;

/* The least base alone, which depends on all of the rule but its base; `to` is zeroed. */
ropemap_status explain_least(explain_options *options, explanation *to, ropemap_error *error);

#endif
