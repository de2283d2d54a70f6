/* session.h - contexts of backends that stay open between maps */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DEVICE_SESSION_H
#define ROPEMAP_HOST_DEVICE_SESSION_H

#include "host/device/plugin.h"

/* The CUDA backend's library, opened when it is first asked for; it stays open as long as the session. */
ropemap_status rm_session_plugin(ropemap_session *session, rm_plugin *plugin, ropemap_error *error);

/* A context that was opened for such a device, for the caller alone; NULL: none waits. */
rm_context *rm_session_take(ropemap_session *session, const rm_device *device);

/* Whether any was. */
bool rm_session_has(ropemap_session *session, const rm_device *device);

/* Takes a context back that has done all its work; closes it where too many wait. */
void rm_session_give(ropemap_session *session, const rm_backend *backend, const rm_device *device,
                     rm_context *context);

#endif
