/* straighten.h - a line with no more points than it needs */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_STRAIGHTEN_H
#define ROPEMAP_HOST_FIGURE_STRAIGHTEN_H

#include <stdbool.h>

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

/*
 * Takes the next point. True where *kept is to be part of the line: then all points between it and the one
 * kept before are within `tolerance` of the straight line between them. The first point is kept.
 */
bool rm_straight_add(rm_straight *line, rm_point point, double tolerance, rm_point *kept);

/* The line's end, to be kept too; false where it is the anchor itself. */
bool rm_straight_end(const rm_straight *line, rm_point *kept);

#endif
