/* execution.c - a request made ready to run: plan, backend, a context for each worker, rows */
/* SPDX-License-Identifier: MIT */
#include "host/map/execution.h"
#include "host/base/alloc.h"
#include "host/device/session.h"
#include "host/map/map.h"
#include "host/map/plan.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double POLL_SECONDS = 0.1; /* between two tellings from inside a task */

static uint64_t quarter_of_memory(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages < 1 || bytes < 1 ? (uint64_t)1 << 30 : (uint64_t)pages * (uint64_t)bytes / 4;
}

static rm_axis axis_of(ropemap_range range, int64_t cells) {
    return (rm_axis){.range = range, .cells = range.count < cells ? range.count : cells};
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

/* One that waits in the session, else a new one. */
static ropemap_status open_context(const rm_job *job, rm_context **context, ropemap_error *error) {
    ropemap_session *session = job->request->session;
    *context = session != NULL ? rm_session_take(session, &job->device) : NULL;
    return *context != NULL ? ROPEMAP_OK : job->backend->open(context, &job->device, error);
}

/* A context that work failed on is not for others. */
static void close_context(const rm_job *job, rm_context *context) {
    ropemap_session *session = job->request->session;
    if (session != NULL && context != NULL && !job->broken) {
        rm_session_give(session, job->backend, &job->device, context);
    } else {
        job->backend->close(context);
    }
}

ropemap_status rm_job_start(rm_job *job, ropemap_error *error) {
    const uint64_t threads = (uint64_t)job->plan.threads;
    job->pulse = rm_alloc(1, sizeof *job->pulse);
    job->workers = rm_alloc(threads, sizeof *job->workers);
    if (job->workers == NULL || job->pulse == NULL) {
        return rm_fail_memory(error, "workers", threads * sizeof *job->workers);
    }
    job->pulse->request = job->request;
    atomic_init(&job->pulse->steps, 0);
    atomic_init(&job->pulse->stop, false);
    RM_TRY(find_backend(job, error));
    RM_TRY(open_context(job, &job->workers[0].context, error));
    /* One worker does what many do, more slowly: others that cannot be had are done without. */
    int32_t opened = 1;
    while (opened < job->plan.threads &&
           open_context(job, &job->workers[opened].context, NULL) == ROPEMAP_OK) {
        opened++;
    }
    job->plan.threads = opened;
    return ROPEMAP_OK;
}

void rm_job_stop(rm_job *job) {
    for (int32_t i = 0; job->backend != NULL && job->workers != NULL && i < job->plan.threads; i++) {
        close_context(job, job->workers[i].context);
    }
    rm_free(job->workers);
    rm_free(job->pulse);
    if (job->request->session == NULL) {
        rm_plugin_close(&job->plugin);
    }
    job->workers = NULL;
    job->pulse = NULL;
    job->backend = NULL;
}

void rm_job_close(rm_job *job) {
    if (job->request != NULL) {
        rm_job_stop(job);
    }
    ropemap_vectors_free(job->owned);
    job->owned = NULL;
}

/* The callback of every run: `done` of `total` tasks. */
static int tell(void *user, const char *stage, double done, double total) {
    rm_pulse *pulse = user;
    if (pulse->all_steps > 0.0) {
        total = pulse->all_steps;
        done = fmin((double)atomic_load(&pulse->steps), total);
    }
    pulse->stage = stage;
    pulse->done = done;
    pulse->total = total;
    pulse->told = rm_seconds_now();
    if (pulse->request->progress(pulse->request->progress_user, stage, done, total) != 0) {
        atomic_store(&pulse->stop, true);
        return 1;
    }
    return 0;
}

ropemap_status rm_job_run(const rm_job *job, const char *stage, int64_t count, rm_task task, void *work,
                          ropemap_error *error) {
    rm_pulse *pulse = job->pulse;
    pulse->stage = stage;
    pulse->done = 0.0;
    pulse->total = (double)count;
    pulse->told = rm_seconds_now();
    const rm_team team = {.threads = job->plan.threads,
                          .stage = stage,
                          .progress = job->request->progress == NULL ? NULL : tell,
                          .progress_user = pulse};
    ropemap_status status = rm_team_run(&team, count, task, work, error);
    for (int32_t i = 0; i < job->plan.threads; i++) {
        const ropemap_status end =
            job->backend->finish(job->workers[i].context, status == ROPEMAP_OK ? error : NULL);
        status = status == ROPEMAP_OK ? end : status;
    }
    return status;
}

ropemap_status rm_job_poll(const rm_job *job, const rm_worker *worker, ropemap_error *error) {
    rm_pulse *pulse = job->pulse;
    const bool caller = worker == &job->workers[0]; /* the calling thread is worker 0 */
    if (caller && job->request->progress != NULL && !atomic_load(&pulse->stop) &&
        rm_seconds_now() - pulse->told >= POLL_SECONDS) {
        (void)tell(pulse, pulse->stage, pulse->done, pulse->total);
    }
    return atomic_load(&pulse->stop) ? rm_fail(error, ROPEMAP_STOPPED, "stopped on request") : ROPEMAP_OK;
}

double rm_seconds_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double rm_stage_time(rm_worker *worker, rm_stage stage, double start) {
    const double now = rm_seconds_now();
    worker->seconds[stage] += now - start;
    return now;
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
