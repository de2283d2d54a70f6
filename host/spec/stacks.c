/* stacks.c - what a stack in use makes of a rule before it sees a position, in float32 and its own order */
/* SPDX-License-Identifier: MIT */
#include "host/spec/stacks.h"

#include "host/base/alloc.h"

#include <string.h>

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

static void fill_transformers(const ropemap_spec *spec, rm_stack *stack) {
    if (spec->frequencies == NULL) { /* a table is in float32 already */
        (void)rm_transformers_inv_freq(spec, stack->pairs, stack->inv_freq);
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

static void fill_ggml(const ropemap_spec *spec, const rm_schedule *schedule, rm_stack *stack) {
    float theta = 1.0f;
    rm_ggml_make(spec, schedule, &stack->ggml);
    for (int32_t i = 0; i < stack->pairs; i++) {
        stack->inv_freq[i] = rm_ggml_angle(&stack->ggml, i, theta);
        theta *= stack->ggml.theta_scale;
    }
    stack->attention = stack->ggml.mscale;
}

static void fill(const ropemap_spec *spec, rm_schedule *schedule, rm_stack *stack) {
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

/* llama.cpp multiplies its way up one ladder; what rounds coordinates from -1 to 1 is not known here. */
static ropemap_status check_axes(const ropemap_spec *spec, ropemap_phase phase, ropemap_error *error) {
    const bool apart = ropemap_axes_apart(&spec->axes), exact = phase <= ROPEMAP_PHASE_FP32FREQ;
    const bool unit = apart && spec->axes.deal == ROPEMAP_DEAL_UNIT;
    if (!apart || exact || (phase != ROPEMAP_PHASE_GGML_FP32 && !unit)) {
        return ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_USAGE, "phase: %s has no such axes (%s): take exact or fp32freq",
                   ropemap_phase_name(phase), ropemap_deal_name(spec->axes.deal));
}

ropemap_status rm_stack_make(const ropemap_spec *spec, ropemap_phase phase, rm_stack *stack,
                             ropemap_error *error) {
    if (ropemap_phase_name(phase) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "phase: there is no number %d, expected one of the %d from %s to %s", (int)phase,
                       (int)(sizeof NAMES / sizeof NAMES[0]), NAMES[0],
                       NAMES[sizeof NAMES / sizeof NAMES[0] - 1]);
    }
    rm_schedule schedule;
    RM_TRY(check_axes(spec, phase, error));
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
    rm_stack *stack = rm_alloc(1, sizeof *stack);
    if (stack == NULL) {
        return rm_fail_memory(error, "frequencies", sizeof *stack);
    }
    const ropemap_status status = rm_stack_make(spec, phase, stack, error);
    if (status == ROPEMAP_OK) {
        memcpy(inv_freq, stack->inv_freq, (size_t)stack->pairs * sizeof *inv_freq);
        *attention = stack->attention;
    }
    rm_free(stack);
    return status;
}
