/* sink_image.c - a drawing as pixels */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sink_image.h"
#include "host/base/alloc.h"
#include "host/figure/cairo_items.h"
#include "host/figure/shrink.h"

#include <cairo.h>
#include <inttypes.h>
#include <string.h>

/* Cairo's RGB24: 0x00RRGGBB, a pixel a word, rows without gaps. */
typedef struct canvas {
    uint32_t *pixels; /* [height, width] */
    int64_t width, height;
    cairo_surface_t *surface;
    cairo_t *cairo;
} canvas;

/* One row of cells as pixels: cell c is [c * width / cols, (c + 1) * width / cols). */
static void expand_row(const rm_item *item, const uint32_t colours[RM_LEVELS + 1], const uint8_t *levels,
                       uint32_t *pixels) {
    const int64_t width = (int64_t)item->width;
    if (width == item->cols) {
        for (int64_t col = 0; col < width; col++) {
            pixels[col] = colours[levels[col]];
        }
        return;
    }
    int64_t x = 0;
    for (int64_t col = 0; col < item->cols; col++) {
        const uint32_t colour = colours[levels[col]];
        for (const int64_t end = (col + 1) * width / item->cols; x < end; x++) {
            pixels[x] = colour;
        }
    }
}

/* Each pixel is one cell's colour, whatever a filter would do. */
static void enlarge_raster(const canvas *target, const rm_item *item, uint32_t *corner) {
    uint32_t colours[RM_LEVELS + 1];
    rm_cairo_words(item->palette, colours);
    const int64_t height = (int64_t)item->height;
    for (int64_t row = 0; row < item->rows; row++) {
        const int64_t first = row * height / item->rows, end = (row + 1) * height / item->rows;
        uint32_t *top = corner + first * target->width;
        if (first < end) {
            expand_row(item, colours, item->levels + row * item->cols, top);
        }
        for (int64_t y = first + 1; y < end; y++) {
            memcpy(corner + y * target->width, top, (size_t)item->width * sizeof *top);
        }
    }
}

/* Straight into the surface's memory. False where memory is short. */
static bool draw_raster(const canvas *target, const rm_item *item) {
    uint32_t *corner = target->pixels + (int64_t)item->y * target->width + (int64_t)item->x;
    bool drawn = true;
    cairo_surface_flush(target->surface);
    if (rm_raster_shrinks(item)) {
        drawn = rm_raster_shrink(item, corner, target->width);
    } else {
        enlarge_raster(target, item, corner);
    }
    cairo_surface_mark_dirty(target->surface);
    return drawn;
}

static bool draw_item(const canvas *target, const rm_item *item) {
    if (item->kind == RM_ITEM_RASTER) {
        return draw_raster(target, item);
    }
    rm_cairo_item(target->cairo, item, false);
    return true;
}

static void open_canvas(canvas *target) {
    target->surface = cairo_image_surface_create_for_data((unsigned char *)target->pixels, CAIRO_FORMAT_RGB24,
                                                          (int)target->width, (int)target->height,
                                                          (int)(target->width * 4));
    target->cairo = cairo_create(target->surface);
    cairo_set_source_rgb(target->cairo, 1.0, 1.0, 1.0);
    cairo_paint(target->cairo);
    rm_cairo_font(target->cairo);
}

/* Words to bytes in place: a pixel's bytes lie at or before its word. */
static void pack(const canvas *target) {
    const uint32_t *words = target->pixels;
    uint8_t *rgb = (uint8_t *)target->pixels;
    const int64_t pixels = target->width * target->height;
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
        const uint32_t word = words[pixel];
        rgb[3 * pixel] = (uint8_t)(word >> 16);
        rgb[3 * pixel + 1] = (uint8_t)(word >> 8);
        rgb[3 * pixel + 2] = (uint8_t)word;
    }
}

ropemap_status rm_sink_image(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error) {
    if (drawing->width > RM_IMAGE_SIDE_MAX || drawing->height > RM_IMAGE_SIDE_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "figure: %" PRId64 " x %" PRId64
                       " pixels with its frame, expected at most %d a side; a bare "
                       "one or a smaller scale or map takes less",
                       drawing->width, drawing->height, (int)RM_IMAGE_SIDE_MAX);
    }
    canvas target = {.width = drawing->width, .height = drawing->height};
    const uint64_t pixels = (uint64_t)target.width * (uint64_t)target.height;
    target.pixels = drawing->incomplete ? NULL : rm_alloc_raw(pixels, sizeof *target.pixels);
    if (target.pixels == NULL) {
        return rm_fail_memory(error, "figure", pixels * sizeof *target.pixels);
    }
    open_canvas(&target);
    bool drawn = true;
    for (int64_t item = 0; item < drawing->count && drawn; item++) {
        drawn = draw_item(&target, &drawing->items[item]);
    }
    cairo_surface_flush(target.surface);
    const cairo_status_t status = drawn ? cairo_status(target.cairo) : CAIRO_STATUS_NO_MEMORY;
    cairo_destroy(target.cairo);
    cairo_surface_destroy(target.surface);
    if (status != CAIRO_STATUS_SUCCESS) {
        rm_free(target.pixels);
        return rm_fail(error, status == CAIRO_STATUS_NO_MEMORY ? ROPEMAP_RESOURCES : ROPEMAP_INTERNAL,
                       "figure: cairo: %s", cairo_status_to_string(status));
    }
    pack(&target);
    *image = (ropemap_image){.width = target.width, .height = target.height, .rgb = (uint8_t *)target.pixels};
    return ROPEMAP_OK;
}
