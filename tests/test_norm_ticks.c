/* test_norm_ticks.c - labels of logarithmic colour scales, and of the values of contours */
/* SPDX-License-Identifier: MIT */
#include "host/figure/ticks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Labels of ticks with a space between them. */
static void join(const rm_ticks *ticks, char *text, size_t size) {
    text[0] = '\0';
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const size_t end = strlen(text);
        (void)snprintf(text + end, size - end, "%s%s", tick > 0 ? " " : "", ticks->tick[tick].label);
    }
}

static void ticks_are_chosen_well(void **state) {
    (void)state;
    static const struct {
        ropemap_norm kind;
        double below, low, high;
        int32_t most;
        const char *labels;
    } cases[] = {
        {ROPEMAP_NORM_LINEAR, 0.0, 0.0, 1.0, 8, "0.0 0.2 0.4 0.6 0.8 1.0"},
        {ROPEMAP_NORM_LOG, 0.0, 1e-3, 1.0, 8, "10⁻³ 10⁻² 10⁻¹ 10⁰"},
        {ROPEMAP_NORM_LOG, 0.0, 2e-6, 0.6, 8, "10⁻⁵ 10⁻⁴ 10⁻³ 10⁻² 10⁻¹"},
        {ROPEMAP_NORM_LOG, 0.0, 2e-6, 0.6, 3, "10⁻⁵ 10⁻³ 10⁻¹"},
        {ROPEMAP_NORM_LOG, 0.0, 2e-6, 0.6, 1, "10⁻¹"},
        {ROPEMAP_NORM_LOG, 0.0, 1e-40, 1e38, 8, "10⁻³² 10⁻²² 10⁻¹² 10⁻² 10⁸ 10¹⁸ 10²⁸ 10³⁸"},
        {ROPEMAP_NORM_LOG, 0.0, 0.103, 1.0, 8, "0.2 0.3 0.5 0.7 1"},
        {ROPEMAP_NORM_LOG, 0.0, 0.03, 2.5, 8, "0.05 0.1 0.2 0.5 1 2"},
        {ROPEMAP_NORM_LOG, 0.0, 0.03, 2.5, 5, "10⁻¹ 10⁰"},
        {ROPEMAP_NORM_LOG, 0.0, 3e-9, 2e-8, 8, "3×10⁻⁹ 5×10⁻⁹ 7×10⁻⁹ 1×10⁻⁸ 2×10⁻⁸"},
        {ROPEMAP_NORM_LOG, 0.0, 300.0, 2500.0, 8, "300 500 700 1000 2000"},
        {ROPEMAP_NORM_LOG, 0.0, 0.85, 0.95, 6, "0.86 0.88 0.90 0.92 0.94"},
        {ROPEMAP_NORM_SYMLOG, 1e-3, -1.0, 1.0, 9,
         "\u221210⁰ \u221210⁻¹ \u221210⁻² \u221210⁻³ 0 10⁻³ 10⁻² 10⁻¹ 10⁰"},
        {ROPEMAP_NORM_SYMLOG, 1e-3, -0.7, 0.7, 8, "\u221210⁻¹ \u221210⁻² \u221210⁻³ 0 10⁻³ 10⁻² 10⁻¹"},
        {ROPEMAP_NORM_SYMLOG, 1e-3, -0.7, 0.7, 5, "\u221210⁻¹ \u221210⁻³ 0 10⁻³ 10⁻¹"},
        {ROPEMAP_NORM_SYMLOG, 1e-3, -0.7, 0.7, 4, "\u221210⁻¹ 0 10⁻¹"},
        {ROPEMAP_NORM_SYMLOG, 1e-3, -0.7, 0.7, 2, "0"},
        {ROPEMAP_NORM_SYMLOG, 1e-2, -0.03, 5.0, 8, "\u221210⁻² 0 10⁻² 10⁻¹ 10⁰"},
        {ROPEMAP_NORM_SYMLOG, 1e-2, 0.005, 5.0, 8, "10⁻² 10⁻¹ 10⁰"},
        {ROPEMAP_NORM_SYMLOG, 1e-2, -50.0, -0.5, 8, "\u221210¹ \u221210⁰"},
        {ROPEMAP_NORM_SYMLOG, 5.0, -1.0, 1.0, 8, "\u22121.0 \u22120.5 0.0 0.5 1.0"},
        {ROPEMAP_NORM_SYMLOG, 1e-3, 0.2, 0.6, 8, "0.2 0.3 0.4 0.5 0.6"},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        const rm_norm norm = {.kind = cases[pick].kind, .linear_below = cases[pick].below};
        const rm_ticks ticks = rm_norm_ticks(norm, cases[pick].low, cases[pick].high, cases[pick].most);
        char labels[512];
        join(&ticks, labels, sizeof labels);
        assert_string_equal(labels, cases[pick].labels);
    }
}

