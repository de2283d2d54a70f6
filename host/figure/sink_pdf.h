/* sink_pdf.h - a drawing as a PDF file of one page */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SINK_PDF_H
#define ROPEMAP_HOST_FIGURE_SINK_PDF_H

#include "host/figure/drawing.h"
#include "host/figure/page.h"

/*
 * Text stays text in the embedded font and rasters are images. The font is ready (font.h). ROPEMAP_USAGE: a
 * page's width out of range, a side below 3 or above 14,400 points, or a raster of more than 32,767 cells a
 * side; ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_pdf(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                           ropemap_error *error);

#endif
