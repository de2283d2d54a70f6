/* connections.c - how many clients are connected, since when, and which have gone */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/connections.h"

#include "tools/ropemap/progress.h"
#include "tools/serve/limits.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>

/* How often clients are looked after, and how many may stay connected between two requests. */
static const struct timeval period = {.tv_usec = 20000}, idle = {.tv_sec = SERVE_IDLE_SECONDS};
enum { CROWD = SERVE_CONNECTIONS - 16 };

/* A client. A reference of our own keeps the bufferevent after evhttp has let it go. */
typedef struct connection {
    struct bufferevent *stream;
    struct evhttp_request *request; /* whose answer is being made; NULL: none */
    bool takes;                     /* an answer, of so many bytes */
    size_t bytes;
    double since; /* when it came, or had taken its last answer */
} connection;

struct serve_connections {
    struct evconnlistener *listener;
    struct event *timer;
    connections_gone gone;
    void *user;
    connection all[SERVE_CONNECTIONS];
    int count;
    bool rests; /* the listener */
};

/* ---- clients that come and go -------------------------------------------------------------------------- */

/* evhttp takes its callbacks away when it frees a bufferevent. */
static bool is_let_go(const connection *one) {
    bufferevent_data_cb read = NULL, write = NULL;
    bufferevent_event_cb event = NULL;
    bufferevent_getcb(one->stream, &read, &write, &event, NULL);
    return read == NULL && write == NULL && event == NULL;
}

static bool is_closed(const connection *one) {
    char byte = 0;
    return recv(bufferevent_getfd(one->stream), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void sweep(serve_connections *connections) {
    const double now = wall_clock();
    for (int i = 0; i < connections->count;) {
        connection *one = &connections->all[i];
        if (is_let_go(one)) {
            if (one->request != NULL) {
                connections->gone(connections->user, one->request);
            }
            (void)bufferevent_decref(one->stream);
            connections->all[i] = connections->all[--connections->count];
            continue;
        }
        if (one->request != NULL && is_closed(one)) {
            connections->gone(connections->user, one->request);
        }
        if (one->request == NULL && !one->takes && now - one->since > SERVE_HEAD_SECONDS) {
            (void)shutdown(bufferevent_getfd(one->stream), SHUT_RDWR); /* evhttp reads the end */
        }
        i++;
    }
    if (connections->rests && connections->count < SERVE_CONNECTIONS) {
        connections->rests = evconnlistener_enable(connections->listener) != 0;
    }
    if (connections->count == 0) {
        (void)event_del(connections->timer); /* until the next comes */
    }
}

static void on_timer(evutil_socket_t file, short what, void *user) {
    (void)file;
    (void)what;
    sweep(user);
}

/* For evhttp: the stream of a client that was just accepted. */
static struct bufferevent *accept_one(struct event_base *base, void *user) {
    serve_connections *connections = user;
    if (connections->count == SERVE_CONNECTIONS) {
        sweep(connections);
    }
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL || connections->count == SERVE_CONNECTIONS) {
        return stream; /* accepted in the same turn as the last one: it is served, and not looked after */
    }
    if (connections->count == 0) {
        (void)event_add(connections->timer, &period);
    }
    /* What a client sends while it takes an answer waits in the kernel: a request at most is read ahead. */
    bufferevent_setwatermark(stream, EV_READ, 0, SERVE_HEADER_BYTES + SERVE_BODY_BYTES);
    bufferevent_incref(stream);
    connections->all[connections->count++] = (connection){.stream = stream, .since = wall_clock()};
    if (connections->count == SERVE_CONNECTIONS && !connections->rests) {
        connections->rests = evconnlistener_disable(connections->listener) == 0;
    }
    return stream;
}

/* ---- where the process has no descriptor left for a client ----------------------------------------------
 */

static void accept_again(evutil_socket_t file, short what, void *user) {
    (void)file;
    (void)what;
    (void)evconnlistener_enable(user);
}

/* The client waits in the kernel's queue; asking for it at once would be in vain, again and again. */
static void on_refused(struct evconnlistener *listener, void *user) {
    (void)user; /* evhttp's */
    if (event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, accept_again, listener, &period) ==
        0) {
        (void)evconnlistener_disable(listener);
    }
}

/* ---- start and stop ------------------------------------------------------------------------------------ */

serve_connections *connections_new(struct event_base *base, struct evhttp *http,
                                   struct evconnlistener *listener, connections_gone gone, void *user) {
    serve_connections *connections = calloc(1, sizeof *connections);
    if (connections == NULL) {
        return NULL;
    }
    *connections = (serve_connections){.listener = listener, .gone = gone, .user = user};
    connections->timer = event_new(base, -1, EV_PERSIST, on_timer, connections);
    if (connections->timer == NULL) {
        connections_free(connections);
        return NULL;
    }
    evhttp_set_bevcb(http, accept_one, connections);
    evconnlistener_set_error_cb(listener, on_refused);
    return connections;
}

void connections_free(serve_connections *connections) {
    if (connections == NULL) {
        return;
    }
    for (int i = 0; i < connections->count; i++) {
        (void)bufferevent_decref(connections->all[i].stream);
    }
    if (connections->timer != NULL) {
        event_free(connections->timer);
    }
    free(connections);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

/* That of a request; NULL where it is gone, or came with too many others. */
static connection *find(serve_connections *connections, struct evhttp_request *request) {
    struct evhttp_connection *from = evhttp_request_get_connection(request);
    const struct bufferevent *stream = from != NULL ? evhttp_connection_get_bufferevent(from) : NULL;
    for (int i = 0; i < connections->count; i++) {
        if (connections->all[i].stream == stream) {
            return &connections->all[i];
        }
    }
    return NULL;
}

void connections_begin(serve_connections *connections, struct evhttp_request *request) {
    connection *one = find(connections, request);
    if (one != NULL) {
        one->request = request;
    }
}

/* For evhttp: the last byte of an answer was handed to the system. */
static void on_taken(struct evhttp_request *request, void *user) {
    connection *one = find(user, request);
    if (one != NULL) {
        one->takes = false;
        one->bytes = 0;
        one->since = wall_clock();
        (void)bufferevent_set_timeouts(one->stream, &idle, &idle);
    }
}

void connections_answer(serve_connections *connections, struct evhttp_request *request, size_t bytes) {
    connection *one = find(connections, request);
    if (one != NULL) {
        one->request = NULL;
        one->takes = true;
        one->bytes = bytes;
        (void)bufferevent_set_timeouts(one->stream, NULL, &idle); /* it need not send while it takes */
        evhttp_request_set_on_complete_cb(request, on_taken, connections);
    }
}

size_t connections_bytes(const serve_connections *connections) {
    size_t bytes = 0;
    for (int i = 0; i < connections->count; i++) {
        bytes += connections->all[i].bytes;
    }
    return bytes;
}

bool connections_crowded(const serve_connections *connections) {
    return connections->count > CROWD;
}
