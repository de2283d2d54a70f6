/* guard.h - which requests are let in */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_GUARD_H
#define ROPEMAP_TOOLS_SERVE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum {
    GUARD_TOKEN_BYTES = 33,
    GUARD_HOSTS = 5,
    GUARD_HOST_BYTES = 80,
    GUARD_PROXIES = 4,
    GUARD_PATH_BYTES = 200,
    GUARD_FRAMES_BYTES = 400
};

/* What a server knows of itself. */
typedef struct serve_guard {
    char token[GUARD_TOKEN_BYTES]; /* 32 hexadecimal digits */
    char cookie[32];               /* the name of the cookie that holds it */
    bool any_port;                 /* behind a socket file: a tunnel has a port of its own */
    char hosts[GUARD_HOSTS]
              [GUARD_HOST_BYTES]; /* what a Host header may say, "127.0.0.1:8080"; "" past the last */
    const char
        *proxies[GUARD_PROXIES];      /* the same of proxies, whose pages may be https; NULL past the last */
    char base_path[GUARD_PATH_BYTES]; /* "/proxy/8080", which paths may begin with; "": none */
    char frame_ancestors[GUARD_FRAMES_BYTES]; /* whose pages may frame this one: "'none'", or origins */
} serve_guard;

typedef struct guard_header {
    const char *name, *value;
} guard_header;

/* A request as it came, its path still escaped. */
typedef struct guard_request {
    bool posts;                  /* else no body belongs to it */
    bool is_page;                /* the path is "/" */
    const char *query_token;     /* of a token in the query; NULL: none */
    const guard_header *headers; /* [count], in their order */
    int count;
} guard_request;

/* status 0: let in, with `sets_cookie` where the token came by the query. Else the answer. */
typedef struct guard_verdict {
    int status;
    const char *text;              /* a sentence; static */
    bool sets_cookie, lacks_token; /* the latter: all else is in order */
} guard_verdict;

/*
 * A new token, and the hosts of a server that listens at `address` (NULL: loopback; "": a socket file) and
 * `port`. False where the system gives no random numbers.
 */
bool guard_start(serve_guard *guard, const char *address, int port);

/*
 * What is let in besides: through proxies that pass on these hosts, under a path; into frames of pages of
 * these origins, or "self".
 */
typedef struct guard_opening {
    const char *base_path; /* NULL: none */
    const char *const *hosts, *const *frames;
    int host_count, frame_count;
} guard_opening;

typedef struct guard_refusal {
    const char *option, *value, *advice; /* option NULL: there is none */
} guard_refusal;

/* Borrows the hosts. A refusal names the option, its value and what to do. */
guard_refusal guard_open(serve_guard *guard, const guard_opening *opening);

/* The path without the base path; *length shrinks with it. */
const char *guard_path(const serve_guard *guard, const char *path, size_t *length);

/*
 * 400: a header's name that is no token or a control character in its value, not one Host, two lengths or one
 * that is no number, a body of unknown length or where none belongs. 403: a foreign Host, Origin or site, or
 * no token. 415: a body of another type than JSON.
 */
guard_verdict guard_check(const serve_guard *guard, const guard_request *request);

#endif
