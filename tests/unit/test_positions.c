/* test_positions.c - positions from .npy files: every whole-number type, and what is refused */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "tests/scratch.h"
#include "tests/unit.h"

enum { FILE_MAX = 1 << 20 };

static uint8_t file_bytes[FILE_MAX];
static scratch place;

/* A file of version 1.0: its header and `size` bytes of data, which may be in place already; returns its
 * length. */
static size_t compose(const char *descr, const char *order, const char *shape, const void *data,
                      size_t size) {
    char header[200];
    const int length = snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': %s, 'shape': %s, }",
                                descr, order, shape);
    memcpy(file_bytes, "\x93NUMPY\x01\x00", 8);
    file_bytes[8] = (uint8_t)length;
    file_bytes[9] = 0;
    memcpy(file_bytes + 10, header, (size_t)length);
    memcpy(file_bytes + 10 + length, data, size);
    return 10 + (size_t)length + size;
}

static ropemap_positions *open_whole(size_t size) {
    ropemap_positions *positions = NULL;
    ropemap_error error = {0};
    scratch_write(&place, "p.npy", file_bytes, size);
    if (ropemap_positions_open(place.path, &positions, &error) != ROPEMAP_OK) {
        fail_msg("refused: %s", error.text);
    }
    return positions;
}

static void assert_refused(size_t size, const char *words) {
    ropemap_positions *positions = NULL;
    ropemap_error error = {0};
    scratch_write(&place, "p.npy", file_bytes, size);
    assert_int_equal(ropemap_positions_open(place.path, &positions, &error), ROPEMAP_DATA);
    assert_null(positions);
    assert_says(error.text, words);
    assert_says(error.text, "p.npy");
}

/* The low `bytes` bytes of `value`, least significant first or last. */
static void put(uint8_t *to, uint64_t value, unsigned bytes, bool big_endian) {
    for (unsigned i = 0; i < bytes; i++) {
        to[big_endian ? bytes - 1 - i : i] = (uint8_t)(value >> (8 * i));
    }
}

typedef struct kind {
    const char *name;
    unsigned bytes;
    uint64_t greatest; /* that the type can hold, or that is a position */
} kind;

static const kind KINDS[] = {
    {"i1", 1, 127}, {"i2", 2, 32767}, {"i4", 4, 2147483647}, {"i8", 8, ((uint64_t)1 << 40) - 1},
    {"u1", 1, 255}, {"u2", 2, 65535}, {"u4", 4, 4294967295}, {"u8", 8, ((uint64_t)1 << 40) - 1},
};
enum { KIND_COUNT = sizeof KINDS / sizeof KINDS[0] };

/* Values 1, 0, greatest, 101, 102, 103 of [3, 2] in C or Fortran order. */
static void check_kind(const kind *of, char mark, bool fortran) {
    const uint64_t values[6] = {1, 0, of->greatest, 101, 102, 103};
    uint8_t data[48];
    char descr[16];
    for (unsigned i = 0; i < 6; i++) {
        put(data + (fortran ? i % 2 * 3 + i / 2 : i) * of->bytes, values[i], of->bytes, mark == '>');
    }
    (void)snprintf(descr, sizeof descr, "'%c%s'", mark, of->name);
    ropemap_positions *positions =
        open_whole(compose(descr, fortran ? "True" : "False", "(3, 2)", data, (size_t)6 * of->bytes));
    assert_int_equal(ropemap_positions_axes(positions), 3);
    assert_int_equal(ropemap_positions_count(positions), 2);
    assert_int_equal(positions->least, 0);
    assert_int_equal(positions->greatest, of->greatest);
    for (unsigned i = 0; i < 6; i++) {
        assert_true(positions->values[i] == (int64_t)values[i]);
    }
    ropemap_positions_free(positions);
}

