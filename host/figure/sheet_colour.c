/* sheet_colour.c - the one colour scale of a sheet */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet_colour.h"

#include "host/figure/check.h"
#include "host/figure/norm_ticks.h"

#include <math.h>

/* What a scale depends on, of the cells of all panels; NaN where there is no such cell. */
typedef struct span {
    float low, high; /* finite ones */
    float positive;  /* the least one above 0, where a logarithmic scale begins */
    bool has_nan;
} span;

static void take_cells(span *all, const ropemap_map *map) {
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const float value = map->cells[cell];
        if (isfinite(value)) {
            all->low = fminf(all->low, value);
            all->high = fmaxf(all->high, value);
            all->positive = value > 0.0F ? fminf(all->positive, value) : all->positive;
        } else {
            all->has_nan = all->has_nan || isnan(value);
        }
    }
}

/* The rules are a figure's: it is given a map of the cells that decide. */
ropemap_status rm_sheet_colour_choose(const ropemap_sheet *sheet, rm_colour *colour, bool *has_nan,
                                      ropemap_error *error) {
    span all = {.low = NAN, .high = NAN, .positive = NAN};
    for (int32_t index = 0; index < sheet->count; index++) {
        take_cells(&all, sheet->panels[index].map);
    }
    float cells[3] = {all.low, all.high, all.positive};
    const ropemap_map map = {.height = 1,
                             .width = 3,
                             .cells = cells,
                             .min = (double)all.low,
                             .max = (double)all.high,
                             .mean = (double)all.low,
                             .nan_cells = all.has_nan ? 1 : 0};
    const ropemap_figure figure = {.colormap = sheet->colormap,
                                   .norm = sheet->norm,
                                   .has_limits = sheet->has_limits,
                                   .low = sheet->low,
                                   .high = sheet->high,
                                   .rows = {.count = 1, .step = 1},
                                   .cols = {.count = 3, .step = 1}};
    *has_nan = all.has_nan;
    RM_TRY(rm_check_figure(&figure, &map, error));
    return rm_colour_choose(&figure, &map, colour, error);
}

rm_ticks rm_sheet_colour_ticks(const rm_colour *colour, int32_t most) {
    return rm_norm_ticks(colour->norm, colour->low, colour->high, most);
}
