/* softmax.c - softmax of a block of queries over all keys, in one pass: cells, rows, mass by distance */
/* SPDX-License-Identifier: MIT */
/*
 * Scores are made and consumed tile by tile, RM_SOFTMAX_KEYS keys, aligned to index 0, by RM_SOFTMAX_LANES
 * queries. A tile is transposed, lanes are queries, so that every sum goes down its columns. Weights are
 * powers of two above a whole number per tile and query, the reference, so that moving to another reference
 * is exact; a tile's weights are added up in float, tiles in double. Every cell keeps, for every query of the
 * block, the weight of its keys and the reference of that: nothing depends on the number of keys, and the
 * largest score need not be known before. Mass by distance: tiles near the diagonal, where a tile meets many
 * bins, keep their weights until the row sums are known; the others go to bins as they go to cells.
 */
#include "cuda/softmax_row.h"
#include "host/base/alloc.h"
#include "host/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum {
    QUERIES = RM_SOFTMAX_QUERIES,
    LANES = RM_SOFTMAX_LANES,
    KEYS = RM_SOFTMAX_KEYS,
    STRIPS = QUERIES / LANES,
    NEAR = 2048, /* tokens: bins of an eighth of an octave are wider than a tile beyond it */
    PARTIAL = RM_PARTIAL_SUMS
};

static const float LOG2_E = 1.44269504088896341f;

/* A tile near the diagonal. */
struct kept {
    int64_t first; /* index of its first key */
    int32_t keys, strip;
    float reference[LANES];
    float weights[KEYS][LANES];
};

/* Keys of a tile that lie in one cell column. */
struct piece {
    rm_span32 keys;
    int64_t slot;
};

/* Queries of the block that lie in one cell row. */
struct run {
    int64_t first, end, row;
};

struct rm_cpu_softmax {
    float tile[KEYS][LANES];
    const rm_softmax *what;
    rm_span rows;
    int64_t queries;               /* of the block */
    int64_t dim, slots, kept_most; /* of the memory below */
    float *packed;                 /* [QUERIES, dim] in panels, RM_PACKED_DEPTH elements at a time */
    bool *touched;                 /* [slots, STRIPS] whether the next two hold anything */
    double *value; /* [slots, QUERIES] weight; the slots are cell columns, then bins. Not of max */
    float *held;   /* [slots, QUERIES] its reference; of max the largest score */
    struct kept *kept;
    int64_t kept_count;
    float factor; /* exponent of a score's unit */
    rm_sight sight[QUERIES];
    rm_span seen[STRIPS];         /* keys that every query of a strip sees */
    rm_span recent[QUERIES];      /* the keys of ropemap_attention_row */
    int64_t sinks_end;            /* and of its first ones */
    rm_span cols;                 /* cell columns that tiles have touched */
    float largest[QUERIES];       /* score, before `factor` */
    rm_softmax_rows sums[STRIPS]; /* [QUERIES] */
    double top[QUERIES];          /* at the end: the reference of all */
    double share[QUERIES];        /* and 1 / the sum above it; 0 for an empty row */
    double mass[QUERIES], settled[QUERIES];
    bool bad[QUERIES]; /* a NaN among the scores */
    bool any_bad;
};

/* ---- memory */

static int64_t slots_of(const rm_softmax *what) {
    return (what->cells ? what->shown.cells : 0) + what->bins;
}

static bool sums_cells(const rm_softmax *what) {
    return what->cells && what->pool != ROPEMAP_POOL_MAX;
}

/* Distances below which tiles are kept. */
static int64_t near_of(const rm_softmax *what) {
    return what->exact > NEAR ? what->exact : NEAR;
}

/* Tiles that a block may keep: keys less than near_of away, on one side or on both. */
static int64_t kept_most_of(const rm_softmax *what) {
    if (what->exact == 0) {
        return 0;
    }
    const ropemap_range rows = what->grid.rows.range, cols = what->grid.cols.range;
    const int64_t sides = what->grid.mask.causal ? 1 : 2;
    const int64_t tokens = sides * near_of(what) + QUERIES * rows.step;
    const int64_t tiles = tokens / cols.step / KEYS + 3, all = (cols.count + KEYS - 1) / KEYS;
    return STRIPS * (tiles < all ? tiles : all);
}

