/* test_fused_kernel.cpp - products pooled in registers by emulated kernels, against plain loops over pairs */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "tests/emu/control.h"
#include "tests/emu/pool_oracle.h"

#include <math.h>

#include <algorithm>
#include <vector>

#include "tests/unit.h"

enum { TILE = 128, SHARED_MOST = 99 * 1024, SHARED_OF_HOPPER = 227 * 1024, MARGIN = 4 };
static const float GUARD = -12345.0f;

/* Which kernel: each test runs with either. */
static bool warpgroups;

static int of_warps(void **) {
    warpgroups = false;
    return 0;
}

static int of_warpgroups(void **) {
    warpgroups = true;
    return 0;
}

/* What is multiplied: rows of numbers, as floats. */
struct rows {
    int64_t count;
    int32_t dim;
    std::vector<float> data;

    rows(int64_t count_, int32_t dim_) : count(count_), dim(dim_), data((size_t)(count_ * dim_)) {}
    float &at(int64_t row, int32_t d) {
        return data[(size_t)(row * dim + d)];
    }
};

/* Whole numbers from -3 to 3: sums of their products are exact in any order. */
static rows small_numbers(int64_t count, int32_t dim, uint32_t seed) {
    rows made(count, dim);
    for (float &value : made.data) {
        seed = seed * 1664525u + 1013904223u;
        value = (float)((int)(seed >> 24) % 7 - 3);
    }
    return made;
}

/* The same for floats that are split: every second number is 2731 times as large, so that it has a low, in
 * queries where it is not so in keys; and rows are powers of two apart. */
static rows wide_numbers(int64_t count, int32_t dim, uint32_t seed, bool queries) {
    rows made = small_numbers(count, dim, seed);
    for (int64_t i = 0; i < count; i++) {
        for (int32_t d = 0; d < dim; d++) {
            made.at(i, d) *= ((d % 2 == 0) == queries ? 2731.0f : 1.0f) *
                             ldexpf(1.0f, queries ? (int)(i % 3) * 20 - 20 : (int)(i % 2));
        }
    }
    return made;
}

/* Where rows lie as the kernel reads them, from the description in geometry.h. */
struct places {
    int64_t blocks, lows, group; /* of 64 elements: in all, and of lows; 16-bit words to the next 64 rows */

    places(int32_t dim, ropemap_dtype type) : blocks((dim + 63) / 64), lows(0), group(64 * (int64_t)dim * 2) {
        if (type == ROPEMAP_DTYPE_FP32) {
            lows = blocks;
            blocks *= 2;
            group = blocks * 64 * 64 + 64 * 2;
        }
    }
    /* Chunk c of row r of a block lies at place c ^ (r % 8). A wrong `mask` swizzles otherwise. */
    size_t element(int64_t row, int32_t d, bool low, int mask = 7) const {
        const int64_t r = row % 64, place = d % 64 / 8 ^ (r & mask), block = d / 64 + (low ? 0 : lows);
        return (size_t)(row / 64 * group + block * 64 * 64 + r * 64 + place * 8 + d % 8);
    }
    size_t scale(int64_t row) const {
        return (size_t)(row / 64 * group + blocks * 64 * 64 + row % 64 * 2);
    }
};

/* A row's power of two that leaves its largest element in [2^14, 2^15), NaN where it has a NaN or infinity.
 */
static float scale_of(rows &from, int64_t row) {
    float largest = 0.0f;
    int exponent = 0;
    for (int32_t d = 0; d < from.dim; d++) {
        const float value = fabsf(from.at(row, d));
        largest = value > largest || isnan(value) ? value : largest;
    }
    (void)frexpf(largest, &exponent);
    return isfinite(largest) ? ldexpf(1.0f, exponent - 15) : NAN;
}

/* Rows from `first` on, with NaN where no row is. */
static std::vector<uint16_t> swizzled(rows &from, int64_t first, ropemap_dtype type, int mask = 7) {
    const int64_t tiles = (from.count - first + TILE - 1) / TILE;
    const places at(from.dim, type);
    std::vector<uint16_t> to((size_t)(tiles * 2 * at.group), 0xffff);
    for (int64_t i = 0; i < from.count - first; i++) {
        const float scale = at.lows > 0 ? scale_of(from, first + i) : 1.0f;
        for (int32_t d = 0; d < from.dim; d++) {
            const float value = from.at(first + i, d) / scale;
            const uint16_t half =
                type == ROPEMAP_DTYPE_BF16 ? rm_bfloat_from_float(value) : rm_half_from_float(value);
            to[at.element(i, d, false, mask)] = half;
            if (at.lows > 0) {
                to[at.element(i, d, true, mask)] = rm_half_from_float(value - rm_float_from_half(half));
            }
        }
        if (at.lows > 0) {
            memcpy(&to[at.scale(i)], &scale, sizeof scale);
        }
    }
    return to;
}

