/* drawing.c - what a figure is made of, before it is pixels or a page; and the files that it becomes */
/* SPDX-License-Identifier: MIT */
#include "host/figure/drawing.h"
#include "host/base/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Whether the item is in. */
static bool add(rm_drawing *drawing, const rm_item *item) {
    if (drawing->count == drawing->capacity) {
        const int64_t capacity = drawing->capacity == 0 ? 64 : 2 * drawing->capacity;
        rm_item *items = rm_alloc_raw((uint64_t)capacity, sizeof *items);
        if (items == NULL) {
            drawing->incomplete = true;
            return false;
        }
        if (drawing->count > 0) {
            memcpy(items, drawing->items, (size_t)drawing->count * sizeof *items);
        }
        rm_free(drawing->items);
        drawing->items = items;
        drawing->capacity = capacity;
    }
    drawing->items[drawing->count++] = *item;
    return true;
}

void rm_drawing_rectangle(rm_drawing *drawing, double x, double y, double width, double height, rm_rgb ink) {
    (void)add(
        drawing,
        &(rm_item){.kind = RM_ITEM_RECTANGLE, .x = x, .y = y, .width = width, .height = height, .ink = ink});
}

void rm_drawing_line(rm_drawing *drawing, double x, double y, double width, double height, double thickness,
                     rm_rgb ink) {
    (void)add(drawing, &(rm_item){.kind = RM_ITEM_LINE,
                                  .x = x,
                                  .y = y,
                                  .width = width,
                                  .height = height,
                                  .thickness = thickness,
                                  .ink = ink});
}

void rm_drawing_raster(rm_drawing *drawing, const rm_item *raster) {
    rm_item item = *raster;
    item.kind = RM_ITEM_RASTER;
    (void)add(drawing, &item);
}

void rm_drawing_path(rm_drawing *drawing, const rm_item *path) {
    if (path->point_count < 1) {
        return;
    }
    const uint64_t coordinates = 2 * (uint64_t)path->point_count;
    rm_item item = *path;
    item.points = rm_alloc_raw(coordinates, sizeof *item.points);
    if (item.points == NULL) {
        drawing->incomplete = true;
        return;
    }
    memcpy(item.points, path->points, (size_t)coordinates * sizeof *item.points);
    if (!add(drawing, &item)) {
        rm_free(item.points);
    }
}

void rm_drawing_text(rm_drawing *drawing, double x, double y, const char *text, rm_text_style style) {
    if (*text != '\0') {
        rm_item item = {.kind = RM_ITEM_TEXT, .x = x, .y = y, .style = style};
        (void)snprintf(item.text, sizeof item.text, "%s", text);
        (void)add(drawing, &item);
    }
}

void rm_drawing_free(rm_drawing *drawing) {
    for (int64_t item = 0; item < drawing->count; item++) {
        rm_free(drawing->items[item].points);
    }
    rm_free(drawing->items);
    *drawing = (rm_drawing){.items = NULL};
}

enum { CHANNELS = 3 };

/*
 * Along a side of `cells` and `pixels` the unit of length is the product's: a cell is `pixels` long and a
 * pixel `cells`, so that what one covers of the other is a whole number.
 */
static uint64_t covered(int64_t cell, int64_t cells, int64_t pixel, int64_t pixels) {
    const int64_t first = cell * pixels > pixel * cells ? cell * pixels : pixel * cells;
    const int64_t cell_end = (cell + 1) * pixels, pixel_end = (pixel + 1) * cells;
    return (uint64_t)((cell_end < pixel_end ? cell_end : pixel_end) - first);
}

/* The last of `cells` that has a part in a pixel. */
static int64_t last_cell(int64_t pixel, int64_t pixels, int64_t cells) {
    return ((pixel + 1) * cells - 1) / pixels;
}

/* Adds a row of cells, `weight` of each, to the sums of a row of pixels: [width, 3]. */
static void add_row(const rm_item *raster, const uint8_t *levels, uint64_t weight, uint64_t *sums) {
    const int64_t width = (int64_t)raster->width, cols = raster->cols;
    for (int64_t x = 0; x < width; x++, sums += CHANNELS) {
        const int64_t last = last_cell(x, width, cols);
        for (int64_t col = x * cols / width; col <= last; col++) {
            const uint64_t part = weight * covered(col, cols, x, width);
            const uint8_t *rgb = raster->palette->rgb[levels[col]];
            for (int channel = 0; channel < CHANNELS; channel++) {
                sums[channel] += part * rgb[channel];
            }
        }
    }
}

static void put_row(const uint64_t *sums, int64_t width, uint64_t whole, uint32_t *pixels) {
    for (int64_t x = 0; x < width; x++) {
        uint32_t word = 0;
        for (int channel = 0; channel < CHANNELS; channel++) {
            word = word << 8 | (uint32_t)((sums[CHANNELS * x + channel] + whole / 2) / whole);
        }
        pixels[x] = word;
    }
}

bool rm_raster_is_larger(const rm_item *raster) {
    return raster->width < (double)raster->cols || raster->height < (double)raster->rows;
}

bool rm_raster_downscale(const rm_item *raster, uint32_t *pixels, int64_t stride) {
    const int64_t width = (int64_t)raster->width, height = (int64_t)raster->height, rows = raster->rows;
    const uint64_t whole = (uint64_t)rows * (uint64_t)raster->cols; /* a pixel's area */
    uint64_t *sums = rm_alloc_raw(CHANNELS * (uint64_t)width, sizeof *sums);
    if (sums == NULL) {
        return false;
    }
    for (int64_t y = 0; y < height; y++) {
        memset(sums, 0, CHANNELS * (size_t)width * sizeof *sums);
        const int64_t last = last_cell(y, height, rows);
        for (int64_t row = y * rows / height; row <= last; row++) {
            add_row(raster, raster->levels + row * raster->cols, covered(row, rows, y, height), sums);
        }
        put_row(sums, width, whole, pixels + y * stride);
    }
    rm_free(sums);
    return true;
}

enum { ENLARGED_MAX = 1 << 22, ENLARGED_SIDE_MAX = 16384 }; /* pixels, and those of a side */

/* Whole pixels a cell along one side. */
static int64_t times(double pixels, int64_t cells) {
    const int64_t whole = (int64_t)pixels / cells;
    return whole > 1 ? whole : 1;
}

bool rm_raster_upscale(const rm_item *raster, rm_upscaled *cells) {
    const int64_t down = times(raster->height, raster->rows), across = times(raster->width, raster->cols);
    const int64_t rows = raster->rows * down, cols = raster->cols * across;
    *cells = (rm_upscaled){.levels = raster->levels, .rows = raster->rows, .cols = raster->cols};
    if (down * across == 1 || rows > ENLARGED_MAX / cols || rows > ENLARGED_SIDE_MAX ||
        cols > ENLARGED_SIDE_MAX) {
        return true;
    }
    uint8_t *levels = rm_alloc_raw((uint64_t)(rows * cols), 1);
    if (levels == NULL) {
        return false;
    }
    for (int64_t row = 0; row < rows; row++) {
        uint8_t *to = levels + row * cols;
        if (row % down != 0) {
            memcpy(to, to - cols, (size_t)cols);
            continue;
        }
        for (int64_t col = 0; col < raster->cols; col++) {
            memset(to + col * across, raster->levels[row / down * raster->cols + col], (size_t)across);
        }
    }
    *cells = (rm_upscaled){.levels = levels, .rows = rows, .cols = cols, .owned = levels};
    return true;
}

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
