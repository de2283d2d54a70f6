/* bound_sum.c - the sum of a rule's cosines at one distance, and on which side of a number it lies */
/* SPDX-License-Identifier: MIT */
#include "host/map/bound_sum.h"

#include "host/rule/double_double.h"

/* 2 pi, correct to 2^-105. */
static const rm_twofold RADIANS_PER_TURN = {.high = 0x1.921fb54442d18p+2, .low = 0x1.1a62633145c07p-52};

/* A phase: `quarter` quarter turns and a rest of [-1/8, 1/8) turns, off by 2^-86. */
struct phase {
    unsigned quarter;
    rm_twofold rest;
};

/*
 * distance * (step * 2^-64 + fine * 2^-96) modulo 1 in 96 bits, exactly, and then an eighth of a turn ahead,
 * so that all numbers are positive.
 */
static struct phase phase_at(uint64_t step, uint32_t fine, int64_t distance) {
    const uint64_t r = (uint64_t)distance;
    const uint64_t low = (r & 0xffffffffu) * fine, high = (r >> 32) * fine; /* units of 2^-96, of 2^-64 */
    const uint64_t turns = r * step + high + (low >> 32) + (UINT64_C(1) << 61);
    const uint64_t rest = turns & (UINT64_MAX >> 2);
    const double upper = (double)(rest >> 31) * 0x1p-33 - 0.125;
    const double lower = (double)((rest & 0x7fffffffu) << 32 | (low & 0xffffffffu)) * 0x1p-96;
    const double sum = upper + lower, part = sum - upper;
    return (struct phase){.quarter = (unsigned)(turns >> 62),
                          .rest = {.high = sum, .low = (upper - (sum - part)) + (lower - part)}};
}

static double cosine(struct phase phase) {
    const double x = RADIANS_PER_TURN.high * phase.rest.high;
    switch (phase.quarter) {
    case 0:
        return cos(x);
    case 1:
        return -sin(x);
    case 2:
        return -cos(x);
    default:
        return sin(x);
    }
}

double rm_bound_sum(const ropemap_freqs *freqs, int64_t distance) {
    double sum = 0.0;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        sum += cosine(phase_at(freqs->step[i], freqs->fine[i], distance));
    }
    return sum;
}

double rm_bound_sum_rest(const ropemap_spec *spec, const ropemap_freqs *freqs) {
    const double a = (double)freqs->attention_factor;
    return (0.5 * spec->head_dim - freqs->pairs) / (a * a);
}

/* sin(x) = cos(x - a quarter turn) */
double rm_bound_sum_sines(const ropemap_freqs *freqs, const double *rates, int64_t distance) {
    double sum = 0.0;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        struct phase phase = phase_at(freqs->step[i], freqs->fine[i], distance);
        phase.quarter = (phase.quarter + 3) % 4;
        sum += rates[i] * cosine(phase);
    }
    return sum;
}

/* 1 - t / (2 * 3) (1 - t / (4 * 5) (...)) up to `last`, or the even ones: at |x| <= pi / 4 what is left out
 * is below 1e-30. */
static rm_twofold series(rm_twofold square, int last) {
    const rm_twofold one = rm_twofold_of(1.0);
    rm_twofold sum = one;
    for (int k = last; k > 1; k -= 2) {
        const rm_twofold term = rm_twofold_div(rm_twofold_mul(square, sum), (double)(k * (k - 1)));
        sum = rm_twofold_add(one, rm_twofold_negative(term));
    }
    return sum;
}

static rm_twofold twofold_cosine(struct phase phase) {
    const rm_twofold x = rm_twofold_mul(RADIANS_PER_TURN, phase.rest), square = rm_twofold_mul(x, x);
    const bool is_sine = phase.quarter % 2 == 1;
    const rm_twofold value = is_sine ? rm_twofold_mul(x, series(square, 27)) : series(square, 26);
    return phase.quarter == 1 || phase.quarter == 2 ? rm_twofold_negative(value) : value;
}

bool rm_bound_sum_below(const ropemap_freqs *freqs, int64_t distance, double threshold) {
    const double above = rm_bound_sum(freqs, distance) - threshold;
    if (fabs(above) > 1e-12 * freqs->pairs) { /* more than the error at any number of pairs */
        return above < 0.0;
    }
    rm_twofold sum = rm_twofold_of(-threshold);
    for (int32_t i = 0; i < freqs->pairs; i++) {
        sum = rm_twofold_add(sum, twofold_cosine(phase_at(freqs->step[i], freqs->fine[i], distance)));
    }
    return sum.high < 0.0 || (sum.high == 0.0 && sum.low < 0.0);
}
