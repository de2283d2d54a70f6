/* pool.c - reduce a tile of similarities into the cells it touches */
/* SPDX-License-Identifier: MIT */
/*
 * A tile is cut into bands of rows that share a cell row and the number of columns that count. A band is
 * reduced down its columns first, which is vector work, then along its one remaining row. Sums are kept in
 * double; deviations are taken about the mean of their own part and merged (Chan, Golub, LeVeque 1979), so
 * that nothing cancels. The order is that of rows and columns: it does not depend on threads.
 */
#include "host/cpu/cpu.h"

#include <math.h>

enum { WIDTH = 512 }; /* most columns of a tile */

/* Rows of a tile that lie in one cell row, with the columns of it that count. */
struct band {
    rm_view part;      /* [rows, columns that count] of the tile */
    int64_t col_first; /* position index of its first column */
    int64_t cell_row;  /* row of the arrays in rm_cells */
};

/* Columns [first, end) of a band that lie in one cell. */
struct segment {
    int64_t first, end, cell;
};

/* The segment that begins at column `first` of the band. */
static struct segment segment_from(const struct band *band, const rm_axis *cols, int64_t first) {
    const int64_t cell_col = rm_axis_cell_of(cols, band->col_first + first);
    const int64_t end = rm_axis_cell(cols, cell_col).end - band->col_first;
    return (struct segment){.first = first,
                            .end = end < band->part.cols ? end : band->part.cols,
                            .cell = band->cell_row * cols->cells + cell_col};
}

/* Larger of the two; a NaN on either side stays. */
static float keep_larger(float kept, float value) {
    return kept >= value || isnan(kept) ? kept : value;
}

/* Down the columns: extremes of sign * s, or of |s|; `bad` marks columns that hold a NaN. */
static void column_extremes(rm_view part, float sign, bool absolute, float *restrict extremes,
                            uint32_t *restrict bad) {
    for (int64_t j = 0; j < part.cols; j++) {
        extremes[j] = -INFINITY;
        bad[j] = 0;
    }
    for (int64_t i = 0; i < part.rows; i++) {
        const float *row = part.data + i * part.stride;
        for (int64_t j = 0; j < part.cols; j++) {
            const float value = absolute ? fabsf(row[j]) : sign * row[j];
            extremes[j] = value > extremes[j] ? value : extremes[j];
            bad[j] |= (uint32_t)(value != value);
        }
    }
}

static void pool_extremes(const struct band *band, const rm_axis *cols, rm_cells *cells) {
    float extremes[WIDTH];
    uint32_t bad[WIDTH];
    const float sign = cells->pool == ROPEMAP_POOL_MIN ? -1.0f : 1.0f;
    column_extremes(band->part, sign, cells->pool == ROPEMAP_POOL_ABSMAX, extremes, bad);
    for (int64_t first = 0; first < band->part.cols;) {
        const struct segment segment = segment_from(band, cols, first);
        float extreme = -INFINITY;
        uint32_t any_bad = 0;
        for (int64_t j = segment.first; j < segment.end; j++) {
            extreme = extremes[j] > extreme ? extremes[j] : extreme;
            any_bad |= bad[j];
        }
        float *cell = &cells->extreme[segment.cell];
        *cell = sign * keep_larger(sign * *cell, any_bad != 0 ? NAN : extreme);
        first = segment.end;
    }
}

static void column_sums(rm_view part, bool squares, double *restrict sums) {
    for (int64_t j = 0; j < part.cols; j++) {
        sums[j] = 0.0;
    }
    for (int64_t i = 0; i < part.rows; i++) {
        const float *row = part.data + i * part.stride;
        if (squares) {
            for (int64_t j = 0; j < part.cols; j++) {
                sums[j] += (double)row[j] * (double)row[j];
            }
        } else {
            for (int64_t j = 0; j < part.cols; j++) {
                sums[j] += (double)row[j];
            }
        }
    }
}

static double segment_sum(const double *sums, struct segment segment) {
    double sum = 0.0;
    for (int64_t j = segment.first; j < segment.end; j++) {
        sum += sums[j];
    }
    return sum;
}

