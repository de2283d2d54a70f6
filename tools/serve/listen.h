/* listen.h - the socket that a server takes its clients from */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_LISTEN_H
#define ROPEMAP_TOOLS_SERVE_LISTEN_H

#include "host/ropemap.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <sys/stat.h>

/*
 * Listens at an address of this machine (NULL: 127.0.0.1) and a port, 0 for any free one; *port is the one it
 * has. ROPEMAP_USAGE: no address. ROPEMAP_IO: the system refuses.
 */
ropemap_status listen_at(struct event_base *base, const char *address, int32_t *port,
                         struct evconnlistener **listener, ropemap_error *error);

/*
 * Listens at a new socket file, which this user alone may open and whose status *made becomes; one that a
 * server left behind is replaced. ROPEMAP_USAGE: too long a name. ROPEMAP_IO: the name is taken, or the
 * system refuses.
 */
ropemap_status listen_file(struct event_base *base, const char *path, struct evconnlistener **listener,
                           struct stat *made, ropemap_error *error);

/* Removes that socket file, and nothing that has its name by now. Zeroed: none was made. */
void listen_file_remove(const char *path, const struct stat *made);

#endif
