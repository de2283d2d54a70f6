/* test_rotate_sum_kernels.cpp - the kernels that rotate and add up rows: cells, exact sums, bounds, guards */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "tests/emu/control.h"
#include "tests/emu/stored.h"

#include "tests/unit.h"

/* ---- cells */

static rm_rotate_sum_work work_of(ropemap_range range, int64_t cells, int64_t first, int64_t rows) {
    rm_rotate_sum_work work = {};
    work.axis.range = range;
    work.axis.cells = cells;
    work.first = first;
    work.from.rows = rows;
    return work;
}

/* Rows that hold their own index: a row left out, taken twice or put into another cell changes a sum. Rows
 * are only added, so that the numbers are whole and exact. */
static void check_cells(ropemap_range range, int64_t cells, int64_t first, int64_t rows) {
    rm_rotate_sum_work work = work_of(range, cells, first, rows);
    std::vector<float> from((size_t)(2 * rows));
    for (size_t i = 0; i < from.size(); i++) {
        from[i] = (float)(i / 2 + 1);
    }
    const int64_t pieces = rm_pieces_count(&work.axis, first, rows, RM_SUM_STRIP);
    const int64_t touched = rm_partition_touched(&work.axis, first, rows);
    std::vector<double> parts((size_t)(2 * pieces), (double)NAN), sums((size_t)(2 * touched), (double)NAN);
    std::vector<double> wanted((size_t)touched, 0.0);
    work.from = rm_view_dense(from.data(), rows, 2);
    work.parts = parts.data();
    work.sums = sums.data();
    assert_int_equal(rm_rotate_sum_launch(&work, 2, nullptr), cudaSuccess);
    for (int64_t row = 0, cell = -1, end = 0; row < rows; row++) {
        for (; first + row >= end; cell++) {
            const int64_t number = rm_partition_cell_of(&work.axis, first) + cell + 1;
            end = (number + 1) * range.count / cells;
        }
        wanted[(size_t)cell] += (double)(row + 1);
    }
    for (int64_t cell = 0; cell < touched; cell++) {
        if (sums[(size_t)(2 * cell)] != wanted[(size_t)cell]) {
            fail_msg("%d rows from %d of %d in %d cells: cell %d is %g, not %g", (int)rows, (int)first,
                     (int)range.count, (int)cells, (int)cell, sums[(size_t)(2 * cell)], wanted[(size_t)cell]);
        }
    }
}

static void test_every_row_enters_its_cell_once(void **state) {
    uint64_t seed = 1;
    for (int i = 0; i < 40; i += RACE_STEP) {
        const int64_t count = 1 + (int64_t)(next_random(&seed) % (i % 2 == 0 ? 600 : 5000));
        const int64_t cells =
            1 + (int64_t)(next_random(&seed) % (uint64_t)(i % 3 == 0 ? count : count / 97 + 1));
        const int64_t first = (int64_t)(next_random(&seed) % (uint64_t)count);
        const int64_t rows = 1 + (int64_t)(next_random(&seed) % (uint64_t)(count - first));
        check_cells({0, count, 1}, cells, first, rows);
    }
    if (RACE_STEP > 1) {
        return; /* what follows differs in numbers alone */
    }
    for (const int64_t cells : {1, 2, 4, 8, 2048}) { /* strips and cells that end together: gaps */
        check_cells({0, 2048, 1}, cells, 0, 2048);
        check_cells({0, 2048, 1}, cells, 256, 1024);
        check_cells({0, 2048, 1}, cells, 255, 1026);
    }
    const int64_t far = (int64_t)1 << 38; /* long axes of 65,535 cells, a part of their rows */
    check_cells({0, far, 1}, 65535, far - 5000, 5000);
    check_cells({0, far, 1}, 65535, far / 65535 - 100, 1000);
    check_cells({0, 200003, 1}, 65535, 100001, 5000);
}

/* ---- sums */

struct sum_case {
    int32_t head_dim, rotary_dim;
    ropemap_layout layout;
    ropemap_range range; /* of the axis */
    int64_t cells, first, rows;
    int pad, shift;
};

/* Sums of the kernels; parts hold NaN before, so that a gap that is read shows. */
static std::vector<double> sums_of(const sum_case &test, const ropemap_freqs &freqs, stored &from,
                                   int32_t processors) {
    rm_rotate_sum_work work = work_of(test.range, test.cells, test.first, test.rows);
    work.from = {(float *)from.data(), test.rows, test.head_dim, test.head_dim + test.pad};
    work.freqs = freqs.pairs > 0 ? &freqs : nullptr;
    work.pairs = freqs.pairs;
    work.layout = test.layout;
    const int64_t pieces = rm_pieces_count(&work.axis, test.first, test.rows, RM_SUM_STRIP);
    const int64_t cells = rm_partition_touched(&work.axis, test.first, test.rows);
    std::vector<double> parts((size_t)(pieces * test.head_dim) + 1, (double)NAN);
    std::vector<double> sums((size_t)(cells * test.head_dim) + 1, (double)NAN);
    parts.back() = sums.back() = -5.0;
    work.parts = parts.data();
    work.sums = sums.data();
    assert_int_equal(rm_rotate_sum_launch(&work, processors, nullptr), cudaSuccess);
    assert_true(parts.back() == -5.0 && sums.back() == -5.0);
    sums.pop_back();
    return sums;
}

