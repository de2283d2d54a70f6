/* check.c - whether a map and a figure can be shown at all */
/* SPDX-License-Identifier: MIT */
#include "host/figure/check.h"

#include <inttypes.h>

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

ropemap_status rm_check_figure(const ropemap_figure *figure, const ropemap_map *map, ropemap_error *error) {
    if (ropemap_colormap_name(figure->colormap) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "colour map: number %d, expected one of ropemap_colormap",
                       (int)figure->colormap);
    }
    if (figure->bare) {
        return ROPEMAP_OK;
    }
    if (figure->scale != 0.0 && !(figure->scale >= 0.25 && figure->scale <= 8.0)) {
        return rm_fail(error, ROPEMAP_USAGE, "figure: scale %g, expected 0.25 to 8, or 0 for the map's own",
                       figure->scale);
    }
    RM_TRY(check_range("rows", &figure->rows, map->height, error));
    return check_range("cols", &figure->cols, map->width, error);
}
