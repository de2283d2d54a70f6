/* cairo_items.c - a drawing's items as cairo draws them, on pixels and on pages */
/* SPDX-License-Identifier: MIT */
#include "host/figure/cairo_items.h"
#include "host/figure/font.h"

#include <cairo.h>
#include <math.h>

void rm_cairo_font(cairo_t *cairo) {
    cairo_set_font_face(cairo, rm_font_face());
    cairo_font_options_t *options = rm_font_options();
    cairo_set_font_options(cairo, options);
    cairo_font_options_destroy(options);
}

void rm_cairo_words(const rm_palette *palette, uint32_t words[RM_LEVELS + 1]) {
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
    cairo_move_to(cairo, start, 0.0);
    if (item->style.halo > 0.0) {
        cairo_text_path(cairo, item->text);
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
        cairo_move_to(cairo, start, 0.0);
        cairo_show_text(cairo, item->text);
    }
    cairo_restore(cairo);
}

void rm_cairo_item(cairo_t *cairo, const rm_item *item, bool page) {
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
