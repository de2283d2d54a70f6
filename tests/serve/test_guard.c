/* test_guard.c - who is let in: tables of hosts, origins, sites, bodies and tokens */
/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"
#include "tools/serve/guard.h"

enum { HEX = GUARD_TOKEN_BYTES - 1, HEADERS = 6 };

static serve_guard started(const char *address, int port) {
    serve_guard guard;
    assert_true(guard_start(&guard, address, port));
    return guard;
}

/* The status of a request with these headers, NULL past the last: name, value, name, value, ... */
static int status_of(const serve_guard *guard, bool page, bool posts, const char *query_token,
                     const char *const *headers) {
    guard_header list[HEADERS];
    guard_request request = {
        .posts = posts, .is_page = page, .query_token = query_token, .headers = list, .count = 0};
    for (; headers[2 * request.count] != NULL; request.count++) {
        list[request.count] = (guard_header){headers[2 * request.count], headers[2 * request.count + 1]};
    }
    const guard_verdict verdict = guard_check(guard, &request);
    assert_true(verdict.status == 0 || (verdict.text[0] != '\0' && strchr(verdict.text, '\n') == NULL));
    assert_true(verdict.status == 0 || !verdict.sets_cookie);
    return verdict.status;
}

/* With the right token and one more header. */
static int with(const serve_guard *guard, const char *host, const char *name, const char *value) {
    char bearer[100];
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", guard->token);
    const char *const headers[] = {"Host", host, "Authorization", bearer, name, value, NULL};
    return status_of(guard, false, false, NULL, headers);
}

static void tokens_are_new(void **state) {
    enum { MANY = 200 };
    static serve_guard guards[MANY];
    for (int i = 0; i < MANY; i++) {
        guards[i] = started(NULL, 8080);
        assert_int_equal(strlen(guards[i].token), HEX);
        assert_int_equal(strspn(guards[i].token, "0123456789abcdef"), HEX);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(guards[i].token, guards[j].token);
        }
    }
    const serve_guard other = started(NULL, 8081);
    assert_string_not_equal(guards[0].cookie, other.cookie); /* cookies do not tell ports apart */
}

static void hosts_are_the_servers_own(void **state) {
    static const struct {
        const char *address;
        int port;
        const char *host;
        int status;
    } cases[] = {
        {NULL, 8080, "127.0.0.1:8080", 0},
        {NULL, 8080, "localhost:8080", 0},
        {NULL, 8080, "LocalHost:8080", 0},
        {NULL, 8080, "[::1]:8080", 0},
        {NULL, 8080, "", 403},
        {NULL, 8080, ":8080", 403},
        {NULL, 8080, "127.0.0.1", 403},
        {NULL, 8080, "127.0.0.1:", 403},
        {NULL, 8080, "127.0.0.1:808", 403},
        {NULL, 8080, "127.0.0.1:80800", 403},
        {NULL, 8080, "127.0.0.1:08080", 403},
        {NULL, 8080, "127.0.0.1:8080 ", 403},
        {NULL, 8080, " 127.0.0.1:8080", 403},
        {NULL, 8080, "127.0.0.2:8080", 403},
        {NULL, 8080, "::1:8080", 403},
        {NULL, 8080, "localhost.evil:8080", 403},
        {NULL, 8080, "evil.localhost:8080", 403},
        {NULL, 8080, "localhost:8080.evil", 403},
        {NULL, 8080, "localhost:8080,evil", 403},
        {NULL, 8080, "a@localhost:8080", 403},
        {NULL, 8080, "0.0.0.0:8080", 403},
        {NULL, 80, "127.0.0.1", 0}, /* browsers leave this port out */
        {NULL, 80, "localhost", 0},
        {NULL, 80, "localhost:80", 403},
        {"192.0.2.7", 8080, "192.0.2.7:8080", 0},
        {"192.0.2.7", 8080, "localhost:8080", 0},
        {"192.0.2.7", 8080, "192.0.2.8:8080", 403},
        {"2001:db8::7", 8080, "[2001:db8::7]:8080", 0},
        {"2001:db8::7", 8080, "[2001:DB8::7]:8080", 0},
        {"2001:db8::7", 8080, "2001:db8::7:8080", 403},
        {"", 0, "localhost", 0}, /* a tunnel to a socket file has any port */
        {"", 0, "localhost:1", 0},
        {"", 0, "127.0.0.1:65535", 0},
        {"", 0, "localhost:", 403},
        {"", 0, "localhost:8080x", 403},
        {"", 0, "localhost:80:80", 403},
        {"", 0, "localhos", 403},
        {"", 0, "localhost.evil:80", 403},
        {"", 0, ":80", 403},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const serve_guard guard = started(cases[pick].address, cases[pick].port);
        const int status = with(&guard, cases[pick].host, NULL, NULL);
        if (status != cases[pick].status) {
            fail_msg("address %s, host '%s': %d",
                     cases[pick].address != NULL ? cases[pick].address : "loopback", cases[pick].host,
                     status);
        }
    }
}

