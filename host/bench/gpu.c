/* gpu.c - a GPU that is timed: opening it, and numbers on their way into its memory and back */
/* SPDX-License-Identifier: MIT */
#include "host/bench/gpu.h"

#include "host/bench/inputs.h"
#include "host/device/plugin.h"

#include <math.h>
#include <string.h>

enum {
    HEAD_DIM = 128,        /* that the device's sizes are asked for */
    CHUNK_MOST = 1 << 24,  /* floats: uploads of 64 MiB run at full speed */
    CHUNK_LEAST = 1 << 16, /* more than any row */
    SIDE_MOST = 8192,      /* of the large product */
    SIDE_LEAST = 64,
    SHARE_OF_MEMORY = 32 /* the large product takes one part of so many at most, a chunk likewise */
};

int64_t rm_gpu_element(ropemap_dtype dtype) {
    return dtype == ROPEMAP_DTYPE_BF16 || dtype == ROPEMAP_DTYPE_FP16 ? 2 : 4;
}

ropemap_status rm_gpu_reserve(const rm_gpu *gpu, ropemap_dtype dtype, int64_t count, const char *what,
                              float **memory, ropemap_error *error) {
    const int64_t bytes = count * rm_gpu_element(dtype);
    return gpu->backend->reserve(gpu->context, (bytes + 3) / 4, what, memory, error);
}

void rm_gpu_release(const rm_gpu *gpu, float *memory) {
    gpu->backend->release(gpu->context, memory);
}

/* ---- opening */

/* Powers of two, so that a small memory has small matrices. */
static void choose_sizes(rm_gpu *gpu, uint64_t free_bytes) {
    const uint64_t share = free_bytes / SHARE_OF_MEMORY;
    gpu->side = SIDE_MOST;
    while (gpu->side > SIDE_LEAST && 5 * sizeof(float) * (uint64_t)(gpu->side * gpu->side) > share) {
        gpu->side /= 2;
    }
    gpu->chunk_floats = CHUNK_MOST;
    while (gpu->chunk_floats > CHUNK_LEAST && sizeof(float) * (uint64_t)gpu->chunk_floats > share) {
        gpu->chunk_floats /= 2;
    }
}

static ropemap_status make_memory(rm_gpu *gpu, ropemap_error *error) {
    const int64_t cells = gpu->side * gpu->side;
    gpu->chunk = gpu->backend->stage(gpu->context, gpu->chunk_floats);
    if (gpu->chunk == NULL) {
        return rm_fail_memory(error, "benchmark", (uint64_t)gpu->chunk_floats * sizeof *gpu->chunk);
    }
    const ropemap_dtype fp32 = ROPEMAP_DTYPE_FP32;
    RM_TRY(rm_gpu_reserve(gpu, fp32, gpu->chunk_floats, "benchmark", &gpu->scratch, error));
    RM_TRY(rm_gpu_reserve(gpu, fp32, 2 * cells, "large products", &gpu->wide, error));
    RM_TRY(rm_gpu_reserve(gpu, fp32, 2 * cells, "large products", &gpu->factors, error));
    RM_TRY(rm_gpu_reserve(gpu, fp32, cells, "large products", &gpu->product, error));
    return rm_gpu_fill(gpu, fp32, gpu->wide, 2 * cells, 1.0, 3, error);
}

static ropemap_status describe(rm_gpu *gpu, int32_t index, ropemap_error *error) {
    ropemap_driver driver;
    RM_TRY(ropemap_driver_describe(&driver, error));
    RM_TRY(ropemap_gpu_describe(index, &gpu->about.gpu, error));
    gpu->about.plugin = gpu->plugin.table.about;
    gpu->about.supports = driver.version;
    gpu->about.product_side = gpu->side;
    rm_nvml_driver(&gpu->nvml, gpu->about.driver, sizeof gpu->about.driver);
    return ROPEMAP_OK;
}

ropemap_status rm_gpu_open(rm_gpu *gpu, int32_t index, ropemap_error *error) {
    uint64_t free_bytes = 0, all_bytes = 0;
    *gpu = (rm_gpu){.backend = NULL};
    RM_TRY(rm_gpu_find(index, HEAD_DIM, &gpu->device, error));
    RM_TRY(rm_plugin_open(&gpu->plugin, error));
    gpu->backend = gpu->plugin.table.backend;
    gpu->probe = gpu->plugin.table.probe;
    rm_nvml_open(&gpu->nvml, index);
    RM_TRY(gpu->backend->open(&gpu->context, &gpu->device, error));
    RM_TRY(gpu->probe->memory(gpu->context, &free_bytes, &all_bytes, error));
    choose_sizes(gpu, free_bytes);
    RM_TRY(make_memory(gpu, error));
    RM_TRY(describe(gpu, index, error));
    return rm_gpu_measure_copy(gpu, error);
}

