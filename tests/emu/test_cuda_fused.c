/* test_cuda_fused.c - whole maps of products that are pooled where they are made: as from tiles, and on the
 * CPU */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/control.h"
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"

#include "tests/computed.h"
#include "tests/unit.h"

#include <limits.h>
#include <math.h>

enum { DIM = 48, COUNT = 397 };

/* A GPU that fuses floats as well. */
static void gpu_that_splits(void) {
    const ropemap_gpu gpu = {.major = 8};
    linked_gpu_small();
    linked_gpu.fused_row = rm_gpu_device(&gpu, DIM).fused_row;
}

static ropemap_request request_of(ropemap_pool pool, ropemap_dtype dtype) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = DIM;
    request.rows.count = 150;
    request.cols.count = COUNT;
    request.height = 7;
    request.width = 23;
    request.method = ROPEMAP_METHOD_TILED;
    request.pool = pool;
    request.dtype = dtype;
    request.threads = 1;
    request.backend = "cuda";
    return request;
}

static void compute(const ropemap_request *request, ropemap_kernel wanted, ropemap_map *map) {
    fake_reset();
    map_compute("fused", request, map);
    linked_check_clean("fused");
    assert_int_equal(map->plan.kernel, wanted);
    assert_int_equal(fake_calls("rm_fused_launch") > 0, wanted == ROPEMAP_KERNEL_FUSED);
    assert_int_equal(fake_calls("rm_pool_launch") > 0, wanted == ROPEMAP_KERNEL_TILES);
}

/* Cells by which the two ways, or the CPU, differ by more than `bound`; a bound of 0: in any bit. */
static void check(ropemap_request request, double bound) {
    ropemap_map fused = {0}, tiles = {0}, cpu = {0};
    compute(&request, ROPEMAP_KERNEL_FUSED, &fused);
    request.kernel = ROPEMAP_KERNEL_TILES;
    compute(&request, ROPEMAP_KERNEL_TILES, &tiles);
    request.backend = "cpu";
    assert_int_equal(ropemap_map_compute(&request, &cpu, NULL), ROPEMAP_OK);
    for (int64_t i = 0; i < fused.height * fused.width; i++) {
        const double a = (double)fused.cells[i], b = (double)tiles.cells[i], c = (double)cpu.cells[i];
        if (isnan(b) ? !isnan(a) || !isnan(c) : !(fabs(a - b) <= bound && fabs(a - c) <= bound)) {
            fail_msg("%s, cell %lld: %.9g fused, %.9g from tiles, %.9g on the CPU; bound %g",
                     ropemap_pool_name(request.pool), (long long)i, a, b, c, bound);
        }
    }
    ropemap_map_free(&fused);
    ropemap_map_free(&tiles);
    ropemap_map_free(&cpu);
}

/* Products and sums are exact in any order, so every bit is the same; by warps, then by warpgroups. */
static void whole_numbers_are_exact(void **state) {
    static float rows[COUNT * DIM];
    ropemap_vectors *vectors = NULL;
    for (int64_t i = 0; i < COUNT * DIM; i++) {
        rows[i] = (float)(i * 7919 % 11 * (i / 13 % 3) % 7 - 3);
    }
    assert_int_equal(ropemap_vectors_memory(rows, COUNT, DIM, &vectors, NULL), ROPEMAP_OK);
    ropemap_request request = request_of(ROPEMAP_POOL_MAX, ROPEMAP_DTYPE_FP16);
    request.queries = request.keys = vectors;
    request.already_rotated = true;
    check(request, 0);
    request.pool = ROPEMAP_POOL_RMS;
    check(request, 0);
    request.dtype = ROPEMAP_DTYPE_FP32;
    check(request, 0);
    request.mask.causal = true;
    request.pool = ROPEMAP_POOL_MIN;
    request.dtype = ROPEMAP_DTYPE_BF16;
    check(request, 0);
    request.pool = ROPEMAP_POOL_MEAN;
    check(request, 0);
    request.pool = ROPEMAP_POOL_STD;
    check(request, 0x1p-22 * 200); /* a rounding of the largest cell, to float */
    request.mask.causal = false;   /* q = k: one triangle, and its mirror image */
    request.rows = request.cols;
    request.height = request.width;
    request.pool = ROPEMAP_POOL_ABSMAX;
    check(request, 0);
    ropemap_vectors_free(vectors);
    if (!linked_gpu.warpgroups) {
        linked_gpu.warpgroups = true;
        whole_numbers_are_exact(state);
        linked_gpu.warpgroups = false;
    }
}

