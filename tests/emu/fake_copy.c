/* fake_copy.c - stand-in for the CUDA run time: copies, checked for direction and range */
/* SPDX-License-Identifier: MIT */
/*
 * As CUDA promises: a copy out of memory that is not pinned has left it, and one into such memory is done,
 * when the call returns; all others wait for their turn.
 */
#include "tests/emu/fake.h"
#include "tests/emu/fake_record.h"

#include <string.h>

/* [rows, width] bytes. */
struct copy {
    char *to;
    const char *from;
    size_t to_pitch, from_pitch, width, rows;
};

struct fill {
    char *to;
    int value;
    size_t count;
};

static cudaError_t copy(const void *arguments) {
    const struct copy *work = arguments;
    for (size_t i = 0; i < work->rows; i++) {
        memcpy(work->to + i * work->to_pitch, work->from + i * work->from_pitch, work->width);
    }
    return cudaSuccess;
}

static cudaError_t fill(const void *arguments) {
    const struct fill *work = arguments;
    memset(work->to, work->value, work->count);
    return cudaSuccess;
}

static bool right_side(const char *call, const char *name, const void *memory, size_t bytes, bool device) {
    const bool right = device ? fake_is_device(memory, bytes) : !fake_touches_device(memory);
    if (!right) {
        fake_complain("%s: %zu bytes %s %s", call, bytes, name,
                      device ? "that do not lie in one allocation of the device"
                             : "that lie on the device, not in the host's memory");
    }
    return right;
}

static cudaError_t submit(const char *call, const struct copy *work, enum cudaMemcpyKind kind,
                          cudaStream_t stream) {
    cudaError_t error = fake_error((cudaError_t)fake_enter(call, cudaErrorLaunchFailure));
    if (error != cudaSuccess || work->rows == 0 || work->width == 0) {
        return error;
    }
    const size_t to_bytes = (work->rows - 1) * work->to_pitch + work->width;
    const size_t from_bytes = (work->rows - 1) * work->from_pitch + work->width;
    if (work->rows > 1 && (work->width > work->to_pitch || work->width > work->from_pitch)) {
        fake_complain("%s: rows of %zu bytes, %zu and %zu apart", call, work->width, work->to_pitch,
                      work->from_pitch);
        return fake_error(cudaErrorInvalidPitchValue);
    }
    const bool known = kind != cudaMemcpyDefault;
    const bool to_device = known ? kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice
                                 : fake_touches_device(work->to);
    const bool from_device = known ? kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice
                                   : fake_touches_device(work->from);
    if (!right_side(call, "to", work->to, to_bytes, to_device) ||
        !right_side(call, "from", work->from, from_bytes, from_device)) {
        return fake_error(cudaErrorInvalidValue);
    }
    const bool pageable =
        (!to_device && !fake_is_pinned(work->to)) || (!from_device && !fake_is_pinned(work->from));
    if (pageable && fake_refuse()) {
        return fake_error(cudaErrorStreamCaptureUnsupported);
    }
    const struct fake_range ranges[] = {{to_device ? work->to : NULL, to_bytes, true},
                                        {from_device ? work->from : NULL, from_bytes, false}};
    fake_touch(call, stream, ranges, 2);
    error = fake_submit(call, stream, copy, work, sizeof *work);
    return error == cudaSuccess && pageable ? fake_error(fake_drain(stream)) : error;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t count, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    const struct copy work = {.to = to, .from = from, .width = count, .rows = 1};
    return submit("cudaMemcpyAsync", &work, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width,
                              size_t height, enum cudaMemcpyKind kind, cudaStream_t stream) {
    const struct copy work = {.to = to,
                              .from = from,
                              .to_pitch = to_pitch,
                              .from_pitch = from_pitch,
                              .width = width,
                              .rows = height};
    return submit("cudaMemcpy2DAsync", &work, kind, stream);
}

cudaError_t cudaMemsetAsync(void *pointer, int value, size_t count, cudaStream_t stream) {
    const cudaError_t error = fake_error((cudaError_t)fake_enter("cudaMemsetAsync", cudaErrorLaunchFailure));
    if (error != cudaSuccess || count == 0) {
        return error;
    }
    if (!right_side("cudaMemsetAsync", "to", pointer, count, true)) {
        return fake_error(cudaErrorInvalidValue);
    }
    const struct fake_range range = {pointer, count, true};
    fake_touch("cudaMemsetAsync", stream, &range, 1);
    const struct fill work = {.to = pointer, .value = value, .count = count};
    return fake_submit("cudaMemsetAsync", stream, fill, &work, sizeof work);
}
