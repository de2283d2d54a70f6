/* chart_labels.c - marks of a plot, and the labels within it, which avoid lines and each other */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/chart.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Pixels at scale 1. */
#define THICKNESS 1.6

#define GAP 4.0 /* between line and label */

#define INSET 8.0 /* between label and frame */

#define STRIPE_OPACITY 0.18

/* In sizes of a label. */
#define TALL 1.15

#define BASELINE 0.88 /* from the top */

#define HALO 0.16

#define NAME 0.82 /* of a point: there may be many */

/* What a pixel of a curve costs, which is lost under a label: more than the whole way along a mark. */
#define COST_COVERED 18.0

/* What a place costs besides, in sizes of a label. */
#define COST_STEP 0.4 /* farther from the end of the line */

#define COST_DEEP 0.1 /* farther from the end of a stripe, where nothing leads to the label */

#define COST_SIDE 0.1

#define COST_LEVEL 5.0 /* across, beside a line that is upright */

#define COST_NUMBER 20.0 /* the number at its end alone */

#define COST_CUT 200.0 /* its beginning alone */

#define COST_CROSSED 3.0 /* another mark's line, across the label */

#define COST_STRUCK 1000.0 /* the same, all along it */

enum { TELLING = 8 }; /* bytes of a label that was cut, at least */

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
    area *taken; /* with room for all that comes; dots of named points first */
    int32_t dots, count;
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

/* A path in the colour of frames, which is cut where the plot ends. */
static rm_item within_plot(const rm_chart_layout *layout, rm_item_kind kind) {
    const rm_box *box = &layout->plot;
    return (rm_item){.kind = kind,
                     .x = (double)box->x,
                     .y = (double)box->y,
                     .width = (double)box->width,
                     .height = (double)box->height,
                     .ink = layout->theme->line};
}

static bool is_stripe(const ropemap_mark *mark) {
    return mark->until > mark->at;
}

/* From one side of the plot to the other, as far as the plot reaches. */
static area stripe_of(const rm_chart_layout *layout, const ropemap_mark *mark) {
    const rm_box *box = &layout->plot;
    const rm_axis_span *axis = mark->of_x ? &layout->x : &layout->y;
    const double from = fmin(fmax(rm_axis_place(axis, mark->at), 0.0), 1.0);
    const double to = is_stripe(mark) ? fmin(fmax(rm_axis_place(axis, mark->until), 0.0), 1.0) : from;
    const double x = (double)box->x, y = (double)box->y;
    const double width = (double)box->width, height = (double)box->height;
    return mark->of_x ? (area){x + from * width, y, (to - from) * width, height}
                      : (area){x, y + (1.0 - to) * height, width, (to - from) * height};
}

static void draw_stripe(rm_drawing *drawing, const rm_chart_layout *layout, const ropemap_mark *mark) {
    const area stripe = stripe_of(layout, mark);
    const double right = stripe.x + stripe.width, bottom = stripe.y + stripe.height;
    double points[] = {stripe.x, stripe.y, right, stripe.y, right, bottom, stripe.x, bottom};
    rm_item item = within_plot(layout, RM_ITEM_AREA);
    item.opacity = STRIPE_OPACITY;
    item.points = points;
    item.point_count = 4;
    rm_drawing_path(drawing, &item);
}

void rm_chart_marks_draw(rm_drawing *drawing, const ropemap_plot *plot, const rm_chart_layout *layout) {
    for (int32_t index = 0; index < plot->mark_count; index++) {
        const ropemap_mark *mark = &plot->marks[index];
        if (is_stripe(mark)) {
            draw_stripe(drawing, layout, mark);
        }
        if (!is_within(layout, mark) || is_stripe(mark)) {
            continue;
        }
        rm_item item = within_plot(layout, RM_ITEM_POLYLINE);
        const double at = line_of(layout, mark), right = item.x + item.width, bottom = item.y + item.height;
        double across[] = {item.x, at, right, at}, down[] = {at, item.y, at, bottom};
        item.thickness = thickness_of(layout);
        item.dash[0] = 7.0 * layout->sizes.scale;
        item.dash[1] = 5.0 * layout->sizes.scale;
        item.dashes = 2;
        item.points = mark->of_x ? down : across;
        item.point_count = 2;
        rm_drawing_path(drawing, &item);
    }
}

