/* chart_lines.c - bands, lines, dots and marks of a chart's series */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_lines.h"
#include "host/base/alloc.h"
#include "host/figure/text.h"

#include <math.h>

/* Before a column is finished: x is the sum of places, y of values over `unit`, top and bottom are values. */
typedef struct gathering {
    const rm_chart_layout *layout;
    rm_chart_curve *curve;
    double unit; /* the greatest size of a value: sums of what is at most 1 do not overflow */
    bool gap;    /* since the last point */
} gathering;

static double greatest_size(const ropemap_chart *chart, const ropemap_series *series) {
    double greatest = 0.0;
    for (int64_t point = 0; point < series->count; point++) {
        if (rm_chart_shows(chart, series, point)) {
            greatest = fmax(greatest, fabs(series->y[point]));
        }
    }
    return greatest > 0.0 ? greatest : 1.0;
}

static void gather(gathering *all, double x, double y) {
    const rm_box *plot = &all->layout->plot;
    const double place = fmin(fmax(rm_chart_place(&all->layout->x, x), 0.0), 1.0) * (double)plot->width;
    const int64_t pixel = place < (double)plot->width ? (int64_t)place : plot->width - 1;
    const int64_t index = pixel / all->layout->column;
    rm_chart_curve *curve = all->curve;
    rm_chart_column *last = curve->count > 0 ? &curve->columns[curve->count - 1] : NULL;
    if (last == NULL || last->index != index) {
        /* A gap narrower than a column is none: else it would show wherever it meets an edge of one. */
        const bool joined = last != NULL && (!all->gap || last->index + 1 == index);
        last = &curve->columns[curve->count++];
        *last = (rm_chart_column){.index = index, .top = y, .bottom = y, .joined = joined};
    }
    last->count++;
    last->x += place;
    last->y += y / all->unit;
    last->top = fmax(last->top, y);
    last->bottom = fmin(last->bottom, y);
    all->gap = false;
}

/*
 * Means of three columns, 1 : 2 : 1, where all three hold many points: a line through means of single columns
 * would still swing with what is as fast as two or three of them.
 */
static double smooth_mean(const rm_chart_curve *curve, int64_t at, const double *means) {
    if (at == 0 || at + 1 == curve->count) {
        return means[at];
    }
    const rm_chart_column *before = &curve->columns[at - 1], *after = &curve->columns[at + 1];
    const bool dense = before->count > 1 && curve->columns[at].count > 1 && after->count > 1 &&
                       curve->columns[at].joined && after->joined && before->index + 2 == after->index;
    return dense ? 0.25 * (means[at - 1] + means[at + 1]) + 0.5 * means[at] : means[at];
}

/* From sums and values to pixels. */
static void finish(const gathering *all, const double *means) {
    const rm_chart_layout *layout = all->layout;
    for (int64_t at = 0; at < all->curve->count; at++) {
        rm_chart_column *column = &all->curve->columns[at];
        column->x = (double)layout->plot.x + column->x / (double)column->count;
        double mean = smooth_mean(all->curve, at, means) * all->unit;
        if (layout->y.log && !(mean > 0.0)) {
            mean = column->bottom; /* sums of tiny numbers may vanish */
        }
        column->y = rm_chart_down(layout, mean);
        column->top = rm_chart_down(layout, column->top);
        column->bottom = rm_chart_down(layout, column->bottom);
    }
}

bool rm_chart_curve_make(const ropemap_chart *chart, int32_t index, const rm_chart_layout *layout,
                         rm_chart_curve *curve) {
    const ropemap_series *series = &chart->series[index];
    const uint64_t width = (uint64_t)layout->plot.width, points = (uint64_t)series->count;
    const uint64_t most = points < width ? points : width;
    *curve = (rm_chart_curve){.columns = rm_alloc_raw(most, sizeof *curve->columns)};
    double *means = rm_alloc_raw(most, sizeof *means);
    if (curve->columns == NULL || means == NULL) {
        rm_free(means);
        rm_chart_curve_free(curve);
        return false;
    }
    gathering all = {.layout = layout, .curve = curve, .unit = greatest_size(chart, series)};
    for (int64_t point = 0; point < series->count; point++) {
        if (rm_chart_shows(chart, series, point)) {
            gather(&all, series->x[point], series->y[point]);
        } else {
            all.gap = true;
        }
    }
    for (int64_t at = 0; at < curve->count; at++) {
        means[at] = curve->columns[at].y / (double)curve->columns[at].count;
    }
    finish(&all, means);
    rm_free(means);
    return true;
}

