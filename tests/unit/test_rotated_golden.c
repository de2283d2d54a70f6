/* test_rotated_golden.c - rows rotated as transformers and llama.cpp turn them */
/* SPDX-License-Identifier: MIT */
/*
 * tests/data/stacks/rotated.tsv holds heads that transformers 5.24.0 and llama.cpp's own functions rotated.
 * How often their bits differ from ours, whose cosines and sines are the floats next to the real ones, as
 * measured with base 500000 and head_dim 128 at positions 0 to 4095, 126976 to 131071 and 1044480 to 1048575:
 *
 *     PyTorch 2.15's cos and sin (x86-64, the same with and without its vector code)  3.4 to 5.2 %, 1 ulp
 *     transformers' rotated vectors                                                   3.7 to 4.9 %, 4.8e-7
 *     glibc 2.36's cosf and sinf, which llama.cpp calls                               1.3 and 1.5 %, 1 ulp
 *     glibc's powf                                                                    0.04 %, 1 ulp
 *
 * Angles and inverse frequencies have the same bits (test_emulation.c). A cosine that is off by an ulp is off
 * by 2^-24 or less, the angle at position 131071 by up to 2^-8: what a stack does to phases is all there.
 *
 * tests/data/stacks/angles16.tsv holds heads that torch rotated with angles of 16 bits: an ulp of float32 is
 * lost in their rounding, so that these have the same bits throughout.
 */
#include "cuda/arith.h"
#include "tests/rotated.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 128, PHASES = 8 };

/* Element d of the query of the data. */
static float query(int32_t d) {
    return (float)((37 * d + 11) % 64 - 32) / 16.0f;
}

typedef struct golden {
    char rule[400];
    double base, length;
    int32_t head_dim;
} golden;

/* The rule of that name in inv_freq.tsv. */
static golden find_rule(const char *name) {
    static char line[4096];
    golden found = {.head_dim = 0};
    FILE *file = fopen(RM_TEST_DATA "/stacks/inv_freq.tsv", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char label[40];
        int rotary = 0;
        assert_int_equal(sscanf(line, "%39s %399s %lf %d %d %lf", label, found.rule, &found.base,
                                &found.head_dim, &rotary, &found.length),
                         6);
        if (strcmp(label, name) == 0) {
            break;
        }
        found.head_dim = 0;
    }
    (void)fclose(file);
    assert_true(found.head_dim > 0);
    return found;
}

static ropemap_phase phase_of(const char *name) {
    for (int phase = 0; phase < PHASES; phase++) {
        if (strcmp(ropemap_phase_name((ropemap_phase)phase), name) == 0) {
            return (ropemap_phase)phase;
        }
    }
    fail_msg("no phase %s", name);
    return ROPEMAP_PHASE_EXACT;
}

/*
 * Per pair: cosine and sine may differ by an ulp, 2^-23 of the attention factor a at most; each side rounds
 * two products and a sum, 2^-24 of each. Together (|x0| + |x1|) a (2^-23 + 4 * 2^-24). Angles of llama.cpp
 * may also differ by its powf: such data is left out, and its divisors of Llama 3 are rounded
 * alike.
 */
static void check_head(const ropemap_spec *spec, const char *what, const float *got, const float *wanted) {
    const int32_t dim = spec->head_dim, half = dim / 2;
    static ropemap_freqs freqs;
    assert_int_equal(ropemap_freqs_make(spec, &freqs, NULL), ROPEMAP_OK);
    for (int32_t d = 0; d < dim; d++) {
        const int32_t other = spec->layout == ROPEMAP_LAYOUT_HALF ? (d + half) % dim : d ^ 1;
        const float room =
            (fabsf(query(d)) + fabsf(query(other))) * (float)freqs.attention_factor * 0x1.8p-22f;
        if (!(fabsf(got[d] - wanted[d]) <= room) && !(isnan(got[d]) && isnan(wanted[d]))) {
            fail_msg("%s: element %d is %.9g, expected %.9g", what, (int)d, (double)got[d],
                     (double)wanted[d]);
        }
    }
}

/* name, phase, layout, position or three, sections, the head; returns how many bits of floats differ. */
static int check_line(char *line) {
    char name[40], phase[40], layout[40], sections[40], what[120];
    long long at[3] = {0};
    int used = 0;
    assert_int_equal(sscanf(line, "%39s %39s %39s %lld%n", name, phase, layout, &at[0], &used), 4);
    char *next = line + used;
    const int axes = 1 + sscanf(next, ",%lld,%lld%n", &at[1], &at[2], &used);
    next += axes == 3 ? used : 0;
    assert_int_equal(sscanf(next, "%39s%n", sections, &used), 1);
    next += used;
    (void)snprintf(what, sizeof what, "%s %s at %lld", name, phase, at[0]);

    const golden rule = find_rule(name);
    ropemap_prerotation rotation = {.spec = spec_of(rule.rule, rule.base, rule.head_dim),
                                    .phase = phase_of(phase)};
    rotation.spec.layout = strcmp(layout, "half") == 0 ? ROPEMAP_LAYOUT_HALF : ROPEMAP_LAYOUT_INTERLEAVED;
    rotation.spec.length = rule.length;
    int64_t values[3] = {at[0], at[1], at[2]};
    const ropemap_positions positions = positions_of(3, 1, values);
    if (axes == 3) {
        rotation.positions = &positions;
        ropemap_axes *dealt = &rotation.spec.axes;
        dealt->count = 3;
        dealt->deal = sections[0] == 'i' ? ROPEMAP_DEAL_INTERLEAVED : ROPEMAP_DEAL_SECTIONS;
        int *pairs[3] = {&dealt->pairs[0], &dealt->pairs[1], &dealt->pairs[2]};
        assert_int_equal(sscanf(sections + (sections[0] == 'i'), "%d,%d,%d", pairs[0], pairs[1], pairs[2]),
                         3);
    }
    float x[DIM], y[DIM], wanted[DIM];
    int differing = 0;
    for (int32_t d = 0; d < rule.head_dim; d++) {
        x[d] = query(d);
        wanted[d] = rm_float_from_bits((uint32_t)strtoul(next, &next, 16));
    }
    rotated made = rotate(x, 1, axes == 3 ? 0 : at[0], &rotation);
    read_all(made.rows, y);
    check_head(&rotation.spec, what, y, wanted);
    for (int32_t d = 0; d < rule.head_dim; d++) {
        differing += rm_bits_from_float(y[d]) != rm_bits_from_float(wanted[d]) && !isnan(wanted[d]);
    }
    drop(&made);
    /* Rounding to 16 bits hides an ulp of float32 nearly always: here, always. */
    const bool short_tables = rotation.phase == ROPEMAP_PHASE_BF16_TABLES ||
                              rotation.phase == ROPEMAP_PHASE_BF16_ANGLES ||
                              rotation.phase == ROPEMAP_PHASE_FP16_ANGLES;
    assert_true(!short_tables || differing == 0);
    return differing;
}

static void check_file(const char *path, int lines) {
    static char line[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int heads = 0, differing = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        differing += check_line(line);
        heads++;
    }
    (void)fclose(file);
    assert_int_equal(heads, lines);
    print_message("%d floats of %d heads differ by their last bits\n", differing, heads);
}

static void rows_are_those_of_the_stacks(void **state) {
    check_file(RM_TEST_DATA "/stacks/rotated.tsv", 62);
}

static void angles_of_16_bits_have_their_bits(void **state) {
    check_file(RM_TEST_DATA "/stacks/angles16.tsv", 80);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_the_stacks),
        cmocka_unit_test(angles_of_16_bits_have_their_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
