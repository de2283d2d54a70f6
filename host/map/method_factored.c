/* method_factored.c - cells of sums as products of pooled rows */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/factored.h"
#include "host/map/job.h"

#include <math.h>
#include <string.h>

/* A worker's memory for pooling rows. */
typedef struct rm_pooling {
    float *raw;     /* [device.rows_at_once, head_dim] rows as they come */
    double *means;  /* [cells at once, head_dim] */
    double *moment; /* [head_dim, head_dim] of one cell; NULL where only means are needed */
    rm_runs runs;   /* of rows that are all the same before they are rotated */
} rm_pooling;

/* Groups of rows are counted from the first row of a cell, or of some cells that go together: sums have the
 * same order whatever else runs. */

/* `cells`: how many are pooled at once, at most. */
static ropemap_status rm_pooling_make(rm_pooling *pooling, const ropemap_job *job, rm_worker *worker,
                                      int64_t cells, bool moments, ropemap_error *error) {
    const uint64_t dim = (uint64_t)job->queries->head_dim;
    *pooling = (rm_pooling){
        .raw = job->backend->stage(worker->context, job->device.rows_at_once * (int64_t)dim),
        .means = rm_alloc_raw((uint64_t)cells * dim, sizeof *pooling->means),
        .moment = moments ? rm_alloc_raw(dim * dim, sizeof *pooling->moment) : NULL,
        .runs.means = rm_alloc_raw(2 * (uint64_t)job->freqs.pairs + 1, sizeof *pooling->runs.means),
    };
    const bool whole = pooling->raw != NULL && pooling->means != NULL && pooling->runs.means != NULL &&
                       (!moments || pooling->moment != NULL);
    return whole ? ROPEMAP_OK : rm_fail_memory(error, "pooled rows", dim * dim * sizeof(double));
}

static void rm_pooling_free(rm_pooling *pooling, const ropemap_job *job, rm_worker *worker) {
    job->backend->unstage(worker->context, pooling->raw);
    rm_free(pooling->runs.means);
    rm_free(pooling->moment);
    rm_free(pooling->means);
    *pooling = (rm_pooling){0};
}

/* Whether cells are made from second moments of their rows, not from means alone. */
static bool is_moments(const ropemap_job *job) {
    return rm_pool_needs(job->request->pool, RM_NEEDS_SQUARES);
}

static const rm_partition *axis_of(const ropemap_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? &job->grid.rows : &job->grid.cols;
}

/* Means of rows that are all the same before they are rotated. */
static ropemap_status constant_means(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
                                     int64_t cells, rm_pooling *pooling, ropemap_error *error) {
    const rm_partition *axis = axis_of(job, side);
    rm_view row = {0};
    RM_TRY(
        rm_side_read(job, worker, side, rm_partition_cell(axis, first).first, 1, pooling->raw, &row, error));
    for (int64_t c = 0; c < cells; c++) {
        rm_closed_mean(job, side, row.data, rm_partition_cell(axis, first + c), &pooling->runs,
                       pooling->means + c * row.cols);
    }
    return ROPEMAP_OK;
}

/* Rows of the next call: what is left of the cells, at most as many as go at once. */
static int64_t rows_of_call(const ropemap_job *job, int64_t left) {
    return left < job->device.rows_at_once ? left : job->device.rows_at_once;
}

/* pooling->means[c] = mean of a side's rotated rows in cell first + c, for c < cells. */
static ropemap_status rm_pooled_means(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
                                      int64_t cells, rm_pooling *pooling, ropemap_error *error) {
    if (job->constant) {
        return constant_means(job, worker, side, first, cells, pooling, error);
    }
    const rm_partition *axis = axis_of(job, side);
    const int64_t dim = job->queries->head_dim, end = rm_partition_cell(axis, first + cells - 1).end;
    memset(pooling->means, 0, (size_t)(cells * dim) * sizeof *pooling->means);
    for (int64_t at = rm_partition_cell(axis, first).first, count = 0; at < end; at += count) {
        count = rows_of_call(job, end - at);
        rm_view rows = {0};
        RM_TRY(rm_side_read(job, worker, side, at, count, pooling->raw, &rows, error));
        const double start = rm_seconds_now();
        double *sums = pooling->means + (rm_partition_cell_of(axis, at) - first) * dim;
        RM_TRY(job->backend->rotate_sum(worker->context, &job->rotation, axis, at, rows, sums, error));
        (void)rm_stage_time(worker, RM_STAGE_ROTATE, start);
    }
    for (int64_t c = 0; c < cells; c++) {
        const rm_span span = rm_partition_cell(axis, first + c);
        const double inverse = 1.0 / (double)(span.end - span.first);
        for (int64_t d = 0; d < dim; d++) {
            pooling->means[c * dim + d] *= inverse;
        }
    }
    return ROPEMAP_OK;
}

