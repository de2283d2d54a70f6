/* map_check.c - whether cells of a map hold what they should: a sample of them from rotated rows in double */
/* SPDX-License-Identifier: MIT */
#include "host/bench/map_check.h"

#include "host/bench/gpu.h"
#include "host/bench/inputs.h"
#include "host/map/grid.h"

#include <math.h>

/* Rows that a check rotates, of each side; at least two cells are looked at. Cosines likewise, of ones. */
enum { CHECKED_ROWS = 16384, CHECKED_CELLS_MOST = 1024 };

/* Of one cosine, as cuda/arith.h promises it. */
static const double COSINE_ERROR = 2e-7;

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t rows_of_cell(int64_t positions, int64_t cells) {
    return (positions + cells - 1) / cells;
}

uint64_t rm_map_check_rows(const rm_shape *shape) {
    const int64_t cells = smaller(smaller(shape->height, shape->width), shape->positions);
    return 2 * (uint64_t)rows_of_cell(shape->positions, cells);
}

/* A cell: its rows and columns, room for both, and the number that it came to. */
struct cell {
    rm_span rows, cols;
    double *q, *k;
    double got;
};

/* Rows [first, end) of a side, turned, into `to`; returns the mean of their lengths. */
static double turn_rows(const rm_map_check *check, const float *side, rm_span span, double *to) {
    const int32_t dim = check->reference->head_dim;
    double lengths = 0.0;
    for (int64_t row = span.first; row < span.end; row++, to += dim) {
        rm_reference_rotate(check->reference, side + row * dim, row, to);
        lengths += sqrt(rm_reference_dot(to, to, dim));
    }
    return lengths / (double)(span.end - span.first);
}

/* The mean of `count` rows, into the first of them; returns its length. */
static double mean_row(const rm_map_check *check, double *rows, int64_t count) {
    const int32_t dim = check->reference->head_dim;
    for (int32_t d = 0; d < dim; d++) {
        double sum = 0.0;
        for (int64_t row = 0; row < count; row++) {
            sum += rows[row * dim + d];
        }
        rows[d] = sum / (double)count;
    }
    return sqrt(rm_reference_dot(rows, rows, dim));
}

/* What a product of such lengths may be off by. Tensor cores cut where others round: twice as much. */
static double product_error(const rm_map_check *check, double length_a, double length_b) {
    return (check->on_gpu ? 2.0 : 1.0) *
           rm_reference_product_error(check->reference->head_dim, length_a, length_b);
}

/*
 * The mean of a cell is the product of two mean rows. Such a row is off by at most `off` = the mean length of
 * its rows times: what a rotated row is off by (twice that where the backend turns it, which may take two
 * steps), 15 roundings of sums of 16, and one of the mean itself.
 */
static void check_mean(const rm_map_check *check, const struct cell *cell, rm_verdict *verdict) {
    const double steps = check->reference->phase == ROPEMAP_PHASE_EXACT ? 2.0 : 1.0;
    const double share = steps * rm_reference_row_error(check->reference) + 16.0 * RM_FLOAT_ROUNDING;
    const double q_off = share * turn_rows(check, check->queries, cell->rows, cell->q);
    const double k_off = share * turn_rows(check, check->keys, cell->cols, cell->k);
    const double q_length = mean_row(check, cell->q, cell->rows.end - cell->rows.first);
    const double k_length = mean_row(check, cell->k, cell->cols.end - cell->cols.first);
    const double allowed = q_off * k_length + k_off * q_length + q_off * k_off +
                           product_error(check, q_length + q_off, k_length + k_off);
    rm_verdict_take(verdict, cell->got, rm_reference_dot(cell->q, cell->k, check->reference->head_dim),
                    allowed);
}

/*
 * Rows are rounded to the type last: each element by u of itself, and s = sqrt(d) 2^-25 for all of those that
 * are below fp16's normal numbers. Then a product moves by (2 u + u^2) Q K + s (Q + K) (1 + u) + s^2.
 */
static double type_error(const rm_map_check *check, double q_length, double k_length) {
    const ropemap_dtype dtype = check->map->plan.dtype;
    if (dtype == ROPEMAP_DTYPE_FP32) {
        return 0.0;
    }
    const double least = rm_gpu_rounding(dtype, 0.0), u = rm_gpu_rounding(dtype, 1.0) - least;
    const double s = sqrt((double)check->reference->head_dim) * least;
    return (2.0 * u + u * u) * q_length * k_length + s * (q_length + k_length) * (1.0 + u) + s * s;
}

