/* sink_cairo.c - a drawing through cairo: pixels, and a PDF file of one page */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/drawing.h"
#include "host/figure/lettering.h"

#include <cairo-pdf.h>
#include <cairo.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void set_font_options(cairo_t *cairo) {
    cairo_font_options_t *options = rm_font_options();
    cairo_set_font_options(cairo, options);
    cairo_font_options_destroy(options);
}

/* Puts a text from (start, 0) on, each part of it in its font. */
static void put_text(cairo_t *cairo, double start, const char *text,
                     void (*put)(cairo_t *cairo, const char *text)) {
    cairo_move_to(cairo, start, 0.0);
    for (rm_run run; (run = rm_font_run(text)).bytes > 0; text += run.bytes) {
        char part[RM_TEXT_BYTES];
        (void)snprintf(part, sizeof part, "%.*s", (int)run.bytes, text);
        cairo_set_font_face(cairo, run.face);
        put(cairo, part);
    }
}

/* The words of memory that cairo's RGB24 has for the palette's entries: 0x00RRGGBB. */
static void rm_cairo_words(const rm_palette *palette, uint32_t words[RM_LEVELS + 1]) {
    for (int level = 0; level <= RM_LEVELS; level++) {
        const uint8_t *rgb = palette->rgb[level];
        words[level] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
    }
}

static void set_ink(cairo_t *cairo, rm_rgb ink) {
    cairo_set_source_rgb(cairo, ink.r / 255.0, ink.g / 255.0, ink.b / 255.0);
}

static void draw_line(cairo_t *cairo, const rm_item *item) {
    cairo_set_line_width(cairo, item->thickness);
    cairo_move_to(cairo, item->x, item->y);
    cairo_rel_line_to(cairo, item->width, item->height);
    cairo_stroke(cairo);
}

static void trace(cairo_t *cairo, const rm_item *item) {
    bool down = false;
    for (int64_t point = 0; point < item->point_count; point++) {
        const double x = item->points[2 * point], y = item->points[2 * point + 1];
        if (isnan(x)) {
            down = false;
        } else if (down) {
            cairo_line_to(cairo, x, y);
        } else {
            cairo_move_to(cairo, x, y);
            down = true;
        }
    }
}

static void outline_dot(cairo_t *cairo, rm_dot dot, double x, double y, double width) {
    const double half = width / 2.0;
    cairo_new_path(cairo);
    if (dot == RM_DOT_DISC || dot == RM_DOT_RING) {
        cairo_arc(cairo, x, y, half, 0.0, 6.283185307179586);
    } else if (dot == RM_DOT_SQUARE || dot == RM_DOT_OPEN_SQUARE) {
        cairo_rectangle(cairo, x - half, y - half, width, width);
    } else {
        cairo_move_to(cairo, x - half, y);
        cairo_line_to(cairo, x, y - half);
        cairo_line_to(cairo, x + half, y);
        cairo_line_to(cairo, x, y + half);
    }
    cairo_close_path(cairo);
}

/* Open ones are white inside, so that lines behind them do not fill them. */
static void draw_dots(cairo_t *cairo, const rm_item *item) {
    const bool open = item->dot % 2 == 1;
    const double pen = open ? item->thickness / 5.0 : 0.0;
    cairo_set_line_width(cairo, pen);
    for (int64_t point = 0; point < item->point_count; point++) {
        outline_dot(cairo, item->dot, item->points[2 * point], item->points[2 * point + 1],
                    item->thickness - pen);
        if (open) {
            cairo_set_source_rgb(cairo, 1.0, 1.0, 1.0);
            cairo_fill_preserve(cairo);
            set_ink(cairo, item->ink);
            cairo_stroke(cairo);
        } else {
            cairo_fill(cairo);
        }
    }
}

static void draw_path(cairo_t *cairo, const rm_item *item) {
    cairo_save(cairo);
    cairo_rectangle(cairo, item->x, item->y, item->width, item->height);
    cairo_clip(cairo);
    set_ink(cairo, item->ink);
    if (item->kind == RM_ITEM_DOTS) {
        draw_dots(cairo, item);
    } else if (item->kind == RM_ITEM_AREA) {
        cairo_set_source_rgba(cairo, item->ink.r / 255.0, item->ink.g / 255.0, item->ink.b / 255.0,
                              item->opacity);
        trace(cairo, item);
        cairo_fill(cairo);
    } else {
        cairo_set_line_width(cairo, item->thickness);
        cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
        cairo_set_dash(cairo, item->dash, item->dashes, 0.0);
        trace(cairo, item);
        cairo_stroke(cairo);
    }
    cairo_restore(cairo);
}

