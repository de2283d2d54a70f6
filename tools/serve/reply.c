/* reply.c - how an answer is sent: its headers, and its bytes without a copy */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/reply.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The page may load what this server has, and nothing may hold the page. */
static const char page_policy[] =
    "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/* A figure that is looked at by itself: its map is an image within it. */
static const char figure_policy[] =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

void reply_header(struct evhttp_request *request, const char *name, const char *value) {
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

static void add_usual(struct evhttp_request *request, const char *type, bool closes) {
    reply_header(request, "Content-Type", type);
    reply_header(request, "Content-Security-Policy",
                 strcmp(type, "image/svg+xml") == 0 ? figure_policy : page_policy);
    reply_header(request, "X-Content-Type-Options", "nosniff");
    reply_header(request, "Referrer-Policy", "no-referrer");
    reply_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    reply_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    if (closes) {
        reply_header(request, "Connection", "close");
    }
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

void reply_text(struct evhttp_request *request, int status, const char *text, bool closes) {
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    add_usual(request, "text/plain; charset=utf-8", closes);
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

void reply_answer(struct evhttp_request *request, serve_answer *answer, bool cached, bool closes) {
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    add_usual(request, answer->type, closes);
    reply_header(request, "Cache-Control", "no-store");
    if (answer->status == 503) {
        reply_header(request, "Retry-After", "1");
    }
    if (answer->detail[0] != '\0') {
        char detail[ANSWER_DETAIL_BYTES + 20];
        (void)snprintf(detail, sizeof detail, "%s,\"cached\":%s}", answer->detail, cached ? "true" : "false");
        reply_header(request, "Ropemap-Map", detail);
    }
    const bool added = evbuffer_add_reference(body, answer->bytes.data, answer->bytes.size, let_go,
                                              answer_hold(answer)) == 0;
    if (!added) {
        answer_drop(answer);
    }
    finish(request, added ? answer->status : 503);
}

/* FNV-1a of the bytes: another build's files have another tag. */
static void make_tag(const serve_asset *asset, char *tag, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *at = asset->bytes; at < asset->end; at++) {
        hash = (hash ^ *at) * UINT64_C(0x100000001b3);
    }
    (void)snprintf(tag, size, "\"%016" PRIx64 "\"", hash);
}

void reply_asset(struct evhttp_request *request, const serve_asset *asset, const serve_guard *guard,
                 bool closes) {
    char tag[24], cookie[GUARD_TOKEN_BYTES + 100];
    const char *known = evhttp_find_header(evhttp_request_get_input_headers(request), "If-None-Match");
    make_tag(asset, tag, sizeof tag);
    add_usual(request, asset->type, closes);
    reply_header(request, "Cache-Control", "no-cache");
    reply_header(request, "ETag", tag);
    if (guard != NULL) {
        (void)snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict", guard->cookie,
                       guard->token);
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
