/* rotated_rows.c - rows on their way into a stage: rotated, or as they are, and of length 1 where asked */
/* SPDX-License-Identifier: MIT */
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
    return ROPEMAP_OK;
}
