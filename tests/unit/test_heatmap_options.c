/* test_heatmap_options.c - norms, percentiles, contours, trained lengths and dark figures, pixel by pixel */
/* SPDX-License-Identifier: MIT */
#include "host/figure/heatmap.h"
#include "tests/decode_png.h"
#include "tests/unit.h"

#include <math.h>

enum { SIDE = 700 };

/* From -1 at the left to 1 at the right; NaN in the lowest 100 rows. */
static ropemap_map make_map(void) {
    ropemap_map map = {.height = SIDE, .width = SIDE, .min = -1.0, .max = 1.0, .nan_cells = 100 * SIDE};
    map.cells = malloc((size_t)SIDE * SIDE * sizeof *map.cells);
    for (int cell = 0; cell < SIDE * SIDE; cell++) {
        const double value = 2.0 * (cell % SIDE) / (SIDE - 1) - 1.0;
        map.cells[cell] = cell / SIDE >= SIDE - 100 ? NAN : (float)value;
    }
    return map;
}

static ropemap_figure make_figure(const ropemap_map *map) {
    return (ropemap_figure){.title = "RoPE similarity",
                            .subtitle = "a test",
                            .row_label = "query position",
                            .col_label = "key position",
                            .value_label = "q · k",
                            .panel = {.map = map,
                                      .rows = {.first = 0, .count = 100 * SIDE, .step = 1},
                                      .cols = {.first = 0, .count = 100 * SIDE, .step = 1}}};
}

static ropemap_image draw(const ropemap_figure *figure) {
    ropemap_image image = {.rgb = NULL};
    assert_int_equal(ropemap_figure_draw(figure, &image, NULL), ROPEMAP_OK);
    return image;
}

static const uint8_t *pixel(const ropemap_image *image, int64_t x, int64_t y) {
    return image->rgb + 3 * (y * image->width + x);
}

/* Stays until the next call. */
static const rm_heatmap_layout *layout_of(const ropemap_figure *figure, rm_colour *colour) {
    static rm_heatmap_layout layout;
    assert_int_equal(rm_colour_choose(figure, colour, NULL), ROPEMAP_OK);
    assert_int_equal(rm_heatmap_layout_make(&layout, figure, colour, NULL), ROPEMAP_OK);
    return &layout;
}

/* ---- levels ---- */

/* The bare file's level of the cell nearest to a value. */
static void check_bare(ropemap_figure figure, double value, int expected) {
    figure.bare = true;
    figure.dark = true; /* makes no difference */
    figure.contour_count = 1000;
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(ropemap_figure_encode(&figure, ROPEMAP_PNG, NULL, &bytes, NULL), ROPEMAP_OK);
    decoded_png png;
    assert_true(decode_png(bytes.data, bytes.size, &png));
    const int col = (int)lround((value + 1.0) / 2.0 * (SIDE - 1));
    assert_int_equal(png.pixels[col], expected);
    assert_int_equal(png.pixels[SIDE * SIDE - 1], RM_LEVEL_NAN);
    assert_int_equal(png.palette[RM_LEVEL_NAN][0], 0xc6);
    free(png.pixels);
    ropemap_bytes_free(&bytes);
}

static void bare_figures_have_norm_and_percentile(void **state) {
    ropemap_map map = make_map();
    ropemap_figure figure = make_figure(&map);
    check_bare(figure, -1.0, 0);
    check_bare(figure, 1.0, 254);
    figure.norm = ROPEMAP_NORM_LOG;
    check_bare(figure, -1.0, RM_LEVEL_BELOW);
    check_bare(figure, -0.03, RM_LEVEL_BELOW);
    check_bare(figure, 0.0, RM_LEVEL_BELOW + 1); /* the least value above 0 */
    check_bare(figure, 1.0, 254);
    figure.norm = ROPEMAP_NORM_SYMLOG;
    figure.linear_below = 0.1;
    check_bare(figure, 1.0, 254);
    check_bare(figure, 0.1, 127 + 66); /* of 0.0987: 127 (0.987 10/9) / (19/9) = 66.0 */
    figure.norm = ROPEMAP_NORM_LINEAR;
    figure.percentile = 0.4;
    check_bare(figure, 0.3, 254);
    check_bare(figure, -0.3, 0);
    free(map.cells);
}

