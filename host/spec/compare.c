/* compare.c - inverse frequencies that others made, held against a rule: what went wrong, by its name */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/status.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* float32 formulas of pow and division stay within some units in the last place, 1.2e-7 each. */
static const double CLOSE = 2e-6;

/* bfloat16 keeps 8 bits, binary16 11: half a unit in the last place, with room for what came before. */
static const double CLOSE_BF16 = 0x1.02p-8, CLOSE_FP16 = 0x1.02p-11;

struct comparing {
    const float *found;
    int64_t count;
    const ropemap_spec *spec;
    int32_t pairs, head_pairs; /* that turn, and that the head has */
    double *wanted;            /* [pairs] of the rule */
    double *other;             /* [head_pairs] of another rule that may explain the buffer */
    ropemap_comparison *result;
    bool no_memory; /* for frequencies: then nothing is known of the buffer */
};

static double difference(double found, double wanted) {
    return wanted == 0.0 ? (found == 0.0 ? 0.0 : INFINITY) : fabs(found - wanted) / wanted;
}

__attribute__((format(printf, 3, 4))) static void judge(ropemap_comparison *result, const char *verdict,
                                                        const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)vsnprintf(result->text, sizeof result->text, format, list);
    va_end(list);
    (void)snprintf(result->verdict, sizeof result->verdict, "%s", verdict);
}

/* Frequencies of another rule, in radians a token: false where it is no rule. */
static bool frequencies(struct comparing *work, const ropemap_spec *spec, double *radians) {
    const ropemap_status status = ropemap_spec_radians(spec, radians, NULL);
    work->no_memory = work->no_memory || status == ROPEMAP_RESOURCES;
    return status == ROPEMAP_OK;
}

/* Whether `count` found numbers, `apart` from each other, are these. */
static bool are(const float *found, int64_t apart, const double *wanted, int32_t count, double close) {
    for (int32_t i = 0; i < count; i++) {
        if (!(difference((double)found[i * apart], wanted[i]) <= close)) {
            return false;
        }
    }
    return true;
}

static void note_first(struct comparing *work) {
    ropemap_comparison *result = work->result;
    const int64_t both = work->count < work->pairs ? work->count : work->pairs;
    for (int64_t i = 0; i < both; i++) {
        const double apart = difference((double)work->found[i], work->wanted[i]);
        if (!(apart <= CLOSE) && result->pair < 0) {
            result->pair = (int32_t)i;
            result->found = (double)work->found[i];
            result->wanted = work->wanted[i];
        }
        result->worst = apart > result->worst || isnan(apart) ? apart : result->worst;
    }
}

/* ---- what may have gone wrong, the most telling first */

/* Memory that nothing was written to: no number that a frequency can be, or hardly any. */
static bool is_uninitialised(const struct comparing *work) {
    int64_t odd = 0;
    for (int64_t i = 0; i < work->count; i++) {
        const double value = fabs((double)work->found[i]);
        odd += !isfinite(value) || value > 1e3 || (value > 0.0 && value < 1e-30) || work->found[i] < 0.0f;
    }
    int64_t zeros = 0;
    for (int64_t i = 0; i < work->count; i++) {
        zeros += work->found[i] == 0.0f && (i >= work->pairs || work->wanted[i] != 0.0);
    }
    return odd > 0 || 2 * zeros > work->count;
}

static bool explain_rounding(struct comparing *work) {
    const int32_t count = work->pairs;
    if (work->count != count) {
        return false;
    }
    bool bf16 = true, fp16 = true;
    for (int32_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &work->found[i], sizeof bits);
        bf16 = bf16 && (bits & 0xffffu) == 0;
        fp16 = fp16 && ((bits & 0x1fffu) == 0 || fabsf(work->found[i]) < 0x1p-14f);
    }
    const double worst = work->result->worst;
    if (bf16 && are(work->found, 1, work->wanted, count, CLOSE_BF16)) {
        judge(work->result, "bf16",
              "the rule's frequencies rounded to bfloat16: off by up to %.2g, which is %.3g rad at token "
              "131,072",
              worst, worst * work->wanted[0] * 131072.0);
        return true;
    }
    if (fp16 && worst < 1.0) {
        for (int32_t i = 0; i < count; i++) {
            const double step = fmax(CLOSE_FP16 * work->wanted[i], 0x1.02p-25);
            if (fabs((double)work->found[i] - work->wanted[i]) > step) {
                return false;
            }
        }
        judge(work->result, "fp16", "the rule's frequencies rounded to float16: off by up to %.2g", worst);
        return true;
    }
    return false;
}

/* One number an element instead of one a pair: cosines' tables are laid out so. */
static bool explain_elements(struct comparing *work) {
    const int32_t pairs = work->pairs;
    if (work->count != 2 * (int64_t)pairs) {
        return false;
    }
    const bool half = are(work->found, 1, work->wanted, pairs, CLOSE) &&
                      are(work->found + pairs, 1, work->wanted, pairs, CLOSE);
    const bool interleaved = are(work->found, 2, work->wanted, pairs, CLOSE) &&
                             are(work->found + 1, 2, work->wanted, pairs, CLOSE);
    if (!half && !interleaved) {
        return false;
    }
    const bool expected = half == (work->spec->layout == ROPEMAP_LAYOUT_HALF);
    judge(work->result, expected ? "match" : "layout",
          "the rule's frequencies, one an element in the %s layout%s", half ? "half" : "interleaved",
          expected ? "" : ": the rule has the other one, so that the wrong elements would form pairs");
    work->result->matches = expected;
    return true;
}

