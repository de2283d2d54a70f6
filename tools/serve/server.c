/* server.c - the server: listening, and its life */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "host/ropemap_machine.h"
#include "tools/ropemap/command.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"
#include "tools/ropemap/run.h"
#include "tools/serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void listen_file_remove(const char *path, const struct stat *made);

enum { QUEUE = 1024 /* clients that the kernel keeps waiting */ };

/* An address of either family. */
typedef union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} address;

/* Its size; 0 where `text` is no address. */
static socklen_t read_address(const char *text, int32_t port, address *to) {
    *to = (address){.four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};
    if (inet_pton(AF_INET, text, &to->four.sin_addr) == 1) {
        return sizeof to->four;
    }
    *to = (address){.six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)}};
    return inet_pton(AF_INET6, text, &to->six.sin6_addr) == 1 ? sizeof to->six : 0;
}

/*
 * Listens at an address of this machine (NULL: 127.0.0.1) and a port, 0 for any free one; *port is the one it
 * has. ROPEMAP_USAGE: no address. ROPEMAP_IO: the system refuses.
 */
static ropemap_status listen_at(struct event_base *base, const char *text, int32_t *port,
                                struct evconnlistener **listener, ropemap_error *error) {
    address at;
    const char *name = text != NULL ? text : "127.0.0.1";
    socklen_t size = read_address(name, *port, &at);
    if (size == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--listen: '%.100s' is no address; give one such as 0.0.0.0 or ::", name);
    }
    *listener = evconnlistener_new_bind(base, NULL, NULL,
                                        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                        QUEUE, &at.any, (int)size);
    if (*listener == NULL) {
        return fail(error, ROPEMAP_IO, "--port: cannot listen at %d of %.100s: %s", (int)*port, name,
                    strerror(errno));
    }
    /* Clients inherit it: else the last part of an answer would wait for word of the first. */
    const int on = 1;
    (void)setsockopt(evconnlistener_get_fd(*listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (getsockname(evconnlistener_get_fd(*listener), &at.any, &size) == 0) {
        *port = ntohs(at.any.sa_family == AF_INET ? at.four.sin_port : at.six.sin6_port);
    }
    return ROPEMAP_OK;
}

/* Whether the name is that of a socket without a listener. */
static bool is_left_behind(const struct sockaddr_un *name) {
    struct stat status;
    if (lstat(name->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    const int file = socket(AF_UNIX, SOCK_STREAM, 0);
    if (file < 0) {
        return false;
    }
    (void)evutil_make_socket_nonblocking(file); /* its queue may be full */
    const bool refused =
        connect(file, (const struct sockaddr *)name, sizeof *name) != 0 && errno == ECONNREFUSED;
    (void)close(file);
    return refused;
}

/*
 * Listens at a new socket file, which this user alone may open and whose status *made becomes; one that a
 * server left behind is replaced. ROPEMAP_USAGE: too long a name. ROPEMAP_IO: the name is taken, or the
 * system refuses.
 */
static ropemap_status listen_file(struct event_base *base, const char *path, struct evconnlistener **listener,
                                  struct stat *made, ropemap_error *error) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path || path[0] == '\0') {
        return fail(error, ROPEMAP_USAGE, "--socket: a name of %zu bytes; give 1 to %zu", strlen(path),
                    sizeof name.sun_path - 1);
    }
    memcpy(name.sun_path, path, strlen(path) + 1);
    if (is_left_behind(&name)) {
        (void)unlink(path);
    }
    const int file = socket(AF_UNIX, SOCK_STREAM, 0);
    const mode_t before = umask(0177);
    const bool bound =
        file >= 0 && bind(file, (const struct sockaddr *)&name, sizeof name) == 0 && lstat(path, made) == 0;
    const int reason = errno;
    (void)umask(before);
    if (!bound) {
        if (file >= 0) {
            (void)close(file);
        }
        return fail(error, ROPEMAP_IO, "--socket: '%.200s' cannot be made: %s", path, strerror(reason));
    }
    (void)evutil_make_socket_nonblocking(file);
    (void)evutil_make_socket_closeonexec(file);
    *listener =
        evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, QUEUE, file);
    if (*listener == NULL) {
        const int why = errno;
        (void)close(file);
        listen_file_remove(path, made);
        return fail(error, ROPEMAP_IO, "--socket: '%.200s' cannot be listened at: %s", path, strerror(why));
    }
    return ROPEMAP_OK;
}

/* A new file may have the inode of one that is gone, but not its time. */
static bool is_same(const struct stat *one, const struct stat *other) {
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec && one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* Removes that socket file, and nothing that has its name by now. Zeroed: none was made. */
static void listen_file_remove(const char *path, const struct stat *made) {
    struct stat now;
    if (S_ISSOCK(made->st_mode) && lstat(path, &now) == 0 && S_ISSOCK(now.st_mode) && is_same(&now, made)) {
        (void)unlink(path);
    }
}

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

/* The rule of a capture is that of a model which the page begins with. */
static ropemap_status keep_rule(server *self, const rule_options *rule, ropemap_error *error) {
    serve_context *context = &self->context;
    if (rule->config == NULL || self->options->map.rule.config != NULL) {
        return ROPEMAP_OK;
    }
    (void)snprintf(context->model_name, sizeof context->model_name, "%s",
                   rule->config_name != NULL ? rule->config_name : "the capture's model");
    (void)snprintf(context->layer_type, sizeof context->layer_type, "%s",
                   rule->layer_type != NULL ? rule->layer_type : "");
    context->model = self->model;
    return models_post(context->models, rule->config, rule->config_bytes, true, self->model, error);
}

/* Opens the model and the tensors once: a name that is wrong is reported now. */
static ropemap_status look_at_inputs(server *self, ropemap_error *error) {
    map_options options = self->options->map;
    map_inputs inputs = {.queries = NULL};
    ropemap_status status = map_inputs_open(&options, &inputs, error);
    if (status == ROPEMAP_OK && inputs.queries != NULL && options.tensors.queries != NULL) {
        self->context.tensor_rows = ropemap_vectors_count(inputs.queries);
        self->context.tensor_dim = ropemap_vectors_head_dim(inputs.queries);
        status = keep_rule(self, &options.rule, error);
    }
    if (status == ROPEMAP_OK) {
        ropemap_job *job = NULL;
        status = ropemap_job_open(&options.request, &job, error);
        self->context.threads = job != NULL ? ropemap_job_plan(job)->threads : 0;
        ropemap_job_free(job);
    }
    map_inputs_free(&inputs);
    rule_options_free(&options.rule);
    return status;
}

static const char *find_backend(const char *wanted) {
    ropemap_driver driver;
    ropemap_plugin plugin;
    if (wanted != NULL && strcmp(wanted, "auto") != 0) {
        return wanted;
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
    context->routes = serve_routes;
    context->backend = find_backend(self->options->map.request.backend);
    context->models = models_new();
    context->tensors = tensors_new();
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
    const guard_opening opening = {.base_path = options->base_path,
                                   .hosts = options->proxy_hosts.all,
                                   .host_count = options->proxy_hosts.count,
                                   .frames = options->frame_ancestors.all,
                                   .frame_count = options->frame_ancestors.count};
    const guard_refusal refusal = guard_open(&self->guard, &opening);
    if (refusal.option != NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s: '%.200s'; %s", refusal.option, refusal.value,
                    refusal.advice);
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

/* ---- announcements --------------------------------------------------------------------------------------
 */

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
        json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "schema", "ropemap.serve/1", "url",
                                 self->url, "base_path", self->guard.base_path, "token", self->guard.token,
                                 "port", (int)options->port, "socket",
                                 options->socket != NULL ? document_text(options->socket) : json_null());
        (void)json_dumpf(line, stdout, JSON_COMPACT);
        json_decref(line);
    } else {
        (void)printf("%s", self->url);
    }
    (void)putchar('\n');
    if (!options->quiet && !options->json && options->base_path != NULL) {
        (void)fprintf(stderr, "ropemap: through the proxy open its own address, then %s/?token=%s\n",
                      self->guard.base_path, self->guard.token);
    }
    if (!options->quiet && !options->json) {
        (void)fprintf(stderr, "ropemap: open that in a browser; Ctrl-C ends it\n");
    }
    return finish_stdout();
}

/* In a process of its own, which is not waited for. */
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
        struct sigaction before;
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN) {
            continue; /* as nohup left it */
        }
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