static void every_type_in_every_order(void **state) {
    for (int i = 0; i < KIND_COUNT; i++) {
        for (int order = 0; order < 2; order++) {
            check_kind(&KINDS[i], '<', order == 1);
            check_kind(&KINDS[i], '>', order == 1);
            if (KINDS[i].bytes == 1) {
                check_kind(&KINDS[i], '|', order == 1);
            }
        }
    }
}

/* More than is read at once. */
static void long_files(void **state) {
    static uint8_t data[60000 * 2];
    for (unsigned i = 0; i < 60000; i++) {
        put(data + 2 * i, i, 2, false);
    }
    ropemap_positions *positions = open_whole(compose("'<u2'", "False", "(60000,)", data, sizeof data));
    assert_int_equal(ropemap_positions_axes(positions), 1);
    assert_int_equal(ropemap_positions_count(positions), 60000);
    for (int64_t i = 0; i < 60000; i++) {
        assert_true(positions->values[i] == i);
    }
    ropemap_positions_free(positions);
    positions = open_whole(compose("'<u2'", "True", "(3, 20000)", data, sizeof data));
    for (int64_t i = 0; i < 60000; i++) {
        assert_true(positions->values[i % 3 * 20000 + i / 3] == i);
    }
    ropemap_positions_free(positions);
}

static void shapes(void **state) {
    const uint8_t data[16] = {0};
    ropemap_positions_free(open_whole(compose("'|u1'", "False", "(1,)", data, 1)));
    ropemap_positions_free(open_whole(compose("'|u1'", "False", "(1, 5)", data, 5)));
    ropemap_positions_free(open_whole(compose("'|u1'", "False", "(2, 5)", data, 10)));
    ropemap_positions_free(open_whole(compose("'|u1'", "False", "(4, 3)", data, 12)));
    assert_refused(compose("'|u1'", "False", "(5, 3)", data, 15),
                   "shape (5, 3); positions are [S], or [axes, S] with 1 to 4 axes");
    assert_refused(compose("'|u1'", "False", "(3, 2, 2)", data, 12), "shape (3, 2, 2)");
    static const struct {
        const char *shape;
        int32_t axes;
        int64_t count;
    } ones[] = {{"(1, 1, 5)", 1, 5},       {"(3, 1, 5)", 3, 5}, {"(1, 3, 5)", 3, 5},
                {"(1, 1, 2, 1, 4)", 2, 4}, {"(3, 1, 1)", 3, 1}, {"(1, 1)", 1, 1}};
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
        ropemap_positions *positions = open_whole(compose("'|u1'", "False", ones[i].shape, data, 16));
        assert_int_equal(ropemap_positions_axes(positions), ones[i].axes);
        assert_int_equal(ropemap_positions_count(positions), ones[i].count);
        ropemap_positions_free(positions);
    }
    assert_refused(compose("'|u1'", "False", "()", data, 1), "shape ()");
    assert_refused(compose("'|u1'", "False", "(0,)", data, 0), "shape (0), expected 1 to 2^40 positions");
    assert_refused(compose("'|u1'", "False", "(3, 0)", data, 0), "shape (3, 0)");
    assert_refused(compose("'|u1'", "False", "(0, 3)", data, 0), "shape (0, 3)");
}

static void other_spellings(void **state) {
    static const char *const types[][6] = {
        {"b", "int8", "=i1", "i1", "|i1", "<b"},  {"B", "uint8", "=u1", "u1", "|u1", "<B"},
        {"h", "int16", "=i2", "i2", "|i2", "<h"}, {"H", "uint16", "=u2", "u2", "|u2", "<H"},
        {"i", "int32", "=i4", "i4", "|i4", "<i"}, {"I", "uint32", "=u4", "u4", "|u4", "<I"},
        {"q", "int64", "=i8", "i8", "|i8", "<q"}, {"Q", "uint64", "=u8", "u8", "|u8", "<Q"}};
    for (int i = 0; i < 48; i++) {
        const unsigned bytes = 1u << i / 12;
        uint8_t data[16];
        char descr[16];
        put(data, 7, bytes, false);
        put(data + bytes, 100, bytes, false);
        (void)snprintf(descr, sizeof descr, "'%s'", types[i / 6][i % 6]);
        ropemap_positions *positions = open_whole(compose(descr, "False", "(2,)", data, (size_t)2 * bytes));
        assert_true(positions->values[0] == 7 && positions->values[1] == 100);
        ropemap_positions_free(positions);
    }
}

