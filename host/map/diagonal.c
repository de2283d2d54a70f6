/* diagonal.c - equal vectors, equal steps: the map depends on i - j alone, so every distance is computed once
 */
/* SPDX-License-Identifier: MIT */
/*
 * Cell (r, c) of height n and width m sees the n + m - 1 differences i - j from one corner to the other;
 * difference number u of them belongs to min(u + 1, n, m, n + m - 1 - u) pairs. Extremes are sliding windows.
 * Sums with those counts are windows of windows (m wide, then n wide), read off running sums that are carried
 * in two doubles.
 */
#include "host/base/alloc.h"
#include "host/map/job.h"
#include "host/map/pairs.h"
#include "host/map/window.h"

#include <math.h>

enum { PART = 16384 }; /* distances a task computes */

struct diagonal {
    rm_job *job;
    float *out;           /* [height, width] */
    ropemap_range range;  /* distances in tokens: from the last column before the first row to the reverse */
    int64_t zero;         /* the first index whose distance is >= 0: where causal pairs begin */
    double weight, fixed; /* similarity = weight * sum of cosines + fixed */
    double *values;       /* [range.count] similarity at each distance */
    int64_t
        width; /* extremes: differences in a cell; sums: columns in a cell: which cells are being filled */
    float *signed_values, *maxima, *suffix;            /* [range.count], extremes only */
    rm_running sum, square, window_sum, window_square; /* [range.count + 1], where the pool needs them */
};

static bool is_extreme(ropemap_pool pool) {
    return pool == ROPEMAP_POOL_MIN || pool == ROPEMAP_POOL_MAX || pool == ROPEMAP_POOL_ABSMAX;
}

static ropemap_status distances_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct diagonal *diagonal = work;
    const rm_job *job = diagonal->job;
    rm_worker *worker = &job->workers[index];
    const double start = rm_seconds_now();
    const int64_t first = task * PART, left = diagonal->range.count - first;
    const ropemap_range part = {.first = rm_position(diagonal->range, first),
                                .count = left < PART ? left : PART,
                                .step = diagonal->range.step};
    double *values = diagonal->values + first;
    RM_TRY(job->backend->distances(worker->context, &job->freqs, diagonal->weight, part, values, error));
    for (int64_t t = 0; t < part.count; t++) {
        values[t] += diagonal->fixed;
    }
    (void)rm_stage_time(worker, RM_STAGE_SIMILARITY, start);
    return ROPEMAP_OK;
}

/* Index of the first difference in a cell. */
static int64_t first_difference(const struct diagonal *diagonal, rm_span rows, rm_span cols) {
    return rows.first - cols.end + diagonal->job->grid.cols.range.count;
}

/* ---- cells that the causal diagonal cuts: difference by difference */

static double cut_extreme(const struct diagonal *diagonal, int64_t first, int64_t end) {
    const ropemap_pool pool = diagonal->job->request->pool;
    double extreme = NAN;
    for (int64_t t = first; t < end; t++) {
        const double value = pool == ROPEMAP_POOL_ABSMAX ? fabs(diagonal->values[t]) : diagonal->values[t];
        const bool more = pool == ROPEMAP_POOL_MIN ? value < extreme : value > extreme;
        extreme = more || isnan(extreme) ? value : extreme;
    }
    return extreme;
}

/* Pairs of the cell at its difference number `u`. */
static double pairs_at(int64_t u, int64_t height, int64_t width) {
    const int64_t side = height < width ? height : width, from_end = height + width - 1 - u;
    const int64_t near = u + 1 < from_end ? u + 1 : from_end;
    return (double)(near < side ? near : side);
}

/* Weighted mean over the cell's differences from `begin` of (value - centre)^power. */
static double cut_moment(const struct diagonal *diagonal, rm_span rows, rm_span cols, int64_t begin,
                         double centre, int power) {
    const int64_t first = first_difference(diagonal, rows, cols);
    const int64_t height = rows.end - rows.first, width = cols.end - cols.first;
    double sum = 0.0, pairs = 0.0;
    for (int64_t t = begin; t < first + height + width - 1; t++) {
        const double count = pairs_at(t - first, height, width), value = diagonal->values[t] - centre;
        sum += count * (power == 2 ? value * value : value);
        pairs += count;
    }
    return sum / pairs;
}

static double cut_cell(const struct diagonal *diagonal, rm_span rows, rm_span cols) {
    const ropemap_pool pool = diagonal->job->request->pool;
    const int64_t first = first_difference(diagonal, rows, cols);
    const int64_t end = first + (rows.end - rows.first) + (cols.end - cols.first) - 1;
    const int64_t begin = first < diagonal->zero ? diagonal->zero : first;
    if (is_extreme(pool)) {
        return cut_extreme(diagonal, begin, end);
    }
    if (pool == ROPEMAP_POOL_RMS) {
        return sqrt(cut_moment(diagonal, rows, cols, begin, 0.0, 2));
    }
    const double mean = cut_moment(diagonal, rows, cols, begin, 0.0, 1);
    return pool == ROPEMAP_POOL_STD ? sqrt(cut_moment(diagonal, rows, cols, begin, mean, 2)) : mean;
}

