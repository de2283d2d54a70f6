/* test_gpu_maps.c - whole maps on a real GPU: against brute force, and equal to the CPU's */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/error_bound.h"
#include "tests/gpu/real_gpu.h"
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

/* A map by both backends, and everything that a message about it needs. */
struct result {
    const map_case *test;
    const ropemap_request *request;
    const bound_table *bounds;
    const double *wanted; /* [height, width] */
    const ropemap_map *map;
};

static bool splits(const struct result *result) {
    return result->map->plan.kernel == ROPEMAP_KERNEL_FUSED && result->map->plan.dtype == ROPEMAP_DTYPE_FP32;
}

/* As in test_methods.c: sums that meet infinities of both signs may come to one or to NaN; and split rows
 * have none. */
static bool agrees(const struct result *result, double wanted, double got, double bound) {
    if (isfinite(wanted)) {
        return fabs(got - wanted) <= bound;
    }
    if (result->test->content == CASE_INFINITY &&
        (result->map->plan.method == ROPEMAP_METHOD_FACTORED || splits(result))) {
        return !isfinite(got);
    }
    return isnan(wanted) ? isnan(got) : got == wanted;
}

/* Split floats lose 2^-21 of their products, and beyond 64 of them have as many roundings again
 * (cuda/fused_sm80.cu). */
static double bound_for(const struct result *result, int64_t row, int64_t col, double wanted) {
    const double all =
        bound_of_cell(result->request, result->bounds, result->map->plan.method, row, col, wanted);
    const double more = fmax(result->request->spec.head_dim - 64, 0) + 8;
    const double norms = 1.01 * result->bounds->rows[row].norm * result->bounds->cols[col].norm;
    return splits(result) ? all + more * 0x1p-24 * norms : all;
}

static void check_cells(const struct result *result) {
    const ropemap_map *map = result->map;
    for (int64_t at = 0; at < map->height * map->width; at++) {
        const int64_t row = at / map->width, col = at % map->width;
        const double wanted = result->wanted[at], got = (double)map->cells[at];
        const double bound = bound_for(result, row, col, wanted);
        if (!agrees(result, wanted, got, bound)) {
            fail_msg("%s, %s of %s, %s by %s: cell (%lld, %lld) is %.9g, not %.9g; bound %.3g",
                     result->test->name, ropemap_pool_name(result->request->pool),
                     ropemap_measure_name(result->request->measure), ropemap_method_name(map->plan.method),
                     map->plan.backend, (long long)row, (long long)col, got, wanted, bound);
        }
    }
}

static void check_methods(const map_case *test, case_data *data, const bound_table *bounds,
                          const double *wanted) {
    for (int method = ROPEMAP_METHOD_FACTORED; method <= ROPEMAP_METHOD_TILED; method++) {
        data->request.method = (ropemap_method)method;
        if (case_method_serves(data, data->request.method)) {
            ropemap_map map = {0};
            compute(test->name, &data->request, "cuda", &map);
            const struct result result = {test, &data->request, bounds, wanted, &map};
            check_cells(&result);
            ropemap_map_free(&map);
        }
    }
}

/* Every pool from `first` on, `stride` apart, by every method that serves it. */
static void check_pools(const map_case *test, case_data *data, int first, int stride) {
    oracle_scores scores;
    bound_table bounds;
    oracle_scores_make(&data->request, data->queries, data->keys, &scores);
    bound_table_make(&data->request, &scores, &bounds);
    for (int pool = first; pool <= ROPEMAP_POOL_STD; pool += stride) {
        data->request.pool = (ropemap_pool)pool;
        double *wanted = oracle_map(&data->request, &scores);
        check_methods(test, data, &bounds, wanted);
        free(wanted);
    }
    bound_table_free(&bounds);
    oracle_scores_free(&scores);
}

/* Dot products use every pool; one of three represents the rest with the other measures. */
static void test_every_case_against_brute_force(void **state) {
    real_gpu_need(state);
    for (int i = 0; map_case_at(i) != NULL; i++) {
        case_data data;
        case_data_make(map_case_at(i), &data);
        data.request.threads = 2;
        check_pools(map_case_at(i), &data, 0, 1);
        for (int measure = 1; measure <= ROPEMAP_MEASURE_COSINE; measure++) {
            data.request.measure = (ropemap_measure)measure;
            check_pools(map_case_at(i), &data, (i + measure) % 3, 3);
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
