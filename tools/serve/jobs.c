/* jobs.c - requests that take time wait here and are answered by worker threads */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of each lane: one picture is drawn while the next is read and coded, one search at a time. */
static const int workers_of[SERVE_LANES] = {[SERVE_PICTURES] = 2, [SERVE_SEARCHES] = 1};
enum { WORKERS_MOST = 3 };

/* Jobs in their order. */
typedef struct queue {
    serve_job *first, *last;
    int count;
} queue;

/* A worker's thread and what it serves. */
typedef struct worker {
    serve_jobs *jobs;
    serve_lane lane;
    pthread_t thread;
} worker;

struct serve_jobs {
    void *context;
    int done_file;
    pthread_mutex_t mutex;
    pthread_cond_t came;
    queue waiting[SERVE_LANES], done;
    serve_job *all; /* every job that was added and not fetched, by next_all */
    int open;
    bool ends;
    worker workers[WORKERS_MOST];
    int worker_count;
};

/* ---- one job ------------------------------------------------------------------------------------------- */

serve_job *job_new(void) {
    serve_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        atomic_init(&job->dropped, false);
        job->answer = answer_new();
    }
    if (job != NULL && job->answer == NULL) {
        free(job);
        job = NULL;
    }
    return job;
}

void job_free(serve_job *job) {
    if (job != NULL) {
        answer_drop(job->answer);
        free(job->body.data);
        free(job->key);
        free(job);
    }
}

int job_progress(void *user, const char *stage, double done, double total) {
    const serve_job *job = user;
    (void)stage;
    (void)done;
    (void)total;
    return atomic_load(&job->dropped) ? 1 : 0;
}

/* ---- queues; the mutex is held ------------------------------------------------------------------------- */

static void push(queue *to, serve_job *job) {
    job->next = NULL;
    if (to->last != NULL) {
        to->last->next = job;
    } else {
        to->first = job;
    }
    to->last = job;
    to->count++;
}

static serve_job *pop(queue *from) {
    serve_job *job = from->first;
    if (job != NULL) {
        from->first = job->next;
        from->last = from->first != NULL ? from->last : NULL;
        from->count--;
    }
    return job;
}

static void finish(serve_jobs *jobs, serve_job *job) {
    const char byte = 1;
    push(&jobs->done, job);
    /* A full pipe has bytes enough to wake the loop. */
    const ssize_t written = write(jobs->done_file, &byte, 1);
    (void)written;
}

/* ---- workers ------------------------------------------------------------------------------------------- */

/* The next job of a lane, NULL at the end. Waits; the mutex is held. */
static serve_job *await(serve_jobs *jobs, serve_lane lane) {
    while (!jobs->ends && jobs->waiting[lane].first == NULL) {
        (void)pthread_cond_wait(&jobs->came, &jobs->mutex);
    }
    return jobs->ends ? NULL : pop(&jobs->waiting[lane]);
}

static void *serve(void *user) {
    const worker *self = user;
    serve_jobs *jobs = self->jobs;
    (void)pthread_mutex_lock(&jobs->mutex);
    for (serve_job *job = NULL; (job = await(jobs, self->lane)) != NULL;) {
        (void)pthread_mutex_unlock(&jobs->mutex);
        if (!atomic_load(&job->dropped)) {
            job->make(jobs->context, job);
        }
        (void)pthread_mutex_lock(&jobs->mutex);
        finish(jobs, job);
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return NULL;
}

serve_jobs *jobs_start(void *context, int done) {
    serve_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL) {
        return NULL;
    }
    jobs->context = context;
    jobs->done_file = done;
    (void)pthread_mutex_init(&jobs->mutex, NULL);
    (void)pthread_cond_init(&jobs->came, NULL);
    bool failed = false;
    for (int lane = 0; lane < SERVE_LANES; lane++) {
        for (int i = 0; i < workers_of[lane] && !failed; i++) {
            worker *one = &jobs->workers[jobs->worker_count];
            *one = (worker){.jobs = jobs, .lane = (serve_lane)lane};
            failed = pthread_create(&one->thread, NULL, serve, one) != 0;
            jobs->worker_count += failed ? 0 : 1;
        }
    }
    if (failed) {
        jobs_stop(jobs);
        return NULL;
    }
    return jobs;
}

