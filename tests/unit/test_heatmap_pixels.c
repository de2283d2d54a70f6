/* test_heatmap_pixels.c - finished pictures, pixel by pixel */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_figure.h"
#include "tests/decode_png.h"
#include "tests/unit.h"

#include <math.h>
#include <pthread.h>

/* A map with its limits, as the engine would hand it over. */
static ropemap_map make_map(int64_t height, int64_t width, float (*value)(int64_t row, int64_t col)) {
    ropemap_map map = {.height = height, .width = width, .min = (double)NAN, .max = (double)NAN};
    map.cells = malloc((size_t)(height * width) * sizeof *map.cells);
    for (int64_t cell = 0; cell < height * width; cell++) {
        const float made = value(cell / width, cell % width);
        map.cells[cell] = made;
        map.nan_cells += isnan(made) ? 1 : 0;
        map.min = isnan(made) || map.min <= (double)made ? map.min : (double)made;
        map.max = isnan(made) || map.max >= (double)made ? map.max : (double)made;
    }
    return map;
}

static float hash_value(int64_t row, int64_t col) {
    return (float)((uint64_t)(row * 7919 + col * 104729) * 2654435761u % 1000) / 999.0F;
}

static float causal_value(int64_t row, int64_t col) {
    return col > row ? NAN : hash_value(row, col) - 0.5F;
}

static float nan_value(int64_t row, int64_t col) {
    (void)row, (void)col;
    return NAN;
}

static float constant_value(int64_t row, int64_t col) {
    (void)row, (void)col;
    return 0.75F;
}

static float checker_value(int64_t row, int64_t col) {
    return (row + col) % 2 == 0 ? 1.0F : 0.0F;
}

static ropemap_figure make_figure(const ropemap_map *map) {
    return (ropemap_figure){.title = "RoPE similarity, base 10,000, d = 128",
                            .subtitle = "a test",
                            .row_label = "query position",
                            .col_label = "key position",
                            .value_label = "q · k",
                            .panel = {.map = map,
                                      .rows = {.first = 0, .count = map->height * 100, .step = 1},
                                      .cols = {.first = 0, .count = map->width * 100, .step = 1}}};
}

/* A framed figure and where its map is, found by the frame alone: the first long run of the frame's grey. */
typedef struct picture {
    ropemap_image image;
    int64_t x, y, across, down; /* of the map's corner; pixels a cell */
} picture;

static const uint8_t *pixel(const ropemap_image *image, int64_t x, int64_t y) {
    return image->rgb + 3 * (y * image->width + x);
}

static bool is(const uint8_t *rgb, int value) {
    return rgb[0] == value && rgb[1] == value && rgb[2] == value;
}

static int64_t run_right(const ropemap_image *image, int64_t x, int64_t y) {
    int64_t end = x;
    while (end < image->width && is(pixel(image, end, y), 0x40)) {
        end++;
    }
    return end - x;
}

static picture draw(const ropemap_figure *figure) {
    const ropemap_map *map = figure->panel.map;
    picture made = {.x = -1};
    assert_int_equal(ropemap_figure_draw(figure, &made.image, NULL), ROPEMAP_OK);
    for (int64_t y = 0; y < made.image.height && made.x < 0; y++) {
        for (int64_t x = 0; x < made.image.width && made.x < 0; x++) {
            const int64_t run = run_right(&made.image, x, y);
            if (run >= 90) { /* longer than any tick, and than any letter's stroke */
                int64_t line = 1;
                while (is(pixel(&made.image, x + run / 2, y + line), 0x40)) {
                    line++;
                }
                int64_t end = y + line;
                while (!is(pixel(&made.image, x + run / 2, end), 0x40)) {
                    end++;
                }
                made.x = x + line;
                made.y = y + line;
                made.across = (run - 2 * line) / map->width;
                made.down = (end - made.y) / map->height;
                assert_int_equal((run - 2 * line) % map->width, 0);
                assert_int_equal((end - made.y) % map->height, 0);
            }
        }
    }
    assert_true(made.x > 0);
    return made;
}

/* Nothing but white along the edge: no text and no line is cut off. */
static void check_edge(const ropemap_image *image, int64_t depth) {
    int64_t wrong = 0;
    for (int64_t y = 0; y < image->height; y++) {
        const bool whole = y < depth || y >= image->height - depth;
        for (int64_t x = 0; x < (whole ? image->width : depth); x++) {
            wrong += !is(pixel(image, x, y), 255) || !is(pixel(image, image->width - 1 - x, y), 255);
        }
    }
    assert_int_equal(wrong, 0);
}

