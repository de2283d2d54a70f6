/* straighten.c - a line with no more points than it needs */
/* SPDX-License-Identifier: MIT */
/* The cone of directions that all points of a stretch allow narrows from point to point; a point outside of
 * it, or nearer to the start than the one before, begins the next stretch. */
#include "host/figure/straighten.h"

#include <math.h>

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

bool rm_straight_add(rm_straight *line, rm_point point, double tolerance, rm_point *kept) {
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

bool rm_straight_end(const rm_straight *line, rm_point *kept) {
    *kept = line->last;
    return line->moved;
}