struct fused_case {
    pool_case pool; /* tile_rows, tile_cols: queries and keys of a launch */
    int32_t dim;
    ropemap_dtype type;
    ropemap_pool kind;
};

/* The cells of a map between guards. */
struct cell_store {
    std::vector<float> extremes;
    std::vector<double> sums, squares, pairs;
    rm_accumulator cells;

    explicit cell_store(const fused_case &test) {
        const int64_t count = test.pool.rows.cells * test.pool.cols.cells;
        cells = rm_accumulator();
        cells.pool = test.kind;
        cells.rows = test.pool.rows.cells;
        cells.cols = test.pool.cols.cells;
        if (rm_pool_is_extreme(test.kind)) {
            cells.extreme = room(&extremes, count, rm_pool_neutral(test.kind));
            return;
        }
        cells.sum = room(&sums, count, 0.0);
        if (test.kind == ROPEMAP_POOL_STD) {
            cells.square = room(&squares, count, 0.0);
            cells.pairs = room(&pairs, count, 0.0);
        }
    }
    void check_guards() const {
        check(extremes);
        check(sums);
        check(squares);
        check(pairs);
    }
    /* All that the cells hold. */
    std::vector<double> held() const {
        std::vector<double> all(extremes.begin(), extremes.end());
        for (const std::vector<double> *one : {&sums, &squares, &pairs}) {
            all.insert(all.end(), one->begin(), one->end());
        }
        return all;
    }

  private:
    template <class T> static T *room(std::vector<T> *memory, int64_t count, T value) {
        memory->assign((size_t)(count + 2 * MARGIN), (T)GUARD);
        std::fill(memory->begin() + MARGIN, memory->end() - MARGIN, value);
        return memory->data() + MARGIN;
    }
    template <class T> static void check(const std::vector<T> &memory) {
        for (size_t i = 0; i < MARGIN && !memory.empty(); i++) {
            assert_true(memory[i] == (T)GUARD && memory[memory.size() - 1 - i] == (T)GUARD);
        }
    }
};

/* Queries [first, first + count) with keys from `key` on, all that a launch takes. */
static void launch(const fused_case &test, rows &queries, rows &keys, int64_t first, int64_t count,
                   int64_t key, int64_t piece, int mask, cell_store *store) {
    const std::vector<uint16_t> q = swizzled(queries, first, test.type, mask),
                                k = swizzled(keys, key, test.type);
    const int64_t keys_left = keys.count - key;
    rm_fused_work work = rm_fused_work();
    work.queries = q.data();
    work.keys = k.data();
    work.query_rows = count;
    work.key_rows = keys_left < test.pool.tile_cols ? keys_left : test.pool.tile_cols;
    work.head_dim = test.dim;
    work.dtype = test.type;
    work.grid = grid_of(test.pool);
    work.row_first = first;
    work.col_first = key;
    work.cells = store->cells;
    work.piece = piece;
    const int64_t bytes =
        rm_fused_parts_bytes(&work.grid, test.kind, first, count, key, work.key_rows, piece);
    std::vector<double> parts((size_t)bytes / sizeof(double));
    work.parts = parts.data();
    work.warpgroups = warpgroups;
    assert_int_equal(rm_fused_launch(&work, warpgroups ? SHARED_OF_HOPPER : SHARED_MOST, nullptr),
                     cudaSuccess);
}

static void feed(const fused_case &test, rows &queries, rows &keys, int mask, cell_store *store) {
    const int64_t piece = test.pool.tile_cols == TILE ? TILE : 2 * TILE;
    for (int64_t i = 0; i < queries.count; i += test.pool.tile_rows) {
        const int64_t left = queries.count - i,
                      count = left < test.pool.tile_rows ? left : test.pool.tile_rows;
        for (int64_t j = 0; j < keys.count; j += test.pool.tile_cols) {
            launch(test, queries, keys, i, count, j, piece, mask, store);
        }
    }
    store->check_guards();
}