/* Every pixel of every cell has the colour that the bare file's palette gives the cell. */
static void check_cells(const ropemap_figure *figure, const picture *framed) {
    const ropemap_map *map = figure->panel.map;
    ropemap_figure bare = *figure;
    bare.bare = true;
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(ropemap_figure_encode(&bare, ROPEMAP_PNG, NULL, &bytes, NULL), ROPEMAP_OK);
    decoded_png png;
    assert_true(decode_png(bytes.data, bytes.size, &png));
    assert_int_equal(png.colour_type, 3);
    assert_true(png.width == map->width && png.height == map->height);
    int64_t wrong = 0;
    const size_t row_bytes = 3 * (size_t)(framed->across * map->width);
    for (int64_t y = 0; y < framed->down * map->height; y++) {
        const uint8_t *found = pixel(&framed->image, framed->x, framed->y + y);
        if (y % framed->down != 0) { /* the rows of pixels of a row of cells are alike */
            wrong += memcmp(found, found - 3 * framed->image.width, row_bytes) != 0;
            continue;
        }
        for (int64_t x = 0; x < framed->across * map->width; x++) {
            const uint8_t level = png.pixels[y / framed->down * map->width + x / framed->across];
            wrong += memcmp(found + 3 * x, png.palette[level], 3) != 0;
        }
    }
    assert_int_equal(wrong, 0);
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        assert_int_equal(png.pixels[cell] == 255, isnan(map->cells[cell]));
    }
    free(png.pixels);
    ropemap_bytes_free(&bytes);
}

/* Pixels of a colour below the map. */
static int64_t count_below(const picture *framed, const ropemap_map *map, const uint8_t rgb[3]) {
    int64_t count = 0;
    for (int64_t y = framed->y + framed->down * map->height; y < framed->image.height; y++) {
        for (int64_t x = 0; x < framed->image.width; x++) {
            count += memcmp(pixel(&framed->image, x, y), rgb, 3) == 0 ? 1 : 0;
        }
    }
    return count;
}

static void framed_maps_show_their_cells(void **state) {
    static const struct {
        int64_t height, width;
        float (*value)(int64_t row, int64_t col);
        ropemap_colormap colormap;
    } cases[] = {
        {1, 1, constant_value, ROPEMAP_COLORMAP_AUTO},   {33, 40, causal_value, ROPEMAP_COLORMAP_AUTO},
        {100, 70, hash_value, ROPEMAP_COLORMAP_BATLOW},  {48, 48, nan_value, ROPEMAP_COLORMAP_TURBO},
        {1, 640, hash_value, ROPEMAP_COLORMAP_SEED},     {640, 1, causal_value, ROPEMAP_COLORMAP_GREY},
        {3, 512, constant_value, ROPEMAP_COLORMAP_AUTO}, {37, 61, causal_value, ROPEMAP_COLORMAP_VIRIDIS}};
    static const uint8_t grey[3] = {0xc6, 0xc6, 0xc6}, blue[3] = {0x8f, 0xb4, 0xe0};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        ropemap_map map = make_map(cases[pick].height, cases[pick].width, cases[pick].value);
        ropemap_figure figure = make_figure(&map);
        figure.colormap = cases[pick].colormap;
        picture framed = draw(&figure);
        check_edge(&framed.image, 8);
        check_cells(&figure, &framed);
        const uint8_t *nan = cases[pick].colormap == ROPEMAP_COLORMAP_GREY ? blue : grey;
        const int64_t swatch = count_below(&framed, &map, nan);
        assert_true(map.nan_cells > 0 ? swatch > 50
                                      : swatch < 50); /* letters have a few pixels of any grey */
        ropemap_image_free(&framed.image);
        free(map.cells);
    }
}

