/* head_inputs.h - the options of real heads, and queries and keys of every head of one layer after another */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_HEAD_INPUTS_H
#define ROPEMAP_TOOLS_ROPEMAP_HEAD_INPUTS_H

#include "host/ropemap_attention.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/ropemap/run.h"

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

#endif
