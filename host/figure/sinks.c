/* sinks.c - the files that a drawing becomes, in memory and by name; cells as a .npy file */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sinks.h"
#include "host/base/alloc.h"
#include "host/figure/heatmap.h"

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

static ropemap_status encode_png(const rm_drawing *drawing, double dpi, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    if (drawing->bare && !drawing->incomplete) {
        const rm_item *cells = &drawing->items[0];
        RM_TRY(rm_png_indexed(cells->levels, cells->cols, cells->rows, cells->palette, bytes, error));
        return rm_png_density(bytes, dpi, error);
    }
    ropemap_image image = {.rgb = NULL};
    RM_TRY(rm_png_check(drawing->width, drawing->height, 3, error));
    RM_TRY(rm_sink_image(drawing, &image, error));
    const ropemap_status status = rm_png_rgb(&image, bytes, error);
    ropemap_image_free(&image);
    return status == ROPEMAP_OK ? rm_png_density(bytes, dpi, error) : status;
}

ropemap_status rm_encode(const rm_drawing *drawing, ropemap_format format, const ropemap_page *page,
                         const char *title, ropemap_bytes *bytes, ropemap_error *error) {
    const double dpi = page != NULL ? page->dpi : 0.0;
    if (format == ROPEMAP_PNG) {
        return encode_png(drawing, dpi, bytes, error);
    }
    const double given = page != NULL ? page->millimetres : 0.0;
    const double inches = dpi > 0.0 ? (double)drawing->width / dpi : 0.0;
    const double millimetres = given > 0.0 ? given : 25.4 * inches;
    return format == ROPEMAP_SVG ? rm_sink_svg(drawing, millimetres, title, bytes, error)
                                 : rm_sink_pdf(drawing, millimetres, title, bytes, error);
}

void ropemap_bytes_free(ropemap_bytes *bytes) {
    if (bytes != NULL) {
        rm_free(bytes->data);
        *bytes = (ropemap_bytes){.data = NULL};
    }
}

/* ---- by name ---- */

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
    RM_TRY(rm_map_check(map, error));
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

ropemap_status ropemap_figure_save(const ropemap_figure *figure, const char *path, bool force,
                                   ropemap_error *error) {
    static const char *const endings[] = {
        [ROPEMAP_PNG] = ".png", [ROPEMAP_SVG] = ".svg", [ROPEMAP_PDF] = ".pdf", ".npy"};
    enum { COUNT = (int)(sizeof endings / sizeof *endings), NPY = COUNT - 1 };
    ropemap_bytes bytes = {.data = NULL};
    int kind = 0;
    while (kind < COUNT && !ends_with(path, endings[kind])) {
        kind++;
    }
    if (kind == COUNT) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: expected a name that ends in .png, .svg, .pdf or .npy",
                       path);
    }
    if (kind != NPY) {
        RM_TRY(ropemap_figure_encode(figure, (ropemap_format)kind, NULL, &bytes, error));
    } else if (figure->panels == NULL && figure->panel.map != NULL) {
        RM_TRY(ropemap_map_npy(figure->panel.map, &bytes, error));
    } else {
        return rm_fail(error, ROPEMAP_USAGE, "%s: a .npy file holds one map, the figure's panel", path);
    }
    const ropemap_status status = ropemap_output_write(path, &bytes, force, error);
    ropemap_bytes_free(&bytes);
    return status;
}