/*
 * The largest product, and the deviation of all of them, are off by no more than the product of the longest
 * rows can be. A map's number is rounded to float at the end.
 */
static void check_products(const rm_map_check *check, const struct cell *cell, rm_verdict *verdict) {
    const int32_t dim = check->reference->head_dim;
    const double off = rm_reference_row_error(check->reference);
    (void)turn_rows(check, check->queries, cell->rows, cell->q);
    (void)turn_rows(check, check->keys, cell->cols, cell->k);
    double largest = -INFINITY, allowed = 0.0, sum = 0.0, squares = 0.0, count = 0.0;
    for (const double *q = cell->q; q < cell->q + (cell->rows.end - cell->rows.first) * dim; q += dim) {
        const double q_length = sqrt(rm_reference_dot(q, q, dim));
        for (const double *k = cell->k; k < cell->k + (cell->cols.end - cell->cols.first) * dim; k += dim) {
            const double k_length = sqrt(rm_reference_dot(k, k, dim)), dot = rm_reference_dot(q, k, dim);
            const double rotated = 2.0 * off * q_length * k_length;
            const double rounded = type_error(check, q_length, k_length);
            const double product = product_error(check, q_length, k_length);
            largest = dot > largest || isnan(dot) ? dot : largest;         /* a NaN stays: nothing is > it */
            allowed = fmax(allowed, 1.01 * (rotated + rounded + product)); /* a hundredth: all at once */
            sum += dot;
            squares += dot * dot;
            count += 1.0;
        }
    }
    if (check->pool == ROPEMAP_POOL_MAX) {
        rm_verdict_take(verdict, cell->got, largest, allowed);
        return;
    }
    const double mean = sum / count, variance = squares / count - mean * mean;
    const double wanted = sqrt(variance < 0.0 ? 0.0 : variance);
    rm_verdict_take(verdict, cell->got, wanted, allowed + RM_FLOAT_ROUNDING * wanted);
}

/* Of ones: the mean of the pairs' cosines at the distance between two positions, the largest of a cell. */
static void check_ones(const rm_map_check *check, const struct cell *cell, rm_verdict *verdict) {
    const int32_t pairs = check->reference->head_dim / 2;
    const int64_t last = cell->rows.end - 1 - cell->cols.first;
    double largest = -INFINITY;
    for (int64_t distance = cell->rows.first - (cell->cols.end - 1); distance <= last; distance++) {
        double sum = 0.0;
        for (int32_t pair = 0; pair < pairs; pair++) {
            double c = 0.0, s = 0.0;
            rm_reference_turn(check->reference, pair, distance < 0 ? -distance : distance, &c, &s);
            sum += c;
        }
        largest = fmax(largest, sum / (double)pairs);
    }
    rm_verdict_take(verdict, cell->got, largest, COSINE_ERROR + RM_FLOAT_ROUNDING);
}

void rm_map_check_cells(const rm_map_check *check, rm_verdict *verdict) {
    const ropemap_map *map = check->map;
    const int64_t n = check->positions, total = map->height * map->width;
    const int64_t rows_most = rows_of_cell(n, smaller(map->height, map->width));
    const int64_t affordable = CHECKED_ROWS / rows_most;
    const int64_t most = affordable < 2 ? 2 : smaller(affordable, CHECKED_CELLS_MOST);
    for (int64_t i = 0; i < rm_sample_count(total, most); i++) {
        const int64_t at = rm_sample_at(total, most, i);
        struct cell cell = {.q = check->rows, .got = (double)map->cells[at]};
        ropemap_cell_bounds(n, map->height, at / map->width, &cell.rows.first, &cell.rows.end);
        ropemap_cell_bounds(n, map->width, at % map->width, &cell.cols.first, &cell.cols.end);
        if (check->queries == NULL) {
            check_ones(check, &cell, verdict);
            continue;
        }
        cell.k = check->rows + rows_most * check->reference->head_dim;
        if (check->pool == ROPEMAP_POOL_MEAN) {
            check_mean(check, &cell, verdict);
        } else {
            check_products(check, &cell, verdict);
        }
    }
}
