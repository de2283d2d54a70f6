/* side.c - rows of queries or keys on their way from their source into a backend's memory */
/* SPDX-License-Identifier: MIT */
#include "host/map/side.h"

#include <inttypes.h>
#include <math.h>

ropemap_range rm_side_range(const rm_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? job->grid.rows.range : job->grid.cols.range;
}

const ropemap_vectors *rm_side_vectors(const rm_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? job->queries : job->keys;
}

static ropemap_status refuse_nonfinite(const ropemap_vectors *vectors, ropemap_range positions, rm_view rows,
                                       ropemap_error *error) {
    for (int64_t i = 0; i < rows.rows; i++) {
        const float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            if (!isfinite(row[d])) {
                return rm_fail(error, ROPEMAP_DATA,
                               "%s: element %" PRId64 " at position %" PRId64
                               " is %g, expected finite numbers only (strict)",
                               vectors->label, d, rm_position(positions, i), (double)row[d]);
            }
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_side_read(const rm_job *job, rm_worker *worker, rm_side side, int64_t first, int64_t count,
                            float *scratch, rm_view *rows, ropemap_error *error) {
    RM_TRY(rm_job_poll(job, worker, error));
    const double start = rm_seconds_now();
    const ropemap_vectors *vectors = rm_side_vectors(job, side);
    const ropemap_range range = rm_side_range(job, side);
    const ropemap_range positions = {.first = rm_position(range, first), .count = count, .step = range.step};
    const bool endless = vectors->count >= ROPEMAP_POSITION_END;
    const int64_t row = positions.first - (endless ? 0 : job->request->first_position);
    *rows = rm_view_dense(scratch, count, vectors->head_dim);
    if (vectors->borrow != NULL) {
        const float *lent = vectors->borrow(vectors, row);
        rows->data = (float *)(uintptr_t)lent; /* only read from */
        rows->stride = range.step * vectors->head_dim;
    } else {
        RM_TRY(vectors->read(vectors, row, count, range.step, scratch, error));
    }
    if (job->request->strict) {
        RM_TRY(refuse_nonfinite(vectors, positions, *rows, error));
    }
    (void)rm_stage_time(worker, RM_STAGE_READ, start);
    return ROPEMAP_OK;
}

ropemap_status rm_side_rotated(const rm_job *job, rm_worker *worker, rm_side side, int64_t first,
                               int64_t count, float *scratch, rm_view to, ropemap_error *error) {
    rm_view rows = {0};
    RM_TRY(rm_side_read(job, worker, side, first, count, scratch, &rows, error));
    const double start = rm_seconds_now();
    const ropemap_range range = rm_side_range(job, side);
    const ropemap_range positions = {.first = rm_position(range, first), .count = count, .step = range.step};
    RM_TRY(job->backend->rotate(worker->context, &job->rotation, positions, rows, to, error));
    (void)rm_stage_time(worker, RM_STAGE_ROTATE, start);
    return ROPEMAP_OK;
}
