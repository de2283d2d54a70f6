/* pool_oracle.h - matrices to pool, and what their cells should hold by plain passes over the pairs */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_EMU_POOL_ORACLE_H
#define ROPEMAP_TESTS_EMU_POOL_ORACLE_H

#include "cuda/kernels.h"

#include <math.h>

#include <vector>

extern "C" {
#include "tests/oracle.h"
}

static const int64_t FAR = ((int64_t)1 << 40) - 5000;
enum which { EVERY, CAUSAL, SYMMETRIC };

/* A matrix of similarities [rows, cols], given to the kernels in tiles from row `row_first` on. */
struct pool_case {
    rm_partition rows, cols;
    which pairs; /* that count */
    int64_t row_first;
    int64_t tile_rows, tile_cols;
    int64_t gap; /* floats between rows: decides whether tiles are aligned */
};

/* Tiles in one strip and window and in several, cells within and across them, steps that differ. */
static const pool_case CASES[] = {
    {{{0, 1, 1}, 1}, {{0, 1, 1}, 1}, EVERY, 0, 1, 1, 0},
    {{{0, 13, 1}, 13}, {{0, 33, 1}, 33}, EVERY, 0, 13, 33, 3},
    {{{0, 33, 1}, 3}, {{0, 31, 1}, 2}, CAUSAL, 0, 33, 31, 0},
    {{{0, 34, 1}, 17}, {{0, 63, 1}, 21}, CAUSAL, 0, 34, 63, 1},
    {{{0, 127, 1}, 7}, {{0, 257, 1}, 13}, EVERY, 0, 65, 150, 3},
    {{{0, 127, 1}, 13}, {{0, 127, 1}, 7}, CAUSAL, 60, 64, 64, 1},
    {{{FAR, 97, 3}, 7}, {{FAR + 55, 97, 2}, 13}, CAUSAL, 0, 40, 97, 0},
    {{{FAR + 40, 97, 1}, 3}, {{FAR, 101, 16}, 5}, CAUSAL, 0, 97, 101, 3},
    {{{0, 31, 1}, 7}, {{50, 33, 1}, 5}, CAUSAL, 0, 31, 33, 3},
    {{{1000, 257, 1}, 1}, {{0, 300, 1}, 1}, EVERY, 0, 128, 300, 0},
    {{{0, 300, 1}, 2}, {{0, 40, 1}, 40}, EVERY, 0, 300, 40, 0},
    {{{0, 37, 1}, 2}, {{0, 1100, 1}, 3}, CAUSAL, 0, 37, 1100, 0},
    {{{1000, 7, 1}, 7}, {{0, 1100, 1}, 275}, CAUSAL, 0, 7, 1100, 1},
    {{{0, 2, 1}, 1}, {{0, 2100, 1}, 350}, EVERY, 0, 2, 2100, 0},
    {{{0, 53, 2}, 5}, {{0, 53, 2}, 5}, SYMMETRIC, 0, 31, 53, 0},
};
enum { CASE_COUNT = sizeof CASES / sizeof CASES[0] };

inline float random_float(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) * 0x1p-23f - 1.0f;
}

inline rm_grid grid_of(const pool_case &test) {
    rm_grid grid = rm_grid();
    grid.rows = test.rows;
    grid.cols = test.cols;
    grid.mask.causal = test.pairs == CAUSAL;
    grid.symmetric = test.pairs == SYMMETRIC;
    return grid;
}

/* A matrix whose rows end where its memory ends. */
struct matrix {
    int64_t rows, cols, stride;
    std::vector<float> data;

    matrix(const pool_case &test, uint32_t seed, float offset)
        : rows(test.rows.range.count), cols(test.cols.range.count), stride(cols + test.gap),
          data((size_t)((rows - 1) * stride + cols)) {
        for (float &value : data) {
            value = random_float(&seed) + offset;
        }
    }
    float &at(int64_t row, int64_t col) {
        return data[(size_t)(row * stride + col)];
    }
};

