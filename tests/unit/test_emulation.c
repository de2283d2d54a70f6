/* test_emulation.c - what stacks make of a rule: transformers' inv_freq to the last bit, and its kin */
/* SPDX-License-Identifier: MIT */
/*
 * tests/data/stacks/inv_freq.tsv holds what transformers 5.24.0 computed for each rule it has, in PyTorch's
 * plain loops: all of its 616 numbers are ours, and so are all 2184 of bases 1e4 to 5e7 with head dimensions
 * 64 to 256. PyTorch's vector code (AVX2 and AVX-512 alike) differs from both in 23 of those, by one or two
 * units in the last place: no one answer is every machine's.
 */
#include "host/ropemap.h"
#include "tests/divisors.h"
#include "tests/unit.h"

#include <math.h>

static float inv_freq[ROPEMAP_MAX_PAIRS], other[ROPEMAP_MAX_PAIRS];

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The attention factor; frequencies go to `to`. */
static float compute(const ropemap_spec *spec, ropemap_phase phase, float *to) {
    float attention = 0.0f;
    ropemap_error error = {0};
    if (ropemap_phase_inv_freq(spec, phase, to, &attention, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", ropemap_phase_name(phase), error.text);
    }
    return attention;
}

static void phases_have_names(void **state) {
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_EXACT), "exact");
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_FP32FREQ), "fp32freq");
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_HF_FP32), "hf-fp32");
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_GGML_FP32), "ggml-fp32");
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_BF16_TABLES), "bf16-tables");
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_BF16_INV_FREQ), "bf16-inv-freq");
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_BF16_ANGLES), "bf16-angles");
    assert_string_equal(ropemap_phase_name(ROPEMAP_PHASE_FP16_ANGLES), "fp16-angles");
    assert_null(ropemap_phase_name(ROPEMAP_PHASE_FP16_ANGLES + 1));
    assert_null(ropemap_phase_name((ropemap_phase)-1));
}

/* name, rule, base, head_dim, rotary_dim, length, attention, inv_freq */
static void check_line(char *line) {
    char *field[8], *next = line;
    for (int i = 0; i < 8; i++) {
        field[i] = next;
        next += strcspn(next, "\t\n");
        assert_true(*next != '\0');
        *next++ = '\0';
    }
    ropemap_spec spec = spec_of(field[1], strtod(field[2], NULL), (int32_t)strtol(field[3], NULL, 10));
    spec.rotary_dim = (int32_t)strtol(field[4], NULL, 10);
    spec.length = strtod(field[5], NULL);
    const float attention = compute(&spec, ROPEMAP_PHASE_HF_FP32, inv_freq);
    assert_int_equal(bits_of(attention), strtoul(field[6], NULL, 16));
    next = field[7];
    for (int32_t i = 0; i < spec.head_dim / 2; i++) {
        const unsigned long wanted = strtoul(next, &next, 16);
        if (bits_of(inv_freq[i]) != wanted) {
            fail_msg("%s: pair %d is %08x, transformers has %08lx", field[0], (int)i,
                     (unsigned)bits_of(inv_freq[i]), wanted);
        }
    }
    assert_true(*next == '\0');
}

static void transformers_inv_freq_to_the_last_bit(void **state) {
    static char line[4096];
    FILE *file = fopen(RM_TEST_DATA "/stacks/inv_freq.tsv", "r");
    assert_non_null(file);
    int cases = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        check_line(line);
        cases++;
    }
    (void)fclose(file);
    assert_int_equal(cases, 12);
}

