/* backend.c - the table of the CUDA backend, and the plugin's one symbol */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"
#include "host/device/plugin.h"
#include "host/ropemap_machine.h"

#include <stdio.h>

static const char *cuda_variant(const rm_context *context) {
    return context->variant;
}

static bool cuda_starved(const rm_context *context) {
    return context->starved;
}

static ropemap_status cuda_reserve(rm_context *context, int64_t floats, const char *what, float **memory,
                                   ropemap_error *error) {
    cudaError_t code = cudaSuccess;
    *memory = NULL;
    RM_TRY(rm_cuda_begin(context, what, error));
    *memory = rm_lend(context, (uint64_t)floats * sizeof **memory, false, &code);
    return rm_cuda_check(context, code, "cudaMalloc", error);
}

/* Memory is freed also after the device has failed: a failure here can no longer matter. */
static void cuda_release(rm_context *context, float *memory) {
    (void)rm_cuda_begin(context, "release", NULL);
    rm_give_back(context, memory, false);
}

static float *cuda_stage(rm_context *context, int64_t floats) {
    cudaError_t code = cudaSuccess;
    if (rm_cuda_begin(context, "rows", NULL) != ROPEMAP_OK) {
        return NULL;
    }
    void *made = rm_lend(context, (uint64_t)floats * sizeof(float), true, &code);
    (void)rm_cuda_check(context, code, "cudaMallocHost", NULL);
    return made;
}

static void cuda_unstage(rm_context *context, float *memory) {
    (void)rm_cuda_begin(context, "release", NULL);
    rm_give_back(context, memory, true);
}

static ropemap_status copy(rm_context *context, rm_view from, rm_view to, enum cudaMemcpyKind kind,
                           ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "copy", error));
    RM_TRY(rm_cuda_copy(context, from, to, kind, context->compute, error));
    return rm_cuda_wait(context, error);
}

static ropemap_status cuda_write(rm_context *context, rm_view from, rm_view to, ropemap_error *error) {
    RM_TRY(rm_tile_overwrite(context, to, error));
    return copy(context, from, to, cudaMemcpyHostToDevice, error);
}

static ropemap_status cuda_read(rm_context *context, rm_view from, rm_view to, ropemap_error *error) {
    return copy(context, from, to, cudaMemcpyDeviceToHost, error);
}

static const rm_backend cuda = {
    .name = "cuda",
    .open = rm_cuda_open,
    .close = rm_cuda_close,
    .variant = cuda_variant,
    .starved = cuda_starved,
    .finish = rm_cuda_finish,
    .reserve = cuda_reserve,
    .release = cuda_release,
    .stage = cuda_stage,
    .unstage = cuda_unstage,
    .write = cuda_write,
    .read = cuda_read,
    .rotate = rm_cuda_rotate,
    .rotate_sum = rm_cuda_rotate_sum,
    .moment = rm_cuda_moment,
    .similarity = rm_cuda_similarity,
    .products = rm_cuda_products,
    .cells_begin = rm_cuda_cells_begin,
    .pool = rm_cuda_pool,
    .similarity_pool = rm_cuda_similarity_pool,
    .cells_end = rm_cuda_cells_end,
    .distances = rm_cuda_distances,
    .softmax_begin = rm_cuda_softmax_begin,
    .softmax_take = rm_cuda_softmax_take,
    .softmax_end = rm_cuda_softmax_end,
};

static ropemap_status started(cudaError_t code, const char *call, ropemap_error *error) {
    return code == cudaSuccess ? ROPEMAP_OK
                               : rm_fail(error, ROPEMAP_RESOURCES, "cuda: %s failed (open): %.160s", call,
                                         cudaGetErrorString(code));
}

static ropemap_status describe(ropemap_plugin *about, ropemap_error *error) {
    int runtime = 0, driver = 0, major = 0, minor = 0, patch = 0;
    RM_TRY(started(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion", error));
    RM_TRY(started(cudaDriverGetVersion(&driver), "cudaDriverGetVersion", error));
    if (driver > 0 && driver / 1000 < runtime / 1000) { /* 0: there is none */
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "cuda: the driver supports CUDA %d.%d; %d.0 or later is needed: update the driver",
                       driver / 1000, driver % 1000 / 10, runtime / 1000);
    }
    (void)cublasGetProperty(MAJOR_VERSION, &major);
    (void)cublasGetProperty(MINOR_VERSION, &minor);
    (void)cublasGetProperty(PATCH_LEVEL, &patch);
    (void)snprintf(about->runtime, sizeof about->runtime, "CUDA %d.%d", runtime / 1000, runtime % 1000 / 10);
    (void)snprintf(about->blas, sizeof about->blas, "cuBLAS %d.%d.%d", major, minor, patch);
    (void)snprintf(about->architectures, sizeof about->architectures, "%s", RM_CUDA_ARCHITECTURES);
    return ROPEMAP_OK;
}

ROPEMAP_API ropemap_status ropemap_cuda_backend(int32_t abi, rm_plugin_table *table, ropemap_error *error);

ropemap_status ropemap_cuda_backend(int32_t abi, rm_plugin_table *table, ropemap_error *error) {
    if (abi != RM_PLUGIN_ABI) {
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "cuda: plugin ABI %d, program ABI %d: install both from one build", RM_PLUGIN_ABI,
                       abi);
    }
    table->backend = &cuda;
    table->timing = &rm_cuda_timing;
    return describe(&table->about, error);
}
