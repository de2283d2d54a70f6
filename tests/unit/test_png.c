/* test_png.c - PNG files against a reader that shares no code with the writer */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/drawing.h"
#include "tests/decode_png.h"
#include "tests/unit.h"

/* Noise, which deflate stores, or runs, which it packs. */
static void fill(uint8_t *bytes, int64_t count, bool noise) {
    uint64_t state = 7;
    for (int64_t at = 0; at < count; at++) {
        bytes[at] = (uint8_t)(noise ? chance_bits(&state) : (uint64_t)(at / 37 % 256));
    }
}

static const int64_t sizes[][2] = {{1, 1}, {1, 300}, {300, 1}, {2, 3}, {255, 257}, {641, 479}};

static void indexed_round_trip(void **state) {
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_TURBO, false, &palette);
    for (size_t pick = 0; pick < 2 * sizeof sizes / sizeof *sizes; pick++) {
        const int64_t width = sizes[pick / 2][0], height = sizes[pick / 2][1];
        uint8_t *levels = malloc((size_t)(width * height));
        fill(levels, width * height, pick % 2 == 0);
        ropemap_bytes bytes = {.data = NULL};
        assert_int_equal(rm_png_indexed(levels, width, height, &palette, &bytes, NULL), ROPEMAP_OK);
        decoded_png png;
        assert_true(decode_png(bytes.data, bytes.size, &png));
        assert_int_equal(png.colour_type, 3);
        assert_int_equal(png.width, width);
        assert_int_equal(png.height, height);
        assert_memory_equal(png.palette, palette.rgb, sizeof png.palette);
        assert_memory_equal(png.pixels, levels, (size_t)(width * height));
        free(png.pixels);
        free(levels);
        ropemap_bytes_free(&bytes);
        assert_null(bytes.data);
        assert_int_equal(bytes.size, 0);
    }
    ropemap_bytes_free(NULL);
}

static void rgb_round_trip(void **state) {
    for (size_t pick = 0; pick < 2 * sizeof sizes / sizeof *sizes; pick++) {
        ropemap_image image = {.width = sizes[pick / 2][0], .height = sizes[pick / 2][1]};
        const int64_t count = image.width * image.height * 3;
        image.rgb = rm_alloc_raw((uint64_t)count, 1);
        fill(image.rgb, count, pick % 2 == 0);
        ropemap_bytes bytes = {.data = NULL};
        assert_int_equal(rm_png_rgb(&image, &bytes, NULL), ROPEMAP_OK);
        decoded_png png;
        assert_true(decode_png(bytes.data, bytes.size, &png));
        assert_int_equal(png.colour_type, 2);
        assert_int_equal(png.width, image.width);
        assert_int_equal(png.height, image.height);
        assert_memory_equal(png.pixels, image.rgb, (size_t)count);
        free(png.pixels);
        ropemap_bytes_free(&bytes);
        ropemap_image_free(&image);
        assert_null(image.rgb);
    }
    ropemap_image_free(NULL);
}

/* Filter 0 and libdeflate: a repetitive index image shrinks at least tenfold. */
static void compresses(void **state) {
    enum { SIDE = 1024 };
    uint8_t *levels = malloc((size_t)SIDE * SIDE);
    fill(levels, (int64_t)SIDE * SIDE, false);
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_GREY, false, &palette);
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(rm_png_indexed(levels, SIDE, SIDE, &palette, &bytes, NULL), ROPEMAP_OK);
    assert_true(bytes.size >= 800 && bytes.size <= SIDE * SIDE / 10);
    ropemap_bytes_free(&bytes);
    free(levels);
}

