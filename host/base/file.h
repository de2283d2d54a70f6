/* file.h - what the name of an output means */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_FILE_H
#define ROPEMAP_HOST_BASE_FILE_H

#include "host/base/status.h"

#include <limits.h>
#include <sys/types.h>

/* Where bytes go. */
typedef struct rm_output {
    const char *name;         /* as the caller wrote it, for messages. Borrowed */
    char path[PATH_MAX];      /* the file itself, links followed where it exists; empty: standard output */
    bool direct;              /* standard output, a device, a FIFO: written in place */
    bool exists;              /* a regular file that will be replaced */
    mode_t mode;              /* its permissions, where it exists */
    char temporary[PATH_MAX]; /* beside `path`; empty while there is none */
} rm_output;

/*
 * Understands `name`: "-" is standard output, links are followed. ROPEMAP_USAGE for a name that cannot be an
 * output, ROPEMAP_IO for a regular file that exists without `force` and for what the system cannot look up.
 */
ropemap_status rm_output_resolve(rm_output *output, const char *name, bool force, ropemap_error *error);

/* ROPEMAP_IO with the name, `what` and the meaning of errno. */
ropemap_status rm_output_refuse(const rm_output *output, const char *what, ropemap_error *error);

#endif
