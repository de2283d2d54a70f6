/* session.c - threads with a context of a backend each, and contexts that stay open between maps */
/* SPDX-License-Identifier: MIT */
#include "host/device/session.h"
#include "host/base/alloc.h"

#include <pthread.h>
#include <string.h>

enum { WAITING_MOST = 64 };

/* A context, what it keeps, and what it was opened for. */
struct waiting {
    const rm_backend *backend;
    rm_device device;
    rm_context *context;
    rm_kept *kept;
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

static void forget(const rm_backend *backend, rm_context *context, rm_kept *kept) {
    if (kept != NULL) {
        backend->release(context, kept->rows);
        rm_free(kept->name);
        rm_free(kept);
    }
}

void ropemap_session_close(ropemap_session *session) {
    if (session == NULL) {
        return;
    }
    for (int i = 0; i < session->count; i++) {
        const struct waiting *one = &session->waiting[i];
        forget(one->backend, one->context, one->kept);
        one->backend->close(one->context);
    }
    if (session->opened) {
        rm_plugin_close(&session->plugin);
    }
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
            other->block == device->block && other->warpgroups == device->warpgroups) {
            return i;
        }
    }
    return -1;
}

/* A context that was opened for such a device, for the caller alone; false: none is unused. */
static bool take(ropemap_session *session, const rm_device *device, rm_worker *worker) {
    (void)pthread_mutex_lock(&session->mutex);
    const int at = find(session, device);
    if (at >= 0) {
        worker->context = session->waiting[at].context;
        worker->kept = session->waiting[at].kept;
        session->waiting[at] = session->waiting[--session->count];
    }
    (void)pthread_mutex_unlock(&session->mutex);
    return at >= 0;
}

bool rm_session_has(ropemap_session *session, const rm_device *device) {
    (void)pthread_mutex_lock(&session->mutex);
    const bool has = find(session, device) >= 0;
    (void)pthread_mutex_unlock(&session->mutex);
    return has;
}

/* Takes a context back that has done all its work; false where too many are unused. */
static bool give(const rm_workers *workers, const rm_worker *worker) {
    ropemap_session *session = workers->session;
    (void)pthread_mutex_lock(&session->mutex);
    const bool taken = session->count < WAITING_MOST;
    if (taken) {
        session->waiting[session->count++] = (struct waiting){.backend = workers->backend,
                                                              .device = workers->device,
                                                              .context = worker->context,
                                                              .kept = worker->kept};
    }
    (void)pthread_mutex_unlock(&session->mutex);
    return taken;
}

/* An unused one of the session, else a new one. */
static ropemap_status open_context(const rm_workers *workers, rm_worker *worker, ropemap_error *error) {
    return workers->session != NULL && take(workers->session, &workers->device, worker)
               ? ROPEMAP_OK
               : workers->backend->open(&worker->context, &workers->device, error);
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
    ropemap_status status = open_context(made, &made->each[0], error);
    if (status != ROPEMAP_OK) {
        rm_free(made);
        return status;
    }
    int32_t opened = 1; /* if more contexts cannot be opened, run with fewer */
    while (opened < threads && open_context(made, &made->each[opened], NULL) == ROPEMAP_OK) {
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

/* ---- rows that stay */

static bool same_rotation(const rm_kept *kept, const rm_rotation *rotation) {
    const ropemap_freqs *one = &kept->freqs, *other = rotation->freqs;
    const size_t pairs = (size_t)one->pairs;
    return kept->rotation.layout == rotation->layout && kept->rotation.rotate == rotation->rotate &&
           kept->rotation.normalise == rotation->normalise && kept->rotation.dtype == rotation->dtype &&
           kept->rotation.fused == rotation->fused && one->pairs == other->pairs &&
           one->attention_factor == other->attention_factor &&
           memcmp(one->step, other->step, pairs * sizeof *one->step) == 0 &&
           memcmp(one->fine, other->fine, pairs * sizeof *one->fine) == 0;
}

static void drop(const rm_workers *workers, rm_worker *worker) {
    forget(workers->backend, worker->context, worker->kept);
    worker->kept = NULL;
}

float *rm_workers_kept(rm_workers *workers, const char *name, ropemap_range range,
                       const rm_rotation *rotation) {
    float *rows = NULL;
    for (int32_t i = 0; i < workers->team.threads; i++) {
        const rm_kept *kept = workers->each[i].kept;
        if (kept != NULL && kept->name != NULL && name != NULL && strcmp(kept->name, name) == 0 &&
            memcmp(&kept->range, &range, sizeof range) == 0 && same_rotation(kept, rotation)) {
            rows = kept->rows;
        } else {
            drop(workers, &workers->each[i]);
        }
    }
    return rows;
}

ropemap_status rm_workers_keep(rm_workers *workers, ropemap_range range, const rm_rotation *rotation,
                               int64_t floats, float **rows, ropemap_error *error) {
    rm_worker *worker = &workers->each[0];
    rm_kept *kept = rm_alloc(1, sizeof *kept);
    if (kept == NULL) {
        return rm_fail_memory(error, "rotated rows", sizeof *kept);
    }
    kept->range = range;
    kept->rotation = *rotation;
    kept->freqs = *rotation->freqs;
    worker->kept = kept;
    RM_TRY(workers->backend->reserve(worker->context, floats, "rotated keys", &kept->rows, error));
    *rows = kept->rows;
    return ROPEMAP_OK;
}

void rm_workers_name_kept(rm_workers *workers, const char *name) {
    rm_kept *kept = workers->each[0].kept;
    const size_t bytes = name != NULL ? strlen(name) + 1 : 0;
    kept->name = bytes > 0 ? rm_alloc_raw(bytes, 1) : NULL;
    if (kept->name != NULL) {
        memcpy(kept->name, name, bytes);
    }
}

/* The first worker's context is the last to go back, and the first to be taken again. */
void rm_workers_close(rm_workers *workers, bool failed) {
    for (int32_t i = workers != NULL ? workers->team.threads : 0; i-- > 0;) {
        rm_worker *worker = &workers->each[i];
        if (worker->kept != NULL && worker->kept->name == NULL) {
            drop(workers, worker);
        }
        if (workers->session == NULL || failed || !give(workers, worker)) {
            drop(workers, worker);
            workers->backend->close(worker->context);
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
