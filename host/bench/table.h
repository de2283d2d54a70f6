/* table.h - every benchmark there is */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_TABLE_H
#define ROPEMAP_HOST_BENCH_TABLE_H

#include "host/bench/bench.h"

extern const rm_benchmark rm_bench_rotate;
extern const rm_benchmark rm_bench_rotate_libm;
extern const rm_benchmark rm_bench_rotate_turned;
extern const rm_benchmark rm_bench_similarity;
extern const rm_benchmark rm_bench_pool_mean;
extern const rm_benchmark rm_bench_pool_max;
extern const rm_benchmark rm_bench_pool_std;
extern const rm_benchmark rm_bench_diagonal;
extern const rm_benchmark rm_bench_png;
extern const rm_benchmark rm_bench_map_mean;
extern const rm_benchmark rm_bench_map_max;
extern const rm_benchmark rm_bench_map_mean_turned;
extern const rm_benchmark rm_bench_map_max_turned;

extern const rm_benchmark rm_gpu_bench_rotate;
extern const rm_benchmark rm_gpu_bench_rotate_far;
extern const rm_benchmark rm_gpu_bench_similarity;
extern const rm_benchmark rm_gpu_bench_pool_mean;
extern const rm_benchmark rm_gpu_bench_pool_max;
extern const rm_benchmark rm_gpu_bench_pool_std;
extern const rm_benchmark rm_gpu_bench_tile_max;
extern const rm_benchmark rm_gpu_bench_tile_std;
extern const rm_benchmark rm_gpu_bench_map_mean;
extern const rm_benchmark rm_gpu_bench_map_max;
extern const rm_benchmark rm_gpu_bench_map_std;
extern const rm_benchmark rm_gpu_bench_map_diagonal;

#endif