/* All products, in double and rounded once. */
static matrix products_of(const fused_case &test, rows &queries, rows &keys) {
    matrix made(test.pool, 1, 0);
    for (int64_t i = 0; i < queries.count; i++) {
        for (int64_t j = 0; j < keys.count; j++) {
            const float *query = &queries.at(i, 0), *key = &keys.at(j, 0);
            const int32_t dim = test.dim;
            double sum = 0.0;
            for (int32_t d = 0; d < dim; d++) {
                sum += (double)query[d] * (double)key[d];
            }
            made.at(i, j) = (float)sum;
        }
    }
    return made;
}

/*
 * What a cell should hold and may be off by: `off` for what any product may be off, `rounding` for what float
 * adds. A mean of n products is off by as much as they are; so is the root of a mean of squares, of the
 * products or of their deviations, wherefore a sum of squares S is by 2 off sqrt(n S) + n off^2. In double,
 * of numbers up to V, each of the at most 64 sums and products that a value goes through rounds n V^2 at
 * most.
 */
static wanted_cell wanted_of(const fused_case &test, const std::vector<float> &values, double off,
                             double rounding) {
    if (rm_pool_is_extreme(test.kind)) {
        wanted_cell wanted = wanted_extreme(test.kind, values);
        wanted.bound = off;
        return wanted;
    }
    const double n = (double)values.size();
    double sizes = 0.0, largest = 0.0;
    for (const float value : values) {
        sizes += fabs((double)value);
        largest = fabs((double)value) > largest ? fabs((double)value) : largest;
    }
    if (test.kind == ROPEMAP_POOL_MEAN) {
        wanted_cell wanted = wanted_sum(test.kind, values);
        wanted.bound += n * off + rounding * sizes;
        return wanted;
    }
    wanted_cell wanted =
        test.kind == ROPEMAP_POOL_RMS ? wanted_sum(test.kind, values) : wanted_deviations(values);
    const double square = (double)wanted.value;
    wanted.bound = 64 * 0x1p-53 * n * 4 * largest * largest + rounding * square + 2 * off * sqrt(n * square) +
                   n * off * off;
    return wanted;
}

/* Cells that differ from plain loops by more than they may. */
static int64_t wrong_cells(const fused_case &test, const cell_store &store, matrix *products, double off,
                           double rounding) {
    int64_t wrong = 0;
    for (int64_t cell = 0; cell < store.cells.rows * store.cells.cols; cell++) {
        const std::vector<float> values =
            collect(test.pool, products, cell / store.cells.cols, cell % store.cells.cols);
        const wanted_cell wanted = wanted_of(test, values, off, rounding);
        const rm_accumulator &cells = store.cells;
        const double got = cells.extreme != nullptr  ? (double)cells.extreme[cell]
                           : cells.square != nullptr ? cells.square[cell]
                                                     : cells.sum[cell];
        const bool same = isnan(wanted.value) ? isnan(got)
                                              : got == (double)wanted.value ||
                                                    fabsl((long double)got - wanted.value) <= wanted.bound;
        wrong += !same || (cells.pairs != nullptr && cells.pairs[cell] != (double)values.size());
    }
    return wrong;
}

static int64_t count_wrong(const fused_case &test, int mask = 7) {
    const int64_t down = test.pool.rows.range.count, across = test.pool.cols.range.count;
    const bool wide = test.type == ROPEMAP_DTYPE_FP32;
    rows queries = wide ? wide_numbers(down, test.dim, 5, true) : small_numbers(down, test.dim, 5),
         keys = wide ? wide_numbers(across, test.dim, 6, false) : small_numbers(across, test.dim, 6);
    cell_store store(test);
    feed(test, queries, keys, mask, &store);
    static std::vector<int64_t> kept_of; /* planted faults have the same rows again and again */
    static std::vector<matrix> kept;
    const std::vector<int64_t> of = {down, across, test.dim, wide, test.pool.gap};
    if (kept_of != of) {
        kept.assign(1, products_of(test, queries, keys));
        kept_of = of;
    }
    return wrong_cells(test, store, &kept[0], 0.0, 0.0);
}

