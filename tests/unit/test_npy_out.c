/* test_npy_out.c - .npy files of maps, read back byte by byte */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/unit.h"

#include <math.h>

/* The header as the format's description asks for it; returns where the data start. */
static size_t check_header(const ropemap_bytes *bytes, int64_t height, int64_t width) {
    static const uint8_t magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    assert_true(bytes->size > 10);
    assert_memory_equal(bytes->data, magic, 8);
    const size_t start = 10 + (size_t)bytes->data[8] + 256 * (size_t)bytes->data[9];
    assert_int_equal(start % 64, 0);
    assert_true(bytes->size >= start);
    assert_int_equal(bytes->data[start - 1], '\n');
    char expected[200];
    const int used = snprintf(expected, sizeof expected,
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                              (long long)height, (long long)width);
    assert_memory_equal(bytes->data + 10, expected, (size_t)used);
    for (size_t at = 10 + (size_t)used; at < start - 1; at++) {
        assert_int_equal(bytes->data[at], ' ');
    }
    return start;
}

static void round_trip(void **state) {
    static const int64_t sizes[][2] = {{1, 1}, {1, 7}, {7, 1}, {13, 17}, {65535, 3}};
    for (size_t pick = 0; pick < sizeof sizes / sizeof *sizes; pick++) {
        ropemap_map map = {.height = sizes[pick][0], .width = sizes[pick][1]};
        const int64_t count = map.height * map.width;
        map.cells = malloc((size_t)count * sizeof *map.cells);
        for (int64_t cell = 0; cell < count; cell++) {
            map.cells[cell] = (float)cell * -1.25e-3F;
        }
        map.cells[count - 1] = NAN;
        map.cells[count / 2] = -INFINITY;
        ropemap_bytes bytes = {.data = NULL};
        assert_int_equal(ropemap_map_npy(&map, &bytes, NULL), ROPEMAP_OK);
        const size_t start = check_header(&bytes, map.height, map.width);
        assert_int_equal(bytes.size, start + 4 * (size_t)count);
        for (int64_t cell = 0; cell < count; cell++) {
            const uint8_t *at = bytes.data + start + 4 * cell;
            const uint32_t found =
                at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
            uint32_t expected;
            memcpy(&expected, &map.cells[cell], sizeof expected);
            assert_int_equal(found, expected);
        }
        ropemap_bytes_free(&bytes);
        free(map.cells);
    }
}

static void maps_without_cells_are_refused(void **state) {
    float cell = 1.0F;
    const ropemap_map maps[] = {{.cells = NULL},
                                {.height = 1, .width = 1, .cells = NULL},
                                {.height = 0, .width = 1, .cells = &cell},
                                {.height = 1, .width = -1, .cells = &cell},
                                {.height = 65536, .width = 1, .cells = &cell}};
    for (size_t pick = 0; pick < sizeof maps / sizeof *maps; pick++) {
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.text = ""};
        assert_int_equal(ropemap_map_npy(&maps[pick], &bytes, &error), ROPEMAP_USAGE);
        assert_non_null(strstr(error.text, "map"));
        assert_null(bytes.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(maps_without_cells_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