/* 600 to 1,200 pixels by a whole factor, one pixel a cell from 1,024 on, thin maps thickened to a sixth. */
static void small_maps_are_enlarged(void **state) {
    static const int64_t cases[][4] = {/* height, width, across, down */
                                       {8, 8, 128, 128},  {100, 100, 10, 10}, {513, 513, 2, 2},
                                       {700, 100, 1, 1},  {600, 600, 1, 1},   {1030, 1024, 1, 1},
                                       {1, 1024, 1, 170}, {64, 2, 85, 16}};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        ropemap_map map = make_map(cases[pick][0], cases[pick][1], hash_value);
        const ropemap_figure figure = make_figure(&map);
        picture framed = draw(&figure);
        assert_int_equal(framed.down, cases[pick][3]);
        assert_int_equal(framed.across, cases[pick][2]);
        ropemap_image_free(&framed.image);
        free(map.cells);
    }
}

/* Pixels of pure black or white within a cell, its outermost ring apart. */
static int64_t count_in_cell(const picture *framed, int64_t row, int64_t col, int value) {
    int64_t count = 0;
    for (int64_t y = 1; y < framed->down - 1; y++) {
        for (int64_t x = 1; x < framed->across - 1; x++) {
            const int64_t left = framed->x + col * framed->across, top = framed->y + row * framed->down;
            count += is(pixel(&framed->image, left + x, top + y), value) ? 1 : 0;
        }
    }
    return count;
}

static void check_numbers(int64_t side, bool expected) {
    ropemap_map map = make_map(side, side, checker_value);
    ropemap_figure figure = make_figure(&map);
    figure.panel.rows.count = figure.panel.cols.count = side;
    figure.colormap = ROPEMAP_COLORMAP_SEED; /* its ends, blue and pink, are neither black nor white */
    picture framed = draw(&figure);
    for (int64_t row = 0; row < side; row++) {
        for (int64_t col = 0; col < side; col++) {
            const bool above = (row + col) % 2 == 0;
            assert_int_equal(count_in_cell(&framed, row, col, above ? 255 : 0) > 2, expected);
            assert_true(count_in_cell(&framed, row, col, above ? 0 : 255) == 0);
        }
    }
    ropemap_image_free(&framed.image);
    free(map.cells);
}

static void few_positions_show_their_values(void **state) {
    check_numbers(1, true);
    check_numbers(8, true);
    check_numbers(32, true);
    check_numbers(33, false);
}

/* Few cells of many positions are no numbers. */
static void pooled_cells_show_no_values(void **state) {
    ropemap_map map = make_map(8, 8, checker_value);
    ropemap_figure figure = make_figure(&map);
    figure.colormap = ROPEMAP_COLORMAP_SEED;
    picture framed = draw(&figure);
    assert_int_equal(count_in_cell(&framed, 0, 0, 255), 0);
    ropemap_image_free(&framed.image);
    free(map.cells);
}

static void png_and_pixels_agree(void **state) {
    ropemap_map map = make_map(50, 60, causal_value);
    for (int bare = 0; bare < 2; bare++) {
        ropemap_figure figure = make_figure(&map);
        figure.bare = bare == 1;
        ropemap_image image = {.rgb = NULL};
        ropemap_bytes bytes = {.data = NULL};
        assert_int_equal(ropemap_figure_draw(&figure, &image, NULL), ROPEMAP_OK);
        assert_int_equal(ropemap_figure_encode(&figure, ROPEMAP_PNG, NULL, &bytes, NULL), ROPEMAP_OK);
        decoded_png png;
        assert_true(decode_png(bytes.data, bytes.size, &png));
        assert_int_equal(png.colour_type, figure.bare ? 3 : 2);
        assert_true(png.width == image.width && png.height == image.height);
        int64_t wrong = 0;
        for (int64_t at = 0; at < image.width * image.height; at++) {
            const uint8_t *rgb = figure.bare ? png.palette[png.pixels[at]] : png.pixels + 3 * at;
            wrong += memcmp(rgb, image.rgb + 3 * at, 3) != 0;
        }
        assert_int_equal(wrong, 0);
        free(png.pixels);
        ropemap_bytes_free(&bytes);
        ropemap_image_free(&image);
    }
    free(map.cells);
}

