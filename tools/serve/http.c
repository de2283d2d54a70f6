/* http.c - evhttp with limits, connections counted, and replies */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/serve/cache.h"
#include "tools/serve/connections.h"
#include "tools/serve/serve.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The page may load what this server has, and nothing may hold the page that was not allowed to. */
static const char page_policy[] =
    "default-src 'self'; img-src 'self' blob:; frame-ancestors %s; base-uri 'none'; form-action 'none'";

/* A figure that is viewed by itself: its map is an image within it. */
static const char figure_policy[] =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/* A header of the answer to come. */
static void reply_header(struct evhttp_request *request, const char *name, const char *value) {
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

static void add_policed(struct evhttp_request *request, const char *type, const char *policy, bool closes) {
    reply_header(request, "Content-Type", type);
    reply_header(request, "Content-Security-Policy", policy);
    reply_header(request, "X-Content-Type-Options", "nosniff");
    reply_header(request, "Referrer-Policy", "no-referrer");
    reply_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    reply_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    if (closes) {
        reply_header(request, "Connection", "close");
    }
}

static void add_usual(const serve_guard *guard, struct evhttp_request *request, const char *type,
                      bool closes) {
    char policy[sizeof page_policy + GUARD_FRAMES_BYTES];
    (void)snprintf(policy, sizeof policy, page_policy, guard->frame_ancestors);
    add_policed(request, type, strcmp(type, "image/svg+xml") == 0 ? figure_policy : policy, closes);
}

static const char *reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {409, "Conflict"},
                   {415, "Unsupported Media Type"},
                   {422, "Unprocessable Content"},
                   {431, "Request Header Fields Too Large"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Internal Server Error";
}

/*
 * Sends the answer, whose body is in the request's buffer. evhttp would send that of a HEAD too, and not its
 * length: the next answer of the connection would be read from the middle of this one.
 */
static void finish(struct evhttp_request *request, int status) {
    if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD && status != 304) {
        struct evbuffer *body = evhttp_request_get_output_buffer(request);
        char length[24];
        (void)snprintf(length, sizeof length, "%zu", evbuffer_get_length(body));
        reply_header(request, "Content-Length", length);
        (void)evbuffer_drain(body, evbuffer_get_length(body));
    }
    evhttp_send_reply(request, status, reason(status), NULL);
}

/* Each sends an answer, and closes the connection after it where `closes`. */
static void reply_text(const serve_guard *guard, struct evhttp_request *request, int status, const char *text,
                       bool closes) {
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    add_usual(guard, request, "text/plain; charset=utf-8", closes);
    reply_header(request, "Cache-Control", "no-store");
    if (status == 503) {
        reply_header(request, "Retry-After", "1");
    }
    (void)evbuffer_add_printf(body, "%s\n", text);
    finish(request, status);
}

static void let_go(const void *bytes, size_t size, void *answer) {
    (void)bytes;
    (void)size;
    answer_drop(answer);
}

static void reply_answer(const serve_guard *guard, struct evhttp_request *request, serve_answer *answer,
                         bool cached, bool closes) {
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    add_usual(guard, request, answer->type, closes);
    reply_header(request, "Cache-Control", "no-store");
    if (answer->status == 503) {
        reply_header(request, "Retry-After", "1");
    }
    if (answer->detail != NULL) {
        reply_header(request, "Ropemap-Map", answer->detail);
        reply_header(request, "Ropemap-Cached", cached ? "1" : "0");
    }
    const bool added = evbuffer_add_reference(body, answer->bytes.data, answer->bytes.size, let_go,
                                              answer_hold(answer)) == 0;
    if (!added) {
        answer_drop(answer);
    }
    finish(request, added ? answer->status : 503);
}

/* A file of the page, compressed with gzip when the program was built. */
typedef struct serve_asset {
    const char *path, *type;
    const unsigned char *bytes, *end;
} serve_asset;

/* Made by tools/cmake/explorer.cmake; ends with a row without a path. */
extern const serve_asset rm_explorer_assets[];

static const serve_asset *find_asset(const char *path, size_t length) {
    for (const serve_asset *asset = rm_explorer_assets; asset->path != NULL; asset++) {
        if (strlen(asset->path) == length && memcmp(asset->path, path, length) == 0) {
            return asset;
        }
    }
    return NULL;
}

