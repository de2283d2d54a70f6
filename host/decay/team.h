/* team.h - threads with a CPU context each, that report progress and stop inside long tasks */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DECAY_TEAM_H
#define ROPEMAP_HOST_DECAY_TEAM_H

#include "host/base/team.h"
#include "host/device/backend.h"

#include <stdatomic.h>

typedef struct rm_bound_team {
    /* Set before it is opened. */
    const char *stage;
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
    double total; /* of what progress counts */
    double unit;  /* of it, what a task is worth */

    double before; /* of it, what was done before this run */
    int32_t threads;
    rm_context **contexts; /* [threads] */
    double told, told_at;  /* progress as last told, and when: the calling thread's alone */
    atomic_bool stop;
} rm_bound_team;

/* `threads` as a request has it, no more than `tasks` are used, and fewer where memory is short. Close it
 * after success and after failure. ROPEMAP_USAGE, _RESOURCES. */
ropemap_status rm_bound_team_open(rm_bound_team *team, int32_t threads, int64_t tasks, ropemap_error *error);

void rm_bound_team_close(rm_bound_team *team);

ropemap_status rm_bound_team_run(rm_bound_team *team, int64_t count, rm_task task, void *work,
                                 ropemap_error *error);

/* To be asked every few milliseconds; the calling thread is worker 0. ROPEMAP_STOPPED. */
ropemap_status rm_bound_team_poll(rm_bound_team *team, int32_t worker, ropemap_error *error);

#endif
