/* positions_grid.c - positions of the patches of an image or a video */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/positions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static ropemap_status check(const ropemap_grid *grid, int64_t *count, ropemap_error *error) {
    if (grid->axes < 2 || grid->axes > ROPEMAP_MAX_AXES || grid->first < 0) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "grid: %" PRId32 " axes counted from %" PRId32 ", there are 2 to %d", grid->axes,
                       grid->first, ROPEMAP_MAX_AXES);
    }
    *count = 1;
    for (int32_t axis = 0; axis < grid->axes; axis++) {
        const int32_t side = grid->sides[axis];
        if (side < 1 || side > ROPEMAP_MAX_GRID) {
            return rm_fail(error, ROPEMAP_USAGE, "grid: %" PRId32 " patches a side, expected 1 to %d", side,
                           ROPEMAP_MAX_GRID);
        }
        *count *= side;
    }
    return *count < ROPEMAP_POSITION_END
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "grid: %" PRId64 " patches in all, there may be 2^40 - 1",
                         *count);
}

static void label(const ropemap_grid *grid, char *text, size_t size) {
    (void)snprintf(text, size, "grid of ");
    for (int32_t axis = 0; axis < grid->axes; axis++) {
        const size_t length = strlen(text);
        (void)snprintf(text + length, size - length, "%s%" PRId32, axis == 0 ? "" : " x ", grid->sides[axis]);
    }
}

/* One side's positions repeat in runs as long as the sides within it have patches. */
static void fill(const ropemap_grid *grid, int64_t count, int64_t *values) {
    int64_t run = 1;
    for (int32_t side = grid->axes - 1; side >= 0; side--) {
        const int32_t axis = grid->across_first ? grid->axes - 1 - side : side;
        for (int64_t i = 0; i < count; i++) {
            values[axis * count + i] = i / run % grid->sides[side] + grid->first;
        }
        run *= grid->sides[side];
    }
}

ropemap_status ropemap_positions_grid(const ropemap_grid *grid, ropemap_positions **positions,
                                      ropemap_error *error) {
    int64_t count = 0;
    *positions = NULL;
    RM_TRY(check(grid, &count, error));
    const uint64_t elements = (uint64_t)grid->axes * (uint64_t)count;
    ropemap_positions *made = rm_alloc(1, sizeof *made);
    int64_t *values = rm_alloc_raw(elements, sizeof *values);
    if (made == NULL || values == NULL) {
        rm_free(made);
        rm_free(values);
        return rm_fail_memory(error, "positions", elements * sizeof *values);
    }
    int32_t longest = 1;
    for (int32_t axis = 0; axis < grid->axes; axis++) {
        longest = grid->sides[axis] > longest ? grid->sides[axis] : longest;
    }
    *made = (ropemap_positions){.count = count,
                                .axes = grid->axes,
                                .least = grid->first,
                                .greatest = grid->first + longest - 1,
                                .values = values};
    label(grid, made->label, sizeof made->label);
    fill(grid, count, values);
    *positions = made;
    return ROPEMAP_OK;
}
