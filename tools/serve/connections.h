/* connections.h - which clients are connected, which of them showed the token, and which have gone */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_CONNECTIONS_H
#define ROPEMAP_TOOLS_SERVE_CONNECTIONS_H

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * evhttp counts no connections, has no limit to how slowly a request may come, reads past zero bytes, and
 * does not notice that a client left while its answer is made. A client is a stranger until it shows the
 * token. Of one loop.
 */
typedef struct serve_connections serve_connections;

/* Called when the client of a request that was begun has gone. */
typedef void (*connections_gone)(void *user, void *request);

/*
 * Makes the connections of `http`, which takes them from `listener`. Where there are as many as allowed the
 * oldest strangers go, and while there are none the listener rests. NULL: no memory.
 */
serve_connections *connections_new(struct event_base *base, struct evhttp *http,
                                   struct evconnlistener *listener, connections_gone gone, void *user);
void connections_free(serve_connections *connections);

/*
 * Of each request, once it has come whole: whether its line and headers are free of zero bytes, which evhttp
 * takes for the end of a header.
 */
bool connections_take(serve_connections *connections, struct evhttp_request *request);

/* The request's client has the token: it is no stranger any more. */
void connections_trust(serve_connections *connections, struct evhttp_request *request);

/* An answer to the request is being made. */
void connections_begin(serve_connections *connections, struct evhttp_request *request);

/* One of so many bytes is about to be sent: the client has time to take it, as long as it takes some. */
void connections_answer(serve_connections *connections, struct evhttp_request *request, size_t bytes);

/* Of all answers that are on their way. */
size_t connections_bytes(const serve_connections *connections);

/* Whether so many with the token are connected that each should be closed after its answer. */
bool connections_crowded(const serve_connections *connections);

#endif
