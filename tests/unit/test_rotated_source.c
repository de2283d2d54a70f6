/* test_rotated_source.c - rows rotated while they are read: exactly, at any positions, along several axes */
/* SPDX-License-Identifier: MIT */
#include "host/cpu/kernels.h"
#include "tests/rotated.h"

#include <math.h>
#include <string.h>

enum { DIM = 128, ROWS = 40, PHASES = 8 };

/* ---- exactly ---- */

static void fill(float *rows, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        rows[i] = (float)((i * 7919) % 2003 - 1001) / 512.0f;
    }
}

/* The CPU's rotation of the same rows, to the last bit, over the start of a span of 2^20 positions. */
static void exact_rows_are_those_of_the_backend(void **state) {
    static const int32_t rotary[] = {2, 90, 128};
    static const int64_t first[] = {0, 1, (1 << 20) - 17, ROPEMAP_POSITION_END - ROWS};
    static float x[ROWS * DIM], y[ROWS * DIM], wanted[ROWS * DIM];
    static ropemap_freqs freqs;
    fill(x, ROWS * DIM);
    for (int i = 0; i < 3 * 4 * 2; i++) {
        ropemap_prerotation rotation = {.spec = spec_of("yarn:factor=4,original=32768", 1e6, DIM)};
        rotation.spec.rotary_dim = rotary[i % 3];
        rotation.spec.layout = (ropemap_layout)(i / 12);
        assert_int_equal(ropemap_freqs_make(&rotation.spec, &freqs, NULL), ROPEMAP_OK);
        const ropemap_range range = {.first = first[i / 3 % 4], .count = ROWS, .step = 1};
        const rm_view from = {.data = x, .rows = ROWS, .cols = DIM, .stride = DIM};
        const rm_view to = {.data = wanted, .rows = ROWS, .cols = DIM, .stride = DIM};
        rm_rotate_baseline(&freqs, rotation.spec.layout, range, from, to);
        rotated made = rotate(x, ROWS, range.first, &rotation);
        read_all(made.rows, y);
        assert_memory_equal(y, wanted, sizeof y);
        drop(&made);
    }
}

/* float32 times position is exact in long double below 2^40: the oracle of fp32freq. 1.2e-7 is arith.h's
 * bound for cosines and sines, 2^-24 twice the rounding of product and sum, relative to |x0| + |x1|. */
static void fp32freq_rounds_each_frequency_once(void **state) {
    float x[2 * 64], y[2 * 64], inv_freq[64], attention = 0.0f;
    fill(x, DIM);
    ropemap_prerotation rotation = {.spec = spec_of("none", 5e5, DIM), .phase = ROPEMAP_PHASE_FP32FREQ};
    assert_int_equal(ropemap_phase_inv_freq(&rotation.spec, rotation.phase, inv_freq, &attention, NULL),
                     ROPEMAP_OK);
    static const int64_t at[] = {0, 1, 4095, 131071, 1048575, (int64_t)1 << 39};
    for (size_t k = 0; k < sizeof at / sizeof at[0]; k++) {
        rotated made = rotate(x, 1, at[k], &rotation);
        read_all(made.rows, y);
        for (int32_t i = 0; i < 64; i++) {
            const long double angle = (long double)at[k] * (long double)inv_freq[i];
            const double c = (double)cosl(angle), s = (double)sinl(angle), x0 = x[i], x1 = x[i + 64];
            const double room = (fabs(x0) + fabs(x1)) * (1.2e-7 + 2 * 0x1p-24);
            assert_true(fabs((double)y[i] - (x0 * c - x1 * s)) <= room);
            assert_true(fabs((double)y[i + 64] - (x0 * s + x1 * c)) <= room);
        }
        drop(&made);
    }
}

/* ---- positions ---- */

/* Row r of what is rotated by explicit positions is row 0 of what is rotated from there on. */
static void check_rows(ropemap_prerotation rotation, const float *x, const float *y, const int64_t *values) {
    for (int64_t r = 0; r < ROWS; r++) {
        float row[DIM];
        rotation.positions = NULL;
        rotated made = rotate(x + r * DIM, 1, values[r], &rotation);
        read_all(made.rows, row);
        assert_memory_equal(row, y + r * DIM, sizeof row);
        drop(&made);
    }
}

