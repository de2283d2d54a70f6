/* test_sheet.c - panels share one scale, nothing overlaps, and what cannot be shown is refused */
/* SPDX-License-Identifier: MIT */
/*
 * Expected colours are reckoned here from the cells of all panels. This program has its own rm_alloc,
 * rm_alloc_raw and rm_free (see test_alloc_failure.c), so that host/base/alloc.c stays out.
 */
#include "host/base/alloc.h"
#include "host/figure/sheet.h"
#include "host/figure/text.h"
#include "tests/decode_png.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static long granted = -1; /* allocations until one is refused; below 0: none is */
static long live;

void *rm_alloc_raw(uint64_t count, size_t size) {
    if (granted == 0 || count > ((uint64_t)1 << 32) / (size + 1)) {
        granted = -1;
        return NULL;
    }
    granted -= granted > 0 ? 1 : 0;
    void *memory = aligned_alloc(64, ((size_t)count * size + 64) / 64 * 64);
    live += memory != NULL ? 1 : 0;
    return memory;
}

void *rm_alloc(uint64_t count, size_t size) {
    void *memory = rm_alloc_raw(count, size);
    return memory == NULL ? NULL : memset(memory, 0, (size_t)count * size);
}

void rm_free(void *memory) {
    live -= memory != NULL ? 1 : 0;
    free(memory);
}

enum { MOST = 12, CELLS = 128 * 40 };

typedef struct stack {
    ropemap_map maps[MOST];
    ropemap_panel panels[MOST];
    char names[MOST][24];
    float cells[MOST][CELLS];
    ropemap_sheet sheet;
    double low, high; /* of the finite cells */
} stack;

static const int64_t square[][2] = {{64, 64}}, mixed[][2] = {{64, 64}, {40, 128}, {128, 16}, {1, 64}};

/* `count` maps of shapes {height, width} in turn, whose cells go from -1 to ever larger numbers. */
static void make_stack(stack *made, int32_t count, const int64_t (*shapes)[2], bool with_nan) {
    *made = (stack){.sheet = {"Title of all", "subtitle", "query position", "key position", "mean of q · k",
                              .panels = made->panels, .count = count},
                    .low = INFINITY,
                    .high = -INFINITY};
    for (int32_t index = 0; index < count; index++) {
        const int64_t *shape = shapes[shapes == mixed ? (index + 3 * count) % 4 : 0], height = shape[0],
                      width = shape[1];
        for (int64_t cell = 0; cell < height * width; cell++) {
            const float value = -1.0F + (float)((cell * 7 + index) % 101) * 0.02F * (float)(index + 1);
            const bool nan = with_nan && index == count - 1 && cell == height * width / 2;
            made->cells[index][cell] = nan ? NAN : value;
            made->low = nan ? made->low : fmin(made->low, (double)value);
            made->high = nan ? made->high : fmax(made->high, (double)value);
        }
        made->maps[index] = (ropemap_map){.height = height, .width = width, .cells = made->cells[index]};
        (void)snprintf(made->names[index], sizeof *made->names, "base 10,%03d", (int)index);
        made->panels[index] =
            (ropemap_panel){&made->maps[index], made->names[index], {0, height * 64, 1}, {0, width * 64, 1}};
    }
}

/* Stays until the next call. */
static rm_sheet_layout *laid_out(const ropemap_sheet *sheet, rm_colour *colour) {
    static rm_sheet_layout layout;
    bool has_nan = false;
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    assert_int_equal(rm_sheet_check(sheet, NULL), ROPEMAP_OK);
    assert_int_equal(rm_sheet_colour_choose(sheet, colour, &has_nan, NULL), ROPEMAP_OK);
    assert_int_equal(rm_sheet_layout_make(&layout, sheet, colour, has_nan, NULL), ROPEMAP_OK);
    return &layout;
}

static void check_pixel(const decoded_png *png, int64_t x, int64_t y, const uint8_t rgb[3]) {
    assert_memory_equal(png->pixels + 3 * (y * png->width + x), rgb, 3);
}

/* Every cell, at its first and its last pixel, has the colour that its value has between the limits. */
static void check_panel(const decoded_png *png, rm_box box, const ropemap_map *map, double low, double high,
                        const rm_palette *palette) {
    const int64_t wide = box.width / map->width, tall = box.height / map->height;
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const double value = (double)map->cells[cell];
        const double place = fmin(fmax((value - low) / (high - low), 0.0), 1.0) * 254.0;
        const int64_t x = box.x + cell % map->width * wide, y = box.y + cell / map->width * tall;
        const uint8_t *rgb = palette->rgb[isnan(value) ? 255 : (int)floor(place + 0.5)];
        check_pixel(png, x, y, rgb);
        check_pixel(png, x + wide - 1, y + tall - 1, rgb);
    }
}

