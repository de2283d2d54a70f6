/* head_inputs.h - the options of real heads, and queries and keys of every head of one layer after another */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_HEAD_INPUTS_H
#define ROPEMAP_TOOLS_ROPEMAP_HEAD_INPUTS_H

#include "host/ropemap_attention.h"
#include "tools/ropemap/outputs.h"
#include "tools/ropemap/print_size.h"
#include "tools/ropemap/rule_options.h"
#include "tools/ropemap/tensor_options.h"

enum { HEAD_LAYERS_MOST = 1024 };

typedef struct head_options {
    rule_options rule;
    tensor_options tensors; /* with --head that head alone, else all of them */
    ropemap_range layers;   /* count 0: the one that the tensors are of */
    print_size print;
    cli_texts outputs;
    int32_t threads;
    bool json, force, quiet;
} head_options;

/* The rows that commands of heads share, but for those of rule, tensors and size; they fill a head_options.
 */
extern const cli_option head_rows[];

/* How many layers there are, 1 at least, and the number of one, -1 where it is unknown. */
int head_layers(const head_options *options);
int64_t head_layer(const head_options *options, int index);

/* The numbers of a query head and of the key head that it reads, from 0. */
typedef struct head_number {
    int64_t query, key;
} head_number;

/* Queries and keys of one layer's heads. Start zeroed; free with layer_heads_free. */
typedef struct layer_heads {
    int32_t count;
    head_number *numbers;           /* [count] */
    int64_t query_heads, key_heads; /* of the tensors */
    ropemap_head *heads;            /* [count]; those that share keys have the same */
    tensor_pair *opened;            /* [count] */
    ropemap_range rows, cols;       /* positions of queries and of keys */
} layer_heads;

/* Opens the heads of a layer and completes the rule by their head dim and length. ROPEMAP_USAGE,
 * ROPEMAP_DATA, ROPEMAP_IO, ROPEMAP_RESOURCES. */
ropemap_status layer_heads_open(head_options *options, int index, layer_heads *layer, ropemap_error *error);
void layer_heads_free(layer_heads *layer);

/* What all layers have in common, and how they are named. */
typedef struct head_shape {
    int layers;
    int32_t heads;                  /* of each layer */
    head_number *numbers;           /* [heads] ascending, owned */
    int64_t query_heads, key_heads; /* of the tensors */
    ropemap_range rows, cols;       /* positions of queries and of keys */
    ropemap_spec spec;
    char origin[160]; /* the model, or the queries' file: "SmolLM2-135M" */
} head_shape;

/* Takes it from the first layer, and checks that layer `index` has the same. ROPEMAP_DATA, _RESOURCES. */
ropemap_status head_shape_take(const head_options *options, const layer_heads *layer, int index,
                               head_shape *shape, ropemap_error *error);

void head_shape_free(head_shape *shape);

/* The numbers of the heads, or of the keys that they read, each once, as an axis; 0, 1, ... where they are
 * not evenly apart. */
ropemap_range head_axis(const head_shape *shape, bool keys);

/* "Mean norm: SmolLM2-135M, layers 0 to 29, head 3" */
void head_title(const head_options *options, const head_shape *shape, const char *what, char *text,
                size_t size);

/* "4096 queries, 4096 keys, base 100000, d = 64" */
void head_subtitle(const head_shape *shape, char *text, size_t size);

/* ROPEMAP_USAGE for options that do not go together or are missing. Resolves the rule; notes the outputs, of
 * these kinds. */
ropemap_status head_options_check(head_options *options, unsigned kinds, cli_outputs *outputs,
                                  ropemap_error *error);

#endif