/* Serves until SIGINT or SIGTERM. Fails where it cannot start. */
static ropemap_status server_run(serve_options *options, ropemap_error *error) {
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

static const cli_option serve_rows[] = {
    {.group = GROUP_HOW,
     .name = "port",
     .argument = "N",
     .initial = "any free one",
     .help = "port to listen at, of this machine alone",
     .type = OPTION_INT32,
     .offset = offsetof(serve_options, port),
     .most = 65535,
     .local = true},
    {.group = GROUP_HOW,
     .name = "listen",
     .argument = "ADDRESS",
     .help = "listen at this address too, for other machines: 0.0.0.0, ::",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_options, listen),
     .local = true},
    {.group = GROUP_HOW,
     .name = "socket",
     .argument = "FILE",
     .help = "listen at a socket file that you alone may open, and at no port; for ssh -L 8080:FILE",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_options, socket),
     .local = true},
    {.group = GROUP_HOW,
     .name = "base-path",
     .argument = "PATH",
     .help = "the path that a proxy serves the page under, whether or not it passes it on: /proxy/8080 of "
             "jupyter-server-proxy, /rnode/HOST/PORT of Open OnDemand",
     .type = OPTION_TEXT,
     .offset = offsetof(serve_options, base_path),
     .local = true},
    {.group = GROUP_HOW,
     .name = "proxy-host",
     .argument = "HOST[:PORT]",
     .help = "accept requests for this host, too, whose page may be https: the proxy's, as the browser's "
             "address has it; up to 4",
     .type = OPTION_TEXTS,
     .offset = offsetof(serve_options, proxy_hosts),
     .local = true},
    {.group = GROUP_HOW,
     .name = "frame-ancestor",
     .argument = "ORIGIN",
     .help = "let pages of this origin show the page in a frame: self, http://localhost:8888, or any port, "
             "http://localhost:*; may be given several times",
     .type = OPTION_TEXTS,
     .offset = offsetof(serve_options, frame_ancestors),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "open",
     .help = "open the page in a browser",
     .type = OPTION_FLAG,
     .offset = offsetof(serve_options, open),
     .local = true},
    OPTION_JSON(offsetof(serve_options, json),
                "print one line of JSON of schema ropemap.serve/1: url, base_path, token, port, socket"),
    OPTION_QUIET(offsetof(serve_options, quiet), "print nothing but the URL and errors"),
    {.name = NULL},
};

