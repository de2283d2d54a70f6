/* spec.c - a RoPE rule: its defaults, its ranges, its names */
/* SPDX-License-Identifier: MIT */
#include "host/spec/axes.h"

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

/* A table has the place of base and rule. */
static ropemap_status check_frequencies(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_frequencies *table = spec->frequencies;
    const int32_t pairs = (spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim) / 2;
    const char *name = table->name != NULL ? table->name : "a table";
    if (spec->scaling.rule != ROPEMAP_SCALING_NONE) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "scaling: a rule with frequencies of %.100s, which no rule changes", name);
    }
    if (ropemap_axes_apart(&spec->axes)) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "axes: each has a ladder of its own, which frequencies of %.100s leave out; give one of the two",
            name);
    }
    if (table->radians == NULL || table->pairs != pairs) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "frequencies: %.100s has %d, but %d pairs of %d elements rotate: give one a pair",
                       name, table->radians == NULL ? 0 : (int)table->pairs, (int)pairs, (int)(2 * pairs));
    }
    for (int32_t i = 0; i < pairs; i++) {
        if (!(fabs(table->radians[i]) <= (double)FREQUENCY_MOST)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "frequencies: pair %d of %.100s has %g radians a token, the most is %d either way",
                           (int)i, name, table->radians[i], FREQUENCY_MOST);
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
    return rm_axes_check(spec, error);
}
