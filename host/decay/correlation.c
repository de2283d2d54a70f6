/* correlation.c - the mean over all pairs at each distance, by FFT */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/team.h"
#include "host/data/vectors.h"
#include "host/decay/cosine_sums.h"
#include "host/ropemap_decay.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/*
 * The sum over j of q[j + r] . k[j] is, for each element, a correlation: the product of the transform of q
 * with the conjugate of that of k, transformed back. Keys are taken in blocks, each with the queries up to
 * count - 1 rows ahead of it, and padded with zeros, so that no distance below count wraps around. The
 * products of all blocks and elements are added up before they are transformed back. All in double.
 */

enum {
    GROUPS = 8,          /* sums of products, whatever the number of threads: the bytes do not depend on it */
    ROWS_AT_ONCE = 4096, /* of a task that reads */
    POSITIONS_MOST = 1 << 24
};

struct correlation {
    const ropemap_mean_request *request;
    const ropemap_vectors *vectors[2]; /* queries and keys, rotated */
    int64_t rows, length, block;       /* length: of a transform; block: keys in it */
    int32_t head_dim, groups;
    float *columns[2]; /* [head_dim, rows]: each element's series in one piece */
    double *roots;     /* [length, 2]: exp(-2 pi i k / length) */
    double *series;    /* [threads, 2, length, 2]: one to transform, and as much scratch */
    double *sums;      /* [groups, length / 2 + 1, 2] */
};

/* ---- rows, as columns */

static ropemap_status read_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct correlation *to = work;
    const int side = (int)(task % 2);
    const int64_t first = task / 2 * ROWS_AT_ONCE, left = to->rows - first;
    const int64_t count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE, dim = to->head_dim;
    const ropemap_mean_request *request = to->request;
    const int64_t row = request->first - to->vectors[side]->first + first;
    (void)worker;
    float *rows = rm_alloc_raw((uint64_t)(count * dim), sizeof *rows);
    if (rows == NULL) {
        return rm_fail_memory(error, "rows", (uint64_t)(count * dim) * sizeof *rows);
    }
    const ropemap_status status = to->vectors[side]->read(to->vectors[side], row, count, 1, rows, error);
    for (int64_t i = 0; status == ROPEMAP_OK && i < count; i++) {
        for (int64_t d = 0; d < dim; d++) {
            to->columns[side][d * to->rows + first + i] = rows[i * dim + d];
        }
    }
    rm_free(rows);
    return status;
}

/* ---- the transform: complex numbers are pairs of doubles, the length a power of two from 8 on */

/* cos(2 pi k / n), from the nearest quarter turn */
static double cosine(int64_t k, int64_t n) {
    const int64_t quarter = (8 * k / n + 1) / 2;
    const double x = 0x1.921fb54442d18p+2 * (double)(k - quarter * (n / 4)) / (double)n;
    return rm_quarter_cosine((unsigned)quarter, x);
}

static void make_roots(double *roots, int64_t n) {
    for (int64_t k = 0; k < n; k++) {
        roots[2 * k] = cosine(k, n);
    }
    for (int64_t k = 0; k < n; k++) {
        roots[2 * k + 1] = roots[2 * ((k + n / 4) % n)];
    }
}

/* One pass of radix 4: each element of y is of four of x that are a quarter of the length apart. */
static void pass(const double *restrict x, double *restrict y, const double *restrict roots, int64_t n,
                 int64_t stride) {
    for (int64_t p = 0; p < n / 4; p += stride) {
        const double *a = x + 2 * p, *b = a + n / 2, *c = b + n / 2, *d = c + n / 2;
        const double *w1 = roots + 2 * p, *w2 = roots + 4 * p, *w3 = roots + 6 * p;
        double *y0 = y + 8 * p, *y1 = y0 + 2 * stride, *y2 = y1 + 2 * stride, *y3 = y2 + 2 * stride;
        for (int64_t re = 0; re < 2 * stride; re += 2) {
            const int64_t im = re + 1;
            const double sum_re = a[re] + c[re], sum_im = a[im] + c[im];
            const double less_re = a[re] - c[re], less_im = a[im] - c[im];
            const double other_re = b[re] + d[re], other_im = b[im] + d[im];
            const double turned_re = b[im] - d[im], turned_im = d[re] - b[re]; /* -i (b - d) */
            const double z1_re = less_re + turned_re, z1_im = less_im + turned_im;
            const double z2_re = sum_re - other_re, z2_im = sum_im - other_im;
            const double z3_re = less_re - turned_re, z3_im = less_im - turned_im;
            y0[re] = sum_re + other_re;
            y0[im] = sum_im + other_im;
            y1[re] = z1_re * w1[0] - z1_im * w1[1];
            y1[im] = z1_re * w1[1] + z1_im * w1[0];
            y2[re] = z2_re * w2[0] - z2_im * w2[1];
            y2[im] = z2_re * w2[1] + z2_im * w2[0];
            y3[re] = z3_re * w3[0] - z3_im * w3[1];
            y3[im] = z3_re * w3[1] + z3_im * w3[0];
        }
    }
}