/* Queries and keys within one tile and over several, cells within and across them, launches in parts. */
static const fused_case FUSED_CASES[] = {
    {{{{0, 1, 1}, 1}, {{0, 1, 1}, 1}, EVERY, 0, TILE, TILE, 0}, 64, ROPEMAP_DTYPE_FP16, ROPEMAP_POOL_MAX},
    {{{{0, 128, 1}, 2}, {{0, 128, 1}, 2}, EVERY, 0, TILE, TILE, 0},
     128,
     ROPEMAP_DTYPE_BF16,
     ROPEMAP_POOL_MIN},
    {{{{0, 131, 1}, 7}, {{0, 257, 1}, 13}, EVERY, 0, 256, 512, 0},
     80,
     ROPEMAP_DTYPE_FP16,
     ROPEMAP_POOL_ABSMAX},
    {{{{0, 61, 1}, 61}, {{0, 70, 1}, 70}, EVERY, 0, TILE, TILE, 0}, 32, ROPEMAP_DTYPE_BF16, ROPEMAP_POOL_MAX},
    {{{{0, 300, 1}, 11}, {{0, 300, 1}, 17}, CAUSAL, 0, TILE, 256, 0},
     64,
     ROPEMAP_DTYPE_FP16,
     ROPEMAP_POOL_MIN},
    {{{{0, 290, 1}, 1}, {{0, 270, 1}, 1}, EVERY, 0, 256, TILE, 0}, 96, ROPEMAP_DTYPE_BF16, ROPEMAP_POOL_MAX},
    {{{{FAR, 140, 3}, 7}, {{FAR + 55, 197, 2}, 13}, CAUSAL, 0, 256, 256, 0},
     112,
     ROPEMAP_DTYPE_FP16,
     ROPEMAP_POOL_MAX},
    {{{{0, 153, 2}, 5}, {{0, 153, 2}, 5}, SYMMETRIC, 0, 256, 256, 0},
     64,
     ROPEMAP_DTYPE_BF16,
     ROPEMAP_POOL_ABSMAX},
    {{{{0, 33, 1}, 2}, {{0, 150, 1}, 3}, EVERY, 0, TILE, 256, 0}, 192, ROPEMAP_DTYPE_FP16, ROPEMAP_POOL_MIN},
    {{{{0, 130, 1}, 3}, {{0, 40, 1}, 9}, EVERY, 0, 256, TILE, 0}, 256, ROPEMAP_DTYPE_BF16, ROPEMAP_POOL_MAX},
    {{{{500, 31, 1}, 4}, {{0, 600, 1}, 5}, CAUSAL, 0, TILE, 1024, 0},
     48,
     ROPEMAP_DTYPE_FP16,
     ROPEMAP_POOL_MAX},
    {{{{0, 140, 1}, 3}, {{0, 150, 1}, 7}, CAUSAL, 0, TILE, TILE, 0},
     80,
     ROPEMAP_DTYPE_FP32,
     ROPEMAP_POOL_MAX},
    {{{{0, 67, 1}, 2}, {{0, 300, 1}, 4}, EVERY, 0, TILE, 512, 0}, 128, ROPEMAP_DTYPE_FP32, ROPEMAP_POOL_MIN},
    {{{{0, 380, 1}, 9}, {{0, 130, 1}, 3}, EVERY, 0, 384, 256, 0},
     48,
     ROPEMAP_DTYPE_FP32,
     ROPEMAP_POOL_ABSMAX},
};

static const ropemap_pool SUMS[] = {ROPEMAP_POOL_STD, ROPEMAP_POOL_MEAN, ROPEMAP_POOL_RMS};

/* One case as warps go side by side and copies come late, the next in a hurry and with blocks the other way.
 */
static void small_numbers_are_exact(void **) {
    const size_t count = 2 * sizeof FUSED_CASES / sizeof FUSED_CASES[0];
    int order = 0;
    for (size_t i = RACE_STEP / 2; i < count; i += RACE_STEP) {
        fused_case test = FUSED_CASES[i / 2];
        const bool squares = test.type != ROPEMAP_DTYPE_FP32; /* of wide numbers they are not exact */
        test.kind = i % 2 == 0 ? test.kind : squares ? SUMS[i / 2 % 3] : ROPEMAP_POOL_MEAN;
        emu_reverse_blocks(order);
        emu_copy_early(order);
        emu_rush_warps(order);
        const int64_t wrong = count_wrong(test);
        if (wrong != 0) {
            fail_msg("%lld of %lld cells are wrong: %lld x %lld, dim %d, %s, order %d", (long long)wrong,
                     (long long)(test.pool.rows.cells * test.pool.cols.cells),
                     (long long)test.pool.rows.range.count, (long long)test.pool.cols.range.count,
                     (int)test.dim, ropemap_pool_name(test.kind), order);
        }
        order = 1 - order;
    }
    emu_reverse_blocks(0);
    emu_copy_early(0);
    emu_rush_warps(0);
}

