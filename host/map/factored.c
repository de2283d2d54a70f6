/* factored.c - mean, rms and std from what each cell keeps of its rows: O(N d + H W d), never N^2 */
/* SPDX-License-Identifier: MIT */
/*
 * mean: the mean over a cell of q . k is (mean of its rows q) . (mean of its rows k).
 * rms:  mean (q . k)^2 = <Mq, Mk> with M the mean of x x^T.
 * std:  with C the covariance of a cell's rows and m their mean,
 *       var(q . k) = <Cq, Ck> + <Cq, mk mk^T> + <mq mq^T, Ck>, every term >= 0: nothing cancels.
 * Each is one matrix product over features of cells: d means, or the d(d+1)/2 different entries of symmetric
 * matrices with off-diagonal ones weighted by sqrt 2 on both sides. Long products are added up in double.
 */
#include "host/base/alloc.h"
#include "host/map/plan.h"
#include "host/map/pooled.h"
#include "host/map/straddle.h"

#include <math.h>
#include <string.h>

/* Features of a band of cells of one side. */
struct features {
    float *data;        /* [band, stride] */
    int *exponents;     /* [band] each cell's second moments are 2^exponent times its features */
    int64_t first, end; /* cells held */
};

struct scratch {
    rm_pooling pooling;
    float *tile;   /* [block, block] */
    double *total; /* [block, block]; NULL for means, whose products are short */
};

struct factored {
    rm_job *job;
    float *out;          /* [height, width] */
    int64_t stride;      /* features of a cell */
    int64_t block, band; /* cells */
    struct features rows, cols;
    rm_side side;            /* whose features are being made */
    struct scratch *scratch; /* [threads] */
};

static const rm_axis *axis_of(const rm_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? &job->grid.rows : &job->grid.cols;
}

/* The different entries of scale * (matrix + mean mean^T), so that products of two such lists are <A, B>;
 * matrix or mean may be NULL. */
static void pack_symmetric(const double *matrix, const double *mean, int64_t dim, double scale,
                           float *packed) {
    for (int64_t i = 0; i < dim; i++) {
        for (int64_t j = 0; j <= i; j++) {
            const double product = mean == NULL ? 0.0 : mean[i] * mean[j];
            const double value = (matrix == NULL ? 0.0 : matrix[i * dim + j]) + product;
            *packed++ = (float)(value * scale * (i == j ? 1.0 : 1.4142135623730951));
        }
    }
}

/* The power of two that the mean square of a cell's largest element lies just below: features are divided by
 * it, so that they stay in the range of float whatever the vectors' size. */
static int size_of_moments(const rm_pooling *pooling, bool std, int64_t dim) {
    double largest = 0.0;
    for (int64_t i = 0; i < dim; i++) {
        const double square =
            pooling->moment[i * dim + i] + (std ? pooling->mean[i] * pooling->mean[i] : 0.0);
        largest = square > largest ? square : largest;
    }
    int exponent = 0;
    if (isfinite(largest)) {
        (void)frexp(largest, &exponent);
    }
    return exponent;
}

/* rms: M. std: queries have [Cq, mq mq^T] where keys have [Ck + mk mk^T, Ck]. */
static int pack_moments(const rm_pooling *pooling, rm_side side, bool std, int64_t dim, float *packed) {
    float *second = packed + dim * (dim + 1) / 2;
    const int exponent = size_of_moments(pooling, std, dim);
    const double scale = ldexp(1.0, -exponent);
    if (!std) {
        pack_symmetric(pooling->moment, NULL, dim, scale, packed);
    } else if (side == RM_SIDE_QUERIES) {
        pack_symmetric(pooling->moment, NULL, dim, scale, packed);
        pack_symmetric(NULL, pooling->mean, dim, scale, second);
    } else {
        pack_symmetric(pooling->moment, pooling->mean, dim, scale, packed);
        pack_symmetric(pooling->moment, NULL, dim, scale, second);
    }
    return exponent;
}

static ropemap_status cell_features(const struct factored *factored, int32_t index, rm_span span,
                                    float *packed, int *exponent, ropemap_error *error) {
    rm_job *job = factored->job;
    rm_worker *worker = &job->workers[index];
    rm_pooling *pooling = &factored->scratch[index].pooling;
    const int64_t dim = job->queries->head_dim;
    const rm_side side = factored->side;
    const ropemap_pool pool = job->request->pool;
    if (pool != ROPEMAP_POOL_RMS) {
        RM_TRY(rm_pooled_mean(job, worker, side, span, pooling, error));
    }
    if (pool == ROPEMAP_POOL_MEAN) {
        for (int64_t d = 0; d < dim; d++) {
            packed[d] = (float)pooling->mean[d];
        }
        return ROPEMAP_OK;
    }
    const bool std = pool == ROPEMAP_POOL_STD;
    RM_TRY(rm_pooled_moment(job, worker, side, span, std ? pooling->mean : NULL, pooling, error));
    *exponent = pack_moments(pooling, side, std, dim, packed);
    return ROPEMAP_OK;
}

