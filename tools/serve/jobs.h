/* jobs.h - requests that take time wait here and are answered by worker threads */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_JOBS_H
#define ROPEMAP_TOOLS_SERVE_JOBS_H

#include "tools/serve/cache.h"
#include "tools/serve/query.h"

#include <stdatomic.h>

typedef struct serve_job serve_job;

typedef enum job_state { JOB_WAITING, JOB_MAKING, JOB_DONE } job_state;

/* Fills the answer; must look at job_progress during long work. On a worker's thread. */
typedef void (*serve_maker)(void *context, serve_job *job);

struct serve_job {
    serve_maker make;
    bool slow; /* it may take seconds: one such job is made at a time */
    const struct serve_route *route;
    char path[SERVE_PATH_BYTES]; /* "/map.png" */
    serve_query query;
    char view[SERVE_VIEW_BYTES + 1]; /* "" where the request is of none */
    const char *cell[2];             /* of /value.json: i and j, texts of the query; NULL: missing */
    ropemap_bytes body;              /* of a POST; owned, from malloc */
    atomic_bool dropped;             /* nobody wants the answer */
    atomic_int done;                 /* of what is made now, in millionths */
    bool replaced;                   /* because a newer one of its view came */
    serve_answer *answer;
    char *key;     /* that the answer is kept under; owned, NULL: it is not kept */
    void *request; /* whom it answers; the loop's own */
    job_state state;
    serve_job *next;
};

typedef struct serve_jobs serve_jobs;

/*
 * Starts the workers. `done` is a descriptor that gets a byte whenever jobs_next has something. NULL where
 * threads or memory are missing.
 */
serve_jobs *jobs_start(void *context, int done);

/* Drops everything, waits for the workers and frees what was not fetched. */
void jobs_stop(serve_jobs *jobs);

/* A job to fill in; NULL: no memory. Free with job_free until it is given to jobs_add. */
serve_job *job_new(void);
void job_free(serve_job *job);

/*
 * Takes the job over. Those of the same view that came before it are dropped as replaced. False, and the job
 * is still the caller's, where too many wait.
 */
bool jobs_add(serve_jobs *jobs, serve_job *job);

/* Drops those of a view as replaced, as a newer one was answered at once; "" is no view. */
void jobs_replace(serve_jobs *jobs, const char *view);

/* Nobody wants that job's answer any more. The job still comes out of jobs_next. */
void jobs_drop(serve_jobs *jobs, const void *request);

/* A job that is done, for the caller to free; NULL: none is. */
serve_job *jobs_next(serve_jobs *jobs);

/* How far the newest job of a view is, 0 to 1; below 0 where it waits for a worker, or there is none. */
double jobs_share(serve_jobs *jobs, const char *view);

/* How many were taken and not yet fetched. */
int jobs_open(serve_jobs *jobs);

/* A ropemap_progress whose `user` is a serve_job: notes how far it is, stops the work once it is dropped. */
int job_progress(void *user, const char *stage, double done, double total);

#endif
