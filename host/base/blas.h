/* blas.h - OpenBLAS, loaded when something is first multiplied, with room for its buffers */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_BLAS_H
#define ROPEMAP_HOST_BASE_BLAS_H

#include "host/base/status.h"

#include <cblas.h>
#include <stddef.h>

/* Addresses without memory behind them: they count only against a limit as `ulimit -v` sets it. NULL: no
 * room. */
void *rm_address_space_hold(size_t bytes);

void rm_address_space_give(void *held, size_t bytes); /* NULL is fine */

typedef void (*rm_sgemm)(CBLAS_ORDER order, CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b,
                         blasint m, blasint n, blasint k, float alpha, const float *a, blasint a_stride,
                         const float *b, blasint b_stride, float beta, float *c, blasint c_stride);

/* What is used of it, under its own names without their prefix. */
typedef struct rm_blas {
    rm_sgemm sgemm;
    char *(*get_corename)(void);
    char *(*get_config)(void);
    int (*get_max_threads)(void); /* OpenMP's, of the calling thread; NULL in a build without OpenMP */
    void (*set_num_threads)(int);
} rm_blas;

/*
 * The library, once for the process; from any thread. Its constructor takes a buffer for each processor and
 * asks for it without end where `ulimit -v` leaves no room, so room is looked for first. ROPEMAP_RESOURCES:
 * there is none, or no such library; the next call tries again.
 */
ropemap_status rm_blas_load(const rm_blas **blas, ropemap_error *error);

/* Whether there is room to load it, or it is loaded. ROPEMAP_RESOURCES. */
ropemap_status rm_blas_check_room(ropemap_error *error);

#endif
