/* test_sink_svg.c - drawings as SVG: every item is there, text stays text, cells keep their colours */
/* SPDX-License-Identifier: MIT */
#include "host/figure/drawing.h"
#include "host/figure/lettering.h"
#include "tests/decode_png.h"
#include "tests/page_file.h"

/* ---- the writer ---- */

static void numbers_are_short_and_have_a_point(void **state) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.0, "0"},          {-0.001, "0"},       {12.0, "12"},      {12.5, "12.5"},
                 {-3.25, "-3.25"},    {0.049, "0.05"},     {-0.5, "-0.5"},    {99.996, "100"},
                 {1e9, "1000000000"}, {1.0 / 3.0, "0.33"}, {-12.104, "-12.1"}};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        rm_writer writer = {.data = NULL};
        ropemap_bytes bytes = {.data = NULL};
        rm_writer_number(&writer, cases[pick].value);
        rm_writer_add(&writer, "", 1);
        assert_int_equal(rm_writer_finish(&writer, "test", &bytes, NULL), ROPEMAP_OK);
        assert_string_equal((const char *)bytes.data, cases[pick].text);
        ropemap_bytes_free(&bytes);
    }
}

/* The vectors of RFC 4648, section 10. */
static void base64_is_the_standards(void **state) {
    static const char *const vectors[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t size = 0; size < sizeof vectors / sizeof *vectors; size++) {
        uint8_t data[] = "foobar";
        rm_writer writer = {.data = NULL};
        ropemap_bytes bytes = {.data = NULL};
        rm_writer_base64(&writer, &(ropemap_bytes){.data = data, .size = size});
        rm_writer_add(&writer, "", 1);
        assert_int_equal(rm_writer_finish(&writer, "test", &bytes, NULL), ROPEMAP_OK);
        assert_string_equal((const char *)bytes.data, vectors[size]);
        ropemap_bytes_free(&bytes);
    }
}

/* ---- SVG ---- */

static void add_paths(rm_drawing *drawing) {
    double points[] = {1.0, 2.0, 3.0, 4.5, (double)NAN, (double)NAN, 5.0, 6.0, 7.0, 8.0};
    rm_item item = {.kind = RM_ITEM_POLYLINE,
                    .width = 50.0,
                    .height = 40.0,
                    .thickness = 2.0,
                    .ink = {1, 2, 3},
                    .points = points,
                    .point_count = 5,
                    .dash = {4.0, 2.5},
                    .dashes = 2};
    rm_drawing_path(drawing, &item);
    item.kind = RM_ITEM_AREA;
    item.opacity = 0.25;
    rm_drawing_path(drawing, &item);
    item.kind = RM_ITEM_DOTS;
    item.point_count = 1;
    item.thickness = 10.0;
    item.x = 1.0;
    for (int dot = RM_DOT_DISC; dot <= RM_DOT_OPEN_DIAMOND; dot++) {
        item.dot = (rm_dot)dot;
        rm_drawing_path(drawing, &item);
    }
}

#define CLIPPED(name) "clip-path=\"url(#" name ")\""