int64_t rm_cpu_softmax_bytes(const rm_softmax *what, int64_t dim) {
    return (int64_t)sizeof(struct rm_cpu_softmax) + QUERIES * dim * (int64_t)sizeof(float) +
           slots_of(what) * (QUERIES * (int64_t)(sizeof(double) + sizeof(float)) + STRIPS) +
           kept_most_of(what) * (int64_t)sizeof(struct kept);
}

void rm_cpu_softmax_free(struct rm_cpu_softmax *state) {
    if (state != NULL) {
        rm_free(state->packed);
        rm_free(state->touched);
        rm_free(state->value);
        rm_free(state->held);
        rm_free(state->kept);
        rm_free(state);
    }
}

static ropemap_status make_room(rm_context *context, const rm_softmax *what, int64_t dim,
                                ropemap_error *error) {
    struct rm_cpu_softmax *state = context->softmax;
    const int64_t slots = slots_of(what), kept = kept_most_of(what);
    if (state != NULL && state->dim == dim && state->slots == slots && state->kept_most == kept) {
        return ROPEMAP_OK;
    }
    rm_cpu_softmax_free(state);
    context->softmax = NULL;
    state = rm_alloc(1, sizeof *state);
    if (state != NULL) {
        state->dim = dim;
        state->slots = slots;
        state->kept_most = kept;
        state->packed = rm_alloc_raw((uint64_t)(QUERIES * dim), sizeof *state->packed);
        state->touched = rm_alloc_raw((uint64_t)(slots * STRIPS), sizeof *state->touched);
        state->value = rm_alloc_raw((uint64_t)(slots * QUERIES), sizeof *state->value);
        state->held = rm_alloc_raw((uint64_t)(slots * QUERIES), sizeof *state->held);
        state->kept = rm_alloc_raw((uint64_t)kept, sizeof *state->kept);
    }
    if (state == NULL || state->packed == NULL || state->touched == NULL || state->value == NULL ||
        state->held == NULL || state->kept == NULL) {
        rm_cpu_softmax_free(state);
        return rm_fail_memory(error, "softmax", (uint64_t)rm_cpu_softmax_bytes(what, dim));
    }
    context->softmax = state;
    return ROPEMAP_OK;
}

/* ---- begin */

static void clear(struct rm_cpu_softmax *state) {
    memset(state->touched, 0, (size_t)(state->slots * STRIPS) * sizeof *state->touched);
    memset(state->sums, 0, sizeof state->sums);
    for (int q = 0; q < QUERIES; q++) {
        state->sums[q / LANES].reference[q % LANES] = RM_NO_REFERENCE;
        state->largest[q] = -INFINITY;
    }
    state->kept_count = 0;
    state->cols = (rm_span){.first = INT64_MAX};
    state->any_bad = false;
}

static int64_t position_of_query(const struct rm_cpu_softmax *state, int64_t q) {
    return rm_position(state->what->grid.rows.range, state->rows.first + q);
}

/* Which keys the block's queries see, and watch. */
static void look_ahead(struct rm_cpu_softmax *state) {
    const rm_softmax *what = state->what;
    const ropemap_range cols = what->grid.cols.range;
    state->sinks_end = rm_index_from(cols, what->sink_tokens);
    for (int64_t q = 0; q < QUERIES; q++) {
        rm_span *seen = &state->seen[q / LANES];
        if (q % LANES == 0) {
            *seen = (rm_span){.end = q < state->queries ? cols.count : 0};
        }
        const int64_t at = position_of_query(state, q);
        state->sight[q] = (rm_sight){0};
        state->recent[q] = (rm_span){.first = rm_index_from(cols, at - what->recent + 1),
                                     .end = rm_index_from(cols, at + 1)};
        if (q < state->queries) {
            const rm_sight sight = rm_grid_sight(&what->grid, state->rows.first + q);
            state->sight[q] = sight;
            seen->first = sight.near.first > seen->first ? sight.near.first : seen->first;
            seen->end = sight.near.end < seen->end ? sight.near.end : seen->end;
        }
    }
}

