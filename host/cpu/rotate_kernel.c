/* rotate_kernel.c - rotate the pairs of each row by the phase of its position, and add up rotated rows */
/* SPDX-License-Identifier: MIT */
/*
 * Compiled once for each level of x86-64 (kernels.h). The form matters: three simple loops over a block of
 * pairs (phases; sine and cosine; rotation), all of them in 32-bit lanes, are faster than one that does it
 * all.
 */
#include "cuda/arith.h"
#include "host/cpu/kernels.h"

enum {
    BLOCK = 64, /* pairs whose phases, sines and cosines stay in the first-level cache */
    WHOLE = 16  /* loops run over whole vectors of at most this many pairs */
};

/* ---- rows */

/*
 * Up to 64 neighbouring pairs on their way through the rows. Phases are kept in two halves, so that all work
 * is on 32-bit lanes, and half a unit of the upper one ahead: then `high` is what rm_phase32 makes of the
 * phase.
 */
struct block {
    const uint64_t *step; /* [pairs] */
    const uint32_t *fine; /* [pairs] */
    int32_t first, pairs;
    int32_t padded; /* pairs, rounded up to whole vectors; phases beyond pairs stay 0 */
    rm_gain attention;
    uint32_t low[BLOCK], high[BLOCK];
    uint32_t advance_low[BLOCK], advance_high[BLOCK];
    float c[BLOCK], s[BLOCK];
};

static void seek(struct block *block, int64_t position) {
    for (int32_t i = 0; i < block->pairs; i++) {
        const uint64_t phase = rm_phase(block->step[i], block->fine[i], position) + 0x80000000u;
        block->low[i] = (uint32_t)phase;
        block->high[i] = (uint32_t)(phase >> 32);
    }
}

/* Sine and cosine at the phases held. */
static void take_sines(struct block *block) {
    const rm_gain attention = block->attention;
    for (int32_t i = 0; i < block->padded; i++) {
        block->c[i] = rm_gain_times(attention, rm_cos(block->high[i]));
        block->s[i] = rm_gain_times(attention, rm_sin(block->high[i]));
    }
}

/* One output after the other: rows that go to memory are a third slower where stores alternate between two.
 */
static void rotate_half(const struct block *block, const float *restrict x0, const float *restrict x1,
                        float *restrict y0, float *restrict y1) {
    for (int32_t i = 0; i < block->pairs; i++) {
        y0[i] = rm_rotate_first(x0[i], x1[i], block->c[i], block->s[i]);
    }
    for (int32_t i = 0; i < block->pairs; i++) {
        y1[i] = rm_rotate_second(x0[i], x1[i], block->c[i], block->s[i]);
    }
}

static void rotate_interleaved(const struct block *block, const float *restrict x, float *restrict y) {
    for (int32_t i = 0; i < block->pairs; i++) {
        const float x0 = x[2 * i], x1 = x[2 * i + 1];
        y[2 * i] = rm_rotate_first(x0, x1, block->c[i], block->s[i]);
        y[2 * i + 1] = rm_rotate_second(x0, x1, block->c[i], block->s[i]);
    }
}

/* The next row's phases: an add and its carry inside a span of positions, made anew where a span begins. */
static void advance(struct block *block, int64_t position, int64_t step) {
    if ((position >> RM_SPAN_BITS) == ((position + step) >> RM_SPAN_BITS)) {
        for (int32_t i = 0; i < block->padded; i++) {
            const uint32_t low = block->low[i] + block->advance_low[i];
            block->high[i] += block->advance_high[i] + (low < block->low[i] ? 1u : 0u);
            block->low[i] = low;
        }
    } else {
        seek(block, position + step);
    }
}

static void rotate_block(struct block *block, const ropemap_freqs *freqs, ropemap_layout layout,
                         ropemap_range positions, rm_view from, rm_view to) {
    for (int32_t i = 0; i < block->pairs; i++) {
        const uint64_t advance = (uint64_t)positions.step * block->step[i];
        block->advance_low[i] = (uint32_t)advance;
        block->advance_high[i] = (uint32_t)(advance >> 32);
    }
    seek(block, positions.first);
    for (int64_t row = 0; row < positions.count; row++) {
        take_sines(block);
        const float *x = from.data + row * from.stride;
        float *y = to.data + row * to.stride;
        if (layout == ROPEMAP_LAYOUT_HALF) {
            const int32_t low = block->first, high = block->first + freqs->pairs;
            rotate_half(block, x + low, x + high, y + low, y + high);
        } else {
            rotate_interleaved(block, x + 2 * block->first, y + 2 * block->first);
        }
        advance(block, positions.first + row * positions.step, positions.step);
    }
}

void RM_VARIANT_NAME(rm_rotate)(const ropemap_freqs *freqs, ropemap_layout layout, ropemap_range positions,
                                rm_view from, rm_view to) {
    for (int32_t first = 0; first < freqs->pairs; first += BLOCK) {
        const int32_t left = freqs->pairs - first, pairs = left < BLOCK ? left : BLOCK;
        struct block block = {.step = freqs->step + first,
                              .fine = freqs->fine + first,
                              .first = first,
                              .pairs = pairs,
                              .padded = (pairs + WHOLE - 1) / WHOLE * WHOLE,
                              .attention = rm_gain_of(freqs->attention_factor)};
        rotate_block(&block, freqs, layout, positions, from, to);
    }
    for (int64_t row = 0; row < positions.count; row++) {
        const float *x = from.data + row * from.stride;
        float *y = to.data + row * to.stride;
        for (int64_t d = 2 * (int64_t)freqs->pairs; d < from.cols; d++) {
            y[d] = x[d]; /* elements beyond rotary_dim pass through */
        }
    }
}

/* ---- sums of rows */

/*
 * The sum of rotated neighbours is the neighbours rotated by 0, 1, 2, ... steps, added up, and rotated once
 * by the phase of the first: so sines and cosines of a few rows serve every group of rows, and pooling runs
 * at the speed of memory.
 */

enum { AT_ONCE = 2 }; /* rows added before the sums go back to memory */

/* Up to AT_ONCE rows and their cosines and sines [rows, pairs]. */
struct group {
    const float *rows[AT_ONCE];
    const float *c, *s;
    int32_t pairs;
};

/* sums[2, pairs] += `count` rows, each rotated by its own small multiple of the steps. */
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

/* Rotates sums[2, pairs] in place to the position of the first row. Simple loops, as above. */
static void rotate_to_position(const ropemap_freqs *freqs, int64_t position, float *restrict sums) {
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
    rotate_to_position(freqs, position, sums);
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
