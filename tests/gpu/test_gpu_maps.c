/* test_gpu_maps.c - whole maps on a real GPU: against brute force, and equal to the CPU's */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/error_bound.h"
#include "tests/gpu/real_gpu.h"
#include "tests/judged.h"
#include "tests/oracle.h"
#include "tests/padded.h"

#include <math.h>
#include <stdlib.h>

static void compute(const char *name, const ropemap_request *request, const char *backend, ropemap_map *map) {
    ropemap_request asked = *request;
    asked.backend = backend;
    map_compute(name, &asked, map);
    assert_string_equal(map->plan.backend, backend);
    assert_false(map->plan.fell_back);
}

static void check_methods(const map_case *test, case_data *data, const bound_table *bounds,
                          const double *wanted) {
    for (int method = ROPEMAP_METHOD_FACTORED; method <= ROPEMAP_METHOD_TILED; method++) {
        data->request.method = (ropemap_method)method;
        if (case_method_serves(data, data->request.method)) {
            ropemap_map map = {0};
            compute(test->name, &data->request, "cuda", &map);
            judged_check(&(judged){test, &data->request, bounds, wanted, &map});
            ropemap_map_free(&map);
        }
    }
}

/* Dot products use every pool; one of three represents the rest with the other measures. */
static void test_every_case_against_brute_force(void **state) {
    real_gpu_need(state);
    for (int i = 0; map_case_at(i) != NULL; i++) {
        case_data data;
        case_data_make(map_case_at(i), &data);
        data.request.threads = 2;
        judged_pools(map_case_at(i), &data, 0, 1, check_methods);
        for (int measure = 1; measure <= ROPEMAP_MEASURE_COSINE; measure++) {
            data.request.measure = (ropemap_measure)measure;
            judged_pools(map_case_at(i), &data, (i + measure) % 3, 3, check_methods);
        }
        case_data_free(&data);
    }
}

/* Vectors of whole numbers from -3 to 3, not rotated: every score is one, exact in every type. */
static ropemap_vectors *whole_vectors(float *rows, int64_t count, int32_t dim, uint32_t seed) {
    fill_whole(rm_view_dense(rows, count, dim), seed, false);
    for (int64_t i = 0; i < count * dim; i++) {
        rows[i] = truncf(rows[i] / 2);
    }
    ropemap_vectors *vectors = NULL;
    assert_int_equal(ropemap_vectors_memory(rows, count, dim, &vectors, NULL), ROPEMAP_OK);
    return vectors;
}

/* Extremes are scores, and sums of scores are exact in double: only a square root may round differently. */
static void check_equal(const ropemap_request *request) {
    ropemap_map gpu = {0}, cpu = {0};
    compute("whole numbers", request, "cuda", &gpu);
    compute("whole numbers", request, "cpu", &cpu);
    const bool root = request->pool == ROPEMAP_POOL_RMS || request->pool == ROPEMAP_POOL_STD;
    for (int64_t i = 0; i < cpu.height * cpu.width; i++) {
        const double wanted = (double)cpu.cells[i], got = (double)gpu.cells[i];
        const bool same = isnan(wanted) ? isnan(got) : fabs(got - wanted) <= (root ? 0x1p-23 * wanted : 0);
        if (!same) {
            fail_msg("%s, %s, causal %d: cell %lld of %lld x %lld is %.9g, on the CPU %.9g",
                     ropemap_pool_name(request->pool), ropemap_dtype_name(request->dtype),
                     request->mask.causal, (long long)i, (long long)cpu.height, (long long)cpu.width, got,
                     wanted);
        }
    }
    ropemap_map_free(&gpu);
    ropemap_map_free(&cpu);
}

/* Every pool over that many positions, every type of rows in turn. */
static void check_pools_are_equal(int64_t rows, int64_t cols) {
    enum { DIM = 16 };
    float *memory = malloc((size_t)((rows + cols) * DIM) * sizeof *memory);
    assert_non_null(memory);
    ropemap_vectors *queries = whole_vectors(memory, rows, DIM, 1);
    ropemap_vectors *keys = whole_vectors(memory + rows * DIM, cols, DIM, 2);
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = DIM;
    request.already_rotated = true;
    request.method = ROPEMAP_METHOD_TILED;
    request.queries = queries;
    request.keys = keys;
    request.rows = (ropemap_range){.first = 0, .count = rows, .step = 1};
    request.cols = (ropemap_range){.first = 0, .count = cols, .step = 1};
    request.height = 29;
    request.width = 61;
    for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
        request.pool = (ropemap_pool)pool;
        request.mask.causal = false;
        request.dtype = (ropemap_dtype)(pool % 4);
        check_equal(&request);
        request.mask.causal = true;
        request.dtype = (ropemap_dtype)((pool + 2) % 4);
        check_equal(&request);
    }
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
    free(memory);
}

static void test_one_tile_has_the_cells_of_the_cpu(void **state) {
    real_gpu_need(state);
    check_pools_are_equal(97, 131);
}

/* More than two tiles of the size that this GPU works in along each side, the last ones cut. */
static void test_many_tiles_are_equal_to_the_cpu(void **state) {
    real_gpu_need(state);
    ropemap_request request = ropemap_request_default();
    request.method = ROPEMAP_METHOD_TILED;
    request.backend = "cuda";
    ropemap_plan plan;
    assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
    check_pools_are_equal(2 * plan.block + 31, 2 * plan.block + 257);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case_against_brute_force),
        cmocka_unit_test(test_one_tile_has_the_cells_of_the_cpu),
        cmocka_unit_test(test_many_tiles_are_equal_to_the_cpu),
    };
    real_gpu_filter(argc, argv);
    return cmocka_run_group_tests(tests, real_gpu_find, real_gpu_leave);
}
