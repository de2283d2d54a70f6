/* pooled.c - what a cell keeps of its rows: their mean, their second moments */
/* SPDX-License-Identifier: MIT */
/* Groups of rows are counted from the cell's first row, so that sums have the same order whatever runs
 * beside. */
#include "host/map/pooled.h"

#include "host/base/alloc.h"
#include "host/map/closed.h"

#include <math.h>
#include <string.h>

ropemap_status rm_pooling_make(rm_pooling *pooling, const rm_job *job, rm_worker *worker, bool moments,
                               ropemap_error *error) {
    const int64_t dim = job->queries->head_dim;
    *pooling = (rm_pooling){
        .raw = rm_alloc_raw((uint64_t)(RM_POOLED_ROWS * dim), sizeof(float)),
        .rotated = job->backend->reserve(worker->context, RM_POOLED_ROWS * dim),
        .mean = rm_alloc_raw((uint64_t)dim, sizeof(double)),
    };
    bool whole = pooling->raw != NULL && pooling->rotated != NULL && pooling->mean != NULL;
    if (moments) {
        pooling->gram = job->backend->reserve(worker->context, dim * dim);
        pooling->moment = rm_alloc_raw((uint64_t)(dim * dim), sizeof(double));
        whole = whole && pooling->gram != NULL && pooling->moment != NULL;
    }
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "pooled rows", (uint64_t)(dim * dim) * sizeof(double));
}

void rm_pooling_free(rm_pooling *pooling, const rm_job *job, rm_worker *worker) {
    job->backend->release(worker->context, pooling->rotated);
    job->backend->release(worker->context, pooling->gram);
    rm_free(pooling->raw);
    rm_free(pooling->moment);
    rm_free(pooling->mean);
    *pooling = (rm_pooling){0};
}

/* mean of rows that are all the same before they are rotated */
static ropemap_status constant_mean(const rm_job *job, rm_worker *worker, rm_side side, rm_span span,
                                    rm_pooling *pooling, ropemap_error *error) {
    rm_view row = {0};
    RM_TRY(rm_side_read(job, worker, side, span.first, 1, pooling->raw, &row, error));
    rm_closed_mean(job, side, row.data, span, pooling->mean);
    return ROPEMAP_OK;
}

ropemap_status rm_pooled_mean(const rm_job *job, rm_worker *worker, rm_side side, rm_span span,
                              rm_pooling *pooling, ropemap_error *error) {
    if (job->constant) {
        return constant_mean(job, worker, side, span, pooling, error);
    }
    const ropemap_range range = rm_side_range(job, side);
    const int64_t dim = job->queries->head_dim;
    memset(pooling->mean, 0, (size_t)dim * sizeof *pooling->mean);
    for (int64_t first = span.first; first < span.end; first += RM_POOLED_ROWS) {
        const int64_t left = span.end - first, count = left < RM_POOLED_ROWS ? left : RM_POOLED_ROWS;
        const ropemap_range positions = {
            .first = rm_position(range, first), .count = count, .step = range.step};
        rm_view rows = {0};
        RM_TRY(rm_side_read(job, worker, side, first, count, pooling->raw, &rows, error));
        const double start = rm_seconds_now();
        RM_TRY(
            job->backend->rotate_sum(worker->context, &job->rotation, positions, rows, pooling->mean, error));
        (void)rm_stage_time(worker, RM_STAGE_ROTATE, start);
    }
    const double inverse = 1.0 / (double)(span.end - span.first);
    for (int64_t d = 0; d < dim; d++) {
        pooling->mean[d] *= inverse;
    }
    return ROPEMAP_OK;
}

static void subtract_centre(rm_view rows, const double *centre) {
    for (int64_t i = 0; i < rows.rows; i++) {
        float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            row[d] = (float)((double)row[d] - centre[d]);
        }
    }
}

/* Divides rows by the power of two that brings their largest element to [1/2, 1), so that squares stay in the
 * range of float, and returns its exponent. Rows of zeros, or with NaN or infinity, stay as they are. */
static int bring_near_one(rm_view rows) {
    float largest = 0.0f;
    for (int64_t i = 0; i < rows.rows; i++) {
        const float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            largest = fabsf(row[d]) > largest ? fabsf(row[d]) : largest;
        }
    }
    int exponent = 0;
    if (largest == 0.0f || !isfinite(largest)) {
        return 0;
    }
    (void)frexpf(largest, &exponent);
    const double power = ldexp(1.0, -exponent); /* may lie beyond float */
    for (int64_t i = 0; i < rows.rows; i++) {
        float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            row[d] = (float)((double)row[d] * power);
        }
    }
    return exponent;
}

static ropemap_status add_group(const rm_job *job, rm_worker *worker, rm_view rows, const double *centre,
                                rm_pooling *pooling, ropemap_error *error) {
    const int64_t dim = job->queries->head_dim;
    const double start = rm_seconds_now();
    if (centre != NULL) {
        subtract_centre(rows, centre);
    }
    const double power = ldexp(1.0, 2 * bring_near_one(rows));
    const rm_view gram = rm_view_dense(pooling->gram, dim, dim);
    RM_TRY(job->backend->gram(worker->context, rows, gram, error));
    for (int64_t i = 0; i < dim * dim; i++) {
        pooling->moment[i] += (double)pooling->gram[i] * power;
    }
    (void)rm_stage_time(worker, RM_STAGE_POOL, start);
    return ROPEMAP_OK;
}

ropemap_status rm_pooled_moment(const rm_job *job, rm_worker *worker, rm_side side, rm_span span,
                                const double *centre, rm_pooling *pooling, ropemap_error *error) {
    const int64_t dim = job->queries->head_dim;
    memset(pooling->moment, 0, (size_t)(dim * dim) * sizeof *pooling->moment);
    for (int64_t first = span.first; first < span.end; first += RM_POOLED_ROWS) {
        const int64_t left = span.end - first, count = left < RM_POOLED_ROWS ? left : RM_POOLED_ROWS;
        const rm_view rows = rm_view_dense(pooling->rotated, count, dim);
        RM_TRY(rm_side_rotated(job, worker, side, first, count, pooling->raw, rows, error));
        RM_TRY(add_group(job, worker, rows, centre, pooling, error));
    }
    const double inverse = 1.0 / (double)(span.end - span.first);
    for (int64_t i = 0; i < dim * dim; i++) {
        pooling->moment[i] *= inverse;
    }
    return ROPEMAP_OK;
}
