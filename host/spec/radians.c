/* radians.c - frequencies of a schedule in radians a token */
/* SPDX-License-Identifier: MIT */
#include "host/spec/twofold.h"

#include "host/ropemap.h"

/* 2 pi, correct to 2^-105. */
static const rm_twofold RADIANS_PER_TURN = {.high = 0x1.921fb54442d18p+2, .low = 0x1.1a62633145c07p-52};

/*
 * The 96 bits of a step fall into two doubles exactly, the product is off by a few 2^-104 of itself: its
 * upper half is the nearest double but where the real number lies that close to the middle of two.
 */
void ropemap_freqs_radians(const ropemap_freqs *freqs, double *radians) {
    for (int32_t i = 0; i < freqs->pairs; i++) {
        const uint64_t rest = (freqs->step[i] & 0x7ffu) << 32 | freqs->fine[i];
        const rm_twofold turns =
            rm_twofold_sum((double)(freqs->step[i] >> 11) * 0x1p-53, (double)rest * 0x1p-96);
        radians[i] = rm_twofold_mul(turns, RADIANS_PER_TURN).high;
    }
}
