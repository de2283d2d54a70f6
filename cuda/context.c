/* context.c - a worker's context: its streams and their order, its memory, error reporting */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

#include "host/base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Sizes differ a little from call to call: whole steps keep buffers from growing each time. */
enum { STEP = 1048576 };

/* Floats from a row to the next that one call can copy: it counts bytes in 31 bits. */
enum { PITCH_MOST = INT32_MAX / (int)sizeof(float) };

/* The name of a call, without its arguments; the tile and the device; then the reason. */
static ropemap_status report(rm_context *context, const char *call, const char *reason,
                             ropemap_error *error) {
    const int name = (int)strcspn(call, "(");
    char tile[96] = "";
    if (context->tile_rows > 0) {
        (void)snprintf(tile, sizeof tile, ", tile %" PRId64 " x %" PRId64 " at (%" PRId64 ", %" PRId64 ")",
                       context->tile_rows, context->tile_cols, context->tile_row, context->tile_col);
    }
    return rm_fail(error, ROPEMAP_RESOURCES, "cuda: %.*s failed (%s%s, GPU %d, %.60s): %.160s", name, call,
                   context->stage, tile, context->device.index, context->device.name, reason);
}

ropemap_status rm_cuda_check(rm_context *context, cudaError_t code, const char *call, ropemap_error *error) {
    if (code == cudaSuccess) {
        return ROPEMAP_OK;
    }
    (void)cudaGetLastError(); /* clears the thread's last error, unless it is sticky */
    context->starved = code == cudaErrorMemoryAllocation;
    return report(context, call, cudaGetErrorString(code), error);
}

ropemap_status rm_blas_check(rm_context *context, cublasStatus_t code, const char *call,
                             ropemap_error *error) {
    if (code == CUBLAS_STATUS_SUCCESS) {
        return ROPEMAP_OK;
    }
    context->starved = code == CUBLAS_STATUS_ALLOC_FAILED;
    return report(context, call, cublasGetStatusString(code), error);
}

ropemap_status rm_cuda_begin(rm_context *context, const char *stage, ropemap_error *error) {
    context->stage = stage;
    context->tile_rows = 0;
    RM_CUDA(context, error, cudaSetDevice(context->device.index));
    return ROPEMAP_OK;
}

/* ---- memory */

void rm_buffer_free(rm_buffer *buffer) {
    (void)cudaFree(buffer->memory);
    *buffer = (rm_buffer){0};
}

static uint64_t whole_steps(uint64_t bytes) {
    return bytes < STEP ? bytes : (bytes + STEP - 1) / STEP * STEP;
}

ropemap_status rm_buffer_reserve(rm_context *context, rm_buffer *buffer, uint64_t bytes,
                                 ropemap_error *error) {
    if (buffer->bytes >= bytes) {
        return ROPEMAP_OK;
    }
    rm_buffer_free(buffer); /* waits for kernels that still use it */
    const uint64_t room = whole_steps(bytes);
    RM_CUDA(context, error, cudaMalloc(&buffer->memory, room));
    buffer->bytes = room;
    return ROPEMAP_OK;
}

static void pinned_free(rm_buffer *buffer) {
    (void)cudaFreeHost(buffer->memory);
    *buffer = (rm_buffer){0};
}

ropemap_status rm_pinned_reserve(rm_context *context, uint64_t bytes, ropemap_error *error) {
    rm_buffer *buffer = &context->pinned;
    if (buffer->bytes >= bytes) {
        return ROPEMAP_OK;
    }
    pinned_free(buffer);
    const uint64_t room = whole_steps(bytes);
    RM_CUDA(context, error, cudaMallocHost(&buffer->memory, room));
    buffer->bytes = room;
    return ROPEMAP_OK;
}

/* ---- memory that the host asks for */

/* Of a map's memory what is less is kept for the next map, should there be one: to allocate it takes as long
 * as a small map. The rotated keys of a long one are not kept. */
static const uint64_t SPARE_MOST = UINT64_C(128) * 1048576;

static void drop(rm_lent *one) {
    one->pinned ? pinned_free(&one->buffer) : rm_buffer_free(&one->buffer);
    *one = (rm_lent){0};
}

