/* trial.c - wrong rows of a rotation, and whether another rotation makes them */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/vectors.h"
#include "host/verify/verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Angles of float32: the roundings of inv_freq, of which a power in float32 has several, and of its product
 * with the position, 4 of 2^-23 of the angle. Beyond half a radian nothing is left to compare.
 */
static const double ANGLE_ERROR = 4 * 0x1p-23, ANGLE_MOST = 0.5;

/* Of frequencies that are doubles. */
static const double RADIANS_ERROR = 0x1p-52;

/* What is computed in float here is off by itself. */
static const double OWN_ERROR = 3e-7;

/* Of two numbers, the share of a pair's length by which they differ. */
static double error_of(double found, double wanted, double length) {
    const double error = found == wanted ? 0.0 : fabs(found - wanted) / length;
    return isfinite(error) ? error : (double)INFINITY;
}

/* ---- the sample */

/* `count` rows of `held` that are wrong, or right, evenly spread; they follow those that are there. */
static void take_rows(rm_sample *sample, bool wrong, int64_t count, int64_t held) {
    const ropemap_rotated *rotated = sample->judging->rotated;
    const size_t dim = (size_t)rotated->spec.head_dim;
    int64_t seen = 0, taken = 0;
    for (int64_t i = 0; i < rotated->rows && taken < count; i++) {
        const rm_placed_row *placed = &sample->judging->rows[i];
        const int64_t next = count < 2 ? 0 : taken * (held - 1) / (count - 1);
        if (placed->wrong == wrong && seen++ == next) {
            const size_t to = (size_t)sample->all * dim, from = (size_t)placed->row * dim;
            memcpy(sample->inputs + to, rotated->inputs + from, dim * sizeof *sample->inputs);
            memcpy(sample->outputs + to, rotated->outputs + from, dim * sizeof *sample->outputs);
            sample->positions[sample->all] = placed->position;
            sample->rows[sample->all++] = placed->row;
            taken++;
        }
    }
}

void rm_sample_free(rm_sample *sample) {
    rm_free(sample->inputs);
    rm_free(sample->outputs);
    rm_free(sample->wrong);
    rm_free(sample->made);
    rm_free(sample->ratios);
}

/* Multiplies what rotates by the pairing's factor in place of the rule's. */
static bool change_gain(rm_sample *sample, const rm_trial *trial) {
    ropemap_freqs freqs;
    const int32_t dim = sample->judging->rotated->spec.head_dim;
    if (ropemap_freqs_make(&trial->spec, &freqs, NULL) != ROPEMAP_OK) {
        return false;
    }
    const double times = trial->pairing.gain / freqs.attention_factor;
    for (int64_t at = 0; at < sample->all * dim && times != 1.0; at++) {
        if (at % dim < trial->pairing.rotary_dim) {
            sample->made[at] = (float)((double)sample->made[at] * times);
        }
    }
    return true;
}

/* Rows as the trial makes them, in sample->made; false where it is no rotation. */
static bool make_rows(rm_sample *sample, const rm_trial *trial) {
    const ropemap_frequencies table = {
        .radians = trial->radians, .pairs = trial->pairing.rotary_dim / 2, .heads = 1};
    ropemap_spec spec = trial->spec;
    if (trial->by_radians) {
        spec = ropemap_spec_default();
        spec.head_dim = trial->spec.head_dim;
        spec.rotary_dim = trial->pairing.rotary_dim;
        spec.scaling.attention_factor = trial->pairing.gain;
        spec.frequencies = &table;
    }
    spec.layout = trial->pairing.layout;
    ropemap_positions positions = {.count = sample->all, .axes = 1, .values = (int64_t[RM_SAMPLE_ROWS]){0}};
    for (int64_t i = 0; i < sample->all; i++) { /* those that are left out stand at 0 */
        const int64_t position = trial->positions[i] >= 0 ? trial->positions[i] : 0;
        positions.values[i] = position;
        positions.greatest = position > positions.greatest ? position : positions.greatest;
    }
    const ropemap_prerotation rotation = {.spec = spec, .phase = trial->phase, .positions = &positions};
    ropemap_vectors *inner = NULL, *rotated = NULL;
    const bool made =
        ropemap_spec_check(&spec, NULL) == ROPEMAP_OK &&
        ropemap_vectors_memory(sample->inputs, sample->all, spec.head_dim, &inner, NULL) == ROPEMAP_OK &&
        ropemap_vectors_rotated(inner, &rotation, &rotated, NULL) == ROPEMAP_OK &&
        rotated->read(rotated, 0, sample->all, 1, sample->made, NULL) == ROPEMAP_OK;
    ropemap_vectors_free(rotated);
    ropemap_vectors_free(inner);
    return made && (trial->by_radians || change_gain(sample, trial));
}