static void one_host_is_wanted(void **state) {
    const serve_guard guard = started(NULL, 8080);
    const char *const none[] = {NULL};
    const char *const two[] = {"Host", "localhost:8080", "hOsT", "localhost:8080", NULL};
    assert_int_equal(status_of(&guard, true, false, guard.token, none), 400);
    assert_int_equal(status_of(&guard, true, false, guard.token, two), 400);
}

static void other_sites_are_kept_out(void **state) {
    static const struct {
        const char *name, *value;
        int status;
    } cases[] = {
        {"Origin", "http://localhost:8080", 0},
        {"origin", "HTTP://LOCALHOST:8080", 0},
        {"Origin", "http://127.0.0.1:8080", 403}, /* the server's, but not the one that is asked */
        {"Origin", "https://localhost:8080", 403},
        {"Origin", "http://localhost", 403},
        {"Origin", "http://localhost:80", 403},
        {"Origin", "http://localhost:8080/", 403},
        {"Origin", "http://localhost:8080.evil", 403},
        {"Origin", "http://evil", 403},
        {"Origin", "http://", 403},
        {"Origin", "http:/", 403},
        {"Origin", "null", 403},
        {"Origin", "", 403},
        {"Sec-Fetch-Site", "same-origin", 0},
        {"sec-fetch-site", "none", 0},
        {"Sec-Fetch-Site", "same-site", 403},
        {"Sec-Fetch-Site", "cross-site", 403},
        {"Sec-Fetch-Site", "", 403},
        {"Sec-Fetch-Site", "none ", 403},
        {"Content-Length", "0", 0},
        {"Transfer-Encoding", "identity", 400},
        {"transfer-encoding", "", 400},
    };
    const serve_guard guard = started(NULL, 8080);
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const int status = with(&guard, "localhost:8080", cases[pick].name, cases[pick].value);
        if (status != cases[pick].status) {
            fail_msg("%s: '%s': %d", cases[pick].name, cases[pick].value, status);
        }
    }
    static const char *const once[] = {"Origin", "Sec-Fetch-Site", "Content-Length"};
    static const char *const right[] = {"http://localhost:8080", "none", "2"};
    for (int i = 0; i < 3; i++) {
        const char *const headers[] = {"Host", "localhost:8080", once[i], right[i], once[i], right[i], NULL};
        assert_int_equal(status_of(&guard, true, false, guard.token, headers), i < 2 ? 403 : 400);
    }
    /* A link on another site leads to the page alone, which shows nothing without the cookie. */
    const char *const linked[] = {"Host", "localhost:8080", "Sec-Fetch-Site", "cross-site", NULL};
    assert_int_equal(status_of(&guard, true, false, guard.token, linked), 0);
    assert_int_equal(status_of(&guard, true, false, NULL, linked), 403);
}

