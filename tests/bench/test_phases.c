/* test_phases.c - benchmarks of rotation as stacks in use do it: the reference they are checked by, and
 * that one stack's rows are wrong by another's */
/* SPDX-License-Identifier: MIT */
#include "tests/bench/benchmarks.h"
#include "tests/rotated.h"
#include "tools/bench/check.h"

#include <stdlib.h>

enum { FAR = 131000, LAST_FP16 = 65519 /* the last position that float16 has a number for */ };

/*
 * The stacks' own frequencies, which the product makes in other code: the same float for every pair of every
 * size, as the angle at position 1.
 */
static void test_reference_frequencies(void **state) {
    ropemap_spec spec = ropemap_spec_default();
    float wanted[ROPEMAP_MAX_PAIRS], angles[ROPEMAP_MAX_PAIRS], attention = 0.0f;
    for (int32_t dim = 2; dim <= ROPEMAP_MAX_HEAD_DIM; dim += dim < 260 ? 2 : 274) {
        spec.head_dim = dim;
        for (ropemap_phase phase = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(phase) != NULL; phase++) {
            check_reference *reference = reference_make(dim, ROPEMAP_LAYOUT_HALF, phase);
            assert_non_null(reference);
            assert_int_equal(ropemap_phase_inv_freq(&spec, phase, wanted, &attention, NULL), ROPEMAP_OK);
            reference_stack_angles(reference, 1, angles);
            for (int32_t pair = 0; pair < dim / 2; pair++) {
                const double got =
                    reference_is_stack(phase) ? (double)angles[pair] : (double)reference->frequency[pair];
                if (got != (double)wanted[pair]) {
                    fail_msg("%s, d %d, pair %d: %.9g, not %.9g", ropemap_phase_name(phase), (int)dim,
                             (int)pair, got, (double)wanted[pair]);
                }
            }
            free(reference);
        }
    }
}

/* The largest error of rows [count, dim] that were rotated as they were read from position `first` on, as a
 * part of what is allowed. */
static double error_of(const check_reference *reference, const float *rows, const float *made, int32_t count,
                       int64_t first) {
    double wanted[ROPEMAP_MAX_HEAD_DIM], most = 0.0;
    const int32_t dim = reference->head_dim;
    for (int32_t i = 0; i < count * dim; i++) {
        const int32_t d = i % dim, row = i / dim;
        const float *from = rows + row * dim;
        if (d == 0) {
            reference_rotate(reference, from, first + row, wanted);
        }
        const double length = hypot((double)from[d], (double)from[reference_partner(reference, d)]);
        most = fmax(most, fabs((double)made[i] - wanted[d]) / length);
    }
    return most / reference_element_error(reference);
}

static void test_reference_rows(void **state) {
    enum { DIM = 128, ROWS = 64 };
    static float rows[ROWS * DIM], made[ROWS * DIM];
    inputs_fill(rows, ROWS * DIM, 1.0, 3);
    for (ropemap_phase phase = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(phase) != NULL; phase++) {
        for (ropemap_layout layout = ROPEMAP_LAYOUT_HALF; ropemap_layout_name(layout) != NULL; layout++) {
            const int64_t first = phase == ROPEMAP_PHASE_FP16_ANGLES ? LAST_FP16 - ROWS : FAR;
            ropemap_prerotation rotation = {.spec = ropemap_spec_default(), .phase = phase};
            rotation.spec.layout = layout;
            rotated source = rotate(rows, ROWS, first, &rotation);
            read_all(source.rows, made);
            drop(&source);
            check_reference *reference = reference_make(DIM, layout, phase);
            assert_non_null(reference);
            const double error = error_of(reference, rows, made, ROWS, first);
            if (!(error <= 1.0 && error > 0.1)) { /* a bound that is never half used is too wide */
                fail_msg("%s: %g of what is allowed", ropemap_phase_name(phase), error);
            }
            free(reference);
        }
    }
}

/* float16 has no number for positions from 65,520 on: the reference has NaN there as rows have, and a check
 * takes nothing else for it. */
