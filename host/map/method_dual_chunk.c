/* method_dual_chunk.c - maps of dual chunk attention's positions */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/encoding.h"
#include "host/map/job.h"
#include "host/map/range_query.h"

#include <math.h>

/*
 * A cell falls apart into rectangles in which the distance is i - j, one for each chunk of queries and what a
 * chunk of keys is to it: its own, the one before, an earlier one. A query's position is held at `far` from
 * some row on, which is a rectangle of one row that counts several times. Each rectangle takes a few entries
 * of tables over the distances: a map costs its cells and its chunks, not its positions.
 */

struct dual {
    ropemap_job *job;
    float *out; /* [height, width] */
    rm_chunks chunks;
    int64_t count;          /* distances 0 .. far */
    double weight, fixed;   /* similarity = weight * sum of cosines + fixed */
    double *values;         /* [count] similarity at each distance; of extremes: what is to be largest */
    double *levels;         /* extremes only, as is `maxima` */
    rm_running sum, square; /* [count + 2], where the pool needs them */
    rm_range_max maxima;
};

/* A cell while pairs come in: queries [query_first, query_end) and keys [key_first, key_end), by position. */
struct cell {
    const struct dual *dual;
    int64_t query_first, query_end, key_first, key_end;
    double pairs, largest; /* `largest`: NaN so far */
    rm_sums sums;
};

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* ---- cells */

static void take_sum(rm_rectangle rectangle, rm_running twice, double times, double *sum, double *rest) {
    double part = 0.0, small = 0.0;
    rm_rectangle_sum(rectangle, twice, &part, &small);
    const double product = times * part;
    rm_running_add(sum, rest, product, fma(times, part, -product) + times * small);
}

static void take(struct cell *cell, rm_rectangle rectangle, double times) {
    const struct dual *dual = cell->dual;
    const int64_t pairs = rm_rectangle_pairs(rectangle);
    if (pairs == 0 || times == 0.0) {
        return;
    }
    cell->pairs += times * (double)pairs;
    if (dual->levels != NULL) {
        const double most = rm_rectangle_max(rectangle, &dual->maxima);
        cell->largest = cell->largest > most ? cell->largest : most;
    }
    if (dual->sum.sums != NULL) {
        take_sum(rectangle, dual->sum, times, &cell->sums.sum, &cell->sums.sum_rest);
    }
    if (dual->square.sums != NULL) {
        take_sum(rectangle, dual->square, times, &cell->sums.square, &cell->sums.square_rest);
    }
}

/* Queries at `position`, `times` of them, to keys [first, end) of one chunk. */
static void take_held(struct cell *cell, int64_t position, int64_t first, int64_t end, double times) {
    take(cell, (rm_rectangle){position, position + 1, first, end}, times);
}

/* `queries` of them to the cell's keys before `end`, all in chunks before the one before theirs. */
static void take_far(struct cell *cell, int64_t queries, int64_t end) {
    const rm_chunks chunks = cell->dual->chunks;
    const int64_t length = chunks.length, first = cell->key_first, last = lesser(end, cell->key_end) - 1;
    if (last < first) {
        return;
    }
    const int64_t whole = last / length - first / length - 1; /* chunks between the first and the last */
    if (whole < 0) {
        take_held(cell, chunks.far, first % length, last % length + 1, (double)queries);
        return;
    }
    take_held(cell, chunks.far, first % length, length, (double)queries);
    take_held(cell, chunks.far, 0, length, (double)queries * (double)whole);
    take_held(cell, chunks.far, 0, last % length + 1, (double)queries);
}

