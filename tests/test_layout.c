/* test_layout.c - nothing of a figure overlaps or is cut off, whatever its size, numbers and words */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/layout.h"
#include "host/figure/overlay.h"
#include "host/figure/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is asked for; everything else follows. */
typedef struct wish {
    int64_t height, width;
    ropemap_range rows, cols;
    double min, max;
    int64_t nan_cells;
    double scale;
    const char *title, *subtitle, *label;
    ropemap_norm norm;
    int64_t trained;
    bool noted;  /* contours and a percentile */
    int64_t fit; /* pixels of the finished figure; 0: whole pixels a cell */
} wish;

typedef struct extent {
    double left, top, right, bottom;
} extent;

/* Where a text's ink may be: its advance, DejaVu's ascent of capitals and digits, and its descent. */
static extent text_extent(const rm_item *item) {
    const double width = rm_font_width(item->text, item->style.size), size = item->style.size;
    const double before = item->style.anchor == RM_ANCHOR_START ? 0.0
                          : item->style.anchor == RM_ANCHOR_END ? 1.0
                                                                : 0.5;
    if (item->style.upwards) {
        return (extent){.left = item->x - 0.76 * size,
                        .right = item->x + 0.24 * size,
                        .top = item->y - (1.0 - before) * width,
                        .bottom = item->y + before * width};
    }
    return (extent){.left = item->x - before * width,
                    .right = item->x + (1.0 - before) * width,
                    .top = item->y - 0.76 * size,
                    .bottom = item->y + 0.24 * size};
}

/* Digits and commas of tick labels hardly descend. */
static extent item_extent(const rm_item *item) {
    if (item->kind == RM_ITEM_TEXT) {
        return text_extent(item);
    }
    const double half = item->kind == RM_ITEM_LINE ? item->thickness / 2.0 : 0.0;
    const bool across = item->kind == RM_ITEM_LINE && item->height == 0.0;
    return (extent){.left = item->x - (across ? 0.0 : half),
                    .right = item->x + item->width + (across ? 0.0 : half),
                    .top = item->y - (across ? half : 0.0),
                    .bottom = item->y + item->height + (across ? half : 0.0)};
}

