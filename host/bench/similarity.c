/* similarity.c - benchmark: all tiles of queries times keys, beside products of large matrices */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/bench/ceiling.h"
#include "host/bench/inputs.h"
#include "host/bench/reference.h"
#include "host/bench/table.h"
#include "host/map/plan.h"

#include <math.h>

enum { CHECKED = 1024 };

struct state {
    rm_shape shape;
    rm_crew crew;
    rm_tiles tiles;
    rm_products products;
};

static void similarity_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        rm_products_close(&state->products);
        rm_tiles_close(&state->tiles);
        rm_crew_close(&state->crew);
        rm_free(state);
    }
}

static ropemap_status similarity_open(const rm_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    state->shape = *shape;
    RM_TRY(rm_crew_open(&state->crew, shape->threads, error));
    RM_TRY(rm_tiles_open(&state->tiles, &state->crew, shape->positions, shape->positions, shape->head_dim,
                         RM_TILED_BAND_BLOCKS, error));
    return rm_products_open(&state->products, &state->crew, error);
}

static ropemap_status similarity_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return rm_tiles_run(&state->tiles, error);
}

static ropemap_status run_products(void *opened, ropemap_error *error) {
    const struct state *state = opened;
    return rm_products_run(&state->products, error);
}

static double similarity_flops(const rm_shape *shape) {
    return rm_tiles_flops(shape->positions, shape->positions, shape->head_dim);
}

/* Each tile reads a block of queries and one of keys and is written. */
static double similarity_bytes(const rm_shape *shape) {
    const double block = (double)rm_cpu_device().block, dim = (double)shape->head_dim;
    const double tiles = similarity_flops(shape) / (2.0 * block * block * dim);
    return tiles * 4.0 * (2.0 * block * dim + block * block);
}

static double ceiling_runs(const rm_shape *shape) {
    return similarity_flops(shape) / rm_products_flops(shape->threads);
}

/* The tile of the first thread. */
static rm_output similarity_output(void *opened) {
    const struct state *state = opened;
    const size_t block = (size_t)state->crew.device.block;
    return (rm_output){.data = state->tiles.tiles[0].tile, .size = block * block * sizeof(float)};
}

static void check_element(const rm_tiles *tiles, const struct rm_worker_tile *tile, int64_t row, int64_t col,
                          rm_verdict *verdict) {
    const int64_t block = tiles->crew->device.block, dim = tiles->head_dim;
    const float *q = tiles->queries + (tile->row * block + row) * dim;
    const float *k = tiles->keys + (tile->col * block + col) * dim;
    double dot = 0.0, sizes = 0.0;
    for (int64_t d = 0; d < dim; d++) {
        const double product = (double)q[d] * (double)k[d];
        dot += product;
        sizes += fabs(product);
    }
    const double allowed = (double)dim * RM_FLOAT_ROUNDING * sizes;
    rm_verdict_take(verdict, (double)tile->tile[row * block + col], dot, allowed);
}

static ropemap_status similarity_check(void *opened, rm_verdict *verdict, ropemap_error *error) {
    (void)error;
    const struct state *state = opened;
    const int64_t block = state->crew.device.block, cells = block * block;
    for (int32_t worker = 0; worker < state->crew.threads; worker++) {
        const struct rm_worker_tile *tile = &state->tiles.tiles[worker];
        for (int64_t i = 0; tile->filled && i < rm_sample_count(cells, CHECKED); i++) {
            const int64_t at = rm_sample_at(cells, CHECKED, i);
            check_element(&state->tiles, tile, at / block, at % block, verdict);
        }
    }
    return ROPEMAP_OK;
}

const rm_benchmark rm_bench_similarity = {
    .bench = ROPEMAP_BENCH_SIMILARITY,
    .name = "similarity",
    .formula = "FLOP = 2 n^2 d, bytes = 4 (2 b d + b^2) for each tile of b x b",
    .ceiling = "sgemm of 1024 x 1024 x 1024",
    .uses = RM_USES_POSITIONS | RM_USES_HEAD_DIM | RM_USES_ONE_THREAD,
    .usual = {.positions = 4096, .head_dim = 128},
    .by_flops = true,
    .open = similarity_open,
    .close = similarity_close,
    .run = similarity_run,
    .run_ceiling = run_products,
    .bytes = similarity_bytes,
    .flops = similarity_flops,
    .ceiling_runs = ceiling_runs,
    .output = similarity_output,
    .check = similarity_check,
};
