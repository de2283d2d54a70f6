/* test_plan.c - which method serves, why, within which memory; what is refused, and in which words */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/computed.h"
#include "tests/unit.h"

#include <math.h>

static const uint64_t MIB = (uint64_t)1 << 20;

struct fixture {
    ropemap_vectors *queries, *keys;
};

static int make_vectors(void **state) {
    static struct fixture fixture;
    *state = &fixture;
    return ropemap_vectors_gauss(128, 1, 0, &fixture.queries, NULL) != ROPEMAP_OK ||
           ropemap_vectors_gauss(128, 1, 1, &fixture.keys, NULL) != ROPEMAP_OK;
}

static int free_vectors(void **state) {
    struct fixture *fixture = *state;
    ropemap_vectors_free(fixture->queries);
    ropemap_vectors_free(fixture->keys);
    return 0;
}

static ropemap_request request_of(const struct fixture *fixture, int64_t positions, ropemap_pool pool) {
    ropemap_request request = ropemap_request_default();
    request.queries = fixture == NULL ? NULL : fixture->queries;
    request.keys = fixture == NULL ? NULL : fixture->keys;
    request.rows.count = request.cols.count = positions;
    request.pool = pool;
    request.threads = 2;
    return request;
}

static ropemap_plan plan_of(const ropemap_request *request) {
    ropemap_plan plan = {0};
    ropemap_error error = {0};
    if (plan_make(request, &plan, &error) != ROPEMAP_OK) {
        fail_msg("%s of %lld positions, %s: %s", ropemap_pool_name(request->pool),
                 (long long)request->rows.count, ropemap_method_name(request->method), error.text);
    }
    assert_true(plan.method != ROPEMAP_METHOD_AUTO);
    assert_true(strlen(plan.reason) > 0);
    assert_string_equal(plan.backend, "cpu");
    assert_true(plan.threads >= 1 && plan.bytes > 0 && plan.flops >= 0);
    return plan;
}

/* ---- the choice ---- */

static void test_means_are_factored(void **state) {
    for (int with_vectors = 0; with_vectors < 2; with_vectors++) {
        ropemap_request request = request_of(with_vectors ? *state : NULL, 131072, ROPEMAP_POOL_MEAN);
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_FACTORED);
        request.mask.causal = true;
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_FACTORED);
    }
}

static void test_extremes_of_constant_vectors_are_diagonal(void **state) {
    static const ropemap_pool pools[] = {ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX, ROPEMAP_POOL_ABSMAX};
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        ropemap_request request = request_of(NULL, 131072, pools[i]);
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_DIAGONAL);
        request.rows.step = request.cols.step = 3;
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_DIAGONAL);
        request.rows.step = 2;
        request.rows.count = request.cols.count = 4096;
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_TILED);
    }
}

static void test_extremes_of_other_vectors_are_tiled(void **state) {
    const ropemap_request request = request_of(*state, 131072, ROPEMAP_POOL_MAX);
    const ropemap_plan plan = plan_of(&request);
    assert_int_equal(plan.method, ROPEMAP_METHOD_TILED);
    assert_int_equal(plan.height, 1024);
    assert_int_equal(plan.width, 1024);
    /* 2 d FLOP a pair, and rotations */
    const double pairs = 131072.0 * 131072.0;
    assert_true(plan.flops >= 256 * pairs && plan.flops <= 300 * pairs);
    assert_true(plan.tiles > 0 && plan.bands > 0 && plan.block > 0);
}

/* 1024 positions a cell: second moments cost far less than every pair. */
static void test_rms_and_std_are_factored_where_cells_are_large(void **state) {
    for (int pool = ROPEMAP_POOL_RMS; pool <= ROPEMAP_POOL_STD; pool++) {
        ropemap_request request = request_of(*state, (int64_t)1 << 20, (ropemap_pool)pool);
        const ropemap_plan factored = plan_of(&request);
        assert_int_equal(factored.method, ROPEMAP_METHOD_FACTORED);
        request.method = ROPEMAP_METHOD_TILED;
        assert_true(plan_of(&request).flops > factored.flops);
        request = request_of(*state, 1024, (ropemap_pool)pool); /* one position a cell */
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_TILED);
    }
}

static void test_a_side_has_no_more_cells_than_positions(void **state) {
    ropemap_request request = request_of(NULL, 31, ROPEMAP_POOL_MEAN);
    request.cols.count = 5000;
    const ropemap_plan plan = plan_of(&request);
    assert_int_equal(plan.height, 31);
    assert_int_equal(plan.width, 1024);
}

/* ---- refusals ---- */

