/* sink_cairo.h - a drawing through cairo: pixels, and a PDF file of one page */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SINK_CAIRO_H
#define ROPEMAP_HOST_FIGURE_SINK_CAIRO_H

#include "host/figure/drawing.h"

struct _cairo;

enum { RM_IMAGE_SIDE_MAX = 32767 }; /* where cairo's image surfaces end */

/*
 * Draws on white. The font is ready (font.h), rasters lie on whole pixels. ROPEMAP_USAGE: a side above
 * RM_IMAGE_SIDE_MAX; ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_image(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error);

/*
 * Text stays text in the embedded font and rasters are images. The font is ready (font.h). ROPEMAP_USAGE: a
 * page's width out of range, a side below 3 or above 14,400 points, or a raster of more than 32,767 cells a
 * side; ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_pdf(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                           ropemap_error *error);

#endif
