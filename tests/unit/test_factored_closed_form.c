/* test_factored_closed_form.c - maps of constant vectors up to 2^40 positions against closed sums in long
 * double */
/* SPDX-License-Identifier: MIT */
/*
 * Bound: as for the factored method in error_bound.c, with |q| = |k| = 1: 2 r + g(d), r = sqrt(2) 2e-7 + u
 * (2.1 + 1
 * + 17), for the largest head dim here, 128: 1.1e-5 in all. Bases are chosen so that cells are far from 0.
 */
#include "tests/computed.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

static const double U = 0x1p-24;

static double bound(int32_t dim) {
    const double r = sqrt(2) * 2e-7 + 20.1 * U;
    return 2 * r + 1.001 * dim * U + U;
}

struct huge_case {
    ropemap_spec spec;
    ropemap_range rows, cols;
    int64_t height, width;
};

#define EVERY_POSITION ROPEMAP_POSITION_END

static const struct huge_case huge_cases[] = {
    {.spec = {.base = 1e13, .head_dim = 128, .scaling = {.factor = 1}},
     .rows = {0, EVERY_POSITION, 1},
     .cols = {0, EVERY_POSITION, 1},
     .height = 17,
     .width = 17},
    {.spec = {.base = 1e13, .head_dim = 64, .rotary_dim = 32, .scaling = {.factor = 1}},
     .rows = {0, EVERY_POSITION - 7, 1},
     .cols = {0, EVERY_POSITION - 7, 1},
     .height = 13,
     .width = 13},
    {.spec = {.base = 1e4, .head_dim = 64, .scaling = {.rule = ROPEMAP_SCALING_LINEAR, .factor = 1e6}},
     .rows = {1, 8589934592, 17},
     .cols = {1, 8589934592, 17},
     .height = 13,
     .width = 13},
    {.spec = {.base = 1e9, .head_dim = 64, .scaling = {.rule = ROPEMAP_SCALING_NTK, .factor = 100}},
     .rows = {5, 1000003, 1048573},
     .cols = {5, 1000003, 1048573},
     .height = 17,
     .width = 17},
    {.spec = {.base = 1e8, .head_dim = 128, .scaling = {.factor = 1}},
     .rows = {0, 1048576, 1},
     .cols = {0, 1048576, 1},
     .height = 32,
     .width = 32},
    /* cut by the diagonal off their corners */
    {.spec = {.base = 1e13, .head_dim = 64, .scaling = {.factor = 1}},
     .rows = {12345678901, 34359738368, 1},
     .cols = {0, 68719476736, 1},
     .height = 7,
     .width = 11},
    {.spec = {.base = 1e10, .head_dim = 64, .layout = ROPEMAP_LAYOUT_INTERLEAVED, .scaling = {.factor = 1}},
     .rows = {5, 1234567891, 3},
     .cols = {3000000005, 234567891, 3},
     .height = 11,
     .width = 7},
    {.spec = {.base = 1e12, .head_dim = 64, .scaling = {.factor = 1}},
     .rows = {549755813888, 274877906944, 1},
     .cols = {1000, 987654321, 1},
     .height = 13,
     .width = 7},
};
enum { HUGE_CASES = sizeof huge_cases / sizeof huge_cases[0] };

static ropemap_request request_of(const struct huge_case *test) {
    ropemap_request request = ropemap_request_default();
    request.spec = test->spec;
    request.rows = test->rows;
    request.cols = test->cols;
    request.height = test->height;
    request.width = test->width;
    request.threads = 1;
    return request;
}

static ropemap_range part_of(ropemap_range range, int64_t cells, int64_t cell) {
    const int64_t first = oracle_cell_first(range.count, cells, cell);
    const int64_t end = oracle_cell_first(range.count, cells, cell + 1);
    return (ropemap_range){
        .first = range.first + first * range.step, .count = end - first, .step = range.step};
}

static void check_cell(const ropemap_request *request, const oracle_rule *rule, const ropemap_map *map,
                       int64_t row, int64_t col) {
    const ropemap_range rows = part_of(request->rows, map->height, row);
    const ropemap_range cols = part_of(request->cols, map->width, col);
    const double got = (double)map->cells[row * map->width + col];
    const long double wanted =
        request->mask.causal ? oracle_mean_causal(rule, rows, cols) : oracle_mean_full(rule, rows, cols);
    if (isnan(wanted)) {
        assert_true(isnan(got));
        return;
    }
    if (!(fabs(got - (double)wanted) <= bound(request->spec.head_dim))) {
        fail_msg("base %g, %lld positions, cell (%lld, %lld): %.9g, not %.9Lg", request->spec.base,
                 (long long)request->rows.count, (long long)row, (long long)col, got, wanted);
    }
}

