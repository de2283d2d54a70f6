/* factored_closed_form.c - geometric sums of rotated constant vectors */
/* SPDX-License-Identifier: MIT */
#include "host/map/cells.h"
#include "host/map/factored.h"

#include <math.h>

static inline rm_phasor rm_phasor_mul(rm_phasor a, rm_phasor b) {
    return (rm_phasor){.re = a.re * b.re - a.im * b.im, .im = a.re * b.im + a.im * b.re};
}

static inline rm_phasor rm_phasor_conjugate(rm_phasor a) {
    return (rm_phasor){.re = a.re, .im = -a.im};
}

/* One pair's frequency, as in ropemap_freqs. */
typedef struct rm_frequency {
    uint64_t step; /* 2^-64 turns a token */
    uint32_t fine; /* 2^-96 turns a token */
} rm_frequency;

#define TWO_PI 6.283185307179586

/* A number of turns modulo 1, as hi * 2^-64 + lo * 2^-96. */
struct turns {
    uint64_t hi;
    uint32_t lo;
};

/* count * turns modulo 1, exactly, for 0 <= count < 2^41. */
static struct turns multiply(struct turns turns, int64_t count) {
    const uint64_t low = (uint64_t)count & 0xfffff, high = (uint64_t)count >> 20; /* both below 2^21 */
    const uint64_t a = low * turns.lo;  /* below 2^52, units of 2^-96 */
    const uint64_t b = high * turns.lo; /* below 2^53, units of 2^-76 */
    const uint64_t rest = a + ((b & 0xfff) << 20);
    return (struct turns){.hi = (uint64_t)count * turns.hi + (b >> 12) + (rest >> 32), .lo = (uint32_t)rest};
}

/* Half of the signed value in [-1/2, 1/2) turns; 2^-97 turns are lost where it is odd. */
static struct turns half(struct turns turns) {
    return (struct turns){.hi = turns.hi >> 1 | (turns.hi & (UINT64_C(1) << 63)),
                          .lo = turns.lo >> 1 | (uint32_t)(turns.hi & 1) << 31};
}

/* The signed value in [-1/2, 1/2) turns. */
static double signed_turns(struct turns turns) {
    const uint64_t magnitude = turns.hi >> 63 ? (uint64_t)0 - turns.hi : turns.hi;
    const double upper = (turns.hi >> 63 ? -1.0 : 1.0) * ((double)magnitude * 0x1p-64);
    return upper + (double)turns.lo * 0x1p-96;
}

static rm_phasor unit(struct turns turns) {
    const double angle = TWO_PI * signed_turns(turns);
    return (rm_phasor){.re = cos(angle), .im = sin(angle)};
}

/*
 * sin(count x) / (count sin x) for x = 2 pi eta, |eta| <= 1/4 turn: the length of the mean of `count` unit
 * vectors that are 2 eta turns apart. Where count * eta is tiny the series is used: its next term is below
 * 1e-20.
 */
static double mean_length(struct turns eta, int64_t count) {
    const double x = TWO_PI * signed_turns(eta), n = (double)count;
    if (fabs(n * x) < 1e-5) {
        return 1.0 - (n * n - 1.0) * x * x / 6.0;
    }
    return sin(TWO_PI * signed_turns(multiply(eta, count))) / (n * sin(x));
}

/* Mean of e^(i t delta), t < count, delta = 2 eta turns. */
static rm_phasor mean_from_zero(struct turns eta, int64_t count) {
    const double length = mean_length(eta, count);
    const rm_phasor middle = unit(multiply(eta, count - 1));
    return (rm_phasor){.re = middle.re * length, .im = middle.im * length};
}

static struct turns token_of(rm_frequency frequency) {
    return (struct turns){.hi = frequency.step, .lo = frequency.fine};
}

/* e^(i phase) at a position. */
static rm_phasor rm_phasor_at(rm_frequency frequency, int64_t position) {
    return unit(multiply(token_of(frequency), position));
}

/* Mean of e^(i phase) over `count` positions, `step` apart, from position 0 on (count >= 1). */
static rm_phasor rm_phasor_run(rm_frequency frequency, int64_t step, int64_t count) {
    return mean_from_zero(half(multiply(token_of(frequency), step)), count);
}

/* Mean of e^(i phase) over the positions of a range (count >= 1). Error below 1e-11 at any count up to 2^40.
 */
static rm_phasor rm_phasor_mean(rm_frequency frequency, ropemap_range positions) {
    return rm_phasor_mul(rm_phasor_at(frequency, positions.first),
                         rm_phasor_run(frequency, positions.step, positions.count));
}

/* Sum of e^(i (phase_i - phase_j)) over 0 <= j <= i < count, with phases `step` tokens apart. */
/*
 * Built up along the bits of count, so that nothing cancels. With z = e^(i delta), S(n) = sum of z^t over t <
 * n: T(2n) = 2 T(n) + z^n |S(n)|^2, two triangles and the square between them; T(n + 1) = T(n) + S(n + 1),
 * one more row.
 */
