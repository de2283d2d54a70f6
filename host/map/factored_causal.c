/* factored_causal.c - causal maps by factors: the cells that the diagonal cuts */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/factored.h"

#include <math.h>
#include <string.h>

/*
 * mean: sum over rows i of q_i . P_i, P_i the sum of the keys that count for row i, which only grows down the
 * cell; closed sums where vectors do not depend on position. rms and std: tile by tile, these cells only.
 *
 * A mean of vectors hides what they cancel, and their rotation in two steps makes NaN of an infinity: where
 * one of them is infinite the mean of the products is NaN as soon as one product is NaN or two are infinite
 * with different signs, else that infinity. So the pairs of a mean that is not finite are looked at one by
 * one: those that such a vector takes part in, until it is NaN.
 */

enum { CLOSED_ROWS = 256 }; /* rows whose closed sums are made at a time: milliseconds */

struct scratch {
    float *raw;                      /* [block, head_dim], the host's */
    float *queries, *keys;           /* [block, head_dim], the backend's */
    float *tile;                     /* [block, block], the backend's; NULL for means */
    float *host_queries, *host_keys; /* [block, head_dim]; for means alone, as the next */
    double *prefix;                  /* [head_dim] */
    bool *finite;                    /* [block] of keys; for means alone, as the next */
    uint8_t *seen;                   /* [width] kinds of products of a row of cells */
    rm_accumulator cells;            /* one row, [1, width] */
};

struct edge {
    ropemap_job *job;
    float *out;    /* [height, width] */
    int64_t block; /* positions */
    struct scratch *scratch;
};

/* Not made from squares. */
static bool is_mean(const ropemap_job *job) {
    return !rm_pool_needs(job->request->pool, RM_NEEDS_SQUARES);
}

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Rotated rows [first, first + block) of a side, cut at `end`. */
static ropemap_status load(const struct edge *edge, int32_t index, rm_side side, int64_t first, int64_t end,
                           rm_view *rows, ropemap_error *error) {
    ropemap_job *job = edge->job;
    const struct scratch *scratch = &edge->scratch[index];
    const int64_t count = lesser(edge->block, end - first);
    *rows = rm_view_dense(side == RM_SIDE_QUERIES ? scratch->queries : scratch->keys, count,
                          job->queries->head_dim);
    return rm_side_rotated(job, &job->workers[index], side, first, count, scratch->raw, *rows, error);
}

/* The same, for the host to look into. */
static ropemap_status load_here(const struct edge *edge, int32_t index, rm_side side, int64_t first,
                                int64_t end, rm_view *rows, ropemap_error *error) {
    const ropemap_job *job = edge->job;
    const struct scratch *scratch = &edge->scratch[index];
    rm_view there = {0};
    RM_TRY(load(edge, index, side, first, end, &there, error));
    *rows = rm_view_dense(side == RM_SIDE_QUERIES ? scratch->host_queries : scratch->host_keys, there.rows,
                          there.cols);
    return job->backend->read(job->workers[index].context, there, *rows, error);
}

static double dot(const float *query, const double *prefix, int64_t dim) {
    double sum = 0.0;
    for (int64_t d = 0; d < dim; d++) {
        sum += (double)query[d] * prefix[d];
    }
    return sum;
}

/* Sum over the pairs of a cell: walks down its rows while the prefix of keys grows. */
static ropemap_status sum_by_prefix(const struct edge *edge, int32_t index, rm_span rows, rm_span cols,
                                    double *sum, ropemap_error *error) {
    const ropemap_job *job = edge->job;
    double *prefix = edge->scratch[index].prefix;
    const int64_t dim = job->queries->head_dim;
    memset(prefix, 0, (size_t)dim * sizeof *prefix);
    *sum = 0.0;
    rm_view keys = {0}, queries = {0};
    int64_t key = cols.first, key_first = cols.first, query_first = rows.first;
    for (int64_t row = rows.first; row < rows.end; row++) {
        const int64_t limit = lesser(rm_grid_limit(&job->grid, row), cols.end);
        if (limit <= cols.first) {
            continue;
        }
        for (; key < limit; key++) {
            if (key >= key_first + keys.rows) {
                key_first = key;
                RM_TRY(load_here(edge, index, RM_SIDE_KEYS, key, cols.end, &keys, error));
            }
            const float *k = keys.data + (key - key_first) * keys.stride;
            for (int64_t d = 0; d < dim; d++) {
                prefix[d] += (double)k[d];
            }
        }
        if (row >= query_first + queries.rows) {
            query_first = row;
            RM_TRY(load_here(edge, index, RM_SIDE_QUERIES, row, rows.end, &queries, error));
        }
        *sum += dot(queries.data + (row - query_first) * queries.stride, prefix, dim);
    }
    return ROPEMAP_OK;
}