/* A forgotten wait is a data race, which ends the program; and numbers are the same as without
 * ThreadSanitizer. */
static const bool NUMBERS_ARE_SEEN_ELSEWHERE = RACE_STEP > 1;

/* More keys than a block of threads goes through: 64 tiles, and a cell across the cut. */
static void runs_of_keys_meet(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    const fused_case test = {{{{0, 3, 1}, 2}, {{0, 8192 + 70, 1}, 3}, EVERY, 0, TILE, 16384, 0},
                             32,
                             ROPEMAP_DTYPE_FP16,
                             ROPEMAP_POOL_MAX};
    assert_int_equal(count_wrong(test), 0);
}

/* Random numbers as the type has them. */
static rows random_numbers(int64_t count, int32_t dim, uint32_t seed,
                           ropemap_dtype type = ROPEMAP_DTYPE_BF16) {
    rows made(count, dim);
    for (float &value : made.data) {
        const float random = random_float(&seed);
        value = type == ROPEMAP_DTYPE_FP32 ? random : rm_float_from_bfloat(rm_bfloat_from_float(random));
    }
    return made;
}

/*
 * Any numbers: products of 16-bit numbers are exact in float, and a sum of `dim` of them, in whatever order,
 * is off by dim - 1 roundings of the sum of magnitudes at most, which is dim here. Of sums, 16 at a time are
 * added in float, which takes as many roundings; of deviations up to 20, which grow as the number of a row's
 * products in a piece of two tiles: 32 at most, of a warpgroup 64. Split floats add up 2 dim - 64 products
 * that are not small, and lose 2^-21 of the magnitudes.
 */
static void other_numbers_are_within_their_roundings(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    for (const ropemap_dtype type : {ROPEMAP_DTYPE_BF16, ROPEMAP_DTYPE_FP32}) {
        for (const ropemap_pool kind : {ROPEMAP_POOL_MAX, SUMS[0], SUMS[1], SUMS[2]}) {
            const fused_case test = {
                {{{0, 70, 1}, 3}, {{0, 331, 1}, 4}, CAUSAL, 0, TILE, 256, 0}, 80, type, kind};
            rows queries = random_numbers(70, 80, 9, type), keys = random_numbers(331, 80, 10, type);
            cell_store store(test);
            feed(test, queries, keys, 7, &store);
            matrix products = products_of(test, queries, keys);
            const double off = (type == ROPEMAP_DTYPE_FP32 ? 2 * 80 - 64 + 8 : 80) * 80 * 0x1p-24;
            const double grow = kind == ROPEMAP_POOL_STD ? 20 * (warpgroups ? 64 : 32) : 16;
            assert_int_equal(wrong_cells(test, store, &products, off, grow * 0x1p-24), 0);
        }
    }
}

/* A split row: x = scale (high + low), nearly (cuda/elementwise.cu). */
static void check_split(rows &from, int64_t row, const places &at, const std::vector<uint16_t> &to) {
    float scale = 0.0f, largest = 0.0f;
    memcpy(&scale, &to[at.scale(row)], sizeof scale);
    for (int32_t d = 0; d < from.dim; d++) {
        const double x = (double)from.at(row, d),
                     high = (double)rm_float_from_half(to[at.element(row, d, false)]),
                     low = (double)rm_float_from_half(to[at.element(row, d, true)]);
        largest = fmaxf(largest, fabsf(from.at(row, d)));
        assert_true(fabs(x - (double)scale * (high + low)) <= 0x1p-23 * fabs(x) + 0x1p-25 * (double)scale);
        assert_true(fabs(low) * (double)scale <= 0x1p-11 * fabs(x));
    }
    assert_true(scale == (largest < 0x1p-64f ? 0x1p-78f : scale_of(from, row)));
}

