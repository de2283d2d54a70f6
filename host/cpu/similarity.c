/* similarity.c - dot products of rows, and sums of them: tiles, long rows, second moments */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/base/alloc.h"
#include "host/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* ---- dot products */

enum { KEYS_AT_ONCE = 64 }; /* packed while the queries that they meet once stay in the second-level cache */

/* tile = queries keys^T; long rows are added up part by part. */
static void multiply(rm_context *context, rm_view queries, rm_view keys, rm_view tile) {
    const rm_kernels *kernels = context->kernels;
    for (int64_t key = 0; key < keys.rows; key += KEYS_AT_ONCE) {
        const int64_t keys_left = keys.rows - key;
        const int64_t count = keys_left < KEYS_AT_ONCE ? keys_left : KEYS_AT_ONCE;
        const rm_view some = rm_view_rows(keys, key, count), strip = rm_view_cols(tile, key, count);
        for (int64_t d = 0; d < keys.cols; d += RM_PACKED_DEPTH) {
            const int64_t left = keys.cols - d, depth = left < RM_PACKED_DEPTH ? left : RM_PACKED_DEPTH;
            kernels->pack_keys(rm_view_cols(some, d, depth), &context->packed);
            kernels->multiply_packed(rm_view_cols(queries, d, depth), &context->packed, d > 0, strip);
        }
    }
}

/* Rows are rounded to the type already, and hold its numbers as floats. */
ropemap_status rm_cpu_similarity(rm_context *context, ropemap_dtype dtype, int64_t blocks, rm_view queries,
                                 rm_view keys, rm_view tile, ropemap_error *error) {
    (void)dtype;
    (void)blocks; /* no row knows of its neighbours */
    (void)error;
    multiply(context, queries, keys, tile);
    return ROPEMAP_OK;
}

/* Rows of a tile that are pooled while they are in the first- or second-level cache: whole patches. */
enum { STRIP = 48 };

/* Keys are packed once where they fit; the tile holds a strip at a time. */
ropemap_status rm_cpu_similarity_pool(rm_context *context, ropemap_dtype dtype, rm_view queries, rm_view keys,
                                      rm_view tile, const rm_grid *grid, int64_t row_first, int64_t col_first,
                                      rm_accumulator *cells, ropemap_error *error) {
    (void)dtype; /* rows hold floats, whatever they are rounded to */
    const bool fits = keys.rows <= RM_PACKED_KEYS && keys.cols <= RM_PACKED_DEPTH;
    const int64_t height = fits && STRIP < tile.rows ? STRIP : tile.rows;
    if (fits) {
        context->kernels->pack_keys(keys, &context->packed);
    }
    for (int64_t first = 0; first < queries.rows; first += height) {
        const int64_t left = queries.rows - first, count = left < height ? left : height;
        const rm_view rows = rm_view_rows(queries, first, count);
        const rm_view strip = rm_view_cols(rm_view_rows(tile, 0, count), 0, keys.rows);
        if (fits) {
            context->kernels->multiply_packed(rows, &context->packed, false, strip);
        } else {
            multiply(context, rows, keys, strip);
        }
        RM_TRY(rm_cpu_pool(context, grid, strip, row_first + first, col_first, cells, error));
    }
    return ROPEMAP_OK;
}

/* One chunk after the other, in the first tile. */
ropemap_status rm_cpu_products(rm_context *context, rm_view a, rm_view b, rm_view tiles, double *total,
                               ropemap_error *error) {
    (void)error;
    const rm_view tile = rm_view_rows(tiles, 0, a.rows);
    memset(total, 0, (size_t)(a.rows * b.rows) * sizeof *total);
    for (int64_t first = 0; first < a.cols; first += RM_PRODUCT_CHUNK) {
        const int64_t left = a.cols - first, count = left < RM_PRODUCT_CHUNK ? left : RM_PRODUCT_CHUNK;
        multiply(context, rm_view_cols(a, first, count), rm_view_cols(b, first, count), tile);
        for (int64_t i = 0; i < a.rows; i++) {
            for (int64_t j = 0; j < b.rows; j++) {
                total[i * b.rows + j] += (double)tile.data[i * tile.stride + j];
            }
        }
    }
    return ROPEMAP_OK;
}

/* ---- second moments: groups of rows are multiplied in float and added up in double */

static void subtract_centre(rm_view rows, const double *centre) {
    for (int64_t i = 0; i < rows.rows; i++) {
        float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            row[d] = (float)((double)row[d] - centre[d]);
        }
    }
}

/* The exponent of the power of two that is just above the largest element; 0 for rows of zeros, and where
 * there is NaN or infinity. */
static int exponent_of(rm_view rows) {
    float largest = 0.0f;
    for (int64_t i = 0; i < rows.rows; i++) {
        const float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            largest = fabsf(row[d]) > largest ? fabsf(row[d]) : largest;
        }
    }
    int exponent = 0;
    if (largest != 0.0f && isfinite(largest)) {
        (void)frexpf(largest, &exponent);
    }
    return exponent;
}

/* to = rows^T / 2^exponent, so that squares stay in the range of float. */
static void transpose_scaled(rm_view rows, int exponent, rm_view to) {
    const double power = ldexp(1.0, -exponent); /* may lie beyond float */
    for (int64_t d = 0; d < to.rows; d++) {
        for (int64_t i = 0; i < to.cols; i++) {
            to.data[d * to.stride + i] = (float)((double)rows.data[i * rows.stride + d] * power);
        }
    }
}

static ropemap_status make_room(rm_context *context, int64_t dim, ropemap_error *error) {
    if (context->moment_dim == dim) {
        return ROPEMAP_OK;
    }
    rm_free(context->moment_rows);
    rm_free(context->moment_columns);
    rm_free(context->gram);
    context->moment_dim = 0;
    context->moment_rows = rm_alloc_raw((uint64_t)(RM_MOMENT_ROWS * dim), sizeof(float));
    context->moment_columns = rm_alloc_raw((uint64_t)(RM_MOMENT_ROWS * dim), sizeof(float));
    context->gram = rm_alloc_raw((uint64_t)(dim * dim), sizeof(float));
    if (context->moment_rows == NULL || context->moment_columns == NULL || context->gram == NULL) {
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
        const rm_view columns = rm_view_dense(context->moment_columns, dim, count);
        RM_TRY(rm_cpu_rotate(context, rotation, part, rm_view_rows(from, first, count), rows, error));
        if (centre != NULL) {
            subtract_centre(rows, centre);
        }
        const int exponent = exponent_of(rows);
        transpose_scaled(rows, exponent, columns);
        multiply(context, columns, columns, gram);
        const double power = ldexp(1.0, 2 * exponent);
        for (int64_t i = 0; i < dim * dim; i++) {
            moment[i] += (double)context->gram[i] * power;
        }
    }
    return ROPEMAP_OK;
}
