/* overlay.c - what is drawn over a map: contours, trained lengths, values of cells */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/heatmap.h"
#include "host/figure/lettering.h"

#include <math.h>
#include <string.h>

typedef struct rm_point {
    double x, y;
} rm_point;

/* A line while its points come in. */
typedef struct simplifier {
    rm_point anchor, last; /* the last point that was kept, and the last one that came */
    bool started, moved;   /* there is an anchor; there is a last one beyond it */
    rm_point along;        /* from the anchor, what angles are counted from */
    double low, high;      /* angles in which all points since pass within the tolerance */
    double reach;          /* distance of the last one */
    bool aimed;            /* along, low and high are known */
} simplifier;

enum { RM_CONTOUR_POINTS_MAX = 1 << 22 }; /* of a figure: more is no line but a grey */

/* The cone of directions that all points of a stretch allow narrows from point to point; a point outside of
 * it, or nearer to the start than the one before, begins the next stretch. */

/* The angle from `a` to `b`, -pi to pi. */
static double angle_between(rm_point a, rm_point b) {
    return atan2(a.x * b.y - a.y * b.x, a.x * b.x + a.y * b.y);
}

static rm_point away(const simplifier *line, rm_point point) {
    return (rm_point){point.x - line->anchor.x, point.y - line->anchor.y};
}

/* Narrows the directions to come to those that pass close to a point. One close to the anchor allows all. */
static void narrow(simplifier *line, rm_point point, double tolerance) {
    const rm_point to = away(line, point);
    const double distance = hypot(to.x, to.y);
    line->reach = distance;
    if (distance <= tolerance) {
        return;
    }
    if (!line->aimed) {
        line->along = to;
        line->low = -INFINITY;
        line->high = INFINITY;
        line->aimed = true;
    }
    const double middle = angle_between(line->along, to), half = asin(tolerance / distance);
    line->low = fmax(line->low, middle - half);
    line->high = fmin(line->high, middle + half);
}

static bool goes_on(const simplifier *line, rm_point point) {
    const rm_point to = away(line, point);
    if (hypot(to.x, to.y) < line->reach) {
        return false;
    }
    const double angle = line->aimed ? angle_between(line->along, to) : 0.0;
    return !line->aimed || (angle >= line->low && angle <= line->high);
}

static void anchor_at(simplifier *line, rm_point point) {
    *line = (simplifier){.anchor = point, .started = true};
}

/*
 * Takes the next point. True where *kept is to be part of the line: then all points between it and the one
 * kept before are within `tolerance` of the straight line between them. The first point is kept.
 */
static bool simplify_add(simplifier *line, rm_point point, double tolerance, rm_point *kept) {
    bool keeps = false;
    if (!line->started) {
        anchor_at(line, point);
        *kept = point;
        return true;
    }
    if (line->moved && !goes_on(line, point)) {
        *kept = line->last;
        keeps = true;
        anchor_at(line, line->last);
    }
    narrow(line, point, tolerance);
    line->last = point;
    line->moved = true;
    return keeps;
}

/* The line's end, to be kept too; false where it is the anchor itself. */
static bool simplify_end(const simplifier *line, rm_point *kept) {
    *kept = line->last;
    return line->moved;
}

#define TOLERANCE 0.05 /* pixels */

/* A square has the middles of four cells as its corners; its sides are numbered like a clock's quarters. */
enum { TOP, RIGHT, BOTTOM, LEFT, SIDES };

enum { TOP_LEFT = 1, TOP_RIGHT = 2, BOTTOM_RIGHT = 4, BOTTOM_LEFT = 8 }; /* corners above the value */

/* What is traced, and which pieces of lines are done: of a square a bit each. */
typedef struct field {
    const ropemap_map *map;
    double value;
    uint8_t *done; /* [height - 1, width - 1] */
} field;

/* Where a line enters a square. */
typedef struct spot {
    int64_t row, col;
    int side;
} spot;

static double cell(const field *traced, int64_t row, int64_t col) {
    return (double)traced->map->cells[row * traced->map->width + col];
}

