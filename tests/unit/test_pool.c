/* test_pool.c - tiles reduced into cells, piece by piece, against two plain passes over each cell's pairs */
/* SPDX-License-Identifier: MIT */
#include "tests/oracle.h"
#include "tests/padded.h"
#include "tests/unit.h"

#include <math.h>

static const ropemap_pool pools[] = {ROPEMAP_POOL_MEAN,   ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX,
                                     ROPEMAP_POOL_ABSMAX, ROPEMAP_POOL_RMS, ROPEMAP_POOL_STD};
enum { POOLS = sizeof pools / sizeof pools[0], MARGIN = 4 };

struct pool_case {
    rm_grid grid;
    int64_t tile_rows, tile_cols; /* pieces that the matrix is fed in */
};

static const struct pool_case pool_cases[] = {
    {{.rows = {{0, 1, 1}, 1}, .cols = {{0, 1, 1}, 1}}, 1, 1},
    {{.rows = {{0, 31, 1}, 31}, .cols = {{0, 33, 1}, 33}}, 31, 33},
    {{.rows = {{0, 127, 1}, 7}, .cols = {{0, 257, 1}, 13}}, 33, 31},
    {{.rows = {{0, 127, 1}, 13}, .cols = {{0, 127, 1}, 7}, .mask.causal = true}, 64, 64},
    {{.rows = {{((int64_t)1 << 33) + 5, 97, 3}, 7},
      .cols = {{((int64_t)1 << 33) + 60, 97, 2}, 13},
      .mask.causal = true},
     40,
     97},
    {{.rows = {{0, 31, 1}, 7}, .cols = {{50, 33, 1}, 5}, .mask.causal = true}, 31, 33},
    {{.rows = {{1000, 257, 1}, 1}, .cols = {{0, 257, 1}, 1}}, 256, 256},
    {{.rows = {{0, 512, 1}, 13}, .cols = {{0, 512, 1}, 13}}, 256, 512},
};

static double *guarded_doubles(int64_t count) {
    double *memory = malloc((size_t)(count + 2 * MARGIN) * sizeof *memory);
    assert_non_null(memory);
    for (int64_t i = 0; i < count + 2 * MARGIN; i++) {
        memory[i] = i < MARGIN || i >= count + MARGIN ? -12345.0 : 0.0;
    }
    return memory;
}

static void check_guarded_doubles(double *memory, int64_t count) {
    for (int64_t i = 0; i < MARGIN; i++) {
        assert_true(memory[i] == -12345.0);
        assert_true(memory[count + MARGIN + i] == -12345.0);
    }
    free(memory);
}

/* The cells' arrays with room on both sides that nothing may touch. */
struct store {
    double *sum, *square, *pairs;
    struct padded extreme;
    rm_accumulator cells;
};

static struct store store_new(const rm_grid *grid, ropemap_pool pool) {
    const int64_t count = grid->rows.cells * grid->cols.cells;
    struct store store = {.sum = guarded_doubles(count),
                          .square = guarded_doubles(count),
                          .pairs = guarded_doubles(count),
                          .extreme = padded_new(1, count)};
    for (int64_t i = 0; i < count; i++) {
        *element(store.extreme.view, 0, i) = pool == ROPEMAP_POOL_MIN ? INFINITY : -INFINITY;
    }
    store.cells = (rm_accumulator){.pool = pool, .rows = grid->rows.cells, .cols = grid->cols.cells};
    if (pool == ROPEMAP_POOL_MEAN || pool == ROPEMAP_POOL_RMS || pool == ROPEMAP_POOL_STD) {
        store.cells.sum = store.sum + MARGIN;
    } else {
        store.cells.extreme = store.extreme.view.data;
    }
    if (pool == ROPEMAP_POOL_STD) {
        store.cells.square = store.square + MARGIN;
        store.cells.pairs = store.pairs + MARGIN;
    }
    return store;
}

static void store_close(struct store *store) {
    const int64_t count = store->cells.rows * store->cells.cols;
    check_guarded_doubles(store->sum, count);
    check_guarded_doubles(store->square, count);
    check_guarded_doubles(store->pairs, count);
    check_guards(&store->extreme);
    free(store->extreme.memory);
}

/* The pairs of one cell, copied out in order. */
static int64_t collect(const rm_grid *grid, rm_view matrix, int64_t cell_row, int64_t cell_col,
                       double *values) {
    const ropemap_range rows = grid->rows.range, cols = grid->cols.range;
    const int64_t row_end = oracle_cell_first(rows.count, grid->rows.cells, cell_row + 1);
    const int64_t col_end = oracle_cell_first(cols.count, grid->cols.cells, cell_col + 1);
    int64_t pairs = 0;
    for (int64_t i = oracle_cell_first(rows.count, grid->rows.cells, cell_row); i < row_end; i++) {
        for (int64_t j = oracle_cell_first(cols.count, grid->cols.cells, cell_col); j < col_end; j++) {
            if (!grid->mask.causal || cols.first + j * cols.step <= rows.first + i * rows.step) {
                values[pairs++] = (double)*element(matrix, i, j);
            }
        }
    }
    return pairs;
}

