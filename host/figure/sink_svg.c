/* sink_svg.c - a drawing as an SVG file */
/* SPDX-License-Identifier: MIT */
/* Scalable Vector Graphics 1.1, second edition, and of SVG 2 what readers of 1.1 pass over. */
#include "host/base/alloc.h"
#include "host/figure/drawing.h"
#include "host/figure/lettering.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put(rm_writer *svg, const char *text) {
    rm_writer_text(svg, text);
}

/* ` name="12.5"` */
static void put_number(rm_writer *svg, const char *name, double value) {
    put(svg, " ");
    put(svg, name);
    put(svg, "=\"");
    rm_writer_number(svg, value);
    put(svg, "\"");
}

static void put_ink(rm_writer *svg, const char *name, rm_rgb ink) {
    char text[48];
    (void)snprintf(text, sizeof text, " %s=\"#%02x%02x%02x\"", name, ink.r, ink.g, ink.b);
    put(svg, text);
}

static void put_box(rm_writer *svg, double x, double y, double width, double height) {
    put_number(svg, "x", x);
    put_number(svg, "y", y);
    put_number(svg, "width", width);
    put_number(svg, "height", height);
}

/* Clean text (text.h) has no characters that XML forbids. */
static void put_escaped(rm_writer *svg, const char *text) {
    while (*text != '\0') {
        const size_t plain = strcspn(text, "<>&");
        rm_writer_add(svg, text, plain);
        text += plain;
        if (*text != '\0') {
            put(svg, *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : "&amp;");
            text++;
        }
    }
}

static void put_rectangle(rm_writer *svg, const rm_item *item) {
    put(svg, "<rect");
    put_box(svg, item->x, item->y, item->width, item->height);
    put_ink(svg, "fill", item->ink);
    put(svg, "/>\n");
}

static void put_line(rm_writer *svg, const rm_item *item) {
    put(svg, "<line");
    put_number(svg, "x1", item->x);
    put_number(svg, "y1", item->y);
    put_number(svg, "x2", item->x + item->width);
    put_number(svg, "y2", item->y + item->height);
    put_ink(svg, "stroke", item->ink);
    put_number(svg, "stroke-width", item->thickness);
    put(svg, "/>\n");
}

/* The width is written down for readers that have another font; one letter has nothing to be spaced. */
static void put_text(rm_writer *svg, const rm_item *item) {
    static const char *const anchors[] = {
        [RM_ANCHOR_START] = NULL, [RM_ANCHOR_MIDDLE] = "middle", [RM_ANCHOR_END] = "end"};
    const rm_text_style *style = &item->style;
    put(svg, "<text");
    put_number(svg, "x", item->x);
    put_number(svg, "y", item->y);
    put_number(svg, "font-size", style->size);
    put_ink(svg, "fill", style->ink);
    if (anchors[style->anchor] != NULL) {
        put(svg, " text-anchor=\"");
        put(svg, anchors[style->anchor]);
        put(svg, "\"");
    }
    if (style->upwards) {
        put(svg, " transform=\"rotate(-90 ");
        rm_writer_number(svg, item->x);
        put(svg, " ");
        rm_writer_number(svg, item->y);
        put(svg, ")\"");
    }
    if (style->halo > 0.0) {
        put_ink(svg, "stroke", style->halo_ink);
        put_number(svg, "stroke-width", 2.0 * style->halo);
        put(svg, " stroke-linejoin=\"round\" paint-order=\"stroke\"");
    }
    if (item->text[1] != '\0') {
        put_number(svg, "textLength", rm_font_width(item->text, style->size));
        put(svg, " lengthAdjust=\"spacingAndGlyphs\"");
    }
    put(svg, ">");
    put_escaped(svg, item->text);
    put(svg, "</text>\n");
}

/* Readers take the later one of two words that they know; those that know none blend, hence the enlarging. */
static ropemap_status put_raster(rm_writer *svg, const rm_item *item, ropemap_error *error) {
    ropemap_bytes png = {.data = NULL};
    rm_upscaled cells;
    if (!rm_raster_upscale(item, &cells)) {
        svg->failed = true;
        return ROPEMAP_OK;
    }
    const ropemap_status status =
        rm_png_indexed(cells.levels, cells.cols, cells.rows, item->palette, &png, error);
    rm_free(cells.owned);
    RM_TRY(status);
    put(svg, "<image");
    put_box(svg, item->x, item->y, item->width, item->height);
    put(svg, " preserveAspectRatio=\"none\" image-rendering=\"pixelated\""
             " style=\"image-rendering:crisp-edges;image-rendering:pixelated\""
             " xlink:href=\"data:image/png;base64,");
    rm_writer_base64(svg, &png);
    put(svg, "\"/>\n");
    rm_free(png.data);
    return ROPEMAP_OK;
}

