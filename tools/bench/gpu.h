/* gpu.h - a GPU that is timed: its context, numbers in its memory, its ceilings, clocks and heat */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_GPU_H
#define ROPEMAP_TOOLS_BENCH_GPU_H

#include "host/device/plugin.h"
#include "tools/bench/bench.h"

/* ---- NVML */

/* The library's functions as its documentation declares them (NVML API reference guide); NULL: it has none.
 */
typedef struct bench_nvml {
    void *handle; /* of the library; NULL: there is none, and nothing is known */
    void *device; /* NULL: it does not know the GPU */
    int (*init)(void);
    int (*shutdown)(void);
    int (*version)(char *text, unsigned size);
    int (*count)(unsigned *count);
    int (*by_bus)(const char *bus, void **device);
    int (*by_index)(unsigned index, void **device);
    int (*clock)(void *device, int kind, unsigned *megahertz);
    int (*temperature)(void *device, int sensor, unsigned *celsius);
    int (*power)(void *device, unsigned *milliwatts);
    int (*reasons)(void *device, unsigned long long *reasons);
} bench_nvml;

bench_gpu_state nvml_look(const bench_nvml *nvml);

/* Whether a GPU holds its clocks back for these reasons: power, heat or a brake, not for want of work. */
bool nvml_throttled(uint64_t reasons);

/* Those reasons in words, "power cap, heat". */
void nvml_words(uint64_t reasons, char *words, size_t size);

/* ---- the device */

typedef struct timed_gpu {
    rm_device device;
    rm_plugin plugin;
    const rm_backend *backend;
    const rm_gpu_timing *timing;
    rm_context *context;
    bench_nvml nvml;
    bench_gpu about;

    float *chunk;   /* [chunk_floats] the host's, pinned */
    float *scratch; /* [chunk_floats] the device's */
    int64_t chunk_floats;

    int64_t side;                /* of the matrices of the large product */
    float *wide;                 /* [2, side, side] fp32 factors */
    float *factors;              /* [2, side, side] of the type below */
    float *product;              /* [side, side] */
    ropemap_dtype factors_dtype; /* where factors_made */
    bool factors_made;
} timed_gpu;

/* Opens GPU number `index` and what describes it, and warms it up. Close it also after a failure. */
ropemap_status gpu_open(timed_gpu *gpu, int32_t index, ropemap_error *error);
void gpu_close(timed_gpu *gpu);

/* Bytes of an element. */
int64_t gpu_element(ropemap_dtype dtype);

/* Room for `count` elements of a type in the device's memory; release it with gpu_release. */
ropemap_status gpu_reserve(const timed_gpu *gpu, ropemap_dtype dtype, int64_t count, const char *what,
                           float **memory, ropemap_error *error);
void gpu_release(const timed_gpu *gpu, float *memory); /* NULL memory is fine */

/* Random numbers, evenly spread over (-reach, reach) and rounded to the type; those of one chunk come again
 * and again. `count` is even. */
ropemap_status gpu_fill(const timed_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t count, double reach,
                        uint64_t seed, ropemap_error *error);

/* `bytes`, a multiple of 4, of ones in every bit: NaN in any type, and never what a stage writes. */
ropemap_status gpu_spoil(const timed_gpu *gpu, float *memory, int64_t bytes, ropemap_error *error);

/* Elements [first, first + count) of a type, as floats; both numbers are even. */
ropemap_status gpu_read(const timed_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t first,
                        int64_t count, float *floats, ropemap_error *error);

/* Queues one product of large random matrices of a type: what the GPU multiplies at most. */
ropemap_status gpu_product(timed_gpu *gpu, ropemap_dtype dtype, ropemap_error *error);
double gpu_product_flops(const timed_gpu *gpu);

/* Queues one upload of the chunk from the host's pinned memory. */
ropemap_status gpu_upload(const timed_gpu *gpu, ropemap_error *error);
double gpu_upload_bytes(const timed_gpu *gpu);

/* Seconds of one large copy and of one large product, once: into `about`. */
ropemap_status gpu_measure_copy(timed_gpu *gpu, ropemap_error *error);
ropemap_status gpu_measure_product(timed_gpu *gpu, ropemap_dtype dtype, ropemap_error *error);

/* ---- time */

/* Runs that make a sample long enough for the GPU's clock, whose steps are half a microsecond. */
int64_t timing_runs(double seconds_of_one);

/*
 * Seconds of one run of `runs`: by the host's clock where `gpu` is NULL, else between two marks on the GPU's
 * clock. Hot: where runs are short, others go before the first mark and one of their own kind last, so that
 * the GPU never waits for the host between the marks and caches hold what they can. Cold, of a GPU alone: the
 * cache is overwritten before the first mark, and one run is timed, to half a microsecond.
 */
ropemap_status timing_seconds(const timed_gpu *gpu, bench_work run, void *state, int64_t runs, bool cold,
                              double *seconds, ropemap_error *error);

typedef struct statistics {
    double median, p5, p95;
    double deviation; /* standard deviation (n - 1) / mean; 0 for one value */
} statistics;

/* Sorts `values` [count], count >= 1. Percentiles are interpolated between neighbours (Hyndman, Fan 1996,
 * type 7). */
statistics statistics_of(double *values, int64_t count);

#endif
