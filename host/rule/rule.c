/* rule.c - a rule: defaults, check, and its frequencies in turns a token */
/* SPDX-License-Identifier: MIT */
#include "host/rule/rule.h"
#include "host/base/alloc.h"
#include "host/rule/scaling.h"

#include <inttypes.h>

int32_t rm_spec_pairs(const ropemap_spec *spec) {
    return (spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim) / 2;
}

/* Splits turns >= 0 into units of 2^-64 and, rounded to nearest, of 2^-96; whole turns drop out. */
static void split_forward(rm_twofold turns, uint64_t *step, uint32_t *fine) {
    const double scaled = (turns.high - floor(turns.high)) * 0x1p64, whole = floor(scaled);
    const double rest = (scaled - whole) + turns.low * 0x1p64; /* within +-2^9: half an ulp of 0.16
                                                                         turns; of 160,000 +-2^29 */
    const double carry = floor(rest);
    const uint64_t units = (uint64_t)((rest - carry) * 0x1p32 + 0.5); /* may be 2^32, which carries */
    *step = (uint64_t)whole + (uint64_t)(int64_t)carry + (units >> 32);
    *fine = (uint32_t)units;
}

/* Negative turns are the complement to a whole one. */
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
    const int32_t pairs = rm_spec_pairs(spec);
    rm_twofold *radians = rm_alloc(2 * (uint64_t)pairs, sizeof *radians);
    if (radians == NULL) {
        return rm_fail_memory(error, "inverse frequencies", 2 * (uint64_t)pairs * sizeof *radians);
    }
    *schedule = (rm_schedule){.pairs = pairs, .attention = 1.0, .radians = radians};
    if (spec->frequencies == NULL) {
        rm_rule *rule = rm_scaling_find(spec->scaling.rule)->rule;
        if (ropemap_axes_apart(&spec->axes)) {
            rm_axes_frequencies(spec, rule, pairs, radians, &schedule->attention);
        } else {
            rule(spec, pairs, radians, &schedule->attention);
        }
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

ropemap_status rm_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs, ropemap_error *error) {
    rm_schedule schedule;
    RM_TRY(rm_schedule_make(spec, &schedule, error));
    rm_schedule_freqs(&schedule, freqs);
    rm_free(schedule.radians);
    return ROPEMAP_OK;
}

ropemap_status ropemap_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(spec, error));
    return rm_freqs_make(spec, freqs, error);
}

ropemap_status ropemap_spec_radians(const ropemap_spec *spec, double *radians, ropemap_error *error) {
    rm_schedule schedule;
    RM_TRY(ropemap_spec_check(spec, error));
    RM_TRY(rm_schedule_make(spec, &schedule, error));
    for (int32_t i = 0; i < schedule.pairs; i++) {
        radians[i] = schedule.radians[i].high;
    }
    rm_free(schedule.radians);
    return ROPEMAP_OK;
}

static const char *const layout_names[] = {"half", "interleaved"};

const char *ropemap_layout_name(ropemap_layout layout) {
    return (unsigned)layout < sizeof layout_names / sizeof layout_names[0] ? layout_names[layout] : NULL;
}

ropemap_spec ropemap_spec_default(void) {
    return (ropemap_spec){
        .base = 10000.0,
        .head_dim = 128,
        .layout = ROPEMAP_LAYOUT_HALF,
        .scaling = {.rule = ROPEMAP_SCALING_NONE},
    };
}

static ropemap_status check_dims(const ropemap_spec *spec, ropemap_error *error) {
    if (spec->head_dim < 2 || spec->head_dim > ROPEMAP_MAX_HEAD_DIM || spec->head_dim % 2 != 0) {
        return rm_fail(error, ROPEMAP_USAGE, "head-dim: %d, expected an even number from 2 to %d",
                       spec->head_dim, ROPEMAP_MAX_HEAD_DIM);
    }
    if (spec->rotary_dim != 0 &&
        (spec->rotary_dim < 2 || spec->rotary_dim > spec->head_dim || spec->rotary_dim % 2 != 0)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "rotary-dim: %d, expected an even number from 2 to the head dim, %d", spec->rotary_dim,
                       spec->head_dim);
    }
    return ROPEMAP_OK;
}

enum { FREQUENCY_MOST = 1000000 };

/* A table replaces base and rule. */
static ropemap_status check_frequencies(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_frequencies *table = spec->frequencies;
    const int32_t pairs = rm_spec_pairs(spec);
    const char *name = table->name != NULL ? table->name : "a table";
    if (spec->scaling.rule != ROPEMAP_SCALING_NONE) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling: frequencies of %.100s are final; leave out the rule",
                       name);
    }
    if (ropemap_axes_apart(&spec->axes)) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "axes: each axis has its own frequencies; give axes or the frequencies of %.100s, not both",
            name);
    }
    if (table->radians == NULL || table->pairs != pairs) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "frequencies: %.100s has %d, but %d pairs (%d elements) rotate; give one a pair", name,
                       table->radians == NULL ? 0 : (int)table->pairs, (int)pairs, (int)(2 * pairs));
    }
    for (int32_t i = 0; i < pairs; i++) {
        if (!(fabs(table->radians[i]) <= (double)FREQUENCY_MOST)) {
            return rm_fail(
                error, ROPEMAP_USAGE,
                "frequencies: pair %d of %.100s has %g radians a token; the limit is %d either way", (int)i,
                name, table->radians[i], FREQUENCY_MOST);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_spec_check(const ropemap_spec *spec, ropemap_error *error) {
    if (spec->frequencies == NULL && !(spec->base > 1.0 && spec->base <= 1e30)) {
        return rm_fail(error, ROPEMAP_USAGE, "base: %g, expected a number above 1, at most 1e30", spec->base);
    }
    RM_TRY(check_dims(spec, error));
    if (ropemap_layout_name(spec->layout) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "layout: %d, expected half or interleaved", (int)spec->layout);
    }
    if (!(spec->length >= 0.0 && spec->length <= (double)ROPEMAP_POSITION_END)) {
        return rm_fail(error, ROPEMAP_USAGE, "length: %g, expected a number of tokens up to 2^40",
                       spec->length);
    }
    if (spec->frequencies != NULL) {
        RM_TRY(check_frequencies(spec, error));
    }
    RM_TRY(rm_scaling_check(spec, error));
    return spec->axes.count == 0 ? ROPEMAP_OK : rm_axes_check(spec, error);
}

/* ---- several axes of positions: position_axes.c has the rest */

bool ropemap_axes_apart(const ropemap_axes *axes) {
    return axes->count > 0 && axes->deal <= ROPEMAP_DEAL_STRIDED;
}

ropemap_status rm_axes_refuse(const ropemap_spec *spec, const char *work, ropemap_error *error) {
    char text[80];
    if (!ropemap_axes_apart(&spec->axes)) {
        return ROPEMAP_OK;
    }
    ropemap_axes_format(&spec->axes, text, sizeof text);
    return rm_fail(error, ROPEMAP_USAGE, "axes: this rule has %" PRId32 " axes (%s): %s", spec->axes.count,
                   text, work);
}