/* Returns whether there were any. */
static bool drop_spares(rm_context *context) {
    bool any = false;
    for (int i = 0; i < RM_LENT; i++) {
        if (context->lent[i].spare) {
            drop(&context->lent[i]);
            any = true;
        }
    }
    return any;
}

static cudaError_t allocate(void **memory, uint64_t bytes, bool pinned) {
    *memory = NULL;
    return pinned ? cudaMallocHost(memory, bytes) : cudaMalloc(memory, bytes);
}

static void note_lent(rm_context *context, void *memory, uint64_t bytes, bool pinned) {
    for (int i = 0; i < RM_LENT; i++) {
        rm_lent *one = &context->lent[i];
        if (one->buffer.memory == NULL) {
            *one = (rm_lent){.buffer = {.memory = memory, .bytes = bytes}, .pinned = pinned};
            return;
        }
    }
}

void *rm_lend(rm_context *context, uint64_t bytes, bool pinned, cudaError_t *code) {
    void *memory = NULL;
    *code = cudaSuccess;
    for (int i = 0; i < RM_LENT; i++) {
        rm_lent *one = &context->lent[i];
        if (one->spare && one->pinned == pinned && one->buffer.bytes >= bytes &&
            one->buffer.bytes / 2 <= bytes) {
            one->spare = false;
            return one->buffer.memory;
        }
    }
    *code = allocate(&memory, bytes, pinned);
    if (*code == cudaErrorMemoryAllocation && drop_spares(context)) {
        (void)cudaGetLastError();
        *code = allocate(&memory, bytes, pinned);
    }
    if (*code != cudaSuccess) {
        return NULL;
    }
    note_lent(context, memory, bytes, pinned);
    return memory;
}

static uint64_t spare_bytes(const rm_context *context) {
    uint64_t bytes = 0;
    for (int i = 0; i < RM_LENT; i++) {
        bytes += context->lent[i].spare ? context->lent[i].buffer.bytes : 0;
    }
    return bytes;
}

void rm_give_back(rm_context *context, void *memory, bool pinned) {
    if (memory == NULL) {
        return;
    }
    for (int i = 0; i < RM_LENT; i++) {
        rm_lent *one = &context->lent[i];
        if (one->buffer.memory == memory) {
            one->spare = spare_bytes(context) + one->buffer.bytes <= SPARE_MOST;
            if (!one->spare) {
                drop(one);
            }
            return;
        }
    }
    (void)(pinned ? cudaFreeHost(memory) : cudaFree(memory)); /* there was no room to note it */
}

ropemap_status rm_cuda_copy(rm_context *context, rm_view from, rm_view to, enum cudaMemcpyKind kind,
                            cudaStream_t stream, ropemap_error *error) {
    const size_t element = sizeof *to.data, width = (size_t)from.cols * element;
    if (from.stride == from.cols && to.stride == to.cols) {
        RM_CUDA(context, error, cudaMemcpyAsync(to.data, from.data, (size_t)from.rows * width, kind, stream));
        return ROPEMAP_OK;
    }
    if (from.stride > PITCH_MOST || to.stride > PITCH_MOST) {
        for (int64_t i = 0; i < from.rows; i++) {
            RM_CUDA(
                context, error,
                cudaMemcpyAsync(to.data + i * to.stride, from.data + i * from.stride, width, kind, stream));
        }
        return ROPEMAP_OK;
    }
    RM_CUDA(context, error,
            cudaMemcpy2DAsync(to.data, (size_t)to.stride * element, from.data, (size_t)from.stride * element,
                              width, (size_t)from.rows, kind, stream));
    return ROPEMAP_OK;
}

/* ---- opening and closing */

static ropemap_status make_streams(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaStreamCreateWithFlags(&context->compute, cudaStreamNonBlocking));
    RM_CUDA(context, error, cudaStreamCreateWithFlags(&context->copy, cudaStreamNonBlocking));
    RM_CUDA(context, error, cudaStreamCreateWithFlags(&context->pooling, cudaStreamNonBlocking));
    for (int32_t slot = 0; slot < RM_SLOTS; slot++) {
        RM_CUDA(context, error, cudaEventCreateWithFlags(&context->copied[slot], cudaEventDisableTiming));
        RM_CUDA(context, error, cudaEventCreateWithFlags(&context->used[slot], cudaEventDisableTiming));
    }
    RM_CUDA(context, error, cudaEventCreateWithFlags(&context->made, cudaEventDisableTiming));
    for (int32_t i = 0; i < RM_TILES; i++) {
        RM_CUDA(context, error, cudaEventCreateWithFlags(&context->tiles[i].pooled, cudaEventDisableTiming));
    }
    return ROPEMAP_OK;
}