static rm_phasor rm_phasor_triangle(rm_frequency frequency, int64_t step, int64_t count) {
    const struct turns delta = multiply(token_of(frequency), step), eta = half(delta);
    rm_phasor sum = {0};
    int64_t done = 0;
    for (int bit = 40; bit >= 0; bit--) {
        if (done > 0) {
            const double side = (double)done * mean_length(eta, done);
            const rm_phasor turn = unit(multiply(delta, done));
            sum = (rm_phasor){.re = 2.0 * sum.re + turn.re * side * side,
                              .im = 2.0 * sum.im + turn.im * side * side};
            done *= 2;
        }
        if (count >> bit & 1) {
            const rm_phasor row = mean_from_zero(eta, done + 1);
            sum.re += row.re * (double)(done + 1);
            sum.im += row.im * (double)(done + 1);
            done++;
        }
    }
    return sum;
}

/* The indices of the two elements of a pair in a row. */
static void pair_elements(const ropemap_job *job, int32_t pair, int64_t *first, int64_t *second) {
    const bool half = job->rotation.layout == ROPEMAP_LAYOUT_HALF;
    *first = half ? pair : 2 * (int64_t)pair;
    *second = half ? pair + (int64_t)job->freqs.pairs : *first + 1;
}

static rm_phasor pair_of(const ropemap_job *job, const float *raw, int32_t pair) {
    int64_t first = 0, second = 0;
    pair_elements(job, pair, &first, &second);
    return (rm_phasor){.re = (double)raw[first], .im = (double)raw[second]};
}

static rm_frequency frequency_of(const ropemap_job *job, int32_t pair) {
    return (rm_frequency){.step = job->freqs.step[pair], .fine = job->freqs.fine[pair]};
}

/* What a rotated row is multiplied by: 1, or for cosines 1 / its length (NaN for a zero row). */
static double row_factor(const ropemap_job *job, const float *raw) {
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
static const rm_phasor *run_means(const ropemap_job *job, int64_t step, int64_t count, rm_runs *runs) {
    const int64_t slot = count & 1;
    rm_phasor *means = runs->means + slot * job->freqs.pairs;
    if (runs->step != step) {
        runs->step = step;
        runs->counts[0] = runs->counts[1] = 0;
    }
    if (runs->counts[slot] != count) {
        runs->counts[slot] = count;
        for (int32_t pair = 0; pair < job->freqs.pairs; pair++) {
            means[pair] = rm_phasor_run(frequency_of(job, pair), step, count);
        }
    }
    return means;
}

void rm_closed_mean(const ropemap_job *job, rm_side side, const float *raw, rm_span span, rm_runs *runs,
                    double *mean) {
    const ropemap_range range = rm_side_range(job, side);
    const int64_t start = rm_position(range, span.first);
    const rm_phasor *means = run_means(job, range.step, span.end - span.first, runs);
    const double factor = row_factor(job, raw);
    for (int64_t d = 0; d < job->queries->head_dim; d++) {
        mean[d] = factor * (double)raw[d];
    }
    for (int32_t pair = 0; job->rotation.rotate && pair < job->freqs.pairs; pair++) {
        const rm_phasor rotated =
            rm_phasor_mul(pair_of(job, raw, pair),
                          rm_phasor_mul(rm_phasor_at(frequency_of(job, pair), start), means[pair]));
        const double scale = factor * job->freqs.attention_factor;
        int64_t first = 0, second = 0;
        pair_elements(job, pair, &first, &second);
        mean[first] = scale * rotated.re;
        mean[second] = scale * rotated.im;
    }
}

/* Sum of e^(i (phase of row - phase of col)) over a full rectangle of position indices. */
static rm_phasor rectangle(const ropemap_job *job, int32_t pair, rm_span rows, rm_span cols) {
    const ropemap_range row_range = job->grid.rows.range, col_range = job->grid.cols.range;
    const int64_t height = rows.end - rows.first, width = cols.end - cols.first;
    if (height <= 0 || width <= 0) {
        return (rm_phasor){0};
    }
    const rm_phasor down =
        rm_phasor_mean(frequency_of(job, pair), (ropemap_range){.first = rm_position(row_range, rows.first),
                                                                .count = height,
                                                                .step = row_range.step});
    const rm_phasor across = rm_phasor_mean(
        frequency_of(job, pair),
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
static rm_phasor even_sum(const ropemap_job *job, int32_t pair, rm_span rows, rm_span cols) {
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
            rm_phasor_triangle(frequency_of(job, pair), grid->rows.range.step, all - some);
        sum = plus(sum, rm_phasor_mul(corner, triangle));
    }
    return sum;
}

/* With unequal steps every row ends somewhere else: row by row, each a closed sum. */
static rm_phasor row_by_row_sum(const ropemap_job *job, int32_t pair, rm_span rows, rm_span cols) {
    rm_phasor sum = {0};
    for (int64_t row = rows.first; row < rows.end; row++) {
        const int64_t limit = rm_grid_limit(&job->grid, row);
        const rm_span part = {.first = cols.first, .end = limit < cols.end ? limit : cols.end};
        sum = plus(sum, rectangle(job, pair, (rm_span){.first = row, .end = row + 1}, part));
    }
    return sum;
}

double rm_closed_edge(const ropemap_job *job, const float *query, const float *key, rm_span rows,
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
