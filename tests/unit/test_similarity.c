/* test_similarity.c - products of the CPU backend, pooled or not, against chains of fmaf and sums in double
 */
/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS; in this file alone */
#include "host/map/cells.h"
#include "tests/padded.h"
#include "tests/unit.h"
#include "tests/variants.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void (*checked)(rm_context *context);

/* In every variant that this CPU runs. */
static void in_all_variants(checked check) {
    for (int v = 0; variant_name(v) != NULL; v++) {
        if (variant_force(variant_name(v))) {
            rm_context *context = open_context();
            check(context);
            rm_cpu_backend()->close(context);
        }
        variant_release();
    }
}

/* Whether products and sums are rounded together: everywhere but in the baseline of x86-64. */
static bool is_fused(const rm_context *context) {
#if defined(__x86_64__)
    return strcmp(rm_cpu_backend()->variant(context), "baseline") != 0;
#else
    (void)context;
    return true;
#endif
}

/* What a score is: one chain over d, in order, from 0. */
static float chain(bool fused, rm_view q, int64_t i, rm_view k, int64_t j) {
    float sum = 0;
    for (int64_t d = 0; d < q.cols; d++) {
        const float a = *element(q, i, d), b = *element(k, j, d);
        sum = fused ? fmaf(a, b, sum) : sum + a * b;
    }
    return sum;
}

/* n products summed in float in any order: off by n u / (1 - n u) sum |q d k d| (Higham 2002, 3.1). */
static bool is_near(float got, rm_view q, int64_t i, rm_view k, int64_t j) {
    double sum = 0, magnitude = 0;
    for (int64_t d = 0; d < q.cols; d++) {
        const double term = (double)*element(q, i, d) * (double)*element(k, j, d);
        sum += term;
        magnitude += fabs(term);
    }
    const double n = (double)q.cols;
    return fabs((double)got - sum) <= n * 0x1p-24 / (1 - n * 0x1p-24) * magnitude;
}

static bool same_float(float a, float b) {
    return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

static void multiply(rm_context *context, int64_t blocks, rm_view q, rm_view k, rm_view tile) {
    assert_int_equal(rm_cpu_backend()->similarity(context, ROPEMAP_DTYPE_FP32, blocks, q, k, tile, NULL),
                     ROPEMAP_OK);
}

static void check_chains(rm_context *context, rm_view q, rm_view k, rm_view tile) {
    const bool fused = is_fused(context);
    for (int64_t i = 0; i < q.rows; i++) {
        for (int64_t j = 0; j < k.rows; j++) {
            const float got = *element(tile, i, j), wanted = chain(fused, q, i, k, j);
            if (!same_float(got, wanted)) {
                fail_msg("%s, [%lld, %lld] x %lld: score (%lld, %lld) is %.9g, not %.9g",
                         rm_cpu_backend()->variant(context), (long long)q.rows, (long long)k.rows,
                         (long long)q.cols, (long long)i, (long long)j, (double)got, (double)wanted);
            }
        }
    }
}

/* Queries, keys and elements of each: less than a patch, whole ones, tails; more keys and elements than are
 * packed at a time. */
static const int64_t shapes[][3] = {
    {1, 1, 1},   {1, 257, 33},  {2, 3, 2},    {5, 15, 64},  {6, 16, 128},  {7, 17, 127},   {12, 32, 3},
    {13, 33, 5}, {24, 64, 512}, {31, 31, 80}, {96, 48, 96}, {37, 41, 513}, {3, 513, 1100}, {257, 256, 8},
};

static void chains(rm_context *context) {
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        const int64_t rows = shapes[s][0], cols = shapes[s][1], inner = shapes[s][2];
        struct padded q = padded_new(rows, inner), k = padded_new(cols, inner), tile = padded_new(rows, cols);
        fill_random(q.view, 1);
        fill_random(k.view, 2);
        multiply(context, rows % 3 == 0 ? 3 : 1, q.view, k.view, tile.view);
        check_chains(context, q.view, k.view, tile.view);
        for (int64_t i = 0; i < rows; i++) {
            assert_true(is_near(*element(tile.view, i, i % cols), q.view, i, k.view, i % cols));
        }
        check_guards(&tile);
        free(q.memory);
        free(k.memory);
        free(tile.memory);
    }
}

