/* test_rule.c - what a rule may be, how scaling is written, frequencies to the last bit, known values of S(r)
 */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/computed.h"
#include "tests/divisors.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

static const double bad_numbers[] = {0, -1, -0.0, (double)NAN, (double)INFINITY, -(double)INFINITY};
enum { BAD_NUMBERS = sizeof bad_numbers / sizeof bad_numbers[0] };

/* Refused, with a line that names the field. */
static void check_refused(const ropemap_spec *spec, const char *field) {
    ropemap_error error = {0};
    if (ropemap_spec_check(spec, &error) != ROPEMAP_USAGE) {
        fail_msg("not refused: base %g, dims %d and %d, factor %g", spec->base, (int)spec->head_dim,
                 (int)spec->rotary_dim, spec->scaling.factor);
    }
    assert_int_equal(error.status, ROPEMAP_USAGE);
    assert_says(error.text, field);
    assert_int_equal(ropemap_spec_check(spec, NULL), ROPEMAP_USAGE);
    static ropemap_freqs freqs;
    assert_int_equal(ropemap_freqs_make(spec, &freqs, NULL), ROPEMAP_USAGE);
}

static void the_default_is_valid(void **state) {
    const ropemap_spec spec = ropemap_spec_default();
    assert_true(spec.base == 10000.0);
    assert_int_equal(spec.head_dim, 128);
    assert_true(spec.rotary_dim == 0 || spec.rotary_dim == 128);
    assert_int_equal(spec.layout, ROPEMAP_LAYOUT_HALF);
    assert_int_equal(spec.scaling.rule, ROPEMAP_SCALING_NONE);
    ropemap_error error = {0};
    assert_int_equal(ropemap_spec_check(&spec, &error), ROPEMAP_OK);
}

static void bad_bases_are_refused(void **state) {
    ropemap_spec spec = ropemap_spec_default();
    for (size_t i = 0; i < BAD_NUMBERS; i++) {
        spec.base = bad_numbers[i];
        check_refused(&spec, "base");
    }
    static const char *const texts[] = {"1", "0.5", "1e400", "-1e400", "-10000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        spec.base = strtod(texts[i], NULL);
        check_refused(&spec, "base");
    }
    spec.base = nextafter(1.0, 2.0);
    assert_int_equal(ropemap_spec_check(&spec, NULL), ROPEMAP_OK);
}

static void bad_dimensions_are_refused(void **state) {
    static const int32_t heads[] = {0, -2, 1, 3, 127, 4098, 4097, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        ropemap_spec spec = ropemap_spec_default();
        spec.head_dim = heads[i];
        check_refused(&spec, "dim");
    }
    static const int32_t rotary[] = {1, 3, 127, 130, -2, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof rotary / sizeof rotary[0]; i++) {
        ropemap_spec spec = ropemap_spec_default();
        spec.rotary_dim = rotary[i];
        check_refused(&spec, "dim");
    }
    for (int32_t dim = 2; dim <= 4096; dim += 2) {
        ropemap_spec spec = ropemap_spec_default();
        spec.head_dim = dim;
        spec.rotary_dim = dim / 4 * 2;
        assert_int_equal(ropemap_spec_check(&spec, NULL), ROPEMAP_OK);
    }
}

/* Any other number in a field of a type with names. */
static void unknown_layouts_and_rules_are_refused(void **state) {
    static const int numbers[] = {-1, 2, 14, 99};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ropemap_spec spec = ropemap_spec_default();
        memcpy(&spec.layout, &numbers[i], sizeof spec.layout);
        check_refused(&spec, "layout");
        spec = ropemap_spec_default();
        memcpy(&spec.scaling.rule, &numbers[i], sizeof spec.scaling.rule);
        if (ropemap_scaling_name(spec.scaling.rule) == NULL) {
            check_refused(&spec, "scaling");
        }
    }
}