static void check_refused(const ropemap_request *request, ropemap_status status, const char *word) {
    ropemap_plan plan;
    ropemap_error error = {0};
    const ropemap_status got = plan_make(request, &plan, &error);
    if (got != status) {
        fail_msg("status %d in place of %d, for '%s': %s", (int)got, (int)status, word, error.text);
    }
    assert_int_equal(error.status, status);
    assert_says(error.text, word);
    ropemap_map map = {0};
    assert_int_equal(ropemap_map_compute(request, &map, NULL), status);
    assert_null(map.cells);
}

static void test_forced_methods_that_cannot_serve(void **state) {
    for (int pool = ROPEMAP_POOL_MIN; pool <= ROPEMAP_POOL_ABSMAX; pool++) {
        ropemap_request request = request_of(NULL, 4096, (ropemap_pool)pool);
        request.method = ROPEMAP_METHOD_FACTORED;
        check_refused(&request, ROPEMAP_USAGE, "factored");
        check_refused(&request, ROPEMAP_USAGE, ropemap_pool_name((ropemap_pool)pool));
    }
    ropemap_request request = request_of(*state, 4096, ROPEMAP_POOL_MAX);
    request.method = ROPEMAP_METHOD_DIAGONAL;
    check_refused(&request, ROPEMAP_USAGE, "diagonal");
    request = request_of(NULL, 4096, ROPEMAP_POOL_MAX);
    request.method = ROPEMAP_METHOD_DIAGONAL;
    request.rows.step = 2;
    check_refused(&request, ROPEMAP_USAGE, "step");
}

/* 2^40 distances cannot be listed, nor 2^80 pairs: refused by any method, in words, and at once. */
static void test_counts_too_large_to_enumerate(void **state) {
    for (int m = 0; m < 4; m++) {
        ropemap_request request = request_of(NULL, ROPEMAP_POSITION_END, ROPEMAP_POOL_MAX);
        request.method = (ropemap_method)m;
        ropemap_plan plan;
        ropemap_error error = {0};
        const ropemap_status status = plan_make(&request, &plan, &error);
        if (m == ROPEMAP_METHOD_TILED && status == ROPEMAP_OK) {
            assert_true(plan.flops >= 0x1p80 && plan.bytes <= (uint64_t)1 << 40); /* planned, never wrapped */
            continue;
        }
        assert_true(status == ROPEMAP_USAGE || status == ROPEMAP_RESOURCES);
        assert_true(strlen(error.text) > 0);
    }
}

static void test_ranges(void **state) {
    static const ropemap_range bad[] = {{0, 0, 1},
                                        {0, -1, 1},
                                        {-1, 5, 1},
                                        {0, 5, 0},
                                        {0, 5, -1},
                                        {((int64_t)1 << 40), 1, 1},
                                        {((int64_t)1 << 40) - 1, 2, 1},
                                        {0, ((int64_t)1 << 40) + 1, 1},
                                        {0, 3, (int64_t)1 << 39},
                                        {0, INT64_MAX, INT64_MAX},
                                        {INT64_MAX, 1, 1},
                                        {INT64_MIN, 1, 1},
                                        {0, 2, INT64_MAX},
                                        {1, INT64_MAX / 2, 3}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ropemap_request request = ropemap_request_default();
        request.rows = bad[i];
        check_refused(&request, ROPEMAP_USAGE, "rows");
        request = ropemap_request_default();
        request.cols = bad[i];
        check_refused(&request, ROPEMAP_USAGE, "cols");
    }
    static const ropemap_range good[] = {
        {((int64_t)1 << 40) - 1, 1, 1}, {0, 2, ((int64_t)1 << 40) - 1}, {0, (int64_t)1 << 40, 1}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ropemap_request request = ropemap_request_default();
        request.rows = good[i];
        (void)plan_of(&request);
    }
}

static void test_sizes_and_names(void **state) {
    static const int64_t sizes[] = {0, -1, 65536, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ropemap_request request = ropemap_request_default();
        request.width = sizes[i];
        check_refused(&request, ROPEMAP_USAGE, "width");
        request = ropemap_request_default();
        request.height = sizes[i];
        check_refused(&request, ROPEMAP_USAGE, "height");
    }
    ropemap_request request = ropemap_request_default();
    request.backend = "abacus";
    check_refused(&request, ROPEMAP_USAGE, "abacus");
    request = ropemap_request_default();
    request.threads = -1;
    check_refused(&request, ROPEMAP_USAGE, "threads");
    request = ropemap_request_default();
    request.spec.base = 1;
    check_refused(&request, ROPEMAP_USAGE, "base");
    const struct fixture *fixture = *state;
    request = ropemap_request_default();
    request.queries = fixture->queries;
    check_refused(&request, ROPEMAP_USAGE, "keys");
    request = request_of(fixture, 4096, ROPEMAP_POOL_MEAN);
    request.spec.head_dim = 64;
    check_refused(&request, ROPEMAP_USAGE, "head");
}

