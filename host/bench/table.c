/* table.c - every benchmark there is */
/* SPDX-License-Identifier: MIT */
#include "host/bench/table.h"

#include <string.h>

static const rm_benchmark *const table[] = {
    &rm_bench_rotate,
    &rm_bench_rotate_libm,
    &rm_bench_rotate_turned,
    &rm_bench_similarity,
    &rm_bench_pool_mean,
    &rm_bench_pool_max,
    &rm_bench_pool_std,
    &rm_bench_diagonal,
    &rm_bench_png,
    &rm_bench_map_mean,
    &rm_bench_map_max,
    &rm_bench_map_mean_turned,
    &rm_bench_map_max_turned,
    NULL,
};

static const rm_benchmark *const gpu_table[] = {
    &rm_gpu_bench_rotate,
    &rm_gpu_bench_rotate_far,
    &rm_gpu_bench_similarity,
    &rm_gpu_bench_pool_mean,
    &rm_gpu_bench_pool_max,
    &rm_gpu_bench_pool_std,
    &rm_gpu_bench_tile_max,
    &rm_gpu_bench_tile_std,
    &rm_gpu_bench_map_mean,
    &rm_gpu_bench_map_max,
    &rm_gpu_bench_map_std,
    &rm_gpu_bench_map_diagonal,
    NULL,
};

const rm_benchmark *rm_benchmark_at(int index) {
    return table[index];
}

const rm_benchmark *rm_gpu_benchmark_at(int index) {
    return gpu_table[index];
}

bool rm_benchmark_serves(const rm_benchmark *benchmark, ropemap_phase phase) {
    return benchmark->turned == (phase != ROPEMAP_PHASE_EXACT);
}

bool ropemap_bench_exists(ropemap_bench bench, const char *backend, ropemap_phase phase) {
    const rm_benchmark *const *all = strcmp(backend, "cuda") == 0 ? gpu_table : table;
    for (; *all != NULL; all++) {
        if ((*all)->bench == bench && rm_benchmark_serves(*all, phase)) {
            return true;
        }
    }
    return false;
}

const char *ropemap_bench_name(ropemap_bench bench) {
    static const char *const names[] = {
        [ROPEMAP_BENCH_ROTATE] = "rotate", [ROPEMAP_BENCH_SIMILARITY] = "similarity",
        [ROPEMAP_BENCH_POOL] = "pool",     [ROPEMAP_BENCH_DIAGONAL] = "diagonal",
        [ROPEMAP_BENCH_PNG] = "png",       [ROPEMAP_BENCH_MAP] = "map",
        [ROPEMAP_BENCH_TILE] = "tile",
    };
    return (unsigned)bench < sizeof names / sizeof names[0] ? names[bench] : NULL;
}
