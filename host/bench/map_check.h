/* map_check.h - whether cells of a map hold what they should: a sample of them from rotated rows in double */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_MAP_CHECK_H
#define ROPEMAP_HOST_BENCH_MAP_CHECK_H

#include "host/bench/reference.h"

/* A map of the dot products of all queries with all keys, at positions 0 to positions - 1. */
typedef struct rm_map_check {
    const rm_reference *reference;
    const float *queries, *keys; /* [positions, head_dim]; NULL: ones, of length 1 */
    int64_t positions;
    const ropemap_map *map;
    ropemap_pool pool; /* mean, max or std; of ones: max */
    bool on_gpu;
    double *rows; /* [rm_map_check_rows(), head_dim] scratch; of ones: NULL */
} rm_map_check;

/* Rows of scratch for a map of that shape. */
uint64_t rm_map_check_rows(const rm_shape *shape);

/* Looks at a sample of cells. */
void rm_map_check_cells(const rm_map_check *check, rm_verdict *verdict);

#endif
