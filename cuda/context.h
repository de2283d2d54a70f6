/* context.h - a worker's context of the CUDA backend, and the stages that use it */
/* SPDX-License-Identifier: MIT */
/*
 * A context has three streams. `copy` uploads rows into two buffers alternately while earlier work still runs
 * on `compute`; `pooling` pools tiles, and alone touches cells, while `compute` makes the next tile
 * elsewhere. Everything else is in the order of the calls. Device memory grows to what a call needs and is
 * kept: after the first band nothing is allocated.
 */
#ifndef ROPEMAP_CUDA_CONTEXT_H
#define ROPEMAP_CUDA_CONTEXT_H

#include "cuda/kernels.h"
#include "host/device/gpu_timing.h"

#include <cublas_v2.h>

/* Memory that is kept from call to call. */
typedef struct rm_buffer {
    void *memory;
    uint64_t bytes;
} rm_buffer;

enum {
    RM_LENT = 32, /* pieces of memory that the host holds, or that wait for the next map of a session */
    RM_SLOTS = 2, /* buffers of rows as they come: one is filled while the other is read */
    RM_TILES = 2  /* tiles in flight: for one more, the oldest is waited for */
};

/* Memory that the host asked for, and has or gave back. */
typedef struct rm_lent {
    rm_buffer buffer;
    bool pinned, spare;
} rm_lent;

/* Memory that tiles are pooled from. */
typedef struct rm_tile {
    const char *first, *end; /* NULL: none */
    bool fresh;              /* made, and not yet waited for by the pooling stream */
    bool pooling;            /* being read by kernels that end before `pooled` */
    cudaEvent_t pooled;
} rm_tile;

struct rm_context {
    rm_device device;
    int32_t sm_count;
    int32_t major;       /* of the compute capability */
    int32_t shared_most; /* bytes of shared memory that a block of threads may ask for */
    char variant[16];
    uint32_t fused_right[2]; /* without and by warpgroups, a bit of each pool and type: it is known to be */
    bool starved;            /* what failed last wanted memory */
    cudaStream_t compute, copy, pooling;
    cudaEvent_t copied[RM_SLOTS], used[RM_SLOTS];
    int32_t slot; /* of the next rows */
    rm_tile tiles[RM_TILES];
    int32_t next_tile;    /* the oldest of them */
    cudaEvent_t made;     /* a point of compute or pooling for the other to wait for */
    cublasHandle_t blas;  /* NULL until the first product */
    ropemap_freqs *freqs; /* in device_freqs; pairs = 0: none yet */

    /* device memory */
    rm_buffer workspace; /* cuBLAS's */
    rm_buffer device_freqs;
    rm_buffer rows[RM_SLOTS];     /* [., head_dim] fp32, as they come */
    rm_buffer rotated;            /* [., head_dim] fp32, between two kernels */
    rm_buffer parts, sums;        /* double */
    rm_buffer centre, wide, gram; /* double */
    rm_buffer total;              /* double */
    rm_buffer values;             /* double */
    rm_buffer pieces;             /* of a tile, before they are merged into cells */
    rm_buffer trial;              /* what a check of the fused kernel computes on */
    rm_buffer softmax_memory;     /* all that `softmax` points to */
    rm_buffer cell_arrays[4];     /* extreme or sum, square, pairs */
    rm_accumulator cells;         /* in device memory */

    /* the block of softmax in progress */
    rm_softmax_work softmax;
    rm_view softmax_queries;
    ropemap_dtype softmax_dtype;

    rm_buffer pinned; /* host memory for results */
    rm_lent lent[RM_LENT];

    /* for benchmarks alone */
    bool by_warps;         /* fused products, even where there are warpgroups */
    cudaEvent_t marks[2];  /* NULL until the first mark */
    rm_buffer flush;       /* twice the second-level cache */
    cudaGraphExec_t graph; /* the latest; NULL: none */

    /* The current operation, for error messages. */
    const char *stage;
    int64_t tile_row, tile_col, tile_rows, tile_cols; /* position indices; tile_rows = 0: no tile */
};

