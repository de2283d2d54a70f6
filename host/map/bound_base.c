/* bound_base.c - whether a base keeps the sums of cosines of a rule from falling below 0 */
/* SPDX-License-Identifier: MIT */
#include "host/map/bound_base.h"

#include "host/base/alloc.h"
#include "host/map/bound_sum.h"
#include "host/spec/schedule.h"

#include <math.h>

enum {
    AROUND = 256,      /* distances looked at around a hint: what the backend works on at a time */
    HINT_LENGTH = 4096 /* distances that cost as much as a hint when all are looked at */
};

static const double COSINE_ERROR = 3e-7; /* of the backend's distances, more than twice what it is */
static const double ROOM_SHARE = 0.999;  /* of the room that is taken: the rest is for rounding */

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

ropemap_status rm_bound_base_open(rm_bound_base *base, rm_bound_team *team, int32_t worker,
                                  const ropemap_bound_request *request, ropemap_error *error) {
    const ropemap_spec *spec = &request->spec;
    const int32_t rotary_dim = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    base->team = team;
    base->worker = worker;
    base->length = request->length;
    base->spec = *spec;
    base->smooth = is_smooth(&spec->scaling);
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
        base->rates[i] = schedule.radians[i].high * i / schedule.pairs;
    }
    rm_free(schedule.radians);
    return ROPEMAP_OK;
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

/* The least of the distances around a hint, where its sum is surely below 0; -1: none is. */
static ropemap_status look_around(rm_bound_base *base, int64_t hint, int64_t *distance,
                                  ropemap_error *error) {
    const int64_t low = hint > AROUND / 2 ? hint - AROUND / 2 : 0, left = base->length - low;
    const ropemap_range some = {.first = low, .count = left < AROUND ? left : AROUND, .step = 1};
    double values[AROUND], least = -COSINE_ERROR * base->freqs.pairs;
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

/* How far B(distance) = -depth stays below 0: depth = slope * room + bend / 2 * room^2, or by the slope's
 * bound. */
static double refuted_room(const rm_bound_base *base, int64_t distance) {
    const double r = (double)distance, depth = -rm_bound_sum(&base->freqs, distance);
    const double slope = r * rm_bound_sum_sines(&base->freqs, base->rates, distance);
    double steepest = 0.0, bend = 0.0;
    for (int32_t i = 0; i < base->freqs.pairs; i++) {
        const double rate = r * base->rates[i];
        steepest += rate;
        bend += rate * (rate + (double)i / base->freqs.pairs);
    }
    if (!base->smooth || !(depth > 0.0) || !(steepest > 0.0)) {
        return 0.0;
    }
    const double up = slope > 0.0 ? slope : 0.0;
    return ROOM_SHARE * fmax(depth / steepest, 2.0 * depth / (up + sqrt(up * up + 2.0 * bend * depth)));
}

/* ---- accepting */

/* All distances of the base in hand, in order, up to the first negative sum. */
static ropemap_status look_at_all(rm_bound_base *base, int64_t *first, double *room, ropemap_error *error) {
    rm_bound_tile *tile = &base->tile;
    double steepest = 0.0;
    for (int32_t i = 0; i < base->freqs.pairs; i++) {
        steepest += base->rates[i];
    }
    *first = -1;
    *room = base->smooth ? INFINITY : 0.0;
    RM_TRY(rm_bound_tile_begin(tile, &base->freqs, error));
    for (int64_t r = 0; r < base->length && *first < 0; r += tile->count) {
        RM_TRY(rm_bound_team_poll(base->team, base->worker, error));
        RM_TRY(rm_bound_tile_fill(tile, r, base->length, error));
        const double floor = rm_bound_tile_floor(tile);
        if (floor < 0.0) {
            *first = rm_bound_tile_below(tile, 0.0);
        }
        const double last = (double)(r + tile->count - 1);
        *room = fmin(*room, floor > 0.0 ? ROOM_SHARE * floor / (last * steepest) : 0.0);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_bound_base_judge(rm_bound_base *base, double value, rm_bound_verdict *verdict,
                                   ropemap_error *error) {
    int64_t distance = -1;
    *verdict = (rm_bound_verdict){0};
    RM_TRY(take(base, value, error));
    RM_TRY(try_hints(base, &distance, error));
    if (distance < 0) {
        int64_t first = -1;
        RM_TRY(look_at_all(base, &first, &verdict->room, error));
        if (first < 0) {
            verdict->holds = true;
            return ROPEMAP_OK;
        }
        RM_TRY(look_around(base, first, &distance, error));
        distance = distance < 0 ? first : distance;
        keep_hint(base, base->hint_count, distance);
    }
    verdict->room = refuted_room(base, distance);
    return ROPEMAP_OK;
}

ropemap_status rm_bound_base_first(rm_bound_base *base, double value, int64_t *first, ropemap_error *error) {
    double room = 0.0;
    RM_TRY(take(base, value, error));
    return look_at_all(base, first, &room, error);
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
    return ROPEMAP_OK;
}
