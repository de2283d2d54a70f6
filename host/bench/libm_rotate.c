/* libm_rotate.c - rotation as it is usually written: float angles and libm's sincosf */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sincosf */
#include "host/bench/libm_rotate.h"

#include <math.h>

void rm_libm_rotate(const float *frequencies, ropemap_layout layout, int64_t first, rm_view from,
                    rm_view to) {
    const int64_t pairs = from.cols / 2;
    const bool half = layout == ROPEMAP_LAYOUT_HALF;
    for (int64_t row = 0; row < from.rows; row++) {
        const float *x = from.data + row * from.stride;
        float *y = to.data + row * to.stride;
        const float position = (float)(first + row);
        for (int64_t pair = 0; pair < pairs; pair++) {
            const int64_t a = half ? pair : 2 * pair, b = half ? pair + pairs : 2 * pair + 1;
            float s = 0.0f, c = 0.0f;
            sincosf(position * frequencies[pair], &s, &c);
            y[a] = x[a] * c - x[b] * s;
            y[b] = x[a] * s + x[b] * c;
        }
    }
}
