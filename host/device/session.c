/* session.c - contexts of backends that stay open between maps */
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
        return rm_fail(error, ROPEMAP_RESOURCES, "session: no mutex can be had");
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

rm_context *rm_session_take(ropemap_session *session, const rm_device *device) {
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

void rm_session_give(ropemap_session *session, const rm_backend *backend, const rm_device *device,
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
