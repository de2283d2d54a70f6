/* session.c - threads with a context of a backend each, and contexts that stay open between maps */
/* SPDX-License-Identifier: MIT */
#include "host/device/session.h"
#include "host/base/alloc.h"

#include <pthread.h>
#include <string.h>

enum { WAITING_MOST = 64 };

/* A context and what it was opened for. */
struct waiting {
    const rm_backend *backend;
    rm_device device;
    rm_context *context;
};

struct ropemap_session {
    pthread_mutex_t mutex;
    rm_plugin plugin;
    bool opened; /* the plugin */
    struct waiting waiting[WAITING_MOST];
    int count;
};

ropemap_status ropemap_session_open(ropemap_session **session, ropemap_error *error) {
    *session = rm_alloc(1, sizeof **session);
    if (*session == NULL) {
        return rm_fail_memory(error, "session", sizeof **session);
    }
    if (pthread_mutex_init(&(*session)->mutex, NULL) != 0) {
        rm_free(*session);
        *session = NULL;
        return rm_fail(error, ROPEMAP_RESOURCES, "session: no mutex could be made");
    }
    return ROPEMAP_OK;
}

void ropemap_session_close(ropemap_session *session) {
    if (session == NULL) {
        return;
    }
    for (int i = 0; i < session->count; i++) {
        session->waiting[i].backend->close(session->waiting[i].context);
    }
    rm_plugin_close(&session->plugin);
    (void)pthread_mutex_destroy(&session->mutex);
    rm_free(session);
}

ropemap_status rm_session_plugin(ropemap_session *session, rm_plugin *plugin, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    (void)pthread_mutex_lock(&session->mutex);
    if (!session->opened) {
        status = rm_plugin_open(&session->plugin, error);
        session->opened = status == ROPEMAP_OK;
    }
    *plugin = session->plugin;
    (void)pthread_mutex_unlock(&session->mutex);
    return status;
}

/* The place of one that waits, -1 where none does. A context knows the tiles of its device. */
static int find(const ropemap_session *session, const rm_device *device) {
    for (int i = session->count - 1; i >= 0; i--) {
        const rm_device *other = &session->waiting[i].device;
        if (strcmp(other->backend, device->backend) == 0 && other->index == device->index &&
            other->block == device->block) {
            return i;
        }
    }
    return -1;
}

/* A context that was opened for such a device, for the caller alone; NULL: none is unused. */
static rm_context *take(ropemap_session *session, const rm_device *device) {
    rm_context *context = NULL;
    (void)pthread_mutex_lock(&session->mutex);
    const int at = find(session, device);
    if (at >= 0) {
        context = session->waiting[at].context;
        session->waiting[at] = session->waiting[--session->count];
    }
    (void)pthread_mutex_unlock(&session->mutex);
    return context;
}

bool rm_session_has(ropemap_session *session, const rm_device *device) {
    (void)pthread_mutex_lock(&session->mutex);
    const bool has = find(session, device) >= 0;
    (void)pthread_mutex_unlock(&session->mutex);
    return has;
}

/* Takes a context back that has done all its work; closes it where too many are unused. */
static void give(ropemap_session *session, const rm_backend *backend, const rm_device *device,
                 rm_context *context) {
    (void)pthread_mutex_lock(&session->mutex);
    const bool kept = session->count < WAITING_MOST;
    if (kept) {
        session->waiting[session->count++] =
            (struct waiting){.backend = backend, .device = *device, .context = context};
    }
    (void)pthread_mutex_unlock(&session->mutex);
    if (!kept) {
        backend->close(context);
    }
}

/* An unused one of the session, else a new one. */
static ropemap_status open_context(const rm_workers *workers, rm_context **context, ropemap_error *error) {
    *context = workers->session != NULL ? take(workers->session, &workers->device) : NULL;
    return *context != NULL ? ROPEMAP_OK : workers->backend->open(context, &workers->device, error);
}

ropemap_status rm_workers_open(rm_workers **workers, int32_t threads, const rm_backend *backend,
                               const rm_device *device, ropemap_session *session, ropemap_error *error) {
    const uint64_t bytes = sizeof **workers + (uint64_t)threads * sizeof(rm_worker);
    rm_workers *made = rm_alloc(1, bytes);
    *workers = NULL;
    if (made == NULL) {
        return rm_fail_memory(error, "workers", bytes);
    }
    made->backend = backend;
    made->device = *device;
    made->session = session;
    ropemap_status status = open_context(made, &made->each[0].context, error);
    if (status != ROPEMAP_OK) {
        rm_free(made);
        return status;
    }
    int32_t opened = 1; /* if more contexts cannot be opened, run with fewer */
    while (opened < threads && open_context(made, &made->each[opened].context, NULL) == ROPEMAP_OK) {
        opened++;
    }
    made->team.threads = opened;
    *workers = made;
    return ROPEMAP_OK;
}

ropemap_status rm_workers_open_cpu(rm_workers **workers, int32_t requested, int64_t tasks,
                                   ropemap_progress progress, void *progress_user, ropemap_error *error) {
    const rm_device device = rm_cpu_device();
    int32_t threads = 0;
    RM_TRY(rm_team_size(requested, &threads, error));
    threads = tasks < threads ? (int32_t)tasks : threads;
    RM_TRY(rm_workers_open(workers, threads, rm_cpu_backend(), &device, NULL, error));
    (*workers)->team.progress = progress;
    (*workers)->team.progress_user = progress_user;
    return ROPEMAP_OK;
}

void rm_workers_close(rm_workers *workers, bool failed) {
    for (int32_t i = 0; workers != NULL && i < workers->team.threads; i++) {
        if (workers->session != NULL && !failed) {
            give(workers->session, workers->backend, &workers->device, workers->each[i].context);
        } else {
            workers->backend->close(workers->each[i].context);
        }
    }
    rm_free(workers);
}

ropemap_status rm_workers_run(rm_workers *workers, const char *stage, int64_t count, rm_task task, void *work,
                              ropemap_error *error) {
    ropemap_status status = rm_team_run(&workers->team, stage, count, task, work, error);
    for (int32_t i = 0; i < workers->team.threads; i++) {
        const ropemap_status end =
            workers->backend->finish(workers->each[i].context, status == ROPEMAP_OK ? error : NULL);
        status = status == ROPEMAP_OK ? end : status;
    }
    return status;
}

double rm_stage_time(rm_worker *worker, rm_stage stage, double start) {
    const double now = rm_seconds_now();
    worker->seconds[stage] += now - start;
    return now;
}
