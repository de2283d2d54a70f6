/* judge.c - a rotation that another program made, held against the exact one */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/base/alloc.h"
#include "host/verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Half of the distance between 1 and the next number, and the largest number. */
static const double ROUNDING[] = {[ROPEMAP_ELEMENT_FP32] = 0x1p-24,
                                  [ROPEMAP_ELEMENT_FP64] = 0x1p-24, /* they came as floats */
                                  [ROPEMAP_ELEMENT_FP16] = 0x1p-11,
                                  [ROPEMAP_ELEMENT_BF16] = 0x1p-8};
static const double MOST[] = {[ROPEMAP_ELEMENT_FP32] = 0x1.fffffep127,
                              [ROPEMAP_ELEMENT_FP64] = 0x1.fffffep127,
                              [ROPEMAP_ELEMENT_FP16] = 65504.0,
                              [ROPEMAP_ELEMENT_BF16] = 0x1.fep127};

/* What the roundings of the smallest numbers come to. */
static const double LEAST[] = {[ROPEMAP_ELEMENT_FP32] = 0x3p-149,
                               [ROPEMAP_ELEMENT_FP64] = 0x3p-149,
                               [ROPEMAP_ELEMENT_FP16] = 0x3p-24,
                               [ROPEMAP_ELEMENT_BF16] = 0x3p-133};

/* Roundings that tables, products and their sum take: see ropemap_rotated.tolerance. */
static const double ROUNDINGS = 6.0;

ropemap_element ropemap_element_of(const float *numbers, int64_t count) {
    bool bfloat = true, half = true;
    for (int64_t i = 0; i < count && (bfloat || half); i++) {
        const float x = numbers[i];
        bfloat = bfloat && (x != x || rm_float_from_bfloat(rm_bfloat_from_float(x)) == x);
        half = half && (x != x || rm_float_from_half(rm_half_from_float(x)) == x);
    }
    return bfloat ? ROPEMAP_ELEMENT_BF16 : half ? ROPEMAP_ELEMENT_FP16 : ROPEMAP_ELEMENT_FP32;
}

/* ---- errors of one row */

/* Two numbers and what they should be; their errors are shares of `length`. */
typedef struct judged {
    rm_judging *judging;
    ropemap_error_span *span;
    int64_t row, position;
} judged;

static void count_element(const judged *at, int32_t index, double wanted, double length) {
    ropemap_judgement *judgement = at->judging->judgement;
    const double found =
        (double)at->judging->rotated->outputs[at->row * at->judging->rotated->spec.head_dim + index];
    double error =
        fabs(found - wanted) <= LEAST[at->judging->rotated->element] ? 0.0 : fabs(found - wanted) / length;
    if (!isfinite(wanted) || fabs(wanted) > at->judging->most * 0.999) {
        judgement->skipped++; /* what is out of range has no right answer */
        return;
    }
    error = isfinite(error) ? error : (double)INFINITY;
    judgement->elements++;
    at->span->elements++;
    at->span->worst = fmax(at->span->worst, error);
    if (error > judgement->worst) {
        judgement->worst = error;
        judgement->worst_position = at->position;
    }
    if (error > at->judging->tolerance) {
        judgement->wrong++;
        at->span->wrong++;
        if (judgement->row < 0) {
            judgement->row = at->row;
            judgement->position = at->position;
            judgement->index = index;
            judgement->found = found;
            judgement->wanted = wanted;
        }
    }
}

/* Pairs by their cosines and sines [pairs], which include the attention factor; the rest as it is. */
static void judge_row(const judged *at, const double *c, const double *s) {
    const ropemap_rotated *rotated = at->judging->rotated;
    const ropemap_spec *spec = &rotated->spec;
    const float *x = rotated->inputs + at->row * spec->head_dim;
    const int32_t pairs = at->judging->schedule.pairs, apart = rm_pair_apart(spec->layout, pairs);
    const double attention = at->judging->schedule.attention;
    for (int32_t i = 0; i < pairs; i++) {
        const int32_t first = rm_pair_first(spec->layout, i), second = first + apart;
        const double x0 = (double)x[first], x1 = (double)x[second];
        const double length = attention * sqrt(x0 * x0 + x1 * x1);
        count_element(at, first, x0 * c[i] - x1 * s[i], length);
        count_element(at, second, x0 * s[i] + x1 * c[i], length);
    }
    for (int32_t i = 2 * pairs; i < spec->head_dim; i++) {
        count_element(at, i, (double)x[i], fabs((double)x[i]));
    }
}

/* ---- rows */

static int by_position(const void *a, const void *b) {
    const rm_placed_row *x = a, *y = b;
    return x->position != y->position ? (x->position < y->position ? -1 : 1) : x->row < y->row ? -1 : 1;
}

/* 0, 1, 2 to 3, 4 to 7, ...: a new span where the position lies beyond the last one. */
static ropemap_error_span *span_of(ropemap_judgement *judgement, int64_t position) {
    ropemap_error_span *last = judgement->spans + judgement->span_count - 1;
    if (judgement->span_count > 0 && position <= last->last) {
        return last;
    }
    int64_t first = position > 0 ? 1 : 0;
    while (first > 0 && 2 * first <= position) {
        first *= 2;
    }
    last = judgement->spans + judgement->span_count++;
    *last = (ropemap_error_span){.first = first, .last = first > 0 ? 2 * first - 1 : 0};
    return last;
}