void rm_chart_rings_draw(rm_drawing *drawing, const ropemap_plot *plot, const rm_chart_layout *layout) {
    for (int32_t index = 0; index < plot->mark_count; index++) {
        const ropemap_mark *mark = &plot->marks[index];
        if (mark->of_x && mark->dot != NULL && is_within(layout, mark)) {
            double at[] = {line_of(layout, mark), rm_chart_down(layout, *mark->dot)};
            rm_item item = within_plot(layout, RM_ITEM_DOTS);
            item.thickness = 0.8 * layout->dot;
            item.dot = RM_DOT_RING;
            item.points = at;
            item.point_count = 1;
            rm_drawing_path(drawing, &item);
        }
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

/* `each`: what a column within the place costs; `points`: no line joins them. */
static double covered(const rm_chart_curve *curve, double each, bool points, area place) {
    double crossed = 0.0;
    for (int64_t at = 0; at < curve->count; at++) {
        const rm_chart_column *column = &curve->columns[at];
        const bool away = column->x < place.x || column->x > place.x + place.width;
        if (!away && column->bottom >= place.y && column->top <= place.y + place.height) {
            crossed += each;
        }
        if (at > 0 && column->joined && !points) {
            crossed += crossed_by(column - 1, column, place);
        }
    }
    return crossed;
}

/* Of the lines of other marks; those along the text strike it out. */
static double cost_of_lines(const labels *all, const ropemap_mark *own, bool upwards, area place) {
    const double size = all->layout->words;
    double cost = 0.0;
    for (int32_t index = 0; index < all->plot->mark_count; index++) {
        const ropemap_mark *mark = &all->plot->marks[index];
        const double at = line_of(all->layout, mark);
        const bool inside = mark->of_x ? at > place.x && at < place.x + place.width
                                       : at > place.y && at < place.y + place.height;
        if (mark != own && inside && is_within(all->layout, mark)) {
            cost += (mark->of_x == upwards ? COST_STRUCK : COST_CROSSED) * size;
        }
    }
    return cost;
}

static double cost_of(const labels *all, const ropemap_mark *own, bool upwards, area place) {
    double cost = cost_of_lines(all, own, upwards, place);
    const double margin = all->layout->thickness;
    const area around = {place.x - margin, place.y - margin, place.width + 2.0 * margin,
                         place.height + 2.0 * margin};
    for (int32_t index = 0; index < all->plot->series_count; index++) {
        const bool points = all->plot->series[index].points;
        cost += COST_COVERED * covered(&all->curves[index], points ? all->layout->dot : 1.0, points, around);
    }
    return cost;
}

/* ---- the cheapest of several places */

typedef struct choice {
    area place;
    double cost; /* INFINITY: there is none */
} choice;

/* Tries a place that costs `cost` more than what it covers; `own`: the mark that it is for, or NULL. */
static void try_place(const labels *all, const ropemap_mark *own, bool upwards, area place, double cost,
                      choice *best) {
    if (cost < best->cost && is_free(all, place)) {
        const double total = cost + cost_of(all, own, upwards, place);
        if (total < best->cost) {
            *best = (choice){.place = place, .cost = total};
        }
    }
}

/* Takes the place and writes there. */
static void write_label(labels *all, area place, const char *text, double size, rm_rgb ink, bool upwards) {
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
    const double away = GAP * layout->sizes.scale + thickness_of(layout) / 2.0;
    const double along = width + 0.4 * size, across = TALL * size, at = line_of(layout, mark);
    const double start = (double)(mark->of_x ? layout->plot.y : layout->plot.x);
    const double length = (double)(mark->of_x ? layout->plot.height : layout->plot.width);
    const double part = (double)step / (PLACES - 1), way = length - 2.0 * inset - along;
    if (mark->of_x) {
        return (area){side == 0 ? at + away : at - away - across, start + inset + part * way, across, along};
    }
    return (area){start + inset + (1.0 - part) * way, side == 0 ? at - away - across : at + away, along,
                  across};
}

/* Level, beside an upright line, from the top down; right of it first. */
static area place_across(const rm_chart_layout *layout, const ropemap_mark *mark, double width, int step,
                         int side) {
    const double inset = INSET * layout->sizes.scale, size = layout->words;
    const double away = GAP * layout->sizes.scale + layout->dot / 2.0, at = line_of(layout, mark);
    const double wide = width + 0.4 * size, tall = TALL * size, part = (double)step / (PLACES - 1);
    return (area){side == 0 ? at + away : at - away - wide,
                  (double)layout->plot.y + inset + part * ((double)layout->plot.height - 2.0 * inset - tall),
                  wide, tall};
}

/* Within a stripe: in the middle of it, from the top down or from the right end on. */
static area place_within(const rm_chart_layout *layout, const ropemap_mark *mark, double width, int step) {
    const double inset = INSET * layout->sizes.scale, wide = width + 0.4 * layout->words;
    const double tall = TALL * layout->words, part = (double)step / (PLACES - 1);
    const area stripe = stripe_of(layout, mark);
    if (mark->of_x) {
        return (area){stripe.x + (stripe.width - wide) / 2.0,
                      stripe.y + inset + part * (stripe.height - 2.0 * inset - tall), wide, tall};
    }
    return (area){stripe.x + inset + (1.0 - part) * (stripe.width - 2.0 * inset - wide),
                  stripe.y + (stripe.height - tall) / 2.0, wide, tall};
}

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

/* At a point of a line: over or under a level one, ending there; above or below a slope, to one side of it.
 */
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
    const double off = layout->thickness; /* what a label keeps from any line */
    return (area){left, above ? y - tall - off : y + off, wide, tall};
}

/* What a label belongs to: a mark's line or stripe, or a reference. */
typedef struct owner {
    const ropemap_mark *mark; /* NULL: a reference */
    segment line;             /* of it */
    bool stripe;              /* the label is within */
    bool upwards;
    const char *label;
    double length; /* that the label may take some of */
} owner;

/* The step-th place from the best end, on either side. A level has its label near its right end, a slope near
 * its left one. */
static area place_for(const rm_chart_layout *layout, const owner *own, double width, int step, int side) {
    if (own->stripe) {
        return place_within(layout, own->mark, width, step);
    }
    if (own->mark != NULL) {
        return own->mark->of_x && !own->upwards ? place_across(layout, own->mark, width, step, side)
                                                : place_along(layout, own->mark, width, step, side);
    }
    const double part = (double)step / (PLACES - 1);
    return place_beside(layout, &own->line, own->line.y0 == own->line.y1 ? 1.0 - part : part, width, side);
}

/* A text where it costs least. */
typedef struct written {
    char text[RM_TEXT_BYTES];
    bool upwards;
    choice best;
} written;

/* Tries the places of a label that may take so much of its line's length. */
static void try_owner(const labels *all, const owner *own, double room, double cost, written *to) {
    const double size = all->layout->words;
    char text[RM_TEXT_BYTES];
    const double before = to->best.cost;
    const double width = rm_text_fit(text, own->label, size, room * own->length);
    const bool whole = strcmp(text, own->label) == 0;
    if (!(width > 0.0) || (strlen(text) < TELLING && !whole)) {
        return;
    }
    for (int at = 0; at < PLACES * SIDES; at++) {
        const int step = at / SIDES, side = at % SIDES;
        const double away = (own->stripe ? COST_DEEP : COST_STEP) * step + COST_SIDE * side;
        try_place(all, own->mark, own->upwards, place_for(all->layout, own, width, step, side),
                  (cost + (whole ? 0.0 : COST_CUT) + away) * size, &to->best);
    }
    if (to->best.cost < before) {
        to->upwards = own->upwards;
        memcpy(to->text, text, sizeof text);
    }
}

/* A number that ends a label says more than half of its words; NULL: there is none. */
static const char *number_of(const char *label) {
    const char *const space = label != NULL ? strrchr(label, ' ') : NULL;
    return space != NULL && isdigit((unsigned char)space[1]) ? space + 1 : NULL;
}

/* Beside an upright line a label may also be level. */
static void label_owner(labels *all, const owner *own, rm_rgb ink) {
    const char *const words[] = {own->label, number_of(own->label)};
    for (int room = 0; room < ROOMS; room++) {
        written found = {.best = {.cost = INFINITY}};
        for (int text = 0; text < 2 && words[text] != NULL; text++) {
            owner one = *own;
            one.label = words[text];
            try_owner(all, &one, rooms[room], text * COST_NUMBER, &found);
            if (own->upwards) {
                one.upwards = false;
                one.length = (double)all->layout->plot.width;
                try_owner(all, &one, rooms[room], text * COST_NUMBER + COST_LEVEL, &found);
            }
        }
        if (isfinite(found.best.cost)) {
            write_label(all, found.best.place, found.text, all->layout->words, ink, found.upwards);
            return;
        }
    }
}

static void label_mark(labels *all, const ropemap_mark *mark) {
    const rm_chart_layout *layout = all->layout;
    const area stripe = stripe_of(layout, mark);
    char text[RM_TEXT_BYTES];
    owner own = {.mark = mark,
                 .upwards = mark->of_x,
                 .label = mark->label,
                 .length = (double)(mark->of_x ? layout->plot.height : layout->plot.width)};
    const double width = rm_text_fit(text, mark->label, layout->words, (double)INFINITY);
    if (is_stripe(mark) && width < rooms[0] * stripe.width && stripe.height > 2.0 * layout->words) {
        own.stripe = true;
        own.upwards = false;
        own.length = stripe.width;
    }
    if (is_within(layout, mark)) {
        label_owner(all, &own, layout->theme->ink);
    }
}

static void label_reference(labels *all, int32_t index) {
    const owner own = {.line = clip(&all->curves[index], &all->layout->plot),
                       .label = all->plot->series[index].label,
                       .length = (double)all->layout->plot.width};
    label_owner(all, &own, all->layout->theme->soft_ink);
}

/* ---- numbers and names of points */

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

static area dot_of(const labels *all, point at) {
    const double side = all->layout->dot;
    return (area){at.x - side / 2.0, at.y - side / 2.0, side, side};
}

static double gap_between(area a, area b) {
    const double across = fmax(fmax(a.x - b.x - b.width, b.x - a.x - a.width), 0.0);
    const double down = fmax(fmax(a.y - b.y - b.height, b.y - a.y - a.height), 0.0);
    return hypot(across, down);
}

/* Whether a label there would be read as that of no other point. */
static bool is_nearest(const labels *all, point at, area place) {
    const area own = dot_of(all, at);
    const double gap = gap_between(own, place);
    for (int32_t i = 0; i < all->dots; i++) {
        const area *other = &all->taken[i];
        if ((other->x != own.x || other->y != own.y) && gap_between(*other, place) < 2.0 * gap) {
            return false;
        }
    }
    return true;
}

/* In one of the rings around the point, from the second on with a line to it, where that costs less than
 * `most`; where nothing is free the legend has to do. Whether a place was found. */
static bool write_at_point(labels *all, point at, const char *text, double size, int ring, double most,
                           rm_rgb ink) {
    const rm_chart_layout *layout = all->layout;
    const double dot = layout->dot;
    const double width = rm_font_width(text, size), height = TALL * size, apart = 0.3 * size;
    const double reach = dot + apart + 0.8 * size * ring;
    choice best = {.cost = most};
    for (int place = 0; place < AROUND; place++) {
        const double angle = 2.0 * acos(-1.0) * (double)place / (double)AROUND;
        const double x = at.x + cos(angle) * (reach + width / 2.0 - dot / 4.0);
        const double y = at.y - sin(angle) * (reach + height / 2.0 - dot / 2.0);
        const area around = {x - width / 2.0 - apart, y - height / 2.0, width + 2.0 * apart, height};
        if (ring > 0 || is_nearest(all, at, around)) {
            try_place(all, NULL, false, around, 0.0, &best);
        }
    }
    if (!(best.cost < most)) {
        return false;
    }
    if (ring > 0) {
        const double x = best.place.x + best.place.width / 2.0, y = best.place.y + height / 2.0;
        rm_drawing_line(all->drawing, at.x, at.y, x - at.x, y - at.y, (double)layout->sizes.line, ink);
    }
    write_label(all, best.place, text, size, ink, false);
    return true;
}

/* Around the point, farther and farther. */
static void number_point(labels *all, point at, int32_t number, rm_rgb ink) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d", (int)number);
    for (int ring = 0;
         ring < RINGS && !write_at_point(all, at, text, all->layout->words, ring, (double)INFINITY, ink);
         ring++) {
    }
}

