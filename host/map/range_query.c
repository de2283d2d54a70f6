/* range_query.c - sums and maxima over ranges of values, and over rectangles of a function of i - j */
/* SPDX-License-Identifier: MIT */
#include "host/map/range_query.h"
#include "host/base/alloc.h"

#include <math.h>

/* Knuth's two-sum; what was lost joins the smaller part. */
void rm_running_add(double *sum, double *rest, double value, double small) {
    const double total = *sum + value;
    const double part = total - *sum;
    const double lost = (*sum - (total - part)) + (value - part);
    const double tail = *rest + (lost + small);
    *sum = total + tail;
    *rest = tail - (*sum - total);
}

void rm_running_sum(rm_running running, const double *values, int64_t count, int squares) {
    double sum = 0.0, rest = 0.0;
    for (int64_t t = 0; t < count; t++) {
        running.sums[t] = sum;
        running.rests[t] = rest;
        const double value = values[t];
        if (squares) {
            const double square = value * value;
            rm_running_add(&sum, &rest, square, fma(value, value, -square));
        } else {
            rm_running_add(&sum, &rest, value, 0.0);
        }
    }
    running.sums[count] = sum;
    running.rests[count] = rest;
}

void rm_running_twice(rm_running twice, const double *values, int64_t count, int squares) {
    double once = 0.0, once_rest = 0.0, sum = 0.0, rest = 0.0;
    for (int64_t t = 0; t <= count; t++) {
        twice.sums[t] = sum;
        twice.rests[t] = rest;
        rm_running_add(&sum, &rest, once, once_rest);
        const double value = t < count ? values[t] : 0.0, square = value * value;
        rm_running_add(&once, &once_rest, squares ? square : value,
                       squares ? fma(value, value, -square) : 0.0);
    }
    twice.sums[count + 1] = sum;
    twice.rests[count + 1] = rest;
}

rm_running rm_running_make(int64_t entries, bool *whole) {
    const rm_running running = {.sums = rm_alloc_raw((uint64_t)entries, sizeof(double)),
                                .rests = rm_alloc_raw((uint64_t)entries, sizeof(double))};
    *whole = *whole && running.sums != NULL && running.rests != NULL;
    return running;
}

void rm_running_free(rm_running running) {
    rm_free(running.sums);
    rm_free(running.rests);
}

void rm_running_difference(rm_running running, int64_t first, int64_t end, double *sum, double *rest) {
    *sum = running.sums[end];
    *rest = running.rests[end];
    rm_running_add(sum, rest, -running.sums[first], -running.rests[first]);
}

enum { RM_RANGE_BLOCK = 64 };

/*
 * With f = 0 below 0, F(t) = f(0) + ... + f(t - 1) and G(x) = F(0) + ... + F(x - 1), the sum over rows [a, b)
 * and columns [c, e) is G(b - c + 1) - G(a - c + 1) - G(b - e + 1) + G(a - e + 1): four entries, whatever the
 * size. Differences in a rectangle have no gaps, so its maximum is that of a range.
 */

static double larger(double a, double b) {
    return a > b ? a : b;
}

static int64_t levels_of(int64_t blocks) {
    int64_t levels = 1;
    while ((INT64_C(1) << levels) <= blocks) {
        levels++;
    }
    return levels;
}

static int64_t blocks_of(int64_t count) {
    return (count + RM_RANGE_BLOCK - 1) / RM_RANGE_BLOCK;
}

int64_t rm_range_max_room(int64_t count) {
    return levels_of(blocks_of(count)) * blocks_of(count);
}

static double scan(const double *values, int64_t first, int64_t end) {
    double most = values[first];
    for (int64_t t = first + 1; t < end; t++) {
        most = larger(most, values[t]);
    }
    return most;
}

rm_range_max rm_range_max_make(const double *values, int64_t count, double *levels) {
    const int64_t blocks = blocks_of(count);
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t end = (b + 1) * RM_RANGE_BLOCK;
        levels[b] = scan(values, b * RM_RANGE_BLOCK, end < count ? end : count);
    }
    for (int64_t level = 1; level < levels_of(blocks); level++) {
        const int64_t half = INT64_C(1) << (level - 1);
        const double *below = levels + (level - 1) * blocks;
        for (int64_t b = 0; b + 2 * half <= blocks; b++) {
            levels[level * blocks + b] = larger(below[b], below[b + half]);
        }
    }
    return (rm_range_max){.values = values, .levels = levels, .blocks = blocks};
}

/* The largest of values[first, end). */
static double range_max(const rm_range_max *maxima, int64_t first, int64_t end) {
    const int64_t low = (first + RM_RANGE_BLOCK - 1) / RM_RANGE_BLOCK, high = end / RM_RANGE_BLOCK;
    if (low >= high) {
        return scan(maxima->values, first, end);
    }
    const int64_t level = levels_of(high - low) - 1;
    const double *blocks = maxima->levels + level * maxima->blocks;
    double most = larger(blocks[low], blocks[high - (INT64_C(1) << level)]);
    if (first < low * RM_RANGE_BLOCK) {
        most = larger(most, scan(maxima->values, first, low * RM_RANGE_BLOCK));
    }
    return high * RM_RANGE_BLOCK < end ? larger(most, scan(maxima->values, high * RM_RANGE_BLOCK, end))
                                       : most;
}

double rm_rectangle_max(rm_rectangle rectangle, const rm_range_max *maxima) {
    const int64_t least = rectangle.row_first - rectangle.col_end + 1;
    return range_max(maxima, least > 0 ? least : 0, rectangle.row_end - rectangle.col_first);
}

/* G for f = 1 */
static int64_t triangle(int64_t x) {
    return x > 0 ? x * (x - 1) / 2 : 0;
}

int64_t rm_rectangle_pairs(rm_rectangle r) {
    return triangle(r.row_end - r.col_first + 1) - triangle(r.row_first - r.col_first + 1) -
           triangle(r.row_end - r.col_end + 1) + triangle(r.row_first - r.col_end + 1);
}

static void take(rm_running twice, int64_t x, double sign, double *sum, double *rest) {
    if (x > 0) {
        rm_running_add(sum, rest, sign * twice.sums[x], sign * twice.rests[x]);
    }
}

void rm_rectangle_sum(rm_rectangle r, rm_running twice, double *sum, double *rest) {
    *sum = *rest = 0.0;
    take(twice, r.row_end - r.col_first + 1, 1.0, sum, rest);
    take(twice, r.row_first - r.col_first + 1, -1.0, sum, rest);
    take(twice, r.row_end - r.col_end + 1, -1.0, sum, rest);
    take(twice, r.row_first - r.col_end + 1, 1.0, sum, rest);
}
