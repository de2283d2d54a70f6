/* sink_svg.h - a drawing as an SVG file */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SINK_SVG_H
#define ROPEMAP_HOST_FIGURE_SINK_SVG_H

#include "host/figure/drawing.h"

/*
 * Text stays text and rasters are embedded images. The font is ready (font.h). ROPEMAP_USAGE: a page's width
 * out of range, or a raster that png.h cannot encode; ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_svg(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                           ropemap_error *error);

#endif