/* Queries [first, end), all in one chunk, to all keys of the cell. */
static void take_chunk(struct cell *cell, int64_t first, int64_t end) {
    const rm_chunks chunks = cell->dual->chunks;
    const int64_t length = chunks.length, start = first - first % length, before = start - length;
    const int64_t low = greater(cell->key_first, start), high = lesser(cell->key_end, start + length);
    if (low < high) {
        take(cell, (rm_rectangle){first - start, end - start, low - start, high - start}, 1.0);
    }
    const int64_t near_low = greater(cell->key_first, before), near_high = lesser(cell->key_end, start);
    if (near_low < near_high) {
        const int64_t held = lesser(greater(first, start + chunks.local), end); /* from here on at `far` */
        if (first < held) {
            take(cell, (rm_rectangle){first - before, held - before, near_low - before, near_high - before},
                 1.0);
        }
        take_held(cell, chunks.far, near_low - before, near_high - before, (double)(end - held));
    }
    take_far(cell, end - first, before);
}

static ropemap_status take_cell(struct cell *cell, const rm_worker *worker, ropemap_error *error) {
    const int64_t length = cell->dual->chunks.length;
    const int64_t far = ((cell->key_end - 1) / length + 2) * length; /* to queries from here on all are far */
    const int64_t near_end = lesser(cell->query_end, far);
    int64_t first = greater(cell->query_first, cell->key_first), steps = 0;
    while (first < near_end) {
        if (steps++ % 1024 == 0) {
            RM_TRY(rm_job_poll(cell->dual->job, worker, error));
        }
        const int64_t end = lesser((first / length + 1) * length, near_end);
        take_chunk(cell, first, end);
        first = end;
    }
    if (first < cell->query_end) {
        take_far(cell, cell->query_end - first, cell->key_end);
    }
    return ROPEMAP_OK;
}

static double finish(const struct cell *cell) {
    const ropemap_pool pool = cell->dual->job->request->pool;
    if (cell->pairs == 0.0) {
        return NAN;
    }
    return rm_pool_is_extreme(pool) ? rm_pool_extreme(pool, cell->largest)
                                    : rm_pool_from_sums(pool, cell->pairs, &cell->sums);
}

static ropemap_status row_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct dual *dual = work;
    const ropemap_job *job = dual->job;
    rm_worker *worker = &job->workers[index];
    const double start = rm_seconds_now();
    const rm_span rows = rm_partition_cell(&job->grid.rows, task);
    const int64_t query = job->grid.rows.range.first, key = job->grid.cols.range.first;
    for (int64_t col = 0; col < job->plan.width; col++) {
        const rm_span cols = rm_partition_cell(&job->grid.cols, col);
        struct cell cell = {.dual = dual,
                            .query_first = query + rows.first,
                            .query_end = query + rows.end,
                            .key_first = key + cols.first,
                            .key_end = key + cols.end,
                            .largest = NAN};
        RM_TRY(take_cell(&cell, worker, error));
        dual->out[task * job->plan.width + col] = (float)(finish(&cell) * job->scale);
    }
    (void)rm_stage_time(worker, RM_STAGE_POOL, start);
    return ROPEMAP_OK;
}

/* ---- tables over the distances */

static ropemap_status distance_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct dual *dual = work;
    const ropemap_job *job = dual->job;
    rm_worker *worker = &job->workers[index];
    const int64_t at_once = rm_diagonal_at_once(&job->device), first = task * at_once;
    const ropemap_range some = {.first = first, .count = lesser(at_once, dual->count - first), .step = 1};
    const ropemap_pool pool = job->request->pool;
    double *values = dual->values + first;
    const double start = rm_seconds_now();
    RM_TRY(job->backend->distances(worker->context, &job->freqs, dual->weight, some, values, error));
    for (int64_t t = 0; t < some.count; t++) {
        values[t] = rm_pool_upward(pool, values[t] + dual->fixed);
    }
    (void)rm_stage_time(worker, RM_STAGE_SIMILARITY, start);
    return ROPEMAP_OK;
}