static bool explain_scaling(struct comparing *work) {
    ropemap_spec plain = *work->spec;
    plain.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    if (work->spec->scaling.rule == ROPEMAP_SCALING_NONE || work->count != work->pairs ||
        !frequencies(work, &plain, work->other) || !are(work->found, 1, work->other, work->pairs, CLOSE)) {
        return false;
    }
    judge(work->result, "unscaled", "base^(-2i/D) without scaling: the rule '%s' was not applied",
          ropemap_scaling_name(work->spec->scaling.rule));
    return true;
}

/* The rotary fraction applied twice, or not at all. */
static bool explain_fraction(struct comparing *work) {
    ropemap_spec other = *work->spec;
    const double share = (double)work->pairs / (double)work->head_pairs;
    const int32_t twice = (int32_t)(share * (double)work->pairs);
    if (work->pairs == work->head_pairs || work->spec->scaling.list_count > 0) {
        return false;
    }
    other.rotary_dim = 2 * twice;
    if (twice > 0 && work->count == twice && frequencies(work, &other, work->other) &&
        are(work->found, 1, work->other, twice, CLOSE)) {
        judge(work->result, "partial-twice",
              "frequencies of %d rotated elements, expected %d: the rotary fraction, %g, was applied twice",
              (int)(2 * twice), (int)(2 * work->pairs), share);
        return true;
    }
    other.rotary_dim = other.head_dim;
    if (work->count == work->head_pairs && frequencies(work, &other, work->other) &&
        are(work->found, 1, work->other, work->head_pairs, CLOSE)) {
        judge(work->result, "partial-ignored",
              "frequencies of all %d elements, expected %d: the rotary fraction, %g, was not applied",
              (int)other.head_dim, (int)(2 * work->pairs), share);
        return true;
    }
    return false;
}

/* Another base: the ratio of neighbours is one number. */
static bool explain_base(struct comparing *work) {
    ropemap_spec other = *work->spec;
    if (work->count != work->pairs || work->pairs < 3 || !(work->found[0] > 0.0f) ||
        !(work->found[work->pairs - 1] > 0.0f)) {
        return false;
    }
    const double last = (double)work->found[work->pairs - 1], first = (double)work->found[0];
    other.base = pow(first / last, (double)work->pairs / (double)(work->pairs - 1));
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    if (!frequencies(work, &other, work->other)) {
        return false;
    }
    for (int32_t i = 0; i < work->pairs; i++) {
        work->other[i] *= first;
    }
    if (!are(work->found, 1, work->other, work->pairs, 10.0 * CLOSE)) {
        return false;
    }
    if (fabs(first - 1.0) > CLOSE) {
        judge(work->result, "base", "frequencies of base %.6g divided by %.6g, expected base %.10g undivided",
              other.base, 1.0 / first, work->spec->base);
        return true;
    }
    judge(work->result, "base", "frequencies of base %.6g, expected %.10g", other.base, work->spec->base);
    return true;
}

static void compare(struct comparing *work) {
    ropemap_comparison *result = work->result;
    note_first(work);
    if (work->count == work->pairs && result->pair < 0) {
        result->matches = true;
        judge(result, "match", "the rule's frequencies, to %.2g", result->worst);
        return;
    }
    if (is_uninitialised(work)) {
        judge(result, "uninitialised",
              "not frequencies: pair %d is %g; memory that was never written to looks like this",
              result->pair, result->found);
        return;
    }
    if (explain_rounding(work) || explain_elements(work) || explain_scaling(work) || explain_fraction(work) ||
        explain_base(work)) {
        return;
    }
    if (work->count != work->pairs) {
        judge(result, "count", "%lld numbers, expected %d, one a pair", (long long)work->count,
              (int)work->pairs);
        return;
    }
    judge(result, "differs", "pair %d is %.9g, expected %.9g: off by %.2g", result->pair, result->found,
          result->wanted, difference(result->found, result->wanted));
}

ropemap_status ropemap_inv_freq_compare(const float *found, int64_t count, const ropemap_spec *spec,
                                        ropemap_comparison *comparison, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(spec, error));
    struct comparing work = {.found = found, .count = count, .spec = spec, .result = comparison};
    *comparison = (ropemap_comparison){.pair = -1};
    work.head_pairs = spec->head_dim / 2;
    work.pairs = (spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim) / 2;
    work.wanted = rm_alloc((uint64_t)work.head_pairs, sizeof *work.wanted);
    work.other = rm_alloc((uint64_t)work.head_pairs, sizeof *work.other);
    work.no_memory = work.wanted == NULL || work.other == NULL;
    ropemap_status status = ROPEMAP_OK;
    if (!work.no_memory) {
        status = ropemap_spec_radians(spec, work.wanted, error);
    }
    if (!work.no_memory && status == ROPEMAP_OK) {
        compare(&work);
    }
    status = work.no_memory ? rm_fail_memory(error, "frequencies", (uint64_t)work.head_pairs * sizeof *work.wanted) : status;
    rm_free(work.other);
    rm_free(work.wanted);
    return status;
}
