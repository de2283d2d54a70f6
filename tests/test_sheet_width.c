/* test_sheet_width.c - sheets of a given width and size of text: exactly that, and nothing overlaps */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet.h"
#include "tests/decode_png.h"
#include "tests/extents.h"

#include <math.h>
#include <stdio.h>

enum { MOST = 9, CELLS = 96 * 64 };

typedef struct stack {
    ropemap_map maps[MOST];
    ropemap_panel panels[MOST];
    char names[MOST][24];
    float cells[CELLS];
    ropemap_sheet sheet;
} stack;

static const int64_t shapes[][2] = {{64, 64}, {96, 64}, {16, 96}};

/* All maps of one shape, or with `mixed` of three in turn. */
static void make_stack(stack *made, int32_t count, bool mixed, double nan) {
    *made = (stack){.sheet = {"RoPE similarity over base", "a subtitle", "query position", "key position",
                              "mean of q · k", .panels = made->panels, .count = count}};
    for (int64_t cell = 0; cell < CELLS; cell++) {
        made->cells[cell] = cell == 5 ? (float)nan : (float)sin(0.01 * (double)cell);
    }
    for (int32_t index = 0; index < count; index++) {
        const int64_t *shape = shapes[mixed ? index % 3 : 0];
        made->maps[index] = (ropemap_map){.height = shape[0], .width = shape[1], .cells = made->cells};
        (void)snprintf(made->names[index], sizeof *made->names, "base 10,%03d", (int)index);
        made->panels[index] = (ropemap_panel){
            &made->maps[index], made->names[index], {0, shape[0] * 64, 1}, {0, shape[1] * 64, 1}};
    }
}

/* Texts in the size asked for: numbers of the axes, of which the first panel has a "0" below it. */
static double number_size(const rm_drawing *drawing) {
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind == RM_ITEM_TEXT && item->text[0] == '0' && item->text[1] == '\0') {
            return item->style.size;
        }
    }
    fail_msg("no number");
    return 0.0;
}

static void check(const ropemap_sheet *sheet) {
    rm_sheet_scene scene;
    ropemap_error error = {.status = ROPEMAP_OK};
    if (rm_sheet_scene_make(sheet, &scene, &error) != ROPEMAP_OK) {
        fail_msg("%d panels, %d columns, width %d, text %g: %s", (int)sheet->count, (int)sheet->columns,
                 (int)sheet->width, sheet->font_size, error.text);
    }
    assert_int_equal(scene.drawing.width, sheet->width);
    check_texts(&scene.drawing);
    if (sheet->font_size > 0.0) {
        assert_true(fabs(number_size(&scene.drawing) - sheet->font_size) < 1e-9);
    }
    rm_sheet_scene_free(&scene);
}

static void test_widths(void **state) {
    (void)state;
    static const int64_t widths[] = {1039, 2126, 1500, 3000};
    static const double sizes[] = {0.0, 20.0, 100.0 / 3.0, 12.5};
    static stack made;
    for (int pick = 0; pick < MOST * 4 * 4 * 2; pick++) {
        make_stack(&made, 1 + pick % MOST, pick % 5 > 2, pick % 2 == 0 ? (double)NAN : 0.0);
        made.sheet.width = widths[pick / MOST % 4];
        made.sheet.font_size = sizes[pick / MOST / 4 % 4];
        made.sheet.columns = made.sheet.width == 1039 ? 1 + pick % 2 : pick % 4;
        check(&made.sheet);
    }
}

/* The file is as wide as its layout, tells its density, and has the same bytes again. */
static void test_file(void **state) {
    (void)state;
    static stack made;
    ropemap_bytes first = {.data = NULL}, again = {.data = NULL};
    decoded_png png;
    make_stack(&made, 3, false, 0.0);
    made.sheet.width = 1039;
    made.sheet.font_size = 25.0;
    made.sheet.dpi = 300.0;
    assert_int_equal(ropemap_sheet_png(&made.sheet, &first, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_sheet_png(&made.sheet, &again, NULL), ROPEMAP_OK);
    assert_int_equal(first.size, again.size);
    assert_memory_equal(first.data, again.data, first.size);
    assert_true(decode_png(first.data, first.size, &png));
    assert_true(png.width == 1039 && png.density == 11811);
    free(png.pixels);
    ropemap_bytes_free(&first);
    ropemap_bytes_free(&again);
}

static void refuse(const ropemap_sheet *sheet, const char *part) {
    ropemap_bytes bytes = {.data = NULL};
    ropemap_error error = {.status = ROPEMAP_OK};
    assert_int_equal(ropemap_sheet_png(sheet, &bytes, &error), ROPEMAP_USAGE);
    if (strstr(error.text, part) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", error.text, part);
    }
    assert_null(bytes.data);
}

static void test_refused(void **state) {
    (void)state;
    static stack made;
    make_stack(&made, 9, false, 0.0);
    const struct {
        int64_t width;
        int32_t columns;
        double font_size, dpi;
        const char *part;
    } wrong[] = {{-1, 0, 0.0, 0.0, "sheet: -1 pixels wide"},
                 {32768, 0, 0.0, 0.0, "sheet: 32768 pixels wide"},
                 {1039, 9, 34.0, 0.0, "1039 pixels leave no room for 9 panels side by side"},
                 {200, 1, 40.0, 0.0, "200 pixels leave no room for 1 panel"},
                 {0, 0, 1.0, 0.0, "font-size: 1 pixels"},
                 {0, 0, 0.0, 5.0, "dpi: 5 pixels an inch"}};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        made.sheet.width = wrong[at].width;
        made.sheet.columns = wrong[at].columns;
        made.sheet.font_size = wrong[at].font_size;
        made.sheet.dpi = wrong[at].dpi;
        refuse(&made.sheet, wrong[at].part);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths), cmocka_unit_test(test_file),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