static int raised_digit(const char **at) {
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    for (int digit = 0; digit < 10; digit++) {
        if (strncmp(*at, raised[digit], strlen(raised[digit])) == 0) {
            *at += strlen(raised[digit]);
            return digit;
        }
    }
    return -1;
}

/* A label as a reader takes it: "−2.5×10⁻³", "10⁻³", "0.25". */
static double read_value(const char *label) {
    static const char minus[] = "\u2212", times[] = "×10", raised_minus[] = "⁻";
    const bool negative = strncmp(label, minus, strlen(minus)) == 0;
    const char *at = label + (negative ? strlen(minus) : 0);
    char *end = NULL;
    double value = strtod(at, &end);
    const char *rest = end;
    if (strncmp(rest, times, strlen(times)) == 0) {
        rest += strlen(times);
    } else if (*rest != '\0') {
        value /= 10.0; /* the 10 itself */
    }
    if (*rest != '\0') {
        const bool below = strncmp(rest, raised_minus, strlen(raised_minus)) == 0;
        rest += below ? strlen(raised_minus) : 0;
        int power = 0;
        for (int digit = raised_digit(&rest); digit >= 0; digit = raised_digit(&rest)) {
            power = 10 * power + digit;
        }
        value *= pow(10.0, below ? -power : power);
    }
    assert_int_equal(*rest, '\0');
    return negative ? -value : value;
}

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

static void check_ticks(rm_norm norm, double low, double high, int32_t most) {
    const rm_ticks ticks = rm_norm_ticks(norm, low, high, most);
    assert_in_range(ticks.count, 1, most);
    double last = -1.0;
    for (int32_t tick = 0; tick < ticks.count; tick++) {
        const double at = ticks.tick[tick].at, value = read_value(ticks.tick[tick].label);
        assert_true(at >= 0.0 && at <= 1.0 && at > last);
        last = at;
        assert_true(fabs(rm_norm_place(norm, low, high, value) - at) < 1e-6);
        const double slack = 1e-6 * (fabs(value) + high - low);
        assert_true(value >= low - slack && value <= high + slack);
    }
}

/* Where the label says, from the bottom up, of any scale. */
static void labels_never_lie(void **state) {
    (void)state;
    uint64_t random = 3;
    for (int round = 0; round < 20000; round++) {
        const double size = pow(10.0, (double)(next_random(&random) % 70) - 40.0);
        const double ratio = pow(10.0, (double)(next_random(&random) % 12000) / 1000.0 + 0.001);
        const int32_t most = 2 + (int32_t)(next_random(&random) % (RM_TICKS_MAX - 1));
        check_ticks((rm_norm){.kind = ROPEMAP_NORM_LOG}, size, size * ratio, most);
        const double low = size * ((double)(next_random(&random) % 2001) / 1000.0 - 1.0);
        const double high = low + size * (0.01 + (double)(next_random(&random) % 1000) / 500.0);
        check_ticks((rm_norm){.kind = ROPEMAP_NORM_SYMLOG, .linear_below = size / ratio}, low, high, most);
    }
}

static void values_are_written_as_readers_expect(void **state) {
    (void)state;
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
                 {123456.7, "123457"},
                 {0.1, "0.1"},
                 {1.0 / 3, "0.333333"}};
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        char text[RM_NUMBER_TEXT];
        rm_number_value(text, cases[pick].value);
        assert_string_equal(text, cases[pick].label);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_chosen_well),
        cmocka_unit_test(labels_never_lie),
        cmocka_unit_test(values_are_written_as_readers_expect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
