/* test_inv_freq_check.c - dumped buffers of frequencies, right and wrong, and the verdict on each */
/* SPDX-License-Identifier: MIT */
/* tools/golden/buffers.py makes tests/data/compare.tsv, from transformers and from papers' formulas. */
#include "host/base/status.h"
#include "host/ropemap_model.h"
#include "tests/divisors.h"
#include "tests/tsv.h"

#include <math.h>

enum { LINE_MOST = 16384, NUMBERS_MOST = 1024, LEAST_CASES = 138, PAIRS = 64 };

static ropemap_spec next_spec(char **line) {
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    spec.base = tsv_number(line);
    spec.head_dim = (int32_t)tsv_number(line);
    spec.rotary_dim = (int32_t)tsv_number(line);
    spec.layout = strcmp(tsv_field(line), "half") == 0 ? ROPEMAP_LAYOUT_HALF : ROPEMAP_LAYOUT_INTERLEAVED;
    spec.length = tsv_number(line);
    if (ropemap_scaling_parse(tsv_field(line), some_divisors(), &spec.scaling, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    return spec;
}

static bool is_match(const char *verdict) {
    static const char *const matches[] = {"match", "reciprocal", "wavelength", "turns", "table"};
    for (int i = 0; i < 5; i++) {
        if (strcmp(verdict, matches[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* 1 if the verdict is not the expected one. */
static int check(char *line) {
    static float numbers[NUMBERS_MOST];
    ropemap_comparison got;
    ropemap_error error = {0};
    const char *name = tsv_field(&line);
    const ropemap_spec spec = next_spec(&line);
    const int64_t rows = (int64_t)tsv_number(&line);
    const char *verdict = tsv_field(&line), *parameter = tsv_field(&line), *value = tsv_field(&line);
    const char *words = tsv_field(&line);
    const int32_t count = tsv_floats(line, numbers, NUMBERS_MOST);
    if (ropemap_inv_freq_compare(numbers, rows, count / rows, &spec, &got, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", name, error.text);
    }
    const bool named =
        strcmp(parameter, "-") == 0 ? got.parameter[0] == '\0' : strcmp(parameter, got.parameter) == 0;
    const double wanted = strtod(value, NULL);
    const bool valued = strcmp(value, "-") == 0 || fabs(got.parameter_found - wanted) <= 1e-12 * fabs(wanted);
    const bool said = strcmp(words, "-") == 0 || strstr(got.text, words) != NULL;
    if (strcmp(verdict, got.verdict) != 0 || got.matches != is_match(verdict) || !named || !valued || !said) {
        print_error("%s: expected %s, %s %s, '%s'\n  got %s%s, %s %.12g: %s\n", name, verdict, parameter,
                    value, words, got.matches ? "a match, " : "", got.verdict, got.parameter,
                    got.parameter_found, got.text);
        return 1;
    }
    return 0;
}

static void every_buffer_gets_its_verdict(void **state) {
    static char line[LINE_MOST];
    int cases = 0, wrong = 0;
    FILE *file = tsv_open("compare.tsv");
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] != '#') {
            wrong += check(line);
            cases++;
        }
    }
    (void)fclose(file);
    assert_true(cases >= LEAST_CASES);
    assert_int_equal(wrong, 0);
}

/* The frequencies of base 5e5 by the C library's pow, and their comparison with its rule. */
static const ropemap_spec plain_spec = {.base = 5e5, .head_dim = 2 * PAIRS};

static void plain(float *found) {
    for (int32_t i = 0; i < PAIRS; i++) {
        found[i] = (float)pow(5e5, -(double)i / PAIRS);
    }
}

static ropemap_comparison compare(const float *found) {
    ropemap_comparison result;
    assert_int_equal(ropemap_inv_freq_compare(found, 1, PAIRS, &plain_spec, &result, NULL), ROPEMAP_OK);
    return result;
}

static void the_first_wrong_pair_and_the_worst_error_are_reported(void **state) {
    float found[PAIRS];
    plain(found);
    ropemap_comparison result = compare(found);
    assert_true(result.matches && result.pair == -1 && result.worst < 1.3e-7);
    found[17] *= 1.0001f;
    found[40] *= 0.9f;
    result = compare(found);
    assert_int_equal(result.pair, 17);
    assert_true(fabs(result.worst - 0.1) < 1e-6);
}

static void one_impossible_number_is_uninitialised_memory(void **state) {
    static const float numbers[] = {NAN, 1e-40f, -3.0f};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        float found[PAIRS];
        plain(found);
        found[5] = numbers[i];
        assert_string_equal(compare(found).verdict, "uninitialised");
    }
}

static void an_invalid_rule_is_refused(void **state) {
    float found[PAIRS] = {0};
    ropemap_comparison result;
    ropemap_error error = {0};
    ropemap_spec spec = ropemap_spec_default();
    spec.base = 0.5;
    assert_int_equal(ropemap_inv_freq_compare(found, 1, PAIRS, &spec, &result, &error), ROPEMAP_USAGE);
    assert_says(error.text, "base");
    spec.base = 1e4;
    assert_int_equal(ropemap_inv_freq_compare(found, 0, PAIRS, &spec, &result, &error), ROPEMAP_DATA);
    assert_int_equal(ropemap_inv_freq_compare(found, 1, 0, &spec, &result, &error), ROPEMAP_DATA);
    assert_int_equal(ropemap_inv_freq_compare(found, 1, 2 * ROPEMAP_MAX_PAIRS + 1, &spec, &result, &error),
                     ROPEMAP_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_buffer_gets_its_verdict),
        cmocka_unit_test(the_first_wrong_pair_and_the_worst_error_are_reported),
        cmocka_unit_test(one_impossible_number_is_uninitialised_memory),
        cmocka_unit_test(an_invalid_rule_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
