/* execution.h - a request made ready to run: plan, backend, a context for each worker, rows */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_EXECUTION_H
#define ROPEMAP_HOST_MAP_EXECUTION_H

#include "host/base/team.h"
#include "host/data/vectors.h"
#include "host/device/plugin.h"

#include <stdatomic.h>

/* Stages whose time is told. */
typedef enum rm_stage {
    RM_STAGE_READ,
    RM_STAGE_ROTATE,
    RM_STAGE_SIMILARITY,
    RM_STAGE_POOL,
    RM_STAGES
} rm_stage;

/* A worker's own. */
typedef struct rm_worker {
    rm_context *context;
    double seconds[RM_STAGES];
} rm_worker;

/*
 * What the calling thread and the tasks of a job tell each other while work runs. Tasks can take long: they
 * ask now and then whether to go on (rm_job_poll), the calling thread's own tell progress meanwhile.
 */
typedef struct rm_pulse {
    const ropemap_request *request;
    const char *stage; /* of the run in progress. This, done, total and told are the calling thread's alone */
    double done, total; /* as last told */
    double told;        /* when, in seconds */
    double all_steps;   /* where it is not 0 progress counts steps, which tasks add, in place of tasks */
    atomic_int_fast64_t steps;
    atomic_bool stop; /* the callback asked to stop */
} rm_pulse;

typedef struct rm_job {
    const ropemap_request *request;
    rm_device device;          /* what is computed on */
    rm_plugin plugin;          /* open where the backend is not one of this library's; a session's, where
                                  there is one */
    const rm_backend *backend; /* NULL until rm_job_start */
    const ropemap_vectors *queries, *keys;
    ropemap_vectors *owned; /* the ones that stand in where a request names no vectors */
    ropemap_freqs freqs;
    rm_rotation rotation; /* of queries and of keys */
    rm_grid grid;
    double scale;    /* what every similarity is multiplied by at the end */
    bool broken;     /* the attempt failed: its contexts are not for others */
    bool constant;   /* queries and keys do not depend on position */
    bool mirrors;    /* cell (r, c) is cell (c, r): the same vectors at the same positions on both sides */
    uint64_t memory; /* bytes the plan may use */
    ropemap_plan plan;
    rm_worker *workers; /* [plan.threads], NULL until rm_job_start */
    rm_pulse *pulse;    /* likewise */
} rm_job;

/* Checks and plans; nothing large is allocated. Close it after success and after failure. */
ropemap_status rm_job_open(const ropemap_request *request, rm_job *job, ropemap_error *error);

/* Opens the backend and the workers' contexts, rm_job_stop closes them: a job may start again. */
ropemap_status rm_job_start(rm_job *job, ropemap_error *error);

void rm_job_stop(rm_job *job);

void rm_job_close(rm_job *job);

/* Runs tasks on the job's workers; `stage` is the word that progress is told under. All that they gave to the
 * backend has taken effect when it returns. */
ropemap_status rm_job_run(const rm_job *job, const char *stage, int64_t count, rm_task task, void *work,
                          ropemap_error *error);

/* To be asked by tasks every few milliseconds: ROPEMAP_STOPPED once the progress callback wants it. */
ropemap_status rm_job_poll(const rm_job *job, const rm_worker *worker, ropemap_error *error);

/* Adds the time since `start` to a worker's stage and returns now. */
double rm_stage_time(rm_worker *worker, rm_stage stage, double start);

double rm_seconds_now(void);

/* The three methods (DIAGONAL, FACTORED, TILED): fill map->cells [height, width] as job->plan says. */
ropemap_status rm_map_factored(rm_job *job, float *cells, ropemap_error *error);

ropemap_status rm_map_diagonal(rm_job *job, float *cells, ropemap_error *error);

ropemap_status rm_map_tiled(rm_job *job, float *cells, ropemap_error *error);

typedef enum rm_side { RM_SIDE_QUERIES, RM_SIDE_KEYS } rm_side;

/* Positions and source of a side. */
ropemap_range rm_side_range(const rm_job *job, rm_side side);

/*
 * Position indices [first, first + count) of a side as they come from the source, [count, head_dim]: in
 * `scratch`, or where they lie if the source can lend them. ROPEMAP_STOPPED where that was asked for: whoever
 * reads rows can be stopped between two reads.
 */
ropemap_status rm_side_read(const rm_job *job, rm_worker *worker, rm_side side, int64_t first, int64_t count,
                            float *scratch, rm_view *rows, ropemap_error *error);

/*
 * The same rows rotated, into `to` [to.rows >= count, head_dim]; rows of `to` beyond count become zero, so
 * that products keep one shape.
 */
ropemap_status rm_side_rotated(const rm_job *job, rm_worker *worker, rm_side side, int64_t first,
                               int64_t count, float *scratch, rm_view to, ropemap_error *error);

#endif
