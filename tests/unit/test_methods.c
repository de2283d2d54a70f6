/* test_methods.c - all three methods against brute force, for every case, measure and pool */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/error_bound.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

static const ropemap_method methods[] = {ROPEMAP_METHOD_TILED, ROPEMAP_METHOD_FACTORED,
                                         ROPEMAP_METHOD_DIAGONAL, ROPEMAP_METHOD_AUTO};
enum { METHODS = sizeof methods / sizeof methods[0], LARGE = 9000 /* pairs: only dot products */ };

/* A result and everything that a message about it needs. */
struct result {
    const map_case *test;
    const ropemap_request *request;
    const bound_table *bounds;
    const double *wanted; /* [height, width] */
    const ropemap_map *map;
};

static double bound_for(const struct result *result, int64_t row, int64_t col, double wanted) {
    const bool exact = result->test->content == CASE_WHOLE &&
                       result->request->measure == ROPEMAP_MEASURE_DOT &&
                       result->map->plan.method == ROPEMAP_METHOD_TILED;
    if (exact) { /* small whole numbers: only the cell is rounded */
        return 0x1p-24 * fabs(wanted);
    }
    return bound_of_cell(result->request, result->bounds, result->map->plan.method, row, col, wanted);
}

/*
 * NaN where the truth is NaN. An infinity meets others of both signs in a sum: pooled second moments, which
 * add them in another order, may come to an infinity in place of a NaN or the reverse; means may not.
 */
static bool agrees(const struct result *result, int64_t row, int64_t col, double wanted, double got) {
    if (isfinite(wanted)) {
        return fabs(got - wanted) <= bound_for(result, row, col, wanted);
    }
    const bool pooled =
        result->map->plan.method == ROPEMAP_METHOD_FACTORED && result->request->pool != ROPEMAP_POOL_MEAN;
    if (pooled && result->test->content == CASE_INFINITY) {
        return !isfinite(got);
    }
    return isnan(wanted) ? isnan(got) : got == wanted;
}

static void check_cells(const struct result *result) {
    for (int64_t row = 0; row < result->map->height; row++) {
        for (int64_t col = 0; col < result->map->width; col++) {
            const double wanted = result->wanted[row * result->map->width + col];
            const double got = (double)result->map->cells[row * result->map->width + col];
            if (!agrees(result, row, col, wanted, got)) {
                fail_msg("%s, %s of %s, %s: cell (%lld, %lld) is %.9g, not %.9g; bound %.3g",
                         result->test->name, ropemap_pool_name(result->request->pool),
                         ropemap_measure_name(result->request->measure),
                         ropemap_method_name(result->map->plan.method), (long long)row, (long long)col, got,
                         wanted, bound_for(result, row, col, wanted));
            }
        }
    }
}

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
    const struct result result = {
        .test = test, .request = request, .bounds = bounds, .wanted = wanted, .map = &map};
    check_cells(&result);
    ropemap_map_free(&map);
}

static void check_measure(const map_case *test, case_data *data) {
    oracle_scores scores;
    bound_table bounds;
    oracle_scores_make(&data->request, data->queries, data->keys, &scores);
    bound_table_make(&data->request, &scores, &bounds);
    /* dot products use every pool; for the other measures mean, max and rms represent the rest */
    const int stride = data->request.measure == ROPEMAP_MEASURE_DOT ? 1 : 2;
    for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool += stride) {
        data->request.pool = (ropemap_pool)pool;
        double *wanted = oracle_map(&data->request, &scores);
        /* "auto", the last, runs one of the others: once is enough */
        const int count = data->request.measure == ROPEMAP_MEASURE_DOT ? METHODS : METHODS - 1;
        for (int m = 0; m < count; m++) {
            data->request.method = methods[m];
            check_request(test, data, &bounds, wanted);
        }
        free(wanted);
    }
    bound_table_free(&bounds);
    oracle_scores_free(&scores);
}

static void check_case(const map_case *test) {
    case_data data;
    case_data_make(test, &data);
    const bool large = test->rows.count * test->cols.count > LARGE;
    for (int measure = 0; measure < (large ? 1 : 3); measure++) {
        data.request.measure = (ropemap_measure)measure;
        check_measure(test, &data);
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
