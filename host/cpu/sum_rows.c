/* sum_rows.c - rotate and pool rows in one pass */
/* SPDX-License-Identifier: MIT */
/* At most RM_GROUP rows are added in float before double takes over. */
#include "host/cpu/cpu.h"

#include <string.h>

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

ropemap_status rm_cpu_rotate_sum(rm_context *context, const rm_rotation *rotation, const rm_axis *axis,
                                 int64_t first, rm_view from, double *sums, ropemap_error *error) {
    const int64_t end = first + from.rows, first_cell = rm_axis_cell_of(axis, first);
    for (int64_t cell = first_cell, at = first; at < end; cell++) {
        const int64_t cell_end = rm_axis_cell(axis, cell).end, to = cell_end < end ? cell_end : end;
        const ropemap_range positions = {
            .first = rm_position(axis->range, at), .count = to - at, .step = axis->range.step};
        RM_TRY(add_cell(context, rotation, positions, rm_view_rows(from, at - first, to - at),
                        sums + (cell - first_cell) * from.cols, error));
        at = to;
    }
    return ROPEMAP_OK;
}
