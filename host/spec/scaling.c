/* scaling.c - the table of scaling rules: a rule is one function and one row */
/* SPDX-License-Identifier: MIT */
#include "host/spec/scaling.h"

#include <stddef.h>
#include <string.h>

#define FIELD(name) offsetof(ropemap_scaling, name)

/* Key, kind, field, least and greatest value, those in use, and the value where none is given. */
static const rm_parameter factor = {"factor", RM_PARAMETER_NUMBER, FIELD(factor), 1.0, 1e9, 1.0, 64.0, 0.0};
static const rm_parameter original = {
    "original", RM_PARAMETER_TOKENS, FIELD(original_length), 2.0, 0x1p40, 512.0, 1048576.0, 0.0};
static const rm_parameter max_length = {
    "max", RM_PARAMETER_TOKENS, FIELD(max_length), 1.0, 0x1p40, 512.0, 1048576.0, 0.0};
static const rm_parameter low = {"low", RM_PARAMETER_NUMBER, FIELD(low_freq_factor), 1e-6, 1e6, 0.25, 8.0,
                                 0.0};
static const rm_parameter high = {"high", RM_PARAMETER_NUMBER, FIELD(high_freq_factor), 1e-6, 1e6, 1.0, 32.0,
                                  0.0};
static const rm_parameter beta_fast = {
    "beta-fast", RM_PARAMETER_NUMBER, FIELD(beta_fast), 1e-6, 1e9, 8.0, 128.0, 32.0};
static const rm_parameter beta_slow = {
    "beta-slow", RM_PARAMETER_NUMBER, FIELD(beta_slow), 1e-6, 1e9, 0.25, 8.0, 1.0};
static const rm_parameter untruncated = {
    "untruncated", RM_PARAMETER_FLAG, FIELD(untruncated), 0.0, 1.0, 0.0, 0.0, 0.0};
static const rm_parameter ramp = {"ramp", RM_PARAMETER_RAMP, FIELD(ramp), 0.0, 1.0, 0.0, 0.0, 0.0};
static const rm_parameter attention = {
    "attention", RM_PARAMETER_NUMBER, FIELD(attention_factor), 1e-6, 1e6, 0.5, 4.0, 0.0};
static const rm_parameter mscale = {"mscale", RM_PARAMETER_NUMBER, FIELD(mscale), 1e-6, 1e6, 0.1, 2.0, 0.0};
static const rm_parameter mscale_all = {
    "mscale-all-dim", RM_PARAMETER_NUMBER, FIELD(mscale_all_dim), 1e-6, 1e6, 0.1, 2.0, 0.0};
static const rm_parameter rotated = {"rotated", RM_PARAMETER_NUMBER, FIELD(rotated), 1e-6, 1.0, 0.05, 1.0,
                                     0.0};
static const rm_parameter mixed_b = {"b", RM_PARAMETER_NUMBER, FIELD(mixed_b), 1e-6, 1e3, 0.1, 1.0, 0.0};
static const rm_parameter alpha = {"alpha", RM_PARAMETER_NUMBER, FIELD(alpha), 1.0, 1e9, 1.0, 2000.0, 0.0};
static const rm_parameter freq_scale = {
    "scale", RM_PARAMETER_NUMBER, FIELD(freq_scale), 1e-9, 1.0, 0.015625, 1.0, 1.0};
static const rm_parameter ext_factor = {"ext", RM_PARAMETER_NUMBER, FIELD(ext_factor), 0.0, 1.0, 0.0, 1.0,
                                        0.0};
static const rm_parameter attn_factor = {"attn", RM_PARAMETER_NUMBER, FIELD(attn_factor), 1e-6, 1e6, 0.5, 4.0,
                                         1.0};
static const rm_parameter max_freq = {"max-freq", RM_PARAMETER_NUMBER, FIELD(max_freq), 2.0, 1e9, 2.0, 512.0,
                                      0.0};
static const rm_parameter points = {"points", RM_PARAMETER_NUMBER, FIELD(points), 2.0, 0x1p24, 2.0, 256.0,
                                    0.0};
static const rm_parameter use = {"use", RM_PARAMETER_USE, FIELD(factors), 0.0, 2.0, 0.0, 0.0, 0.0};
static const rm_parameter short_list = {"short", RM_PARAMETER_LIST, FIELD(short_factors), 0.2, 1e9, 0.0, 0.0,
                                        0.0};
static const rm_parameter long_list = {"long", RM_PARAMETER_LIST, FIELD(long_factors), 0.2, 1e9, 0.0, 0.0,
                                       0.0};
static const rm_parameter divisors = {"divisors", RM_PARAMETER_LIST, FIELD(long_factors), 0.2, 1e30, 0.0, 0.0,
                                      0.0};

/* Every field of ropemap_scaling that a rule may take, once. */
static const rm_parameter *const parameters[] = {
    &factor,     &original,    &max_length, &low,      &high,    &beta_fast,  &beta_slow,  &untruncated,
    &ramp,       &attention,   &mscale,     &rotated,  &mixed_b, &alpha,      &mscale_all, &freq_scale,
    &ext_factor, &attn_factor, &use,        &max_freq, &points,  &short_list, &long_list,  NULL,
};

const rm_parameter *rm_parameter_at(int index) {
    return parameters[index];
}

/* ---- what the table cannot say */

