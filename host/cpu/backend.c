/* backend.c - the table of the CPU backend and its contexts */
/* SPDX-License-Identifier: MIT */
#include "host/base/address_space.h"
#include "host/base/alloc.h"
#include "host/cpu/cpu.h"

/* A group of rows, a table of small turns, the frequencies it is for, and the context itself. */
enum {
    CONTEXT_BYTES = 2 * RM_GROUP * ROPEMAP_MAX_HEAD_DIM * (int)sizeof(float) +
                    ROPEMAP_MAX_PAIRS * (int)sizeof(uint64_t) + 2 * (int)sizeof(rm_context)
};

static void cpu_close(rm_context *context) {
    if (context != NULL) {
        rm_free(context->group);
        rm_free(context->turns.freq);
        rm_free(context->turns.c);
        rm_free(context->turns.s);
        rm_address_space_give(context->blas_room, RM_CPU_BLAS_ROOM);
        rm_free(context);
    }
}

static ropemap_status cpu_open(rm_context **context, ropemap_error *error) {
    *context = NULL;
    const rm_kernels *kernels = NULL;
    RM_TRY(rm_kernels_pick(&kernels, error));
    rm_context *made = rm_alloc(1, sizeof *made);
    if (made == NULL) {
        return rm_fail_memory(error, "worker", CONTEXT_BYTES);
    }
    made->kernels = kernels;
    made->group = rm_alloc_raw((uint64_t)RM_GROUP * ROPEMAP_MAX_HEAD_DIM, sizeof *made->group);
    made->turns.freq = rm_alloc_raw(ROPEMAP_MAX_PAIRS, sizeof *made->turns.freq);
    made->turns.c = rm_alloc_raw((uint64_t)RM_GROUP * ROPEMAP_MAX_PAIRS, sizeof *made->turns.c);
    made->turns.s = rm_alloc_raw((uint64_t)RM_GROUP * ROPEMAP_MAX_PAIRS, sizeof *made->turns.s);
    if (made->group == NULL || made->turns.freq == NULL || made->turns.c == NULL || made->turns.s == NULL) {
        cpu_close(made);
        return rm_fail_memory(error, "worker", CONTEXT_BYTES);
    }
    made->blas_room = rm_address_space_hold(RM_CPU_BLAS_ROOM);
    if (made->blas_room == NULL) {
        cpu_close(made);
        return rm_fail(
            error, ROPEMAP_RESOURCES,
            "worker: no room for %d MiB of addresses, which BLAS takes for each thread (ulimit -v)",
            RM_CPU_BLAS_ROOM / 1048576);
    }
    *context = made;
    return ROPEMAP_OK;
}

static const char *cpu_variant(const rm_context *context) {
    return context->kernels->name;
}

static float *cpu_reserve(rm_context *context, int64_t floats) {
    (void)context;
    return rm_alloc_raw((uint64_t)floats, sizeof(float));
}

static void cpu_release(rm_context *context, float *memory) {
    (void)context;
    rm_free(memory);
}

static ropemap_status cpu_distances(rm_context *context, const ropemap_freqs *freqs, double weight,
                                    ropemap_range distances, double *values, ropemap_error *error) {
    (void)error;
    context->kernels->distances(freqs, distances, values);
    for (int64_t t = 0; t < distances.count; t++) {
        values[t] *= weight;
    }
    return ROPEMAP_OK;
}

static const rm_backend cpu = {
    .name = "cpu",
    .block = 256, /* a tile of 256 KiB and its rows stay in a second-level cache */
    .context_bytes = CONTEXT_BYTES,
    .open = cpu_open,
    .close = cpu_close,
    .variant = cpu_variant,
    .reserve = cpu_reserve,
    .release = cpu_release,
    .rotate = rm_cpu_rotate,
    .rotate_sum = rm_cpu_rotate_sum,
    .similarity = rm_cpu_similarity,
    .gram = rm_cpu_gram,
    .pool = rm_cpu_pool,
    .distances = cpu_distances,
};

const rm_backend *rm_cpu_backend(void) {
    return &cpu;
}
