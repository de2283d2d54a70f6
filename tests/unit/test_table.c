/* test_table.c - exact tables: every number is the nearest of its type to 60 digits by mpmath */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_verify.h"
#include "tests/unit.h"

#include <math.h>

static uint64_t bits_at(const uint8_t *data, int64_t index, int bytes) {
    uint64_t bits = 0;
    for (int byte = bytes - 1; byte >= 0; byte--) {
        bits = bits << 8 | data[index * bytes + byte];
    }
    return bits;
}

static double double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of(uint64_t bits) {
    const uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

/* The numbers of a .npy file. */
static const uint8_t *numbers_of(const ropemap_bytes *file) {
    return file->data + 10 + file->data[8] + 256 * file->data[9];
}

/* A float of 16 bits by its definition; no table has one that is not finite. */
static long double small_value(unsigned bits, int exponent_bits) {
    const int fraction_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (int)(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    const int fraction = (int)(bits & ((1u << fraction_bits) - 1));
    const int whole = exponent == 0 ? fraction : fraction + (1 << fraction_bits);
    const long double value = ldexpl(whole, (exponent == 0 ? 1 : exponent) - bias - fraction_bits);
    return (bits & 0x8000u) != 0 ? -value : value;
}

/* Whether no number of 16 bits lies closer: neighbours have neighbouring bits. */
static bool is_nearest(unsigned bits, int exponent_bits, long double value) {
    const long double away = fabsl(small_value(bits, exponent_bits) - value);
    return fabsl(small_value(bits + 1, exponent_bits) - value) >= away &&
           ((bits & 0x7fffu) == 0 || fabsl(small_value(bits - 1, exponent_bits) - value) >= away);
}

/* One number of a table of one position against its 20 digits. */
static void check_number(const ropemap_table *table, const uint8_t *data, int64_t index, const char *digits) {
    const bool near = table->positions.first < 1 << 24;
    const long double exact = strtold(digits, NULL);
    bool right = false;
    switch (table->element) {
    case ROPEMAP_ELEMENT_FP64: {
        const double found = double_of(bits_at(data, index, 8)),
                     unit = nextafter(fabs(found), 2) - fabs(found);
        right = near ? found == strtod(digits, NULL)
                     : fabsl((long double)found - exact) <= 0.5L * (long double)unit + 0x1p-62L;
        break;
    }
    case ROPEMAP_ELEMENT_FP32:
        right = float_of(bits_at(data, index, 4)) == strtof(digits, NULL);
        break;
    case ROPEMAP_ELEMENT_FP16:
    case ROPEMAP_ELEMENT_BF16:
        right = is_nearest((unsigned)bits_at(data, index, 2), table->element == ROPEMAP_ELEMENT_FP16 ? 5 : 8,
                           exact);
        break;
    }
    if (!right) {
        fail_msg("%s, base %g, dim %d, position %lld, number %lld is not %s",
                 ropemap_element_name(table->element), table->spec.base, (int)table->spec.head_dim,
                 (long long)table->positions.first, (long long)index, digits);
    }
}

/* Positions 0 to 2^40 - 1, with those on both sides of whole turns, where a sine is next to 0. */
static void test_cosines_and_sines(void **state) {
    FILE *file = fopen(RM_TEST_DATA "/phase.csv", "r");
    char line[200];
    int lines = 0;
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    for (; fgets(line, sizeof line, file) != NULL; lines++) {
        double base;
        int dim, pair;
        long long position;
        char c[60], s[60];
        assert_int_equal(sscanf(line, "%lf,%d,%d,%lld,%59[^,],%59s", &base, &dim, &pair, &position, c, s), 6);
        ropemap_table table = {.spec = ropemap_spec_default(),
                               .kind = ROPEMAP_TABLE_COS_SIN,
                               .positions = {.first = position, .count = 1, .step = 1}};
        table.spec.base = base;
        table.spec.head_dim = dim;
        for (int element = lines % (2 * CASE_STEP) == 0 || dim < 4096 ? 0 : 4;
             ropemap_element_name((ropemap_element)element) != NULL; element++) {
            ropemap_bytes bytes;
            table.element = (ropemap_element)element;
            assert_int_equal(ropemap_table_make(&table, &bytes, NULL), ROPEMAP_OK);
            check_number(&table, numbers_of(&bytes), pair, c);
            check_number(&table, numbers_of(&bytes), dim / 2 + pair, s);
            ropemap_bytes_free(&bytes);
        }
    }
    (void)fclose(file);
    assert_true(lines > 900);
}

/* The attention factor multiplies before the only rounding: 0.1 ln 4 + 1 in 20 digits by mpmath. */
static void test_attention(void **state) {
    ropemap_table table = {.spec = ropemap_spec_default(),
                           .kind = ROPEMAP_TABLE_COS_SIN,
                           .positions = {.first = 0, .count = 1, .step = 1}};
    table.spec.scaling =
        (ropemap_scaling){.rule = ROPEMAP_SCALING_YARN, .factor = 4.0, .original_length = 4096.0};
    for (int element = 0; ropemap_element_name((ropemap_element)element) != NULL; element++) {
        ropemap_bytes bytes;
        table.element = (ropemap_element)element;
        assert_int_equal(ropemap_table_make(&table, &bytes, NULL), ROPEMAP_OK);
        check_number(&table, numbers_of(&bytes), 3, "1.1386294361119890618");
        check_number(&table, numbers_of(&bytes), 64, "0");
        ropemap_bytes_free(&bytes);
    }
}

/* Half of a subnormal, beyond the largest: fp16 of slow pairs and of divisors. */
static void test_ends_of_types(void **state) {
    static double radians[] = {0x1p-24, 0x1.8p-24, 0x1p-25, 0x1.8p-25, 65504.0, 65519.0, 65520.0, -1e5};
    static const unsigned wanted[] = {1, 2, 0, 1, 0x7bff, 0x7bff, 0x7c00, 0xfc00};
    const ropemap_frequencies frequencies = {.radians = radians, .pairs = 8, .heads = 1};
    ropemap_table table = {.spec = ropemap_spec_default(), .element = ROPEMAP_ELEMENT_FP16};
    ropemap_bytes bytes;
    table.spec.head_dim = 16;
    table.spec.frequencies = &frequencies;
    assert_int_equal(ropemap_table_make(&table, &bytes, NULL), ROPEMAP_OK);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(bits_at(numbers_of(&bytes), i, 2), wanted[i]);
    }
    ropemap_bytes_free(&bytes);
}

static void test_refusals(void **state) {
    const ropemap_frequencies frequencies = {.radians = &(double){1.0}, .pairs = 1, .heads = 1};
    ropemap_table table = {.spec = ropemap_spec_default(), .kind = ROPEMAP_TABLE_COS_SIN};
    ropemap_bytes bytes;
    ropemap_error error;
    table.spec.head_dim = 2;
    for (int i = 0; i < 4; i++) {
        static const ropemap_range ranges[] = {
            {0, 0, 1}, {-1, 2, 1}, {ROPEMAP_POSITION_END - 1, 2, 1}, {0, 2, 0}};
        table.positions = ranges[i];
        assert_int_equal(ropemap_table_make(&table, &bytes, &error), ROPEMAP_USAGE);
        assert_null(bytes.data);
    }
    table.kind = ROPEMAP_TABLE_ROPE_FREQS;
    table.spec.frequencies = &frequencies;
    assert_int_equal(ropemap_table_make(&table, &bytes, &error), ROPEMAP_USAGE);
    table.kind = (ropemap_table_kind)3;
    assert_int_equal(ropemap_table_make(&table, &bytes, &error), ROPEMAP_USAGE);
    table.kind = ROPEMAP_TABLE_INV_FREQ;
    table.spec.base = 1.0;
    table.spec.frequencies = NULL;
    assert_int_equal(ropemap_table_make(&table, &bytes, &error), ROPEMAP_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosines_and_sines),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_ends_of_types),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