/* The colour bar is the palette from its last to its first level, whatever the norm; what a logarithm leaves
 * out is below it. */
static void the_bar_is_the_palette(void **state) {
    ropemap_map map = make_map();
    for (int norm = 0; norm < 3; norm++) {
        ropemap_figure figure = make_figure(&map);
        figure.norm = (ropemap_norm)norm;
        rm_colour colour;
        const rm_heatmap_layout *layout = layout_of(&figure, &colour);
        ropemap_image image = draw(&figure);
        const int64_t x = layout->bar.x + layout->bar.width / 2, end = layout->bar.y + layout->bar.height - 1;
        assert_memory_equal(pixel(&image, x, layout->bar.y), colour.palette.rgb[RM_LEVEL_MAX], 3);
        assert_memory_equal(pixel(&image, x, end), colour.palette.rgb[norm == ROPEMAP_NORM_LOG ? 1 : 0], 3);
        assert_int_equal(layout->has_below, norm == ROPEMAP_NORM_LOG);
        ropemap_image_free(&image);
    }
    free(map.cells);
}

/* ---- over the map ---- */

static double brightness(const uint8_t *rgb) {
    return (rgb[0] + rgb[1] + rgb[2]) / 765.0;
}

/* Darkest and brightest pixel among the nine around a place, along a row. */
static void find_extremes(const ropemap_image *image, int64_t x, int64_t y, double *least, double *most) {
    *least = 1.0;
    *most = 0.0;
    for (int64_t at = x - 4; at <= x + 4; at++) {
        *least = fmin(*least, brightness(pixel(image, at, y)));
        *most = fmax(*most, brightness(pixel(image, at, y)));
    }
}

/* Dark with a light edge on the darkest and on the lightest colour, and not where the map is NaN. */
static void contours_are_seen_on_any_colour(void **state) {
    ropemap_map map = make_map();
    for (int dark = 0; dark < 2; dark++) {
        ropemap_figure figure = make_figure(&map);
        figure.colormap = ROPEMAP_COLORMAP_GREY;
        figure.contours[0] = -0.9;
        figure.contours[1] = 0.9;
        figure.contour_count = 2;
        figure.dark = dark == 1;
        rm_colour colour;
        const rm_heatmap_layout *layout = layout_of(&figure, &colour);
        assert_true(layout->panels[0].map.width == SIDE);
        ropemap_image image = draw(&figure);
        for (int pick = 0; pick < 2; pick++) {
            const double place = (figure.contours[pick] + 1.0) / 2.0 * (SIDE - 1) + 0.5;
            const int64_t x = layout->panels[0].map.x + (int64_t)place;
            double least = 0.0, most = 0.0;
            find_extremes(&image, x, layout->panels[0].map.y + 300, &least, &most);
            assert_true(most - least > 0.5);
            find_extremes(&image, x, layout->panels[0].map.y + SIDE - 50, &least, &most);
            assert_true(most - least == 0.0);
            const int64_t y = layout->bar.y + (int64_t)((1.0 - place / SIDE) * (double)layout->bar.height);
            double darkest = 1.0;
            for (int64_t at = y - 3; at <= y + 3; at++) {
                darkest = fmin(darkest, brightness(pixel(&image, layout->bar.x + 10, at)));
            }
            assert_true(darkest < 0.1);
        }
        ropemap_image_free(&image);
    }
    free(map.cells);
}

