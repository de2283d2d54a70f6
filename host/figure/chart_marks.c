/* chart_marks.c - lines across a chart at one number, and their names along them */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_marks.h"
#include "host/figure/chart_style.h"
#include "host/figure/chart_text.h"

#include <math.h>

/* Pixels at scale 1. */
#define THICKNESS 1.6
#define GAP       4.0 /* between line and label */
#define INSET     8.0 /* between label and frame */

#define STRIPE_OPACITY 0.18

/* In sizes of a label. */
#define TALL     1.15
#define BASELINE 0.88 /* from the top */
#define HALO     0.16

/* What a place costs, in sizes of a label; a pixel of a curve costs one pixel. */
#define COST_STEP    0.4 /* farther from the end of the line */
#define COST_SIDE    0.1
#define COST_CROSSED 3.0    /* another mark's line, across the label */
#define COST_STRUCK  1000.0 /* the same, all along it */

enum { PLACES = 24, SIDES = 2, ROOMS = 4 };

/* A rectangle that a label takes. */
typedef struct area {
    double x, y, width, height;
} area;

typedef struct labels {
    const ropemap_chart *chart;
    const rm_chart_layout *layout;
    const rm_chart_curve *curves;
    area taken[RM_CHART_MARKS_MAX];
    int32_t count;
} labels;

static double place_of(const rm_chart_layout *layout, const ropemap_mark *mark) {
    return rm_chart_place(mark->of_x ? &layout->x : &layout->y, mark->at);
}

static bool is_within(const rm_chart_layout *layout, const ropemap_mark *mark) {
    const double place = place_of(layout, mark);
    return place >= 0.0 && place <= 1.0;
}

/* Whole pixels. */
static double thickness_of(const rm_chart_layout *layout) {
    return fmax(round(THICKNESS * layout->scale), 1.0);
}

/* Across or down; the middle of whole pixels, so that the line is sharp. */
static double line_of(const rm_chart_layout *layout, const ropemap_mark *mark) {
    const double place = place_of(layout, mark), thickness = thickness_of(layout);
    const double start = (double)(mark->of_x ? layout->plot.x : layout->plot.y);
    const double length = (double)(mark->of_x ? layout->plot.width : layout->plot.height);
    const double edge = round((mark->of_x ? place : 1.0 - place) * length - thickness / 2.0);
    return start + fmin(fmax(edge, 0.0), length - thickness) + thickness / 2.0;
}

static bool is_stripe(const ropemap_mark *mark) {
    return mark->until > mark->at;
}

/* From one side of the plot to the other, as far as the plot reaches. */
static void draw_stripe(rm_drawing *drawing, const rm_chart_layout *layout, const ropemap_mark *mark) {
    const rm_box *plot = &layout->plot;
    const rm_chart_axis *axis = mark->of_x ? &layout->x : &layout->y;
    const double from = fmin(fmax(rm_chart_place(axis, mark->at), 0.0), 1.0);
    const double to = fmin(fmax(rm_chart_place(axis, mark->until), 0.0), 1.0);
    const double x = (double)plot->x, y = (double)plot->y;
    const double width = (double)plot->width, height = (double)plot->height;
    const double left = mark->of_x ? x + from * width : x, right = mark->of_x ? x + to * width : x + width;
    const double top = mark->of_x ? y : y + (1.0 - to) * height;
    const double bottom = mark->of_x ? y + height : y + (1.0 - from) * height;
    double points[] = {left, top, right, top, right, bottom, left, bottom};
    const rm_item item = {.kind = RM_ITEM_AREA,
                          .x = x,
                          .y = y,
                          .width = width,
                          .height = height,
                          .ink = RM_CHART_LINE_INK,
                          .opacity = STRIPE_OPACITY,
                          .points = points,
                          .point_count = 4};
    rm_drawing_path(drawing, &item);
}

void rm_chart_marks_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout) {
    const rm_box *plot = &layout->plot;
    for (int32_t index = 0; index < chart->mark_count; index++) {
        const ropemap_mark *mark = &chart->marks[index];
        if (is_stripe(mark)) {
            draw_stripe(drawing, layout, mark);
        }
        if (!is_within(layout, mark) || is_stripe(mark)) {
            continue;
        }
        rm_item item = {.kind = RM_ITEM_POLYLINE,
                        .x = (double)plot->x,
                        .y = (double)plot->y,
                        .width = (double)plot->width,
                        .height = (double)plot->height,
                        .thickness = thickness_of(layout),
                        .ink = RM_CHART_LINE_INK,
                        .dash = {7.0 * layout->scale, 5.0 * layout->scale},
                        .dashes = 2};
        const double at = line_of(layout, mark);
        double points[4] = {item.x, at, item.x + item.width, at};
        if (mark->of_x) {
            points[0] = points[2] = at;
            points[1] = item.y;
            points[3] = item.y + item.height;
        }
        item.points = points;
        item.point_count = 2;
        rm_drawing_path(drawing, &item);
    }
}

/* ---- what a place costs */

