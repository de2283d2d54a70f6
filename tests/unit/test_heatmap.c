/* test_heatmap.c - one map and many: nothing overlaps, one scale holds, and what cannot be shown is refused
 */
/* SPDX-License-Identifier: MIT */
/* Expected colours are computed here from the cells of all maps. */
#include "host/figure/heatmap.h"
#include "tests/decode_png.h"
#include "tests/extents.h"
#include "tests/stand_ins.h"
#include "tests/unit.h"

#include <math.h>

enum {
    MOST = 12,
    CELLS = 128 * 40,
    SOME = 7 * WHOLE_STEP /* one in so many of all combinations, whose parts repeat after other numbers */
};

typedef struct stack {
    ropemap_map maps[MOST];
    ropemap_panel panels[MOST];
    char names[MOST][24];
    float cells[MOST][CELLS];
    ropemap_figure figure;
    double low, high; /* of the finite cells */
} stack;

static const int64_t square[][2] = {{64, 64}}, mixed[][2] = {{64, 64}, {40, 128}, {128, 16}, {1, 64}};

static void put_text(char *field, size_t size, const char *text) {
    const size_t length = strlen(text);
    memcpy(field, text, length < size ? length + 1 : size); /* a full field has no zero */
}

#define PUT(field, text) put_text(field, sizeof(field), text)

static void put_words(ropemap_figure *figure, const char *title, const char *subtitle, const char *label) {
    PUT(figure->title, title);
    PUT(figure->subtitle, subtitle);
    PUT(figure->row_label, label);
    PUT(figure->col_label, label);
    PUT(figure->value_label, label);
}

/* `count` maps of shapes {height, width} in turn, whose cells go from -1 to ever larger numbers. */
static void make_stack(stack *made, int32_t count, const int64_t (*shapes)[2], bool with_nan) {
    memset(made, 0, sizeof *made);
    made->low = INFINITY;
    made->high = -INFINITY;
    for (int32_t index = 0; index < count; index++) {
        const int64_t *shape = shapes[shapes == mixed ? (index + 3 * count) % 4 : 0];
        ropemap_map *map = &made->maps[index];
        *map = (ropemap_map){.height = shape[0],
                             .width = shape[1],
                             .cells = made->cells[index],
                             .min = INFINITY,
                             .max = -INFINITY};
        for (int64_t cell = 0; cell < shape[0] * shape[1]; cell++) {
            const float value = -1.0F + (float)((cell * 7 + index) % 101) * 0.02F * (float)(index + 1);
            const bool nan = with_nan && index == count - 1 && cell == shape[0] * shape[1] / 2;
            made->cells[index][cell] = nan ? NAN : value;
            map->nan_cells += nan ? 1 : 0;
            map->min = nan ? map->min : fmin(map->min, (double)value);
            map->max = nan ? map->max : fmax(map->max, (double)value);
        }
        made->low = fmin(made->low, map->min);
        made->high = fmax(made->high, map->max);
        (void)snprintf(made->names[index], sizeof *made->names, "base 10,%03d", (int)index);
        made->panels[index] = (ropemap_panel){.map = map,
                                              .label = made->names[index],
                                              .rows = {0, shape[0] * 64, 1},
                                              .cols = {0, shape[1] * 64, 1}};
    }
    made->figure = (ropemap_figure){.panels = made->panels, .count = count};
    put_words(&made->figure, "Title of all", "subtitle", "");
    PUT(made->figure.row_label, "query position");
    PUT(made->figure.col_label, "key position");
    PUT(made->figure.value_label, "mean of q · k");
}

/* ---- what is seen ---- */

