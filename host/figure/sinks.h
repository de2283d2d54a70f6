/* sinks.h - the files that a drawing becomes */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SINKS_H
#define ROPEMAP_HOST_FIGURE_SINKS_H

#include "host/figure/drawing.h"

enum { RM_IMAGE_SIDE_MAX = 32767 }; /* where cairo's image surfaces end */

/* ROPEMAP_USAGE for a format that there is none of, or a size in print that is out of range. `page` may be
 * NULL. */
ropemap_status rm_format_check(ropemap_format format, const ropemap_page *page, ropemap_error *error);

/* A drawing as a file; the format is checked, `title` is clean text (text.h). ROPEMAP_USAGE where the format
 * cannot hold it, ROPEMAP_RESOURCES. */
ropemap_status rm_encode(const rm_drawing *drawing, ropemap_format format, const ropemap_page *page,
                         const char *title, ropemap_bytes *bytes, ropemap_error *error);

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
ropemap_status rm_sink_pdf(const rm_drawing *drawing, double millimetres, const char *title,
                           ropemap_bytes *bytes, ropemap_error *error);

/*
 * Text stays text, with the width it has in the embedded font, rasters are embedded PNG images. The font is
 * ready. ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_svg(const rm_drawing *drawing, double millimetres, const char *title,
                           ropemap_bytes *bytes, ropemap_error *error);

/*
 * `levels` [height, width] as an 8-bit palette PNG. ROPEMAP_USAGE where (width + 1) * height is beyond the
 * encoder, about 2^31; ROPEMAP_RESOURCES.
 */
ropemap_status rm_png_indexed(const uint8_t *levels, int64_t width, int64_t height, const rm_palette *palette,
                              ropemap_bytes *bytes, ropemap_error *error);

/* `image` as an RGB PNG. ROPEMAP_USAGE where (3 width + 1) * height is beyond the encoder; ROPEMAP_RESOURCES.
 */
ropemap_status rm_png_rgb(const ropemap_image *image, ropemap_bytes *bytes, ropemap_error *error);

/* Adds the pixels an inch to a PNG file; nothing where `dpi` is 0. ROPEMAP_RESOURCES, and the file is freed.
 */
ropemap_status rm_png_density(ropemap_bytes *bytes, double dpi, ropemap_error *error);

/* Whether an image of this size can be encoded: for before it is drawn. */
ropemap_status rm_png_check(int64_t width, int64_t height, int channels, ropemap_error *error);

#endif
