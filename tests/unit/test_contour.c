/* test_contour.c - contours are where the values say, and everywhere they say */
/* SPDX-License-Identifier: MIT */
#include "host/figure/heatmap.h"
#include "tests/unit.h"

#include <math.h>

static const rm_contour_place unit = {.x = 0.0, .y = 0.0, .across = 1.0, .down = 1.0};

static rm_contour trace(const float *cells, int64_t height, int64_t width, double value,
                        const rm_contour_place *place) {
    float *copy = malloc((size_t)(height * width) * sizeof *copy);
    memcpy(copy, cells, (size_t)(height * width) * sizeof *copy);
    const ropemap_map map = {.height = height, .width = width, .cells = copy};
    rm_contour contour = {.points = NULL};
    assert_int_equal(rm_contour_add(&contour, &map, value, place, NULL), ROPEMAP_OK);
    free(copy);
    return contour;
}

static int64_t count_lines(const rm_contour *contour) {
    int64_t lines = 0;
    for (int64_t point = 0; point < contour->count; point++) {
        lines += isnan(contour->points[2 * point]) ? 1 : 0;
    }
    return lines;
}

/* How far a point is from the nearest of all lines. */
static double distance_to(const rm_contour *contour, double x, double y) {
    double nearest = INFINITY;
    for (int64_t point = 0; point + 1 < contour->count; point++) {
        const double *a = contour->points + 2 * point, *b = a + 2;
        if (isnan(a[0]) || isnan(b[0])) {
            continue;
        }
        const double dx = b[0] - a[0], dy = b[1] - a[1], square = dx * dx + dy * dy;
        const double along = square > 0.0 ? ((x - a[0]) * dx + (y - a[1]) * dy) / square : 0.0;
        const double part = fmin(fmax(along, 0.0), 1.0);
        nearest = fmin(nearest, hypot(x - a[0] - part * dx, y - a[1] - part * dy));
    }
    return nearest;
}

static void a_circle_is_one_closed_line(void **state) {
    enum { SIDE = 101 };
    float *cells = malloc(SIDE * SIDE * sizeof *cells);
    for (int row = 0; row < SIDE; row++) {
        for (int col = 0; col < SIDE; col++) {
            cells[row * SIDE + col] = (float)hypot(row - 50.0, col - 50.0);
        }
    }
    const rm_contour_place place = {.x = 30.0, .y = 7.0, .across = 4.0, .down = 4.0};
    rm_contour contour = trace(cells, SIDE, SIDE, 37.25, &place);
    assert_int_equal(count_lines(&contour), 1);
    const double *first = contour.points, *last = contour.points + 2 * (contour.count - 2);
    assert_true(first[0] == last[0] && first[1] == last[1]);
    /* Chords of an arc are as far from it as 0.05 pixels at a length of 7.7. */
    assert_true(contour.count >= 100 && contour.count <= 200);
    for (int64_t point = 0; point + 1 < contour.count; point++) {
        const double radius = hypot(contour.points[2 * point] - 30.0 - 4.0 * 50.5,
                                    contour.points[2 * point + 1] - 7.0 - 4.0 * 50.5);
        /* A distance is curved between cells: by 1 / (8 r) of a cell at most. */
        assert_true(fabs(radius - 4.0 * 37.25) <= 4.0 / (8.0 * 36.0));
    }
    rm_contour_free(&contour);
    assert_null(contour.points);
    free(cells);
}

static void diagonals_are_two_points(void **state) {
    enum { SIDE = 64 };
    float cells[SIDE * SIDE];
    for (int cell = 0; cell < SIDE * SIDE; cell++) {
        cells[cell] = (float)(cell / SIDE - cell % SIDE);
    }
    rm_contour contour = trace(cells, SIDE, SIDE, 3.5, &unit);
    assert_int_equal(contour.count, 3);
    for (int point = 0; point < 2; point++) {
        const double x = contour.points[2 * point], y = contour.points[2 * point + 1];
        assert_true(fabs(y - x - 3.5) < 1e-12);
    }
    rm_contour_free(&contour);
}

static void saddles_follow_their_mean(void **state) {
    const float cells[4] = {1.0F, 0.0F, 0.0F, 1.0F};
    for (int turned = 0; turned < 2; turned++) {
        const float own[4] = {cells[turned], cells[1 - turned], cells[1 - turned], cells[turned]};
        for (int high = 0; high < 2; high++) {
            const double value = high == 1 ? 0.75 : 0.25; /* the mean is 0.5 */
            rm_contour contour = trace(own, 2, 2, value, &unit);
            assert_int_equal(count_lines(&contour), 2);
            assert_int_equal(contour.count, 6);
            /* Below the mean the low corners are cut off, above it the high ones: each line is a quarter of a
             * cell from its corner on both sides. */
            for (int line = 0; line < 2; line++) {
                const double *a = contour.points + 6 * line, *b = a + 2;
                const double x = (a[0] + b[0]) / 2.0, y = (a[1] + b[1]) / 2.0;
                const int col = x > 1.0 ? 1 : 0, row = y > 1.0 ? 1 : 0;
                assert_true(own[2 * row + col] == (high == 1 ? 1.0F : 0.0F));
                assert_true(fabs(fabs(x - 0.5 - col) - 0.125) < 1e-12 &&
                            fabs(fabs(y - 0.5 - row) - 0.125) < 1e-12);
            }
            rm_contour_free(&contour);
        }
    }
}