/* Stays until the next call. */
static const rm_heatmap_layout *layout_of(const ropemap_figure *figure) {
    static rm_heatmap_layout layout;
    rm_colour colour;
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    assert_int_equal(rm_colour_choose(figure, &colour, NULL), ROPEMAP_OK);
    assert_int_equal(rm_heatmap_layout_make(&layout, figure, &colour, NULL), ROPEMAP_OK);
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

static void check_pixels(const ropemap_figure *figure, ropemap_colormap shown, double low, double high) {
    static const uint8_t grey[3] = {0x40, 0x40, 0x40};
    ropemap_bytes bytes = {.data = NULL};
    decoded_png png;
    rm_palette palette;
    rm_palette_make(shown, false, &palette);
    const rm_heatmap_layout *layout = layout_of(figure);
    assert_int_equal(ropemap_figure_encode(figure, ROPEMAP_PNG, NULL, &bytes, NULL), ROPEMAP_OK);
    assert_true(decode_png(bytes.data, bytes.size, &png));
    assert_true(png.channels == 3 && png.width == layout->width && png.height == layout->height);
    for (int32_t index = 0; index < figure->count; index++) {
        const rm_box box = layout->panels[index].map;
        check_panel(&png, box, figure->panels[index].map, low, high, &palette);
        check_pixel(&png, box.x - 1, box.y - 1, grey);
        check_pixel(&png, box.x + box.width, box.y + box.height, grey);
    }
    if (layout->bar.height >= RM_LEVELS) {
        rm_colour colour; /* the bar shows what there is */
        assert_int_equal(rm_colour_choose(figure, &colour, NULL), ROPEMAP_OK);
        const int first = (int)floor((colour.bar_low - low) / (high - low) * 254.0 + 0.5);
        const int last = (int)floor((colour.bar_high - low) / (high - low) * 254.0 + 0.5);
        check_pixel(&png, layout->bar.x, layout->bar.y, palette.rgb[last]);
        check_pixel(&png, layout->bar.x, layout->bar.y + layout->bar.height - 1, palette.rgb[first]);
    }
    free(png.pixels);
    ropemap_bytes_free(&bytes);
}

/* Limits of all panels, symmetric where colours diverge; given ones as they are; no finite cell at all. */
static void test_shared_scale(void **state) {
    static stack made;
    static const int32_t counts[] = {1, 2, 5, 9, 12};
    for (int pick = 0; pick < 10; pick += 1 + WHOLE_STEP / 2) {
        make_stack(&made, counts[pick % 5], pick < 5 ? square : mixed, pick % 2 == 0);
        const double low = made.low, high = made.high, reach = fmax(-low, high);
        check_pixels(&made.figure, ROPEMAP_COLORMAP_DIVERGING, -reach, reach);
        made.figure.colormap = ROPEMAP_COLORMAP_VIRIDIS;
        check_pixels(&made.figure, ROPEMAP_COLORMAP_VIRIDIS, low, high);
        made.maps[0].cells[1] = INFINITY; /* does not count, and has the last colour */
        made.maps[0].max = INFINITY;
        check_pixels(&made.figure, ROPEMAP_COLORMAP_VIRIDIS, low, high);
        made.figure.colormap = ROPEMAP_COLORMAP_AUTO;
        made.figure.has_limits = true;
        made.figure.low = 0.25;
        made.figure.high = 0.5;
        check_pixels(&made.figure, ROPEMAP_COLORMAP_VIRIDIS, 0.25, 0.5);
    }
    make_stack(&made, 2, (const int64_t[][2]){{1, 1}}, false);
    made.maps[0].cells[0] = made.maps[1].cells[0] = NAN;
    made.maps[0].min = made.maps[0].max = made.maps[1].min = made.maps[1].max = NAN;
    check_pixels(&made.figure, ROPEMAP_COLORMAP_VIRIDIS, 0.0, 1.0);
}

/* Ends of the bar that stand for more than their numbers say so; of a share that the map itself has they do
 * not. */
static void test_past_the_bar(void **state) {
    static const struct {
        double min, max, low, high;
        ropemap_norm norm;
        const char *first, *last;
    } cases[] = {{0.0, 1.0, 0.0, 1.0, ROPEMAP_NORM_LINEAR, "0.0", "1.0"},
                 {-0.1, 1.0, 0.0, 1.0, ROPEMAP_NORM_LINEAR, "≤ 0.0", "1.0"},
                 {0.1, 1.1, 0.0, 1.0, ROPEMAP_NORM_LINEAR, "0.0", "≥ 1.0"},
                 {-1e-5, 1.00001, 0.0, 1.0, ROPEMAP_NORM_LINEAR, "0.0", "1.0"}, /* rounded */
                 {-7.0, 7.0, -1.0, 1.0, ROPEMAP_NORM_LINEAR, "≤ −1.0", "≥ 1.0"},
                 {1e-5, 1.0, 1e-3, 0.1, ROPEMAP_NORM_LOG, "≤ 10⁻³", "≥ 10⁻¹"},
                 {-1.0, 2.0, 0.0123, 0.9877, ROPEMAP_NORM_LINEAR, "≤ 0.0123", "≥ 0.988"}, /* no plain tick */
                 {-1.0, 0.6, 0.0123, 0.6543, ROPEMAP_NORM_LINEAR, "≤ 0.0123", "0.6"},
                 {1e-5, 1.0, 0.0013, 0.37, ROPEMAP_NORM_LOG, "≤ 0.0013", "≥ 0.37"},
                 {-1.0, 0.1, 1e-3, 0.1, ROPEMAP_NORM_LOG, "10⁻³", "10⁻¹"}}; /* those below 0 have a key */
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        float cells[4] = {(float)cases[at].min, (float)cases[at].max, 0.05F, 0.05F};
        const ropemap_map map = {
            .height = 2, .width = 2, .cells = cells, .min = cases[at].min, .max = cases[at].max};
        const ropemap_figure figure = {.panel = {.map = &map, .rows = {0, 2, 1}, .cols = {0, 2, 1}},
                                       .norm = cases[at].norm,
                                       .has_limits = true,
                                       .low = cases[at].low,
                                       .high = cases[at].high};
        const rm_ticks *values = &layout_of(&figure)->values;
        double first = INFINITY, last = -INFINITY;
        const char *labels[2] = {NULL, NULL};
        for (int32_t tick = 0; tick < values->count; tick++) {
            if (values->tick[tick].at < first) {
                first = values->tick[tick].at;
                labels[0] = values->tick[tick].label;
            }
            if (values->tick[tick].at > last) {
                last = values->tick[tick].at;
                labels[1] = values->tick[tick].label;
            }
        }
        assert_string_equal(labels[0], cases[at].first);
        assert_string_equal(labels[1], cases[at].last);
    }
}