/* Makes the context's device current and names the stage for error messages. */
ropemap_status rm_cuda_begin(rm_context *context, const char *stage, ropemap_error *error);

/* ROPEMAP_RESOURCES with call, stage, tile, device and reason unless the code is success. */
ropemap_status rm_cuda_check(rm_context *context, cudaError_t code, const char *call, ropemap_error *error);
ropemap_status rm_blas_check(rm_context *context, cublasStatus_t code, const char *call,
                             ropemap_error *error);

/* Calls the CUDA runtime, or a launcher, and returns from the function on failure. */
#define RM_CUDA(context, error, call) RM_TRY(rm_cuda_check(context, call, #call, error))
#define RM_BLAS(context, error, call) RM_TRY(rm_blas_check(context, call, #call, error))

/* At least `bytes` of device memory in the buffer, contents lost; pinned: of host memory. */
ropemap_status rm_buffer_reserve(rm_context *context, rm_buffer *buffer, uint64_t bytes,
                                 ropemap_error *error);
ropemap_status rm_pinned_reserve(rm_context *context, uint64_t bytes, ropemap_error *error);
void rm_buffer_free(rm_buffer *buffer);

/* Memory for the host, the device's or pinned: what was given back and fits, else new. NULL: none is left. A
 * context's own work on it is in order, so that it may be lent again before that has ended. */
void *rm_lend(rm_context *context, uint64_t bytes, bool pinned, cudaError_t *code);
void rm_give_back(rm_context *context, void *memory, bool pinned); /* NULL is fine */

/* Copies [rows, cols] floats between the host's memory and the device's. */
ropemap_status rm_cuda_copy(rm_context *context, rm_view from, rm_view to, enum cudaMemcpyKind kind,
                            cudaStream_t stream, ropemap_error *error);

/* Frees the latest graph, if there is one; nothing that was launched runs any more. */
void rm_cuda_drop_graph(rm_context *context);

/* Waits for the compute stream. */
ropemap_status rm_cuda_wait(rm_context *context, ropemap_error *error);

/* Later work on compute may write there: it waits until tiles that lie there are pooled. */
ropemap_status rm_tile_overwrite(rm_context *context, rm_view memory, ropemap_error *error);
/* The latest work on compute makes a tile, or several, there. */
ropemap_status rm_tile_made(rm_context *context, rm_view tile, ropemap_error *error);
/* Later work on pooling may read the tile: it waits until it is made. Then call rm_tile_pooled. */
ropemap_status rm_tile_read(rm_context *context, rm_view tile, rm_tile **read, ropemap_error *error);
ropemap_status rm_tile_pooled(rm_context *context, rm_tile *read, ropemap_error *error);
/* compute waits for all pooling so far; and later pooling for all of compute so far. */
ropemap_status rm_tile_pause(rm_context *context, ropemap_error *error);
ropemap_status rm_tile_go_on(rm_context *context, ropemap_error *error);
/* Waits for the pooling stream. */
ropemap_status rm_tile_wait(rm_context *context, ropemap_error *error);

/* Copies rows from host memory to the device, dense, for kernels on compute; `from` may be reused on return.
 * After launching the kernels that read them, call rm_cuda_uploaded_used. */
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

/* The table in gpu_timing.h. */
extern const rm_gpu_timing rm_cuda_timing;

/* Entries of the table in backend.h. */
rm_open_op rm_cuda_open;
rm_close_op rm_cuda_close;
rm_finish_op rm_cuda_finish;
rm_rotate_op rm_cuda_rotate;
rm_rotate_sum_op rm_cuda_rotate_sum;
rm_moment_op rm_cuda_moment;
rm_similarity_op rm_cuda_similarity;
rm_products_op rm_cuda_products;
rm_cells_begin_op rm_cuda_cells_begin;
rm_pool_op rm_cuda_pool;
rm_similarity_pool_op rm_cuda_similarity_pool;
rm_cells_end_op rm_cuda_cells_end;
rm_distances_op rm_cuda_distances;
rm_softmax_begin_op rm_cuda_softmax_begin;
rm_softmax_take_op rm_cuda_softmax_take;
rm_softmax_end_op rm_cuda_softmax_end;

#endif
