/* output.h - output files: what their names mean, that they exist only complete, that none is an input */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_OUTPUT_H
#define ROPEMAP_HOST_BASE_OUTPUT_H

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
    char temporary[PATH_MAX]; /* next to `path`; empty while there is none */
} rm_output;

#endif
