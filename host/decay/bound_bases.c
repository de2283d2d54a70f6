/* bound_bases.c - the bases, or factors of a scaling, that keep similarity up to a length */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/decay/cosine_sums.h"
#include "host/device/session.h"
#include "host/ropemap_decay.h"
#include "host/rule/rule.h"
#include "host/rule/scaling.h"

#include <inttypes.h>
#include <math.h>

/*
 * "Base" is what is searched: the base, or the scaling's factor. Frequencies come from the rule itself, for
 * every base. A base is refuted by one distance: those around the
 * distances that refuted its neighbours are looked at first. A base that is accepted has had every distance
 * looked at. Which of the two it is does not depend on what was looked at before.
 *
 * A verdict holds for larger bases too, as far as no sum can have crossed 0. As the base grows every
 * frequency falls or stays, for every rule but YaRN where its ramp begins past the last pair, so that up to a
 * base with frequencies theta' no sum changes by more than r * sum of (theta - theta'). Where a frequency is
 * a power of the base, theta = c e^(-u x) with x = log(base) and u = i / pairs, or another u of a factor,
 * there is more: Taylor's theorem has B'(r) = sum of u r theta sin(r theta),
 * |B'| <= sum of u r theta, |B''| <= sum of (u r theta)^2
 * + u^2 r theta, bounds that fall as x grows. A base whose slow pairs outweigh all others holds, and so do
 * all larger ones.
 */

enum { RM_BOUND_HINTS = 4 };

typedef struct rm_bound_verdict {
    bool holds;  /* S(r) >= 0 for all distances */
    double room; /* bases up to e^room times as large have the same verdict */
} rm_bound_verdict;

/* A worker's memory. */
typedef struct rm_bound_base {
    rm_team *team;
    int32_t worker;
    int64_t length;    /* distances 0 .. length - 1 */
    bool of_factor;    /* the factor is searched */
    double keep;       /* share of S(0) */
    ropemap_spec spec; /* with the base under test */
    ropemap_freqs freqs;
    double zero;       /* similarity is below keep * S(0) where B is below this */
    bool smooth;       /* frequencies are c e^(-u x) */
    bool divides_all;  /* as YaRN may, where frequencies rise once the base has grown out of it */
    double least_room; /* a smaller one is of no use */
    double radians[ROPEMAP_MAX_PAIRS]; /* [pairs] theta */
    double rates[ROPEMAP_MAX_PAIRS];   /* [pairs] u theta, rad */
    rm_bound_tile tile;
    int32_t hint_count;
    int64_t hints[RM_BOUND_HINTS]; /* distances that refuted bases, the latest first */
} rm_bound_base;

enum {
    AROUND = 256,       /* distances looked at around a hint: what the backend works on at a time */
    HINT_LENGTH = 4096, /* distances that cost as much as a hint when all are looked at */
    ROOM_TRIALS = 6
};

static const double COSINE_ERROR = 3e-7; /* of the backend's distances, more than twice what it is */

static const double ROOM_SHARE = 0.999; /* of the room that is taken: the rest is for rounding */

static const double ROUNDING = 1e-14; /* of a frequency, relative: tens of times what it is */

static const double MOST_ROOM = 100.0; /* log(1e30) is less */

/* The others mix frequencies by where a pair stands, which the base decides, or count pairs in another way.
 */
