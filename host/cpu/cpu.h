/* cpu.h - the stages of the CPU backend, one file each, and what a worker's context holds */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_CPU_CPU_H
#define ROPEMAP_HOST_CPU_CPU_H

#include "host/cpu/kernels.h"

enum { RM_MOMENT_ROWS = 64 }; /* rows of a group: they stay in the first- or second-level cache */

struct rm_context {
    const rm_kernels *kernels;
    float *group; /* [RM_GROUP, ROPEMAP_MAX_HEAD_DIM] rotated rows, on their way into a sum */
    rm_turns turns;
    rm_packed packed;               /* keys of the product in progress */
    int64_t moment_dim;             /* of the next three, NULL until the first second moment */
    float *moment_rows;             /* [RM_MOMENT_ROWS, moment_dim] rotated */
    float *moment_columns;          /* [moment_dim, RM_MOMENT_ROWS] the same, scaled */
    struct rm_cpu_softmax *softmax; /* NULL until the first block of softmax */
    float *gram;                    /* [moment_dim, moment_dim] of one group of rows */
};

/* Entries of the table in backend.h. */
rm_rotate_op rm_cpu_rotate;
rm_rotate_sum_op rm_cpu_rotate_sum;
rm_moment_op rm_cpu_moment;
rm_similarity_op rm_cpu_similarity;
rm_similarity_pool_op rm_cpu_similarity_pool;
rm_products_op rm_cpu_products;
rm_pool_op rm_cpu_pool;
rm_softmax_begin_op rm_cpu_softmax_begin;
rm_softmax_take_op rm_cpu_softmax_take;
rm_softmax_end_op rm_cpu_softmax_end;

enum { RM_SOFTMAX_QUERIES = 256 }; /* of a block */

int64_t rm_cpu_softmax_bytes(const rm_softmax *softmax, int64_t head_dim);
void rm_cpu_softmax_free(struct rm_cpu_softmax *softmax); /* NULL is fine */

#endif
