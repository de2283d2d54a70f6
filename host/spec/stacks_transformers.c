/* stacks_transformers.c - inv_freq as transformers computes it, operation by operation in float32 */
/* SPDX-License-Identifier: MIT */
/*
 * Where transformers has a Python float, a double stands here, rounded where it meets a tensor. PyTorch turns
 * number / tensor into reciprocal(tensor) * number: two roundings. Powers are rounded correctly, as the C
 * library's powf nearly always does, which PyTorch calls on processors without AVX2; its vector code is off
 * by an ulp now and then, and not in the same values on AVX2 as on AVX-512.
 */
#include "host/spec/scaling.h"
#include "host/spec/stacks.h"

static const double TWO_PI = 6.283185307179586477;

static float power_of(float base, float exponent) {
    return (float)pow((double)base, (double)exponent);
}

/* base ** (arange(0, 2 * pairs, 2) / dim) */
static void powers(double base, int32_t dim, int32_t pairs, float *power) {
    for (int32_t i = 0; i < pairs; i++) {
        power[i] = power_of((float)base, (float)(2 * i) / (float)dim);
    }
}

/* 1.0 / base ** (arange(0, 2 * pairs, 2) / dim) / divisor */
static void plain(double base, int32_t dim, int32_t pairs, double divisor, float *inv_freq) {
    powers(base, dim, pairs, inv_freq);
    for (int32_t i = 0; i < pairs; i++) {
        inv_freq[i] = 1.0f / inv_freq[i] / (float)divisor;
    }
}

/* While the length stays within max_length, Python's doubles; beyond it the length is a tensor. */
static double dynamic_base(const ropemap_spec *spec, int32_t dim) {
    const double factor = spec->scaling.factor, most = spec->scaling.max_length;
    const double exponent = (double)dim / (double)(dim - 2);
    if (spec->length <= most) {
        return spec->base * pow(factor * most / most - (factor - 1.0), exponent);
    }
    const float grown = (float)factor * (float)spec->length / (float)most - (float)(factor - 1.0);
    return (double)((float)spec->base * (float)pow((double)grown, exponent));
}

static float clamp(float x) {
    return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
}

static void yarn(const ropemap_spec *spec, int32_t pairs, float *inv_freq) {
    const ropemap_scaling *scaling = &spec->scaling;
    const rm_ramp_ends ends =
        rm_yarn_ends(spec->base, 2 * pairs, scaling->original_length, rm_given(scaling->beta_fast, 32.0),
                     rm_given(scaling->beta_slow, 1.0), scaling->untruncated);
    const double high = ends.low == ends.high ? ends.high + 0.001 : ends.high;
    const float factor = (float)rm_given(scaling->factor, scaling->max_length / scaling->original_length);
    powers(spec->base, 2 * pairs, pairs, inv_freq);
    for (int32_t i = 0; i < pairs; i++) {
        const float kept = 1.0f - clamp(((float)i - (float)ends.low) / (float)(high - ends.low));
        const float slow = 1.0f / (factor * inv_freq[i]), whole = 1.0f / inv_freq[i];
        inv_freq[i] = slow * (1.0f - kept) + whole * kept;
    }
}

static void longrope(const ropemap_spec *spec, int32_t pairs, float *inv_freq) {
    const double *divisors = rm_scaling_divisors(spec);
    powers(spec->base, 2 * pairs, pairs, inv_freq);
    for (int32_t i = 0; i < pairs; i++) {
        inv_freq[i] = 1.0f / ((float)divisors[i] * inv_freq[i]);
    }
}

static float llama3_one(const ropemap_scaling *scaling, float whole) {
    const double length = scaling->original_length, low = scaling->low_freq_factor;
    const float longest = (float)(length / low), shortest = (float)(length / scaling->high_freq_factor);
    const float factor = (float)scaling->factor;
    const float wave = 1.0f / whole * (float)TWO_PI;
    if (wave > longest) {
        return whole / factor;
    }
    if (wave < shortest) {
        return whole;
    }
    const float share = (1.0f / wave * (float)length - (float)low) / (float)(scaling->high_freq_factor - low);
    return (1.0f - share) * whole / factor + share * whole;
}

