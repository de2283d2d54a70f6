/* rotated_rows.c - rows on their way into a stage: rotated, or as they are, of length 1 and rounded where
 * asked */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { LANES = 8 }; /* partial sums of a fixed order, so that vectors of any width give the same bits */

static double sum_of_squares(const float *row, int64_t cols) {
    double lanes[LANES] = {0};
    int64_t d = 0;
    for (; d + LANES <= cols; d += LANES) {
        for (int64_t lane = 0; lane < LANES; lane++) {
            lanes[lane] += (double)row[d + lane] * (double)row[d + lane];
        }
    }
    double sum = 0.0;
    for (int64_t lane = 0; lane < LANES; lane++) {
        sum += lanes[lane];
    }
    for (; d < cols; d++) {
        sum += (double)row[d] * (double)row[d];
    }
    return sum;
}

/* A zero row becomes NaN: it has no direction. */
static void normalise_rows(rm_view rows) {
    for (int64_t i = 0; i < rows.rows; i++) {
        float *row = rows.data + i * rows.stride;
        const double square = sum_of_squares(row, rows.cols);
        const double inverse = square > 0.0 ? 1.0 / sqrt(square) : (double)NAN;
        for (int64_t d = 0; d < rows.cols; d++) {
            row[d] = (float)((double)row[d] * inverse);
        }
    }
}

/* A number of the type, as a float. */
static float rounded(ropemap_dtype dtype, float value) {
    switch (dtype) {
    case ROPEMAP_DTYPE_TF32:
        return rm_tf32_from_float(value);
    case ROPEMAP_DTYPE_BF16:
        return rm_float_from_bfloat(rm_bfloat_from_float(value));
    case ROPEMAP_DTYPE_FP16:
        return rm_float_from_half(rm_half_from_float(value));
    case ROPEMAP_DTYPE_FP32:
        break;
    }
    return value;
}

static void round_rows(ropemap_dtype dtype, rm_view rows) {
    for (int64_t i = 0; i < rows.rows; i++) {
        float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            row[d] = rounded(dtype, row[d]);
        }
    }
}

ropemap_status rm_cpu_rotate(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                             rm_view from, rm_view to, ropemap_error *error) {
    (void)error;
    if (rotation->rotate) {
        context->kernels->rotate(rotation->freqs, rotation->layout, positions, from, to);
    } else {
        for (int64_t i = 0; i < positions.count; i++) {
            memcpy(to.data + i * to.stride, from.data + i * from.stride, (size_t)from.cols * sizeof(float));
        }
    }
    if (rotation->normalise) {
        normalise_rows(rm_view_rows(to, 0, positions.count));
    }
    if (rotation->dtype != ROPEMAP_DTYPE_FP32) {
        round_rows(rotation->dtype, rm_view_rows(to, 0, positions.count));
    }
    for (int64_t i = positions.count; i < to.rows; i++) {
        memset(to.data + i * to.stride, 0, (size_t)to.cols * sizeof *to.data);
    }
    return ROPEMAP_OK;
}
