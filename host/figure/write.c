/* write.c - a figure's files: bytes in memory, npy, saved atomically */
/* SPDX-License-Identifier: MIT */
#include "host/figure/write.h"
#include "host/base/alloc.h"
#include "host/figure/figure.h"

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

/* The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0. */

enum { HEADER = 128, PREAMBLE = 10 }; /* bytes; the header with its preamble is a multiple of 64 */

/* Little-endian whatever the machine is. */
static void put_floats(uint8_t *to, const float *cells, int64_t count) {
    for (int64_t cell = 0; cell < count; cell++) {
        uint32_t bits;
        memcpy(&bits, &cells[cell], sizeof bits);
        to[4 * cell] = (uint8_t)bits;
        to[4 * cell + 1] = (uint8_t)(bits >> 8);
        to[4 * cell + 2] = (uint8_t)(bits >> 16);
        to[4 * cell + 3] = (uint8_t)(bits >> 24);
    }
}

ropemap_status ropemap_map_npy(const ropemap_map *map, ropemap_bytes *bytes, ropemap_error *error) {
    RM_TRY(rm_check_map(map, error));
    const int64_t cells = map->height * map->width;
    const uint64_t size = HEADER + 4 * (uint64_t)cells;
    uint8_t *data = rm_alloc_raw(size, 1);
    if (data == NULL) {
        return rm_fail_memory(error, "npy", size);
    }
    char header[HEADER];
    const int used = snprintf(header, sizeof header,
                              "\x93NUMPY\x01%c%c%c{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64
                              ", %" PRId64 "), }",
                              0, HEADER - PREAMBLE, 0, map->height, map->width);
    memset(header + used, ' ', (size_t)(HEADER - 1 - used));
    header[HEADER - 1] = '\n';
    memcpy(data, header, HEADER);
    put_floats(data + HEADER, map->cells, cells);
    *bytes = (ropemap_bytes){.data = data, .size = (size_t)size};
    return ROPEMAP_OK;
}

static bool ends_with(const char *path, const char *ending) {
    const size_t length = strlen(path), tail = strlen(ending);
    if (length < tail) {
        return false;
    }
    for (size_t at = 0; at < tail; at++) {
        const char letter = path[length - tail + at];
        const bool upper = letter >= 'A' && letter <= 'Z';
        if ((upper ? (char)(letter - 'A' + 'a') : letter) != ending[at]) {
            return false;
        }
    }
    return true;
}

ropemap_status ropemap_map_save(const ropemap_map *map, const ropemap_figure *figure, const char *path,
                                bool force, ropemap_error *error) {
    ropemap_bytes bytes = {.data = NULL};
    const bool npy = ends_with(path, ".npy"), svg = ends_with(path, ".svg"), pdf = ends_with(path, ".pdf");
    if (!npy && !svg && !pdf && !ends_with(path, ".png")) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: expected a name that ends in .png, .svg, .pdf or .npy",
                       path);
    }
    if (!npy && figure == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: a picture needs a figure, which is NULL", path);
    }
    RM_TRY(npy   ? ropemap_map_npy(map, &bytes, error)
           : svg ? ropemap_figure_svg(figure, map, 0.0, &bytes, error)
           : pdf ? ropemap_figure_pdf(figure, map, 0.0, &bytes, error)
                 : ropemap_figure_png(figure, map, &bytes, error));
    const ropemap_status status = ropemap_output_write(path, &bytes, force, error);
    ropemap_bytes_free(&bytes);
    return status;
}
