/* job.c - a map's job while it is planned and runs: memory, backend, workers, rows */
/* SPDX-License-Identifier: MIT */
#include "host/map/job.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static ropemap_status find_backend(ropemap_job *job, ropemap_error *error) {
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

ropemap_status rm_job_start(ropemap_job *job, ropemap_error *error) {
    RM_TRY(find_backend(job, error));
    RM_TRY(rm_workers_open(&job->group, job->plan.threads, job->backend, &job->device, job->request->session,
                           error));
    job->workers = job->group->each;
    job->plan.threads = job->group->team.threads;
    job->group->team.progress = job->request->progress;
    job->group->team.progress_user = job->request->progress_user;
    return ROPEMAP_OK;
}

void rm_job_stop(ropemap_job *job) {
    if (job->state != NULL) {
        job->drop(job);
        job->state = NULL;
    }
    rm_workers_close(job->group, job->broken);
    if (job->request->session == NULL) {
        rm_plugin_close(&job->plugin);
    }
    job->group = NULL;
    job->workers = NULL;
    job->backend = NULL;
}

ropemap_status rm_job_run(const ropemap_job *job, const char *stage, int64_t count, rm_task task, void *work,
                          ropemap_error *error) {
    return rm_workers_run(job->group, stage, count, task, work, error);
}

ropemap_status rm_job_poll(const ropemap_job *job, const rm_worker *worker, ropemap_error *error) {
    return rm_team_poll(&job->group->team, (int32_t)(worker - job->workers), error);
}

/* ---- what a plan takes */

enum { DEVICE_ROOM = 256 * 1048576 }; /* bytes of a device's memory, besides what its inputs take */

static bool own_is_the_hosts(const ropemap_job *job) {
    return job->device.memory == 0;
}

uint64_t rm_job_own_memory(const ropemap_job *job) {
    return own_is_the_hosts(job) ? job->memory : job->device.memory;
}

void rm_job_take_bytes(ropemap_job *job, rm_bytes worker, rm_bytes once) {
    const double threads = (double)job->plan.threads;
    const double host_worker = worker.host + (double)job->device.context_host + 2.0 * sizeof(rm_worker);
    const double host =
        once.host + host_worker * threads + 32.0 * (double)job->plan.height + (double)sizeof *job;
    const double own = once.own + (worker.own + (double)job->device.context_own) * threads;
    job->plan.bytes = (uint64_t)(own_is_the_hosts(job) ? host + own : host);
    job->plan.device_bytes = own_is_the_hosts(job) ? 0 : (uint64_t)own;
}

bool rm_job_fits(const ropemap_job *job) {
    return job->plan.bytes <= job->memory && job->plan.device_bytes <= job->device.memory;
}

bool rm_job_has_room(const ropemap_job *job) {
    const double rows = (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
    const double room = 4.0 * rows * (double)job->queries->head_dim + (double)DEVICE_ROOM;
    return (double)job->plan.device_bytes <= fmin(room, (double)job->device.memory);
}

void rm_job_limit_threads(ropemap_job *job, int32_t most) {
    if (most != 0 && job->plan.threads > most) {
        job->plan.threads = most;
    }
}

void rm_job_fit_threads(ropemap_job *job, rm_bytes worker, rm_bytes once) {
    rm_job_take_bytes(job, worker, once);
    while (job->plan.threads > 1 && !(rm_job_fits(job) && rm_job_has_room(job))) {
        job->plan.threads--;
        rm_job_take_bytes(job, worker, once);
    }
}

int64_t rm_round_up(int64_t value, int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

int64_t rm_count_tiles(int64_t rows, int64_t cols, int64_t block) {
    const int64_t down = rm_round_up(rows, block) / block, across = rm_round_up(cols, block) / block;
    const int64_t most = INT64_C(1) << 62;
    return down > most / across ? most : down * across;
}

/* ---- rows of a side */

ropemap_range rm_side_range(const ropemap_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? job->grid.rows.range : job->keys_range;
}

static const ropemap_vectors *rm_side_vectors(const ropemap_job *job, rm_side side) {
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

/* Every `step`-th of `lent`, which are only read from; for a device with memory of its own by way of the
 * scratch, which is pinned: each worker copies there, where the driver would copy with one thread. */
static void lend_rows(const ropemap_job *job, rm_view lent, int64_t step, rm_view *rows) {
    lent.stride *= step;
    if (own_is_the_hosts(job)) {
        *rows = lent;
        return;
    }
    for (int64_t i = 0; i < lent.rows; i++) {
        memcpy(rows->data + i * rows->stride, lent.data + i * lent.stride,
               (size_t)lent.cols * sizeof *lent.data);
    }
}

ropemap_status rm_side_read(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
                            int64_t count, float *scratch, rm_view *rows, ropemap_error *error) {
    RM_TRY(rm_job_poll(job, worker, error));
    const double start = rm_seconds_now();
    const ropemap_vectors *vectors = rm_side_vectors(job, side);
    const ropemap_range range = rm_side_range(job, side);
    const ropemap_range positions = {.first = rm_position(range, first), .count = count, .step = range.step};
    const int64_t row = (positions.first - vectors->first) / vectors->step;
    const int64_t step = range.step / vectors->step; /* 0 of a single row, perhaps */
    *rows = rm_view_dense(scratch, count, vectors->head_dim);
    if (vectors->borrow != NULL) {
        const float *lent = vectors->borrow(vectors, row);
        lend_rows(job, rm_view_dense((float *)(uintptr_t)lent, count, vectors->head_dim), step, rows);
    } else {
        RM_TRY(vectors->read(vectors, row, count, step, scratch, error));
    }
    if (job->request->strict) {
        RM_TRY(refuse_nonfinite(vectors, positions, *rows, error));
    }
    (void)rm_stage_time(worker, RM_STAGE_READ, start);
    return ROPEMAP_OK;
}

ropemap_status rm_side_rotated(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
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
