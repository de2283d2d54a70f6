/* similarity.c - dot products of rows, by BLAS, and moments */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/blas.h"
#include "host/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* Groups of rows are multiplied in float and added up in double. */

static void subtract_centre(rm_view rows, const double *centre) {
    for (int64_t i = 0; i < rows.rows; i++) {
        float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            row[d] = (float)((double)row[d] - centre[d]);
        }
    }
}

/* Divides rows by the power of two that brings their largest element to [1/2, 1), so that squares stay in the
 * range of float, and returns its exponent. Rows of zeros, or with NaN or infinity, stay as they are. */
static int bring_near_one(rm_view rows) {
    float largest = 0.0f;
    for (int64_t i = 0; i < rows.rows; i++) {
        const float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            largest = fabsf(row[d]) > largest ? fabsf(row[d]) : largest;
        }
    }
    int exponent = 0;
    if (largest == 0.0f || !isfinite(largest)) {
        return 0;
    }
    (void)frexpf(largest, &exponent);
    const double power = ldexp(1.0, -exponent); /* may lie beyond float */
    for (int64_t i = 0; i < rows.rows; i++) {
        float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            row[d] = (float)((double)row[d] * power);
        }
    }
    return exponent;
}

static ropemap_status make_room(rm_context *context, int64_t dim, ropemap_error *error) {
    if (context->moment_dim == dim) {
        return ROPEMAP_OK;
    }
    rm_free(context->moment_rows);
    rm_free(context->gram);
    context->moment_dim = 0;
    context->moment_rows = rm_alloc_raw((uint64_t)(RM_MOMENT_ROWS * dim), sizeof(float));
    context->gram = rm_alloc_raw((uint64_t)(dim * dim), sizeof(float));
    if (context->moment_rows == NULL || context->gram == NULL) {
        return rm_fail_memory(error, "second moments", (uint64_t)(dim * dim) * sizeof(float));
    }
    context->moment_dim = dim;
    return ROPEMAP_OK;
}

ropemap_status rm_cpu_moment(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                             rm_view from, const double *centre, double *moment, ropemap_error *error) {
    const int64_t dim = from.cols;
    RM_TRY(make_room(context, dim, error));
    const rm_view gram = rm_view_dense(context->gram, dim, dim);
    for (int64_t first = 0; first < positions.count; first += RM_MOMENT_ROWS) {
        const int64_t left = positions.count - first, count = left < RM_MOMENT_ROWS ? left : RM_MOMENT_ROWS;
        const ropemap_range part = {
            .first = rm_position(positions, first), .count = count, .step = positions.step};
        const rm_view rows = rm_view_dense(context->moment_rows, count, dim);
        RM_TRY(rm_cpu_rotate(context, rotation, part, rm_view_rows(from, first, count), rows, error));
        if (centre != NULL) {
            subtract_centre(rows, centre);
        }
        const double power = ldexp(1.0, 2 * bring_near_one(rows));
        RM_TRY(rm_cpu_gram(context, rows, gram, error));
        for (int64_t i = 0; i < dim * dim; i++) {
            moment[i] += (double)context->gram[i] * power;
        }
    }
    return ROPEMAP_OK;
}

/*
 * Workers take whole tiles, so BLAS must not start threads of its own, and the bits of its products change
 * with its thread count. The OpenMP build takes its count from the calling thread alone: it is set to one
 * around each call and put back, so that the caller's own OpenMP work is not touched.
 *
 * A thread's first product takes a buffer of 128 MiB of addresses, and OpenBLAS asks for it without end where
 * a limit (`ulimit -v`) leaves none. So a context holds as much from its opening, which fails in order, and
 * lets go here.
 */

enum { CHUNK = RM_PRODUCT_CHUNK };

/* Makes ready for a product on this thread; `before` is given to blas_end. */
static ropemap_status blas_begin(rm_context *context, const rm_blas **blas, int *before,
                                 ropemap_error *error) {
    RM_TRY(rm_blas_load(blas, error));
    rm_address_space_give(context->blas_room, RM_CPU_BLAS_ROOM);
    context->blas_room = NULL;
    if ((*blas)->get_max_threads != NULL) {
        *before = (*blas)->get_max_threads();
        (*blas)->set_num_threads(1);
    }
    return ROPEMAP_OK;
}

static void blas_end(const rm_blas *blas, int before) {
    if (blas->get_max_threads != NULL) {
        blas->set_num_threads(before);
    }
}

/* Rows are rounded to the type already, and hold its numbers as floats. */
ropemap_status rm_cpu_similarity(rm_context *context, ropemap_dtype dtype, int64_t blocks, rm_view queries,
                                 rm_view keys, rm_view tile, ropemap_error *error) {
    (void)dtype;
    const int64_t rows = queries.rows / blocks;
    const rm_blas *blas = NULL;
    int before = 1;
    RM_TRY(blas_begin(context, &blas, &before, error));
    for (int64_t first = 0; first < queries.rows; first += rows) {
        const rm_view q = rm_view_rows(queries, first, rows), to = rm_view_rows(tile, first, rows);
        blas->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)rows, (blasint)keys.rows,
                    (blasint)queries.cols, 1.0f, q.data, (blasint)q.stride, keys.data, (blasint)keys.stride,
                    0.0f, to.data, (blasint)to.stride);
    }
    blas_end(blas, before);
    return ROPEMAP_OK;
}

/* One part after the other, in the first tile. */
ropemap_status rm_cpu_products(rm_context *context, rm_view a, rm_view b, rm_view tiles, double *total,
                               ropemap_error *error) {
    const rm_view tile = rm_view_rows(tiles, 0, a.rows);
    memset(total, 0, (size_t)(a.rows * b.rows) * sizeof *total);
    for (int64_t first = 0; first < a.cols; first += CHUNK) {
        const int64_t left = a.cols - first, count = left < CHUNK ? left : CHUNK;
        RM_TRY(rm_cpu_similarity(context, ROPEMAP_DTYPE_FP32, 1, rm_view_cols(a, first, count),
                                 rm_view_cols(b, first, count), tile, error));
        for (int64_t i = 0; i < a.rows; i++) {
            for (int64_t j = 0; j < b.rows; j++) {
                total[i * b.rows + j] += (double)tile.data[i * tile.stride + j];
            }
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_cpu_gram(rm_context *context, rm_view rows, rm_view gram, ropemap_error *error) {
    const rm_blas *blas = NULL;
    int before = 1;
    RM_TRY(blas_begin(context, &blas, &before, error));
    blas->sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)rows.cols, (blasint)rows.cols,
                (blasint)rows.rows, 1.0f, rows.data, (blasint)rows.stride, rows.data, (blasint)rows.stride,
                0.0f, gram.data, (blasint)gram.stride);
    blas_end(blas, before);
    return ROPEMAP_OK;
}
