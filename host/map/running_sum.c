/* running_sum.c - running sums carried in two doubles */
/* SPDX-License-Identifier: MIT */
#include "host/map/running_sum.h"
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
