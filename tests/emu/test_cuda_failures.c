/* test_cuda_failures.c - the CUDA backend when the k-th call fails, for every k, and when memory runs out */
/* SPDX-License-Identifier: MIT */
/*
 * Each failure ends in a good map or in a message that names the call, and leaves nothing on the device.
 * Which call the k-th one is depends on the run alone: one worker computes.
 */
#include "tests/computed.h"
#include "tests/emu/control.h"
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"
#include "tests/unit.h"

#include <math.h>

struct path {
    const char *name;
    ropemap_method method;
    ropemap_pool pool;
    ropemap_measure measure;
    bool gauss, causal;
};

static const struct path paths[] = {
    {"pooled rows", ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_MEAN, ROPEMAP_MEASURE_DOT, true, true},
    {"moments", ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_STD, ROPEMAP_MEASURE_COSINE, true, false},
    {"distances", ROPEMAP_METHOD_DIAGONAL, ROPEMAP_POOL_MAX, ROPEMAP_MEASURE_DOT, false, false},
    {"tiles", ROPEMAP_METHOD_TILED, ROPEMAP_POOL_STD, ROPEMAP_MEASURE_COSINE, true, true},
    {"softmax", ROPEMAP_METHOD_TILED, ROPEMAP_POOL_MASS, ROPEMAP_MEASURE_SOFTMAX, true, true},
    {"extremes", ROPEMAP_METHOD_TILED, ROPEMAP_POOL_MIN, ROPEMAP_MEASURE_DOT, true, false},
};
enum {
    PATHS = sizeof paths / sizeof paths[0],
    CALLS_MOST = 2000,
    FALL_BACK_STEP = 17 /* one call in so many also with the CPU to fall back to */
};

static ropemap_vectors *queries, *keys;

static ropemap_request request_of(const struct path *path) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 4;
    request.rows.count = 31;
    request.cols.count = 33;
    request.height = 2;
    request.width = 3;
    request.method = path->method;
    request.pool = path->pool;
    request.measure = path->measure;
    request.mask.causal = path->causal;
    request.queries = path->gauss ? queries : NULL;
    request.keys = path->gauss ? keys : NULL;
    request.threads = 1;
    request.backend = "cuda";
    return request;
}

/* Vectors are of length 1, head_dim is 4: either backend is within 1e-5 of the truth by the bounds of
 * error_bound.c, a standard deviation too, whose square is off by less than 1e-5 and which is not below 0.1
 * here.
 */
static void check_equal(const char *name, const ropemap_map *wanted, const ropemap_map *got) {
    assert_int_equal(got->height * got->width, wanted->height * wanted->width);
    for (int64_t i = 0; i < wanted->height * wanted->width; i++) {
        const double a = (double)wanted->cells[i], b = (double)got->cells[i];
        if (isnan(a) != isnan(b) || fabs(a - b) > 1e-4) {
            fail_msg("%s: cell %lld is %.9g, not %.9g", name, (long long)i, b, a);
        }
    }
}

static void compute(ropemap_request request, const char *backend, ropemap_map *map) {
    request.backend = backend;
    map_compute("failures", &request, map);
}

/* ---- one call fails ---- */

/* The table's `stage` says no more than that there is no memory. */
static bool is_named(const char *call, const char *text) {
    const bool stage = strcmp(call, "cudaMallocHost") == 0 || strcmp(call, "cudaSetDevice") == 0;
    return call[0] != '\0' &&
           (strstr(text, call) != NULL || (stage && strstr(text, "no memory for") != NULL));
}

/* What a run under a wish to fail came to. */
struct outcome {
    ropemap_map map;
    ropemap_status status;
    ropemap_error error;
    char call[64]; /* that failed, or empty */
};

static struct outcome run(const char *call, int k, ropemap_request request, bool falls_back) {
    struct outcome outcome = {.status = ROPEMAP_OK};
    linked_turns_auto = falls_back ? &request : NULL;
    fake_fail(call, k, 0);
    outcome.status = ropemap_map_compute(&request, &outcome.map, &outcome.error);
    linked_turns_auto = NULL;
    if (fake_failed() != NULL) {
        (void)snprintf(outcome.call, sizeof outcome.call, "%s", fake_failed());
    }
    fake_fail(NULL, 0, 0);
    return outcome;
}

