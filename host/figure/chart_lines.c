/* chart_lines.c - the colours, bands, lines and dots of series */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/chart.h"

#include <math.h>

/* ---- looks ---- */

/* Thickness of a reference, of a line's. */
#define REFERENCE (1.6 / 2.6)

enum { INKS = 8, PATTERNS = 6, SOLID = 2, DOTS = RM_DOT_OPEN_DIAMOND + 1 };

/* Okabe and Ito 2008: distinct to every kind of eye; those that are dark on white come first. */
static const rm_rgb inks[INKS] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73},
                                  {0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9},
                                  {0x00, 0x00, 0x00}, {0xf0, 0xe4, 0x42}};

static const rm_rgb reference_ink = {0x60, 0x60, 0x60};

/* In thicknesses of the line. The first two lines are solid, and after them neighbours differ in more than
 * their colour. */
static const struct {
    int32_t count;
    double dash[RM_DASHES_MAX];
} patterns[PATTERNS] = {{0, {0.0}},      {2, {5.0, 1.6}},  {4, {8.0, 1.6, 1.6, 1.6}},
                        {2, {1.8, 1.4}}, {2, {12.0, 2.0}}, {6, {8.0, 1.6, 1.6, 1.6, 1.6, 1.6}}};

/* Viridis, less what is faint on white. */
static rm_rgb ramp_ink(int32_t rank, int32_t count) {
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_VIRIDIS, false, &palette);
    const uint8_t *rgb = palette.rgb[(int32_t)(0.8 * RM_LEVEL_MAX) * rank / (count > 1 ? count - 1 : 1)];
    return (rm_rgb){rgb[0], rgb[1], rgb[2]};
}

rm_item rm_chart_look(const ropemap_plot *plot, int32_t index, double thickness, double dot) {
    const ropemap_series *series = &plot->series[index];
    int32_t rank = 0; /* references take no colour */
    for (int32_t before = 0; before < index; before++) {
        rank += plot->series[before].reference ? 0 : 1;
    }
    if (series->reference) {
        return (rm_item){.kind = RM_ITEM_POLYLINE, .thickness = thickness * REFERENCE, .ink = reference_ink};
    }
    if (plot->ordered) {
        return (rm_item){.kind = series->points ? RM_ITEM_DOTS : RM_ITEM_POLYLINE,
                         .thickness = series->points ? dot : thickness,
                         .ink = ramp_ink(rank, plot->series_count)};
    }
    int32_t own = rank;
    for (int32_t at = index; at > 0 && plot->series[at].alike; at--) {
        own--;
    }
    const int32_t pattern = series->dashed ? 1 : rank < SOLID ? 0 : 1 + (rank - SOLID) % (PATTERNS - 1);
    rm_item item = {.kind = series->points ? RM_ITEM_DOTS : RM_ITEM_POLYLINE,
                    .thickness = series->points ? dot : thickness,
                    .ink = series->muted ? reference_ink : inks[own % INKS],
                    .dot = (rm_dot)(rank % DOTS)};
    item.dashes = series->points ? 0 : patterns[pattern].count;
    for (int32_t dash = 0; dash < item.dashes; dash++) {
        item.dash[dash] = patterns[pattern].dash[dash] * thickness;
    }
    return item;
}

/* ---- columns ---- */

/* Before a column is finished: x is the sum of places, y of values over `unit`, top and bottom are values. */
typedef struct gathering {
    const rm_chart_layout *layout;
    rm_chart_curve *curve;
    double unit; /* the greatest size of a value: sums of what is at most 1 do not overflow */
    double x, y; /* of the first point */
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
    const double place = fmin(fmax(rm_axis_place(&all->layout->x, x), 0.0), 1.0) * (double)plot->width;
    const int64_t pixel = place < (double)plot->width ? (int64_t)place : plot->width - 1;
    const int64_t index = pixel / all->layout->column;
    rm_chart_curve *curve = all->curve;
    rm_chart_column *last = curve->count > 0 ? &curve->columns[curve->count - 1] : NULL;
    if (last == NULL) {
        all->x = place;
        all->y = y;
    }
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

/* From sums and values to pixels. A line begins at its first point, not at a mean. */
static void finish(const gathering *all, const double *means) {
    const rm_chart_layout *layout = all->layout;
    for (int64_t at = 0; at < all->curve->count; at++) {
        rm_chart_column *column = &all->curve->columns[at];
        column->x = (double)layout->plot.x + (at == 0 ? all->x : column->x / (double)column->count);
        double mean = at == 0 ? all->y : smooth_mean(all->curve, at, means) * all->unit;
        if (layout->y.log && !(mean > 0.0)) {
            mean = column->bottom; /* sums of tiny numbers may vanish */
        }
        column->y = rm_chart_down(layout, mean);
        column->top = rm_chart_down(layout, column->top);
        column->bottom = rm_chart_down(layout, column->bottom);
    }
}

bool rm_chart_curve_make(const ropemap_chart *chart, const ropemap_series *series,
                         const rm_chart_layout *layout, rm_chart_curve *curve) {
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

/* How much of what is behind it a band hides: of one alone, and less the more there are. */
#define BAND_OPACITY 0.3

#define BAND_FALLS 0.75

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
    const double width = (double)layout->column, left = (double)layout->plot.x;
    for (int64_t at = first; at < end; at++) {
        put(path, left + width * ((double)columns[at].index + 0.5), within(columns[at].top, &layout->plot));
    }
    for (int64_t at = end - 1; at >= first; at--) {
        put(path, left + width * ((double)columns[at].index + 0.5),
            within(columns[at].bottom, &layout->plot));
    }
    lift(path);
}

static double band_opacity(const ropemap_plot *plot) {
    int32_t lines = 0;
    for (int32_t index = 0; index < plot->series_count; index++) {
        lines += plot->series[index].points || plot->series[index].reference ? 0 : 1;
    }
    return BAND_OPACITY / pow(fmax(lines, 1.0), BAND_FALLS);
}

void rm_chart_band_draw(rm_drawing *drawing, const ropemap_plot *plot, int32_t index,
                        const rm_chart_layout *layout, const rm_chart_curve *curve) {
    trail path;
    if (plot->series[index].points || !open_trail(drawing, &path, 3 * curve->count)) {
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
    rm_item item = rm_chart_look(plot, index, 0.0, 0.0);
    item.kind = RM_ITEM_AREA;
    item.dashes = 0;
    item.opacity = band_opacity(plot);
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

void rm_chart_series_draw(rm_drawing *drawing, const ropemap_chart *chart, const ropemap_plot *plot,
                          int32_t index, const rm_chart_layout *layout, const rm_chart_curve *curve) {
    const ropemap_series *series = &plot->series[index];
    const rm_item item = rm_chart_look(plot, index, layout->thickness, layout->dot);
    if (series->points) {
        draw_dots(drawing, chart, series, layout, item);
    } else {
        draw_line(drawing, layout, curve, item);
        draw_alone(drawing, layout, curve, item);
    }
}