/* stb reckons in int: sizes that would wrap there are refused before anything is read or allocated. */
static void sizes_beyond_int_are_refused(void **state) {
    static const struct {
        int64_t width, height;
        int channels;
        ropemap_status status;
    } cases[] = {
        {46000, 46000, 1, ROPEMAP_OK},
        {46341, 46341, 1, ROPEMAP_USAGE},
        {65535, 65535, 1, ROPEMAP_USAGE},
        {65535, 65537, 1, ROPEMAP_USAGE},
        {65535, 32000, 1, ROPEMAP_OK},
        {26000, 26000, 3, ROPEMAP_OK},
        {26755, 26755, 3, ROPEMAP_USAGE},
        {32767, 32767, 3, ROPEMAP_USAGE},
        {INT64_MAX, 1, 1, ROPEMAP_USAGE},
        {1, INT64_MAX, 3, ROPEMAP_USAGE},
        {INT64_MAX, INT64_MAX, 3, ROPEMAP_USAGE},
        {0, 5, 1, ROPEMAP_USAGE},
        {5, -1, 1, ROPEMAP_USAGE},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        ropemap_error error = {.text = ""};
        assert_int_equal(rm_png_check(cases[pick].width, cases[pick].height, cases[pick].channels, &error),
                         cases[pick].status);
        assert_int_equal(error.text[0] != '\0', cases[pick].status != ROPEMAP_OK);
    }
    const uint8_t nothing = 0;
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_GREY, false, &palette);
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(rm_png_indexed(&nothing, 65535, 65537, &palette, &bytes, NULL), ROPEMAP_USAGE);
    assert_null(bytes.data);
}

/* Pixels a metre, in a chunk before the pixels; its checksum is the reader's to find. */
static void density_is_told(void **state) {
    static const struct {
        double dpi;
        uint32_t metre; /* dpi / 0.0254 */
    } cases[] = {{300.0, 11811}, {96.0, 3780}, {72.0, 2835}, {10.0, 394}, {4800.0, 188976}, {299.9, 11807}};
    const uint8_t levels[6] = {1, 2, 3, 4, 5, 6};
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_GREY, false, &palette);
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        ropemap_bytes bytes = {.data = NULL};
        decoded_png png;
        assert_int_equal(rm_png_indexed(levels, 3, 2, &palette, &bytes, NULL), ROPEMAP_OK);
        const size_t before = bytes.size;
        const rm_metadata metadata = {.title = "base 10⁴"};
        assert_int_equal(rm_png_describe(&bytes, 0.0, &metadata, NULL), ROPEMAP_OK);
        const size_t words = bytes.size - before; /* each time anew, before what is there */
        assert_memory_equal(bytes.data + 33 + 4, "iTXtTitle\0\0\0\0\0base 10⁴", 4 + 6 + 4 + 10);
        assert_int_equal(rm_png_describe(&bytes, cases[pick].dpi, &metadata, NULL), ROPEMAP_OK);
        assert_int_equal(bytes.size, before + 2 * words + 12 + 9);
        assert_true(decode_png(bytes.data, bytes.size, &png));
        assert_memory_equal(png.pixels, levels, 6);
        assert_int_equal(png.density, cases[pick].metre);
        free(png.pixels);
        ropemap_bytes_free(&bytes);
    }
}

/* The reader is strict, or the tests above would show nothing. */
static void the_reader_sees_damage(void **state) {
    const uint8_t levels[6] = {1, 2, 3, 4, 5, 6};
    rm_palette palette;
    rm_palette_make(ROPEMAP_COLORMAP_GREY, false, &palette);
    ropemap_bytes bytes = {.data = NULL};
    assert_int_equal(rm_png_indexed(levels, 3, 2, &palette, &bytes, NULL), ROPEMAP_OK);
    for (size_t at = 0; at < bytes.size; at++) {
        decoded_png png;
        bytes.data[at] ^= 0x10;
        assert_false(decode_png(bytes.data, bytes.size, &png));
        free(png.pixels);
        bytes.data[at] ^= 0x10;
    }
    ropemap_bytes_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexed_round_trip), cmocka_unit_test(rgb_round_trip),
        cmocka_unit_test(compresses),         cmocka_unit_test(sizes_beyond_int_are_refused),
        cmocka_unit_test(density_is_told),    cmocka_unit_test(the_reader_sees_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
