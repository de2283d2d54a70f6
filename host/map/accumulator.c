/* accumulator.c - what each pool keeps of a cell's pairs so far, and the number it becomes */
/* SPDX-License-Identifier: MIT */
#include "host/map/accumulator.h"
#include "host/base/alloc.h"
#include "host/base/status.h"

#include <math.h>

int64_t rm_accumulator_bytes(ropemap_pool pool) {
    if (rm_pool_is_extreme(pool)) {
        return (int64_t)sizeof(float);
    }
    return (int64_t)sizeof(double) * (pool == ROPEMAP_POOL_STD ? 3 : 1);
}

ropemap_status rm_accumulator_make(rm_accumulator *cells, ropemap_pool pool, int64_t rows, int64_t cols,
                                   ropemap_error *error) {
    const uint64_t count = (uint64_t)rows * (uint64_t)cols;
    *cells = (rm_accumulator){.pool = pool, .rows = rows, .cols = cols};
    bool whole = true;
    if (rm_pool_is_extreme(pool)) {
        cells->extreme = rm_alloc_raw(count, sizeof *cells->extreme);
        whole = cells->extreme != NULL;
    } else {
        cells->sum = rm_alloc_raw(count, sizeof *cells->sum);
        whole = cells->sum != NULL;
    }
    if (pool == ROPEMAP_POOL_STD) {
        cells->square = rm_alloc_raw(count, sizeof *cells->square);
        cells->pairs = rm_alloc_raw(count, sizeof *cells->pairs);
        whole = whole && cells->square != NULL && cells->pairs != NULL;
    }
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "cells", count * (uint64_t)rm_accumulator_bytes(pool));
}

void rm_accumulator_free(rm_accumulator *cells) {
    rm_free(cells->extreme);
    rm_free(cells->sum);
    rm_free(cells->square);
    rm_free(cells->pairs);
    *cells = (rm_accumulator){0};
}

void rm_accumulator_merge_row(rm_accumulator *to, int64_t to_row, const rm_accumulator *from,
                              int64_t from_row) {
    for (int64_t col = 0; col < to->cols; col++) {
        const int64_t a = to_row * to->cols + col, b = from_row * from->cols + col;
        if (to->extreme != NULL) {
            to->extreme[a] = rm_more_extreme(to->pool, to->extreme[a], from->extreme[b]);
        } else if (to->pairs == NULL) {
            to->sum[a] += from->sum[b];
        } else if (from->pairs[b] > 0.0) {
            rm_accumulator_merge(to, a, from->pairs[b], from->sum[b], from->square[b]);
        }
    }
}

static double finish_cell(const rm_accumulator *cells, int64_t cell, double pairs) {
    switch (cells->pool) {
    case ROPEMAP_POOL_MEAN:
        return cells->sum[cell] / pairs;
    case ROPEMAP_POOL_RMS:
        return sqrt(cells->sum[cell] / pairs);
    case ROPEMAP_POOL_STD:
        return sqrt(cells->square[cell] / pairs);
    case ROPEMAP_POOL_MIN:
    case ROPEMAP_POOL_MAX:
    case ROPEMAP_POOL_ABSMAX:
        break;
    }
    return (double)cells->extreme[cell];
}

void rm_accumulator_finish_row(const rm_accumulator *cells, int64_t row, const rm_grid *grid, double scale,
                               int64_t col_first, int64_t col_end, float *out) {
    const rm_span rows = rm_partition_cell(&grid->rows, cells->first_row + row);
    for (int64_t col = col_first; col < col_end; col++) {
        const double pairs = rm_grid_pairs(grid, rows, rm_partition_cell(&grid->cols, col));
        const double value = pairs > 0.0 ? finish_cell(cells, row * cells->cols + col, pairs) : (double)NAN;
        out[col] = (float)(value * scale);
    }
}
