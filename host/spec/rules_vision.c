/* rules_vision.c - rules for the axes of images */
/* SPDX-License-Identifier: MIT */
#include "host/spec/scaling.h"

/* Half of the pairs turn with one axis and half with the other, each like a head of half the size. */
void rm_rule_vision_2d(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const int32_t half = pairs / 2;
    (void)attention;
    rm_plain_frequencies(spec->base, half, radians);
    for (int32_t i = 0; i < half; i++) {
        radians[half + i] = radians[i];
    }
}

/* pi (1 + i (F/2 - 1) / (D/2 - 1)) radians for each unit of a coordinate that takes `points` steps from -1
 * to 1. */
void rm_rule_axial(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention) {
    const double last = spec->scaling.max_freq / 2.0, step = 2.0 / (spec->scaling.points - 1.0);
    const rm_twofold pi = {.high = 0x1.921fb54442d18p+1, .low = 0x1.1a62633145c07p-53};
    (void)attention;
    for (int32_t i = 0; i < pairs; i++) {
        const double share = pairs > 1 ? (double)i / (double)(pairs - 1) : 0.0;
        radians[i] = rm_twofold_mul(pi, rm_twofold_of((1.0 + share * (last - 1.0)) * step));
    }
}
