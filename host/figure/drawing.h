/* drawing.h - what a figure is made of, before it is pixels or a page */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_DRAWING_H
#define ROPEMAP_HOST_FIGURE_DRAWING_H

#include "host/base/status.h"
#include "host/figure/colour.h"
#include "host/figure/text.h"

typedef struct rm_rgb {
    uint8_t r, g, b;
} rm_rgb;

typedef enum rm_anchor { RM_ANCHOR_START, RM_ANCHOR_MIDDLE, RM_ANCHOR_END } rm_anchor;

typedef struct rm_text_style {
    double size; /* pixels */
    rm_rgb ink;
    rm_anchor anchor; /* which part of the text is at its point */
    bool upwards;     /* read from the bottom to the top */
    double halo;      /* width of an outline around the letters, 0 for none */
    rm_rgb halo_ink;
} rm_text_style;

/* The mark of a single point. */
typedef enum rm_dot {
    RM_DOT_DISC,
    RM_DOT_RING,
    RM_DOT_SQUARE,
    RM_DOT_OPEN_SQUARE,
    RM_DOT_DIAMOND,
    RM_DOT_OPEN_DIAMOND
} rm_dot;

enum { RM_DASHES_MAX = 6 };

typedef enum rm_item_kind {
    RM_ITEM_RECTANGLE,
    RM_ITEM_LINE,
    RM_ITEM_RASTER,
    RM_ITEM_TEXT,
    RM_ITEM_POLYLINE,
    RM_ITEM_AREA,
    RM_ITEM_DOTS
} rm_item_kind;

/*
 * One thing to draw. Units are pixels of the finished figure, y downwards. A rectangle is filled with `ink`;
 * a line goes from (x, y) to (x + width, y + height) and is `thickness` wide, its ends cut off square; a
 * raster fills its rectangle with cells of equal size, without a blend between them; a text has its
 * baseline's point at (x, y). A polyline joins its points, an area fills what they enclose, and dots are
 * at each of them, `thickness` wide; of all three, what is outside of the rectangle is left out.
 */
typedef struct rm_item {
    rm_item_kind kind;
    double x, y, width, height;
    double thickness;
    rm_rgb ink;
    const uint8_t *levels; /* [rows, cols], borrowed */
    int64_t rows, cols;
    const rm_palette *palette; /* borrowed */
    double *points;            /* [point_count, 2] x and y, the drawing's own; NaN ends a line or an area */
    int64_t point_count;
    double opacity;             /* of an area, 0 to 1 */
    double dash[RM_DASHES_MAX]; /* of a polyline: pixels drawn and left out, in turn */
    int32_t dashes;             /* 0: drawn throughout */
    rm_dot dot;
    rm_text_style style;
    char text[RM_TEXT_BYTES];
} rm_item;

/* Items in the order they are drawn in, later ones above. Free with rm_drawing_free. */
typedef struct rm_drawing {
    int64_t width, height;
    rm_item *items;
    int64_t count, capacity;
    bool bare;       /* a single raster and nothing else, not even paper */
    bool flat;       /* lines and text alone: a palette has room for its colours */
    bool incomplete; /* memory was short for an item; the sinks refuse it */
} rm_drawing;

void rm_drawing_rectangle(rm_drawing *drawing, double x, double y, double width, double height, rm_rgb ink);

void rm_drawing_line(rm_drawing *drawing, double x, double y, double width, double height, double thickness,
                     rm_rgb ink);

/* A rectangle of cells: x, y, width, height, levels, rows, cols and palette of `raster` are taken. */
void rm_drawing_raster(rm_drawing *drawing, const rm_item *raster);

/* A polyline, an area or dots, with a copy of the points; without points nothing. */
void rm_drawing_path(rm_drawing *drawing, const rm_item *path);

/* Clean text (text.h); an empty one draws nothing. */
void rm_drawing_text(rm_drawing *drawing, double x, double y, const char *text, rm_text_style style);

void rm_drawing_free(rm_drawing *drawing);

#endif
