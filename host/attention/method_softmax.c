/* method_softmax.c - softmax over every pair that a mask leaves: a map's method, and what else one pass comes
 * to */
/* SPDX-License-Identifier: MIT */
/*
 * A task is a block of queries against all keys that it sees, in their order. Blocks are aligned to index 0
 * and merged in their order, so that bytes depend neither on threads nor on memory.
 */
#include "host/base/alloc.h"
#include "host/map/bands.h"
#include "host/map/encoding.h"
#include "host/map/job.h"

#include <inttypes.h>
#include <math.h>

enum { RESIDENT_SPARE = 16 * 1048576 /* bytes kept free when keys are resident */ };

/* How far a row's cells may be from its mass, and all distances from all rows. */
static const double SUM_TOLERANCE = 1e-6;

/* The numbers of a ropemap_attention_row. */
enum { PART_LOG_SUM, PART_LARGEST, PART_MASS, PART_SINK, PART_RECENT, PART_ENTROPY, PART_DISTANCE, PARTS };

/* A worker's memory. */
struct scratch {
    float *raw;                  /* rows as they come, in the host's memory */
    float *queries;              /* [block, head_dim] rotated */
    float *keys;                 /* [keys, head_dim] rotated, where keys are not resident */
    rm_accumulator cells;        /* cell rows that a block touches */
    ropemap_attention_row *rows; /* [block], NULL where the rows are not wanted */
    double *mass;                /* [exact + bins] of a block, NULL where they are not wanted */
};

struct softmax {
    ropemap_job *job;
    rm_attention *attention; /* NULL: the cells alone */
    rm_softmax what;
    int64_t block, keys;     /* queries and keys at a time */
    float *resident_keys;    /* rotated, the workers'; NULL where they are made for each block */
    struct scratch *scratch; /* [threads] */
    rm_bands bands;
    rm_span part;       /* blocks that are computed now */
    double sums[PARTS]; /* of the queries so far that count */
    int64_t counted;
    double excess;
};

static rm_softmax what_of(const ropemap_job *job) {
    const ropemap_request *request = job->request;
    const rm_attention *attention = job->attention;
    const ropemap_range keys = job->keys_range;
    const double usual = 1.0 / sqrt((double)request->spec.head_dim);
    rm_softmax what = {
        .grid = {.rows = job->grid.rows,
                 .cols = {.range = keys, .cells = job->grid.cols.cells},
                 .mask = job->grid.mask},
        .shown_first = (job->grid.cols.range.first - keys.first) / keys.step,
        .shown = job->grid.cols,
        .pool = request->pool,
        .dtype = request->dtype,
        .scale = request->scale != 0.0 ? request->scale : usual,
        .softcap = request->softmax.softcap,
        .sink_logit = request->softmax.has_sink ? request->softmax.sink_logit : -(double)INFINITY,
        .cells = !job->without_cells,
        .rows = attention != NULL,
    };
    if (attention != NULL) {
        what.sink_tokens = attention->sink_tokens;
        what.recent = attention->recent;
        what.exact = attention->exact;
        what.bins = attention->bins;
        what.edges = attention->edges;
    }
    return what;
}

static int64_t distances_of(const rm_softmax *what) {
    return what->exact + what->bins;
}

/* ---- rows */

/* Rotated keys of the part that begins at index `first`. */
static ropemap_status rotate_keys(const struct softmax *softmax, int32_t index, int64_t first, float *to,
                                  rm_view *keys, ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    const int64_t left = job->keys_range.count - first;
    const int64_t count = left < softmax->keys ? left : softmax->keys;
    *keys = rm_view_dense(to, count, job->keys->head_dim);
    return rm_side_rotated(job, &job->workers[index], RM_SIDE_KEYS, first, count, softmax->scratch[index].raw,
                           *keys, error);
}

static ropemap_status rotate_keys_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    const struct softmax *softmax = work;
    const int64_t first = task * softmax->keys;
    rm_view keys;
    return rotate_keys(softmax, index, first, softmax->resident_keys + first * softmax->job->keys->head_dim,
                       &keys, error);
}