static void draw_text(cairo_t *cairo, const rm_item *item, bool page) {
    static const double before[] = {[RM_ANCHOR_START] = 0.0, [RM_ANCHOR_MIDDLE] = 0.5, [RM_ANCHOR_END] = 1.0};
    cairo_save(cairo);
    cairo_translate(cairo, item->x, item->y);
    if (item->style.upwards) {
        cairo_rotate(cairo, -1.5707963267948966);
    }
    const double start = -before[item->style.anchor] * rm_font_width(item->text, item->style.size);
    cairo_set_font_size(cairo, item->style.size);
    if (item->style.halo > 0.0) {
        put_text(cairo, start, item->text, cairo_text_path);
        cairo_set_line_width(cairo, 2.0 * item->style.halo);
        cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
        set_ink(cairo, item->style.halo_ink);
        cairo_stroke_preserve(cairo);
    }
    set_ink(cairo, item->style.ink);
    if (item->style.halo > 0.0 && !page) {
        cairo_fill(cairo);
    } else {
        cairo_new_path(cairo);
        put_text(cairo, start, item->text, cairo_show_text);
    }
    cairo_restore(cairo);
}

/*
 * Draws an item of any kind but a raster. `page`: letters with a halo stay letters that a reader can select;
 * else they are filled outlines, which lie on their halo to a part of a pixel.
 */
static void rm_cairo_item(cairo_t *cairo, const rm_item *item, bool page) {
    switch (item->kind) {
    case RM_ITEM_RECTANGLE:
        set_ink(cairo, item->ink);
        cairo_rectangle(cairo, item->x, item->y, item->width, item->height);
        cairo_fill(cairo);
        break;
    case RM_ITEM_LINE:
        set_ink(cairo, item->ink);
        draw_line(cairo, item);
        break;
    case RM_ITEM_TEXT:
        draw_text(cairo, item, page);
        break;
    case RM_ITEM_POLYLINE:
    case RM_ITEM_AREA:
    case RM_ITEM_DOTS:
        draw_path(cairo, item);
        break;
    case RM_ITEM_RASTER:
        break;
    }
}

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
    if (rm_raster_is_larger(item)) {
        drawn = rm_raster_downscale(item, corner, target->width);
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
    set_font_options(target->cairo);
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

/* PDF 1.7 (ISO 32000-1), annex C: sides of a page, in points of 1/72 inch. */
#define SIDE_MIN 3.0

#define SIDE_MAX 14400.0

#define POINTS_PER_PIXEL (72.0 / 96.0)

#define POINTS_PER_MILLIMETRE (72.0 / 25.4)

static ropemap_status check(const rm_drawing *drawing, double points, ropemap_error *error) {
    if (drawing->incomplete) {
        return rm_fail(error, ROPEMAP_RESOURCES, "PDF: no memory for all of the drawing");
    }
    const double width = points * (double)drawing->width, height = points * (double)drawing->height;
    /* Not by a rounding of the largest width there is. */
    if (!(width >= SIDE_MIN && height >= SIDE_MIN && width < SIDE_MAX + 0.01 && height < SIDE_MAX + 0.01)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "PDF: a page of %.0f x %.0f points for %" PRId64 " x %" PRId64
                       " pixels, expected %.0f to %.0f (200 inches) a side; give its width in millimetres",
                       width, height, drawing->width, drawing->height, SIDE_MIN, SIDE_MAX);
    }
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind == RM_ITEM_RASTER &&
            (item->cols > RM_IMAGE_SIDE_MAX || item->rows > RM_IMAGE_SIDE_MAX)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "PDF: an image of %" PRId64 " x %" PRId64 " cells, expected at most %d a side",
                           item->cols, item->rows, (int)RM_IMAGE_SIDE_MAX);
        }
    }
    return ROPEMAP_OK;
}

/* An image of the cells; NULL where memory is short. Cairo keeps it until the file is finished, and the
 * pixels go with it. */
