/* random_kernel.c - normal numbers in vector instructions */
/* SPDX-License-Identifier: MIT */
#include "host/base/processor.h"
#include "host/data/vectors.h"

#include <math.h>
#include <string.h>

/*
 * Columns 4b to 4b + 3 of row p of stream s come from the Philox counter (b, p mod 2^32, p / 2^32, s) under
 * the key (seed mod 2^32, seed / 2^32): words 0 and 1 make columns 4b and 4b + 1, words 2 and 3 the other
 * two, by the transform of Box and Muller (1958). Logarithm, sine and cosine are polynomials in double: every
 * machine with IEEE arithmetic gives the same floats. Radii end at sqrt(2 ln 2^33) = 6.76 standard
 * deviations.
 */

enum { ROUNDS = 10, WORDS = RM_PHILOX_WORDS, LANES = RM_PHILOX_LANES };

void RM_VARIANT_NAME(rm_philox)(const uint32_t key[2], rm_philox_state *state) {
    uint32_t key0 = key[0], key1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        for (int lane = 0; lane < LANES; lane++) {
            const uint64_t even = (uint64_t)0xd2511f53u * state->word[0][lane];
            const uint64_t odd = (uint64_t)0xcd9e8d57u * state->word[2][lane];
            state->word[0][lane] = (uint32_t)(odd >> 32) ^ state->word[1][lane] ^ key0;
            state->word[2][lane] = (uint32_t)(even >> 32) ^ state->word[3][lane] ^ key1;
            state->word[1][lane] = (uint32_t)odd;
            state->word[3][lane] = (uint32_t)even;
        }
        key0 += 0x9e3779b9u; /* the golden ratio and sqrt(3) - 1, in 2^-32 */
        key1 += 0xbb67ae85u;
    }
}

static inline uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A number below 2^52, exactly: no processor before AVX-512 converts 64-bit integers in vectors. */
static inline double to_double(uint64_t number) {
    return of_bits(number | 0x4330000000000000u) - 0x1p52;
}

/*
 * -ln((w + 1/2) 2^-32), from u = (2w + 1) 2^-33 = m 2^e with m in [sqrt(1/2), sqrt(2)): ln m = 2 artanh(f),
 * f = (m - 1) / (m + 1), |f| < 0.172. The series ends where its terms are below 2^-53.
 */
static inline double minus_log(uint32_t w) {
    const double u = 2.0 * to_double(w) + 1.0;
    const uint64_t bits = bits_of(u), exponent = (bits - 0x3fe6a09e667f3bcdu) >> 52; /* sqrt(1/2) */
    const double m = of_bits(bits - (exponent << 52));
    const double f = (m - 1.0) / (m + 1.0), t = f * f;
    double series = 1.0 / 19.0;
    series = series * t + 1.0 / 17.0;
    series = series * t + 1.0 / 15.0;
    series = series * t + 1.0 / 13.0;
    series = series * t + 1.0 / 11.0;
    series = series * t + 1.0 / 9.0;
    series = series * t + 1.0 / 7.0;
    series = series * t + 1.0 / 5.0;
    series = series * t + 1.0 / 3.0;
    return (33.0 - to_double(exponent)) * 0.69314718055994530942 - (2.0 * f + 2.0 * f * t * series);
}

/* Taylor series of sine and cosine for |x| <= pi/4; the first term left out is below 2^-54. */
static inline double small_sin(double x) {
    const double t = x * x;
    double series = -1.0 / 1307674368000.0;
    series = series * t + 1.0 / 6227020800.0;
    series = series * t - 1.0 / 39916800.0;
    series = series * t + 1.0 / 362880.0;
    series = series * t - 1.0 / 5040.0;
    series = series * t + 1.0 / 120.0;
    series = series * t - 1.0 / 6.0;
    return x + x * t * series;
}

static inline double small_cos(double x) {
    const double t = x * x;
    double series = 1.0 / 20922789888000.0;
    series = series * t - 1.0 / 87178291200.0;
    series = series * t + 1.0 / 479001600.0;
    series = series * t - 1.0 / 3628800.0;
    series = series * t + 1.0 / 40320.0;
    series = series * t - 1.0 / 720.0;
    series = series * t + 1.0 / 24.0;
    series = series * t - 1.0 / 2.0;
    return 1.0 + t * series;
}

/* Two normal numbers times `scale` at a distance and an angle of (w + 1/2) 2^-32, in turns, in each lane. */
static inline void normal_pairs(const uint32_t *radius_words, const uint32_t *angle_words, double scale,
                                float *first, float *second) {
    for (int i = 0; i < LANES; i++) {
        const double radius = sqrt(2.0 * minus_log(radius_words[i])) * scale;
        const uint32_t angle = angle_words[i], quadrant = (angle + 0x20000000u) >> 30;
        const double rest =
            (double)(int32_t)(angle - (quadrant << 30)) + 0.5; /* of the nearest quarter turn */
        const double x = rest * 1.4629180792671596e-9;         /* 2 pi 2^-32 */
        const uint64_t s = bits_of(small_sin(x)), c = bits_of(small_cos(x)), turns = quadrant;
        const uint64_t swapped = (s ^ c) & (0 - (turns & 1)), sign = (uint64_t)1 << 63;
        first[i] = (float)(radius * of_bits(c ^ swapped ^ ((turns + 1) << 62 & sign)));
        second[i] = (float)(radius * of_bits(s ^ swapped ^ (turns << 62 & sign)));
    }
}

void RM_VARIANT_NAME(rm_normal_row)(const rm_normal *normal, uint64_t row, int32_t columns, float *to) {
    for (int32_t column = 0; column < columns; column += LANES * WORDS) {
        rm_philox_state state;
        float made[WORDS][LANES];
        for (uint32_t lane = 0; lane < LANES; lane++) {
            state.word[0][lane] = (uint32_t)column / WORDS + lane;
            state.word[1][lane] = (uint32_t)row;
            state.word[2][lane] = (uint32_t)(row >> 32);
            state.word[3][lane] = normal->stream;
        }
        RM_VARIANT_NAME(rm_philox)(normal->key, &state);
        normal_pairs(state.word[0], state.word[1], normal->scale, made[0], made[1]);
        normal_pairs(state.word[2], state.word[3], normal->scale, made[2], made[3]);
        const int32_t left = columns - column < LANES * WORDS ? columns - column : LANES * WORDS;
        for (int32_t i = 0; i < left; i++) {
            to[column + i] = made[i % WORDS][i / WORDS];
        }
    }
}