static void explicit_positions_equal_ranges(void **state) {
    static float x[ROWS * DIM], y[ROWS * DIM];
    int64_t values[ROWS + 3];
    for (int64_t r = 0; r < ROWS + 3; r++) {
        values[r] = (r * 104729) % 1048583;
    }
    fill(x, ROWS * DIM);
    const ropemap_positions positions = positions_of(1, ROWS + 3, values); /* more than rows: fine */
    for (int phase = 0; phase < PHASES; phase++) {
        for (int64_t shift = 0; shift <= 5000; shift += 5000) {
            ropemap_prerotation rotation = {.spec = spec_of("none", 1e4, DIM),
                                            .phase = (ropemap_phase)phase,
                                            .shift = shift,
                                            .positions = &positions};
            rotation.spec.rotary_dim = 96;
            rotated made = rotate(x, ROWS, 0, &rotation);
            assert_int_equal(ropemap_vectors_count(made.rows), ROWS);
            assert_false(made.rows->constant);
            assert_string_equal(ropemap_vectors_label(made.rows), "memory");
            read_all(made.rows, y);
            check_rows(rotation, x, y, values);
            for (int64_t r = 0; r < ROWS; r++) { /* beyond rotary_dim */
                assert_memory_equal(x + r * DIM + 96, y + r * DIM + 96, 32 * sizeof *x);
            }
            float third[2 * DIM]; /* rows 1 and 4 */
            assert_int_equal(made.rows->read(made.rows, 1, 2, 3, third, NULL), ROPEMAP_OK);
            assert_memory_equal(third, y + DIM, sizeof *x * DIM);
            assert_memory_equal(third + DIM, y + 4 * DIM, sizeof *x * DIM);
            drop(&made);
        }
    }
}

/* Each pair is as where all follow its axis; `axes[i]` says which pair i follows. */
static void check_axes(ropemap_axes dealt, const char *axes) {
    const int32_t axis_count = dealt.count;
    const int32_t pairs = (int32_t)strlen(axes), dim = 2 * pairs;
    float x[DIM], y[DIM], alone[4][DIM];
    int64_t values[4] = {70, 8000, 900000, 3};
    const ropemap_positions positions = positions_of(axis_count, 1, values);
    fill(x, dim);
    for (int phase = 0; phase < PHASES; phase++) {
        ropemap_prerotation rotation = {.spec = spec_of("none", 1e4, dim), .phase = (ropemap_phase)phase};
        for (int axis = 0; axis < axis_count; axis++) {
            rotated made = rotate(x, 1, values[axis], &rotation);
            read_all(made.rows, alone[axis]);
            drop(&made);
        }
        rotation.positions = &positions;
        rotation.spec.axes = dealt;
        rotated made = rotate(x, 1, 0, &rotation);
        read_all(made.rows, y);
        for (int32_t i = 0; i < pairs; i++) {
            const float *wanted = alone[axes[i] - '0'];
            assert_memory_equal(y + i, wanted + i, sizeof *y); /* float16 has no 900000: a NaN there */
            assert_memory_equal(y + i + pairs, wanted + i + pairs, sizeof *y);
        }
        drop(&made);
    }
}