/* The pairs of one cell. */
inline std::vector<float> collect(const pool_case &test, matrix *from, int64_t cell_row, int64_t cell_col) {
    const ropemap_range rows = test.rows.range, cols = test.cols.range;
    const int64_t row_end = oracle_cell_first(rows.count, test.rows.cells, cell_row + 1);
    const int64_t col_end = oracle_cell_first(cols.count, test.cols.cells, cell_col + 1);
    const int64_t begin = oracle_cell_first(rows.count, test.rows.cells, cell_row);
    std::vector<float> values;
    for (int64_t i = begin < test.row_first ? test.row_first : begin; i < row_end; i++) {
        for (int64_t j = oracle_cell_first(cols.count, test.cols.cells, cell_col); j < col_end; j++) {
            const bool causal = cols.first + j * cols.step <= rows.first + i * rows.step;
            if (test.pairs == EVERY || (test.pairs == CAUSAL ? causal : cell_col <= cell_row)) {
                values.push_back(from->at(i, j));
            }
        }
    }
    return values;
}

/* What a cell should hold: `value` is the extreme, the sum, or the sum of squared deviations. */
struct wanted_cell {
    long double value, mean;
    double bound; /* of |value - held| */
    double bound_of_mean;
};

inline wanted_cell wanted_extreme(ropemap_pool pool, const std::vector<float> &values) {
    long double extreme = pool == ROPEMAP_POOL_MIN ? (long double)INFINITY : -(long double)INFINITY;
    for (const float value : values) {
        const long double one = pool == ROPEMAP_POOL_ABSMAX ? fabsl((long double)value) : (long double)value;
        extreme = isnan(value) || (pool == ROPEMAP_POOL_MIN ? one < extreme : one > extreme) ? one : extreme;
        if (isnan(value)) {
            break;
        }
    }
    return {extreme, 0, 0, 0};
}

/* n numbers added up in any order are off by n - 1 roundings of the sum of their magnitudes at most; squares
 * of floats are exact in double. */
inline wanted_cell wanted_sum(ropemap_pool pool, const std::vector<float> &values) {
    long double sum = 0, magnitude = 0;
    for (const float value : values) {
        const long double one = pool == ROPEMAP_POOL_RMS ? (long double)value * value : (long double)value;
        sum += one;
        magnitude += fabsl(one);
    }
    return {sum, 0, (double)(values.size() * magnitude) * 0x1p-53, 0};
}

/*
 * With u = 2^-53, V the largest magnitude, S the sum of squared deviations of n pairs:
 *  - A column of c <= 32 values: sum d^2 is off by (c + 3) u of itself, (sum d) mean by 2 (c + 3) u of sum
 * d^2 (as |sum d|^2 <= c sum d^2), and sum d^2 <= c S: 3 * 35 * 32 = 3360 u S in all.
 *  - What is added up from there is >= 0: the at most n terms and their 3 factors each add (n + 64) u S.
 *  - Means are off by E: a column's by 35 roundings of |d| <= 2 V and one of V, those of a piece and of a
 *    tile by 40 more each (32 terms a lane, 5 steps of a warp, a product, a division), and 10 for each of at
 *    most 10 tiles: E = 256 u V. Two of them make a deviation: it is off by 2 E, and the sum of n squares by
 *    2 * 2 E sqrt(n S) + n (2 E)^2 (Cauchy-Schwarz), once for columns, once for pieces and once for tiles.
 */
inline wanted_cell wanted_deviations(const std::vector<float> &values) {
    const long double n = (long double)values.size();
    long double sum = 0, square = 0, largest = 0;
    for (const float value : values) {
        sum += (long double)value;
        largest = fabsl((long double)value) > largest ? fabsl((long double)value) : largest;
    }
    const long double mean = values.empty() ? 0 : sum / n;
    for (const float value : values) {
        square += ((long double)value - mean) * ((long double)value - mean);
    }
    const long double u = 0x1p-53L, off = 2 * 256 * u * largest;
    const long double bound =
        (3360 + n + 64) * u * square + 3 * (2 * off * sqrtl(n * square) + n * off * off);
    return {square, mean, (double)bound, (double)(256 * u * largest)};
}

#endif
