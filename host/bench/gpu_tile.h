/* gpu_tile.h - a tile on a GPU: multiplied, pooled, or both, again and again where it lies in cache */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_GPU_TILE_H
#define ROPEMAP_HOST_BENCH_GPU_TILE_H

#include "host/bench/bench.h"
#include "host/bench/gpu.h"
#include "host/map/accumulator.h"

/* What is done to the tile. */
typedef enum rm_tile_work { RM_TILE_SIMILARITY, RM_TILE_POOL, RM_TILE_BOTH } rm_tile_work;

typedef struct rm_gpu_tile {
    rm_shape shape;
    rm_gpu *gpu;
    rm_tile_work work;
    ropemap_pool pool;
    int64_t side;          /* of the tile: a block, or all positions where they are fewer */
    float *queries, *keys; /* the device's [side, head_dim] of shape.dtype */
    float *tile, *copy;    /* likewise [side, side]; what the ceiling writes */
    float *other_tile;     /* that every other run of both takes, as maps do: NULL else */
    bool other;            /* the next run takes it */
    rm_grid grid;
    rm_accumulator cells; /* those that the tile touches */
    int64_t pooled;       /* how often the tile went into them since they were emptied */

    /* the host's, for the check */
    float *host_queries, *host_keys, *host_tile;
    double *values; /* of a cell */
} rm_gpu_tile;

/* Compares a sample of elements, or of cells, with what they should be. */
ropemap_status rm_gpu_tile_check(void *opened, rm_verdict *verdict, ropemap_error *error);

#endif