/* ---- what is seen within a box alone ---- */

/* Named after its place: where several files end up in one page, equal names mean equal boxes. */
static void put_clip_name(rm_writer *svg, const rm_item *item) {
    const double box[] = {item->x, item->y, item->width, item->height};
    put(svg, "clip");
    for (int side = 0; side < 4; side++) {
        put(svg, "_");
        rm_writer_number(svg, box[side]);
    }
}

static bool has_box(const rm_item *item) {
    return item->kind == RM_ITEM_POLYLINE || item->kind == RM_ITEM_AREA || item->kind == RM_ITEM_DOTS;
}

static bool same_box(const rm_item *a, const rm_item *b) {
    return has_box(a) && has_box(b) && a->x == b->x && a->y == b->y && a->width == b->width &&
           a->height == b->height;
}

static void put_clip(rm_writer *svg, const rm_drawing *drawing, int64_t index) {
    const rm_item *item = &drawing->items[index];
    for (int64_t before = 0; before < index; before++) {
        if (same_box(&drawing->items[before], item)) {
            return;
        }
    }
    put(svg, "<clipPath id=\"");
    put_clip_name(svg, item);
    put(svg, "\"><rect");
    put_box(svg, item->x, item->y, item->width, item->height);
    put(svg, "/></clipPath>\n");
}

/* M begins a line, and more points are on it until a gap. */
static void put_points(rm_writer *svg, const rm_item *item) {
    bool down = false;
    for (int64_t point = 0; point < item->point_count; point++) {
        const double x = item->points[2 * point], y = item->points[2 * point + 1];
        if (!isnan(x)) {
            put(svg, down ? " " : "M");
            rm_writer_number(svg, x);
            put(svg, " ");
            rm_writer_number(svg, y);
        }
        down = !isnan(x);
    }
}

static void put_stroke(rm_writer *svg, const rm_item *item) {
    put(svg, " fill=\"none\" stroke-linejoin=\"round\"");
    put_ink(svg, "stroke", item->ink);
    put_number(svg, "stroke-width", item->thickness);
    if (item->dashes > 0) {
        put(svg, " stroke-dasharray=\"");
        for (int32_t dash = 0; dash < item->dashes; dash++) {
            put(svg, dash > 0 ? " " : "");
            rm_writer_number(svg, item->dash[dash]);
        }
        put(svg, "\"");
    }
}

static void put_dot(rm_writer *svg, rm_dot dot, double x, double y, double width) {
    const double half = width / 2.0;
    if (dot == RM_DOT_DISC || dot == RM_DOT_RING) {
        put(svg, "<circle");
        put_number(svg, "cx", x);
        put_number(svg, "cy", y);
        put_number(svg, "r", half);
        put(svg, "/>\n");
    } else if (dot == RM_DOT_SQUARE || dot == RM_DOT_OPEN_SQUARE) {
        put(svg, "<rect");
        put_box(svg, x - half, y - half, width, width);
        put(svg, "/>\n");
    } else {
        const double corners[] = {x - half, y, x, y - half, x + half, y, x, y + half};
        put(svg, "<path d=\"");
        for (int corner = 0; corner < 8; corner++) {
            put(svg, corner == 0 ? "M" : " ");
            rm_writer_number(svg, corners[corner]);
        }
        put(svg, "Z\"/>\n");
    }
}

/* As sink_cairo.c draws them: open ones are white inside, and their outline is within the width. */
static void put_dots(rm_writer *svg, const rm_item *item) {
    const bool open = item->dot % 2 == 1;
    const double pen = open ? item->thickness / 5.0 : 0.0;
    put_ink(svg, "fill", open ? (rm_rgb){0xff, 0xff, 0xff} : item->ink);
    if (open) {
        put_ink(svg, "stroke", item->ink);
        put_number(svg, "stroke-width", pen);
    }
    put(svg, ">\n");
    for (int64_t point = 0; point < item->point_count; point++) {
        put_dot(svg, item->dot, item->points[2 * point], item->points[2 * point + 1], item->thickness - pen);
    }
    put(svg, "</g>\n");
}

