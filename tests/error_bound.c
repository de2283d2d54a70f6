/* error_bound.c - how far from the true value a cell may be, derived from the roundings that a method makes
 */
/* SPDX-License-Identifier: MIT */
/*
 * u = 2^-24 is the unit roundoff of float, g(n) = n u / (1 - n u) bounds n roundings in a row (Higham 2002,
 * lemma 3.1), d is the head dim, |.| the Euclidean norm, Q and K the largest norms of the cell's vectors.
 *
 * Rows. Cosine and sine are off by 2e-7 each: a pair (x, y) rotated by them is off by sqrt(2) 2e-7 |(x, y)|.
 * The two products of one and the sum of both products round once each: 2 u |(x, y)|. So a row is off by r =
 * sqrt(2) 2e-7 + 2.1 u of its norm; 0 where it is rotated already. The unit vector with equal entries is off
 * by u in float before it starts. A normalised row: the norm is off by r and by g(d + 3) of its own, the
 * quotient too: 2 r + g(d + 3). Scaled: two roundings more.
 *
 * Scores. (q + dq).(k + dk) - q.k is at most (2 r + r^2) Q K, and d products summed in float in any order add
 * g(d) (1 + r)^2 Q K:
 *     e = (2 r + r^2 + g(d) (1 + r)^2) Q K + u |value|, the last for the float that is returned.
 * Mean, rms and standard deviation of n values are norms and seminorms of the n values over sqrt(n) or less,
 * and min, max and absmax are no further apart than the values: each is off by e at most when every score is.
 * Sums in double add n 2^-53, which the 1.001 below covers for every n used here.
 *
 * Factored. A mean of rows is off by r of the mean norm, by g(16) more because up to 16 rows are added in
 * float before double takes over, and by u as a float: r grows by g(17). For constant vectors the sums are
 * closed. Second moments: m rows of products are summed in float, g(m + 1), on either side, then n products
 * of moments, g(n), n = d (d + 1) / 2, or 2 n for the standard deviation, whose three terms are products of
 * such sums; each moment is rounded once or twice more: c = g(rows + 3) + g(cols + 3) + g(2 n + 4) of T,
 * where T bounds the sum of the terms' magnitudes: for rms Q^2 K^2; for std, with A and B the mean squared
 * deviations of the cell's queries and keys from their means, A B + K^2 A + Q^2 B (Cauchy-Schwarz; the mean
 * that is subtracted may itself be off by 2 u Q, which adds that squared to A). A square root of v + c T, v
 * >= 0, is off by min(sqrt(c T), c T / sqrt(v)).
 *
 * Diagonal. Values are means of cosines that are off by 2e-7, times 1 or 1/sqrt(d), summed in float at worst:
 *     e = (2e-7 + g(d / 2 + 3)) Q K + u |value|.
 */
#include "tests/error_bound.h"

#include <math.h>
#include <stdlib.h>

static const double U = 0x1p-24;
static const double SINCOS = 2e-7;

static double g(double n) {
    return n * U / (1 - n * U);
}

static double squared_norm(const double *x, int32_t dim) {
    double sum = 0;
    for (int32_t d = 0; d < dim; d++) {
        sum += x[d] * x[d];
    }
    return sum;
}

static void add_spread(const double *rows, int32_t dim, const bool *counts, int64_t first, int64_t end,
                       bound_extent *extent) {
    for (int32_t d = 0; d < dim; d++) {
        double mean = 0;
        for (int64_t i = first; i < end; i++) {
            mean += counts[i] ? rows[i * dim + d] / extent->rows : 0;
        }
        for (int64_t i = first; i < end; i++) {
            const double deviation = rows[i * dim + d] - mean;
            extent->spread += counts[i] ? deviation * deviation / extent->rows : 0;
        }
    }
    const double centre = 2 * U * extent->norm;
    extent->spread += centre * centre;
}

static bound_extent *make_extents(const double *rows, int64_t count, int32_t dim, int64_t cells) {
    bound_extent *extents = calloc((size_t)cells, sizeof *extents);
    bool *counts = calloc((size_t)count, sizeof *counts);
    if (extents == NULL || counts == NULL) {
        abort();
    }
    for (int64_t cell = 0; cell < cells; cell++) {
        const int64_t first = oracle_cell_first(count, cells, cell);
        const int64_t end = oracle_cell_first(count, cells, cell + 1);
        for (int64_t i = first; i < end; i++) {
            const double square = squared_norm(rows + i * dim, dim);
            counts[i] = isfinite(square);
            extents[cell].rows += counts[i] ? 1 : 0;
            extents[cell].norm = counts[i] ? fmax(extents[cell].norm, sqrt(square)) : extents[cell].norm;
        }
        add_spread(rows, dim, counts, first, end, &extents[cell]);
    }
    free(counts);
    return extents;
}

void bound_table_make(const ropemap_request *request, const oracle_scores *scores, bound_table *table) {
    const int32_t dim = scores->head_dim;
    table->rows =
        make_extents(scores->queries, scores->rows, dim, oracle_cells(scores->rows, request->height));
    table->cols = make_extents(scores->keys, scores->cols, dim, oracle_cells(scores->cols, request->width));
}

void bound_table_free(bound_table *table) {
    free(table->rows);
    free(table->cols);
    *table = (bound_table){0};
}

/* r: what a row is off by, relative to its norm. */
static double row_error(const ropemap_request *request, ropemap_method method) {
    double r = request->already_rotated ? 0 : sqrt(2) * SINCOS + 2.1 * U;
    r += request->queries == NULL ? U : 0;
    if (request->measure == ROPEMAP_MEASURE_COSINE) {
        r = 2 * r + g(request->spec.head_dim + 3);
    }
    if (request->measure == ROPEMAP_MEASURE_SCALED) {
        r += 2 * U;
    }
    return method == ROPEMAP_METHOD_FACTORED ? r + g(17) : r;
}

/* What the moments of the factored rms and std add. */
static double moment_error(const ropemap_request *request, const bound_extent *q, const bound_extent *k,
                           double value) {
    const double d = request->spec.head_dim, products = d * (d + 1) / 2;
    const double c = g(q->rows + 3) + g(k->rows + 3) + g(2 * products + 4);
    const double qq = q->norm * q->norm, kk = k->norm * k->norm;
    double terms = qq * kk;
    if (request->pool == ROPEMAP_POOL_STD) {
        terms = q->spread * k->spread + kk * q->spread + qq * k->spread;
    }
    return value > 0 ? fmin(sqrt(c * terms), c * terms / value) : sqrt(c * terms);
}

double bound_of_cell(const ropemap_request *request, const bound_table *table, ropemap_method method,
                     int64_t row, int64_t col, double value) {
    const bound_extent *q = &table->rows[row], *k = &table->cols[col];
    const double dim = request->spec.head_dim, rounding = U * fabs(value);
    if (method == ROPEMAP_METHOD_DIAGONAL) {
        return 1.001 * (SINCOS + g(dim / 2 + 3)) * q->norm * k->norm + rounding;
    }
    const double r = row_error(request, method);
    double bound = (2 * r + r * r + g(dim) * (1 + r) * (1 + r)) * q->norm * k->norm;
    if (method == ROPEMAP_METHOD_FACTORED && request->pool != ROPEMAP_POOL_MEAN) {
        bound += moment_error(request, q, k, value);
    }
    return 1.001 * bound + rounding;
}
