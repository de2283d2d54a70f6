/* sink_image.h - a drawing as pixels */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SINK_IMAGE_H
#define ROPEMAP_HOST_FIGURE_SINK_IMAGE_H

#include "host/figure/drawing.h"

enum { RM_IMAGE_SIDE_MAX = 32767 }; /* where cairo's image surfaces end */

/*
 * Draws on white. The font is ready (font.h), rasters lie on whole pixels. ROPEMAP_USAGE: a side above
 * RM_IMAGE_SIDE_MAX; ROPEMAP_RESOURCES.
 */
ropemap_status rm_sink_image(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error);

#endif
