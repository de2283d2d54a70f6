/* sinks.c - the files that a drawing becomes, in memory */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sinks.h"
#include "host/base/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- a file in memory that grows while it is written ---- */

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

/* ---- pages ---- */

/* A page may be wide from about nothing to what PDF readers show, 200 inches; in millimetres. */
#define PAGE_WIDTH_MIN 1.0

#define PAGE_WIDTH_MAX 5080.0

#define DPI_MIN 10.0

#define DPI_MAX 4800.0

ropemap_status rm_format_check(ropemap_format format, const ropemap_page *page, ropemap_error *error) {
    const double width = page != NULL ? page->millimetres : 0.0, dpi = page != NULL ? page->dpi : 0.0;
    if (format != ROPEMAP_PNG && format != ROPEMAP_SVG && format != ROPEMAP_PDF) {
        return rm_fail(error, ROPEMAP_USAGE, "format: number %d, expected one of ropemap_format",
                       (int)format);
    }
    if (width != 0.0 && !(width >= PAGE_WIDTH_MIN && width <= PAGE_WIDTH_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "page: width %g millimetres, expected %.0f to %.0f, or 0 for one from its pixels",
                       width, PAGE_WIDTH_MIN, PAGE_WIDTH_MAX);
    }
    if (dpi != 0.0 && !(dpi >= DPI_MIN && dpi <= DPI_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE, "dpi: %g pixels an inch, expected %.0f to %.0f, or 0", dpi,
                       DPI_MIN, DPI_MAX);
    }
    return ROPEMAP_OK;
}

rm_metadata rm_metadata_of(const char *title, size_t title_size, const char *description, size_t size) {
    rm_metadata metadata = {.title = ""};
    rm_text_clean(metadata.title, sizeof metadata.title, title != NULL ? title : "", title_size);
    rm_text_clean(metadata.description, sizeof metadata.description, description != NULL ? description : "",
                  size);
    return metadata;
}

static ropemap_status encode_png(const rm_drawing *drawing, ropemap_bytes *bytes, ropemap_error *error) {
    if (drawing->bare && !drawing->incomplete) {
        const rm_item *cells = &drawing->items[0];
        return rm_png_indexed(cells->levels, cells->cols, cells->rows, cells->palette, bytes, error);
    }
    ropemap_image image = {.rgb = NULL};
    RM_TRY(rm_png_check(drawing->width, drawing->height, 3, error));
    RM_TRY(rm_sink_image(drawing, &image, error));
    const ropemap_status status =
        drawing->flat ? rm_png_few(&image, bytes, error) : rm_png_rgb(&image, bytes, error);
    ropemap_image_free(&image);
    return status;
}

ropemap_status rm_encode(const rm_drawing *drawing, ropemap_format format, const ropemap_page *page,
                         const rm_metadata *metadata, ropemap_bytes *bytes, ropemap_error *error) {
    const double dpi = page != NULL ? page->dpi : 0.0;
    if (format == ROPEMAP_PNG) {
        RM_TRY(encode_png(drawing, bytes, error));
        return rm_png_describe(bytes, dpi, metadata, error);
    }
    const double given = page != NULL ? page->millimetres : 0.0;
    const double inches = dpi > 0.0 ? (double)drawing->width / dpi : 0.0;
    const double millimetres = given > 0.0 ? given : 25.4 * inches;
    return format == ROPEMAP_SVG ? rm_sink_svg(drawing, millimetres, metadata, bytes, error)
                                 : rm_sink_pdf(drawing, millimetres, metadata, bytes, error);
}

void ropemap_bytes_free(ropemap_bytes *bytes) {
    if (bytes != NULL) {
        rm_free(bytes->data);
        *bytes = (ropemap_bytes){.data = NULL};
    }
}
