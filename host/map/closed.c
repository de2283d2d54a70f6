/* closed.c - vectors that do not depend on position: cells as closed sums, at a cost that does not depend on
 * N */
/* SPDX-License-Identifier: MIT */
#include "host/map/closed.h"

#include "host/map/pairs.h"
#include "host/map/phasor.h"

#include <math.h>

/* Where the two elements of pair `pair` stand in a row. */
static void pair_elements(const rm_job *job, int32_t pair, int64_t *first, int64_t *second) {
    const bool half = job->rotation.layout == ROPEMAP_LAYOUT_HALF;
    *first = half ? pair : 2 * (int64_t)pair;
    *second = half ? pair + (int64_t)job->freqs.pairs : *first + 1;
}

static rm_phasor pair_of(const rm_job *job, const float *raw, int32_t pair) {
    int64_t first = 0, second = 0;
    pair_elements(job, pair, &first, &second);
    return (rm_phasor){.re = (double)raw[first], .im = (double)raw[second]};
}

static rm_turning turning_of(const rm_job *job, int32_t pair) {
    return (rm_turning){.step = job->freqs.step[pair], .fine = job->freqs.fine[pair]};
}

/* What a rotated row is multiplied by: 1, or for cosines 1 / its length (NaN for a zero row). */
static double row_factor(const rm_job *job, const float *raw) {
    if (!job->rotation.normalise) {
        return 1.0;
    }
    const double a = job->rotation.rotate ? job->freqs.attention_factor : 1.0;
    double square = 0.0;
    for (int32_t pair = 0; pair < job->freqs.pairs; pair++) {
        const rm_phasor z = pair_of(job, raw, pair);
        square += a * a * (z.re * z.re + z.im * z.im);
    }
    for (int64_t d = 2 * (int64_t)job->freqs.pairs; d < job->queries->head_dim; d++) {
        square += (double)raw[d] * (double)raw[d];
    }
    return square > 0.0 ? 1.0 / sqrt(square) : (double)NAN;
}

/* [pairs] of `count` positions, `step` apart. */
static const rm_phasor *run_means(const rm_job *job, int64_t step, int64_t count, rm_runs *runs) {
    const int64_t slot = count & 1;
    rm_phasor *means = runs->means + slot * job->freqs.pairs;
    if (runs->step != step) {
        runs->step = step;
        runs->counts[0] = runs->counts[1] = 0;
    }
    if (runs->counts[slot] != count) {
        runs->counts[slot] = count;
        for (int32_t pair = 0; pair < job->freqs.pairs; pair++) {
            means[pair] = rm_phasor_run(turning_of(job, pair), step, count);
        }
    }
    return means;
}

void rm_closed_mean(const rm_job *job, rm_side side, const float *raw, rm_span span, rm_runs *runs,
                    double *mean) {
    const ropemap_range range = rm_side_range(job, side);
    const int64_t start = rm_position(range, span.first);
    const rm_phasor *means = run_means(job, range.step, span.end - span.first, runs);
    const double factor = row_factor(job, raw);
    for (int64_t d = 0; d < job->queries->head_dim; d++) {
        mean[d] = factor * (double)raw[d];
    }
    for (int32_t pair = 0; job->rotation.rotate && pair < job->freqs.pairs; pair++) {
        const rm_phasor turned = rm_phasor_mul(
            pair_of(job, raw, pair), rm_phasor_mul(rm_phasor_at(turning_of(job, pair), start), means[pair]));
        const double scale = factor * job->freqs.attention_factor;
        int64_t first = 0, second = 0;
        pair_elements(job, pair, &first, &second);
        mean[first] = scale * turned.re;
        mean[second] = scale * turned.im;
    }
}

