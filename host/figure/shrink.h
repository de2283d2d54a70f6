/* shrink.h - a raster with more cells than pixels */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_SHRINK_H
#define ROPEMAP_HOST_FIGURE_SHRINK_H

#include "host/figure/drawing.h"

/* Whether the raster has more cells than pixels along a side. */
bool rm_raster_shrinks(const rm_item *raster);

/*
 * Each pixel the mean colour of the cells it covers, by area and to the nearest: `pixels` 0x00RRGGBB, rows
 * `stride` apart. Whole pixels wide and high. False where memory is short.
 */
bool rm_raster_shrink(const rm_item *raster, uint32_t *pixels, int64_t stride);

#endif
