/* test_method_tiled.c - one set of vectors on both sides: half of the tiles, mirrored, against all of them */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/computed.h"
#include "tests/unit.h"

#include <math.h>

enum { DIM = 34 };

static const ropemap_pool pools[] = {ROPEMAP_POOL_MEAN,   ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX,
                                     ROPEMAP_POOL_ABSMAX, ROPEMAP_POOL_RMS, ROPEMAP_POOL_STD};

struct shape {
    int64_t positions, cells;
};

/* One cell, one position a cell, cells that bands and blocks cut, several bands, a prime. */
static const struct shape shapes[] = {{1, 1}, {33, 33}, {300, 1}, {600, 7}, {1300, 13}, {1031, 1031}};

static float *random_rows(int64_t count) {
    float *rows = malloc((size_t)(count * DIM) * sizeof *rows);
    assert_non_null(rows);
    uint64_t state = 12345;
    for (int64_t i = 0; i < count * DIM; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        rows[i] = (float)((double)(state >> 33) * 0x1p-30 - 1.0);
    }
    return rows;
}

/* The map by the tiled method; `shared`: both sides are one object, else two over the same rows. */
static ropemap_map make(const float *rows, const struct shape *shape, ropemap_pool pool, bool shared,
                        int32_t threads) {
    ropemap_vectors *queries = NULL, *keys = NULL;
    assert_int_equal(ropemap_vectors_memory(rows, shape->positions, DIM, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_memory(rows, shape->positions, DIM, &keys, NULL), ROPEMAP_OK);
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = DIM;
    request.queries = queries;
    request.keys = shared ? queries : keys;
    request.rows = request.cols = (ropemap_range){.first = 0, .count = shape->positions, .step = 1};
    request.width = request.height = shape->cells;
    request.pool = pool;
    request.method = ROPEMAP_METHOD_TILED;
    request.backend = "cpu";
    request.threads = threads;
    ropemap_map map = {0};
    ropemap_plan plan;
    ropemap_error error = {0};
    assert_int_equal(plan_make(&request, &plan, &error), ROPEMAP_OK);
    map_compute("tiled", &request, &map);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
    return map;
}

/*
 * A product of 34 pairs of numbers below 1 and 1 is off by 34 * 2^-24 * 34 in either order; a mean, an
 * extreme or a root mean square of such is off by as much, as is a standard deviation twice, from values and
 * mean.
 */
static void test_half_of_the_tiles_give_the_whole_map(void **state) {
    const double bound = 2.0 * 2.0 * 34.0 * 34.0 * 0x1p-24;
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        float *rows = random_rows(shapes[s].positions);
        for (size_t p = 0; p < sizeof pools / sizeof pools[0]; p++) {
            ropemap_map half = make(rows, &shapes[s], pools[p], true, 2);
            ropemap_map one = make(rows, &shapes[s], pools[p], true, 1);
            ropemap_map whole = make(rows, &shapes[s], pools[p], false, 2);
            const int64_t cells = half.width;
            for (int64_t i = 0; i < cells * cells; i++) {
                assert_true(fabs((double)half.cells[i] - (double)whole.cells[i]) <= bound);
                assert_true(half.cells[i] == half.cells[i % cells * cells + i / cells]);
                assert_true(half.cells[i] == one.cells[i]);
            }
            assert_true(half.plan.flops < whole.plan.flops);
            assert_int_equal(half.nan_cells, 0);
            ropemap_map_free(&half);
            ropemap_map_free(&one);
            ropemap_map_free(&whole);
        }
        free(rows);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_of_the_tiles_give_the_whole_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
