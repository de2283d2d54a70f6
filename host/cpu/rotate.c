/* rotate.c - turn the pairs of each row by the phase of its position */
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
static void turn(struct block *block) {
    const rm_gain attention = block->attention;
    for (int32_t i = 0; i < block->padded; i++) {
        block->c[i] = rm_gain_times(attention, rm_cos(block->high[i]));
        block->s[i] = rm_gain_times(attention, rm_sin(block->high[i]));
    }
}

/* One output after the other: rows that go to memory are a third slower where stores take turns between two.
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
        turn(block);
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