static bool overlap(extent a, extent b) {
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

static void check_item(const rm_drawing *drawing, int64_t index, double margin) {
    const rm_item *item = &drawing->items[index];
    const extent own = item_extent(item);
    assert_true(own.left >= margin && own.top >= margin);
    assert_true(own.right <= (double)drawing->width - margin &&
                own.bottom <= (double)drawing->height - margin);
    if (item->kind != RM_ITEM_TEXT) {
        return;
    }
    assert_true(item->text[0] != '\0');
    for (int64_t other = 0; other < drawing->count; other++) {
        if (other != index) {
            assert_false(overlap(own, item_extent(&drawing->items[other])));
        }
    }
}

static void set_text(char *field, size_t size, const char *text) {
    const size_t length = strlen(text);
    memcpy(field, text,
           length < size ? length + 1 : size); /* a full field has no zero, which must not matter */
}

static void check(const wish *asked) {
    const int64_t count = asked->height * asked->width;
    float *cells = calloc((size_t)count, sizeof *cells);
    uint8_t *levels = calloc((size_t)count, 1);
    const ropemap_map map = {.height = asked->height,
                             .width = asked->width,
                             .cells = cells,
                             .min = asked->min,
                             .max = asked->max,
                             .nan_cells = asked->nan_cells};
    ropemap_figure figure = {.rows = asked->rows,
                             .cols = asked->cols,
                             .font_size = 20.0 * asked->scale,
                             .width = asked->fit,
                             .norm = asked->norm,
                             .trained_length = asked->trained,
                             .contours = {asked->max / 2.0, -1e-7, asked->max / 3e5},
                             .contour_count = asked->noted ? 3 : 0};
    set_text(figure.title, sizeof figure.title, asked->title);
    set_text(figure.subtitle, sizeof figure.subtitle, asked->subtitle);
    set_text(figure.row_label, sizeof figure.row_label, asked->label);
    set_text(figure.col_label, sizeof figure.col_label, asked->label);
    set_text(figure.value_label, sizeof figure.value_label, asked->label);
    rm_colour colour;
    assert_int_equal(rm_colour_choose(&figure, &map, &colour, NULL), ROPEMAP_OK);
    const rm_layout layout = rm_layout_make(&figure, &map, &colour);
    rm_drawing drawing = {.items = NULL};
    rm_bar_levels bar;
    rm_frame_draw(&drawing, &layout, &map, levels, &colour, &bar);
    assert_int_equal(rm_overlay_draw(&drawing, &layout, &figure, &map, &colour, NULL), ROPEMAP_OK);
    assert_false(drawing.incomplete);
    assert_int_equal(rm_layout_check(&layout, &figure, NULL), ROPEMAP_OK);
    for (int64_t item = 0; item < drawing.count; item++) {
        check_item(&drawing, item, 5.0 * fmin(layout.scale, 1.0));
    }
    rm_drawing_free(&drawing);
    free(levels);
    free(cells);
}

static const int64_t sizes[][2] = {{1, 1},     {8, 8},     {32, 32},   {100, 700},   {700, 100}, {1024, 1024},
                                   {513, 599}, {2048, 64}, {64, 2048}, {1, 1024},    {1024, 1},  {1, 20000},
                                   {20000, 1}, {3, 2},     {599, 1},   {1023, 1025}, {2000, 700}};
enum { SIZES = (int)(sizeof sizes / sizeof *sizes) };

/* Each size with short and with long ranges, small and large values, with and without NaN. */
static void every_size_is_laid_out(void **state) {
    (void)state;
    static const double values[][2] = {{-1.0, 1.0}, {0.0, 1e-9}, {0.99999, 1.0}, {-3e38, 2e38}, {0.0, 0.0}};
    for (int size = 0; size < SIZES; size++) {
        for (int value = 0; value < 5; value++) {
            const int64_t height = sizes[size][0], width = sizes[size][1];
            const int64_t each = value == 0   ? 1
                                 : value == 1 ? 128
                                              : 1000003,
                          first = value == 3 ? 987654321 : 0;
            check(&(wish){.height = height,
                          .width = width,
                          .rows = {.first = first,
                                   .count = height * (value == 4 ? 1 : each),
                                   .step = value == 4 ? 7 : 1},
                          .cols = {.first = first, .count = width * each, .step = 1},
                          .min = values[value][0],
                          .max = values[value][1],
                          .nan_cells = value % 2,
                          .title = "RoPE similarity, base 500,000, linear scaling by 4, d = 128",
                          .subtitle =
                              "131,072 positions, mean of 128 × 128 dot products, causal, factored method",
                          .label = "query position"});
        }
    }
}

static void every_scale_is_laid_out(void **state) {
    (void)state;
    static const double scales[] = {0.25, 0.5, 1.0, 3.3, 8.0};
    for (int size = 0; size < SIZES; size++) {
        for (int pick = 0; pick < 5; pick++) {
            check(&(wish){.height = sizes[size][0],
                          .width = sizes[size][1],
                          .rows = {.first = 0, .count = sizes[size][0] * 64, .step = 1},
                          .cols = {.first = 12345, .count = sizes[size][1] * 64, .step = 3},
                          .min = -0.3,
                          .max = 1.0,
                          .nan_cells = 1,
                          .scale = scales[pick],
                          .title = "RoPE similarity",
                          .subtitle = "",
                          .label = "position"});
        }
    }
}

/* Exactly as wide as asked, with text of the size asked, and nothing overlaps. */
static void every_width_is_laid_out(void **state) {
    (void)state;
    static const int64_t widths[] = {800, 1039, 2126, 2551, 8000};
    static const double scales[] = {0.0, 0.5, 1.0, 5.0 / 3.0};
    for (int size = 0; size < SIZES; size++) {
        for (int pick = 0; pick < 5 * 4; pick++) {
            check(&(wish){.height = sizes[size][0],
                          .width = sizes[size][1],
                          .rows = {.first = 0, .count = sizes[size][0] * 64, .step = 1},
                          .cols = {.first = 12345 * (pick % 2), .count = sizes[size][1] * 64, .step = 3},
                          .min = -0.3,
                          .max = 1.0,
                          .nan_cells = pick % 3,
                          .scale = scales[pick / 5],
                          .title = "RoPE similarity, base 10,000, d = 128",
                          .subtitle = pick % 3 == 1 ? "" : "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
                          .label = "query position",
                          .noted = pick % 2 == 1,
                          .fit = widths[pick % 5]});
        }
    }
}

/* Norms with wide and narrow limits, with the mark of a trained length anywhere and a note. */
static void every_norm_is_laid_out(void **state) {
    (void)state;
    static const double values[][2] = {{1e-7, 1.0}, {-0.3, 1.0}, {0.9, 1.1}, {1e-38, 3e38}, {-3e38, 1e38}};
    for (int size = 0; size < SIZES; size++) {
        for (int pick = 0; pick < 40; pick++) {
            const int64_t height = sizes[size][0], width = sizes[size][1];
            const int64_t shorter = 128 * (height < width ? height : width);
            check(&(wish){.height = height,
                          .width = width,
                          .rows = {.first = 0, .count = height * 128, .step = 1},
                          .cols = {.first = 0, .count = width * 128, .step = 1},
                          .min = values[pick % 5][0],
                          .max = values[pick % 5][1],
                          .nan_cells = pick % 2,
                          .scale = pick % 7 == 6 ? 2.0 : 0.0,
                          .title = pick % 3 == 2 ? "" : "RoPE similarity",
                          .subtitle = pick % 3 == 1 ? "131,072 positions, a subtitle" : "",
                          .label = pick % 4 == 3 ? "" : "query position",
                          .norm = (ropemap_norm)(pick / 5 % 3),
                          .trained = (pick / 2 % 4) * shorter / 3 - (pick / 2 % 4 == 3 ? 1 : 0),
                          .noted = pick % 2 == 1});
        }
    }
}

/* No words at all, and fields full to the last byte: of words, of one word, of bytes that are no text. */
static void any_words_are_laid_out(void **state) {
    (void)state;
    char words[201], word[201], bytes[201];
    for (int at = 0; at < 200; at++) {
        words[at] = at % 6 == 5 ? ' ' : 'm';
        word[at] = 'W';
        bytes[at] = (char)(at % 3 == 0 ? 0xff : 0x41 + at % 26);
    }
    words[200] = word[200] = bytes[200] = '\0';
    const char *const texts[] = {"", words, word, bytes};
    for (int size = 0; size < SIZES; size++) {
        for (int text = 0; text < 4; text++) {
            check(&(wish){.height = sizes[size][0],
                          .width = sizes[size][1],
                          .rows = {.first = 0, .count = 1 << 17, .step = 1},
                          .cols = {.first = 0, .count = 1 << 17, .step = 1},
                          .min = -0.3,
                          .max = 1.0,
                          .nan_cells = text % 2,
                          .title = texts[text],
                          .subtitle = texts[3 - text],
                          .label = texts[text]});
        }
    }
}

/* The first label of the columns may reach further left than all labels of the rows. */
static void long_column_labels_are_laid_out(void **state) {
    (void)state;
    check(&(wish){.height = 3,
                  .width = 64,
                  .rows = {.first = 0, .count = 3, .step = 1},
                  .cols = {.first = ROPEMAP_POSITION_END - 64, .count = 64, .step = 1},
                  .min = 0.0,
                  .max = 1.0,
                  .title = "",
                  .subtitle = "",
                  .label = ""});
}

/* Numbers stay within their cell, whatever they are. */
static void cell_numbers_stay_in_their_cell(void **state) {
    (void)state;
    static const float values[] = {0.0F, -1.0F, 123456.7F, -3e38F, 1.0F};
    for (int64_t side = 1; side <= RM_CELL_TEXT_SIDE; side++) {
        float cells[RM_CELL_TEXT_SIDE * 3];
        for (int64_t cell = 0; cell < side * 3; cell++) {
            cells[cell] = values[cell % (side % 2 == 0 ? 2 : 5)];
        }
        const uint8_t levels[RM_CELL_TEXT_SIDE * 3] = {0};
        const ropemap_map map = {.height = 3, .width = side, .cells = cells, .min = -3e38, .max = 1e6};
        const ropemap_figure figure = {.rows = {0, 3, 1}, .cols = {0, side, 1}};
        assert_true(rm_cell_text_wanted(&figure, &map));
        rm_colour colour;
        assert_int_equal(rm_colour_choose(&figure, &map, &colour, NULL), ROPEMAP_OK);
        const rm_layout layout = rm_layout_make(&figure, &map, &colour);
        rm_drawing drawing = {.items = NULL};
        rm_cell_text_draw(&drawing, &layout, &map, levels, &colour);
        assert_int_equal(drawing.count, side * 3);
        const double wide = (double)layout.map.width / (double)side, tall = (double)layout.map.height / 3.0;
        for (int64_t cell = 0; cell < side * 3; cell++) {
            const extent text = text_extent(&drawing.items[cell]);
            const double left = (double)layout.map.x + wide * (double)(cell % side);
            const double top = (double)layout.map.y + tall * (double)(cell / side);
            assert_true(text.left > left && text.right < left + wide && text.top > top &&
                        text.bottom < top + tall);
        }
        rm_drawing_free(&drawing);
    }
}

static int load_font(void **state) {
    (void)state;
    return rm_font_ready(NULL) == ROPEMAP_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_laid_out),          cmocka_unit_test(every_scale_is_laid_out),
        cmocka_unit_test(every_width_is_laid_out),         cmocka_unit_test(every_norm_is_laid_out),
        cmocka_unit_test(any_words_are_laid_out),          cmocka_unit_test(long_column_labels_are_laid_out),
        cmocka_unit_test(cell_numbers_stay_in_their_cell),
    };
    return cmocka_run_group_tests(tests, load_font, NULL);
}
