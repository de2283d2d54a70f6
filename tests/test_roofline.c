/* test_roofline.c - points stand where their logarithms say, below their ceilings, and texts keep apart */
/* SPDX-License-Identifier: MIT */
#include "host/figure/roofline.h"
#include "tests/decode_png.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MARK = 10 }; /* side of a point, pixels */

static const uint8_t inks[3][3] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73}};

static decoded_png draw(const ropemap_roofline *roofline) {
    ropemap_bytes bytes = {.data = NULL};
    ropemap_error error = {0};
    decoded_png png;
    if (ropemap_roofline_png(roofline, &bytes, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    assert_true(decode_png(bytes.data, bytes.size, &png));
    ropemap_bytes_free(&bytes);
    assert_int_equal(png.channels, 3);
    return png;
}

static bool is_ink(const decoded_png *png, int64_t x, int64_t y, const uint8_t ink[3]) {
    return memcmp(png->pixels + 3 * (y * png->width + x), ink, 3) == 0;
}

static bool is_mark(const decoded_png *png, int64_t x, int64_t y, const uint8_t ink[3]) {
    for (int64_t i = 0; i < MARK * MARK; i++) {
        if (!is_ink(png, x + i % MARK, y + i / MARK, ink)) {
            return false;
        }
    }
    return true;
}

/* The only square of that colour and of a mark's size. */
static void find_mark(const decoded_png *png, const uint8_t ink[3], double *x, double *y) {
    int found = 0;
    for (int64_t row = 0; row + MARK <= png->height; row++) {
        for (int64_t col = 0; col + MARK <= png->width; col++) {
            if (is_ink(png, col, row, ink) && is_mark(png, col, row, ink)) {
                *x = (double)col + MARK / 2.0;
                *y = (double)row + MARK / 2.0;
                found++;
            }
        }
    }
    assert_int_equal(found, 1);
}

/* On a slope of 1000 GB/s: 0.1, 1 and 10 FLOP a byte. Marks are on whole pixels: off by half of one. */
static void test_points_on_a_slope(void **state) {
    (void)state;
    const ropemap_roofline_point points[] = {
        {"one a", 1e12, 1e11, 1.0}, {"two b", 1e9, 1e9, 1e-3}, {"three c", 1e12, 1e13, 1.0}};
    const ropemap_roofline_ceiling ceilings[] = {{"copy", false, 1e12}, {"product", true, 1e13}};
    const ropemap_roofline roofline = {.title = "Title",
                                       .subtitle = "",
                                       .points = points,
                                       .point_count = 3,
                                       .ceilings = ceilings,
                                       .ceiling_count = 2};
    decoded_png png = draw(&roofline);
    double x[3], y[3];
    for (int i = 0; i < 3; i++) {
        find_mark(&png, inks[i], &x[i], &y[i]);
    }
    assert_true(x[0] < x[1] && x[1] < x[2] && y[0] > y[1] && y[1] > y[2]);
    assert_true(fabs((x[2] - x[1]) - (x[1] - x[0])) <= 1.0);
    assert_true(fabs((y[2] - y[1]) - (y[1] - y[0])) <= 1.0);
    /* The slope itself: dark halfway between two of its points. */
    const int64_t col = (int64_t)((x[0] + x[1]) / 2.0), row = (int64_t)((y[0] + y[1]) / 2.0);
    int dark = 0;
    for (int64_t near = -2; near <= 2; near++) {
        dark += png.pixels[3 * ((row + near) * png.width + col)] < 0x80 ? 1 : 0;
    }
    assert_true(dark >= 1);
    free(png.pixels);
}

/* Points at one place, and more of them than have room for a number; colours run out, nothing else does. */
static void test_many_points(void **state) {
    (void)state;
    static ropemap_roofline_point points[500];
    static char labels[500][40];
    for (int i = 0; i < 500; i++) {
        (void)snprintf(labels[i], sizeof labels[i], "kind%d b %d \xff", i % 9, i);
        points[i] = (ropemap_roofline_point){labels[i], 1e9 * (1 + i % 3), 1e9, 1e-3};
    }
    const ropemap_roofline roofline = {
        .title = "T", .subtitle = "\xc3", .points = points, .point_count = 500};
    decoded_png first = draw(&roofline), again = draw(&roofline);
    assert_int_equal(first.width, again.width);
    assert_int_equal(first.height, again.height);
    assert_memory_equal(first.pixels, again.pixels, (size_t)(first.width * first.height * 3));
    free(first.pixels);
    free(again.pixels);
}

static void test_extreme_numbers(void **state) {
    (void)state;
    const ropemap_roofline_point points[] = {{"tiny", 1e-300, 1e-300, 1e300}, {"huge", 1e300, 1e300, 1e-300}};
    const ropemap_roofline_ceiling ceilings[] = {{"far", false, 1e-300}, {"away", true, 1e300}};
    const ropemap_roofline roofline = {.title = "",
                                       .subtitle = "",
                                       .points = points,
                                       .point_count = 2,
                                       .ceilings = ceilings,
                                       .ceiling_count = 2};
    decoded_png png = draw(&roofline);
    free(png.pixels);
}

static void test_places(void **state) {
    (void)state;
    rm_area taken[4];
    rm_scene scene = {.taken = taken};
    const rm_area first = {RM_SCENE_LEFT + 10.0, RM_SCENE_TOP + 10.0, 20.0, 10.0};
    assert_true(rm_scene_is_free(&scene, first));
    rm_scene_occupy(&scene, first);
    assert_false(rm_scene_is_free(&scene, first));
    rm_area beside = first;
    beside.x += 20.0;
    assert_true(rm_scene_is_free(&scene, beside));
    beside.x -= 0.5;
    assert_false(rm_scene_is_free(&scene, beside));
    beside.y += 10.0;
    assert_true(rm_scene_is_free(&scene, beside));
    beside.x = RM_SCENE_LEFT - 1.0;
    assert_false(rm_scene_is_free(&scene, beside));
}

static void test_refused(void **state) {
    (void)state;
    static const double wrong[] = {0.0, -1.0, (double)NAN, (double)INFINITY};
    const ropemap_roofline_point good = {"a", 1.0, 1.0, 1.0};
    ropemap_roofline_point point = good;
    ropemap_roofline_ceiling ceiling = {"c", true, 1.0};
    ropemap_roofline roofline = {.title = "",
                                 .subtitle = "",
                                 .points = &point,
                                 .point_count = 1,
                                 .ceilings = &ceiling,
                                 .ceiling_count = 1};
    ropemap_bytes bytes = {.data = NULL};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        double *const fields[] = {&point.bytes, &point.flops, &point.seconds, &ceiling.rate};
        for (size_t field = 0; field < 4; field++) {
            ropemap_error error = {0};
            *fields[field] = wrong[i];
            assert_int_equal(ropemap_roofline_png(&roofline, &bytes, &error), ROPEMAP_USAGE);
            assert_true(error.text[0] != '\0');
            *fields[field] = 1.0;
        }
    }
    roofline.point_count = 0;
    assert_int_equal(ropemap_roofline_png(&roofline, &bytes, NULL), ROPEMAP_USAGE);
    roofline.point_count = 1001;
    assert_int_equal(ropemap_roofline_png(&roofline, &bytes, NULL), ROPEMAP_USAGE);
    roofline.point_count = 1;
    roofline.ceiling_count = 17;
    assert_int_equal(ropemap_roofline_png(&roofline, &bytes, NULL), ROPEMAP_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_on_a_slope), cmocka_unit_test(test_many_points),
        cmocka_unit_test(test_extreme_numbers),   cmocka_unit_test(test_places),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