/* Cosines and sines of a position are made once for all of its rows. */
static void judge_rows(rm_judging *judging, const rm_twofold *turns, double *c, double *s) {
    int64_t known = -1;
    for (int64_t i = 0; i < judging->rotated->rows; i++) {
        rm_placed_row *placed = &judging->rows[i];
        for (int32_t pair = 0; pair < judging->schedule.pairs && placed->position != known; pair++) {
            const rm_exact rotation = rm_near_rotation(turns[pair], placed->position);
            c[pair] = rotation.c.high * judging->schedule.attention;
            s[pair] = rotation.s.high * judging->schedule.attention;
        }
        known = placed->position;
        const judged at = {.judging = judging,
                           .span = span_of(judging->judgement, placed->position),
                           .row = placed->row,
                           .position = placed->position};
        const int64_t before = judging->judgement->wrong;
        judge_row(&at, c, s);
        at.span->rows++;
        placed->wrong = judging->judgement->wrong > before;
        judging->wrong_rows += placed->wrong ? 1 : 0;
    }
}

static ropemap_status judge_all(rm_judging *judging, ropemap_error *error) {
    const uint64_t pairs = (uint64_t)judging->schedule.pairs, rows = (uint64_t)judging->rotated->rows;
    rm_twofold *turns = rm_alloc(pairs, sizeof *turns);
    double *room = rm_alloc(2 * pairs, sizeof *room);
    judging->rows = rm_alloc(rows, sizeof *judging->rows);
    ropemap_status status = ROPEMAP_OK;
    if (turns == NULL || room == NULL || judging->rows == NULL) {
        status = rm_fail_memory(error, "rows", rows * sizeof *judging->rows);
    } else {
        for (uint64_t i = 0; i < pairs; i++) {
            turns[i] = rm_twofold_mul(judging->schedule.radians[i], rm_turns_per_radian);
        }
        for (uint64_t row = 0; row < rows; row++) {
            judging->rows[row] =
                (rm_placed_row){.position = judging->rotated->positions[row], .row = (int64_t)row};
        }
        qsort(judging->rows, (size_t)rows, sizeof *judging->rows, by_position);
        judge_rows(judging, turns, room, room + pairs);
    }
    rm_free(turns);
    rm_free(room);
    return status;
}

/* ---- words */

static void put_text(const rm_judging *judging, ropemap_judgement *judgement) {
    const char *type = ropemap_element_name(judging->rotated->element);
    if (judgement->right) {
        (void)snprintf(judgement->verdict, sizeof judgement->verdict, "match");
        (void)snprintf(judgement->text, sizeof judgement->text,
                       "the exact rotation to the rounding of %s at positions %" PRId64 " to %" PRId64
                       "; the largest error is %.2g of a pair's length",
                       type, judgement->spans[0].rows > 0 ? judging->rows[0].position : 0,
                       judging->rows[judging->rotated->rows - 1].position, judgement->worst);
        return;
    }
    (void)snprintf(judgement->text, sizeof judgement->text,
                   "%" PRId64 " of %" PRId64 " elements are wrong, the first at position %" PRId64
                   ", element %" PRId32 ": %.9g where the exact rotation has %.9g%s%s",
                   judgement->wrong, judgement->elements, judgement->position, judgement->index,
                   judgement->found, judgement->wanted, judgement->cause[0] != '\0' ? "; likely cause: " : "",
                   judgement->cause);
}

static ropemap_status check(const ropemap_rotated *rotated, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(&rotated->spec, error));
    RM_TRY(rm_axes_refuse(&rotated->spec, "a rotation is judged with one position a row", error));
    if (rotated->rows < 1) {
        return rm_fail(error, ROPEMAP_USAGE, "rows: %" PRId64 "; give 1 or more", rotated->rows);
    }
    if (ropemap_element_name(rotated->element) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "dtype: %d is none", (int)rotated->element);
    }
    if (!(rotated->tolerance >= 0.0 && rotated->tolerance <= 2.0)) {
        return rm_fail(error, ROPEMAP_USAGE, "tolerance: %g; give a share of a pair's length, up to 2",
                       rotated->tolerance);
    }
    for (int64_t row = 0; row < rotated->rows; row++) {
        const int64_t position = rotated->positions[row];
        if (position < 0 || position >= ROPEMAP_POSITION_END) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "positions: %" PRId64 " of row %" PRId64 "; give 0 to 2^40 - 1", position, row);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_rotation_judge(const ropemap_rotated *rotated, ropemap_judgement *judgement,
                                      ropemap_error *error) {
    rm_judging judging = {.rotated = rotated, .judgement = judgement};
    *judgement = (ropemap_judgement){.position = -1, .row = -1, .worst_position = -1};
    RM_TRY(check(rotated, error));
    RM_TRY(rm_schedule_make(&rotated->spec, &judging.schedule, error));
    judging.tolerance =
        rotated->tolerance > 0.0 ? rotated->tolerance : ROUNDINGS * ROUNDING[rotated->element];
    judging.most = MOST[rotated->element];
    judgement->rows = rotated->rows;
    judgement->tolerance = judging.tolerance;
    ropemap_status status = judge_all(&judging, error);
    judgement->right = judgement->wrong == 0;
    if (status == ROPEMAP_OK && judgement->elements == 0) {
        status = rm_fail(error, ROPEMAP_DATA, "inputs: NaN or infinite throughout; nothing can be judged");
    }
    if (status == ROPEMAP_OK && !judgement->right) {
        status = rm_diagnose(&judging, error);
    }
    if (status == ROPEMAP_OK) {
        put_text(&judging, judgement);
    }
    rm_free(judging.rows);
    rm_free(judging.schedule.radians);
    return status;
}