static bool is_smooth(const ropemap_scaling *scaling, bool of_factor) {
    if (of_factor) {
        return scaling->rule == ROPEMAP_SCALING_LINEAR || scaling->rule == ROPEMAP_SCALING_NTK;
    }
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

/* u of a pair. Of rules that are not smooth no frequency is steeper. */
static double share_of(const rm_bound_base *base, int32_t pair, int32_t pairs) {
    if (!base->of_factor) {
        return (double)pair / pairs;
    }
    return base->spec.scaling.rule != ROPEMAP_SCALING_NTK ? 1.0
           : pairs > 1                                    ? (double)pair / (pairs - 1)
                                                          : 0.0;
}

static void put(rm_bound_base *base, double value) {
    *(base->of_factor ? &base->spec.scaling.factor : &base->spec.base) = value;
}

/* S(r) = (2 a^2 B(r) + rest) / head_dim is below keep * S(0) where B(r) is below this. */
static double threshold(const rm_bound_base *base, int32_t pairs, double attention_factor) {
    const double rest = rm_bound_sum_rest(&base->spec, pairs, attention_factor);
    return base->keep * (pairs + rest) - rest;
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

/* `step`: how far apart the logarithms of bases are. Close it after success and after failure. */
static ropemap_status rm_bound_base_open(rm_bound_base *base, rm_workers *workers, int32_t worker,
                                         const ropemap_bound_request *request, double step,
                                         ropemap_error *error) {
    const ropemap_spec *spec = &request->spec;
    const int32_t rotary_dim = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    base->team = &workers->team;
    base->worker = worker;
    base->length = request->length;
    base->of_factor = request->of_factor;
    base->keep = request->keep;
    base->spec = *spec;
    base->smooth = is_smooth(&spec->scaling, request->of_factor);
    base->least_room = step;
    base->hint_count = 0;
    return rm_bound_tile_open(&base->tile, workers->each[worker].context, rotary_dim / 2, request->length,
                              error);
}

static void rm_bound_base_close(rm_bound_base *base) {
    rm_bound_tile_close(&base->tile);
}

static ropemap_status take(rm_bound_base *base, double value, ropemap_error *error) {
    rm_schedule schedule;
    put(base, value);
    RM_TRY(rm_schedule_make(&base->spec, &schedule, error));
    rm_schedule_freqs(&schedule, &base->freqs);
    for (int32_t i = 0; i < schedule.pairs; i++) {
        base->radians[i] = schedule.radians[i].high;
        base->rates[i] = schedule.radians[i].high * share_of(base, i, schedule.pairs);
    }
    base->zero = threshold(base, schedule.pairs, schedule.attention);
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
 * its end. What rounding does to a frequency in between is taken off. A factor may change the attention
 * factor as well, and with it the threshold: then each has half of the room, the threshold half of `slack`,
 * which no sum is nearer to it than.
 */
static ropemap_status falling_room(rm_bound_base *base, bool holds, double slack, double allowed,
                                   double *room, ropemap_error *error) {
    const int32_t pairs = base->freqs.pairs;
    const double value = base->of_factor ? base->spec.scaling.factor : base->spec.base;
    const double left = ROOM_SHARE * allowed - ROUNDING * sum_of(base->radians, pairs);
    const double steepest = sum_of(base->rates, pairs);
    *room = 0.0;
    /* Of a factor, frequencies may not fall at all: the first trial is for the largest. */
    double trial = base->of_factor || !(steepest > 0.0) ? MOST_ROOM : fmin(left / steepest, MOST_ROOM);
    for (int i = 0; left > 0.0 && trial >= base->least_room && i < ROOM_TRIALS; i++) {
        rm_schedule schedule;
        double fall = 0.0;
        put(base, fmin(value * exp(trial), base->of_factor ? 1e9 : 1e30));
        const ropemap_status status = rm_schedule_make(&base->spec, &schedule, error);
        const bool divides = divides_all(&base->spec, pairs);
        put(base, value);
        RM_TRY(status);
        const double rise = (threshold(base, pairs, schedule.attention) - base->zero) * (holds ? 1.0 : -1.0);
        for (int32_t pair = 0; pair < pairs; pair++) {
            fall += base->radians[pair] - schedule.radians[pair].high;
        }
        rm_free(schedule.radians);
        if (divides == base->divides_all &&
            (rise <= 0.0 ? fall <= left : 2.0 * fall <= left && 2.0 * rise <= slack)) {
            *room = trial;
            return ROPEMAP_OK;
        }
        trial = fmin(trial, base->of_factor ? log(1e9 / value) : MOST_ROOM) *
                (fall > 0.0 ? fmin(0.5, 0.9 * left / fall) : 0.5);
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
        bend += rate * (rate + share_of(base, i, base->freqs.pairs));
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
    return falling_room(base, false, depth, depth / (double)distance, room, error);
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

/* All distances of the base under test, in order, up to the first where similarity is too low. `allowed`:
 * what the frequencies may fall by before there is one, rad; `slack`: how near the least sum is. */
static ropemap_status look_at_all(rm_bound_base *base, int64_t *first, double *allowed, double *slack,
                                  ropemap_error *error) {
    rm_bound_tile *tile = &base->tile;
    *first = -1;
    *allowed = *slack = INFINITY;
    RM_TRY(rm_bound_tile_begin(tile, &base->freqs, error));
    for (int64_t r = 0; r < base->length && *first < 0; r += tile->count) {
        RM_TRY(rm_team_poll(base->team, base->worker, error));
        RM_TRY(rm_bound_tile_fill(tile, r, base->length, error));
        const double floor = rm_bound_tile_floor(tile) - base->zero;
        if (floor < 0.0) {
            *first = rm_bound_tile_below(tile, base->zero);
        }
        const double last = (double)(r + tile->count - 1);
        *allowed = fmin(*allowed, floor > 0.0 ? floor / last : 0.0);
        *slack = fmin(*slack, floor > 0.0 ? floor : 0.0);
    }
    return ROPEMAP_OK;
}

/*
 * A larger divisor of all frequencies has the sums of distances between these. There B is below the less of
 * its two neighbours by an eighth of max |B''| at most, and |B''| <= sum of theta^2; `slack` is what no sum
 * is nearer to the threshold than.
 */
static bool divisors_hold(const rm_bound_base *base, double slack) {
    double bend = 0.0;
    for (int32_t i = 0; i < base->freqs.pairs; i++) {
        bend += base->radians[i] * base->radians[i];
    }
    const double rounding = ROUNDING * (double)base->length * sum_of(base->radians, base->freqs.pairs);
    return base->of_factor && base->spec.scaling.rule == ROPEMAP_SCALING_LINEAR &&
           slack >= 0.125 * bend + rounding;
}

static ropemap_status accepted_room(rm_bound_base *base, double allowed, double slack, double *room,
                                    ropemap_error *error) {
    if (divisors_hold(base, slack)) {
        *room = (double)INFINITY;
        return ROPEMAP_OK;
    }
    const double steepest = sum_of(base->rates, base->freqs.pairs);
    if (base->smooth && steepest > 0.0) {
        *room = ROOM_SHARE * allowed / steepest;
        return ROPEMAP_OK;
    }
    return falling_room(base, true, slack, allowed, room, error);
}

static ropemap_status rm_bound_base_judge(rm_bound_base *base, double value, rm_bound_verdict *verdict,
                                          ropemap_error *error) {
    int64_t distance = -1;
    *verdict = (rm_bound_verdict){0};
    RM_TRY(take(base, value, error));
    if (floor_of_all(base) >= base->zero) {
        const bool always = base->of_factor ? rm_bound_sum_rest(&base->spec, base->freqs.pairs,
                                                                base->freqs.attention_factor) == 0.0
                                            : !base->divides_all;
        *verdict = (rm_bound_verdict){.holds = true, .room = always ? (double)INFINITY : 0.0};
        return ROPEMAP_OK;
    }
    RM_TRY(try_hints(base, &distance, error));
    if (distance < 0) {
        int64_t first = -1;
        double allowed = 0.0, slack = 0.0;
        RM_TRY(look_at_all(base, &first, &allowed, &slack, error));
        if (first < 0) {
            verdict->holds = true;
            return accepted_room(base, allowed, slack, &verdict->room, error);
        }
        RM_TRY(look_around(base, first, &distance, error));
        distance = distance < 0 ? first : distance;
        keep_hint(base, base->hint_count, distance);
    }
    return refuted_room(base, distance, &verdict->room, error);
}

/* The first distance where similarity is too low for the base `value`, -1: none. */
static ropemap_status rm_bound_base_first(rm_bound_base *base, double value, int64_t *first,
                                          ropemap_error *error) {
    double allowed = 0.0, slack = 0.0;
    RM_TRY(take(base, value, error));
    return look_at_all(base, first, &allowed, &slack, error);
}

/* The distance with the least S(r), and S there as a share of S(0). */
static ropemap_status rm_bound_base_least(rm_bound_base *base, double value, rm_bound_least *least,
                                          ropemap_error *error) {
    rm_bound_tile *tile = &base->tile;
    *least = (rm_bound_least){.value = INFINITY};
    RM_TRY(take(base, value, error));
    RM_TRY(rm_bound_tile_begin(tile, &base->freqs, error));
    for (int64_t r = 0; r < base->length; r += tile->count) {
        RM_TRY(rm_team_poll(base->team, base->worker, error));
        RM_TRY(rm_bound_tile_fill(tile, r, base->length, error));
        rm_bound_tile_least(tile, base->length, least);
    }
    const double rest = rm_bound_sum_rest(&base->spec, base->freqs.pairs, base->freqs.attention_factor);
    least->value = (least->value + rest) / (base->freqs.pairs + rest);
    return ROPEMAP_OK;
}

/*
 * The feasible set is not an interval, so nothing is bisected but the stretch between two neighbours of a
 * grid: bases low, ..., high, apart by a factor of 1 + resolution at most. What is guaranteed: every base of
 * the grid inside a window is accepted and every other one is refuted, either with its own distances or
 * because it lies so near below it another base was that no similarity can have crossed 0 in between
 * (see the top). Both ends of a window were accepted with every distance looked at, and a base within a
 * relative 1e-9 of each was refuted, unless the end is that of the search. Windows and gaps that no base of
 * the grid falls into, narrower than the resolution, may be missed.
 *
 * The grid is cut into rounds, which end before the next begins, and a round into tasks: what is found does
 * not depend on the number of threads.
 */

enum { ROUND_TASKS = 64, TASK_BASES_MOST = 16384, SKIP_TASKS = 4 };

static const double LOWEST = 1.0, HIGHEST = 1e10, RESOLUTION = 1e-6, END_ERROR = 1e-9;

static const double MOST_FACTOR = 1e9, HIGHEST_FACTOR = 1e4, MOST_BASE = 1e30;

static const double TASK_STRETCH = 2.5e-4; /* relative: a verdict seldom holds for more where it matters */

static const double FACTOR_STRETCH = 2e-3; /* the same of factors */

struct search {
    rm_workers *workers;
    const ropemap_bound_request *request;
    double low, high;
    int64_t steps;        /* of the grid: bases 0 .. steps */
    double step;          /* between their logarithms */
    rm_bound_base *bases; /* [workers] */

    int64_t round_first, round_count, task_bases; /* of the grid */
    bool *holds;                                  /* [ROUND_TASKS * task_bases] */

    bool inside; /* the base before this one holds */
    ropemap_window *windows;
    int32_t most, count;
};

static double base_at(const struct search *search, int64_t index) {
    return index == search->steps ? search->high : search->low * exp(search->step * (double)index);
}

/* ---- the grid */

static ropemap_status bases_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct search *search = work;
    const int64_t first = task * search->task_bases, past = first + search->task_bases;
    const int64_t end = past < search->round_count ? past : search->round_count;
    for (int64_t i = first; i < end;) {
        rm_bound_verdict verdict;
        RM_TRY(rm_team_poll(&search->workers->team, worker, error));
        RM_TRY(rm_bound_base_judge(&search->bases[worker], base_at(search, search->round_first + i), &verdict,
                                   error));
        const double more = fmin(verdict.room / search->step, (double)(end - 1 - i));
        for (const int64_t last = i + (int64_t)more; i <= last; i++) {
            search->holds[i] = verdict.holds;
        }
    }
    (void)atomic_fetch_add(&search->workers->team.steps, end - first);
    return ROPEMAP_OK;
}

/* ---- a window's ends */

/* Between a base that holds and one that does not, on either side, until they are neighbours. */
static ropemap_status close_in(struct search *search, double *holding, double *failing,
                               ropemap_error *error) {
    rm_bound_base *base = &search->bases[0];
    while (fabs(*holding - *failing) > END_ERROR * fmin(*holding, *failing)) {
        rm_bound_verdict verdict;
        const double middle = *failing + 0.5 * (*holding - *failing);
        RM_TRY(rm_bound_base_judge(base, middle, &verdict, error));
        *(verdict.holds ? holding : failing) = middle;
    }
    return ROPEMAP_OK;
}

static ropemap_status begin_window(struct search *search, int64_t index, ropemap_error *error) {
    ropemap_window *window = &search->windows[search->count];
    rm_bound_base *base = &search->bases[0];
    *window = (ropemap_window){.low = base_at(search, index), .low_is_edge = index == 0};
    if (index > 0) {
        double failing = base_at(search, index - 1);
        RM_TRY(close_in(search, &window->low, &failing, error));
        RM_TRY(rm_bound_base_first(base, failing, &window->fails_at, error));
    }
    rm_bound_least least = {0};
    RM_TRY(rm_bound_base_least(base, window->low, &least, error));
    window->worst_at = least.at;
    window->worst = least.value;
    return ROPEMAP_OK;
}

static ropemap_status end_window(struct search *search, int64_t index, ropemap_error *error) {
    double failing = base_at(search, index);
    ropemap_window *window = &search->windows[search->count];
    window->high = base_at(search, index - 1);
    RM_TRY(close_in(search, &window->high, &failing, error));
    search->count++;
    return ROPEMAP_OK;
}

static ropemap_status take_round(struct search *search, ropemap_error *error) {
    for (int64_t i = 0; i < search->round_count && search->count < search->most; i++) {
        const int64_t index = search->round_first + i;
        if (search->holds[i] && !search->inside) {
            RM_TRY(begin_window(search, index, error));
        } else if (!search->holds[i] && search->inside) {
            RM_TRY(end_window(search, index, error));
        }
        search->inside = search->holds[i];
    }
    return ROPEMAP_OK;
}

/*
 * How many bases after a round have the verdict of its last one: as far as that reaches, and on from there
 * for as long as every verdict is the same and reaches as far as SKIP_TASKS tasks of a round, each of which
 * would look at a base.
 */
static ropemap_status skip(struct search *search, int64_t *alike, ropemap_error *error) {
    const int64_t last = search->round_first + search->round_count - 1;
    const double worth = (double)(SKIP_TASKS * search->task_bases);
    double more = worth;
    *alike = 0;
    for (int64_t at = last; at <= search->steps && more >= worth; at = last + *alike + 1) {
        rm_bound_verdict verdict;
        RM_TRY(rm_team_poll(&search->workers->team, 0, error));
        RM_TRY(rm_bound_base_judge(&search->bases[0], base_at(search, at), &verdict, error));
        if (verdict.holds != search->inside) {
            break;
        }
        more = fmin(verdict.room / search->step, (double)(search->steps - at));
        *alike = at + (int64_t)more - last;
    }
    return ROPEMAP_OK;
}

static ropemap_status look(struct search *search, ropemap_error *error) {
    const int64_t at_once = search->task_bases * ROUND_TASKS;
    for (int64_t first = 0; first <= search->steps && search->count < search->most; first += at_once) {
        const int64_t left = search->steps + 1 - first;
        int64_t alike = 0;
        search->round_first = first;
        search->round_count = left < at_once ? left : at_once;
        const int64_t tasks = (search->round_count + search->task_bases - 1) / search->task_bases;
        RM_TRY(rm_workers_run(search->workers, "bases", tasks, bases_task, search, error));
        RM_TRY(take_round(search, error));
        RM_TRY(skip(search, &alike, error));
        (void)atomic_fetch_add(&search->workers->team.steps, alike);
        first += alike;
    }
    if (search->inside && search->count < search->most) {
        ropemap_window *window = &search->windows[search->count++];
        window->high = search->high;
        window->high_is_edge = true;
    }
    return ROPEMAP_OK;
}

/* ---- the request */

static ropemap_status check(const ropemap_bound_request *request, int32_t most, ropemap_error *error) {
    const double resolution = request->resolution;
    if (request->length < 2 || request->length > (int64_t)1 << 24) {
        return rm_fail(error, ROPEMAP_USAGE, "length: %" PRId64 ", expected 2 to 2^24 tokens",
                       request->length);
    }
    if (resolution != 0.0 && !(resolution >= END_ERROR && resolution <= 1.0)) {
        return rm_fail(error, ROPEMAP_USAGE, "resolution: %g, expected a number from 1e-9 to 1", resolution);
    }
    if (!(request->keep >= 0.0 && request->keep < 1.0)) {
        return rm_fail(error, ROPEMAP_USAGE, "keep: %g is out of range; give a share from 0 to below 1",
                       request->keep);
    }
    return most >= 1 ? ROPEMAP_OK
                     : rm_fail(error, ROPEMAP_USAGE, "most: %d, expected 1 window or more", (int)most);
}

static ropemap_status set_grid(struct search *search, ropemap_error *error) {
    const ropemap_bound_request *request = search->request;
    search->low = request->low != 0.0 ? request->low : LOWEST;
    const bool of_factor = request->of_factor;
    const double most = of_factor ? MOST_FACTOR : MOST_BASE;
    const char *what = of_factor ? "factor" : "base";
    search->high = request->high != 0.0 ? request->high : of_factor ? HIGHEST_FACTOR : HIGHEST;
    if (!(search->low >= 1.0 && search->low <= most)) {
        return rm_fail(error, ROPEMAP_USAGE, "low: %s %g, expected 1 or more", what, search->low);
    }
    search->low = fmax(search->low, of_factor ? 1.0 : 1.0 + END_ERROR); /* 1 itself is no base */
    if (!(search->high > search->low && search->high <= most)) {
        return rm_fail(error, ROPEMAP_USAGE, "high: %s %g, expected a number above low, %g, at most %g", what,
                       search->high, search->low, most);
    }
    const double resolution = request->resolution != 0.0 ? request->resolution : RESOLUTION;
    const double range = log(search->high / search->low);
    search->steps = (int64_t)ceil(range / log1p(resolution));
    search->step = range / (double)search->steps;
    const double bases = ceil((of_factor ? FACTOR_STRETCH : TASK_STRETCH) / search->step);
    search->task_bases = bases < (double)TASK_BASES_MOST ? (int64_t)bases : TASK_BASES_MOST;
    return ROPEMAP_OK;
}

static ropemap_status open_bases(struct search *search, ropemap_error *error) {
    const ropemap_bound_request *request = search->request;
    const uint64_t threads = (uint64_t)search->workers->team.threads;
    search->bases = rm_alloc(threads, sizeof *search->bases);
    const uint64_t at_once = (uint64_t)(search->task_bases * ROUND_TASKS);
    search->holds = rm_alloc_raw(at_once, sizeof *search->holds);
    if (search->bases == NULL || search->holds == NULL) {
        return rm_fail_memory(error, "bases", threads * sizeof *search->bases + at_once);
    }
    for (int32_t i = 0; i < search->workers->team.threads; i++) {
        RM_TRY(rm_bound_base_open(&search->bases[i], search->workers, i, request, search->step, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status check_rule(const struct search *search, ropemap_error *error) {
    ropemap_spec spec = search->request->spec;
    const ropemap_scaling_rule rule = spec.scaling.rule;
    if (!search->request->of_factor) {
        spec.base = search->low;
    } else if (rule == ROPEMAP_SCALING_LINEAR || rule == ROPEMAP_SCALING_NTK ||
               rule == ROPEMAP_SCALING_YARN || rule == ROPEMAP_SCALING_LLAMA3) {
        spec.scaling.factor = search->low;
    } else {
        return rm_fail(error, ROPEMAP_USAGE,
                       "scaling: no factor of %s is searched for; choose linear, ntk, yarn or llama3",
                       ropemap_scaling_name(rule));
    }
    return ropemap_spec_check(&spec, error);
}

ropemap_status ropemap_bound_bases(const ropemap_bound_request *request, ropemap_window *windows,
                                   int32_t most, int32_t *count, ropemap_error *error) {
    struct search search = {.request = request, .windows = windows, .most = most};
    *count = 0;
    if (request->spec.frequencies != NULL) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "frequencies: a table has no base, so that there is none to search for");
    }
    RM_TRY(check(request, most, error));
    RM_TRY(set_grid(&search, error));
    RM_TRY(rm_axes_refuse(&request->spec, "a bound is computed for one axis", error));
    RM_TRY(check_rule(&search, error));
    RM_TRY(rm_workers_open_cpu(&search.workers, request->threads, ROUND_TASKS, request->progress,
                               request->progress_user, error));
    search.workers->team.total_steps = (double)search.steps + 1.0;
    ropemap_status status = open_bases(&search, error);
    if (status == ROPEMAP_OK) {
        status = look(&search, error);
    }
    *count = status == ROPEMAP_OK ? search.count : 0;
    for (int32_t i = 0; search.bases != NULL && i < search.workers->team.threads; i++) {
        rm_bound_base_close(&search.bases[i]);
    }
    rm_free(search.bases);
    rm_free(search.holds);
    rm_workers_close(search.workers, false);
    return status;
}