static void check_map(const struct huge_case *test, bool causal) {
    ropemap_request request = request_of(test);
    request.mask.causal = causal;
    static oracle_rule rule;
    oracle_rule_make(&request.spec, &rule);
    ropemap_map map = {0};
    map_compute("closed sums", &request, &map);
    double largest = 0;
    for (int64_t row = 0; row < map.height; row++) {
        for (int64_t col = 0; col < map.width; col++) {
            check_cell(&request, &rule, &map, row, col);
            largest = fmax(largest, fabs((double)map.cells[row * map.width + col]));
        }
    }
    assert_true(largest > 0.01);
    ropemap_map_free(&map);
}

static void test_full_maps(void **state) {
    for (size_t i = 0; i < HUGE_CASES; i++) {
        check_map(&huge_cases[i], false);
    }
}

/* Cells above the diagonal hold no pair, cells that it cuts are sums of triangles. */
static void test_causal_maps(void **state) {
    for (size_t i = 0; i < HUGE_CASES; i++) {
        check_map(&huge_cases[i], true);
    }
}

/* The oracle's closed sums against adding up every distance, where that can be done. */
static void test_closed_sums_of_the_oracle(void **state) {
    static const ropemap_range rows = {1000, 13, 3};
    static const ropemap_range cols[] = {{7, 31, 3}, {1000, 13, 3}, {997, 9, 3}, {1012, 31, 3}, {1036, 5, 3}};
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = 16;
    spec.rotary_dim = 12;
    static oracle_rule rule;
    oracle_rule_make(&spec, &rule);
    for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++) {
        long double full = 0, causal = 0, causal_pairs = 0;
        for (int64_t i = 0; i < rows.count; i++) {
            for (int64_t j = 0; j < cols[c].count; j++) {
                const int64_t distance = rows.first - cols[c].first + (i - j) * 3;
                const long double similarity = oracle_similarity(&rule, llabs(distance));
                full += similarity;
                causal += distance >= 0 ? similarity : 0;
                causal_pairs += distance >= 0 ? 1 : 0;
            }
        }
        const long double pairs = (long double)(rows.count * cols[c].count);
        assert_true(fabsl(full / pairs - oracle_mean_full(&rule, rows, cols[c])) < 1e-15L);
        assert_true(fabsl(causal / causal_pairs - oracle_mean_causal(&rule, rows, cols[c])) < 1e-15L);
    }
    assert_true(
        isnan(oracle_mean_causal(&rule, rows, (ropemap_range){.first = 1039, .count = 5, .step = 3})));
}

/* A cell is the mean of the cells it is made of, weighted by their pairs. */
static void test_halves_make_the_whole(void **state) {
    ropemap_request request = request_of(&huge_cases[0]);
    request.rows.count = request.cols.count = EVERY_POSITION - 1;
    request.mask.causal = true;
    request.height = request.width = 1;
    ropemap_map whole = {0}, halves = {0};
    map_compute("closed sums", &request, &whole);
    request.height = request.width = 2;
    map_compute("closed sums", &request, &halves);
    const double first = (double)((EVERY_POSITION - 1) / 2), second = (double)(EVERY_POSITION - 1) - first;
    const double pairs[3] = {first * (first + 1) / 2, first * second, second * (second + 1) / 2};
    const double sum = pairs[0] * (double)halves.cells[0] + pairs[1] * (double)halves.cells[2] +
                       pairs[2] * (double)halves.cells[3];
    assert_true(isnan(halves.cells[1]));
    assert_true(fabs(sum / (pairs[0] + pairs[1] + pairs[2]) - (double)whole.cells[0]) <= 2 * bound(128));
    ropemap_map_free(&whole);
    ropemap_map_free(&halves);
}

/* The same positions as one cell each, where the map is the similarity itself. */
static void test_single_positions_at_both_ends(void **state) {
    ropemap_request request = request_of(&huge_cases[0]);
    request.rows = (ropemap_range){.first = EVERY_POSITION - 3, .count = 3, .step = 1};
    request.cols = (ropemap_range){.first = 0, .count = 5, .step = (EVERY_POSITION - 1) / 4};
    request.height = request.width = 100;
    static oracle_rule rule;
    oracle_rule_make(&request.spec, &rule);
    ropemap_map map = {0};
    map_compute("closed sums", &request, &map);
    assert_int_equal(map.height, 3);
    assert_int_equal(map.width, 5);
    for (int64_t i = 0; i < 3; i++) {
        for (int64_t j = 0; j < 5; j++) {
            const int64_t distance = request.rows.first + i - j * request.cols.step;
            const double wanted = (double)oracle_similarity(&rule, llabs(distance));
            assert_true(fabs((double)map.cells[i * 5 + j] - wanted) <= bound(128));
        }
    }
    ropemap_map_free(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_sums_of_the_oracle),
        cmocka_unit_test(test_full_maps),
        cmocka_unit_test(test_causal_maps),
        cmocka_unit_test(test_halves_make_the_whole),
        cmocka_unit_test(test_single_positions_at_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
