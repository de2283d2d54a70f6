/* execution.h - a request made ready to run: plan, backend, a context for each worker, rows */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_EXECUTION_H
#define ROPEMAP_HOST_MAP_EXECUTION_H

#include "host/data/vectors.h"
#include "host/device/session.h"

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
    rm_workers *group;  /* NULL until rm_job_start */
    rm_worker *workers; /* [plan.threads] the group's */
} rm_job;

/* Checks and plans; nothing large is allocated. Close it after success and after failure. */
ropemap_status rm_job_open(const ropemap_request *request, rm_job *job, ropemap_error *error);

/* Opens the backend and the workers' contexts, rm_job_stop closes them: a job may start again. */
ropemap_status rm_job_start(rm_job *job, ropemap_error *error);

void rm_job_stop(rm_job *job);

void rm_job_close(rm_job *job);

/* As rm_workers_run, on the job's. */
ropemap_status rm_job_run(const rm_job *job, const char *stage, int64_t count, rm_task task, void *work,
                          ropemap_error *error);

/* As rm_team_poll, by tasks of the job. */
ropemap_status rm_job_poll(const rm_job *job, const rm_worker *worker, ropemap_error *error);

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
