/* test_ticks.c - ticks that a person would choose, and their labels */
/* SPDX-License-Identifier: MIT */
#include "host/figure/frame.h"
#include "host/figure/lettering.h"
#include "tests/unit.h"

#include <inttypes.h>
#include <math.h>

/* Labels of ticks with a space between them. */
static void join(const rm_ticks *ticks, char *text, size_t size) {
    text[0] = '\0';
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const size_t end = strlen(text);
        (void)snprintf(text + end, size - end, "%s%s", tick > 0 ? " " : "", ticks->tick[tick].label);
    }
}

static void positions_are_chosen_well(void **state) {
    static const struct {
        ropemap_range range;
        bool centred;
        int32_t most;
        const char *labels;
    } cases[] = {
        {{0, 131072, 1}, false, 8, "0 32k 64k 96k 128k"},
        {{0, 131072, 1}, false, 3, "0 64k 128k"},
        {{0, 1048576, 1}, false, 8, "0 256k 512k 768k 1M"},
        {{0, 3 * 1048576, 1}, false, 8, "0 512k 1M 1.5M 2M 2.5M 3M"},
        {{0, 98304, 1}, false, 8, "0 16k 32k 48k 64k 80k 96k"},
        {{0, 4096, 1}, false, 8, "0 1,024 2,048 3,072 4,096"}, /* in full below 8k, as boxes of the page */
        {{0, 8192, 1}, false, 8, "0 2k 4k 6k 8k"},
        {{0, 1024, 1}, false, 8, "0 256 512 768 1,024"},
        {{0, 2048, 1}, false, 5, "0 512 1,024 1,536 2,048"},
        {{0, 2048, 1}, false, 3, "0 1,024 2,048"}, /* the same at a side with fewer */
        {{0, 100000, 1}, false, 8, "0 20,000 40,000 60,000 80,000 100,000"},
        {{0, 1000000, 1}, false, 8, "0 200,000 400,000 600,000 800,000 1,000,000"},
        {{65536, 65536, 1}, false, 8, "64k 80k 96k 112k 128k"},
        {{1000, 4096, 1}, false, 8, "1,000 2,000 3,000 4,000 5,000"},
        {{0, 64, 2048}, false, 8, "0 32k 64k 96k 128k"},
        {{0, (int64_t)1 << 40, 1}, false, 8, "0 256G 512G 768G 1,024G"},
        {{((int64_t)1 << 40) - 1, 1, 1}, true, 8, "1,099,511,627,775"},
        {{0, 8, 1}, true, 8, "0 1 2 3 4 5 6 7"},
        {{0, 8, 1}, true, 4, "0 2 4 6"},
        {{0, 1, 1}, true, 1, "0"},
        {{5, 2, 1}, true, 1, "6"},
        {{0, 100, 1}, true, 8, "0 20 40 60 80"},
        {{0, 32, 1}, true, 8, "0 4 8 12 16 20 24 28"},
        {{0, 50, 1024}, true, 8, "0 8k 16k 24k 32k 40k 48k"},
        {{100, 32, 7}, true, 8, "100 135 170 205 240 275 310"},
        {{0, 10, 1000}, true, 8, "0 2,000 4,000 6,000 8,000"},
        {{1000000, 512, 1}, false, 8, "1,000,000 1,000,100 1,000,200 1,000,300 1,000,400 1,000,500"},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const rm_ticks ticks = rm_ticks_positions(cases[pick].range, cases[pick].centred, cases[pick].most);
        char labels[512];
        join(&ticks, labels, sizeof labels);
        assert_string_equal(labels, cases[pick].labels);
    }
}

/* A position label as a reader takes it: commas are nothing, k is 1024. */
static double read_position(const char *label) {
    char digits[RM_NUMBER_TEXT];
    size_t count = 0;
    for (const char *at = label; *at != '\0'; at++) {
        if ((*at >= '0' && *at <= '9') || *at == '.') {
            digits[count++] = *at;
        } else if (*at != ',') {
            break;
        }
    }
    digits[count] = '\0';
    const char unit = label[strlen(label) - 1];
    return strtod(digits, NULL) * (unit == 'k' ? 0x1p10 : unit == 'M' ? 0x1p20 : unit == 'G' ? 0x1p30 : 1.0);
}

