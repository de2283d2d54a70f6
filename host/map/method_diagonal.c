/* method_diagonal.c - position-independent vectors: one value a distance, then sliding windows */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/cells.h"
#include "host/map/encoding.h"
#include "host/map/job.h"
#include "host/map/range_query.h"

#include <math.h>

static float larger(float a, float b) {
    return a > b ? a : b;
}

/*
 * maxima[t] = largest of values[t .. t + width - 1] for t <= count - width (van Herk 1992: three comparisons
 * a value at any width). `suffix` is scratch; all arrays hold `count`.
 */
static void rm_window_max(const float *values, int64_t count, int64_t width, float *maxima, float *suffix) {
    /* Blocks of `width`: suffix[t] is the largest from t to the end of its block; a window is the suffix of
     * one block and a prefix of the next. */
    for (int64_t first = 0; first < count; first += width) {
        const int64_t end = first + width < count ? first + width : count;
        suffix[end - 1] = values[end - 1];
        for (int64_t t = end - 2; t >= first; t--) {
            suffix[t] = larger(values[t], suffix[t + 1]);
        }
        float prefix = values[first];
        for (int64_t t = first; t < end; t++) {
            prefix = larger(prefix, values[t]);
            if (t >= width - 1) {
                maxima[t - width + 1] = larger(suffix[t - width + 1], prefix);
            }
        }
    }
}

/* Running sum of the window sums w[t] = values[t] + ... + values[t + width - 1], t <= count - width: from the
 * running sum of the values. */
static void rm_running_window(rm_running windows, rm_running values, int64_t count, int64_t width) {
    double sum = 0.0, rest = 0.0;
    for (int64_t t = 0; t + width <= count; t++) {
        windows.sums[t] = sum;
        windows.rests[t] = rest;
        double window = 0.0, small = 0.0;
        rm_running_difference(values, t, t + width, &window, &small);
        rm_running_add(&sum, &rest, window, small);
    }
    windows.sums[count - width + 1] = sum;
    windows.rests[count - width + 1] = rest;
}

/*
 * Cell (r, c) of height n and width m sees the n + m - 1 differences i - j from one corner to the other;
 * difference number u of them belongs to min(u + 1, n, m, n + m - 1 - u) pairs. Extremes are sliding windows.
 * Sums with those counts are windows of windows (m wide, then n wide), read off running sums that are carried
 * in two doubles. A task is a part of the differences, long enough for any cell that begins in it: memory
 * does not grow with the number of positions, and the parts depend on the request alone.
 */

/* A worker's memory: a part of the differences, and the windows over them. */
struct scratch {
    double *values;                                    /* [part] similarity at each distance */
    float *signed_values, *maxima, *suffix;            /* [part], extremes only */
    rm_running sum, square, window_sum, window_square; /* [part + 1], where the pool needs them */
};

struct diagonal {
    ropemap_job *job;
    float *out;           /* [height, width] */
    ropemap_range range;  /* distances in tokens: from the last column before the first row to the reverse */
    rm_span seen;         /* indices of the distances that count: of a causal map from 0 on, of a window */
    double weight, fixed; /* similarity = weight * sum of cosines + fixed */
    struct scratch *scratch; /* [threads] */
    int32_t threads;         /* that have a part to work on */
};

/* Differences [first, end) of all, in a worker's memory; cells that begin before `next` are this part's. */
struct part {
    const struct diagonal *diagonal;
    const struct scratch *scratch;
    int64_t first, end, next;
    bool counts; /* false: beyond the mask, no pair of it counts */
};

static ropemap_pool pool_of(const struct part *part) {
    return part->diagonal->job->request->pool;
}

/* Index, of all differences, of the first one in a cell. */
static int64_t first_difference(const rm_grid *grid, rm_span rows, rm_span cols) {
    return rows.first - cols.end + grid->cols.range.count;
}

/* ---- cells that the mask cuts: difference by difference */

