/* distances_kernel.c - the sum of a rule's cosines at each of many distances */
/* SPDX-License-Identifier: MIT */
/* Compiled once for each level of x86-64 (kernels.h). */
#include "cuda/arith.h"
#include "host/cpu/kernels.h"

enum { BLOCK = 256 }; /* distances worked on at a time */

static int64_t distance_at(ropemap_range distances, int64_t t) {
    const int64_t distance = distances.first + t * distances.step;
    return distance < 0 ? -distance : distance;
}

/* Whether |distance| grows or falls evenly over the block, inside one span: then phases are equally spaced.
 */
static bool even_block(ropemap_range distances, int64_t first, int64_t count) {
    const int64_t low = distances.first + first * distances.step;
    const int64_t high = low + (count - 1) * distances.step;
    const bool one_sign = low >= 0 || high <= 0;
    return one_sign && distance_at(distances, first) >> RM_SPAN_BITS ==
                           distance_at(distances, first + count - 1) >> RM_SPAN_BITS;
}

static void even_phases(uint64_t step, uint32_t fine, ropemap_range distances, int64_t first,
                        uint32_t *restrict upper) {
    const bool falling = distances.first + first * distances.step < 0;
    const uint64_t advance = (falling ? (uint64_t)0 - step : step) * (uint64_t)distances.step;
    uint64_t phase = rm_phase(step, fine, distance_at(distances, first));
    for (int32_t t = 0; t < BLOCK; t++) {
        upper[t] = rm_phase32(phase);
        phase += advance;
    }
}

static void any_phases(uint64_t step, uint32_t fine, ropemap_range distances, int64_t first, int64_t count,
                       uint32_t *restrict upper) {
    for (int64_t t = 0; t < count; t++) {
        upper[t] = rm_phase32(rm_phase(step, fine, distance_at(distances, first + t)));
    }
}

void RM_VARIANT_NAME(rm_distances)(const ropemap_freqs *freqs, ropemap_range distances, double *values) {
    for (int64_t first = 0; first < distances.count; first += BLOCK) {
        const int64_t left = distances.count - first;
        const int64_t count = left < BLOCK ? left : BLOCK;
        const bool even = even_block(distances, first, count);
        uint32_t upper[BLOCK] = {0};
        double sums[BLOCK] = {0};
        for (int32_t pair = 0; pair < freqs->pairs; pair++) {
            if (even) {
                even_phases(freqs->step[pair], freqs->fine[pair], distances, first, upper);
            } else {
                any_phases(freqs->step[pair], freqs->fine[pair], distances, first, count, upper);
            }
            float cosines[BLOCK];
            for (int32_t t = 0; t < BLOCK; t++) {
                cosines[t] = rm_cos(upper[t]);
            }
            for (int32_t t = 0; t < BLOCK; t++) {
                sums[t] += (double)cosines[t];
            }
        }
        for (int64_t t = 0; t < count; t++) {
            values[first + t] = sums[t];
        }
    }
}
