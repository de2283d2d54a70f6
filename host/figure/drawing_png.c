/* drawing_png.c - a drawing as a PNG file, in two steps between which it can be freed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/drawing_png.h"
#include "host/figure/png.h"
#include "host/figure/sink_image.h"

ropemap_status rm_drawing_pixels(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error) {
    RM_TRY(rm_png_check(drawing->width, drawing->height, 3, error));
    return rm_sink_image(drawing, image, error);
}

ropemap_status rm_pixels_png(ropemap_image *image, double dpi, ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_status status = rm_png_rgb(image, bytes, error);
    ropemap_image_free(image);
    return status == ROPEMAP_OK ? rm_png_density(bytes, dpi, error) : status;
}
