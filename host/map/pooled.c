/* pooled.c - what a cell keeps of its rows: their mean, their second moments */
/* SPDX-License-Identifier: MIT */
/* Groups of rows are counted from the first row of a cell, or of some cells that go together: sums have the
 * same order whatever runs beside. */
#include "host/map/pooled.h"

#include "host/base/alloc.h"

#include <string.h>

ropemap_status rm_pooling_make(rm_pooling *pooling, const rm_job *job, rm_worker *worker, int64_t cells,
                               bool moments, ropemap_error *error) {
    const uint64_t dim = (uint64_t)job->queries->head_dim;
    *pooling = (rm_pooling){
        .raw = job->backend->stage(worker->context, job->device.rows_at_once * (int64_t)dim),
        .means = rm_alloc_raw((uint64_t)cells * dim, sizeof *pooling->means),
        .moment = moments ? rm_alloc_raw(dim * dim, sizeof *pooling->moment) : NULL,
        .runs.means = rm_alloc_raw(2 * (uint64_t)job->freqs.pairs + 1, sizeof *pooling->runs.means),
    };
    const bool whole = pooling->raw != NULL && pooling->means != NULL && pooling->runs.means != NULL &&
                       (!moments || pooling->moment != NULL);
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "pooled rows", dim * dim * sizeof(double));
}

void rm_pooling_free(rm_pooling *pooling, const rm_job *job, rm_worker *worker) {
    job->backend->unstage(worker->context, pooling->raw);
    rm_free(pooling->runs.means);
    rm_free(pooling->moment);
    rm_free(pooling->means);
    *pooling = (rm_pooling){0};
}

static const rm_axis *axis_of(const rm_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? &job->grid.rows : &job->grid.cols;
}

/* Means of rows that are all the same before they are rotated. */
static ropemap_status constant_means(const rm_job *job, rm_worker *worker, rm_side side, int64_t first,
                                     int64_t cells, rm_pooling *pooling, ropemap_error *error) {
    const rm_axis *axis = axis_of(job, side);
    rm_view row = {0};
    RM_TRY(rm_side_read(job, worker, side, rm_axis_cell(axis, first).first, 1, pooling->raw, &row, error));
    for (int64_t c = 0; c < cells; c++) {
        rm_closed_mean(job, side, row.data, rm_axis_cell(axis, first + c), &pooling->runs,
                       pooling->means + c * row.cols);
    }
    return ROPEMAP_OK;
}

/* Rows of the next call: what is left of the cells, at most as many as go at once. */
static int64_t rows_of_call(const rm_job *job, int64_t left) {
    return left < job->device.rows_at_once ? left : job->device.rows_at_once;
}

ropemap_status rm_pooled_means(const rm_job *job, rm_worker *worker, rm_side side, int64_t first,
                               int64_t cells, rm_pooling *pooling, ropemap_error *error) {
    if (job->constant) {
        return constant_means(job, worker, side, first, cells, pooling, error);
    }
    const rm_axis *axis = axis_of(job, side);
    const int64_t dim = job->queries->head_dim, end = rm_axis_cell(axis, first + cells - 1).end;
    memset(pooling->means, 0, (size_t)(cells * dim) * sizeof *pooling->means);
    for (int64_t at = rm_axis_cell(axis, first).first, count = 0; at < end; at += count) {
        count = rows_of_call(job, end - at);
        rm_view rows = {0};
        RM_TRY(rm_side_read(job, worker, side, at, count, pooling->raw, &rows, error));
        const double start = rm_seconds_now();
        double *sums = pooling->means + (rm_axis_cell_of(axis, at) - first) * dim;
        RM_TRY(job->backend->rotate_sum(worker->context, &job->rotation, axis, at, rows, sums, error));
        (void)rm_stage_time(worker, RM_STAGE_ROTATE, start);
    }
    for (int64_t c = 0; c < cells; c++) {
        const rm_span span = rm_axis_cell(axis, first + c);
        const double inverse = 1.0 / (double)(span.end - span.first);
        for (int64_t d = 0; d < dim; d++) {
            pooling->means[c * dim + d] *= inverse;
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_pooled_moment(const rm_job *job, rm_worker *worker, rm_side side, int64_t cell,
                                const double *centre, rm_pooling *pooling, ropemap_error *error) {
    const rm_span span = rm_axis_cell(axis_of(job, side), cell);
    const ropemap_range range = rm_side_range(job, side);
    const int64_t dim = job->queries->head_dim;
    memset(pooling->moment, 0, (size_t)(dim * dim) * sizeof *pooling->moment);
    for (int64_t at = span.first, count = 0; at < span.end; at += count) {
        count = rows_of_call(job, span.end - at);
        const ropemap_range positions = {.first = rm_position(range, at), .count = count, .step = range.step};
        rm_view rows = {0};
        RM_TRY(rm_side_read(job, worker, side, at, count, pooling->raw, &rows, error));
        const double start = rm_seconds_now();
        RM_TRY(job->backend->moment(worker->context, &job->rotation, positions, rows, centre, pooling->moment,
                                    error));
        (void)rm_stage_time(worker, RM_STAGE_POOL, start);
    }
    const double inverse = 1.0 / (double)(span.end - span.first);
    for (int64_t i = 0; i < dim * dim; i++) {
        pooling->moment[i] *= inverse;
    }
    return ROPEMAP_OK;
}
