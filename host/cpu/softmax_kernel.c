/* softmax_kernel.c - the scores of a tile become weights and their sums; lanes are queries */
/* SPDX-License-Identifier: MIT */
/*
 * Compiled once for each level of x86-64 (kernels.h). A tile is [keys, RM_SOFTMAX_LANES], and every reduction
 * goes down its columns: no lane meets another one. Rows are taken four at a time, in their order, so that
 * sums stay in registers meanwhile.
 */
#include "cuda/arith.h"
#include "host/cpu/kernels.h"

#include <string.h>

enum { LANES = RM_SOFTMAX_LANES, AT_ONCE = 4 };

static void cap(rm_softmax_tile tile, int32_t keys, float scale, float softcap) {
    const float inside = scale / softcap;
    for (int32_t k = 0; k < keys; k++) {
        for (int32_t q = 0; q < LANES; q++) {
            tile[k][q] = softcap * rm_tanh(tile[k][q] * inside);
        }
    }
}

static void hide(rm_softmax_tile tile, int32_t keys, const rm_softmax_sight *sight) {
    for (int32_t k = 0; k < keys; k++) {
        for (int32_t q = 0; q < LANES; q++) {
            const bool sink = (k >= sight->first[0][q]) & (k < sight->end[0][q]);
            const bool near = (k >= sight->first[1][q]) & (k < sight->end[1][q]);
            tile[k][q] = (sink | near) ? tile[k][q] : -INFINITY;
        }
    }
}

static inline void maxima_of_rows(const float (*restrict rows)[LANES], int32_t count,
                                  float *restrict largest) {
    for (int32_t q = 0; q < LANES; q++) {
        float most = largest[q];
        for (int32_t i = 0; i < count; i++) {
            most = rows[i][q] > most ? rows[i][q] : most;
        }
        largest[q] = most;
    }
}

static void maxima(rm_softmax_tile tile, int32_t keys, float *largest) {
    const float(*rows)[LANES] = (const float(*)[LANES])tile;
    int32_t k = 0;
    for (; k + AT_ONCE <= keys; k += AT_ONCE) { /* a constant count unrolls the loop over rows */
        maxima_of_rows(rows + k, AT_ONCE, largest);
    }
    for (; k < keys; k++) {
        maxima_of_rows(rows + k, 1, largest);
    }
}

static void refer(const float *restrict largest, float factor, float *restrict all,
                  float *restrict reference) {
    for (int32_t q = 0; q < LANES; q++) {
        all[q] = largest[q] > all[q] ? largest[q] : all[q];
        reference[q] = rm_exponent_reference(largest[q], factor);
    }
}

static inline void weigh_rows(float (*restrict rows)[LANES], int32_t count, int32_t place, float factor,
                              const float *restrict reference, rm_softmax_moments *restrict to, bool all) {
    for (int32_t q = 0; q < LANES; q++) {
        const float zero = reference[q];
        float sum = to->part[q], log = to->log[q], places = to->place[q];
        for (int32_t i = 0; i < count; i++) {
            const float t = rm_exponent(rows[i][q], factor, zero), weight = rm_exp2(t);
            rows[i][q] = weight;
            sum += weight;
            if (all) {
                log = fmaf(weight, t, log);
                places = fmaf(weight, (float)(place + i), places);
            }
        }
        to->part[q] = sum;
        if (all) {
            to->log[q] = log;
            to->place[q] = places;
        }
    }
}

/* Constants in each call: a loop for each. */
static inline void weigh_all_rows(rm_softmax_tile tile, rm_span32 keys, float factor, const float *reference,
                                  rm_softmax_moments *to, bool all) {
    int32_t k = keys.first;
    for (; k + AT_ONCE <= keys.end; k += AT_ONCE) {
        weigh_rows(tile + k, AT_ONCE, k, factor, reference, to, all);
    }
    for (; k < keys.end; k++) {
        weigh_rows(tile + k, 1, k, factor, reference, to, all);
    }
}

static void weigh(rm_softmax_tile tile, rm_span32 keys, float factor, const float *reference, bool all,
                  rm_softmax_moments *to) {
    for (int32_t q = 0; q < LANES; q++) {
        to->part[q] = 0.0f;
    }
    if (all) {
        weigh_all_rows(tile, keys, factor, reference, to, true);
    } else {
        weigh_all_rows(tile, keys, factor, reference, to, false);
    }
    for (int32_t q = 0; q < LANES; q++) {
        to->total[q] += (double)to->part[q];
    }
}

static void select(rm_softmax_tile tile, int32_t keys, const int32_t *first, const int32_t *end,
                   float *sums) {
    memset(sums, 0, LANES * sizeof *sums);
    for (int32_t k = 0; k < keys; k++) {
        for (int32_t q = 0; q < LANES; q++) {
            sums[q] += ((k >= first[q]) & (k < end[q])) ? tile[k][q] : 0.0f;
        }
    }
}

static void merge(const float *restrict sums, const float *restrict reference, bool first,
                  double *restrict value, float *restrict held) {
    for (int32_t q = 0; first && q < LANES; q++) {
        value[q] = (double)sums[q];
        held[q] = reference[q];
    }
    for (int32_t q = 0; !first && q < LANES; q++) {
        const float before = held[q], one = reference[q], both = before < one ? one : before;
        value[q] = value[q] * rm_power_of_two((double)before - (double)both) +
                   (double)sums[q] * rm_power_of_two((double)one - (double)both);
        held[q] = both;
    }
}

/* A sum of 0 has no reference, which is finite. */
static void advance(const rm_softmax_moments *restrict from, const float *restrict reference, double first,
                    rm_softmax_rows *restrict to) {
    for (int32_t q = 0; q < LANES; q++) {
        const float both = to->reference[q] < reference[q] ? reference[q] : to->reference[q];
        const double down = (double)to->reference[q] - (double)both;
        const double from_down = (double)reference[q] - (double)both;
        const double a = rm_power_of_two(down), b = rm_power_of_two(from_down);
        const double total = from->total[q];
        to->log[q] = a * (to->log[q] + down * to->total[q]) + b * ((double)from->log[q] + from_down * total);
        to->place[q] = a * to->place[q] + b * ((double)from->place[q] + first * total);
        to->total[q] = a * to->total[q] + b * total;
        to->sink[q] = a * to->sink[q] + b * (double)from->sink[q];
        to->recent[q] = a * to->recent[q] + b * (double)from->recent[q];
        to->reference[q] = both;
    }
}

static void settle(const double *restrict value, const float *restrict held, const double *restrict top,
                   const double *restrict share, double *restrict out) {
    for (int32_t q = 0; q < LANES; q++) {
        out[q] = value[q] * rm_power_of_two((double)held[q] - top[q]) * share[q];
    }
}

static void spread(rm_softmax_tile tile, int32_t keys, const double *restrict share, double *restrict line) {
    for (int32_t k = 0; k < keys; k++) {
        double *to = line + (RM_SOFTMAX_KEYS - 1 - k);
        for (int32_t q = 0; q < LANES; q++) {
            to[q] += (double)tile[k][q] * share[q];
        }
    }
}

const rm_softmax_kernels RM_VARIANT_NAME(rm_softmax_kernels) = {.cap = cap,
                                                                .hide = hide,
                                                                .maxima = maxima,
                                                                .refer = refer,
                                                                .weigh = weigh,
                                                                .select = select,
                                                                .merge = merge,
                                                                .advance = advance,
                                                                .settle = settle,
                                                                .spread = spread};