/* The label of a tick is the position that the range has there, for any range. */
static void position_labels_never_lie(void **state) {
    uint64_t random = 1;
    for (int round = 0; round < 20000; round++) {
        ropemap_range range;
        range.step = 1 + (int64_t)(chance_bits(&random) % (round % 3 == 0 ? 5000 : 3));
        range.count = 1 + (int64_t)(chance_bits(&random) >> (chance_bits(&random) % 40));
        if (range.count > ROPEMAP_POSITION_END / range.step) {
            range.count = ROPEMAP_POSITION_END / range.step;
        }
        const int64_t room = ROPEMAP_POSITION_END - (range.count - 1) * range.step;
        range.first = round % 2 == 0 ? 0 : (int64_t)(chance_bits(&random) % (uint64_t)room);
        const bool centred = chance_bits(&random) % 2 == 0;
        const int32_t most = 1 + (int32_t)(chance_bits(&random) % RM_TICKS_MAX);
        const rm_ticks ticks = rm_ticks_positions(range, centred, most);
        assert_true(ticks.count >= 1 && ticks.count <= most);
        double last = -1.0;
        for (int32_t tick = 0; tick < ticks.count; tick++) {
            const double at = ticks.tick[tick].at;
            assert_true(at >= 0.0 && at <= 1.0 && at > last);
            last = at;
            const double position = read_position(ticks.tick[tick].label);
            const double place = (position - (double)range.first) / (double)range.step;
            const bool begins = fabs(place - at * (double)range.count) <= 1e-9 * (double)range.count + 1e-9;
            const bool middle =
                fabs(place + 0.5 - at * (double)range.count) <= 1e-9 * (double)range.count + 1e-9;
            assert_true(begins || middle);
            assert_true(!centred || (middle && place == floor(place)));
        }
    }
}

static void values_are_chosen_well(void **state) {
    static const struct {
        double low, high;
        int32_t most;
        const char *labels;
    } cases[] = {
        {-1.0, 1.0, 8, "\u22121.0 \u22120.5 0.0 0.5 1.0"},
        {0.0, 1.0, 8, "0.0 0.2 0.4 0.6 0.8 1.0"},
        {-0.23, 1.0, 8, "\u22120.2 0.0 0.2 0.4 0.6 0.8 1.0"},
        {0.9999, 1.0, 8, "0.99990 0.99992 0.99994 0.99996 0.99998 1.00000"},
        {0.0, 128.0, 8, "0 20 40 60 80 100 120"},
        {-3000.0, 9000.0, 8, "\u22122,000 0 2,000 4,000 6,000 8,000"},
        {0.0, 3e-9, 4, "0 1×10⁻⁹ 2×10⁻⁹ 3×10⁻⁹"},
        {0.0, 1.2e-6, 8, "0 0.2×10⁻⁶ 0.4×10⁻⁶ 0.6×10⁻⁶ 0.8×10⁻⁶ 1.0×10⁻⁶ 1.2×10⁻⁶"},
        {-4e38, 4e38, 5, "\u22124×10³⁸ \u22122×10³⁸ 0 2×10³⁸ 4×10³⁸"},
        {0.3, 0.4, 2, "0.3 0.4"},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const rm_ticks ticks = rm_ticks_values(cases[pick].low, cases[pick].high, cases[pick].most);
        char labels[512];
        join(&ticks, labels, sizeof labels);
        assert_string_equal(labels, cases[pick].labels);
    }
}

/* Replaces every `from` in `text` by the shorter `to`. */
static void replace(char *text, const char *from, const char *to) {
    for (char *at = strstr(text, from); at != NULL; at = strstr(text, from)) {
        const size_t gone = strlen(from), come = strlen(to);
        memcpy(at, to, come);
        memmove(at + come, at + gone, strlen(at + gone) + 1);
    }
}

/* A value label as a reader takes it: "−2.5×10⁻³", "10⁻³", "20,000", "0.25", "128k". */
static double read_value(const char *label) {
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char text[RM_NUMBER_TEXT];
    (void)snprintf(text, sizeof text, "%s", label);
    const size_t last = strlen(text) - 1;
    const double unit = text[last] == 'k'   ? 0x1p10
                        : text[last] == 'M' ? 0x1p20
                        : text[last] == 'G' ? 0x1p30
                                            : 1.0;
    text[last] = unit > 1.0 ? '\0' : text[last];
    replace(text, "\u2212", "-");
    replace(text, ",", "");
    replace(text, "×10", "e");
    const bool power = strstr(text, "e") == NULL &&
                       (strstr(text, "10⁻") != NULL || strlen(text) > strspn(text, "-0123456789."));
    replace(text, "⁻", "-");
    for (int digit = 0; digit < 10; digit++) {
        replace(text, raised[digit], (char[2]){(char)('0' + digit), '\0'});
    }
    char *end = NULL;
    if (power) { /* "-10-3": the 10 is the base */
        const bool negative = text[0] == '-';
        const double size = pow(10.0, strtod(text + (negative ? 3 : 2), &end));
        assert_int_equal(*end, '\0');
        return negative ? -size : size;
    }
    const double value = strtod(text, &end);
    assert_int_equal(*end, '\0');
    return value * unit;
}

