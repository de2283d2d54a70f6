/* attention.h - what the files of this room share: real heads, what each does with its keys, and their pairs
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_ATTENTION_ATTENTION_H
#define ROPEMAP_TOOLS_ROPEMAP_ATTENTION_ATTENTION_H

#include "host/ropemap_attention.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

/* ---- head_inputs.c: the options of real heads, and queries and keys of every head of one layer after
 * another */

enum { HEAD_LAYERS_MOST = 1024 };

typedef struct head_options {
    bool needs_rule; /* of rows that are rotated, too, and of layers that rotate alone */
    rule_options rule;
    tensor_options tensors; /* with --head that head alone, else all of them */
    ropemap_range layers;   /* count 0: the one that the tensors are of, or all that were captured */
    int layer_count;        /* after head_options_check; 1 at least */
    int64_t layer_numbers[HEAD_LAYERS_MOST]; /* [layer_count]; -1: unknown */
    print_size print;
    cli_texts outputs;
    int32_t threads;
    bool json, force, quiet;
} head_options;

/* The rows that commands of heads share, but for those of rule, tensors and size; they fill a head_options.
 */
extern const cli_option head_rows[];

/* An axis of numbers: a range where they rise evenly, else 0, 1, ... in the order that the title lists. */
typedef struct head_axis {
    ropemap_range range;
    const char *label;      /* "layer", "nth head"; static */
    bool listed;            /* uneven: the title lists the numbers */
    const int64_t *numbers; /* [range.count] of the axis's ticks, where they are uneven; NULL: the range's */
} head_axis;

head_axis layer_axis(const head_options *options);

/* The numbers of a query head and of the key head that it reads, from 0. */
typedef struct head_number {
    int64_t query, key;
} head_number;

/* Queries and keys of one layer's heads. Start zeroed; free with layer_heads_free. */
typedef struct layer_heads {
    int32_t count;
    rule_options rule;              /* resolved; owned */
    char number[24];                /* of the layer, where it is known: its rule's */
    ropemap_spec spec;              /* that, with what the tensors say */
    bool rotated;                   /* the vectors carry their rotation */
    bool causal;                    /* as a capture states */
    bool has_rule;                  /* false: of rotated rows whose rule plays no part */
    head_number *numbers;           /* [count] */
    int64_t query_heads, key_heads; /* of the tensors */
    ropemap_head *heads;            /* [count]; those that share keys have the same */
    tensor_pair *opened;            /* [count]; their `layer` is what a capture states */
    ropemap_range rows, cols;       /* positions of queries and of keys */
} layer_heads;

/* Opens the heads of a layer and resolves its rule. ROPEMAP_USAGE, ROPEMAP_DATA, ROPEMAP_IO,
 * ROPEMAP_RESOURCES. */
ropemap_status layer_heads_open(const head_options *options, int index, layer_heads *layer,
                                ropemap_error *error);
void layer_heads_free(layer_heads *layer);

/* What all layers have in common, and how they are named. */
typedef struct head_shape {
    int layers;
    int32_t heads;                  /* of each layer */
    head_number *numbers;           /* [heads] ascending, owned */
    int64_t query_heads, key_heads; /* of the tensors */
    ropemap_range rows, cols;       /* positions of queries and of keys */
    int32_t head_dim, rotary_dim;
    bool rotated, causal; /* all of them; any of them */
    bool mixed;           /* layers have rules of their own */
    int64_t trained;      /* tokens; 0: unknown */
    char origin[160];     /* the model, or the queries' file: "SmolLM2-135M" */
    char subtitle[400];   /* "4,096 queries, 4,096 keys, base 100,000, d = 64" */
} head_shape;

/* Takes it from the first layer, and checks that layer `index` has the same. ROPEMAP_DATA, _RESOURCES. */
ropemap_status head_shape_take(const head_options *options, const layer_heads *layer, int index,
                               head_shape *shape, ropemap_error *error);

void head_shape_free(head_shape *shape);

/* The heads, or the keys that they read, each once. */
head_axis heads_axis(const head_shape *shape, bool keys);

/* "Mean norm: SmolLM2-135M, layers 0 to 29, head 3" */
void head_title(const head_options *options, const head_shape *shape, const char *what, char *text,
                size_t size);

