/* team.h - a team of threads that share out numbered tasks, with waits that can report progress */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_TEAM_H
#define ROPEMAP_HOST_BASE_TEAM_H

#include "host/base/status.h"

#include <pthread.h>

/* A condition on the monotonic clock: setting the time of day neither shortens nor lengthens a wait. */
void rm_condition_make(pthread_cond_t *condition);

/* As pthread_cond_wait, for 0.1 s at most. The lock is held before and after. */
void rm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock);

/*
 * One task. `worker` is below the team's size and no two tasks run at once with the same one, so that it can
 * index scratch memory. Tasks start in the order of their number.
 */
typedef ropemap_status (*rm_task)(void *work, int64_t task, int32_t worker, ropemap_error *error);

typedef struct rm_team {
    int32_t threads; /* >= 1; the calling thread is worker 0 */
    const char *stage;
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} rm_team;

/*
 * Runs tasks 0 to count - 1. After a failure, or when the progress callback asks to stop, no further task
 * starts; what is returned is the failure of the lowest-numbered task that failed, or ROPEMAP_STOPPED.
 * Progress is told by the calling thread: after tasks it ran, ten times a second while it waits for the
 * others, and at the end. Where a thread cannot be made the others do its work.
 */
ropemap_status rm_team_run(const rm_team *team, int64_t count, rm_task task, void *work,
                           ropemap_error *error);

/* Processors this process may use, 1 at least. */
int32_t rm_processors(void);

#endif