static double cut_extreme(const struct part *part, int64_t first, int64_t end) {
    const ropemap_pool pool = pool_of(part);
    double largest = NAN;
    for (int64_t t = first; t < end; t++) {
        const double value = rm_pool_upward(pool, part->scratch->values[t - part->first]);
        largest = value > largest || isnan(largest) ? value : largest;
    }
    return rm_pool_extreme(pool, largest);
}

/* Pairs of the cell at its difference number `u`. */
static double pairs_at(int64_t u, int64_t height, int64_t width) {
    const int64_t side = height < width ? height : width, from_end = height + width - 1 - u;
    const int64_t near = u + 1 < from_end ? u + 1 : from_end;
    return (double)(near < side ? near : side);
}

/* Weighted mean over those differences of the cell that count of (value - centre)^power. */
static double cut_moment(const struct part *part, rm_span rows, rm_span cols, rm_span seen, double centre,
                         int power) {
    const int64_t first = first_difference(&part->diagonal->job->grid, rows, cols);
    const int64_t height = rows.end - rows.first, width = cols.end - cols.first;
    double sum = 0.0, pairs = 0.0;
    for (int64_t t = seen.first; t < seen.end; t++) {
        const double count = pairs_at(t - first, height, width);
        const double value = part->scratch->values[t - part->first] - centre;
        sum += count * (power == 2 ? value * value : value);
        pairs += count;
    }
    return sum / pairs;
}

static double cut_cell(const struct part *part, rm_span rows, rm_span cols, rm_span seen) {
    const ropemap_pool pool = pool_of(part);
    if (rm_pool_is_extreme(pool)) {
        return cut_extreme(part, seen.first, seen.end);
    }
    const bool sum = rm_pool_needs(pool, RM_NEEDS_SUM);
    const double mean = sum ? cut_moment(part, rows, cols, seen, 0.0, 1) : 0.0;
    return rm_pool_needs(pool, RM_NEEDS_SQUARES) ? sqrt(cut_moment(part, rows, cols, seen, mean, 2)) : mean;
}

/* ---- whole cells: windows */

static double whole_cell(const struct part *part, rm_span rows, rm_span cols) {
    const struct scratch *scratch = part->scratch;
    const ropemap_pool pool = pool_of(part);
    const int64_t first = first_difference(&part->diagonal->job->grid, rows, cols) - part->first;
    const int64_t height = rows.end - rows.first;
    if (rm_pool_is_extreme(pool)) {
        return rm_pool_extreme(pool, (double)scratch->maxima[first]);
    }
    rm_sums sums = {0};
    if (scratch->window_sum.sums != NULL) {
        rm_running_difference(scratch->window_sum, first, first + height, &sums.sum, &sums.sum_rest);
    }
    if (scratch->window_square.sums != NULL) {
        rm_running_difference(scratch->window_square, first, first + height, &sums.square, &sums.square_rest);
    }
    return rm_pool_from_sums(pool, (double)height * (double)(cols.end - cols.first), &sums);
}

/* ---- the part's cells */

/* The first cell column that begins in the part or beyond its left end: cells further right begin earlier. */
static int64_t first_column(const struct part *part, rm_span rows) {
    const rm_partition *cols = &part->diagonal->job->grid.cols;
    const int64_t past = rows.first + cols->range.count - part->next; /* cells that end by here begin later */
    return past < 0 ? 0 : past >= cols->range.count ? cols->cells : rm_partition_cell_of(cols, past);
}

/* Which windows a cell is read from: the sizes that differ from cell to cell by one. */
static int64_t window_of(const struct part *part, rm_span rows, rm_span cols) {
    const int64_t width = cols.end - cols.first;
    return rm_pool_is_extreme(pool_of(part)) ? rows.end - rows.first + width - 1 : width;
}

static double cell_of(const struct part *part, rm_span rows, rm_span cols) {
    const rm_span mask = part->diagonal->seen;
    const int64_t first = first_difference(&part->diagonal->job->grid, rows, cols);
    const int64_t end = first + (rows.end - rows.first) + (cols.end - cols.first) - 1;
    const rm_span seen = {.first = first > mask.first ? first : mask.first,
                          .end = end < mask.end ? end : mask.end};
    if (seen.first >= seen.end) {
        return NAN;
    }
    return seen.end - seen.first == end - first ? whole_cell(part, rows, cols)
                                                : cut_cell(part, rows, cols, seen);
}

