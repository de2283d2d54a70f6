/* test_frequencies.c - inverse frequencies that a caller gives as numbers, through the public interface */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/ropemap_decay.h"
#include "host/ropemap_figure.h"
#include "tests/scratch.h"
#include "tests/unit.h"

#include <math.h>

enum { PAIRS = 4 };

static const double TABLE[PAIRS] = {1.0, -0.3, 0.0, 1e-7};
static const ropemap_frequencies GIVEN = {.radians = TABLE, .pairs = PAIRS, .heads = 1, .name = "mine"};

static ropemap_spec spec_with(const ropemap_frequencies *table) {
    ropemap_spec spec = ropemap_spec_default();
    spec.base = 0.0; /* is ignored */
    spec.head_dim = 2 * PAIRS;
    spec.frequencies = table;
    return spec;
}

static void assert_refused(const ropemap_spec *spec, const char *words) {
    ropemap_error error = {0};
    static ropemap_freqs freqs;
    assert_int_equal(ropemap_freqs_make(spec, &freqs, &error), ROPEMAP_USAGE);
    assert_says(error.text, words);
}

static void out_of_range_tables_are_refused(void **state) {
    ropemap_spec spec = spec_with(&GIVEN);
    assert_int_equal(ropemap_spec_check(&spec, NULL), ROPEMAP_OK);
    spec.scaling.attention_factor = 1.25;
    assert_int_equal(ropemap_spec_check(&spec, NULL), ROPEMAP_OK);
    spec.scaling.attention_factor = -1.0;
    assert_refused(&spec, "attention");
    spec = spec_with(&GIVEN);
    spec.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_LINEAR, .factor = 2.0};
    assert_refused(&spec, "mine");
    spec = spec_with(&GIVEN);
    spec.scaling.beta_fast = 32.0;
    assert_refused(&spec, "beta-fast");
    spec = spec_with(&GIVEN);
    spec.rotary_dim = 6;
    assert_refused(&spec, "mine has 4, but 3 pairs (6 elements) rotate");
    const double wrong[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1.0000001e6, -1.0000001e6};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const double radians[PAIRS] = {1.0, 0.5, wrong[i], 0.0};
        const ropemap_frequencies table = {.radians = radians, .pairs = PAIRS, .heads = 1};
        spec = spec_with(&table);
        assert_refused(&spec, "pair 2 of a table");
    }
    const ropemap_frequencies none = {.pairs = PAIRS};
    spec = spec_with(&none);
    assert_refused(&spec, "has 0");
    spec = spec_with(NULL);
    assert_refused(&spec, "base"); /* now it matters again */
}

/*
 * step 2^-64 + fine 2^-96 turns of a whole number of radians: turns * 2 pi - radians in long double, of the
 * upper 64 bits; and a frequency and its negative add up to a whole turn, bit for bit.
 */
static void frequencies_may_be_negative(void **state) {
    static ropemap_freqs forth, back;
    const long double two_pi = 6.28318530717958647692528676655900577L;
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 2000; round++) {
        double radians[PAIRS], other[PAIRS];
        for (int i = 0; i < PAIRS; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            radians[i] = ldexp((double)(seed >> 11), (int)(seed % 60) - 53 - 41); /* 2^-94 to 2^18 */
            other[i] = -radians[i];
        }
        const ropemap_frequencies one = {.radians = radians, .pairs = PAIRS},
                                  two = {other, PAIRS, 1, "", NULL};
        ropemap_spec spec = spec_with(&one);
        assert_int_equal(ropemap_freqs_make(&spec, &forth, NULL), ROPEMAP_OK);
        spec = spec_with(&two);
        assert_int_equal(ropemap_freqs_make(&spec, &back, NULL), ROPEMAP_OK);
        for (int i = 0; i < PAIRS; i++) {
            const long double turns = (long double)radians[i] / two_pi, rest = turns - floorl(turns);
            const long double got =
                ldexpl((long double)forth.step[i], -64) + ldexpl((long double)forth.fine[i], -96);
            const long double apart = fabsl(got - rest);
            assert_true(fminl(apart, 1.0L - apart) <= fmaxl(ldexpl(turns, -62), ldexpl(1.0L, -63)));
            const uint64_t fine = (uint64_t)forth.fine[i] + back.fine[i];
            assert_true((uint32_t)fine == 0 && forth.step[i] + back.step[i] + (fine >> 32) == 0);
        }
    }
    ropemap_spec spec = spec_with(&GIVEN);
    assert_int_equal(ropemap_freqs_make(&spec, &forth, NULL), ROPEMAP_OK);
    assert_true(forth.step[2] == 0 && forth.fine[2] == 0);
}

