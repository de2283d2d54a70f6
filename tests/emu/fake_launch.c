/* fake_launch.c - launches that wait for their turn in the stand-in for the CUDA run time */
/* SPDX-License-Identifier: MIT */
/*
 * The emulation runs a kernel when it is launched. The linker puts these functions in front of those of
 * cuda/launch.h (--wrap), so that a launch is a part of its stream's work and can fail as any call can.
 */
#include "cuda/launch.h"

#include "tests/emu/fake.h"
#include "tests/emu/fake_record.h"

#include <stdatomic.h>

#define GIVE(call, work, arguments, stream) give(call, work, &(arguments), sizeof(arguments), stream)

static atomic_bool idle;

void fake_kernels(bool run) {
    atomic_store(&idle, !run);
}

static cudaError_t note(cudaError_t error) {
    if (error == cudaErrorLaunchFailure) {
        fake_note_launch_failure();
    }
    return error;
}

static cudaError_t give(const char *call, fake_work work, const void *arguments, size_t bytes,
                        cudaStream_t stream) {
    const cudaError_t error = fake_error((cudaError_t)fake_enter(call, cudaErrorLaunchFailure));
    return error != cudaSuccess || atomic_load(&idle) ? error
                                                      : fake_submit(call, stream, work, arguments, bytes);
}

/* ---- one launcher each: the real one, its arguments, its turn, its stand-in ---- */

cudaError_t __real_rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream);
cudaError_t __wrap_rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream);

struct rotate {
    rm_rotate_work work;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_rotate(const void *arguments) {
    const struct rotate *a = arguments;
    return note(__real_rm_rotate_launch(&a->work, a->processors, a->stream));
}

cudaError_t __wrap_rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream) {
    const struct rotate a = {*work, processors, stream};
    return GIVE("rm_rotate_launch", run_rotate, a, stream);
}

cudaError_t __real_rm_normalise_launch(const rm_normalise_work *work, int32_t processors,
                                       cudaStream_t stream);
cudaError_t __wrap_rm_normalise_launch(const rm_normalise_work *work, int32_t processors,
                                       cudaStream_t stream);

struct normalise {
    rm_normalise_work work;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_normalise(const void *arguments) {
    const struct normalise *a = arguments;
    return note(__real_rm_normalise_launch(&a->work, a->processors, a->stream));
}

cudaError_t __wrap_rm_normalise_launch(const rm_normalise_work *work, int32_t processors,
                                       cudaStream_t stream) {
    const struct normalise a = {*work, processors, stream};
    return GIVE("rm_normalise_launch", run_normalise, a, stream);
}

cudaError_t __real_rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors,
                                        cudaStream_t stream);
cudaError_t __wrap_rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors,
                                        cudaStream_t stream);

struct rotate_sum {
    rm_rotate_sum_work work;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_rotate_sum(const void *arguments) {
    const struct rotate_sum *a = arguments;
    return note(__real_rm_rotate_sum_launch(&a->work, a->processors, a->stream));
}

cudaError_t __wrap_rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors,
                                        cudaStream_t stream) {
    const struct rotate_sum a = {*work, processors, stream};
    return GIVE("rm_rotate_sum_launch", run_rotate_sum, a, stream);
}

cudaError_t __real_rm_pool_launch(const rm_pool_work *work, cudaStream_t stream);
cudaError_t __wrap_rm_pool_launch(const rm_pool_work *work, cudaStream_t stream);

struct pool {
    rm_pool_work work;
    cudaStream_t stream;
};

static cudaError_t run_pool(const void *arguments) {
    const struct pool *a = arguments;
    return note(__real_rm_pool_launch(&a->work, a->stream));
}

cudaError_t __wrap_rm_pool_launch(const rm_pool_work *work, cudaStream_t stream) {
    const struct pool a = {*work, stream};
    return GIVE("rm_pool_launch", run_pool, a, stream);
}

cudaError_t __real_rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                       double *values, int32_t processors, cudaStream_t stream);
cudaError_t __wrap_rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                       double *values, int32_t processors, cudaStream_t stream);

struct distances {
    const ropemap_freqs *freqs;
    double weight;
    ropemap_range distances;
    double *values;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_distances(const void *arguments) {
    const struct distances *a = arguments;
    return note(
        __real_rm_distances_launch(a->freqs, a->weight, a->distances, a->values, a->processors, a->stream));
}

cudaError_t __wrap_rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                       double *values, int32_t processors, cudaStream_t stream) {
    const struct distances a = {freqs, weight, distances, values, processors, stream};
    return GIVE("rm_distances_launch", run_distances, a, stream);
}

cudaError_t __real_rm_centre_launch(rm_view rows, const double *centre, double *wide, int32_t processors,
                                    cudaStream_t stream);
cudaError_t __wrap_rm_centre_launch(rm_view rows, const double *centre, double *wide, int32_t processors,
                                    cudaStream_t stream);

struct centre {
    rm_view rows;
    const double *centre;
    double *wide;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_centre(const void *arguments) {
    const struct centre *a = arguments;
    return note(__real_rm_centre_launch(a->rows, a->centre, a->wide, a->processors, a->stream));
}

cudaError_t __wrap_rm_centre_launch(rm_view rows, const double *centre, double *wide, int32_t processors,
                                    cudaStream_t stream) {
    const struct centre a = {rows, centre, wide, processors, stream};
    return GIVE("rm_centre_launch", run_centre, a, stream);
}

cudaError_t __real_rm_accumulate_launch(rm_view tile, double *total, int32_t processors, cudaStream_t stream);
cudaError_t __wrap_rm_accumulate_launch(rm_view tile, double *total, int32_t processors, cudaStream_t stream);

struct accumulate {
    rm_view tile;
    double *total;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_accumulate(const void *arguments) {
    const struct accumulate *a = arguments;
    return note(__real_rm_accumulate_launch(a->tile, a->total, a->processors, a->stream));
}

cudaError_t __wrap_rm_accumulate_launch(rm_view tile, double *total, int32_t processors,
                                        cudaStream_t stream) {
    const struct accumulate a = {tile, total, processors, stream};
    return GIVE("rm_accumulate_launch", run_accumulate, a, stream);
}

cudaError_t __real_rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                                  cudaStream_t stream);
cudaError_t __wrap_rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                                  cudaStream_t stream);

struct fill {
    float *memory;
    float value;
    int64_t count;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_fill(const void *arguments) {
    const struct fill *a = arguments;
    return note(__real_rm_fill_launch(a->memory, a->value, a->count, a->processors, a->stream));
}

cudaError_t __wrap_rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                                  cudaStream_t stream) {
    const struct fill a = {memory, value, count, processors, stream};
    return GIVE("rm_fill_launch", run_fill, a, stream);
}