/* Element d of a row at `position`, rotated by the definition. */
static float rotated(const sum_case &test, const ropemap_freqs &freqs, const stored &from, int64_t row,
                     int32_t d, int64_t position) {
    if (d >= 2 * freqs.pairs) {
        return from.get(row + d);
    }
    const bool half = test.layout == ROPEMAP_LAYOUT_HALF;
    const int32_t p = half ? d % freqs.pairs : d / 2;
    const bool second = half ? d >= freqs.pairs : d % 2 == 1;
    const uint32_t phase = rm_phase32(rm_phase(freqs.step[p], freqs.fine[p], position));
    const rm_gain attention = rm_gain_of(freqs.attention_factor);
    const float c = rm_gain_times(attention, rm_cos(phase)), s = rm_gain_times(attention, rm_sin(phase));
    const float x = from.get(row + (half ? p : 2 * p)),
                y = from.get(row + (half ? p + freqs.pairs : 2 * p + 1));
    return second ? rm_rotate_second(x, y, c, s) : rm_rotate_first(x, y, c, s);
}

/*
 * Rotated rows have the bits of rotate; at most 16 of them are added in float, which is off by at most
 * 15 u sum |x|, u = 2^-24; the rest is double: rows * 2^-53 * sum |x|, below 0.5 u sum |x| for 2^28 rows.
 * `exact`: all numbers are whole and below 2^20, so that not even a sum of 16 is rounded.
 */
static void check_sums(const sum_case &test, const ropemap_freqs &freqs, const stored &from,
                       const std::vector<double> &sums, bool exact) {
    const rm_partition axis = {test.range, test.cells};
    const int64_t stride = test.head_dim + test.pad;
    std::vector<double> wanted(sums.size(), 0.0), magnitude(sums.size(), 0.0);
    for (int64_t i = 0; i < test.rows; i++) {
        const int64_t cell =
            rm_partition_cell_of(&axis, test.first + i) - rm_partition_cell_of(&axis, test.first);
        const int64_t position = test.range.first + (test.first + i) * test.range.step;
        for (int32_t d = 0; d < test.head_dim; d++) {
            const double x = (double)rotated(test, freqs, from, i * stride, d, position);
            wanted[(size_t)(cell * test.head_dim + d)] += x;
            magnitude[(size_t)(cell * test.head_dim + d)] += fabs(x);
        }
    }
    for (size_t i = 0; i < sums.size(); i++) {
        const double bound = exact ? 0.0 : 15.5 * 0x1p-24 * magnitude[i];
        if (!(fabs(sums[i] - wanted[i]) <= bound)) {
            fail_msg("dim %d of %d, layout %d, %d rows from %d, %d cells: sum %d is %.17g, not %.17g",
                     (int)test.rotary_dim, (int)test.head_dim, (int)test.layout, (int)test.rows,
                     (int)test.first, (int)test.cells, (int)i, sums[i], wanted[i]);
        }
    }
}

static void check_rotate_sum(const sum_case &test, uint64_t seed) {
    const int64_t stride = test.head_dim + test.pad;
    ropemap_freqs freqs = random_freqs(test.rotary_dim / 2, 1.1386294f, seed);
    stored from(ROPEMAP_DTYPE_FP32, test.rows * stride, test.shift);
    for (int exact = 0; exact < 2; exact++) {
        for (int64_t i = 0; i < test.rows * test.head_dim; i++) {
            const float x = random_float(&seed);
            from.set(i / test.head_dim * stride + i % test.head_dim, exact ? floorf((x + 1) * 0x1p19f) : x);
        }
        if (exact) { /* quarter turns */
            freqs.attention_factor = 1.0;
            for (int32_t p = 0; p < freqs.pairs; p++) {
                freqs.step[p] = (uint64_t)(p % 4) << 62;
                freqs.fine[p] = 0;
            }
        }
        const stored before = from;
        const std::vector<double> sums = sums_of(test, freqs, from, 2);
        check_sums(test, freqs, from, sums, exact != 0);
        assert_true(from.same_bits(before));
        if (!exact) { /* neither the order nor the number of blocks changes a bit */
            emu_reverse_blocks(1);
            const std::vector<double> again = sums_of(test, freqs, from, 3);
            emu_reverse_blocks(0);
            assert_memory_equal(sums.data(), again.data(), sums.size() * sizeof sums[0]);
        }
    }
}

static const int64_t END = ROPEMAP_POSITION_END, SPAN = (int64_t)1 << 20;