/* ROPEMAP_USAGE for options that do not go together or are missing. Finds the layers; notes in `outputs`,
 * which may be NULL, the files that they are read from. */
ropemap_status head_options_check(head_options *options, cli_outputs *outputs, ropemap_error *error);

/* ---- heads.c: what every head does with its keys, a row each, and the picture of it */

/* Means over each head's queries. */
typedef enum statistic {
    STATISTIC_SINK,
    STATISTIC_RECENT,
    STATISTIC_ENTROPY,
    STATISTIC_KEYS,
    STATISTIC_DISTANCE,
    STATISTICS
} statistic;

typedef struct heads_options {
    head_options heads;
    ropemap_request request; /* its mask, scale, softmax and machine */
    work_options work;
    statistic statistic;
    int sort; /* 0: by layer and head; else 1 more than the statistic */
} heads_options;

/* One head. */
typedef struct heads_row {
    int64_t layer; /* -1: unknown */
    int64_t head, key_head;
    double mean[STATISTICS];
    int64_t empty, nan; /* queries that count in no mean */
} heads_row;

/* Start with the options and all else zeroed. */
typedef struct heads_result {
    const heads_options *options;
    head_shape shape;
    heads_row *rows;      /* [layers, heads], owned */
    const heads_row **by; /* the same as they are printed, owned */
} heads_result;

int64_t heads_count(const heads_result *result);

/* Measures them, or with --work those that fall to this process; functions of a cli_result. Warns of heads
 * with queries that count in no mean. */
ropemap_status heads_make(void *options, cli_call *call, void *made, ropemap_error *error);
ropemap_status heads_share(void *options, cli_call *call, work_queue *queue, void *made,
                           ropemap_error *error);
void heads_free(void *made);

/* How a statistic is shown. */
typedef struct statistic_look {
    const char *name, *title, *value;
    ropemap_norm norm;
    double low, high; /* of its colours; 0, 0: the values' own */
} statistic_look;

extern const statistic_look statistics[STATISTICS];

/* The heads' subtitle and what the options say that queries see. */
void heads_subtitle(const heads_result *result, char *text, size_t size);

/* Whether no query sees a later key: as asked for, or as a capture states. */
bool heads_causal(const heads_result *result);

/* The file's bytes, owned by the caller. */
ropemap_status heads_picture_encode(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                                    ropemap_error *error);

/* ---- pairs.c: what was measured of every pair of real heads, and its pictures */

typedef enum pairs_picture {
    PAIRS_NORM,
    PAIRS_RESULTANT,
    PAIRS_ANGLE,
    PAIRS_SHARE,
    PAIRS_MAGNITUDE,
    PAIRS_CURVE,
    PAIRS_PICTURES
} pairs_picture;

typedef struct pairs_options {
    head_options heads;
    pairs_picture picture;
    bool causal;
} pairs_options;

/* Every head of every layer. Start with the options and all else zeroed. */
typedef struct pairs_result {
    const pairs_options *options;
    head_shape shape;
    int32_t pairs;      /* of a head */
    ropemap_pair *all;  /* [layers, heads, pairs], owned, as what follows */
    int64_t distances;  /* of the curves; 0: none */
    double *distance;   /* [distances] 0, 1, ... */
    double *curves;     /* [layers, heads, 2, distances] measured and predicted */
    double *correlated; /* [layers, heads] correlation of the two */
    int64_t cells;      /* of the magnitudes; 0: none */
    float *magnitudes;  /* [ROPEMAP_MAGNITUDES, head_dim, cells] */
} pairs_result;

/* Measures them; functions of a cli_result. Warns of heads that hold a NaN or an infinity. */
ropemap_status pairs_make(void *options, cli_call *call, void *made, ropemap_error *error);
void pairs_free(void *made);

const ropemap_pair *pairs_of(const pairs_result *result, int layer, int32_t head); /* [pairs] */

/* As asked for, or as a capture states. */
bool pairs_causal(const pairs_result *result);

/* ROPEMAP_USAGE where the picture cannot have so many heads or layers. */
ropemap_status pairs_picture_check(pairs_picture picture, int layers, int32_t heads, ropemap_error *error);

/* The picture as a file of that kind, to be freed with ropemap_bytes_free. */
ropemap_status pairs_picture_encode(const pairs_result *result, output_kind kind, ropemap_bytes *bytes,
                                    ropemap_error *error);

#endif