static void pool_sums(const struct band *band, const rm_axis *cols, rm_cells *cells) {
    double sums[WIDTH];
    column_sums(band->part, cells->pool == ROPEMAP_POOL_RMS, sums);
    for (int64_t first = 0; first < band->part.cols;) {
        const struct segment segment = segment_from(band, cols, first);
        cells->sum[segment.cell] += segment_sum(sums, segment);
        first = segment.end;
    }
}

/* Sums of squared differences from the mean of each column's segment. */
static void column_deviations(rm_view part, const double *restrict means, double *restrict squares) {
    for (int64_t j = 0; j < part.cols; j++) {
        squares[j] = 0.0;
    }
    for (int64_t i = 0; i < part.rows; i++) {
        const float *row = part.data + i * part.stride;
        for (int64_t j = 0; j < part.cols; j++) {
            const double deviation = (double)row[j] - means[j];
            squares[j] += deviation * deviation;
        }
    }
}

static void pool_deviations(const struct band *band, const rm_axis *cols, rm_cells *cells) {
    double sums[WIDTH], means[WIDTH], squares[WIDTH];
    column_sums(band->part, false, sums);
    for (int64_t first = 0; first < band->part.cols;) {
        const struct segment segment = segment_from(band, cols, first);
        const double pairs = (double)band->part.rows * (double)(segment.end - segment.first);
        const double mean = segment_sum(sums, segment) / pairs;
        for (int64_t j = segment.first; j < segment.end; j++) {
            means[j] = mean;
        }
        first = segment.end;
    }
    column_deviations(band->part, means, squares);
    for (int64_t first = 0; first < band->part.cols;) {
        const struct segment segment = segment_from(band, cols, first);
        const double pairs = (double)band->part.rows * (double)(segment.end - segment.first);
        rm_cells_merge(cells, segment.cell, pairs, means[segment.first], segment_sum(squares, segment));
        first = segment.end;
    }
}

static void pool_band(const struct band *band, const rm_axis *cols, rm_cells *cells) {
    switch (cells->pool) {
    case ROPEMAP_POOL_MEAN:
    case ROPEMAP_POOL_RMS:
        pool_sums(band, cols, cells);
        break;
    case ROPEMAP_POOL_STD:
        pool_deviations(band, cols, cells);
        break;
    case ROPEMAP_POOL_MIN:
    case ROPEMAP_POOL_MAX:
    case ROPEMAP_POOL_ABSMAX:
        pool_extremes(band, cols, cells);
        break;
    }
}

/* Columns of the tile that count for its row `row`. */
static int64_t columns_that_count(const rm_grid *grid, rm_view tile, int64_t row, int64_t col_first) {
    const int64_t limit = rm_grid_limit(grid, row) - col_first;
    return limit < 0 ? 0 : limit < tile.cols ? limit : tile.cols;
}

ropemap_status rm_cpu_pool(rm_context *context, const rm_grid *grid, rm_view tile, int64_t row_first,
                           int64_t col_first, rm_cells *cells, ropemap_error *error) {
    (void)context;
    if (tile.cols > WIDTH) {
        return rm_fail(error, ROPEMAP_INTERNAL, "pool: a tile of %lld columns, %d at most",
                       (long long)tile.cols, WIDTH);
    }
    for (int64_t first = 0; first < tile.rows;) {
        const int64_t cell_row = rm_axis_cell_of(&grid->rows, row_first + first);
        const int64_t cell_end = rm_axis_cell(&grid->rows, cell_row).end - row_first;
        const int64_t count = columns_that_count(grid, tile, row_first + first, col_first);
        int64_t end = first + 1;
        while (end < tile.rows && end < cell_end &&
               columns_that_count(grid, tile, row_first + end, col_first) == count) {
            end++;
        }
        if (count > 0) {
            rm_view part = rm_view_rows(tile, first, end - first);
            part.cols = count;
            const struct band band = {
                .part = part, .col_first = col_first, .cell_row = cell_row - cells->first_row};
            pool_band(&band, &grid->cols, cells);
        }
        first = end;
    }
    return ROPEMAP_OK;
}