/* A name is long: near its point, on nothing else, or not at all. */
static void name_point(labels *all, point at, const char *name, rm_rgb ink) {
    char text[RM_TEXT_BYTES];
    const double size = NAME * all->layout->words;
    if (rm_text_fit(text, name, size, (double)INFINITY) <= rooms[1] * (double)all->layout->plot.width) {
        (void)write_at_point(all, at, text, size, 0, 0.5, ink);
    }
}

/* Every named point: its dot is taken, or with `label` it gets its number or name. */
static void label_points(labels *all, bool label) {
    int32_t count = 0;
    for (int32_t index = 0; index < all->plot->series_count; index++) {
        const ropemap_series *series = &all->plot->series[index];
        const rm_rgb ink = rm_chart_look(all->plot, index, 0.0, 0.0).ink;
        for (int64_t at = 0; series->names != NULL && at < series->count; at++) {
            point place;
            count += series->names_at_points ? 0 : 1;
            if (!find_point(all, series, at, &place)) {
                continue;
            }
            if (!label) {
                all->taken[all->count++] = dot_of(all, place);
            } else if (series->names_at_points) {
                name_point(all, place, series->names[at], all->layout->theme->soft_ink);
            } else {
                number_point(all, place, count, ink);
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
    all.dots = all.count;
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
