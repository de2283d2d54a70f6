/* judged.c - a map of a case held against brute force, cell by cell, within the bound of what computed it */
/* SPDX-License-Identifier: MIT */
#include "tests/judged.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

static bool is_on_gpu(const judged *one) {
    return strcmp(one->map->plan.backend, "cuda") == 0;
}

/* Floats that are split for tensor cores. */
static bool splits(const judged *one) {
    return one->map->plan.kernel == ROPEMAP_KERNEL_FUSED && one->map->plan.dtype == ROPEMAP_DTYPE_FP32;
}

/*
 * Rows are rounded to the type last: each element by u of itself, u = 2^-8 for bf16, 2^-11 for fp16 and tf32
 * (8 and 11 bits), and by 2^-25 where fp16 is below its normal numbers. With rows off by u |q| + s, s =
 * sqrt(d) 2^-25, a score moves by (2 u + u^2) Q K + s (Q + K) (1 + u) + s^2; the rows were off by less than
 * 1e-4 of their length before, which 1.001 covers.
 */
static double rounding_of_rows(const judged *one, double q, double k) {
    static const double units[] = {
        [ROPEMAP_DTYPE_TF32] = 0x1p-11, [ROPEMAP_DTYPE_BF16] = 0x1p-8, [ROPEMAP_DTYPE_FP16] = 0x1p-11};
    const ropemap_dtype dtype = one->map->plan.dtype;
    const double u = units[dtype];
    const double s = dtype == ROPEMAP_DTYPE_FP16 ? sqrt(one->request->spec.head_dim) * 0x1p-25 : 0;
    return 1.001 * ((2 * u + u * u) * q * k + s * (q + k) * (1 + u) + s * s);
}

/* Split floats lose 2^-21 of their products, and beyond 64 of them have as many roundings again
 * (cuda/fused_sm80.cu). */
static double splitting(const judged *one, double q, double k) {
    return (fmax(one->request->spec.head_dim - 64, 0) + 8) * 0x1p-24 * 1.01 * q * k;
}

double judged_bound(const judged *one, int64_t row, int64_t col, double wanted) {
    const ropemap_method method = one->map->plan.method;
    if (one->test->content == CASE_WHOLE && one->request->measure == ROPEMAP_MEASURE_DOT &&
        method == ROPEMAP_METHOD_TILED &&
        !is_on_gpu(one)) { /* small whole numbers: only the cell is rounded */
        return 0x1p-24 * fabs(wanted);
    }
    const double q = one->bounds->rows[row].norm, k = one->bounds->cols[col].norm;
    return bound_of_cell(one->request, one->bounds, method, row, col, wanted) + rounding_of_rows(one, q, k) +
           (splits(one) ? splitting(one, q, k) : 0);
}

/*
 * An infinity meets others of both signs in a sum: pooled second moments, which add them in another order,
 * may come to an infinity in place of a NaN or the reverse; means on the CPU may not. Split rows have no
 * infinity.
 */
bool judged_agrees(const judged *one, double wanted, double got, double bound) {
    if (isfinite(wanted)) {
        return fabs(got - wanted) <= bound;
    }
    const bool pooled = one->map->plan.method == ROPEMAP_METHOD_FACTORED &&
                        (is_on_gpu(one) || one->request->pool != ROPEMAP_POOL_MEAN);
    if (one->test->content == CASE_INFINITY && (pooled || splits(one))) {
        return !isfinite(got);
    }
    return isnan(wanted) ? isnan(got) : got == wanted;
}

void judged_check(const judged *one) {
    const ropemap_map *map = one->map;
    for (int64_t at = 0; at < map->height * map->width; at++) {
        const int64_t row = at / map->width, col = at % map->width;
        const double wanted = one->wanted[at], got = (double)map->cells[at];
        const double bound = judged_bound(one, row, col, wanted);
        if (!judged_agrees(one, wanted, got, bound)) {
            fail_msg("%s, %s of %s, %s, %s by %s: cell (%lld, %lld) is %.9g, not %.9g; bound %.3g",
                     one->test->name, ropemap_pool_name(one->request->pool),
                     ropemap_measure_name(one->request->measure), ropemap_method_name(map->plan.method),
                     ropemap_dtype_name(map->plan.dtype), map->plan.backend, (long long)row, (long long)col,
                     got, wanted, bound);
        }
    }
}

void judged_pools(const map_case *test, case_data *data, int first, int stride,
                  void (*check)(const map_case *test, case_data *data, const bound_table *bounds,
                                const double *wanted)) {
    oracle_scores scores;
    bound_table bounds;
    oracle_scores_make(&data->request, data->queries, data->keys, &scores);
    bound_table_make(&data->request, &scores, &bounds);
    for (int pool = first; pool <= ROPEMAP_POOL_STD; pool += stride) {
        data->request.pool = (ropemap_pool)pool;
        double *wanted = oracle_map(&data->request, &scores);
        check(test, data, &bounds, wanted);
        free(wanted);
    }
    bound_table_free(&bounds);
    oracle_scores_free(&scores);
}
