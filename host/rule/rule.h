/* rule.h - a rule: defaults, check, its axes, and its frequencies in turns a token */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_RULE_RULE_H
#define ROPEMAP_HOST_RULE_RULE_H

#include "host/base/status.h"
#include "host/rule/scaling.h"

typedef struct rm_schedule {
    int32_t pairs;
    double attention;
    rm_twofold *radians; /* [pairs], a token */
} rm_schedule;

/* Computes a rule that was checked; the caller frees `radians` with rm_free. ROPEMAP_RESOURCES. */
ropemap_status rm_schedule_make(const ropemap_spec *spec, rm_schedule *schedule, ropemap_error *error);

/* The frequencies of a schedule in the form that backends take. */
void rm_schedule_freqs(const rm_schedule *schedule, ropemap_freqs *freqs);

/* As ropemap_freqs_make, of a rule that was checked. ROPEMAP_RESOURCES. */
ropemap_status rm_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs, ropemap_error *error);

/* ---- axes: how pairs and frequencies are dealt to several of them */

/* ROPEMAP_USAGE for two axes or more that do not add up to the rotating pairs, or do not combine with the
 * scaling. */
ropemap_status rm_axes_check(const ropemap_spec *spec, ropemap_error *error);

/* ROPEMAP_USAGE where a rule has several axes: for work that has one position a token. */
ropemap_status rm_axes_refuse(const ropemap_spec *spec, const char *work, ropemap_error *error);

/* The frequencies of a rule with axes apart, dealt to them: radians [pairs] from room for [2 * pairs]. */
void rm_axes_frequencies(const ropemap_spec *spec, rm_rule *rule, int32_t pairs, rm_twofold *radians,
                         double *attention);

/* ---- emulation.c: angles, cosines and sines rounded as other stacks round them */

/*
 * The parameters of llama.cpp's rope_yarn (ggml/src/ggml-cpu/ops.cpp). The angle of pair i begins as the
 * position, to which theta_scale is multiplied i times.
 */
typedef struct rm_ggml_rope {
    float theta_scale, freq_scale, ext_factor;
    float mscale;                     /* of cosines and sines */
    float divisor[ROPEMAP_MAX_PAIRS]; /* [pairs] freq_factors */
    float kept[ROPEMAP_MAX_PAIRS];    /* [pairs] ramp_mix, where ext_factor != 0 */
} rm_ggml_rope;

/* The angle of a pair from its product `theta`, radians. */
static inline float rm_ggml_angle(const rm_ggml_rope *rope, int32_t pair, float theta) {
    const float whole = theta / rope->divisor[pair], scaled = rope->freq_scale * whole;
    const float kept = rope->kept[pair];
    return rope->ext_factor == 0.0f ? scaled : scaled * (1.0f - kept) + whole * kept;
}

/* All that the phases need; which of the three parts is filled depends on `phase`. */
typedef struct rm_emulation {
    ropemap_phase phase;
    int32_t pairs;
    float attention;
    float inv_freq[ROPEMAP_MAX_PAIRS]; /* [pairs], always: radians at position 1 */
    ropemap_freqs freqs;               /* exact, fp32freq */
    rm_ggml_rope ggml;                 /* ggml-fp32 */
} rm_emulation;

/* ROPEMAP_USAGE where the rule or the phase does not exist, ROPEMAP_RESOURCES. */
ropemap_status rm_emulation_make(const ropemap_spec *spec, ropemap_phase phase, rm_emulation *stack,
                                 ropemap_error *error);

#endif