static void bodies_are_json(void **state) {
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        {"application/json", 0},      {"Application/JSON", 0},
        {"application/json;a=b", 0},  {"application/json ; charset=utf-8", 0},
        {"application/jsonp", 415},   {"application/json,text/plain", 415},
        {"application/jso", 415},     {"text/json", 415},
        {" application/json", 415},   {"", 415},
        {"text/plain", 415},          {"application/x-www-form-urlencoded", 415},
        {"multipart/form-data", 415}, {NULL, 415},
    };
    const serve_guard guard = started(NULL, 8080);
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const char *type = cases[pick].type;
        const char *const headers[] = {"Host", "localhost:8080", type != NULL ? "Content-Type" : NULL, type,
                                       NULL};
        assert_int_equal(status_of(&guard, true, true, guard.token, headers), cases[pick].status);
        assert_int_equal(status_of(&guard, true, false, guard.token, headers), 0);
    }
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

/* How a token can come: 0 by the query, 1 as a bearer's, 2 as a cookie, 3 as one of several cookies. */
static int come(const serve_guard *guard, int way, const char *token) {
    char value[200];
    const char *headers[] = {"Host", "localhost:8080", NULL, value, NULL};
    if (way == 1) {
        headers[2] = "authorization";
        (void)snprintf(value, sizeof value, "Bearer %s", token);
    } else if (way > 1) {
        headers[2] = "cookie";
        (void)snprintf(value, sizeof value, way == 2 ? "%s=%s" : "a=b;c; %s=%s; d=e", guard->cookie, token);
    }
    return status_of(guard, way == 0, false, way == 0 ? token : NULL, headers);
}

static void the_whole_token_and_no_other(void **state) {
    const serve_guard guard = started(NULL, 8080);
    for (int way = 0; way < 4; way++) {
        char token[HEX + 10];
        assert_int_equal(come(&guard, way, guard.token), 0);
        for (int at = 0; at < HEX; at++) {
            memcpy(token, guard.token, sizeof guard.token);
            token[at] = token[at] == '0' ? '1' : '0';
            assert_int_equal(come(&guard, way, token), 403);
            memcpy(token, guard.token, sizeof guard.token);
            token[at] = '\0';
            assert_int_equal(come(&guard, way, token), 403);
            assert_int_equal(come(&guard, way, guard.token + at + 1), 403);
        }
        for (int more = 0; more < 3; more++) {
            (void)snprintf(token, sizeof token, "%s%c", guard.token, "0 \""[more]);
            assert_int_equal(come(&guard, way, token), 403);
        }
    }
}