static void check_pixels(const ropemap_sheet *sheet, ropemap_colormap shown, double low, double high) {
    static const uint8_t grey[3] = {0x40, 0x40, 0x40};
    ropemap_bytes bytes = {.data = NULL};
    decoded_png png;
    rm_colour colour;
    rm_palette palette;
    rm_palette_make(shown, &palette);
    rm_sheet_layout *layout = laid_out(sheet, &colour);
    assert_int_equal(ropemap_sheet_png(sheet, &bytes, NULL), ROPEMAP_OK);
    assert_true(decode_png(bytes.data, bytes.size, &png));
    assert_true(png.channels == 3 && png.width == layout->width && png.height == layout->height);
    for (int32_t index = 0; index < sheet->count; index++) {
        const rm_box box = layout->grid.panels[index].map;
        check_panel(&png, box, sheet->panels[index].map, low, high, &palette);
        check_pixel(&png, box.x - 1, box.y - 1, grey);
        check_pixel(&png, box.x + box.width, box.y + box.height, grey);
    }
    if (layout->bar.height >= RM_LEVELS) {
        check_pixel(&png, layout->bar.x, layout->bar.y, palette.rgb[254]);
        check_pixel(&png, layout->bar.x, layout->bar.y + layout->bar.height - 1, palette.rgb[0]);
    }
    free(png.pixels);
    ropemap_bytes_free(&bytes);
}

/* Limits of all panels, symmetric where colours diverge; given ones as they are; no finite cell at all. */
static void test_shared_scale(void **state) {
    (void)state;
    static const int32_t counts[] = {1, 2, 5, 9, 12};
    for (int pick = 0; pick < 10; pick++) {
        stack made;
        make_stack(&made, counts[pick % 5], pick < 5 ? square : mixed, pick % 2 == 0);
        const double low = made.low, high = made.high, reach = fmax(-low, high);
        check_pixels(&made.sheet, ROPEMAP_COLORMAP_DIVERGING, -reach, reach);
        made.sheet.colormap = ROPEMAP_COLORMAP_VIRIDIS;
        check_pixels(&made.sheet, ROPEMAP_COLORMAP_VIRIDIS, low, high);
        made.maps[0].cells[1] = INFINITY; /* does not count, and has the last colour */
        check_pixels(&made.sheet, ROPEMAP_COLORMAP_VIRIDIS, low, high);
        made.sheet.colormap = ROPEMAP_COLORMAP_AUTO;
        made.sheet.has_limits = true;
        made.sheet.low = 0.25;
        made.sheet.high = 0.5;
        check_pixels(&made.sheet, ROPEMAP_COLORMAP_VIRIDIS, 0.25, 0.5);
    }
    stack none;
    make_stack(&none, 2, (const int64_t[][2]){{1, 1}}, false);
    none.maps[0].cells[0] = none.maps[1].cells[0] = NAN;
    check_pixels(&none.sheet, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 1.0);
}

typedef struct extent {
    double left, top, right, bottom;
} extent;

/* Where ink may be: of a text its advance, DejaVu's ascent of capitals and digits, and its descent. */
static extent item_extent(const rm_item *item) {
    const double size = item->style.size, pen = item->thickness / 2.0;
    if (item->kind != RM_ITEM_TEXT) {
        return (extent){item->x - pen, item->y - pen, item->x + item->width + pen,
                        item->y + item->height + pen};
    }
    const double width = rm_font_width(item->text, size);
    const double before = item->style.anchor == RM_ANCHOR_START ? 0.0
                          : item->style.anchor == RM_ANCHOR_END ? width
                                                                : width / 2.0;
    if (item->style.upwards) {
        return (extent){item->x - 0.76 * size, item->y - width + before, item->x + 0.24 * size,
                        item->y + before};
    }
    return (extent){item->x - before, item->y - 0.76 * size, item->x - before + width, item->y + 0.24 * size};
}

static void check_item(const rm_drawing *drawing, int64_t index) {
    const extent own = item_extent(&drawing->items[index]);
    assert_true(own.left >= 3.5 && own.top >= 3.5);
    assert_true(own.right <= (double)drawing->width - 3.5 && own.bottom <= (double)drawing->height - 3.5);
    for (int64_t other = 0; drawing->items[index].kind == RM_ITEM_TEXT && other < drawing->count; other++) {
        const extent that = item_extent(&drawing->items[other]);
        const bool apart = own.left >= that.right || that.left >= own.right || own.top >= that.bottom ||
                           that.top >= own.bottom;
        if (other != index && !apart) {
            fail_msg("\"%s\" lies on item %d \"%s\"", drawing->items[index].text, (int)other,
                     drawing->items[other].text);
        }
    }
}