static void sections_follow_their_axes(void **state) {
    check_axes((ropemap_axes){.count = 3, .deal = ROPEMAP_DEAL_SECTIONS, .pairs = {2, 3, 3}}, "00111222");
    check_axes((ropemap_axes){.count = 3, .deal = ROPEMAP_DEAL_SECTIONS, .pairs = {0, 8, 0}}, "11111111");
    check_axes((ropemap_axes){.count = 2, .deal = ROPEMAP_DEAL_SECTIONS, .pairs = {5, 3}}, "00000111");
    check_axes((ropemap_axes){.count = 3, .deal = ROPEMAP_DEAL_INTERLEAVED, .pairs = {3, 3, 2}}, "01201201");
    check_axes((ropemap_axes){.count = 3, .deal = ROPEMAP_DEAL_INTERLEAVED, .pairs = {5, 2, 1}}, "01201000");
    check_axes((ropemap_axes){.count = 2, .deal = ROPEMAP_DEAL_INTERLEAVED, .pairs = {6, 2}}, "01001000");
    /* Qwen3-VL's and Qwen3.5's, by the rule in words */
    char axes[65] = {0};
    for (int i = 0; i < 64; i++) {
        axes[i] = i % 3 == 1 && i < 60 ? '1' : i % 3 == 2 && i < 60 ? '2' : '0';
    }
    check_axes((ropemap_axes){.count = 3, .deal = ROPEMAP_DEAL_INTERLEAVED, .pairs = {24, 20, 20}}, axes);
    check_axes((ropemap_axes){.count = 3, .deal = ROPEMAP_DEAL_INTERLEAVED, .pairs = {11, 11, 10}},
               "01201201201201201201201201201201");
    /* four axes as Hunyuan-VL, and Ernie 4.5 VL's height and width in turn before time */
    check_axes((ropemap_axes){.count = 4, .deal = ROPEMAP_DEAL_SECTIONS, .pairs = {2, 2, 2, 2}}, "00112233");
    check_axes((ropemap_axes){.count = 3, .deal = ROPEMAP_DEAL_TIME_LAST, .pairs = {2, 3, 3}}, "12121200");
}