static void bad_factors_are_refused(void **state) {
    for (int rule = ROPEMAP_SCALING_NONE; rule <= ROPEMAP_SCALING_NTK; rule++) {
        ropemap_spec spec = ropemap_spec_default();
        spec.scaling.rule = (ropemap_scaling_rule)rule;
        for (size_t i = 0; i < BAD_NUMBERS; i++) {
            spec.scaling.factor = bad_numbers[i];
            if (rule != ROPEMAP_SCALING_NONE || bad_numbers[i] != 0.0) { /* 0: not given */
                check_refused(&spec, "factor");
            }
        }
        spec.scaling.factor = nextafter(1.0, 0.0);
        check_refused(&spec, "factor");
        spec.scaling.factor = 1;
        assert_int_equal(ropemap_spec_check(&spec, NULL), ROPEMAP_OK);
    }
}

/* ---- scaling as text ---- */

static void a_scaling_survives_its_text_form(void **state) {
    static const struct {
        const char *text;
        ropemap_scaling_rule rule;
        double factor;
    } good[] = {{"none", ROPEMAP_SCALING_NONE, 0},
                {"linear:factor=4", ROPEMAP_SCALING_LINEAR, 4},
                {"linear:factor=1", ROPEMAP_SCALING_LINEAR, 1},
                {"ntk:factor=8", ROPEMAP_SCALING_NTK, 8},
                {"ntk:factor=2.5", ROPEMAP_SCALING_NTK, 2.5},
                {"linear:factor=1e2", ROPEMAP_SCALING_LINEAR, 100}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ropemap_scaling scaling = {0};
        ropemap_error error = {0};
        if (ropemap_scaling_parse(good[i].text, some_divisors(), &scaling, &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", good[i].text, error.text);
        }
        assert_int_equal(scaling.rule, good[i].rule);
        assert_true(scaling.factor == good[i].factor);
    }
}

static void scaling_errors_name_the_word(void **state) {
    static const struct {
        const char *text, *named;
    } bad[] = {{"linaer:factor=4", "linaer"},
               {"", "rule"},
               {"LINEAR:factor=4", "LINEAR"},
               {"linear:faktor=4", "faktor"},
               {"linear:factor=4,beta=2", "beta"},
               {"none:factor=4", "factor"},
               {"linear", "factor"},
               {"linear:", "factor"},
               {"linear:factor", "factor"},
               {"linear:factor=", "factor"},
               {"linear:factor=x", "x"},
               {"linear:factor=4x", "4x"},
               {"linear:factor=0.5", "0.5"},
               {"ntk:factor=nan", "factor"},
               {"ntk:factor=inf", "factor"},
               {"ntk:factor=1e400", "factor"},
               {"ntk:factor=-8", "-8"},
               {"linear:=4", "linear"},
               {"linear:factor=4,", "linear"},
               {"none:", "none"},
               {"linear:factor=4,factor=8", "factor"},
               {"linear :factor=4", "linear"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ropemap_scaling scaling = {.rule = ROPEMAP_SCALING_NTK, .factor = 77};
        ropemap_error error = {0};
        if (ropemap_scaling_parse(bad[i].text, some_divisors(), &scaling, &error) != ROPEMAP_USAGE) {
            fail_msg("'%s' was taken", bad[i].text);
        }
        assert_says(error.text, bad[i].named);
        assert_true(scaling.factor == 77.0);
    }
}

/* The parameters are those that the help page lists, in order. */
static void parameters_are_those_of_the_help(void **state) {
    for (int rule = 0; ropemap_scaling_name((ropemap_scaling_rule)rule) != NULL; rule++) {
        char takes[300], key[60];
        ropemap_parameter parameter;
        (void)ropemap_scaling_help((ropemap_scaling_rule)rule, takes, sizeof takes);
        int32_t count = 0;
        for (; ropemap_scaling_parameter((ropemap_scaling_rule)rule, count, &parameter); count++) {
            (void)snprintf(key, sizeof key, "%s%s=", count == 0 ? ":" : ",", parameter.key);
            const char *at = strstr(takes, key);
            assert_non_null(at);
            assert_true((at[-1] != '[') == parameter.required);
            assert_true(parameter.low < parameter.high);
            assert_true(parameter.kind != ROPEMAP_PARAMETER_NUMBER ||
                        (parameter.low <= parameter.usual_low && parameter.usual_low < parameter.usual_high &&
                         parameter.usual_high <= parameter.high));
            assert_true((parameter.kind == ROPEMAP_PARAMETER_WORD) == (parameter.words[0] != NULL));
        }
        int32_t keys = 0;
        for (const char *at = takes; (at = strchr(at, '=')) != NULL; at++) {
            keys++;
        }
        assert_int_equal(count, keys);
    }
    ropemap_parameter none;
    assert_false(ropemap_scaling_parameter(ROPEMAP_SCALING_NONE, 0, &none));
    assert_false(ropemap_scaling_parameter(ROPEMAP_SCALING_YARN, -1, &none));
    assert_false(ropemap_scaling_parameter((ropemap_scaling_rule)99, 0, &none));
}

static void names_past_the_last_are_null(void **state) {
    int rules = 0, layouts = 0;
    while (ropemap_scaling_name((ropemap_scaling_rule)rules) != NULL) {
        char takes[300];
        const char *does = ropemap_scaling_help((ropemap_scaling_rule)rules, takes, sizeof takes);
        assert_true(does != NULL && does[0] != '\0');
        assert_ptr_equal(strstr(takes, ropemap_scaling_name((ropemap_scaling_rule)rules)), takes);
        rules++;
    }
    char unused[8];
    assert_null(ropemap_scaling_help((ropemap_scaling_rule)rules, unused, sizeof unused));
    while (ropemap_layout_name((ropemap_layout)layouts) != NULL) {
        layouts++;
    }
    assert_int_equal(rules, 14);
    assert_int_equal(layouts, 2);
}

/* ---- frequencies ---- */

/* step 2^-64 + fine 2^-96 less the true frequency, in turns a token. */
static double frequency_error(const ropemap_freqs *freqs, int32_t pair, oracle_number wanted) {
    const long double upper = (long double)(freqs->step[pair] >> 32) * 0x1p-32L;
    const long double lower = (long double)(freqs->step[pair] & UINT32_MAX) * 0x1p-64L;
    const long double finest = (long double)freqs->fine[pair] * 0x1p-96L;
    /* upper - high and the sum with lower are exact: few bits are left of them */
    return (double)(((upper - wanted.high) + lower) + (finest - wanted.low));
}

static void check_frequencies(const ropemap_spec *spec) {
    static ropemap_freqs freqs;
    assert_int_equal(ropemap_freqs_make(spec, &freqs, NULL), ROPEMAP_OK);
    const int32_t dims = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    assert_int_equal(freqs.pairs, dims / 2);
    assert_true(freqs.attention_factor == 1.0);
    for (int32_t pair = 0; pair < freqs.pairs; pair++) {
        const double error = frequency_error(&freqs, pair, oracle_frequency(spec, pair));
        if (fabs(error) > 0x1p-95) {
            fail_msg("base %g, dim %d, %s by %g, pair %d: off by %g turns", spec->base, (int)dims,
                     ropemap_scaling_name(spec->scaling.rule), spec->scaling.factor, (int)pair, error);
        }
    }
}

static void frequencies_are_powers_of_the_base(void **state) {
    static const double bases[] = {1.0000001, 2, 100, 1e4, 5e5, 1e6, 12345.678, 1e13};
    static const int32_t dims[] = {2, 4, 64, 126};
    static const ropemap_scaling scalings[] = {{.rule = ROPEMAP_SCALING_NONE, .factor = 1},
                                               {.rule = ROPEMAP_SCALING_LINEAR, .factor = 4},
                                               {.rule = ROPEMAP_SCALING_LINEAR, .factor = 2.7},
                                               {.rule = ROPEMAP_SCALING_NTK, .factor = 8},
                                               {.rule = ROPEMAP_SCALING_NTK, .factor = 1.1}};
    for (size_t b = 0; b < sizeof bases / sizeof bases[0]; b++) {
        for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++) {
            for (size_t s = 0; s < sizeof scalings / sizeof scalings[0]; s++) {
                ropemap_spec spec = ropemap_spec_default();
                spec.base = bases[b];
                spec.head_dim = dims[d] == 126 ? 200 : dims[d];
                spec.rotary_dim = dims[d] == 126 ? 126 : 0;
                spec.scaling = scalings[s];
                check_frequencies(&spec);
            }
        }
    }
    ropemap_spec widest = ropemap_spec_default();
    widest.head_dim = 4096;
    check_frequencies(&widest);
}

/* ---- S(r) ---- */

/* S(r) by way of the whole library: the map of one pair of positions. */
static double similarity_by_map(double base, int32_t dim, int64_t distance) {
    ropemap_request request = ropemap_request_default();
    request.spec.base = base;
    request.spec.head_dim = dim;
    request.rows = (ropemap_range){.first = distance, .count = 1, .step = 1};
    request.cols = (ropemap_range){.first = 0, .count = 1, .step = 1};
    request.threads = 1;
    ropemap_map map = {0};
    map_compute("one distance", &request, &map);
    const double value = (double)map.cells[0];
    ropemap_map_free(&map);
    return value;
}

/* Ten digits for head dim 128, all of it rotated. */
static void similarities_are_the_known_ones(void **state) {
    static const int64_t distances[8] = {1, 10, 100, 1000, 4096, 32768, 131072, 1000000};
    static const double known[2][8] = {{.9702138095, .6690628578, .4772414797, .1590270021, -.0528533426,
                                        .0564618851, -.0058275392, -.0226903406},
                                       {.9779092242, .7642052291, .6109886834, .4922638904, .3827529545,
                                        .2097388208, .0477774637, -.1825423457}};
    for (int b = 0; b < 2; b++) {
        ropemap_spec spec = ropemap_spec_default();
        spec.base = b == 0 ? 1e4 : 5e5;
        static oracle_rule rule;
        oracle_rule_make(&spec, &rule);
        for (int i = 0; i < 8; i++) {
            assert_true(fabs((double)oracle_similarity(&rule, distances[i]) - known[b][i]) <= 5.1e-11);
            /* cosines are off by 2e-7 at most, their mean by no more; the vectors and the cell round */
            const double got = similarity_by_map(spec.base, 128, distances[i]);
            assert_true(fabs(got - known[b][i]) <= 2e-7 + 4 * 0x1p-24);
        }
    }
}

/* The first distance at which the similarity is negative. */
static void the_first_negative_distance_is_the_known_one(void **state) {
    static const struct {
        double base;
        int32_t dim;
        int64_t distance;
    } known[] = {{1e4, 128, 1707}, {5e5, 128, 18438}, {1e6, 128, 27115}, {1e4, 64, 725}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        ropemap_request request = ropemap_request_default();
        request.spec.base = known[i].base;
        request.spec.head_dim = known[i].dim;
        request.rows = (ropemap_range){.first = 0, .count = known[i].distance + 1, .step = 1};
        request.cols = (ropemap_range){.first = 0, .count = 1, .step = 1};
        request.height = known[i].distance + 1;
        request.width = 1;
        request.threads = 1;
        ropemap_map map = {0};
        assert_int_equal(ropemap_map_compute(&request, &map, NULL), ROPEMAP_OK);
        assert_int_equal(map.height, known[i].distance + 1);
        int64_t first = 0;
        while (first < map.height && map.cells[first] >= 0) {
            first++;
        }
        assert_int_equal(first, known[i].distance);
        ropemap_map_free(&map);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_valid),
        cmocka_unit_test(bad_bases_are_refused),
        cmocka_unit_test(bad_dimensions_are_refused),
        cmocka_unit_test(unknown_layouts_and_rules_are_refused),
        cmocka_unit_test(bad_factors_are_refused),
        cmocka_unit_test(a_scaling_survives_its_text_form),
        cmocka_unit_test(scaling_errors_name_the_word),
        cmocka_unit_test(parameters_are_those_of_the_help),
        cmocka_unit_test(names_past_the_last_are_null),
        cmocka_unit_test(frequencies_are_powers_of_the_base),
        cmocka_unit_test(similarities_are_the_known_ones),
        cmocka_unit_test(the_first_negative_distance_is_the_known_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
