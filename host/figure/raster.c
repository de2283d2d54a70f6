/* raster.c - a raster's cells in the number that a page shows them with */
/* SPDX-License-Identifier: MIT */
#include "host/figure/raster.h"
#include "host/base/alloc.h"

#include <string.h>

enum { ENLARGED_MAX = 1 << 22, ENLARGED_SIDE_MAX = 16384 }; /* pixels, and those of a side */

/* Whole pixels a cell along one side. */
static int64_t times(double pixels, int64_t cells) {
    const int64_t whole = (int64_t)pixels / cells;
    return whole > 1 ? whole : 1;
}

bool rm_raster_enlarge(const rm_item *raster, rm_cells *cells) {
    const int64_t down = times(raster->height, raster->rows), across = times(raster->width, raster->cols);
    const int64_t rows = raster->rows * down, cols = raster->cols * across;
    *cells = (rm_cells){.levels = raster->levels, .rows = raster->rows, .cols = raster->cols};
    if (down * across == 1 || rows > ENLARGED_MAX / cols || rows > ENLARGED_SIDE_MAX ||
        cols > ENLARGED_SIDE_MAX) {
        return true;
    }
    uint8_t *levels = rm_alloc_raw((uint64_t)(rows * cols), 1);
    if (levels == NULL) {
        return false;
    }
    for (int64_t row = 0; row < rows; row++) {
        uint8_t *to = levels + row * cols;
        if (row % down != 0) {
            memcpy(to, to - cols, (size_t)cols);
            continue;
        }
        for (int64_t col = 0; col < raster->cols; col++) {
            memset(to + col * across, raster->levels[row / down * raster->cols + col], (size_t)across);
        }
    }
    *cells = (rm_cells){.levels = levels, .rows = rows, .cols = cols, .owned = levels};
    return true;
}
