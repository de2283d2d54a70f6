/* emulation.c - angles, cosines and sines rounded as other stacks round them */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/rule/rule.h"
#include "host/rule/scaling.h"

#include <string.h>

/*
 * Sources: ggml_rope_yarn_corr_dims in ggml/src/ggml.c, rope_yarn and its ramp in ggml/src/ggml-cpu/ops.cpp,
 * the attention factor in src/llama-context.cpp. Logarithms and powers are rounded correctly.
 */

/* Divides the angles of pairs that do not rotate, as llama.cpp's converter writes it into rope_freqs. */
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
        const double scaled = schedule->radians[i].high;
        rope->divisor[i] = scaled == 0.0 ? NEVER : (float)(plain / scaled);
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

/* The parameters that llama.cpp has for a rule; where it has none, divisors, as its converter writes them. */
static void make_ggml(const ropemap_spec *spec, const rm_schedule *schedule, rm_ggml_rope *rope) {
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

/*
 * Where transformers has a Python float, this code has a double, rounded when it meets a tensor. PyTorch
 * computes number / tensor as reciprocal(tensor) * number: two roundings. Powers are rounded correctly, as
 * the C library's powf nearly always does, which PyTorch calls on CPUs without AVX2. Its vector code is off
 * by an ulp now and then, in different values on AVX2 than on AVX-512 (9 of 936 in PyTorch's default
 * ladders).
 */

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

/* Pairs beyond the share that rotates have frequency 0. */
static void proportional(const ropemap_spec *spec, int32_t pairs, float *inv_freq) {
    const int32_t rotating = (int32_t)floor(spec->scaling.rotated * (double)spec->head_dim / 2.0);
    plain(spec->base, spec->head_dim, rotating, rm_given(spec->scaling.factor, 1.0), inv_freq);
    for (int32_t i = rotating; i < pairs; i++) {
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

/*
 * transformers' inv_freq (modeling_rope_utils.py 5.24.0, and for `alpha` modeling_hunyuan_v1_dense.py).
 * false, and nothing written, for a rule that it does not have.
 */
/* Axes are dealt as those of the exact frequencies are (position_axes.c). */
static bool transformers_inv_freq(const ropemap_spec *spec, int32_t pairs, float *inv_freq) {
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

static const char *const NAMES[] = {"exact",       "fp32freq",      "hf-fp32",     "ggml-fp32",
                                    "bf16-tables", "bf16-inv-freq", "bf16-angles", "fp16-angles"};

const char *ropemap_phase_name(ropemap_phase phase) {
    return (unsigned)phase < sizeof NAMES / sizeof NAMES[0] ? NAMES[phase] : NULL;
}

/* The nearest float, ties to even: where `high` lies in the middle of two floats, `low` decides. */
static float float_of(rm_twofold value) {
    const float near = (float)value.high;
    const double error = value.high - (double)near;
    const float other = nextafterf(near, error > 0.0 ? INFINITY : -INFINITY);
    const bool tie = error != 0.0 && (double)other - value.high == error;
    const bool beyond = error > 0.0 ? value.low > 0.0 : value.low < 0.0;
    return tie && beyond ? other : near;
}

/* A float without its last `dropped` bits, to the nearest, ties to even. */
static float shortened(float value, unsigned dropped) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t unit = UINT32_C(1) << dropped;
    bits = (bits + (unit / 2 - 1) + (bits >> dropped & 1u)) & ~(unit - 1);
    memcpy(&value, &bits, sizeof bits);
    return value;
}

/* Rounded to bfloat16. */
static float bfloat_of(float value) {
    return shortened(value, 16);
}

/* Rounded to float16, which ends at 65,504 and below 2^-14 has the multiples of 2^-24. */
static float half_of(float value) {
    const float size = fabsf(value);
    return size < 0x1p-14f   ? rintf(value * 0x1p24f) * 0x1p-24f
           : size < 65520.0f ? shortened(value, 13)
                             : copysignf(INFINITY, value);
}

static void fill_transformers(const ropemap_spec *spec, rm_emulation *stack) {
    if (spec->frequencies == NULL) { /* a table is in float32 already */
        (void)transformers_inv_freq(spec, stack->pairs, stack->inv_freq);
    }
    const bool bfloat =
        stack->phase == ROPEMAP_PHASE_BF16_INV_FREQ || stack->phase == ROPEMAP_PHASE_BF16_ANGLES;
    for (int32_t i = 0; i < stack->pairs; i++) {
        const float whole = stack->inv_freq[i];
        stack->inv_freq[i] = bfloat                                      ? bfloat_of(whole)
                             : stack->phase == ROPEMAP_PHASE_FP16_ANGLES ? half_of(whole)
                                                                         : whole;
    }
}

static void fill_ggml(const ropemap_spec *spec, const rm_schedule *schedule, rm_emulation *stack) {
    float theta = 1.0f;
    make_ggml(spec, schedule, &stack->ggml);
    for (int32_t i = 0; i < stack->pairs; i++) {
        stack->inv_freq[i] = rm_ggml_angle(&stack->ggml, i, theta);
        theta *= stack->ggml.theta_scale;
    }
    stack->attention = stack->ggml.mscale;
}

static void fill(const ropemap_spec *spec, rm_schedule *schedule, rm_emulation *stack) {
    for (int32_t i = 0; i < schedule->pairs; i++) {
        stack->inv_freq[i] = float_of(schedule->radians[i]);
    }
    switch (stack->phase) {
    case ROPEMAP_PHASE_FP32FREQ:
        for (int32_t i = 0; i < schedule->pairs; i++) {
            schedule->radians[i] = rm_twofold_of((double)stack->inv_freq[i]);
        }
        rm_schedule_freqs(schedule, &stack->freqs);
        break;
    case ROPEMAP_PHASE_HF_FP32:
    case ROPEMAP_PHASE_BF16_TABLES:
    case ROPEMAP_PHASE_BF16_INV_FREQ:
    case ROPEMAP_PHASE_BF16_ANGLES:
    case ROPEMAP_PHASE_FP16_ANGLES:
        fill_transformers(spec, stack);
        break;
    case ROPEMAP_PHASE_GGML_FP32:
        fill_ggml(spec, schedule, stack);
        break;
    case ROPEMAP_PHASE_EXACT:
        rm_schedule_freqs(schedule, &stack->freqs);
        break;
    }
}

/* llama.cpp has one ladder of frequencies; how others round coordinates from -1 to 1 is unknown. */
static ropemap_status check_axes(const ropemap_spec *spec, ropemap_phase phase, ropemap_error *error) {
    const bool apart = ropemap_axes_apart(&spec->axes), exact = phase <= ROPEMAP_PHASE_FP32FREQ;
    const bool unit = apart && spec->axes.deal == ROPEMAP_DEAL_UNIT;
    if (!apart || exact || (phase != ROPEMAP_PHASE_GGML_FP32 && !unit)) {
        return ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_USAGE, "phase: %s is not known for axes dealt as %s; use exact or fp32freq",
                   ropemap_phase_name(phase), ropemap_deal_name(spec->axes.deal));
}

ropemap_status rm_emulation_make(const ropemap_spec *spec, ropemap_phase phase, rm_emulation *stack,
                                 ropemap_error *error) {
    if (ropemap_phase_name(phase) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "phase: no number %d; there are %d, from %s to %s", (int)phase,
                       (int)(sizeof NAMES / sizeof NAMES[0]), NAMES[0],
                       NAMES[sizeof NAMES / sizeof NAMES[0] - 1]);
    }
    rm_schedule schedule;
    RM_TRY(check_axes(spec, phase, error));
    RM_TRY(ropemap_spec_check(spec, error));
    RM_TRY(rm_schedule_make(spec, &schedule, error));
    stack->phase = phase;
    stack->pairs = schedule.pairs;
    stack->attention = (float)schedule.attention;
    fill(spec, &schedule, stack);
    rm_free(schedule.radians);
    return ROPEMAP_OK;
}

ropemap_status ropemap_phase_inv_freq(const ropemap_spec *spec, ropemap_phase phase, float *inv_freq,
                                      float *attention, ropemap_error *error) {
    rm_emulation *stack = rm_alloc(1, sizeof *stack);
    if (stack == NULL) {
        return rm_fail_memory(error, "inverse frequencies", sizeof *stack);
    }
    const ropemap_status status = rm_emulation_make(spec, phase, stack, error);
    if (status == ROPEMAP_OK) {
        memcpy(inv_freq, stack->inv_freq, (size_t)stack->pairs * sizeof *inv_freq);
        *attention = stack->attention;
    }
    rm_free(stack);
    return status;
}
