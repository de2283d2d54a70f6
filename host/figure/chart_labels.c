/* chart_labels.c - marks of a plot, and the labels within it, which avoid lines and each other */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/chart.h"

#include <math.h>
#include <stdio.h>

/* Pixels at scale 1. */
#define THICKNESS 1.6

#define GAP 4.0 /* between line and label */

#define INSET 8.0 /* between label and frame */

#define STRIPE_OPACITY 0.18

/* In sizes of a label. */
#define TALL 1.15

#define BASELINE 0.88 /* from the top */

#define HALO 0.16

/* What a place costs, in sizes of a label; a pixel of a curve costs one pixel. */
#define COST_STEP 0.4 /* farther from the end of the line */

#define COST_SIDE 0.1

#define COST_CROSSED 3.0 /* another mark's line, across the label */

#define COST_STRUCK 1000.0 /* the same, all along it */

enum { PLACES = 24, SIDES = 2, ROOMS = 4, RINGS = 6, AROUND = 12 };

static const double rooms[ROOMS] = {0.95, 0.7, 0.35, 0.18}; /* for a label, of its line's length */

/* A rectangle that a label takes. */
typedef struct area {
    double x, y, width, height;
} area;

typedef struct labels {
    rm_drawing *drawing;
    const ropemap_chart *chart;
    const ropemap_plot *plot;
    const rm_chart_layout *layout;
    const rm_chart_curve *curves;
    area *taken; /* with room for all that comes */
    int32_t count;
} labels;

static double place_of(const rm_chart_layout *layout, const ropemap_mark *mark) {
    return rm_axis_place(mark->of_x ? &layout->x : &layout->y, mark->at);
}

static bool is_within(const rm_chart_layout *layout, const ropemap_mark *mark) {
    const double place = place_of(layout, mark);
    return place >= 0.0 && place <= 1.0;
}

/* Whole pixels. */
static double thickness_of(const rm_chart_layout *layout) {
    return fmax(round(THICKNESS * layout->sizes.scale), 1.0);
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
    const rm_box *box = &layout->plot;
    const rm_axis_span *axis = mark->of_x ? &layout->x : &layout->y;
    const double from = fmin(fmax(rm_axis_place(axis, mark->at), 0.0), 1.0);
    const double to = fmin(fmax(rm_axis_place(axis, mark->until), 0.0), 1.0);
    const double x = (double)box->x, y = (double)box->y;
    const double width = (double)box->width, height = (double)box->height;
    const double left = mark->of_x ? x + from * width : x, right = mark->of_x ? x + to * width : x + width;
    const double top = mark->of_x ? y : y + (1.0 - to) * height;
    const double bottom = mark->of_x ? y + height : y + (1.0 - from) * height;
    double points[] = {left, top, right, top, right, bottom, left, bottom};
    const rm_item item = {.kind = RM_ITEM_AREA,
                          .x = x,
                          .y = y,
                          .width = width,
                          .height = height,
                          .ink = layout->theme->line,
                          .opacity = STRIPE_OPACITY,
                          .points = points,
                          .point_count = 4};
    rm_drawing_path(drawing, &item);
}

