/* test_lettering.c - text that a font can take, whatever bytes it came as */
/* SPDX-License-Identifier: MIT */
#include "host/figure/lettering.h"
#include "tests/unit.h"

#include <stdlib.h>
#include <unistd.h>

#define BAD "\ufffd"

static void what_is_no_text_is_replaced(void **state) {
    static const struct {
        const char *given, *clean;
    } cases[] = {
        {"", ""},
        {"RoPE, base 10,000", "RoPE, base 10,000"},
        {"\u2212√d · θ 中 😀", "\u2212√d · θ 中 😀"},
        {"a\nb\tc\x7f", "a b c "},
        {"\xc2\x85", " "}, /* next line, a control */
        {"a\xe2\x80\xae"
         "b",
         "a b"},                               /* from right to left */
        {"\xff", BAD},                         /* never in UTF-8 */
        {"\x80x", BAD "x"},                    /* a tail without a head */
        {"\xc3", BAD},                         /* a head without a tail */
        {"\xc0\xaf", BAD BAD},                 /* a slash in two bytes */
        {"\xe0\x80\xaf", BAD BAD BAD},         /* in three */
        {"\xed\xa0\x80", BAD BAD BAD},         /* a surrogate */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* past U+10FFFF */
        {"\xef\xbf\xbe", BAD BAD BAD},         /* U+FFFE, no character */
        {"\xef\xb7\x90", BAD BAD BAD},         /* U+FDD0, no character */
        {"\xe2\x88", BAD BAD},                 /* cut off */
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        char clean[RM_TEXT_BYTES];
        rm_text_clean(clean, sizeof clean, cases[pick].given, strlen(cases[pick].given) + 1);
        assert_string_equal(clean, cases[pick].clean);
    }
}

static void fields_without_an_end_are_bounded(void **state) {
    char field[160], clean[RM_TEXT_BYTES];
    memset(field, 'x', sizeof field);
    rm_text_clean(clean, sizeof clean, field, sizeof field);
    assert_int_equal(strlen(clean), sizeof field);
    memset(field, 0xff, sizeof field); /* each byte becomes three */
    rm_text_clean(clean, sizeof clean, field, sizeof field);
    assert_int_equal(strlen(clean), (RM_TEXT_BYTES - 1) / 3 * 3);
}

static void lines_fit_and_lose_nothing(void **state) {
    static const char text[] = "RoPE similarity, base 500,000, linear scaling by 4, d = 128, 64 rotated";
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    for (double width = 130.0; width < 1000.0; width += 7.0) {
        const rm_text_lines lines = rm_text_break(text, 20.0, width, RM_TEXT_LINES);
        char joined[RM_TEXT_LINES * RM_TEXT_BYTES] = "";
        for (int32_t line = 0; line < lines.count; line++) {
            assert_true(rm_font_width(lines.line[line], 20.0) <= lines.width && lines.width <= width);
            (void)snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s",
                           line > 0 ? " " : "", lines.line[line]);
        }
        assert_string_equal(joined, text);
    }
    /* What belongs together stays together. */
    for (double width = 60.0; width < 400.0; width += 3.0) {
        const rm_text_lines lines = rm_text_break("of 16 × 16 cells, d = 128", 20.0, width, RM_TEXT_LINES);
        bool product = false, dimension = false;
        for (int32_t line = 0; line < lines.count; line++) {
            product = product || strstr(lines.line[line], "16 × 16") != NULL;
            dimension = dimension || strstr(lines.line[line], "d = 128") != NULL;
        }
        assert_true(width < 90.0 || (product && dimension));
    }
    assert_int_equal(rm_text_break("", 20.0, 100.0, 2).count, 0);
    assert_int_equal(rm_text_break("   ", 20.0, 100.0, 2).count, 0);
    assert_int_equal(rm_text_break(NULL, 20.0, 100.0, 2).count, 0);
}

