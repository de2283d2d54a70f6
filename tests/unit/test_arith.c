/* test_arith.c - phase, sine and cosine, exponentials and 16-bit floats against long double */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/ropemap.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

static const double SINCOS_BOUND = 1.2e-7; /* of rm_cos and rm_sin at the phase they are given */
static const double PHASE_BOUND = 2e-7;    /* of the whole: position to cosine, any position below 2^40 */

static double larger(double a, double b) {
    return a > b ? a : b;
}

/* The larger of the errors of cosine and sine at one phase; double references are right to 1e-15. */
static double sincos_error(uint32_t phase) {
    const double angle = (double)phase * 0x1.921fb54442d18p+2 / 4294967296.0;
    return larger(fabs((double)rm_cos(phase) - cos(angle)), fabs((double)rm_sin(phase) - sin(angle)));
}

static void test_sincos_everywhere(void **state) {
    double worst = 0;
    for (uint32_t i = 0; i < 1u << 22; i++) { /* one phase in every 2^10, at a scattered place in it */
        worst = larger(worst, sincos_error((i << 10) + (i * 2654435761u >> 22)));
    }
    print_message("largest error of sine and cosine: %.3g\n", worst);
    assert_true(worst <= SINCOS_BOUND);
}

static void test_sincos_at_octants(void **state) {
    for (uint32_t octant = 0; octant < 8; octant++) {
        for (int32_t offset = -40000; offset <= 40000; offset++) {
            const uint32_t phase = (octant << 29) + (uint32_t)offset;
            const long double turns = (long double)phase / 4294967296.0L;
            const double of_cos = (double)fabsl((long double)rm_cos(phase) - oracle_cos(turns));
            const double of_sin = (double)fabsl((long double)rm_sin(phase) - oracle_sin(turns));
            if (larger(of_cos, of_sin) > SINCOS_BOUND) {
                fail_msg("phase %u: cosine off by %g, sine by %g", phase, of_cos, of_sin);
            }
        }
    }
}

static void test_quarter_turns_are_exact(void **state) {
    static const float cosines[4] = {1, 0, -1, 0}, sines[4] = {0, 1, 0, -1};
    for (uint32_t quarter = 0; quarter < 4; quarter++) {
        const float c = rm_cos(quarter << 30), s = rm_sin(quarter << 30);
        assert_true(c == cosines[quarter]);
        assert_true(s == sines[quarter]);
        /* 4097 needs 13 bits: rounded away by any arithmetic that drops to 11 */
        assert_true(rm_rotate_first(4097, 3, c, s) == 4097 * cosines[quarter] - 3 * sines[quarter]);
        assert_true(rm_rotate_second(4097, 3, c, s) == 4097 * sines[quarter] + 3 * cosines[quarter]);
    }
}

/* The double product rounds once, so it is known to 2^-53 of itself; a float factor alone is off by up to
 * 2^-25 of every value beyond the rounding of the product. */
static void test_gain(void **state) {
    static const double factors[] = {1.07, 1.1902380714238083, 1.1386294361119891, 1e-6, 999999.99999,
                                     0.1,  1.3688879454113936, 1.2079441541679836};
    for (size_t f = 0; f < sizeof factors / sizeof factors[0]; f++) {
        const rm_gain gain = rm_gain_of(factors[f]);
        double mean = 0;
        for (uint32_t i = 0; i < 1u << 16; i++) {
            const float x = rm_cos(i * 65537u);
            const double product = (double)x * factors[f], error = (double)rm_gain_times(gain, x) - product;
            if (fabs(error) > 0x1.00001p-24 * fabs(product)) {
                fail_msg("%.9g times %.17g is off by %g", (double)x, factors[f], error);
            }
            mean += error * (x < 0 ? -1 : 1) / factors[f] / (1u << 16);
        }
        assert_true(fabs(mean) < 2e-9); /* no drift to one side; 1.07 as a float has 3e-8 */
    }
    for (uint32_t i = 0; i < 1u << 16; i++) {
        const float x = rm_sin(i * 65537u);
        assert_true(rm_bits_from_float(rm_gain_times(rm_gain_of(1.0), x)) == rm_bits_from_float(x));
    }
}

