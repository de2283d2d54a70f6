/* ceiling.h - worker threads, and what the CPU does at most: copies, sums, multiply-adds; tiles alone */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_CEILING_H
#define ROPEMAP_TOOLS_BENCH_CEILING_H

#include "host/base/team.h"
#include "host/device/backend.h"

typedef struct bench_workers {
    const rm_backend *backend;
    rm_device device;
    int32_t threads;
    rm_context **contexts; /* [threads] */
} bench_workers;

/* Opens the CPU backend once a thread. Close it also after a failure. */
ropemap_status workers_open(bench_workers *workers, int32_t threads, ropemap_error *error);
void workers_close(bench_workers *workers);

ropemap_status workers_run(const bench_workers *workers, int64_t count, rm_task task, void *work,
                           ropemap_error *error);

/* The share of `count` things that falls to part `part` of `parts`: [first, end). */
rm_span workers_share(int64_t count, int64_t parts, int64_t part);

/* memcpy of `bytes`, each thread one piece. */
ropemap_status ceiling_copy(const bench_workers *workers, const void *from, void *to, int64_t bytes,
                            ropemap_error *error);

/* So many FLOPs of multiply-adds in registers, shared by the threads: the most that any product can reach. */
ropemap_status ceiling_adds(const bench_workers *workers, double flops, ropemap_error *error);

/* All tiles of queries times keys and nothing else, shared out as a map of every pair does it. */
typedef struct bench_tiles {
    const bench_workers *workers;
    int32_t head_dim;
    int64_t down, across;  /* blocks of workers->device.block rows: of queries, of keys */
    int64_t band;          /* blocks of queries that a task takes past all keys */
    float *queries, *keys; /* [down * block, head_dim], [across * block, head_dim] random */
    struct worker_tile {
        float *tile;      /* [block, block] */
        int64_t row, col; /* blocks of its latest product */
        bool filled;
    } * tiles; /* [threads] */
} bench_tiles;

/* Tiles of rows x cols positions or cells, rounded up to whole blocks. Close it also after a failure. */
ropemap_status tiles_open(bench_tiles *tiles, const bench_workers *workers, int64_t rows, int64_t cols,
                          int32_t head_dim, int64_t band, ropemap_error *error);
void tiles_close(bench_tiles *tiles);
ropemap_status tiles_run(bench_tiles *tiles, ropemap_error *error);

/* 2 * block^2 * head_dim for each tile. */
double tiles_flops(int64_t rows, int64_t cols, int32_t head_dim);

/*
 * One pass over `first` and `second` [rows, head_dim] that only adds them up, each thread a piece of each.
 * What is added goes to sums [threads, head_dim], so that no compiler leaves it out.
 */
ropemap_status ceiling_read(const bench_workers *workers, const float *first, const float *second,
                            int64_t rows, int32_t head_dim, float *sums, ropemap_error *error);

#endif