/* Rules that transformers lacks: the frequency itself, rounded once, as fp32freq has it. */
static void rules_that_transformers_lacks_are_rounded_once(void **state) {
    static const char *const rules[] = {
        "ntk:factor=4",     "ntk-fixed:factor=4",
        "ggml:scale=0.25",  "ntk-mixed:factor=4,b=0.625",
        "ggml:scale=0.125", "yarn:factor=4,original=32768,ramp=paper",
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const ropemap_spec spec = spec_of(rules[i], 1e6, 128);
        static ropemap_freqs freqs;
        static double radians[ROPEMAP_MAX_PAIRS];
        assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
        assert_int_equal(ropemap_spec_radians(&spec, radians, NULL), ROPEMAP_OK);
        const float attention = compute(&spec, ROPEMAP_PHASE_HF_FP32, inv_freq);
        assert_true(attention == (float)freqs.attention_factor);
        (void)compute(&spec, ROPEMAP_PHASE_FP32FREQ, other);
        for (int32_t pair = 0; pair < 64; pair++) {
            assert_true(inv_freq[pair] == (float)radians[pair]);
            assert_true(other[pair] == inv_freq[pair]);
        }
    }
}

static void bfloat16_is_rounded_to_even(void **state) {
    const ropemap_spec spec = spec_of("none", 5e5, 128);
    (void)compute(&spec, ROPEMAP_PHASE_HF_FP32, inv_freq);
    (void)compute(&spec, ROPEMAP_PHASE_BF16_TABLES, other);
    assert_memory_equal(inv_freq, other, 64 * sizeof *other);
    (void)compute(&spec, ROPEMAP_PHASE_BF16_INV_FREQ, other);
    for (int32_t i = 0; i < 64; i++) {
        const float unit = ldexpf(1.0f, ilogbf(inv_freq[i]) - 7); /* of the 8 bits */
        assert_true(other[i] == (float)nearbyint((double)inv_freq[i] / (double)unit) * unit);
    }
}

/* By hand: powers of two divide without rounding, so angles are exact. */
static void ggml_rotates_as_llama_cpp_does(void **state) {
    ropemap_spec spec = spec_of("none", 16.0, 8); /* theta_scale is 16^(-1/4) = 1/2 */
    assert_true(compute(&spec, ROPEMAP_PHASE_GGML_FP32, inv_freq) == 1.0f);
    for (int32_t i = 0; i < 4; i++) {
        assert_true(inv_freq[i] == ldexpf(1.0f, -i));
    }
    spec = spec_of("linear:factor=8", 16.0, 8);
    (void)compute(&spec, ROPEMAP_PHASE_GGML_FP32, inv_freq);
    assert_true(inv_freq[3] == 1.0f / 64);
    spec = spec_of("ntk:factor=8", 16.0, 8); /* the base grows to 16 * 8^(4/3) = 256, so 1/4 a pair */
    (void)compute(&spec, ROPEMAP_PHASE_GGML_FP32, inv_freq);
    assert_true(inv_freq[1] == 0.25f && inv_freq[3] == 1.0f / 64);
    spec = spec_of("longrope:original=64,attention=1.5,short=1/2/4/8,long=2/4/8/16", 16.0, 8);
    assert_true(compute(&spec, ROPEMAP_PHASE_GGML_FP32, inv_freq) == 1.5f);
    assert_true(inv_freq[0] == 1.0f && inv_freq[3] == 1.0f / 64);
    spec.length = 65.0;
    (void)compute(&spec, ROPEMAP_PHASE_GGML_FP32, inv_freq);
    assert_true(inv_freq[0] == 0.5f && inv_freq[3] == 1.0f / 128);
    spec = spec_of("ggml:divisors=2/4/8/1e30,scale=0.5,attn=0.75", 16.0, 8);
    assert_true(compute(&spec, ROPEMAP_PHASE_GGML_FP32, inv_freq) == 0.75f);
    assert_true(inv_freq[0] == 0.25f && inv_freq[2] == 1.0f / 64 && inv_freq[3] == 0.0625f / 1e30f);
    spec = spec_of("proportional:rotated=0.5", 16.0, 8);
    (void)compute(&spec, ROPEMAP_PHASE_GGML_FP32, inv_freq);
    assert_true(inv_freq[1] == 0.5f && inv_freq[2] == 0.25f / 1e30f);
}

/* llama.cpp divides its attention factor by what rope_yarn multiplies it with: each rounds, by 2^-24 or so.
 */