/* Sum of e^(i (phase of row - phase of col)) over a full rectangle of position indices. */
static rm_phasor rectangle(const rm_job *job, int32_t pair, rm_span rows, rm_span cols) {
    const ropemap_range row_range = job->grid.rows.range, col_range = job->grid.cols.range;
    const int64_t height = rows.end - rows.first, width = cols.end - cols.first;
    if (height <= 0 || width <= 0) {
        return (rm_phasor){0};
    }
    const rm_phasor down =
        rm_phasor_mean(turning_of(job, pair), (ropemap_range){.first = rm_position(row_range, rows.first),
                                                              .count = height,
                                                              .step = row_range.step});
    const rm_phasor across = rm_phasor_mean(
        turning_of(job, pair),
        (ropemap_range){.first = rm_position(col_range, cols.first), .count = width, .step = col_range.step});
    const rm_phasor mean = rm_phasor_mul(down, rm_phasor_conjugate(across));
    const double pairs = (double)height * (double)width;
    return (rm_phasor){.re = mean.re * pairs, .im = mean.im * pairs};
}

static rm_phasor plus(rm_phasor a, rm_phasor b) {
    return (rm_phasor){.re = a.re + b.re, .im = a.im + b.im};
}

/*
 * With equal steps, row i of the cell has `lead + i` columns at its first diagonal row: a rectangle of the
 * columns that every such row has, a triangle right of it, and full rows below.
 */
static rm_phasor even_sum(const rm_job *job, int32_t pair, rm_span rows, rm_span cols) {
    const rm_grid *grid = &job->grid;
    int64_t some = rm_grid_first_row(grid, cols.first), all = rm_grid_first_row(grid, cols.end - 1);
    some = some < rows.first ? rows.first : some;
    all = all < some ? some : all > rows.end ? rows.end : all;
    rm_phasor sum = rectangle(job, pair, (rm_span){.first = all, .end = rows.end}, cols);
    if (some < all) {
        const int64_t lead = rm_grid_limit(grid, some) - 1; /* the triangle's first column */
        const rm_span before = {.first = cols.first, .end = lead};
        sum = plus(sum, rectangle(job, pair, (rm_span){.first = some, .end = all}, before));
        const rm_phasor corner = rectangle(job, pair, (rm_span){.first = some, .end = some + 1},
                                           (rm_span){.first = lead, .end = lead + 1});
        const rm_phasor triangle =
            rm_phasor_triangle(turning_of(job, pair), grid->rows.range.step, all - some);
        sum = plus(sum, rm_phasor_mul(corner, triangle));
    }
    return sum;
}

/* With unequal steps every row ends somewhere else: row by row, each a closed sum. */
static rm_phasor row_by_row_sum(const rm_job *job, int32_t pair, rm_span rows, rm_span cols) {
    rm_phasor sum = {0};
    for (int64_t row = rows.first; row < rows.end; row++) {
        const int64_t limit = rm_grid_limit(&job->grid, row);
        const rm_span part = {.first = cols.first, .end = limit < cols.end ? limit : cols.end};
        sum = plus(sum, rectangle(job, pair, (rm_span){.first = row, .end = row + 1}, part));
    }
    return sum;
}

double rm_closed_straddle(const rm_job *job, const float *query, const float *key, rm_span rows,
                          rm_span cols) {
    const bool even = job->grid.rows.range.step == job->grid.cols.range.step;
    const double a = job->rotation.rotate ? job->freqs.attention_factor : 1.0;
    const double pairs = rm_grid_pairs(&job->grid, rows, cols);
    double total = 0.0;
    for (int32_t pair = 0; pair < job->freqs.pairs; pair++) {
        const rm_phasor product =
            rm_phasor_mul(pair_of(job, query, pair), rm_phasor_conjugate(pair_of(job, key, pair)));
        rm_phasor sum = {.re = pairs};
        if (job->rotation.rotate) {
            sum = even ? even_sum(job, pair, rows, cols) : row_by_row_sum(job, pair, rows, cols);
        }
        total += a * a * rm_phasor_mul(product, sum).re / pairs;
    }
    for (int64_t d = 2 * (int64_t)job->freqs.pairs; d < job->queries->head_dim; d++) {
        total += (double)query[d] * (double)key[d];
    }
    return total * row_factor(job, query) * row_factor(job, key);
}
