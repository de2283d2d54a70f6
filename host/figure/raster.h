/* raster.h - a raster's cells scaled up or down to whole pixels */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_RASTER_H
#define ROPEMAP_HOST_FIGURE_RASTER_H

#include "host/figure/drawing.h"

/* Whether the raster has more cells than pixels along a side. */
bool rm_raster_is_larger(const rm_item *raster);

/*
 * Each pixel the mean colour of the cells it covers, by area and to the nearest: `pixels` 0x00RRGGBB, rows
 * `stride` apart. Whole pixels wide and high. False where memory is short.
 */
bool rm_raster_downscale(const rm_item *raster, uint32_t *pixels, int64_t stride);

typedef struct rm_upscaled {
    const uint8_t *levels; /* [rows, cols] */
    int64_t rows, cols;
    uint8_t *owned; /* free it with rm_free; NULL where they are the raster's own */
} rm_upscaled;

/*
 * Cells of several pixels a side are repeated by as many: viewers that interpolate what they enlarge,
 * although files forbid it, then do so within a pixel. Above 4 million pixels, or 16,384 a side, cells stay
 * as they are. False where memory is short.
 */
bool rm_raster_upscale(const rm_item *raster, rm_upscaled *cells);

#endif