/* Stockham's transform of x[n, 2], followed by as much scratch: the result is in the one that is returned. */
static double *transform(double *x, const double *roots, int64_t n) {
    double *y = x + 2 * n;
    int64_t stride = 1;
    for (; stride <= n / 4; stride *= 4) {
        pass(x, y, roots, n, stride);
        double *const result = y;
        y = x;
        x = result;
    }
    for (int64_t i = 0; stride < n && i < n; i++) { /* a last one of radix 2: n halves are two sums */
        const double a = x[i], b = x[i + n];
        x[i] = a + b;
        x[i + n] = a - b;
    }
    return x;
}

/* ---- correlations */

/*
 * Series of a block as real and imaginary parts: queries and keys times a power of two, so that neither is
 * lost in the rounding errors of the other. Returns what undoes it.
 */
static double fill(const struct correlation *of, int64_t element, int64_t first, double *series) {
    const int64_t left = of->rows - first, ahead = of->block + of->request->count - 1;
    const int64_t keys = left < of->block ? left : of->block, queries = left < ahead ? left : ahead;
    const float *q = of->columns[0] + element * of->rows + first;
    const float *k = of->columns[1] + element * of->rows + first;
    double size[2] = {0.0, 0.0};
    memset(series, 0, (size_t)of->length * 2 * sizeof *series);
    for (int64_t i = 0; i < queries; i++) {
        series[2 * i] = (double)q[i];
        size[0] += series[2 * i] * series[2 * i];
    }
    for (int64_t i = 0; i < keys; i++) {
        size[1] += (double)k[i] * (double)k[i];
    }
    const double ratio = sqrt(size[0] / size[1]);
    const double scale = isnormal(ratio) ? exp2(round(log2(ratio))) : 1.0;
    for (int64_t i = 0; i < keys; i++) {
        series[2 * i + 1] = (double)k[i] * scale;
    }
    return 1.0 / scale;
}

/*
 * Adds up the products of every GROUPS-th element. Where z is the transform of q + i k, and a = z[bin], b =
 * the conjugate of z[-bin], that of q is (a + b) / 2 and that of k is (a - b) / 2i.
 */
static ropemap_status transform_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct correlation *to = work;
    const int64_t length = to->length;
    double *series = to->series + worker * 4 * length, *sum = to->sums + task * (length + 2);
    (void)error;
    for (int64_t element = task; element < to->head_dim; element += to->groups) {
        for (int64_t first = 0; first < to->rows; first += to->block) {
            const double scale = 0.25 * fill(to, element, first, series);
            const double *z = transform(series, to->roots, length);
            for (int64_t bin = 0; bin <= length / 2; bin++) {
                const double *a = z + 2 * bin, *b = z + 2 * ((length - bin) % length);
                sum[2 * bin] += scale * 2 * (a[0] * b[1] + a[1] * b[0]);
                sum[2 * bin + 1] += scale * (a[0] * a[0] + a[1] * a[1] - (b[0] * b[0] + b[1] * b[1]));
            }
        }
    }
    return ROPEMAP_OK;
}

/* values[r] = sum at distance r / pairs at that distance: a sum of real series is that of its conjugate's
 * transform. */
static void transform_back(struct correlation *of, double *values) {
    const int64_t length = of->length;
    double *series = of->series;
    for (int64_t bin = 0; bin <= length / 2; bin++) {
        double re = 0.0, im = 0.0;
        for (int32_t group = 0; group < of->groups; group++) {
            re += of->sums[group * (length + 2) + 2 * bin];
            im += of->sums[group * (length + 2) + 2 * bin + 1];
        }
        double *there = series + 2 * bin, *mirrored = series + 2 * ((length - bin) % length);
        there[0] = mirrored[0] = re;
        mirrored[1] = im;
        there[1] = -im;
    }
    const double *z = transform(series, of->roots, length);
    for (int64_t r = 0; r < of->request->count; r++) {
        values[r] = z[2 * r] / (double)length / (double)(of->rows - r);
    }
}

/* ---- memory */

/* The length whose transforms of all blocks take the fewest operations. */
static int64_t best_length(int64_t rows, int64_t count) {
    double least = INFINITY;
    int64_t best = 0;
    for (int64_t length = 8, passes = 3;; length *= 2, passes++) {
        const int64_t block = length - count + 1;
        const double cost =
            block > 0 ? (double)((rows + block - 1) / block) * (double)(length * passes) : INFINITY;
        best = cost < least ? length : best;
        least = cost < least ? cost : least;
        if (block >= rows) {
            return best;
        }
    }
}