ropemap_status rm_cpu_softmax_begin(rm_context *context, const rm_softmax *softmax, rm_span rows,
                                    rm_view queries, ropemap_error *error) {
    RM_TRY(make_room(context, softmax, queries.cols, error));
    struct rm_cpu_softmax *state = context->softmax;
    state->what = softmax;
    state->rows = rows;
    state->factor = softmax->softcap != 0.0 ? LOG2_E : (float)(softmax->scale * (double)LOG2_E);
    state->queries = rows.end - rows.first;
    clear(state);
    look_ahead(state);
    for (int64_t d = 0; d < queries.cols; d += RM_PACKED_DEPTH) {
        const int64_t left = queries.cols - d, depth = left < RM_PACKED_DEPTH ? left : RM_PACKED_DEPTH;
        rm_packed part = {.panels = state->packed + QUERIES * d};
        context->kernels->pack_keys(rm_view_cols(queries, d, depth), &part);
    }
    return ROPEMAP_OK;
}

/* ---- take: one tile */

/* A tile on its way: keys [first, first + keys) by the queries of a strip. */
struct step {
    int64_t first;
    int32_t keys, strip;
    int32_t pieces;           /* 0 until a strip sees some of the keys: all strips share them */
    struct piece piece[KEYS]; /* [pieces] */
    int32_t seen;             /* no query sees a key from here on */
    bool partial;             /* not every query sees every key */
    rm_softmax_sight sight;
    float reference[LANES];
    rm_softmax_moments moments;
};

/* All keys pass by a panel of queries, which stays in the first-level cache. */
static void multiply(rm_context *context, rm_view keys, int32_t strip) {
    struct rm_cpu_softmax *state = context->softmax;
    for (int64_t d = 0; d < keys.cols; d += RM_PACKED_DEPTH) {
        const int64_t left = keys.cols - d, depth = left < RM_PACKED_DEPTH ? left : RM_PACKED_DEPTH;
        const rm_packed part = {.keys = LANES,
                                .depth = depth,
                                .panels = state->packed + QUERIES * d + strip * LANES * depth,
                                .tail = context->packed.tail};
        context->kernels->multiply_packed(rm_view_cols(keys, d, depth), &part, d > 0,
                                          rm_view_dense(state->tile[0], keys.rows, LANES));
    }
}

static int32_t within(int64_t index, const struct step *step) {
    const int64_t place = index - step->first;
    return (int32_t)(place < 0 ? 0 : place > step->keys ? step->keys : place);
}

/* What each query sees of the tile; false where none sees anything. */
static bool look(const struct rm_cpu_softmax *state, struct step *step) {
    const rm_span all = state->seen[step->strip];
    step->partial = false;
    step->seen = step->keys;
    if (all.first <= step->first && all.end >= step->first + step->keys) {
        return true;
    }
    step->seen = 0;
    for (int q = 0; q < LANES; q++) {
        const rm_sight sight = state->sight[step->strip * LANES + q];
        const rm_span spans[] = {sight.sinks, sight.near};
        int32_t seen = 0;
        for (int s = 0; s < 2; s++) {
            const int32_t first = within(spans[s].first, step), end = within(spans[s].end, step);
            step->sight.first[s][q] = first;
            step->sight.end[s][q] = end;
            step->seen = end > first && end > step->seen ? end : step->seen;
            seen += end - first;
        }
        step->partial = step->partial || seen < step->keys;
    }
    return step->seen > 0;
}

/* The piece that begins at a key: as far as its cell goes; keys without a cell have slot -1. */
static struct piece piece_at(const rm_softmax *what, const struct step *step, int32_t key) {
    const int64_t place = step->first + key - what->shown_first;
    struct piece piece = {.keys = {key, step->keys}, .slot = -1};
    if (what->cells && place < 0) {
        piece.keys.end = within(what->shown_first, step);
    } else if (what->cells && place < what->shown.range.count) {
        piece.slot = rm_partition_cell_of(&what->shown, place);
        piece.keys.end = within(what->shown_first + rm_partition_cell(&what->shown, piece.slot).end, step);
    }
    return piece;
}

/* Cuts the tile where cells end. */
static void cut(struct rm_cpu_softmax *state, struct step *step) {
    for (int32_t at = 0; at < step->keys; at = step->piece[step->pieces++].keys.end) {
        step->piece[step->pieces] = piece_at(state->what, step, at);
        const int64_t slot = step->piece[step->pieces].slot;
        if (slot >= 0) {
            state->cols.first = slot < state->cols.first ? slot : state->cols.first;
            state->cols.end = slot + 1 > state->cols.end ? slot + 1 : state->cols.end;
        }
    }
}

