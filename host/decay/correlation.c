/* correlation.c - the mean over all pairs at each distance, by FFT */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/team.h"
#include "host/data/vectors.h"
#include "host/ropemap_decay.h"

#include <complex.h>
#include <fftw3.h>
#include <inttypes.h>
#include <pthread.h>

/*
 * The sum over j of q[j + r] . k[j] is, for each element, a correlation: the product of the transform of q
 * with the conjugate of that of k, transformed back. Products of all elements are added up before that. Rows
 * are padded with zeros to twice their number, so that nothing wraps around. All in double.
 */

enum {
    GROUPS = 8,          /* sums of products, whatever the number of threads: the bytes do not depend on it */
    ROWS_AT_ONCE = 4096, /* of a task that reads */
    POSITIONS_MOST = 1 << 24
};

/* FFTW's planner is one for the process; executing plans is free for all. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

struct correlation {
    const ropemap_mean_request *request;
    const ropemap_vectors *vectors[2]; /* queries and keys, rotated */
    int64_t rows, padded, bins;        /* bins: padded / 2 + 1 */
    int32_t head_dim, groups;
    float *columns[2];     /* [head_dim, rows]: each element's series in one piece */
    double *series;        /* [threads, padded] */
    fftw_complex *spectra; /* [threads, 2, bins] */
    fftw_complex *sums;    /* [groups, bins] */
    fftw_plan forward, back;
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

/* ---- transforms */

static void transform(const struct correlation *of, int side, int64_t element, double *series,
                      fftw_complex *spectrum) {
    const float *column = of->columns[side] + element * of->rows;
    for (int64_t i = 0; i < of->rows; i++) {
        series[i] = (double)column[i];
    }
    for (int64_t i = of->rows; i < of->padded; i++) {
        series[i] = 0.0;
    }
    fftw_execute_dft_r2c(of->forward, series, spectrum);
}

/* Adds up the products of every GROUPS-th element. */
static ropemap_status transform_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct correlation *to = work;
    double *series = to->series + worker * to->padded;
    fftw_complex *queries = to->spectra + 2 * worker * to->bins, *keys = queries + to->bins;
    fftw_complex *sum = to->sums + task * to->bins;
    (void)error;
    for (int64_t element = task; element < to->head_dim; element += to->groups) {
        transform(to, 0, element, series, queries);
        transform(to, 1, element, series, keys);
        for (int64_t bin = 0; bin < to->bins; bin++) {
            sum[bin] += queries[bin] * conj(keys[bin]);
        }
    }
    return ROPEMAP_OK;
}

/* values[r] = sum at distance r / pairs at that distance */
static void transform_back(struct correlation *of, double *values) {
    for (int32_t group = 1; group < of->groups; group++) {
        for (int64_t bin = 0; bin < of->bins; bin++) {
            of->sums[bin] += of->sums[group * of->bins + bin];
        }
    }
    fftw_execute_dft_c2r(of->back, of->sums, of->series);
    for (int64_t r = 0; r < of->request->count; r++) {
        values[r] = of->series[r] / (double)of->padded / (double)(of->rows - r);
    }
}

/* ---- memory and plans */

/* The next number from `least` on with no factor but 2, 3 and 5, even: what FFTW is fast for. */
static int64_t smooth(int64_t least) {
    for (int64_t number = least + least % 2;; number += 2) {
        int64_t rest = number;
        for (int factor = 2; factor <= 5; factor += factor == 2 ? 1 : 2) {
            while (rest % factor == 0) {
                rest /= factor;
            }
        }
        if (rest == 1) {
            return number;
        }
    }
}

static ropemap_status make_memory(struct correlation *to, int32_t threads, ropemap_error *error) {
    const uint64_t elements = (uint64_t)to->head_dim * (uint64_t)to->rows, bins = (uint64_t)to->bins;
    const uint64_t bytes = 8 * elements + 8 * (uint64_t)threads * (uint64_t)to->padded +
                           16 * bins * (2 * (uint64_t)threads + (uint64_t)to->groups);
    to->columns[0] = rm_alloc_raw(elements, sizeof(float));
    to->columns[1] = rm_alloc_raw(elements, sizeof(float));
    to->series = rm_alloc((uint64_t)threads * (uint64_t)to->padded, sizeof *to->series);
    to->spectra = rm_alloc(2 * (uint64_t)threads * bins, sizeof *to->spectra);
    to->sums = rm_alloc((uint64_t)to->groups * bins, sizeof *to->sums);
    return to->columns[0] == NULL || to->columns[1] == NULL || to->series == NULL || to->spectra == NULL ||
                   to->sums == NULL
               ? rm_fail_memory(error, "transforms", bytes)
               : ROPEMAP_OK;
}

/* Plans for any address: each thread has its own. */
static ropemap_status make_plans(struct correlation *to, ropemap_error *error) {
    const unsigned flags = FFTW_ESTIMATE | FFTW_UNALIGNED;
    (void)pthread_mutex_lock(&planner);
    to->forward = fftw_plan_dft_r2c_1d((int)to->padded, to->series, to->spectra, flags);
    to->back = fftw_plan_dft_c2r_1d((int)to->padded, to->sums, to->series, flags);
    (void)pthread_mutex_unlock(&planner);
    return to->forward != NULL && to->back != NULL ? ROPEMAP_OK : rm_fail_memory(error, "transforms", 0);
}

static void free_all(struct correlation *of) {
    (void)pthread_mutex_lock(&planner);
    fftw_destroy_plan(of->forward);
    fftw_destroy_plan(of->back);
    (void)pthread_mutex_unlock(&planner);
    rm_free(of->columns[0]);
    rm_free(of->columns[1]);
    rm_free(of->series);
    rm_free(of->spectra);
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
    RM_TRY(make_plans(work, error));
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
                               .padded = smooth(request->positions + request->count),
                               .head_dim = request->spec.head_dim,
                               .groups = request->spec.head_dim < GROUPS ? request->spec.head_dim : GROUPS};
    work.bins = work.padded / 2 + 1;
    ropemap_status status = rotate(request, &work, made, error);
    status = status == ROPEMAP_OK
                 ? compute(&work, threads < work.groups ? threads : work.groups, values, error)
                 : status;
    free_all(&work);
    ropemap_vectors_free(made[0]);
    ropemap_vectors_free(made[1]);
    return status;
}
