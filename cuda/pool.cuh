/* pool.cuh - what each pool keeps of values, and how what is kept of pieces becomes a cell */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_CUDA_POOL_CUH
#define ROPEMAP_CUDA_POOL_CUH

#include "cuda/arith.h"
#include "cuda/kernels.h"

/*
 * KEEP, a pool, is a type. A thread that goes down a column calls start, then take for each value, then end,
 * which returns a part. `merged` makes one part of parts(first) to parts(end - 1), in an order that `lanes`
 * alone decides: all lanes of a warp must call it together. `add` merges a part into a cell.
 */

#define RM_DEVICE static __device__ __forceinline__
#define RM_METHOD __device__ __forceinline__

/* Adjacent lanes of a warp that reduce one range: a power of two. */
typedef struct rm_lanes {
    int32_t mine, count;
} rm_lanes;

/* The sum over the lanes: the same bits in every lane, as each adds the same two numbers in each step. */
RM_DEVICE double rm_lanes_sum(rm_lanes lanes, double sum) {
    for (int32_t apart = lanes.count / 2; apart > 0; apart /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, apart);
    }
    return sum;
}

/* min, max, absmax. */
template <ropemap_pool POOL> struct rm_keep_extreme {
    typedef float part;
    float extreme;

    RM_METHOD void start() {
        extreme = rm_pool_neutral(POOL);
    }
    RM_METHOD void take(float value) {
        extreme = rm_more_extreme(POOL, extreme, POOL == ROPEMAP_POOL_ABSMAX ? fabsf(value) : value);
    }
    RM_METHOD part end() const {
        return extreme;
    }
    template <class PARTS>
    RM_METHOD static part merged(const PARTS &parts, int32_t first, int32_t end, rm_lanes lanes) {
        float extreme = rm_pool_neutral(POOL);
        for (int32_t i = first + lanes.mine; i < end; i += lanes.count) {
            extreme = rm_more_extreme(POOL, extreme, parts(i));
        }
        for (int32_t apart = lanes.count / 2; apart > 0; apart /= 2) {
            extreme = rm_more_extreme(POOL, extreme, __shfl_xor_sync(0xffffffffu, extreme, apart));
        }
        return extreme;
    }
    RM_METHOD static void add(rm_accumulator *cells, int64_t cell, part more) {
        cells->extreme[cell] = rm_more_extreme(POOL, cells->extreme[cell], more);
    }
};

/* mean, and with SQUARES rms. */
template <bool SQUARES> struct rm_keep_sum {
    typedef double part;
    double sum;

    RM_METHOD void start() {
        sum = 0.0;
    }
    RM_METHOD void take(float value) {
        const double wide = (double)value;
        sum += SQUARES ? wide * wide : wide;
    }
    RM_METHOD part end() const {
        return sum;
    }
    template <class PARTS>
    RM_METHOD static part merged(const PARTS &parts, int32_t first, int32_t end, rm_lanes lanes) {
        double sum = 0.0;
        for (int32_t i = first + lanes.mine; i < end; i += lanes.count) {
            sum += parts(i);
        }
        return rm_lanes_sum(lanes, sum);
    }
    RM_METHOD static void add(rm_accumulator *cells, int64_t cell, part more) {
        cells->sum[cell] += more;
    }
};

/* A number of pairs, their mean and the sum of squared deviations from it; all 0 without any. */
typedef struct rm_moments {
    double pairs, mean, square;
} rm_moments;

/*
 * std, in one pass. The deviations d of a column's n <= 32 values are taken from the first of them, exactly
 * but for one rounding. With m the mean of d, the sum of squared deviations is sum d^2 - n m^2. One d is 0,
 * so that the other n - 1 add up to n m, and by Cauchy-Schwarz (n m)^2 <= (n - 1) sum d^2: the difference is
 * sum d^2 / n at least. So what is taken away leaves 1/32 or more, and roundings grow 32 times at most,
 * however far from 0 the values lie.
 */
struct rm_keep_moments {
    typedef rm_moments part;
    double sum, square; /* of deviations from `origin` */
    float origin;
    int32_t pairs;

    RM_METHOD void start() {
        sum = 0.0;
        square = 0.0;
        origin = 0.0f;
        pairs = 0;
    }
    RM_METHOD void take(float value) {
        origin = pairs == 0 ? value : origin;
        const double deviation = (double)value - (double)origin;
        sum += deviation;
        square += deviation * deviation;
        pairs++;
    }
    RM_METHOD part end() const {
        const double mean = pairs == 0 ? 0.0 : sum / (double)pairs;
        part made;
        made.pairs = (double)pairs;
        made.mean = (double)origin + mean;
        made.square = square - sum * mean;
        return made;
    }
    /* Chan's rule for many parts at once: square = sum of (square_i + pairs_i (mean_i - mean)^2). Every term
     * is >= 0. */
    template <class PARTS>
    RM_METHOD static part merged(const PARTS &parts, int32_t first, int32_t end, rm_lanes lanes) {
        double pairs = 0.0, sum = 0.0, square = 0.0;
        for (int32_t i = first + lanes.mine; i < end; i += lanes.count) {
            const part one = parts(i);
            pairs += one.pairs;
            sum += one.pairs * one.mean;
        }
        part made;
        made.pairs = rm_lanes_sum(lanes, pairs);
        sum = rm_lanes_sum(lanes, sum);
        made.mean = made.pairs == 0.0 ? 0.0 : sum / made.pairs;
        for (int32_t i = first + lanes.mine; i < end; i += lanes.count) {
            const part one = parts(i);
            const double apart = one.mean - made.mean;
            square += one.square + one.pairs * (apart * apart);
        }
        made.square = rm_lanes_sum(lanes, square);
        return made;
    }
    RM_METHOD static void add(rm_accumulator *cells, int64_t cell, part more) {
        if (more.pairs > 0.0) {
            rm_accumulator_merge(cells, cell, more.pairs, more.mean, more.square);
        }
    }
};

/* A pool's. */
template <ropemap_pool POOL> struct rm_keep : rm_keep_extreme<POOL> {};
template <> struct rm_keep<ROPEMAP_POOL_MEAN> : rm_keep_sum<false> {};
template <> struct rm_keep<ROPEMAP_POOL_RMS> : rm_keep_sum<true> {};
template <> struct rm_keep<ROPEMAP_POOL_STD> : rm_keep_moments {};

#endif
