/* test_memory.c - maps take no more memory than their plan says, and never the square of the positions */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/computed.h"
#include "tests/stand_ins.h"
#include "tests/unit.h"

enum { BOOKKEEPING = 16 << 10 }; /* bytes of tables of workers and sources, which no plan lists */

static void check_peak(const ropemap_request *request) {
    ropemap_plan plan;
    ropemap_error error = {0};
    if (plan_make(request, &plan, &error) != ROPEMAP_OK) {
        fail_msg("%s, %s: %s", ropemap_method_name(request->method), ropemap_pool_name(request->pool),
                 error.text);
    }
    const long before = bytes_live();
    bytes_peak_restart();
    ropemap_map map = {0};
    map_compute("memory", request, &map);
    const long taken = bytes_peak() - before;
    const uint64_t cells = (uint64_t)plan.height * (uint64_t)plan.width * sizeof(float);
    if ((uint64_t)taken > plan.bytes + cells + BOOKKEEPING) {
        fail_msg("%s, %s, %s, %d threads: %ld bytes, planned %llu", ropemap_method_name(plan.method),
                 ropemap_pool_name(request->pool), request->mask.causal ? "causal" : "full",
                 (int)plan.threads, taken, (unsigned long long)plan.bytes);
    }
    ropemap_map_free(&map);
    assert_int_equal(bytes_live(), before);
}

static bool serves(const ropemap_request *request) {
    const bool sums = request->pool == ROPEMAP_POOL_MEAN || request->pool == ROPEMAP_POOL_RMS ||
                      request->pool == ROPEMAP_POOL_STD;
    return request->method == ROPEMAP_METHOD_TILED || (request->method == ROPEMAP_METHOD_FACTORED && sums) ||
           (request->method == ROPEMAP_METHOD_DIAGONAL && request->queries == NULL);
}

static void walk(ropemap_request request) {
    for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
        for (int m = ROPEMAP_METHOD_FACTORED; m <= ROPEMAP_METHOD_TILED; m++) {
            for (int variant = 0; variant < 4; variant++) {
                request.pool = (ropemap_pool)pool;
                request.method = (ropemap_method)m;
                request.mask.causal = variant % 2 != 0;
                request.threads = variant < 2 ? 1 : 3;
                if (serves(&request)) {
                    check_peak(&request);
                }
            }
        }
    }
}

static ropemap_request request_of(int64_t rows, int64_t cols, int64_t height, int64_t width) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 8;
    request.rows.count = rows;
    request.cols.count = cols;
    request.height = height;
    request.width = width;
    return request;
}

static void test_ones(void **state) {
    walk(request_of(1, 1, 1, 1));
    walk(request_of(300, 97, 31, 7));
    walk(request_of(97, 1100, 97, 600));
}

static void test_gauss(void **state) {
    ropemap_request request = request_of(600, 97, 300, 13);
    ropemap_vectors *queries = NULL, *keys = NULL;
    assert_int_equal(ropemap_vectors_gauss(8, 1, 0, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_gauss(8, 1, 1, &keys, NULL), ROPEMAP_OK);
    request.queries = queries;
    request.keys = keys;
    walk(request);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

/* Every position there is: as much as for a thousand. */
static void test_closed_sums(void **state) {
    ropemap_request request = request_of(ROPEMAP_POSITION_END, ROPEMAP_POSITION_END, 7, 13);
    for (int causal = 0; causal < 2; causal++) {
        request.mask.causal = causal != 0;
        check_peak(&request);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ones),
        cmocka_unit_test(test_gauss),
        cmocka_unit_test(test_closed_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