/* No text lies on anything, nothing is cut off, and cells are whole pixels, as many as were asked for. */
static void check_layout(const ropemap_sheet *sheet) {
    rm_colour colour;
    rm_sheet_layout *layout = laid_out(sheet, &colour);
    static const uint8_t levels[MOST * CELLS];
    rm_drawing drawing = {.items = NULL};
    rm_bar_levels bar;
    rm_sheet_draw(&drawing, layout, sheet, levels, &colour, &bar);
    assert_false(drawing.incomplete);
    for (int64_t item = 0; item < drawing.count; item++) {
        check_item(&drawing, item);
    }
    const int64_t side = sheet->side > 0 ? sheet->side : 320;
    for (int32_t index = 0; index < sheet->count; index++) {
        const ropemap_map *map = sheet->panels[index].map;
        const rm_box box = layout->grid.panels[index].map;
        assert_true(box.width % map->width == 0 && box.height % map->height == 0);
        assert_true(box.width >= side || box.height >= side);
    }
    assert_true(layout->bar.y == layout->area.y && layout->bar.height == layout->area.height);
    rm_drawing_free(&drawing);
}

static void test_no_overlap(void **state) {
    (void)state;
    static const int32_t counts[] = {1, 2, 3, 5, 9, 12};
    static const int64_t sides[] = {0, 64, 100, 700}, firsts[] = {0, 12345, 987654321};
    static char words[201], bytes[201];
    memset(words, 'W', 200);
    memset(bytes, 0xff, 200);
    const char *const texts[] = {"", "query position", words, bytes, NULL};
    for (int pick = 0; pick < 6 * 4 * 3 * 5; pick++) {
        stack made;
        make_stack(&made, counts[pick % 6], pick % 7 < 3 ? square : mixed, pick % 5 < 2);
        made.sheet.side = sides[pick / 6 % 4];
        made.sheet.columns = pick % 11 < 5 ? 0 : pick % 11 - 4;
        const char *text = texts[pick / 72];
        made.sheet.title = made.sheet.row_label = made.sheet.col_label = made.sheet.value_label = text;
        made.sheet.subtitle = texts[4 - pick / 72];
        for (int32_t index = 0; index < made.sheet.count; index++) {
            ropemap_panel *panel = &made.panels[index];
            panel->label = index % 2 == 0 || pick % 3 == 0 ? text : panel->label;
            panel->rows.first = panel->cols.first = firsts[pick / 24 % 3];
            panel->cols.step = pick % 4 == 0 ? 1000003 : 1;
        }
        check_layout(&made.sheet);
    }
}

static void check_grid(int32_t count, int32_t columns, const int64_t (*shape)[2], int32_t across) {
    stack made;
    make_stack(&made, count, shape, false);
    made.sheet.columns = columns;
    rm_colour colour;
    rm_sheet_layout *layout = laid_out(&made.sheet, &colour);
    assert_int_equal(layout->grid.across, across);
    for (int32_t index = 0; index < count; index++) {
        assert_int_equal(layout->grid.panels[index].has_rows, index % across == 0);
        assert_int_equal(layout->grid.panels[index].has_cols, index + across >= count);
    }
}

/* As square as it gets, the wider of two; ticks at the left and at the bottom, where none differ. */
static void test_grid(void **state) {
    (void)state;
    static const int32_t across[] = {1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4};
    for (int32_t count = 1; count <= MOST; count++) {
        check_grid(count, 0, square, across[count - 1]);
        check_grid(count, 1, square, 1);
        check_grid(count, 100, square, count);
    }
    check_grid(6, 0, (const int64_t[][2]){{32, 128}}, 2);
    check_grid(6, 0, (const int64_t[][2]){{128, 32}}, 6);
    stack made;
    make_stack(&made, 6, square, false);
    made.panels[4].rows.count *= 2;
    rm_colour colour;
    rm_sheet_layout *layout = laid_out(&made.sheet, &colour);
    for (int32_t index = 0; index < 6; index++) {
        assert_true(layout->grid.panels[index].has_rows);
        assert_int_equal(layout->grid.panels[index].has_cols, index >= 3);
    }
}

static int32_t count_text(const ropemap_bytes *svg, const char *text) {
    int32_t found = 0;
    const size_t length = strlen(text);
    for (size_t at = 0; at + length <= svg->size; at++) {
        found += memcmp(svg->data + at, text, length) == 0 ? 1 : 0;
    }
    return found;
}

