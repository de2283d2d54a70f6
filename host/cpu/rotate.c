/* rotate.c - rotated rows and their sums */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { LANES = RM_PARTIAL_SUMS }; /* their fixed order gives the same bits for vectors of any width */

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

/* At most RM_GROUP rows are added in float before double takes over. */

/* The table of small turns for this rule and step, made anew where the context holds another. */
static const rm_turns *turns_for(rm_context *context, const ropemap_freqs *freqs, int64_t step) {
    rm_turns *turns = &context->turns;
    const size_t bytes = (size_t)freqs->pairs * sizeof *turns->freq;
    const bool same =
        turns->step == step && turns->pairs == freqs->pairs && memcmp(turns->freq, freqs->step, bytes) == 0;
    if (!same) {
        turns->step = step;
        turns->pairs = freqs->pairs;
        memcpy(turns->freq, freqs->step, bytes);
        context->kernels->turns_fill(freqs, turns);
    }
    return turns;
}

/* sums[d] += the sum of column d, for columns [first, rows.cols). */
static void add_columns(rm_view rows, int64_t first, double *sums) {
    float columns[ROPEMAP_MAX_HEAD_DIM];
    for (int64_t d = first; d < rows.cols; d++) {
        columns[d] = rows.data[d];
    }
    for (int64_t i = 1; i < rows.rows; i++) {
        const float *row = rows.data + i * rows.stride;
        for (int64_t d = first; d < rows.cols; d++) {
            columns[d] += row[d];
        }
    }
    for (int64_t d = first; d < rows.cols; d++) {
        sums[d] += (double)columns[d];
    }
}

static ropemap_status add_group(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                                rm_view rows, double *sums, ropemap_error *error) {
    if (rotation->rotate && !rotation->normalise) {
        const ropemap_freqs *freqs = rotation->freqs;
        const rm_turns *turns = turns_for(context, freqs, positions.step);
        context->kernels->rotate_sum(turns, freqs, rotation->layout, positions.first, rows, sums);
        add_columns(rows, 2 * (int64_t)freqs->pairs, sums);
        return ROPEMAP_OK;
    }
    const rm_view group = rm_view_dense(context->group, rows.rows, rows.cols);
    RM_TRY(rm_cpu_rotate(context, rotation, positions, rows, group, error));
    add_columns(group, 0, sums);
    return ROPEMAP_OK;
}

/* Rows of one cell: groups are counted from the first of them. */
static ropemap_status add_cell(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                               rm_view from, double *sums, ropemap_error *error) {
    for (int64_t first = 0; first < positions.count; first += RM_GROUP) {
        const int64_t left = positions.count - first;
        const ropemap_range part = {.first = rm_position(positions, first),
                                    .count = left < RM_GROUP ? left : RM_GROUP,
                                    .step = positions.step};
        RM_TRY(add_group(context, rotation, part, rm_view_rows(from, first, part.count), sums, error));
    }
    return ROPEMAP_OK;
}

ropemap_status rm_cpu_rotate_sum(rm_context *context, const rm_rotation *rotation, const rm_partition *axis,
                                 int64_t first, rm_view from, double *sums, ropemap_error *error) {
    const int64_t end = first + from.rows, first_cell = rm_partition_cell_of(axis, first);
    for (int64_t cell = first_cell, at = first; at < end; cell++) {
        const int64_t cell_end = rm_partition_cell(axis, cell).end, to = cell_end < end ? cell_end : end;
        const ropemap_range positions = {
            .first = rm_position(axis->range, at), .count = to - at, .step = axis->range.step};
        RM_TRY(add_cell(context, rotation, positions, rm_view_rows(from, at - first, to - at),
                        sums + (cell - first_cell) * from.cols, error));
        at = to;
    }
    return ROPEMAP_OK;
}
