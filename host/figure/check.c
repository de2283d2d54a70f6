/* check.c - whether a map and a figure can be shown at all */
/* SPDX-License-Identifier: MIT */
#include "host/figure/check.h"
#include "host/figure/page.h"
#include "host/figure/sink_image.h"

#include <inttypes.h>
#include <math.h>

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