/* FNV-1a of the bytes: another build's files have another tag. */
static void make_tag(const serve_asset *asset, char *tag, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *at = asset->bytes; at < asset->end; at++) {
        hash = (hash ^ *at) * UINT64_C(0x100000001b3);
    }
    (void)snprintf(tag, size, "\"%016" PRIx64 "\"", hash);
}

static void reply_asset(const serve_guard *guard, struct evhttp_request *request, const serve_asset *asset,
                        bool sets_cookie, bool closes) {
    char tag[24], cookie[GUARD_TOKEN_BYTES + GUARD_PATH_BYTES + 100];
    const char *known = evhttp_find_header(evhttp_request_get_input_headers(request), "If-None-Match");
    make_tag(asset, tag, sizeof tag);
    add_usual(guard, request, asset->type, closes);
    reply_header(request, "Cache-Control", "no-cache");
    reply_header(request, "ETag", tag);
    if (sets_cookie) {
        (void)snprintf(cookie, sizeof cookie, "%s=%s; Path=%s/; HttpOnly; SameSite=Strict", guard->cookie,
                       guard->token, guard->base_path);
        reply_header(request, "Set-Cookie", cookie);
    }
    if (known != NULL && strcmp(known, tag) == 0) {
        finish(request, 304);
        return;
    }
    reply_header(request, "Content-Encoding", "gzip");
    reply_header(request, "Vary", "Accept-Encoding");
    (void)evbuffer_add_reference(evhttp_request_get_output_buffer(request), asset->bytes,
                                 (size_t)(asset->end - asset->bytes), NULL, NULL);
    finish(request, 200);
}

enum { HEADERS_MOST = 64 };

struct serve_http {
    struct evhttp *http;
    struct event *done;
    int pipe[2]; /* a byte for each job that is done */
    const serve_guard *guard;
    const serve_route *routes;
    serve_connections *connections;
    serve_jobs *jobs;
    serve_cache *cache;
};

/* A request taken apart. */
typedef struct arrival {
    struct evhttp_request *request;
    const char *path; /* not ended by a zero */
    size_t path_length;
    serve_query *query;
    const char *token; /* of the query; NULL: none */
    guard_header headers[HEADERS_MOST];
    int header_count;
    bool posts;
} arrival;

static void say(serve_http *http, struct evhttp_request *request, int status, const char *text) {
    connections_answer(http->connections, request, 0);
    reply_text(http->guard, request, status, text, connections_crowded(http->connections));
}

/* Answers a request that is malformed or not let in, and closes the connection. */
static void turn_away(serve_http *http, struct evhttp_request *request, int status, const char *text) {
    connections_answer(http->connections, request, 0);
    reply_text(http->guard, request, status, text, true);
}

/* ---- the page that a browser without the token gets: what is missing, and where to put it ---- */

static const char token_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>ropemap: token needed</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light "
    "dark\">"
    "<style>body{font:1.05rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.2rem}"
    "input,button{font:inherit;padding:.4rem .6rem;min-height:2.4rem}input{width:100%;box-sizing:border-box;"
    "margin:.3rem 0 .8rem}</style></head><body><main><h1>This link needs the server's token</h1>"
    "<p><code>ropemap serve</code> prints an address that ends in <code>?token=</code> each time it starts. "
    "Open that address, or paste it here; the settings in this link are kept.</p>"
    "<form method=\"get\">";

static const char token_tail[] = "<label>Address or token<input name=\"token\" required autofocus "
                                 "autocomplete=\"off\" spellcheck=\"false\">"
                                 "</label><button>Open</button></form></main></body></html>\n";

/* No script, and a form that this server takes. */
static const char token_policy[] = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                                   "frame-ancestors 'none'; base-uri 'none'";

/* As text within an attribute. */
static void add_escaped(struct evbuffer *to, const char *text) {
    for (; *text != '\0'; text++) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;
        (void)evbuffer_add(to, entity != NULL ? entity : text, entity != NULL ? strlen(entity) : 1);
    }
}

