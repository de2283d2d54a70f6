/* pool.c - reduce a tile of similarities into the cells it touches */
/* SPDX-License-Identifier: MIT */
/*
 * A tile is cut into bands of rows that share a cell row and a span of columns that count. A band is
 * reduced down its columns first, which is vector work, then along its one remaining row. Sums are kept in
 * double; deviations are taken about the mean of their own part and merged (Chan, Golub, LeVeque 1979), so
 * that nothing cancels. The order is that of rows and columns: it does not depend on threads.
 */
#include "host/cpu/cpu.h"

#include <math.h>

enum { WIDTH = 512 }; /* most columns of a tile */

/* Columns [first, end) of a tile that lie in one cell column. */
struct segment {
    int64_t first, end, cell_col;
};

/* Rows of a tile that lie in one cell row, with a span of its columns that counts. */
struct band {
    rm_view part;                   /* [rows, columns that count] of the tile */
    rm_span cols;                   /* which columns of the tile these are */
    const struct segment *segments; /* from the one that holds the first of them */
    int64_t first_cell;             /* index in rm_accumulator of the cell row's first cell */
};

/* Cuts the columns of a tile where cells end. */
static void cut_columns(const rm_partition *cols, int64_t col_first, int64_t count,
                        struct segment *segments) {
    for (int64_t first = 0; first < count; segments++) {
        const int64_t cell_col = rm_partition_cell_of(cols, col_first + first);
        const int64_t end = rm_partition_cell(cols, cell_col).end - col_first;
        *segments = (struct segment){.first = first, .end = end < count ? end : count, .cell_col = cell_col};
        first = segments->end;
    }
    segments->first = INT64_MAX; /* the end of the list */
}

/* A segment as far as its columns count in the band, counted from the first that does. */
static struct segment segment_in(const struct band *band, const struct segment *segment) {
    const rm_span cols = band->cols;
    struct segment part = *segment;
    part.first = (part.first > cols.first ? part.first : cols.first) - cols.first;
    part.end = (part.end < cols.end ? part.end : cols.end) - cols.first;
    return part;
}

/* Larger of the two; a NaN on either side stays. */
static float keep_larger(float kept, float value) {
    return kept >= value || isnan(kept) ? kept : value;
}

static void pool_extremes(const rm_kernels *kernels, const struct band *band, rm_accumulator *cells) {
    float extremes[WIDTH];
    uint32_t bad[WIDTH];
    const float sign = cells->pool == ROPEMAP_POOL_MIN ? -1.0f : 1.0f;
    kernels->column_extremes(band->part, cells->pool, extremes, bad);
    for (const struct segment *at = band->segments; at->first < band->cols.end; at++) {
        const struct segment segment = segment_in(band, at);
        float extreme = -INFINITY;
        uint32_t any_bad = 0;
        for (int64_t j = segment.first; j < segment.end; j++) {
            extreme = extremes[j] > extreme ? extremes[j] : extreme;
            any_bad |= bad[j];
        }
        float *cell = &cells->extreme[band->first_cell + segment.cell_col];
        *cell = sign * keep_larger(sign * *cell, any_bad != 0 ? NAN : extreme);
    }
}

static double segment_sum(const double *sums, struct segment segment) {
    double sum = 0.0;
    for (int64_t j = segment.first; j < segment.end; j++) {
        sum += sums[j];
    }
    return sum;
}

static void pool_sums(const rm_kernels *kernels, const struct band *band, rm_accumulator *cells) {
    double sums[WIDTH];
    kernels->column_sums(band->part, cells->pool == ROPEMAP_POOL_RMS, sums);
    for (const struct segment *at = band->segments; at->first < band->cols.end; at++) {
        const struct segment segment = segment_in(band, at);
        cells->sum[band->first_cell + segment.cell_col] += segment_sum(sums, segment);
    }
}