static size_t decimals(const char *label) {
    const char *point = strchr(label, '.');
    return point == NULL ? 0 : strspn(point + 1, "0123456789");
}

static void value_labels_never_lie(void **state) {
    uint64_t random = 2;
    for (int round = 0; round < 20000; round++) {
        const double size = pow(10.0, (double)(chance_bits(&random) % 70) - 40.0);
        const double width = size * (1.0 + (double)(chance_bits(&random) % 1000)) * 1e-6;
        const double low = size * ((double)(chance_bits(&random) % 2001) / 1000.0 - 1.0), high = low + width;
        const int32_t most = 2 + (int32_t)(chance_bits(&random) % (RM_TICKS_MAX - 1));
        const rm_ticks ticks = rm_ticks_values(low, high, most);
        assert_true(ticks.count >= 1 && ticks.count <= most);
        for (int32_t tick = 0; tick < ticks.count; tick++) {
            const char *label = ticks.tick[tick].label;
            const double at = ticks.tick[tick].at, value = read_value(label);
            /* 1e-6 of the range is a thousandth of a pixel; doubles resolve `low` to 1e-16. */
            assert_true(fabs(value - (low + at * (high - low))) <= 1e-6 * (high - low) + 4e-16 * fabs(low));
            assert_true(strcmp(label, "0") == 0 || strcmp(ticks.tick[0].label, "0") == 0 ||
                        decimals(label) == decimals(ticks.tick[0].label));
        }
    }
}

/* Within the scale, from the bottom up, and each where its label says; few powers are given as such. */
static void check_scale(rm_value_norm norm, double low, double high, int32_t most) {
    const rm_ticks ticks = rm_ticks_scale(norm, low, high, most);
    assert_true(ticks.count >= 1 && ticks.count <= most);
    double last = -1.0;
    for (int32_t tick = 0; tick < ticks.count; tick++) {
        const double at = ticks.tick[tick].at, value = read_value(ticks.tick[tick].label);
        assert_true(at >= 0.0 && at <= 1.0 && at > last);
        last = at;
        assert_true(fabs(rm_norm_place(norm, low, high, value) - at) < 1e-6);
        const double slack = 1e-6 * (fabs(value) + high - low);
        assert_true(value >= low - slack && value <= high + slack);
    }
    /* Never one alone where there are powers of ten to choose from. */
    const bool wide = norm.kind == ROPEMAP_NORM_LOG && high / low > 1e3 && most >= 2;
    assert_true(!wide || ticks.count >= 2);
}

static void scale_labels_never_lie(void **state) {
    uint64_t random = 3;
    for (int round = 0; round < 20000; round++) {
        const double size = pow(10.0, (double)(chance_bits(&random) % 70) - 40.0);
        const double ratio = pow(10.0, (double)(chance_bits(&random) % 12000) / 1000.0 + 0.001);
        const int32_t most = 2 + (int32_t)(chance_bits(&random) % (RM_TICKS_MAX - 1));
        check_scale((rm_value_norm){.kind = ROPEMAP_NORM_LOG}, size, size * ratio, most);
        const double low = size * ((double)(chance_bits(&random) % 2001) / 1000.0 - 1.0);
        const double high = low + size * (0.01 + (double)(chance_bits(&random) % 1000) / 500.0);
        check_scale((rm_value_norm){.kind = ROPEMAP_NORM_SYMLOG, .linear_below = size / ratio}, low, high,
                    most);
    }
}

/* The axis of a chart: inside it, where the label says, apart from each other, minor ones between. */
static void check_axis(const rm_axis_span *axis, double length, bool along) {
    rm_ticks ticks = rm_ticks_axis(axis, length, 20.0, along);
    assert_true(ticks.count >= 1 && ticks.count <= RM_TICKS_MAX);
    for (int32_t tick = 0; tick < ticks.count; tick++) {
        const double at = ticks.tick[tick].at;
        assert_true(at >= 0.0 && at <= 1.0);
        assert_true(fabs(rm_axis_place(axis, read_value(ticks.tick[tick].label)) - at) < 1e-6);
    }
    for (int32_t minor = 0; minor < ticks.minor_count; minor++) {
        assert_true(ticks.minor[minor] >= 0.0 && ticks.minor[minor] <= 1.0);
    }
    assert_true(ticks.count < 3 || rm_ticks_fit(&ticks, length, 20.0, along));
}

