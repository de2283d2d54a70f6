/* phasor.c - sums of a turning unit vector over positions, in closed form */
/* SPDX-License-Identifier: MIT */
#include "host/map/phasor.h"

#include <math.h>

#define TWO_PI 6.283185307179586

/* A number of turns modulo 1, as hi * 2^-64 + lo * 2^-96. */
struct turns {
    uint64_t hi;
    uint32_t lo;
};

/* count * turns modulo 1, exactly, for 0 <= count < 2^41. */
static struct turns multiply(struct turns turns, int64_t count) {
    const uint64_t low = (uint64_t)count & 0xfffff, high = (uint64_t)count >> 20; /* both below 2^21 */
    const uint64_t a = low * turns.lo;  /* below 2^52, units of 2^-96 */
    const uint64_t b = high * turns.lo; /* below 2^53, units of 2^-76 */
    const uint64_t rest = a + ((b & 0xfff) << 20);
    return (struct turns){.hi = (uint64_t)count * turns.hi + (b >> 12) + (rest >> 32), .lo = (uint32_t)rest};
}

/* Half of the signed value in [-1/2, 1/2) turns; 2^-97 turns are lost where it is odd. */
static struct turns half(struct turns turns) {
    return (struct turns){.hi = turns.hi >> 1 | (turns.hi & (UINT64_C(1) << 63)),
                          .lo = turns.lo >> 1 | (uint32_t)(turns.hi & 1) << 31};
}

/* The signed value in [-1/2, 1/2) turns. */
static double signed_turns(struct turns turns) {
    const uint64_t magnitude = turns.hi >> 63 ? (uint64_t)0 - turns.hi : turns.hi;
    const double upper = (turns.hi >> 63 ? -1.0 : 1.0) * ((double)magnitude * 0x1p-64);
    return upper + (double)turns.lo * 0x1p-96;
}

static rm_phasor unit(struct turns turns) {
    const double angle = TWO_PI * signed_turns(turns);
    return (rm_phasor){.re = cos(angle), .im = sin(angle)};
}

/*
 * sin(count x) / (count sin x) for x = 2 pi eta, |eta| <= 1/4 turn: the length of the mean of `count` unit
 * vectors that are 2 eta turns apart. Where count * eta is tiny the series is used: its next term is below
 * 1e-20.
 */
static double mean_length(struct turns eta, int64_t count) {
    const double x = TWO_PI * signed_turns(eta), n = (double)count;
    if (fabs(n * x) < 1e-5) {
        return 1.0 - (n * n - 1.0) * x * x / 6.0;
    }
    return sin(TWO_PI * signed_turns(multiply(eta, count))) / (n * sin(x));
}

/* Mean of e^(i t delta), t < count, delta = 2 eta turns. */
static rm_phasor mean_from_zero(struct turns eta, int64_t count) {
    const double length = mean_length(eta, count);
    const rm_phasor middle = unit(multiply(eta, count - 1));
    return (rm_phasor){.re = middle.re * length, .im = middle.im * length};
}

static struct turns token_of(rm_turning turning) {
    return (struct turns){.hi = turning.step, .lo = turning.fine};
}

rm_phasor rm_phasor_at(rm_turning turning, int64_t position) {
    return unit(multiply(token_of(turning), position));
}

rm_phasor rm_phasor_run(rm_turning turning, int64_t step, int64_t count) {
    return mean_from_zero(half(multiply(token_of(turning), step)), count);
}

rm_phasor rm_phasor_mean(rm_turning turning, ropemap_range positions) {
    return rm_phasor_mul(rm_phasor_at(turning, positions.first),
                         rm_phasor_run(turning, positions.step, positions.count));
}

/*
 * Built up along the bits of count, so that nothing cancels. With z = e^(i delta), S(n) = sum of z^t over t <
 * n: T(2n) = 2 T(n) + z^n |S(n)|^2, two triangles and the square between them; T(n + 1) = T(n) + S(n + 1),
 * one more row.
 */
rm_phasor rm_phasor_triangle(rm_turning turning, int64_t step, int64_t count) {
    const struct turns delta = multiply(token_of(turning), step), eta = half(delta);
    rm_phasor sum = {0};
    int64_t done = 0;
    for (int bit = 40; bit >= 0; bit--) {
        if (done > 0) {
            const double side = (double)done * mean_length(eta, done);
            const rm_phasor turn = unit(multiply(delta, done));
            sum = (rm_phasor){.re = 2.0 * sum.re + turn.re * side * side,
                              .im = 2.0 * sum.im + turn.im * side * side};
            done *= 2;
        }
        if (count >> bit & 1) {
            const rm_phasor row = mean_from_zero(eta, done + 1);
            sum.re += row.re * (double)(done + 1);
            sum.im += row.im * (double)(done + 1);
            done++;
        }
    }
    return sum;
}
