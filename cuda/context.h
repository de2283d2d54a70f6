/* context.h - what a worker's context of the CUDA backend holds, and the stages that use it, one file each */
/* SPDX-License-Identifier: MIT */
/*
 * A context has three streams. Rows are copied on one, into two buffers in turn, while what was asked before
 * still computes on another; tiles are pooled on the third, where all that touches cells is done, while the
 * second makes the next tile elsewhere. Everything else is in the order of the calls. Device memory grows to
 * what a call needs and is kept: after the first band nothing is allocated.
 */
#ifndef ROPEMAP_CUDA_CONTEXT_H
#define ROPEMAP_CUDA_CONTEXT_H

#include "cuda/launch.h"
#include "host/device/gpu_timing.h"

#include <cublas_v2.h>

/* Memory that is kept from call to call. */
typedef struct rm_buffer {
    void *memory;
    uint64_t bytes;
} rm_buffer;

enum {
    RM_SLOTS = 2, /* buffers of rows as they come: one is filled while the other is read */
    RM_TILES = 2  /* tiles whose pooling is not waited for: one more, and the oldest is */
};

/* Memory that tiles are pooled from. */
typedef struct rm_tile {
    const char *first, *end; /* NULL: none */
    bool fresh;              /* made, and the pooling stream has not waited for that yet */
    bool pooling;            /* read by kernels that `pooled` stands behind */
    cudaEvent_t pooled;
} rm_tile;

struct rm_context {
    rm_device device;
    int32_t processors;
    char variant[16];
    cudaStream_t compute, copy, pooling;
    cudaEvent_t copied[RM_SLOTS], used[RM_SLOTS];
    int32_t slot; /* that the next rows go to */
    rm_tile tiles[RM_TILES];
    int32_t next_tile;    /* the oldest of them */
    cudaEvent_t made;     /* what one of compute and pooling has done, for the other to wait for */
    cublasHandle_t blas;  /* NULL until the first product */
    ropemap_freqs *freqs; /* those that device_freqs holds; pairs = 0: none yet */

    /* device memory */
    rm_buffer workspace; /* cuBLAS's */
    rm_buffer device_freqs;
    rm_buffer rows[RM_SLOTS];     /* [., head_dim] fp32, as they come */
    rm_buffer rotated;            /* likewise, between two kernels */
    rm_buffer parts, sums;        /* double */
    rm_buffer centre, wide, gram; /* double */
    rm_buffer total;              /* double */
    rm_buffer values;             /* double */
    rm_buffer pieces;             /* of a tile, on their way into cells */
    rm_buffer cell_arrays[4];     /* extreme or sum, square, pairs */
    rm_accumulator cells;         /* in device memory */

    rm_buffer pinned; /* the host's, for results */

    /* for benchmarks alone */
    cudaEvent_t marks[2]; /* NULL until the first mark */
    rm_buffer flush;      /* twice the second-level cache */

    /* What is being done, for messages. */
    const char *stage;
    int64_t tile_row, tile_col, tile_rows, tile_cols; /* position indices; tile_rows = 0: no tile */
};

/* Makes the context's device the calling thread's, and names what follows. */
ropemap_status rm_cuda_begin(rm_context *context, const char *stage, ropemap_error *error);

/* ROPEMAP_RESOURCES with call, stage, tile, device and reason where a code is no success. */
ropemap_status rm_cuda_check(rm_context *context, cudaError_t code, const char *call, ropemap_error *error);
ropemap_status rm_blas_check(rm_context *context, cublasStatus_t code, const char *call,
                             ropemap_error *error);

/* A call of the run time, or of a launcher, that returns from the function where it fails. */
#define RM_CUDA(context, error, call) RM_TRY(rm_cuda_check(context, call, #call, error))
#define RM_BLAS(context, error, call) RM_TRY(rm_blas_check(context, call, #call, error))

/* At least `bytes` of device memory in the buffer, what was in it is lost; pinned: of the host's memory. */
ropemap_status rm_buffer_reserve(rm_context *context, rm_buffer *buffer, uint64_t bytes,
                                 ropemap_error *error);
