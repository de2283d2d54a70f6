/* writer.c - a file in memory that grows while it is written */
/* SPDX-License-Identifier: MIT */
#include "host/figure/writer.h"
#include "host/base/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 16384 };

/* Where the next `size` bytes go; NULL where they have no place. */
static uint8_t *reserve(rm_writer *writer, size_t size) {
    if (!writer->failed && size > writer->capacity - writer->size) {
        const uint64_t needed = (uint64_t)writer->size + size, doubled = 2 * (uint64_t)writer->capacity;
        const uint64_t least = doubled > FIRST_CAPACITY ? doubled : FIRST_CAPACITY;
        const uint64_t capacity = needed > least ? needed : least;
        uint8_t *data = rm_alloc_raw(capacity, 1);
        writer->failed = data == NULL;
        if (data != NULL) {
            if (writer->size > 0) {
                memcpy(data, writer->data, writer->size);
            }
            rm_free(writer->data);
            writer->data = data;
            writer->capacity = (size_t)capacity;
        }
    }
    if (writer->failed) {
        return NULL;
    }
    writer->size += size;
    return writer->data + writer->size - size;
}

void rm_writer_add(rm_writer *writer, const void *bytes, size_t size) {
    uint8_t *to = size > 0 ? reserve(writer, size) : NULL;
    if (to != NULL) {
        memcpy(to, bytes, size);
    }
}

void rm_writer_text(rm_writer *writer, const char *text) {
    rm_writer_add(writer, text, strlen(text));
}

/* From whole hundredths: printf would take the decimal point of the locale. */
void rm_writer_number(rm_writer *writer, double value) {
    const int64_t hundredths = (int64_t)llround(value * 100.0),
                  size = hundredths < 0 ? -hundredths : hundredths;
    char text[32];
    int end = snprintf(text, sizeof text, "%s%" PRId64, hundredths < 0 ? "-" : "", size / 100);
    if (size % 100 != 0) {
        end += snprintf(text + end, sizeof text - (size_t)end, ".%02d", (int)(size % 100));
        end -= text[end - 1] == '0' ? 1 : 0;
    }
    rm_writer_add(writer, text, (size_t)end);
}

void rm_writer_base64(rm_writer *writer, const ropemap_bytes *bytes) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *to = bytes->size > 0 ? reserve(writer, (bytes->size + 2) / 3 * 4) : NULL;
    for (size_t at = 0; to != NULL && at < bytes->size; at += 3, to += 4) {
        const size_t left = bytes->size - at;
        const uint32_t group = (uint32_t)bytes->data[at] << 16 |
                               (left > 1 ? (uint32_t)bytes->data[at + 1] << 8 : 0) |
                               (left > 2 ? bytes->data[at + 2] : 0);
        to[0] = (uint8_t)letters[group >> 18];
        to[1] = (uint8_t)letters[group >> 12 & 63];
        to[2] = (uint8_t)(left > 1 ? letters[group >> 6 & 63] : '=');
        to[3] = (uint8_t)(left > 2 ? letters[group & 63] : '=');
    }
}

ropemap_status rm_writer_finish(rm_writer *writer, const char *what, ropemap_bytes *bytes,
                                ropemap_error *error) {
    if (writer->failed) {
        const uint64_t size = writer->size;
        rm_free(writer->data);
        *writer = (rm_writer){.data = NULL};
        return rm_fail(error, ROPEMAP_RESOURCES, "%s: no memory for more than %" PRIu64 " bytes", what, size);
    }
    *bytes = (ropemap_bytes){.data = writer->data, .size = writer->size};
    *writer = (rm_writer){.data = NULL};
    return ROPEMAP_OK;
}
