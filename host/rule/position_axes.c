/* position_axes.c - how pairs and frequencies are dealt to several axes of positions */
/* SPDX-License-Identifier: MIT */
#include "host/rule/rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"ladders", "unit", "strided", "sections", "interleaved", "time-last"};

enum { DEALS = sizeof names / sizeof names[0], INTERLEAVED_AXES = 3 };

const char *ropemap_deal_name(ropemap_deal deal) {
    return (unsigned)deal < DEALS ? names[deal] : NULL;
}

const char *ropemap_axis_name(const ropemap_axes *axes, int32_t axis) {
    static const char *const words[] = {"t", "h", "w"};
    static const char *const numbers[ROPEMAP_MAX_AXES] = {"axis 1", "axis 2", "axis 3", "axis 4"};
    if (axis < 0 || axis >= axes->count || axes->count > ROPEMAP_MAX_AXES) {
        return NULL;
    }
    return axes->count <= 3 ? words[axis + 3 - axes->count] : numbers[axis];
}

/* ---- which axis a pair follows ---- */

static int32_t run_of(const ropemap_axes *axes, int32_t pair) {
    int32_t axis = 0;
    for (int32_t end = axes->pairs[0]; axis < axes->count - 1 && pair >= end; end += axes->pairs[axis]) {
        axis++;
    }
    return axis;
}

int32_t ropemap_axes_follow(const ropemap_axes *axes, int32_t pair) {
    if (axes->count == 0) {
        return 0;
    }
    if (axes->deal == ROPEMAP_DEAL_INTERLEAVED) {
        const int32_t axis = pair % INTERLEAVED_AXES;
        return axis < axes->count && pair < INTERLEAVED_AXES * axes->pairs[axis] ? axis : 0;
    }
    if (axes->deal == ROPEMAP_DEAL_TIME_LAST) {
        return pair < axes->pairs[1] + axes->pairs[2] ? 1 + pair % 2 : 0;
    }
    return run_of(axes, pair);
}

/* ---- frequencies ---- */

/* Each axis has the frequencies of a head of its own. */
static void fill_ladders(const ropemap_spec *spec, rm_rule *rule, rm_twofold *radians, double *attention) {
    const rm_twofold four_pi = {.high = 0x1.921fb54442d18p+3, .low = 0x1.1a62633145c07p-51};
    for (int32_t axis = 0; axis < spec->axes.count; axis++) {
        const int32_t pairs = spec->axes.pairs[axis];
        rule(spec, pairs, radians, attention);
        for (int32_t i = 0; i < pairs && spec->axes.deal == ROPEMAP_DEAL_UNIT; i++) {
            radians[i] = rm_twofold_div(rm_twofold_mul(radians[i], four_pi), (double)spec->axes.grid[axis]);
        }
        radians += pairs;
    }
}

void rm_axes_frequencies(const ropemap_spec *spec, rm_rule *rule, int32_t pairs, rm_twofold *radians,
                         double *attention) {
    const ropemap_axes *axes = &spec->axes;
    if (axes->deal != ROPEMAP_DEAL_STRIDED) {
        fill_ladders(spec, rule, radians, attention);
        return;
    }
    rule(spec, pairs, radians + pairs, attention);
    for (int32_t axis = 0, pair = 0; axis < axes->count; axis++) {
        for (int32_t i = axis; i < pairs; i += axes->count) {
            radians[pair++] = radians[pairs + i];
        }
    }
}

/* ---- checks ---- */

/* What messages call the field: M-RoPE's is given in pairs, as the option --sections. */
static const char *field_of(const ropemap_axes *axes) {
    return axes->deal == ROPEMAP_DEAL_SECTIONS || axes->deal == ROPEMAP_DEAL_INTERLEAVED ? "sections"
                                                                                         : "axes";
}

/* "16, 24 and 24" */
static void list_pairs(const ropemap_axes *axes, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (int32_t axis = 0; axis < axes->count && length < size; axis++) {
        const char *between = axis == 0 ? "" : axis == axes->count - 1 ? " and " : ", ";
        length += (size_t)snprintf(text + length, size - length, "%s%" PRId32, between, axes->pairs[axis]);
    }
}

static ropemap_status check_counts(const ropemap_axes *axes, int32_t pairs, ropemap_error *error) {
    char list[80];
    int64_t sum = 0;
    for (int32_t axis = 0; axis < axes->count; axis++) {
        if (axes->pairs[axis] < (axes->deal <= ROPEMAP_DEAL_STRIDED ? 1 : 0)) {
            return rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId32 " pairs for axis %" PRId32 ", which needs %s",
                           field_of(axes), axes->pairs[axis], axis,
                           axes->deal <= ROPEMAP_DEAL_STRIDED ? "at least 1" : "0 or more");
        }
        sum += axes->pairs[axis];
    }
    list_pairs(axes, list, sizeof list);
    return sum == pairs ? ROPEMAP_OK
                        : rm_fail(error, ROPEMAP_USAGE,
                                  "%s: %s pairs are %" PRId64 ", but %" PRId32 " pairs (%" PRId32
                                  " elements) rotate: give pairs that add up to that",
                                  field_of(axes), list, sum, pairs, 2 * pairs);
}

