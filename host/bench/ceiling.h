/* ceiling.h - what the machine can do at most: copies, sums, products without anything around them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_CEILING_H
#define ROPEMAP_HOST_BENCH_CEILING_H

#include "host/bench/crew.h"

/* memcpy of `bytes`, each thread one piece. */
ropemap_status rm_ceiling_copy(const rm_crew *crew, const void *from, void *to, int64_t bytes,
                               ropemap_error *error);

/* Products of large matrices, one a thread: the processor's FLOP rate. */
typedef struct rm_products {
    const rm_crew *crew;
    float *inputs; /* [2, RM_PRODUCT_SIDE, RM_PRODUCT_SIDE] shared */
    float **tiles; /* [threads] of [RM_PRODUCT_SIDE, RM_PRODUCT_SIDE] */
} rm_products;

enum { RM_PRODUCT_SIDE = 1024 };

/* Close it also after a failure. */
ropemap_status rm_products_open(rm_products *products, const rm_crew *crew, ropemap_error *error);
void rm_products_close(rm_products *products);
ropemap_status rm_products_run(const rm_products *products, ropemap_error *error);
double rm_products_flops(int32_t threads);

/* All tiles of queries times keys and nothing else, shared out as a map of every pair does it. */
typedef struct rm_tiles {
    const rm_crew *crew;
    int32_t head_dim;
    int64_t down, across;  /* blocks of crew->device.block rows: of queries, of keys */
    int64_t band;          /* blocks of queries that a task takes past all keys */
    float *queries, *keys; /* [down * block, head_dim], [across * block, head_dim] random */
    struct rm_worker_tile {
        float *tile;      /* [block, block] */
        int64_t row, col; /* blocks of its latest product */
        bool filled;
    } * tiles; /* [threads] */
} rm_tiles;

/* Tiles of rows x cols positions or cells, rounded up to whole blocks. Close it also after a failure. */
ropemap_status rm_tiles_open(rm_tiles *tiles, const rm_crew *crew, int64_t rows, int64_t cols,
                             int32_t head_dim, int64_t band, ropemap_error *error);
void rm_tiles_close(rm_tiles *tiles);
ropemap_status rm_tiles_run(rm_tiles *tiles, ropemap_error *error);

/* 2 * block^2 * head_dim for each tile. */
double rm_tiles_flops(int64_t rows, int64_t cols, int32_t head_dim);

/*
 * One pass over `first` and `second` [rows, head_dim] that only adds them up, each thread a piece of each.
 * What is added goes to sums [threads, head_dim], so that no compiler leaves it out.
 */
ropemap_status rm_ceiling_read(const rm_crew *crew, const float *first, const float *second, int64_t rows,
                               int32_t head_dim, float *sums, ropemap_error *error);

#endif
