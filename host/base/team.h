/* team.h - threads that share out numbered tasks, report progress and stop on request */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_TEAM_H
#define ROPEMAP_HOST_BASE_TEAM_H

#include "host/base/processor.h"
#include "host/base/status.h"

#include <pthread.h>
#include <stdatomic.h>

/* A condition on the monotonic clock: setting the time of day neither shortens nor lengthens a wait. */
void rm_condition_make(pthread_cond_t *condition);

/* As pthread_cond_wait, for 0.1 s at most, so that the waiter can report progress. The lock is held before
 * and after. */
void rm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock);

/* Seconds of the monotonic clock. */
double rm_seconds_now(void);

/*
 * One task. `worker` is below the team's size and no two tasks run at once with the same one, so that it can
 * index scratch memory. Tasks start in the order of their number.
 */
typedef ropemap_status (*rm_task)(void *work, int64_t task, int32_t worker, ropemap_error *error);

/* Zeroed but for what the caller sets. It may run several times, one after another. */
typedef struct rm_team {
    int32_t threads;           /* >= 1; the calling thread is worker 0 */
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
    double total_steps; /* where it is not 0 progress counts steps, which tasks add, in place of tasks */

    /* The team's own. */
    atomic_int_fast64_t steps;
    atomic_bool stopped; /* the callback asked to stop */
    const char *stage;   /* of the latest run. This and the next three are the calling thread's alone */
    double done, total;  /* as last reported */
    double reported;     /* when, in seconds */
} rm_team;

/*
 * Runs tasks 0 to count - 1; `stage` is the word that progress is reported under. After a failure, or when
 * the progress callback asks to stop, no further task starts; what is returned is the failure of the
 * lowest-numbered task that failed, or ROPEMAP_STOPPED. Progress is reported by the calling thread: after
 * tasks it ran, ten times a second while it waits for the others, and at the end. If a thread cannot be
 * started, the others do its work.
 */
ropemap_status rm_team_run(rm_team *team, const char *stage, int64_t count, rm_task task, void *work,
                           ropemap_error *error);

/* For tasks that take long, every few milliseconds: reports progress on worker 0, the calling thread.
 * ROPEMAP_STOPPED once the callback has asked to stop. */
ropemap_status rm_team_poll(rm_team *team, int32_t worker, ropemap_error *error);

/* The threads of a request: as many as it names, one a CPU for 0. ROPEMAP_USAGE: more than RM_THREADS_MAX,
 * fewer than 0. */
ropemap_status rm_team_size(int32_t requested, int32_t *threads, ropemap_error *error);

#endif
