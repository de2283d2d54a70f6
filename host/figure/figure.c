/* figure.c - a map as a figure */
/* SPDX-License-Identifier: MIT */
#include "host/figure/figure.h"
#include "host/base/alloc.h"
#include "host/figure/drawing.h"
#include "host/figure/layout.h"
#include "host/figure/overlay.h"
#include "host/figure/png.h"
#include "host/figure/sink_cairo.h"
#include "host/figure/sink_svg.h"
#include "host/figure/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

ropemap_status rm_check_map(const ropemap_map *map, ropemap_error *error) {
    if (map->cells == NULL || map->height < 1 || map->width < 1) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "map: %" PRId64 " x %" PRId64 " cells%s, expected at least 1 x 1", map->width,
                       map->height, map->cells == NULL ? " and none in memory" : "");
    }
    if (map->height > ROPEMAP_MAX_SIDE || map->width > ROPEMAP_MAX_SIDE) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "map: %" PRId64 " x %" PRId64 " cells, expected at most %d a side", map->width,
                       map->height, ROPEMAP_MAX_SIDE);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_range(const char *name, const ropemap_range *range, int64_t cells,
                                  ropemap_error *error) {
    const bool positive = range->first >= 0 && range->count >= 1 && range->step >= 1;
    const bool below_end = positive && range->first < ROPEMAP_POSITION_END &&
                           range->count - 1 <= (ROPEMAP_POSITION_END - 1 - range->first) / range->step;
    if (!below_end) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "figure: %s %" PRId64 ":%" PRId64 ":%" PRId64
                       ", expected FIRST:COUNT:STEP with positions from 0 to 2^40 - 1",
                       name, range->first, range->count, range->step);
    }
    if (range->count < cells) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "figure: %" PRId64 " %s for %" PRId64 " cells, expected a position a cell at least",
                       range->count, name, cells);
    }
    return ROPEMAP_OK;
}

/* What chooses levels, and so holds for bare figures too. */
static ropemap_status check_colours(const ropemap_figure *figure, ropemap_error *error) {
    if (ropemap_colormap_name(figure->colormap) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "colour map: number %d, expected one of ropemap_colormap",
                       (int)figure->colormap);
    }
    if (ropemap_norm_name(figure->norm) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "norm: number %d, expected one of ropemap_norm",
                       (int)figure->norm);
    }
    if (!(figure->linear_below >= 0.0) || !isfinite(figure->linear_below)) {
        return rm_fail(error, ROPEMAP_USAGE, "norm: linear below %g, expected a number above 0, or 0",
                       figure->linear_below);
    }
    if (!(figure->percentile >= 0.0 && figure->percentile <= 0.4)) {
        return rm_fail(error, ROPEMAP_USAGE, "percentile: a share of %g of the cells, expected 0 to 0.4",
                       figure->percentile);
    }
    if (figure->percentile > 0.0 && figure->has_limits) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "percentile: given with colour limits (%g to %g), expected one of the two",
                       figure->low, figure->high);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_overlay(const ropemap_figure *figure, ropemap_error *error) {
    const int32_t most = (int32_t)(sizeof figure->contours / sizeof *figure->contours);
    if (figure->contour_count < 0 || figure->contour_count > most) {
        return rm_fail(error, ROPEMAP_USAGE, "contour: %" PRId32 ", expected 0 to %" PRId32,
                       figure->contour_count, most);
    }
    for (int32_t at = 0; at < figure->contour_count; at++) {
        if (!isfinite(figure->contours[at])) {
            return rm_fail(error, ROPEMAP_USAGE, "contour: one at %g, expected a finite number",
                           figure->contours[at]);
        }
    }
    if (figure->trained_length < 0) {
        return rm_fail(error, ROPEMAP_USAGE, "figure: a trained length of %" PRId64 ", expected 0 or more",
                       figure->trained_length);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_check_width(int64_t width, const char *what, ropemap_error *error) {
    return width == 0 || (width > 0 && width <= RM_IMAGE_SIDE_MAX)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 " pixels wide, expected 1 to %d, or 0", what,
                         width, (int)RM_IMAGE_SIDE_MAX);
}

ropemap_status rm_check_figure(const ropemap_figure *figure, const ropemap_map *map, ropemap_error *error) {
    RM_TRY(check_colours(figure, error));
    RM_TRY(rm_print_check(figure->font_size, figure->dpi, error));
    if (figure->bare) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_check_width(figure->width, "figure", error));
    RM_TRY(check_overlay(figure, error));
    RM_TRY(check_range("rows", &figure->rows, map->height, error));
    return check_range("cols", &figure->cols, map->width, error);
}

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

/* A figure's items and what they borrow. A bare figure is a single raster, one pixel a cell. */
typedef struct scene {
    rm_colour colour;
    uint8_t *levels; /* [height, width] of the map */
    rm_bar_levels bar;
    rm_drawing drawing;
} scene;

static void free_scene(scene *made) {
    rm_drawing_free(&made->drawing);
    rm_free(made->levels);
    made->levels = NULL;
}

