/* test_method_diagonal.c - the diagonal method where distances need several parts, against every pair */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/computed.h"
#include "tests/unit.h"

#include <math.h>

/* Similarities are below 1 and off by 4 roundings of 2^-24 in either method; pools add none that is larger,
 * but a deviation about a mean that is off counts twice. */
static void check_cells(const ropemap_request *request, const ropemap_map *parts, const ropemap_map *pairs) {
    for (int64_t i = 0; i < parts->height * parts->width; i++) {
        const double a = (double)parts->cells[i], b = (double)pairs->cells[i];
        if (isnan(a) != isnan(b) || fabs(a - b) > 16 * 0x1p-24) {
            fail_msg("%s: cell %lld is %.9g, not %.9g", ropemap_pool_name(request->pool), (long long)i, a, b);
        }
    }
}

static void test_parts_give_the_map_of_all_pairs(void **state) {
    static const ropemap_pool pools[] = {ROPEMAP_POOL_MIN, ROPEMAP_POOL_STD, ROPEMAP_POOL_MEAN,
                                         ROPEMAP_POOL_RMS};
    for (int p = 0; p < 4; p++) {
        ropemap_request request = ropemap_request_default();
        request.spec.head_dim = 2;
        request.spec.base = 1e5;
        request.rows = (ropemap_range){.first = 7, .count = 32003, .step = 1};
        request.cols = (ropemap_range){.first = 15000, .count = 1501, .step = 1};
        request.height = 23;
        request.width = 17;
        request.pool = pools[p];
        request.mask.causal = p % 2 == 1;
        ropemap_map parts = {0}, pairs = {0};
        request.method = ROPEMAP_METHOD_DIAGONAL;
        map_compute("diagonal", &request, &parts);
        assert_true(parts.plan.bands >= 2);
        request.method = ROPEMAP_METHOD_TILED;
        map_compute("diagonal", &request, &pairs);
        check_cells(&request, &parts, &pairs);
        ropemap_map_free(&pairs);
        request.method = ROPEMAP_METHOD_DIAGONAL;
        request.memory = parts.plan.bytes / 2 + 300000; /* one thread's part */
        request.threads = 5;
        map_compute("diagonal", &request, &pairs);
        assert_memory_equal(parts.cells, pairs.cells, sizeof(float) * 23 * 17);
        ropemap_map_free(&pairs);
        ropemap_map_free(&parts);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts_give_the_map_of_all_pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