/* ---- where it is ---- */

/* No text overlaps anything or is cut off; widths and sizes of text are exact. */
static void check_layout(const ropemap_figure *figure) {
    rm_heatmap made;
    ropemap_error error = {.status = ROPEMAP_OK};
    if (rm_heatmap_make(figure, &made, &error) != ROPEMAP_OK) {
        if (figure->width == 800 && strstr(error.text, "leave no room") != NULL) {
            rm_heatmap_free(&made); /* so it is with long numbers in large text */
            return;
        }
        fail_msg("%d panels, width %d, text %g: %s", (int)figure->count, (int)figure->width,
                 figure->font_size, error.text);
    }
    assert_false(made.drawing.incomplete);
    const rm_heatmap_layout *layout = layout_of(figure);
    check_texts(&made.drawing, 4.0 * fmin(layout->sizes.scale, 1.0));
    assert_true(figure->width == 0 || made.drawing.width == figure->width);
    assert_true(figure->font_size == 0.0 || fabs(layout->sizes.ticks - figure->font_size) < 1e-9);
    assert_true(layout->bar.y == layout->area.y && layout->bar.height == layout->area.height);
    const rm_panels panels = rm_panels_of(figure);
    for (int32_t index = 0; index < panels.count; index++) {
        const ropemap_map *map = panels.panel[index].map;
        const rm_box box = layout->panels[index].map;
        const bool whole = box.width % map->width == 0 && box.height % map->height == 0;
        assert_true(figure->width > 0 || whole);
    }
    rm_heatmap_free(&made);
}

static const int64_t sizes[][2] = {{1, 1},     {8, 8},     {32, 32},   {100, 700}, {700, 100}, {1024, 1024},
                                   {513, 599}, {2048, 64}, {64, 2048}, {1, 1024},  {1024, 1},  {1, 20000},
                                   {20000, 1}, {3, 2},     {599, 1},   {2000, 700}};
enum { SIZES = (int)(sizeof sizes / sizeof *sizes) };