/* Checks everything and colours the map. */
static ropemap_status colour_map(const ropemap_figure *figure, const ropemap_map *map, scene *made,
                                 ropemap_error *error) {
    RM_TRY(rm_check_map(map, error));
    RM_TRY(rm_check_figure(figure, map, error));
    RM_TRY(rm_colour_choose(figure, map, &made->colour, error));
    if (!figure->bare) {
        RM_TRY(rm_font_ready(error));
    }
    const int64_t cells = map->height * map->width;
    made->levels = rm_alloc_raw((uint64_t)cells, 1);
    if (made->levels == NULL) {
        return rm_fail_memory(error, "figure", (uint64_t)cells);
    }
    rm_colour_levels(&made->colour, map->cells, cells, made->levels);
    return ROPEMAP_OK;
}

static void draw_bare(const ropemap_map *map, scene *made) {
    made->drawing.width = map->width;
    made->drawing.height = map->height;
    rm_drawing_raster(&made->drawing, &(rm_item){.width = (double)map->width,
                                                 .height = (double)map->height,
                                                 .levels = made->levels,
                                                 .rows = map->height,
                                                 .cols = map->width,
                                                 .palette = &made->colour.palette});
}

static ropemap_status draw_framed(const ropemap_figure *figure, const ropemap_map *map, scene *made,
                                  ropemap_error *error) {
    const rm_layout layout = rm_layout_make(figure, map, &made->colour);
    RM_TRY(rm_layout_check(&layout, figure, error));
    rm_frame_draw(&made->drawing, &layout, map, made->levels, &made->colour, &made->bar);
    RM_TRY(rm_overlay_draw(&made->drawing, &layout, figure, map, &made->colour, error));
    if (rm_cell_text_wanted(figure, map)) {
        rm_cell_text_draw(&made->drawing, &layout, map, made->levels, &made->colour);
    }
    return ROPEMAP_OK;
}

/* Free the scene, unless this fails; it stays where it is made, as its items point into it. */
static ropemap_status make_scene(const ropemap_figure *figure, const ropemap_map *map, scene *made,
                                 ropemap_error *error) {
    *made = (scene){.levels = NULL};
    RM_TRY(colour_map(figure, map, made, error));
    if (figure->bare) {
        draw_bare(map, made);
        return ROPEMAP_OK;
    }
    const ropemap_status status = draw_framed(figure, map, made, error);
    if (status != ROPEMAP_OK) {
        free_scene(made);
    }
    return status;
}

/* A bare figure needs no cairo, whose images end before a map does. */
static ropemap_status expand_levels(const scene *made, const ropemap_map *map, ropemap_image *image,
                                    ropemap_error *error) {
    const int64_t cells = map->height * map->width;
    uint8_t *rgb = rm_alloc_raw((uint64_t)cells, 3);
    if (rgb == NULL) {
        return rm_fail_memory(error, "figure", 3 * (uint64_t)cells);
    }
    for (int64_t cell = 0; cell < cells; cell++) {
        memcpy(rgb + 3 * cell, made->colour.palette.rgb[made->levels[cell]], 3);
    }
    *image = (ropemap_image){.width = map->width, .height = map->height, .rgb = rgb};
    return ROPEMAP_OK;
}

ropemap_status ropemap_figure_draw(const ropemap_figure *figure, const ropemap_map *map, ropemap_image *image,
                                   ropemap_error *error) {
    scene made;
    RM_TRY(make_scene(figure, map, &made, error));
    const ropemap_status status =
        figure->bare ? expand_levels(&made, map, image, error) : rm_sink_image(&made.drawing, image, error);
    free_scene(&made);
    return status;
}

ropemap_status ropemap_figure_png(const ropemap_figure *figure, const ropemap_map *map, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    scene made;
    RM_TRY(make_scene(figure, map, &made, error));
    if (figure->bare) {
        const ropemap_status status =
            rm_png_indexed(made.levels, map->width, map->height, &made.colour.palette, bytes, error);
        free_scene(&made);
        return status == ROPEMAP_OK ? rm_png_density(bytes, figure->dpi, error) : status;
    }
    ropemap_image image = {.rgb = NULL};
    const ropemap_status status = rm_drawing_pixels(&made.drawing, &image, error);
    free_scene(&made);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, figure->dpi, bytes, error) : status;
}

/* ---- pages ---- */

typedef ropemap_status (*page_sink)(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                                    ropemap_error *error);

static ropemap_status make_page(const ropemap_figure *figure, const ropemap_map *map, double millimetres,
                                page_sink sink, ropemap_bytes *bytes, ropemap_error *error) {
    char title[RM_TEXT_BYTES];
    rm_text_clean(title, figure->title, sizeof figure->title);
    const rm_page page = {
        .title = title, .millimetres = millimetres, .dpi = figure->dpi, .paper = !figure->bare};
    RM_TRY(rm_page_check(&page, error));
    scene made;
    RM_TRY(make_scene(figure, map, &made, error));
    const ropemap_status status = sink(&made.drawing, &page, bytes, error);
    free_scene(&made);
    return status;
}

ropemap_status ropemap_figure_svg(const ropemap_figure *figure, const ropemap_map *map, double millimetres,
                                  ropemap_bytes *bytes, ropemap_error *error) {
    return make_page(figure, map, millimetres, rm_sink_svg, bytes, error);
}

ropemap_status ropemap_figure_pdf(const ropemap_figure *figure, const ropemap_map *map, double millimetres,
                                  ropemap_bytes *bytes, ropemap_error *error) {
    return make_page(figure, map, millimetres, rm_sink_pdf, bytes, error);
}