static void find_reference(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels,
                           struct step *step) {
    float largest[LANES];
    for (int q = 0; q < LANES; q++) {
        largest[q] = -INFINITY;
    }
    kernels->maxima(state->tile, step->keys, largest);
    kernels->refer(largest, state->factor, state->largest + step->strip * LANES, step->reference);
}

/* The largest scores of a slot so far. */
static float *held_of(struct rm_cpu_softmax *state, int64_t slot, int32_t strip) {
    float *held = state->held + slot * QUERIES + strip * LANES;
    bool *touched = &state->touched[slot * STRIPS + strip];
    for (int q = 0; !*touched && q < LANES; q++) {
        held[q] = -INFINITY;
    }
    *touched = true;
    return held;
}

static void add_to(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels, int64_t slot,
                   const struct step *step, const float *sums) {
    const int64_t at = slot * QUERIES + step->strip * LANES;
    bool *touched = &state->touched[slot * STRIPS + step->strip];
    kernels->merge(sums, step->reference, !*touched, state->value + at, state->held + at);
    *touched = true;
}

/* Scores become weights, piece by piece, and these go to their cells. */
static void weigh_pieces(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels, struct step *step) {
    const rm_softmax *what = state->what;
    const struct piece *piece = step->piece;
    for (int i = 0; what->pool == ROPEMAP_POOL_MAX && i < step->pieces; i++) {
        const rm_span32 keys = piece[i].keys;
        if (piece[i].slot >= 0) {
            float *held = held_of(state, piece[i].slot, step->strip);
            kernels->maxima(state->tile + keys.first, keys.end - keys.first, held);
        }
    }
    const rm_span32 whole = {0, step->keys};
    const int parts = sums_cells(what) ? step->pieces : 1;
    for (int i = 0; i < parts; i++) {
        kernels->weigh(state->tile, sums_cells(what) ? piece[i].keys : whole, state->factor, step->reference,
                       what->rows, &step->moments);
        if (sums_cells(what) && piece[i].slot >= 0) {
            add_to(state, kernels, piece[i].slot, step, step->moments.part);
        }
    }
}

/* The weights of the first keys and of the latest. */
static void watch(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels, struct step *step) {
    const rm_span *recent = state->recent + step->strip * LANES;
    int32_t first[LANES] = {0}, end[LANES];
    if (step->first < state->sinks_end) {
        for (int q = 0; q < LANES; q++) {
            end[q] = within(state->sinks_end, step);
        }
        kernels->select(state->tile, step->keys, first, end, step->moments.sink);
    }
    if (step->first < recent[LANES - 1].end && step->first + step->keys > recent[0].first) {
        for (int q = 0; q < LANES; q++) {
            first[q] = within(recent[q].first, step);
            end[q] = within(recent[q].end, step);
        }
        kernels->select(state->tile, step->keys, first, end, step->moments.recent);
    }
}

/* ---- distances */

static int64_t magnitude(int64_t value) {
    return value < 0 ? -value : value;
}

