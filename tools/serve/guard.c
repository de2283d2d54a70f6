/* guard.c - which requests are let in */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/guard.h"

#include <event2/util.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- a server's own ------------------------------------------------------------------------------------ */

/* "name:80" and, as browsers leave that port out, "name". */
static void add_host(serve_guard *guard, int *count, const char *name, int port) {
    if (*count < GUARD_HOSTS) {
        (void)snprintf(guard->hosts[(*count)++], GUARD_HOST_BYTES, port == 80 ? "%.60s" : "%.60s:%d", name,
                       port);
    }
}

bool guard_start(serve_guard *guard, const char *address, int port) {
    uint8_t bytes[(GUARD_TOKEN_BYTES - 1) / 2];
    int count = 0;
    *guard = (serve_guard){.token = "", .frame_ancestors = "'none'"};
    if (evutil_secure_rng_init() != 0) {
        return false;
    }
    evutil_secure_rng_get_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        (void)snprintf(guard->token + 2 * i, 3, "%02x", bytes[i]);
    }
    /* Cookies are shared between ports, and two servers may run. */
    (void)snprintf(guard->cookie, sizeof guard->cookie, "ropemap-%d", port);
    if (address != NULL && address[0] == '\0') {
        guard->any_port = true;
        (void)snprintf(guard->hosts[count++], GUARD_HOST_BYTES, "localhost");
        (void)snprintf(guard->hosts[count++], GUARD_HOST_BYTES, "127.0.0.1");
        return true;
    }
    add_host(guard, &count, "127.0.0.1", port);
    add_host(guard, &count, "localhost", port);
    add_host(guard, &count, "[::1]", port);
    if (address != NULL) {
        char name[GUARD_HOST_BYTES];
        (void)snprintf(name, sizeof name, strchr(address, ':') != NULL ? "[%.60s]" : "%.60s", address);
        add_host(guard, &count, name, port);
    }
    return true;
}

/* ---- what is let in besides ---------------------------------------------------------------------------- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Whether all of `text` is letters, digits and some of `others`, and shorter than `size`. */
static bool is_of(const char *text, const char *others, size_t size) {
    const char *at = text;
    while (*at != '\0' && (strchr(letters, *at) != NULL || strchr(others, *at) != NULL)) {
        at++;
    }
    return *at == '\0' && at > text && (size_t)(at - text) < size;
}

/* It goes into a cookie's Path. */
static bool is_base_path(const char *text) {
    return text[0] == '/' && is_of(text, "/._~@:%-", GUARD_PATH_BYTES) && strstr(text, "//") == NULL &&
           strstr(text, "/.") == NULL && text[strlen(text) - 1] != '/';
}

/* It goes into a policy: "https://host", with a port, or any, "http://localhost:*". */
static bool is_origin(const char *text) {
    const char *host = strncmp(text, "http://", 7) == 0    ? text + 7
                       : strncmp(text, "https://", 8) == 0 ? text + 8
                                                           : "";
    return is_of(host, ".:[]-*", GUARD_HOST_BYTES);
}

guard_refusal guard_open(serve_guard *guard, const guard_opening *opening) {
    if (opening->base_path != NULL && !is_base_path(opening->base_path)) {
        return (guard_refusal){"base-path", opening->base_path,
                               "give a path such as /proxy/8080, without a / at its end"};
    }
    (void)snprintf(guard->base_path, sizeof guard->base_path, "%s",
                   opening->base_path != NULL ? opening->base_path : "");
    for (int i = 0; i < opening->host_count; i++) {
        if (i == GUARD_PROXIES || !is_of(opening->hosts[i], ".:[]-", GUARD_HOST_BYTES)) {
            return (guard_refusal){
                "proxy-host", opening->hosts[i],
                "give up to 4, as the browser's address has them: hub.example.org, or with a port"};
        }
        guard->proxies[i] = opening->hosts[i];
    }
    size_t used = 0;
    for (int i = 0; i < opening->frame_count; i++) {
        const char *from = opening->frames[i];
        const bool self = strcmp(from, "self") == 0;
        if ((!self && !is_origin(from)) || used + strlen(from) + 4 > sizeof guard->frame_ancestors) {
            return (guard_refusal){"frame-ancestor", from,
                                   "give self, or an origin such as http://localhost:8888"};
        }
        used += (size_t)snprintf(guard->frame_ancestors + used, sizeof guard->frame_ancestors - used, "%s%s",
                                 used > 0 ? " " : "", self ? "'self'" : from);
    }
    return (guard_refusal){.option = NULL};
}

const char *guard_path(const serve_guard *guard, const char *path, size_t *length) {
    const size_t base = strlen(guard->base_path);
    if (base == 0 || *length <= base || memcmp(path, guard->base_path, base) != 0 || path[base] != '/') {
        return path;
    }
    *length -= base;
    return path + base;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

/* The value of the only header of that name; NULL where there is none; *twice where there are more. */
static const char *only(const guard_request *request, const char *name, bool *twice) {
    const char *value = NULL;
    for (int i = 0; i < request->count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0) {
            *twice = *twice || value != NULL;
            value = request->headers[i].value;
        }
    }
    return value;
}

