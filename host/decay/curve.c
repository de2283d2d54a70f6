/* curve.c - similarity against distance */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/device/session.h"
#include "host/map/encoding.h"
#include "host/ropemap_decay.h"
#include "host/rule/rule.h"

#include <inttypes.h>
#include <math.h>

#define TWO_PI 6.283185307179586

enum { PART = 65536, ROFORMER_PART = 1024 }; /* distances of a task */

struct curve {
    rm_workers *workers;
    ropemap_range distances;
    ropemap_freqs freqs;  /* of the request's pairs */
    double weight, fixed; /* value = weight * sum of cosines + fixed */
    double *values;       /* [distances.count] */
};

static ropemap_status check_pairs(const ropemap_curve_request *request, int32_t pairs, ropemap_error *error) {
    const int32_t first = request->first_pair, count = request->pair_count;
    if (first < 0 || first >= pairs) {
        return rm_fail(error, ROPEMAP_USAGE, "first-pair: %d, expected 0 to %d", (int)first, (int)pairs - 1);
    }
    if (count < 0 || count > pairs - first) {
        return rm_fail(error, ROPEMAP_USAGE, "pair-count: %d from pair %d on, expected at most %d",
                       (int)count, (int)first, (int)(pairs - first));
    }
    return first == 0 || count > 0
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "first-pair: %d without a pair count, expected both",
                         (int)first);
}

static ropemap_status check_along(const ropemap_curve_request *request, ropemap_error *error) {
    const ropemap_axes *axes = &request->spec.axes;
    if (request->along == 0) {
        return rm_axes_refuse(&request->spec, "a curve runs along one of them", error);
    }
    return request->along > 0 && request->along <= axes->count
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "along: axis %d of a rule with %d", (int)request->along,
                         axes->count == 0 ? 1 : (int)axes->count);
}

/* On the other axes positions are equal: their pairs stay. */
static void stop_others(const ropemap_axes *axes, int32_t axis, ropemap_freqs *freqs) {
    for (int32_t i = 0; i < freqs->pairs; i++) {
        if (ropemap_axes_follow(axes, i) != axis) {
            freqs->step[i] = 0;
            freqs->fine[i] = 0;
        }
    }
}

/* Leaves the request's pairs. */
static void take_pairs(ropemap_freqs *freqs, int32_t first, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        freqs->step[i] = freqs->step[first + i];
        freqs->fine[i] = freqs->fine[first + i];
    }
    freqs->pairs = count;
}

static ropemap_status prepare(const ropemap_curve_request *request, struct curve *curve,
                              ropemap_error *error) {
    RM_TRY(rm_range_check("distances", request->distances, true, error));
    RM_TRY(ropemap_freqs_make(&request->spec, &curve->freqs, error));
    RM_TRY(check_along(request, error));
    if (request->along > 0) {
        stop_others(&request->spec.axes, request->along - 1, &curve->freqs);
    }
    RM_TRY(check_pairs(request, curve->freqs.pairs, error));
    curve->distances = request->distances;
    rm_equal_weights(&curve->freqs, request->spec.head_dim, &curve->weight, &curve->fixed);
    if (request->pair_count > 0) {
        take_pairs(&curve->freqs, request->first_pair, request->pair_count);
        curve->fixed = 0.0;
    }
    return ROPEMAP_OK;
}

static ropemap_range part_of(ropemap_range all, int64_t first, int64_t most) {
    const int64_t left = all.count - first;
    return (ropemap_range){
        .first = all.first + first * all.step, .count = left < most ? left : most, .step = all.step};
}

static ropemap_status similarity_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct curve *curve = work;
    const ropemap_range part = part_of(curve->distances, task * PART, PART);
    double *values = curve->values + task * PART;
    RM_TRY(rm_team_poll(&curve->workers->team, worker, error));
    RM_TRY(rm_cpu_backend()->distances(curve->workers->each[worker].context, &curve->freqs, curve->weight,
                                       part, values, error));
    for (int64_t t = 0; t < part.count; t++) {
        values[t] += curve->fixed;
    }
    return ROPEMAP_OK;
}

/* The mean length of the sums of the first 1, 2, ... phasors. */
static double roformer(const ropemap_freqs *freqs, int64_t distance) {
    double re = 0.0, im = 0.0, lengths = 0.0;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        const uint64_t phase = rm_phase(freqs->step[i], freqs->fine[i], distance);
        const double angle = (double)phase * 0x1p-64 * TWO_PI;
        re += cos(angle);
        im += sin(angle);
        lengths += sqrt(re * re + im * im);
    }
    return lengths / freqs->pairs;
}

static ropemap_status roformer_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct curve *curve = work;
    const ropemap_range part = part_of(curve->distances, task * ROFORMER_PART, ROFORMER_PART);
    double *values = curve->values + task * ROFORMER_PART;
    RM_TRY(rm_team_poll(&curve->workers->team, worker, error));
    for (int64_t t = 0; t < part.count; t++) {
        const int64_t distance = part.first + t * part.step;
        values[t] = roformer(&curve->freqs, distance < 0 ? -distance : distance);
    }
    return ROPEMAP_OK;
}

static ropemap_status run(const ropemap_curve_request *request, int64_t part, rm_task task, double *values,
                          ropemap_error *error) {
    struct curve curve = {.values = values};
    RM_TRY(prepare(request, &curve, error));
    const int64_t count = (request->distances.count + part - 1) / part;
    RM_TRY(rm_workers_open_cpu(&curve.workers, request->threads, count, request->progress,
                               request->progress_user, error));
    const ropemap_status status = rm_workers_run(curve.workers, "distances", count, task, &curve, error);
    rm_workers_close(curve.workers, false);
    return status;
}

ropemap_status ropemap_curve_compute(const ropemap_curve_request *request, double *values,
                                     ropemap_error *error) {
    return run(request, PART, similarity_task, values, error);
}

ropemap_status ropemap_curve_roformer(const ropemap_curve_request *request, double *values,
                                      ropemap_error *error) {
    return run(request, ROFORMER_PART, roformer_task, values, error);
}