/* ---- whole cells: windows */

static double window_mean(rm_running windows, int64_t first, int64_t height, double pairs, double *rest) {
    double sum = 0.0, small = 0.0;
    rm_running_difference(windows, first, first + height, &sum, &small);
    const double mean = sum / pairs;
    *rest = (fma(-mean, pairs, sum) + small) / pairs;
    return mean;
}

static double whole_cell(const struct diagonal *diagonal, rm_span rows, rm_span cols) {
    const ropemap_pool pool = diagonal->job->request->pool;
    const int64_t first = first_difference(diagonal, rows, cols), height = rows.end - rows.first;
    if (is_extreme(pool)) {
        return (double)(pool == ROPEMAP_POOL_MIN ? -diagonal->maxima[first] : diagonal->maxima[first]);
    }
    const double pairs = (double)height * (double)(cols.end - cols.first);
    double rest = 0.0, square_rest = 0.0;
    if (pool == ROPEMAP_POOL_MEAN) {
        return window_mean(diagonal->window_sum, first, height, pairs, &rest);
    }
    const double square = window_mean(diagonal->window_square, first, height, pairs, &square_rest);
    if (pool == ROPEMAP_POOL_RMS) {
        return sqrt(square);
    }
    /* E[v^2] - E[v]^2 with twice the digits of double in every term: what cancels is known to 2^-100 */
    const double mean = window_mean(diagonal->window_sum, first, height, pairs, &rest);
    const double mean_square = mean * mean, low = fma(mean, mean, -mean_square) + 2.0 * mean * rest;
    const double variance = (square - mean_square) + (square_rest - low);
    return sqrt(variance > 0.0 ? variance : 0.0);
}

/* Which windows a cell is read from: the sizes that differ from cell to cell by one. */
static int64_t window_of(const struct diagonal *diagonal, rm_span rows, rm_span cols) {
    const int64_t width = cols.end - cols.first;
    return is_extreme(diagonal->job->request->pool) ? rows.end - rows.first + width - 1 : width;
}

static ropemap_status cells_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    (void)error;
    const struct diagonal *diagonal = work;
    const rm_job *job = diagonal->job;
    const double start = rm_seconds_now();
    const rm_span rows = rm_axis_cell(&job->grid.rows, task);
    float *out = diagonal->out + task * job->plan.width;
    for (int64_t col = 0; col < job->plan.width; col++) {
        const rm_span cols = rm_axis_cell(&job->grid.cols, col);
        if (window_of(diagonal, rows, cols) != diagonal->width) {
            continue;
        }
        const rm_coverage coverage = rm_grid_coverage(&job->grid, rows, cols);
        double value = NAN;
        if (coverage == RM_COVERAGE_FULL) {
            value = whole_cell(diagonal, rows, cols);
        } else if (coverage == RM_COVERAGE_PART) {
            value = cut_cell(diagonal, rows, cols);
        }
        out[col] = (float)(value * job->scale);
    }
    (void)rm_stage_time(&job->workers[index], RM_STAGE_POOL, start);
    return ROPEMAP_OK;
}

/* Makes the windows of size `width` and fills the cells that are read from them. */
static ropemap_status fill_cells(struct diagonal *diagonal, int64_t width, ropemap_error *error) {
    const int64_t count = diagonal->range.count;
    const double start = rm_seconds_now();
    diagonal->width = width;
    if (diagonal->maxima != NULL) {
        rm_window_max(diagonal->signed_values, count, width, diagonal->maxima, diagonal->suffix);
    }
    if (diagonal->window_sum.sums != NULL) {
        rm_running_window(diagonal->window_sum, diagonal->sum, count, width);
    }
    if (diagonal->window_square.sums != NULL) {
        rm_running_window(diagonal->window_square, diagonal->square, count, width);
    }
    (void)rm_stage_time(&diagonal->job->workers[0], RM_STAGE_POOL, start);
    return rm_job_run(diagonal->job, "cells", diagonal->job->plan.height, cells_task, diagonal, error);
}

static rm_running make_running(int64_t count, bool *whole) {
    const rm_running running = {.sums = rm_alloc_raw((uint64_t)count + 1, sizeof(double)),
                                .rests = rm_alloc_raw((uint64_t)count + 1, sizeof(double))};
    *whole = *whole && running.sums != NULL && running.rests != NULL;
    return running;
}

static void free_running(rm_running running) {
    rm_free(running.sums);
    rm_free(running.rests);
}