/* pooling->moment = mean over the rows of a cell of (x - centre)(x - centre)^T; `centre` [head_dim], NULL for
 * 0. */
static ropemap_status rm_pooled_moment(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t cell,
                                       const double *centre, rm_pooling *pooling, ropemap_error *error) {
    const rm_span span = rm_partition_cell(axis_of(job, side), cell);
    const ropemap_range range = rm_side_range(job, side);
    const int64_t dim = job->queries->head_dim;
    memset(pooling->moment, 0, (size_t)(dim * dim) * sizeof *pooling->moment);
    for (int64_t at = span.first, count = 0; at < span.end; at += count) {
        count = rows_of_call(job, span.end - at);
        const ropemap_range positions = {.first = rm_position(range, at), .count = count, .step = range.step};
        rm_view rows = {0};
        RM_TRY(rm_side_read(job, worker, side, at, count, pooling->raw, &rows, error));
        const double start = rm_seconds_now();
        RM_TRY(job->backend->moment(worker->context, &job->rotation, positions, rows, centre, pooling->moment,
                                    error));
        (void)rm_stage_time(worker, RM_STAGE_POOL, start);
    }
    const double inverse = 1.0 / (double)(span.end - span.first);
    for (int64_t i = 0; i < dim * dim; i++) {
        pooling->moment[i] *= inverse;
    }
    return ROPEMAP_OK;
}

/*
 * mean: the mean over a cell of q . k is (mean of its rows q) . (mean of its rows k).
 * rms:  mean (q . k)^2 = <Mq, Mk> with M the mean of x x^T.
 * std:  with C the covariance of a cell's rows and m their mean,
 *       var(q . k) = <Cq, Ck> + <Cq, mk mk^T> + <mq mq^T, Ck>, every term >= 0: nothing cancels.
 * Each is one matrix product over features of cells: d means, or the d(d+1)/2 different entries of symmetric
 * matrices with off-diagonal ones weighted by sqrt 2 on both sides. Long products are added up in double.
 */

/* Features of a band of cells of one side. */
struct features {
    float *data;        /* [band, stride], the backend's */
    int *exponents;     /* [band] each cell's second moments are 2^exponent times its features */
    int64_t first, end; /* cells held */
    int64_t padded;     /* their number, rounded up to whole blocks */
};

struct scratch {
    rm_pooling pooling;
    float *packed; /* [batch, stride] features on their way to the backend */
    float *tiles;  /* [parts, block, block], the backend's */
    float *means;  /* [block, block], the host's copy; NULL for moments */
    double *total; /* [block, block]; NULL for means, whose products are short */
};

struct factored {
    ropemap_job *job;
    float *out;          /* [height, width] */
    int64_t stride;      /* features of a cell */
    int64_t block, band; /* cells */
    int64_t batch;       /* cells pooled at once */
    int64_t parts;       /* of long products, multiplied at once */
    struct features rows, cols;
    rm_side side;            /* whose features are being made */
    struct scratch *scratch; /* [threads] */
};

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
            pooling->moment[i * dim + i] + (std ? pooling->means[i] * pooling->means[i] : 0.0);
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
        pack_symmetric(NULL, pooling->means, dim, scale, second);
    } else {
        pack_symmetric(pooling->moment, pooling->means, dim, scale, packed);
        pack_symmetric(pooling->moment, NULL, dim, scale, second);
    }
    return exponent;
}

/* Features of cells [first, first + cells) of the map, one after another in `packed`. */
static ropemap_status cells_features(const struct factored *factored, int32_t index, int64_t first,
                                     int64_t cells, float *packed, int *exponents, ropemap_error *error) {
    ropemap_job *job = factored->job;
    rm_worker *worker = &job->workers[index];
    rm_pooling *pooling = &factored->scratch[index].pooling;
    const int64_t dim = job->queries->head_dim;
    const rm_side side = factored->side;
    const bool means = rm_pool_needs(job->request->pool, RM_NEEDS_SUM);
    if (means) {
        RM_TRY(rm_pooled_means(job, worker, side, first, cells, pooling, error));
    }
    if (!is_moments(job)) {
        for (int64_t i = 0; i < cells * dim; i++) {
            packed[i] = (float)pooling->means[i];
        }
        return ROPEMAP_OK;
    }
    const bool std = means;
    for (int64_t c = 0; c < cells; c++) {
        rm_pooling own = *pooling;
        own.means += c * dim;
        RM_TRY(rm_pooled_moment(job, worker, side, first + c, std ? own.means : NULL, &own, error));
        exponents[c] = pack_moments(&own, side, std, dim, packed + c * factored->stride);
    }
    return ROPEMAP_OK;
}