static cairo_surface_t *make_image(const rm_upscaled *cells, const rm_palette *palette) {
    static const cairo_user_data_key_t key;
    const int64_t count = cells->rows * cells->cols;
    uint32_t words[RM_LEVELS + 1], *pixels = rm_alloc_raw((uint64_t)count, sizeof *pixels);
    if (pixels == NULL) {
        return NULL;
    }
    rm_cairo_words(palette, words);
    for (int64_t cell = 0; cell < count; cell++) {
        pixels[cell] = words[cells->levels[cell]];
    }
    cairo_surface_t *image =
        cairo_image_surface_create_for_data((unsigned char *)pixels, CAIRO_FORMAT_RGB24, (int)cells->cols,
                                            (int)cells->rows, (int)(cells->cols * (int64_t)sizeof *pixels));
    if (cairo_surface_set_user_data(image, &key, pixels, rm_free) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(image);
        rm_free(pixels);
        return NULL;
    }
    return image;
}

/* False where memory is short. */
static bool draw_raster_on_page(cairo_t *cairo, const rm_item *item) {
    rm_upscaled cells;
    if (!rm_raster_upscale(item, &cells)) {
        return false;
    }
    cairo_surface_t *image = make_image(&cells, item->palette);
    rm_free(cells.owned);
    if (image == NULL) {
        return false;
    }
    cairo_save(cairo);
    cairo_translate(cairo, item->x, item->y);
    cairo_scale(cairo, item->width / (double)cells.cols, item->height / (double)cells.rows);
    cairo_set_source_surface(cairo, image, 0.0, 0.0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
    cairo_paint(cairo);
    cairo_restore(cairo);
    cairo_surface_destroy(image);
    return true;
}

/* A writer that has failed drops what follows. Cairo is not told: version 1.18 leaks its images if a stream
 * fails. */
static cairo_status_t take(void *writer, const unsigned char *bytes, unsigned int size) {
    rm_writer_add(writer, bytes, size);
    return CAIRO_STATUS_SUCCESS;
}

/* The same day on every run, so that the bytes are the same. */
static void describe(cairo_surface_t *surface, const rm_metadata *metadata) {
    char creator[64];
    (void)snprintf(creator, sizeof creator, "ropemap %s", ropemap_version());
    cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_4);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, creator);
    if (metadata->title[0] != '\0') {
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, metadata->title);
    }
    if (metadata->description[0] != '\0') {
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, metadata->description);
    }
}

/* Whether memory was there for all images. */
static bool draw(cairo_t *cairo, const rm_drawing *drawing) {
    if (!drawing->bare) {
        cairo_set_source_rgb(cairo, 1.0, 1.0, 1.0);
        cairo_paint(cairo);
    }
    set_font_options(cairo);
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind != RM_ITEM_RASTER) {
            rm_cairo_item(cairo, item, true);
        } else if (!draw_raster_on_page(cairo, item)) {
            return false;
        }
    }
    return true;
}

ropemap_status rm_sink_pdf(const rm_drawing *drawing, double millimetres, const rm_metadata *metadata,
                           ropemap_bytes *bytes, ropemap_error *error) {
    const double points =
        millimetres > 0.0 ? millimetres * POINTS_PER_MILLIMETRE / (double)drawing->width : POINTS_PER_PIXEL;
    RM_TRY(check(drawing, points, error));
    rm_writer writer = {.data = NULL};
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(
        take, &writer, points * (double)drawing->width, points * (double)drawing->height);
    describe(surface, metadata);
    cairo_t *cairo = cairo_create(surface);
    cairo_scale(cairo, points, points);
    const bool images = draw(cairo, drawing);
    cairo_status_t status = cairo_status(cairo);
    cairo_destroy(cairo);
    cairo_surface_finish(surface);
    status = status == CAIRO_STATUS_SUCCESS ? cairo_surface_status(surface) : status;
    cairo_surface_destroy(surface);
    const bool short_of_memory = !images || status == CAIRO_STATUS_NO_MEMORY;
    if (short_of_memory || status != CAIRO_STATUS_SUCCESS) {
        rm_free(writer.data);
        return short_of_memory
                   ? rm_fail(error, ROPEMAP_RESOURCES, "PDF: memory is short")
                   : rm_fail(error, ROPEMAP_INTERNAL, "PDF: cairo: %s", cairo_status_to_string(status));
    }
    return rm_writer_finish(&writer, "PDF", bytes, error);
}