static ropemap_status make_arrays(struct diagonal *diagonal, ropemap_error *error) {
    const ropemap_pool pool = diagonal->job->request->pool;
    const int64_t count = diagonal->range.count;
    diagonal->values = rm_alloc_raw((uint64_t)count, sizeof(double));
    bool whole = diagonal->values != NULL;
    if (is_extreme(pool)) {
        diagonal->signed_values = rm_alloc_raw((uint64_t)count, sizeof(float));
        diagonal->maxima = rm_alloc_raw((uint64_t)count, sizeof(float));
        diagonal->suffix = rm_alloc_raw((uint64_t)count, sizeof(float));
        whole =
            whole && diagonal->signed_values != NULL && diagonal->maxima != NULL && diagonal->suffix != NULL;
    }
    if (pool == ROPEMAP_POOL_MEAN || pool == ROPEMAP_POOL_STD) {
        diagonal->sum = make_running(count, &whole);
        diagonal->window_sum = make_running(count, &whole);
    }
    if (pool == ROPEMAP_POOL_RMS || pool == ROPEMAP_POOL_STD) {
        diagonal->square = make_running(count, &whole);
        diagonal->window_square = make_running(count, &whole);
    }
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "distances", diagonal->job->plan.bytes);
}

/* What the windows are made of: values with their sign or magnitude, or running sums. */
static void prepare_windows(struct diagonal *diagonal) {
    const ropemap_pool pool = diagonal->job->request->pool;
    const int64_t count = diagonal->range.count;
    for (int64_t t = 0; diagonal->signed_values != NULL && t < count; t++) {
        const float value = (float)diagonal->values[t];
        diagonal->signed_values[t] = pool == ROPEMAP_POOL_ABSMAX ? fabsf(value)
                                     : pool == ROPEMAP_POOL_MIN  ? -value
                                                                 : value;
    }
    if (diagonal->sum.sums != NULL) {
        rm_running_sum(diagonal->sum, diagonal->values, count, 0);
    }
    if (diagonal->square.sums != NULL) {
        rm_running_sum(diagonal->square, diagonal->values, count, 1);
    }
}

static ropemap_status compute(struct diagonal *diagonal, ropemap_error *error) {
    const rm_grid *grid = &diagonal->job->grid;
    RM_TRY(make_arrays(diagonal, error));
    const int64_t parts = (diagonal->range.count + PART - 1) / PART;
    RM_TRY(rm_job_run(diagonal->job, "distances", parts, distances_task, diagonal, error));
    prepare_windows(diagonal);
    const int64_t low = grid->cols.range.count / grid->cols.cells;
    const int64_t high = (grid->cols.range.count + grid->cols.cells - 1) / grid->cols.cells;
    const int64_t row_low = grid->rows.range.count / grid->rows.cells;
    const int64_t row_high = (grid->rows.range.count + grid->rows.cells - 1) / grid->rows.cells;
    const bool extremes = is_extreme(diagonal->job->request->pool);
    const int64_t first = extremes ? low + row_low - 1 : low, last = extremes ? high + row_high - 1 : high;
    for (int64_t width = first; width <= last; width++) {
        RM_TRY(fill_cells(diagonal, width, error));
    }
    return ROPEMAP_OK;
}

/* The vectors have equal entries 1 / sqrt(d): a pair's share is 2 / d times its cosine, a fixed element's 1 /
 * d. */
static void set_weights(struct diagonal *diagonal) {
    const rm_job *job = diagonal->job;
    const double d = (double)job->queries->head_dim, pairs = (double)job->freqs.pairs;
    const double a = (double)job->freqs.attention_factor;
    diagonal->weight = job->rotation.rotate ? a * a * 2.0 / d : 0.0;
    diagonal->fixed = job->rotation.rotate ? (d - 2.0 * pairs) / d : 1.0;
    if (job->rotation.normalise) {
        const double length = diagonal->weight * pairs + diagonal->fixed;
        diagonal->weight /= length;
        diagonal->fixed /= length;
    }
}

ropemap_status rm_map_diagonal(rm_job *job, float *cells, ropemap_error *error) {
    const ropemap_range rows = job->grid.rows.range, cols = job->grid.cols.range;
    const int64_t first = rows.first - cols.first - cols.step * (cols.count - 1);
    struct diagonal diagonal = {
        .job = job,
        .out = cells,
        .range = {.first = first, .count = rows.count + cols.count - 1, .step = rows.step},
        .zero = first >= 0 ? 0 : (-first + rows.step - 1) / rows.step};
    set_weights(&diagonal);
    const ropemap_status status = compute(&diagonal, error);
    rm_free(diagonal.values);
    rm_free(diagonal.signed_values);
    rm_free(diagonal.maxima);
    rm_free(diagonal.suffix);
    free_running(diagonal.sum);
    free_running(diagonal.square);
    free_running(diagonal.window_sum);
    free_running(diagonal.window_square);
    return status;
}
