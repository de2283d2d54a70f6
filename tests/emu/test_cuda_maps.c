/* test_cuda_maps.c - whole maps through the CUDA backend's host code and emulated kernels: against brute
 * force, against the CPU backend, and the same bytes however they are made */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/control.h"
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"

#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/error_bound.h"
#include "tests/judged.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

enum {
    ROOM = 256 * 1048576, /* bytes of device memory that a map may take besides its inputs */
    LARGE = 4000          /* pairs of a case: kernels on CPU threads take their time */
};

static const char *const dtypes[] = {"fp32", "tf32", "bf16", "fp16"};

/* What a message needs to name a map. */
static void say(const ropemap_request *request, const char *name, char text[200]) {
    (void)snprintf(text, 200, "%s, %s of %s, %s, %s, %d threads", name, ropemap_pool_name(request->pool),
                   ropemap_measure_name(request->measure), ropemap_method_name(request->method),
                   dtypes[request->dtype], (int)request->threads);
}

/* The request on the GPU, which must take it, leave nothing behind, and not outgrow its room.
 */
static void compute(const char *name, const ropemap_request *request, ropemap_map *map) {
    char text[200];
    say(request, name, text);
    ropemap_request asked = *request;
    asked.backend = "cuda";
    fake_reset();
    map_compute(name, &asked, map);
    assert_string_equal(map->plan.backend, "cuda");
    assert_false(map->plan.fell_back);
    linked_check_clean(text);
    const double inputs =
        4.0 * (double)(request->rows.count + request->cols.count) * (double)request->spec.head_dim;
    const fake_state seen = fake_look();
    if ((double)seen.device_peak > inputs + ROOM) {
        fail_msg("%s: %zu bytes of the device's memory, planned %llu", text, seen.device_peak,
                 (unsigned long long)map->plan.device_bytes);
    }
}

static void compute_on_cpu(const ropemap_request *request, ropemap_map *map) {
    ropemap_request asked = *request;
    asked.backend = "cpu";
    assert_int_equal(ropemap_map_compute(&asked, map, NULL), ROPEMAP_OK);
}

/* ---- against brute force and the CPU ---- */

/*
 * Both backends multiply the same rows, rounded or not, where nothing is normalised: a score is off by g(d) Q
 * K of the sum in float on either side (error_bound.c), Q and K at most 1.004 of the norms in double, and
 * each cell is rounded to float, which adds half an ulp of either. Otherwise each is off by its own bound.
 */
static double bound_between(const judged *one, int64_t row, int64_t col, double wanted) {
    const bool same_rows =
        one->map->plan.method == ROPEMAP_METHOD_TILED && one->request->measure != ROPEMAP_MEASURE_COSINE;
    if (!same_rows) {
        return 2 * judged_bound(one, row, col, wanted);
    }
    const double dim = one->request->spec.head_dim, g = dim * 0x1p-24 / (1 - dim * 0x1p-24);
    const double norms = 1.01 * one->bounds->rows[row].norm * one->bounds->cols[col].norm;
    const double scale = one->request->measure == ROPEMAP_MEASURE_SCALED ? 1 / sqrt(dim) : 1;
    return 2 * g * norms * fmax(scale, 1) + 0x1p-23 * fabs(wanted) * 1.01;
}

static void check_map(const map_case *test, const ropemap_request *request, const bound_table *bounds,
                      const double *wanted) {
    char text[200];
    say(request, test->name, text);
    ropemap_map map = {0}, cpu = {0};
    compute(test->name, request, &map);
    compute_on_cpu(request, &cpu);
    assert_int_equal(map.height, cpu.height);
    assert_int_equal(map.width, cpu.width);
    assert_true(map.plan.method == request->method && cpu.plan.method == request->method);
    const judged one = {test, request, bounds, wanted, &map};
    judged_check(&one);
    for (int64_t at = 0; at < map.height * map.width; at++) {
        const double got = (double)map.cells[at], other = (double)cpu.cells[at];
        const double between = bound_between(&one, at / map.width, at % map.width, wanted[at]);
        if (!judged_agrees(&one, other, got, between)) {
            fail_msg("%s: cell %lld is %.9g, on the CPU %.9g; bound %.3g", text, (long long)at, got, other,
                     between);
        }
    }
    ropemap_map_free(&map);
    ropemap_map_free(&cpu);
}

static void check_methods(const map_case *test, case_data *data, const bound_table *bounds,
                          const double *wanted) {
    for (int method = ROPEMAP_METHOD_FACTORED; method <= ROPEMAP_METHOD_TILED; method++) {
        data->request.method = (ropemap_method)method;
        if (case_method_serves(data, data->request.method)) {
            check_map(test, &data->request, bounds, wanted);
        }
    }
}

/* Two pools of each case, so that three cases in a row take all six; every other case another measure too. */
static void test_every_case(void **state) {
    for (int i = 0; map_case_at(i) != NULL; i++) {
        const map_case *test = map_case_at(i);
        if (test->rows.count * test->cols.count > LARGE) {
            continue;
        }
        case_data data;
        case_data_make(test, &data);
        judged_pools(test, &data, i % 3, 3, check_methods);
        if (i % 2 == 0) {
            data.request.measure = i % 4 == 0 ? ROPEMAP_MEASURE_COSINE : ROPEMAP_MEASURE_SCALED;
            judged_pools(test, &data, (i + 1) % 3, 3, check_methods);
        }
        case_data_free(&data);
    }
}

