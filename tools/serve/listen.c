/* listen.c - the socket that a server takes its clients from */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/listen.h"

#include "tools/ropemap/failure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

ropemap_status listen_at(struct event_base *base, const char *text, int32_t *port,
                         struct evconnlistener **listener, ropemap_error *error) {
    address at;
    const char *name = text != NULL ? text : "127.0.0.1";
    socklen_t size = read_address(name, *port, &at);
    if (size == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--listen: '%.100s', expected an address such as 0.0.0.0 or ::", name);
    }
    *listener = evconnlistener_new_bind(base, NULL, NULL,
                                        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                        QUEUE, &at.any, (int)size);
    if (*listener == NULL) {
        return fail(error, ROPEMAP_IO, "--port: %d of %.100s cannot be had: %s", (int)*port, name,
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

/* Whether the name is that of a socket that nobody answers at. */
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

ropemap_status listen_file(struct event_base *base, const char *path, struct evconnlistener **listener,
                           struct stat *made, ropemap_error *error) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path || path[0] == '\0') {
        return fail(error, ROPEMAP_USAGE, "--socket: %zu bytes, expected a name of 1 to %zu", strlen(path),
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

void listen_file_remove(const char *path, const struct stat *made) {
    struct stat now;
    if (S_ISSOCK(made->st_mode) && lstat(path, &now) == 0 && S_ISSOCK(now.st_mode) && is_same(&now, made)) {
        (void)unlink(path);
    }
}
