/* test_save.c - maps as files, of the kind that the name implies; .npy files byte by byte */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "host/ropemap_figure.h"
#include "tests/directory.h"
#include "tests/unit.h"

#include <math.h>

/* First bytes of the file `name` in the test's directory; 0 without one. */
static size_t file_head(const char *name, uint8_t head[8]) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    const size_t count = fread(head, 1, 8, file);
    (void)fclose(file);
    return count;
}

static ropemap_status save(const ropemap_figure *figure, const char *name, bool force, ropemap_error *error) {
    float cells[6] = {0.0F, 1.0F, 2.0F, -1.0F, NAN, 0.5F};
    const ropemap_map map = {
        .height = 2, .width = 3, .cells = cells, .min = -1.0, .max = 2.0, .nan_cells = 1};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    ropemap_figure own = *figure;
    own.panel.map = &map;
    return ropemap_figure_save(&own, path, force, error);
}

static void names_choose_the_kind(void **state) {
    static const uint8_t png[6] = {0x89, 'P', 'N', 'G', '\r', '\n'}, npy[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    const ropemap_figure figure = {.panel = {.rows = {0, 2, 1}, .cols = {0, 3, 1}}};
    uint8_t head[8];
    assert_int_equal(save(&figure, "map.png", false, NULL), ROPEMAP_OK);
    assert_int_equal(file_head("map.png", head), 8);
    assert_memory_equal(head, png, 6);
    assert_int_equal(save(&figure, "map.npy", false, NULL), ROPEMAP_OK);
    assert_int_equal(file_head("map.npy", head), 8);
    assert_memory_equal(head, npy, 6);
    assert_int_equal(save(&figure, "map.svg", false, NULL), ROPEMAP_OK);
    assert_int_equal(file_head("map.svg", head), 8);
    assert_memory_equal(head, "<?xml ve", 8);
    assert_int_equal(save(&figure, "map.Pdf", false, NULL), ROPEMAP_OK);
    assert_int_equal(file_head("map.Pdf", head), 8);
    assert_memory_equal(head, "%PDF-1.4", 8);
    assert_int_equal(save(&figure, "MAP.PNG", false, NULL), ROPEMAP_OK);
    assert_int_equal(file_head("MAP.PNG", head), 8);
    assert_memory_equal(head, png, 6);
    assert_int_equal(save(&figure, "map.png", false, NULL), ROPEMAP_IO);
    assert_int_equal(save(&figure, "map.png", true, NULL), ROPEMAP_OK);
    assert_int_equal(entries(directory), 5);
}

static void other_names_are_refused(void **state) {
    static const char *const names[] = {"map.jpg", "map", "png", "map.png.gz", "map.png ", "npy"};
    const ropemap_figure figure = {.panel = {.rows = {0, 2, 1}, .cols = {0, 3, 1}}};
    for (size_t pick = 0; pick < sizeof names / sizeof *names; pick++) {
        ropemap_error error = {.text = ""};
        assert_int_equal(save(&figure, names[pick], false, &error), ROPEMAP_USAGE);
        assert_says(error.text, names[pick]);
    }
    const ropemap_panel panels[2] = {figure.panel, figure.panel};
    const ropemap_figure two = {.panels = panels, .count = 2}; /* which of them is the .npy file? */
    assert_int_equal(save(&two, "map.npy", false, NULL), ROPEMAP_USAGE);
    assert_int_equal(entries(directory), 0);
}

/* A figure that cannot be drawn leaves what was there. */
static void failures_leave_the_old_file(void **state) {
    ropemap_figure figure = {.panel = {.rows = {0, 2, 1}, .cols = {0, 3, 1}}};
    assert_int_equal(save(&figure, "map.png", false, NULL), ROPEMAP_OK);
    figure.font_size = 2000.0;
    assert_int_equal(save(&figure, "map.png", true, NULL), ROPEMAP_USAGE);
    uint8_t head[8];
    assert_int_equal(file_head("map.png", head), 8);
    assert_int_equal(entries(directory), 1);
}

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
        assert_says(error.text, "map");
        assert_null(bytes.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(names_choose_the_kind),
        IN_DIRECTORY(other_names_are_refused),
        IN_DIRECTORY(failures_leave_the_old_file),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(maps_without_cells_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}