static void test_phase_is_exact_modular_arithmetic(void **state) {
    const uint64_t quarter = (uint64_t)1 << 62;
    for (int64_t position = 0; position < ROPEMAP_POSITION_END; position = position * 5 + 1) {
        assert_int_equal(rm_phase(quarter, 0, position), (uint64_t)(position % 4) * quarter);
        /* the fine part counts whole spans of 2^20 tokens, in 2^-96 turns */
        const uint64_t spans = (uint64_t)position >> 20;
        assert_int_equal(rm_phase(0, UINT32_MAX, position), spans * UINT32_MAX / 4096);
    }
    assert_int_equal(rm_phase32(0x7fffffff), 0);
    assert_int_equal(rm_phase32(0x80000000), 1);
    assert_int_equal(rm_phase32(UINT64_MAX), 0);
}

/* One line of the golden file. */
struct golden {
    double base;
    int32_t dim, pair;
    int64_t position;
    long double cosine, sine;
};

/* 1 at a line, 0 at the end of the file. */
static int next_golden(FILE *file, struct golden *golden) {
    char line[200];
    if (fgets(line, sizeof line, file) == NULL) {
        return 0;
    }
    char *at = line;
    golden->base = strtod(at, &at);
    golden->dim = (int32_t)strtol(at + 1, &at, 10);
    golden->pair = (int32_t)strtol(at + 1, &at, 10);
    golden->position = (int64_t)strtoll(at + 1, &at, 10);
    golden->cosine = strtold(at + 1, &at);
    golden->sine = strtold(at + 1, &at);
    assert_true(*at == '\n');
    return 1;
}

static void check_golden(const struct golden *golden) {
    ropemap_spec spec = ropemap_spec_default();
    spec.base = golden->base;
    spec.head_dim = golden->dim;
    const long double turns =
        oracle_phase(oracle_frequency(&spec, golden->pair), (long double)golden->position);
    assert_true(fabsl(oracle_cos(turns) - golden->cosine) < 1e-17L);
    assert_true(fabsl(oracle_sin(turns) - golden->sine) < 1e-17L);
    ropemap_freqs freqs;
    assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
    const uint32_t phase =
        rm_phase32(rm_phase(freqs.step[golden->pair], freqs.fine[golden->pair], golden->position));
    const double of_cos = (double)fabsl((long double)rm_cos(phase) - golden->cosine);
    const double of_sin = (double)fabsl((long double)rm_sin(phase) - golden->sine);
    if (larger(of_cos, of_sin) > PHASE_BOUND) {
        fail_msg("base %g, dim %d, pair %d, position %lld: cosine off by %g, sine by %g", golden->base,
                 (int)golden->dim, (int)golden->pair, (long long)golden->position, of_cos, of_sin);
    }
}

/* The oracle too is held against the file: 60 digits by mpmath, from tools/golden/phases.py. */
static void test_phase_against_golden_file(void **state) {
    FILE *file = fopen(RM_TEST_DATA "/phase.csv", "r");
    assert_non_null(file);
    char heading[100];
    assert_non_null(fgets(heading, sizeof heading, file));
    assert_string_equal(heading, "base,dim,pair,position,cos,sin\n");
    struct golden golden;
    int lines = 0;
    while (next_golden(file, &golden) != 0) {
        check_golden(&golden);
        lines++;
    }
    (void)fclose(file);
    assert_true(lines > 900);
}

static void test_phase_at_scattered_positions(void **state) {
    static const double bases[] = {100, 1e4, 5e5, 1e6, 1e13};
    uint64_t random = 1;
    double worst = 0;
    for (size_t b = 0; b < sizeof bases / sizeof *bases; b++) {
        ropemap_spec spec = ropemap_spec_default();
        spec.base = bases[b];
        ropemap_freqs freqs;
        assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
        for (int32_t pair = 0; pair < 64; pair++) {
            const oracle_number frequency = oracle_frequency(&spec, pair);
            for (int i = 0; i < 200; i++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                const int64_t position = (int64_t)(random >> 24 >> (i % 40));
                const uint32_t phase = rm_phase32(rm_phase(freqs.step[pair], freqs.fine[pair], position));
                const long double turns = oracle_phase(frequency, (long double)position);
                const double of_cos = (double)fabsl((long double)rm_cos(phase) - oracle_cos(turns));
                const double of_sin = (double)fabsl((long double)rm_sin(phase) - oracle_sin(turns));
                worst = larger(worst, larger(of_cos, of_sin));
            }
        }
    }
    print_message("largest error from position to cosine and sine: %.3g\n", worst);
    assert_true(worst <= PHASE_BOUND);
}

