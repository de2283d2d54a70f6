/* raster.c - a raster's cells scaled up or down to whole pixels */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/sinks.h"

#include <string.h>

enum { CHANNELS = 3 };

/*
 * Along a side of `cells` and `pixels` the unit of length is the product's: a cell is `pixels` long and a
 * pixel `cells`, so that what one covers of the other is a whole number.
 */
static uint64_t covered(int64_t cell, int64_t cells, int64_t pixel, int64_t pixels) {
    const int64_t first = cell * pixels > pixel * cells ? cell * pixels : pixel * cells;
    const int64_t cell_end = (cell + 1) * pixels, pixel_end = (pixel + 1) * cells;
    return (uint64_t)((cell_end < pixel_end ? cell_end : pixel_end) - first);
}

/* The last of `cells` that has a part in a pixel. */
static int64_t last_cell(int64_t pixel, int64_t pixels, int64_t cells) {
    return ((pixel + 1) * cells - 1) / pixels;
}

/* Adds a row of cells, `weight` of each, to the sums of a row of pixels: [width, 3]. */
static void add_row(const rm_item *raster, const uint8_t *levels, uint64_t weight, uint64_t *sums) {
    const int64_t width = (int64_t)raster->width, cols = raster->cols;
    for (int64_t x = 0; x < width; x++, sums += CHANNELS) {
        const int64_t last = last_cell(x, width, cols);
        for (int64_t col = x * cols / width; col <= last; col++) {
            const uint64_t part = weight * covered(col, cols, x, width);
            const uint8_t *rgb = raster->palette->rgb[levels[col]];
            for (int channel = 0; channel < CHANNELS; channel++) {
                sums[channel] += part * rgb[channel];
            }
        }
    }
}

static void put_row(const uint64_t *sums, int64_t width, uint64_t whole, uint32_t *pixels) {
    for (int64_t x = 0; x < width; x++) {
        uint32_t word = 0;
        for (int channel = 0; channel < CHANNELS; channel++) {
            word = word << 8 | (uint32_t)((sums[CHANNELS * x + channel] + whole / 2) / whole);
        }
        pixels[x] = word;
    }
}

bool rm_raster_is_larger(const rm_item *raster) {
    return raster->width < (double)raster->cols || raster->height < (double)raster->rows;
}

bool rm_raster_downscale(const rm_item *raster, uint32_t *pixels, int64_t stride) {
    const int64_t width = (int64_t)raster->width, height = (int64_t)raster->height, rows = raster->rows;
    const uint64_t whole = (uint64_t)rows * (uint64_t)raster->cols; /* a pixel's area */
    uint64_t *sums = rm_alloc_raw(CHANNELS * (uint64_t)width, sizeof *sums);
    if (sums == NULL) {
        return false;
    }
    for (int64_t y = 0; y < height; y++) {
        memset(sums, 0, CHANNELS * (size_t)width * sizeof *sums);
        const int64_t last = last_cell(y, height, rows);
        for (int64_t row = y * rows / height; row <= last; row++) {
            add_row(raster, raster->levels + row * raster->cols, covered(row, rows, y, height), sums);
        }
        put_row(sums, width, whole, pixels + y * stride);
    }
    rm_free(sums);
    return true;
}

enum { ENLARGED_MAX = 1 << 22, ENLARGED_SIDE_MAX = 16384 }; /* pixels, and those of a side */

/* Whole pixels a cell along one side. */
static int64_t times(double pixels, int64_t cells) {
    const int64_t whole = (int64_t)pixels / cells;
    return whole > 1 ? whole : 1;
}

bool rm_raster_upscale(const rm_item *raster, rm_upscaled *cells) {
    const int64_t down = times(raster->height, raster->rows), across = times(raster->width, raster->cols);
    const int64_t rows = raster->rows * down, cols = raster->cols * across;
    *cells = (rm_upscaled){.levels = raster->levels, .rows = raster->rows, .cols = raster->cols};
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
    *cells = (rm_upscaled){.levels = levels, .rows = rows, .cols = cols, .owned = levels};
    return true;
}