static void bad_figures_are_refused(void **state) {
    ropemap_map map = make_map(4, 5, hash_value);
    const ropemap_figure good = make_figure(&map);
    ropemap_figure bad[14];
    for (int pick = 0; pick < 14; pick++) {
        bad[pick] = good;
    }
    bad[0].panel.rows.count = 0;
    bad[1].panel.cols.count = 4; /* fewer than cells */
    bad[2].panel.rows.step = 0;
    bad[3].panel.rows.first = -1;
    bad[4].panel.cols = (ropemap_range){.first = ROPEMAP_POSITION_END - 5, .count = 6, .step = 1};
    bad[5].panel.cols = (ropemap_range){.first = 0, .count = INT64_MAX, .step = INT64_MAX};
    bad[6].font_size = 1.9;
    bad[7].font_size = 401.0;
    bad[8].font_size = (double)NAN;
    bad[9].width = -1;
    bad[10].colormap = (ropemap_colormap)99;
    bad[11].has_limits = true; /* 0 to 0 */
    bad[12].panel.rows.first = ROPEMAP_POSITION_END;
    bad[13].panel.rows.step = INT64_MAX;
    for (int pick = 0; pick < 14; pick++) {
        ropemap_image image = {.rgb = NULL};
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.text = ""};
        assert_int_equal(ropemap_figure_draw(&bad[pick], &image, &error), ROPEMAP_USAGE);
        assert_true(error.text[0] != '\0');
        assert_int_equal(ropemap_figure_encode(&bad[pick], ROPEMAP_PNG, NULL, &bytes, NULL), ROPEMAP_USAGE);
        assert_null(image.rgb);
        assert_null(bytes.data);
    }
    free(map.cells);
    ropemap_image image = {.rgb = NULL};
    const ropemap_map empty = {.cells = NULL};
    const ropemap_figure none = {.panel.map = &empty};
    assert_int_equal(ropemap_figure_draw(&none, &image, NULL), ROPEMAP_USAGE);
}

/* 32,767 pixels is where a framed figure ends; a bare one of the same map is none the worse. */
static void sides_beyond_the_canvas_are_refused(void **state) {
    ropemap_map map = make_map(1, 32767, hash_value);
    ropemap_figure figure = make_figure(&map);
    ropemap_image image = {.rgb = NULL};
    ropemap_error error = {.text = ""};
    assert_int_equal(ropemap_figure_draw(&figure, &image, &error), ROPEMAP_USAGE);
    assert_says(error.text, "32767");
    assert_null(image.rgb);
    figure.bare = true;
    assert_int_equal(ropemap_figure_draw(&figure, &image, &error), ROPEMAP_OK);
    assert_true(image.width == 32767 && image.height == 1);
    ropemap_image_free(&image);
    free(map.cells);
}

typedef struct drawn {
    const ropemap_figure *figure;
    ropemap_bytes bytes;
} drawn;

static void *draw_in_thread(void *work) {
    drawn *own = work;
    (void)ropemap_figure_encode(own->figure, ROPEMAP_PNG, NULL, &own->bytes, NULL);
    return NULL;
}

/* The same bytes every time, also from threads that draw at once. */
static void threads_draw_the_same_bytes(void **state) {
    ropemap_map map = make_map(20, 20, causal_value);
    ropemap_figure figure = make_figure(&map);
    figure.panel.rows.count = figure.panel.cols.count = 20;
    drawn work[4];
    pthread_t threads[4];
    for (int thread = 0; thread < 4; thread++) {
        work[thread] = (drawn){.figure = &figure};
        assert_int_equal(pthread_create(&threads[thread], NULL, draw_in_thread, &work[thread]), 0);
    }
    for (int thread = 0; thread < 4; thread++) {
        (void)pthread_join(threads[thread], NULL);
    }
    for (int thread = 0; thread < 4; thread++) {
        assert_true(work[thread].bytes.size > 0 && work[thread].bytes.size == work[0].bytes.size);
        assert_memory_equal(work[thread].bytes.data, work[0].bytes.data, work[0].bytes.size);
    }
    for (int thread = 0; thread < 4; thread++) {
        ropemap_bytes_free(&work[thread].bytes);
    }
    free(map.cells);
}

int main(void) {
    if (RACE_STEP > 1) {
        cmocka_set_test_filter("threads_*"); /* one thread alone races with nobody */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_draw_the_same_bytes), /* first, so that they load the font at once */
        cmocka_unit_test(framed_maps_show_their_cells),
        cmocka_unit_test(small_maps_are_enlarged),
        cmocka_unit_test(few_positions_show_their_values),
        cmocka_unit_test(pooled_cells_show_no_values),
        cmocka_unit_test(png_and_pixels_agree),
        cmocka_unit_test(bad_figures_are_refused),
        cmocka_unit_test(sides_beyond_the_canvas_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
