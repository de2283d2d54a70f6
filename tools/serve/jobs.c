/* jobs.c - requests that take time wait here and are answered by worker threads */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct serve_jobs {
    void *context;
    int done_file;
    pthread_mutex_t mutex;
    pthread_cond_t came;
    serve_job *first,
        **end; /* every job that was added and not fetched, in that order; where the next goes */
    bool ends;
    pthread_t workers[SERVE_WORKERS];
    int worker_count;
};

/* ---- one job ------------------------------------------------------------------------------------------- */

serve_job *job_new(void) {
    serve_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        atomic_init(&job->dropped, false);
        atomic_init(&job->done, 0);
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
    serve_job *job = user;
    (void)stage;
    atomic_store(&job->done, done < total ? (int)(1e6 * done / total) : total > 0.0 ? 1000000 : 0);
    return atomic_load(&job->dropped) ? 1 : 0;
}

/* ---- the list; the mutex is held ----------------------------------------------------------------------- */

static int count_of(const serve_jobs *jobs, job_state state) {
    int count = 0;
    for (const serve_job *job = jobs->first; job != NULL; job = job->next) {
        count += job->state == state ? 1 : 0;
    }
    return count;
}

/* The oldest job that may be made: one slow job at a time, so that others do not wait for it. */
static serve_job *find_work(const serve_jobs *jobs) {
    bool slow = false;
    for (const serve_job *job = jobs->first; job != NULL; job = job->next) {
        slow = slow || (job->slow && job->state == JOB_MAKING);
    }
    serve_job *job = jobs->first;
    while (job != NULL && (job->state != JOB_WAITING || (slow && job->slow))) {
        job = job->next;
    }
    return job;
}

static void finish(serve_jobs *jobs, serve_job *job) {
    const char byte = 1;
    job->state = JOB_DONE;
    /* A full pipe has bytes enough to wake the loop. */
    const ssize_t written = write(jobs->done_file, &byte, 1);
    (void)written;
}

/* ---- workers ------------------------------------------------------------------------------------------- */

/* The next job, NULL at the end. Waits; the mutex is held. */
static serve_job *await(serve_jobs *jobs) {
    serve_job *job = NULL;
    while (!jobs->ends && (job = find_work(jobs)) == NULL) {
        (void)pthread_cond_wait(&jobs->came, &jobs->mutex);
    }
    if (jobs->ends) {
        return NULL;
    }
    job->state = JOB_MAKING;
    return job;
}

static void *serve(void *user) {
    serve_jobs *jobs = user;
    (void)pthread_mutex_lock(&jobs->mutex);
    for (serve_job *job = NULL; (job = await(jobs)) != NULL;) {
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
    jobs->end = &jobs->first;
    (void)pthread_mutex_init(&jobs->mutex, NULL);
    (void)pthread_cond_init(&jobs->came, NULL);
    bool failed = false;
    for (int i = 0; i < SERVE_WORKERS && !failed; i++) {
        failed = pthread_create(&jobs->workers[i], NULL, serve, jobs) != 0;
        jobs->worker_count += failed ? 0 : 1;
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
    for (serve_job *job = jobs->first; job != NULL; job = job->next) {
        atomic_store(&job->dropped, true);
    }
    (void)pthread_cond_broadcast(&jobs->came);
    (void)pthread_mutex_unlock(&jobs->mutex);
    for (int i = 0; i < jobs->worker_count; i++) {
        (void)pthread_join(jobs->workers[i], NULL);
    }
    while (jobs->first != NULL) {
        serve_job *job = jobs->first;
        jobs->first = job->next;
        job_free(job);
    }
    (void)pthread_cond_destroy(&jobs->came);
    (void)pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

/* ---- the loop's side ----------------------------------------------------------------------------------- */

/* Drops the jobs of a view as replaced, and that of a request; those that wait are done. The mutex is held.
 */
static void drop(serve_jobs *jobs, const char *view, const void *request) {
    for (serve_job *job = jobs->first; job != NULL; job = job->next) {
        const bool replaced = view[0] != '\0' && strcmp(job->view, view) == 0;
        if (replaced || (request != NULL && job->request == request)) {
            job->replaced = job->replaced || replaced;
            atomic_store(&job->dropped, true);
        }
        if (job->state == JOB_WAITING && atomic_load(&job->dropped)) {
            finish(jobs, job);
        }
    }
}

bool jobs_add(serve_jobs *jobs, serve_job *job) {
    (void)pthread_mutex_lock(&jobs->mutex);
    drop(jobs, job->view, NULL);
    const bool taken = count_of(jobs, JOB_WAITING) < SERVE_WAITING;
    if (taken) {
        *jobs->end = job;
        jobs->end = &job->next;
        (void)pthread_cond_signal(&jobs->came);
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return taken;
}

void jobs_replace(serve_jobs *jobs, const char *view) {
    (void)pthread_mutex_lock(&jobs->mutex);
    drop(jobs, view, NULL);
    (void)pthread_mutex_unlock(&jobs->mutex);
}

void jobs_drop(serve_jobs *jobs, const void *request) {
    (void)pthread_mutex_lock(&jobs->mutex);
    drop(jobs, "", request);
    (void)pthread_mutex_unlock(&jobs->mutex);
}

serve_job *jobs_next(serve_jobs *jobs) {
    (void)pthread_mutex_lock(&jobs->mutex);
    serve_job **link = &jobs->first;
    while (*link != NULL && (*link)->state != JOB_DONE) {
        link = &(*link)->next;
    }
    serve_job *job = *link;
    if (job != NULL) {
        *link = job->next;
        jobs->end = job->next == NULL ? link : jobs->end;
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return job;
}

double jobs_share(serve_jobs *jobs, const char *view) {
    double share = -1.0;
    (void)pthread_mutex_lock(&jobs->mutex);
    for (serve_job *job = jobs->first; job != NULL; job = job->next) {
        const bool own = view[0] != '\0' && strcmp(job->view, view) == 0 && !atomic_load(&job->dropped);
        share = own && job->state == JOB_MAKING ? (double)atomic_load(&job->done) / 1e6 : share;
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return share;
}

int jobs_open(serve_jobs *jobs) {
    (void)pthread_mutex_lock(&jobs->mutex);
    const int open = count_of(jobs, JOB_WAITING) + count_of(jobs, JOB_MAKING) + count_of(jobs, JOB_DONE);
    (void)pthread_mutex_unlock(&jobs->mutex);
    return open;
}