/* How far one row's elements of a pair may be off, and how long the pair is. */
typedef struct room {
    double length, error;
} room;

static room room_of(const rm_sample *sample, const rm_trial *trial, int64_t row, int32_t index) {
    const rm_pairing *pairing = &trial->pairing;
    const int32_t pairs = pairing->rotary_dim / 2, dim = sample->judging->rotated->spec.head_dim;
    const float *x = sample->inputs + row * dim;
    const double own = sample->judging->tolerance + OWN_ERROR;
    if (index >= pairing->rotary_dim) {
        return (room){.length = fabs((double)x[index]), .error = own};
    }
    const bool half = pairing->layout == ROPEMAP_LAYOUT_HALF;
    const int32_t pair = half ? index % pairs : index / 2, first = rm_pair_first(pairing->layout, pair);
    const double x0 = (double)x[first], x1 = (double)x[first + rm_pair_apart(pairing->layout, pairs)];
    const double angle = fabs((double)trial->positions[row] * trial->radians[pair]);
    return (room){.length = pairing->gain * sqrt(x0 * x0 + x1 * x1),
                  .error = own + (trial->by_radians ? angle * RADIANS_ERROR : 0.0) +
                           (trial->float_angles ? angle * ANGLE_ERROR : 0.0)};
}

bool rm_trial_explains(rm_sample *sample, const rm_trial *trial) {
    const int32_t dim = sample->judging->rotated->spec.head_dim;
    int64_t before = 0, after = 0;
    if (!make_rows(sample, trial)) {
        return false;
    }
    const int64_t rows = trial->wrong_rows_alone ? sample->count : sample->all;
    for (int64_t row = 0; row < rows; row++) {
        for (int32_t index = 0; index < dim && trial->positions[row] >= 0; index++) {
            const int64_t at = row * dim + index;
            const room allowed = room_of(sample, trial, row, index);
            if (allowed.error <= ANGLE_MOST) {
                before += sample->wrong[at] ? 1 : 0;
                after += error_of((double)sample->outputs[at], (double)sample->made[at], allowed.length) >
                                 allowed.error
                             ? 1
                             : 0;
            }
        }
    }
    return before > 0 && 50 * after <= before;
}

/* The elements that the rule does not make. */
static bool mark_wrong(rm_sample *sample, ropemap_error *error) {
    const rm_judging *judging = sample->judging;
    const int32_t dim = judging->rotated->spec.head_dim, pairs = judging->schedule.pairs;
    double *radians = rm_alloc((uint64_t)pairs, sizeof *radians);
    rm_trial trial = {.pairing = {.layout = judging->rotated->spec.layout,
                                  .rotary_dim = 2 * pairs,
                                  .gain = judging->schedule.attention},
                      .spec = judging->rotated->spec,
                      .radians = radians};
    if (radians == NULL || ropemap_spec_radians(&judging->rotated->spec, radians, error) != ROPEMAP_OK) {
        rm_free(radians);
        return false;
    }
    memcpy(trial.positions, sample->positions, sizeof trial.positions);
    const bool made = make_rows(sample, &trial);
    for (int64_t at = 0; at < sample->all * dim && made; at++) {
        const room allowed = room_of(sample, &trial, at / dim, (int32_t)(at % dim));
        sample->wrong[at] =
            error_of((double)sample->outputs[at], (double)sample->made[at], allowed.length) > allowed.error;
    }
    rm_free(radians);
    return made;
}

ropemap_status rm_sample_take(const rm_judging *judging, rm_sample *sample, ropemap_error *error) {
    const int64_t wrong = judging->wrong_rows, right = judging->rotated->rows - wrong;
    const int64_t few = right < RM_RIGHT_ROWS ? right : RM_RIGHT_ROWS;
    *sample = (rm_sample){.judging = judging, .count = wrong < RM_WRONG_ROWS ? wrong : RM_WRONG_ROWS};
    const uint64_t numbers = (uint64_t)(sample->count + few) * (uint64_t)judging->rotated->spec.head_dim;
    sample->inputs = rm_alloc(numbers, sizeof *sample->inputs);
    sample->outputs = rm_alloc(numbers, sizeof *sample->outputs);
    sample->wrong = rm_alloc(numbers, sizeof *sample->wrong);
    sample->made = rm_alloc(numbers, sizeof *sample->made);
    sample->ratios = rm_alloc(numbers, sizeof *sample->ratios);
    if (sample->inputs == NULL || sample->outputs == NULL || sample->wrong == NULL || sample->made == NULL ||
        sample->ratios == NULL) {
        return rm_fail_memory(error, "a sample of rows", numbers * 24);
    }
    take_rows(sample, true, sample->count, wrong);
    take_rows(sample, false, few, right);
    return mark_wrong(sample, error) ? ROPEMAP_OK : rm_fail_memory(error, "a sample of rows", numbers * 24);
}

