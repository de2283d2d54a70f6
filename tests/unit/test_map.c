/* test_map.c - what a computed map says of itself, the same bytes whatever threads, memory and variant,
 * refusals */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/oracle.h"
#include "tests/unit.h"
#include "tests/variants.h"

#include <math.h>

/* ---- the same bytes ---- */

static void check_same(const char *name, const ropemap_request *request, const ropemap_map *wanted) {
    ropemap_map map = {0};
    map_compute(name, request, &map);
    assert_int_equal(map.height, wanted->height);
    assert_int_equal(map.width, wanted->width);
    for (int64_t i = 0; i < map.height * map.width; i++) {
        if (memcmp(&map.cells[i], &wanted->cells[i], sizeof map.cells[i]) != 0) {
            const char *variant = getenv("ROPEMAP_SIMD");
            fail_msg("%s, %s, %s, %d threads, memory %llu, variant %s: cell %lld is %.9g, not %.9g", name,
                     ropemap_pool_name(request->pool), ropemap_method_name(request->method),
                     (int)request->threads, (unsigned long long)request->memory,
                     variant == NULL ? "picked" : variant, (long long)i, (double)map.cells[i],
                     (double)wanted->cells[i]);
        }
    }
    ropemap_map_free(&map);
}

static void vary_threads(const char *name, ropemap_request request, const ropemap_map *wanted) {
    static const int32_t threads[] = {2, 3, 5};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        request.threads = threads[i];
        check_same(name, &request, wanted);
    }
}

/* Takes a third of the memory until the request no longer fits. Returns how many sizes fitted. */
static int vary_memory(const char *name, ropemap_request request, const ropemap_map *wanted) {
    int fitted = 0;
    request.threads = 2;
    for (request.memory = wanted->plan.bytes; request.memory > 0; request.memory /= 3) {
        ropemap_plan plan;
        ropemap_error error = {0};
        const ropemap_status status = plan_make(&request, &plan, &error);
        if (status != ROPEMAP_OK) {
            assert_int_equal(status, ROPEMAP_RESOURCES);
            break;
        }
        check_same(name, &request, wanted);
        fitted++;
    }
    return fitted;
}

/* The baseline of x86-64 multiplies without FMA: there, only what multiplies no rows keeps its bytes. */
static void vary_variant(const char *name, ropemap_request request, const ropemap_map *wanted) {
    for (int v = 0; variant_name(v) != NULL; v++) {
        const bool same =
            request.method == ROPEMAP_METHOD_DIAGONAL || strcmp(variant_name(v), "baseline") != 0;
        if (same && variant_force(variant_name(v))) {
            check_same(name, &request, wanted);
        }
    }
    variant_release();
}

typedef void (*vary)(const char *name, ropemap_request request, const ropemap_map *wanted);

/* The largest cases and every fourth of the others; mean, min and std between them take every path. */
static void walk(vary change) {
    static const ropemap_pool pools[] = {ROPEMAP_POOL_MEAN, ROPEMAP_POOL_MIN, ROPEMAP_POOL_STD};
    for (int i = 0; map_case_at(i) != NULL; i++) {
        const map_case *test = map_case_at(i);
        if (i % (4 * RACE_STEP) != 0 && test->rows.count < 1300) {
            continue;
        }
        case_data data;
        case_data_make(test, &data);
        for (size_t p = 0; p < sizeof pools / sizeof pools[0]; p++) {
            data.request.pool = pools[p];
            for (int m = ROPEMAP_METHOD_FACTORED; m <= ROPEMAP_METHOD_TILED; m++) {
                data.request.method = (ropemap_method)m;
                if (case_method_serves(&data, data.request.method)) {
                    ropemap_map map = {0};
                    map_compute(test->name, &data.request, &map);
                    change(test->name, data.request, &map);
                    ropemap_map_free(&map);
                }
            }
        }
        case_data_free(&data);
    }
}

static void test_same_bytes_for_any_threads(void **state) {
    walk(vary_threads);
}

static void vary_memory_void(const char *name, ropemap_request request, const ropemap_map *wanted) {
    (void)vary_memory(name, request, wanted);
}

static void test_same_bytes_for_any_memory(void **state) {
    walk(vary_memory_void);
}

