/* rotate_sum.c - add up rows that are turned, each, by a small multiple of its pairs' steps */
/* SPDX-License-Identifier: MIT */
/*
 * Compiled once for each level of x86-64 (kernels.h). The sum of rotated neighbours is the neighbours turned
 * by 0, 1, 2, ... steps, added up, and turned once by the phase of the first: so sines and cosines of a few
 * rows serve every group of rows, and pooling runs at the speed of memory.
 */
#include "cuda/arith.h"
#include "host/cpu/kernels.h"

enum {
    AT_ONCE = 2, /* rows added before the sums go back to memory */
    BLOCK = 64   /* pairs whose phases, sines and cosines stay in the first-level cache */
};

/* Up to AT_ONCE rows and their cosines and sines [rows, pairs]. */
struct group {
    const float *rows[AT_ONCE];
    const float *c, *s;
    int32_t pairs;
};

/* sums[2, pairs] += `count` rows, each turned by its own small multiple of the steps. */
static inline void add_half(struct group group, int32_t count, float *restrict sums) {
    const int32_t pairs = group.pairs;
    const float *restrict c = group.c, *restrict s = group.s;
    for (int32_t i = 0; i < pairs; i++) {
        float sum0 = sums[i], sum1 = sums[pairs + i];
        for (int32_t t = 0; t < count; t++) {
            const float x0 = group.rows[t][i], x1 = group.rows[t][pairs + i];
            const float ct = c[t * pairs + i], st = s[t * pairs + i];
            sum0 = fmaf(x0, ct, fmaf(-x1, st, sum0));
            sum1 = fmaf(x0, st, fmaf(x1, ct, sum1));
        }
        sums[i] = sum0;
        sums[pairs + i] = sum1;
    }
}

static inline void add_interleaved(struct group group, int32_t count, float *restrict sums) {
    const int32_t pairs = group.pairs;
    const float *restrict c = group.c, *restrict s = group.s;
    for (int32_t i = 0; i < pairs; i++) {
        float sum0 = sums[i], sum1 = sums[pairs + i];
        for (int32_t t = 0; t < count; t++) {
            const float x0 = group.rows[t][2 * i], x1 = group.rows[t][2 * i + 1];
            const float ct = c[t * pairs + i], st = s[t * pairs + i];
            sum0 = fmaf(x0, ct, fmaf(-x1, st, sum0));
            sum1 = fmaf(x0, st, fmaf(x1, ct, sum1));
        }
        sums[i] = sum0;
        sums[pairs + i] = sum1;
    }
}

/* Rows [first, first + count) of the view, count <= AT_ONCE. A constant count unrolls the loop over rows. */
static void add_rows(const rm_turns *turns, ropemap_layout layout, rm_view rows, int64_t first, int32_t count,
                     float *restrict sums) {
    const int64_t offset = first * turns->pairs;
    struct group group = {.c = turns->c + offset, .s = turns->s + offset, .pairs = turns->pairs};
    for (int32_t t = 0; t < count; t++) {
        group.rows[t] = rows.data + (first + t) * rows.stride;
    }
    if (layout == ROPEMAP_LAYOUT_HALF) {
        if (count == AT_ONCE) {
            add_half(group, AT_ONCE, sums);
        } else {
            add_half(group, count, sums);
        }
    } else if (count == AT_ONCE) {
        add_interleaved(group, AT_ONCE, sums);
    } else {
        add_interleaved(group, count, sums);
    }
}

/* sums[2, pairs] turned, in place, to the position of the first row. Simple loops, as in rotate.c. */
static void turn_to_position(const ropemap_freqs *freqs, int64_t position, float *restrict sums) {
    const int32_t pairs = freqs->pairs;
    const rm_gain attention = rm_gain_of(freqs->attention_factor);
    for (int32_t first = 0; first < pairs; first += BLOCK) {
        const int32_t count = pairs - first < BLOCK ? pairs - first : BLOCK;
        uint32_t phase[BLOCK] = {0};
        float c[BLOCK], s[BLOCK];
        for (int32_t i = 0; i < count; i++) {
            phase[i] = rm_phase32(rm_phase(freqs->step[first + i], freqs->fine[first + i], position));
        }
        for (int32_t i = 0; i < BLOCK; i++) {
            c[i] = rm_gain_times(attention, rm_cos(phase[i]));
            s[i] = rm_gain_times(attention, rm_sin(phase[i]));
        }
        for (int32_t i = 0; i < count; i++) {
            const float x0 = sums[first + i], x1 = sums[pairs + first + i];
            sums[first + i] = rm_rotate_first(x0, x1, c[i], s[i]);
            sums[pairs + first + i] = rm_rotate_second(x0, x1, c[i], s[i]);
        }
    }
}

/* Sums by pairs, [2, pairs], to elements in the order of the layout. */
static void add_to_totals(const float *restrict sums, int32_t pairs, ropemap_layout layout,
                          double *restrict totals) {
    if (layout == ROPEMAP_LAYOUT_HALF) {
        for (int32_t d = 0; d < 2 * pairs; d++) {
            totals[d] += (double)sums[d];
        }
    } else {
        for (int32_t i = 0; i < pairs; i++) {
            totals[2 * i] += (double)sums[i];
            totals[2 * i + 1] += (double)sums[pairs + i];
        }
    }
}

void RM_VARIANT_NAME(rm_rotate_sum)(const rm_turns *turns, const ropemap_freqs *freqs, ropemap_layout layout,
                                    int64_t position, rm_view rows, double *totals) {
    const int32_t pairs = freqs->pairs;
    float sums[ROPEMAP_MAX_HEAD_DIM];
    for (int32_t i = 0; i < 2 * pairs; i++) {
        sums[i] = 0.0f;
    }
    for (int64_t first = 0; first < rows.rows; first += AT_ONCE) {
        const int64_t left = rows.rows - first;
        add_rows(turns, layout, rows, first, (int32_t)(left < AT_ONCE ? left : AT_ONCE), sums);
    }
    turn_to_position(freqs, position, sums);
    add_to_totals(sums, pairs, layout, totals);
}

void RM_VARIANT_NAME(rm_turns_fill)(const ropemap_freqs *freqs, rm_turns *turns) {
    for (int32_t t = 0; t < RM_GROUP; t++) {
        for (int32_t i = 0; i < freqs->pairs; i++) {
            const int64_t tokens = t * turns->step;
            const uint32_t phase = rm_phase32(rm_phase(freqs->step[i], freqs->fine[i], tokens));
            turns->c[t * freqs->pairs + i] = rm_cos(phase);
            turns->s[t * freqs->pairs + i] = rm_sin(phase);
        }
    }
}
