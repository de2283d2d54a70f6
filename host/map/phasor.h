/* phasor.h - sums of a turning unit vector over positions, in closed form */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_PHASOR_H
#define ROPEMAP_HOST_MAP_PHASOR_H

#include "host/base/status.h"

/* A complex number. */
typedef struct rm_phasor {
    double re, im;
} rm_phasor;

static inline rm_phasor rm_phasor_mul(rm_phasor a, rm_phasor b) {
    return (rm_phasor){.re = a.re * b.re - a.im * b.im, .im = a.re * b.im + a.im * b.re};
}

static inline rm_phasor rm_phasor_conjugate(rm_phasor a) {
    return (rm_phasor){.re = a.re, .im = -a.im};
}

/* One pair's turning, as ropemap_freqs has it. */
typedef struct rm_turning {
    uint64_t step; /* 2^-64 turns a token */
    uint32_t fine; /* 2^-96 turns a token */
} rm_turning;

/* e^(i phase) at a position. */
rm_phasor rm_phasor_at(rm_turning turning, int64_t position);

/* Mean of e^(i phase) over `count` positions, `step` apart, from position 0 on (count >= 1). */
rm_phasor rm_phasor_run(rm_turning turning, int64_t step, int64_t count);

/* Mean of e^(i phase) over the positions of a range (count >= 1). Error below 1e-11 at any count up to 2^40.
 */
rm_phasor rm_phasor_mean(rm_turning turning, ropemap_range positions);

/* Sum of e^(i (phase_i - phase_j)) over 0 <= j <= i < count, with phases `step` tokens apart. */
rm_phasor rm_phasor_triangle(rm_turning turning, int64_t step, int64_t count);

#endif
