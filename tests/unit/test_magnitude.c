/* test_magnitude.c - vectors that are 2^e times larger make maps that are 2^(2e) times larger, bit for bit */
/* SPDX-License-Identifier: MIT */
/*
 * Every step of every method commutes with a power of two as long as nothing overflows or loses digits below
 * the smallest normal float. Scores are 2^90 at most here: a method that needs more room than they do must
 * make it.
 */
#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/unit.h"

#include <math.h>

enum { DIM = 8, ROWS = 300 };

static const map_case scaled_case = {.name = "scaled",
                                     .spec = {.base = 1e4, .head_dim = DIM},
                                     .content = CASE_RANDOM,
                                     .rows = {0, ROWS, 1},
                                     .cols = {0, ROWS, 1},
                                     .height = 7,
                                     .width = 13,
                                     .causal = true};

static void multiply(float *rows, int exponent) {
    for (int i = 0; i < ROWS * DIM; i++) {
        rows[i] = ldexpf(rows[i], exponent);
    }
}

static void check_scaled(const ropemap_map *plain, const ropemap_map *scaled, const ropemap_request *request,
                         int exponent) {
    for (int64_t i = 0; i < plain->height * plain->width; i++) {
        const float wanted = ldexpf(plain->cells[i], exponent), got = scaled->cells[i];
        if (isnan(wanted) ? !isnan(got) : got != wanted) {
            fail_msg("%s, %s, times 2^%d: cell %lld is %.9g, not %.9g", ropemap_method_name(request->method),
                     ropemap_pool_name(request->pool), exponent, (long long)i, (double)got, (double)wanted);
        }
    }
}

/* Queries times 2^q and keys times 2^k, for each pool and method that serves. */
static void check_exponents(int q, int k) {
    case_data plain, scaled;
    case_data_make(&scaled_case, &plain);
    case_data_make(&scaled_case, &scaled);
    multiply(scaled.queries, q);
    multiply(scaled.keys, k);
    for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
        for (int m = ROPEMAP_METHOD_FACTORED; m <= ROPEMAP_METHOD_TILED; m++) {
            plain.request.pool = scaled.request.pool = (ropemap_pool)pool;
            plain.request.method = scaled.request.method = (ropemap_method)m;
            if (case_method_serves(&plain, (ropemap_method)m)) {
                ropemap_map map = {0}, large = {0};
                map_compute("magnitude", &plain.request, &map);
                map_compute("magnitude", &scaled.request, &large);
                check_scaled(&map, &large, &plain.request, q + k);
                ropemap_map_free(&map);
                ropemap_map_free(&large);
            }
        }
    }
    case_data_free(&plain);
    case_data_free(&scaled);
}

/* The range of models' activations. */
static void test_usual_magnitudes(void **state) {
    check_exponents(12, 12);
    check_exponents(-12, -12);
    check_exponents(15, -15);
}

/* Scores fit a float with ease, their squares do not. */
static void test_magnitudes_whose_squares_leave_float(void **state) {
    check_exponents(40, 40);
    check_exponents(-35, -35);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_magnitudes),
        cmocka_unit_test(test_magnitudes_whose_squares_leave_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
