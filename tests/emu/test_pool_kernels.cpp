/* test_pool_kernels.cpp - tiles reduced into cells by emulated kernels, against plain passes over pairs */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "tests/emu/control.h"
#include "tests/emu/pool_oracle.h"

#include <math.h>

#include <algorithm>
#include <vector>

#include "tests/unit.h"

static const ropemap_pool POOLS[] = {ROPEMAP_POOL_MEAN,   ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX,
                                     ROPEMAP_POOL_ABSMAX, ROPEMAP_POOL_RMS, ROPEMAP_POOL_STD};
static const double GUARD = -12345.0;
enum { MARGIN = 4 };

/* The arrays of cells between guards; those that the pool does not use are NULL in `cells`. */
struct store {
    std::vector<double> doubles[3];
    std::vector<float> extreme;
    rm_accumulator cells;
    int64_t count;

    store(const pool_case &test, ropemap_pool pool) {
        int64_t first = 0;
        while (oracle_cell_first(test.rows.range.count, test.rows.cells, first + 1) <= test.row_first) {
            first++;
        }
        cells = rm_accumulator();
        cells.pool = pool;
        cells.first_row = first;
        cells.rows = test.rows.cells - first;
        cells.cols = test.cols.cells;
        count = cells.rows * cells.cols;
        for (std::vector<double> &array : doubles) {
            array.assign((size_t)(count + 2 * MARGIN), GUARD);
            std::fill_n(array.begin() + MARGIN, count, 0.0);
        }
        extreme.assign((size_t)(count + 2 * MARGIN), (float)GUARD);
        std::fill_n(extreme.begin() + MARGIN, count, pool == ROPEMAP_POOL_MIN ? INFINITY : -INFINITY);
        const bool sums = pool == ROPEMAP_POOL_MEAN || pool == ROPEMAP_POOL_RMS || pool == ROPEMAP_POOL_STD;
        cells.extreme = sums ? nullptr : extreme.data() + MARGIN;
        cells.sum = sums ? doubles[0].data() + MARGIN : nullptr;
        cells.square = pool == ROPEMAP_POOL_STD ? doubles[1].data() + MARGIN : nullptr;
        cells.pairs = pool == ROPEMAP_POOL_STD ? doubles[2].data() + MARGIN : nullptr;
    }
    void check_guards() const {
        for (int64_t i = 0; i < MARGIN; i++) {
            for (const std::vector<double> &array : doubles) {
                assert_true(array[(size_t)i] == GUARD && array[(size_t)(count + MARGIN + i)] == GUARD);
            }
            assert_true(extreme[(size_t)i] == (float)GUARD &&
                        extreme[(size_t)(count + MARGIN + i)] == (float)GUARD);
        }
    }
};

/* Which numbers the pieces of `count` indices have, from the definition in geometry.h; the others are gaps.
 */
static std::vector<bool> piece_numbers(const rm_partition &axis, int64_t first, int64_t count, int64_t strip,
                                       int64_t room) {
    std::vector<bool> used((size_t)room);
    int64_t first_cell = 0;
    while (oracle_cell_first(axis.range.count, axis.cells, first_cell + 1) <= first) {
        first_cell++;
    }
    for (int64_t i = 0, cell = first_cell; i < count; i++) {
        while (oracle_cell_first(axis.range.count, axis.cells, cell + 1) <= first + i) {
            cell++;
        }
        used.at((size_t)(i / strip + cell - first_cell)) = true;
    }
    return used;
}

/* Parts must be written where pieces are and stay untouched, all bits 1, in gaps. Without a NaN in the tile
 * no part has such bits. */
static void check_parts(const rm_pool_work &work, const unsigned char *parts, bool nan_in_tile) {
    const int64_t bytes = rm_pool_part_bytes(work.cells.pool);
    const int64_t down = rm_pieces_count(&work.grid.rows, work.row_first, work.tile.rows, RM_POOL_ROWS);
    const int64_t across = rm_pieces_count(&work.grid.cols, work.col_first, work.tile.cols, RM_POOL_COLS);
    const std::vector<bool> rows =
        piece_numbers(work.grid.rows, work.row_first, work.tile.rows, RM_POOL_ROWS, down);
    const std::vector<bool> cols =
        piece_numbers(work.grid.cols, work.col_first, work.tile.cols, RM_POOL_COLS, across);
    for (int64_t i = 0; i < down * across; i++) {
        bool untouched = true;
        for (int64_t b = 0; b < bytes; b++) {
            untouched = untouched && parts[i * bytes + b] == 0xff;
        }
        const bool piece = rows[(size_t)(i / across)] && cols[(size_t)(i % across)];
        assert_true(piece ? nan_in_tile || !untouched : untouched);
    }
}

