/* chart_picture.h - charts decoded for the tests, with their frames found */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_CHART_PICTURE_H
#define ROPEMAP_TESTS_CHART_PICTURE_H

#include "host/ropemap_figure.h"
#include "tests/decode_png.h"
#include "tests/unit.h"

/* Okabe and Ito's blue and vermillion, and the grey of the frame. */
static const uint8_t blue[3] = {0x00, 0x72, 0xb2}, red[3] = {0xd5, 0x5e, 0x00}, grey[3] = {0x40, 0x40, 0x40};

typedef struct picture {
    decoded_png png;
    int64_t x, y, width, height; /* of the plot within its frame */
} picture;

static inline const uint8_t *pixel(const picture *seen, int64_t x, int64_t y) {
    return seen->png.pixels + 3 * (y * seen->png.width + x);
}

static inline bool is_ink(const picture *seen, int64_t x, int64_t y, const uint8_t ink[3]) {
    return memcmp(pixel(seen, x, y), ink, 3) == 0;
}

/* The first row with a long run of the frame's grey, and that column from there on. */
static inline void find_frame(picture *seen) {
    for (int64_t y = 0; y < seen->png.height; y++) {
        int64_t run = 0;
        for (int64_t x = 0; x <= seen->png.width; x++) {
            const bool in = x < seen->png.width && is_ink(seen, x, y, grey);
            if (!in && run > seen->png.width / 5) {
                int64_t line = 1;
                while (is_ink(seen, x - 1 - run / 2, y + line, grey)) {
                    line++;
                }
                int64_t end = y + line;
                while (end < seen->png.height && is_ink(seen, x - run, end, grey)) {
                    end++;
                }
                seen->x = x - run + line;
                seen->y = y + line;
                seen->width = run - 2 * line;
                seen->height = end - line - seen->y;
                return;
            }
            run = in ? run + 1 : 0;
        }
    }
    fail_msg("no frame");
}

static inline picture draw(const ropemap_chart *chart) {
    ropemap_bytes bytes = {.data = NULL};
    ropemap_error error = {0};
    picture seen = {.width = 0};
    if (ropemap_chart_encode(chart, ROPEMAP_PNG, NULL, &bytes, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    assert_true(decode_png(bytes.data, bytes.size, &seen.png));
    ropemap_bytes_free(&bytes);
    assert_int_equal(seen.png.colour_type, 3);
    uint8_t *rgb = malloc((size_t)(3 * seen.png.width * seen.png.height));
    assert_non_null(rgb);
    for (int64_t at = 0; at < seen.png.width * seen.png.height; at++) {
        memcpy(rgb + 3 * at, (const uint8_t *)seen.png.palette + 3 * seen.png.pixels[at], 3);
    }
    free(seen.png.pixels);
    seen.png.pixels = rgb;
    find_frame(&seen);
    return seen;
}

/* The pixel at parts of the plot's width, from the left, and of its height, from the bottom. */
static inline int64_t col_at(const picture *seen, double part) {
    return seen->x + (int64_t)(part * (double)seen->width);
}

static inline int64_t row_at(const picture *seen, double part) {
    return seen->y + (int64_t)((1.0 - part) * (double)seen->height);
}

static inline int64_t count_ink(const picture *seen, int64_t x, int64_t y, int64_t width, int64_t height,
                                const uint8_t ink[3]) {
    int64_t found = 0;
    for (int64_t i = 0; i < width * height; i++) {
        found += is_ink(seen, x + i % width, y + i / width, ink) ? 1 : 0;
    }
    return found;
}

static inline int64_t count_in_column(const picture *seen, int64_t x, const uint8_t ink[3]) {
    return count_ink(seen, x, seen->y, 1, seen->height, ink);
}

static inline ropemap_chart chart_of(const ropemap_series *series, int32_t count) {
    return (ropemap_chart){.title = "Title",
                           .subtitle = "subtitle",
                           .x_label = "across",
                           .y_label = "up",
                           .plot = {.series = series, .series_count = count}};
}

#endif
