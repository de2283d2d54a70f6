/* test_methods.c - all three methods against brute force, for every case, measure and pool */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/error_bound.h"
#include "tests/judged.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

static const ropemap_method methods[] = {ROPEMAP_METHOD_TILED, ROPEMAP_METHOD_FACTORED,
                                         ROPEMAP_METHOD_DIAGONAL, ROPEMAP_METHOD_AUTO};
enum { METHODS = sizeof methods / sizeof methods[0], LARGE = 9000 /* pairs: only dot products */ };

static void check_refused(const map_case *test, const ropemap_request *request) {
    ropemap_map map = {0};
    ropemap_error error = {0};
    const char *name = ropemap_method_name(request->method);
    if (ropemap_map_compute(request, &map, &error) != ROPEMAP_USAGE) {
        fail_msg("%s, %s: %s was not refused: %s", test->name, ropemap_pool_name(request->pool), name,
                 error.text);
    }
    assert_null(map.cells);
    assert_says(error.text, name);
    ropemap_plan plan;
    assert_int_equal(plan_make(request, &plan, NULL), ROPEMAP_USAGE);
}

static void check_request(const map_case *test, const case_data *data, const bound_table *bounds,
                          const double *wanted) {
    const ropemap_request *request = &data->request;
    if (!case_method_serves(data, request->method)) {
        check_refused(test, request);
        return;
    }
    ropemap_map map = {0};
    map_compute(test->name, request, &map);
    assert_int_equal(map.height, oracle_cells(request->rows.count, request->height));
    assert_int_equal(map.width, oracle_cells(request->cols.count, request->width));
    assert_true(request->method == ROPEMAP_METHOD_AUTO || map.plan.method == request->method);
    assert_true(map.plan.method != ROPEMAP_METHOD_AUTO);
    judged_check(&(judged){test, request, bounds, wanted, &map});
    ropemap_map_free(&map);
}

static void check_methods(const map_case *test, case_data *data, const bound_table *bounds,
                          const double *wanted) {
    /* "auto", the last, runs one of the others: once is enough */
    const int count = data->request.measure == ROPEMAP_MEASURE_DOT ? METHODS : METHODS - 1;
    for (int m = 0; m < count; m++) {
        data->request.method = methods[m];
        check_request(test, data, bounds, wanted);
    }
}

static void check_case(const map_case *test) {
    case_data data;
    case_data_make(test, &data);
    const bool large = test->rows.count * test->cols.count > LARGE;
    for (int measure = 0; measure < (large ? 1 : 3); measure++) {
        data.request.measure = (ropemap_measure)measure;
        /* dot products use every pool; for the other measures mean, max and rms represent the rest */
        judged_pools(test, &data, ROPEMAP_POOL_MEAN, measure == ROPEMAP_MEASURE_DOT ? 1 : 2, check_methods);
    }
    case_data_free(&data);
}

/* The first of each content, and of the rest one in so many. */
static void walk(case_content content) {
    for (int i = 0, found = 0; map_case_at(i) != NULL; i++) {
        if (map_case_at(i)->content == content &&
            found++ % (WHOLE_STEP > RACE_STEP ? WHOLE_STEP : RACE_STEP) == 0) {
            check_case(map_case_at(i));
        }
    }
}

static void test_ones(void **state) {
    walk(CASE_ONES);
}

static void test_random(void **state) {
    walk(CASE_RANDOM);
}

static void test_whole_numbers(void **state) {
    walk(CASE_WHOLE);
}

static void test_zero_rows(void **state) {
    walk(CASE_ZEROS);
}

static void test_nan(void **state) {
    walk(CASE_NAN);
}

static void test_infinity(void **state) {
    walk(CASE_INFINITY);
}

enum { ROWS = 12, DIM = 6 };

static void infinite_map(float (*rows)[DIM], bool causal, ropemap_method method, ropemap_map *map) {
    ropemap_vectors *queries = NULL, *keys = NULL;
    assert_int_equal(ropemap_vectors_memory(&rows[0][0], ROWS, DIM, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_memory(&rows[ROWS][0], ROWS, DIM, &keys, NULL), ROPEMAP_OK);
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = DIM;
    request.queries = queries;
    request.keys = keys;
    request.rows = request.cols = (ropemap_range){.first = 0, .count = ROWS, .step = 1};
    request.width = request.height = 3;
    request.mask.causal = causal;
    request.method = method;
    request.pool = ROPEMAP_POOL_MEAN;
    assert_int_equal(ropemap_map_compute(&request, map, NULL), ROPEMAP_OK);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

/* One infinite element among keys whose mean hides their signs, or among keys of one sign: where tiles have
 * NaN, or an infinity, a mean of vectors has it too. */
static void test_infinite_means(void **state) {
    static float rows[2 * ROWS][DIM];
    uint64_t random = 7;
    int nans = 0, infinities = 0;
    if (RACE_STEP > 1) {
        skip(); /* of numbers alone */
    }
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 2 * ROWS * DIM; i++) {
            rows[i / DIM][i % DIM] =
                (float)(chance_bits(&random) >> 16) * 0x1p-24f - (round % 2 == 0 ? 0.1f : -0.1f);
        }
        rows[chance(&random, 2 * ROWS)][round % DIM] = round % 3 == 0 ? -INFINITY : INFINITY;
        ropemap_map tiled = {0}, factored = {0};
        infinite_map(rows, round % 4 < 2, ROPEMAP_METHOD_TILED, &tiled);
        infinite_map(rows, round % 4 < 2, ROPEMAP_METHOD_FACTORED, &factored);
        for (int i = 0; i < 9; i++) {
            const float wanted = tiled.cells[i], got = factored.cells[i];
            assert_true(isnan(wanted) ? isnan(got) : isinf(wanted) ? got == wanted : isfinite(got));
            nans += isnan(wanted) ? 1 : 0;
            infinities += isinf(wanted) ? 1 : 0;
        }
        ropemap_map_free(&tiled);
        ropemap_map_free(&factored);
    }
    assert_true(nans > 100 && infinities > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ones),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_zero_rows),
        cmocka_unit_test(test_nan),
        cmocka_unit_test(test_infinity),
        cmocka_unit_test(test_infinite_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
