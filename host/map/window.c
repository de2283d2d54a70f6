/* window.c - sliding windows over the similarity at each distance */
/* SPDX-License-Identifier: MIT */
#include "host/map/window.h"

#include <math.h>

static float larger(float a, float b) {
    return a > b ? a : b;
}

void rm_window_max(const float *values, int64_t count, int64_t width, float *maxima, float *suffix) {
    /* Blocks of `width`: suffix[t] is the largest from t to the end of its block; a window is the suffix of
     * one block and a prefix of the next. */
    for (int64_t first = 0; first < count; first += width) {
        const int64_t end = first + width < count ? first + width : count;
        suffix[end - 1] = values[end - 1];
        for (int64_t t = end - 2; t >= first; t--) {
            suffix[t] = larger(values[t], suffix[t + 1]);
        }
        float prefix = values[first];
        for (int64_t t = first; t < end; t++) {
            prefix = larger(prefix, values[t]);
            if (t >= width - 1) {
                maxima[t - width + 1] = larger(suffix[t - width + 1], prefix);
            }
        }
    }
}

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

void rm_running_difference(rm_running running, int64_t first, int64_t end, double *sum, double *rest) {
    *sum = running.sums[end];
    *rest = running.rests[end];
    rm_running_add(sum, rest, -running.sums[first], -running.rests[first]);
}

void rm_running_window(rm_running windows, rm_running values, int64_t count, int64_t width) {
    double sum = 0.0, rest = 0.0;
    for (int64_t t = 0; t + width <= count; t++) {
        windows.sums[t] = sum;
        windows.rests[t] = rest;
        double window = 0.0, small = 0.0;
        rm_running_difference(values, t, t + width, &window, &small);
        rm_running_add(&sum, &rest, window, small);
    }
    windows.sums[count - width + 1] = sum;
    windows.rests[count - width + 1] = rest;
}
