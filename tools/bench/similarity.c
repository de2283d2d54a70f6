/* similarity.c - benchmark: all tiles of queries times keys, next to multiply-adds in registers */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/plan.h"
#include "tools/bench/ceiling.h"
#include "tools/bench/check.h"

#include <math.h>

enum { CHECKED = 1024 };

struct state {
    bench_shape shape;
    bench_workers workers;
    bench_tiles tiles;
};

static void similarity_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        tiles_close(&state->tiles);
        workers_close(&state->workers);
        rm_free(state);
    }
}

static ropemap_status similarity_open(const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    RM_TRY(workers_open(&state->workers, shape->threads, error));
    return tiles_open(&state->tiles, &state->workers, shape->positions, shape->positions, shape->head_dim,
                      RM_TILED_BAND_BLOCKS, error);
}

static ropemap_status similarity_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return tiles_run(&state->tiles, error);
}

static double similarity_flops(const bench_shape *shape) {
    return tiles_flops(shape->positions, shape->positions, shape->head_dim);
}

static ropemap_status run_adds(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    return ceiling_adds(&state->workers, similarity_flops(&state->shape), error);
}

/* Each tile reads a block of queries and one of keys and is written. */
static double similarity_bytes(const bench_shape *shape) {
    const double block = (double)rm_cpu_device().block, dim = (double)shape->head_dim;
    const double tiles = similarity_flops(shape) / (2.0 * block * block * dim);
    return tiles * 4.0 * (2.0 * block * dim + block * block);
}

/* The tile of the first thread. */
static ropemap_bytes similarity_output(void *opened) {
    const struct state *state = opened;
    const size_t block = (size_t)state->workers.device.block;
    return (ropemap_bytes){.data = (uint8_t *)state->tiles.tiles[0].tile,
                           .size = block * block * sizeof(float)};
}

static void check_element(const bench_tiles *tiles, const struct worker_tile *tile, int64_t row, int64_t col,
                          check_result *result) {
    const int64_t block = tiles->workers->device.block, dim = tiles->head_dim;
    const float *q = tiles->queries + (tile->row * block + row) * dim;
    const float *k = tiles->keys + (tile->col * block + col) * dim;
    double dot = 0.0, sizes = 0.0;
    for (int64_t d = 0; d < dim; d++) {
        const double product = (double)q[d] * (double)k[d];
        dot += product;
        sizes += fabs(product);
    }
    const double allowed = (double)dim * FLOAT_ROUNDING * sizes;
    check_value(result, (double)tile->tile[row * block + col], dot, allowed);
}

static ropemap_status similarity_check(void *opened, check_result *result, ropemap_error *error) {
    (void)error;
    const struct state *state = opened;
    const int64_t block = state->workers.device.block, cells = block * block;
    for (int32_t worker = 0; worker < state->workers.threads; worker++) {
        const struct worker_tile *tile = &state->tiles.tiles[worker];
        for (int64_t i = 0; tile->filled && i < picks_count(cells, CHECKED); i++) {
            const int64_t at = pick_at(cells, CHECKED, i);
            check_element(&state->tiles, tile, at / block, at % block, result);
        }
    }
    return ROPEMAP_OK;
}

const bench_case cpu_similarity_benchmarks[] = {
    {.kind = BENCH_SIMILARITY,
     .name = "similarity",
     .formula = "FLOP = 2 n^2 d, bytes = 4 (2 b d + b^2) for each tile of b x b",
     .ceiling = "as many FLOPs of multiply-adds in registers",
     .uses = BENCH_USES_POSITIONS | BENCH_USES_HEAD_DIM | BENCH_USES_ONE_THREAD,
     .usual = {.positions = 4096, .head_dim = 128},
     .by_flops = true,
     .targets = {{.against = BENCH_TARGET_SHARE, .value = 0.88, .simd = "v4"},
                 {.against = BENCH_TARGET_SHARE, .value = 0.88, .simd = "v3"}},
     .open = similarity_open,
     .close = similarity_close,
     .run = similarity_run,
     .ceilings = {{.run = run_adds}},
     .bytes = similarity_bytes,
     .flops = similarity_flops,
     .output = similarity_output,
     .check = similarity_check},
    {.name = NULL},
};