static void every_item_is_written(void **state) {
    static const char *const parts[] = {
        "<svg xmlns=\"http://www.w3.org/2000/svg\"",
        " width=\"60\" height=\"50\" viewBox=\"0 0 60 50\"",
        "<title>a &lt;b&gt; &amp; c</title>\n",
        "<rect x=\"0\" y=\"0\" width=\"60\" height=\"50\" fill=\"#ffffff\"/>\n",
        "<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" fill=\"#0a0bff\"/>\n",
        "<line x1=\"1\" y1=\"2\" x2=\"4.5\" y2=\"2\" stroke=\"#0a0bff\" stroke-width=\"1.5\"/>\n",
        "<text x=\"5\" y=\"6\" font-size=\"12\" fill=\"#000000\" text-anchor=\"end\" transform=\"rotate(-90 "
        "5 6)\" "
        "stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\">x</text>\n",
        " lengthAdjust=\"spacingAndGlyphs\">a &lt; b</text>\n",
        "<clipPath id=\"clip_0_0_50_40\"><rect x=\"0\" y=\"0\" width=\"50\" height=\"40\"/></clipPath>\n",
        "<path " CLIPPED(
            "clip_0_0_50_40") " fill=\"none\" stroke-linejoin=\"round\" stroke=\"#010203\" "
                              "stroke-width=\"2\" stroke-dasharray=\"4 2.5\" d=\"M1 2 3 4.5M5 6 7 8\"/>\n",
        "<path " CLIPPED(
            "clip_0_0_50_40") " fill=\"#010203\" fill-opacity=\"0.25\" d=\"M1 2 3 4.5M5 6 7 8\"/>\n",
        "<g " CLIPPED("clip_1_0_50_40") " fill=\"#010203\">\n<circle cx=\"1\" cy=\"2\" r=\"5\"/>\n</g>\n",
        " fill=\"#ffffff\" stroke=\"#010203\" stroke-width=\"2\">\n<circle cx=\"1\" cy=\"2\" r=\"4\"/>\n</g>",
        "<rect x=\"-4\" y=\"-3\" width=\"10\" height=\"10\"/>\n</g>\n",
        "<rect x=\"-3\" y=\"-2\" width=\"8\" height=\"8\"/>\n</g>\n",
        "<path d=\"M-4 2 1 -3 6 2 1 7Z\"/>\n</g>\n",
        "<path d=\"M-3 2 1 -2 5 2 1 6Z\"/>\n</g>\n",
    };
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    rm_drawing drawing = {.width = 60, .height = 50};
    rm_drawing_rectangle(&drawing, 1.0, 2.0, 3.0, 4.0, (rm_rgb){10, 11, 255});
    rm_drawing_line(&drawing, 1.0, 2.0, 3.5, 0.0, 1.5, (rm_rgb){10, 11, 255});
    rm_drawing_text(&drawing, 5.0, 6.0, "x",
                    (rm_text_style){.size = 12.0,
                                    .anchor = RM_ANCHOR_END,
                                    .upwards = true,
                                    .halo = 1.5,
                                    .halo_ink = {255, 255, 255}});
    rm_drawing_text(&drawing, 5.0, 6.0, "a < b", (rm_text_style){.size = 12.0});
    add_paths(&drawing);
    ropemap_bytes svg = {.data = NULL};
    const rm_metadata metadata = {.title = "a <b> & c", .description = "made <so>"};
    assert_int_equal(rm_sink_svg(&drawing, 0.0, &metadata, &svg, NULL), ROPEMAP_OK);
    const uint8_t *at = svg.data;
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        const uint8_t *next = find(&svg, at, parts[part]);
        if (next == NULL) {
            fail_msg("not there, or too early: %s", parts[part]);
        }
        at = next + 1;
    }
    assert_int_equal(count(&svg, "<clipPath"), 2);
    assert_int_equal(count(&svg, "textLength"), 1); /* a single letter has none */
    ropemap_bytes_free(&svg);
    rm_drawing_free(&drawing);
}

static int base64_value(uint8_t letter) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = letter == 0 ? NULL : strchr(letters, letter);
    return at == NULL ? -1 : (int)(at - letters);
}

/* The first image of an SVG file. */
static decoded_png first_image(const ropemap_bytes *svg) {
    static const char head[] = "base64,";
    const uint8_t *at = find(svg, svg->data, head) + sizeof head - 1;
    uint8_t *file = malloc(svg->size);
    size_t size = 0;
    assert_non_null(file);
    for (uint32_t bits = 0, held = 0; base64_value(*at) >= 0; at++) {
        bits = bits << 6 | (uint32_t)base64_value(*at);
        held += 6;
        if (held >= 8) {
            held -= 8;
            file[size++] = (uint8_t)(bits >> held);
        }
    }
    decoded_png png;
    assert_true(decode_png(file, size, &png));
    free(file);
    return png;
}

/* Each cell, however large the figure has it, with the colours of the bare PNG. */
static void images_have_the_maps_colours(void **state) {
    ropemap_figure figure = make_figure();
    figure.bare = true;
    ropemap_bytes bytes = make(&figure, ROPEMAP_PNG, 0.0);
    decoded_png bare;
    assert_true(decode_png(bytes.data, bytes.size, &bare));
    ropemap_bytes_free(&bytes);
    for (int round = 0; round < 2; round++) {
        figure.bare = round == 0;
        ropemap_bytes svg = make(&figure, ROPEMAP_SVG, 0.0);
        decoded_png png = first_image(&svg);
        const int64_t factor = png.width / SIDE;
        assert_true(figure.bare ? factor == 1 : factor > 10);
        assert_int_equal(png.width, factor * SIDE);
        assert_int_equal(png.height, factor * SIDE);
        assert_int_equal(png.colour_type, 3);
        assert_memory_equal(png.palette, bare.palette, sizeof bare.palette);
        for (int64_t pixel = 0; pixel < png.width * png.height; pixel++) {
            const int64_t row = pixel / png.width / factor, col = pixel % png.width / factor;
            assert_int_equal(png.pixels[pixel], bare.pixels[row * SIDE + col]);
        }
        free(png.pixels);
        ropemap_bytes_free(&svg);
    }
    free(bare.pixels);
}