/* The page, whose form keeps the query of the link that was opened. */
static void add_token_page(struct evbuffer *to, const serve_query *query) {
    (void)evbuffer_add(to, token_head, sizeof token_head - 1);
    for (int i = 0; i < query->count; i++) {
        (void)evbuffer_add_printf(to, "<input type=\"hidden\" name=\"");
        add_escaped(to, query->pairs[i].name);
        (void)evbuffer_add_printf(to, "\" value=\"");
        add_escaped(to, query->pairs[i].value);
        (void)evbuffer_add_printf(to, "\">");
    }
    (void)evbuffer_add(to, token_tail, sizeof token_tail - 1);
}

/* The token of a pasted address or of a token alone; NULL of NULL. */
static const char *token_of(const char *text) {
    const char *name = text != NULL ? strstr(text, "token=") : NULL;
    return name != NULL ? name + strlen("token=") : text;
}

/* A person who opens the page without the token gets a place to put it. */
static void show_token_page(serve_http *http, struct evhttp_request *request, const serve_query *query) {
    connections_answer(http->connections, request, 0);
    add_policed(request, "text/html; charset=utf-8", token_policy, true);
    reply_header(request, "Cache-Control", "no-store");
    add_token_page(evhttp_request_get_output_buffer(request), query);
    finish(request, 403);
}

/* ---- taking a request apart ---------------------------------------------------------------------------- */

static bool read_headers(arrival *from) {
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(from->request);
    for (const struct evkeyval *one = headers->tqh_first; one != NULL; one = one->next.tqe_next) {
        if (from->header_count == HEADERS_MOST) {
            return false;
        }
        from->headers[from->header_count++] = (guard_header){one->key, one->value};
    }
    return true;
}

static void read_path(const serve_guard *guard, arrival *from) {
    const char *path = evhttp_request_get_uri(from->request);
    from->path_length = strcspn(path, "?#");
    from->path = guard_path(guard, path, &from->path_length);
}

/* ---- answers that take time ---------------------------------------------------------------------------- */

/* Answers that slow clients take wait in memory: there may not be too much of them. */
static void send_answer(serve_http *http, struct evhttp_request *request, serve_answer *answer, bool cached) {
    const size_t held = connections_bytes(http->connections);
    if (held > 0 && held + answer->bytes.size > SERVE_HELD_BYTES) {
        say(http, request, 503, "too much is on its way to slow clients; ask again in a second");
        return;
    }
    connections_answer(http->connections, request, answer->bytes.size);
    reply_answer(http->guard, request, answer, cached, connections_crowded(http->connections));
}

static void finish_request(serve_http *http, serve_job *job) {
    struct evhttp_request *request = job->request;
    if (job->replaced) {
        say(http, request, 409, "replaced by a newer request of the same view");
    } else if (job->answer->status == 0) {
        say(http, request, 503, "the request was given up");
    } else {
        if (job->key != NULL && job->answer->status == 200) {
            cache_put(http->cache, job->key, job->answer);
        }
        send_answer(http, request, job->answer, false);
    }
    job_free(job);
}

static void on_done(evutil_socket_t file, short what, void *user) {
    serve_http *http = user;
    char bytes[256];
    (void)what;
    while (read(file, bytes, sizeof bytes) == (ssize_t)sizeof bytes) {
    }
    for (serve_job *job = NULL; (job = jobs_next(http->jobs)) != NULL;) {
        finish_request(http, job);
    }
}

static void on_gone(void *user, void *request) {
    serve_http *http = user;
    jobs_drop(http->jobs, request);
}

/* The name of the view, if it is one; false where it cannot be. */
static bool take_view(serve_query *query, char view[SERVE_VIEW_BYTES + 1]) {
    const char *text = query_take(query, "view");
    const size_t length = text != NULL ? strlen(text) : 0;
    view[0] = '\0';
    if (length > SERVE_VIEW_BYTES || (text != NULL && length == 0) ||
        (text != NULL && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)) {
        return false;
    }
    memcpy(view, text != NULL ? text : "", length + 1);
    return true;
}