/* A map of one size with short and long ranges, any limits, norm, words, width, size of text and mark. */
static void check_alone(int64_t height, int64_t width, int pick) {
    static const double limits[][2] = {{-1.0, 1.0}, {1e-9, 1.0}, {0.99999, 1.0}, {-3e38, 2e38}, {0.0, 0.0}};
    static const int64_t widths[] = {0, 0, 800, 1039, 2126, 3000};
    static const double scales[] = {0.0, 0.5, 1.0, 5.0 / 3.0};
    static char words[201], word[201], bytes[201];
    for (int at = 0; at < 200; at++) {
        words[at] = at % 6 == 5 ? ' ' : 'm';
        word[at] = 'W';
        bytes[at] = (char)(at % 3 == 0 ? 0xff : 0x41 + at % 26);
    }
    const char *const texts[] = {"RoPE similarity, base 500,000, linear scaling by 4, d = 128", "", words,
                                 word, bytes};
    const int64_t each = pick % 4 == 0 ? 33 : pick % 4 == 1 ? 128 : 1000003;
    float *cells = calloc((size_t)(height * width), sizeof *cells);
    const double *limit = limits[pick % 5];
    const ropemap_map map = {.height = height,
                             .width = width,
                             .cells = cells,
                             .min = limit[0],
                             .max = limit[1],
                             .nan_cells = pick % 3};
    const int64_t first = pick % 7 == 3 ? 987654321 : 0, shorter = each * (height < width ? height : width);
    ropemap_figure figure = {.panel = {&map, NULL, {first, height * each, 1}, {first, width * each, 1}},
                             .norm = (ropemap_norm)(pick / 5 % 3),
                             .width = widths[pick % 6],
                             .font_size = 20.0 * scales[pick / 2 % 4],
                             .trained_length = first + (pick / 2 % 4) * shorter / 3,
                             .contours = {limit[1] / 2.0, -1e-7, limit[1] / 3e5},
                             .contour_count = pick % 2 == 1 ? 3 : 0,
                             .dark = pick % 11 == 1};
    put_words(&figure, texts[pick / 7 % 5], texts[pick / 3 % 5],
              pick % 13 == 2 ? texts[pick / 7 % 5] : "position");
    check_layout(&figure);
    free(cells);
}

static void test_any_map_is_laid_out(void **state) {
    for (int size = 0; size < SIZES; size++) {
        for (int pick = size % SOME; pick < 60; pick += SOME) {
            check_alone(sizes[size][0], sizes[size][1], pick);
        }
    }
}

/* Names of narrow panels reach into what is between them before they are cut. */
static void test_names_between_panels(void **state) {
    static stack made;
    make_stack(&made, 6, square, false);
    made.figure.width = 1039;
    made.figure.font_size = 28.6;
    made.figure.columns = 3;
    for (int32_t index = 0; index < 6; index++) {
        (void)snprintf(made.names[index], sizeof *made.names, "base %d,000,000", (int)index + 1);
    }
    const rm_heatmap_layout *layout = layout_of(&made.figure);
    for (int32_t index = 0; index < 6; index++) {
        const rm_panel_layout *panel = &layout->panels[index];
        assert_string_equal(panel->name, made.names[index]);
        const double end = (double)panel->map.x + rm_font_width(panel->name, layout->sizes.name);
        assert_true(end < (double)(index % 3 < 2 ? layout->panels[index + 1].map.x : layout->bar.x));
    }
}

/* Rows that are a line of text apart have each their label, as heads have. */
static void test_few_rows(void **state) {
    static float cells[3 * 32];
    const ropemap_map map = {.height = 3, .width = 32, .cells = cells};
    ropemap_figure figure = {.panel = {&map, "queries", {0, 3, 1}, {0, 32, 1}}};
    figure.width = 1039;
    figure.font_size = 28.6;
    const rm_heatmap_layout *layout = layout_of(&figure);
    assert_int_equal(layout->panels[0].rows.count, 3);
    assert_string_equal(layout->panels[0].rows.tick[1].label, "1");
}