static void text_of_a_figure_is_text(void **state) {
    const ropemap_figure figure = make_figure();
    ropemap_bytes svg = make(&figure, ROPEMAP_SVG, 0.0);
    assert_true(has(&svg, ">base 10,000 &amp; &lt;d&gt; = \"128\"</text>"));
    assert_true(has(&svg, ">dot products, 100 × 100</text>"));
    assert_true(has(&svg, ">query position</text>"));
    assert_true(has(&svg, ">q · k / √d</text>"));
    assert_true(has(&svg, ">−1.0</text>"));
    assert_true(has(&svg, ">NaN</text>"));
    assert_int_equal(count(&svg, "<image "), 2);
    assert_true(has(&svg, "image-rendering=\"pixelated\""));
    assert_int_equal(memcmp(svg.data + svg.size - 7, "</svg>\n", 7), 0);
    ropemap_bytes_free(&svg);
}

static void a_bare_page_is_the_image_alone(void **state) {
    ropemap_figure figure = make_figure();
    figure.bare = true;
    ropemap_bytes svg = make(&figure, ROPEMAP_SVG, 60.0), pdf = make(&figure, ROPEMAP_PDF, 60.0);
    assert_int_equal(count(&svg, "<image x=\"0\" y=\"0\" width=\"24\" height=\"24\" "), 1);
    assert_int_equal(count(&svg, "<text") + count(&svg, "<rect"), 0);
    assert_true(has(&svg, " width=\"60mm\" height=\"60mm\" viewBox=\"0 0 24 24\""));
    assert_int_equal(count(&pdf, "/Subtype /Image"), 1);
    assert_false(has(&pdf, "/FontFile"));
    ropemap_bytes_free(&svg);
    ropemap_bytes_free(&pdf);
}

/* Nothing but the head changes. */
static void a_width_scales_the_page_alone(void **state) {
    const ropemap_figure figure = make_figure();
    ropemap_bytes wide = make(&figure, ROPEMAP_SVG, 180.0);
    ropemap_bytes narrow = make(&figure, ROPEMAP_SVG, 60.0);
    assert_true(has(&wide, " width=\"180mm\" height=\"1"));
    assert_true(has(&narrow, " width=\"60mm\" height=\"5"));
    const uint8_t *from = find(&wide, wide.data, " viewBox="),
                  *same = find(&narrow, narrow.data, " viewBox=");
    const size_t left = (size_t)(wide.data + wide.size - from);
    assert_int_equal(left, narrow.data + narrow.size - same);
    assert_memory_equal(from, same, left);
    ropemap_bytes_free(&wide);
    ropemap_bytes_free(&narrow);
}

/* A thin raster's height rounds to nothing and must not. */
static void no_side_is_written_as_nothing(void **state) {
    float cells[5000] = {0.0F};
    const ropemap_map map = {.height = 1, .width = 5000, .cells = cells};
    const ropemap_figure figure = {.bare = true, .panel.map = &map};
    const ropemap_page page = {.millimetres = 5.0};
    ropemap_bytes svg = {.data = NULL};
    assert_int_equal(ropemap_figure_encode(&figure, ROPEMAP_SVG, &page, &svg, NULL), ROPEMAP_OK);
    assert_true(has(&svg, " width=\"5mm\" height=\"0.01mm\" viewBox=\"0 0 5000 1\""));
    ropemap_bytes_free(&svg);
}

static void cells_are_repeated_up_to_a_size(void **state) {
    static const uint8_t levels[6] = {1, 2, 3, 4, 5, 6};
    static const uint8_t larger[48] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3,
                                       4, 4, 4, 5, 5, 5, 6, 6, 6, 4, 4, 4, 5, 5, 5, 6, 6, 6};
    rm_item raster = {.levels = levels, .rows = 2, .cols = 3, .width = 11.0, .height = 4.0};
    rm_upscaled cells;
    assert_true(rm_raster_upscale(&raster, &cells));
    assert_int_equal(cells.rows, 4);
    assert_int_equal(cells.cols, 9);
    assert_memory_equal(cells.levels, larger, 36);
    free(cells.owned);
    raster.width = 3000.0;
    raster.height = 2000.0;
    assert_true(rm_raster_upscale(&raster, &cells));
    assert_true(cells.levels == levels && cells.owned == NULL && cells.rows == 2 && cells.cols == 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_short_and_have_a_point),
        cmocka_unit_test(base64_is_the_standards),
        cmocka_unit_test(every_item_is_written),
        cmocka_unit_test(images_have_the_maps_colours),
        cmocka_unit_test(text_of_a_figure_is_text),
        cmocka_unit_test(a_bare_page_is_the_image_alone),
        cmocka_unit_test(a_width_scales_the_page_alone),
        cmocka_unit_test(no_side_is_written_as_nothing),
        cmocka_unit_test(cells_are_repeated_up_to_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