/* The index in `mass` of a distance. */
static int64_t bin_of(const rm_softmax *what, int64_t distance) {
    if (distance < what->exact) {
        return distance;
    }
    int32_t low = 0, high = what->bins - 1;
    while (low < high) {
        const int32_t middle = (low + high + 1) / 2;
        if (what->edges[middle] <= distance) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return what->exact + low;
}

/* A tile beyond near_of goes to one bin, or to the few that it meets. */
static void take_far(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels, const struct step *step,
                     int64_t least, int64_t most) {
    const rm_softmax *what = state->what;
    const ropemap_range cols = what->grid.cols.range;
    const int64_t cells = what->cells ? what->shown.cells : 0;
    const int64_t first_bin = bin_of(what, least) - what->exact, last_bin = bin_of(what, most) - what->exact;
    for (int64_t bin = first_bin; bin <= last_bin; bin++) {
        int32_t first[LANES], end[LANES];
        float sums[LANES];
        for (int q = 0; q < LANES; q++) {
            sums[q] = (float)step->moments.total[q];
        }
        for (int q = 0; first_bin < last_bin && q < LANES; q++) {
            const int64_t at = position_of_query(state, step->strip * LANES + q);
            const bool before = rm_position(cols, step->first) < at;
            const int64_t low = before ? at - what->edges[bin + 1] + 1 : at + what->edges[bin];
            const int64_t high = before ? at - what->edges[bin] + 1 : at + what->edges[bin + 1];
            first[q] = within(rm_index_from(cols, low), step);
            end[q] = within(rm_index_from(cols, high), step);
        }
        if (first_bin < last_bin) {
            kernels->select(state->tile, step->keys, first, end, sums);
        }
        add_to(state, kernels, cells + bin, step, sums);
    }
}

static void keep(struct rm_cpu_softmax *state, const struct step *step) {
    struct kept *kept = &state->kept[state->kept_count++];
    kept->first = step->first;
    kept->keys = step->keys;
    kept->strip = step->strip;
    memcpy(kept->reference, step->reference, sizeof kept->reference);
    memcpy(kept->weights, state->tile, (size_t)step->keys * sizeof state->tile[0]);
}

static void take_distances(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels,
                           const struct step *step) {
    const rm_softmax *what = state->what;
    const ropemap_range cols = what->grid.cols.range;
    const int64_t row = position_of_query(state, step->strip * LANES);
    const int64_t low = row - rm_position(cols, step->first + step->keys - 1);
    const int64_t high = row + (LANES - 1) * what->grid.rows.range.step - rm_position(cols, step->first);
    const int64_t near = near_of(what);
    if (low < near && high > -near) {
        keep(state, step);
    } else {
        const int64_t a = magnitude(low), b = magnitude(high);
        take_far(state, kernels, step, a < b ? a : b, a < b ? b : a);
    }
}

/* ---- take: all of them */

static void take_tile(rm_context *context, rm_view keys, struct step *step) {
    struct rm_cpu_softmax *state = context->softmax;
    const rm_softmax *what = state->what;
    const rm_softmax_kernels *kernels = context->kernels->softmax;
    if (!look(state, step)) {
        return;
    }
    multiply(context, rm_view_rows(keys, 0, step->seen), step->strip);
    if (what->softcap != 0.0) {
        kernels->cap(state->tile, step->keys, (float)what->scale, (float)what->softcap);
    }
    if (step->partial) {
        kernels->hide(state->tile, step->keys, &step->sight);
    }
    if (step->pieces == 0) {
        cut(state, step);
    }
    memset(&step->moments, 0, sizeof step->moments);
    find_reference(state, kernels, step);
    weigh_pieces(state, kernels, step);
    if (what->rows) {
        watch(state, kernels, step);
    }
    if (what->exact > 0) {
        take_distances(state, kernels, step);
    }
    kernels->advance(&step->moments, step->reference, (double)step->first, &state->sums[step->strip]);
}

ropemap_status rm_cpu_softmax_take(rm_context *context, rm_view keys, int64_t col_first,
                                   ropemap_error *error) {
    (void)error;
    const int64_t queries = context->softmax->queries;
    struct step step;
    for (int64_t key = 0; key < keys.rows; key += KEYS) {
        const int64_t left = keys.rows - key;
        step.first = col_first + key;
        step.keys = (int32_t)(left < KEYS ? left : KEYS);
        step.pieces = 0;
        for (step.strip = 0; step.strip * LANES < queries; step.strip++) {
            take_tile(context, rm_view_rows(keys, key, step.keys), &step);
        }
    }
    return ROPEMAP_OK;
}

/* ---- end */

/* The sum of every row, the sink logit's share in it; statistics where they are wanted. */
static void finish_row(struct rm_cpu_softmax *state, int64_t q, rm_softmax_results *results) {
    const rm_softmax *what = state->what;
    const rm_softmax_rows *rows = &state->sums[q / LANES];
    const int64_t lane = q % LANES;
    const rm_softmax_sums sums = {.reference = rows->reference[lane],
                                  .largest = state->largest[q],
                                  .total = rows->total[lane],
                                  .log = rows->log[lane],
                                  .place = rows->place[lane],
                                  .sink = rows->sink[lane],
                                  .recent = rows->recent[lane]};
    const rm_softmax_share share = rm_softmax_share_of(&sums, what->sink_logit);
    state->bad[q] = share.bad;
    state->top[q] = share.top;
    state->share[q] = share.share;
    state->mass[q] = share.mass;
    state->any_bad = state->any_bad || share.bad;
    results->nan_rows += share.bad ? 1 : 0;
    results->empty_rows += !share.bad && sums.total == 0.0 ? 1 : 0;
    if (results->rows != NULL) {
        results->rows[q] = rm_softmax_row_of(&sums, &share, what->softcap != 0.0 ? 1.0f : (float)what->scale,
                                             position_of_query(state, q), what->grid.cols.range);
    }
}

/* Whether a query sees a key of a cell column. */
static bool sees(const struct rm_cpu_softmax *state, int64_t q, rm_span cell) {
    const rm_sight sight = state->sight[q];
    return (sight.sinks.first < cell.end && sight.sinks.end > cell.first) ||
           (sight.near.first < cell.end && sight.near.end > cell.first);
}

/* One column of cells of a query that has a NaN: NaN where it sees a key, else nothing. */
static void poison(struct rm_cpu_softmax *state, int64_t col) {
    rm_span cell = rm_partition_cell(&state->what->shown, col);
    cell.first += state->what->shown_first;
    cell.end += state->what->shown_first;
    for (int64_t q = 0; state->any_bad && q < state->queries; q++) {
        if (state->bad[q] && state->touched[col * STRIPS + q / LANES]) {
            const bool seen = sees(state, q, cell);
            state->value[col * QUERIES + q] = seen ? (double)NAN : 0.0;
            state->held[col * QUERIES + q] = sums_cells(state->what) ? 0.0f : seen ? NAN : -INFINITY;
        }
    }
}

/* settled[q] = mass of a slot */
static void settle(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels, int64_t slot) {
    for (int strip = 0; strip < STRIPS; strip++) {
        const int64_t q = strip * LANES, at = slot * QUERIES + q;
        if (state->touched[slot * STRIPS + strip]) {
            kernels->settle(state->value + at, state->held + at, state->top + q, state->share + q,
                            state->settled + q);
        } else {
            memset(state->settled + q, 0, LANES * sizeof *state->settled);
        }
    }
}

static double sum_of(const double *values, int64_t count) {
    double parts[PARTIAL] = {0};
    int64_t first = 0;
    for (; first + PARTIAL <= count; first += PARTIAL) {
        for (int i = 0; i < PARTIAL; i++) {
            parts[i] += values[first + i];
        }
    }
    for (int i = 0; first + i < count; i++) {
        parts[i] += values[first + i];
    }
    double sum = 0.0;
    for (int i = 0; i < PARTIAL; i++) {
        sum += parts[i];
    }
    return sum;
}

/* The largest p of some queries with a column's keys: found by its logarithm. */
static float largest_of(const struct rm_cpu_softmax *state, const float *logs, int64_t col, struct run run) {
    int64_t best = run.first;
    float most = -INFINITY;
    for (int64_t q = run.first; q < run.end; q++) {
        const bool touched = state->touched[col * STRIPS + q / LANES];
        const float score = touched ? state->held[col * QUERIES + q] : -INFINITY;
        const float log = rm_exponent(score, state->factor, (float)state->top[q]) + logs[q];
        if (isnan(score)) {
            return NAN;
        }
        if (score > -INFINITY && log > most) {
            most = log;
            best = q;
        }
    }
    if (most == -INFINITY) {
        return 0.0f;
    }
    const float score = state->held[col * QUERIES + best];
    const float weight = rm_exp2(rm_exponent(score, state->factor, (float)state->top[best]));
    return weight * (float)state->share[best];
}

static int runs_of(const struct rm_cpu_softmax *state, struct run *runs) {
    const rm_partition *axis = &state->what->grid.rows;
    int count = 0;
    for (int64_t row = state->rows.first; row < state->rows.end; count++) {
        const int64_t cell = rm_partition_cell_of(axis, row), cell_end = rm_partition_cell(axis, cell).end;
        const int64_t end = cell_end < state->rows.end ? cell_end : state->rows.end;
        runs[count] =
            (struct run){.first = row - state->rows.first, .end = end - state->rows.first, .row = cell};
        row = end;
    }
    return count;
}

static void finish_largest(struct rm_cpu_softmax *state, const struct run *runs, int count,
                           rm_accumulator *cells) {
    float logs[QUERIES];
    for (int64_t q = 0; q < state->queries; q++) {
        logs[q] = (float)log2(state->share[q]);
    }
    for (int64_t col = state->cols.first; col < state->cols.end; col++) {
        poison(state, col);
        for (int i = 0; i < count; i++) {
            float *cell = &cells->extreme[(runs[i].row - cells->first_row) * cells->cols + col];
            *cell = rm_more_extreme(ROPEMAP_POOL_MAX, *cell, largest_of(state, logs, col, runs[i]));
        }
    }
}

/* What a query's cells come to is its mass, however they were cut. */
static void finish_sums(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels,
                        const struct run *runs, int count, rm_softmax_results *results) {
    rm_accumulator *cells = results->cells;
    double all[QUERIES] = {0};
    for (int64_t col = state->cols.first; col < state->cols.end; col++) {
        poison(state, col);
        settle(state, kernels, col);
        for (int q = 0; q < QUERIES; q++) {
            all[q] += state->settled[q];
        }
        for (int i = 0; i < count; i++) {
            cells->sum[(runs[i].row - cells->first_row) * cells->cols + col] +=
                sum_of(state->settled + runs[i].first, runs[i].end - runs[i].first);
        }
    }
    const bool whole = state->what->shown.range.count == state->what->grid.cols.range.count;
    for (int64_t q = 0; whole && q < state->queries; q++) {
        const double excess = fabs(all[q] - state->mass[q]);
        results->excess = !state->bad[q] && excess > results->excess ? excess : results->excess;
    }
}

static void finish_cells(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels,
                         rm_softmax_results *results) {
    struct run runs[QUERIES];
    const int count = runs_of(state, runs);
    if (sums_cells(state->what)) {
        finish_sums(state, kernels, runs, count, results);
    } else {
        finish_largest(state, runs, count, results->cells);
    }
}

/* Tiles near the diagonal, now that rows have their sums. A distance q - k of a tile is one place of a line.
 */
static void finish_kept(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels, struct kept *kept,
                        double *mass) {
    const rm_softmax *what = state->what;
    const int64_t row_step = what->grid.rows.range.step, col_step = what->grid.cols.range.step;
    const int64_t at = position_of_query(state, kept->strip * LANES);
    const int64_t key = rm_position(what->grid.cols.range, kept->first);
    double share[LANES], line[LANES + KEYS] = {0};
    for (int lane = 0; lane < LANES; lane++) {
        const int64_t q = kept->strip * LANES + lane;
        const bool counts = q < state->queries && !state->bad[q];
        share[lane] =
            counts ? rm_power_of_two((double)kept->reference[lane] - state->top[q]) * state->share[q] : 0.0;
        for (int32_t k = 0; !counts && k < kept->keys; k++) {
            kept->weights[k][lane] = 0.0f;
        }
    }
    if (row_step == col_step) {
        kernels->spread(kept->weights, kept->keys, share, line);
        for (int64_t i = KEYS - kept->keys; i < LANES + KEYS - 1; i++) {
            if (line[i] > 0.0) {
                mass[bin_of(what, magnitude(at - key + (i - KEYS + 1) * row_step))] += line[i];
            }
        }
        return;
    }
    for (int32_t k = 0; k < kept->keys; k++) {
        for (int lane = 0; lane < LANES; lane++) {
            const double p = (double)kept->weights[k][lane] * share[lane];
            if (p > 0.0) {
                mass[bin_of(what, magnitude(at + lane * row_step - key - k * col_step))] += p;
            }
        }
    }
}

static void finish_distances(struct rm_cpu_softmax *state, const rm_softmax_kernels *kernels, double *mass) {
    const rm_softmax *what = state->what;
    const int64_t cells = what->cells ? what->shown.cells : 0;
    for (int64_t i = 0; i < state->kept_count; i++) {
        finish_kept(state, kernels, &state->kept[i], mass);
    }
    for (int64_t bin = 0; bin < what->bins; bin++) {
        settle(state, kernels, cells + bin);
        for (int64_t q = 0; q < state->queries; q++) {
            state->settled[q] = state->bad[q] ? 0.0 : state->settled[q];
        }
        mass[what->exact + bin] += sum_of(state->settled, state->queries);
    }
}

ropemap_status rm_cpu_softmax_end(rm_context *context, rm_softmax_results *results, ropemap_error *error) {
    (void)error;
    struct rm_cpu_softmax *state = context->softmax;
    const rm_softmax_kernels *kernels = context->kernels->softmax;
    for (int64_t q = 0; q < QUERIES; q++) {
        state->top[q] = 0.0;
        state->share[q] = 0.0;
        if (q < state->queries) {
            finish_row(state, q, results);
        }
    }
    if (results->cells != NULL) {
        finish_cells(state, kernels, results);
    }
    if (results->mass != NULL) {
        finish_distances(state, kernels, results->mass);
    }
    return ROPEMAP_OK;
}
