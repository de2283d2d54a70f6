/* png.h - pixels as a PNG file in memory */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_PNG_H
#define ROPEMAP_HOST_FIGURE_PNG_H

#include "host/base/status.h"
#include "host/figure/colour.h"
#include "host/figure/drawing.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * `levels` [height, width] as an 8-bit palette PNG. ROPEMAP_USAGE where (width + 1) * height is beyond the
 * encoder, about 2^31; ROPEMAP_RESOURCES.
 */
ropemap_status rm_png_indexed(const uint8_t *levels, int64_t width, int64_t height, const rm_palette *palette,
                              ropemap_bytes *bytes, ropemap_error *error);

/* `image` as an RGB PNG. ROPEMAP_USAGE where (3 width + 1) * height is beyond the encoder; ROPEMAP_RESOURCES.
 */
ropemap_status rm_png_rgb(const ropemap_image *image, ropemap_bytes *bytes, ropemap_error *error);

/* Adds to a PNG file how many pixels an inch has; nothing where `dpi` is 0. ROPEMAP_RESOURCES, and the file
 * is freed. */
ropemap_status rm_png_density(ropemap_bytes *bytes, double dpi, ropemap_error *error);

/* Whether an image of this size can be encoded: to be asked before it is drawn. */
ropemap_status rm_png_check(int64_t width, int64_t height, int channels, ropemap_error *error);

/* Pixels of a drawing that a PNG file can hold. ROPEMAP_USAGE where it is too large, ROPEMAP_RESOURCES. */
ropemap_status rm_drawing_pixels(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error);

/* Encodes and frees them, also after a failure; `dpi` pixels an inch are told, none where it is 0. */
ropemap_status rm_pixels_png(ropemap_image *image, double dpi, ropemap_bytes *bytes, ropemap_error *error);

#endif
