/* file_name.c - what the name of an output means */
/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700 /* realpath: in POSIX since 2008, but the C library still calls it an extension */

#include "host/base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

ropemap_status rm_output_refuse(const rm_output *output, const char *what, ropemap_error *error) {
    return rm_fail(error, ROPEMAP_IO, "%.300s: %s (%s)", output->name, what, strerror(errno));
}

ropemap_status rm_output_refuse_replacing(const rm_output *output, ropemap_error *error) {
    return rm_fail(error, ROPEMAP_IO, "%.300s: the file exists; --force replaces it", output->name);
}

static ropemap_status resolve_existing(rm_output *output, const struct stat *status, ropemap_error *error) {
    if (S_ISDIR(status->st_mode)) {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: a directory; an output is a file", output->name);
    }
    if (S_ISSOCK(status->st_mode)) {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: a socket; an output is a file", output->name);
    }
    if (!S_ISREG(status->st_mode)) {
        output->direct = true;
        (void)snprintf(output->path, sizeof output->path, "%s", output->name);
        return ROPEMAP_OK;
    }
    output->exists = true;
    output->mode = status->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
    return realpath(output->name, output->path) != NULL
               ? ROPEMAP_OK
               : rm_output_refuse(output, "cannot be followed", error);
}

static ropemap_status resolve_new(rm_output *output, ropemap_error *error) {
    const int reason = errno;
    struct stat itself;
    if (reason == ENOENT && lstat(output->name, &itself) == 0) {
        return rm_fail(error, ROPEMAP_IO, "%.300s: a symbolic link to a file that does not exist",
                       output->name);
    }
    errno = reason;
    if (reason != ENOENT) {
        return rm_output_refuse(output, "cannot be looked up", error);
    }
    (void)snprintf(output->path, sizeof output->path, "%s", output->name);
    return ROPEMAP_OK;
}

ropemap_status rm_output_resolve(rm_output *output, const char *name, ropemap_error *error) {
    *output = (rm_output){.name = name};
    if (name == NULL || name[0] == '\0') {
        return rm_fail(error, ROPEMAP_USAGE, "output: the name is empty");
    }
    if (strcmp(name, "-") == 0) {
        output->name = "standard output";
        output->direct = true;
        return ROPEMAP_OK;
    }
    const size_t length = strlen(name);
    if (name[length - 1] == '/') {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: the name of a directory; an output is a file", name);
    }
    if (length >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return rm_output_refuse(output, "cannot be looked up", error);
    }
    struct stat status;
    return stat(name, &status) == 0 ? resolve_existing(output, &status, error) : resolve_new(output, error);
}