/* A failed call is named, in the message or in the plan of the map that came about all the same. */
static void check_outcome(const struct path *path, const struct outcome *outcome, bool falls_back,
                          const ropemap_map *wanted) {
    const ropemap_plan *plan = &outcome->map.plan;
    linked_check_clean(path->name);
    if (outcome->status != ROPEMAP_OK) {
        if (falls_back || outcome->status != ROPEMAP_RESOURCES ||
            !is_named(outcome->call, outcome->error.text)) {
            fail_msg("%s: %s failed, and the message is '%s'", path->name, outcome->call,
                     outcome->error.text);
        }
    } else if (plan->fell_back) {
        assert_true(falls_back && strcmp(plan->backend, "cpu") == 0);
        check_equal(path->name, wanted, &outcome->map);
        if (!is_named(outcome->call, plan->backend_reason)) {
            fail_msg("%s: %s failed, and the plan says '%s'", path->name, outcome->call,
                     plan->backend_reason);
        }
    }
}

/*
 * Lets the first, second, ... call of a function fail, until no call is left to fail; returns about how many
 * there are. Kernels run only where the GPU's map came about: the failed call gave something back, or opened
 * a worker that was not needed.
 */
static int walk(const struct path *path, const char *call, bool falls_back) {
    const ropemap_request request = request_of(path);
    ropemap_map wanted = {0};
    compute(request, "cpu", &wanted);
    const int step = falls_back ? FALL_BACK_STEP : CASE_STEP;
    bool failed = true;
    int k = 1 + (int)(path - paths) % step;
    for (; failed; k += step) {
        assert_true(k < CALLS_MOST);
        fake_kernels(false);
        struct outcome outcome = run(call, k, request, falls_back);
        fake_kernels(true);
        failed = outcome.call[0] != '\0';
        check_outcome(path, &outcome, falls_back, &wanted);
        if (outcome.status == ROPEMAP_OK && !outcome.map.plan.fell_back) {
            ropemap_map_free(&outcome.map);
            outcome = run(call, k, request, falls_back);
            check_equal(path->name, &wanted, &outcome.map);
        }
        ropemap_map_free(&outcome.map);
    }
    ropemap_map_free(&wanted);
    return k - step;
}

/* Any call of the run time, of cuBLAS and of launchers. */
static void test_every_call(void **state) {
    for (int i = 0; i < PATHS; i++) {
        assert_true(walk(&paths[i], "*", false) > 20);
    }
}

static void test_every_call_falls_back(void **state) {
    for (int i = 0; i < PATHS; i++) {
        assert_true(walk(&paths[i], "*", true) > 20);
    }
}

/* A kernel that does not start, told by the launcher that started it. */
static void test_every_kernel(void **state) {
    for (int i = 0; i < PATHS; i++) {
        const ropemap_request request = request_of(&paths[i]);
        ropemap_map map = {0};
        ropemap_error error = {0};
        int k = 0;
        do {
            ropemap_map_free(&map);
            fake_fail("cudaLaunchKernel", ++k, 0);
            const ropemap_status status = ropemap_map_compute(&request, &map, &error);
            assert_true((status == ROPEMAP_OK) == (fake_failed() == NULL));
            if (status != ROPEMAP_OK) {
                assert_int_equal(status, ROPEMAP_RESOURCES);
                assert_non_null(strstr(error.text, "_launch failed ("));
            }
            linked_check_clean(paths[i].name);
        } while (map.cells == NULL && k < CALLS_MOST);
        assert_true(k > 1);
        fake_fail(NULL, 0, 0);
        ropemap_map_free(&map);
    }
}

/* ---- memory runs out ---- */

/* Tiles of 1024 x 1024: half the side takes about a quarter of the memory, and 256 is the least. */
static ropemap_request large_tiles(void) {
    ropemap_request request = request_of(&paths[PATHS - 1]);
    linked_gpu.block = 1024;
    linked_gpu.tile_bytes = 2 * 1024 * 1024 * sizeof(float);
    return request;
}

/* Bytes of the device that the request takes with tiles of that side. */
static size_t bytes_with(ropemap_request request, int32_t block) {
    linked_gpu.block = block;
    linked_gpu.tile_bytes = 2 * (uint64_t)block * (uint64_t)block * sizeof(float);
    ropemap_map map = {0};
    fake_reset();
    compute(request, "cuda", &map);
    assert_int_equal(map.plan.block, block);
    ropemap_map_free(&map);
    (void)large_tiles();
    return fake_look().device_peak;
}

