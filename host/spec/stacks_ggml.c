/* stacks_ggml.c - a rule as llama.cpp's parameters, computed in its float32 */
/* SPDX-License-Identifier: MIT */
/*
 * Sources: ggml_rope_yarn_corr_dims in ggml/src/ggml.c, rope_yarn and its ramp in ggml/src/ggml-cpu/ops.cpp,
 * the attention factor in src/llama-context.cpp. Logarithms and powers are rounded correctly.
 */
#include "host/spec/scaling.h"
#include "host/spec/stacks.h"

/* Divides the angles of pairs that do not turn; llama.cpp's converter writes the same into rope_freqs. */
static const float NEVER = 1e30f;

static float log_of(float x) {
    return (float)log((double)x);
}

/* What llama.cpp calls get_mscale, and in rope_yarn what cosines grow by (k = 1). */
static float gain(float factor, float k) {
    return factor <= 1.0f ? 1.0f : 0.1f * k * log_of(factor) + 1.0f;
}

/* rope_yarn will multiply by 1 + 0.1 ln(factor), so llama.cpp divides by that first. */
static float yarn_attention(const ropemap_scaling *scaling, float factor) {
    const float k = (float)scaling->mscale, all = (float)scaling->mscale_all_dim;
    const float wanted = scaling->attention_factor != 0.0 ? (float)scaling->attention_factor
                         : k != 0.0f && all != 0.0f       ? gain(factor, k) / gain(factor, all)
                                                          : gain(factor, 1.0f);
    return wanted * (1.0f / (1.0f + 0.1f * log_of(factor)));
}

static float end_of_ramp(double turns, double length, double base, int32_t dims) {
    const float two_pi_turns = (float)turns * 2.0f * 3.14159274f;
    return (float)dims * log_of((float)length / two_pi_turns) / (2.0f * log_of((float)base));
}

/* How much of each pair is not interpolated, and what cosines grow by with that. */
static void extend(const ropemap_spec *spec, int32_t pairs, rm_ggml_rope *rope) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double length = scaling->original_length;
    const int32_t dims = 2 * pairs;
    const float low =
        fmaxf(0.0f, floorf(end_of_ramp(rm_given(scaling->beta_fast, 32.0), length, spec->base, dims)));
    const float high = fminf((float)(dims - 1),
                             ceilf(end_of_ramp(rm_given(scaling->beta_slow, 1.0), length, spec->base, dims)));
    for (int32_t i = 0; i < pairs; i++) {
        const float ramp = ((float)i - low) / fmaxf(0.001f, high - low);
        rope->kept[i] = (1.0f - fminf(1.0f, fmaxf(0.0f, ramp))) * rope->ext_factor;
    }
    rope->mscale *= 1.0f + 0.1f * log_of(1.0f / rope->freq_scale);
}

/* Divisors that make the rule of plain frequencies. */
static void divide(double base, const rm_schedule *schedule, rm_ggml_rope *rope) {
    for (int32_t i = 0; i < schedule->pairs; i++) {
        const double plain = pow(base, -(double)i / (double)schedule->pairs);
        const double turned = schedule->radians[i].high;
        rope->divisor[i] = turned == 0.0 ? NEVER : (float)(plain / turned);
    }
}

static double grown_base(const ropemap_spec *spec, int32_t pairs) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double most = scaling->max_length, length = fmax(spec->length, most);
    const double growth = scaling->rule == ROPEMAP_SCALING_ALPHA ? scaling->alpha
                          : scaling->rule == ROPEMAP_SCALING_NTK
                              ? scaling->factor
                              : scaling->factor * length / most - (scaling->factor - 1.0);
    return pairs < 2 ? spec->base : spec->base * pow(growth, (double)pairs / (double)(pairs - 1));
}

/* llama.cpp's own parameters. */
static void take(const ropemap_scaling *scaling, const double *divisors, int32_t pairs, rm_ggml_rope *rope) {
    rope->freq_scale = (float)rm_given(scaling->freq_scale, 1.0);
    rope->ext_factor = (float)scaling->ext_factor;
    rope->mscale = (float)rm_given(scaling->attn_factor, 1.0);
    for (int32_t i = 0; i < pairs && scaling->list_count > 0; i++) {
        rope->divisor[i] = (float)divisors[i];
    }
}

void rm_ggml_make(const ropemap_spec *spec, const rm_schedule *schedule, rm_ggml_rope *rope) {
    const ropemap_scaling *scaling = &spec->scaling;
    const int32_t pairs = schedule->pairs;
    double base = spec->frequencies == NULL ? spec->base : ropemap_spec_default().base;
    rope->freq_scale = 1.0f;
    rope->ext_factor = 0.0f;
    rope->mscale = (float)schedule->attention;
    for (int32_t i = 0; i < pairs; i++) {
        rope->divisor[i] = 1.0f;
        rope->kept[i] = 0.0f;
    }
    switch (scaling->rule) {
    case ROPEMAP_SCALING_NONE:
        if (spec->frequencies != NULL) { /* its loader takes divisors, of any base */
            divide(base, schedule, rope);
        }
        break;
    case ROPEMAP_SCALING_LINEAR:
        rope->freq_scale = 1.0f / (float)scaling->factor;
        break;
    case ROPEMAP_SCALING_NTK:
    case ROPEMAP_SCALING_DYNAMIC:
    case ROPEMAP_SCALING_ALPHA:
        base = grown_base(spec, pairs);
        break;
    case ROPEMAP_SCALING_GGML:
        take(scaling, rm_scaling_divisors(spec), pairs, rope);
        break;
    case ROPEMAP_SCALING_YARN:
        if (scaling->ramp == ROPEMAP_RAMP_CODE && !scaling->untruncated) {
            rope->freq_scale =
                1.0f / (float)rm_given(scaling->factor, scaling->max_length / scaling->original_length);
            rope->ext_factor = 1.0f;
            rope->mscale = yarn_attention(scaling, 1.0f / rope->freq_scale);
            break;
        }
        divide(base, schedule, rope);
        break;
    case ROPEMAP_SCALING_LONGROPE:
    case ROPEMAP_SCALING_LLAMA3:
    case ROPEMAP_SCALING_PROPORTIONAL:
    case ROPEMAP_SCALING_NTK_FIXED:
    case ROPEMAP_SCALING_NTK_MIXED:
    case ROPEMAP_SCALING_VISION_2D:
    case ROPEMAP_SCALING_AXIAL:
        divide(base, schedule, rope);
        break;
    }
    rope->theta_scale = (float)pow((double)(float)base, (double)(-2.0f / (float)(2 * pairs)));
    if (rope->ext_factor != 0.0f) {
        extend(spec, pairs, rope);
    }
}
