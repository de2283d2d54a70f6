/* http.h - evhttp with limits, connections counted, and replies */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_HTTP_H
#define ROPEMAP_TOOLS_SERVE_HTTP_H

#include "tools/serve/answer.h"
#include "tools/serve/guard.h"
#include "tools/serve/routes.h"
#include "tools/serve/serve.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

typedef struct serve_http serve_http;

/*
 * Serves what `listener` accepts, in the loop of `base`; everything is borrowed, the listener taken over.
 * NULL: no memory or no threads.
 */
serve_http *http_start(struct event_base *base, struct evconnlistener *listener, serve_context *context,
                       const serve_guard *guard);

/* Ends what is being made, closes connections and the listener. */
void http_stop(serve_http *http);

#endif