static ropemap_status check_yarn(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_scaling *scaling = &spec->scaling;
    const double fast = rm_given(scaling->beta_fast, 32.0), slow = rm_given(scaling->beta_slow, 1.0);
    if (scaling->rule == ROPEMAP_SCALING_GGML) {
        if (scaling->ext_factor != 0.0 && scaling->original_length == 0.0) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling ggml: original is missing, expected with ext");
        }
    } else if (scaling->factor == 0.0 && scaling->max_length < scaling->original_length) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "scaling yarn: factor is missing, expected factor=NUMBER or max=NUMBER of at least the "
            "original length, %g",
            scaling->original_length);
    }
    return fast >= slow ? ROPEMAP_OK
                        : rm_fail(error, ROPEMAP_USAGE,
                                  "scaling: beta-fast is %g, expected at least beta-slow, %g", fast, slow);
}

static ropemap_status check_llama3(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_scaling *scaling = &spec->scaling;
    return scaling->high_freq_factor >= scaling->low_freq_factor
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "scaling llama3: high is %g, expected at least low, %g",
                         scaling->high_freq_factor, scaling->low_freq_factor);
}

static ropemap_status check_longrope(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_scaling *scaling = &spec->scaling;
    if (scaling->factor == 0.0 && scaling->max_length == 0.0 && scaling->attention_factor == 0.0) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "scaling longrope: expected one of factor, max and attention, which say by how much cosines "
            "grow");
    }
    return ROPEMAP_OK;
}

static ropemap_status check_proportional(const ropemap_spec *spec, ropemap_error *error) {
    return spec->rotary_dim == 0 || spec->rotary_dim == spec->head_dim
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "scaling proportional: rotary-dim is %d, expected the head dim, %d: `rotated` says "
                         "what turns",
                         (int)spec->rotary_dim, (int)spec->head_dim);
}

static ropemap_status check_vision(const ropemap_spec *spec, ropemap_error *error) {
    const int32_t dim = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    return dim % 4 == 0
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "scaling vision-2d: %d elements rotate, expected a multiple of 4", (int)dim);
}

/* ---- the rules, in the order of ropemap_scaling_rule */

static const rm_scaling_row rows[] = {
    {.name = "none", .does = "base^(-2i/D), unscaled", .rule = rm_rule_none},
    {.name = "linear",
     .does = "frequencies divided by the factor (position interpolation)",
     .takes = {{&factor, true}},
     .rule = rm_rule_linear},
    {.name = "ntk",
     .does = "base times factor^(D/(D-2)) (NTK-aware, static)",
     .takes = {{&factor, true}},
     .rule = rm_rule_ntk},
    {.name = "dynamic",
     .does = "the same, growing with the length beyond max",
     .takes = {{&factor, true}, {&max_length, true}},
     .rule = rm_rule_dynamic},
    {.name = "yarn",
     .does = "slow pairs divided by the factor, fast ones kept, cosines times 0.1 ln(factor) + 1",
     .takes = {{&factor, false},
               {&original, true},
               {&max_length, false},
               {&beta_fast, false},
               {&beta_slow, false},
               {&untruncated, false},
               {&ramp, false},
               {&attention, false},
               {&mscale, false},
               {&mscale_all, false}},
     .rule = rm_rule_yarn,
     .check = check_yarn},
    {.name = "longrope",
     .does = "a divisor for each pair, of two lists by the length",
     .takes = {{&original, true},
               {&short_list, true},
               {&long_list, true},
               {&max_length, false},
               {&factor, false},
               {&attention, false},
               {&use, false}},
     .rule = rm_rule_longrope,
     .check = check_longrope},
    {.name = "llama3",
     .does = "slow pairs divided by the factor, fast ones kept (Llama 3.1)",
     .takes = {{&factor, true}, {&low, true}, {&high, true}, {&original, true}},
     .rule = rm_rule_llama3,
     .check = check_llama3},
    {.name = "proportional",
     .does = "only the first share of the pairs turns (p-RoPE)",
     .takes = {{&rotated, true}, {&factor, false}},
     .rule = rm_rule_proportional,
     .check = check_proportional},
    {.name = "ntk-fixed",
     .does = "(base factor)^(-2i/D) / factor^(2/D) (vLLM)",
     .takes = {{&factor, true}},
     .rule = rm_rule_ntk_fixed},
    {.name = "ntk-mixed",
     .does = "divided by factor^(((i+1)/(D/2))^b) (vLLM)",
     .takes = {{&factor, true}, {&mixed_b, true}},
     .rule = rm_rule_ntk_mixed},
    {.name = "alpha",
     .does = "base times alpha^(D/(D-2)) (Hunyuan)",
     .takes = {{&alpha, true}},
     .rule = rm_rule_alpha},
    {.name = "ggml",
     .does = "llama.cpp's freq_scale, ext_factor, attn_factor and freq_factors",
     .takes = {{&freq_scale, false},
               {&ext_factor, false},
               {&attn_factor, false},
               {&original, false},
               {&beta_fast, false},
               {&beta_slow, false},
               {&use, false},
               {&divisors, false}},
     .rule = rm_rule_ggml,
     .check = check_yarn},
    {.name = "vision-2d",
     .does = "two axes of an image: half of the pairs each, base^(-4i/D) (Llama 4)",
     .rule = rm_rule_vision_2d,
     .check = check_vision},
    {.name = "axial",
     .does = "evenly spaced frequencies, pi to pi max-freq/2, over coordinates from -1 to 1",
     .takes = {{&max_freq, true}, {&points, true}},
     .rule = rm_rule_axial},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const rm_scaling_row *rm_scaling_find(ropemap_scaling_rule rule) {
    return (unsigned)rule < ROW_COUNT ? &rows[rule] : NULL;
}

const char *ropemap_scaling_name(ropemap_scaling_rule rule) {
    const rm_scaling_row *row = rm_scaling_find(rule);
    return row == NULL ? NULL : row->name;
}