static ropemap_status describe(rm_context *context, ropemap_error *error) {
    int sm_count = 0, major = 0, minor = 0, shared = 0;
    const int device = context->device.index;
    RM_CUDA(context, error, cudaDeviceGetAttribute(&sm_count, cudaDevAttrMultiProcessorCount, device));
    RM_CUDA(context, error, cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    RM_CUDA(context, error, cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    RM_CUDA(context, error, cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    context->sm_count = sm_count;
    context->major = major;
    context->shared_most = shared;
    (void)snprintf(context->variant, sizeof context->variant, "sm_%d%d", major, minor);
    if (context->device.warpgroups && rm_fused_warpgroups_load() != cudaSuccess) {
        (void)cudaGetLastError();
        context->device.warpgroups = false; /* a library that was built without */
    }
    return ROPEMAP_OK;
}

static ropemap_status fill(rm_context *context, ropemap_error *error) {
    context->freqs = rm_alloc(1, sizeof *context->freqs);
    if (context->freqs == NULL) {
        return rm_fail_memory(error, "worker", sizeof *context->freqs);
    }
    RM_TRY(rm_cuda_begin(context, "open", error));
    RM_TRY(describe(context, error));
    return make_streams(context, error);
}

ropemap_status rm_cuda_open(rm_context **context, const rm_device *device, ropemap_error *error) {
    *context = NULL;
    rm_context *made = rm_alloc(1, sizeof *made);
    if (made == NULL) {
        return rm_fail_memory(error, "worker", sizeof *made);
    }
    made->device = *device;
    const ropemap_status status = fill(made, error);
    if (status != ROPEMAP_OK) {
        rm_cuda_close(made);
        return status;
    }
    *context = made;
    return ROPEMAP_OK;
}

static void free_buffers(rm_context *context) {
    rm_buffer *all[] = {
        &context->workspace, &context->device_freqs, &context->rows[0], &context->rows[1],
        &context->rotated,   &context->parts,        &context->sums,    &context->centre,
        &context->wide,      &context->gram,         &context->total,   &context->values,
        &context->pieces,    &context->trial,        &context->flush,   &context->softmax_memory};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        rm_buffer_free(all[i]);
    }
    for (size_t i = 0; i < sizeof context->cell_arrays / sizeof context->cell_arrays[0]; i++) {
        rm_buffer_free(&context->cell_arrays[i]);
    }
    for (int i = 0; i < RM_LENT; i++) {
        if (context->lent[i].buffer.memory != NULL) {
            drop(&context->lent[i]);
        }
    }
    pinned_free(&context->pinned);
}

static void destroy_events(rm_context *context) {
    const cudaEvent_t all[] = {context->copied[0],       context->copied[1],       context->used[0],
                               context->used[1],         context->marks[0],        context->marks[1],
                               context->tiles[0].pooled, context->tiles[1].pooled, context->made};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] != NULL) {
            (void)cudaEventDestroy(all[i]);
        }
    }
}

static void destroy_streams(rm_context *context) {
    const cudaStream_t all[] = {context->pooling, context->copy, context->compute};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] != NULL) {
            (void)cudaStreamDestroy(all[i]);
        }
    }
}

/* ---- the order of streams */

/*
 * Reading a tile waits for what made it, overwriting it for what pooled it. Tiles are identified by their
 * addresses; the pooling of a tile that is forgotten has been waited for.
 */

static const char *end_of(rm_view memory) {
    return memory.rows > 0 ? (const char *)(memory.data + (memory.rows - 1) * memory.stride + memory.cols)
                           : (const char *)memory.data;
}

static bool meets(const rm_tile *tile, rm_view memory) {
    return tile->first != NULL && tile->first < end_of(memory) && (const char *)memory.data < tile->end;
}

