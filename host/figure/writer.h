/* writer.h - a file in memory that grows while it is written */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_WRITER_H
#define ROPEMAP_HOST_FIGURE_WRITER_H

#include "host/base/status.h"

/* Zeroed at first. What no memory is left for is dropped, and so is all that follows. */
typedef struct rm_writer {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
} rm_writer;

void rm_writer_add(rm_writer *writer, const void *bytes, size_t size);

void rm_writer_text(rm_writer *writer, const char *text);

/* To two decimals, without zeros at the end: "12.5", "-3". Below 1e12 in size. */
void rm_writer_number(rm_writer *writer, double value);

/* RFC 4648's base64, with padding. */
void rm_writer_base64(rm_writer *writer, const ropemap_bytes *bytes);

/* Hands the bytes over, or frees them and fails with ROPEMAP_RESOURCES; `what` is what messages call them. */
ropemap_status rm_writer_finish(rm_writer *writer, const char *what, ropemap_bytes *bytes,
                                ropemap_error *error);

#endif
