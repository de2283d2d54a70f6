/* test_cuda_products.c - long rows of the CUDA backend: parts that are multiplied at once, added up in order
 */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"

#include "cuda/geometry.h"
#include "tests/unit.h"

enum { PARTS = RM_PRODUCT_PARTS, ROWS = 5, COLS = 3, CHUNK = 1024, LONGEST = 7 * CHUNK, CALLS_MOST = 200 };

struct fixture {
    rm_plugin plugin;
    rm_context *context;
    float *a, *b, *tile; /* the device's [ROWS, LONGEST], [COLS, LONGEST], [PARTS * ROWS, COLS] */
    float host_a[ROWS * LONGEST], host_b[COLS * LONGEST];
};

/* Whole numbers whose products and sums are exact, so that no order of them matters but for what is left out.
 */
static float whole(int64_t i) {
    return (float)(i * 7919 % 31 - 15);
}

static ropemap_status open_fixture(struct fixture *made, ropemap_error *error) {
    const rm_backend *cuda = made->plugin.table.backend;
    RM_TRY(cuda->open(&made->context, &linked_gpu, error));
    RM_TRY(cuda->reserve(made->context, ROWS * LONGEST, "test", &made->a, error));
    RM_TRY(cuda->reserve(made->context, COLS * LONGEST, "test", &made->b, error));
    RM_TRY(cuda->reserve(made->context, PARTS * ROWS * COLS, "test", &made->tile, error));
    RM_TRY(cuda->write(made->context, rm_view_dense(made->host_a, ROWS, LONGEST),
                       rm_view_dense(made->a, ROWS, LONGEST), error));
    return cuda->write(made->context, rm_view_dense(made->host_b, COLS, LONGEST),
                       rm_view_dense(made->b, COLS, LONGEST), error);
}

static void close_fixture(struct fixture *made) {
    const rm_backend *cuda = made->plugin.table.backend;
    if (made->context != NULL) {
        cuda->release(made->context, made->a);
        cuda->release(made->context, made->b);
        cuda->release(made->context, made->tile);
    }
    cuda->close(made->context);
    made->context = NULL;
    made->a = made->b = made->tile = NULL;
    linked_check_clean("products");
}

static ropemap_status multiply(struct fixture *made, int64_t length, double *total, ropemap_error *error) {
    return made->plugin.table.backend->products(
        made->context, rm_view_cols(rm_view_dense(made->a, ROWS, LONGEST), 0, length),
        rm_view_cols(rm_view_dense(made->b, COLS, LONGEST), 0, length),
        rm_view_dense(made->tile, PARTS * ROWS, COLS), total, error);
}

static void check_total(const struct fixture *made, int64_t length, const double *total) {
    for (int64_t i = 0; i < ROWS * COLS; i++) {
        const float *a = made->host_a + i / COLS * LONGEST, *b = made->host_b + i % COLS * LONGEST;
        double wanted = 0.0;
        for (int64_t d = 0; d < length; d++) {
            wanted += (double)a[d] * (double)b[d];
        }
        if (total[i] != wanted) {
            fail_msg("%lld numbers, element %lld: %.17g, not %.17g", (long long)length, (long long)i,
                     total[i], wanted);
        }
    }
}

/* Whole parts are multiplied several at a time, what is left over alone. */
static void test_every_length(void **state) {
    struct fixture *made = *state;
    static const struct {
        int64_t length;
        long batches, single;
    } cases[] = {
        {1, 0, 1},         {CHUNK - 1, 0, 1},     {CHUNK, 0, 1},     {CHUNK + 1, 0, 2}, {2 * CHUNK, 1, 0},
        {4 * CHUNK, 1, 0}, {4 * CHUNK + 1, 1, 1}, {5 * CHUNK, 1, 1}, {6 * CHUNK, 2, 0}, {7 * CHUNK - 1, 2, 1},
        {3, 0, 1}};
    double total[ROWS * COLS];
    assert_int_equal(PARTS, 4);
    assert_int_equal(open_fixture(made, NULL), ROPEMAP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(total, 0xff, sizeof total);
        fake_reset();
        assert_int_equal(multiply(made, cases[i].length, total, NULL), ROPEMAP_OK);
        check_total(made, cases[i].length, total);
        assert_int_equal(fake_calls("cublasGemmStridedBatchedEx"), cases[i].batches);
        assert_int_equal(fake_calls("cublasGemmEx"), cases[i].single);
        assert_int_equal(fake_calls("rm_accumulate_launch"), cases[i].batches + cases[i].single);
    }
    close_fixture(made);
}

/* Work that is done as late as can be; and any call that fails, which is told by its name. */
static void test_late_and_failing(void **state) {
    struct fixture *made = *state;
    double total[ROWS * COLS];
    fake_late(true);
    assert_int_equal(open_fixture(made, NULL), ROPEMAP_OK);
    assert_int_equal(multiply(made, LONGEST - 5, total, NULL), ROPEMAP_OK);
    check_total(made, LONGEST - 5, total);
    close_fixture(made);
    fake_late(false);
    for (int call = 1; call < CALLS_MOST; call++) {
        ropemap_error error = {0};
        fake_reset();
        assert_int_equal(open_fixture(made, NULL), ROPEMAP_OK);
        fake_fail("*", call, 0);
        const ropemap_status status = multiply(made, LONGEST - 5, total, &error);
        const char *failed = fake_failed();
        assert_true(status == ROPEMAP_OK || (failed != NULL && strstr(error.text, failed) != NULL));
        fake_fail(NULL, 0, 0);
        close_fixture(made);
        if (failed == NULL) {
            assert_true(call > 10);
            return;
        }
    }
    fail_msg("no run ended within %d calls", CALLS_MOST);
}

static int set_up(void **state) {
    static struct fixture fixture;
    linked_gpu_small();
    for (int64_t i = 0; i < ROWS * LONGEST; i++) {
        fixture.host_a[i] = whole(i);
    }
    for (int64_t i = 0; i < COLS * LONGEST; i++) {
        fixture.host_b[i] = whole(3 * i + 1);
    }
    *state = &fixture;
    return rm_plugin_open(&fixture.plugin, NULL) == ROPEMAP_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_late_and_failing),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