/* Whether all four corners of a square are numbers; false outside of the map. */
static bool has_lines(const float *cells, int height, int width, int row, int col) {
    if (row < 0 || col < 0 || row >= height - 1 || col >= width - 1) {
        return false;
    }
    const float *corner = cells + row * width + col;
    return isfinite(corner[0]) && isfinite(corner[1]) && isfinite(corner[width]) &&
           isfinite(corner[width + 1]);
}

/* The sides of squares that the value lies on, counted and found in the lines; those at which a line
 * must end are counted twice. */
static int64_t check_sides(const float *cells, int height, int width, double value,
                           const rm_contour *contour) {
    int64_t ends = 0;
    for (int row = 0; row < height; row++) {
        for (int col = 0; col < width; col++) {
            for (int down = 0; down < 2; down++) {
                if (row + down >= height || col + 1 - down >= width) {
                    continue;
                }
                const double from = (double)cells[row * width + col];
                const double to = (double)cells[(row + down) * width + col + 1 - down];
                const int sides = (has_lines(cells, height, width, row, col) ? 1 : 0) +
                                  (has_lines(cells, height, width, row - 1 + down, col - down) ? 1 : 0);
                if (sides == 0 || (from >= value) == (to >= value)) {
                    continue;
                }
                const double part = (value - from) / (to - from);
                const double x = col + 0.5 + (down == 1 ? 0.0 : part),
                             y = row + 0.5 + (down == 1 ? part : 0.0);
                assert_true(distance_to(contour, x, y) <= 0.05 + 1e-9);
                ends += sides == 1 ? 1 : 0;
            }
        }
    }
    return ends;
}

/* Ends of lines that are not closed. */
static int64_t count_ends(const rm_contour *contour) {
    int64_t ends = 0, first = 0;
    for (int64_t point = 0; point < contour->count; point++) {
        if (isnan(contour->points[2 * point])) {
            const double *a = contour->points + 2 * first, *b = contour->points + 2 * (point - 1);
            ends += a[0] == b[0] && a[1] == b[1] ? 0 : 2;
            first = point + 1;
        }
    }
    return ends;
}

/* Noise, steps and holes: every crossing is on a line, and lines end where the map does or a number is
 * missing. */
static void nothing_is_left_out(void **state) {
    uint64_t random = 11;
    for (int round = 0; round < 400; round++) {
        const int height = 1 + (int)(chance_bits(&random) % 14), width = 1 + (int)(chance_bits(&random) % 14);
        float cells[14 * 14];
        for (int cell = 0; cell < height * width; cell++) {
            const uint64_t any = chance_bits(&random);
            cells[cell] = round % 2 == 0 ? (float)(any % 1000) / 1000.0F : (float)(any % 3) / 2.0F;
            if (round % 5 == 0 && any / 1000 % 6 == 0) {
                cells[cell] = any / 6000 % 2 == 0 ? NAN : INFINITY;
            }
        }
        const double value = round % 3 == 0 ? 0.5 : 0.37;
        rm_contour contour = trace(cells, height, width, value, &unit);
        const int64_t ends = check_sides(cells, height, width, value, &contour);
        if (round % 2 == 0) { /* in steps, two ends may fall on one point */
            assert_int_equal(count_ends(&contour), ends);
        }
        rm_contour_free(&contour);
    }
}

static void flat_maps_have_no_lines(void **state) {
    const float cells[9] = {1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F};
    for (int pick = 0; pick < 3; pick++) {
        rm_contour contour = trace(cells, 3, 3, 0.5 * pick + 0.5, &unit);
        assert_int_equal(contour.count, 0);
        rm_contour_free(&contour);
    }
}

static void too_many_points_are_refused(void **state) {
    /* A chessboard: 4 points, the first again and a gap around every second cell. */
    enum { SIDE = 1250 };
    float *cells = malloc((size_t)SIDE * SIDE * sizeof *cells);
    for (int cell = 0; cell < SIDE * SIDE; cell++) {
        cells[cell] = (float)((cell / SIDE + cell % SIDE) % 2);
    }
    const ropemap_map map = {.height = SIDE, .width = SIDE, .cells = cells};
    rm_contour contour = {.points = NULL};
    ropemap_error error = {.text = ""};
    assert_int_equal(rm_contour_add(&contour, &map, 0.75, &unit, &error), ROPEMAP_USAGE);
    assert_says(error.text, "contour: lines of more than 4194304 points");
    rm_contour_free(&contour);
    free(cells);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_circle_is_one_closed_line), cmocka_unit_test(diagonals_are_two_points),
        cmocka_unit_test(saddles_follow_their_mean),   cmocka_unit_test(nothing_is_left_out),
        cmocka_unit_test(flat_maps_have_no_lines),     cmocka_unit_test(too_many_points_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