/* A request large enough that less memory means smaller bands or keys that are made again. */
static void test_same_bytes_where_bands_change(void **state) {
    for (int pool = ROPEMAP_POOL_MEAN; pool <= ROPEMAP_POOL_STD; pool += ROPEMAP_POOL_STD) {
        ropemap_vectors *queries = NULL, *keys = NULL;
        assert_int_equal(ropemap_vectors_gauss(8, 1, 0, &queries, NULL), ROPEMAP_OK);
        assert_int_equal(ropemap_vectors_gauss(8, 1, 1, &keys, NULL), ROPEMAP_OK);
        ropemap_request request = ropemap_request_default();
        request.spec.head_dim = 8;
        request.queries = queries;
        request.keys = keys;
        request.rows = request.cols = (ropemap_range){.first = 3, .count = 2100, .step = 1};
        request.height = request.width = 97;
        request.mask.causal = true;
        request.pool = (ropemap_pool)pool;
        request.method = ROPEMAP_METHOD_TILED;
        request.threads = 1;
        ropemap_map map = {0};
        map_compute("gauss", &request, &map);
        assert_true(vary_memory("gauss", request, &map) >= 1);
        ropemap_map_free(&map);
        ropemap_vectors_free(queries);
        ropemap_vectors_free(keys);
    }
}

static void test_same_bytes_for_every_variant(void **state) {
    walk(vary_variant);
}

/* ---- what the map says of itself ---- */

static void test_statistics(void **state) {
    for (int i = 0; map_case_at(i) != NULL; i++) {
        case_data data;
        case_data_make(map_case_at(i), &data);
        ropemap_map map = {0};
        map_compute(map_case_at(i)->name, &data.request, &map);
        double low = (double)INFINITY, high = -(double)INFINITY, sum = 0;
        int64_t nan_cells = 0;
        for (int64_t c = 0; c < map.height * map.width; c++) {
            const double cell = (double)map.cells[c];
            nan_cells += isnan(cell) ? 1 : 0;
            sum += isnan(cell) ? 0 : cell;
            low = cell < low ? cell : low;
            high = cell > high ? cell : high;
        }
        const double count = (double)(map.height * map.width - nan_cells);
        assert_int_equal(map.nan_cells, nan_cells);
        if (count == 0) {
            assert_true(isnan(map.min) && isnan(map.max) && isnan(map.mean));
        } else {
            assert_true(map.min == low && map.max == high);
            assert_true(isfinite(sum) ? fabs(map.mean - sum / count) <= 1e-12 * fmax(fabs(low), fabs(high))
                                      : !isfinite(map.mean));
        }
        assert_true(map.seconds.total >= 0);
        assert_string_equal(map.plan.backend, "cpu");
        ropemap_map_free(&map);
        assert_null(map.cells);
        assert_int_equal(map.width, 0);
        case_data_free(&data);
    }
    ropemap_map_free(NULL);
}

/* Sides of primes and powers: bounds meet, begin at 0, end at the count and are floors. */
static void test_cell_bounds(void **state) {
    static const int64_t counts[] = {1, 2, 31, 1021, 131072, ((int64_t)1 << 40) - 1, (int64_t)1 << 40};
    static const int64_t sides[] = {1, 2, 7, 31, 1024, 65535};
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        for (size_t s = 0; s < sizeof sides / sizeof sides[0]; s++) {
            const int64_t cells = oracle_cells(counts[n], sides[s]);
            int64_t before = 0;
            for (int64_t cell = 0; cell < cells; cell++) {
                int64_t first = -1, end = -1;
                ropemap_cell_bounds(counts[n], cells, cell, &first, &end);
                assert_int_equal(first, before);
                assert_int_equal(first, oracle_cell_first(counts[n], cells, cell));
                assert_true(end > first);
                before = end;
            }
            assert_int_equal(before, counts[n]);
        }
    }
}

/* ---- progress, refusals ---- */

struct telling {
    int calls, stop_at;
    double done, total;
    char stage[40];
};

static int tell(void *user, const char *stage, double done, double total) {
    struct telling *telling = user;
    assert_non_null(stage);
    assert_true(done >= 0 && done <= total);
    if (strcmp(stage, telling->stage) == 0 && done < telling->done) {
        assert_true(telling->done == telling->total); /* a stage may run again, after it has ended */
    }
    (void)strncpy(telling->stage, stage, sizeof telling->stage - 1);
    telling->done = done;
    telling->total = total;
    telling->calls++;
    return telling->calls == telling->stop_at;
}