/* Gives the matrix to the kernels tile by tile. */
static void feed(const pool_case &test, matrix *from, bool nan_in_tile, rm_accumulator *cells) {
    for (int64_t i = test.row_first; i < from->rows; i += test.tile_rows) {
        for (int64_t j = 0; j < from->cols; j += test.tile_cols) {
            rm_pool_work work = rm_pool_work();
            work.tile.data = &from->at(i, j);
            work.tile.rows = from->rows - i < test.tile_rows ? from->rows - i : test.tile_rows;
            work.tile.cols = from->cols - j < test.tile_cols ? from->cols - j : test.tile_cols;
            work.tile.stride = from->stride;
            work.grid = grid_of(test);
            work.row_first = i;
            work.col_first = j;
            work.cells = *cells;
            const size_t bytes =
                (size_t)rm_pool_parts_bytes(&work.grid, cells->pool, i, work.tile.rows, j, work.tile.cols);
            work.parts = malloc(bytes);
            assert_non_null(work.parts);
            memset(work.parts, 0xff, bytes);
            assert_int_equal(rm_pool_launch(&work, nullptr), cudaSuccess);
            check_parts(work, static_cast<unsigned char *>(work.parts), nan_in_tile);
            free(work.parts);
        }
    }
}

static bool close_to(long double wanted, double got, double bound) {
    return isnan(wanted) ? isnan(got)
                         : (long double)got == wanted || fabsl((long double)got - wanted) <= bound;
}

static void check_cell(const rm_accumulator &cells, int64_t cell, const std::vector<float> &values) {
    const bool deviations = cells.pool == ROPEMAP_POOL_STD;
    const wanted_cell wanted = cells.extreme != nullptr ? wanted_extreme(cells.pool, values)
                               : deviations             ? wanted_deviations(values)
                                                        : wanted_sum(cells.pool, values);
    const double got = cells.extreme != nullptr ? (double)cells.extreme[cell]
                       : deviations             ? cells.square[cell]
                                                : cells.sum[cell];
    if (!close_to(wanted.value, got, wanted.bound)) {
        fail_msg("%s, cell %lld of %zu pairs: %.17g, not %.17Lg by %.3g", ropemap_pool_name(cells.pool),
                 (long long)cell, values.size(), got, wanted.value, wanted.bound);
    }
    if (deviations) {
        assert_true(cells.pairs[cell] == (double)values.size());
        assert_true(close_to(wanted.mean, cells.sum[cell], wanted.bound_of_mean));
    }
}

static void check_case(const pool_case &test, ropemap_pool pool, matrix *from, bool nan_in_tile) {
    store kept(test, pool);
    feed(test, from, nan_in_tile, &kept.cells);
    for (int64_t cell = 0; cell < kept.count; cell++) {
        const int64_t row = kept.cells.first_row + cell / kept.cells.cols, col = cell % kept.cells.cols;
        check_cell(kept.cells, cell, collect(test, from, row, col));
    }
    kept.check_guards();
}

/* Threads of the emulation are slow: each case runs under one pool of each kind, all pools in turn. */
static void test_pools(void **) {
    const ropemap_pool extremes[] = {ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX, ROPEMAP_POOL_ABSMAX};
    for (size_t i = RACE_STEP / 2; i < CASE_COUNT; i += RACE_STEP) {
        matrix from(CASES[i], 17, 0);
        check_case(CASES[i], i % 2 == 0 ? ROPEMAP_POOL_MEAN : ROPEMAP_POOL_RMS, &from, false);
        check_case(CASES[i], extremes[i % 3], &from, false);
        check_case(CASES[i], ROPEMAP_POOL_STD, &from, false);
    }
}

/* Values that differ by 1 around 1,000,000 or 10,000: E[x^2] - E[x]^2, even in double, would be far off. */
static void test_deviations_far_from_zero(void **) {
    for (const size_t i : {2, 6, 9, 11, 13}) {
        matrix from(CASES[i], 18, i % 2 == 0 ? 1e4f : -1e6f);
        check_case(CASES[i], ROPEMAP_POOL_STD, &from, false);
    }
}

static void plant_nan(matrix *into) {
    into->at(0, 0) = NAN;
    into->at(into->rows / 2, into->cols / 3) = -NAN;
    into->at(into->rows - 1, into->cols - 1) = NAN;
}

static void test_a_nan_stays_and_stays_in_its_cell(void **) {
    matrix from(CASES[2], 19, 0);
    plant_nan(&from);
    for (const ropemap_pool pool : POOLS) {
        check_case(CASES[2], pool, &from, true);
    }
}

