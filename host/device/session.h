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

/* Rotated rows in a context's memory: of a session they outlive the job, for another one of the same rows. */
typedef struct rm_kept {
    float *rows;
    char *name; /* as ropemap_request.keys_name; NULL: for this job alone, or not all there. rm_free */
    ropemap_range range;
    rm_rotation rotation; /* its frequencies are the next */
    ropemap_freqs freqs;
} rm_kept;

/* A worker's own. */
typedef struct rm_worker {
    rm_context *context;
    rm_kept *kept; /* NULL: nothing */
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

/* Rows that a job before left with these workers under this name; all else that they keep is released. NULL:
 * none, or no name. */
float *rm_workers_kept(rm_workers *workers, const char *name, ropemap_range range,
                       const rm_rotation *rotation);

/* Room for such rows with the first worker, [floats]. */
ropemap_status rm_workers_keep(rm_workers *workers, ropemap_range range, const rm_rotation *rotation,
                               int64_t floats, float **rows, ropemap_error *error);

/* The rows are all there. Without a name, or memory for it, they go with the job. */
void rm_workers_name_kept(rm_workers *workers, const char *name);

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