static void tokens_come_in_their_places_alone(void **state) {
    const serve_guard guard = started(NULL, 8080), other = started(NULL, 8081);
    static const struct {
        const char *name, *format; /* of the cookie's name and the token */
        int status;
    } cases[] = {
        {"Cookie", "%1$s=%2$s", 0},
        {"Cookie", ";; ;%1$s=%2$s", 0},
        {"Cookie", "%1$s=0; %1$s=%2$s", 0},
        {"Cookie", "%1$s=%2$s;%1$s=0", 0},
        {"Cookie", "x%1$s=%2$s", 403},
        {"Cookie", "%1$sx=%2$s", 403},
        {"Cookie", "%1$s =%2$s", 403},
        {"Cookie", "%1$s= %2$s", 403},
        {"Cookie", "%1$s=\"%2$s\"", 403},
        {"Cookie", "a=%1$s=%2$s", 403},
        {"Cookie", "a,%1$s=%2$s", 403},
        {"Cookie", "%2$s", 403},
        {"Cookie", "%1$s", 403},
        {"Cookie", "%1$s=", 403},
        {"Cookie", "", 403},
        {"Cookie", ";", 403},
        {"Cookie", " ; ", 403},
        {"Authorization", "Bearer %2$s", 0},
        {"Authorization", "Bearer  %2$s", 403},
        {"Authorization", "Basic %2$s", 403},
        {"Authorization", "%2$s", 403},
        {"Authorization", "Bearer", 403},
        {"Authorization", "Bearer ", 403},
        {"Authorization", "", 403},
        {"Set-Cookie", "%1$s=%2$s", 403},
        {"X-Authorization", "Bearer %2$s", 403},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        char value[200] = "", *to = value;
        for (const char *at = cases[pick].format; *at != '\0'; at++) {
            if (*at == '%') {
                to += sprintf(to, "%s", at[1] == '1' ? guard.cookie : guard.token);
                at += 3;
            } else {
                *to++ = *at;
                *to = '\0';
            }
        }
        const char *const headers[] = {"Host", "localhost:8080", cases[pick].name, value, NULL};
        const int status = status_of(&guard, false, false, NULL, headers);
        if (status != cases[pick].status) {
            fail_msg("%s: '%s': %d", cases[pick].name, value, status);
        }
    }
    assert_int_equal(come(&guard, 2, other.token), 403);
    /* By the query it opens the page alone. */
    const char *const headers[] = {"Host", "localhost:8080", NULL};
    assert_int_equal(status_of(&guard, false, false, guard.token, headers), 403);
}

static void heads_are_read_in_one_way(void **state) {
    const serve_guard guard = started(NULL, 8080);
    static const char *const names[] = {"Host ", " Host", "Ho st",  "Host\t", "",          "X(y)",
                                        "X,y",   "X/y",   "X\x01y", "X\x7f",  "X\xc3\xa4", "\"X\"",
                                        "[X]",   "X=y",   "X;",     "X@y"};
    static const char *const values[] = {"\x01", "a\x1b[2J", "a\rb", "\x7f", "\x1f"};
    static const char *const lengths[] = {"+2", "-2",  " 2",  "2 ",  "0x2", "2,2",
                                          "",   "\t2", "2.0", "1e1", "\xb2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(with(&guard, "localhost:8080", names[i], "localhost:8080"), 400);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_int_equal(with(&guard, "localhost:8080", "X", values[i]), 400);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const char *const headers[] = {
            "Host", "localhost:8080", "Content-Type", "application/json", "Content-Length", lengths[i], NULL};
        assert_int_equal(status_of(&guard, false, true, NULL, headers), 400);
    }
    assert_int_equal(with(&guard, "localhost:8080", "X!#$%&'*+-.^_`|~9z", "a\tb \xc3\xa4 (\"=,;)"), 0);
    /* Only a POST has a body. */
    assert_int_equal(with(&guard, "localhost:8080", "Content-Length", "2"), 400);
    assert_int_equal(with(&guard, "localhost:8080", "Content-Length", "00"), 0);
}

static void the_cookie_is_set_once(void **state) {
    const serve_guard guard = started(NULL, 8080);
    char cookie[100];
    (void)snprintf(cookie, sizeof cookie, "%s=%s", guard.cookie, guard.token);
    const guard_header headers[] = {{"Host", "localhost:8080"}, {"Cookie", cookie}};
    guard_request request = {.is_page = true, .query_token = guard.token, .headers = headers, .count = 1};
    assert_true(guard_check(&guard, &request).sets_cookie);
    request.count = 2;
    assert_false(guard_check(&guard, &request).sets_cookie);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_new),
        cmocka_unit_test(hosts_are_the_servers_own),
        cmocka_unit_test(one_host_is_wanted),
        cmocka_unit_test(other_sites_are_kept_out),
        cmocka_unit_test(bodies_are_json),
        cmocka_unit_test(the_whole_token_and_no_other),
        cmocka_unit_test(tokens_come_in_their_places_alone),
        cmocka_unit_test(heads_are_read_in_one_way),
        cmocka_unit_test(the_cookie_is_set_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