static void test_any_panels_are_laid_out(void **state) {
    static stack made;
    static const int32_t counts[] = {1, 2, 3, 5, 9, 12};
    static const int64_t sides[] = {0, 64, 100, 700}, firsts[] = {0, 12345, 987654321};
    static char words[201], bytes[201];
    memset(words, 'W', 200);
    memset(bytes, 0xff, 200);
    const char *const texts[] = {"", "query position", words, bytes};
    for (int pick = 0; pick < 6 * 4 * 3 * 4; pick += SOME) {
        make_stack(&made, counts[pick % 6], pick % 7 < 3 ? square : mixed, pick % 5 < 2);
        made.figure.side = sides[pick / 6 % 4];
        made.figure.columns = pick % 11 < 5 ? 0 : pick % 11 - 4;
        made.figure.trained_length = pick % 3 == 0 ? 1000 : 0;
        const char *text = texts[pick / 72];
        put_words(&made.figure, text, texts[3 - pick / 72], text);
        for (int32_t index = 0; index < made.figure.count; index++) {
            ropemap_panel *panel = &made.panels[index];
            panel->label = index % 2 == 0 || pick % 3 == 0 ? text : panel->label;
            panel->rows.first = panel->cols.first = firsts[pick / 24 % 3];
            panel->cols.step = pick % 4 == 0 ? 1000003 : 1;
        }
        check_layout(&made.figure);
    }
}

static void test_panels_of_a_width(void **state) {
    static stack made;
    static const int64_t widths[] = {1039, 2126, 1500, 3000};
    static const double fonts[] = {0.0, 20.0, 100.0 / 3.0, 12.5};
    for (int pick = 0; pick < 9 * 4 * 4; pick += SOME) {
        make_stack(&made, 1 + pick % 9, pick % 5 > 2 ? mixed : square, pick % 2 == 0);
        made.figure.width = widths[pick / 9 % 4];
        made.figure.font_size = fonts[pick / 36 % 4];
        made.figure.columns = made.figure.width == 1039 ? 1 + pick % 2 : pick % 4;
        check_layout(&made.figure);
    }
}

static void check_grid(int32_t count, int32_t columns, const int64_t (*shape)[2], int32_t across) {
    static stack made;
    make_stack(&made, count, shape, false);
    made.figure.columns = columns;
    const rm_heatmap_layout *layout = layout_of(&made.figure);
    assert_int_equal(layout->columns, across);
    for (int32_t index = 0; index < count; index++) {
        assert_int_equal(layout->panels[index].has_rows, index % across == 0);
        assert_int_equal(layout->panels[index].has_cols, index + across >= count);
    }
}

/* As square as it gets, the wider of two; ticks at the left and at the bottom, where none differ. */
static void test_grid(void **state) {
    static const int32_t across[] = {1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4};
    static stack made;
    for (int32_t count = 1; count <= MOST; count++) {
        check_grid(count, 0, square, across[count - 1]);
        check_grid(count, 1, square, 1);
        check_grid(count, 100, square, count);
    }
    check_grid(6, 0, (const int64_t[][2]){{32, 128}}, 2);
    check_grid(6, 0, (const int64_t[][2]){{128, 32}}, 6);
    make_stack(&made, 6, square, false);
    made.panels[4].rows.count *= 2;
    const rm_heatmap_layout *layout = layout_of(&made.figure);
    for (int32_t index = 0; index < 6; index++) {
        assert_true(layout->panels[index].has_rows);
        assert_int_equal(layout->panels[index].has_cols, index >= 3);
    }
}

/* Every word is there once; ticks are not repeated, and names are cut to their panel. */
static void test_words(void **state) {
    static stack made;
    rm_heatmap drawn;
    make_stack(&made, 6, square, true);
    assert_int_equal(rm_heatmap_make(&made.figure, &drawn, NULL), ROPEMAP_OK);
    for (int32_t index = 0; index < 6; index++) {
        assert_int_equal(count_texts(&drawn.drawing, made.names[index]), 1);
    }
    const char *const once[] = {"Title of all", "subtitle",      "query position",
                                "key position", "mean of q · k", "NaN"};
    for (int word = 0; word < 6; word++) {
        assert_int_equal(count_texts(&drawn.drawing, once[word]), 1);
    }
    assert_int_equal(count_anchored(&drawn.drawing, "4,096", RM_ANCHOR_END), 2);    /* rows of panels */
    assert_int_equal(count_anchored(&drawn.drawing, "4,096", RM_ANCHOR_MIDDLE), 3); /* columns */
    rm_heatmap_free(&drawn);
    made.panels[0].label = "a name that is much longer than the panel below it, which cuts it";
    assert_int_equal(rm_heatmap_make(&made.figure, &drawn, NULL), ROPEMAP_OK);
    assert_int_equal(count_texts(&drawn.drawing, made.panels[0].label), 0);
    rm_heatmap_free(&drawn);
}