/* Where pairs are dealt in turn, the deal fixes how many each axis has. */
static ropemap_status check_dealt(const ropemap_axes *axes, int32_t pairs, ropemap_error *error) {
    int32_t dealt[ROPEMAP_MAX_AXES] = {0};
    for (int32_t i = 0; i < pairs; i++) {
        dealt[axes->deal == ROPEMAP_DEAL_STRIDED ? i % axes->count : ropemap_axes_follow(axes, i)]++;
    }
    for (int32_t axis = 0; axis < axes->count; axis++) {
        if (dealt[axis] != axes->pairs[axis]) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "%s: %" PRId32 " pairs for axis %" PRId32 ", but %s, %" PRId32 " of %" PRId32
                           " follow it",
                           field_of(axes), axes->pairs[axis], axis, names[axes->deal], dealt[axis], pairs);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check_grid(const ropemap_axes *axes, ropemap_error *error) {
    for (int32_t axis = 0; axis < axes->count; axis++) {
        const int32_t least = axes->deal == ROPEMAP_DEAL_UNIT ? 1 : 0;
        if (axes->grid[axis] < least || axes->grid[axis] > ROPEMAP_MAX_GRID) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "grid: %" PRId32 " patches along axis %" PRId32 ", which takes %" PRId32
                           " to %d%s",
                           axes->grid[axis], axis, least, ROPEMAP_MAX_GRID,
                           least == 1 ? "; coordinates from -1 to 1 depend on the number" : "");
        }
    }
    return ROPEMAP_OK;
}

/* Rules with a number for each pair of the head, or with their own axes, do not combine with axes. */
static ropemap_status check_rule(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_scaling_rule rule = spec->scaling.rule;
    const bool own = rule == ROPEMAP_SCALING_LONGROPE || rule == ROPEMAP_SCALING_PROPORTIONAL ||
                     rule == ROPEMAP_SCALING_GGML || rule == ROPEMAP_SCALING_VISION_2D ||
                     rule == ROPEMAP_SCALING_AXIAL;
    return !own || !ropemap_axes_apart(&spec->axes)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "scaling: %s has one axis, or axes of its own; leave out --axes",
                         ropemap_scaling_name(rule));
}

ropemap_status rm_axes_check(const ropemap_spec *spec, ropemap_error *error) {
    const ropemap_axes *axes = &spec->axes;
    const int32_t pairs = rm_spec_pairs(spec);
    if (axes->count < 2 || axes->count > ROPEMAP_MAX_AXES || ropemap_deal_name(axes->deal) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "axes: %" PRId32 " of them in deal %d, there are 2 to %d",
                       axes->count, (int)axes->deal, ROPEMAP_MAX_AXES);
    }
    if (axes->deal == ROPEMAP_DEAL_TIME_LAST && (axes->count != 3 || axes->pairs[1] != axes->pairs[2])) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "axes: time-last needs three axes, with as many pairs for height as for width");
    }
    RM_TRY(check_counts(axes, pairs, error));
    RM_TRY(check_dealt(axes, pairs, error));
    RM_TRY(check_grid(axes, error));
    return check_rule(spec, error);
}

/* ---- text ---- */

/* The deal that a text begins with, and what follows its colon. */
static const char *parse_deal(const char *text, ropemap_deal *deal) {
    *deal = ROPEMAP_DEAL_LADDERS;
    for (int i = 0; i < DEALS; i++) {
        const size_t length = strlen(names[i]);
        if (strncmp(text, names[i], length) == 0 && text[length] == ':') {
            *deal = (ropemap_deal)i;
            return text + length + 1;
        }
    }
    return text;
}

ropemap_status ropemap_axes_parse(const char *text, ropemap_axes *axes, ropemap_error *error) {
    ropemap_axes made = {.count = 0};
    const char *at = parse_deal(text, &made.deal);
    while (made.count < ROPEMAP_MAX_AXES && *at >= '0' && *at <= '9') {
        char *end = NULL;
        const long elements = strtol(at, &end, 10);
        if (elements > ROPEMAP_MAX_HEAD_DIM || elements % 2 != 0) {
            break;
        }
        made.pairs[made.count++] = (int32_t)elements / 2;
        at = *end == ',' && end[1] != '\0' ? end + 1 : end;
    }
    if (*at != '\0' || made.count < 2) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "'%.64s' is not a list of axes: give 2 to %d even numbers of elements, such as "
                       "16,56,56 or unit:32,32",
                       text, ROPEMAP_MAX_AXES);
    }
    *axes = made;
    return ROPEMAP_OK;
}

void ropemap_axes_format(const ropemap_axes *axes, char *text, size_t size) {
    const bool plain = axes->deal == ROPEMAP_DEAL_LADDERS;
    size_t length = (size_t)snprintf(text, size, "%s%s", plain ? "" : names[axes->deal], plain ? "" : ":");
    for (int32_t axis = 0; axis < axes->count && length < size; axis++) {
        length += (size_t)snprintf(text + length, size - length, "%s%" PRId32, axis == 0 ? "" : ",",
                                   2 * axes->pairs[axis]);
    }
}
