/* sheet.c - maps side by side with one colour scale, as a PNG file */
/* SPDX-License-Identifier: MIT */
#include "host/figure/drawing_png.h"
#include "host/figure/sheet_scene.h"

ropemap_status ropemap_sheet_png(const ropemap_sheet *sheet, ropemap_bytes *bytes, ropemap_error *error) {
    rm_sheet_scene scene;
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = rm_sheet_scene_make(sheet, &scene, error);
    if (status == ROPEMAP_OK) {
        status = rm_drawing_pixels(&scene.drawing, &image, error);
    }
    rm_sheet_scene_free(&scene);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, sheet->dpi, bytes, error) : status;
}