/* Some cells' features; those beyond the last cell or feature are zero, so that products keep one shape. */
static ropemap_status features_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct factored *factored = work;
    const ropemap_job *job = factored->job;
    const struct features *to = factored->side == RM_SIDE_QUERIES ? &factored->rows : &factored->cols;
    const int64_t at = task * factored->batch, left = to->padded - at, held = to->end - to->first - at;
    const int64_t count = left < factored->batch ? left : factored->batch,
                  cells = held < count ? held : count;
    float *packed = factored->scratch[index].packed;
    memset(packed, 0, (size_t)(count * factored->stride) * sizeof *packed);
    if (cells > 0) {
        RM_TRY(cells_features(factored, index, to->first + at, cells, packed, to->exponents + at, error));
    }
    return job->backend->write(job->workers[index].context, rm_view_dense(packed, count, factored->stride),
                               rm_view_dense(to->data + at * factored->stride, count, factored->stride),
                               error);
}

static ropemap_status make_features(struct factored *factored, rm_side side, int64_t first,
                                    ropemap_error *error) {
    struct features *to = side == RM_SIDE_QUERIES ? &factored->rows : &factored->cols;
    const int64_t cells = axis_of(factored->job, side)->cells;
    to->first = first;
    to->end = first + factored->band < cells ? first + factored->band : cells;
    factored->side = side;
    to->padded = (to->end - to->first + factored->block - 1) / factored->block * factored->block;
    const int64_t tasks = (to->padded + factored->batch - 1) / factored->batch;
    return rm_job_run(factored->job, "pool rows", tasks, features_task, factored, error);
}

/* The product of features of a block of rows and of columns: short ones in scratch->means, long ones in
 * scratch->total. */
static ropemap_status multiply(const struct factored *factored, int32_t index, rm_view rows, rm_view cols,
                               ropemap_error *error) {
    const struct scratch *scratch = &factored->scratch[index];
    const rm_backend *backend = factored->job->backend;
    rm_context *context = factored->job->workers[index].context;
    const rm_view tiles = rm_view_dense(scratch->tiles, factored->parts * factored->block, factored->block);
    if (scratch->total != NULL) {
        return backend->products(context, rows, cols, tiles, scratch->total, error);
    }
    const rm_view tile = rm_view_rows(tiles, 0, factored->block);
    RM_TRY(backend->similarity(context, ROPEMAP_DTYPE_FP32, 1, rows, cols, tile, error));
    return backend->read(context, tile, rm_view_dense(scratch->means, factored->block, factored->block),
                         error);
}

/* A row of means, of roots of mean squares or of variances. Rounding may leave a variance of nothing just
 * below 0. */
