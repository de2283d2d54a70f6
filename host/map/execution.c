/* execution.c - a request made ready to run: plan, backend, a context for each worker, rows */
/* SPDX-License-Identifier: MIT */
#include "host/map/execution.h"
#include "host/map/map.h"
#include "host/map/plan.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static uint64_t quarter_of_memory(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages < 1 || bytes < 1 ? (uint64_t)1 << 30 : (uint64_t)pages * (uint64_t)bytes / 4;
}

static rm_partition axis_of(ropemap_range range, int64_t cells) {
    return (rm_partition){.range = range, .cells = range.count < cells ? range.count : cells};
}

static void take_request(const ropemap_request *request, rm_job *job) {
    const bool cosine = request->measure == ROPEMAP_MEASURE_COSINE;
    job->request = request;
    job->queries = request->queries != NULL ? request->queries : job->owned;
    job->keys = request->keys != NULL ? request->keys : job->owned;
    job->constant = job->queries->constant && job->keys->constant;
    job->mirrors = job->queries == job->keys && !request->causal && request->height == request->width &&
                   memcmp(&request->rows, &request->cols, sizeof request->rows) == 0;
    job->rotation =
        (rm_rotation){.freqs = &job->freqs,
                      .layout = request->spec.layout,
                      .rotate = !request->already_rotated && request->encoding != ROPEMAP_ENCODING_NOPE,
                      .normalise = cosine};
    job->grid = (rm_grid){.rows = axis_of(request->rows, request->height),
                          .cols = axis_of(request->cols, request->width),
                          .causal = request->causal};
    job->scale =
        request->measure == ROPEMAP_MEASURE_SCALED ? 1.0 / sqrt((double)request->spec.head_dim) : 1.0;
    job->memory = request->memory != 0 ? request->memory : quarter_of_memory();
}

ropemap_status rm_job_open(const ropemap_request *request, rm_job *job, ropemap_error *error) {
    *job = (rm_job){0};
    RM_TRY(rm_request_check(request, error));
    RM_TRY(ropemap_freqs_make(&request->spec, &job->freqs, error));
    if (request->queries == NULL) {
        RM_TRY(ropemap_vectors_ones(request->spec.head_dim, &job->owned, error));
    }
    take_request(request, job);
    return rm_choose(job, error);
}

static ropemap_status find_backend(rm_job *job, ropemap_error *error) {
    if (strcmp(job->device.backend, "cuda") != 0) {
        job->backend = rm_cpu_backend();
        return ROPEMAP_OK;
    }
    ropemap_session *session = job->request->session;
    RM_TRY(session != NULL ? rm_session_plugin(session, &job->plugin, error)
                           : rm_plugin_open(&job->plugin, error));
    job->backend = job->plugin.table.backend;
    return ROPEMAP_OK;
}

ropemap_status rm_job_start(rm_job *job, ropemap_error *error) {
    RM_TRY(find_backend(job, error));
    RM_TRY(rm_workers_open(&job->group, job->plan.threads, job->backend, &job->device, job->request->session,
                           error));
    job->workers = job->group->each;
    job->plan.threads = job->group->team.threads;
    job->group->team.progress = job->request->progress;
    job->group->team.progress_user = job->request->progress_user;
    return ROPEMAP_OK;
}

void rm_job_stop(rm_job *job) {
    rm_workers_close(job->group, job->broken);
    if (job->request->session == NULL) {
        rm_plugin_close(&job->plugin);
    }
    job->group = NULL;
    job->workers = NULL;
    job->backend = NULL;
}

void rm_job_close(rm_job *job) {
    if (job->request != NULL) {
        rm_job_stop(job);
    }
    ropemap_vectors_free(job->owned);
    job->owned = NULL;
}

ropemap_status rm_job_run(const rm_job *job, const char *stage, int64_t count, rm_task task, void *work,
                          ropemap_error *error) {
    return rm_workers_run(job->group, stage, count, task, work, error);
}

ropemap_status rm_job_poll(const rm_job *job, const rm_worker *worker, ropemap_error *error) {
    return rm_team_poll(&job->group->team, (int32_t)(worker - job->workers), error);
}

ropemap_range rm_side_range(const rm_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? job->grid.rows.range : job->grid.cols.range;
}

static const ropemap_vectors *rm_side_vectors(const rm_job *job, rm_side side) {
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
