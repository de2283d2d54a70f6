/* ceiling.c - worker threads, and what the CPU does at most: copies, sums, multiply-adds; tiles alone */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/ceiling.h"

#include "host/base/alloc.h"
#include "host/cpu/kernels.h"
#include "tools/bench/check.h"

#include <string.h>

/* ---- workers */

ropemap_status workers_open(bench_workers *workers, int32_t threads, ropemap_error *error) {
    *workers = (bench_workers){.backend = rm_cpu_backend(), .device = rm_cpu_device(), .threads = threads};
    workers->contexts = rm_alloc((uint64_t)threads, sizeof *workers->contexts);
    if (workers->contexts == NULL) {
        return rm_fail_memory(error, "workers", (uint64_t)threads * sizeof *workers->contexts);
    }
    for (int32_t i = 0; i < threads; i++) {
        RM_TRY(workers->backend->open(&workers->contexts[i], &workers->device, error));
    }
    return ROPEMAP_OK;
}

void workers_close(bench_workers *workers) {
    for (int32_t i = 0; workers->contexts != NULL && i < workers->threads; i++) {
        workers->backend->close(workers->contexts[i]);
    }
    rm_free(workers->contexts);
    workers->contexts = NULL;
}

ropemap_status workers_run(const bench_workers *workers, int64_t count, rm_task task, void *work,
                           ropemap_error *error) {
    rm_team team = {.threads = workers->threads};
    return rm_team_run(&team, "bench", count, task, work, error);
}

rm_span workers_share(int64_t count, int64_t parts, int64_t part) {
    return (rm_span){.first = count * part / parts, .end = count * (part + 1) / parts};
}

/* ---- copies and sums */

struct copy {
    const bench_workers *workers;
    const char *from;
    char *to;
    int64_t bytes;
};

static ropemap_status copy_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct copy *copy = work;
    const rm_span share = workers_share(copy->bytes, copy->workers->threads, task);
    memcpy(copy->to + share.first, copy->from + share.first, (size_t)(share.end - share.first));
    return ROPEMAP_OK;
}

ropemap_status ceiling_copy(const bench_workers *workers, const void *from, void *to, int64_t bytes,
                            ropemap_error *error) {
    struct copy copy = {.workers = workers, .from = from, .to = to, .bytes = bytes};
    return workers_run(workers, workers->threads, copy_task, &copy, error);
}

struct reading {
    const bench_workers *workers;
    const float *sides[2];
    int64_t rows;
    int32_t head_dim;
    float *sums;
};

/* Four rows at a time, so that the sums are loaded and stored seldom. */
static void add_rows(const float *restrict rows, int64_t count, int32_t head_dim, float *restrict sums) {
    int64_t row = 0;
    for (; row + 4 <= count; row += 4) {
        const float *a = rows + row * head_dim, *b = a + head_dim, *c = b + head_dim, *d = c + head_dim;
        for (int32_t i = 0; i < head_dim; i++) {
            sums[i] += (a[i] + b[i]) + (c[i] + d[i]);
        }
    }
    for (; row < count; row++) {
        for (int32_t i = 0; i < head_dim; i++) {
            sums[i] += rows[row * head_dim + i];
        }
    }
}

static ropemap_status read_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct reading *reading = work;
    const rm_span share = workers_share(reading->rows, reading->workers->threads, task);
    float *sums = reading->sums + task * reading->head_dim;
    memset(sums, 0, (size_t)reading->head_dim * sizeof *sums);
    for (int side = 0; side < 2; side++) {
        add_rows(reading->sides[side] + share.first * reading->head_dim, share.end - share.first,
                 reading->head_dim, sums);
    }
    return ROPEMAP_OK;
}

ropemap_status ceiling_read(const bench_workers *workers, const float *first, const float *second,
                            int64_t rows, int32_t head_dim, float *sums, ropemap_error *error) {
    struct reading reading = {
        .workers = workers, .sides = {first, second}, .rows = rows, .head_dim = head_dim, .sums = sums};
    return workers_run(workers, workers->threads, read_task, &reading, error);
}

/* ---- multiply-adds */

struct adds {
    const rm_kernels *kernels;
    int64_t rounds; /* of each thread */
};

static ropemap_status adds_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)task;
    (void)worker;
    (void)error;
    const struct adds *adds = work;
    float sum = 0.5f;
    (void)adds->kernels->multiply_adds(adds->rounds, &sum);
    return ROPEMAP_OK;
}