/* Values of cells stay within their cell, whatever they are. */
static void test_cell_values(void **state) {
    static const float values[] = {0.0F, -1.0F, 123456.7F, -3e38F, 1.0F};
    for (int64_t side = 1; side <= 32; side++) {
        float cells[32 * 3];
        for (int64_t cell = 0; cell < side * 3; cell++) {
            cells[cell] = values[cell % (side % 2 == 0 ? 2 : 5)];
        }
        const ropemap_map map = {.height = 3, .width = side, .cells = cells, .min = -3e38, .max = 1e6};
        ropemap_figure figure = {.panel = {&map, NULL, {0, 3, 1}, {0, side, 1}}};
        rm_heatmap made, plain;
        assert_int_equal(rm_heatmap_make(&figure, &made, NULL), ROPEMAP_OK);
        const rm_box box = layout_of(&figure)->panels[0].map;
        const double wide = (double)box.width / (double)side, tall = (double)box.height / 3.0;
        for (int64_t cell = 0; cell < side * 3; cell++) { /* the last items of all */
            const rm_item *item = &made.drawing.items[made.drawing.count - side * 3 + cell];
            const extent text = text_extent(item);
            const double left = (double)box.x + wide * (double)(cell % side);
            const double top = (double)box.y + tall * (double)(cell / side);
            assert_int_equal(item->kind, RM_ITEM_TEXT);
            assert_true(text.left > left && text.right < left + wide && text.top > top &&
                        text.bottom < top + tall);
        }
        figure.unnumbered = true;
        assert_int_equal(rm_heatmap_make(&figure, &plain, NULL), ROPEMAP_OK);
        assert_int_equal(plain.drawing.count, made.drawing.count - side * 3);
        rm_heatmap_free(&plain);
        rm_heatmap_free(&made);
    }
}

/* ---- files ---- */

/* The same bytes again; and without memory at the k-th allocation a failure that keeps nothing. */
static void test_bytes_and_memory(void **state) {
    static stack made;
    make_stack(&made, 2, mixed, true);
    made.figure.side = 64;
    made.figure.percentile = 0.01;
    made.figure.contours[0] = 0.1;
    made.figure.contour_count = 1;
    for (int kind = 0; kind < 3; kind++) {
        const ropemap_page page = {.dpi = 72.0};
        ropemap_bytes first = {.data = NULL}, again = {.data = NULL};
        assert_int_equal(ropemap_figure_encode(&made.figure, (ropemap_format)kind, &page, &first, NULL),
                         ROPEMAP_OK);
        const long before = blocks_live();
        ropemap_status status = ROPEMAP_RESOURCES;
        for (long number = 0; status != ROPEMAP_OK; number++) {
            ropemap_error error = {.status = ROPEMAP_OK};
            refuse_from(number, false);
            status = ropemap_figure_encode(&made.figure, (ropemap_format)kind, &page, &again, &error);
            check_status("figure", number, refuse_no_more(), status, &error);
            assert_true(status == ROPEMAP_OK || (blocks_live() == before && again.data == NULL));
        }
        assert_int_equal(first.size, again.size);
        assert_memory_equal(first.data, again.data, first.size);
        ropemap_bytes_free(&first);
        ropemap_bytes_free(&again);
    }
    decoded_png png;
    ropemap_bytes bytes = {.data = NULL};
    made.figure.width = 1039;
    made.figure.font_size = 25.0;
    const ropemap_page page = {.dpi = 300.0};
    assert_int_equal(ropemap_figure_encode(&made.figure, ROPEMAP_PNG, &page, &bytes, NULL), ROPEMAP_OK);
    assert_true(decode_png(bytes.data, bytes.size, &png));
    assert_true(png.width == 1039 && png.density == 11811);
    free(png.pixels);
    ropemap_bytes_free(&bytes);
}

