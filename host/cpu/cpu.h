/* cpu.h - the stages of the CPU backend, one file each, and what a worker's context holds */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_CPU_CPU_H
#define ROPEMAP_HOST_CPU_CPU_H

#include "host/cpu/kernels.h"

enum { RM_MOMENT_ROWS = 64 }; /* rows of a group: they stay in the first- or second-level cache */

enum {
    RM_CPU_BLAS_ROOM = 160 * 1048576
}; /* addresses: a BLAS buffer of 128 MiB, a thread's stack, some more */

struct rm_context {
    const rm_kernels *kernels;
    float *group; /* [RM_GROUP, ROPEMAP_MAX_HEAD_DIM] rotated rows, on their way into a sum */
    rm_turns turns;
    int64_t moment_dim; /* of the next two, NULL until second moments are asked for */
    float *moment_rows; /* [RM_MOMENT_ROWS, moment_dim] rotated */
    float *gram;        /* [moment_dim, moment_dim] of one group of rows */
    void *blas_room;    /* RM_CPU_BLAS_ROOM addresses, held until the first product */
};

/* Entries of the table in backend.h. */
ropemap_status rm_cpu_rotate(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                             rm_view from, rm_view to, ropemap_error *error);
ropemap_status rm_cpu_rotate_sum(rm_context *context, const rm_rotation *rotation, const rm_partition *axis,
                                 int64_t first, rm_view from, double *sums, ropemap_error *error);
ropemap_status rm_cpu_moment(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                             rm_view from, const double *centre, double *moment, ropemap_error *error);
ropemap_status rm_cpu_similarity(rm_context *context, ropemap_dtype dtype, int64_t blocks, rm_view queries,
                                 rm_view keys, rm_view tile, ropemap_error *error);
ropemap_status rm_cpu_products(rm_context *context, rm_view a, rm_view b, rm_view tile, double *total,
                               ropemap_error *error);
ropemap_status rm_cpu_pool(rm_context *context, const rm_grid *grid, rm_view tile, int64_t row_first,
                           int64_t col_first, rm_accumulator *cells, ropemap_error *error);

/* gram = x^T x, both triangles, [cols of x, cols of x]. */
ropemap_status rm_cpu_gram(rm_context *context, rm_view rows, rm_view gram, ropemap_error *error);

#endif
