/* grid.c - which pairs of positions a cell holds, and how many */
/* SPDX-License-Identifier: MIT */
#include "host/map/grid.h"
#include "host/base/status.h"

#include <inttypes.h>

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
    return !grid->causal || ahead <= 0 ? 0 : (ahead + rows.step - 1) / rows.step;
}

double rm_grid_pairs(const rm_grid *grid, rm_span rows, rm_span cols) {
    const double width = (double)(cols.end - cols.first);
    const int64_t some = clamp(rm_grid_first_row(grid, cols.first), rows.first, rows.end);
    const int64_t all = clamp(rm_grid_first_row(grid, cols.end - 1), some, rows.end);
    double pairs = (double)(rows.end - all) * width;
    if (all > some) {
        const int64_t reach = rm_position(grid->rows.range, some) - rm_position(grid->cols.range, cols.first);
        pairs += floor_sum(all - some, grid->cols.range.step, grid->rows.range.step, reach);
        pairs += (double)(all - some);
    }
    return pairs;
}

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