ropemap_status ceiling_adds(const bench_workers *workers, double flops, ropemap_error *error) {
    struct adds adds = {.kernels = NULL};
    float sum = 0.5f;
    RM_TRY(rm_kernels_pick(&adds.kernels, error));
    const double round = (double)adds.kernels->multiply_adds(1, &sum);
    adds.rounds = (int64_t)(flops / (double)workers->threads / round) + 1;
    return workers_run(workers, workers->threads, adds_task, &adds, error);
}

/* ---- tiles alone */

static int64_t blocks_of(int64_t n, int64_t block) {
    return (n + block - 1) / block;
}

ropemap_status tiles_open(bench_tiles *tiles, const bench_workers *workers, int64_t rows, int64_t cols,
                          int32_t head_dim, int64_t band, ropemap_error *error) {
    const rm_backend *backend = workers->backend;
    const int64_t block = workers->device.block, down = blocks_of(rows, block),
                  across = blocks_of(cols, block);
    const int64_t query_floats = down * block * head_dim, key_floats = across * block * head_dim;
    *tiles =
        (bench_tiles){.workers = workers, .head_dim = head_dim, .down = down, .across = across, .band = band};
    tiles->tiles = rm_alloc((uint64_t)workers->threads, sizeof *tiles->tiles);
    if (tiles->tiles == NULL) {
        return rm_fail_memory(error, "tiles", (uint64_t)workers->threads * sizeof *tiles->tiles);
    }
    RM_TRY(backend->reserve(workers->contexts[0], query_floats, "queries", &tiles->queries, error));
    RM_TRY(backend->reserve(workers->contexts[0], key_floats, "keys", &tiles->keys, error));
    for (int32_t i = 0; i < workers->threads; i++) {
        RM_TRY(backend->reserve(workers->contexts[i], block * block, "tiles", &tiles->tiles[i].tile, error));
    }
    inputs_fill(tiles->queries, query_floats, inputs_unit_reach(head_dim), 4);
    inputs_fill(tiles->keys, key_floats, inputs_unit_reach(head_dim), 5);
    return ROPEMAP_OK;
}

void tiles_close(bench_tiles *tiles) {
    if (tiles->workers == NULL) {
        return;
    }
    const rm_backend *backend = tiles->workers->backend;
    for (int32_t i = 0; tiles->tiles != NULL && i < tiles->workers->threads; i++) {
        backend->release(tiles->workers->contexts[i], tiles->tiles[i].tile);
    }
    rm_free(tiles->tiles);
    backend->release(tiles->workers->contexts[0], tiles->queries);
    backend->release(tiles->workers->contexts[0], tiles->keys);
}

static ropemap_status tile(const bench_tiles *tiles, int32_t worker, int64_t row, int64_t col,
                           ropemap_error *error) {
    const bench_workers *workers = tiles->workers;
    const int64_t block = workers->device.block, floats = block * tiles->head_dim;
    struct worker_tile *to = &tiles->tiles[worker];
    to->row = row;
    to->col = col;
    to->filled = true;
    return workers->backend->similarity(workers->contexts[worker], ROPEMAP_DTYPE_FP32, 1,
                                        rm_view_dense(tiles->queries + row * floats, block, tiles->head_dim),
                                        rm_view_dense(tiles->keys + col * floats, block, tiles->head_dim),
                                        rm_view_dense(to->tile, block, block), error);
}

static ropemap_status band_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const bench_tiles *tiles = work;
    const int64_t first = task * tiles->band;
    const int64_t end = first + tiles->band < tiles->down ? first + tiles->band : tiles->down;
    for (int64_t col = 0; col < tiles->across; col++) {
        for (int64_t row = first; row < end; row++) {
            RM_TRY(tile(tiles, worker, row, col, error));
        }
    }
    return ROPEMAP_OK;
}

ropemap_status tiles_run(bench_tiles *tiles, ropemap_error *error) {
    for (int32_t i = 0; i < tiles->workers->threads; i++) {
        tiles->tiles[i].filled = false; /* a thread may come too late for a tile of its own */
    }
    return workers_run(tiles->workers, blocks_of(tiles->down, tiles->band), band_task, tiles, error);
}

double tiles_flops(int64_t rows, int64_t cols, int32_t head_dim) {
    const int64_t block = rm_cpu_device().block;
    const double tiles = (double)blocks_of(rows, block) * (double)blocks_of(cols, block);
    return 2.0 * tiles * (double)(block * block) * (double)head_dim;
}