/* Closed sums: one where steps are equal, else one for each row, which a wish to stop may interrupt. */
static ropemap_status constant_mean(const struct edge *edge, int32_t index, rm_span rows, rm_span cols,
                                    double *mean, ropemap_error *error) {
    ropemap_job *job = edge->job;
    const rm_grid *grid = &job->grid;
    const struct scratch *scratch = &edge->scratch[index];
    const int64_t piece =
        grid->rows.range.step == grid->cols.range.step ? rows.end - rows.first : CLOSED_ROWS;
    double sum = 0.0;
    for (int64_t first = rows.first; first < rows.end; first += piece) {
        const rm_span part = {.first = first, .end = lesser(first + piece, rows.end)};
        const double pairs = rm_grid_pairs(grid, part, cols);
        rm_view query = {0}, key = {0};
        RM_TRY(rm_side_read(job, &job->workers[index], RM_SIDE_QUERIES, first, 1, scratch->host_queries,
                            &query, error));
        RM_TRY(rm_side_read(job, &job->workers[index], RM_SIDE_KEYS, cols.first, 1, scratch->host_keys, &key,
                            error));
        if (pairs > 0.0) {
            sum += pairs * rm_closed_edge(job, query.data, key.data, part, cols);
        }
    }
    *mean = sum / rm_grid_pairs(grid, rows, cols);
    return ROPEMAP_OK;
}

static ropemap_status edge_mean(const struct edge *edge, int32_t index, rm_span rows, rm_span cols,
                                float *cell, ropemap_error *error) {
    const ropemap_job *job = edge->job;
    double mean = 0.0;
    if (job->constant) {
        RM_TRY(constant_mean(edge, index, rows, cols, &mean, error));
    } else {
        RM_TRY(sum_by_prefix(edge, index, rows, cols, &mean, error));
        mean /= rm_grid_pairs(&job->grid, rows, cols);
    }
    *cell = (float)(mean * job->scale);
    return ROPEMAP_OK;
}