static bool overlap(area a, area b) {
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

static bool is_free(const labels *all, area place) {
    for (int32_t i = 0; i < all->count; i++) {
        if (overlap(place, all->taken[i])) {
            return false;
        }
    }
    return true;
}

/* Pixels across in which the way between two columns is within the place. */
static double crossed_by(const rm_chart_column *from, const rm_chart_column *to, area place) {
    const double left = fmax(from->x, place.x), right = fmin(to->x, place.x + place.width);
    if (left > right) {
        return 0.0;
    }
    const double slope = to->x > from->x ? (to->y - from->y) / (to->x - from->x) : 0.0;
    const double start = from->y + slope * (left - from->x), end = from->y + slope * (right - from->x);
    return fmax(start, end) >= place.y && fmin(start, end) <= place.y + place.height ? right - left : 0.0;
}

static double covered(const rm_chart_curve *curve, area place) {
    double pixels = 0.0;
    for (int64_t at = 0; at < curve->count; at++) {
        const rm_chart_column *column = &curve->columns[at];
        const bool beside = column->x < place.x || column->x > place.x + place.width;
        if (!beside && column->bottom >= place.y && column->top <= place.y + place.height) {
            pixels += 1.0;
        }
        if (at > 0 && column->joined) {
            pixels += crossed_by(column - 1, column, place);
        }
    }
    return pixels;
}

static double cost_of_lines(const labels *all, const ropemap_mark *own, area place) {
    const double size = all->layout->words_size;
    double cost = 0.0;
    for (int32_t index = 0; index < all->chart->mark_count; index++) {
        const ropemap_mark *mark = &all->chart->marks[index];
        const double at = line_of(all->layout, mark);
        const bool inside = mark->of_x ? at > place.x && at < place.x + place.width
                                       : at > place.y && at < place.y + place.height;
        if (mark != own && inside && is_within(all->layout, mark)) {
            cost += (mark->of_x == own->of_x ? COST_STRUCK : COST_CROSSED) * size;
        }
    }
    return cost;
}

static double cost_of(const labels *all, const ropemap_mark *own, area place) {
    double cost = cost_of_lines(all, own, place);
    const double margin = all->layout->thickness;
    const area around = {place.x - margin, place.y - margin, place.width + 2.0 * margin,
                         place.height + 2.0 * margin};
    for (int32_t index = 0; index < all->chart->series_count; index++) {
        cost += covered(&all->curves[index], around);
    }
    return cost;
}

/* ---- places */

/* Along a line across from its right end, along an upright one from the top; above or right of it first. */
static area place_at(const rm_chart_layout *layout, const ropemap_mark *mark, double width, int step,
                     int side) {
    const double inset = INSET * layout->scale, size = layout->words_size;
    const double beside = GAP * layout->scale + thickness_of(layout) / 2.0;
    const double along = width + 0.4 * size, across = TALL * size, at = line_of(layout, mark);
    const double start = (double)(mark->of_x ? layout->plot.y : layout->plot.x);
    const double length = (double)(mark->of_x ? layout->plot.height : layout->plot.width);
    const double part = (double)step / (PLACES - 1), way = length - 2.0 * inset - along;
    if (mark->of_x) {
        return (area){side == 0 ? at + beside : at - beside - across, start + inset + part * way, across,
                      along};
    }
    return (area){start + inset + (1.0 - part) * way, side == 0 ? at - beside - across : at + beside, along,
                  across};
}

static bool is_inside(const rm_box *plot, area place) {
    return place.x >= (double)plot->x && place.y >= (double)plot->y &&
           place.x + place.width <= (double)(plot->x + plot->width) &&
           place.y + place.height <= (double)(plot->y + plot->height);
}

/* The cheapest place for a label; false where there is none. */
static bool choose_place(const labels *all, const ropemap_mark *mark, double width, area *best) {
    const double size = all->layout->words_size;
    double least = INFINITY;
    for (int step = 0; step < PLACES; step++) {
        for (int side = 0; side < SIDES; side++) {
            const area place = place_at(all->layout, mark, width, step, side);
            if (!is_inside(&all->layout->plot, place) || !is_free(all, place)) {
                continue;
            }
            const double cost = cost_of(all, mark, place) + (COST_STEP * step + COST_SIDE * side) * size;
            if (cost < least) {
                least = cost;
                *best = place;
            }
        }
    }
    return isfinite(least);
}

static void write_label(rm_drawing *drawing, const rm_chart_layout *layout, const ropemap_mark *mark,
                        area place, const char *text) {
    const double size = layout->words_size;
    const rm_text_style style = {.size = size,
                                 .ink = RM_CHART_INK,
                                 .anchor = RM_ANCHOR_MIDDLE,
                                 .upwards = mark->of_x,
                                 .halo = HALO * size,
                                 .halo_ink = RM_CHART_WHITE};
    const double x = mark->of_x ? place.x + BASELINE * size : place.x + place.width / 2.0;
    const double y = mark->of_x ? place.y + place.height / 2.0 : place.y + BASELINE * size;
    rm_drawing_text(drawing, x, y, text, style);
}

void rm_chart_mark_labels_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout,
                               const rm_chart_curve *curves) {
    static const double rooms[ROOMS] = {0.95, 0.7, 0.35, 0.18}; /* of the line's length */
    labels all = {.chart = chart, .layout = layout, .curves = curves};
    for (int32_t index = 0; index < chart->mark_count; index++) {
        const ropemap_mark *mark = &chart->marks[index];
        const double length = (double)(mark->of_x ? layout->plot.height : layout->plot.width);
        for (int room = 0; room < ROOMS && is_within(layout, mark); room++) {
            char text[RM_TEXT_BYTES];
            area place;
            const double width =
                rm_chart_text_fit(text, mark->label, layout->words_size, rooms[room] * length);
            if (width > 0.0 && choose_place(&all, mark, width, &place)) {
                all.taken[all.count++] = place;
                write_label(drawing, layout, mark, place, text);
                break;
            }
        }
    }
}
