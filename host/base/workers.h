/* workers.h - a team of threads that share out numbered tasks */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_WORKERS_H
#define ROPEMAP_HOST_BASE_WORKERS_H

#include "host/base/status.h"

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
