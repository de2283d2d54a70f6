/* fuzz_http.c - any bytes as what a client sends to the server, and as a query to each command */
/* SPDX-License-Identifier: MIT */
/*
 * The server is the real one, workers included, with a table of routes that leaves out what takes time: maps
 * and curves are computed where they are tiny, and otherwise stopped as for a client that left. An input that
 * begins with a slash is the target of a request that is let in, and what may follow it; any other input is
 * sent as it is.
 */
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"
#include "tools/ropemap/run.h"
#include "tools/serve/serve.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define TOKEN "0123456789abcdef0123456789abcdef"

/* ---- work, kept small ---------------------------------------------------------------------------------- */

enum { CELLS_MOST = 64, POSITIONS_MOST = 4096 };

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static ropemap_status stop(ropemap_error *error) {
    return fail(error, ROPEMAP_STOPPED, "stopped: not tiny");
}

static bool is_tiny(const ropemap_request *request) {
    return request->rows.count <= POSITIONS_MOST && request->cols.count <= POSITIONS_MOST &&
           request->rows.count * request->cols.count <= POSITIONS_MOST;
}

/* The server's own answer to the path of a job. */
static ropemap_status make(const serve_context *user, serve_job *job, void *options, ropemap_error *error) {
    return route_find(serve_routes, job->path, strlen(job->path))->make(user, job, options, error);
}

/* Opens what the map is made from twice: to see how large it is, and to make it. */
static ropemap_status make_tiny_map(const serve_context *user, serve_job *job, void *given,
                                    ropemap_error *error) {
    const map_options *options = given;
    const bool drawn = !options->bare && strstr(job->path, ".npy") == NULL;
    map_options own = *options;
    map_inputs inputs = {.queries = NULL};
    ropemap_error unheard;
    const bool opens = own.size.width * own.size.height <= CELLS_MOST && !drawn &&
                       map_inputs_open(&own, &inputs, &unheard) == ROPEMAP_OK;
    const bool tiny = !opens || is_tiny(&own.request);
    map_inputs_free(&inputs);
    rule_options_free(&own.rule);
    return tiny && !drawn ? make(user, job, given, error) : stop(error);
}

static ropemap_status make_tiny_curve(const serve_context *user, serve_job *job, void *given,
                                      ropemap_error *error) {
    const curve_options *options = given;
    const bool drawn = strstr(job->path, ".json") == NULL && strstr(job->path, ".csv") == NULL &&
                       strstr(job->path, ".npy") == NULL;
    return !drawn && options->distances.count > 0 && options->distances.count <= CELLS_MOST
               ? make(user, job, given, error)
               : stop(error);
}

static ropemap_status make_nothing(const serve_context *user, serve_job *job, void *options,
                                   ropemap_error *error) {
    (void)user;
    (void)job;
    (void)options;
    return stop(error);
}

enum { ROUTES_MOST = 16 };

/* The server's, but for those that take time. */
static const serve_route *tiny_routes(void) {
    static serve_route routes[ROUTES_MOST];
    for (int i = 0; serve_routes[i].paths != NULL; i++) {
        require(i < ROUTES_MOST - 1);
        routes[i] = serve_routes[i];
        routes[i].make = routes[i].command == &command_map     ? make_tiny_map
                         : routes[i].command == &command_curve ? make_tiny_curve
                         : routes[i].command == &command_bound || routes[i].command == &command_explain ||
                                 routes[i].command == &command_plan
                             ? make_nothing
                             : routes[i].make;
    }
    return routes;
}

/* ---- the server ---------------------------------------------------------------------------------------- */

static serve_options options;
static serve_context context;
static serve_guard guard;
static struct event_base *base;
static struct sockaddr_un address; /* without a file */
static socklen_t address_size;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const char model[] = "{\"model_type\":\"llama\",\"rope_theta\":5e5,\"head_dim\":8}";
    char id[MODEL_ID_BYTES];
    (void)argc;
    (void)argv;
    (void)signal(SIGPIPE, SIG_IGN);
    options = (serve_options){.map = map_options_default()};
    options.map.request.threads = 1;
    options.map.request.memory = UINT64_C(1) << 28;
    context = (serve_context){
        .routes = tiny_routes(), .options = &options, .models = models_new(), .backend = "cpu", .threads = 1};
    base = event_base_new();
    require(context.models != NULL && base != NULL && guard_start(&guard, "", 0));
    require(ropemap_session_open(&context.session, NULL) == ROPEMAP_OK);
    require(models_post(context.models, model, sizeof model - 1, false, id, NULL) == ROPEMAP_OK);
    memcpy(guard.token, TOKEN, sizeof guard.token);
    const int file = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sun_family = AF_UNIX;
    address_size = sizeof address;
    require(file >= 0 && bind(file, (struct sockaddr *)&address, sizeof address.sun_family) == 0 &&
            getsockname(file, (struct sockaddr *)&address, &address_size) == 0);
    struct evconnlistener *listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 8, file);
    require(listener != NULL && http_start(base, listener, &context, &guard) != NULL);
    return 0;
}

/* ---- a client ------------------------------------------------------------------------------------------ */