/* Those that a job before has left, where the request names the same. Strict ones are looked at anew. */
static ropemap_status make_resident_keys(struct softmax *softmax, ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    const bool may_stay = job->plan.keys_resident && !job->request->strict;
    const char *name = may_stay ? job->request->keys_name : NULL;
    const int64_t count = rm_round_up(job->keys_range.count, softmax->keys);
    softmax->resident_keys = rm_workers_kept(job->group, name, job->keys_range, &job->rotation);
    if (softmax->resident_keys == NULL && job->plan.keys_resident) {
        RM_TRY(rm_workers_keep(job->group, job->keys_range, &job->rotation, count * job->keys->head_dim,
                               &softmax->resident_keys, error));
        RM_TRY(rm_job_run(job, "rotate", count / softmax->keys, rotate_keys_task, softmax, error));
        rm_workers_name_kept(job->group, name);
    }
    return ROPEMAP_OK;
}

static ropemap_status keys_of_part(const struct softmax *softmax, int32_t index, int64_t first, rm_view *keys,
                                   ropemap_error *error) {
    if (softmax->resident_keys == NULL) {
        return rotate_keys(softmax, index, first, softmax->scratch[index].keys, keys, error);
    }
    const int64_t left = softmax->job->keys_range.count - first, dim = softmax->job->keys->head_dim;
    *keys =
        rm_view_dense(softmax->resident_keys + first * dim, left < softmax->keys ? left : softmax->keys, dim);
    return ROPEMAP_OK;
}

static ropemap_status begin_block(const struct softmax *softmax, int32_t index, rm_span rows,
                                  ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    const struct scratch *scratch = &softmax->scratch[index];
    const rm_view queries = rm_view_dense(scratch->queries, softmax->block, job->queries->head_dim);
    rm_worker *worker = &job->workers[index];
    RM_TRY(rm_side_rotated(job, worker, RM_SIDE_QUERIES, rows.first, rows.end - rows.first, scratch->raw,
                           queries, error));
    return job->backend->softmax_begin(worker->context, &softmax->what, rows, queries, error);
}

/* ---- a block */

