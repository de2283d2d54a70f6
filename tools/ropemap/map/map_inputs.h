/* map_inputs.h - what a map is computed from: rows, columns, vectors, rotation */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_INPUTS_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_INPUTS_H

#include "tools/ropemap/options/map_options.h"

/* Vectors that carry their rotation; keys NULL: those of the queries. */
typedef struct map_rotated {
    ropemap_vectors *queries, *keys;
} map_rotated;

/* What a request borrows. Start zeroed; free with map_inputs_free. */
typedef struct map_inputs {
    ropemap_vectors *queries, *keys; /* both NULL: ones */
    tensor_pair tensors;             /* those, where the options name or lend them */
    ropemap_vectors *ones;           /* those, where they are rotated before the map; NULL otherwise */
    ropemap_positions *positions;    /* NULL: one after another */
    map_rotated rotated;
    struct map_other *other; /* of --diff; NULL: none */
} map_inputs;

/* The map of --diff that is subtracted: the same options but for one, with what it is computed from. */
typedef struct map_other {
    map_options options;
    map_inputs inputs;
} map_other;

/*
 * Opens the vectors that `options` names and completes its request: vectors, head_dim and ranges.
 * ROPEMAP_USAGE, ROPEMAP_DATA, ROPEMAP_IO, ROPEMAP_RESOURCES.
 */
ropemap_status map_inputs_open(map_options *options, map_inputs *inputs, ropemap_error *error);

void map_inputs_free(map_inputs *inputs);

/* Whether vectors are rotated before the map. */
bool map_prerotates(const map_options *options);

#endif