/* Rows of any size, of numbers far apart, of zeros; and what is NaN, infinite or 2^101 leaves no product. */
static void floats_are_split(void **) {
    for (const int32_t dim : {32, 80, 256}) {
        const int64_t count = 131, none = 3;
        rows from = random_numbers(count, dim, 17, ROPEMAP_DTYPE_FP32);
        /* from 2^-123 to 2^99, up to 20 binary orders apart in a row */
        for (int64_t i = 0; i < count; i++) {
            for (int32_t d = 0; d < dim; d++) {
                from.at(i, d) = i == none ? 0.0f : ldexpf(from.at(i, d), (int)(i * 53 % 203) - 123 + d % 21);
            }
        }
        from.at(20, dim - 1) = NAN;
        from.at(21, 8) = -INFINITY;
        from.at(22, 1) = 0x1p101f;
        const places at(dim, ROPEMAP_DTYPE_FP32);
        std::vector<uint16_t> to((size_t)(3 * at.group), 0xffff);
        rm_split_work work = rm_split_work();
        work.from = rm_view_dense(from.data.data(), count, dim);
        work.to = to.data();
        assert_int_equal(rm_split_launch(&work, 1, nullptr), cudaSuccess);
        for (int64_t i = 0; i < count; i++) {
            float scale = 0.0f;
            memcpy(&scale, &to[at.scale(i)], sizeof scale);
            assert_int_equal(isnan(scale), i >= 20 && i <= 22);
            if (!isnan(scale)) {
                check_split(from, i, at, to);
            }
        }
        for (int64_t i = count; i < 3 * 64; i++) { /* nothing beyond the rows */
            assert_int_equal(to[at.element(i, 0, false)] & to[at.element(i, dim - 1, true)] & to[at.scale(i)],
                             0xffff);
        }
        work.from.cols = 12;
        assert_int_equal(rm_split_launch(&work, 1, nullptr), cudaErrorInvalidValue);
    }
}

/* Squares that float does not hold: powers of two apart, so that all else is the same. */
static void squares_of_any_size(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    for (const float scale : {0x1p-45f, 0x1p45f}) {
        for (const ropemap_pool kind : SUMS) {
            const fused_case test = {
                {{{0, 70, 1}, 2}, {{0, 140, 1}, 3}, CAUSAL, 0, TILE, 256, 0}, 32, ROPEMAP_DTYPE_BF16, kind};
            rows queries = small_numbers(70, 32, 11), keys = small_numbers(140, 32, 12);
            for (rows *each : {&queries, &keys}) {
                for (float &value : each->data) {
                    value *= scale;
                }
            }
            cell_store store(test);
            feed(test, queries, keys, 7, &store);
            matrix products = products_of(test, queries, keys);
            assert_int_equal(wrong_cells(test, store, &products, 0.0, 0.0), 0);
        }
    }
}

/* Equal products do not deviate, whatever they are. */
static void equal_products_have_no_deviation(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    const fused_case test = {{{{0, 200, 1}, 3}, {{0, 300, 1}, 7}, CAUSAL, 0, 256, 512, 0},
                             48,
                             ROPEMAP_DTYPE_BF16,
                             ROPEMAP_POOL_STD};
    rows queries(200, 48), keys(300, 48);
    for (rows *each : {&queries, &keys}) {
        for (float &value : each->data) {
            value = 1.3515625f;
        }
    }
    cell_store store(test);
    feed(test, queries, keys, 7, &store);
    for (int64_t cell = 0; cell < 21; cell++) {
        assert_true(store.cells.square[cell] == 0.0);
    }
}

/* All keys in one launch, or a piece in each, past queries that see none of them: the same bits. */
static void sums_do_not_depend_on_launches(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    rows queries = random_numbers(290, 32, 13), keys = random_numbers(261, 32, 14);
    for (const int64_t row_cells : {1, 19}) {
        for (const ropemap_pool kind : SUMS) {
            fused_case test = {{{{0, 290, 1}, row_cells}, {{0, 261, 1}, 2}, CAUSAL, 0, 512, 512, 0},
                               32,
                               ROPEMAP_DTYPE_BF16,
                               kind};
            cell_store whole(test), parted(test);
            launch(test, queries, keys, 0, 290, 0, TILE, 7, &whole);
            test.pool.tile_cols = TILE;
            for (int64_t key = 0; key < 261; key += TILE) {
                launch(test, queries, keys, key, 290 - key, key, TILE, 7, &parted);
            }
            const std::vector<double> a = whole.held(), b = parted.held();
            assert_memory_equal(a.data(), b.data(), a.size() * sizeof a[0]);
        }
    }
}

/* A NaN in a query is in all its cells and in no other; an infinity is the largest or the smallest, is in
 * sums, and deviates by NaN; in split rows it is as NaN. */