static ropemap_status make_tables(struct dual *dual, ropemap_error *error) {
    const ropemap_pool pool = dual->job->request->pool;
    dual->values = rm_alloc_raw((uint64_t)dual->count, sizeof(double));
    bool whole = dual->values != NULL;
    if (rm_pool_is_extreme(pool)) {
        dual->levels = rm_alloc_raw((uint64_t)rm_range_max_room(dual->count), sizeof(double));
        whole = whole && dual->levels != NULL;
    }
    if (rm_pool_needs(pool, RM_NEEDS_SUM)) {
        dual->sum = rm_running_make(dual->count + 2, &whole);
    }
    if (rm_pool_needs(pool, RM_NEEDS_SQUARES)) {
        dual->square = rm_running_make(dual->count + 2, &whole);
    }
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "distances", dual->job->plan.bytes);
}

static void free_tables(struct dual *dual) {
    rm_free(dual->values);
    rm_free(dual->levels);
    rm_running_free(dual->sum);
    rm_running_free(dual->square);
}

static ropemap_status compute(struct dual *dual, ropemap_error *error) {
    const ropemap_job *job = dual->job;
    const int64_t at_once = rm_diagonal_at_once(&job->device);
    RM_TRY(make_tables(dual, error));
    RM_TRY(rm_job_run(job, "distances", (dual->count + at_once - 1) / at_once, distance_task, dual, error));
    if (dual->levels != NULL) {
        dual->maxima = rm_range_max_make(dual->values, dual->count, dual->levels);
    }
    if (dual->sum.sums != NULL) {
        rm_running_twice(dual->sum, dual->values, dual->count, 0);
    }
    if (dual->square.sums != NULL) {
        rm_running_twice(dual->square, dual->values, dual->count, 1);
    }
    return rm_job_run(job, "cells", job->plan.height, row_task, dual, error);
}

static ropemap_status run(ropemap_job *job, float *cells, ropemap_error *error) {
    struct dual dual = {.job = job, .out = cells, .chunks = rm_chunks_of(job->request)};
    dual.count = dual.chunks.far + 1;
    rm_encoding_weights(job, &dual.weight, &dual.fixed);
    const ropemap_status status = compute(&dual, error);
    free_tables(&dual);
    return status;
}

/* ---- what it costs */

/* Operations of a cell, and of a chunk of queries in it: some twenty table entries, in two doubles each. */
enum { CHUNK_FLOPS = 500 };

static void cost(ropemap_job *job) {
    ropemap_plan *plan = &job->plan;
    const ropemap_pool pool = job->request->pool;
    const rm_chunks chunks = rm_chunks_of(job->request);
    const double count = (double)chunks.far + 1.0;
    plan->method = ROPEMAP_METHOD_DIAGONAL;
    plan->dtype = ROPEMAP_DTYPE_FP32;
    plan->block = 1;
    plan->band = chunks.far + 1;
    plan->bands = 1;
    plan->tiles = 0;
    rm_job_limit_threads(job, job->device.workers);
    const int64_t at_once = rm_diagonal_at_once(&job->device);
    const double sums =
        (rm_pool_needs(pool, RM_NEEDS_SUM) ? 2.0 : 0.0) + (rm_pool_needs(pool, RM_NEEDS_SQUARES) ? 2.0 : 0.0);
    const double tables =
        rm_pool_is_extreme(pool) ? (double)rm_range_max_room(chunks.far + 1) : sums * (count + 2.0);
    const rm_bytes worker = {.own = (double)job->device.scratch->distance_scratch_bytes(at_once)};
    rm_job_fit_threads(job, worker, (rm_bytes){.host = 8.0 * (count + tables)});
    const double rows = (double)job->grid.rows.range.count / (double)chunks.length;
    const double steps = (double)plan->height * (double)plan->width + 3.0 * rows;
    plan->flops = count * (double)job->freqs.pairs * RM_ROTATE_FLOPS + steps * CHUNK_FLOPS;
}

const rm_method rm_method_dual_chunk = {.cost = cost, .run = run};
