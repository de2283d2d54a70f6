/* reach.c - the first distance at which the similarity falls below a level */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/decay/cosine_sums.h"
#include "host/device/session.h"
#include "host/ropemap_decay.h"
#include "host/rule/rule.h"

#include <inttypes.h>
#include <math.h>

/*
 * Distances are cut into parts that depend on the limit alone; a part finds its own first and least, and
 * they are merged in order. Parts beyond one that found a negative similarity are skipped.
 */

enum { PARTS_MOST = 65536 };

static const int64_t PART_LEAST = (int64_t)RM_BOUND_WIDTH * RM_BOUND_ROWS;

/* What a part of the distances came to. */
struct part {
    int64_t reach, half; /* 0: none in it */
    rm_bound_least least;
    double value; /* B(reach) */
};

struct search {
    rm_workers *workers;
    ropemap_freqs freqs;
    double zero, half; /* similarity is below 0, below one half of S(0), where B is below these */
    int64_t limit, stride;
    rm_bound_tile *tiles;         /* [workers] */
    struct part *parts;           /* [number of parts] */
    atomic_int_fast64_t negative; /* the first part known to hold a negative similarity */
};

static void look_at(const struct search *search, const rm_bound_tile *tile, struct part *part) {
    const int64_t reach = rm_bound_tile_below(tile, search->zero);
    if (part->half == 0) {
        const int64_t half = rm_bound_tile_below(tile, search->half);
        part->half = half > 0 ? half : 0;
    }
    rm_bound_tile_least(tile, reach > 0 ? reach : tile->first + tile->count, &part->least);
    part->reach = reach > 0 ? reach : 0;
}

static void keep_lowest(atomic_int_fast64_t *lowest, int64_t value) {
    int_fast64_t before = atomic_load(lowest);
    while (value < before && !atomic_compare_exchange_weak(lowest, &before, value)) {
    }
}

static ropemap_status part_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct search *search = work;
    rm_bound_tile *tile = &search->tiles[worker];
    struct part part = {.least = {.value = INFINITY}};
    const int64_t first = task * search->stride, past = first + search->stride;
    const int64_t end = past < search->limit ? past : search->limit;
    for (int64_t r = first; r < end && part.reach == 0; r += tile->count) {
        if (atomic_load(&search->negative) < task) {
            return ROPEMAP_OK;
        }
        RM_TRY(rm_team_poll(&search->workers->team, worker, error));
        RM_TRY(rm_bound_tile_fill(tile, r, end, error));
        look_at(search, tile, &part);
    }
    search->parts[task] = part;
    if (part.reach != 0) {
        keep_lowest(&search->negative, task);
    }
    return ROPEMAP_OK;
}

static void put_together(const struct search *search, int64_t count, ropemap_reach *found) {
    rm_bound_least least = {.value = INFINITY};
    *found = (ropemap_reach){0};
    for (int64_t i = 0; i < count && found->reach == 0; i++) {
        const struct part *part = &search->parts[i];
        found->half = found->half == 0 ? part->half : found->half;
        found->reach = part->reach;
        least = part->least.value < least.value ? part->least : least;
    }
    const double zero = search->zero, whole = (double)search->freqs.pairs - zero;
    found->least_at = least.at;
    found->least = (least.value - zero) / whole;
    found->value =
        found->reach != 0 ? (rm_bound_sum(&search->freqs, found->reach) - zero) / whole : found->least;
}

static bool none_turns(const ropemap_freqs *freqs) {
    uint64_t any = 0;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        any |= freqs->step[i] | freqs->fine[i];
    }
    return any == 0;
}

static ropemap_status look(struct search *search, ropemap_reach *found, ropemap_error *error) {
    const int64_t count = (search->limit + search->stride - 1) / search->stride;
    const uint64_t threads = (uint64_t)search->workers->team.threads;
    search->tiles = rm_alloc(threads, sizeof *search->tiles);
    search->parts = rm_alloc((uint64_t)count, sizeof *search->parts);
    if (search->tiles == NULL || search->parts == NULL) {
        return rm_fail_memory(error, "distances",
                              threads * sizeof *search->tiles + (uint64_t)count * sizeof *search->parts);
    }
    for (int32_t i = 0; i < search->workers->team.threads; i++) {
        rm_bound_tile *tile = &search->tiles[i];
        RM_TRY(rm_bound_tile_open(tile, search->workers->each[i].context, search->freqs.pairs, search->limit,
                                  error));
        RM_TRY(rm_bound_tile_begin(tile, &search->freqs, error));
    }
    atomic_init(&search->negative, count);
    RM_TRY(rm_workers_run(search->workers, "distances", count, part_task, search, error));
    put_together(search, count, found);
    return ROPEMAP_OK;
}

ropemap_status ropemap_bound_reach(const ropemap_spec *spec, int64_t limit, int32_t threads,
                                   ropemap_progress progress, void *progress_user, ropemap_reach *found,
                                   ropemap_error *error) {
    if (limit < 1 || limit > (int64_t)1 << 36) {
        return rm_fail(error, ROPEMAP_USAGE, "limit: %" PRId64 ", expected 1 to 2^36 distances", limit);
    }
    RM_TRY(rm_axes_refuse(spec, "a reach is computed for one axis, a curve along each", error));
    struct search search = {.limit = limit};
    RM_TRY(ropemap_freqs_make(spec, &search.freqs, error));
    search.zero = -rm_bound_sum_rest(spec, search.freqs.pairs, search.freqs.attention_factor);
    search.half = 0.5 * ((double)search.freqs.pairs + search.zero);
    const int64_t share = (limit + PARTS_MOST - 1) / PARTS_MOST;
    search.stride = share > PART_LEAST ? share : PART_LEAST;
    const int64_t count = (limit + search.stride - 1) / search.stride;
    if (none_turns(&search.freqs)) {
        *found = (ropemap_reach){.value = 1.0, .least = 1.0};
        return ROPEMAP_OK;
    }
    RM_TRY(rm_workers_open_cpu(&search.workers, threads, count, progress, progress_user, error));
    const ropemap_status status = look(&search, found, error);
    for (int32_t i = 0; search.tiles != NULL && i < search.workers->team.threads; i++) {
        rm_bound_tile_close(&search.tiles[i]);
    }
    rm_free(search.tiles);
    rm_free(search.parts);
    rm_workers_close(search.workers, false);
    return status;
}