/* ---- pairs */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* How much longer each pair became, of every row that is not at position 0; returns how many. */
static int64_t take_ratios(const rm_sample *sample, const rm_pairing *pairing) {
    const int32_t dim = sample->judging->rotated->spec.head_dim, pairs = pairing->rotary_dim / 2;
    const int32_t apart = rm_pair_apart(pairing->layout, pairs);
    int64_t count = 0;
    for (int64_t row = 0; row < sample->count; row++) {
        for (int32_t i = 0; i < pairs && sample->positions[row] > 0; i++) {
            const int64_t first = row * dim + rm_pair_first(pairing->layout, i), second = first + apart;
            const double before = hypot((double)sample->inputs[first], (double)sample->inputs[second]);
            const double ratio =
                hypot((double)sample->outputs[first], (double)sample->outputs[second]) / before;
            if (before > 0.0) {
                sample->ratios[count++] = isfinite(ratio) ? ratio : 0.0;
            }
        }
    }
    return count;
}

rm_pairing rm_sample_pairing(const rm_sample *sample, ropemap_layout layout, int32_t rotary_dim) {
    rm_pairing found = {.layout = layout, .rotary_dim = rotary_dim, .gain = 1.0};
    const int32_t dim = sample->judging->rotated->spec.head_dim;
    const double allowed = 2.0 * sample->judging->tolerance + OWN_ERROR;
    int64_t count = take_ratios(sample, &found), kept = 0;
    if (count == 0) {
        return found;
    }
    qsort(sample->ratios, (size_t)count, sizeof *sample->ratios, ascending);
    found.gain = sample->ratios[count / 2];
    for (int64_t i = 0; i < count; i++) {
        kept += fabs(sample->ratios[i] - found.gain) <= allowed * found.gain ? 1 : 0;
    }
    for (int64_t row = 0; row < sample->count; row++) {
        for (int32_t i = rotary_dim; i < dim; i++, count++) {
            const double x = (double)sample->inputs[row * dim + i];
            kept += fabs((double)sample->outputs[row * dim + i] - x) <= allowed * fabs(x) ? 1 : 0;
        }
    }
    found.share = found.gain > 0.0 ? (double)kept / (double)count : 0.0;
    return found;
}

/* ---- frequencies */

/* A row at that position; -1: there is none. */
static int64_t row_at(const rm_judging *judging, int64_t position) {
    int64_t low = 0, high = judging->rotated->rows;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (judging->rows[middle].position < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < judging->rotated->rows && judging->rows[low].position == position ? judging->rows[low].row
                                                                                   : -1;
}

/* The angle that a pair of a row was rotated by, from -pi to pi. */
static double angle_of(const rm_judging *judging, const rm_pairing *pairing, int64_t row, int32_t pair) {
    const int32_t dim = judging->rotated->spec.head_dim, first = rm_pair_first(pairing->layout, pair);
    const int64_t at = row * dim + first, next = at + rm_pair_apart(pairing->layout, pairing->rotary_dim / 2);
    const double x0 = (double)judging->rotated->inputs[at], x1 = (double)judging->rotated->inputs[next];
    const double y0 = (double)judging->rotated->outputs[at], y1 = (double)judging->rotated->outputs[next];
    return atan2(x0 * y1 - x1 * y0, x0 * y0 + x1 * y1);
}

int64_t rm_pairing_radians(const rm_judging *judging, const rm_pairing *pairing, double *radians) {
    static const double TURN = 6.283185307179586477;
    int64_t known = 0, start = -1;
    for (int64_t i = 1; i < judging->rotated->rows && start < 0; i++) {
        start = judging->rows[i].position == judging->rows[i - 1].position + 1 ? i - 1 : -1;
    }
    for (int64_t apart = 1; start >= 0 && apart <= 1 << 16; apart *= 2) {
        const int64_t far = row_at(judging, judging->rows[start].position + apart);
        for (int32_t i = 0; i < pairing->rotary_dim / 2 && far >= 0; i++) {
            const double angle =
                angle_of(judging, pairing, far, i) - angle_of(judging, pairing, judging->rows[start].row, i);
            const double before = apart == 1 ? 0.0 : radians[i] * (double)apart;
            radians[i] = (angle + TURN * rint((before - angle) / TURN)) / (double)apart;
        }
        if (far < 0) {
            break;
        }
        known = apart;
    }
    return known;
}