/* sign, exponent and fraction of a small float as plain arithmetic. */
static double small_float(uint32_t bits, int exponent_bits, int fraction_bits) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (int)(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    const int fraction = (int)bits & ((1 << fraction_bits) - 1);
    const double sign = (bits >> (exponent_bits + fraction_bits)) != 0 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1) {
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    }
    const int whole = exponent == 0 ? fraction : fraction + (1 << fraction_bits);
    return sign * ldexp(whole, (exponent == 0 ? 1 : exponent) - bias - fraction_bits);
}

static void check_same(uint32_t bits, float got, double wanted) {
    if (isnan(wanted) ? !isnan(got)
                      : ((double)got != wanted || (signbit(got) == 0) != (signbit(wanted) == 0))) {
        fail_msg("pattern %04x gave %g, not %g", bits, (double)got, wanted);
    }
}

static void test_every_half_and_bfloat(void **state) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        check_same(bits, rm_float_from_half((uint16_t)bits), small_float(bits, 5, 10));
        check_same(bits, rm_float_from_bfloat((uint16_t)bits), small_float(bits, 8, 7));
    }
}

/*
 * `value` to the nearest number of a smaller float, ties to even, as plain arithmetic in double, which holds
 * every float and rounds whole numbers exactly.
 */
static double to_nearest(double value, int exponent_bits, int fraction_bits) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    int exponent = 0;
    (void)frexp(value, &exponent); /* |value| < 2^exponent */
    const int unit = (exponent - 1 > 1 - bias ? exponent - 1 : 1 - bias) - fraction_bits;
    const double rounded = ldexp(nearbyint(ldexp(value, -unit)), unit);
    return fabs(rounded) < ldexp(1.0, bias + 1) ? rounded : copysign((double)INFINITY, value);
}

/* One float to all three smaller ones. */
static void check_rounding(uint32_t bits) {
    const float value = rm_float_from_bits(bits);
    const uint16_t half = rm_half_from_float(value), bfloat = rm_bfloat_from_float(value);
    const bool finite = isfinite(value) != 0;
    const double wide = (double)value;
    const double as_half = finite ? to_nearest(wide, 5, 10) : wide;
    const double as_bfloat = finite ? to_nearest(wide, 8, 7) : wide;
    const double as_tf32 = finite ? to_nearest(wide, 8, 10) : wide;
    check_same(bits, (float)small_float(half, 5, 10), as_half);
    check_same(bits, (float)small_float(bfloat, 8, 7), as_bfloat);
    check_same(bits, rm_tf32_from_float(value), as_tf32);
    if (finite) { /* what the low bits hold is 0, so that a tensor core reads the same number */
        assert_int_equal(rm_bits_from_float(rm_tf32_from_float(value)) & 0x1fffu, 0);
    }
}

/* A number and its neighbours, with either sign: a tie and the values next to it. */
static void check_rounding_about(uint32_t bits) {
    for (uint32_t offset = 0; offset < 3; offset++) {
        check_rounding((bits + offset - 1) & 0x7fffffffu);
        check_rounding(((bits + offset - 1) & 0x7fffffffu) | 0x80000000u);
    }
}

static void test_every_half_and_bfloat_comes_back(void **state) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float half = rm_float_from_half((uint16_t)bits), bfloat = rm_float_from_bfloat((uint16_t)bits);
        assert_int_equal(isnan(half) ? bits : rm_half_from_float(half), bits);
        assert_int_equal(isnan(bfloat) ? bits : rm_bfloat_from_float(bfloat), bits);
        assert_true(!isnan(half) || isnan(rm_float_from_half(rm_half_from_float(half))));
        assert_true(!isnan(bfloat) || isnan(rm_float_from_bfloat(rm_bfloat_from_float(bfloat))));
    }
}

/* Between two neighbouring halves there is a float in the middle, and so for the other two: all of them,
 * the one between the largest number and infinity too. */
static void test_ties_of_every_rounding(void **state) {
    for (uint32_t bits = 0; bits < 0x7c00; bits++) {
        const double next = bits == 0x7bff ? 65536.0 : small_float(bits + 1, 5, 10);
        const float middle = (float)((small_float(bits, 5, 10) + next) / 2);
        check_rounding_about(rm_bits_from_float((float)small_float(bits, 5, 10)));
        check_rounding_about(rm_bits_from_float(middle));
    }
    for (uint32_t upper = 0; upper < 0x7f80; upper++) {
        check_rounding_about(upper << 16);
        check_rounding_about((upper << 16) | 0x8000u);
    }
    for (uint32_t upper = 0; upper < 0x7f800000u >> 13; upper++) {
        check_rounding_about((upper << 13) | 0x1000u);
    }
}