/* One cell's features; those beyond the last cell or feature are zero, so that products keep one shape. */
static ropemap_status features_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct factored *factored = work;
    const struct features *to = factored->side == RM_SIDE_QUERIES ? &factored->rows : &factored->cols;
    float *packed = to->data + task * factored->stride;
    memset(packed, 0, (size_t)factored->stride * sizeof *packed);
    if (to->first + task >= to->end) {
        return ROPEMAP_OK;
    }
    const rm_span span = rm_axis_cell(axis_of(factored->job, factored->side), to->first + task);
    return cell_features(factored, index, span, packed, &to->exponents[task], error);
}

static ropemap_status make_features(struct factored *factored, rm_side side, int64_t first,
                                    ropemap_error *error) {
    struct features *to = side == RM_SIDE_QUERIES ? &factored->rows : &factored->cols;
    const int64_t cells = axis_of(factored->job, side)->cells;
    to->first = first;
    to->end = first + factored->band < cells ? first + factored->band : cells;
    factored->side = side;
    const int64_t blocks = (to->end - to->first + factored->block - 1) / factored->block;
    return rm_job_run(factored->job, "pool rows", blocks * factored->block, features_task, factored, error);
}

/* The product of features of a block of rows and of columns: in scratch->tile where it is one product, else
 * added up from chunks in scratch->total. */
static ropemap_status multiply(const struct factored *factored, int32_t index, rm_view rows, rm_view cols,
                               ropemap_error *error) {
    const struct scratch *scratch = &factored->scratch[index];
    const rm_backend *backend = factored->job->backend;
    rm_context *context = factored->job->workers[index].context;
    const int64_t block = factored->block;
    const rm_view tile = rm_view_dense(scratch->tile, block, block);
    if (scratch->total == NULL) {
        return backend->similarity(context, rows, cols, tile, error);
    }
    memset(scratch->total, 0, (size_t)(block * block) * sizeof *scratch->total);
    for (int64_t first = 0; first < factored->stride; first += RM_FACTORED_CHUNK) {
        const int64_t left = factored->stride - first;
        rm_view a = rows, b = cols;
        a.cols = b.cols = left < RM_FACTORED_CHUNK ? left : RM_FACTORED_CHUNK;
        a.data += first;
        b.data += first;
        RM_TRY(backend->similarity(context, a, b, tile, error));
        for (int64_t i = 0; i < block * block; i++) {
            scratch->total[i] += (double)tile.data[i];
        }
    }
    return ROPEMAP_OK;
}

/* A row of means, of roots of mean squares or of variances. Rounding may leave a variance of nothing just
 * below 0. */
static void store_row(const struct factored *factored, int32_t index, int64_t row, int64_t col, int64_t count,
                      float *out) {
    const struct scratch *scratch = &factored->scratch[index];
    const int64_t offset = (row - factored->rows.first) % factored->block * factored->block;
    const double scale = factored->job->scale;
    if (scratch->total == NULL) {
        const float *means = scratch->tile + offset;
        for (int64_t c = 0; c < count; c++) {
            out[c] = (float)((double)means[c] * scale);
        }
        return;
    }
    const double *squares = scratch->total + offset;
    const int exponent = factored->rows.exponents[row - factored->rows.first];
    const int *exponents = factored->cols.exponents + (col - factored->cols.first);
    for (int64_t c = 0; c < count; c++) {
        const double square = ldexp(squares[c] < 0.0 ? 0.0 : squares[c], exponent + exponents[c]);
        out[c] = (float)(sqrt(square) * scale);
    }
}

/* Cells of a block that no diagonal cuts; the others are left to rm_straddle_cells. */
static void store_block(const struct factored *factored, int32_t index, int64_t row, int64_t col) {
    const rm_job *job = factored->job;
    const int64_t row_end =
        row + factored->block < factored->rows.end ? row + factored->block : factored->rows.end;
    const int64_t col_end =
        col + factored->block < factored->cols.end ? col + factored->block : factored->cols.end;
    for (int64_t r = row; r < row_end; r++) {
        float *out = factored->out + r * job->plan.width;
        store_row(factored, index, r, col, col_end - col, out + col);
        const rm_span span = rm_axis_cell(&job->grid.rows, r);
        for (int64_t c = col; job->grid.causal && c < col_end; c++) {
            if (rm_grid_coverage(&job->grid, span, rm_axis_cell(&job->grid.cols, c)) != RM_COVERAGE_FULL) {
                out[c] = NAN;
            }
        }
    }
}

