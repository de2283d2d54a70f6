/* positions_grid.c - positions of image patches, on two axes */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/positions.h"

#include <stdio.h>

enum { SIDE_MOST = 4096 };

/* Counted from 1, as Llama 4's vision encoder counts them. */
ropemap_status ropemap_positions_grid(int32_t side, ropemap_positions **positions, ropemap_error *error) {
    *positions = NULL;
    if (side < 1 || side > SIDE_MOST) {
        return rm_fail(error, ROPEMAP_USAGE, "grid: %d patches a side, expected 1 to %d", (int)side,
                       SIDE_MOST);
    }
    const int64_t count = (int64_t)side * side;
    ropemap_positions *made = rm_alloc(1, sizeof *made);
    int64_t *values = rm_alloc_raw(2 * (uint64_t)count, sizeof *values);
    if (made == NULL || values == NULL) {
        rm_free(made);
        rm_free(values);
        return rm_fail_memory(error, "positions", 2 * (uint64_t)count * sizeof *values);
    }
    *made = (ropemap_positions){.count = count, .axes = 2, .least = 1, .greatest = side, .values = values};
    (void)snprintf(made->label, sizeof made->label, "grid of %d x %d", (int)side, (int)side);
    for (int64_t i = 0; i < count; i++) {
        values[i] = i % side + 1;
        values[count + i] = i / side + 1;
    }
    *positions = made;
    return ROPEMAP_OK;
}
