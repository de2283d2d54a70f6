/* schedule.c - a rule's frequencies as whole numbers of 2^-96 turns a token */
/* SPDX-License-Identifier: MIT */
#include "host/spec/schedule.h"
#include "host/base/alloc.h"
#include "host/spec/axes.h"
#include "host/spec/scaling.h"

/* Splits turns >= 0 into units of 2^-64 and, rounded to nearest, of 2^-96; whole turns are none. */
static void split_forward(rm_twofold turns, uint64_t *step, uint32_t *fine) {
    const double scaled = (turns.high - floor(turns.high)) * 0x1p64, whole = floor(scaled);
    const double rest = (scaled - whole) + turns.low * 0x1p64; /* within +-2^9: half an ulp of 0.16
                                                                         turns; of 160,000 +-2^29 */
    const double carry = floor(rest);
    const uint64_t units = (uint64_t)((rest - carry) * 0x1p32 + 0.5); /* may be 2^32, which carries */
    *step = (uint64_t)whole + (uint64_t)(int64_t)carry + (units >> 32);
    *fine = (uint32_t)units;
}

/* Turns the other way are what is missing to a whole one. */
static void split_turns(rm_twofold turns, uint64_t *step, uint32_t *fine) {
    if (turns.high >= 0.0) {
        split_forward(turns, step, fine);
        return;
    }
    split_forward(rm_twofold_negative(turns), step, fine);
    *fine = (uint32_t)(UINT64_C(0x100000000) - *fine);
    *step = UINT64_MAX - *step + (*fine == 0 ? 1u : 0u);
}

ropemap_status rm_schedule_make(const ropemap_spec *spec, rm_schedule *schedule, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(spec, error));
    const int32_t pairs = (spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim) / 2;
    rm_twofold *radians = rm_alloc(2 * (uint64_t)pairs, sizeof *radians);
    if (radians == NULL) {
        return rm_fail_memory(error, "frequencies", 2 * (uint64_t)pairs * sizeof *radians);
    }
    *schedule = (rm_schedule){.pairs = pairs, .attention = 1.0, .radians = radians};
    if (spec->frequencies == NULL) {
        rm_axes_frequencies(spec, rm_scaling_find(spec->scaling.rule)->rule, pairs, radians,
                            &schedule->attention);
        return ROPEMAP_OK;
    }
    for (int32_t i = 0; i < pairs; i++) {
        radians[i] = rm_twofold_of(spec->frequencies->radians[i]);
    }
    schedule->attention = rm_given(spec->scaling.attention_factor, 1.0);
    return ROPEMAP_OK;
}

void rm_schedule_freqs(const rm_schedule *schedule, ropemap_freqs *freqs) {
    *freqs = (ropemap_freqs){.pairs = schedule->pairs, .attention_factor = schedule->attention};
    for (int32_t i = 0; i < schedule->pairs; i++) {
        split_turns(rm_twofold_mul(schedule->radians[i], rm_turns_per_radian), &freqs->step[i],
                    &freqs->fine[i]);
    }
}

ropemap_status ropemap_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs, ropemap_error *error) {
    rm_schedule schedule;
    RM_TRY(rm_schedule_make(spec, &schedule, error));
    rm_schedule_freqs(&schedule, freqs);
    rm_free(schedule.radians);
    return ROPEMAP_OK;
}

ropemap_status ropemap_spec_radians(const ropemap_spec *spec, double *radians, ropemap_error *error) {
    rm_schedule schedule;
    RM_TRY(rm_schedule_make(spec, &schedule, error));
    for (int32_t i = 0; i < schedule.pairs; i++) {
        radians[i] = schedule.radians[i].high;
    }
    rm_free(schedule.radians);
    return ROPEMAP_OK;
}
