/* plan.c - which method serves a request, and what it will cost */
/* SPDX-License-Identifier: MIT */
#include "host/map/plan.h"

#include "host/map/cells.h"
#include "host/map/pooled.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROTATE_FLOPS = 20,              /* of one element: phase, sine and cosine, two products */
    FEATURES_BYTES = 192 * 1048576, /* features of cells kept at a time, where one block of cells fits */
    RESIDENT_SPARE = 16 * 1048576   /* kept free beside resident keys */
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

static double pairs_of_positions(const rm_job *job) {
    return (double)job->grid.rows.range.count * (double)job->grid.cols.range.count;
}

static double positions(const rm_job *job) {
    return (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
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

static void plan_tiled(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const int64_t block = job->backend->block, dim = job->queries->head_dim;
    const int64_t rows = job->grid.rows.range.count, cols = job->grid.cols.range.count;
    plan->method = ROPEMAP_METHOD_TILED;
    plan->block = block;
    plan->band = RM_TILED_BAND_BLOCKS * block;
    plan->bands = (rows + plan->band - 1) / plan->band;
    plan->tiles = count_tiles(rows, cols, block);
    const double touched = (double)plan->band * (double)plan->height / (double)rows + 2.0;
    const double cell_rows = touched < (double)plan->height ? touched : (double)plan->height;
    const double worker = 4.0 * (double)(2 * block * dim + plan->band * dim + block * block) +
                          cell_rows * (double)plan->width * (double)rm_cells_bytes(job->request->pool);
    const double resident = 4.0 * (double)round_up(cols, block) * (double)dim;
    while (plan->threads > 1 && worker * plan->threads + common_bytes(job) > (double)job->memory) {
        plan->threads--;
    }
    double bytes = common_bytes(job) + worker * plan->threads + (double)plan->width * 24.0;
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
    plan->bytes = (uint64_t)(common_bytes(job) + worker * plan->threads +
                             8.0 * (double)plan->band * (double)(features + 1));
    const double row_passes = plan->bands > 1 ? (double)col_bands : 1.0;
    const double passes =
        row_passes * (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
    const double row_flops = (double)dim * ROTATE_FLOPS + (moments ? 2.0 * (double)dim * (double)dim : 0.0);
    plan->flops = (job->constant ? positions(job) / positions(job) * (double)(plan->height + plan->width) *
                                       (double)dim * ROTATE_FLOPS
                                 : passes * row_flops) +
                  2.0 * (double)plan->height * (double)plan->width * (double)features;
}

static bool factored_serves(const rm_job *job) {
    const ropemap_pool pool = job->request->pool;
    return pool == ROPEMAP_POOL_MEAN || pool == ROPEMAP_POOL_RMS || pool == ROPEMAP_POOL_STD;
}

/* ---- diagonal */

static double diagonal_bytes(const rm_job *job) {
    const double count = positions(job);
    switch (job->request->pool) {
    case ROPEMAP_POOL_MEAN:
    case ROPEMAP_POOL_RMS:
        return 40.0 * count;
    case ROPEMAP_POOL_STD:
        return 72.0 * count;
    case ROPEMAP_POOL_MIN:
    case ROPEMAP_POOL_MAX:
    case ROPEMAP_POOL_ABSMAX:
        break;
    }
    return 20.0 * count;
}

static void plan_diagonal(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    plan->method = ROPEMAP_METHOD_DIAGONAL;
    plan->block = plan->band = 1;
    plan->bands = 1;
    plan->tiles = 0;
    plan->bytes = (uint64_t)(common_bytes(job) + diagonal_bytes(job));
    plan->flops = positions(job) * (double)job->freqs.pairs * ROTATE_FLOPS;
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
    if (diagonal_obstacle(job) == NULL && diagonal_bytes(job) <= (double)job->memory) {
        plan_diagonal(job);
        explain(job, "the map depends on the distance alone");
        return;
    }
    const int32_t threads = job->plan.threads;
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

/* Loops over positions end; a count that would take years is refused, not begun. */
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