static bool is_proxy(const serve_guard *guard, const char *host) {
    for (int i = 0; i < GUARD_PROXIES && guard->proxies[i] != NULL; i++) {
        if (strcasecmp(guard->proxies[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_host(const serve_guard *guard, const char *host) {
    const char *colon = strchr(host, ':');
    const bool port = guard->any_port && colon != NULL && colon[1] != '\0' &&
                      strspn(colon + 1, "0123456789") == strlen(colon + 1);
    const size_t length = port ? (size_t)(colon - host) : strlen(host);
    for (int i = 0; i < GUARD_HOSTS && guard->hosts[i][0] != '\0'; i++) {
        if (strlen(guard->hosts[i]) == length && strncasecmp(host, guard->hosts[i], length) == 0) {
            return true;
        }
    }
    return is_proxy(guard, host);
}

/* Whether a page of that origin is this server's own: it has the request's host, or a proxy's. */
static bool is_own(const serve_guard *guard, const char *origin, const char *host) {
    const bool plain = strncasecmp(origin, "http://", 7) == 0,
               secure = strncasecmp(origin, "https://", 8) == 0;
    const char *from = origin + (secure ? 8 : 7);
    return (plain && strcasecmp(from, host) == 0) || ((plain || secure) && is_proxy(guard, from));
}

/* In a time that does not depend on where they differ. */
static bool is_token(const serve_guard *guard, const char *text, size_t length) {
    unsigned differ = length == GUARD_TOKEN_BYTES - 1 ? 0 : 1;
    for (size_t i = 0; i < GUARD_TOKEN_BYTES - 1; i++) {
        const char other = i < length ? text[i] : '\0';
        differ |= (unsigned char)(guard->token[i] ^ other);
    }
    return differ == 0;
}

/* Looks through "a=b; ropemap-8080=TOKEN". */
static bool has_cookie(const serve_guard *guard, const char *cookies) {
    const size_t name = strlen(guard->cookie);
    bool found = false;
    while (*cookies != '\0') {
        cookies += strspn(cookies, "; ");
        const size_t length = strcspn(cookies, ";");
        if (length > name && strncmp(cookies, guard->cookie, name) == 0 && cookies[name] == '=') {
            found = is_token(guard, cookies + name + 1, length - name - 1) || found;
        }
        cookies += length;
    }
    return found;
}

static bool has_token(const serve_guard *guard, const guard_request *request) {
    static const char bearer[] = "Bearer ";
    bool found = false;
    for (int i = 0; i < request->count; i++) {
        const guard_header *header = &request->headers[i];
        if (strcasecmp(header->name, "Cookie") == 0) {
            found = has_cookie(guard, header->value) || found;
        } else if (strcasecmp(header->name, "Authorization") == 0 &&
                   strncmp(header->value, bearer, sizeof bearer - 1) == 0) {
            const char *token = header->value + sizeof bearer - 1;
            found = is_token(guard, token, strlen(token)) || found;
        }
    }
    return found;
}

static guard_verdict refuse(int status, const char *text) {
    return (guard_verdict){.status = status, .text = text};
}

/* RFC 9110, 5.1 and 5.5. Other programs read "Host : x" as a Host header. */
static guard_verdict check_headers(const guard_request *request) {
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < request->count; i++) {
        const guard_header *header = &request->headers[i];
        if (header->name[0] == '\0' || header->name[strspn(header->name, token)] != '\0') {
            return refuse(400, "a header name contains a space or a special character");
        }
        for (const char *at = header->value; *at != '\0'; at++) {
            const unsigned char byte = (unsigned char)*at;
            if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
                return refuse(400, "a header contains a control character");
            }
        }
    }
    return refuse(0, "");
}

/* Host, and what browsers report of the page that sends the request. */
static guard_verdict check_site(const serve_guard *guard, const guard_request *request) {
    bool twice = false;
    const char *host = only(request, "Host", &twice);
    if (host == NULL || twice) {
        return refuse(400, "a request needs one Host header");
    }
    if (!is_host(guard, host)) {
        return refuse(403, "not this server's host; open the URL that ropemap serve printed");
    }
    const char *origin = only(request, "Origin", &twice);
    const char *site = only(request, "Sec-Fetch-Site", &twice);
    const bool own = origin == NULL || is_own(guard, origin, host);
    const bool same = site == NULL || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    if (twice || !own || !(same || request->is_page)) {
        return refuse(403, "sent by another site's page");
    }
    return refuse(0, "");
}

/* With or without parameters. */
static bool is_json(const char *type) {
    static const char json[] = "application/json";
    const size_t length = sizeof json - 1;
    return strncasecmp(type, json, length) == 0 &&
           (type[length] == '\0' || strchr("; ", type[length]) != NULL);
}

static guard_verdict check_body(const guard_request *request) {
    bool twice = false;
    const char *length = only(request, "Content-Length", &twice);
    if (length != NULL && (length[0] == '\0' || length[strspn(length, "0123456789")] != '\0')) {
        return refuse(400, "Content-Length must be a number of bytes");
    }
    if (length != NULL && !request->posts && length[strspn(length, "0")] != '\0') {
        return refuse(400, "only POST requests may have a body");
    }
    if (twice || only(request, "Transfer-Encoding", &twice) != NULL) {
        return refuse(400, "a body needs one Content-Length");
    }
    const char *type = only(request, "Content-Type", &twice);
    if (request->posts && (type == NULL || !is_json(type))) {
        return refuse(415, "the body must be Content-Type: application/json");
    }
    return refuse(0, "");
}

guard_verdict guard_check(const serve_guard *guard, const guard_request *request) {
    guard_verdict verdict = check_headers(request);
    verdict = verdict.status == 0 ? check_site(guard, request) : verdict;
    verdict = verdict.status == 0 ? check_body(request) : verdict;
    if (verdict.status != 0 || has_token(guard, request)) {
        return verdict;
    }
    if (request->is_page && request->query_token != NULL &&
        is_token(guard, request->query_token, strlen(request->query_token))) {
        return (guard_verdict){.sets_cookie = true};
    }
    verdict = refuse(403, "no token: open the URL that ropemap serve printed");
    verdict.lacks_token = true;
    return verdict;
}