static void test_smaller_tiles(void **state) {
    const ropemap_request request = large_tiles();
    ropemap_map wanted = {0};
    compute(request, "cpu", &wanted);
    for (int32_t block = 1024; block >= 256; block /= 2) {
        const size_t room = bytes_with(request, block);
        fake_memory(room);
        ropemap_map map = {0};
        compute(request, "cuda", &map);
        assert_string_equal(map.plan.backend, "cuda");
        assert_int_equal(map.plan.block, block);
        assert_true(map.plan.fell_back == (block != 1024));
        assert_true(block == 1024 || (strstr(map.plan.backend_reason, "smaller tiles") != NULL &&
                                      strstr(map.plan.backend_reason, "cudaMalloc") != NULL));
        check_equal("smaller tiles", &wanted, &map);
        ropemap_map_free(&map);
        linked_check_clean("smaller tiles");
    }
    ropemap_map_free(&wanted);
    fake_reset();
    linked_gpu_small();
}

/* Not even the smallest tile: the processors where they may, else a message. */
static void test_no_memory(void **state) {
    ropemap_request request = large_tiles();
    fake_memory(bytes_with(request, 256) - 1);
    ropemap_map wanted = {0}, map = {0};
    ropemap_error error = {0};
    assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_RESOURCES);
    assert_says(error.text, "cudaMalloc");
    assert_null(map.cells);
    linked_check_clean("no memory");
    linked_turns_auto = &request;
    assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_OK);
    linked_turns_auto = NULL;
    assert_string_equal(map.plan.backend, "cpu");
    assert_true(map.plan.fell_back);
    assert_non_null(strstr(map.plan.backend_reason, "cudaMalloc"));
    linked_check_clean("no memory");
    compute(request, "cpu", &wanted);
    check_equal("no memory", &wanted, &map);
    ropemap_map_free(&wanted);
    ropemap_map_free(&map);
    fake_reset();
    linked_gpu_small();
}

/* A device that failed otherwise would fail again: no smaller tiles, but the CPU where that may be. */
static void test_no_second_try(void **state) {
    ropemap_request request = large_tiles();
    fake_reset();
    fake_fail("cudaMemcpyAsync", 1, 700); /* an illegal address */
    ropemap_map map = {0};
    ropemap_error error = {0};
    assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_RESOURCES);
    assert_non_null(fake_failed());
    assert_says(error.text, "cudaMemcpyAsync");
    fake_fail("cudaMemcpyAsync", 1, 700);
    linked_turns_auto = &request;
    assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_OK);
    linked_turns_auto = NULL;
    assert_string_equal(map.plan.backend, "cpu");
    assert_non_null(strstr(map.plan.backend_reason, "cudaMemcpyAsync"));
    linked_check_clean("no second try");
    ropemap_map_free(&map);
    fake_reset();
    linked_gpu_small();
}

/* If a worker cannot be opened, the map is made with fewer. */
static void test_fewer_workers(void **state) {
    ropemap_request request = request_of(&paths[PATHS - 1]);
    ropemap_map wanted = {0}, map = {0};
    compute(request, "cuda", &wanted);
    request.threads = 3;
    fake_fail("cudaStreamCreateWithFlags", 4, 0); /* the second worker's first */
    compute(request, "cuda", &map);
    assert_non_null(fake_failed());
    assert_int_equal(map.plan.threads, 1);
    assert_false(map.plan.fell_back);
    assert_memory_equal(map.cells, wanted.cells, (size_t)(map.height * map.width) * sizeof *map.cells);
    linked_check_clean("fewer workers");
    ropemap_map_free(&wanted);
    ropemap_map_free(&map);
}

static void test_second_device(void **state) {
    ropemap_request request = request_of(&paths[PATHS - 1]);
    ropemap_map map = {0};
    ropemap_error error = {0};
    request.device = 1;
    assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_RESOURCES);
    assert_says(error.text, "GPU 1");
    assert_int_equal(setenv("ROPEMAP_FAKE_CUDA", "devices=2", 1), 0);
    request.threads = 3;
    compute(request, "cuda", &map); /* a stream of one device used with another is a complaint */
    linked_check_clean("second device");
    assert_non_null(strstr(map.plan.backend_reason, "GPU 1"));
    assert_int_equal(unsetenv("ROPEMAP_FAKE_CUDA"), 0);
    ropemap_map_free(&map);
}

static int make_vectors(void **state) {
    linked_gpu_small();
    return ropemap_vectors_gauss(4, 1, 0, &queries, NULL) == ROPEMAP_OK &&
                   ropemap_vectors_gauss(4, 1, 1, &keys, NULL) == ROPEMAP_OK
               ? 0
               : -1;
}

static int free_vectors(void **state) {
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),    cmocka_unit_test(test_every_call_falls_back),
        cmocka_unit_test(test_every_kernel),  cmocka_unit_test(test_smaller_tiles),
        cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_no_second_try),
        cmocka_unit_test(test_fewer_workers), cmocka_unit_test(test_second_device),
    };
    return cmocka_run_group_tests(tests, make_vectors, free_vectors);
}
