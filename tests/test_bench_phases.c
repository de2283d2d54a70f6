/* test_bench_phases.c - benchmarks of rotation as stacks in use do it: the reference they are checked by, and
 * that one stack's rows are wrong by another's */
/* SPDX-License-Identifier: MIT */
#include "host/bench/inputs.h"
#include "host/bench/reference.h"
#include "host/bench/table.h"
#include "tests/turned.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FAR = 131000 };

/*
 * The stacks' own frequencies, which the product makes in other code: the same float for every pair of every
 * size, as the angle at position 1.
 */
static void test_reference_frequencies(void **state) {
    (void)state;
    ropemap_spec spec = ropemap_spec_default();
    float wanted[ROPEMAP_MAX_PAIRS], angles[ROPEMAP_MAX_PAIRS], attention = 0.0f;
    for (int32_t dim = 2; dim <= ROPEMAP_MAX_HEAD_DIM; dim += dim < 260 ? 2 : 274) {
        spec.head_dim = dim;
        for (ropemap_phase phase = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(phase) != NULL; phase++) {
            rm_reference *reference = rm_reference_make(dim, ROPEMAP_LAYOUT_HALF, phase);
            assert_non_null(reference);
            assert_int_equal(ropemap_phase_inv_freq(&spec, phase, wanted, &attention, NULL), ROPEMAP_OK);
            rm_reference_stack_angles(reference, 1, angles);
            for (int32_t pair = 0; pair < dim / 2; pair++) {
                const double got =
                    rm_reference_is_stack(phase) ? (double)angles[pair] : (double)reference->frequency[pair];
                if (got != (double)wanted[pair]) {
                    fail_msg("%s, d %d, pair %d: %.9g, not %.9g", ropemap_phase_name(phase), (int)dim,
                             (int)pair, got, (double)wanted[pair]);
                }
            }
            free(reference);
        }
    }
}

/* The largest error of rows [count, dim] that were turned as they were read, as a part of what is allowed. */
static double error_of(const rm_reference *reference, const float *rows, const float *made, int32_t count) {
    double wanted[ROPEMAP_MAX_HEAD_DIM], most = 0.0;
    const int32_t dim = reference->head_dim;
    for (int32_t i = 0; i < count * dim; i++) {
        const int32_t d = i % dim, row = i / dim;
        const float *from = rows + row * dim;
        if (d == 0) {
            rm_reference_rotate(reference, from, FAR + row, wanted);
        }
        const double length = hypot((double)from[d], (double)from[rm_reference_partner(reference, d)]);
        most = fmax(most, fabs((double)made[i] - wanted[d]) / length);
    }
    return most / rm_reference_element_error(reference);
}

static void test_reference_rows(void **state) {
    (void)state;
    enum { DIM = 128, ROWS = 64 };
    static float rows[ROWS * DIM], made[ROWS * DIM];
    rm_inputs_fill(rows, ROWS * DIM, 1.0, 3);
    for (ropemap_phase phase = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(phase) != NULL; phase++) {
        for (ropemap_layout layout = ROPEMAP_LAYOUT_HALF; ropemap_layout_name(layout) != NULL; layout++) {
            ropemap_turning turning = {.spec = ropemap_spec_default(), .phase = phase, .first_position = FAR};
            turning.spec.layout = layout;
            turned source = turn(rows, ROWS, &turning);
            read_all(source.rows, made);
            drop(&source);
            rm_reference *reference = rm_reference_make(DIM, layout, phase);
            assert_non_null(reference);
            const double error = error_of(reference, rows, made, ROWS);
            if (!(error <= 1.0 && error > 0.1)) { /* a bound that is never half used is too wide */
                fail_msg("%s: %g of what is allowed", ropemap_phase_name(phase), error);
            }
            free(reference);
        }
    }
}

/* ---- what is made by one phase, checked as another */