void rm_gpu_close(rm_gpu *gpu) {
    float *const all[] = {gpu->scratch, gpu->wide, gpu->factors, gpu->product};
    for (size_t i = 0; gpu->context != NULL && i < sizeof all / sizeof all[0]; i++) {
        rm_gpu_release(gpu, all[i]);
    }
    if (gpu->context != NULL) {
        gpu->backend->unstage(gpu->context, gpu->chunk);
        gpu->backend->close(gpu->context);
    }
    rm_nvml_close(&gpu->nvml);
    rm_plugin_close(&gpu->plugin);
    *gpu = (rm_gpu){.backend = NULL};
}

/* ---- numbers to its memory and back */

/* Element `first` of a type, where two elements of 16 bits share a float. */
static float *at(ropemap_dtype dtype, float *memory, int64_t first) {
    return memory + first * rm_gpu_element(dtype) / 4;
}

static int64_t part_of(const rm_gpu *gpu, int64_t left) {
    return left < gpu->chunk_floats ? left : gpu->chunk_floats;
}

ropemap_status rm_gpu_fill(const rm_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t count, double reach,
                           uint64_t seed, ropemap_error *error) {
    const int64_t first = part_of(gpu, count);
    rm_inputs_fill(gpu->chunk, first, reach, seed);
    RM_TRY(gpu->backend->write(gpu->context, rm_view_dense(gpu->chunk, 1, first),
                               rm_view_dense(gpu->scratch, 1, first), error));
    for (int64_t done = 0; done < count; done += first) {
        RM_TRY(gpu->probe->convert(gpu->context, dtype, gpu->scratch, at(dtype, memory, done),
                                   part_of(gpu, count - done), error));
    }
    return gpu->backend->finish(gpu->context, error);
}

ropemap_status rm_gpu_spoil(const rm_gpu *gpu, float *memory, int64_t bytes, ropemap_error *error) {
    const int64_t floats = bytes / 4, first = part_of(gpu, floats);
    memset(gpu->chunk, 0xff, (size_t)first * sizeof *gpu->chunk);
    for (int64_t done = 0; done < floats; done += first) {
        const int64_t part = part_of(gpu, floats - done);
        RM_TRY(gpu->backend->write(gpu->context, rm_view_dense(gpu->chunk, 1, part),
                                   rm_view_dense(memory + done, 1, part), error));
    }
    return ROPEMAP_OK;
}

/* Halves as floats, in place: from the last on, so that none is overwritten before it is read. */
static void widen(ropemap_dtype dtype, float *floats, int64_t count) {
    for (int64_t i = count - 1; i >= 0; i--) {
        uint16_t half;
        memcpy(&half, (const char *)floats + (size_t)i * sizeof half, sizeof half);
        const uint32_t upper = (uint32_t)half << 16;
        if (dtype == ROPEMAP_DTYPE_BF16) {
            memcpy(&floats[i], &upper, sizeof upper);
            continue;
        }
        const int exponent = half >> 10 & 31, fraction = half & 1023;
        const float magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                                : exponent == 0 ? ldexpf((float)fraction, -24)
                                                : ldexpf((float)(fraction + 1024), exponent - 25);
        floats[i] = half >> 15 != 0 ? -magnitude : magnitude;
    }
}

ropemap_status rm_gpu_read(const rm_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t first,
                           int64_t count, float *floats, ropemap_error *error) {
    const int64_t taken = count * rm_gpu_element(dtype) / 4;
    RM_TRY(gpu->backend->read(gpu->context, rm_view_dense(at(dtype, memory, first), 1, taken),
                              rm_view_dense(floats, 1, taken), error));
    if (rm_gpu_element(dtype) == 2) {
        widen(dtype, floats, count);
    }
    return ROPEMAP_OK;
}

/* Half a unit in the last place: 8 bits for bf16, 11 for fp16 and tf32; below 2^-14 fp16 has steps of 2^-24.
 */
double rm_gpu_rounding(ropemap_dtype dtype, double magnitude) {
    switch (dtype) {
    case ROPEMAP_DTYPE_TF32:
        return 0x1p-11 * magnitude;
    case ROPEMAP_DTYPE_BF16:
        return 0x1p-8 * magnitude;
    case ROPEMAP_DTYPE_FP16:
        return 0x1p-11 * magnitude + 0x1p-25;
    case ROPEMAP_DTYPE_FP32:
        break;
    }
    return 0x1p-24 * magnitude;
}
