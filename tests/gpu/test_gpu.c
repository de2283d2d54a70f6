/* test_gpu.c - stages of the CUDA backend on a real GPU: the bits of the CPU, and exact products */
/* SPDX-License-Identifier: MIT */
#include "host/device/plugin.h"
#include "tests/gpu/real_gpu.h"
#include "tests/padded.h"

#include <math.h>
#include <stdlib.h>

enum { WORKER_DIM = 64 };

/* The backend with one context. */
struct opened {
    const rm_backend *backend;
    rm_context *context;
};

static void require(ropemap_status status, const char *what, const ropemap_error *error) {
    if (status != ROPEMAP_OK) {
        fail_msg("%s: %s", what, error->text);
    }
}

/* Skips where there is no GPU. */
static struct opened open_gpu(void *const *state) {
    real_gpu_need(state);
    const rm_plugin *plugin = *state;
    struct opened made = {.backend = plugin->table.backend};
    ropemap_error error = {0};
    rm_device device;
    require(rm_gpu_find(0, WORKER_DIM, &device, &error), "find", &error);
    require(made.backend->open(&made.context, &device, &error), "open", &error);
    return made;
}

/* Rows as the backend's own, [rows, cols]; release(). */
static rm_view on_gpu(const struct opened *gpu, int64_t rows, int64_t cols) {
    ropemap_error error = {0};
    float *memory = NULL;
    require(gpu->backend->reserve(gpu->context, rows * cols, "test", &memory, &error), "reserve", &error);
    return rm_view_dense(memory, rows, cols);
}

static void read_back(const struct opened *gpu, rm_view from, rm_view to) {
    ropemap_error error = {0};
    require(gpu->backend->read(gpu->context, from, to, &error), "read", &error);
    require(gpu->backend->finish(gpu->context, &error), "finish", &error);
}

/* ---- stages ---- */

struct rotate_case {
    int32_t head_dim, rotary_dim;
    ropemap_layout layout;
    ropemap_range positions;
};

static const struct rotate_case rotate_cases[] = {
    {2, 2, ROPEMAP_LAYOUT_INTERLEAVED, {3, 31, 1}},
    {62, 62, ROPEMAP_LAYOUT_HALF, {0, 33, 1}},
    {66, 66, ROPEMAP_LAYOUT_INTERLEAVED, {5, 31, 3}},
    {128, 128, ROPEMAP_LAYOUT_HALF, {1, 1021, 4096}},
    {128, 128, ROPEMAP_LAYOUT_INTERLEAVED, {((int64_t)1 << 40) - 257, 257, 1}},
    {256, 64, ROPEMAP_LAYOUT_HALF, {((int64_t)1 << 33) + 5, 127, ((int64_t)1 << 20) + 1}},
    {4096, 4096, ROPEMAP_LAYOUT_HALF, {((int64_t)1 << 32) - 2, 5, 1}},
};

static void check_rotate(const struct opened *gpu, const struct rotate_case *test, ropemap_dtype dtype) {
    ropemap_freqs freqs;
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = test->head_dim;
    spec.rotary_dim = test->rotary_dim;
    assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
    const rm_rotation rotation = {.freqs = &freqs, .layout = test->layout, .rotate = true, .dtype = dtype};
    struct padded from = padded_new(test->positions.count, test->head_dim);
    struct padded wanted = padded_new(test->positions.count, test->head_dim);
    struct padded got = padded_new(test->positions.count, test->head_dim);
    fill_random(from.view, 7);
    ropemap_error error = {0};
    rm_context *cpu = open_context();
    require(rm_cpu_backend()->rotate(cpu, &rotation, test->positions, from.view, wanted.view, &error), "cpu",
            &error);
    const rm_view rows = on_gpu(gpu, test->positions.count, test->head_dim);
    require(gpu->backend->rotate(gpu->context, &rotation, test->positions, from.view, rows, &error), "rotate",
            &error);
    read_back(gpu, rows, got.view);
    char name[100];
    (void)snprintf(name, sizeof name, "%s, dim %d of %d, first %lld", ropemap_dtype_name(dtype),
                   (int)test->rotary_dim, (int)test->head_dim, (long long)test->positions.first);
    check_same_bits(name, wanted.view, got.view);
    check_guards(&got);
    gpu->backend->release(gpu->context, rows.data);
    rm_cpu_backend()->close(cpu);
    free(from.memory);
    free(wanted.memory);
    free(got.memory);
}