/* rms and std: the cell's own tiles, from its corner. */
static ropemap_status edge_tiles(const struct edge *edge, int32_t index, rm_span rows, rm_span cols,
                                 ropemap_error *error) {
    ropemap_job *job = edge->job;
    struct scratch *scratch = &edge->scratch[index];
    rm_context *context = job->workers[index].context;
    for (int64_t row = rows.first; row < rows.end; row += edge->block) {
        rm_view queries = {0}, keys = {0};
        RM_TRY(load(edge, index, RM_SIDE_QUERIES, row, rows.end, &queries, error));
        const int64_t limit = lesser(rm_grid_limit(&job->grid, row + queries.rows - 1), cols.end);
        for (int64_t col = cols.first; col < limit; col += edge->block) {
            RM_TRY(load(edge, index, RM_SIDE_KEYS, col, cols.end, &keys, error));
            const rm_view tile = rm_view_dense(scratch->tile, queries.rows, keys.rows);
            RM_TRY(job->backend->similarity(context, job->rotation.dtype, 1, queries, keys, tile, error));
            RM_TRY(job->backend->pool(context, &job->grid, tile, row, col, &scratch->cells, error));
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status edge_cell(const struct edge *edge, int32_t index, int64_t row, int64_t col,
                                ropemap_error *error) {
    const ropemap_job *job = edge->job;
    const rm_span rows = rm_partition_cell(&job->grid.rows, row),
                  cols = rm_partition_cell(&job->grid.cols, col);
    if (is_mean(job)) {
        float *cell = edge->out + row * job->plan.width + col;
        return edge_mean(edge, index, rows, cols, cell, error);
    }
    return edge_tiles(edge, index, rows, cols, error);
}

static bool is_finite(const float *vector, int64_t dim) {
    bool finite = true;
    for (int64_t d = 0; d < dim; d++) {
        finite = finite && isfinite(vector[d]);
    }
    return finite;
}

/* What products that are not finite have been seen. */
enum { SEEN_PLUS = 1, SEEN_MINUS = 2, SEEN_BOTH = 3, SEEN_NAN = 4 };

static uint8_t kind_of(double product) {
    return isnan(product) ? SEEN_NAN : isfinite(product) ? 0 : product > 0.0 ? SEEN_PLUS : SEEN_MINUS;
}

/* The products of a query with the keys from index `first` on that count for it. */
static uint8_t look_at_products(const struct edge *edge, int32_t index, const float *query, int64_t limit,
                                int64_t first, rm_view keys) {
    const int64_t dim = edge->job->queries->head_dim;
    const bool finite = is_finite(query, dim);
    uint8_t seen = 0;
    for (int64_t j = 0; j < keys.rows && first + j < limit && seen < SEEN_BOTH; j++) {
        double product = 0.0;
        for (int64_t d = 0; d < dim && !(finite && edge->scratch[index].finite[j]); d++) {
            product += (double)query[d] * (double)keys.data[j * keys.stride + d];
        }
        seen |= kind_of(product);
    }
    return seen;
}

/* The products of queries from index `row` on with the keys of a cell. */
static ropemap_status look_at_cell(const struct edge *edge, int32_t index, int64_t row, rm_view queries,
                                   rm_span cols, uint8_t *seen, ropemap_error *error) {
    const rm_grid *grid = &edge->job->grid;
    bool *finite = edge->scratch[index].finite;
    const int64_t end = lesser(rm_grid_limit(grid, row + queries.rows - 1), cols.end);
    for (int64_t col = cols.first; col < end && *seen < SEEN_BOTH; col += edge->block) {
        rm_view keys = {0};
        RM_TRY(load_here(edge, index, RM_SIDE_KEYS, col, cols.end, &keys, error));
        for (int64_t j = 0; j < keys.rows; j++) {
            finite[j] = is_finite(keys.data + j * keys.stride, keys.cols);
        }
        for (int64_t i = 0; i < queries.rows && *seen < SEEN_BOTH; i++) {
            *seen |= look_at_products(edge, index, queries.data + i * queries.stride,
                                      rm_grid_limit(grid, row + i), col, keys);
        }
    }
    return ROPEMAP_OK;
}

/* Keys before this index meet a query with a NaN, whatever they are; 0: there is none. */
static int64_t nan_limit(const ropemap_job *job, int64_t row, rm_view queries) {
    int64_t limit = 0;
    for (int64_t i = 0; i < queries.rows; i++) {
        bool any = false;
        for (int64_t d = 0; d < queries.cols; d++) {
            any = any || isnan(queries.data[i * queries.stride + d]);
        }
        limit = any ? rm_grid_limit(&job->grid, row + i) : limit;
    }
    return limit;
}

/* Whether a mean that is not finite has pairs. */
static bool is_open(const ropemap_job *job, rm_span rows, int64_t col, float mean) {
    return !isfinite(mean) &&
           rm_grid_coverage(&job->grid, rows, rm_partition_cell(&job->grid.cols, col)) != RM_COVERAGE_NONE;
}

/* Means of one cell row that are not finite: what the mean of the products is. */
static ropemap_status settle_row(const struct edge *edge, int64_t task, int32_t index, ropemap_error *error) {
    const ropemap_job *job = edge->job;
    const rm_span rows = rm_partition_cell(&job->grid.rows, task);
    const int64_t width = job->plan.width;
    uint8_t *seen = edge->scratch[index].seen;
    float *out = edge->out + task * width;
    bool any = false;
    for (int64_t col = 0; col < width; col++) {
        seen[col] = 0;
        any = any || is_open(job, rows, col, out[col]);
    }
    for (int64_t row = rows.first; any && row < rows.end; row += edge->block) {
        rm_view queries = {0};
        RM_TRY(load_here(edge, index, RM_SIDE_QUERIES, row, rows.end, &queries, error));
        const int64_t limit = nan_limit(job, row, queries);
        for (int64_t col = 0; col < width; col++) {
            seen[col] |= rm_partition_cell(&job->grid.cols, col).first < limit ? SEEN_NAN : 0;
            if (is_open(job, rows, col, out[col])) {
                RM_TRY(look_at_cell(edge, index, row, queries, rm_partition_cell(&job->grid.cols, col),
                                    &seen[col], error));
            }
        }
    }
    for (int64_t col = 0; col < width; col++) {
        if (seen[col] != 0) {
            out[col] = seen[col] >= SEEN_BOTH ? NAN : seen[col] == SEEN_PLUS ? INFINITY : -INFINITY;
        }
    }
    return ROPEMAP_OK;
}

static bool is_cut(const rm_grid *grid, rm_span rows, int64_t col) {
    return rm_grid_coverage(grid, rows, rm_partition_cell(&grid->cols, col)) == RM_COVERAGE_PART;
}

/* The cells of one cell row that the diagonal cuts. */
static ropemap_status cut_cells(const struct edge *edge, int64_t task, int32_t index, ropemap_error *error) {
    const ropemap_job *job = edge->job;
    const rm_grid *grid = &job->grid;
    rm_context *context = job->workers[index].context;
    const rm_span rows = rm_partition_cell(&grid->rows, task);
    const int64_t from = rm_grid_limit(grid, rows.first), to = rm_grid_limit(grid, rows.end - 1);
    if (from >= grid->cols.range.count || to == 0) {
        return ROPEMAP_OK;
    }
    rm_accumulator *cells = &edge->scratch[index].cells;
    const bool tiles = cells->rows > 0;
    if (tiles) {
        cells->first_row = task;
        RM_TRY(job->backend->cells_begin(context, cells, error));
    }
    const int64_t first = rm_partition_cell_of(&grid->cols, from),
                  last = rm_partition_cell_of(&grid->cols, to - 1);
    for (int64_t col = first; col <= last; col++) {
        if (is_cut(grid, rows, col)) {
            RM_TRY(edge_cell(edge, index, task, col, error));
        }
    }
    if (tiles) {
        RM_TRY(job->backend->cells_end(context, cells, error));
    }
    for (int64_t col = first; tiles && col <= last; col++) {
        if (is_cut(grid, rows, col)) {
            float *out = edge->out + task * job->plan.width;
            rm_accumulator_finish_row(cells, 0, grid, job->scale, col, col + 1, out);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status row_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct edge *edge = work;
    const ropemap_job *job = edge->job;
    RM_TRY(cut_cells(edge, task, index, error));
    return is_mean(job) && !job->constant
               ? settle_row(edge, task, index, error) /* closed sums may have any number of rows */
               : ROPEMAP_OK;
}

static ropemap_status make_scratch(const struct edge *edge, int32_t index, ropemap_error *error) {
    ropemap_job *job = edge->job;
    struct scratch *scratch = &edge->scratch[index];
    rm_context *context = job->workers[index].context;
    const int64_t dim = job->queries->head_dim, floats = edge->block * dim;
    const rm_backend *backend = job->backend;
    const bool mean = is_mean(job);
    scratch->raw = backend->stage(context, floats);
    bool whole = scratch->raw != NULL;
    if (mean) {
        scratch->host_queries = backend->stage(context, floats);
        scratch->host_keys = backend->stage(context, floats);
        scratch->prefix = rm_alloc_raw((uint64_t)dim, sizeof *scratch->prefix);
        scratch->finite = rm_alloc_raw((uint64_t)edge->block, sizeof *scratch->finite);
        scratch->seen = rm_alloc_raw((uint64_t)job->plan.width, sizeof *scratch->seen);
        whole = whole && scratch->host_queries != NULL && scratch->host_keys != NULL &&
                scratch->prefix != NULL && scratch->finite != NULL && scratch->seen != NULL;
    }
    if (!whole) {
        return rm_fail_memory(error, "cells on the diagonal", (uint64_t)floats * sizeof(float));
    }
    RM_TRY(backend->reserve(context, floats, "rotated queries", &scratch->queries, error));
    RM_TRY(backend->reserve(context, floats, "rotated keys", &scratch->keys, error));
    if (!mean) {
        RM_TRY(backend->reserve(context, edge->block * edge->block, "tile", &scratch->tile, error));
        RM_TRY(rm_accumulator_make(&scratch->cells, job->request->pool, 1, job->plan.width, error));
    }
    return ROPEMAP_OK;
}

static void free_scratch(const struct edge *edge, int32_t index) {
    ropemap_job *job = edge->job;
    struct scratch *scratch = &edge->scratch[index];
    rm_context *context = job->workers[index].context;
    job->backend->release(context, scratch->tile);
    job->backend->release(context, scratch->keys);
    job->backend->release(context, scratch->queries);
    job->backend->unstage(context, scratch->host_keys);
    job->backend->unstage(context, scratch->host_queries);
    job->backend->unstage(context, scratch->raw);
    rm_free(scratch->prefix);
    rm_free(scratch->finite);
    rm_free(scratch->seen);
    rm_accumulator_free(&scratch->cells);
}

ropemap_status rm_causal_edge(ropemap_job *job, float *cells, ropemap_error *error) {
    const int32_t threads = job->plan.threads;
    struct edge edge = {.job = job, .out = cells, .block = job->device.block};
    edge.scratch = rm_alloc((uint64_t)threads, sizeof *edge.scratch);
    if (edge.scratch == NULL) {
        return rm_fail_memory(error, "cells on the diagonal", (uint64_t)threads * sizeof *edge.scratch);
    }
    ropemap_status status = ROPEMAP_OK;
    for (int32_t i = 0; i < threads && status == ROPEMAP_OK; i++) {
        status = make_scratch(&edge, i, error);
    }
    if (status == ROPEMAP_OK) {
        status = rm_job_run(job, "diagonal cells", job->plan.height, row_task, &edge, error);
    }
    for (int32_t i = 0; i < threads; i++) {
        free_scratch(&edge, i);
    }
    rm_free(edge.scratch);
    return status;
}
