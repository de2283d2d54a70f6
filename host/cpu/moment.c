/* moment.c - second moments of rotated rows, about a centre */
/* SPDX-License-Identifier: MIT */
/* Groups of rows are multiplied in float and added up in double. */
#include "host/base/alloc.h"
#include "host/cpu/cpu.h"

#include <math.h>

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