/* cuda/arith.h is compiled for both, without contractions. */
static void test_rotate_gives_the_bits_of_the_cpu(void **state) {
    struct opened gpu = open_gpu(state);
    for (size_t i = 0; i < sizeof rotate_cases / sizeof rotate_cases[0]; i++) {
        check_rotate(&gpu, &rotate_cases[i], ROPEMAP_DTYPE_FP32);
        check_rotate(&gpu, &rotate_cases[i], ROPEMAP_DTYPE_TF32);
    }
    gpu.backend->close(gpu.context);
}

/* Whole numbers over 128: 7 bits and a sign, which every type holds. */
static void fill_fractions(rm_view view, uint32_t seed) {
    fill_random(view, seed);
    for (int64_t at = 0; at < view.rows * view.cols; at++) {
        float *x = element(view, at / view.cols, at % view.cols);
        *x = truncf(*x * 128) / 128;
    }
}

/* Rows in the backend's memory, block by block, rounded to the type, which leaves them as they are. */
static rm_view upload(const struct opened *gpu, ropemap_dtype dtype, int64_t blocks, rm_view from) {
    ropemap_error error = {0};
    const int64_t rows = from.rows / blocks;
    const rm_view to = on_gpu(gpu, from.rows, from.cols);
    const rm_rotation as_it_is = {.rotate = false, .dtype = dtype};
    const ropemap_range positions = {.first = 0, .count = rows, .step = 1};
    for (int64_t first = 0; first < from.rows; first += rows) {
        require(gpu->backend->rotate(gpu->context, &as_it_is, positions, rm_view_rows(from, first, rows),
                                     rm_view_rows(to, first, rows), &error),
                "upload", &error);
    }
    return to;
}

/*
 * Products are multiples of 2^-14 and below 1, so up to 512 of them add up exactly in 24 bits, in any order,
 * and rounded to nearest or cut off. 4097 has 13 bits: tf32 in place of fp32 would lose the last.
 */
static void check_similarity(const struct opened *gpu, ropemap_dtype dtype, int64_t blocks, int64_t rows,
                             int64_t cols, int64_t inner) {
    struct padded q = padded_new(rows, inner), k = padded_new(cols, inner), tile = padded_new(rows, cols);
    fill_fractions(q.view, 1);
    fill_fractions(k.view, 2);
    if (dtype == ROPEMAP_DTYPE_FP32) {
        fill_whole(q.view, 3, true);
        fill_whole(k.view, 4, false);
    }
    const rm_view queries = upload(gpu, dtype, blocks, q.view), keys = upload(gpu, dtype, 1, k.view);
    const rm_view to = on_gpu(gpu, rows, cols);
    ropemap_error error = {0};
    require(gpu->backend->similarity(gpu->context, dtype, blocks, queries, keys, to, &error), "similarity",
            &error);
    read_back(gpu, to, tile.view);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            double wanted = 0;
            for (int64_t d = 0; d < inner; d++) {
                wanted += (double)*element(q.view, i, d) * (double)*element(k.view, j, d);
            }
            if ((double)*element(tile.view, i, j) != wanted) {
                fail_msg("%s, %lld x %lld x %lld: (%lld, %lld) is %.9g, not %.9g", ropemap_dtype_name(dtype),
                         (long long)rows, (long long)cols, (long long)inner, (long long)i, (long long)j,
                         (double)*element(tile.view, i, j), wanted);
            }
        }
    }
    check_guards(&tile);
    gpu->backend->release(gpu->context, queries.data);
    gpu->backend->release(gpu->context, keys.data);
    gpu->backend->release(gpu->context, to.data);
    free(q.memory);
    free(k.memory);
    free(tile.memory);
}

static void test_similarity_is_exact_where_it_can_be(void **state) {
    static const int64_t sizes[] = {1, 31, 64, 127, 257};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    struct opened gpu = open_gpu(state);
    for (int dtype = 0; ropemap_dtype_name((ropemap_dtype)dtype) != NULL; dtype++) {
        for (int i = 0; i < SIZES; i++) {
            const int64_t inner = i % 2 == 0 ? 128 : 62;
            const int64_t rows = sizes[i], cols = sizes[(i + dtype + 1) % SIZES];
            check_similarity(&gpu, (ropemap_dtype)dtype, 1, rows, cols, inner);
            check_similarity(&gpu, (ropemap_dtype)dtype, 3, 3 * rows, cols, inner);
        }
    }
    gpu.backend->close(gpu.context);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotate_gives_the_bits_of_the_cpu),
        cmocka_unit_test(test_similarity_is_exact_where_it_can_be),
    };
    real_gpu_filter(argc, argv);
    return cmocka_run_group_tests(tests, real_gpu_find, real_gpu_leave);
}