static void store_row(const struct factored *factored, int32_t index, int64_t row, int64_t col, int64_t count,
                      float *out) {
    const struct scratch *scratch = &factored->scratch[index];
    const int64_t offset = (row - factored->rows.first) % factored->block * factored->block;
    const double scale = factored->job->scale;
    if (scratch->total == NULL) {
        const float *means = scratch->means + offset;
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

/* Cells of a block that no diagonal cuts; the others are left to rm_causal_edge. */
static void store_block(const struct factored *factored, int32_t index, int64_t row, int64_t col) {
    const ropemap_job *job = factored->job;
    const int64_t row_end =
        row + factored->block < factored->rows.end ? row + factored->block : factored->rows.end;
    const int64_t col_end =
        col + factored->block < factored->cols.end ? col + factored->block : factored->cols.end;
    for (int64_t r = row; r < row_end; r++) {
        float *out = factored->out + r * job->plan.width;
        store_row(factored, index, r, col, col_end - col, out + col);
        const rm_span span = rm_partition_cell(&job->grid.rows, r);
        for (int64_t c = col; job->grid.mask.causal && c < col_end; c++) {
            if (rm_grid_coverage(&job->grid, span, rm_partition_cell(&job->grid.cols, c)) !=
                RM_COVERAGE_FULL) {
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

static ropemap_status make_worker(const struct factored *factored, int32_t index, ropemap_error *error) {
    const ropemap_job *job = factored->job;
    rm_worker *worker = &job->workers[index];
    struct scratch *scratch = &factored->scratch[index];
    const bool moments = is_moments(job);
    const int64_t cells = factored->block * factored->block;
    RM_TRY(rm_pooling_make(&scratch->pooling, job, worker, factored->batch, moments, error));
    RM_TRY(job->backend->reserve(worker->context, factored->parts * cells, "block of cells", &scratch->tiles,
                                 error));
    scratch->packed = job->backend->stage(worker->context, factored->batch * factored->stride);
    if (moments) {
        scratch->total = rm_alloc_raw((uint64_t)cells, sizeof *scratch->total);
    } else {
        scratch->means = job->backend->stage(worker->context, cells);
    }
    return scratch->packed != NULL && (moments ? scratch->total != NULL : scratch->means != NULL)
               ? ROPEMAP_OK
               : rm_fail_memory(error, "blocks of cells", (uint64_t)cells * sizeof *scratch->total);
}

static ropemap_status make_scratch(struct factored *factored, ropemap_error *error) {
    ropemap_job *job = factored->job;
    rm_context *context = job->workers[0].context;
    const int64_t floats = factored->band * factored->stride;
    RM_TRY(job->backend->reserve(context, floats, "features of cells", &factored->rows.data, error));
    RM_TRY(job->backend->reserve(context, floats, "features of cells", &factored->cols.data, error));
    factored->scratch = rm_alloc((uint64_t)job->plan.threads, sizeof *factored->scratch);
    factored->rows.exponents = rm_alloc((uint64_t)factored->band, sizeof(int));
    factored->cols.exponents = rm_alloc((uint64_t)factored->band, sizeof(int));
    if (factored->scratch == NULL || factored->rows.exponents == NULL || factored->cols.exponents == NULL) {
        return rm_fail_memory(error, "features of cells", (uint64_t)factored->band * sizeof(int));
    }
    for (int32_t i = 0; i < job->plan.threads; i++) {
        RM_TRY(make_worker(factored, i, error));
    }
    return ROPEMAP_OK;
}

static void free_scratch(struct factored *factored) {
    ropemap_job *job = factored->job;
    for (int32_t i = 0; factored->scratch != NULL && i < job->plan.threads; i++) {
        rm_pooling_free(&factored->scratch[i].pooling, job, &job->workers[i]);
        job->backend->release(job->workers[i].context, factored->scratch[i].tiles);
        job->backend->unstage(job->workers[i].context, factored->scratch[i].packed);
        job->backend->unstage(job->workers[i].context, factored->scratch[i].means);
        rm_free(factored->scratch[i].total);
    }
    rm_free(factored->scratch);
    rm_free(factored->rows.exponents);
    rm_free(factored->cols.exponents);
    job->backend->release(job->workers[0].context, factored->rows.data);
    job->backend->release(job->workers[0].context, factored->cols.data);
}

static ropemap_status compute(struct factored *factored, ropemap_error *error) {
    const ropemap_job *job = factored->job;
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

/* Whether there are means that are not finite, of vectors that differ. */
static bool has_open_means(const ropemap_job *job, const float *cells) {
    const bool mean = !is_moments(job) && !job->constant;
    const int64_t count = mean ? job->plan.height * job->plan.width : 0;
    bool any = false;
    for (int64_t i = 0; !any && i < count; i++) {
        any = !isfinite(cells[i]);
    }
    return any;
}

/* ---- what it costs */

enum { BLOCK_MOST = 512 }; /* cells: a block is copied to the host and finished there */

/* Floats that a cell of one side comes to: d means, d(d+1)/2 second moments, or twice that for std. */
static int64_t cell_features(const ropemap_job *job) {
    const int64_t dim = job->queries->head_dim, moments = dim * (dim + 1) / 2;
    const bool means = rm_pool_needs(job->request->pool, RM_NEEDS_SUM);
    return !is_moments(job) ? dim : means ? 2 * moments : moments;
}

/* Cells that are pooled in one call. */
static int64_t batch_of(const ropemap_job *job) {
    const int64_t rows = rm_partition_most(&job->grid.rows), cols = rm_partition_most(&job->grid.cols);
    const int64_t batch = job->device.rows_at_once / (rows > cols ? rows : cols);
    return batch < 1 || is_moments(job) ? 1 : batch < job->plan.block ? batch : job->plan.block;
}

/* Tiles for the parts of long products. */
static int64_t parts_of(const ropemap_job *job) {
    return is_moments(job) ? job->device.product_parts : 1;
}

/* Cells of a block: fewer where the features of two would outgrow the device's share for them. */
static int64_t block_size(const ropemap_job *job) {
    int64_t block = job->device.block < BLOCK_MOST ? job->device.block : BLOCK_MOST;
    while (block > job->device.feature_block && 4 * block * cell_features(job) > job->device.feature_bytes) {
        block /= 2;
    }
    return block;
}

/* A band of cells: all of them where their features fit in half of that memory. */
static int64_t band_size(const ropemap_job *job, int64_t block, uint64_t memory) {
    const int64_t cells = job->plan.height > job->plan.width ? job->plan.height : job->plan.width;
    const int64_t all = rm_round_up(cells, block), cell_bytes = 2 * 4 * cell_features(job);
    const uint64_t half = memory / 2, most = (uint64_t)job->device.feature_bytes;
    const int64_t room = (int64_t)(half < most ? half : most);
    const int64_t fit = room / cell_bytes / block * block;
    return fit < block ? block : fit < all ? fit : all;
}

static double flops(const ropemap_job *job, int64_t band) {
    const double dim = (double)job->queries->head_dim;
    const double height = (double)job->plan.height, width = (double)job->plan.width;
    const bool moments = is_moments(job);
    const double row_passes = height > (double)band ? ceil(width / (double)band) : 1.0;
    const double passes =
        row_passes * (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
    const double row_flops = dim * RM_ROTATE_FLOPS + (moments ? 2.0 * dim * dim : 0.0);
    const bool closed = job->constant && !moments; /* a cell's mean is one sum, whatever its size */
    return (closed ? (height + width) * dim * RM_ROTATE_FLOPS : passes * row_flops) +
           2.0 * height * width * (double)cell_features(job);
}

double rm_factored_flops(const ropemap_job *job) {
    return flops(job, band_size(job, block_size(job), UINT64_MAX));
}

/* Memory of one worker. */
static rm_bytes worker_bytes(const ropemap_job *job) {
    const rm_scratch *scratch = job->device.scratch;
    const int64_t block = job->plan.block, dim = job->queries->head_dim, rows = job->device.rows_at_once;
    const double batch = (double)batch_of(job);
    const int64_t tiles = parts_of(job) * block * block;
    rm_bytes worker = {.own = 4.0 * (double)tiles + (double)scratch->rows_scratch_bytes(rows, dim)};
    worker.host = 4.0 * (double)(rows * dim) + 8.0 * batch * (double)dim;
    worker.host += (double)sizeof(rm_phasor) * (2.0 * (double)job->freqs.pairs + 1.0);
    worker.host += 4.0 * batch * (double)cell_features(job) + 8.0 * (double)(block * block);
    if (is_moments(job)) {
        worker.host += 8.0 * (double)(dim * dim);
        worker.own +=
            (double)(scratch->moment_scratch_bytes(rows, dim) + scratch->product_scratch_bytes(block));
    }
    if (job->grid.mask.causal) {
        const int64_t edge = job->device.block;
        worker.host += 12.0 * (double)(edge * dim) + 24.0 * (double)job->plan.width;
        worker.own += 4.0 * (double)(2 * edge * dim + edge * edge);
        worker.own += (double)scratch->tile_scratch_bytes(&job->grid, job->request->pool, edge);
    }
    return worker;
}

static void cost(ropemap_job *job) {
    ropemap_plan *plan = &job->plan;
    const int64_t features = cell_features(job), block = block_size(job);
    plan->method = ROPEMAP_METHOD_FACTORED;
    plan->dtype = ROPEMAP_DTYPE_FP32;
    plan->block = block;
    plan->band = band_size(job, block, rm_job_own_memory(job));
    plan->bands = (plan->height + plan->band - 1) / plan->band;
    plan->tiles = rm_count_tiles(plan->height, plan->width, block);
    rm_job_limit_threads(job, job->device.workers);
    const double band = (double)plan->band;
    rm_job_fit_threads(job, worker_bytes(job),
                       (rm_bytes){.own = 8.0 * band * (double)features, .host = 8.0 * band});
    plan->flops = flops(job, plan->band);
}

static ropemap_status run(ropemap_job *job, float *cells, ropemap_error *error) {
    struct factored factored = {.job = job,
                                .out = cells,
                                .stride = cell_features(job),
                                .block = job->plan.block,
                                .band = job->plan.band,
                                .batch = batch_of(job),
                                .parts = parts_of(job)};
    ropemap_status status = compute(&factored, error);
    free_scratch(&factored);
    if (status == ROPEMAP_OK && (job->grid.mask.causal || has_open_means(job, cells))) {
        status = rm_causal_edge(job, cells, error);
    }
    return status;
}

const rm_method rm_method_factored = {.cost = cost, .run = run};
