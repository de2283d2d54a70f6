/* server.c - a server from its options to its end */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/server.h"

#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map_inputs.h"
#include "tools/serve/http.h"
#include "tools/serve/listen.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 4 << 20 }; /* bytes: cells of 1024 x 1024 */

/* Everything that a server holds. */
typedef struct server {
    serve_options *options;
    struct event_base *base;
    struct event *signals[3];
    struct evconnlistener *listener; /* until http has taken it */
    struct stat socket;              /* of the socket file; zeroed: there is none */
    serve_http *http;
    serve_guard guard;
    serve_context context;
    char model[MODEL_ID_BYTES];
    char url[200];
} server;

/* ---- what answers are made from ------------------------------------------------------------------------ */

/* Opens the model and the tensors once: a name that is wrong is told now. */
static ropemap_status look_at_inputs(server *self, ropemap_error *error) {
    map_options options = self->options->map;
    map_inputs inputs = {.queries = NULL};
    ropemap_status status = map_inputs_open(&options, &inputs, error);
    if (status == ROPEMAP_OK && inputs.queries != NULL && options.queries != NULL) {
        self->context.tensor_rows = ropemap_vectors_count(inputs.queries);
        self->context.tensor_dim = ropemap_vectors_head_dim(inputs.queries);
    }
    if (status == ROPEMAP_OK) {
        ropemap_plan plan;
        status = ropemap_plan_make(&options.request, &plan, error);
        self->context.threads = plan.threads;
    }
    map_inputs_free(&inputs);
    rule_options_free(&options.rule);
    return status;
}

static const char *find_backend(const char *asked) {
    ropemap_driver driver;
    ropemap_plugin plugin;
    if (asked != NULL && strcmp(asked, "auto") != 0) {
        return asked;
    }
    return ropemap_driver_describe(&driver, NULL) == ROPEMAP_OK && driver.devices > 0 &&
                   ropemap_plugin_describe(&plugin, NULL) == ROPEMAP_OK
               ? "cuda"
               : "cpu";
}

static ropemap_status make_context(server *self, ropemap_error *error) {
    serve_context *context = &self->context;
    const char *path = self->options->map.rule.model;
    context->options = self->options;
    context->backend = find_backend(self->options->map.request.backend);
    context->models = models_new();
    context->tensors =
        tensors_new(self->options->map.queries, self->options->map.keys, self->options->map.heads);
    if (context->models == NULL || context->tensors == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "serve: no memory");
    }
    const ropemap_status status = ropemap_session_open(&context->session, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (path != NULL) {
        models_keep_path(context->models, path, self->model);
        context->model = self->model;
    }
    return look_at_inputs(self, error);
}

/* ---- the socket ---------------------------------------------------------------------------------------- */