/* The body as a text of the job's own. */
static bool take_body(arrival *from, serve_job *job) {
    struct evbuffer *input = evhttp_request_get_input_buffer(from->request);
    const size_t size = evbuffer_get_length(input);
    job->body.data = malloc(size + 1);
    job->body.size = size;
    if (job->body.data == NULL || evbuffer_copyout(input, job->body.data, size) != (ev_ssize_t)size) {
        return false;
    }
    job->body.data[size] = '\0';
    return true;
}

static void start_job(serve_http *http, arrival *from, const serve_route *route) {
    serve_job *job = job_new();
    char key[SERVE_HEADER_BYTES];
    if (job == NULL || (route->posts && !take_body(from, job))) {
        say(http, from->request, 503, "no memory for the request");
        job_free(job);
        return;
    }
    query_copy(&job->query, from->query);
    if (!take_view(&job->query, job->view)) {
        say(http, from->request, 400, "view: use 1 to 32 of a to z, 0 to 9 and -");
        job_free(job);
        return;
    }
    serve_answer *known = NULL;
    (void)snprintf(job->path, sizeof job->path, "%.*s", (int)from->path_length, from->path);
    if (route->keeps && query_key(&job->query, job->path, key, sizeof key) > 0) {
        known = cache_find(http->cache, key);
        job->key = known == NULL ? strdup(key) : NULL;
    }
    if (known != NULL) {
        jobs_replace(http->jobs, job->view);
        send_answer(http, from->request, known, true);
        answer_drop(known);
        job_free(job);
        return;
    }
    job->make = route_answer;
    job->route = route;
    job->slow = route->slow;
    job->request = from->request;
    if (jobs_add(http->jobs, job)) {
        connections_begin(http->connections, from->request);
    } else {
        say(http, from->request, 503, "too many requests wait; ask again in a second");
        job_free(job);
    }
}

/* How far the map of a view is: answered by the loop, since all workers may be busy with it. */
static void tell_progress(serve_http *http, arrival *from) {
    const char *view = query_take(from->query, "view");
    const double share = jobs_share(http->jobs, view != NULL ? view : "");
    char text[80];
    (void)snprintf(text, sizeof text, "{\"schema\":\"ropemap.progress/1\",\"share\":%.6f}", share);
    connections_answer(http->connections, from->request, 0);
    add_usual(http->guard, from->request, "application/json", connections_crowded(http->connections));
    reply_header(from->request, "Cache-Control", "no-store");
    if (share < 0.0) {
        (void)snprintf(text, sizeof text, "{\"schema\":\"ropemap.progress/1\",\"share\":null}");
    }
    (void)evbuffer_add(evhttp_request_get_output_buffer(from->request), text, strlen(text));
    finish(from->request, 200);
}

static bool asks_progress(const arrival *from) {
    static const char path[] = "/progress.json";
    return from->path_length == sizeof path - 1 && memcmp(from->path, path, sizeof path - 1) == 0;
}

/* ---- routes -------------------------------------------------------------------------------------------- */

static void route(serve_http *http, arrival *from, bool sets_cookie) {
    const serve_asset *asset = find_asset(from->path, from->path_length);
    const serve_route *found = route_find(http->routes, from->path, from->path_length);
    const bool posts = found != NULL && found->posts;
    if (asks_progress(from) && !from->posts) {
        tell_progress(http, from);
        return;
    }
    if (asset == NULL && found == NULL) {
        say(http, from->request, 404, "nothing is served here");
    } else if (from->posts != posts) {
        reply_header(from->request, "Allow", posts ? "POST" : "GET, HEAD");
        say(http, from->request, 405, posts ? "use POST here" : "use GET here");
    } else if (asset != NULL) {
        connections_answer(http->connections, from->request, 0); /* static */
        reply_asset(http->guard, from->request, asset, sets_cookie, connections_crowded(http->connections));
    } else {
        start_job(http, from, found);
    }
}

static bool is_known_method(struct evhttp_request *request) {
    const enum evhttp_cmd_type method = evhttp_request_get_command(request);
    return method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD || method == EVHTTP_REQ_POST;
}