static ropemap_status take_keys(const struct softmax *softmax, int32_t index, rm_span rows,
                                ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    rm_worker *worker = &job->workers[index];
    const rm_sight sight = rm_grid_sight_of(&softmax->what.grid, rows);
    for (int64_t first = 0; first < sight.near.end; first += softmax->keys) {
        (void)atomic_fetch_add(&job->group->team.steps, 1);
        if (!rm_sight_meets(sight, first, softmax->keys)) {
            continue;
        }
        rm_view keys = {0};
        RM_TRY(keys_of_part(softmax, index, first, &keys, error));
        const double time = rm_seconds_now();
        RM_TRY(job->backend->softmax_take(worker->context, keys, first, error));
        (void)rm_stage_time(worker, RM_STAGE_SIMILARITY, time);
        RM_TRY(rm_job_poll(job, worker, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status end_block(const struct softmax *softmax, int32_t index, rm_span rows,
                                rm_softmax_results *results, ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    struct scratch *scratch = &softmax->scratch[index];
    const double time = rm_seconds_now();
    if (softmax->what.cells) {
        const rm_span touched = rm_bands_touch(&job->grid, rows);
        scratch->cells.first_row = touched.first;
        scratch->cells.rows = touched.end - touched.first;
        for (int64_t row = 0; row < scratch->cells.rows; row++) {
            rm_accumulator_clear_row(&scratch->cells, row);
        }
        results->cells = &scratch->cells;
    }
    for (int64_t i = 0; scratch->mass != NULL && i < distances_of(&softmax->what); i++) {
        scratch->mass[i] = 0.0;
    }
    results->rows = scratch->rows;
    results->mass = scratch->mass;
    RM_TRY(job->backend->softmax_end(job->workers[index].context, results, error));
    (void)rm_stage_time(&job->workers[index], RM_STAGE_POOL, time);
    return ROPEMAP_OK;
}

/* ---- blocks in their order */

/* Adds what the block's queries came to; empty ones and those with a NaN count apart. */
static void merge_rows(struct softmax *softmax, const ropemap_attention_row *rows, rm_span span) {
    double *sums = softmax->sums;
    for (int64_t i = 0; i < span.end - span.first; i++) {
        const ropemap_attention_row *row = &rows[i];
        if (!isnan(row->distance)) { /* a mass may be too small for a float */
            const double parts[PARTS] = {row->log_sum,         (double)row->largest, (double)row->mass,
                                         (double)row->sink,    (double)row->recent,  (double)row->entropy,
                                         (double)row->distance};
            for (int part = 0; part < PARTS; part++) {
                sums[part] += parts[part];
            }
            softmax->counted++;
        }
        if (softmax->attention->rows != NULL) {
            softmax->attention->rows[span.first + i] = *row;
        }
    }
}

static void merge_block(struct softmax *softmax, const struct scratch *scratch, rm_span rows,
                        const rm_softmax_results *results) {
    if (softmax->what.cells) {
        rm_bands_merge(&softmax->bands, &scratch->cells, rows);
    }
    if (scratch->rows != NULL) {
        merge_rows(softmax, scratch->rows, rows);
    }
    for (int64_t i = 0; scratch->mass != NULL && i < distances_of(&softmax->what); i++) {
        softmax->attention->mass[i] += scratch->mass[i];
    }
    /* where parts share a block, it counts in the one that its first query is of */
    if (rows.first >= rm_partition_cell(&softmax->job->grid.rows, softmax->job->part.first).first) {
        softmax->job->empty_rows += results->empty_rows;
        softmax->job->nan_rows += results->nan_rows;
    }
    softmax->excess = results->excess > softmax->excess ? results->excess : softmax->excess;
}

/* Of a block: those of the part, or all where blocks are not to be split. */
static rm_span queries_of(const struct softmax *softmax, int64_t index) {
    const int64_t count = softmax->job->grid.rows.range.count, block = softmax->block;
    const int64_t end = (index + 1) * block;
    return softmax->job->device.softmax_splits
               ? rm_bands_queries(softmax->job, index, block, 1)
               : (rm_span){.first = index * block, .end = end < count ? end : count};
}

static ropemap_status block_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    struct softmax *softmax = work;
    const rm_span rows = queries_of(softmax, softmax->part.first + task);
    rm_softmax_results results = {.cells = NULL};
    ropemap_status status = begin_block(softmax, index, rows, error);
    status = status == ROPEMAP_OK ? take_keys(softmax, index, rows, error) : status;
    status = status == ROPEMAP_OK ? end_block(softmax, index, rows, &results, error) : status;
    bool merges = false;
    status = rm_bands_enter(&softmax->bands, task, index, status, &merges, error);
    if (merges) {
        merge_block(softmax, &softmax->scratch[index], rows, &results);
    }
    rm_bands_leave(&softmax->bands, status != ROPEMAP_OK);
    return status;
}

/* ---- the whole */

static ropemap_status make_scratch(const struct softmax *softmax, int32_t index, ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    const rm_backend *backend = job->backend;
    rm_context *context = job->workers[index].context;
    struct scratch *scratch = &softmax->scratch[index];
    const int64_t dim = job->queries->head_dim;
    const int64_t most = softmax->block > softmax->keys ? softmax->block : softmax->keys;
    if (softmax->what.cells) {
        const int64_t rows = rm_bands_most(&job->grid.rows, softmax->block);
        RM_TRY(rm_accumulator_make(&scratch->cells, job->request->pool, rows, job->plan.width, error));
    }
    if (softmax->what.rows) {
        scratch->rows = rm_alloc((uint64_t)softmax->block, sizeof *scratch->rows);
        scratch->mass = rm_alloc_raw((uint64_t)distances_of(&softmax->what), sizeof *scratch->mass);
    }
    scratch->raw = backend->stage(context, most * dim);
    if (scratch->raw == NULL || (softmax->what.rows && (scratch->rows == NULL || scratch->mass == NULL))) {
        return rm_fail_memory(error, "rows", job->plan.bytes);
    }
    RM_TRY(backend->reserve(context, softmax->block * dim, "rotated queries", &scratch->queries, error));
    return job->plan.keys_resident
               ? ROPEMAP_OK
               : backend->reserve(context, softmax->keys * dim, "rotated keys", &scratch->keys, error);
}

static void free_scratch(const struct softmax *softmax, int32_t index) {
    const rm_backend *backend = softmax->job->backend;
    rm_context *context = softmax->job->workers[index].context;
    struct scratch *scratch = &softmax->scratch[index];
    backend->release(context, scratch->keys);
    backend->release(context, scratch->queries);
    backend->unstage(context, scratch->raw);
    rm_free(scratch->rows);
    rm_free(scratch->mass);
    rm_accumulator_free(&scratch->cells);
}

static ropemap_status make_all(struct softmax *softmax, ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    const int32_t threads = job->plan.threads;
    softmax->scratch = rm_alloc((uint64_t)threads, sizeof *softmax->scratch);
    if (softmax->scratch == NULL) {
        return rm_fail_memory(error, "softmax", (uint64_t)threads * sizeof *softmax->scratch);
    }
    for (int32_t i = 0; i < threads; i++) {
        RM_TRY(make_scratch(softmax, i, error));
    }
    return make_resident_keys(softmax, error);
}

/* Progress counts the parts of the keys that blocks go through. */
static ropemap_status run_blocks(struct softmax *softmax, ropemap_error *error) {
    const ropemap_job *job = softmax->job;
    rm_team *team = &job->group->team;
    const int64_t count = job->grid.rows.range.count;
    for (int64_t block = softmax->part.first; block < softmax->part.end; block++) {
        const int64_t end = (block + 1) * softmax->block;
        const rm_sight sight = rm_grid_sight(&softmax->what.grid, (end < count ? end : count) - 1);
        team->total_steps += (double)(rm_round_up(sight.near.end, softmax->keys) / softmax->keys);
    }
    atomic_store(&team->steps, 0);
    const int64_t blocks = softmax->part.end - softmax->part.first;
    const ropemap_status status = rm_job_run(job, "softmax", blocks, block_task, softmax, error);
    team->total_steps = 0.0;
    return status;
}

/* What must come to 1 does, or the program is wrong. */
static ropemap_status check_sums(struct softmax *softmax, ropemap_error *error) {
    double mass = 0.0;
    for (int64_t i = 0; softmax->what.exact > 0 && i < distances_of(&softmax->what); i++) {
        mass += softmax->attention->mass[i];
    }
    const double counted = (double)(softmax->counted > 0 ? softmax->counted : 1);
    const double apart = softmax->what.exact > 0 ? fabs(mass - softmax->sums[PART_MASS]) / counted : 0.0;
    const double excess = softmax->excess > apart ? softmax->excess : apart;
    return excess <= SUM_TOLERANCE
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_INTERNAL,
                         "softmax: the shares of a query's keys come to 1 %+.2g; this is a defect of ropemap",
                         excess);
}

static void take_means(struct softmax *softmax) {
    rm_attention *attention = softmax->attention;
    double mean[PARTS];
    for (int part = 0; part < PARTS; part++) {
        mean[part] = softmax->sums[part] / (double)softmax->counted; /* NaN without any */
    }
    attention->mean = (ropemap_attention_row){
        .log_sum = mean[PART_LOG_SUM],
        .largest = (float)mean[PART_LARGEST],
        .mass = (float)mean[PART_MASS],
        .sink = (float)mean[PART_SINK],
        .recent = (float)mean[PART_RECENT],
        .entropy = (float)mean[PART_ENTROPY],
        .distance = (float)mean[PART_DISTANCE],
    };
    for (int64_t i = 0; i < distances_of(&softmax->what); i++) {
        attention->mass[i] /= (double)softmax->counted;
    }
}

static void drop(ropemap_job *job) {
    struct softmax *softmax = job->state;
    for (int32_t i = 0; softmax->scratch != NULL && i < job->plan.threads; i++) {
        free_scratch(softmax, i);
    }
    rm_free(softmax->scratch);
    rm_free(softmax);
}

static ropemap_status start(ropemap_job *job, ropemap_error *error) {
    struct softmax *softmax = rm_alloc(1, sizeof *softmax);
    if (softmax == NULL) {
        return rm_fail_memory(error, "softmax", sizeof *softmax);
    }
    *softmax = (struct softmax){.job = job,
                                .attention = job->attention,
                                .what = what_of(job),
                                .block = job->device.softmax_rows,
                                .keys = job->device.softmax_keys};
    job->state = softmax;
    job->drop = drop;
    return make_all(softmax, error);
}

static ropemap_status run(ropemap_job *job, float *cells, ropemap_error *error) {
    if (job->state == NULL) {
        RM_TRY(start(job, error));
    }
    struct softmax *softmax = job->state;
    job->empty_rows = 0;
    job->nan_rows = 0;
    for (int64_t i = 0; i < distances_of(&softmax->what); i++) {
        job->attention->mass[i] = 0.0;
    }
    softmax->part = rm_bands_of_part(job, softmax->block);
    ropemap_status status = rm_bands_make(&softmax->bands, job, cells, error);
    status = status == ROPEMAP_OK ? run_blocks(softmax, error) : status;
    status = status == ROPEMAP_OK ? check_sums(softmax, error) : status;
    if (status == ROPEMAP_OK && softmax->attention != NULL) {
        take_means(softmax);
    }
    rm_bands_free(&softmax->bands);
    return status;
}

/* ---- what it costs */

static rm_bytes bytes_of_worker(const ropemap_job *job, const rm_softmax *what) {
    const int64_t block = job->device.softmax_rows, keys = job->device.softmax_keys;
    const int64_t dim = job->queries->head_dim, most = block > keys ? block : keys;
    const int64_t rows = block * (int64_t)sizeof(ropemap_attention_row);
    return (rm_bytes){.host = 4.0 * (double)(most * dim) +
                              (what->cells ? rm_bands_cells_bytes(job, block) : 0.0) +
                              (what->rows ? (double)(rows + 8 * distances_of(what)) : 0.0),
                      .own = 4.0 * (double)((block + keys) * dim) +
                             (double)job->device.scratch->softmax_scratch_bytes(what, dim)};
}

static void cost(ropemap_job *job) {
    ropemap_plan *plan = &job->plan;
    const rm_softmax what = what_of(job);
    const int64_t dim = job->queries->head_dim, block = job->device.softmax_rows;
    const int64_t rows = job->grid.rows.range.count, cols = job->keys_range.count;
    plan->method = ROPEMAP_METHOD_TILED;
    plan->dtype = job->request->dtype;
    plan->block = block;
    plan->band = block;
    plan->bands = (rows + block - 1) / block;
    plan->tiles = rm_count_tiles(rows, cols, block);
    rm_job_limit_threads(job, job->device.tile_workers);
    const double resident = 4.0 * (double)rm_round_up(cols, job->device.softmax_keys) * (double)dim;
    const rm_bytes worker = bytes_of_worker(job, &what);
    rm_bytes once = {.host = (double)plan->width * 24.0};
    rm_job_fit_threads(job, worker, once);
    once.own = resident + RESIDENT_SPARE;
    rm_job_take_bytes(job, worker, once);
    plan->keys_resident = rm_job_fits(job);
    once.own = plan->keys_resident ? resident : 0.0;
    rm_job_take_bytes(job, worker, once);
    const double pairs = rm_grid_pairs(&what.grid, (rm_span){.end = rows}, (rm_span){.end = cols});
    const double passes = plan->keys_resident ? 1.0 : (double)plan->bands;
    plan->flops =
        2.0 * pairs * (double)dim + ((double)rows + passes * (double)cols) * (double)dim * RM_ROTATE_FLOPS;
}

const rm_method rm_method_softmax = {.cost = cost, .run = run, .in_parts = true};