/* Vectors that end, or begin, before the positions do. */
static void test_positions_without_a_row(void **state) {
    static const float rows[10][2];
    ropemap_vectors *vectors = NULL;
    assert_int_equal(ropemap_vectors_memory(&rows[0][0], 10, 2, &vectors, NULL), ROPEMAP_OK);
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 2;
    request.queries = request.keys = vectors;
    assert_int_equal(ropemap_vectors_place(vectors, 5, 1, NULL), ROPEMAP_OK);
    request.rows = request.cols = (ropemap_range){.first = 5, .count = 10, .step = 1};
    (void)plan_of(&request);
    request.rows.count = 11;
    check_refused(&request, ROPEMAP_USAGE, "rows");
    request.rows = (ropemap_range){.first = 4, .count = 3, .step = 1};
    check_refused(&request, ROPEMAP_USAGE, "rows");
    request.rows = (ropemap_range){.first = 5, .count = 4, .step = 3};
    (void)plan_of(&request);
    request.cols = (ropemap_range){.first = 6, .count = 4, .step = 3};
    check_refused(&request, ROPEMAP_USAGE, "cols");
    request.cols = (ropemap_range){.first = 14, .count = 1, .step = 7};
    (void)plan_of(&request);
    assert_int_equal(ropemap_vectors_place(vectors, 5, 3, NULL), ROPEMAP_OK);
    request.rows = request.cols = (ropemap_range){.first = 5, .count = 10, .step = 3};
    (void)plan_of(&request);
    request.rows = (ropemap_range){.first = 8, .count = 4, .step = 6};
    (void)plan_of(&request);
    request.rows.first = 9;
    check_refused(&request, ROPEMAP_USAGE, "rows");
    request.rows = (ropemap_range){.first = 8, .count = 4, .step = 5};
    check_refused(&request, ROPEMAP_USAGE, "rows");
    request.rows = (ropemap_range){.first = 32, .count = 1, .step = 1};
    (void)plan_of(&request);
    ropemap_vectors_free(vectors);
}

/* Only means of equal vectors are closed sums; second moments read every row, and that must be counted. */
static void test_second_moments_of_equal_vectors_are_counted(void **state) {
    for (int pool = ROPEMAP_POOL_RMS; pool <= ROPEMAP_POOL_STD; pool++) {
        ropemap_request request = request_of(NULL, 131072, (ropemap_pool)pool);
        request.method = ROPEMAP_METHOD_FACTORED;
        request.spec.head_dim = 16;
        const double small = plan_of(&request).flops;
        request.rows.count = request.cols.count = (int64_t)1 << 32;
        assert_true(plan_of(&request).flops > 100 * small);
    }
}

/* ---- memory ---- */

/* For any request: the plan stays within its memory, or reports that it cannot. */
static void check_memory(ropemap_request request) {
    for (request.memory = 1; request.memory < (uint64_t)1 << 34; request.memory *= 4) {
        ropemap_plan plan;
        ropemap_error error = {0};
        const ropemap_status status = plan_make(&request, &plan, &error);
        if (status == ROPEMAP_OK) {
            /* the memory is what the work takes without the map itself */
            assert_true(plan.bytes <= request.memory + (uint64_t)(plan.height * plan.width) * sizeof(float));
        } else {
            assert_int_equal(status, ROPEMAP_RESOURCES);
            assert_says(error.text, "memory");
        }
    }
}

/* Methods round in different ways: any memory has the method that all the memory has, or is refused. */
static void check_method(ropemap_request request) {
    request.memory = (uint64_t)1 << 40;
    const ropemap_plan most = plan_of(&request);
    for (request.memory = 1; request.memory < (uint64_t)1 << 34; request.memory *= 2) {
        ropemap_plan plan;
        if (plan_make(&request, &plan, NULL) == ROPEMAP_OK) {
            assert_int_equal(plan.method, most.method);
            assert_string_equal(plan.reason, most.reason);
        }
    }
}

static void test_memory_does_not_choose_the_method(void **state) {
    static const int64_t positions[] = {500, 3000, 20000, 300000}, sides[] = {16, 100, 700, 2048};
    for (int pool = ROPEMAP_POOL_MEAN; pool <= ROPEMAP_POOL_STD; pool++) {
        for (int i = 0; i < 64; i++) {
            ropemap_request request =
                request_of(i % 2 == 0 ? *state : NULL, positions[i / 2 % 4], (ropemap_pool)pool);
            request.width = request.height = sides[i / 8 % 4];
            request.mask.causal = i / 32 == 1;
            check_method(request);
        }
    }
}