static void values_out_of_range(void **state) {
    uint8_t data[48] = {0};
    for (int i = 0; i < 4; i++) { /* -1 of each signed type */
        char descr[16];
        memset(data, 0xff, sizeof data);
        (void)snprintf(descr, sizeof descr, "'<%s'", KINDS[i].name);
        assert_refused(compose(descr, "False", "(2,)", data, (size_t)2 * KINDS[i].bytes),
                       "position -1 at [0, 0], expected 0 to 2^40 - 1");
    }
    assert_refused(compose("'<u8'", "False", "(2,)", data, 16), "position 18446744073709551615 at");
    memset(data, 0, sizeof data);
    put(data + 8, (uint64_t)1 << 40, 8, false);
    assert_refused(compose("'<u8'", "False", "(2,)", data, 16), "position 1099511627776 at [0, 1]");
    memset(data, 0, sizeof data);
    put(data + 8, (uint64_t)1 << 63, 8, true);
    assert_refused(compose("'>i8'", "False", "(2,)", data, 16), "position -9223372036854775808 at [0, 1]");
    memset(data, 0, sizeof data);
    data[4] = 0x80; /* the fifth byte in the file: row 1 of the second axis in Fortran order */
    assert_refused(compose("'|i1'", "True", "(3, 2)", data, 6), "position -128 at [1, 1]");
}

static void other_elements(void **state) {
    const uint8_t data[64] = {0};
    static const char *const types[] = {"'<f4'", "'<f8'", "'<f2'",  "'|b1'", "'<c8'", "'<M8[ns]'", "'<int64'",
                                        "'V2'",  "'f'",   "'bool'", "''",    "'<i3'", "'<U1'",     "'|S8'"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        assert_refused(compose(types[i], "False", "(2,)", data, 32),
                       "positions are whole numbers: 'i1', 'i2', 'i4', 'i8' or the same with 'u'");
    }
    assert_refused(compose("'|O'", "False", "(2,)", data, 32), "is Python objects");
    assert_refused(compose("[('t', '<i4')]", "False", "(2,)", data, 32),
                   "a structured element type; use i1 to i8");
}

static void files_cut_short(void **state) {
    const uint8_t data[24] = {0};
    const size_t size = compose("'<i4'", "False", "(3, 2)", data, 24);
    for (size_t cut = 0; cut < size; cut++) {
        assert_refused(cut, "");
    }
    compose("'<i8'", "False", "(3, 6148914691236517205)", data, 24);
    assert_refused(size, "passes 2^64 bytes");
    compose("'<i8'", "False", "(1152921504606846975,)", data, 24); /* nothing is allocated for it */
    assert_refused(size + 20, "truncated");
}

static void paths(void **state) {
    ropemap_positions *positions = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_positions_open(NULL, &positions, &error), ROPEMAP_USAGE);
    assert_int_equal(ropemap_positions_open("/nonexistent/p.npy", &positions, &error), ROPEMAP_IO);
    assert_says(error.text, "p.npy");
    assert_int_equal(ropemap_positions_open(place.folder, &positions, &error), ROPEMAP_DATA);
    assert_null(positions);
    ropemap_positions_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_every_order),
        cmocka_unit_test(long_files),
        cmocka_unit_test(shapes),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(other_elements),
        cmocka_unit_test(files_cut_short),
        cmocka_unit_test(paths),
    };
    place = scratch_open();
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failures;
}