static void put_clipped(rm_writer *svg, const rm_drawing *drawing, int64_t index) {
    const rm_item *item = &drawing->items[index];
    put_clip(svg, drawing, index);
    put(svg, item->kind == RM_ITEM_DOTS ? "<g clip-path=\"url(#" : "<path clip-path=\"url(#");
    put_clip_name(svg, item);
    put(svg, ")\"");
    if (item->kind == RM_ITEM_DOTS) {
        put_dots(svg, item);
        return;
    }
    if (item->kind == RM_ITEM_AREA) {
        put_ink(svg, "fill", item->ink);
        put_number(svg, "fill-opacity", item->opacity);
    } else {
        put_stroke(svg, item);
    }
    put(svg, " d=\"");
    put_points(svg, item);
    put(svg, "\"/>\n");
}

/* ---- the file ---- */

static ropemap_status put_item(rm_writer *svg, const rm_drawing *drawing, int64_t index,
                               ropemap_error *error) {
    const rm_item *item = &drawing->items[index];
    switch (item->kind) {
    case RM_ITEM_RECTANGLE:
        put_rectangle(svg, item);
        break;
    case RM_ITEM_LINE:
        put_line(svg, item);
        break;
    case RM_ITEM_RASTER:
        return put_raster(svg, item, error);
    case RM_ITEM_TEXT:
        put_text(svg, item);
        break;
    case RM_ITEM_POLYLINE:
    case RM_ITEM_AREA:
    case RM_ITEM_DOTS:
        put_clipped(svg, drawing, index);
        break;
    }
    return ROPEMAP_OK;
}

static void put_side(rm_writer *svg, const char *name, double length, const char *unit) {
    put(svg, " ");
    put(svg, name);
    put(svg, "=\"");
    rm_writer_number(svg, length);
    put(svg, unit);
    put(svg, "\"");
}

static void put_metadata(rm_writer *svg, const char *element, const char *text) {
    if (text[0] != '\0') {
        put(svg, "<");
        put(svg, element);
        put(svg, ">");
        put_escaped(svg, text);
        put(svg, "</");
        put(svg, element);
        put(svg, ">\n");
    }
}

static void put_head(rm_writer *svg, const rm_drawing *drawing, double millimetres,
                     const rm_metadata *metadata) {
    const double width = (double)drawing->width, height = (double)drawing->height;
    const bool printed = millimetres > 0.0;
    const double unit = printed ? millimetres / width : 1.0;
    put(svg, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\""
             " xmlns:xlink=\"http://www.w3.org/1999/xlink\"");
    put_side(svg, "width", unit * width, printed ? "mm" : "");
    put_side(svg, "height", fmax(unit * height, 0.01), printed ? "mm" : ""); /* the least that is written */
    put(svg, " viewBox=\"0 0 ");
    rm_writer_number(svg, width);
    put(svg, " ");
    rm_writer_number(svg, height);
    put(svg, "\" font-family=\"");
    if (strcmp(rm_font_family(), "DejaVu Sans") != 0) {
        put(svg, "'");
        put_escaped(svg, rm_font_family());
        put(svg, "', ");
    }
    put(svg, "DejaVu Sans, Verdana, sans-serif\" xml:space=\"preserve\">\n");
    put_metadata(svg, "title", metadata->title);
    put_metadata(svg, "desc", metadata->description);
    if (!drawing->bare) {
        put_rectangle(svg, &(rm_item){.width = width, .height = height, .ink = {0xff, 0xff, 0xff}});
    }
}

ropemap_status rm_sink_svg(const rm_drawing *drawing, double millimetres, const rm_metadata *metadata,
                           ropemap_bytes *bytes, ropemap_error *error) {
    rm_writer svg = {.failed = drawing->incomplete};
    put_head(&svg, drawing, millimetres, metadata);
    ropemap_status status = ROPEMAP_OK;
    for (int64_t index = 0; index < drawing->count && status == ROPEMAP_OK; index++) {
        status = put_item(&svg, drawing, index, error);
    }
    put(&svg, "</svg>\n");
    if (status != ROPEMAP_OK) {
        rm_free(svg.data);
        return status;
    }
    return rm_writer_finish(&svg, "SVG", bytes, error);
}