static const sum_case sum_cases[] = {
    /* dim, rotary, layout, positions, cells, first, rows, pad, shift */
    {2, 2, ROPEMAP_LAYOUT_HALF, {0, 1, 1}, 1, 0, 1, 0, 0},
    {128, 128, ROPEMAP_LAYOUT_HALF, {0, 1024, 1}, 4, 0, 1024, 0, 0},
    {128, 128, ROPEMAP_LAYOUT_INTERLEAVED, {SPAN - 300, 1009, 1}, 7, 0, 1009, 4, 0},
    {128, 96, ROPEMAP_LAYOUT_HALF, {5, 600, 3}, 2, 100, 450, 0, 0},
    {64, 32, ROPEMAP_LAYOUT_INTERLEAVED, {END - 1 - 599 * 7, 600, 7}, 600, 13, 57, 8, 0},
    {96, 96, ROPEMAP_LAYOUT_HALF, {END - 31, 31, 1}, 3, 0, 31, 0, 0},
    {62, 62, ROPEMAP_LAYOUT_HALF, {3, 257, 4096}, 5, 0, 257, 0, 1},
    {66, 26, ROPEMAP_LAYOUT_INTERLEAVED, {0, 700, SPAN + 1}, 6, 33, 600, 3, 0},
    {26, 26, ROPEMAP_LAYOUT_HALF, {0, 127, 1}, 127, 90, 37, 0, 0},
    {130, 130, ROPEMAP_LAYOUT_INTERLEAVED, {SPAN * 3 - 17, 300, 1}, 9, 255, 33, 0, 0},
    {100, 0, ROPEMAP_LAYOUT_HALF, {0, 900, 1}, 3, 1, 899, 0, 0},
    {101, 0, ROPEMAP_LAYOUT_HALF, {0, 300, 1}, 3, 1, 280, 0, 0},
    {68, 64, ROPEMAP_LAYOUT_HALF, {7, 400, 1}, 400, 350, 50, 0, 0},       /* the last group is half a one */
    {256, 256, ROPEMAP_LAYOUT_HALF, {0, 1 << 20, 1}, 1, 5000, 513, 0, 0}, /* a cell beyond the rows */
    {514, 514, ROPEMAP_LAYOUT_INTERLEAVED, {0, 257, 1}, 2, 0, 257, 0, 0},
    {4096, 4096, ROPEMAP_LAYOUT_HALF, {END - 60, 60, 1}, 2, 3, 55, 0, 0},
    {4096, 4096, ROPEMAP_LAYOUT_INTERLEAVED, {END - 40, 40, 1}, 1, 3, 35, 0, 0},
    {4096, 4094, ROPEMAP_LAYOUT_HALF, {SPAN - 9, 20, 1}, 1, 0, 20, 0, 0},
    {64, 64, ROPEMAP_LAYOUT_HALF, {0, 70000, 1}, 1, 0, 2100, 0, 0}, /* nine pieces: more than are on their way
                                                                       at a time */
};

static void test_sums(void **state) {
    uint64_t seed = 5;
    for (size_t i = RACE_STEP - 1; i < sizeof sum_cases / sizeof sum_cases[0]; i += RACE_STEP) {
        check_rotate_sum(sum_cases[i], seed++);
    }
}

static void test_sums_of_many_sizes(void **state) {
    static const int64_t counts[] = {1, 31, 33, 127, 257};
    static const int32_t dims[] = {2, 26, 62, 64, 66, 96, 128, 130};
    uint64_t seed = 77;
    for (size_t i = RACE_STEP - 1; i < 5; i++) {
        for (const int32_t dim : dims) {
            const int64_t count = counts[i];
            const int32_t rotary = seed % 3 == 0 ? dim : dim / 4 * 2;
            const sum_case test = {dim,
                                   rotary,
                                   (ropemap_layout)(seed % 2),
                                   {SPAN - 20, count, 1 + (int64_t)(seed % 5)},
                                   1 + (int64_t)(seed % 7) * (count < 40 ? count : 40) / 7,
                                   0,
                                   count,
                                   (int)(seed % 4) * 2,
                                   (int)(seed % 5) % 4};
            check_rotate_sum(test, seed++);
        }
    }
}

static void test_failures_are_told(void **state) {
    float rows[4] = {1, 2, 3, 4};
    double parts[4] = {}, sums[4] = {};
    rm_rotate_sum_work work = work_of({0, 2, 1}, 1, 0, 2);
    work.from = rm_view_dense(rows, 2, 2);
    work.parts = parts;
    work.sums = sums;
    for (int countdown = 1; countdown <= 2; countdown++) { /* either kernel */
        emu_fail_next_launch(countdown);
        assert_int_equal(rm_rotate_sum_launch(&work, 2, nullptr), cudaErrorLaunchFailure);
        (void)emu_take_launch_error();
    }
    assert_int_equal(rm_rotate_sum_launch(&work, 2, nullptr), cudaSuccess);
    assert_true(sums[0] == 4.0 && sums[1] == 6.0);
    const long launches = emu_launch_count();
    work.from.rows = 0;
    assert_int_equal(rm_rotate_sum_launch(&work, 2, nullptr), cudaSuccess);
    assert_int_equal(emu_launch_count(), launches);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_enters_its_cell_once),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_sums_of_many_sizes),
        cmocka_unit_test(test_failures_are_told),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
