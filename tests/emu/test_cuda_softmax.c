/* test_cuda_softmax.c - the tests of softmax on the CUDA backend: its host code, and emulated kernels */
/* SPDX-License-Identifier: MIT */
#define SOFTMAX_BACKEND "cuda"
#define SOFTMAX_SHARE   3 /* kernels on CPU threads take their time */
#define SOFTMAX_STEP    2
#include "tests/unit/test_softmax.c"

#include "tests/emu/control.h"
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"

/* ---- the same bytes ---- */

static void check_same(const char *name, ropemap_attention_request request, const ropemap_map *map,
                       const ropemap_attention *wanted) {
    ropemap_map other = {0};
    ropemap_attention got = {0};
    fake_reset();
    compute(name, &request, &other, &got);
    linked_check_clean(name);
    assert_string_equal(got.plan.backend, "cuda");
    assert_memory_equal(other.cells, map->cells, (size_t)(map->height * map->width) * sizeof *map->cells);
    assert_memory_equal(got.rows, wanted->rows, (size_t)wanted->count * sizeof *wanted->rows);
    assert_memory_equal(got.mass, wanted->mass, (size_t)wanted->bins * sizeof *wanted->mass);
    ropemap_map_free(&other);
    ropemap_attention_free(&got);
}

/* By three threads, in whatever order blocks run; work done as late as can be; wider tiles; keys that are
 * made for each block. */
static void test_same_bytes(void **state) {
    const softmax_case test = {"bytes",
                               {.spec = {.base = 1e4, .head_dim = 4},
                                .content = CASE_RANDOM,
                                .rows = {1000, 300, 1},
                                .cols = {0, 1301, 1},
                                .height = 5,
                                .width = 29},
                               .mask = {.causal = true},
                               .scale = 1};
    case_data data;
    make(&test, &data);
    data.request.pool = ROPEMAP_POOL_MASS;
    ropemap_attention_request request = {.map = data.request, .rows = true, .distances = true, .exact = 100};
    ropemap_map map = {0};
    ropemap_attention wanted = {0};
    request.map.threads = 1;
    compute(test.name, &request, &map, &wanted);
    assert_true(wanted.plan.keys_resident && wanted.plan.bands == 3);
    request.map.threads = 3;
    emu_reverse_blocks(1);
    check_same("reversed", request, &map, &wanted);
    emu_reverse_blocks(0);
    fake_late(true);
    check_same("late", request, &map, &wanted);
    fake_late(false);
    linked_gpu.softmax_keys = 1024;
    check_same("wider", request, &map, &wanted);
    linked_gpu_small();
    request.map.threads = 1;
    linked_gpu.memory = wanted.plan.device_bytes;
    check_same("not resident", request, &map, &wanted);
    linked_gpu_small();
    ropemap_map_free(&map);
    ropemap_attention_free(&wanted);
    case_data_free(&data);
}

/* Rows of 16 bits: the product of rounded rows, whose softmax is exact; off by what rounding a row does. */
static void test_rows_of_16_bits(void **state) {
    static const struct {
        ropemap_dtype dtype;
        double unit;
    } types[] = {{ROPEMAP_DTYPE_FP16, 0x1p-11}, {ROPEMAP_DTYPE_BF16, 0x1p-8}};
    const softmax_case test = {"16 bits", SQUARE(131, 24), .mask = {.causal = true}, .scale = 1};
    for (int i = 0; i < 2; i++) {
        case_data data;
        oracle_attention wanted;
        ropemap_map map = {0};
        make(&test, &data);
        data.request.pool = ROPEMAP_POOL_MASS;
        data.request.dtype = types[i].dtype;
        attend(&data.request, &data, &wanted);
        assert_int_equal(ropemap_map_compute(&data.request, &map, NULL), ROPEMAP_OK);
        /* |q| |k| <= 24: a score moves by (2 u + u^2) 24 at most, ln p by twice that */
        const double apart = expm1(2 * 24 * (2 * types[i].unit + types[i].unit * types[i].unit));
        for (int64_t at = 0; at < map.height * map.width; at++) {
            const double right =
                oracle_attention_cell(&data.request, &wanted, at / map.width, at % map.width);
            near(test.name, "cell", at, (double)map.cells[at], right, apart * right);
        }
        ropemap_map_free(&map);
        oracle_attention_free(&wanted);
        case_data_free(&data);
    }
}

int main(void) {
    linked_gpu_small();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells),
                                       cmocka_unit_test(test_rows_and_distances),
                                       cmocka_unit_test(test_distances_beyond_the_diagonal),
                                       cmocka_unit_test(test_a_bad_query_stays_in_its_row),
                                       cmocka_unit_test(test_a_bad_key_is_in_the_rows_that_see_it),
                                       cmocka_unit_test(test_empty_rows),
                                       cmocka_unit_test(test_next_to_nothing_is_not_empty),
                                       cmocka_unit_test(test_huge_scores),
                                       cmocka_unit_test(test_rows_of_16_bits),
                                       cmocka_unit_test(test_keys_stay_in_a_session),
                                       cmocka_unit_test(test_same_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
