/* bound_base.c - whether a base keeps the similarity of equal vectors from falling below 0 */
/* SPDX-License-Identifier: MIT */
#include "host/map/bound_base.h"

#include "host/base/alloc.h"
#include "host/map/bound_sum.h"
#include "host/rule/rule.h"
#include "host/rule/scaling.h"

#include <math.h>

enum {
    AROUND = 256,       /* distances looked at around a hint: what the backend works on at a time */
    HINT_LENGTH = 4096, /* distances that cost as much as a hint when all are looked at */
    ROOM_TRIALS = 6
};

static const double COSINE_ERROR = 3e-7; /* of the backend's distances, more than twice what it is */
static const double ROOM_SHARE = 0.999;  /* of the room that is taken: the rest is for rounding */
static const double ROUNDING = 1e-14;    /* of a frequency, relative: tens of times what it is */
static const double MOST_ROOM = 100.0;   /* log(1e30) is less */

/* The others mix frequencies by where a pair stands, which the base decides, or count pairs in another way.
 */
static bool is_smooth(const ropemap_scaling *scaling) {
    switch (scaling->rule) {
    case ROPEMAP_SCALING_NONE:
    case ROPEMAP_SCALING_LINEAR:
    case ROPEMAP_SCALING_NTK:
    case ROPEMAP_SCALING_DYNAMIC:
    case ROPEMAP_SCALING_LONGROPE:
    case ROPEMAP_SCALING_PROPORTIONAL:
    case ROPEMAP_SCALING_NTK_FIXED:
    case ROPEMAP_SCALING_NTK_MIXED:
    case ROPEMAP_SCALING_ALPHA:
        return true;
    case ROPEMAP_SCALING_GGML:
        return scaling->ext_factor == 0.0;
    default:
        return false;
    }
}

/* Whether YaRN's ramp begins past the last pair, as it does for the smallest bases: then all pairs are
 * divided, and frequencies rise where the base grows out of that. */
static bool divides_all(const ropemap_spec *spec, int32_t pairs) {
    const ropemap_scaling *scaling = &spec->scaling;
    if (scaling->rule != ROPEMAP_SCALING_YARN || scaling->ramp == ROPEMAP_RAMP_PAPER) {
        return false;
    }
    const rm_ramp_ends ends =
        rm_yarn_ends(spec->base, 2 * pairs, scaling->original_length, rm_given(scaling->beta_fast, 32.0),
                     rm_given(scaling->beta_slow, 1.0), scaling->untruncated);
    return ends.low > (double)(2 * pairs - 1);
}

ropemap_status rm_bound_base_open(rm_bound_base *base, rm_bound_team *team, int32_t worker,
                                  const ropemap_bound_request *request, double step, ropemap_error *error) {
    const ropemap_spec *spec = &request->spec;
    const int32_t rotary_dim = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    base->team = team;
    base->worker = worker;
    base->length = request->length;
    base->spec = *spec;
    base->smooth = is_smooth(&spec->scaling);
    base->least_room = step;
    base->hint_count = 0;
    return rm_bound_tile_open(&base->tile, team->contexts[worker], rotary_dim / 2, request->length, error);
}

void rm_bound_base_close(rm_bound_base *base) {
    rm_bound_tile_close(&base->tile);
}

static ropemap_status take(rm_bound_base *base, double value, ropemap_error *error) {
    rm_schedule schedule;
    base->spec.base = value;
    RM_TRY(rm_schedule_make(&base->spec, &schedule, error));
    rm_schedule_freqs(&schedule, &base->freqs);
    for (int32_t i = 0; i < schedule.pairs; i++) {
        base->radians[i] = schedule.radians[i].high;
        base->rates[i] = schedule.radians[i].high * i / schedule.pairs;
    }
    base->zero = -rm_bound_sum_rest(&base->spec, &base->freqs);
    base->divides_all = divides_all(&base->spec, schedule.pairs);
    rm_free(schedule.radians);
    return ROPEMAP_OK;
}