/*
 * The rows are the same to the last bit, their products exact in float, and sums of DIM of them off by DIM -
 * 1 roundings of the sum of magnitudes, at most |q| |k|, on either side: gaussian numbers have lengths
 * below 12. Of rows of length 1, rounded to a type with 2^-8, lengths are below 1.01, and the two backends'
 * rows may be one rounding apart, which the sums of DIM products of at most 1 in all show as 2 * 2^-8. Split
 * floats lose 8 * 2^-24 more (cuda/elementwise.cu).
 */
static void rotated_rows_are_within_their_roundings(void **state) {
    ropemap_vectors *queries = NULL, *keys = NULL;
    assert_int_equal(ropemap_vectors_gauss(DIM, 1, 0, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_gauss(DIM, 1, 1, &keys, NULL), ROPEMAP_OK);
    ropemap_request request = request_of(ROPEMAP_POOL_MAX, ROPEMAP_DTYPE_FP16);
    request.queries = queries;
    request.keys = keys;
    request.mask.causal = true;
    request.rows.first = 100;
    check(request, 2 * DIM * 0x1p-24 * 12 * 12);
    request.pool = ROPEMAP_POOL_MEAN; /* 16 roundings more, of products up to the same */
    check(request, 2 * (DIM + 16) * 0x1p-24 * 12 * 12);
    request.pool = ROPEMAP_POOL_MAX;
    request.spec.rotary_dim = 22; /* no whole chunks: elements one by one */
    request.spec.layout = ROPEMAP_LAYOUT_INTERLEAVED;
    check(request, 2 * DIM * 0x1p-24 * 12 * 12);
    request.dtype = ROPEMAP_DTYPE_FP32;
    check(request, (2 * DIM + 8) * 0x1p-24 * 12 * 12);
    request.measure = ROPEMAP_MEASURE_COSINE;
    check(request, (2 * DIM + 8) * 0x1p-24 * 1.01);
    request.dtype = ROPEMAP_DTYPE_BF16;
    check(request, 2 * 0x1p-8 + 2 * DIM * 0x1p-24 * 1.01);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

static void what_is_fused_is_planned(void **state) {
    ropemap_plan plan;
    ropemap_error error = {0};
    ropemap_request request = request_of(ROPEMAP_POOL_MAX, ROPEMAP_DTYPE_FP16);
    request.kernel = ROPEMAP_KERNEL_FUSED;
    assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
    assert_int_equal(plan.kernel, ROPEMAP_KERNEL_FUSED);
    request.dtype = ROPEMAP_DTYPE_FP32;
    assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
    assert_int_equal(plan.kernel, ROPEMAP_KERNEL_FUSED);
    linked_gpu_small(); /* whose tensor cores are no faster than that */
    assert_int_equal(plan_make(&request, &plan, &error), ROPEMAP_USAGE);
    assert_says(error.text, "does not fuse pool max of fp32 rows");
    request.method = ROPEMAP_METHOD_FACTORED;
    request.pool = ROPEMAP_POOL_MEAN;
    assert_int_equal(plan_make(&request, &plan, &error), ROPEMAP_USAGE);
    assert_says(error.text, "the factored method makes no products");
    request = request_of(ROPEMAP_POOL_STD, ROPEMAP_DTYPE_FP16);
    assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
    assert_int_equal(plan.kernel, ROPEMAP_KERNEL_FUSED);
    request.mask = (ropemap_mask){.causal = true, .window = 100};
    assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
    assert_int_equal(plan.kernel, ROPEMAP_KERNEL_TILES);
    request = request_of(ROPEMAP_POOL_MAX, ROPEMAP_DTYPE_FP16);
    linked_gpu.fused_row = NULL; /* a GPU before Ampere */
    assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
    assert_int_equal(plan.kernel, ROPEMAP_KERNEL_TILES);
    gpu_that_splits();
}

/* Keys that stay on the GPU come all at once, others block by block, and parts have room for a piece or for
 * many: the same bits. */
static void memory_does_not_decide_sums(void **state) {
    ropemap_vectors *vectors = NULL;
    ropemap_map wanted = {0}, map = {0};
    assert_int_equal(ropemap_vectors_gauss(DIM, 1, 0, &vectors, NULL), ROPEMAP_OK);
    ropemap_request request = request_of(ROPEMAP_POOL_STD, ROPEMAP_DTYPE_FP32);
    request.queries = request.keys = vectors;
    request.rows.first = 5; /* not symmetric */
    compute(&request, ROPEMAP_KERNEL_FUSED, &wanted);
    assert_true(wanted.plan.keys_resident);
    const size_t bytes = (size_t)(wanted.height * wanted.width) * sizeof *wanted.cells;
    linked_gpu.tile_scratch_most = 4096;
    compute(&request, ROPEMAP_KERNEL_FUSED, &map);
    assert_memory_equal(map.cells, wanted.cells, bytes);
    ropemap_map_free(&map);
    gpu_that_splits();
    linked_gpu.memory = wanted.plan.device_bytes; /* with nothing to spare */
    compute(&request, ROPEMAP_KERNEL_FUSED, &map);
    assert_false(map.plan.keys_resident);
    assert_memory_equal(map.cells, wanted.cells, bytes);
    ropemap_map_free(&map);
    ropemap_map_free(&wanted);
    ropemap_vectors_free(vectors);
    gpu_that_splits();
}

/* A kernel that does not wait for its copies is found out before it is used. */
static void a_wrong_kernel_is_not_used(void **state) {
#if defined(__SANITIZE_THREAD__)
    skip(); /* it is a data race, which ends the program */
#endif
    ropemap_map map = {0}, tiles = {0};
    ropemap_request request = request_of(ROPEMAP_POOL_MAX, ROPEMAP_DTYPE_FP16);
    ropemap_error error = {0};
    (void)emu_forget_copies(128);
    assert_int_equal(ropemap_map_compute(&request, &map, NULL), ROPEMAP_OK);
    assert_true(emu_forget_copies(0) != 0);
    assert_true(map.plan.fell_back);
    assert_int_equal(map.plan.kernel, ROPEMAP_KERNEL_TILES);
    assert_non_null(strstr(map.plan.backend_reason, "not fused: cuda: the fused kernel is wrong on GPU 0"));
    request.kernel = ROPEMAP_KERNEL_TILES;
    compute(&request, ROPEMAP_KERNEL_TILES, &tiles);
    assert_memory_equal(map.cells, tiles.cells, (size_t)(map.height * map.width) * sizeof *map.cells);
    ropemap_map_free(&map);
    ropemap_map_free(&tiles);
    request.kernel = ROPEMAP_KERNEL_FUSED; /* and no other will do */
    (void)emu_forget_copies(100000);
    assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_RESOURCES);
    (void)emu_forget_copies(0);
    assert_says(error.text, "the fused kernel is wrong");
}

/* Products of warpgroups that see nothing of what was copied are found out: it is fused without them, as
 * where the library has no such kernel, which is no fault. */
static void wrong_warpgroups_are_not_used(void **state) {
    ropemap_map wanted = {0}, map = {0};
    ropemap_request request = request_of(ROPEMAP_POOL_STD, ROPEMAP_DTYPE_FP16);
    compute(&request, ROPEMAP_KERNEL_FUSED, &wanted);
    const size_t bytes = (size_t)(wanted.height * wanted.width) * sizeof *wanted.cells;
    linked_gpu.warpgroups = true;
    emu_miss_kernels("rm_fused_group_kernel");
    (void)emu_forget_fences(0, INT_MAX);
    compute(&request, ROPEMAP_KERNEL_FUSED, &map);
    assert_int_equal(emu_forget_fences(0, INT_MAX), 0); /* none came to be forgotten */
    assert_false(map.plan.fell_back);
    assert_memory_equal(map.cells, wanted.cells, bytes);
    ropemap_map_free(&map);
    emu_miss_kernels(NULL);
    compute(&request, ROPEMAP_KERNEL_FUSED, &map);
    assert_int_not_equal(emu_forget_fences(0, 0), 0);
    assert_true(map.plan.fell_back);
    assert_non_null(strstr(map.plan.backend_reason,
                           "without warpgroups: cuda: the fused kernel of warpgroups "
                           "is wrong on GPU 0"));
    assert_memory_equal(map.cells, wanted.cells, bytes);
    linked_gpu.warpgroups = false;
    ropemap_map_free(&map);
    ropemap_map_free(&wanted);
}

int main(void) {
    gpu_that_splits();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(rotated_rows_are_within_their_roundings),
        cmocka_unit_test(what_is_fused_is_planned),
        cmocka_unit_test(memory_does_not_decide_sums),
        cmocka_unit_test(a_wrong_kernel_is_not_used),
        cmocka_unit_test(wrong_warpgroups_are_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
