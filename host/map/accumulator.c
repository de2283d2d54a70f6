/* accumulator.c - what each pool keeps of a cell's pairs so far, and the number it becomes */
/* SPDX-License-Identifier: MIT */
#include "host/map/accumulator.h"
#include "host/base/alloc.h"
#include "host/base/status.h"

#include <math.h>

static const rm_pool pools[] = {
    [ROPEMAP_POOL_MEAN] = {"mean", "mean", RM_NEEDS_SUM, sizeof(double)},
    [ROPEMAP_POOL_MIN] = {"min", "minimum", RM_NEEDS_EXTREME, sizeof(float)},
    [ROPEMAP_POOL_MAX] = {"max", "maximum", RM_NEEDS_EXTREME, sizeof(float)},
    [ROPEMAP_POOL_ABSMAX] = {"absmax", "largest magnitude", RM_NEEDS_EXTREME, sizeof(float)},
    [ROPEMAP_POOL_RMS] = {"rms", "root mean square", RM_NEEDS_SQUARES, sizeof(double)},
    [ROPEMAP_POOL_STD] = {"std", "standard deviation", RM_NEEDS_SUM | RM_NEEDS_SQUARES, 3 * sizeof(double)},
    [ROPEMAP_POOL_MASS] = {"mass", "mass", RM_NEEDS_SUM, sizeof(double)},
};

const rm_pool *rm_pool_find(ropemap_pool pool) {
    return (unsigned)pool < sizeof pools / sizeof pools[0] ? &pools[pool] : NULL;
}

bool rm_pool_needs(ropemap_pool pool, uint32_t needs) {
    return (pools[pool].needs & needs) != 0;
}

const char *ropemap_pool_name(ropemap_pool pool) {
    const rm_pool *row = rm_pool_find(pool);
    return row != NULL ? row->name : NULL;
}

const char *ropemap_pool_words(ropemap_pool pool) {
    const rm_pool *row = rm_pool_find(pool);
    return row != NULL ? row->words : NULL;
}

double rm_pool_upward(ropemap_pool pool, double value) {
    return pool == ROPEMAP_POOL_ABSMAX ? fabs(value) : pool == ROPEMAP_POOL_MIN ? -value : value;
}

double rm_pool_extreme(ropemap_pool pool, double largest) {
    return pool == ROPEMAP_POOL_MIN ? -largest : largest;
}

/* (sum + rest) / pairs, as two doubles. */
static double quotient(double sum, double rest, double pairs, double *small) {
    const double mean = sum / pairs;
    *small = (fma(-mean, pairs, sum) + rest) / pairs;
    return mean;
}

/* std: E[v^2] - E[v]^2 with twice the digits of double in every term: what cancels is known to 2^-100. */
double rm_pool_from_sums(ropemap_pool pool, double pairs, const rm_sums *sums) {
    double rest = 0.0, square_rest = 0.0;
    const double mean = quotient(sums->sum, sums->sum_rest, pairs, &rest);
    const double square = quotient(sums->square, sums->square_rest, pairs, &square_rest);
    if (!rm_pool_needs(pool, RM_NEEDS_SQUARES)) {
        return mean;
    }
    if (!rm_pool_needs(pool, RM_NEEDS_SUM)) {
        return sqrt(square);
    }
    const double mean_square = mean * mean, low = fma(mean, mean, -mean_square) + 2.0 * mean * rest;
    const double variance = (square - mean_square) + (square_rest - low);
    return sqrt(variance > 0.0 ? variance : 0.0);
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
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "cells", count * (uint64_t)pools[pool].bytes);
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

/* Of a cell in so many rows. */
static double finish_cell(const rm_accumulator *cells, int64_t cell, double rows, double pairs) {
    switch (cells->pool) {
    case ROPEMAP_POOL_MEAN:
        return cells->sum[cell] / pairs;
    case ROPEMAP_POOL_RMS:
        return sqrt(cells->sum[cell] / pairs);
    case ROPEMAP_POOL_STD:
        return sqrt(cells->square[cell] / pairs);
    case ROPEMAP_POOL_MASS:
        return cells->sum[cell] / rows;
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
    const rm_sight seen = rm_grid_sight_of(grid, rows);
    const int64_t beyond = seen.near.end > 0 ? rm_partition_cell_of(&grid->cols, seen.near.end - 1) + 1 : 0;
    const bool counts = cells->extreme == NULL && cells->pool != ROPEMAP_POOL_MASS;
    for (int64_t col = col_first; col < col_end; col++) {
        if (col >= beyond) {
            out[col] = NAN;
            continue;
        }
        const rm_span cols = rm_partition_cell(&grid->cols, col);
        const double height = (double)(rows.end - rows.first), width = (double)(cols.end - cols.first);
        const bool any = rm_grid_any(grid, seen, rows, cols);
        const double pairs = any && counts ? rm_grid_pairs(grid, rows, cols) : height * width;
        const double value = any ? finish_cell(cells, row * cells->cols + col, height, pairs) : (double)NAN;
        out[col] = (float)(value * scale);
    }
}