/* What the cell should hold, and the sum of magnitudes that the rounding of its sums is relative to. */
static double reduce(ropemap_pool pool, const double *values, int64_t pairs, double *magnitude) {
    double sum = 0, square = 0, low = (double)INFINITY, high = -(double)INFINITY;
    *magnitude = 0;
    for (int64_t i = 0; i < pairs; i++) {
        if (isnan(values[i])) {
            return (double)NAN;
        }
        sum += values[i];
        *magnitude += pool == ROPEMAP_POOL_MEAN ? fabs(values[i]) : values[i] * values[i];
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    for (int64_t i = 0; i < pairs; i++) {
        const double deviation = values[i] - (pool == ROPEMAP_POOL_STD ? sum / (double)pairs : 0);
        square += deviation * deviation;
    }
    switch (pool) {
    case ROPEMAP_POOL_MEAN:
        return sum;
    case ROPEMAP_POOL_MIN:
        return low;
    case ROPEMAP_POOL_MAX:
        return high;
    case ROPEMAP_POOL_ABSMAX:
        return pairs == 0 ? high : fmax(fabs(low), fabs(high));
    case ROPEMAP_POOL_RMS:
    case ROPEMAP_POOL_STD:
    case ROPEMAP_POOL_MASS:
        break;
    }
    return square;
}

/*
 * Extremes are exact. Sums of n doubles in two orders differ by 2 n 2^-53 of their magnitude at most; merging
 * parts of a standard deviation takes a few more roundings a part, so 8 n.
 */
static void check_cell(const rm_accumulator *cells, int64_t cell, const double *values, int64_t pairs) {
    double magnitude = 0;
    const double wanted = reduce(cells->pool, values, pairs, &magnitude);
    const double *held = cells->pool == ROPEMAP_POOL_STD ? cells->square : cells->sum;
    const double got = cells->extreme != NULL ? (double)cells->extreme[cell] : held[cell];
    const double bound = cells->extreme != NULL ? 0 : 8 * (double)pairs * 0x1p-53 * magnitude;
    const bool same = isnan(wanted) ? isnan(got) : got == wanted || fabs(got - wanted) <= bound;
    if (!same) {
        fail_msg("%s, cell %lld of %lld pairs: %.17g, not %.17g", ropemap_pool_name(cells->pool),
                 (long long)cell, (long long)pairs, got, wanted);
    }
    if (cells->pairs != NULL) {
        assert_true(cells->pairs[cell] == (double)pairs);
        assert_true(pairs == 0 || isnan(wanted) ||
                    fabs(cells->sum[cell] * (double)pairs) <= magnitude * 2 + (double)pairs);
    }
}

static void feed(rm_context *context, const struct pool_case *test, rm_view matrix, rm_accumulator *cells) {
    for (int64_t i = 0; i < matrix.rows; i += test->tile_rows) {
        for (int64_t j = 0; j < matrix.cols; j += test->tile_cols) {
            rm_view tile = matrix;
            tile.data = element(matrix, i, j);
            tile.rows = matrix.rows - i < test->tile_rows ? matrix.rows - i : test->tile_rows;
            tile.cols = matrix.cols - j < test->tile_cols ? matrix.cols - j : test->tile_cols;
            assert_int_equal(rm_cpu_backend()->pool(context, &test->grid, tile, i, j, cells, NULL),
                             ROPEMAP_OK);
        }
    }
}

static void check_case(rm_context *context, const struct pool_case *test, rm_view matrix) {
    const int64_t rows = test->grid.rows.range.count, cols = test->grid.cols.range.count;
    double *values = malloc((size_t)(rows * cols) * sizeof *values);
    assert_non_null(values);
    for (size_t p = 0; p < POOLS; p++) {
        struct store store = store_new(&test->grid, pools[p]);
        feed(context, test, matrix, &store.cells);
        for (int64_t cell = 0; cell < store.cells.rows * store.cells.cols; cell++) {
            const int64_t pairs =
                collect(&test->grid, matrix, cell / store.cells.cols, cell % store.cells.cols, values);
            check_cell(&store.cells, cell, values, pairs);
        }
        store_close(&store);
    }
    free(values);
}

static void walk(float offset, bool with_nan) {
    rm_context *context = open_context();
    for (size_t i = 0; i < sizeof pool_cases / sizeof pool_cases[0]; i++) {
        const rm_grid *grid = &pool_cases[i].grid;
        struct padded matrix = padded_new(grid->rows.range.count, grid->cols.range.count);
        fill_random(matrix.view, 17);
        for (int64_t r = 0; r < matrix.view.rows; r++) {
            for (int64_t c = 0; c < matrix.view.cols; c++) {
                *element(matrix.view, r, c) += offset;
            }
        }
        if (with_nan) {
            *element(matrix.view, 0, 0) = NAN;
            *element(matrix.view, matrix.view.rows / 2, matrix.view.cols / 3) = -NAN;
            *element(matrix.view, matrix.view.rows - 1, matrix.view.cols - 1) = NAN;
        }
        check_case(context, &pool_cases[i], matrix.view);
        check_guards(&matrix);
        free(matrix.memory);
    }
    rm_cpu_backend()->close(context);
}

static void test_pools(void **state) {
    walk(0, false);
}

/* Values near 1000 that differ by 1: a variance made as E[x^2] - E[x]^2 in float would be noise. */
static void test_pools_far_from_zero(void **state) {
    walk(1000, false);
}

static void test_a_nan_stays_and_stays_in_its_cell(void **state) {
    walk(0, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_pools_far_from_zero),
        cmocka_unit_test(test_a_nan_stays_and_stays_in_its_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
