/* drawing.h - what a figure is made of, before it is pixels or a page; and the files that it becomes */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_DRAWING_H
#define ROPEMAP_HOST_FIGURE_DRAWING_H

#include "host/base/status.h"
#include "host/figure/colour.h"
#include "host/figure/lettering.h"

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

enum { RM_IMAGE_SIDE_MAX = 32767 }; /* where cairo's image surfaces end */

/* ---- a file in memory that grows while it is written ---- */

/* Zeroed at first. What no memory is left for is dropped, and so is all that follows. */
typedef struct rm_writer {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
} rm_writer;

void rm_writer_add(rm_writer *writer, const void *bytes, size_t size);

void rm_writer_text(rm_writer *writer, const char *text);

/* To two decimals, without zeros at the end: "12.5", "-3". Below 1e12 in size. */
void rm_writer_number(rm_writer *writer, double value);

/* RFC 4648's base64, with padding. */
void rm_writer_base64(rm_writer *writer, const ropemap_bytes *bytes);

/* Hands the bytes over, or frees them and fails with ROPEMAP_RESOURCES; `what` is what messages call them. */
ropemap_status rm_writer_finish(rm_writer *writer, const char *what, ropemap_bytes *bytes,
                                ropemap_error *error);

/* ---- a raster's cells in whole pixels ---- */

/* Whether the raster has more cells than pixels along a side. */
bool rm_raster_is_larger(const rm_item *raster);

/*
 * Each pixel the mean colour of the cells it covers, by area and to the nearest: `pixels` 0x00RRGGBB, rows
 * `stride` apart. Whole pixels wide and high. False where memory is short.
 */
bool rm_raster_downscale(const rm_item *raster, uint32_t *pixels, int64_t stride);

typedef struct rm_upscaled {
    const uint8_t *levels; /* [rows, cols] */
    int64_t rows, cols;
    uint8_t *owned; /* free it with rm_free; NULL where they are the raster's own */
} rm_upscaled;

/*
 * Cells of several pixels a side are repeated by as many: viewers that interpolate what they enlarge,
 * although files forbid it, then do so within a pixel. Above 4 million pixels, or 16,384 a side, cells stay
 * as they are. False where memory is short.
 */
bool rm_raster_upscale(const rm_item *raster, rm_upscaled *cells);

/* ---- files ---- */

/* ROPEMAP_USAGE for a format that there is none of, or a size in print that is out of range. `page` may be
 * NULL. */
ropemap_status rm_format_check(ropemap_format format, const ropemap_page *page, ropemap_error *error);

/* What a file says of itself without showing it: clean text (text.h), each may be empty. */
typedef struct rm_metadata {
    char title[RM_TEXT_BYTES], description[512];
} rm_metadata;

/* From fields of `title_size` and `size` bytes; `description` may be NULL. */
rm_metadata rm_metadata_of(const char *title, size_t title_size, const char *description, size_t size);

/* A drawing as a file; the format is checked. ROPEMAP_USAGE where the format cannot hold it,
 * ROPEMAP_RESOURCES. */
ropemap_status rm_encode(const rm_drawing *drawing, ropemap_format format, const ropemap_page *page,
                         const rm_metadata *metadata, ropemap_bytes *bytes, ropemap_error *error);

/*
 * Pixels, drawn on white. The font is ready (text.h), rasters lie on whole pixels. ROPEMAP_USAGE: a side
 * above RM_IMAGE_SIDE_MAX; ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_image(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error);

/*
 * Text stays text in the embedded font and rasters are images. The font is ready. `millimetres` is the page's
 * width, 0: pixels of 1/96 inch. ROPEMAP_USAGE: a side below 3 or above 14,400 points, or a raster of more
 * than 32,767 cells a side; ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_pdf(const rm_drawing *drawing, double millimetres, const rm_metadata *metadata,
                           ropemap_bytes *bytes, ropemap_error *error);

/*
 * Text stays text, with the width it has in the embedded font, rasters are embedded PNG images. The font is
 * ready. ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_svg(const rm_drawing *drawing, double millimetres, const rm_metadata *metadata,
                           ropemap_bytes *bytes, ropemap_error *error);

/*
 * `levels` [height, width] as an 8-bit palette PNG. ROPEMAP_USAGE where (width + 1) * height is beyond the
 * encoder, about 2^31; ROPEMAP_RESOURCES.
 */
ropemap_status rm_png_indexed(const uint8_t *levels, int64_t width, int64_t height, const rm_palette *palette,
                              ropemap_bytes *bytes, ropemap_error *error);

/* `image` as an 8-bit palette PNG: the colours that most pixels have, and for the others the nearest of them,
 * which for lines and text on paper differ by less than an eye sees. As rm_png_indexed. */
ropemap_status rm_png_few(const ropemap_image *image, ropemap_bytes *bytes, ropemap_error *error);

/* `image` as an RGB PNG. ROPEMAP_USAGE where (3 width + 1) * height is beyond the encoder; ROPEMAP_RESOURCES.
 */
ropemap_status rm_png_rgb(const ropemap_image *image, ropemap_bytes *bytes, ropemap_error *error);

/* Adds pixels an inch, where `dpi` is above 0, and metadata to a PNG file. ROPEMAP_RESOURCES, and the file is
 * freed. */
ropemap_status rm_png_describe(ropemap_bytes *bytes, double dpi, const rm_metadata *metadata,
                               ropemap_error *error);

/* Whether an image of this size can be encoded: for before it is drawn. */
ropemap_status rm_png_check(int64_t width, int64_t height, int channels, ropemap_error *error);

#endif