static void yarn_by_ggml_is_yarn(void **state) {
    static const char *const rules[] = {
        "yarn:factor=4,original=32768",
        "yarn:factor=40,original=4096,mscale=1,mscale-all-dim=0.707",
        "yarn:factor=4,original=32768,attention=1.25",
        "yarn:factor=32,original=4096,untruncated=1",
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const ropemap_spec spec = spec_of(rules[i], 1e6, 128);
        const float exact = compute(&spec, ROPEMAP_PHASE_EXACT, inv_freq);
        const float attention = compute(&spec, ROPEMAP_PHASE_GGML_FP32, other);
        assert_true(fabsf(attention / exact - 1.0f) <= 0x1p-21f); /* eight roundings */
        for (int32_t pair = 0; pair < 64; pair++) {
            /* i products and the rounding of theta_scale, i + 1 times: 2 i + 6 roundings at most */
            const float room = (float)(2 * pair + 6) * 0x1p-24f;
            assert_true(fabsf(other[pair] / inv_freq[pair] - 1.0f) <= room);
        }
    }
}

/* Powers of two are known to the bit. */
static void radians_are_those_of_the_phase(void **state) {
    static double radians[ROPEMAP_MAX_PAIRS];
    const ropemap_spec spec = spec_of("none", 16.0, 8);
    assert_int_equal(ropemap_spec_radians(&spec, radians, NULL), ROPEMAP_OK);
    for (int32_t i = 0; i < 4; i++) {
        assert_true(radians[i] == ldexp(1.0, -i));
    }
}

static void unknown_phases_and_axes_are_refused(void **state) {
    ropemap_spec spec = spec_of("none", 1e4, 128);
    float attention = 0.0f;
    ropemap_error error = {0};
    assert_int_equal(ropemap_phase_inv_freq(&spec, (ropemap_phase)8, inv_freq, &attention, &error),
                     ROPEMAP_USAGE);
    assert_says(error.text, "phase: no number 8");
    spec.base = 0.5;
    assert_int_equal(ropemap_phase_inv_freq(&spec, ROPEMAP_PHASE_HF_FP32, inv_freq, &attention, &error),
                     ROPEMAP_USAGE);
    assert_says(error.text, "base");
}

/* The ends of what a rule may be: every number is finite, and the first pair turns. */
static void extreme_rules_stay_finite(void **state) {
    static const char *const rules[] = {"none",
                                        "linear:factor=1e9",
                                        "dynamic:factor=1e9,max=2",
                                        "alpha:alpha=1e9",
                                        "yarn:factor=1e9,original=2",
                                        "llama3:factor=1e9,low=1e-6,high=1e6,original=2"};
    static const double bases[] = {1.0 + 0x1p-52, 1e30};
    static const int32_t dims[] = {2, 4, 4096};
    for (size_t i = 0; i < 2 * 3 * sizeof rules / sizeof rules[0]; i++) {
        ropemap_spec spec = spec_of(rules[i / 6], bases[i % 2], dims[i / 2 % 3]);
        spec.length = 0x1p40;
        for (int phase = 0; ropemap_phase_name((ropemap_phase)phase) != NULL; phase++) {
            assert_true(isfinite(compute(&spec, (ropemap_phase)phase, inv_freq)));
            for (int32_t pair = 0; pair < spec.head_dim / 2; pair++) {
                if (!(inv_freq[pair] >= 0.0f && inv_freq[pair] <= 1.0f)) {
                    fail_msg("%s, base %g, dim %d, %s: pair %d turns by %g", rules[i / 6], spec.base,
                             (int)spec.head_dim, ropemap_phase_name((ropemap_phase)phase), (int)pair,
                             (double)inv_freq[pair]);
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_have_names),
        cmocka_unit_test(transformers_inv_freq_to_the_last_bit),
        cmocka_unit_test(rules_that_transformers_lacks_are_rounded_once),
        cmocka_unit_test(bfloat16_is_rounded_to_even),
        cmocka_unit_test(ggml_rotates_as_llama_cpp_does),
        cmocka_unit_test(yarn_by_ggml_is_yarn),
        cmocka_unit_test(radians_are_those_of_the_phase),
        cmocka_unit_test(unknown_phases_and_axes_are_refused),
        cmocka_unit_test(extreme_rules_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
