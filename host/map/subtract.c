/* subtract.c - the difference of two maps, cell by cell */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"

#include <inttypes.h>
#include <math.h>

ropemap_status ropemap_map_subtract(ropemap_map *map, const ropemap_map *other, ropemap_error *error) {
    if (map->height != other->height || map->width != other->width) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "map: %" PRId64 " x %" PRId64 " cells, expected those of the other, %" PRId64
                       " x %" PRId64,
                       map->width, map->height, other->width, other->height);
    }
    const int64_t cells = map->height * map->width;
    double sum = 0.0, min = INFINITY, max = -INFINITY;
    int64_t count = 0;
    for (int64_t i = 0; i < cells; i++) {
        const float less = map->cells[i] - other->cells[i];
        map->cells[i] = less;
        if (!isnan(less)) {
            min = fmin(min, (double)less);
            max = fmax(max, (double)less);
            sum += (double)less;
            count++;
        }
    }
    map->nan_cells = cells - count;
    map->min = count > 0 ? min : (double)NAN;
    map->max = count > 0 ? max : (double)NAN;
    map->mean = count > 0 ? sum / (double)count : (double)NAN;
    return ROPEMAP_OK;
}
