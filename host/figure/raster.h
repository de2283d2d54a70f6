/* raster.h - a raster's cells in the number that a page shows them with */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_RASTER_H
#define ROPEMAP_HOST_FIGURE_RASTER_H

#include "host/figure/drawing.h"

typedef struct rm_cells {
    const uint8_t *levels; /* [rows, cols] */
    int64_t rows, cols;
    uint8_t *owned; /* free it with rm_free; NULL where they are the raster's own */
} rm_cells;

/*
 * Cells of several pixels a side are repeated by as many: readers that blend what they enlarge, against what
 * files say, then blend within a pixel. What would be above 4 million pixels or 16,384 a side stays as it is.
 * False where memory is short.
 */
bool rm_raster_enlarge(const rm_item *raster, rm_cells *cells);

#endif