static void test_a_score_is_one_chain(void **state) {
    in_all_variants(chains);
}

/* ---- values that are not finite, and positions outside */

/* Infinities and NaN reach the scores of their own rows alone. */
static void not_finite(rm_context *context) {
    struct padded q = padded_new(19, 37), k = padded_new(35, 37), tile = padded_new(19, 35);
    fill_random(q.view, 5);
    fill_random(k.view, 6);
    *element(q.view, 18, 36) = INFINITY;
    *element(q.view, 3, 0) = NAN;
    *element(k.view, 34, 5) = -INFINITY;
    *element(k.view, 7, 36) = NAN;
    multiply(context, 1, q.view, k.view, tile.view);
    check_chains(context, q.view, k.view, tile.view);
    for (int64_t i = 0; i < 19; i++) {
        for (int64_t j = 0; j < 35; j++) {
            const bool finite = i != 18 && i != 3 && j != 34 && j != 7;
            assert_int_equal(isfinite(*element(tile.view, i, j)) != 0, finite);
        }
    }
    free(q.memory);
    free(k.memory);
    free(tile.memory);
}

static void test_what_is_not_finite_stays_in_its_row(void **state) {
    in_all_variants(not_finite);
}

/* Dense rows between two pages that may not be touched: they end where the second begins, or begin where the
 * first ends. */
struct between {
    unsigned char *memory;
    size_t bytes;
    rm_view view;
};

static struct between between_new(int64_t rows, int64_t cols, bool at_end) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (size_t)(rows * cols) * sizeof(float);
    const size_t inside = (used + page - 1) / page * page;
    struct between made = {.bytes = inside + 2 * page};
    made.memory = mmap(NULL, made.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(made.memory != MAP_FAILED);
    assert_int_equal(mprotect(made.memory + page, inside, PROT_READ | PROT_WRITE), 0);
    void *first = made.memory + page + (at_end ? inside - used : 0);
    made.view = rm_view_dense(first, rows, cols);
    fill_random(made.view, 9);
    return made;
}

static void between_free(struct between *between) {
    (void)munmap(between->memory, between->bytes);
}

static void pages(rm_context *context) {
    for (size_t s = 0; s < 2 * sizeof shapes / sizeof shapes[0]; s++) {
        const int64_t *shape = shapes[s / 2];
        struct between q = between_new(shape[0], shape[2], s % 2 == 0);
        struct between k = between_new(shape[1], shape[2], s % 2 == 0);
        struct between tile = between_new(shape[0], shape[1], s % 2 == 0);
        multiply(context, 1, q.view, k.view, tile.view);
        assert_true(is_near(*element(tile.view, shape[0] - 1, shape[1] - 1), q.view, shape[0] - 1, k.view,
                            shape[1] - 1));
        between_free(&q);
        between_free(&k);
        between_free(&tile);
    }
}

static void test_nothing_outside_is_touched(void **state) {
    in_all_variants(pages);
}

/* ---- with pooling */

static void pool_both_ways(rm_context *context, const rm_grid *grid, ropemap_pool pool, rm_view q, rm_view k,
                           rm_accumulator *at_once, rm_accumulator *in_turn) {
    const rm_backend *cpu = rm_cpu_backend();
    struct padded tile = padded_new(q.rows, k.rows), scratch = padded_new(64, k.rows);
    assert_int_equal(rm_accumulator_make(at_once, pool, grid->rows.cells, grid->cols.cells, NULL),
                     ROPEMAP_OK);
    assert_int_equal(rm_accumulator_make(in_turn, pool, grid->rows.cells, grid->cols.cells, NULL),
                     ROPEMAP_OK);
    assert_int_equal(cpu->cells_begin(context, at_once, NULL), ROPEMAP_OK);
    assert_int_equal(cpu->cells_begin(context, in_turn, NULL), ROPEMAP_OK);
    assert_int_equal(
        cpu->similarity_pool(context, ROPEMAP_DTYPE_FP32, q, k, scratch.view, grid, 0, 0, at_once, NULL),
        ROPEMAP_OK);
    multiply(context, 1, q, k, tile.view);
    assert_int_equal(cpu->pool(context, grid, tile.view, 0, 0, in_turn, NULL), ROPEMAP_OK);
    check_guards(&scratch);
    free(tile.memory);
    free(scratch.memory);
}

