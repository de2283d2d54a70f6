/* map_inputs.h - what a map is computed from: rows, columns, vectors, rotation */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_INPUTS_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_INPUTS_H

#include "tools/ropemap/map_table.h"

/* Vectors that carry their rotation; keys NULL: those of the queries. */
typedef struct map_turned {
    ropemap_vectors *queries, *keys;
} map_turned;

/* What a request borrows. Start zeroed; free with map_inputs_free. */
typedef struct map_inputs {
    ropemap_vectors *queries, *keys; /* both NULL: ones */
    bool lent;                       /* those are the options' */
    ropemap_vectors *ones;           /* those, where they are turned; NULL otherwise */
    ropemap_positions *positions;    /* NULL: one after another */
    map_turned turned, exact;        /* map_turning.h */
    char *query_path, *key_path;     /* of files; NULL where there are none */
} map_inputs;

/*
 * Opens the vectors that `options` names and completes its request: vectors, head_dim and ranges.
 * ROPEMAP_USAGE, ROPEMAP_DATA, ROPEMAP_IO, ROPEMAP_RESOURCES.
 */
ropemap_status map_inputs_open(map_options *options, map_inputs *inputs, ropemap_error *error);

/* Queries and keys of one head, and their files. Start zeroed; free all with tensor_pair_free. */
typedef struct tensor_pair {
    ropemap_vectors *queries, *keys;
    char *query_path, *key_path;
} tensor_pair;

/* One head of two FILE[:TENSOR], `like` as to order, batch and head. After a failure, too, the caller frees.
 */
ropemap_status tensor_pair_open(const char *queries, const char *keys, const ropemap_tensor *like,
                                tensor_heads heads, tensor_pair *pair, ropemap_error *error);

void tensor_pair_free(tensor_pair *pair);

/* Prints what is to know of how rows were read, once where it is the same of both. */
void tensor_notes_print(const ropemap_vectors *queries, const ropemap_vectors *keys);

/*
 * Cuts FILE[:TENSOR] in `text` and returns TENSOR: at the last colon that ends the name of a file that
 * exists, or at the last one of all where there is no such file either way. NULL: no tensor is named.
 */
const char *tensor_cut(char *text);

void map_inputs_free(map_inputs *inputs);

/* Whether anything asks for that. */
bool map_turns(const map_options *options);

/* The request with exact vectors, for --diff. */
ropemap_request map_exact_request(const map_options *options, const map_inputs *inputs);

#endif