static double sum_of(const double *values, int32_t count) {
    double sum = 0.0;
    for (int32_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum;
}

/* ---- how far a verdict reaches */

/*
 * A room in which the frequencies fall by `allowed` in all, rad, at most: tried against the frequencies at
 * its end. What rounding does to a frequency in between is taken off.
 */
static ropemap_status falling_room(rm_bound_base *base, double allowed, double *room, ropemap_error *error) {
    const int32_t pairs = base->freqs.pairs;
    const double value = base->spec.base;
    const double left = ROOM_SHARE * allowed - ROUNDING * sum_of(base->radians, pairs);
    const double steepest = sum_of(base->rates, pairs);
    *room = 0.0;
    double trial = steepest > 0.0 ? left / steepest : MOST_ROOM;
    trial = trial < MOST_ROOM ? trial : MOST_ROOM;
    for (int i = 0; left > 0.0 && trial >= base->least_room && i < ROOM_TRIALS; i++) {
        rm_schedule schedule;
        double fall = 0.0;
        base->spec.base = fmin(value * exp(trial), 1e30);
        const ropemap_status status = rm_schedule_make(&base->spec, &schedule, error);
        const bool divides = divides_all(&base->spec, pairs);
        base->spec.base = value;
        RM_TRY(status);
        for (int32_t pair = 0; pair < pairs; pair++) {
            fall += base->radians[pair] - schedule.radians[pair].high;
        }
        rm_free(schedule.radians);
        if (fall <= left && divides == base->divides_all) {
            *room = trial;
            return ROPEMAP_OK;
        }
        trial *= 0.5;
    }
    return ROPEMAP_OK;
}

/* How far B(distance), `depth` below zero, stays below it by Taylor's theorem: depth = slope * room + bend /
 * 2 * room^2, or by the slope's bound. */
static double smooth_room(const rm_bound_base *base, int64_t distance, double depth) {
    const double r = (double)distance;
    const double slope = r * rm_bound_sum_sines(&base->freqs, base->rates, distance);
    double steepest = 0.0, bend = 0.0;
    for (int32_t i = 0; i < base->freqs.pairs; i++) {
        const double rate = r * base->rates[i];
        steepest += rate;
        bend += rate * (rate + (double)i / base->freqs.pairs);
    }
    const double up = slope > 0.0 ? slope : 0.0;
    return steepest > 0.0
               ? ROOM_SHARE * fmax(depth / steepest, 2.0 * depth / (up + sqrt(up * up + 2.0 * bend * depth)))
               : 0.0;
}

static ropemap_status refuted_room(rm_bound_base *base, int64_t distance, double *room,
                                   ropemap_error *error) {
    const double depth = base->zero - rm_bound_sum(&base->freqs, distance);
    *room = 0.0;
    if (!(depth > 0.0)) {
        return ROPEMAP_OK;
    }
    if (base->smooth) {
        *room = smooth_room(base, distance, depth);
        return ROPEMAP_OK;
    }
    return falling_room(base, depth / (double)distance, room, error);
}

/* No sum is below this one: each pair's least cosine, where it does not get past half a turn. Exact where
 * pairs rest. */
static double floor_of_all(const rm_bound_base *base) {
    double floor = 0.0;
    for (int32_t i = 0; i < base->freqs.pairs; i++) {
        const double angle = base->radians[i] * (double)(base->length - 1);
        floor += angle == 0.0 ? 1.0 : angle < 3.14 ? cos(angle) - 1e-15 : -1.0;
    }
    return floor;
}

/* ---- refuting */

/* Puts a distance first, in the place of hint `index` or, past the last, of the oldest. */
static void keep_hint(rm_bound_base *base, int32_t index, int64_t distance) {
    if (index == base->hint_count && index < RM_BOUND_HINTS) {
        base->hint_count++;
    }
    int32_t at = index < RM_BOUND_HINTS ? index : RM_BOUND_HINTS - 1;
    for (; at > 0; at--) {
        base->hints[at] = base->hints[at - 1];
    }
    base->hints[0] = distance;
}

/* The least of the distances around a hint, where similarity is surely below 0; -1: none is. */
static ropemap_status look_around(rm_bound_base *base, int64_t hint, int64_t *distance,
                                  ropemap_error *error) {
    const int64_t low = hint > AROUND / 2 ? hint - AROUND / 2 : 0, left = base->length - low;
    const ropemap_range some = {.first = low, .count = left < AROUND ? left : AROUND, .step = 1};
    double values[AROUND], least = base->zero - COSINE_ERROR * base->freqs.pairs;
    RM_TRY(rm_cpu_backend()->distances(base->tile.context, &base->freqs, 1.0, some, values, error));
    *distance = -1;
    for (int64_t t = 0; t < some.count; t++) {
        if (values[t] < least) {
            least = values[t];
            *distance = low + t;
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status try_hints(rm_bound_base *base, int64_t *distance, ropemap_error *error) {
    *distance = -1;
    for (int32_t i = 0; i < base->hint_count && i < base->length / HINT_LENGTH; i++) {
        RM_TRY(look_around(base, base->hints[i], distance, error));
        if (*distance >= 0) {
            keep_hint(base, i, *distance);
            return ROPEMAP_OK;
        }
    }
    return ROPEMAP_OK;
}

/* ---- accepting */

/* All distances of the base in hand, in order, up to the first negative similarity. `allowed`: what the
 * frequencies may fall by before there is one, rad. */
static ropemap_status look_at_all(rm_bound_base *base, int64_t *first, double *allowed,
                                  ropemap_error *error) {
    rm_bound_tile *tile = &base->tile;
    *first = -1;
    *allowed = INFINITY;
    RM_TRY(rm_bound_tile_begin(tile, &base->freqs, error));
    for (int64_t r = 0; r < base->length && *first < 0; r += tile->count) {
        RM_TRY(rm_bound_team_poll(base->team, base->worker, error));
        RM_TRY(rm_bound_tile_fill(tile, r, base->length, error));
        const double floor = rm_bound_tile_floor(tile) - base->zero;
        if (floor < 0.0) {
            *first = rm_bound_tile_below(tile, base->zero);
        }
        const double last = (double)(r + tile->count - 1);
        *allowed = fmin(*allowed, floor > 0.0 ? floor / last : 0.0);
    }
    return ROPEMAP_OK;
}

static ropemap_status accepted_room(rm_bound_base *base, double allowed, double *room, ropemap_error *error) {
    const double steepest = sum_of(base->rates, base->freqs.pairs);
    if (base->smooth && steepest > 0.0) {
        *room = ROOM_SHARE * allowed / steepest;
        return ROPEMAP_OK;
    }
    return falling_room(base, allowed, room, error);
}

ropemap_status rm_bound_base_judge(rm_bound_base *base, double value, rm_bound_verdict *verdict,
                                   ropemap_error *error) {
    int64_t distance = -1;
    *verdict = (rm_bound_verdict){0};
    RM_TRY(take(base, value, error));
    if (floor_of_all(base) >= base->zero) {
        *verdict = (rm_bound_verdict){.holds = true, .room = base->divides_all ? 0.0 : (double)INFINITY};
        return ROPEMAP_OK;
    }
    RM_TRY(try_hints(base, &distance, error));
    if (distance < 0) {
        int64_t first = -1;
        double allowed = 0.0;
        RM_TRY(look_at_all(base, &first, &allowed, error));
        if (first < 0) {
            verdict->holds = true;
            return accepted_room(base, allowed, &verdict->room, error);
        }
        RM_TRY(look_around(base, first, &distance, error));
        distance = distance < 0 ? first : distance;
        keep_hint(base, base->hint_count, distance);
    }
    return refuted_room(base, distance, &verdict->room, error);
}

ropemap_status rm_bound_base_first(rm_bound_base *base, double value, int64_t *first, ropemap_error *error) {
    double allowed = 0.0;
    RM_TRY(take(base, value, error));
    return look_at_all(base, first, &allowed, error);
}

ropemap_status rm_bound_base_least(rm_bound_base *base, double value, rm_bound_least *least,
                                   ropemap_error *error) {
    rm_bound_tile *tile = &base->tile;
    *least = (rm_bound_least){.value = INFINITY};
    RM_TRY(take(base, value, error));
    RM_TRY(rm_bound_tile_begin(tile, &base->freqs, error));
    for (int64_t r = 0; r < base->length; r += tile->count) {
        RM_TRY(rm_bound_team_poll(base->team, base->worker, error));
        RM_TRY(rm_bound_tile_fill(tile, r, base->length, error));
        rm_bound_tile_least(tile, base->length, least);
    }
    least->value = (least->value - base->zero) / (base->freqs.pairs - base->zero);
    return ROPEMAP_OK;
}