/* Extremes are the same bits; sums in double are off by 4 n 2^-53 of n values below the head dim. */
static void pooled(rm_context *context) {
    static const ropemap_pool pools[] = {ROPEMAP_POOL_MEAN, ROPEMAP_POOL_MIN,    ROPEMAP_POOL_MAX,
                                         ROPEMAP_POOL_RMS,  ROPEMAP_POOL_ABSMAX, ROPEMAP_POOL_STD};
    for (size_t p = 0; p < 4 * sizeof pools / sizeof pools[0]; p++) {
        const int64_t rows = 201, cols = 133, inner = p % 2 == 0 ? 24 : 514;
        const rm_grid grid = {.rows = {.range = {.count = rows, .step = 1}, .cells = 23},
                              .cols = {.range = {.count = cols, .step = 1}, .cells = 9},
                              .mask.causal = p / 2 % 2 == 0};
        struct padded q = padded_new(rows, inner), k = padded_new(cols, inner);
        fill_random(q.view, 11);
        fill_random(k.view, 12);
        *element(q.view, 150, 3) = NAN;
        rm_accumulator at_once, in_turn;
        pool_both_ways(context, &grid, pools[p / 4], q.view, k.view, &at_once, &in_turn);
        for (int64_t cell = 0; cell < 23 * 9; cell++) {
            if (at_once.extreme != NULL) {
                assert_true(same_float(at_once.extreme[cell], in_turn.extreme[cell]));
            } else {
                const double *a = at_once.square != NULL ? at_once.square : at_once.sum;
                const double *b = in_turn.square != NULL ? in_turn.square : in_turn.sum;
                const double pairs = (double)(9 * 15), most = (double)(inner * inner);
                assert_true(isnan(a[cell]) ? isnan(b[cell])
                                           : fabs(a[cell] - b[cell]) <= 4 * pairs * 0x1p-53 * pairs * most);
            }
        }
        rm_accumulator_free(&at_once);
        rm_accumulator_free(&in_turn);
        free(q.memory);
        free(k.memory);
    }
}

static void test_pooling_at_once_is_pooling_in_turn(void **state) {
    in_all_variants(pooled);
}

/* ---- second moments */

static void check_moment(rm_context *context, int64_t rows, int64_t dim, bool centred) {
    const rm_rotation rotation = {.rotate = false};
    const ropemap_range positions = {.first = 5, .count = rows, .step = 2};
    struct padded x = padded_new(rows, dim);
    double centre[34], moment[34 * 34 + 1];
    fill_whole(x.view, 5, false);
    for (int64_t d = 0; d < dim; d++) {
        centre[d] = centred ? (double)(d % 5) : 0.0;
    }
    for (int64_t i = 0; i <= dim * dim; i++) {
        moment[i] = 1000.0;
    }
    assert_int_equal(rm_cpu_backend()->moment(context, &rotation, positions, x.view, centred ? centre : NULL,
                                              moment, NULL),
                     ROPEMAP_OK);
    for (int64_t a = 0; a < dim; a++) {
        for (int64_t b = 0; b < dim; b++) {
            double sum = 1000.0;
            for (int64_t i = 0; i < rows; i++) {
                sum += ((double)*element(x.view, i, a) - centre[a]) *
                       ((double)*element(x.view, i, b) - centre[b]);
            }
            assert_true(moment[a * dim + b] == sum);
        }
    }
    assert_true(moment[dim * dim] == 1000.0);
    check_guards(&x);
    free(x.memory);
}

/* Small whole numbers: the products and sums are exact, about 0 and about whole numbers alike. */
static void moments(rm_context *context) {
    static const int64_t rows[] = {1, 31, 33, 64, 127, 257};
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        check_moment(context, rows[r], 31, r % 2 == 0);
        check_moment(context, rows[r], 34, r % 2 != 0);
    }
}

static void test_moment(void **state) {
    in_all_variants(moments);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_score_is_one_chain),
        cmocka_unit_test(test_what_is_not_finite_stays_in_its_row),
        cmocka_unit_test(test_nothing_outside_is_touched),
        cmocka_unit_test(test_pooling_at_once_is_pooling_in_turn),
        cmocka_unit_test(test_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
