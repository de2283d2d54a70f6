/* test_stop.c - a wish to stop is heard at once, in stages whose single tasks would take minutes */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/unit.h"

#include <time.h>

static const double WISH = 0.3; /* seconds after which the callback asks to stop */
static const double MOST = 2.5; /* until it must have happened: 0.1 s, and what sanitizers and a busy machine
                                   take */

static double now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

struct wish {
    double start;
    char stage[40];
};

static int tell(void *user, const char *stage, double done, double total) {
    struct wish *wish = user;
    assert_true(done >= 0 && done <= total);
    (void)strncpy(wish->stage, stage, sizeof wish->stage - 1);
    return now() - wish->start >= WISH;
}

static void check_stop(ropemap_request request, const char *stage) {
    for (request.threads = 1; request.threads <= 2; request.threads++) {
        struct wish wish = {.start = now()};
        request.progress = tell;
        request.progress_user = &wish;
        ropemap_map map = {0};
        ropemap_error error = {0};
        const ropemap_status status = ropemap_map_compute(&request, &map, &error);
        if (status != ROPEMAP_STOPPED || now() - wish.start > MOST) {
            fail_msg("%s, %d threads: status %d after %.1f s in '%s': %s", stage, (int)request.threads,
                     (int)status, now() - wish.start, wish.stage, error.text);
        }
        assert_string_equal(wish.stage, stage);
        assert_null(map.cells);
    }
}

/* One cell of 2^28 positions a side and more: whatever is done for a cell takes minutes. */
static ropemap_request one_cell(int64_t positions, const ropemap_vectors *vectors) {
    ropemap_request request = ropemap_request_default();
    request.queries = request.keys = vectors;
    request.spec.head_dim = 16;
    request.rows.count = request.cols.count = positions;
    request.width = request.height = 1;
    return request;
}

static int make_vectors(void **state) {
    return ropemap_vectors_gauss(16, 1, 0, (ropemap_vectors **)state, NULL) != ROPEMAP_OK;
}

static int free_vectors(void **state) {
    ropemap_vectors_free(*state);
    return 0;
}

static void test_pooled_rows(void **state) {
    ropemap_request request = one_cell((int64_t)1 << 32, *state);
    check_stop(request, "pool rows");
    request.pool = ROPEMAP_POOL_STD;
    request.method = ROPEMAP_METHOD_FACTORED;
    check_stop(request, "pool rows");
}

/* The column's cell is pooled at once; the cell on the diagonal is walked pair by pair. */
static void test_cells_on_the_diagonal(void **state) {
    ropemap_request request = one_cell(32768, *state);
    request.rows.count = (int64_t)1 << 30;
    request.rows.step = 2;
    request.method = ROPEMAP_METHOD_FACTORED;
    request.mask.causal = true;
    request.queries = request.keys = NULL;
    check_stop(request, "diagonal cells");
}

static void test_tiles(void **state) {
    ropemap_request request = one_cell((int64_t)1 << 28, *state);
    request.pool = ROPEMAP_POOL_MAX;
    request.memory = (uint64_t)64 << 20; /* keys are rotated again for each band */
    check_stop(request, "tiles");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pooled_rows),
        cmocka_unit_test(test_cells_on_the_diagonal),
        cmocka_unit_test(test_tiles),
    };
    return cmocka_run_group_tests(tests, make_vectors, free_vectors);
}