static void pool_deviations(const rm_kernels *kernels, const struct band *band, rm_accumulator *cells) {
    double sums[WIDTH], means[WIDTH], squares[WIDTH];
    kernels->column_sums(band->part, false, sums);
    for (const struct segment *at = band->segments; at->first < band->cols.end; at++) {
        const struct segment segment = segment_in(band, at);
        const double pairs = (double)band->part.rows * (double)(segment.end - segment.first);
        const double mean = segment_sum(sums, segment) / pairs;
        for (int64_t j = segment.first; j < segment.end; j++) {
            means[j] = mean;
        }
    }
    kernels->column_deviations(band->part, means, squares);
    for (const struct segment *at = band->segments; at->first < band->cols.end; at++) {
        const struct segment segment = segment_in(band, at);
        const double pairs = (double)band->part.rows * (double)(segment.end - segment.first);
        rm_accumulator_merge(cells, band->first_cell + segment.cell_col, pairs, means[segment.first],
                             segment_sum(squares, segment));
    }
}

static void pool_band(const rm_kernels *kernels, const struct band *band, rm_accumulator *cells) {
    switch (cells->pool) {
    case ROPEMAP_POOL_MEAN:
    case ROPEMAP_POOL_RMS:
        pool_sums(kernels, band, cells);
        break;
    case ROPEMAP_POOL_STD:
        pool_deviations(kernels, band, cells);
        break;
    case ROPEMAP_POOL_MIN:
    case ROPEMAP_POOL_MAX:
    case ROPEMAP_POOL_ABSMAX:
        pool_extremes(kernels, band, cells);
        break;
    case ROPEMAP_POOL_MASS: /* of softmax alone */
        break;
    }
}

static rm_span clip(rm_span span, int64_t col_first, int64_t cols) {
    const int64_t first = span.first - col_first, end = span.end - col_first;
    return (rm_span){.first = first < 0      ? 0
                              : first < cols ? first
                                             : cols,
                     .end = end < 0      ? 0
                            : end < cols ? end
                                         : cols};
}

/* Columns of the tile that count for row index `row`. */
static rm_sight columns_that_count(const rm_grid *grid, rm_view tile, int64_t row, int64_t col_first) {
    const rm_sight sight = rm_grid_sight(grid, row);
    return (rm_sight){.sinks = clip(sight.sinks, col_first, tile.cols),
                      .near = clip(sight.near, col_first, tile.cols)};
}

static bool same(rm_sight a, rm_sight b) {
    return a.sinks.end == b.sinks.end && a.near.first == b.near.first && a.near.end == b.near.end;
}

/* A span of columns of some rows, if there are any. */
static void pool_span(const rm_kernels *kernels, rm_view rows, const struct segment *segments, rm_span cols,
                      int64_t first_cell, rm_accumulator *cells) {
    if (cols.first >= cols.end) {
        return;
    }
    while (segments->end <= cols.first) {
        segments++;
    }
    const struct band band = {.part = rm_view_cols(rows, cols.first, cols.end - cols.first),
                              .cols = cols,
                              .segments = segments,
                              .first_cell = first_cell};
    pool_band(kernels, &band, cells);
}

ropemap_status rm_cpu_pool(rm_context *context, const rm_grid *grid, rm_view tile, int64_t row_first,
                           int64_t col_first, rm_accumulator *cells, ropemap_error *error) {
    if (tile.cols > WIDTH) {
        return rm_fail(error, ROPEMAP_INTERNAL, "pool: a tile of %lld columns, %d at most",
                       (long long)tile.cols, WIDTH);
    }
    struct segment segments[WIDTH + 1];
    cut_columns(&grid->cols, col_first, tile.cols, segments);
    for (int64_t first = 0; first < tile.rows;) {
        const int64_t cell_row = rm_partition_cell_of(&grid->rows, row_first + first);
        const int64_t cell_end = rm_partition_cell(&grid->rows, cell_row).end - row_first;
        const rm_sight count = columns_that_count(grid, tile, row_first + first, col_first);
        int64_t end = first + 1;
        while (end < tile.rows && end < cell_end &&
               same(columns_that_count(grid, tile, row_first + end, col_first), count)) {
            end++;
        }
        const rm_view rows = rm_view_rows(tile, first, end - first);
        const int64_t first_cell = (cell_row - cells->first_row) * grid->cols.cells;
        pool_span(context->kernels, rows, segments, count.sinks, first_cell, cells);
        pool_span(context->kernels, rows, segments, count.near, first_cell, cells);
        first = end;
    }
    return ROPEMAP_OK;
}