static bool is_in(const field *traced, int64_t row, int64_t col) {
    return row >= 0 && col >= 0 && row < traced->map->height - 1 && col < traced->map->width - 1;
}

/* The corners above the value; none where a corner is not finite. */
static int corners(const field *traced, int64_t row, int64_t col) {
    const double at[4] = {cell(traced, row, col), cell(traced, row, col + 1), cell(traced, row + 1, col + 1),
                          cell(traced, row + 1, col)};
    int above = 0;
    for (int corner = 0; corner < 4; corner++) {
        if (!isfinite(at[corner])) {
            return 0;
        }
        above |= at[corner] >= traced->value ? 1 << corner : 0;
    }
    return above;
}

/* Whether the middle of a square is above, where its corners do not decide it. */
static bool middle_is_above(const field *traced, int64_t row, int64_t col) {
    const double sum = cell(traced, row, col) + cell(traced, row, col + 1) + cell(traced, row + 1, col) +
                       cell(traced, row + 1, col + 1);
    return sum / 4.0 >= traced->value;
}

/* Two opposite corners are above, so that two lines pass. */
static bool is_saddle(int above) {
    return above == (TOP_LEFT | BOTTOM_RIGHT) || above == (TOP_RIGHT | BOTTOM_LEFT);
}

/* Whether a line crosses the side. */
static bool crosses(int above, int side) {
    return (above >> side & 1) != (above >> (side + 1) % SIDES & 1);
}

/*
 * Where the line that enters at a side leaves. The two lines of a saddle go around its top right and its
 * bottom left corner, or around the two others.
 */
static int way_out(const field *traced, int above, spot in) {
    if (is_saddle(above)) {
        const bool middle = middle_is_above(traced, in.row, in.col);
        const bool around_top_right = middle == (above == (TOP_LEFT | BOTTOM_RIGHT));
        return around_top_right ? (in.side ^ 1) : SIDES - 1 - in.side;
    }
    int out = (in.side + 1) % SIDES;
    while (!crosses(above, out)) {
        out = (out + 1) % SIDES;
    }
    return out;
}

/* The bit of the line that enters at a side: of two lines the second is the one with the bottom side. */
static uint8_t piece(const field *traced, int above, spot in) {
    return is_saddle(above) && (in.side == BOTTOM || way_out(traced, above, in) == BOTTOM) ? 2 : 1;
}

/* The square beyond a side, entered from this one. */
static spot beyond(spot in, int out) {
    static const int down[SIDES] = {-1, 0, 1, 0}, across[SIDES] = {0, 1, 0, -1};
    return (spot){.row = in.row + down[out], .col = in.col + across[out], .side = (out + SIDES / 2) % SIDES};
}

/* The point on a side where the value is reached, in pixels. Squares on both sides of it agree. */
static rm_point crossing(const field *traced, spot in, const rm_contour_place *place) {
    const int64_t row = in.row + (in.side == BOTTOM ? 1 : 0), col = in.col + (in.side == RIGHT ? 1 : 0);
    const bool level = in.side == TOP || in.side == BOTTOM;
    const double from = cell(traced, row, col),
                 to = level ? cell(traced, row, col + 1) : cell(traced, row + 1, col);
    const double part = (traced->value - from) / (to - from);
    return (rm_point){.x = place->x + ((double)col + 0.5 + (level ? part : 0.0)) * place->across,
                      .y = place->y + ((double)row + 0.5 + (level ? 0.0 : part)) * place->down};
}

/* ---- points ---- */

static ropemap_status grow(rm_contour *contour, ropemap_error *error) {
    const int64_t capacity = contour->capacity == 0 ? 1024 : 2 * contour->capacity;
    double *points = rm_alloc_raw(2 * (uint64_t)capacity, sizeof *points);
    if (points == NULL) {
        return rm_fail_memory(error, "contours", 2 * (uint64_t)capacity * sizeof *points);
    }
    if (contour->count > 0) {
        memcpy(points, contour->points, 2 * (size_t)contour->count * sizeof *points);
    }
    rm_free(contour->points);
    contour->points = points;
    contour->capacity = capacity;
    return ROPEMAP_OK;
}