static void refuse(const ropemap_figure *figure, const char *part) {
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.status = ROPEMAP_OK};
        assert_int_equal(ropemap_figure_encode(figure, (ropemap_format)kind, NULL, &bytes, &error),
                         ROPEMAP_USAGE);
        assert_says(error.text, part);
        assert_null(bytes.data);
    }
}

static void test_refused(void **state) {
    static stack made;
    make_stack(&made, 9, square, false);
    const struct {
        ropemap_figure figure;
        const char *part;
    } wrong[] = {
        {{.panels = made.panels, .count = 0}, "0 panels"},
        {{.panels = made.panels, .count = 1025}, "1025 panels"},
        {{.count = 2}, "none in memory"},
        {{.panels = made.panels, .count = 3, .columns = -1}, "-1 columns"},
        {{.panels = made.panels, .count = 3, .side = -5}, "-5 pixels"},
        {{.panels = made.panels, .count = 3, .side = 32768}, "32768 pixels"},
        {{.panels = made.panels, .count = 3, .side = 16384}, "at most 32767 a side"},
        {{.panels = made.panels, .count = 3, .width = -1}, "-1 pixels wide"},
        {{.panels = made.panels, .count = 3, .width = 32768}, "32768 pixels wide"},
        {{.panels = made.panels, .count = 9, .columns = 9, .width = 1039, .font_size = 34.0},
         "1039 pixels leave no room for 9 maps side by side"},
        {{.panels = made.panels, .count = 1, .width = 200, .font_size = 40.0}, "200 pixels leave no room"},
        {{.panels = made.panels, .count = 3, .font_size = 1.0}, "font-size: 1 pixels"},
        {{.panels = made.panels, .count = 3, .bare = true}, "bare: 3 maps"},
        {{.panels = made.panels, .count = 3, .colormap = (ropemap_colormap)77}, "number 77"},
        {{.panels = made.panels, .count = 3, .has_limits = true, .low = 2.0, .high = 1.0}, "2 to 1"}};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        refuse(&wrong[at].figure, wrong[at].part);
    }
    ropemap_map empty = {.height = 4, .width = 0};
    made.panels[1].map = &empty;
    refuse(&made.figure, "panel 2 \"base 10,001\": map: 0 x 4 cells");
    made.panels[1].map = NULL;
    refuse(&made.figure, "panel 2 \"base 10,001\": map: none");
    made.panels[1].map = &made.maps[1];
    made.panels[2].cols.count = 63;
    refuse(&made.figure, "panel 3 \"base 10,002\": cols: 63 positions for 64 cells");
    made.panels[2].cols.count = 64;
    ropemap_bytes bytes = {.data = NULL};
    const ropemap_page narrow = {.millimetres = -1.0}, sparse = {.dpi = 5.0};
    assert_int_equal(ropemap_figure_encode(&made.figure, ROPEMAP_SVG, &narrow, &bytes, NULL), ROPEMAP_USAGE);
    assert_int_equal(ropemap_figure_encode(&made.figure, ROPEMAP_PNG, &sparse, &bytes, NULL), ROPEMAP_USAGE);
    assert_int_equal(ropemap_figure_encode(&made.figure, ROPEMAP_PNG, NULL, &bytes, NULL), ROPEMAP_OK);
    ropemap_bytes_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_scale),
                                       cmocka_unit_test(test_past_the_bar),
                                       cmocka_unit_test(test_any_map_is_laid_out),
                                       cmocka_unit_test(test_names_between_panels),
                                       cmocka_unit_test(test_few_rows),
                                       cmocka_unit_test(test_any_panels_are_laid_out),
                                       cmocka_unit_test(test_panels_of_a_width),
                                       cmocka_unit_test(test_grid),
                                       cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_cell_values),
                                       cmocka_unit_test(test_bytes_and_memory),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
