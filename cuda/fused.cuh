/* fused.cuh - what a warp keeps of the products in its registers: of each row, until a cell of the map ends
 */
/* SPDX-License-Identifier: MIT */
/*
 * A warp goes through tiles of keys with 64 queries, and has 64 keys of each tile. Tensor cores leave its
 * products in pieces of 8 x 8, of which lane 4 g + t has two columns of row g:
 *
 *              8 keys: columns 2 t, 2 t + 1
 *             +------------------------+
 *     row g   | . . c0 c1 . . . .      |  x 8 across (64 keys)
 *             +------------------------+  x 8 down (64 queries)
 *
 * So a lane keeps one extreme, or sum, for each of its 8 rows, across columns and tiles, until the cell
 * column ends; only then do lanes meet. An extreme raises the cell's number in memory by an atomic maximum:
 * the largest does not depend on the order, so neither do the bytes. Sums become a part, which is merged into
 * the cell with the others in the order of their places.
 */
#ifndef ROPEMAP_CUDA_FUSED_CUH
#define ROPEMAP_CUDA_FUSED_CUH

#include "cuda/pool.cuh"

#define RM_FUSED static __device__ __forceinline__

/* Before a loop over what must stay in registers; and one of which so many TURNS are mixed. */
#ifdef __CUDACC__
#define RM_UNROLL       _Pragma("unroll")
#define RM_UNROLL_TURNS _Pragma("unroll TURNS")
#else
#define RM_UNROLL
#define RM_UNROLL_TURNS
#endif

enum {
    RM_FUSED_ROWS = RM_FUSED_SIDE / 8, /* of a lane */
    RM_FUSED_ACROSS = RM_FUSED_SIDE / 8,
    RM_FUSED_EACH = 2 * RM_FUSED_ACROSS, /* products of a row, of a lane */
    RM_FUSED_CELL_MOST = 1048576         /* columns: a cell that has more than any run counts as so many */
};

/* A lane's products of a tile: of row 8 i + lane / 4, in columns 8 j + lane % 4 * 2 and the next. */
typedef float rm_fused_products[RM_FUSED_ROWS][RM_FUSED_ACROSS][2];

/* Where a warp leaves what it kept of a cell: of cell row `row`, counted as above, and cell column `col`. */
template <class PART> struct rm_fused_places {
    PART *first;
    int64_t down;
    int32_t across;

    RM_METHOD PART *at(int64_t row, int64_t col) const {
        return first + row * down + col * across;
    }
};

/* The columns of a warp's 64 that count in a cell: of each of the lane's rows [from, ends[row]), up to `to`.
 */
struct rm_fused_window {
    int32_t from, to, ends[RM_FUSED_ROWS];

    /* `limits` of the warp's rows are counted from `offset` columns before. */
    RM_METHOD rm_fused_window(int32_t from_, int32_t to_, const int32_t *limits, int32_t offset)
        : from(from_), to(to_) {
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            const int32_t limit = limits[8 * i + (int32_t)threadIdx.x % 32 / 4] - offset;
            ends[i] = limit < to ? limit : to;
        }
    }
    /* Whether it has none of the columns 8 j to 8 j + 7. */
    RM_METHOD bool misses(int32_t j) const {
        return 8 * j + 8 <= from || 8 * j >= to;
    }
    RM_METHOD bool has(int32_t row, int32_t j, int32_t k) const {
        const int32_t col = 8 * j + (int32_t)threadIdx.x % 4 * 2 + k;
        return col >= from && col < ends[row];
    }
    /* How many of the row's columns the lane has. */
    RM_METHOD int32_t count(int32_t row) const {
        const int32_t more = before(ends[row]) - before(from);
        return more < 0 ? 0 : more;
    }

  private:
    RM_METHOD static int32_t before(int32_t col) {
        const int32_t rest = col % 8 - (int32_t)threadIdx.x % 4 * 2;
        return col < 0 ? 0 : col / 8 * 2 + (rest < 0 ? 0 : rest < 2 ? rest : 2);
    }
};

/* ---- cells across: where they end, without a division a cell */

/* The cell column that a warp is in. `end`: columns from the warp's first one in this tile to the cell's end,
 * floor((cell + 1) * count / cells); `rest`: what that division leaves. */
typedef struct rm_fused_cell {
    int32_t cell, end, rest;
} rm_fused_cell;

RM_FUSED rm_fused_cell rm_fused_cell_at(const rm_partition &axis, int64_t index) {
    rm_fused_cell at;
    const int64_t cell = rm_partition_cell_of(&axis, index), product = (cell + 1) * axis.range.count,
                  end = product / axis.cells - index;
    at.cell = (int32_t)cell;
    at.end = end < RM_FUSED_CELL_MOST ? (int32_t)end : RM_FUSED_CELL_MOST;
    at.rest = (int32_t)(product % axis.cells);
    return at;
}

