/* test_drawing.c - cells that are smaller than a pixel: its colour is their mean by area */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/drawing.h"
#include "tests/unit.h"

#include <math.h>

enum { CELLS_MOST = 60 * 60, GAP = 3 };

/* What [first, end) covers of [cell, cell + 1). */
static double part(double first, double end, double cell) {
    return fmax(fmin(end, cell + 1.0) - fmax(first, cell), 0.0);
}

/* A channel's mean over a pixel, in double precision, cell by cell. */
static double mean_of(const rm_item *raster, int64_t x, int64_t y, int channel) {
    const double across = (double)raster->cols / raster->width, down = (double)raster->rows / raster->height;
    double sum = 0.0;
    for (int64_t row = 0; row < raster->rows; row++) {
        const double tall = part((double)y * down, (double)(y + 1) * down, (double)row);
        for (int64_t col = 0; col < raster->cols && tall > 0.0; col++) {
            const double wide = part((double)x * across, (double)(x + 1) * across, (double)col);
            const uint8_t level = raster->levels[row * raster->cols + col];
            sum += wide * tall * raster->palette->rgb[level][channel];
        }
    }
    return sum / (across * down);
}

static void check(const rm_item *raster) {
    const int64_t width = (int64_t)raster->width, height = (int64_t)raster->height, stride = width + GAP;
    uint32_t *pixels = malloc((size_t)(stride * height) * sizeof *pixels);
    for (int64_t at = 0; at < stride * height; at++) {
        pixels[at] = 0xdeadbeef;
    }
    assert_true(rm_raster_is_larger(raster));
    assert_true(rm_raster_downscale(raster, pixels, stride));
    for (int64_t at = 0; at < stride * height; at++) {
        const int64_t x = at % stride, y = at / stride;
        if (x >= width) {
            assert_int_equal(pixels[at], 0xdeadbeef);
            continue;
        }
        for (int channel = 0; channel < 3; channel++) {
            const double value = (double)(pixels[at] >> (16 - 8 * channel) & 0xff);
            assert_true(fabs(value - mean_of(raster, x, y, channel)) <= 0.5 + 1e-9); /* the nearest level */
        }
        assert_int_equal(pixels[at] >> 24, 0);
    }
    free(pixels);
}

static void test_means(void **state) {
    static const int64_t sizes[][4] = {/* rows, cols, height, width */
                                       {2, 2, 1, 1},   {60, 60, 17, 23}, {1, 60, 1, 59}, {60, 1, 31, 5},
                                       {7, 60, 40, 3}, {60, 60, 60, 59}, {59, 53, 1, 1}, {60, 60, 30, 20}};
    uint8_t levels[CELLS_MOST];
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_TURBO, false, &palette);
    for (int64_t cell = 0; cell < CELLS_MOST; cell++) {
        levels[cell] = (uint8_t)(cell * cell * 31 + cell % 7 * 77);
    }
    for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
        check(&(rm_item){.levels = levels,
                         .palette = &palette,
                         .rows = sizes[size][0],
                         .cols = sizes[size][1],
                         .height = (double)sizes[size][2],
                         .width = (double)sizes[size][3]});
    }
}

/* One colour stays what it is, and as many pixels as cells are no shrinking. */
static void test_plain(void **state) {
    uint8_t levels[100];
    uint32_t pixels[9];
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_VIRIDIS, false, &palette);
    for (int level = 0; level < 256; level++) {
        for (int cell = 0; cell < 100; cell++) {
            levels[cell] = (uint8_t)level;
        }
        const rm_item raster = {
            .levels = levels, .palette = &palette, .rows = 10, .cols = 10, .width = 3.0, .height = 3.0};
        assert_true(rm_raster_downscale(&raster, pixels, 3));
        const uint8_t *rgb = palette.rgb[level];
        for (int pixel = 0; pixel < 9; pixel++) {
            assert_int_equal(pixels[pixel], (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2]);
        }
    }
    assert_false(rm_raster_is_larger(&(rm_item){.rows = 10, .cols = 10, .width = 10.0, .height = 11.0}));
    assert_true(rm_raster_is_larger(&(rm_item){.rows = 10, .cols = 10, .width = 10.0, .height = 9.0}));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_means), cmocka_unit_test(test_plain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
