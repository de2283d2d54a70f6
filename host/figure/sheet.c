/* sheet.c - maps side by side with one colour scale, as a PNG file */
/* SPDX-License-Identifier: MIT */
#include "host/figure/png.h"
#include "host/figure/sheet_scene.h"
#include "host/figure/sink_image.h"

ropemap_status ropemap_sheet_png(const ropemap_sheet *sheet, ropemap_bytes *bytes, ropemap_error *error) {
    rm_sheet_scene scene;
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = rm_sheet_scene_make(sheet, &scene, error);
    if (status == ROPEMAP_OK) {
        status = rm_png_check(scene.drawing.width, scene.drawing.height, 3, error);
    }
    if (status == ROPEMAP_OK) {
        status = rm_sink_image(&scene.drawing, &image, error);
    }
    rm_sheet_scene_free(&scene); /* before the encoder takes its share of memory */
    if (status == ROPEMAP_OK) {
        status = rm_png_rgb(&image, bytes, error);
        ropemap_image_free(&image);
    }
    return status;
}
