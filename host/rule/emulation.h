/* emulation.h - angles, cosines and sines rounded as other stacks round them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_RULE_EMULATION_H
#define ROPEMAP_HOST_RULE_EMULATION_H

#include "host/rule/rule.h"

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