static void test_a_nan_stays_where_tiles_follow(void **) {
    matrix from(CASES[4], 19, 0);
    plant_nan(&from);
    for (const ropemap_pool pool : {ROPEMAP_POOL_MIN, ROPEMAP_POOL_MEAN, ROPEMAP_POOL_STD}) {
        check_case(CASES[4], pool, &from, true);
    }
}

static void test_extremes_may_be_infinite(void **) {
    for (const size_t i : {2, 8}) {
        matrix from(CASES[i], 20, 0);
        from.at(0, 0) = INFINITY;
        from.at(from.rows * 2 / 3, from.cols / 3) = -INFINITY;
        for (const ropemap_pool pool : {ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX, ROPEMAP_POOL_ABSMAX}) {
            check_case(CASES[i], pool, &from, false);
        }
    }
}

/* Zeros of both signs: -0 is below +0 wherever they lie, so that no order of merging shows. */
static void test_zeros_have_an_order(void **) {
    const pool_case test = {{{0, 64, 1}, 1}, {{0, 8, 1}, 1}, EVERY, 0, 64, 8, 0};
    for (const int64_t odd : {0, 37, 63}) {
        matrix from(test, 21, 0);
        for (float &value : from.data) {
            value = -0.0f;
        }
        from.at(odd, 5) = 0.0f;
        for (const ropemap_pool pool : {ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX}) {
            store kept(test, pool);
            feed(test, &from, false, &kept.cells);
            assert_int_equal(rm_bits_from_float(kept.cells.extreme[0]),
                             pool == ROPEMAP_POOL_MIN ? 0x80000000u : 0u);
        }
    }
}

/* A column whose first value lies far from all others is the worst for deviations taken from it. */
static void test_deviations_beside_one_that_lies_far_off(void **) {
    const pool_case test = {{{0, 64, 1}, 1}, {{0, 8, 1}, 2}, EVERY, 0, 64, 8, 0};
    matrix from(test, 21, 0);
    from.at(0, 0) = 1e7f;
    from.at(32, 5) = -1e7f;
    check_case(test, ROPEMAP_POOL_STD, &from, false);
}

/* Blocks have no order: the same bits in whatever order they run. */
static void test_the_same_bits_in_any_order_of_blocks(void **) {
    const pool_case test = {{{0, 40, 1}, 3}, {{0, 1100, 1}, 7}, CAUSAL, 0, 40, 1100, 0};
    matrix from(test, 22, 100);
    for (const ropemap_pool pool : {ROPEMAP_POOL_MAX, ROPEMAP_POOL_RMS, ROPEMAP_POOL_STD}) {
        store kept(test, pool), again(test, pool);
        feed(test, &from, false, &kept.cells);
        emu_reverse_blocks(1);
        feed(test, &from, false, &again.cells);
        emu_reverse_blocks(0);
        for (int i = 0; i < 3; i++) {
            assert_memory_equal(kept.doubles[i].data(), again.doubles[i].data(),
                                kept.doubles[i].size() * sizeof(double));
        }
        assert_memory_equal(kept.extreme.data(), again.extreme.data(), kept.extreme.size() * sizeof(float));
    }
}

static void test_a_launch_that_fails_is_reported(void **) {
    const pool_case test = CASES[1];
    matrix from(test, 23, 0);
    for (int launch = 1; launch <= 2; launch++) {
        store kept(test, ROPEMAP_POOL_MAX);
        std::vector<float> parts(31 * 33);
        rm_pool_work work = rm_pool_work();
        work.tile = {from.data.data(), from.rows, from.cols, from.stride};
        work.grid = grid_of(test);
        work.cells = kept.cells;
        work.parts = parts.data();
        emu_fail_next_launch(launch);
        assert_int_equal(rm_pool_launch(&work, nullptr), cudaErrorLaunchFailure);
    }
}

static void test_an_empty_tile_is_no_work(void **) {
    const long before = emu_launch_count();
    rm_pool_work work = rm_pool_work();
    work.grid = grid_of(CASES[1]);
    work.tile.cols = 1;
    assert_int_equal(rm_pool_launch(&work, nullptr), cudaSuccess);
    assert_int_equal(emu_launch_count(), before);
}

int main() {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_deviations_far_from_zero),
        cmocka_unit_test(test_a_nan_stays_and_stays_in_its_cell),
        cmocka_unit_test(test_a_nan_stays_where_tiles_follow),
        cmocka_unit_test(test_extremes_may_be_infinite),
        cmocka_unit_test(test_zeros_have_an_order),
        cmocka_unit_test(test_deviations_beside_one_that_lies_far_off),
        cmocka_unit_test(test_the_same_bits_in_any_order_of_blocks),
        cmocka_unit_test(test_an_empty_tile_is_no_work),
        cmocka_unit_test(test_a_launch_that_fails_is_reported),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
