/* test_save.c - maps as files, of the kind that the name implies */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_figure.h"
#include "tests/directory.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(names_choose_the_kind),
        IN_DIRECTORY(other_names_are_refused),
        IN_DIRECTORY(failures_leave_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