static rm_view block_of(const struct factored *factored, const struct features *features, int64_t first) {
    return rm_view_dense(features->data + first * factored->stride, factored->block, factored->stride);
}

static ropemap_status block_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct factored *factored = work;
    rm_worker *worker = &factored->job->workers[index];
    const int64_t across =
        (factored->cols.end - factored->cols.first + factored->block - 1) / factored->block;
    const int64_t row = task / across * factored->block, col = task % across * factored->block;
    double time = rm_seconds_now();
    RM_TRY(multiply(factored, index, block_of(factored, &factored->rows, row),
                    block_of(factored, &factored->cols, col), error));
    time = rm_stage_time(worker, RM_STAGE_SIMILARITY, time);
    store_block(factored, index, factored->rows.first + row, factored->cols.first + col);
    (void)rm_stage_time(worker, RM_STAGE_POOL, time);
    return ROPEMAP_OK;
}

static ropemap_status multiply_bands(struct factored *factored, ropemap_error *error) {
    const int64_t block = factored->block;
    const int64_t down = (factored->rows.end - factored->rows.first + block - 1) / block;
    const int64_t across = (factored->cols.end - factored->cols.first + block - 1) / block;
    return rm_job_run(factored->job, "multiply", down * across, block_task, factored, error);
}

static ropemap_status make_scratch(struct factored *factored, ropemap_error *error) {
    rm_job *job = factored->job;
    const bool moments = job->request->pool != ROPEMAP_POOL_MEAN;
    const int64_t floats = factored->band * factored->stride, cells = factored->block * factored->block;
    factored->rows.data = job->backend->reserve(job->workers[0].context, floats);
    factored->cols.data = job->backend->reserve(job->workers[0].context, floats);
    factored->scratch = rm_alloc((uint64_t)job->plan.threads, sizeof *factored->scratch);
    factored->rows.exponents = rm_alloc((uint64_t)factored->band, sizeof(int));
    factored->cols.exponents = rm_alloc((uint64_t)factored->band, sizeof(int));
    if (factored->rows.data == NULL || factored->cols.data == NULL || factored->scratch == NULL ||
        factored->rows.exponents == NULL || factored->cols.exponents == NULL) {
        return rm_fail_memory(error, "features of cells", 2 * (uint64_t)floats * sizeof(float));
    }
    for (int32_t i = 0; i < job->plan.threads; i++) {
        struct scratch *scratch = &factored->scratch[i];
        RM_TRY(rm_pooling_make(&scratch->pooling, job, &job->workers[i], moments, error));
        scratch->tile = job->backend->reserve(job->workers[i].context, cells);
        scratch->total = moments ? rm_alloc_raw((uint64_t)cells, sizeof *scratch->total) : NULL;
        if (scratch->tile == NULL || (moments && scratch->total == NULL)) {
            return rm_fail_memory(error, "blocks of cells", (uint64_t)cells * sizeof *scratch->total);
        }
    }
    return ROPEMAP_OK;
}

static void free_scratch(struct factored *factored) {
    rm_job *job = factored->job;
    for (int32_t i = 0; factored->scratch != NULL && i < job->plan.threads; i++) {
        rm_pooling_free(&factored->scratch[i].pooling, job, &job->workers[i]);
        job->backend->release(job->workers[i].context, factored->scratch[i].tile);
        rm_free(factored->scratch[i].total);
    }
    rm_free(factored->scratch);
    rm_free(factored->rows.exponents);
    rm_free(factored->cols.exponents);
    job->backend->release(job->workers[0].context, factored->rows.data);
    job->backend->release(job->workers[0].context, factored->cols.data);
}

static ropemap_status compute(struct factored *factored, ropemap_error *error) {
    const rm_job *job = factored->job;
    const bool rows_stay = job->plan.height <= factored->band;
    RM_TRY(make_scratch(factored, error));
    for (int64_t col = 0; col < job->plan.width; col += factored->band) {
        RM_TRY(make_features(factored, RM_SIDE_KEYS, col, error));
        for (int64_t row = 0; row < job->plan.height; row += factored->band) {
            if (col == 0 || !rows_stay) {
                RM_TRY(make_features(factored, RM_SIDE_QUERIES, row, error));
            }
            RM_TRY(multiply_bands(factored, error));
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_map_factored(rm_job *job, float *cells, ropemap_error *error) {
    struct factored factored = {.job = job,
                                .out = cells,
                                .stride = rm_cell_features(job),
                                .block = job->plan.block,
                                .band = job->plan.band};
    ropemap_status status = compute(&factored, error);
    free_scratch(&factored);
    if (status == ROPEMAP_OK && job->grid.causal) {
        status = rm_straddle_cells(job, cells, error);
    }
    return status;
}