/* Cells of one row that begin in the part and are read from windows of size `window`. */
static void fill_row(const struct part *part, int64_t row, int64_t window) {
    const ropemap_job *job = part->diagonal->job;
    const rm_span rows = rm_partition_cell(&job->grid.rows, row);
    float *out = part->diagonal->out + row * job->plan.width;
    for (int64_t col = first_column(part, rows); col < job->plan.width; col++) {
        const rm_span cols = rm_partition_cell(&job->grid.cols, col);
        if (first_difference(&job->grid, rows, cols) < part->first) {
            return; /* an earlier part's, and so are those further right */
        }
        if (window_of(part, rows, cols) != window) {
            continue;
        }
        out[col] = (float)(cell_of(part, rows, cols) * job->scale);
    }
}

/* Makes the windows of one size and fills the cells that are read from them. */
static void fill_cells(const struct part *part, int64_t window) {
    const struct scratch *scratch = part->scratch;
    const int64_t count = part->end - part->first;
    if (count < window) {
        return; /* no cell is so large */
    }
    if (part->counts && scratch->maxima != NULL) {
        rm_window_max(scratch->signed_values, count, window, scratch->maxima, scratch->suffix);
    }
    if (part->counts && scratch->window_sum.sums != NULL) {
        rm_running_window(scratch->window_sum, scratch->sum, count, window);
    }
    if (part->counts && scratch->window_square.sums != NULL) {
        rm_running_window(scratch->window_square, scratch->square, count, window);
    }
    for (int64_t row = 0; row < part->diagonal->job->plan.height; row++) {
        fill_row(part, row, window);
    }
}

/* ---- parts */

/* Most differences that a cell spans. */
static int64_t cell_reach(const rm_grid *grid) {
    return rm_partition_most(&grid->rows) + rm_partition_most(&grid->cols) - 1;
}

/* Differences between the beginnings of two parts: each reaches as far into the next as a cell may. */
static int64_t stride_of(const ropemap_job *job) {
    const int64_t all = job->grid.rows.range.count + job->grid.cols.range.count - 1;
    return job->plan.band == all ? all : job->plan.band - cell_reach(&job->grid) + 1;
}

int64_t rm_diagonal_at_once(const rm_device *device) {
    return 64 * device->rows_at_once;
}

/* ---- the part's differences */

static ropemap_status compute_values(const struct part *part, rm_worker *worker, ropemap_error *error) {
    const struct diagonal *diagonal = part->diagonal;
    const ropemap_job *job = diagonal->job;
    const int64_t at_once = rm_diagonal_at_once(&job->device);
    for (int64_t first = part->first; first < part->end; first += at_once) {
        RM_TRY(rm_job_poll(job, worker, error));
        const int64_t left = part->end - first;
        const ropemap_range some = {.first = rm_position(diagonal->range, first),
                                    .count = left < at_once ? left : at_once,
                                    .step = diagonal->range.step};
        double *values = part->scratch->values + (first - part->first);
        if (rm_encoding_is_own(job)) {
            rm_encoding_values(job, diagonal->weight, some, values);
        } else {
            RM_TRY(
                job->backend->distances(worker->context, &job->freqs, diagonal->weight, some, values, error));
        }
        for (int64_t t = 0; t < some.count; t++) {
            values[t] += diagonal->fixed;
        }
    }
    return ROPEMAP_OK;
}

/* What the windows are made of: values with their sign or magnitude, or running sums. */
static void prepare_windows(const struct part *part) {
    const struct scratch *scratch = part->scratch;
    const ropemap_pool pool = pool_of(part);
    const int64_t count = part->end - part->first;
    for (int64_t t = 0; scratch->signed_values != NULL && t < count; t++) {
        scratch->signed_values[t] = (float)rm_pool_upward(pool, scratch->values[t]);
    }
    if (scratch->sum.sums != NULL) {
        rm_running_sum(scratch->sum, scratch->values, count, 0);
    }
    if (scratch->square.sums != NULL) {
        rm_running_sum(scratch->square, scratch->values, count, 1);
    }
}

