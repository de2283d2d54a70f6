/* sink_image.c - a drawing as pixels */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sink_image.h"
#include "host/base/alloc.h"
#include "host/figure/font.h"

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

static void set_ink(cairo_t *cairo, rm_rgb ink) {
    cairo_set_source_rgb(cairo, ink.r / 255.0, ink.g / 255.0, ink.b / 255.0);
}

static void draw_line(cairo_t *cairo, const rm_item *item) {
    cairo_set_line_width(cairo, item->thickness);
    cairo_move_to(cairo, item->x, item->y);
    cairo_rel_line_to(cairo, item->width, item->height);
    cairo_stroke(cairo);
}

static void draw_text(cairo_t *cairo, const rm_item *item) {
    static const double before[] = {[RM_ANCHOR_START] = 0.0, [RM_ANCHOR_MIDDLE] = 0.5, [RM_ANCHOR_END] = 1.0};
    cairo_save(cairo);
    cairo_translate(cairo, item->x, item->y);
    if (item->style.upwards) {
        cairo_rotate(cairo, -1.5707963267948966);
    }
    cairo_set_font_size(cairo, item->style.size);
    cairo_move_to(cairo, -before[item->style.anchor] * rm_font_width(item->text, item->style.size), 0.0);
    if (item->style.halo > 0.0) {
        cairo_text_path(cairo, item->text);
        cairo_set_line_width(cairo, 2.0 * item->style.halo);
        cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
        set_ink(cairo, item->style.halo_ink);
        cairo_stroke_preserve(cairo);
        set_ink(cairo, item->style.ink);
        cairo_fill(cairo);
    } else {
        cairo_show_text(cairo, item->text);
    }
    cairo_restore(cairo);
}

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

/* Straight into the surface's memory: each pixel is one cell's colour, whatever a filter would do. */
static void draw_raster(const canvas *target, const rm_item *item) {
    uint32_t colours[RM_LEVELS + 1];
    for (int level = 0; level <= RM_LEVELS; level++) {
        const uint8_t *rgb = item->palette->rgb[level];
        colours[level] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
    }
    cairo_surface_flush(target->surface);
    const int64_t height = (int64_t)item->height;
    uint32_t *corner = target->pixels + (int64_t)item->y * target->width + (int64_t)item->x;
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
    cairo_surface_mark_dirty(target->surface);
}

static void draw_item(const canvas *target, const rm_item *item) {
    switch (item->kind) {
    case RM_ITEM_RECTANGLE:
        set_ink(target->cairo, item->ink);
        cairo_rectangle(target->cairo, item->x, item->y, item->width, item->height);
        cairo_fill(target->cairo);
        break;
    case RM_ITEM_LINE:
        set_ink(target->cairo, item->ink);
        draw_line(target->cairo, item);
        break;
    case RM_ITEM_RASTER:
        draw_raster(target, item);
        break;
    case RM_ITEM_TEXT:
        set_ink(target->cairo, item->style.ink);
        draw_text(target->cairo, item);
        break;
    }
}

static void open_canvas(canvas *target) {
    target->surface = cairo_image_surface_create_for_data((unsigned char *)target->pixels, CAIRO_FORMAT_RGB24,
                                                          (int)target->width, (int)target->height,
                                                          (int)(target->width * 4));
    target->cairo = cairo_create(target->surface);
    cairo_set_source_rgb(target->cairo, 1.0, 1.0, 1.0);
    cairo_paint(target->cairo);
    cairo_set_font_face(target->cairo, rm_font_face());
    cairo_font_options_t *options = rm_font_options();
    cairo_set_font_options(target->cairo, options);
    cairo_font_options_destroy(options);
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
    for (int64_t item = 0; item < drawing->count; item++) {
        draw_item(&target, &drawing->items[item]);
    }
    cairo_surface_flush(target.surface);
    const cairo_status_t status = cairo_status(target.cairo);
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