/* Every word stands there once, but the title, which the file has, too; ticks are not repeated. */
static void test_words(void **state) {
    (void)state;
    stack made;
    make_stack(&made, 6, square, true);
    ropemap_bytes svg = {.data = NULL};
    assert_int_equal(ropemap_sheet_svg(&made.sheet, 178.0, &svg, NULL), ROPEMAP_OK);
    for (int32_t index = 0; index < 6; index++) {
        assert_int_equal(count_text(&svg, made.names[index]), 1);
    }
    const char *const once[] = {"subtitle", "query position", "key position", "mean of q · k", ">NaN<"};
    for (int word = 0; word < 5; word++) {
        assert_int_equal(count_text(&svg, once[word]), 1);
    }
    assert_int_equal(count_text(&svg, ">Title of all<"), 2);
    assert_int_equal(count_text(&svg, ">4k<"), 2 + 3); /* rows of panels, columns of panels */
    ropemap_bytes_free(&svg);
    made.panels[0].label = "a name that is much longer than the panel that it stands above";
    assert_int_equal(ropemap_sheet_svg(&made.sheet, 178.0, &svg, NULL), ROPEMAP_OK);
    assert_int_equal(count_text(&svg, made.panels[0].label), 0);
    assert_int_equal(count_text(&svg, ">a name that"), 1);
    assert_int_equal(count_text(&svg, "…</text>"), 1);
    ropemap_bytes_free(&svg);
}

static ropemap_status make_kind(const ropemap_sheet *sheet, int kind, ropemap_bytes *bytes,
                                ropemap_error *error) {
    return kind == 0   ? ropemap_sheet_png(sheet, bytes, error)
           : kind == 1 ? ropemap_sheet_svg(sheet, 90.0, bytes, error)
                       : ropemap_sheet_pdf(sheet, 90.0, bytes, error);
}

/* The same bytes again; and without memory at the k-th allocation a failure that keeps nothing. */
static void test_bytes_and_memory(void **state) {
    (void)state;
    stack made;
    make_stack(&made, 5, mixed, true);
    made.sheet.side = 64;
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes first = {.data = NULL}, again = {.data = NULL};
        assert_int_equal(make_kind(&made.sheet, kind, &first, NULL), ROPEMAP_OK);
        const long before = live;
        ropemap_status status = ROPEMAP_RESOURCES;
        for (long refused = 0; status != ROPEMAP_OK; refused++) {
            assert_int_equal(status, ROPEMAP_RESOURCES);
            granted = refused;
            status = make_kind(&made.sheet, kind, &again, NULL);
            assert_true(status == ROPEMAP_OK || (live == before && again.data == NULL));
        }
        granted = -1;
        assert_int_equal(first.size, again.size);
        assert_memory_equal(first.data, again.data, first.size);
        ropemap_bytes_free(&first);
        ropemap_bytes_free(&again);
    }
}

static void refuse(const ropemap_sheet *sheet, const char *part) {
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.status = ROPEMAP_OK};
        assert_int_equal(make_kind(sheet, kind, &bytes, &error), ROPEMAP_USAGE);
        if (strstr(error.text, part) == NULL) {
            fail_msg("\"%s\" lacks \"%s\"", error.text, part);
        }
        assert_null(bytes.data);
    }
}

static void test_refused(void **state) {
    (void)state;
    stack made;
    make_stack(&made, 3, square, false);
    const struct {
        ropemap_sheet sheet;
        const char *part;
    } wrong[] = {
        {{.panels = made.panels, .count = 0}, "sheet: 0 panels, expected 1 to 100"},
        {{.panels = made.panels, .count = 101}, "sheet: 101 panels"},
        {{.count = 2}, "none in memory"},
        {{.panels = made.panels, .count = 3, .columns = -1}, "-1 columns"},
        {{.panels = made.panels, .count = 3, .side = -5}, "-5 pixels"},
        {{.panels = made.panels, .count = 3, .side = 32768}, "32768 pixels"},
        {{.panels = made.panels, .count = 3, .side = 16384}, "expected at most 32767 a side"},
        {{.panels = made.panels, .count = 3, .colormap = (ropemap_colormap)77}, "number 77"},
        {{.panels = made.panels, .count = 3, .has_limits = true, .low = 2.0, .high = 1.0}, "2 to 1"}};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        refuse(&wrong[at].sheet, wrong[at].part);
    }
    ropemap_map empty = {.height = 4, .width = 0};
    made.panels[1].map = &empty;
    refuse(&made.sheet, "panel 2 \"base 10,001\": map: 0 x 4 cells");
    made.panels[1].map = NULL;
    refuse(&made.sheet, "panel 2 \"base 10,001\": no map");
    made.panels[1].map = &made.maps[1];
    made.panels[2].cols.count = 63;
    refuse(&made.sheet, "panel 3 \"base 10,002\": figure: 63 cols for 64 cells");
    made.panels[2].cols.count = 64;
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(ropemap_sheet_svg(&made.sheet, -1.0, &bytes, NULL), ROPEMAP_USAGE);
    assert_int_equal(ropemap_sheet_png(&made.sheet, &bytes, NULL), ROPEMAP_OK);
    ropemap_bytes_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_scale),
                                       cmocka_unit_test(test_no_overlap),
                                       cmocka_unit_test(test_grid),
                                       cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_bytes_and_memory),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