static ropemap_status part_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct diagonal *diagonal = work;
    const ropemap_job *job = diagonal->job;
    rm_worker *worker = &job->workers[index];
    const int64_t stride = stride_of(job), first = task * stride;
    const int64_t end = first + job->plan.band, count = diagonal->range.count;
    const struct part part = {.diagonal = diagonal,
                              .scratch = &diagonal->scratch[index],
                              .first = first,
                              .end = end < count ? end : count,
                              .next = first + stride,
                              .counts = end > diagonal->seen.first && first < diagonal->seen.end};
    double time = rm_seconds_now();
    if (part.counts) {
        RM_TRY(compute_values(&part, worker, error));
        time = rm_stage_time(worker, RM_STAGE_SIMILARITY, time);
        prepare_windows(&part);
    }
    const rm_partition *rows = &job->grid.rows, *cols = &job->grid.cols;
    const bool extremes = rm_pool_is_extreme(job->request->pool);
    const int64_t low = rm_partition_least(cols) + (extremes ? rm_partition_least(rows) - 1 : 0);
    const int64_t high = rm_partition_most(cols) + (extremes ? rm_partition_most(rows) - 1 : 0);
    for (int64_t window = low; window <= high; window++) {
        RM_TRY(rm_job_poll(job, worker, error));
        fill_cells(&part, window);
    }
    (void)rm_stage_time(worker, RM_STAGE_POOL, time);
    return ROPEMAP_OK;
}

/* ---- memory */

static float *make_floats(int64_t count, bool *whole) {
    float *floats = rm_alloc_raw((uint64_t)count, sizeof *floats);
    *whole = *whole && floats != NULL;
    return floats;
}

static ropemap_status make_scratch(const ropemap_job *job, struct scratch *scratch, ropemap_error *error) {
    const ropemap_pool pool = job->request->pool;
    const int64_t count = job->plan.band;
    scratch->values = rm_alloc_raw((uint64_t)count, sizeof(double));
    bool whole = scratch->values != NULL;
    if (rm_pool_is_extreme(pool)) {
        scratch->signed_values = make_floats(count, &whole);
        scratch->maxima = make_floats(count, &whole);
        scratch->suffix = make_floats(count, &whole);
    }
    if (rm_pool_needs(pool, RM_NEEDS_SUM)) {
        scratch->sum = rm_running_make(count + 1, &whole);
        scratch->window_sum = rm_running_make(count + 1, &whole);
    }
    if (rm_pool_needs(pool, RM_NEEDS_SQUARES)) {
        scratch->square = rm_running_make(count + 1, &whole);
        scratch->window_square = rm_running_make(count + 1, &whole);
    }
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "distances", job->plan.bytes);
}

static void free_scratch(struct scratch *scratch) {
    rm_free(scratch->values);
    rm_free(scratch->signed_values);
    rm_free(scratch->maxima);
    rm_free(scratch->suffix);
    rm_running_free(scratch->sum);
    rm_running_free(scratch->square);
    rm_running_free(scratch->window_sum);
    rm_running_free(scratch->window_square);
}

static ropemap_status compute(struct diagonal *diagonal, ropemap_error *error) {
    const ropemap_job *job = diagonal->job;
    for (int32_t i = 0; i < diagonal->threads; i++) {
        RM_TRY(make_scratch(job, &diagonal->scratch[i], error));
    }
    return rm_job_run(job, "distances", job->plan.bands, part_task, diagonal, error);
}

/* The index of the first distance that is `tokens` or more. */
static int64_t index_from(ropemap_range range, int64_t tokens) {
    const int64_t index = tokens <= range.first ? 0 : (tokens - range.first + range.step - 1) / range.step;
    return index < range.count ? index : range.count;
}

static rm_span seen_of(const ropemap_mask *mask, ropemap_range range) {
    const int64_t low = mask->causal ? 0 : mask->window != 0 ? 1 - mask->window : range.first;
    return (rm_span){.first = index_from(range, low),
                     .end = mask->window != 0 ? index_from(range, mask->window) : range.count};
}

