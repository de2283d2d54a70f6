/* figure.c - a map as a picture */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/cell_text.h"
#include "host/figure/check.h"
#include "host/figure/font.h"
#include "host/figure/frame.h"
#include "host/figure/png.h"
#include "host/figure/sink_image.h"

#include <string.h>

void ropemap_bytes_free(ropemap_bytes *bytes) {
    if (bytes != NULL) {
        rm_free(bytes->data);
        *bytes = (ropemap_bytes){.data = NULL};
    }
}

void ropemap_image_free(ropemap_image *image) {
    if (image != NULL) {
        rm_free(image->rgb);
        *image = (ropemap_image){.rgb = NULL};
    }
}

/* A map whose cells are levels of a palette. */
typedef struct coloured {
    rm_colour colour;
    uint8_t *levels; /* [height, width] */
} coloured;

/* Checks everything and colours the map; free the levels. */
static ropemap_status colour_map(const ropemap_figure *figure, const ropemap_map *map, coloured *picture,
                                 ropemap_error *error) {
    RM_TRY(rm_check_map(map, error));
    RM_TRY(rm_check_figure(figure, map, error));
    RM_TRY(rm_colour_choose(figure, map, &picture->colour, error));
    const int64_t cells = map->height * map->width;
    picture->levels = rm_alloc_raw((uint64_t)cells, 1);
    if (picture->levels == NULL) {
        return rm_fail_memory(error, "figure", (uint64_t)cells);
    }
    rm_colour_levels(&picture->colour, map->cells, cells, picture->levels);
    return ROPEMAP_OK;
}

static ropemap_status draw_bare(const coloured *picture, const ropemap_map *map, ropemap_image *image,
                                ropemap_error *error) {
    const int64_t cells = map->height * map->width;
    uint8_t *rgb = rm_alloc_raw((uint64_t)cells, 3);
    if (rgb == NULL) {
        return rm_fail_memory(error, "figure", 3 * (uint64_t)cells);
    }
    for (int64_t cell = 0; cell < cells; cell++) {
        memcpy(rgb + 3 * cell, picture->colour.palette.rgb[picture->levels[cell]], 3);
    }
    *image = (ropemap_image){.width = map->width, .height = map->height, .rgb = rgb};
    return ROPEMAP_OK;
}

/* `for_png`: the image is to be encoded, which has a limit of its own. */
static ropemap_status draw_framed(const ropemap_figure *figure, const ropemap_map *map,
                                  const coloured *picture, bool for_png, ropemap_image *image,
                                  ropemap_error *error) {
    RM_TRY(rm_font_ready(error));
    const rm_layout layout = rm_layout_make(figure, map, &picture->colour);
    if (for_png) {
        RM_TRY(rm_png_check(layout.width, layout.height, 3, error));
    }
    rm_drawing drawing = {.items = NULL};
    rm_bar_levels bar;
    rm_frame_draw(&drawing, &layout, map, picture->levels, &picture->colour, &bar);
    if (rm_cell_text_wanted(figure, map)) {
        rm_cell_text_draw(&drawing, &layout, map, picture->levels, &picture->colour);
    }
    const ropemap_status status = rm_sink_image(&drawing, image, error);
    rm_drawing_free(&drawing);
    return status;
}

ropemap_status ropemap_figure_draw(const ropemap_figure *figure, const ropemap_map *map, ropemap_image *image,
                                   ropemap_error *error) {
    coloured picture = {.levels = NULL};
    RM_TRY(colour_map(figure, map, &picture, error));
    const ropemap_status status = figure->bare ? draw_bare(&picture, map, image, error)
                                               : draw_framed(figure, map, &picture, false, image, error);
    rm_free(picture.levels);
    return status;
}

ropemap_status ropemap_figure_png(const ropemap_figure *figure, const ropemap_map *map, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    coloured picture = {.levels = NULL};
    RM_TRY(colour_map(figure, map, &picture, error));
    if (figure->bare) {
        const ropemap_status status =
            rm_png_indexed(picture.levels, map->width, map->height, &picture.colour.palette, bytes, error);
        rm_free(picture.levels);
        return status;
    }
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = draw_framed(figure, map, &picture, true, &image, error);
    rm_free(picture.levels); /* before the encoder takes its share of memory */
    if (status == ROPEMAP_OK) {
        status = rm_png_rgb(&image, bytes, error);
        ropemap_image_free(&image);
    }
    return status;
}