void jobs_stop(serve_jobs *jobs) {
    (void)pthread_mutex_lock(&jobs->mutex);
    jobs->ends = true;
    for (serve_job *job = jobs->all; job != NULL; job = job->next_all) {
        atomic_store(&job->dropped, true);
    }
    (void)pthread_cond_broadcast(&jobs->came);
    (void)pthread_mutex_unlock(&jobs->mutex);
    for (int i = 0; i < jobs->worker_count; i++) {
        (void)pthread_join(jobs->workers[i].thread, NULL);
    }
    while (jobs->all != NULL) {
        serve_job *job = jobs->all;
        jobs->all = job->next_all;
        job_free(job);
    }
    (void)pthread_cond_destroy(&jobs->came);
    (void)pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

/* ---- the loop's side ----------------------------------------------------------------------------------- */

/* Drops what waits or is being made for a view. The mutex is held. */
static void replace(serve_jobs *jobs, const char *view) {
    for (serve_job *old = jobs->all; old != NULL; old = old->next_all) {
        if (strcmp(old->view, view) == 0) {
            old->replaced = true;
            atomic_store(&old->dropped, true);
        }
    }
}

/* Takes those that were dropped while they waited out of the queues. The mutex is held. */
static void sweep(serve_jobs *jobs) {
    for (int lane = 0; lane < SERVE_LANES; lane++) {
        queue kept = {.first = NULL};
        for (serve_job *job = NULL; (job = pop(&jobs->waiting[lane])) != NULL;) {
            if (atomic_load(&job->dropped)) {
                finish(jobs, job);
            } else {
                push(&kept, job);
            }
        }
        jobs->waiting[lane] = kept;
    }
}

bool jobs_add(serve_jobs *jobs, serve_job *job) {
    (void)pthread_mutex_lock(&jobs->mutex);
    if (job->view[0] != '\0') {
        replace(jobs, job->view);
        sweep(jobs);
    }
    const bool taken = jobs->waiting[job->lane].count < SERVE_WAITING;
    if (taken) {
        job->next_all = jobs->all;
        jobs->all = job;
        jobs->open++;
        push(&jobs->waiting[job->lane], job);
        (void)pthread_cond_broadcast(&jobs->came);
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return taken;
}

void jobs_replace(serve_jobs *jobs, const char *view) {
    if (view[0] != '\0') {
        (void)pthread_mutex_lock(&jobs->mutex);
        replace(jobs, view);
        sweep(jobs);
        (void)pthread_mutex_unlock(&jobs->mutex);
    }
}

void jobs_drop(serve_jobs *jobs, const void *request) {
    (void)pthread_mutex_lock(&jobs->mutex);
    for (serve_job *job = jobs->all; job != NULL; job = job->next_all) {
        if (job->request == request) {
            atomic_store(&job->dropped, true);
        }
    }
    sweep(jobs);
    (void)pthread_mutex_unlock(&jobs->mutex);
}

serve_job *jobs_next(serve_jobs *jobs) {
    (void)pthread_mutex_lock(&jobs->mutex);
    serve_job *job = pop(&jobs->done);
    for (serve_job **link = &jobs->all; job != NULL && *link != NULL; link = &(*link)->next_all) {
        if (*link == job) {
            *link = job->next_all;
            jobs->open--;
            break;
        }
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return job;
}

int jobs_open(serve_jobs *jobs) {
    (void)pthread_mutex_lock(&jobs->mutex);
    const int open = jobs->open;
    (void)pthread_mutex_unlock(&jobs->mutex);
    return open;
}