static ropemap_status keep(rm_contour *contour, rm_point point, ropemap_error *error) {
    if (contour->count == RM_CONTOUR_POINTS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "contour: lines of more than %d points, expected a map with fewer cells or less noise",
                       (int)RM_CONTOUR_POINTS_MAX);
    }
    if (contour->count == contour->capacity) {
        RM_TRY(grow(contour, error));
    }
    contour->points[2 * contour->count] = point.x;
    contour->points[2 * contour->count + 1] = point.y;
    contour->count++;
    return ROPEMAP_OK;
}

/* ---- lines ---- */

/* Back along a line to where it enters the field; to where it came from, if it is closed. */
static spot find_start(const field *traced, spot from) {
    spot at = from;
    for (;;) {
        const spot before = beyond(at, at.side);
        const int above = is_in(traced, before.row, before.col) ? corners(traced, before.row, before.col) : 0;
        if (above == 0) {
            return at;
        }
        at = before;
        at.side = way_out(traced, above, before);
        if (at.row == from.row && at.col == from.col && at.side == from.side) {
            return at;
        }
    }
}

static ropemap_status trace(field *traced, spot at, const rm_contour_place *place, rm_contour *contour,
                            ropemap_error *error) {
    simplifier line = {.started = false};
    rm_point kept;
    (void)simplify_add(&line, crossing(traced, at, place), TOLERANCE, &kept);
    RM_TRY(keep(contour, kept, error));
    while (is_in(traced, at.row, at.col)) {
        const int above = corners(traced, at.row, at.col);
        uint8_t *done = traced->done + at.row * (traced->map->width - 1) + at.col;
        const uint8_t bit = above == 0 ? 0 : piece(traced, above, at);
        if (above == 0 || (*done & bit) != 0) {
            break;
        }
        *done |= bit;
        const int out = way_out(traced, above, at);
        at.side = out;
        if (simplify_add(&line, crossing(traced, at, place), TOLERANCE, &kept)) {
            RM_TRY(keep(contour, kept, error));
        }
        at = beyond(at, out);
    }
    if (simplify_end(&line, &kept)) {
        RM_TRY(keep(contour, kept, error));
    }
    return keep(contour, (rm_point){(double)NAN, (double)NAN}, error);
}

