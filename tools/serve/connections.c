/* connections.c - which clients are connected, which of them showed the token, and which have gone */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/connections.h"

#include "tools/ropemap/run.h"
#include "tools/serve/limits.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

/* How often clients are looked after, and how many may stay connected between two requests. */
static const struct timeval period = {.tv_usec = 20000}, idle = {.tv_sec = SERVE_IDLE_SECONDS};
enum { CROWD = SERVE_CONNECTIONS - 64 };

/* Seconds that a stranger has to begin before it may make way for a newer client, where there is no room. */
static const double grace = 0.2;

#define NONE SIZE_MAX

/* A client. A reference of our own keeps the bufferevent after evhttp has let it go. */
typedef struct connection {
    struct bufferevent *stream;
    struct evhttp_request *request; /* whose answer is being made; NULL: none */
    bool trusted;                   /* it has shown the token */
    bool takes;                     /* an answer, of so many bytes */
    size_t bytes;
    double since;      /* when it came, or had taken its last answer */
    size_t came, zero; /* bytes so far, and the place of the first that is 0 after the last request; NONE */
} connection;

struct serve_connections {
    struct evconnlistener *listener;
    struct event *timer;
    connections_gone gone;
    void *user;
    connection *all[SERVE_CONNECTIONS]; /* the oldest first */
    int count;
    bool rests; /* the listener */
};

/* ---- what a client sends ------------------------------------------------------------------------------- */

/* The place of the first zero byte from `start` on, counted from there; NONE: there is none. */
static size_t find_zero(struct evbuffer *buffer, size_t start) {
    struct evbuffer_ptr at;
    if (evbuffer_ptr_set(buffer, &at, start, EVBUFFER_PTR_SET) != 0) {
        return NONE;
    }
    at = evbuffer_search(buffer, "", 1, &at);
    return at.pos < 0 ? NONE : (size_t)at.pos - start;
}

/* For libevent: bytes have come, or were taken out. */
static void on_bytes(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *user) {
    connection *one = user;
    if (info->n_added > 0 && one->zero == NONE) {
        const size_t place = find_zero(buffer, info->orig_size);
        one->zero = place == NONE ? NONE : one->came + place;
    }
    one->came += info->n_added;
}

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

static void free_one(connection *one) {
    (void)evbuffer_remove_cb(bufferevent_get_input(one->stream), on_bytes, one);
    (void)bufferevent_decref(one->stream);
    free(one);
}

/* evhttp reads the end, and lets it go. */
static void cut_off(const connection *one) {
    (void)shutdown(bufferevent_getfd(one->stream), SHUT_RDWR);
}

/* Forgets those that evhttp let go, and gives up the work for those that left. */
static void forget_gone(serve_connections *connections) {
    int kept = 0;
    for (int i = 0; i < connections->count; i++) {
        connection *one = connections->all[i];
        const bool let_go = is_let_go(one);
        if (one->request != NULL && (let_go || is_closed(one))) {
            connections->gone(connections->user, one->request);
        }
        if (let_go) {
            free_one(one);
        } else {
            connections->all[kept++] = one;
        }
    }
    connections->count = kept;
}

/* Cuts off clients that take too long; where there is no room, the oldest strangers. */
static void cut_off_slow(const serve_connections *connections) {
    const bool full = connections->count == SERVE_CONNECTIONS;
    const double now = wall_clock(), stranger = full ? grace : SERVE_STRANGER_SECONDS;
    int room = full ? SERVE_CONNECTIONS / 4 : SERVE_CONNECTIONS; /* how many at once */
    for (int i = 0; i < connections->count && room > 0; i++) {
        const connection *one = connections->all[i];
        const double most = one->trusted ? SERVE_HEAD_SECONDS : stranger;
        if (one->request == NULL && !one->takes && now - one->since > most) {
            cut_off(one);
            room--;
        }
    }
}

static void on_timer(evutil_socket_t file, short what, void *user) {
    serve_connections *connections = user;
    (void)file;
    (void)what;
    forget_gone(connections);
    cut_off_slow(connections);
    if (connections->rests && connections->count < SERVE_CONNECTIONS) {
        connections->rests = evconnlistener_enable(connections->listener) != 0;
    }
    if (connections->count == 0) {
        (void)event_del(connections->timer); /* until the next comes */
    }
}

/* For evhttp: the stream of a client that was just accepted. */
static struct bufferevent *accept_one(struct event_base *base, void *user) {
    serve_connections *connections = user;
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    connection *one = calloc(1, sizeof *one);
    const bool room = connections->count < SERVE_CONNECTIONS; /* else the listener could not be stopped */
    if (stream == NULL || one == NULL || !room ||
        evbuffer_add_cb(bufferevent_get_input(stream), on_bytes, one) == NULL) {
        free(one);
        return stream; /* it is served, and not looked after */
    }
    /* What a client sends while it takes an answer waits in the kernel: a request at most is read ahead. */
    bufferevent_setwatermark(stream, EV_READ, 0, SERVE_HEADER_BYTES + SERVE_BODY_BYTES);
    bufferevent_incref(stream);
    *one = (connection){.stream = stream, .since = wall_clock(), .zero = NONE};
    connections->all[connections->count++] = one;
    if (connections->count == 1) {
        (void)event_add(connections->timer, &period);
    }
    if (connections->count == SERVE_CONNECTIONS && !connections->rests) {
        connections->rests = evconnlistener_disable(connections->listener) == 0;
    }
    return stream;
}

/* ---- where no descriptor is left for a client ---------------------------------------------------------- */

static void accept_again(evutil_socket_t file, short what, void *user) {
    (void)file;
    (void)what;
    (void)evconnlistener_enable(user);
}

/* The client waits in the kernel's queue; accepting it at once would fail again and again. */
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
        free_one(connections->all[i]);
    }
    if (connections->timer != NULL) {
        event_free(connections->timer);
    }
    free(connections);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

/* That of a request; NULL where it is gone, or is not looked after. */
static connection *find(const serve_connections *connections, struct evhttp_request *request) {
    struct evhttp_connection *from = evhttp_request_get_connection(request);
    const struct bufferevent *stream = from != NULL ? evhttp_connection_get_bufferevent(from) : NULL;
    for (int i = 0; i < connections->count; i++) {
        if (connections->all[i]->stream == stream) {
            return connections->all[i];
        }
    }
    return NULL;
}

bool connections_take(serve_connections *connections, struct evhttp_request *request) {
    connection *one = find(connections, request);
    if (one == NULL) {
        return true;
    }
    struct evbuffer *rest = bufferevent_get_input(one->stream);
    const size_t body = evbuffer_get_length(evhttp_request_get_input_buffer(request));
    const size_t end = one->came - evbuffer_get_length(rest); /* of the request */
    const bool clean = one->zero == NONE || one->zero >= end - body;
    const size_t next = find_zero(rest, 0);
    one->zero = next == NONE ? NONE : end + next;
    return clean;
}

void connections_trust(serve_connections *connections, struct evhttp_request *request) {
    connection *one = find(connections, request);
    if (one != NULL) {
        one->trusted = true;
    }
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
        bytes += connections->all[i]->bytes;
    }
    return bytes;
}

bool connections_crowded(const serve_connections *connections) {
    int trusted = 0;
    for (int i = 0; i < connections->count; i++) {
        trusted += connections->all[i]->trusted ? 1 : 0;
    }
    return trusted > CROWD;
}