static ropemap_status wait_for_pooling(rm_context *context, rm_tile *tile, ropemap_error *error) {
    if (tile->pooling) {
        RM_CUDA(context, error, cudaStreamWaitEvent(context->compute, tile->pooled, 0));
        tile->pooling = false;
    }
    return ROPEMAP_OK;
}

ropemap_status rm_tile_overwrite(rm_context *context, rm_view memory, ropemap_error *error) {
    for (int32_t i = 0; i < RM_TILES; i++) {
        rm_tile *tile = &context->tiles[i];
        if (meets(tile, memory)) {
            RM_TRY(wait_for_pooling(context, tile, error));
            tile->first = tile->end = NULL;
        }
    }
    return ROPEMAP_OK;
}

/* A slot for a tile: a free one, or the oldest, whose pooling is waited for before it is forgotten. */
static ropemap_status take(rm_context *context, rm_view memory, rm_tile **taken, ropemap_error *error) {
    int32_t at = context->next_tile;
    for (int32_t i = 0; i < RM_TILES; i++) {
        at = context->tiles[i].first == NULL ? i : at;
    }
    rm_tile *tile = &context->tiles[at];
    RM_TRY(wait_for_pooling(context, tile, error));
    context->next_tile = (at + 1) % RM_TILES;
    tile->first = (const char *)memory.data;
    tile->end = end_of(memory);
    tile->fresh = true;
    *taken = tile;
    return ROPEMAP_OK;
}

ropemap_status rm_tile_made(rm_context *context, rm_view memory, ropemap_error *error) {
    rm_tile *tile = NULL;
    return take(context, memory, &tile, error);
}

ropemap_status rm_tile_read(rm_context *context, rm_view memory, rm_tile **read, ropemap_error *error) {
    rm_tile *tile = NULL;
    for (int32_t i = 0; i < RM_TILES && tile == NULL; i++) {
        tile = meets(&context->tiles[i], memory) ? &context->tiles[i] : NULL;
    }
    if (tile == NULL) {
        RM_TRY(take(context, memory, &tile, error));
    }
    if (tile->fresh) {
        RM_CUDA(context, error, cudaEventRecord(context->made, context->compute));
        RM_CUDA(context, error, cudaStreamWaitEvent(context->pooling, context->made, 0));
        tile->fresh = false;
    }
    *read = tile;
    return ROPEMAP_OK;
}

ropemap_status rm_tile_pooled(rm_context *context, rm_tile *read, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(read->pooled, context->pooling));
    read->pooling = true;
    return ROPEMAP_OK;
}

ropemap_status rm_tile_pause(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(context->made, context->pooling));
    RM_CUDA(context, error, cudaStreamWaitEvent(context->compute, context->made, 0));
    return ROPEMAP_OK;
}

ropemap_status rm_tile_go_on(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(context->made, context->compute));
    RM_CUDA(context, error, cudaStreamWaitEvent(context->pooling, context->made, 0));
    return ROPEMAP_OK;
}

ropemap_status rm_tile_wait(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaStreamSynchronize(context->pooling));
    for (int32_t i = 0; i < RM_TILES; i++) {
        context->tiles[i].pooling = false;
    }
    return ROPEMAP_OK;
}

/* ---- the end */

void rm_cuda_drop_graph(rm_context *context) {
    if (context->graph != NULL) {
        (void)cudaGraphExecDestroy(context->graph);
    }
    context->graph = NULL;
}

/* Work on the streams ends first; a failure here can no longer matter. */
void rm_cuda_close(rm_context *context) {
    if (context == NULL) {
        return;
    }
    (void)rm_cuda_finish(context, NULL);
    if (context->blas != NULL) {
        (void)cublasDestroy(context->blas);
    }
    rm_cuda_drop_graph(context);
    free_buffers(context);
    destroy_events(context);
    destroy_streams(context);
    rm_free(context->freqs);
    rm_free(context);
}

ropemap_status rm_cuda_wait(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaStreamSynchronize(context->compute));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_finish(rm_context *context, ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "finish", error));
    if (context->copy != NULL) {
        RM_CUDA(context, error, cudaStreamSynchronize(context->copy));
    }
    RM_TRY(context->compute != NULL ? rm_cuda_wait(context, error) : ROPEMAP_OK);
    return context->pooling != NULL ? rm_tile_wait(context, error) : ROPEMAP_OK;
}