static void test_positions_that_float16_lacks(void **state) {
    enum { DIM = 8 };
    float row[DIM], made[2 * DIM];
    double wanted[DIM];
    check_result verdict = {0};
    inputs_fill(row, DIM, 1.0, 3);
    float rows[2 * DIM];
    memcpy(rows, row, sizeof row);
    memcpy(rows + DIM, row, sizeof row);
    ropemap_prerotation rotation = {.spec = ropemap_spec_default(), .phase = ROPEMAP_PHASE_FP16_ANGLES};
    rotation.spec.head_dim = DIM;
    rotated source = rotate(rows, 2, LAST_FP16, &rotation);
    read_all(source.rows, made);
    drop(&source);
    check_reference *reference = reference_make(DIM, ROPEMAP_LAYOUT_HALF, ROPEMAP_PHASE_FP16_ANGLES);
    assert_non_null(reference);
    reference_rotate(reference, row, LAST_FP16 + 1, wanted);
    for (int32_t d = 0; d < DIM; d++) {
        assert_true(isfinite(made[d]) && isnan(made[DIM + d]) && isnan(wanted[d]));
        check_value(&verdict, (double)made[DIM + d], wanted[d], 0.0);
    }
    assert_true(verdict.wrong == 0 && verdict.error == 0.0);
    check_value(&verdict, 0.5, (double)NAN, 1.0);
    assert_int_equal(verdict.wrong, 1);
    free(reference);
}

/* ---- what is made by one phase, checked as another */

static void *open_run(const bench_case *benchmark, ropemap_phase phase) {
    const bench_shape shape = {.positions = 4000,
                               .head_dim = 16,
                               .phase = phase,
                               .pool = benchmark->usual.pool,
                               .method = benchmark->usual.method,
                               .width = 20,
                               .height = 24,
                               .threads = 1};
    void *opened = open_shape(benchmark, &shape);
    ropemap_error error = {0};
    if (benchmark->stage->run(opened, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    return opened;
}

/* What runs of the phases from `first` on made, each judged by the checks of all. */
static void check_all(const bench_case *benchmark, ropemap_phase first) {
    enum { MOST = 16 };
    void *opened[MOST], *made[MOST];
    int count = 0;
    for (; ropemap_phase_name(first + (unsigned)count) != NULL; count++) {
        assert_true(count < MOST);
        opened[count] = open_run(benchmark, first + (unsigned)count);
        const bench_output output = benchmark->stage->output(opened[count]);
        made[count] = malloc((size_t)output.bytes);
        assert_non_null(made[count]);
        memcpy(made[count], output.data, (size_t)output.bytes);
    }
    for (int other = 0; other < count; other++) {
        const bench_output judged = benchmark->stage->output(opened[other]);
        for (int one = 0; one < count; one++) {
            memcpy(judged.data, made[one], (size_t)judged.bytes);
            if ((checked(benchmark, opened[other]).wrong == 0) != (one == other)) {
                fail_msg("%s: %s by the check of %s", benchmark->name,
                         ropemap_phase_name(first + (unsigned)one),
                         ropemap_phase_name(first + (unsigned)other));
            }
        }
    }
    for (int i = 0; i < count; i++) {
        bench_close(opened[i]);
        free(made[i]);
    }
}

/* Rows distinguish all phases, by 4000 positions; whole maps those that form the angles in different ways. */
static void test_a_phase_that_is_another(void **state) {
    check_all(named("cpu", "rotate"), ROPEMAP_PHASE_FP32FREQ);
    check_all(named("cpu", "map max"), ROPEMAP_PHASE_HF_FP32);
    check_all(named("cpu", "map mean"), ROPEMAP_PHASE_BF16_TABLES);
}

/* ---- whole runs */

struct seen {
    const char *phase;
    unsigned benches;
    int rows;
};

static int look(void *user, const bench_row *row) {
    struct seen *seen = user;
    seen->rows++;
    seen->benches |= 1u << row->kind;
    assert_string_equal(row->phase, seen->phase);
    assert_true(row->wrong == 0 && row->checked > 0 && row->samples == 2 && row->share > 0.0);
    assert_true(row->against == BENCH_TARGET_NONE);
    return 0;
}

/* What turns rows is left, in two layouts and as two maps, for both positions. */
static void test_runs_of_a_phase(void **state) {
    for (ropemap_phase phase = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(phase) != NULL; phase++) {
        struct seen seen = {.phase = ropemap_phase_name(phase)};
        ropemap_error error = {0};
        const bench_options options = {.positions = {.values = {33, 130}, .count = 2},
                                       .head_dims = {.values = {6}, .count = 1},
                                       .size = {9, 9},
                                       .samples = 2,
                                       .threads = 2,
                                       .seconds = 1.0,
                                       .phase = phase,
                                       .report = look,
                                       .report_user = &seen};
        if (bench_run(&options, &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", seen.phase, error.text);
        }
        assert_int_equal(seen.benches, 1u << BENCH_ROTATE | 1u << BENCH_MAP);
        assert_int_equal(seen.rows, 2 * (2 + 2));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_frequencies),
        cmocka_unit_test(test_reference_rows),
        cmocka_unit_test(test_positions_that_float16_lacks),
        cmocka_unit_test(test_a_phase_that_is_another),
        cmocka_unit_test(test_runs_of_a_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