static ropemap_status start_listening(server *self, ropemap_error *error) {
    serve_options *options = self->options;
    const bool file = options->socket != NULL;
    const ropemap_status status =
        file ? listen_file(self->base, options->socket, &self->listener, &self->socket, error)
             : listen_at(self->base, options->listen, &options->port, &self->listener, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (!guard_start(&self->guard, file ? "" : options->listen, (int)options->port)) {
        return fail(error, ROPEMAP_RESOURCES, "serve: the system gives no random numbers for a token");
    }
    const bool six = options->listen != NULL && strchr(options->listen, ':') != NULL;
    (void)snprintf(self->url, sizeof self->url,
                   file ? "http://localhost/?token=%s" : "http://%s:%d/?token=%s",
                   file  ? self->guard.token
                   : six ? "[::1]"
                         : "127.0.0.1",
                   (int)options->port, self->guard.token);
    return ROPEMAP_OK;
}

/* ---- what is said -------------------------------------------------------------------------------------- */

static void warn(const serve_options *options) {
    if (options->listen != NULL && !options->quiet) {
        (void)fprintf(stderr,
                      "ropemap: --listen: others on the network can reach %s; the token is sent unencrypted, "
                      "and whoever reads it can use this server\n",
                      options->listen);
    }
}

static int announce(const server *self) {
    const serve_options *options = self->options;
    if (options->json) {
        json_t *line = json_pack("{s:s, s:s, s:s, s:i, s:o}", "schema", "ropemap.serve/1", "url", self->url,
                                 "token", self->guard.token, "port", (int)options->port, "socket",
                                 options->socket != NULL ? document_text(options->socket) : json_null());
        (void)json_dumpf(line, stdout, JSON_COMPACT);
        json_decref(line);
    } else {
        (void)printf("%s", self->url);
    }
    (void)putchar('\n');
    if (!options->quiet && !options->json) {
        (void)fprintf(stderr, "ropemap: open that in a browser; Ctrl-C ends it\n");
    }
    return finish_stdout();
}

/* In a process of its own, whose end nobody waits for. */
static void open_browser(const server *self) {
    if (!self->options->open) {
        return;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGCHLD, &ignore, NULL);
    if (fork() == 0) {
        (void)execlp("xdg-open", "xdg-open", self->url, (char *)NULL);
        (void)fprintf(stderr, "ropemap: --open: there is no xdg-open; open the URL by hand\n");
        _exit(1);
    }
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static void on_signal(evutil_socket_t signal, short what, void *user) {
    (void)signal;
    (void)what;
    (void)event_base_loopbreak(user);
}

static bool watch_signals(server *self) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++) {
        self->signals[i] = evsignal_new(self->base, ends[i], on_signal, self->base);
        if (self->signals[i] == NULL || event_add(self->signals[i], NULL) != 0) {
            return false;
        }
    }
    return true;
}

static ropemap_status start(server *self, ropemap_error *error) {
    ropemap_status status = make_context(self, error);
    status = status == ROPEMAP_OK ? start_listening(self, error) : status;
    if (status != ROPEMAP_OK) {
        return status;
    }
    self->http = http_start(self->base, self->listener, &self->context, &self->guard);
    if (self->http == NULL || !watch_signals(self)) {
        return fail(error, ROPEMAP_RESOURCES, "serve: no memory or no threads to serve with");
    }
    self->listener = NULL;
    return ROPEMAP_OK;
}

static void stop(server *self) {
    if (self->http != NULL) {
        http_stop(self->http);
    } else if (self->listener != NULL) {
        evconnlistener_free(self->listener);
    }
    for (int i = 0; i < 3; i++) {
        if (self->signals[i] != NULL) {
            event_free(self->signals[i]);
        }
    }
    listen_file_remove(self->options->socket, &self->socket);
    models_free(self->context.models);
    tensors_free(self->context.tensors);
    ropemap_session_close(self->context.session);
    if (self->base != NULL) {
        event_base_free(self->base);
    }
}

/*
 * Answers of megabytes come from the workers' threads and are freed by this one, in another order: glibc
 * would keep what lies between them. Large ones it takes from the system and gives back; smaller ones stay as
 * fast.
 */
static void give_back_what_is_freed(void) {
#if defined(M_MMAP_THRESHOLD) && defined(M_TRIM_THRESHOLD)
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, 2 * LARGE);
#endif
}

ropemap_status server_run(serve_options *options, ropemap_error *error) {
    give_back_what_is_freed();
    server self = {.options = options, .base = event_base_new()};
    ropemap_status status =
        self.base != NULL ? start(&self, error) : fail(error, ROPEMAP_RESOURCES, "serve: no event loop");
    if (status == ROPEMAP_OK) {
        warn(options);
        if (announce(&self) == ROPEMAP_OK) {
            open_browser(&self);
            (void)event_base_dispatch(self.base);
        } else {
            status = fail(error, ROPEMAP_IO, "standard output: cannot be written");
        }
    }
    stop(&self);
    libevent_global_shutdown();
    return status;
}
