/* overlay.c - what is drawn over a map: contours, trained lengths, values of cells */
/* SPDX-License-Identifier: MIT */
#include "host/figure/overlay.h"
#include "host/figure/contour.h"
#include "host/figure/text.h"

#include <math.h>

#define READABLE 5.0 /* contrast, 1 to 21; WCAG 2.2 asks for 4.5 */

static const rm_rgb black = {0, 0, 0}, white = {255, 255, 255};

/* Luminance of a colour, 0 to 1, as contrast is reckoned with (WCAG 2.2, relative luminance). */
static double luminance(const uint8_t rgb[3]) {
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0.0;
    for (int channel = 0; channel < 3; channel++) {
        const double value = rgb[channel] / 255.0;
        sum += weight[channel] * (value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4));
    }
    return sum;
}

/* The size at which the widest number takes 80 % of a cell's width, and digits half of its height at most. */
static double number_size(const rm_layout *layout, const ropemap_map *map) {
    const double wide = (double)layout->map.width / (double)map->width;
    const double tall = (double)layout->map.height / (double)map->height;
    double widest = 0.0;
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        char text[RM_NUMBER_TEXT];
        rm_number_cell(text, (double)map->cells[cell]);
        widest = fmax(widest, rm_font_width(text, 1.0));
    }
    return fmin(fmin(0.8 * wide / widest, 0.5 * tall / RM_FONT_DIGIT), 1.4 * layout->tick_size);
}

/* Part of the way from a colour to black or white. */
static rm_rgb shade(const uint8_t rgb[3], bool to_black, double part) {
    const double end = to_black ? 0.0 : 255.0;
    return (rm_rgb){(uint8_t)lround(rgb[0] + part * (end - rgb[0])),
                    (uint8_t)lround(rgb[1] + part * (end - rgb[1])),
                    (uint8_t)lround(rgb[2] + part * (end - rgb[2]))};
}

/*
 * White above half of the range, else black, whatever the colour map. Where that is hard to read on the
 * cell's colour, letters have an outline in a shade of that colour: the darker or lighter, the less the
 * contrast is.
 */
static rm_text_style number_style(double size, double place, const uint8_t rgb[3]) {
    const bool light = place > 0.5;
    const double ground = luminance(rgb) + 0.05, contrast = light ? 1.05 / ground : ground / 0.05;
    const double lack = fmin(fmax((READABLE - contrast) / (READABLE - 1.0), 0.0), 1.0);
    return (rm_text_style){.size = size,
                           .ink = light ? white : black,
                           .anchor = RM_ANCHOR_MIDDLE,
                           .halo = lack > 0.0 ? 0.09 * size : 0.0,
                           .halo_ink = shade(rgb, light, 0.25 + 0.5 * lack)};
}

bool rm_cell_text_wanted(const ropemap_figure *figure, const ropemap_map *map) {
    return figure->rows.count <= RM_CELL_TEXT_SIDE && figure->cols.count <= RM_CELL_TEXT_SIDE &&
           map->height == figure->rows.count && map->width == figure->cols.count;
}

void rm_cell_text_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_map *map,
                       const uint8_t *levels, const rm_colour *colour) {
    const double size = number_size(layout, map);
    const double wide = (double)layout->map.width / (double)map->width;
    const double tall = (double)layout->map.height / (double)map->height;
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const double value = (double)map->cells[cell];
        if (isnan(value)) {
            continue; /* its colour says so, and the swatch below the bar */
        }
        char text[RM_NUMBER_TEXT];
        rm_number_cell(text, value);
        const double x = (double)layout->map.x + ((double)(cell % map->width) + 0.5) * wide;
        const double y = (double)layout->map.y + ((double)(cell / map->width) + 0.5) * tall;
        rm_drawing_text(
            drawing, x, y + RM_FONT_DIGIT / 2.0 * size, text,
            number_style(size, rm_colour_place(colour, value), colour->palette.rgb[levels[cell]]));
    }
}

enum { POINTS_TOGETHER = 4096 }; /* of an item, where its lines are not longer */

static const rm_rgb dark = {0x10, 0x10, 0x10}, light = {0xff, 0xff, 0xff};

/* A line in a box, which is left out beyond. */
static rm_item line_in(rm_box box, double thickness, rm_rgb ink) {
    return (rm_item){.kind = RM_ITEM_POLYLINE,
                     .x = (double)box.x,
                     .y = (double)box.y,
                     .width = (double)box.width,
                     .height = (double)box.height,
                     .thickness = thickness,
                     .ink = ink};
}

/* ---- contours ---- */

