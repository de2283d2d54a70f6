/* explain.c - the numbers behind the five sentences about a rule */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/explain.h"

#include "tools/ropemap/failure.h"

#include <math.h>

enum {
    LENGTH_SMOOTH = 1 << 20,
    LENGTH_BENT = 1 << 17
}; /* most tokens that the least base is found for, in seconds */

enum { LENGTH_USUAL = 32768, NEIGHBOURS = 24 };

static ropemap_status reach_of(ropemap_spec spec, const explain_options *options, int64_t *reach,
                               ropemap_error *error) {
    ropemap_reach found;
    const ropemap_status status = ropemap_bound_reach(&spec, EXPLAIN_LIMIT, 0, options->progress,
                                                      options->progress_user, &found, error);
    *reach = status == ROPEMAP_OK ? found.reach : 0;
    return status;
}

/* The first base, in small steps up from the rule's own, that reaches less far than the one before it. */
static ropemap_status find_fall(const ropemap_spec *spec, const explain_options *options, explanation *to,
                                ropemap_error *error) {
    ropemap_spec other = *spec;
    int64_t before = to->own.reach;
    ropemap_status status = ROPEMAP_OK;
    for (int i = 1; i <= NEIGHBOURS && status == ROPEMAP_OK && to->falls_to == 0.0 && before > 0; i++) {
        const double last = other.base;
        int64_t reach = 0;
        other.base = spec->base * pow(1.05, i);
        status = reach_of(other, options, &reach, error);
        if (status == ROPEMAP_OK && reach > 0 && reach < before) {
            to->falls_from = last;
            to->falls_to = other.base;
            to->falls_reach_from = before;
            to->falls_reach_to = reach;
        }
        before = reach;
    }
    return status;
}

static ropemap_status count_slowed(const ropemap_spec *spec, explanation *to, ropemap_error *error) {
    ropemap_freqs own, plain;
    ropemap_spec other = *spec;
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    ropemap_status status = ropemap_freqs_make(spec, &own, error);
    status = status == ROPEMAP_OK ? ropemap_freqs_make(&other, &plain, error) : status;
    if (status == ROPEMAP_OK) {
        to->pairs = own.pairs;
        to->attention = own.attention_factor;
        for (int32_t i = 0; i < own.pairs; i++) {
            to->slowed += own.step[i] < plain.step[i] - (plain.step[i] >> 20);
        }
    }
    return status;
}

static ropemap_status find_least(const ropemap_spec *spec, const explain_options *options, explanation *to,
                                 ropemap_error *error) {
    ropemap_window window;
    int32_t count = 0;
    const ropemap_bound_request request = {.spec = *spec,
                                           .length = to->length,
                                           .progress = options->progress,
                                           .progress_user = options->progress_user};
    const ropemap_status status = ropemap_bound_bases(&request, &window, 1, &count, error);
    to->least_base = count > 0 ? window.low : 0.0;
    to->least_is_edge = count > 0 && window.low_is_edge;
    return status;
}

/* How far the rotated part of a head reaches without the rest. */
static ropemap_status find_rotated(const ropemap_spec *spec, const explain_options *options, explanation *to,
                                   ropemap_error *error) {
    ropemap_spec part = *spec;
    to->rotated = to->own;
    if (spec->rotary_dim == 0 || spec->rotary_dim == spec->head_dim) {
        return ROPEMAP_OK;
    }
    part.head_dim = spec->rotary_dim;
    return ropemap_bound_reach(&part, EXPLAIN_LIMIT, 0, options->progress, options->progress_user,
                               &to->rotated, error);
}

static ropemap_status work_out(const ropemap_spec *spec, const explain_options *options, explanation *to,
                               ropemap_error *error) {
    ropemap_spec other = *spec;
    ropemap_status status = ropemap_bound_reach(spec, EXPLAIN_LIMIT, 0, options->progress,
                                                options->progress_user, &to->own, error);
    status = status == ROPEMAP_OK ? find_rotated(spec, options, to, error) : status;
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    status = status == ROPEMAP_OK ? ropemap_bound_reach(&other, EXPLAIN_LIMIT, 0, options->progress,
                                                        options->progress_user, &to->plain, error)
                                  : status;
    other = *spec;
    to->more = fmin(10.0 * spec->base, 1e30);
    to->less = spec->base / 10.0 > 1.0 ? spec->base / 10.0 : 1.0 + (spec->base - 1.0) / 10.0;
    other.base = to->more;
    status = status == ROPEMAP_OK ? reach_of(other, options, &to->reach_more, error) : status;
    other.base = to->less;
    status = status == ROPEMAP_OK ? reach_of(other, options, &to->reach_less, error) : status;
    ropemap_spec narrow = *spec; /* lists of divisors are for one dimension alone */
    narrow.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    narrow.rotary_dim = spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
    const int32_t rotates = narrow.rotary_dim;
    if (rotates % 4 == 0 && spec->head_dim % 4 == 0 && spec->head_dim >= 8 &&
        2 * spec->head_dim <= ROPEMAP_MAX_HEAD_DIM) {
        narrow.head_dim = spec->head_dim / 2;
        narrow.rotary_dim = rotates / 2;
        status = status == ROPEMAP_OK ? reach_of(narrow, options, &to->reach_half_dim, error) : status;
        narrow.head_dim = spec->head_dim * 2;
        narrow.rotary_dim = rotates * 2;
        status = status == ROPEMAP_OK ? reach_of(narrow, options, &to->reach_double_dim, error) : status;
    }
    status = status == ROPEMAP_OK ? find_fall(spec, options, to, error) : status;
    status = status == ROPEMAP_OK ? count_slowed(spec, to, error) : status;
    to->has_least = !options->quick;
    return status == ROPEMAP_OK && to->has_least ? find_least(spec, options, to, error) : status;
}

ropemap_status explain_make(explain_options *options, explanation *to, ropemap_error *error) {
    if (options->rule.frequencies != NULL) {
        return fail(
            error, ROPEMAP_USAGE,
            "--frequencies: explain says what a base does, and a table has none; `ropemap bound` says how "
            "far it reaches");
    }
    const ropemap_status status = rule_options_resolve(&options->rule, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    ropemap_spec *spec = &options->rule.spec;
    if (!ropemap_axes_apart(&spec->axes)) {
        spec->axes = (ropemap_axes){.count = 0}; /* a distance is the same on all: other heads may be tried */
    }
    const int64_t trained =
        options->rule.opened != NULL ? ropemap_model_trained_length(options->rule.opened) : 0;
    if ((options->rule.given & RULE_LENGTH) != 0 && spec->length < 2.0) {
        return fail(error, ROPEMAP_USAGE, "--length: %.0f, expected 2 tokens or more", spec->length);
    }
    const int64_t most = spec->scaling.rule == ROPEMAP_SCALING_NONE ? LENGTH_SMOOTH : LENGTH_BENT;
    to->length = spec->length >= 2.0 ? (int64_t)spec->length : trained >= 2 ? trained : LENGTH_USUAL;
    spec->length = (double)to->length;
    to->length = to->length < most ? to->length : most;
    return work_out(spec, options, to, error);
}