static void nan_and_infinity_stay(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    for (const ropemap_pool kind : {ROPEMAP_POOL_MIN, ROPEMAP_POOL_MAX, ROPEMAP_POOL_ABSMAX, SUMS[0], SUMS[1],
                                    SUMS[2], ROPEMAP_POOL_MASS}) {
        const bool split = kind == ROPEMAP_POOL_MASS; /* it stands for a maximum of split rows */
        const fused_case test = {{{{0, 67, 1}, 5}, {{0, 90, 1}, 4}, EVERY, 0, TILE, TILE, 0},
                                 64,
                                 split ? ROPEMAP_DTYPE_FP32 : ROPEMAP_DTYPE_FP16,
                                 split ? ROPEMAP_POOL_MAX : kind};
        rows queries = small_numbers(67, 64, 7), keys = small_numbers(90, 64, 8);
        queries.at(0, 5) = queries.at(20, 3) = -NAN; /* std may not take the first for all rows' origin */
        for (int32_t d = 0; d < 64; d++) { /* one product is infinite, without one of zero by infinity */
            queries.at(50, d) = d == 0 ? INFINITY : queries.at(50, d);
        }
        for (int64_t j = 0; j < 90; j++) {
            keys.at(j, 0) = j % 2 == 0 ? 1.0f : -1.0f;
        }
        cell_store store(test);
        feed(test, queries, keys, 7, &store);
        matrix products = products_of(test, queries, keys);
        for (int64_t j = 0; split && j < 90; j++) {
            products.at(50, j) = NAN;
        }
        assert_int_equal(wrong_cells(test, store, &products, 0.0, 0.0), 0);
    }
}

/* ---- planted faults: each must show ---- */

static const fused_case PLANTED = {
    {{{0, 128, 1}, 8}, {{0, 512, 1}, 16}, EVERY, 0, TILE, 512, 0}, 128, ROPEMAP_DTYPE_FP16, ROPEMAP_POOL_MAX};

static void a_wrong_swizzle_shows(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    for (const ropemap_pool kind : {ROPEMAP_POOL_MAX, SUMS[0]}) {
        fused_case test = PLANTED; /* of which one block of one tile will do */
        test.pool.cols.range.count = TILE;
        test.dim = 64;
        test.kind = kind;
        assert_int_equal(count_wrong(test), 0);
        for (const int mask : {0, 3, 5}) {
            assert_int_not_equal(count_wrong(test, mask), 0);
        }
    }
}

static void a_wait_for_copies_that_is_forgotten_shows(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    for (const int waits : {1, 128}) {
        (void)emu_forget_copies(waits);
        assert_int_not_equal(count_wrong(PLANTED), 0);
        assert_true(emu_forget_copies(0) != 0);
    }
}

/* Barrier 0 comes after the queries' limits. Without a later one, and with warps in a hurry, one reads what
 * others have not waited for; or, with copies as early as can be, fills a stage that the others still read,
 * but for the first, before which nobody reads; of warpgroups the stage must be a tile's first, as with the
 * last the tile's products have been waited for. */
static void a_barrier_that_is_forgotten_shows(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    emu_rush_warps(1);
    for (const int number : {1, 2, 5, 6}) { /* of 8, or 16; the last of 8 fill nothing again */
        for (int early = 0; early < ((warpgroups ? number == 5 : number > 1) ? 2 : 1); early++) {
            emu_copy_early(early);
            (void)emu_forget_barrier(number, 1);
            const int64_t wrong = count_wrong(PLANTED);
            if (emu_forget_barrier(0, 0) == 0 || wrong == 0) {
                fail_msg("barrier %d, early %d: %lld cells are wrong", number, early, (long long)wrong);
            }
        }
    }
    emu_rush_warps(0);
    emu_copy_early(0);
}

/* ---- and of warpgroups alone ---- */

/* A tile has a wait for each 16 elements, which leaves the products of those in flight, and one more, which
 * leaves none: without it what is read is NaN. Without the others, of 256 elements, a stage is filled again
 * while products in flight still read it. */
static void a_wait_for_products_that_is_forgotten_shows(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    emu_copy_early(1);
    (void)emu_forget_products(8, 1);
    assert_int_not_equal(count_wrong(PLANTED), 0);
    assert_true(emu_forget_products(0, 16) != 0);
    fused_case test = PLANTED;
    test.dim = 256;
    assert_int_not_equal(count_wrong(test), 0);
    assert_true(emu_forget_products(0, 0) != 0);
    emu_copy_early(0);
}