void rm_chart_marks_draw(rm_drawing *drawing, const ropemap_plot *plot, const rm_chart_layout *layout) {
    const rm_box *box = &layout->plot;
    for (int32_t index = 0; index < plot->mark_count; index++) {
        const ropemap_mark *mark = &plot->marks[index];
        if (is_stripe(mark)) {
            draw_stripe(drawing, layout, mark);
        }
        if (!is_within(layout, mark) || is_stripe(mark)) {
            continue;
        }
        rm_item item = {.kind = RM_ITEM_POLYLINE,
                        .x = (double)box->x,
                        .y = (double)box->y,
                        .width = (double)box->width,
                        .height = (double)box->height,
                        .thickness = thickness_of(layout),
                        .ink = layout->theme->line,
                        .dash = {7.0 * layout->sizes.scale, 5.0 * layout->sizes.scale},
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

/* Whether a place is within the plot and covers nothing that is taken. */
static bool is_free(const labels *all, area place) {
    const rm_box *box = &all->layout->plot;
    if (place.x < (double)box->x || place.y < (double)box->y ||
        place.x + place.width > (double)(box->x + box->width) ||
        place.y + place.height > (double)(box->y + box->height)) {
        return false;
    }
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
    double crossed = 0.0;
    for (int64_t at = 0; at < curve->count; at++) {
        const rm_chart_column *column = &curve->columns[at];
        const bool beside = column->x < place.x || column->x > place.x + place.width;
        if (!beside && column->bottom >= place.y && column->top <= place.y + place.height) {
            crossed += 1.0;
        }
        if (at > 0 && column->joined) {
            crossed += crossed_by(column - 1, column, place);
        }
    }
    return crossed;
}

static double cost_of_lines(const labels *all, const ropemap_mark *own, area place) {
    const double size = all->layout->words;
    double cost = 0.0;
    for (int32_t index = 0; index < all->plot->mark_count; index++) {
        const ropemap_mark *mark = &all->plot->marks[index];
        const double at = line_of(all->layout, mark);
        const bool inside = mark->of_x ? at > place.x && at < place.x + place.width
                                       : at > place.y && at < place.y + place.height;
        if (mark != own && inside && is_within(all->layout, mark)) {
            cost += (own == NULL || mark->of_x == own->of_x ? COST_STRUCK : COST_CROSSED) * size;
        }
    }
    return cost;
}

static double cost_of(const labels *all, const ropemap_mark *own, area place) {
    double cost = cost_of_lines(all, own, place);
    const double margin = all->layout->thickness;
    const area around = {place.x - margin, place.y - margin, place.width + 2.0 * margin,
                         place.height + 2.0 * margin};
    for (int32_t index = 0; index < all->plot->series_count; index++) {
        cost += covered(&all->curves[index], around);
    }
    return cost;
}

/* ---- the cheapest of several places */

typedef struct choice {
    area place;
    double cost; /* INFINITY: there is none */
} choice;

/* Tries a place that costs so much besides what it covers; `own`: the mark that it is for, or NULL. */
static void try_place(const labels *all, const ropemap_mark *own, area place, double cost, choice *best) {
    if (cost < best->cost && is_free(all, place)) {
        const double total = cost + cost_of(all, own, place);
        if (total < best->cost) {
            *best = (choice){.place = place, .cost = total};
        }
    }
}

/* Takes the place and writes there. */
static void write_label(labels *all, area place, const char *text, rm_rgb ink, bool upwards) {
    const double size = all->layout->words;
    const rm_text_style style = {.size = size,
                                 .ink = ink,
                                 .anchor = RM_ANCHOR_MIDDLE,
                                 .upwards = upwards,
                                 .halo = HALO * size,
                                 .halo_ink = all->layout->theme->paper};
    const double x = upwards ? place.x + BASELINE * size : place.x + place.width / 2.0;
    const double y = upwards ? place.y + place.height / 2.0 : place.y + BASELINE * size;
    all->taken[all->count++] = place;
    rm_drawing_text(all->drawing, x, y, text, style);
}

/* ---- marks */

/* Along a line across from its right end, along an upright one from the top; above or right of it first. */
static area place_along(const rm_chart_layout *layout, const ropemap_mark *mark, double width, int step,
                        int side) {
    const double inset = INSET * layout->sizes.scale, size = layout->words;
    const double beside = GAP * layout->sizes.scale + thickness_of(layout) / 2.0;
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

static void label_mark(labels *all, const ropemap_mark *mark) {
    const rm_chart_layout *layout = all->layout;
    const double length = (double)(mark->of_x ? layout->plot.height : layout->plot.width);
    for (int room = 0; room < ROOMS && is_within(layout, mark); room++) {
        char text[RM_TEXT_BYTES];
        choice best = {.cost = INFINITY};
        const double width = rm_text_fit(text, mark->label, layout->words, rooms[room] * length);
        for (int at = 0; at < PLACES * SIDES && width > 0.0; at++) {
            const int step = at / SIDES, side = at % SIDES;
            try_place(all, mark, place_along(layout, mark, width, step, side),
                      (COST_STEP * step + COST_SIDE * side) * layout->words, &best);
        }
        if (isfinite(best.cost)) {
            write_label(all, best.place, text, layout->theme->ink, mark->of_x);
            return;
        }
    }
}

/* ---- references */

/* The part of a straight line within the plot. */
typedef struct segment {
    double x0, y0, x1, y1;
} segment;

static segment clip(const rm_chart_curve *curve, const rm_box *plot) {
    const rm_chart_column *from = &curve->columns[0], *to = &curve->columns[curve->count - 1];
    const double top = (double)plot->y, bottom = top + (double)plot->height;
    segment seen = {from->x, from->y, to->x, to->y};
    const double slope = to->x > from->x ? (to->y - from->y) / (to->x - from->x) : 0.0;
    for (int end = 0; end < 2 && slope != 0.0; end++) {
        double *x = end == 0 ? &seen.x0 : &seen.x1, *y = end == 0 ? &seen.y0 : &seen.y1;
        const double within = fmin(fmax(*y, top), bottom);
        *x += (within - *y) / slope;
        *y = within;
    }
    return seen;
}

/* Next to a point of a line: over or under a level one, ending there; above or below a slope, beside it. */
static area place_beside(const rm_chart_layout *layout, const segment *line, double part, double width,
                         int side) {
    const double gap = GAP * layout->sizes.scale + layout->thickness, size = layout->words;
    const double wide = width + 0.4 * size, tall = TALL * size;
    const double x = line->x0 + part * (line->x1 - line->x0), y = line->y0 + part * (line->y1 - line->y0);
    if (fabs(line->y1 - line->y0) < 0.02 * (line->x1 - line->x0)) {
        return (area){x - wide, side == 0 ? y - gap - tall : y + gap, wide, tall};
    }
    const bool rises = line->y1 < line->y0, above = side == 1;
    const double left = above == rises ? x - wide - gap : x + gap;
    return (area){left, above ? y - tall : y, wide, tall};
}

/* A level has its label near its right end, a slope near its left one. */
static void label_reference(labels *all, int32_t index) {
    const rm_chart_layout *layout = all->layout;
    const segment line = clip(&all->curves[index], &layout->plot);
    const bool level = line.y0 == line.y1;
    const double length = (double)layout->plot.width;
    for (int room = 0; room < ROOMS; room++) {
        char text[RM_TEXT_BYTES];
        choice best = {.cost = INFINITY};
        const double width =
            rm_text_fit(text, all->plot->series[index].label, layout->words, rooms[room] * length);
        for (int at = 0; at < PLACES * SIDES && width > 0.0; at++) {
            const int step = at / SIDES, side = at % SIDES;
            const double along = (double)step / (PLACES - 1);
            try_place(all, NULL, place_beside(layout, &line, level ? 1.0 - along : along, width, side),
                      (COST_STEP * step + COST_SIDE * side) * layout->words, &best);
        }
        if (isfinite(best.cost)) {
            write_label(all, best.place, text, layout->theme->soft_ink, false);
            return;
        }
    }
}

/* ---- numbers of points */

typedef struct point {
    double x, y;
} point;

/* Where a point is; false where that is not within the plot. */
static bool find_point(const labels *all, const ropemap_series *series, int64_t at, point *found) {
    if (!rm_chart_shows(all->chart, series, at)) {
        return false;
    }
    const rm_box *box = &all->layout->plot;
    *found = (point){rm_chart_across(all->layout, series->x[at]), rm_chart_down(all->layout, series->y[at])};
    return found->x >= (double)box->x && found->x <= (double)(box->x + box->width) &&
           found->y >= (double)box->y && found->y <= (double)(box->y + box->height);
}

static void take_point(labels *all, point at) {
    const double side = all->layout->dot;
    all->taken[all->count++] = (area){at.x - side / 2.0, at.y - side / 2.0, side, side};
}

/* Around the point, farther and farther, from the second ring on with a line to it; where nothing is free the
 * legend has to do. */
static void number_point(labels *all, point at, int32_t number, rm_rgb ink) {
    const rm_chart_layout *layout = all->layout;
    const double size = layout->words, dot = layout->dot;
    char text[16];
    (void)snprintf(text, sizeof text, "%d", (int)number);
    const double width = rm_font_width(text, size) + 0.1 * size, height = 0.95 * size;
    choice best = {.cost = INFINITY};
    int ring = 0;
    for (; ring < RINGS && !isfinite(best.cost); ring++) {
        const double reach = dot + 0.15 * size + 0.8 * size * ring;
        for (int place = 0; place < AROUND; place++) {
            const double angle = 2.0 * acos(-1.0) * (double)place / AROUND;
            const double x = at.x + cos(angle) * (reach + width / 2.0 - dot / 4.0);
            const double y = at.y - sin(angle) * (reach + height / 2.0 - dot / 2.0);
            try_place(all, NULL, (area){x - width / 2.0, y - height / 2.0, width, height}, 0.0, &best);
        }
    }
    if (isfinite(best.cost)) {
        const double x = best.place.x + width / 2.0, y = best.place.y + height / 2.0;
        if (ring > 1) {
            rm_drawing_line(all->drawing, at.x, at.y, x - at.x, y - at.y, (double)layout->sizes.line, ink);
        }
        write_label(all, best.place, text, ink, false);
    }
}

/* Every named point: its dot is taken, or with `number` numbered. */
static void label_points(labels *all, bool number) {
    int32_t count = 0;
    for (int32_t index = 0; index < all->plot->series_count; index++) {
        const ropemap_series *series = &all->plot->series[index];
        const rm_rgb ink = rm_chart_look(all->plot, index, 0.0, 0.0).ink;
        for (int64_t at = 0; series->names != NULL && at < series->count; at++) {
            point place;
            count++;
            if (find_point(all, series, at, &place)) {
                if (number) {
                    number_point(all, place, count, ink);
                } else {
                    take_point(all, place);
                }
            }
        }
    }
}

void rm_chart_labels_draw(rm_drawing *drawing, const ropemap_chart *chart, const ropemap_plot *plot,
                          const rm_chart_layout *layout, const rm_chart_curve *curves) {
    uint64_t most = RM_CHART_MARKS_MAX + RM_CHART_SERIES_MAX;
    for (int32_t index = 0; index < plot->series_count; index++) {
        most += plot->series[index].names != NULL ? 2 * (uint64_t)plot->series[index].count : 0;
    }
    labels all = {.drawing = drawing,
                  .chart = chart,
                  .plot = plot,
                  .layout = layout,
                  .curves = curves,
                  .taken = rm_alloc_raw(most, sizeof *all.taken)};
    if (all.taken == NULL) {
        drawing->incomplete = true;
        return;
    }
    label_points(&all, false);
    for (int32_t index = 0; index < plot->mark_count; index++) {
        label_mark(&all, &plot->marks[index]);
    }
    for (int32_t index = 0; index < plot->series_count; index++) {
        if (plot->series[index].reference) {
            label_reference(&all, index);
        }
    }
    label_points(&all, true);
    rm_free(all.taken);
}