/* Light along a row or a column, with dark dashes. */
static void trained_lengths_are_dashed(void **state) {
    ropemap_map map = make_map();
    ropemap_figure figure = make_figure(&map);
    figure.colormap = ROPEMAP_COLORMAP_MAGMA;
    figure.trained_length = 20000;
    rm_colour colour;
    const rm_heatmap_layout *layout = layout_of(&figure, &colour);
    assert_string_equal(layout->trained.text, "trained 20,000");
    assert_true(layout->panels[0].across == 200.0 && layout->panels[0].down == 200.0);
    ropemap_image image = draw(&figure);
    for (int across = 0; across < 2; across++) {
        int64_t light = 0, dark = 0;
        for (int64_t at = 10; at < SIDE - 10; at++) {
            double most = 0.0, least = 1.0;
            for (int64_t beside = 199; beside <= 200; beside++) {
                const double found =
                    brightness(pixel(&image, layout->panels[0].map.x + (across == 1 ? at : beside),
                                     layout->panels[0].map.y + (across == 1 ? beside : at)));
                most = fmax(most, found);
                least = fmin(least, found);
            }
            light += most > 0.9 ? 1 : 0;
            dark += least < 0.6 ? 1 : 0;
        }
        assert_true(light > SIDE / 4 && dark > SIDE / 4);
    }
    ropemap_image_free(&image);
    free(map.cells);
}

/* On one axis alone, or at its very end, there is no mark. */
static void trained_lengths_are_inside_of_both_axes(void **state) {
    ropemap_map map = make_map();
    static const struct {
        int64_t trained, first;
        bool marked;
    } cases[] = {{100 * SIDE, 0, false}, {100 * SIDE - 1, 0, true}, {1, 0, true},
                 {0, 0, false},          {50000, 50000, false},     {50000, 49999, true},
                 {INT64_MAX, 0, false},  {20000, 30000, false},     {INT64_MAX, 1 << 30, false}};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        ropemap_figure figure = make_figure(&map);
        figure.trained_length = cases[pick].trained;
        figure.panel.cols.first = cases[pick].first;
        rm_colour colour;
        const rm_heatmap_layout *layout = layout_of(&figure, &colour);
        assert_int_equal(layout->trained.text[0] != '\0', cases[pick].marked);
    }
    free(map.cells);
}

static void a_column_is_marked_across_alone(void **state) {
    ropemap_map map = make_map();
    ropemap_figure figure = make_figure(&map);
    const double wide = (double)layout_of(&figure, &(rm_colour){.low = 0})->panels[0].map.width;
    rm_colour colour;
    for (int64_t mark = 0; mark <= 100 * SIDE; mark += 25 * SIDE) {
        figure.mark_col = mark;
        const rm_panel_layout *panel = &layout_of(&figure, &colour)->panels[0];
        const bool inside = mark > 0 && mark < 100 * SIDE;
        assert_true(isnan(panel->down) && isnan(panel->across) == !inside);
        assert_true(!inside || panel->across == wide * (double)mark / (100.0 * SIDE));
    }
    figure.trained_length = 20000;
    assert_true(!isnan(layout_of(&figure, &colour)->panels[0].down));
    free(map.cells);
}

/* ---- words and colours around it ---- */

static void notes_say_what_is_not_seen(void **state) {
    static const struct {
        ropemap_figure figure;
        const char *note;
    } cases[] = {
        {{.contour_count = 0}, ""},
        {{.contours = {0.0}, .contour_count = 1}, "contour at 0"},
        {{.contours = {0.0, -0.5}, .contour_count = 2}, "contours at 0 and \u22120.5"},
        {{.contours = {1e-5, 0.5, 2.0}, .contour_count = 3, .percentile = 0.005},
         "contours at 1×10⁻⁵, 0.5 and 2; 0.5 % of the cells beyond each end of the colours"},
        {{.norm = ROPEMAP_NORM_LOG}, ""},
        {{.norm = ROPEMAP_NORM_LOG, .percentile = 0.1}, "10 % of the cells beyond each end of the colours"},
    };
    const ropemap_map map = {.min = -1.0, .max = 1.0};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        char text[RM_TEXT_BYTES];
        ropemap_figure figure = cases[pick].figure;
        figure.panel.map = &map;
        rm_footnote_write(text, &figure, 0);
        assert_string_equal(text, cases[pick].note);
    }
    ropemap_figure full = {.contour_count = 8, .percentile = 0.123456789, .panel.map = &map};
    for (int at = 0; at < 8; at++) {
        full.contours[at] = -1.23456e-123;
    }
    char text[RM_TEXT_BYTES];
    rm_footnote_write(text, &full, 0);
    assert_true(strlen(text) < RM_TEXT_BYTES);
    rm_footnote_write(text, &(ropemap_figure){.panel.map = &map}, 8192);
    assert_string_equal(text, "dashed: trained 8,192");
}