static void *open_run(const rm_benchmark *benchmark, ropemap_phase phase) {
    const rm_shape shape = {
        .positions = 4000, .head_dim = 16, .phase = phase, .width = 20, .height = 24, .threads = 1};
    void *opened = NULL;
    ropemap_error error = {0};
    if (benchmark->open(&shape, &opened, &error) != ROPEMAP_OK ||
        benchmark->run(opened, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    return opened;
}

static int64_t wrong_of(const rm_benchmark *benchmark, void *opened) {
    rm_verdict verdict = {0};
    assert_int_equal(benchmark->check(opened, &verdict, NULL), ROPEMAP_OK);
    assert_true(verdict.checked > 0);
    return verdict.wrong;
}

static void check_between(const rm_benchmark *benchmark, ropemap_phase made, ropemap_phase other) {
    void *opened = open_run(benchmark, made), *judge = open_run(benchmark, other);
    const rm_output output = benchmark->output(opened), judged = benchmark->output(judge);
    assert_int_equal(judged.size, output.size);
    assert_int_equal(wrong_of(benchmark, judge), 0);
    memcpy(judged.data, output.data, output.size);
    if ((wrong_of(benchmark, judge) == 0) != (made == other)) {
        fail_msg("%s: %s by the check of %s", benchmark->name, ropemap_phase_name(made),
                 ropemap_phase_name(other));
    }
    benchmark->close(opened);
    benchmark->close(judge);
}

/* Rows tell all phases apart, by 4000 positions; whole maps those that form the angles in different ways. */
static void test_a_phase_that_is_another(void **state) {
    (void)state;
    for (ropemap_phase made = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(made) != NULL; made++) {
        for (ropemap_phase other = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(other) != NULL; other++) {
            check_between(&rm_bench_rotate_turned, made, other);
        }
    }
    for (ropemap_phase made = ROPEMAP_PHASE_HF_FP32; ropemap_phase_name(made) != NULL; made++) {
        for (ropemap_phase other = ROPEMAP_PHASE_HF_FP32; ropemap_phase_name(other) != NULL; other++) {
            check_between(&rm_bench_map_max_turned, made, other);
        }
    }
    check_between(&rm_bench_map_mean_turned, ROPEMAP_PHASE_BF16_TABLES, ROPEMAP_PHASE_BF16_INV_FREQ);
}

/* ---- runs through the public interface */

struct seen {
    const char *phase;
    unsigned benches;
    int rows;
};

static int look(void *user, const ropemap_bench_row *row) {
    struct seen *seen = user;
    seen->rows++;
    seen->benches |= 1u << row->bench;
    assert_string_equal(row->phase, seen->phase);
    assert_true(row->wrong == 0 && row->checked > 0 && row->samples == 2 && row->share > 0.0);
    assert_true(row->against == ROPEMAP_BENCH_TARGET_NONE);
    return 0;
}

/* What turns rows is left, in two layouts and as two maps, for both positions. */
static void test_runs_of_a_phase(void **state) {
    (void)state;
    static const int64_t positions[] = {33, 130}, head_dims[] = {6};
    for (ropemap_phase phase = ROPEMAP_PHASE_FP32FREQ; ropemap_phase_name(phase) != NULL; phase++) {
        struct seen seen = {.phase = ropemap_phase_name(phase)};
        ropemap_error error = {0};
        ropemap_bench_options options = ropemap_bench_options_default();
        options.positions = positions;
        options.position_count = 2;
        options.head_dims = head_dims;
        options.head_dim_count = 1;
        options.width = options.height = 9;
        options.samples = options.threads = 2;
        options.phase = phase;
        options.report = look;
        options.report_user = &seen;
        if (ropemap_bench_run(&options, &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", seen.phase, error.text);
        }
        assert_int_equal(seen.benches, 1u << ROPEMAP_BENCH_ROTATE | 1u << ROPEMAP_BENCH_MAP);
        assert_int_equal(seen.rows, 2 * (2 + 2));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_frequencies),
        cmocka_unit_test(test_reference_rows),
        cmocka_unit_test(test_a_phase_that_is_another),
        cmocka_unit_test(test_runs_of_a_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