/* An endless source ends with the positions, or where 2^40 is reached. */
static void an_endless_source_stays_endless(void **state) {
    ropemap_vectors *gauss = NULL, *rows = NULL;
    assert_int_equal(ropemap_vectors_gauss(DIM, 7, 0, &gauss, NULL), ROPEMAP_OK);
    int64_t values[3] = {5, 3, 9};
    const ropemap_positions positions = positions_of(1, 3, values);
    ropemap_prerotation rotation = {.spec = spec_of("none", 1e4, DIM), .positions = &positions};
    assert_int_equal(ropemap_vectors_rotated(gauss, &rotation, &rows, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_count(rows), 3);
    assert_string_equal(ropemap_vectors_label(rows), "gauss seed 7");
    ropemap_vectors_free(rows);
    rotation.positions = NULL;
    assert_int_equal(ropemap_vectors_rotated(gauss, &rotation, &rows, NULL), ROPEMAP_OK);
    assert_true(ropemap_vectors_count(rows) == ROPEMAP_POSITION_END);
    ropemap_vectors_free(rows);
    rotation.shift = 10;
    assert_int_equal(ropemap_vectors_rotated(gauss, &rotation, &rows, NULL), ROPEMAP_OK);
    assert_true(ropemap_vectors_count(rows) == ROPEMAP_POSITION_END - 10);
    ropemap_vectors_free(rows);
    ropemap_vectors_free(gauss);
}

/* ---- refusals ---- */

static void refused(const ropemap_prerotation *rotation, int64_t first, const char *words) {
    static float x[ROWS * DIM];
    ropemap_vectors *inner = NULL, *rows = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_vectors_memory(x, ROWS, DIM, &inner, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_place(inner, first, 1, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_rotated(inner, rotation, &rows, &error), ROPEMAP_USAGE);
    assert_null(rows);
    assert_says(error.text, words);
    ropemap_vectors_free(inner);
}

/* Rows apart, as every second of the queries, are rotated where they are. */
static void rows_in_steps(void **state) {
    static float x[ROWS * DIM], y[ROWS * DIM];
    ropemap_vectors *inner = NULL, *rows = NULL;
    fill(x, ROWS * DIM);
    const ropemap_prerotation rotation = {.spec = spec_of("none", 1e4, DIM), .shift = 3};
    assert_int_equal(ropemap_vectors_memory(x, ROWS, DIM, &inner, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_place(inner, 97, 7, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_rotated(inner, &rotation, &rows, NULL), ROPEMAP_OK);
    const ropemap_range range = ropemap_vectors_positions(rows);
    assert_true(range.first == 97 && range.count == ROWS && range.step == 7);
    read_all(rows, y);
    for (int64_t r = 0; r < ROWS; r++) {
        float row[DIM];
        rotated made = rotate(x + r * DIM, 1, 97 + 7 * r, &rotation);
        read_all(made.rows, row);
        assert_memory_equal(row, y + r * DIM, sizeof row);
        drop(&made);
    }
    ropemap_vectors_free(rows);
    ropemap_vectors_free(inner);
}

static void rows_that_cannot_be_placed(void **state) {
    static float x[ROWS * DIM];
    const int64_t end = ROPEMAP_POSITION_END;
    const int64_t bad[][2] = {{-1, 1},
                              {end, 1},
                              {end - ROWS + 1, 1},
                              {0, 0},
                              {0, -1},
                              {INT64_MAX, 1},
                              {1, end},
                              {0, INT64_MAX},
                              {INT64_MIN, 1},
                              {5, INT64_MIN},
                              {end % (ROWS - 1), end / (ROWS - 1)}};
    ropemap_vectors *rows = NULL, *ones = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_vectors_memory(x, ROWS, DIM, &rows, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_ones(DIM, &ones, NULL), ROPEMAP_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ropemap_vectors_place(rows, bad[i][0], bad[i][1], &error), ROPEMAP_USAGE);
        assert_says(error.text, "first-position: memory: 40 rows from position");
    }
    assert_int_equal(ropemap_vectors_place(rows, end - ROWS, 1, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_place(rows, end % (ROWS - 1) - 1, end / (ROWS - 1), NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_place(ones, 1, 1, &error), ROPEMAP_USAGE);
    assert_says(error.text, "have every position");
    ropemap_vectors_free(rows);
    ropemap_vectors_free(ones);
}

static void bad_ranges_are_refused(void **state) {
    const ropemap_prerotation plain = {.spec = spec_of("none", 1e4, DIM)};
    const int64_t end = ROPEMAP_POSITION_END;
    const int64_t bad[][2] = {{0, -1}, {0, end - ROWS + 1}, {0, end},      {end - ROWS, 1},
                              {4, -5}, {5, INT64_MAX},      {5, INT64_MIN}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ropemap_prerotation rotation = plain;
        rotation.shift = bad[i][1];
        refused(&rotation, bad[i][0], "expected all in [0, 2^40)");
    }
    int64_t values[ROWS] = {end - 1};
    const ropemap_positions positions = positions_of(1, ROWS, values),
                            few = positions_of(1, ROWS - 1, values);
    ropemap_prerotation rotation = plain;
    rotation.positions = &positions;
    rotation.shift = 1;
    refused(&rotation, 0, "p.npy: positions 0 to 1099511627775, shifted by 1, expected all in");
    rotation.shift = -1;
    refused(&rotation, 0, "p.npy: positions 0 to");
    rotation.shift = 0;
    rotation.positions = &few;
    refused(&rotation, 0, "p.npy: 39 positions, expected at least as many as memory has rows, 40");
    rotation = plain;
    rotation.spec.head_dim = 64;
    refused(&rotation, 0, "head-dim: 64, but rows of memory have 128 elements");
    rotation = plain;
    rotation.phase = (ropemap_phase)PHASES;
    refused(&rotation, 0, "phase");
    rotation = plain;
    rotation.spec.base = 1.0;
    refused(&rotation, 0, "base");
}

static void bad_sections_are_refused(void **state) {
    int64_t values[3 * ROWS] = {0};
    const ropemap_positions three = positions_of(3, ROWS, values), two = positions_of(2, ROWS, values);
    static const struct {
        ropemap_axes axes;
        int positions;
        const char *words;
    } bad[] = {
        {{.count = 3, .deal = ROPEMAP_DEAL_SECTIONS}, 3, "sections: 0, 0 and 0 pairs are 0, but 64 pairs"},
        {{3, ROPEMAP_DEAL_SECTIONS, {16, 24, 23}, {0}}, 3, "16, 24 and 23 pairs are 63, but 64 pairs (128"},
        {{3, ROPEMAP_DEAL_SECTIONS, {-1, 65, 0}, {0}}, 3, "-1 pairs for axis 0, which needs 0 or more"},
        {{3, ROPEMAP_DEAL_SECTIONS, {INT32_MAX, INT32_MAX, 66}, {0}}, 3, "but 64 pairs"},
        {{3, ROPEMAP_DEAL_SECTIONS, {16, 24, 24}, {0}}, 2, "has positions on 2 axes, but the rule has 3"},
        {{.count = 0}, 2, "has positions on 2 axes, but the rule has 1"},
        {{3, ROPEMAP_DEAL_INTERLEAVED, {16, 24, 24}, {0}},
         3,
         "16 pairs for axis 0, but interleaved, 22 of 64 follow it"},
        {{3, ROPEMAP_DEAL_LADDERS, {0, 32, 32}, {0}}, 3, "axes: 0 pairs for axis 0, which needs at least 1"},
        {{3, ROPEMAP_DEAL_LADDERS, {8, 28, 28}, {0}}, 1, "positions: on one axis, but this rule has 3"},
        {{3, ROPEMAP_DEAL_TIME_LAST, {20, 20, 24}, {0}}, 3, "as many pairs for height as for width"},
        {{2, ROPEMAP_DEAL_TIME_LAST, {32, 32}, {0}}, 2, "time-last needs three"},
        {{2, ROPEMAP_DEAL_STRIDED, {30, 34}, {0}}, 2, "30 pairs for axis 0, but strided, 32 of 64 follow it"},
        {{2, ROPEMAP_DEAL_UNIT, {32, 32}, {14, 0}}, 2, "grid: 0 patches along axis 1"},
        {{2, ROPEMAP_DEAL_LADDERS, {32, 32}, {14, 4097}}, 2, "grid: 4097 patches along axis 1"},
        {{1, ROPEMAP_DEAL_LADDERS, {64}, {0}}, 1, "axes: 1 of them"},
        {{5, ROPEMAP_DEAL_LADDERS, {64}, {0}}, 1, "axes: 5 of them"},
        {{2, (ropemap_deal)6, {32, 32}, {0}}, 2, "deal 6"},
    };
    const ropemap_positions one = positions_of(1, ROWS, values);
    const ropemap_positions *positions[] = {&one, &two, &three};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ropemap_prerotation rotation = {.spec = spec_of("none", 1e4, DIM),
                                        .positions = positions[bad[i].positions - 1]};
        rotation.spec.axes = bad[i].axes;
        refused(&rotation, 0, bad[i].words);
    }
}

/* Rounded stacks have no arithmetic for some deals, and some rules no axes. */
static void bad_axes_are_refused(void **state) {
    int64_t values[2 * ROWS] = {0};
    const ropemap_positions two = positions_of(2, ROWS, values);
    ropemap_prerotation rotation = {.spec = spec_of("none", 1e4, DIM), .positions = &two};
    rotation.spec.axes = (ropemap_axes){2, ROPEMAP_DEAL_UNIT, {32, 32}, {7, 9}};
    rotation.phase = ROPEMAP_PHASE_HF_FP32;
    refused(&rotation, 0, "phase: hf-fp32 is not known for axes dealt as unit");
    rotation.spec.axes.deal = ROPEMAP_DEAL_LADDERS;
    rotation.phase = ROPEMAP_PHASE_GGML_FP32;
    refused(&rotation, 0, "phase: ggml-fp32 is not known for axes dealt as ladders");
    rotation.phase = ROPEMAP_PHASE_EXACT;
    rotation.spec.scaling = spec_of("vision-2d", 1e4, DIM).scaling;
    refused(&rotation, 0, "scaling: vision-2d has one axis, or axes of its own");
    rotation.spec.scaling = spec_of("proportional:rotated=0.5", 1e4, DIM).scaling;
    refused(&rotation, 0, "scaling: proportional");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_rows_are_those_of_the_backend),
        cmocka_unit_test(fp32freq_rounds_each_frequency_once),
        cmocka_unit_test(explicit_positions_equal_ranges),
        cmocka_unit_test(sections_follow_their_axes),
        cmocka_unit_test(an_endless_source_stays_endless),
        cmocka_unit_test(rows_in_steps),
        cmocka_unit_test(rows_that_cannot_be_placed),
        cmocka_unit_test(bad_ranges_are_refused),
        cmocka_unit_test(bad_sections_are_refused),
        cmocka_unit_test(bad_axes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