static void test_scattered_floats_round(void **state) {
    for (uint32_t i = 0; i < 1u << 21; i++) {
        check_rounding((i << 11) + (i * 2654435761u >> 21)); /* infinities and NaNs of all kinds too */
    }
    check_rounding(0x7f800000u);
    check_rounding(0xff800000u);
    check_rounding(0x7f800001u); /* a NaN whose upper bits are an infinity's */
    check_rounding(0xff800001u);
    check_rounding(0x7fffffffu);
}

/* ---- powers of two ---- */

/* The distance of `value` from `wanted` in units of the last place of a float next to it. */
static double ulps(float value, double wanted) {
    int exponent = 0;
    (void)frexp(wanted, &exponent);
    return fabs((double)value - wanted) / ldexp(1.0, exponent - 24);
}

/* Every 97th float of [-126, -2^-30]. */
static void test_exp2(void **state) {
    double worst = 0;
    const uint32_t end = rm_bits_from_float(-126.0f);
    for (uint32_t bits = rm_bits_from_float(-0x1p-30f); bits < end; bits += 97) {
        const float t = rm_float_from_bits(bits), power = rm_exp2(t);
        worst = larger(worst, ulps(power, exp2((double)t)));
    }
    print_message("largest error of 2^t: %.3g ulp\n", worst);
    assert_true(worst < 0.94);
    assert_true(rm_exp2(-0.0f) == 1.0f && rm_exp2(0.0f) == 1.0f);
    for (int whole = 0; whole <= 126; whole++) {
        assert_true(rm_exp2((float)-whole) == ldexpf(1.0f, -whole));
    }
    assert_true(rm_exp2(-127.0f) == 0.0f);
    assert_true(isnan(rm_exp2(NAN)) && isnan(rm_exp2(-NAN)));
}

static void test_exponents(void **state) {
    assert_true(rm_exponent(-INFINITY, 1.5f, 3.0f) == -127.0f);
    assert_true(rm_exponent(-INFINITY, 1.5f, RM_NO_REFERENCE) == -127.0f);
    assert_true(isnan(rm_exponent(NAN, 1.5f, 3.0f)) && isnan(rm_exponent(INFINITY, 1.5f, INFINITY)));
    assert_true(rm_exponent_reference(-INFINITY, 2.0f) == RM_NO_REFERENCE);
    static const float scores[] = {0.0f, 0.3f, -0.3f, 7.0f, -1e9f, 123456.7f, 1e30f};
    for (int i = 0; i < 7; i++) { /* the largest score has a weight above one half */
        const float t = rm_exponent(scores[i], 1.44f, rm_exponent_reference(scores[i], 1.44f));
        assert_true(t <= 0.0f && t > -1.0f);
    }
    for (int k = -1022; k <= 0; k++) {
        assert_true(rm_power_of_two((double)k) == ldexp(1.0, k));
    }
    assert_true(rm_power_of_two(-1023.0) == 0.0 && rm_power_of_two(-(double)INFINITY) == 0.0);
    assert_true(rm_power_of_two((double)NAN) == 0.0);
}

static void test_tanh(void **state) {
    double worst = 0;
    for (uint32_t bits = rm_bits_from_float(0x1p-20f); bits < rm_bits_from_float(40.0f); bits += 97) {
        const float x = rm_float_from_bits(bits), value = rm_tanh(x);
        worst = larger(worst, ulps(value, tanh((double)x)));
        assert_true(rm_tanh(-x) == -value);
    }
    print_message("largest error of tanh: %.3g ulp\n", worst);
    assert_true(worst < 2.0);
    assert_true(rm_tanh(INFINITY) == 1.0f && rm_tanh(-INFINITY) == -1.0f && isnan(rm_tanh(NAN)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sincos_everywhere),
        cmocka_unit_test(test_sincos_at_octants),
        cmocka_unit_test(test_quarter_turns_are_exact),
        cmocka_unit_test(test_gain),
        cmocka_unit_test(test_phase_is_exact_modular_arithmetic),
        cmocka_unit_test(test_phase_against_golden_file),
        cmocka_unit_test(test_phase_at_scattered_positions),
        cmocka_unit_test(test_every_half_and_bfloat),
        cmocka_unit_test(test_every_half_and_bfloat_comes_back),
        cmocka_unit_test(test_ties_of_every_rounding),
        cmocka_unit_test(test_scattered_floats_round),
        cmocka_unit_test(test_exp2),
        cmocka_unit_test(test_exponents),
        cmocka_unit_test(test_tanh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
