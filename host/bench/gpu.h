/* gpu.h - a GPU that is timed: its context, random numbers in its memory, what it can do at most */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_GPU_H
#define ROPEMAP_HOST_BENCH_GPU_H

#include "host/bench/nvml.h"
#include "host/device/plugin.h"

typedef struct rm_gpu {
    rm_device device;
    rm_plugin plugin;
    const rm_backend *backend;
    const rm_probe *probe;
    rm_context *context;
    rm_nvml nvml;
    ropemap_bench_gpu about;

    float *chunk;   /* [chunk_floats] the host's, pinned */
    float *scratch; /* [chunk_floats] the device's */
    int64_t chunk_floats;

    int64_t side;                /* of the matrices of the large product */
    float *wide;                 /* [2, side, side] fp32 factors */
    float *factors;              /* [2, side, side] of the type below */
    float *product;              /* [side, side] */
    ropemap_dtype factors_dtype; /* where factors_made */
    bool factors_made;
} rm_gpu;

/* Opens GPU number `index` and what describes it, and warms it up. Close it also after a failure. */
ropemap_status rm_gpu_open(rm_gpu *gpu, int32_t index, ropemap_error *error);
void rm_gpu_close(rm_gpu *gpu);

/* Bytes of an element. */
int64_t rm_gpu_element(ropemap_dtype dtype);

/* Room for `count` elements of a type in the device's memory; release it with rm_gpu_release. */
ropemap_status rm_gpu_reserve(const rm_gpu *gpu, ropemap_dtype dtype, int64_t count, const char *what,
                              float **memory, ropemap_error *error);
void rm_gpu_release(const rm_gpu *gpu, float *memory); /* NULL memory is fine */

/* Random numbers, evenly spread over (-reach, reach) and rounded to the type; those of one chunk come again
 * and again. `count` is even. */
ropemap_status rm_gpu_fill(const rm_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t count, double reach,
                           uint64_t seed, ropemap_error *error);

/* `bytes`, a multiple of 4, of ones in every bit: NaN in any type, and never what a stage writes. */
ropemap_status rm_gpu_spoil(const rm_gpu *gpu, float *memory, int64_t bytes, ropemap_error *error);

/* Elements [first, first + count) of a type, as floats; both numbers are even. */
ropemap_status rm_gpu_read(const rm_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t first,
                           int64_t count, float *floats, ropemap_error *error);

/* An element that a number was rounded to is off by no more than this. */
double rm_gpu_rounding(ropemap_dtype dtype, double magnitude);

/* Queues one product of large random matrices of a type: what the GPU multiplies at most. */
ropemap_status rm_gpu_product(rm_gpu *gpu, ropemap_dtype dtype, ropemap_error *error);
double rm_gpu_product_flops(const rm_gpu *gpu);

/* Queues one upload of the chunk from the host's pinned memory. */
ropemap_status rm_gpu_upload(const rm_gpu *gpu, ropemap_error *error);
double rm_gpu_upload_bytes(const rm_gpu *gpu);

/* Seconds of one large copy and of one large product, once: into `about`. */
ropemap_status rm_gpu_measure_copy(rm_gpu *gpu, ropemap_error *error);
ropemap_status rm_gpu_measure_product(rm_gpu *gpu, ropemap_dtype dtype, ropemap_error *error);

#endif
