/* input.c - a regular file, or a part of one, read at any offset by several threads */
/* SPDX-License-Identifier: MIT */
#include "host/base/input.h"
#include "host/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One pread takes at most this: some systems refuse, and Linux cuts, counts of 2^31 and more. */
static const uint64_t READ_BYTES_MAX = (uint64_t)1 << 30;

static ropemap_status fail_system(const rm_input *input, const char *action, int number,
                                  ropemap_error *error) {
    char reason[128];
    if (strerror_r(number, reason, sizeof reason) != 0) {
        return rm_fail(error, ROPEMAP_IO, "%s: cannot %s it (error %d)", input->name, action, number);
    }
    return rm_fail(error, ROPEMAP_IO, "%s: cannot %s it: %s", input->name, action, reason);
}

static const char *kind_name(mode_t mode) {
    if (S_ISDIR(mode)) {
        return "a directory";
    }
    if (S_ISFIFO(mode)) {
        return "a FIFO";
    }
    return S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : "not a file";
}

static ropemap_status examine(rm_input *input, ropemap_error *error) {
    struct stat about;
    if (fstat(input->fd, &about) != 0) {
        return fail_system(input, "stat", errno, error);
    }
    if (!S_ISREG(about.st_mode)) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %s, not a regular file", input->name,
                       kind_name(about.st_mode));
    }
    input->size = (uint64_t)about.st_size;
    return ROPEMAP_OK;
}

ropemap_status rm_input_open(const char *path, rm_input *input, ropemap_error *error) {
    *input = (rm_input){.fd = -1};
    rm_label_make(input->name, sizeof input->name, path);
    do { /* O_NONBLOCK: a FIFO without a writer must not hang; regular files do not know it */
        input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    } while (input->fd < 0 && errno == EINTR);
    if (input->fd < 0) {
        return fail_system(input, "open", errno, error);
    }
    const ropemap_status status = examine(input, error);
    if (status != ROPEMAP_OK) {
        rm_input_close(input);
    }
    return status;
}

ropemap_status rm_input_read(const rm_input *input, uint64_t offset, uint64_t bytes, void *to,
                             ropemap_error *error) {
    uint8_t *next = to;
    if (input->held != NULL && offset <= input->size && bytes <= input->size - offset) {
        memcpy(to, input->held + offset, (size_t)bytes);
        return ROPEMAP_OK;
    }
    while (bytes > 0) {
        const size_t wanted = (size_t)(bytes < READ_BYTES_MAX ? bytes : READ_BYTES_MAX);
        const ssize_t got = pread(input->fd, next, wanted, (off_t)(input->start + offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_system(input, "read", errno, error);
        }
        if (got == 0) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: shrank while being read: it ends before byte %" PRIu64 ", and had %" PRIu64
                           " bytes when opened",
                           input->name, offset + 1, input->size);
        }
        next += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return ROPEMAP_OK;
}

void rm_input_close(rm_input *input) {
    if (input->fd >= 0) {
        (void)close(input->fd);
        input->fd = -1;
    }
    rm_free(input->held);
    input->held = NULL;
}