static double contour_pen(const rm_layout *layout) {
    return 1.4 * layout->scale;
}

/* Points of whole lines from `first` on: about as many as an item takes. */
static int64_t count_together(const rm_contour *lines, int64_t first) {
    int64_t end = lines->count - first < POINTS_TOGETHER ? lines->count : first + POINTS_TOGETHER;
    while (end < lines->count && !isnan(lines->points[2 * end - 2])) {
        end++;
    }
    return end - first;
}

static void draw_contour(rm_drawing *drawing, const rm_contour *lines, rm_item pen) {
    for (int64_t first = 0; first < lines->count; first += pen.point_count) {
        pen.points = lines->points + 2 * first;
        pen.point_count = count_together(lines, first);
        rm_drawing_path(drawing, &pen);
    }
}

/* On whole pixels, as the ticks are. */
static void draw_on_bar(rm_drawing *drawing, const rm_layout *layout, const rm_colour *colour, double value) {
    if (value < colour->low || value > colour->high) {
        return;
    }
    const double pen = (double)layout->line, height = (double)layout->bar.height;
    const double place = (1.0 - rm_colour_place(colour, value)) * height;
    const double start = fmin(fmax(round(place - pen / 2.0), 0.0), height - pen);
    const double x = (double)layout->bar.x, y = (double)layout->bar.y + start + pen / 2.0;
    double points[] = {x, y, x + (double)layout->bar.width, y};
    rm_item line = line_in(layout->bar, 3.0 * pen, light);
    line.points = points;
    line.point_count = 2;
    rm_drawing_path(drawing, &line);
    line.thickness = pen;
    line.ink = dark;
    rm_drawing_path(drawing, &line);
}

static ropemap_status draw_contours(rm_drawing *drawing, const rm_layout *layout,
                                    const ropemap_figure *figure, const ropemap_map *map,
                                    const rm_colour *colour, ropemap_error *error) {
    const rm_contour_place place = {.x = (double)layout->map.x,
                                    .y = (double)layout->map.y,
                                    .across = (double)layout->map.width / (double)map->width,
                                    .down = (double)layout->map.height / (double)map->height};
    const double pen = contour_pen(layout);
    rm_contour lines = {.points = NULL};
    ropemap_status status = ROPEMAP_OK;
    for (int32_t at = 0; at < figure->contour_count && status == ROPEMAP_OK; at++) {
        status = rm_contour_add(&lines, map, figure->contours[at], &place, error);
        draw_on_bar(drawing, layout, colour, figure->contours[at]);
    }
    if (status == ROPEMAP_OK) {
        draw_contour(drawing, &lines, line_in(layout->map, 2.2 * pen, light));
        draw_contour(drawing, &lines, line_in(layout->map, pen, dark));
    }
    rm_contour_free(&lines);
    return status;
}

/* ---- the trained length ---- */

/* Light with dark dashes. */
static void draw_dashes(rm_drawing *drawing, const rm_layout *layout, double points[4]) {
    const double pen = (double)layout->line;
    rm_item line = line_in(layout->map, 2.0 * pen, light);
    line.points = points;
    line.point_count = 2;
    rm_drawing_path(drawing, &line);
    line.thickness = 1.2 * pen;
    line.ink = dark;
    line.dash[0] = 7.0 * layout->scale;
    line.dash[1] = 5.0 * layout->scale;
    line.dashes = 2;
    rm_drawing_path(drawing, &line);
}

static void draw_mark(rm_drawing *drawing, const rm_layout *layout) {
    const rm_box map = layout->map;
    const rm_mark *mark = &layout->mark;
    const double left = (double)map.x, top = (double)map.y;
    draw_dashes(drawing, layout,
                (double[]){left + mark->across, top, left + mark->across, top + (double)map.height});
    draw_dashes(drawing, layout,
                (double[]){left, top + mark->down, left + (double)map.width, top + mark->down});
    const double tick = (double)layout->tick / 2.0;
    rm_drawing_line(drawing, left + mark->across, top - (double)layout->line - tick, 0.0, tick,
                    (double)layout->line, layout->theme->line);
    rm_drawing_text(drawing, mark->label_x, mark->label_y, mark->label,
                    (rm_text_style){.size = mark->size, .ink = layout->theme->ink});
}

ropemap_status rm_overlay_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_figure *figure,
                               const ropemap_map *map, const rm_colour *colour, ropemap_error *error) {
    RM_TRY(draw_contours(drawing, layout, figure, map, colour, error));
    if (layout->mark.label[0] != '\0') {
        draw_mark(drawing, layout);
    }
    return ROPEMAP_OK;
}