static void test_plans_stay_in_their_memory(void **state) {
    for (int with_vectors = 0; with_vectors < 2; with_vectors++) {
        for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
            for (int bits = 0; bits <= 30; bits += 10) {
                ropemap_request request =
                    request_of(with_vectors ? *state : NULL, (int64_t)1 << bits, (ropemap_pool)pool);
                request.mask.causal = bits % 20 == 0;
                check_memory(request);
            }
        }
    }
}

/* Where no memory is named: no more than 256 MB and the map, where inputs are not held (they are generated).
 */
static void test_memory_does_not_grow_with_pairs(void **state) {
    for (int with_vectors = 0; with_vectors < 2; with_vectors++) {
        for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
            for (int bits = 20; bits <= 30; bits += 10) {
                ropemap_request request =
                    request_of(with_vectors ? *state : NULL, (int64_t)1 << bits, (ropemap_pool)pool);
                ropemap_plan plan;
                request.memory = 256 * MIB;
                if (plan_make(&request, &plan, NULL) == ROPEMAP_OK) {
                    assert_true(plan.bytes <= 260 * MIB);
                } else {
                    assert_int_equal(bits, 30); /* a million positions are always served */
                }
            }
        }
    }
}

/* Distances are worked on in parts: their memory is that of a part, whatever the number of positions. */
static void test_distances_take_little_memory(void **state) {
    for (int pool = ROPEMAP_POOL_MIN; pool <= ROPEMAP_POOL_STD; pool++) {
        ropemap_request request = request_of(NULL, (int64_t)1 << 27, (ropemap_pool)pool);
        request.memory = 96 * MIB;
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_DIAGONAL);
        request.threads = 64;
        assert_int_equal(plan_of(&request).method, ROPEMAP_METHOD_DIAGONAL);
    }
}

/* As many cells as positions, each of three doubles: a band of queries must not keep too many of them. */
static void test_large_maps_take_little_memory(void **state) {
    ropemap_request request = request_of(*state, 8192, ROPEMAP_POOL_STD);
    request.width = request.height = 8192;
    request.method = ROPEMAP_METHOD_TILED;
    request.memory = (uint64_t)1 << 40;
    assert_true(plan_of(&request).bytes <= 256 * MIB);
}

/* Many threads in little memory: fewer of them work, and the request is served. */
static void test_threads_give_way_to_memory(void **state) {
    for (int method = ROPEMAP_METHOD_FACTORED; method <= ROPEMAP_METHOD_TILED; method += 2) {
        ropemap_request request = request_of(*state, 131072, ROPEMAP_POOL_STD);
        request.method = (ropemap_method)method;
        request.memory = 160 * MIB;
        request.threads = 1024;
        const ropemap_plan plan = plan_of(&request);
        assert_true(plan.threads < 1024 && plan.bytes <= request.memory);
    }
}

static void test_constant_means_cost_the_same_at_any_count(void **state) {
    ropemap_request request = request_of(NULL, 131072, ROPEMAP_POOL_MEAN);
    const ropemap_plan small = plan_of(&request);
    request.rows.count = request.cols.count = ROPEMAP_POSITION_END;
    const ropemap_plan large = plan_of(&request);
    assert_int_equal(small.method, large.method);
    assert_true(small.bytes == large.bytes);
    assert_true(small.flops == large.flops);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means_are_factored),
        cmocka_unit_test(test_extremes_of_constant_vectors_are_diagonal),
        cmocka_unit_test(test_extremes_of_other_vectors_are_tiled),
        cmocka_unit_test(test_rms_and_std_are_factored_where_cells_are_large),
        cmocka_unit_test(test_a_side_has_no_more_cells_than_positions),
        cmocka_unit_test(test_forced_methods_that_cannot_serve),
        cmocka_unit_test(test_counts_too_large_to_enumerate),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_sizes_and_names),
        cmocka_unit_test(test_positions_without_a_row),
        cmocka_unit_test(test_memory_does_not_choose_the_method),
        cmocka_unit_test(test_plans_stay_in_their_memory),
        cmocka_unit_test(test_memory_does_not_grow_with_pairs),
        cmocka_unit_test(test_second_moments_of_equal_vectors_are_counted),
        cmocka_unit_test(test_distances_take_little_memory),
        cmocka_unit_test(test_large_maps_take_little_memory),
        cmocka_unit_test(test_threads_give_way_to_memory),
        cmocka_unit_test(test_constant_means_cost_the_same_at_any_count),
    };
    return cmocka_run_group_tests(tests, make_vectors, free_vectors);
}
