/* drawing_png.h - a drawing as a PNG file, in two steps between which it can be freed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_DRAWING_PNG_H
#define ROPEMAP_HOST_FIGURE_DRAWING_PNG_H

#include "host/figure/drawing.h"

/* Pixels of a drawing that a PNG file can hold. ROPEMAP_USAGE where it is too large, ROPEMAP_RESOURCES. */
ropemap_status rm_drawing_pixels(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error);

/* Encodes and frees them, also after a failure; `dpi` pixels an inch are told, none where it is 0. */
ropemap_status rm_pixels_png(ropemap_image *image, double dpi, ropemap_bytes *bytes, ropemap_error *error);

#endif