/* Which tensors there are; which batch and head of them is the page's. */
static bool is_of_tensors(const cli_option *option) {
    bool own = false;
    for (const cli_option *row = tensor_rows; row->name != NULL; row++) {
        own = own || strcmp(row->name, option->name) == 0;
    }
    return own && strcmp(option->name, "batch") != 0 && strcmp(option->name, "head") != 0;
}

/* The page starts with what was given of the picture; the machine's own options and those of tensors are not
 * the page's. */
static void keep_state(serve_options *options, const cli_line *line) {
    for (int i = 0; i < line->count && options->state_count < SERVE_STATE_MOST; i++) {
        const cli_option *option = line->all[i].option;
        const serve_state one = {option->name, line->all[i].value != NULL ? line->all[i].value : "1"};
        if (is_of_tensors(option) && options->tensors_count < SERVE_STATE_MOST) {
            options->tensors[options->tensors_count++] = one;
        } else if (!option->local) {
            options->state[options->state_count++] = one;
        }
    }
}

static ropemap_status check(const serve_options *options, ropemap_error *error) {
    if (options->socket != NULL && (options->listen != NULL || options->port != 0)) {
        return fail(error, ROPEMAP_USAGE, "--socket and --%s both say where to listen; use one",
                    options->listen != NULL ? "listen" : "port");
    }
    if (options->map.rule.frequencies != NULL) {
        return fail(
            error, ROPEMAP_USAGE,
            "--frequencies: the page moves base and scaling, which a table does not have; use map or curve");
    }
    return tensor_options_check(&options->map.tensors, 0, error);
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    serve_options *options = given;
    keep_state(options, &run->line);
    const ropemap_status status = check(options, error);
    return status == ROPEMAP_OK ? server_run(options, error) : status;
}

static void start_options(void *options) {
    ((serve_options *)options)->map = map_options_default();
}

static void notes(void) {
    (void)printf(
        "\nThe page has sliders for all of these, so none is needed. It talks to this process alone: nothing "
        "is\n"
        "loaded from elsewhere, and nothing leaves the machine. The URL holds a token, which every request\n"
        "needs. --threads, --memory, --backend and --device hold for every picture. Four answers are made "
        "at\n"
        "a time, of 1 GiB each unless --memory says otherwise; 64 MiB of answers are kept, and 256 clients "
        "are\n"
        "served at once: one that has not shown the token makes way for a newer one.\n"
        "\nScripts may use it too: /map.png .svg .pdf .npy, /value.json?i=I&j=J, /curve.json .csv .npy .png\n"
        ".svg .pdf, /bound.json, /plan.json, /info.json, /explain.json and /options.json take the options of "
        "the "
        "commands\n"
        "as a query, /progress.json?view=NAME how far the picture with that view=NAME is, POST /model the\n"
        "text of a config.json; with the header Authorization: Bearer TOKEN.\n"
        "\nRULE is one of:\n");
    help_scaling_rules();
}

const cli_command command_serve = {
    .name = "serve",
    .summary = "open the explorer: the map and the curve under sliders, in a browser",
    .usage = "[--port N | --socket FILE] [--open] [what] [how]",
    .examples = "  ropemap serve --open\n"
                "  ropemap serve --preset llama3.1-8b -n 128k\n"
                "  ropemap serve --queries q.npy --keys k.npy --port 8080\n"
                "  ropemap serve --port 8080 --base-path /user/me/proxy/8080 --proxy-host hub.example.org\n",
    .blocks = {{rule_rows, offsetof(serve_options, map.rule)},
               {encoding_rows, offsetof(serve_options, map.request)},
               {map_rows, offsetof(serve_options, map)},
               {attention_rows, offsetof(serve_options, map.request)},
               {tensor_rows, offsetof(serve_options, map.tensors)},
               {machine_rows, offsetof(serve_options, map.request)},
               {device_rows, offsetof(serve_options, map.request)},
               {thread_rows, offsetof(serve_options, map.request.threads)},
               {serve_rows, 0}},
    .notes = notes,
    .size = sizeof(serve_options),
    .start = start_options,
    .work = work,
};