/* Pairs beyond the share that turns have frequency 0. */
static void proportional(const ropemap_spec *spec, int32_t pairs, float *inv_freq) {
    const int32_t turning = (int32_t)floor(spec->scaling.rotated * (double)spec->head_dim / 2.0);
    plain(spec->base, spec->head_dim, turning, rm_given(spec->scaling.factor, 1.0), inv_freq);
    for (int32_t i = turning; i < pairs; i++) {
        inv_freq[i] = 0.0f;
    }
}

/* One ladder of `pairs`. */
static bool ladder(const ropemap_spec *spec, int32_t pairs, float *inv_freq) {
    const ropemap_scaling *scaling = &spec->scaling;
    const int32_t dim = 2 * pairs;
    switch (scaling->rule) {
    case ROPEMAP_SCALING_NONE:
        plain(spec->base, dim, pairs, 1.0, inv_freq);
        return true;
    case ROPEMAP_SCALING_LINEAR:
        plain(spec->base, dim, pairs, scaling->factor, inv_freq);
        return true;
    case ROPEMAP_SCALING_DYNAMIC:
        plain(dim > 2 ? dynamic_base(spec, dim) : spec->base, dim, pairs, 1.0, inv_freq);
        return true;
    case ROPEMAP_SCALING_ALPHA:
        plain(dim > 2 ? spec->base * pow(scaling->alpha, (double)dim / (double)(dim - 2)) : spec->base, dim,
              pairs, 1.0, inv_freq);
        return true;
    case ROPEMAP_SCALING_YARN:
        if (scaling->ramp == ROPEMAP_RAMP_CODE) {
            yarn(spec, pairs, inv_freq);
        }
        return scaling->ramp == ROPEMAP_RAMP_CODE;
    case ROPEMAP_SCALING_LONGROPE:
        longrope(spec, pairs, inv_freq);
        return true;
    case ROPEMAP_SCALING_LLAMA3:
        plain(spec->base, dim, pairs, 1.0, inv_freq);
        for (int32_t i = 0; i < pairs; i++) {
            inv_freq[i] = llama3_one(scaling, inv_freq[i]);
        }
        return true;
    case ROPEMAP_SCALING_PROPORTIONAL:
        proportional(spec, pairs, inv_freq);
        return true;
    case ROPEMAP_SCALING_VISION_2D:
        plain(spec->base, dim / 2, pairs / 2, 1.0, inv_freq);
        for (int32_t i = 0; i < pairs / 2; i++) {
            inv_freq[pairs / 2 + i] = inv_freq[i];
        }
        return true;
    case ROPEMAP_SCALING_NTK:
    case ROPEMAP_SCALING_NTK_FIXED:
    case ROPEMAP_SCALING_NTK_MIXED:
    case ROPEMAP_SCALING_GGML:
    case ROPEMAP_SCALING_AXIAL:
        break;
    }
    return false;
}

/* Of the rules with axes the exact frequencies are dealt likewise (axes.c). */
bool rm_transformers_inv_freq(const ropemap_spec *spec, int32_t pairs, float *inv_freq) {
    const ropemap_axes *axes = &spec->axes;
    if (axes->count == 0 || (axes->deal != ROPEMAP_DEAL_LADDERS && axes->deal != ROPEMAP_DEAL_STRIDED)) {
        return ladder(spec, pairs, inv_freq);
    }
    bool known = true;
    if (axes->deal == ROPEMAP_DEAL_LADDERS) {
        for (int32_t axis = 0; axis < axes->count; axis++) {
            known = ladder(spec, axes->pairs[axis], inv_freq) && known;
            inv_freq += axes->pairs[axis];
        }
        return known;
    }
    float whole[ROPEMAP_MAX_PAIRS];
    known = ladder(spec, pairs, whole);
    for (int32_t axis = 0; known && axis < axes->count; axis++) {
        for (int32_t i = axis; i < pairs; i += axes->count) {
            *inv_freq++ = whole[i];
        }
    }
    return known;
}
