/* file.h - one output: what its name means, and how it gets its bytes */
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
    char temporary[PATH_MAX]; /* next to `path`; empty while there is none */
} rm_output;

/*
 * Understands `name`: "-" is standard output, links are followed. ROPEMAP_USAGE for a name that cannot be an
 * output, ROPEMAP_IO for what the system cannot look up.
 */
ropemap_status rm_output_resolve(rm_output *output, const char *name, ropemap_error *error);

/* ROPEMAP_IO where a regular file would be replaced. */
ropemap_status rm_output_refuse_replacing(const rm_output *output, ropemap_error *error);

/* ROPEMAP_IO with the name, `what` and the meaning of errno. */
ropemap_status rm_output_refuse(const rm_output *output, const char *what, ropemap_error *error);

/* Whether the place can be written; leaves nothing there. ROPEMAP_IO. */
ropemap_status rm_output_check_place(rm_output *output, ropemap_error *error);

/* Writes standard output, a device or a FIFO in place. ROPEMAP_IO. */
ropemap_status rm_output_write_direct(const rm_output *output, const ropemap_bytes *bytes,
                                      ropemap_error *error);

/*
 * A file in three steps: its temporary file is filled and on the disk; it takes the name, at once; the name
 * itself is on the disk. ROPEMAP_IO: an old file is as it was, a new one is not there, nor is the temporary.
 */
ropemap_status rm_output_fill(rm_output *output, const ropemap_bytes *bytes, ropemap_error *error);
ropemap_status rm_output_take_name(rm_output *output, ropemap_error *error);
ropemap_status rm_output_sync_name(const rm_output *output, ropemap_error *error);

/* Removes the temporary file, if there is one; errno stays. */
void rm_output_drop(rm_output *output);

/* The directory of `path`, without a trailing slash. */
void rm_output_directory(const char *path, char directory[static PATH_MAX]);

#endif