/* `least`: positions of the smallest cell; `more`: what count / cells leaves. */
RM_FUSED void rm_fused_next_cell(const rm_partition &axis, int32_t least, int32_t more, rm_fused_cell *at) {
    const int32_t room = (int32_t)axis.cells - at->rest;
    at->cell++;
    at->end += more < room ? least : least + 1;
    at->rest = more < room ? at->rest + more : more - room;
}

/* ---- extremes */

template <ropemap_pool POOL>
constexpr bool RM_FUSED_EXTREME =
    POOL == ROPEMAP_POOL_MIN || POOL == ROPEMAP_POOL_MAX || POOL == ROPEMAP_POOL_ABSMAX;

/* What a product makes of an extreme. */
template <ropemap_pool POOL> RM_FUSED float rm_fused_more(float extreme, float product) {
    return rm_more_extreme(POOL, extreme, POOL == ROPEMAP_POOL_ABSMAX ? fabsf(product) : product);
}

/*
 * Raises a cell to `value`, or lowers it to a minimum. As integers, floats without a sign rise with their
 * bits and those with a sign fall; each is compared with either as it should: a cell without a sign is more
 * than every value with one, as signed and as unsigned numbers have it. NaN is beyond all of them.
 */
template <ropemap_pool POOL> RM_FUSED void rm_fused_raise(float *cell, float value) {
    constexpr bool MIN = POOL == ROPEMAP_POOL_MIN;
    const uint32_t bits = value != value ? (MIN ? 0xffffffffu : 0x7fffffffu) : rm_bits_from_float(value);
    const bool sign = bits >> 31 != 0;
    if (sign == MIN) {
        MIN ? atomicMax((unsigned *)cell, bits) : (unsigned)atomicMax((int *)cell, (int)bits);
    } else {
        MIN ? (unsigned)atomicMin((int *)cell, (int)bits) : atomicMin((unsigned *)cell, bits);
    }
}

/* What a warp keeps: take_all() or take_some() brings it a tile's products, take_scaled() what that left if
 * it is not 0, give() puts what is kept into a cell column; the whole warp calls them. */
template <ropemap_pool POOL, bool = RM_FUSED_EXTREME<POOL>> struct rm_fused_keep {
    typedef float part;
    float extremes[RM_FUSED_ROWS]; /* of the lane's rows: i is row 8 i + lane / 4 of the warp's */
    const int32_t *cells;          /* of the warp's rows */
    bool one;                      /* all of them lie in one cell row */

    RM_METHOD void start(const int32_t *rows) {
        cells = rows;
        one = rows[0] == rows[RM_FUSED_SIDE - 1];
        clear();
    }

    RM_METHOD void clear() {
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            extremes[i] = rm_pool_neutral(POOL);
        }
    }

    /* Every product. */
    RM_METHOD uint32_t take_all(const rm_fused_products &products) {
        RM_UNROLL
        for (int at = 0; at < RM_FUSED_EACH; at++) {
            RM_UNROLL
            for (int i = 0; i < RM_FUSED_ROWS; i++) {
                extremes[i] = rm_fused_more<POOL>(extremes[i], products[i][at / 2][at % 2]);
            }
        }
        return 0;
    }

    RM_METHOD uint32_t take_some(const rm_fused_products &products, const rm_fused_window &window) {
        RM_UNROLL
        for (int j = 0; j < RM_FUSED_ACROSS; j++) {
            if (window.misses(j)) {
                continue; /* the whole warp does */
            }
            RM_UNROLL
            for (int i = 0; i < RM_FUSED_ROWS; i++) {
                RM_UNROLL
                for (int k = 0; k < 2; k++) {
                    extremes[i] = window.has(i, j, k) ? rm_fused_more<POOL>(extremes[i], products[i][j][k])
                                                      : extremes[i];
                }
            }
        }
        return 0;
    }

    RM_METHOD void take_scaled(const rm_fused_products &, const rm_fused_window &, uint32_t) {}

    RM_METHOD void give(const rm_fused_places<part> &places, int64_t col) {
        const int32_t lane = (int32_t)threadIdx.x % 32;
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            extremes[i] = rm_more_extreme(POOL, extremes[i], __shfl_xor_sync(0xffffffffu, extremes[i], 1));
            extremes[i] = rm_more_extreme(POOL, extremes[i], __shfl_xor_sync(0xffffffffu, extremes[i], 2));
        }
        if (one) {
            float extreme = extremes[0];
            RM_UNROLL
            for (int i = 1; i < RM_FUSED_ROWS; i++) {
                extreme = rm_more_extreme(POOL, extreme, extremes[i]);
            }
            RM_UNROLL
            for (int apart = 4; apart < 32; apart *= 2) {
                extreme = rm_more_extreme(POOL, extreme, __shfl_xor_sync(0xffffffffu, extreme, apart));
            }
            if (lane == 0) {
                rm_fused_raise<POOL>(places.at(cells[0], col), extreme);
            }
        } else {
            RM_UNROLL
            for (int i = 0; i < RM_FUSED_ROWS; i++) {
                give_eight(places, col, 8 * i, extremes[i]);
            }
        }
        clear();
    }

    /* Of 8 neighbouring rows, one in each 4 lanes: the first row of each cell gets the extreme of all that
     * follow in it. Cells only grow down the rows, so what lies between two rows of a cell belongs to it. */
    RM_METHOD void give_eight(const rm_fused_places<part> &places, int64_t col, int32_t first,
                              float extreme) {
        const int32_t lane = (int32_t)threadIdx.x % 32, row = lane / 4, cell = cells[first + row];
        RM_UNROLL
        for (int apart = 1; apart < 8; apart *= 2) {
            const float other = __shfl_down_sync(0xffffffffu, extreme, 4 * apart);
            const bool same = row + apart < 8 && cells[first + (row + apart) % 8] == cell;
            extreme = same ? rm_more_extreme(POOL, extreme, other) : extreme;
        }
        if (lane % 4 == 0 && (row == 0 || cells[first + row - 1] != cell)) {
            rm_fused_raise<POOL>(places.at(cell, col), extreme);
        }
    }
};

