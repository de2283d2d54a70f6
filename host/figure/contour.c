/* contour.c - lines along which a map has one value, simplified */
/* SPDX-License-Identifier: MIT */
#include "host/figure/contour.h"
#include "host/base/alloc.h"

#include <math.h>
#include <string.h>

typedef struct rm_point {
    double x, y;
} rm_point;

/* A line while its points come in. */
typedef struct rm_straight {
    rm_point anchor, last; /* the last point that was kept, and the last one that came */
    bool started, moved;   /* there is an anchor; there is a last one beyond it */
    rm_point along;        /* from the anchor, what angles are counted from */
    double low, high;      /* angles in which all points since pass within the tolerance */
    double reach;          /* distance of the last one */
    bool aimed;            /* along, low and high are known */
} rm_straight;

enum { RM_CONTOUR_POINTS_MAX = 1 << 22 }; /* of a figure: more is no line but a grey */

/* The cone of directions that all points of a stretch allow narrows from point to point; a point outside of
 * it, or nearer to the start than the one before, begins the next stretch. */

/* The angle from `a` to `b`, -pi to pi. */
static double angle_between(rm_point a, rm_point b) {
    return atan2(a.x * b.y - a.y * b.x, a.x * b.x + a.y * b.y);
}

static rm_point away(const rm_straight *line, rm_point point) {
    return (rm_point){point.x - line->anchor.x, point.y - line->anchor.y};
}

/* What a point that is passed by asks of the directions to come. A point close to the anchor asks nothing. */
static void narrow(rm_straight *line, rm_point point, double tolerance) {
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

static bool goes_on(const rm_straight *line, rm_point point) {
    const rm_point to = away(line, point);
    if (hypot(to.x, to.y) < line->reach) {
        return false;
    }
    const double angle = line->aimed ? angle_between(line->along, to) : 0.0;
    return !line->aimed || (angle >= line->low && angle <= line->high);
}

static void anchor_at(rm_straight *line, rm_point point) {
    *line = (rm_straight){.anchor = point, .started = true};
}

/*
 * Takes the next point. True where *kept is to be part of the line: then all points between it and the one
 * kept before are within `tolerance` of the straight line between them. The first point is kept.
 */
static bool rm_straight_add(rm_straight *line, rm_point point, double tolerance, rm_point *kept) {
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
static bool rm_straight_end(const rm_straight *line, rm_point *kept) {
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

/* Whether the middle of a square is above, where its corners do not tell. */
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
    rm_straight line = {.started = false};
    rm_point kept;
    (void)rm_straight_add(&line, crossing(traced, at, place), TOLERANCE, &kept);
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
        if (rm_straight_add(&line, crossing(traced, at, place), TOLERANCE, &kept)) {
            RM_TRY(keep(contour, kept, error));
        }
        at = beyond(at, out);
    }
    if (rm_straight_end(&line, &kept)) {
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