void rm_chart_curve_free(rm_chart_curve *curve) {
    rm_free(curve->columns);
    *curve = (rm_chart_curve){.columns = NULL};
}

/* How much of what is behind it a band hides. */
#define BAND_OPACITY 0.3

/* A point alone between gaps is a dot of this many thicknesses of the line. */
#define ALONE 2.0

/* Points on their way into a drawing; room for all that come. */
typedef struct trail {
    double *points; /* [count, 2] */
    int64_t count;
} trail;

static void put(trail *path, double x, double y) {
    path->points[2 * path->count] = x;
    path->points[2 * path->count + 1] = y;
    path->count++;
}

static void lift(trail *path) {
    put(path, (double)NAN, (double)NAN);
}

static bool open_trail(rm_drawing *drawing, trail *path, int64_t most) {
    *path = (trail){.points = rm_alloc_raw(2 * (uint64_t)most, sizeof *path->points)};
    drawing->incomplete = drawing->incomplete || path->points == NULL;
    return path->points != NULL;
}

/* Hands the points over, to be drawn within the plot. */
static void close_trail(rm_drawing *drawing, trail *path, const rm_box *plot, rm_item item) {
    item.x = (double)plot->x;
    item.y = (double)plot->y;
    item.width = (double)plot->width;
    item.height = (double)plot->height;
    item.points = path->points;
    item.point_count = path->count;
    rm_drawing_path(drawing, &item);
    rm_free(path->points);
}

/* ---- bands */

static bool is_dense(const rm_chart_column *column) {
    return column->count > 1;
}

static double within(double y, const rm_box *plot) {
    return fmin(fmax(y, (double)plot->y - 1.0), (double)(plot->y + plot->height) + 1.0);
}

/* Columns [first, end) side by side: along their tops to the right, along their bottoms back. */
static void put_band(trail *path, const rm_chart_column *columns, int64_t first, int64_t end,
                     const rm_chart_layout *layout) {
    const rm_box *plot = &layout->plot;
    const double width = (double)layout->column;
    for (int64_t at = first; at < end; at++) {
        const double left = (double)plot->x + width * (double)columns[at].index,
                     y = within(columns[at].top, plot);
        put(path, left, y);
        put(path, left + width, y);
    }
    for (int64_t at = end - 1; at >= first; at--) {
        const double left = (double)plot->x + width * (double)columns[at].index,
                     y = within(columns[at].bottom, plot);
        put(path, left + width, y);
        put(path, left, y);
    }
    lift(path);
}

void rm_chart_band_draw(rm_drawing *drawing, const ropemap_chart *chart, int32_t index,
                        const rm_chart_layout *layout, const rm_chart_curve *curve) {
    trail path;
    if (chart->series[index].points || !open_trail(drawing, &path, 5 * curve->count)) {
        return;
    }
    const rm_chart_column *columns = curve->columns;
    for (int64_t first = 0, end; first < curve->count; first = end) {
        end = first + 1;
        if (is_dense(&columns[first])) {
            while (end < curve->count && is_dense(&columns[end]) &&
                   columns[end].index == columns[end - 1].index + 1) {
                end++;
            }
            put_band(&path, columns, first, end, layout);
        }
    }
    rm_item item = rm_chart_style(index, false, false, 0.0);
    item.kind = RM_ITEM_AREA;
    item.opacity = BAND_OPACITY;
    close_trail(drawing, &path, &layout->plot, item);
}

/* ---- lines */

/* Where a line is cut above and below, out of sight: what is far away has no place in a picture's numbers. */
typedef struct span {
    double top, bottom;
} span;

static double cut(double y, span seen) {
    return fmin(fmax(y, seen.top), seen.bottom);
}

/* Where the way from `from` to `to` is as high as `y`. */
static double x_at(const rm_chart_column *from, const rm_chart_column *to, double y) {
    return y == from->y ? from->x : from->x + (y - from->y) / (to->y - from->y) * (to->x - from->x);
}

/* The part that is seen; a new line begins where the one before did not end here. */
static void put_segment(trail *path, const rm_chart_column *from, const rm_chart_column *to, span seen) {
    const double start = cut(from->y, seen), end = cut(to->y, seen);
    if (start == end && (start != from->y || end != to->y)) {
        return; /* above or below all along */
    }
    const double x = x_at(from, to, start);
    const double *end_of_last = path->points + 2 * path->count;
    if (path->count == 0 || !(end_of_last[-2] == x && end_of_last[-1] == start)) {
        lift(path);
        put(path, x, start);
    }
    put(path, end == to->y ? to->x : x_at(from, to, end), end);
}