/* Copies that no fence follows are not seen by products. */
static void a_fence_that_is_forgotten_shows(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    for (const int number : {0, 5}) {
        (void)emu_forget_fences(number, 1);
        assert_int_not_equal(count_wrong(PLANTED), 0);
        assert_true(emu_forget_fences(0, 0) != 0);
    }
}

/* A first byte, a stride, or a swizzle that is another by one bit. */
static void a_wrong_descriptor_shows(void **) {
    if (NUMBERS_ARE_SEEN_ELSEWHERE) {
        skip();
    }
    for (const int bit : {0, 32, 40, 62}) {
        emu_bend_operands(UINT64_C(1) << bit);
        assert_int_not_equal(count_wrong(PLANTED), 0);
    }
    emu_bend_operands(0);
    assert_int_equal(count_wrong(PLANTED), 0);
}

/* Where its machine code is missing it says so, and the other kernel is there. */
static void without_machine_code_it_does_not_load(void **) {
    assert_int_equal(rm_fused_warpgroups_load(), cudaSuccess);
    emu_miss_kernels("rm_fused_group_kernel");
    assert_int_equal(rm_fused_warpgroups_load(), cudaErrorNoKernelImageForDevice);
    warpgroups = false;
    assert_int_equal(count_wrong(PLANTED), 0);
    emu_miss_kernels(nullptr);
}

static void what_it_does_not_take_is_refused(void **) {
    const fused_case &test = FUSED_CASES[0];
    cell_store store(test);
    rm_fused_work work = rm_fused_work();
    const long before = emu_launch_count();
    assert_int_equal(rm_fused_launch(&work, SHARED_MOST, nullptr), cudaSuccess); /* nothing to do */
    work.query_rows = work.key_rows = 1;
    work.grid = grid_of(test.pool);
    work.cells = store.cells;
    work.dtype = ROPEMAP_DTYPE_FP16;
    for (const int32_t dim : {16, 72, 272}) {
        work.head_dim = dim;
        assert_int_equal(rm_fused_launch(&work, SHARED_MOST, nullptr), cudaErrorInvalidValue);
    }
    work.head_dim = 64;
    work.dtype = ROPEMAP_DTYPE_TF32;
    assert_int_equal(rm_fused_launch(&work, SHARED_MOST, nullptr), cudaErrorInvalidValue);
    work.dtype = ROPEMAP_DTYPE_FP16;
    work.cells.pool = ROPEMAP_POOL_MASS;
    work.piece = TILE;
    assert_int_equal(rm_fused_launch(&work, SHARED_MOST, nullptr), cudaErrorInvalidValue);
    work.cells.pool = ROPEMAP_POOL_STD;
    for (const int64_t piece : {0, 64, 200, 131072}) {
        work.piece = piece;
        assert_int_equal(rm_fused_launch(&work, SHARED_MOST, nullptr), cudaErrorInvalidValue);
    }
    work.piece = TILE;
    work.col_first = 64; /* no piece begins there */
    assert_int_equal(rm_fused_launch(&work, SHARED_MOST, nullptr), cudaErrorInvalidValue);
    assert_int_equal(emu_launch_count(), before);
}

#define EITHER(test)        cmocka_unit_test_setup(test, of_warps), cmocka_unit_test_setup(test, of_warpgroups)
#define OF_WARPGROUPS(test) cmocka_unit_test_setup(test, of_warpgroups)

int main() {
    const CMUnitTest tests[] = {
        EITHER(small_numbers_are_exact),
        EITHER(runs_of_keys_meet),
        EITHER(other_numbers_are_within_their_roundings),
        cmocka_unit_test(floats_are_split),
        cmocka_unit_test_setup(squares_of_any_size, of_warps), /* what is kept is the same */
        cmocka_unit_test_setup(equal_products_have_no_deviation, of_warps),
        EITHER(sums_do_not_depend_on_launches),
        EITHER(nan_and_infinity_stay),
        EITHER(a_wrong_swizzle_shows),
        EITHER(a_wait_for_copies_that_is_forgotten_shows),
        EITHER(a_barrier_that_is_forgotten_shows),
        OF_WARPGROUPS(a_wait_for_products_that_is_forgotten_shows),
        OF_WARPGROUPS(a_fence_that_is_forgotten_shows),
        OF_WARPGROUPS(a_wrong_descriptor_shows),
        OF_WARPGROUPS(without_machine_code_it_does_not_load),
        EITHER(what_it_does_not_take_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