typedef struct client {
    struct evbuffer *sends, *gets;
    struct event *event;
    bool ends;
} client;

/* Sends until everything is, then its end; reads until the server's. */
static void on_client(evutil_socket_t file, short what, void *user) {
    client *self = user;
    require((what & EV_TIMEOUT) == 0); /* it hangs */
    if (!self->ends) {
        const bool gone = evbuffer_write(self->sends, file) < 0 && errno != EAGAIN;
        if (gone || evbuffer_get_length(self->sends) == 0) {
            self->ends = true;
            (void)shutdown(file, SHUT_WR);
        }
    }
    const int got = (what & EV_READ) != 0 ? evbuffer_read(self->gets, file, 1 << 16) : 1;
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        (void)event_base_loopbreak(base);
        return;
    }
    const struct timeval patience = {.tv_sec = 60};
    const short events = (short)(EV_READ | (self->ends ? 0 : EV_WRITE));
    require(event_assign(self->event, base, file, events, on_client, self) == 0 &&
            event_add(self->event, &patience) == 0);
}

static bool has(struct evbuffer *buffer, const char *text) {
    return evbuffer_search(buffer, text, strlen(text), NULL).pos >= 0;
}

static void send_as_client(struct evbuffer *sends) {
    const bool knows = has(sends, TOKEN);
    const int file = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    client self = {.sends = sends, .gets = evbuffer_new()};
    require(file >= 0 && self.gets != NULL && connect(file, (struct sockaddr *)&address, address_size) == 0);
    self.event = event_new(base, file, EV_WRITE, on_client, &self);
    require(self.event != NULL && event_add(self.event, NULL) == 0);
    (void)event_base_dispatch(base);
    event_free(self.event);
    (void)close(file);
    /* Who does not know the token is told nothing; whatever came, it is an answer. */
    require(knows || !has(self.gets, " 200 OK\r\n"));
    char begin[6] = "HTTP/";
    (void)evbuffer_copyout(self.gets, begin, 5);
    require(strcmp(begin, "HTTP/") == 0);
    evbuffer_free(self.gets);
}

static void send_bytes(const uint8_t *bytes, size_t size) {
    struct evbuffer *sends = evbuffer_new();
    require(sends != NULL);
    if (size > 0 && bytes[0] == '/') {
        const uint8_t *end = memchr(bytes, '\n', size);
        const size_t target = end != NULL ? (size_t)(end - bytes) : size,
                     rest = target < size ? target + 1 : size;
        require(evbuffer_add(sends, "GET ", 4) == 0 && evbuffer_add(sends, bytes, target) == 0 &&
                evbuffer_add_printf(sends, " HTTP/1.1\r\nHost: localhost\r\nCookie: %s=" TOKEN "\r\n",
                                    guard.cookie) > 0 &&
                evbuffer_add(sends, bytes + rest, size - rest) == 0 &&
                evbuffer_add(sends, "\r\n\r\n", 4) == 0);
    } else {
        require(evbuffer_add(sends, bytes, size) == 0);
    }
    send_as_client(sends);
    evbuffer_free(sends);
}

/* ---- the query, given to each command ------------------------------------------------------------------ */

/* A refusal has a reason, of one line. */
static ropemap_status judge(ropemap_status status, const ropemap_error *error) {
    require(status == ROPEMAP_OK ||
            (error->status == status && error->text[0] != '\0' && strpbrk(error->text, "\r\n") == NULL));
    return status;
}

static void apply(const cli_command *command, const serve_query *from) {
    static serve_query query;
    char key[SERVE_HEADER_BYTES], *config = NULL;
    void *given = options_new(command);
    ropemap_error error = {.status = ROPEMAP_OK};
    query_copy(&query, from);
    require(given != NULL && query_key(&query, "/x", key, sizeof key) > 0);
    ropemap_status status = judge(request_apply(&context, command, &query, given, &config, &error), &error);
    if (status == ROPEMAP_OK && command->result->check != NULL) {
        (void)judge(command->result->check(given, NULL, &error), &error);
    }
    if (status == ROPEMAP_OK) {
        (void)judge(rule_options_resolve(rule_options_of(command, given), &error), &error);
    }
    options_free(command, given);
    free(config);
}

static void apply_to_all(const char *text) {
    static const cli_command *const commands[] = {&command_map,  &command_curve,   &command_bound,
                                                  &command_info, &command_explain, &command_plan};
    static serve_query query;
    ropemap_error error = {.status = ROPEMAP_OK};
    if (judge(query_parse(text, &query, &error), &error) != ROPEMAP_OK) {
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        apply(commands[i], &query);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    send_bytes(bytes, size);
    const uint8_t *mark = size > 0 ? memchr(bytes, '?', size) : NULL;
    if (mark != NULL) {
        const size_t length = size - (size_t)(mark + 1 - bytes);
        char *text = malloc(length + 1);
        require(text != NULL);
        memcpy(text, mark + 1, length);
        text[length] = '\0';
        text[strcspn(text, " \r\n")] = '\0';
        apply_to_all(text);
        free(text);
    }
    return 0;
}