/* Rows of every type that products take: two pools that keep different things, and every measure. */
static void test_every_type(void **state) {
    static const map_case test = {.name = "types",
                                  .spec = {.base = 1e4, .head_dim = 24, .rotary_dim = 16},
                                  .content = CASE_RANDOM,
                                  .rows = {1000001, 127, 2},
                                  .cols = {1000000, 33, 7},
                                  .first_position = 1000000,
                                  .height = 13,
                                  .width = 31,
                                  .causal = true};
    for (int measure = 0; measure <= ROPEMAP_MEASURE_COSINE; measure++) {
        for (int dtype = ROPEMAP_DTYPE_TF32; dtype <= ROPEMAP_DTYPE_FP16; dtype++) {
            case_data data;
            case_data_make(&test, &data);
            data.request.measure = (ropemap_measure)measure;
            data.request.dtype = (ropemap_dtype)dtype;
            judged_pools(&test, &data, ROPEMAP_POOL_MAX, ROPEMAP_POOL_STD - ROPEMAP_POOL_MAX, check_methods);
            case_data_free(&data);
        }
    }
}

/* ---- the same bytes ---- */

static void check_same(const char *name, const ropemap_request *request, const ropemap_map *wanted) {
    char text[200];
    say(request, name, text);
    ropemap_map map = {0};
    compute(name, request, &map);
    assert_int_equal(map.height, wanted->height);
    assert_int_equal(map.width, wanted->width);
    for (int64_t i = 0; i < map.height * map.width; i++) {
        if (memcmp(&map.cells[i], &wanted->cells[i], sizeof map.cells[i]) != 0) {
            fail_msg("%s: cell %lld is %.9g, not %.9g", text, (long long)i, (double)map.cells[i],
                     (double)wanted->cells[i]);
        }
    }
    ropemap_map_free(&map);
}

/* Random vectors at far positions, so many that a map has several tiles and bands of either side. */
static ropemap_request long_request(const ropemap_vectors *queries, const ropemap_vectors *keys) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 8;
    request.queries = queries;
    request.keys = keys;
    request.rows = (ropemap_range){.first = (INT64_C(1) << 37) + 11, .count = 1100, .step = 1};
    request.cols = (ropemap_range){.first = (INT64_C(1) << 37) + 3, .count = 301, .step = 2};
    request.height = 37;
    request.width = 31;
    request.mask.causal = true;
    request.threads = 1;
    return request;
}

/* One tile a worker, of one block; two, of as many blocks as a band has. */
static void vary_tiles(const char *name, const ropemap_request *request, const ropemap_map *wanted) {
    linked_gpu.tile_bytes = 0;
    check_same(name, request, wanted);
    assert_int_equal(fake_calls("cublasGemmStridedBatchedEx"), 0);
    linked_gpu.tile_bytes = 64 * 256 * 256 * sizeof(float);
    check_same(name, request, wanted);
    assert_true(fake_calls("cublasGemmStridedBatchedEx") > 0);
    linked_gpu_small();
}

/* By three threads, with blocks that run from the last to the first; with other tiles; with work that is done
 * as late as can be; again, with keys that are made for each band. */
static void vary(const char *name, ropemap_request request) {
    ropemap_map map = {0};
    compute(name, &request, &map);
    request.threads = 3;
    emu_reverse_blocks(1);
    check_same(name, &request, &map);
    emu_reverse_blocks(0);
    request.threads = 2;
    assert_int_equal(setenv("ROPEMAP_FAKE_CUDA", "late=1", 1), 0);
    check_same("late", &request, &map);
    if (map.plan.method == ROPEMAP_METHOD_TILED) {
        vary_tiles("late", &request, &map);
    }
    assert_int_equal(unsetenv("ROPEMAP_FAKE_CUDA"), 0);
    request.threads = 1;
    if (map.plan.method == ROPEMAP_METHOD_TILED) {
        assert_true(map.plan.bands > 1 && map.plan.tiles > 4 && map.plan.keys_resident);
        linked_gpu.memory = map.plan.device_bytes; /* with nothing to spare beside the keys */
        ropemap_plan plan;
        request.backend = "cuda";
        assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
        assert_false(plan.keys_resident);
    }
    check_same(name, &request, &map);
    linked_gpu_small();
    ropemap_map_free(&map);
}

static void test_same_bytes(void **state) {
    ropemap_vectors *queries = NULL, *keys = NULL;
    assert_int_equal(ropemap_vectors_gauss(8, 1, 0, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_gauss(8, 1, 1, &keys, NULL), ROPEMAP_OK);
    for (int method = ROPEMAP_METHOD_FACTORED; method <= ROPEMAP_METHOD_TILED; method++) {
        ropemap_request request = long_request(queries, keys);
        request.method = (ropemap_method)method;
        request.pool = method == ROPEMAP_METHOD_TILED ? ROPEMAP_POOL_STD : ROPEMAP_POOL_MEAN;
        if (method == ROPEMAP_METHOD_DIAGONAL) {
            request.queries = request.keys = NULL;
            request.rows.step = request.cols.step;
        }
        vary("long", request);
    }
    ropemap_request request = long_request(queries, keys);
    request.measure = ROPEMAP_MEASURE_COSINE;
    request.method = ROPEMAP_METHOD_FACTORED;
    request.pool = ROPEMAP_POOL_STD;
    request.rows.count = 300;
    vary("moments", request);
    request.method = ROPEMAP_METHOD_TILED;
    request.pool = ROPEMAP_POOL_ABSMAX;
    request.dtype = ROPEMAP_DTYPE_BF16;
    request.rows.count = 1100;
    vary("bf16", request);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

int main(void) {
    linked_gpu_small();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