static ropemap_status run(ropemap_job *job, float *cells, ropemap_error *error) {
    const ropemap_range rows = job->grid.rows.range, cols = job->grid.cols.range;
    const int64_t first = rows.first - cols.first - cols.step * (cols.count - 1);
    const int32_t threads =
        job->plan.bands < job->plan.threads ? (int32_t)job->plan.bands : job->plan.threads;
    struct diagonal diagonal = {
        .job = job,
        .out = cells,
        .range = {.first = first, .count = rows.count + cols.count - 1, .step = rows.step},
        .scratch = rm_alloc((uint64_t)threads, sizeof *diagonal.scratch),
        .threads = threads};
    if (diagonal.scratch == NULL) {
        return rm_fail_memory(error, "distances", (uint64_t)threads * sizeof *diagonal.scratch);
    }
    diagonal.seen = seen_of(&job->grid.mask, diagonal.range);
    rm_encoding_weights(job, &diagonal.weight, &diagonal.fixed);
    const ropemap_status status = compute(&diagonal, error);
    for (int32_t i = 0; i < threads; i++) {
        free_scratch(&diagonal.scratch[i]);
    }
    rm_free(diagonal.scratch);
    return status;
}

/* ---- what it costs */

enum {
    PART_LEAST = 32768,         /* differences that a worker holds */
    PART_MOST = 1048576,        /* the same, where cells do not span half as many */
    PARTS_BYTES = 192 * 1048576 /* of all workers' parts, where one alone is not more */
};

/* Bytes that a worker holds for each difference of its part: the value, then what extremes are found in, or
 * two running sums of two doubles for each sum. */
static double difference_bytes(ropemap_pool pool) {
    const double extreme = rm_pool_needs(pool, RM_NEEDS_EXTREME) ? 12.0 : 0.0;
    const double sum = rm_pool_needs(pool, RM_NEEDS_SUM) ? 32.0 : 0.0;
    return 8.0 + extreme + sum + (rm_pool_needs(pool, RM_NEEDS_SQUARES) ? 32.0 : 0.0);
}

/* Differences in a part: many times what a cell spans, since that much is computed twice, while a part is
 * small. Sums begin with the part: it may depend on the request alone. */
static int64_t part_size(const rm_grid *grid) {
    const int64_t all = grid->rows.range.count + grid->cols.range.count - 1, reach = cell_reach(grid);
    int64_t part = 8 * reach < PART_MOST ? 8 * reach : PART_MOST;
    part = part < 2 * reach ? 2 * reach : part < PART_LEAST ? PART_LEAST : part;
    return part < all ? part : all;
}

static void cost(ropemap_job *job) {
    ropemap_plan *plan = &job->plan;
    const rm_partition *rows = &job->grid.rows, *cols = &job->grid.cols;
    plan->method = ROPEMAP_METHOD_DIAGONAL;
    plan->dtype = ROPEMAP_DTYPE_FP32;
    plan->block = 1;
    plan->band = part_size(&job->grid);
    /* the last cell to begin: the lowest on the left */
    const int64_t last =
        rm_partition_cell(rows, rows->cells - 1).first - rm_partition_cell(cols, 0).end + cols->range.count;
    plan->bands = last / stride_of(job) + 1;
    plan->tiles = 0;
    const double part = difference_bytes(job->request->pool) * (double)(plan->band + 4);
    rm_job_limit_threads(job, job->device.workers);
    while (plan->threads > 1 && part * plan->threads > PARTS_BYTES) {
        plan->threads--;
    }
    const double share = plan->bands < plan->threads ? (double)plan->bands / plan->threads : 1.0;
    const int64_t at_once = rm_diagonal_at_once(&job->device);
    const rm_bytes worker = {.host = part * share,
                             .own = (double)job->device.scratch->distance_scratch_bytes(at_once)};
    rm_job_fit_threads(job, worker, (rm_bytes){0});
    plan->flops = (double)plan->bands * (double)plan->band * (double)job->freqs.pairs * RM_ROTATE_FLOPS;
}

const rm_method rm_method_diagonal = {.cost = cost, .run = run};
