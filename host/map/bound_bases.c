/* bound_bases.c - the bases for which no similarity of equal vectors below a length is negative */
/* SPDX-License-Identifier: MIT */
/*
 * The feasible set is not an interval, so nothing is bisected but the stretch between two neighbours of a
 * grid: bases low, ..., high, apart by a factor of 1 + resolution at most. What is guaranteed: every base of
 * the grid inside a window is accepted and every other one is refuted, either with its own distances or
 * because it lies so near below it another base was that no similarity can have crossed 0 in between
 * (bound_base.h). Both ends of a window were accepted with every distance looked at, and a base within a
 * relative 1e-9 of each was refuted, unless the end is that of the search. Windows and gaps that no base of
 * the grid falls into, narrower than the resolution, may be missed.
 *
 * The grid is cut into rounds, which end before the next begins, and a round into tasks: what is found does
 * not depend on the number of threads.
 */
#include "host/base/alloc.h"
#include "host/map/bound_base.h"
#include "host/rule/axes.h"

#include <inttypes.h>
#include <math.h>

enum { ROUND_TASKS = 64, TASK_BASES_MOST = 16384 };
static const double LOWEST = 1.0, HIGHEST = 1e10, RESOLUTION = 1e-6, END_ERROR = 1e-9;
static const double TASK_STRETCH = 2.5e-4; /* relative: a verdict seldom stands for more where it matters */

struct search {
    rm_bound_team team;
    const ropemap_bound_request *request;
    double low, high;
    int64_t steps;        /* of the grid: bases 0 .. steps */
    double step;          /* between their logarithms */
    rm_bound_base *bases; /* [team.threads] */

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
        RM_TRY(rm_bound_team_poll(&search->team, worker, error));
        RM_TRY(rm_bound_base_judge(&search->bases[worker], base_at(search, search->round_first + i), &verdict,
                                   error));
        const double more = fmin(verdict.room / search->step, (double)(end - 1 - i));
        for (const int64_t last = i + (int64_t)more; i <= last; i++) {
            search->holds[i] = verdict.holds;
        }
    }
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

static ropemap_status look(struct search *search, ropemap_error *error) {
    const int64_t at_once = search->task_bases * ROUND_TASKS;
    for (int64_t first = 0; first <= search->steps && search->count < search->most; first += at_once) {
        const int64_t left = search->steps + 1 - first;
        search->round_first = first;
        search->round_count = left < at_once ? left : at_once;
        const int64_t tasks = (search->round_count + search->task_bases - 1) / search->task_bases;
        RM_TRY(rm_bound_team_run(&search->team, tasks, bases_task, search, error));
        RM_TRY(take_round(search, error));
    }
    if (search->inside && search->count < search->most) {
        ropemap_window *window = &search->windows[search->count++];
        window->high = search->high;
        window->high_is_edge = true;
    }
    return ROPEMAP_OK;
}

/* ---- what is asked */

static ropemap_status check(const ropemap_bound_request *request, int32_t most, ropemap_error *error) {
    const double resolution = request->resolution;
    if (request->length < 2 || request->length > (int64_t)1 << 24) {
        return rm_fail(error, ROPEMAP_USAGE, "length: %" PRId64 ", expected 2 to 2^24 tokens",
                       request->length);
    }
    if (resolution != 0.0 && !(resolution >= END_ERROR && resolution <= 1.0)) {
        return rm_fail(error, ROPEMAP_USAGE, "resolution: %g, expected a number from 1e-9 to 1", resolution);
    }
    return most >= 1 ? ROPEMAP_OK
                     : rm_fail(error, ROPEMAP_USAGE, "most: %d, expected 1 window or more", (int)most);
}

static ropemap_status set_grid(struct search *search, ropemap_error *error) {
    const ropemap_bound_request *request = search->request;
    search->low = request->low != 0.0 ? request->low : LOWEST;
    search->high = request->high != 0.0 ? request->high : HIGHEST;
    if (!(search->low >= 1.0 && search->low <= 1e30)) {
        return rm_fail(error, ROPEMAP_USAGE, "low: base %g, expected 1 or more", search->low);
    }
    search->low = fmax(search->low, 1.0 + END_ERROR); /* 1 itself is no base */
    if (!(search->high > search->low && search->high <= 1e30)) {
        return rm_fail(error, ROPEMAP_USAGE, "high: base %g, expected a number above low, %g, at most 1e30",
                       search->high, search->low);
    }
    const double resolution = request->resolution != 0.0 ? request->resolution : RESOLUTION;
    const double range = log(search->high / search->low);
    search->steps = (int64_t)ceil(range / log1p(resolution));
    search->step = range / (double)search->steps;
    const double bases = ceil(TASK_STRETCH / search->step);
    search->task_bases = bases < (double)TASK_BASES_MOST ? (int64_t)bases : TASK_BASES_MOST;
    return ROPEMAP_OK;
}

static ropemap_status open_bases(struct search *search, ropemap_error *error) {
    const ropemap_bound_request *request = search->request;
    const uint64_t threads = (uint64_t)search->team.threads;
    search->bases = rm_alloc(threads, sizeof *search->bases);
    const uint64_t at_once = (uint64_t)(search->task_bases * ROUND_TASKS);
    search->holds = rm_alloc_raw(at_once, sizeof *search->holds);
    if (search->bases == NULL || search->holds == NULL) {
        return rm_fail_memory(error, "bases", threads * sizeof *search->bases + at_once);
    }
    for (int32_t i = 0; i < search->team.threads; i++) {
        RM_TRY(rm_bound_base_open(&search->bases[i], &search->team, i, request, search->step, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status check_rule(const struct search *search, ropemap_error *error) {
    ropemap_spec spec = search->request->spec;
    spec.base = search->low;
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
    search.team = (rm_bound_team){.stage = "bases",
                                  .progress = request->progress,
                                  .progress_user = request->progress_user,
                                  .total = (double)search.steps + 1.0,
                                  .unit = (double)search.task_bases};
    ropemap_status status = rm_bound_team_open(&search.team, request->threads, ROUND_TASKS, error);
    if (status == ROPEMAP_OK) {
        status = open_bases(&search, error);
    }
    if (status == ROPEMAP_OK) {
        status = look(&search, error);
    }
    *count = status == ROPEMAP_OK ? search.count : 0;
    for (int32_t i = 0; search.bases != NULL && i < search.team.threads; i++) {
        rm_bound_base_close(&search.bases[i]);
    }
    rm_free(search.bases);
    rm_free(search.holds);
    rm_bound_team_close(&search.team);
    return status;
}
