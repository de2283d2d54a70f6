/* cells.c - the cells of a map: the positions each holds, the pairs that its mask counts, and what a pool
 * keeps of them */
/* SPDX-License-Identifier: MIT */
#include "host/map/cells.h"
#include "host/base/alloc.h"
#include "host/base/status.h"

#include <inttypes.h>
#include <math.h>

ropemap_status rm_range_check(const char *name, ropemap_range range, bool both_ways, ropemap_error *error) {
    const int64_t least = both_ways ? 1 - ROPEMAP_POSITION_END : 0;
    if (range.first < least || range.first >= ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: the first is %" PRId64 "; give %s2^40 - 1", name,
                       range.first, both_ways ? "at most +-" : "0 to ");
    }
    if (range.count < 1) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: count is %" PRId64 "; give 1 or more", name, range.count);
    }
    if (range.step < 1 || range.step > ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: step is %" PRId64 "; give 1 to 2^40", name, range.step);
    }
    const int64_t room = ROPEMAP_POSITION_END - 1 - range.first; /* last - first may be this much */
    if (range.count - 1 > room / range.step) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: %" PRId64 " from %" PRId64 " in steps of %" PRId64
                       " pass 2^40; all must be below it",
                       name, range.count, range.first, range.step);
    }
    return ROPEMAP_OK;
}

/*
 * sum over i < n of floor((a i + b) / m), for a, b >= 0, m >= 1: lattice points below a line, by Euclid's
 * algorithm on its slope, in O(log) steps at any count. a n + b stays below 2^42 here, as all positions are
 * below 2^40.
 */
static double floor_sum(int64_t n, int64_t m, int64_t a, int64_t b) {
    double sum = 0.0;
    for (;;) {
        sum += (double)n * ((double)n - 1.0) / 2.0 * (double)(a / m) + (double)n * (double)(b / m);
        a %= m;
        b %= m;
        const int64_t top = a * n + b;
        if (top < m) {
            return sum;
        }
        const int64_t slope = m; /* count the same points column by column */
        n = top / m;
        b = top % m;
        m = a;
        a = slope;
    }
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

int64_t rm_grid_first_row(const rm_grid *grid, int64_t col) {
    const ropemap_range rows = grid->rows.range;
    const int64_t ahead = rm_position(grid->cols.range, col) - rows.first;
    return !grid->mask.causal || ahead <= 0 ? 0 : (ahead + rows.step - 1) / rows.step;
}

/* Pairs of rows x cols whose key's position is at most `shift` beyond the query's. */
static double pairs_below(const rm_grid *grid, rm_span rows, rm_span cols, int64_t shift) {
    if (cols.end <= cols.first) {
        return 0.0;
    }
    rm_grid moved = {.rows = grid->rows, .cols = grid->cols, .mask.causal = true};
    moved.rows.range.first += shift;
    const double width = (double)(cols.end - cols.first);
    const int64_t some = clamp(rm_grid_first_row(&moved, cols.first), rows.first, rows.end);
    const int64_t all = clamp(rm_grid_first_row(&moved, cols.end - 1), some, rows.end);
    double pairs = (double)(rows.end - all) * width;
    if (all > some) {
        const int64_t reach = rm_position(moved.rows.range, some) - rm_position(grid->cols.range, cols.first);
        pairs += floor_sum(all - some, grid->cols.range.step, grid->rows.range.step, reach);
        pairs += (double)(all - some);
    }
    return pairs;
}

static rm_span columns_between(const rm_grid *grid, rm_span cols, int64_t low, int64_t high) {
    const int64_t first = rm_index_from(grid->cols.range, low), end = rm_index_from(grid->cols.range, high);
    return (rm_span){.first = clamp(first, cols.first, cols.end), .end = clamp(end, cols.first, cols.end)};
}

static double pairs_in_window(const rm_grid *grid, rm_span rows, rm_span cols) {
    const ropemap_mask *mask = &grid->mask;
    const rm_span sinks = columns_between(grid, cols, 0, mask->sink_tokens);
    const int64_t ahead = mask->causal ? 0 : mask->window - 1;
    double pairs = pairs_below(grid, rows, cols, ahead) - pairs_below(grid, rows, cols, -mask->window);
    pairs += pairs_below(grid, rows, sinks, -mask->window);
    if (!mask->causal) {
        const double all = (double)(rows.end - rows.first) * (double)(sinks.end - sinks.first);
        pairs += all - pairs_below(grid, rows, sinks, ahead);
    }
    return pairs;
}

static double pairs_in_chunks(const rm_grid *grid, rm_span rows, rm_span cols) {
    const ropemap_mask *mask = &grid->mask;
    double pairs = 0.0;
    for (int64_t row = rows.first; row < rows.end;) {
        const int64_t low = rm_position(grid->rows.range, row) / mask->chunk * mask->chunk;
        const int64_t high = low + mask->chunk, next = rm_index_from(grid->rows.range, high);
        const rm_span some = {.first = row, .end = next < rows.end ? next : rows.end};
        const rm_span near = columns_between(grid, cols, low, high);
        const int64_t sinks = mask->sink_tokens;
        const rm_span before = columns_between(grid, cols, 0, sinks < low ? sinks : low);
        const rm_span after = columns_between(grid, cols, high, sinks > high && !mask->causal ? sinks : high);
        const double height = (double)(some.end - some.first);
        pairs += mask->causal ? pairs_below(grid, some, near, 0) : height * (double)(near.end - near.first);
        pairs += height * (double)(before.end - before.first + after.end - after.first);
        row = some.end;
    }
    return pairs;
}

double rm_grid_pairs(const rm_grid *grid, rm_span rows, rm_span cols) {
    if (grid->mask.window != 0) {
        return pairs_in_window(grid, rows, cols);
    }
    if (grid->mask.chunk != 0) {
        return pairs_in_chunks(grid, rows, cols);
    }
    const double height = (double)(rows.end - rows.first), width = (double)(cols.end - cols.first);
    return grid->mask.causal ? pairs_below(grid, rows, cols, 0) : height * width;
}

bool rm_grid_any(const rm_grid *grid, rm_sight seen, rm_span rows, rm_span cols) {
    return rm_sight_meets(seen, cols.first, cols.end - cols.first) &&
           (rm_mask_is_plain(&grid->mask) || rm_grid_pairs(grid, rows, cols) > 0.0);
}

bool rm_mask_is_none(const ropemap_mask *mask) {
    return !mask->causal && rm_mask_is_plain(mask);
}

static ropemap_status check_tokens(const char *name, int64_t tokens, ropemap_error *error) {
    return tokens >= 0 && tokens <= ROPEMAP_POSITION_END
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 " is out of range; give 1 to 2^40 tokens", name,
                         tokens);
}

ropemap_status rm_mask_check(const ropemap_mask *mask, ropemap_error *error) {
    RM_TRY(check_tokens("window", mask->window, error));
    RM_TRY(check_tokens("attention-chunk", mask->chunk, error));
    RM_TRY(check_tokens("sink-tokens", mask->sink_tokens, error));
    if (mask->window != 0 && mask->chunk != 0) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "attention-chunk: a layer has a window or chunks, not both; give one");
    }
    if (mask->sink_tokens != 0 && rm_mask_is_plain(mask)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "sink-tokens: they are seen beyond a window or a chunk; give one of these too");
    }
    return ROPEMAP_OK;
}

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
