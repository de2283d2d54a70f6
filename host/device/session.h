/* session.h - threads with a context of a backend each, and contexts that stay open between maps */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DEVICE_SESSION_H
#define ROPEMAP_HOST_DEVICE_SESSION_H

#include "host/base/team.h"
#include "host/device/plugin.h"

/* Stages whose time is reported. */
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

/* Threads with a context each. */
typedef struct rm_workers {
    rm_team team; /* of team.threads workers */
    const rm_backend *backend;
    rm_device device;
    ropemap_session *session; /* that contexts come from and go back to; NULL: none */
    rm_worker each[];         /* [team.threads] */
} rm_workers;

/* `threads` of them, or fewer where no more contexts can be opened; at least one. *workers is NULL on
 * failure. */
ropemap_status rm_workers_open(rm_workers **workers, int32_t threads, const rm_backend *backend,
                               const rm_device *device, ropemap_session *session, ropemap_error *error);

/* The same of the CPU: as many threads as a request names, but no more than `tasks`, with its callback.
 * ROPEMAP_USAGE as rm_team_size. */
ropemap_status rm_workers_open_cpu(rm_workers **workers, int32_t requested, int64_t tasks,
                                   ropemap_progress progress, void *progress_user, ropemap_error *error);

/* `failed`: contexts that work failed on are not for others. NULL is fine. */
void rm_workers_close(rm_workers *workers, bool failed);

/* As rm_team_run; all that tasks gave to the backend has taken effect when it returns. */
ropemap_status rm_workers_run(rm_workers *workers, const char *stage, int64_t count, rm_task task, void *work,
                              ropemap_error *error);

/* Adds the time since `start` to a worker's stage and returns now. */
double rm_stage_time(rm_worker *worker, rm_stage stage, double start);

/* The CUDA backend's library, opened when it is first needed; it stays open as long as the session. */
ropemap_status rm_session_plugin(ropemap_session *session, rm_plugin *plugin, ropemap_error *error);

/* Whether a context for such a device is open and unused. */
bool rm_session_has(ropemap_session *session, const rm_device *device);

#endif
