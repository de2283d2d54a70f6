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
rm_rotate_op rm_cpu_rotate;
rm_rotate_sum_op rm_cpu_rotate_sum;
rm_moment_op rm_cpu_moment;
rm_similarity_op rm_cpu_similarity;
rm_products_op rm_cpu_products;
rm_pool_op rm_cpu_pool;

/* gram = x^T x, both triangles, [cols of x, cols of x]. */
ropemap_status rm_cpu_gram(rm_context *context, rm_view rows, rm_view gram, ropemap_error *error);

#endif