ropemap_status rm_pinned_reserve(rm_context *context, uint64_t bytes, ropemap_error *error);
void rm_buffer_free(rm_buffer *buffer);

/* Copies [rows, cols] floats between the host's memory and the device's. */
ropemap_status rm_cuda_copy(rm_context *context, rm_view from, rm_view to, enum cudaMemcpyKind kind,
                            cudaStream_t stream, ropemap_error *error);

/* Waits for the compute stream. */
ropemap_status rm_cuda_wait(rm_context *context, ropemap_error *error);

/* What comes on the compute stream writes there: not before tiles that lie there are pooled. */
ropemap_status rm_tile_overwrite(rm_context *context, rm_view memory, ropemap_error *error);
/* What was given to the compute stream last makes a tile, or several, there. */
ropemap_status rm_tile_made(rm_context *context, rm_view tile, ropemap_error *error);
/* What comes on the pooling stream reads the tile: not before it is made. Afterwards: rm_tile_pooled. */
ropemap_status rm_tile_read(rm_context *context, rm_view tile, rm_tile **read, ropemap_error *error);
ropemap_status rm_tile_pooled(rm_context *context, rm_tile *read, ropemap_error *error);
/* The compute stream waits for all that is pooled; and what is pooled later for all that it has done. */
ropemap_status rm_tile_pause(rm_context *context, ropemap_error *error);
ropemap_status rm_tile_go_on(rm_context *context, ropemap_error *error);
/* Waits for the pooling stream. */
ropemap_status rm_tile_wait(rm_context *context, ropemap_error *error);

/* Rows of the host's memory to the device, dense, for kernels on the compute stream; `from` is free again.
 * After the kernels that read them: rm_cuda_uploaded_used. */
ropemap_status rm_cuda_upload(rm_context *context, rm_view from, rm_view *rows, ropemap_error *error);
ropemap_status rm_cuda_uploaded_used(rm_context *context, ropemap_error *error);

/* Device memory that holds `freqs`. */
ropemap_status rm_cuda_freqs(rm_context *context, const ropemap_freqs *freqs, const ropemap_freqs **device,
                             ropemap_error *error);

/* Rotates, and normalises, rows that are on the device; both views are. */
ropemap_status rm_cuda_rotate_rows(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                                   rm_view from, rm_view to, ropemap_error *error);

/* The handle of cuBLAS on the compute stream. */
ropemap_status rm_cuda_blas(rm_context *context, ropemap_error *error);

/* Entries of the table in probe.h. */
extern const rm_probe rm_cuda_probe;

/* Entries of the table in backend.h. */
ropemap_status rm_cuda_open(rm_context **context, const rm_device *device, ropemap_error *error);
void rm_cuda_close(rm_context *context);
ropemap_status rm_cuda_finish(rm_context *context, ropemap_error *error);
ropemap_status rm_cuda_rotate(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_view from, rm_view to, ropemap_error *error);
ropemap_status rm_cuda_rotate_sum(rm_context *context, const rm_rotation *rotation, const rm_partition *axis,
                                  int64_t first, rm_view from, double *sums, ropemap_error *error);
ropemap_status rm_cuda_moment(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                              rm_view from, const double *centre, double *moment, ropemap_error *error);
ropemap_status rm_cuda_similarity(rm_context *context, ropemap_dtype dtype, int64_t blocks, rm_view queries,
                                  rm_view keys, rm_view tile, ropemap_error *error);
ropemap_status rm_cuda_products(rm_context *context, rm_view a, rm_view b, rm_view tiles, double *total,
                                ropemap_error *error);
ropemap_status rm_cuda_cells_begin(rm_context *context, rm_accumulator *cells, ropemap_error *error);
ropemap_status rm_cuda_pool(rm_context *context, const rm_grid *grid, rm_view tile, int64_t row_first,
                            int64_t col_first, rm_accumulator *cells, ropemap_error *error);
ropemap_status rm_cuda_cells_end(rm_context *context, rm_accumulator *cells, ropemap_error *error);
ropemap_status rm_cuda_distances(rm_context *context, const ropemap_freqs *freqs, double weight,
                                 ropemap_range distances, double *values, ropemap_error *error);

#endif