/* The map, its title, the curve and the reach of equal vectors: cosines only. */
static void a_table_works_wherever_a_rule_does(void **state) {
    ropemap_request request = ropemap_request_default();
    request.spec = spec_with(&GIVEN);
    request.spec.scaling.attention_factor = 1.5;
    request.rows = request.cols = (ropemap_range){.first = 0, .count = 40, .step = 1};
    ropemap_map map = {0};
    assert_int_equal(ropemap_map_compute(&request, &map, NULL), ROPEMAP_OK);
    const ropemap_curve_request curve = {.spec = request.spec, .distances = {.count = 40, .step = 1}};
    double values[40];
    assert_int_equal(ropemap_curve_compute(&curve, values, NULL), ROPEMAP_OK);
    for (int i = 0; i < 40; i++) {
        double wanted = 0.0;
        for (int pair = 0; pair < PAIRS; pair++) {
            wanted += 2.25 * cos(i * TABLE[pair]) / PAIRS;
        }
        assert_true(fabs((double)map.cells[i * 40] - wanted) < 3e-6 && fabs(values[i] - wanted) < 3e-6);
    }
    const ropemap_figure figure = ropemap_figure_default(&request, &map);
    assert_non_null(strstr(figure.title, "frequencies of mine"));
    assert_null(strstr(figure.title, "base"));
    ropemap_map_free(&map);

    ropemap_reach reach;
    request.spec = spec_with(&GIVEN);
    assert_int_equal(ropemap_bound_reach(&request.spec, 1000, 1, NULL, NULL, &reach, NULL), ROPEMAP_OK);
    assert_int_equal(reach.reach, 0); /* two pairs hardly turn */
    ropemap_window window;
    int32_t count = 1;
    ropemap_error error = {0};
    const ropemap_bound_request bases = {.spec = request.spec, .length = 100};
    assert_int_equal(ropemap_bound_bases(&bases, &window, 1, &count, &error), ROPEMAP_USAGE);
    assert_true(count == 0 && strstr(error.text, "no base") != NULL);
}

/* Stacks keep each number as a float. llama.cpp uses divisors of a base's frequencies. */
static void stacks_round_a_table_to_float32(void **state) {
    static const double radians[PAIRS] = {0.3, -0.2, 0.0, 6.1e-5};
    const ropemap_frequencies table = {.radians = radians, .pairs = PAIRS};
    const ropemap_spec spec = spec_with(&table);
    float inv_freq[PAIRS], attention = 0.0f;
    for (ropemap_phase phase = ROPEMAP_PHASE_EXACT; ropemap_phase_name(phase) != NULL; phase++) {
        assert_int_equal(ropemap_phase_inv_freq(&spec, phase, inv_freq, &attention, NULL), ROPEMAP_OK);
        for (int i = 0; i < PAIRS; i++) {
            float wanted = (float)radians[i];
            if (phase == ROPEMAP_PHASE_BF16_INV_FREQ || phase == ROPEMAP_PHASE_BF16_ANGLES) {
                wanted = rm_float_from_bfloat(rm_bfloat_from_float(wanted));
            } else if (phase == ROPEMAP_PHASE_FP16_ANGLES) {
                wanted = rm_float_from_half(rm_half_from_float(wanted));
            }
            const float room = phase == ROPEMAP_PHASE_GGML_FP32 ? fabsf(wanted) * 1e-6f + 1e-30f : 0.0f;
            if (!(fabsf(inv_freq[i] - wanted) <= room)) {
                fail_msg("%s: %.9g, not %.9g", ropemap_phase_name(phase), (double)inv_freq[i],
                         (double)wanted);
            }
        }
    }
}

/* A file: [3, 2] doubles in both orders; its heads, its name, and a missing head. */
static void files_are_read_in_both_orders(void **state) {
    static const double rows[3][2] = {{1.0, 0.1}, {2.0, 0.2}, {-3.0, 0.3}};
    scratch place = scratch_open();
    for (int fortran = 0; fortran < 2; fortran++) {
        uint8_t bytes[10 + 64 + sizeof rows];
        char header[65];
        (void)snprintf(header, sizeof header, "{'descr':'<f8','fortran_order':%s,'shape':(3,2)}",
                       fortran != 0 ? "True" : "False");
        const size_t length = strlen(header);
        memcpy(bytes, "\x93NUMPY\x01\0", 8);
        bytes[8] = (uint8_t)length;
        bytes[9] = 0;
        memcpy(bytes + 10, header, length);
        for (int i = 0; i < 6; i++) {
            const double value = fortran != 0 ? rows[i % 3][i / 3] : rows[i / 2][i % 2];
            memcpy(bytes + 10 + length + 8 * i, &value, 8);
        }
        scratch_write(&place, "t.npy", bytes, 10 + length + sizeof rows);
        ropemap_frequencies *table = NULL;
        ropemap_error error = {0};
        for (int head = 0; head < 3; head++) {
            assert_int_equal(ropemap_frequencies_read(place.path, head, &table, &error), ROPEMAP_OK);
            assert_true(table->pairs == 2 && table->heads == 3 && table->note == NULL);
            assert_true(table->radians[0] == rows[head][0] && table->radians[1] == rows[head][1]);
            char name[40];
            (void)snprintf(name, sizeof name, "t.npy, head %d of 3", head);
            assert_string_equal(table->name, name);
            ropemap_frequencies_free(table);
        }
        assert_int_equal(ropemap_frequencies_read(place.path, 3, &table, &error), ROPEMAP_USAGE);
        assert_true(table == NULL && strstr(error.text, "head 3") != NULL);
        assert_int_equal(ropemap_frequencies_read(place.path, -1, &table, &error), ROPEMAP_USAGE);
    }
    ropemap_frequencies *table = NULL;
    assert_int_equal(ropemap_frequencies_read("/nowhere/t.npy", 0, &table, NULL), ROPEMAP_IO);
    ropemap_frequencies_free(NULL);
    scratch_close(&place);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_range_tables_are_refused),
        cmocka_unit_test(frequencies_may_be_negative),
        cmocka_unit_test(a_table_works_wherever_a_rule_does),
        cmocka_unit_test(stacks_round_a_table_to_float32),
        cmocka_unit_test(files_are_read_in_both_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