static ropemap_status make_memory(struct correlation *to, int32_t threads, ropemap_error *error) {
    const uint64_t elements = (uint64_t)to->head_dim * (uint64_t)to->rows, length = (uint64_t)to->length;
    const uint64_t series = 4 * length * (uint64_t)threads, sums = (length + 2) * (uint64_t)to->groups;
    to->columns[0] = rm_alloc_raw(elements, sizeof(float));
    to->columns[1] = rm_alloc_raw(elements, sizeof(float));
    to->roots = rm_alloc_raw(2 * length, sizeof *to->roots);
    to->series = rm_alloc_raw(series, sizeof *to->series);
    to->sums = rm_alloc(sums, sizeof *to->sums);
    return to->columns[0] == NULL || to->columns[1] == NULL || to->roots == NULL || to->series == NULL ||
                   to->sums == NULL
               ? rm_fail_memory(error, "transforms", 8 * (elements + 2 * length + series + sums))
               : ROPEMAP_OK;
}

static void free_all(struct correlation *of) {
    rm_free(of->columns[0]);
    rm_free(of->columns[1]);
    rm_free(of->roots);
    rm_free(of->series);
    rm_free(of->sums);
}

/* ---- the request */

static ropemap_status check(const ropemap_mean_request *request, ropemap_error *error) {
    if (request->queries == NULL || request->keys == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "queries and keys: missing, expected both");
    }
    if (request->queries->head_dim != request->keys->head_dim ||
        request->queries->head_dim != request->spec.head_dim) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "head-dim: queries have %d, keys %d, the rule %d, expected one number",
                       request->queries->head_dim, request->keys->head_dim, request->spec.head_dim);
    }
    if (request->positions < 1 || request->positions > POSITIONS_MOST || request->count < 1 ||
        request->count > request->positions) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "distances: %" PRId64 " of %" PRId64
                       " positions, expected 1 to as many as there are, at most %d",
                       request->count, request->positions, POSITIONS_MOST);
    }
    for (int side = 0; side < 2; side++) {
        const ropemap_vectors *vectors = side == 0 ? request->queries : request->keys;
        const int64_t first = request->first - vectors->first;
        if (first < 0 || first > vectors->count - request->positions || vectors->step != 1) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "positions: %" PRId64 " from %" PRId64 " on, but %s has %" PRId64
                           " rows from %" PRId64 " on in steps of %" PRId64,
                           request->positions, request->first, vectors->label, vectors->count, vectors->first,
                           vectors->step);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status compute(struct correlation *work, int32_t threads, double *values,
                              ropemap_error *error) {
    const ropemap_mean_request *request = work->request;
    rm_team team = {
        .threads = threads, .progress = request->progress, .progress_user = request->progress_user};
    RM_TRY(make_memory(work, threads, error));
    make_roots(work->roots, work->length);
    const int64_t reads = 2 * ((work->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE);
    RM_TRY(rm_team_run(&team, "read", reads, read_task, work, error));
    RM_TRY(rm_team_run(&team, "transform", work->groups, transform_task, work, error));
    transform_back(work, values);
    return ROPEMAP_OK;
}

/* The vectors as they are, or rotated while they are read; `made` owns what was made. */
static ropemap_status rotate(const ropemap_mean_request *request, struct correlation *work,
                             ropemap_vectors *made[2], ropemap_error *error) {
    work->vectors[0] = request->queries;
    work->vectors[1] = request->keys;
    for (int side = 0; side < 2 && !request->already_rotated; side++) {
        const ropemap_prerotation rotation = {.spec = request->spec};
        RM_TRY(ropemap_vectors_rotated(work->vectors[side], &rotation, &made[side], error));
        work->vectors[side] = made[side];
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_curve_mean(const ropemap_mean_request *request, double *values, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(&request->spec, error));
    RM_TRY(check(request, error));
    int32_t threads = 0;
    RM_TRY(rm_team_size(request->threads, &threads, error));
    ropemap_vectors *made[2] = {NULL, NULL};
    struct correlation work = {.request = request,
                               .rows = request->positions,
                               .length = best_length(request->positions, request->count),
                               .head_dim = request->spec.head_dim,
                               .groups = request->spec.head_dim < GROUPS ? request->spec.head_dim : GROUPS};
    work.block = work.length - request->count + 1;
    ropemap_status status = rotate(request, &work, made, error);
    status = status == ROPEMAP_OK
                 ? compute(&work, threads < work.groups ? threads : work.groups, values, error)
                 : status;
    free_all(&work);
    ropemap_vectors_free(made[0]);
    ropemap_vectors_free(made[1]);
    return status;
}
