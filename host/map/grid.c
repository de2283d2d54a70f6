/* grid.c - the cells of a map: which positions each holds, and which of their pairs the mask counts */
/* SPDX-License-Identifier: MIT */
#include "host/map/grid.h"
#include "host/base/status.h"

#include <inttypes.h>

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