/* Contrast as WCAG 2.2 reckons it. */
static double luminance(rm_rgb ink) {
    const double channel[3] = {ink.r / 255.0, ink.g / 255.0, ink.b / 255.0};
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0.0;
    for (int at = 0; at < 3; at++) {
        sum += weight[at] *
               (channel[at] <= 0.04045 ? channel[at] / 12.92 : pow((channel[at] + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(rm_rgb a, rm_rgb b) {
    const double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
    return x > y ? x / y : y / x;
}

static void themes_can_be_read(void **state) {
    for (int dark = 0; dark < 2; dark++) {
        const rm_theme *theme = rm_theme_of(dark == 1);
        assert_true(contrast(theme->ink, theme->paper) >= 4.5);
        assert_true(contrast(theme->soft_ink, theme->paper) >= 4.5);
        assert_true(contrast(theme->line, theme->paper) >= 3.0);
        for (int map = 1; ropemap_colormap_name((ropemap_colormap)map) != NULL; map++) {
            rm_palette palette;
            rm_palette_make((ropemap_colormap)map, dark == 1, &palette);
            const uint8_t *nan = palette.rgb[RM_LEVEL_NAN];
            for (int level = 0; level < RM_LEVELS; level++) {
                const uint8_t *rgb = palette.rgb[level];
                assert_true(hypot(hypot(rgb[0] - nan[0], rgb[1] - nan[1]), rgb[2] - nan[2]) > 40.0);
            }
        }
    }
}

/* Values of cells are black or white, whichever can be read, on every map but the one that has its own rule.
 */
static void values_can_be_read(void **state) {
    float cells[64];
    for (int cell = 0; cell < 64; cell++) {
        cells[cell] = (float)cell / 63.0F;
    }
    const ropemap_map map = {.height = 8, .width = 8, .cells = cells, .max = 1.0};
    for (int shown = 1; shown < ROPEMAP_COLORMAP_SEED; shown++) {
        const ropemap_figure figure = {.panel = {&map, NULL, {0, 8, 1}, {0, 8, 1}},
                                       .colormap = (ropemap_colormap)shown};
        rm_heatmap made;
        assert_int_equal(rm_heatmap_make(&figure, &made, NULL), ROPEMAP_OK);
        for (int cell = 0; cell < 64; cell++) {
            const rm_item *text = &made.drawing.items[made.drawing.count - 64 + cell];
            const uint8_t *rgb = made.colour.palette.rgb[made.levels[cell]];
            assert_int_equal(text->kind, RM_ITEM_TEXT);
            assert_true(text->style.halo == 0.0);
            assert_true(contrast(text->style.ink, (rm_rgb){rgb[0], rgb[1], rgb[2]}) >= 4.5);
        }
        rm_heatmap_free(&made);
    }
}

/* The edge is paper, NaN has the theme's grey, and the cells keep their colours. */
static void dark_figures_are_dark_around_the_map(void **state) {
    ropemap_map map = make_map();
    ropemap_figure figure = make_figure(&map);
    ropemap_image light = draw(&figure);
    figure.dark = true;
    rm_colour colour;
    const rm_heatmap_layout *layout = layout_of(&figure, &colour);
    ropemap_image dark = draw(&figure);
    assert_true(light.width == dark.width && light.height == dark.height);
    static const uint8_t paper[3] = {0x12, 0x14, 0x17}, nan[3] = {0x40, 0x40, 0x40};
    for (int64_t x = 0; x < dark.width; x++) {
        assert_memory_equal(pixel(&dark, x, 0), paper, 3);
        assert_memory_equal(pixel(&dark, x, dark.height - 1), paper, 3);
    }
    for (int64_t y = 0; y < dark.height; y++) {
        assert_memory_equal(pixel(&dark, 0, y), paper, 3);
        assert_memory_equal(pixel(&dark, dark.width - 1, y), paper, 3);
    }
    for (int64_t y = 0; y < SIDE - 100; y++) {
        assert_memory_equal(pixel(&dark, layout->panels[0].map.x, layout->panels[0].map.y + y),
                            pixel(&light, layout->panels[0].map.x, layout->panels[0].map.y + y), 3 * SIDE);
    }
    assert_memory_equal(pixel(&dark, layout->panels[0].map.x, layout->panels[0].map.y + SIDE - 1), nan, 3);
    ropemap_image_free(&light);
    ropemap_image_free(&dark);
    free(map.cells);
}

/* Everything at once, in every file, gives the same bytes again. */
static void all_at_once_is_the_same_every_time(void **state) {
    ropemap_map map = make_map();
    ropemap_figure figure = make_figure(&map);
    figure.norm = ROPEMAP_NORM_SYMLOG;
    figure.percentile = 0.01;
    figure.contours[0] = 0.5;
    figure.contour_count = 1;
    figure.trained_length = 8192;
    figure.dark = true;
    for (int kind = 0; kind < 3; kind++) {
        ropemap_bytes bytes[2] = {{.data = NULL}, {.data = NULL}};
        for (int run = 0; run < 2; run++) {
            assert_int_equal(ropemap_figure_encode(&figure, (ropemap_format)kind, NULL, &bytes[run], NULL),
                             ROPEMAP_OK);
        }
        assert_true(bytes[0].size > 1000 && bytes[0].size == bytes[1].size);
        assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].size);
        ropemap_bytes_free(&bytes[0]);
        ropemap_bytes_free(&bytes[1]);
    }
    free(map.cells);
}

static void bad_options_are_refused(void **state) {
    ropemap_map map = make_map();
    enum { BAD = 12 };
    ropemap_figure bad[BAD];
    for (int pick = 0; pick < BAD; pick++) {
        bad[pick] = make_figure(&map);
    }
    bad[0].norm = (ropemap_norm)3;
    bad[1].linear_below = -1.0;
    bad[2].linear_below = (double)INFINITY;
    bad[3].percentile = 0.41;
    bad[4].percentile = -0.1;
    bad[5].percentile = (double)NAN;
    bad[6].percentile = 0.1;
    bad[6].has_limits = true;
    bad[6].high = 1.0;
    bad[7].contour_count = 9;
    bad[8].contour_count = -1;
    bad[9].contour_count = 1;
    bad[9].contours[0] = (double)NAN;
    bad[10].trained_length = -1;
    bad[11].norm = ROPEMAP_NORM_LOG;
    bad[11].has_limits = true;
    bad[11].high = 1.0; /* from 0 */
    for (int pick = 0; pick < BAD; pick++) {
        ropemap_image image = {.rgb = NULL};
        ropemap_error error = {.text = ""};
        assert_int_equal(ropemap_figure_draw(&bad[pick], &image, &error), ROPEMAP_USAGE);
        assert_true(error.text[0] != '\0');
        assert_null(image.rgb);
    }
    free(map.cells);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_once_is_the_same_every_time), /* loads the font */
        cmocka_unit_test(bare_figures_have_norm_and_percentile),
        cmocka_unit_test(the_bar_is_the_palette),
        cmocka_unit_test(contours_are_seen_on_any_colour),
        cmocka_unit_test(trained_lengths_are_dashed),
        cmocka_unit_test(trained_lengths_are_inside_of_both_axes),
        cmocka_unit_test(a_column_is_marked_across_alone),
        cmocka_unit_test(notes_say_what_is_not_seen),
        cmocka_unit_test(themes_can_be_read),
        cmocka_unit_test(values_can_be_read),
        cmocka_unit_test(dark_figures_are_dark_around_the_map),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
