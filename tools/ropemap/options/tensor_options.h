/* tensor_options.h - the options of queries and keys in files, and those of one head opened */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_TENSOR_OPTIONS_H
#define ROPEMAP_TOOLS_ROPEMAP_TENSOR_OPTIONS_H

#include "host/ropemap_capture.h"
#include "tools/ropemap/command.h"

/* Options that were given. */
enum {
    TENSOR_ORDER = 1 << 0,
    TENSOR_HEADS = 1 << 1,
    TENSOR_BATCH = 1 << 2,
    TENSOR_HEAD = 1 << 3,
    TENSOR_STATE = 1 << 4,
    TENSOR_FIRST_POSITION = 1 << 5, /* where rows are, of queries and of keys */
    TENSOR_LAYER = 1 << 6,
    TENSOR_ROTARY_FIRST = 1 << 7,
    TENSOR_ALL = (1 << 8) - 1
};

/* Heads that share the last axis of the tensors, of queries and of keys; 0: queries' have an axis of their
 * own, keys' are as many as the head dim makes. */
typedef struct tensor_heads {
    int64_t queries, keys;
} tensor_heads;

/* Where rows are: row r at position first + r * step. */
typedef struct tensor_place {
    int64_t first, step;
} tensor_place;

/* Heads that are open already, of queries and of keys, which are shared evenly. Borrowed. */
typedef struct tensor_lent {
    ropemap_vectors *const *queries, *const *keys; /* [query_heads], [key_heads] */
    int64_t query_heads, key_heads;
    int64_t first; /* number of the first query head */
} tensor_lent;

typedef struct tensor_options {
    uint32_t given;             /* of TENSOR_ bits */
    const char *queries, *keys; /* FILE[:TENSOR], or both the capture; NULL: none. Borrowed */
    const char *capture;        /* NULL: none. Borrowed */
    const tensor_lent *lent;    /* in place of those files; NULL: they are to be opened. Borrowed */
    ropemap_order order;
    int64_t batch, layer, head;
    int32_t rotary_first;
    tensor_place query_place, key_place; /* step 0: not given */
    tensor_heads heads;
    ropemap_state state;
    bool names_keys; /* as cli_call.alone */
} tensor_options;

/* "hsd", "shd". */
const char *order_choice(int index);

/* The rows, which fill a tensor_options. */
extern const cli_option tensor_rows[];

/* ROPEMAP_USAGE where one of queries and keys is missing, or both are and one of the options `only` is given
 * that mean something for tensors alone. Opens no file. */
ropemap_status tensor_options_check(const tensor_options *options, uint32_t only, ropemap_error *error);

/* Queries and keys of one head, and their files. Start zeroed; free all with tensor_pair_free. */
typedef struct tensor_pair {
    ropemap_vectors *queries, *keys;
    bool lent;
    char *query_path, *key_path;
    char *keys_name; /* as ropemap_request has it; NULL: none */
    ropemap_state state;
    int64_t head;
    ropemap_capture *capture;           /* NULL: they are of none, and so for the next two */
    const ropemap_capture_layer *layer; /* the capture's */
    char layer_text[12];                /* its number */
} tensor_pair;

/*
 * Opens the one head that the options name, or takes what they lend, and prints warnings of how rows are
 * read unless `quiet`. After a failure, too, the caller frees.
 */
ropemap_status tensor_pair_open(const tensor_options *options, bool quiet, tensor_pair *pair,
                                ropemap_error *error);

void tensor_pair_free(tensor_pair *pair);

/* Puts the rows of heads that are lent where the options say: before anybody else sees them. ROPEMAP_USAGE.
 */
ropemap_status tensor_lent_place(const tensor_options *options, ropemap_error *error);

/*
 * Cuts FILE[:TENSOR] in `text` and returns TENSOR: at the last colon that ends the name of a file that
 * exists, or at the last one of all where there is no such file either way. NULL: no tensor is named.
 */
const char *tensor_cut(char *text);

#endif