static void what_is_too_long_is_cut(void **state) {
    char out[RM_TEXT_BYTES], tall[600];
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    const double whole = rm_text_fit(out, "wavelength λλλ", 20.0, 1e9);
    assert_string_equal(out, "wavelength λλλ");
    assert_true(rm_text_fit(out, "wavelength λλλ", 20.0, whole - 1.0) <= whole - 1.0);
    assert_string_equal(out, "wavelength λ…");
    assert_true(rm_text_fit(out, "wavelength", 20.0, 3.0) == 0.0 && out[0] == '\0');
    assert_true(rm_text_fit(out, NULL, 20.0, 100.0) == 0.0);
    memset(tall, 'm', sizeof tall - 1);
    tall[sizeof tall - 1] = '\0';
    (void)rm_text_fit(out, tall, 20.0, 1e9);
    assert_string_equal(out + strlen(out) - strlen("…"), "…");
    const rm_text_lines lines = rm_text_break("one two three four one two three", 20.0, 100.0, 2);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.line[0], "one two");
    assert_memory_equal(lines.line[1], "three", 5);
    assert_true(lines.width <= 100.0);
}

/* The font has a glyph for everything that figures write: a missing one has the width of the box.
 */
static void the_font_has_every_sign(void **state) {
    static const char *const signs[] = {"\u2212", "×", "·", "√", "⁻", "⁰", "¹", "⁹", "∞", "…", "°"};
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    const double missing = rm_font_width("\ue123", 100.0);
    for (size_t pick = 0; pick < sizeof signs / sizeof *signs; pick++) {
        const double width = rm_font_width(signs[pick], 100.0);
        assert_true(width > 10.0 && width != missing);
    }
}

/* Without hinting, text of twice the size is twice as wide: a figure looks alike at every scale. */
static void widths_scale(void **state) {
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    const double small = rm_font_width("query position", 10.0),
                 large = rm_font_width("query position", 160.0);
    assert_true(large > 15.99 * small && large < 16.01 * small);
}

/* A font of one's own is measured and drawn as the embedded one, of which it is a copy; what is no font is
 * refused. */
static void another_font(void **state) {
    extern const unsigned char rm_font_begin[], rm_font_end[];
    const size_t sizes[] = {0, 1000, (size_t)(rm_font_end - rm_font_begin)};
    char path[] = "font-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    const double width = rm_font_width("d = 128 × 10⁴", 20.0);
    for (int pick = 0; pick < 3; pick++) {
        ropemap_font *font = NULL;
        ropemap_error error = {.text = ""};
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, rm_font_begin, sizes[pick], 0), (ssize_t)sizes[pick]);
        assert_int_equal(ropemap_font_open(path, &font, &error), pick < 2 ? ROPEMAP_DATA : ROPEMAP_OK);
        assert_true((font == NULL) == (pick < 2) && (pick == 2 || strstr(error.text, path) != NULL));
        assert_int_equal(rm_font_use(font, NULL), ROPEMAP_OK);
        assert_true(rm_font_width("d = 128 × 10⁴", 20.0) == width);
        assert_int_equal(rm_font_run("aλ中").bytes, pick < 2 ? 6 : 3); /* DejaVu Sans has no 中 */
        assert_string_equal(rm_font_family(), "DejaVu Sans");
        assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
        ropemap_font_close(font);
    }
    (void)close(file);
    (void)unlink(path);
    ropemap_font *font = NULL;
    assert_int_equal(ropemap_font_open("/nowhere/a.ttf", &font, NULL), ROPEMAP_IO);
    ropemap_font_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_text_is_replaced),
        cmocka_unit_test(fields_without_an_end_are_bounded),
        cmocka_unit_test(lines_fit_and_lose_nothing),
        cmocka_unit_test(what_is_too_long_is_cut),
        cmocka_unit_test(the_font_has_every_sign),
        cmocka_unit_test(widths_scale),
        cmocka_unit_test(another_font),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