/* ---- sums */

enum { RM_FUSED_SOME = RM_FUSED_ROWS / 2 };

/* Of products less an origin. */
struct rm_fused_sums {
    double pairs, sum, square;
};

/*
 * The 16 products that a lane has of a row are added up in float, what they come to in double: a sum is off
 * by 16 roundings of float of the sum of its terms' magnitudes at most, and a square's own rounding is among
 * them. Where float would not hold a row's squares, they are taken of smaller or larger numbers.
 *
 * std: products less the first one that the lane had of the row, exactly but for one rounding. As in
 * pool.cuh, of a row's n deviations one is 0, so that at least 1/n of the sum of their squares is left when
 * that of their mean is taken away, in double: roundings of float grow n times at most (a lane has an eighth
 * of the keys of a piece, with warpgroups a quarter), and where products are not far apart compared with
 * their deviation, hardly at all.
 */
template <ropemap_pool POOL> struct rm_fused_keep<POOL, false> {
    typedef typename rm_keep<POOL>::part part;
    static constexpr bool STD = POOL == ROPEMAP_POOL_STD, SUMS = POOL != ROPEMAP_POOL_RMS,
                          SQUARES = POOL != ROPEMAP_POOL_MEAN;
    double sums[RM_FUSED_ROWS], squares[RM_FUSED_ROWS]; /* of the lane's rows, as extremes are above */
    float firsts[RM_FUSED_ROWS];                        /* std: the rows' origins */
    uint32_t pairs[RM_FUSED_ROWS / 2];                  /* std: of two rows, 16 bits each */
    const int32_t *cells;
    bool one;

    RM_METHOD void start(const int32_t *rows) {
        cells = rows;
        one = rows[0] == rows[RM_FUSED_SIDE - 1];
        clear();
    }

    RM_METHOD void clear() {
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            sums[i] = squares[i] = 0.0;
            firsts[i] = 0.0f;
            pairs[i / 2] = 0;
        }
    }

    RM_METHOD uint32_t take_all(const rm_fused_products &products) {
        return take<true>(products, nullptr);
    }

    RM_METHOD uint32_t take_some(const rm_fused_products &products, const rm_fused_window &window) {
        return take<false>(products, &window);
    }

    RM_METHOD void take_scaled(const rm_fused_products &products, const rm_fused_window &window,
                               uint32_t left) {
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS; i++) {
            if ((left >> i & 1) != 0) {
                add_scaled(products, window, i);
            }
        }
    }

    RM_METHOD void give(const rm_fused_places<part> &places, int64_t col) {
        const float origin = STD ? common_origin() : 0.0f;
        if (one) {
            give_one(places, col, origin);
        } else {
            give_each(places, col, origin);
        }
        clear();
    }

  private:
    /* Half of the rows at a time, whose sums are in registers with all products. ALL: there is no window.
     * Returns a bit for each row that float does not hold, and that is not taken. */
    template <bool ALL>
    RM_METHOD uint32_t take(const rm_fused_products &products, const rm_fused_window *window) {
        uint32_t left = 0;
        RM_UNROLL
        for (int first = 0; first < RM_FUSED_ROWS; first += RM_FUSED_SOME) {
            float sum[RM_FUSED_SOME], square[RM_FUSED_SOME];
            add<ALL>(products, window, first, sum, square);
            RM_UNROLL
            for (int i = 0; i < RM_FUSED_SOME; i++) {
                const bool fits =
                    SQUARES ? square[i] >= 0x1p-90f && square[i] <= 0x1p120f : fabsf(sum[i]) <= 0x1p120f;
                const int32_t count = ALL ? RM_FUSED_EACH : window->count(first + i);
                const bool held = fits || count == 0;
                pairs[(first + i) / 2] += (uint32_t)count << i % 2 * 16;
                sums[first + i] += SUMS && held ? (double)sum[i] : 0.0;
                squares[first + i] += SQUARES && held ? (double)square[i] : 0.0;
                left |= held ? 0u : 1u << (first + i);
            }
        }
        return left;
    }

    RM_METHOD int32_t pairs_of(int row) const {
        return (int32_t)(pairs[row / 2] >> row % 2 * 16 & 0xffffu);
    }

    template <bool ALL> RM_METHOD static bool has(const rm_fused_window *window, int row, int at) {
        return ALL || window->has(row, at / 2, at % 2);
    }

    /* Product number `at` of a row. */
    RM_METHOD static float product_of(const rm_fused_products &products, int row, int at) {
        return products[row][at / 2][at % 2];
    }

    /* Where the row has no pairs yet. */
    template <bool ALL>
    RM_METHOD void find_first(const rm_fused_products &products, const rm_fused_window *window, int row) {
        RM_UNROLL
        for (int at = ALL ? 0 : RM_FUSED_EACH - 1; at >= 0; at--) { /* from the last one on */
            if (pairs_of(row) == 0 && has<ALL>(window, row, at)) {
                firsts[row] = product_of(products, row, at);
            }
        }
    }

    /* Of rows `first` on. */
    template <bool ALL>
    RM_METHOD void add(const rm_fused_products &products, const rm_fused_window *window, int first,
                       float (&sum)[RM_FUSED_SOME], float (&square)[RM_FUSED_SOME]) {
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_SOME; i++) {
            sum[i] = square[i] = 0.0f;
            if (STD) {
                find_first<ALL>(products, window, first + i);
            }
        }
        RM_UNROLL
        for (int at = 0; at < RM_FUSED_EACH; at++) {
            if (!ALL && window->misses(at / 2)) {
                continue; /* the whole warp does */
            }
            RM_UNROLL
            for (int i = 0; i < RM_FUSED_SOME; i++) {
                const float all = product_of(products, first + i, at) - (STD ? firsts[first + i] : 0.0f);
                const float value = has<ALL>(window, first + i, at) ? all : 0.0f;
                sum[i] = SUMS ? sum[i] + value : sum[i];
                square[i] = SQUARES ? fmaf(value, value, square[i]) : square[i];
            }
        }
    }

    /* The same of one row, divided by a power of two near the largest product. */
    RM_METHOD void add_scaled(const rm_fused_products &products, const rm_fused_window &window, int row) {
        float largest = STD ? fabsf(firsts[row]) : 0.0f, sum = 0.0f, square = 0.0f;
        RM_UNROLL
        for (int at = 0; at < RM_FUSED_EACH; at++) {
            largest = has<false>(&window, row, at)
                          ? rm_more_extreme(ROPEMAP_POOL_MAX, largest, fabsf(product_of(products, row, at)))
                          : largest;
        }
        const uint32_t bits = rm_bits_from_float(largest) >> 23;
        const uint32_t exponent = bits < 1 ? 1 : bits > 253 ? 253 : bits;
        const float scale = rm_float_from_bits((254 - exponent) << 23);
        RM_UNROLL
        for (int at = 0; at < RM_FUSED_EACH; at++) {
            const float all = product_of(products, row, at) * scale - (STD ? firsts[row] * scale : 0.0f);
            const float value = has<false>(&window, row, at) ? all : 0.0f;
            sum += value;
            square = fmaf(value, value, square);
        }
        const double power = (double)rm_float_from_bits(exponent << 23);
        sums[row] += SUMS ? (double)sum * power : 0.0;
        squares[row] += SQUARES ? (double)square * (power * power) : 0.0;
    }

    /* The first finite one of the warp's rows, so that equal products deviate by nothing. */
    RM_METHOD float common_origin() const {
        float mine = 0.0f;
        bool any = false;
        RM_UNROLL
        for (int i = RM_FUSED_ROWS - 1; i >= 0; i--) {
            const bool counts = pairs_of(i) > 0 && firsts[i] - firsts[i] == 0.0f;
            mine = counts ? firsts[i] : mine;
            any = any || counts;
        }
        const unsigned lanes = __ballot_sync(0xffffffffu, any);
        return lanes == 0 ? 0.0f : __shfl_sync(0xffffffffu, mine, __ffs((int)lanes) - 1);
    }

    /* Of row i of the lane, from its own origin to the common one. */
    RM_METHOD rm_fused_sums of_row(int i, float origin) const {
        const double count = (double)pairs_of(i), apart = STD ? (double)firsts[i] - (double)origin : 0.0;
        rm_fused_sums made;
        made.pairs = count;
        made.sum = STD ? sums[i] + count * apart : sums[i];
        made.square = STD ? squares[i] + apart * (2.0 * sums[i] + count * apart) : squares[i];
        return made;
    }

    RM_METHOD static rm_fused_sums added(rm_fused_sums to, rm_fused_sums more, bool counts) {
        to.pairs += STD && counts ? more.pairs : 0.0;
        to.sum += SUMS && counts ? more.sum : 0.0;
        to.square += SQUARES && counts ? more.square : 0.0;
        return to;
    }

    RM_METHOD static rm_fused_sums lane_at(rm_fused_sums mine, int lane) {
        rm_fused_sums other = {};
        if (STD) {
            other.pairs = __shfl_sync(0xffffffffu, mine.pairs, lane);
        }
        if (SUMS) {
            other.sum = __shfl_sync(0xffffffffu, mine.sum, lane);
        }
        if (SQUARES) {
            other.square = __shfl_sync(0xffffffffu, mine.square, lane);
        }
        return other;
    }

    RM_METHOD static rm_fused_sums lane_across(rm_fused_sums mine, int bits) {
        return lane_at(mine, ((int)threadIdx.x % 32) ^ bits);
    }

    RM_METHOD static part part_of(const rm_fused_sums &all, float origin) {
        if constexpr (STD) {
            const double mean = all.pairs == 0.0 ? 0.0 : all.sum / all.pairs;
            const double square = all.square - all.sum * mean;
            part made;
            made.pairs = all.pairs;
            made.mean = all.pairs == 0.0 ? 0.0 : (double)origin + mean;
            made.square = square < 0.0 ? 0.0 : square; /* of rounding; NaN stays */
            return made;
        } else {
            return SQUARES ? all.square : all.sum;
        }
    }

    RM_METHOD void give_one(const rm_fused_places<part> &places, int64_t col, float origin) const {
        rm_fused_sums all = of_row(0, origin);
        RM_UNROLL
        for (int i = 1; i < RM_FUSED_ROWS; i++) {
            all = added(all, of_row(i, origin), true);
        }
        RM_UNROLL
        for (int apart = 1; apart < 32; apart *= 2) {
            all = added(all, lane_across(all, apart), true);
        }
        if (threadIdx.x % 32 == 0) {
            *places.at(cells[0], col) = part_of(all, origin);
        }
    }

    /* Eight neighbouring rows at a time, from the last ones on: the first row of each cell gets the sum of
     * all that follow in it, those of the eight after it by way of the last of the eight. */
    RM_METHOD void give_each(const rm_fused_places<part> &places, int64_t col, float origin) const {
        const int32_t lane = (int32_t)threadIdx.x % 32;
        rm_fused_sums after = {};
        RM_UNROLL
        for (int i = RM_FUSED_ROWS - 1; i >= 0; i--) {
            const int32_t row = 8 * i + lane / 4, cell = cells[row];
            rm_fused_sums all = of_row(i, origin);
            all = added(all, lane_across(all, 1), true);
            all = added(all, lane_across(all, 2), true);
            all = added(all, after, i < RM_FUSED_ROWS - 1 && lane / 4 == 7 && cells[row + 1] == cell);
            RM_UNROLL
            for (int apart = 1; apart < 8; apart *= 2) {
                const bool same = lane / 4 + apart < 8 && cells[8 * i + (lane / 4 + apart) % 8] == cell;
                all = added(all, lane_at(all, lane + 4 * apart), same);
            }
            if (lane % 4 == 0 && (row == 0 || cells[row - 1] != cell)) {
                *places.at(cell, col) = part_of(all, origin);
            }
            after = lane_at(all, 0);
        }
    }
};

#endif
