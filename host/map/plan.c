/* plan.c - which method serves a request, and what it will cost */
/* SPDX-License-Identifier: MIT */
#include "host/map/plan.h"

#include "host/map/cells.h"
#include "host/map/pooled.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROTATE_FLOPS = 20,               /* of one element: phase, sine and cosine, two products */
    FEATURES_BYTES = 192 * 1048576,  /* features of cells kept at a time, where one block of cells fits */
    RESIDENT_SPARE = 16 * 1048576,   /* kept free beside resident keys */
    BAND_CELLS_BYTES = 16 * 1048576, /* cells in the making, of one worker, where a block's are not more */
    PART_LEAST = 32768,              /* differences that a worker of the diagonal method holds */
    PART_MOST = 1048576,             /* likewise, where cells do not span half as many */
    PARTS_BYTES = 192 * 1048576      /* of all workers' parts, where one alone is not more */
};

static int64_t round_up(int64_t value, int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

/* Blocks of a rectangle, at most 2^62. */
static int64_t count_tiles(int64_t rows, int64_t cols, int64_t block) {
    const int64_t down = round_up(rows, block) / block, across = round_up(cols, block) / block;
    const int64_t most = INT64_C(1) << 62;
    return down > most / across ? most : down * across;
}

/* What every method takes: the workers' contexts, and a line about each row of cells. */
static double common_bytes(const rm_job *job) {
    const double worker = (double)job->backend->context_bytes + 2.0 * (double)sizeof(rm_worker);
    return worker * job->plan.threads + 32.0 * (double)job->plan.height;
}

/* Fewer workers where their own memory, beside `fixed` bytes, does not fit otherwise. */
static void fit_threads(rm_job *job, double worker, double fixed) {
    while (job->plan.threads > 1 &&
           worker * job->plan.threads + common_bytes(job) + fixed > (double)job->memory) {
        job->plan.threads--;
    }
}

static double pairs_of_positions(const rm_job *job) {
    return (double)job->grid.rows.range.count * (double)job->grid.cols.range.count;
}

int64_t rm_cell_features(const rm_job *job) {
    const int64_t dim = job->queries->head_dim, moments = dim * (dim + 1) / 2;
    switch (job->request->pool) {
    case ROPEMAP_POOL_RMS:
        return moments;
    case ROPEMAP_POOL_STD:
        return 2 * moments;
    case ROPEMAP_POOL_MEAN:
    case ROPEMAP_POOL_MIN:
    case ROPEMAP_POOL_MAX:
    case ROPEMAP_POOL_ABSMAX:
        break;
    }
    return dim;
}

/* ---- tiled */

/* Bytes of the cells that a band of query rows touches. */
static double band_cells_bytes(const rm_job *job, int64_t band) {
    const double height = (double)job->plan.height;
    const double touched = (double)band * height / (double)job->grid.rows.range.count + 2.0;
    const double row = (double)job->plan.width * (double)rm_cells_bytes(job->request->pool);
    return row * (touched < height ? touched : height);
}

/* Query rows that share one pass over the keys: a few blocks, fewer where their cells are many. A cell's
 * parts are merged band by band, so this depends on the request alone. */
static int64_t tiled_band(const rm_job *job) {
    int64_t band = RM_TILED_BAND_BLOCKS * (int64_t)job->backend->block;
    while (band > job->backend->block && band_cells_bytes(job, band) > BAND_CELLS_BYTES) {
        band /= 2;
    }
    return band;
}

static void plan_tiled(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const int64_t block = job->backend->block, dim = job->queries->head_dim;
    const int64_t rows = job->grid.rows.range.count, cols = job->grid.cols.range.count;
    plan->method = ROPEMAP_METHOD_TILED;
    plan->block = block;
    plan->band = tiled_band(job);
    plan->bands = (rows + plan->band - 1) / plan->band;
    plan->tiles = count_tiles(rows, cols, block);
    const double worker = 4.0 * (double)(2 * block * dim + plan->band * dim + block * block) +
                          band_cells_bytes(job, plan->band);
    const double resident = 4.0 * (double)round_up(cols, block) * (double)dim;
    const double open_row = (double)plan->width * 24.0;
    fit_threads(job, worker, open_row);
    double bytes = common_bytes(job) + worker * plan->threads + open_row;
    plan->keys_resident = bytes + resident + RESIDENT_SPARE <= (double)job->memory;
    bytes += plan->keys_resident ? resident : 0.0;
    const double passes = plan->keys_resident ? 1.0 : (double)plan->bands;
    plan->flops = (job->grid.causal ? 1.0 : 2.0) * pairs_of_positions(job) * (double)dim +
                  ((double)rows + passes * (double)cols) * (double)dim * ROTATE_FLOPS;
    plan->bytes = (uint64_t)bytes;
}

/* ---- factored */

/* A band of cells: all of them where their features fit. */
static int64_t factored_band(const rm_job *job, int64_t block) {
    const int64_t cells = job->plan.height > job->plan.width ? job->plan.height : job->plan.width;
    const int64_t all = round_up(cells, block), cell_bytes = 2 * 4 * rm_cell_features(job);
    const uint64_t half = job->memory / 2;
    const int64_t room = half < FEATURES_BYTES ? (int64_t)half : FEATURES_BYTES;
    const int64_t fit = room / cell_bytes / block * block;
    return fit < block ? block : fit < all ? fit : all;
}

static void plan_factored(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const int64_t dim = job->queries->head_dim, features = rm_cell_features(job);
    const int64_t block = job->backend->block;
    const bool moments = job->request->pool != ROPEMAP_POOL_MEAN;
    plan->method = ROPEMAP_METHOD_FACTORED;
    plan->block = block;
    plan->band = factored_band(job, block);
    plan->bands = (plan->height + plan->band - 1) / plan->band;
    const int64_t col_bands = (plan->width + plan->band - 1) / plan->band;
    plan->tiles = count_tiles(plan->height, plan->width, block);
    double worker =
        4.0 * (double)(2 * RM_POOLED_ROWS * dim) + 8.0 * (double)dim + 12.0 * (double)(block * block);
    worker += moments ? 12.0 * (double)(dim * dim) : 0.0;
    worker += job->grid.causal ? 4.0 * (double)(3 * block * dim + block * block) + 8.0 * (double)dim +
                                     24.0 * (double)plan->width
                               : 0.0;
    const double kept = 8.0 * (double)plan->band * (double)(features + 1);
    fit_threads(job, worker, kept);
    plan->bytes = (uint64_t)(common_bytes(job) + worker * plan->threads + kept);
    const double row_passes = plan->bands > 1 ? (double)col_bands : 1.0;
    const double passes =
        row_passes * (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
    const double row_flops = (double)dim * ROTATE_FLOPS + (moments ? 2.0 * (double)dim * (double)dim : 0.0);
    const bool closed = job->constant && !moments; /* a cell's mean is one sum, whatever its size */
    plan->flops =
        (closed ? (double)(plan->height + plan->width) * (double)dim * ROTATE_FLOPS : passes * row_flops) +
        2.0 * (double)plan->height * (double)plan->width * (double)features;
}

static bool factored_serves(const rm_job *job) {
    const ropemap_pool pool = job->request->pool;
    return pool == ROPEMAP_POOL_MEAN || pool == ROPEMAP_POOL_RMS || pool == ROPEMAP_POOL_STD;
}

/* ---- diagonal */

/* Bytes that a worker holds for each difference of its part: values, and windows or running sums. */
static double difference_bytes(ropemap_pool pool) {
    switch (pool) {
    case ROPEMAP_POOL_MEAN:
    case ROPEMAP_POOL_RMS:
        return 40.0;
    case ROPEMAP_POOL_STD:
        return 72.0;
    case ROPEMAP_POOL_MIN:
    case ROPEMAP_POOL_MAX:
    case ROPEMAP_POOL_ABSMAX:
        break;
    }
    return 20.0;
}

/* Most differences that a cell spans. */
static int64_t cell_reach(const rm_grid *grid) {
    return rm_axis_most(&grid->rows) + rm_axis_most(&grid->cols) - 1;
}

int64_t rm_diagonal_stride(const rm_job *job) {
    const int64_t all = job->grid.rows.range.count + job->grid.cols.range.count - 1;
    return job->plan.band == all ? all : job->plan.band - cell_reach(&job->grid) + 1;
}

/* Differences in a part: many times what a cell spans, since that much is computed twice, while a part is
 * small. Sums begin with the part: it may depend on the request alone. */
static int64_t diagonal_part(const rm_grid *grid) {
    const int64_t all = grid->rows.range.count + grid->cols.range.count - 1, reach = cell_reach(grid);
    int64_t part = 8 * reach < PART_MOST ? 8 * reach : PART_MOST;
    part = part < 2 * reach ? 2 * reach : part < PART_LEAST ? PART_LEAST : part;
    return part < all ? part : all;
}

static void plan_diagonal(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const rm_axis *rows = &job->grid.rows, *cols = &job->grid.cols;
    plan->method = ROPEMAP_METHOD_DIAGONAL;
    plan->block = 1;
    plan->band = diagonal_part(&job->grid);
    /* the last cell to begin: the lowest on the left */
    const int64_t last =
        rm_axis_cell(rows, rows->cells - 1).first - rm_axis_cell(cols, 0).end + cols->range.count;
    plan->bands = last / rm_diagonal_stride(job) + 1;
    plan->tiles = 0;
    const double part = difference_bytes(job->request->pool) * (double)(plan->band + 4);
    while (plan->threads > 1 && part * plan->threads > PARTS_BYTES) {
        plan->threads--;
    }
    fit_threads(job, part, 0.0);
    const double threads = (double)(plan->bands < plan->threads ? plan->bands : plan->threads);
    plan->bytes = (uint64_t)(common_bytes(job) + part * threads);
    plan->flops = (double)plan->bands * (double)plan->band * (double)job->freqs.pairs * ROTATE_FLOPS;
}

/* NULL where the diagonal method serves, else why it does not. */
static const char *diagonal_obstacle(const rm_job *job) {
    if (!job->constant) {
        return "the vectors differ from position to position";
    }
    if (job->grid.rows.range.step != job->grid.cols.range.step) {
        return "rows and columns have different steps";
    }
    return NULL;
}

/* ---- the choice */

static void explain(rm_job *job, const char *reason) {
    (void)snprintf(job->plan.reason, sizeof job->plan.reason, "%s", reason);
}

static ropemap_status refuse(const rm_job *job, const char *reason, ropemap_error *error) {
    return rm_fail(error, ROPEMAP_USAGE, "method: %s cannot serve pool %s here: %s",
                   ropemap_method_name(job->request->method), ropemap_pool_name(job->request->pool), reason);
}

static ropemap_status plan_forced(rm_job *job, ropemap_error *error) {
    explain(job, "asked for");
    if (job->request->method == ROPEMAP_METHOD_FACTORED) {
        if (!factored_serves(job)) {
            return refuse(job, "only mean, rms and std are sums over pairs", error);
        }
        plan_factored(job);
    } else if (job->request->method == ROPEMAP_METHOD_DIAGONAL) {
        const char *obstacle = diagonal_obstacle(job);
        if (obstacle != NULL) {
            return refuse(job, obstacle, error);
        }
        plan_diagonal(job);
    } else {
        plan_tiled(job);
    }
    return ROPEMAP_OK;
}

static void plan_auto(rm_job *job) {
    const ropemap_pool pool = job->request->pool;
    if (pool == ROPEMAP_POOL_MEAN) {
        plan_factored(job);
        explain(job, job->constant
                         ? "the mean of equal vectors is a closed sum, whatever the number of positions"
                         : "the mean commutes with the dot product");
        return;
    }
    const int32_t threads = job->plan.threads;
    if (diagonal_obstacle(job) == NULL) {
        plan_diagonal(job);
        if (job->plan.bytes <= job->memory) {
            explain(job, "the map depends on the distance alone");
            return;
        }
        job->plan.threads = threads;
    }
    plan_tiled(job);
    const double tiled = job->plan.flops;
    if (factored_serves(job)) {
        const ropemap_plan kept = job->plan;
        job->plan.threads = threads;
        plan_factored(job);
        if (job->plan.flops < tiled && job->plan.bytes <= job->memory) {
            explain(job, "second moments of rows take fewer operations than every pair");
            return;
        }
        job->plan = kept;
    }
    explain(job, factored_serves(job) ? "every pair takes fewer operations than second moments of rows"
                                      : "an extreme needs every pair");
}

/* Loops over positions end: a count that no machine gets through in a year is refused, not begun. 1e21
 * operations are a month of 4e14 a second, and 300 years of a processor core. */
static ropemap_status check_work(const rm_job *job, ropemap_error *error) {
    const bool closed = job->constant && job->plan.method == ROPEMAP_METHOD_FACTORED &&
                        job->request->pool == ROPEMAP_POOL_MEAN;
    const bool even = job->grid.rows.range.step == job->grid.cols.range.step;
    if (closed && job->grid.causal && !even && job->grid.rows.range.count > (INT64_C(1) << 32)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "causal: %" PRId64 " rows, at most 2^32 where rows and columns have different steps",
                       job->grid.rows.range.count);
    }
    if (!closed && job->plan.flops > 1e21) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "positions: %" PRId64 " x %" PRId64
            " pairs by the %s method are %.1e operations, at most 1e21; the mean of equal vectors has no "
            "such limit",
            job->grid.rows.range.count, job->grid.cols.range.count, ropemap_method_name(job->plan.method),
            job->plan.flops);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_plan_choose(rm_job *job, ropemap_error *error) {
    ropemap_plan *plan = &job->plan;
    *plan = (ropemap_plan){
        .height = job->grid.rows.cells,
        .width = job->grid.cols.cells,
        .threads = job->request->threads != 0 ? job->request->threads : rm_processors(),
    };
    (void)snprintf(plan->backend, sizeof plan->backend, "%s", job->backend->name);
    if (job->request->method == ROPEMAP_METHOD_AUTO) {
        plan_auto(job);
    } else {
        RM_TRY(plan_forced(job, error));
    }
    if (plan->bytes > job->memory) {
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "memory: the %s method needs %" PRIu64 " bytes for this map, %" PRIu64 " are allowed",
                       ropemap_method_name(plan->method), plan->bytes, job->memory);
    }
    return check_work(job, error);
}

ropemap_status ropemap_plan_make(const ropemap_request *request, ropemap_plan *plan, ropemap_error *error) {
    rm_job job;
    const ropemap_status status = rm_job_open(request, &job, error);
    *plan = job.plan;
    rm_job_close(&job);
    return status;
}