static bool is_alone(const rm_chart_curve *curve, int64_t at) {
    return !curve->columns[at].joined && (at + 1 == curve->count || !curve->columns[at + 1].joined);
}

static void draw_line(rm_drawing *drawing, const rm_chart_layout *layout, const rm_chart_curve *curve,
                      rm_item item) {
    const span seen = {(double)layout->plot.y - 2.0 * item.thickness,
                       (double)(layout->plot.y + layout->plot.height) + 2.0 * item.thickness};
    trail path;
    if (!open_trail(drawing, &path, 3 * curve->count)) {
        return;
    }
    for (int64_t at = 1; at < curve->count; at++) {
        if (curve->columns[at].joined) {
            put_segment(&path, &curve->columns[at - 1], &curve->columns[at], seen);
        }
    }
    close_trail(drawing, &path, &layout->plot, item);
}

static void draw_alone(rm_drawing *drawing, const rm_chart_layout *layout, const rm_chart_curve *curve,
                       rm_item item) {
    trail path;
    if (!open_trail(drawing, &path, curve->count)) {
        return;
    }
    const double top = (double)layout->plot.y, bottom = top + (double)layout->plot.height;
    for (int64_t at = 0; at < curve->count; at++) {
        const rm_chart_column *column = &curve->columns[at];
        if (is_alone(curve, at) && column->y >= top && column->y <= bottom) {
            put(&path, column->x, column->y);
        }
    }
    item.kind = RM_ITEM_DOTS;
    item.dot = RM_DOT_DISC;
    item.thickness *= ALONE;
    close_trail(drawing, &path, &layout->plot, item);
}

/* ---- dots */

/* Which pixels of the plot have one. */
typedef struct pixels {
    uint8_t *taken; /* [width * height] bits */
    int64_t width, height;
} pixels;

/* Whether a dot at (x, y) of the plot is the first at its pixel. */
static bool take_pixel(pixels *all, double x, double y) {
    if (!(x >= 0.0 && x <= (double)all->width && y >= 0.0 && y <= (double)all->height)) {
        return false;
    }
    const int64_t col = x < (double)all->width ? (int64_t)x : all->width - 1;
    const int64_t row = y < (double)all->height ? (int64_t)y : all->height - 1;
    const int64_t pixel = row * all->width + col;
    const uint8_t bit = (uint8_t)(1u << (pixel % 8));
    const bool first = (all->taken[pixel / 8] & bit) == 0;
    all->taken[pixel / 8] |= bit;
    return first;
}

static void draw_dots(rm_drawing *drawing, const ropemap_chart *chart, const ropemap_series *series,
                      const rm_chart_layout *layout, rm_item item) {
    const rm_box *plot = &layout->plot;
    pixels all = {.width = plot->width, .height = plot->height};
    const int64_t size = plot->width * plot->height, most = series->count < size ? series->count : size;
    trail path;
    if (!open_trail(drawing, &path, most)) {
        return;
    }
    all.taken = rm_alloc((uint64_t)size / 8 + 1, 1);
    drawing->incomplete = drawing->incomplete || all.taken == NULL;
    for (int64_t point = 0; all.taken != NULL && point < series->count; point++) {
        if (rm_chart_shows(chart, series, point)) {
            const double x = rm_chart_across(layout, series->x[point]);
            const double y = rm_chart_down(layout, series->y[point]);
            if (take_pixel(&all, x - (double)plot->x, y - (double)plot->y)) {
                put(&path, x, y);
            }
        }
    }
    rm_free(all.taken);
    close_trail(drawing, &path, plot, item);
}

void rm_chart_series_draw(rm_drawing *drawing, const ropemap_chart *chart, int32_t index,
                          const rm_chart_layout *layout, const rm_chart_curve *curve) {
    const ropemap_series *series = &chart->series[index];
    const double thickness = series->points ? layout->dot : layout->thickness;
    const rm_item item = rm_chart_style(index, series->points, series->dashed, thickness);
    if (series->points) {
        draw_dots(drawing, chart, series, layout, item);
    } else {
        draw_line(drawing, layout, curve, item);
        draw_alone(drawing, layout, curve, item);
    }
}

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