static void axis_labels_never_lie(void **state) {
    uint64_t random = 4;
    assert_int_equal(rm_font_ready(NULL), ROPEMAP_OK);
    for (int round = 0; round < 4000; round++) {
        const double size = pow(10.0, (double)(chance_bits(&random) % 40) - 20.0);
        const double low = size * ((double)(chance_bits(&random) % 2001) / 1000.0 - 1.0);
        const rm_axis_span linear = {
            .low = low, .high = low + size * (0.01 + (double)(chance_bits(&random) % 1000) / 500.0)};
        const double start = (double)(chance_bits(&random) % 400) / 10.0 - 20.0;
        const rm_axis_span log = {
            .log = true, .low = start, .high = start + 0.02 + (double)(chance_bits(&random) % 400) / 10.0};
        const rm_axis_span binary = {.binary = true,
                                     .high = ldexp(1.0, 10 + (int)(chance_bits(&random) % 30))};
        const rm_axis_span powers = {
            .log = true, .binary = true, .high = log10(2.0) * (2.0 + (double)(chance_bits(&random) % 38))};
        const double length = 120.0 + (double)(chance_bits(&random) % 2000);
        check_axis(&linear, length, round % 2 == 0);
        check_axis(&log, length, round % 2 == 0);
        check_axis(&binary, length, round % 2 == 0);
        check_axis(&powers, length, round % 2 == 0);
    }
}

static void values_are_written_as_readers_expect(void **state) {
    static const struct {
        double value;
        const char *label;
    } cases[] = {{0.0, "0"},
                 {0.5, "0.5"},
                 {-0.25, "\u22120.25"},
                 {1e-5, "1×10⁻⁵"},
                 {-2.5e-7, "\u22122.5×10⁻⁷"},
                 {1e30, "1×10³⁰"},
                 {-3.0, "\u22123"},
                 {123456.7, "123,457"},
                 {12345.7, "12,345.7"},
                 {10000.0, "10,000"},
                 {-4096.0, "\u22124,096"},
                 {1099511627776.0, "1,099,511,627,776"},
                 {12345678.5, "12,345,700"},
                 {9999999.5, "10,000,000"},
                 {-0.0, "0"},
                 {0.00012, "0.00012"},
                 {(double)INFINITY, "∞"},
                 {(double)NAN, "NaN"},
                 {0.1, "0.1"},
                 {1.0 / 3, "0.333333"}};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        char text[RM_NUMBER_TEXT];
        ropemap_number_text(text, cases[pick].value);
        assert_string_equal(text, cases[pick].label);
    }
}

static void numbers_are_written_as_readers_expect(void **state) {
    static const struct {
        double value;
        const char *cell;
    } cells[] = {{0.0, "0.0"},
                 {-0.0, "0.0"},
                 {0.25, "0.3"},
                 {-0.25, "\u22120.3"},
                 {-0.04, "0.0"},
                 {0.35F, "0.3"},
                 {-1.0, "\u22121.0"},
                 {12345.67, "12,345.7"},
                 {999999.9, "999,999.9"},
                 {1e6, "1.0×10⁶"},
                 {-2.5e30, "\u22122.5×10³⁰"},
                 {9.99e9, "1.0×10¹⁰"},
                 {(double)INFINITY, "∞"},
                 {-(double)INFINITY, "\u2212∞"},
                 {(double)NAN, "NaN"}};
    char text[RM_NUMBER_TEXT];
    for (size_t pick = 0; pick < sizeof cells / sizeof *cells; pick++) {
        rm_number_cell(text, cells[pick].value, 1);
        assert_string_equal(text, cells[pick].cell);
    }
    rm_number_cell(text, -0.24951, 3);
    assert_string_equal(text, "\u22120.250");
    rm_number_cell(text, 12345.678, 2);
    assert_string_equal(text, "12,345.68");
    rm_number_grouped(text, INT64_MIN);
    assert_string_equal(text, "\u22129,223,372,036,854,775,808");
    rm_number_position(text, 1280 * 1024);
    assert_string_equal(text, "1.25M");
    rm_number_position(text, 1023);
    assert_string_equal(text, "1,023");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_chosen_well),
        cmocka_unit_test(position_labels_never_lie),
        cmocka_unit_test(values_are_chosen_well),
        cmocka_unit_test(value_labels_never_lie),
        cmocka_unit_test(scale_labels_never_lie),
        cmocka_unit_test(axis_labels_never_lie),
        cmocka_unit_test(values_are_written_as_readers_expect),
        cmocka_unit_test(numbers_are_written_as_readers_expect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