static void check_stop(ropemap_request request, ropemap_method method) {
    struct telling telling = {0};
    request.method = method;
    request.progress = tell;
    request.progress_user = &telling;
    ropemap_map map = {0};
    map_compute("progress", &request, &map);
    assert_true(telling.calls >= 1);
    ropemap_map_free(&map);
    const int calls = telling.calls < 6 ? telling.calls : 6;
    for (int stop_at = 1; stop_at <= calls; stop_at++) {
        telling = (struct telling){.stop_at = stop_at};
        ropemap_error error = {0};
        assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_STOPPED);
        assert_int_equal(error.status, ROPEMAP_STOPPED);
        assert_int_equal(telling.calls, stop_at);
        assert_null(map.cells);
    }
}

static void test_progress_can_stop_every_method(void **state) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 8;
    request.rows.count = request.cols.count = 1021;
    request.height = request.width = 31;
    request.threads = 1;
    for (int m = ROPEMAP_METHOD_FACTORED; m <= ROPEMAP_METHOD_TILED; m++) {
        check_stop(request, (ropemap_method)m);
    }
    request.mask.causal = true;
    request.pool = ROPEMAP_POOL_STD;
    check_stop(request, ROPEMAP_METHOD_FACTORED);
}

static void test_strict_refuses_what_is_not_finite(void **state) {
    for (int i = 0; map_case_at(i) != NULL; i++) {
        const map_case *test = map_case_at(i);
        const bool finite = test->content != CASE_NAN && test->content != CASE_INFINITY;
        if (test->content == CASE_ONES || test->rows.count > 257) {
            continue;
        }
        case_data data;
        case_data_make(test, &data);
        data.request.strict = true;
        for (int m = 0; m < 4; m++) {
            data.request.method = (ropemap_method)m;
            ropemap_map map = {0};
            ropemap_error error = {0};
            if (case_method_serves(&data, data.request.method)) {
                const ropemap_status status = ropemap_map_compute(&data.request, &map, &error);
                if (status != (finite ? ROPEMAP_OK : ROPEMAP_DATA)) {
                    fail_msg("%s, %s: status %d, %s", test->name, ropemap_method_name((ropemap_method)m),
                             (int)status, error.text);
                }
            }
            ropemap_map_free(&map);
        }
        case_data_free(&data);
    }
}

/* Independent vectors of length 1: products have mean 0 and a mean square of 1/d, to 6 standard errors. */
static void test_gauss(void **state) {
    enum { DIM = 16, COUNT = 512 };
    ropemap_vectors *queries = NULL, *keys = NULL;
    assert_int_equal(ropemap_vectors_gauss(DIM, 5, 0, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_gauss(DIM, 5, 1, &keys, NULL), ROPEMAP_OK);
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = DIM;
    request.queries = queries;
    request.keys = keys;
    request.rows = (ropemap_range){.first = 1000, .count = COUNT, .step = 1};
    request.cols = (ropemap_range){.first = ((int64_t)1 << 39), .count = COUNT, .step = 1};
    request.height = request.width = 1;
    ropemap_map map = {0};
    map_compute("gauss", &request, &map);
    /* the mean of COUNT^2 products is that of two mean vectors, of variance 1 / (DIM COUNT) an element each
     */
    assert_true(fabs((double)map.cells[0]) <= 6 / (sqrt(DIM) * COUNT));
    ropemap_map_free(&map);
    request.pool = ROPEMAP_POOL_RMS;
    map_compute("gauss", &request, &map);
    /* |q|^2 is chi-squared of DIM degrees over DIM: the mean of COUNT of them is off by sqrt(2 / (DIM COUNT))
     */
    const double error = 6 * 2 * sqrt(2.0 / (DIM * COUNT)) + 6.0 / COUNT;
    assert_true(fabs((double)map.cells[0] * (double)map.cells[0] * DIM - 1) <= error);
    ropemap_map_free(&map);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_same_bytes_for_any_memory),
        cmocka_unit_test(test_same_bytes_where_bands_change),
        cmocka_unit_test(test_same_bytes_for_every_variant),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_cell_bounds),
        cmocka_unit_test(test_progress_can_stop_every_method),
        cmocka_unit_test(test_strict_refuses_what_is_not_finite),
        cmocka_unit_test(test_gauss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