static void on_request(struct evhttp_request *request, void *user) {
    serve_http *http = user;
    serve_query query;
    ropemap_error error = {.status = ROPEMAP_OK};
    arrival from = {
        .request = request, .query = &query, .posts = evhttp_request_get_command(request) == EVHTTP_REQ_POST};
    if (!connections_take(http->connections, request)) {
        turn_away(http, request, 400, "the request contains a zero byte");
        return;
    }
    if (!read_headers(&from)) {
        turn_away(http, request, 431, "too many headers");
        return;
    }
    read_path(http->guard, &from);
    const char *mark = strchr(from.path, '?');
    const ropemap_status status = query_parse(mark != NULL ? mark + 1 : NULL, &query, &error);
    from.token = status == ROPEMAP_OK ? token_of(query_take(&query, "token")) : NULL;
    const guard_request wanted = {.posts = from.posts,
                                  .is_page = from.path_length == 1 && from.path[0] == '/',
                                  .query_token = from.token,
                                  .headers = from.headers,
                                  .count = from.header_count};
    const guard_verdict verdict = guard_check(http->guard, &wanted);
    if (verdict.lacks_token && wanted.is_page) {
        show_token_page(http, request, &query);
        return;
    }
    if (verdict.status != 0) {
        turn_away(http, request, verdict.status, verdict.text);
        return;
    }
    connections_trust(http->connections, request);
    if (!is_known_method(request)) {
        reply_header(request, "Allow", "GET, HEAD, POST");
        turn_away(http, request, 501, "only GET, HEAD and POST are served");
    } else if (status != ROPEMAP_OK) {
        say(http, request, 400, error.text);
    } else {
        route(http, &from, verdict.sets_cookie);
    }
}

/* ---- start and stop ------------------------------------------------------------------------------------ */

static bool make_pipe(serve_http *http) {
    if (pipe(http->pipe) != 0) {
        http->pipe[0] = http->pipe[1] = -1;
        return false;
    }
    for (int end = 0; end < 2; end++) {
        (void)evutil_make_socket_nonblocking(http->pipe[end]);
        (void)evutil_make_socket_closeonexec(http->pipe[end]);
    }
    return true;
}

static bool start(serve_http *http, struct event_base *base, struct evconnlistener *listener,
                  serve_context *context) {
    const struct timeval idle = {.tv_sec = SERVE_IDLE_SECONDS};
    http->cache = cache_new(SERVE_CACHE_BYTES);
    http->http = evhttp_new(base);
    if (http->cache == NULL || http->http == NULL || !make_pipe(http)) {
        return false;
    }
    evhttp_set_max_headers_size(http->http, SERVE_HEADER_BYTES);
    evhttp_set_max_body_size(http->http, SERVE_BODY_BYTES);
    evhttp_set_timeout_tv(http->http, &idle);
    evhttp_set_allowed_methods(http->http, UINT16_MAX); /* evhttp's own refusal lacks our headers */
    evhttp_set_gencb(http->http, on_request, http);
    http->connections = connections_new(base, http->http, listener, on_gone, http);
    http->jobs = jobs_start(context, http->pipe[1]);
    http->done = event_new(base, http->pipe[0], EV_READ | EV_PERSIST, on_done, http);
    return http->connections != NULL && http->jobs != NULL && http->done != NULL &&
           event_add(http->done, NULL) == 0 && evhttp_bind_listener(http->http, listener) != NULL;
}

serve_http *http_start(struct event_base *base, struct evconnlistener *listener, serve_context *context,
                       const serve_guard *guard) {
    serve_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        return NULL;
    }
    *http = (serve_http){.guard = guard, .routes = context->routes, .pipe = {-1, -1}};
    if (!start(http, base, listener, context)) {
        http_stop(http);
        return NULL;
    }
    return http;
}

/* Workers end first: what they were making has no one to go to. */
void http_stop(serve_http *http) {
    if (http->jobs != NULL) {
        jobs_stop(http->jobs);
    }
    if (http->done != NULL) {
        event_free(http->done);
    }
    if (http->http != NULL) {
        evhttp_free(http->http);
    }
    connections_free(http->connections);
    cache_free(http->cache);
    for (int end = 0; end < 2; end++) {
        if (http->pipe[end] >= 0) {
            (void)close(http->pipe[end]);
        }
    }
    free(http);
}