static ropemap_status trace_all(field *traced, const rm_contour_place *place, rm_contour *contour,
                                ropemap_error *error) {
    for (int64_t row = 0; row < traced->map->height - 1; row++) {
        for (int64_t col = 0; col < traced->map->width - 1; col++) {
            const int above = corners(traced, row, col);
            for (int side = 0; side < SIDES && above != 0; side++) {
                const spot in = {.row = row, .col = col, .side = side};
                const uint8_t done = traced->done[row * (traced->map->width - 1) + col];
                if (crosses(above, side) && (done & piece(traced, above, in)) == 0) {
                    RM_TRY(trace(traced, find_start(traced, in), place, contour, error));
                }
            }
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_contour_add(rm_contour *contour, const ropemap_map *map, double value,
                              const rm_contour_place *place, ropemap_error *error) {
    if (map->height < 2 || map->width < 2) {
        return ROPEMAP_OK;
    }
    const uint64_t squares = (uint64_t)(map->height - 1) * (uint64_t)(map->width - 1);
    field traced = {.map = map, .value = value, .done = rm_alloc(squares, 1)};
    if (traced.done == NULL) {
        return rm_fail_memory(error, "contours", squares);
    }
    const ropemap_status status = trace_all(&traced, place, contour, error);
    rm_free(traced.done);
    return status;
}

void rm_contour_free(rm_contour *contour) {
    rm_free(contour->points);
    *contour = (rm_contour){.points = NULL};
}

#define READABLE 4.5 /* contrast, 1 to 21, as WCAG 2.2 has it */

/* The smallest values of cells on one of several maps, in sizes of the tick labels. */
#define VALUE_LEAST 0.5

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

/* The size at which the widest number of so many decimals takes 80 % of a cell's width, and digits half of
 * its height at most. */
static double number_size(rm_box box, const ropemap_map *map, int decimals, double most) {
    const double wide = (double)box.width / (double)map->width;
    const double tall = (double)box.height / (double)map->height;
    double widest = 0.0;
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        char text[RM_NUMBER_TEXT];
        rm_number_cell(text, (double)map->cells[cell], decimals);
        widest = fmax(widest, rm_font_width(text, 1.0));
    }
    return fmin(fmin(0.8 * wide / widest, 0.5 * tall / RM_FONT_DIGIT), most);
}

/* Part of the way from a colour to black or white. */
static rm_rgb shade(const uint8_t rgb[3], bool to_black, double part) {
    const double end = to_black ? 0.0 : 255.0;
    return (rm_rgb){(uint8_t)lround(rgb[0] + part * (end - rgb[0])),
                    (uint8_t)lround(rgb[1] + part * (end - rgb[1])),
                    (uint8_t)lround(rgb[2] + part * (end - rgb[2]))};
}

/*
 * White or black, whatever can be read better on the cell's colour; on the seed map white above half of
 * the range, which is its own rule. Where that is hard to read, letters have an outline in a shade of the
 * cell's colour: the darker or lighter, the less the contrast is.
 */
static rm_text_style number_style(double size, bool seed, double place, const uint8_t rgb[3]) {
    const double ground = luminance(rgb) + 0.05;
    const bool light = seed ? place > 0.5 : 1.05 / ground > ground / 0.05;
    const double contrast = light ? 1.05 / ground : ground / 0.05;
    const double lack = fmin(fmax((READABLE - contrast) / (READABLE - 1.0), 0.0), 1.0);
    return (rm_text_style){.size = size,
                           .ink = light ? white : black,
                           .anchor = RM_ANCHOR_MIDDLE,
                           .halo = lack > 0.0 ? 0.09 * size : 0.0,
                           .halo_ink = shade(rgb, light, 0.25 + 0.5 * lack)};
}

enum { DECIMALS_MOST = 3 };

/* As many decimals as leave numbers no smaller than those of the ticks; one where none do. */
static int decimals_of(rm_box box, const ropemap_map *map, double ticks) {
    int decimals = DECIMALS_MOST;
    while (decimals > 1 && number_size(box, map, decimals, ticks) < ticks) {
        decimals--;
    }
    return decimals;
}

/* Each cell's value in its middle; of several maps only where that is large enough to read. */
static void draw_values(rm_heatmap *made, const rm_heatmap_layout *layout, const ropemap_map *map, rm_box box,
                        const uint8_t *levels) {
    const int decimals = decimals_of(box, map, layout->sizes.ticks);
    const double size = number_size(box, map, decimals, 1.4 * layout->sizes.ticks);
    const bool seed = made->colour.colormap == ROPEMAP_COLORMAP_SEED;
    const double wide = (double)box.width / (double)map->width;
    const double tall = (double)box.height / (double)map->height;
    if (layout->count > 1 && size < VALUE_LEAST * layout->sizes.ticks) {
        return;
    }
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const double value = (double)map->cells[cell];
        if (isnan(value)) {
            continue; /* its colour shows it, and the swatch below the bar */
        }
        char text[RM_NUMBER_TEXT];
        rm_number_cell(text, value, decimals);
        const double x = (double)box.x + ((double)(cell % map->width) + 0.5) * wide;
        const double y = (double)box.y + ((double)(cell / map->width) + 0.5) * tall;
        const uint8_t *rgb = made->colour.palette.rgb[levels[cell]];
        rm_drawing_text(&made->drawing, x, y + RM_FONT_DIGIT / 2.0 * size, text,
                        number_style(size, seed, rm_colour_place(&made->colour, value), rgb));
    }
}

#define CONTOUR_PEN 1.4 /* pixels at scale 1 */

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
static void draw_on_bar(rm_heatmap *made, const rm_heatmap_layout *layout, double value) {
    const rm_colour *colour = &made->colour;
    const rm_box bar = layout->bar;
    if (value < colour->bar_low || value > colour->bar_high) {
        return;
    }
    const double along = rm_norm_place(colour->norm, colour->bar_low, colour->bar_high, value);
    const double place = (1.0 - along) * (double)bar.height;
    const double x = (double)bar.x, y = (double)bar.y + rm_snap(place, bar.height, layout->sizes.line);
    const double pen = (double)layout->sizes.line;
    double points[] = {x, y, x + (double)bar.width, y};
    rm_item line = line_in(bar, 3.0 * pen, light);
    line.points = points;
    line.point_count = 2;
    rm_drawing_path(&made->drawing, &line);
    line.thickness = pen;
    line.ink = dark;
    rm_drawing_path(&made->drawing, &line);
}

static ropemap_status draw_contours(rm_heatmap *made, double scale, const ropemap_figure *figure,
                                    const ropemap_map *map, rm_box box, ropemap_error *error) {
    const rm_contour_place place = {.x = (double)box.x,
                                    .y = (double)box.y,
                                    .across = (double)box.width / (double)map->width,
                                    .down = (double)box.height / (double)map->height};
    const double pen = CONTOUR_PEN * scale;
    rm_contour lines = {.points = NULL};
    ropemap_status status = ROPEMAP_OK;
    for (int32_t at = 0; at < figure->contour_count && status == ROPEMAP_OK; at++) {
        status = rm_contour_add(&lines, map, figure->contours[at], &place, error);
    }
    if (status == ROPEMAP_OK) {
        draw_contour(&made->drawing, &lines, line_in(box, 2.2 * pen, light));
        draw_contour(&made->drawing, &lines, line_in(box, pen, dark));
    }
    rm_contour_free(&lines);
    return status;
}

/* ---- the trained length ---- */

/* Light with dark dashes. */
static void draw_dashes(rm_drawing *drawing, const rm_sizes *sizes, rm_box box, double points[4]) {
    const double pen = (double)sizes->line;
    rm_item line = line_in(box, 2.0 * pen, light);
    line.points = points;
    line.point_count = 2;
    rm_drawing_path(drawing, &line);
    line.thickness = 1.2 * pen;
    line.ink = dark;
    line.dash[0] = 7.0 * sizes->scale;
    line.dash[1] = 5.0 * sizes->scale;
    line.dashes = 2;
    rm_drawing_path(drawing, &line);
}

static void draw_mark(rm_drawing *drawing, const rm_heatmap_layout *layout, const rm_panel_layout *panel) {
    const rm_box box = panel->map;
    const rm_sizes *sizes = &layout->sizes;
    const double left = (double)box.x, top = (double)box.y, pen = (double)sizes->line;
    const double x = left + panel->across, y = top + panel->down, tick = (double)sizes->tick / 2.0;
    draw_dashes(drawing, sizes, box, (double[]){x, top, x, top + (double)box.height});
    if (!isnan(y)) {
        draw_dashes(drawing, sizes, box, (double[]){left, y, left + (double)box.width, y});
    }
    if (layout->trained.text[0] != '\0') {
        rm_drawing_line(drawing, x, top - pen - tick, 0.0, tick, pen, layout->theme->line);
        rm_drawing_text(drawing, layout->trained.x, layout->trained.y, layout->trained.text,
                        (rm_text_style){.size = layout->trained.size, .ink = layout->theme->ink});
    }
}

ropemap_status rm_overlay_draw(rm_heatmap *made, const rm_heatmap_layout *layout,
                               const ropemap_figure *figure, ropemap_error *error) {
    const rm_panels panels = rm_panels_of(figure);
    const uint8_t *levels = made->levels;
    for (int32_t at = 0; at < figure->contour_count; at++) {
        draw_on_bar(made, layout, figure->contours[at]);
    }
    for (int32_t index = 0; index < panels.count; index++) {
        const ropemap_panel *panel = &panels.panel[index];
        const ropemap_map *map = panel->map;
        const rm_panel_layout *place = &layout->panels[index];
        RM_TRY(draw_contours(made, layout->sizes.scale, figure, map, place->map, error));
        if (!isnan(place->across)) {
            draw_mark(&made->drawing, layout, place);
        }
        if (!figure->unnumbered && rm_panel_has_values(panel)) {
            draw_values(made, layout, map, place->map, levels);
        }
        levels += map->height * map->width;
    }
    return ROPEMAP_OK;
}
