/* test_parts.c - the parts of a map, computed in any order, are the bytes of the whole */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_parts.h"
#include "tests/unit.h"

#include <math.h>

enum { DIM = 8, ROWS = 1103, MOST = 64 };

static float rows[2][ROWS * DIM];

/* Small numbers of no pattern; some queries are NaN. */
static void fill(void) {
    uint64_t state = 1;
    for (int i = 0; i < 2 * ROWS * DIM; i++) {
        rows[i / (ROWS * DIM)][i % (ROWS * DIM)] = (float)(chance_bits(&state) >> 16) * 0x1p-23f - 1.0f;
    }
    rows[0][511 * DIM] = rows[0][512 * DIM] = NAN;
}

static ropemap_request request_of(const ropemap_vectors *queries, const ropemap_vectors *keys) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = DIM;
    request.queries = queries;
    request.keys = keys;
    request.rows = request.cols = (ropemap_range){.first = 0, .count = ROWS, .step = 1};
    request.width = 37;
    request.height = 71;
    request.method = ROPEMAP_METHOD_TILED;
    request.backend = "cpu";
    request.threads = 2;
    return request;
}

static void check_cut(const int64_t *starts, int64_t count, int64_t height) {
    assert_int_equal(starts[0], 0);
    assert_int_equal(starts[count], height);
    for (int64_t part = 0; part < count; part++) {
        assert_true(starts[part] < starts[part + 1]);
    }
}

/* The map of `count` parts, of which one after another is `stride` further on. */
static void compute_parts(ropemap_job *job, int64_t count, int64_t stride, ropemap_map *map) {
    int64_t starts[MOST + 1];
    const ropemap_plan *plan = ropemap_job_plan(job);
    ropemap_error error = {0};
    assert_int_equal(ropemap_job_cut(job, count, starts), count);
    check_cut(starts, count, plan->height);
    *map = (ropemap_map){.height = plan->height, .width = plan->width};
    map->cells = calloc((size_t)(map->height * map->width), sizeof *map->cells);
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = i * stride % count;
        ropemap_part part = {.first = starts[at], .end = starts[at + 1]};
        assert_int_equal(ropemap_job_run_part(job, &part, map->cells + part.first * map->width, &error), 0);
        map->empty_rows += part.empty_rows;
        map->nan_rows += part.nan_rows;
    }
    ropemap_job_join(job, map);
}

static void check(const ropemap_request *request) {
    static const int64_t counts[] = {1, 2, 3, 7, 64};
    ropemap_map whole = {0}, parts = {0};
    ropemap_job *job = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_map_compute(request, &whole, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_job_open(request, &job, &error), ROPEMAP_OK);
    for (int i = 0; i < 5; i++) {
        compute_parts(job, counts[i], 5, &parts);
        assert_memory_equal(parts.cells, whole.cells, (size_t)(whole.height * whole.width) * sizeof(float));
        assert_memory_equal(&parts.min, &whole.min, sizeof parts.min);
        assert_memory_equal(&parts.max, &whole.max, sizeof parts.max);
        assert_memory_equal(&parts.mean, &whole.mean, sizeof parts.mean);
        assert_int_equal(parts.nan_cells, whole.nan_cells);
        assert_int_equal(parts.empty_rows, whole.empty_rows);
        assert_int_equal(parts.nan_rows, whole.nan_rows);
        free(parts.cells);
    }
    ropemap_job_free(job);
    ropemap_map_free(&whole);
}

static void test_parts_are_the_whole(void **state) {
    ropemap_vectors *queries = NULL, *keys = NULL;
    fill();
    assert_int_equal(ropemap_vectors_memory(rows[0], ROWS, DIM, &queries, NULL), 0);
    assert_int_equal(ropemap_vectors_memory(rows[1], ROWS, DIM, &keys, NULL), 0);
    ropemap_request request = request_of(queries, keys);
    for (request.pool = ROPEMAP_POOL_MEAN; request.pool <= ROPEMAP_POOL_STD; request.pool++) {
        request.mask.causal = request.pool % 2 != 0;
        check(&request);
    }
    request.keys = queries; /* a mirror */
    request.width = request.height = 71;
    request.pool = ROPEMAP_POOL_MAX;
    request.mask.causal = false;
    check(&request);
    request = request_of(queries, keys);
    request.measure = ROPEMAP_MEASURE_SOFTMAX;
    request.rows.first = 100; /* the last queries see the keys before them, the first ones some that follow */
    request.rows.count = ROWS - 100;
    request.mask = (ropemap_mask){.causal = true, .window = 300, .sink_tokens = 3};
    for (int pool = 0; pool < 3; pool++) {
        request.pool = (const ropemap_pool[]){ROPEMAP_POOL_MASS, ROPEMAP_POOL_MEAN, ROPEMAP_POOL_MAX}[pool];
        check(&request);
    }
    request.cols = (ropemap_range){.first = 700, .count = 1, .step = 1}; /* most see nothing */
    request.mask.sink_tokens = 0;
    check(&request);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

/* A method that computes no row alone has one part; others are cut by their work, whatever the threads. */
static void test_parts_are_of_equal_work(void **state) {
    int64_t starts[5], again[5];
    ropemap_job *job = NULL;
    ropemap_request request = ropemap_request_default();
    assert_int_equal(ropemap_job_open(&request, &job, NULL), 0);
    assert_int_equal(ropemap_job_cut(job, 4, starts), 1);
    check_cut(starts, 1, 1024);
    ropemap_job_free(job);
    request.method = ROPEMAP_METHOD_TILED;
    request.mask.causal = true;
    for (request.threads = 1; request.threads <= 3; request.threads++) {
        assert_int_equal(ropemap_job_open(&request, &job, NULL), 0);
        assert_int_equal(ropemap_job_cut(job, 4, request.threads == 1 ? starts : again), 4);
        ropemap_job_free(job);
    }
    assert_memory_equal(starts, again, sizeof starts);
    for (int i = 1; i < 4; i++) { /* of a triangle, to a row and to the ends of bands */
        assert_true(fabs((double)starts[i] - 1024 * sqrt(i / 4.0)) <= 65);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_the_whole),
        cmocka_unit_test(test_parts_are_of_equal_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
