/* method_tiled.c - every pair of positions: rotate a band, multiply a tile that stays in cache, pool it, go
 * on */
/* SPDX-License-Identifier: MIT */
/*
 * A task is a band of query rows against all keys. Tiles have one shape and are aligned to index 0, and a
 * cell row that spans several bands is merged in the order of the bands: so the bytes of the map
 * depend neither on threads nor on memory.
 */
#include "host/base/alloc.h"
#include "host/base/team.h"
#include "host/map/bands.h"
#include "host/map/cells.h"
#include "host/map/job.h"

enum {
    BANDS_SAMPLED = 1048576,
    RESIDENT_SPARE = 16 * 1048576,  /* bytes kept free when keys are resident */
    BAND_CELLS_BYTES = 16 * 1048576 /* accumulators of one worker, where a block's are not more */
};

/* A worker's memory. */
struct scratch {
    float *raw;           /* [block, head_dim] rows as they come, in the host's memory */
    float *queries;       /* [band, row] rotated */
    float *keys;          /* [block, row] rotated, where keys are not resident */
    float *tiles;         /* [slots, batch * block, block] */
    int64_t slot;         /* that the next tiles go to: while one is pooled the next is made */
    rm_accumulator cells; /* cell rows that a band touches */
};

struct tiled {
    ropemap_job *job;
    int64_t block, band;     /* positions */
    int64_t row;             /* floats from a rotated row to the next */
    int64_t step;            /* keys of a pass over a band: a block, or many where they are fused and there */
    int64_t slots, batch;    /* tiles of a worker in turn, each of so many blocks of queries at most */
    float *resident_keys;    /* [blocks * block, row] rotated, NULL where they are made for each band */
    struct scratch *scratch; /* [threads] */
    rm_bands bands;
    rm_span part; /* bands that are computed now */
};

/* Rotated rows. */
static rm_view rows_at(const struct tiled *tiled, float *memory, int64_t first, int64_t count) {
    return (rm_view){.data = memory + first * tiled->row,
                     .rows = count,
                     .cols = tiled->job->queries->head_dim,
                     .stride = tiled->row};
}

static ropemap_status rotate_keys_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    struct tiled *tiled = work;
    ropemap_job *job = tiled->job;
    const int64_t first = task * tiled->block, left = job->grid.cols.range.count - first;
    const rm_view to = rows_at(tiled, tiled->resident_keys, first, tiled->block);
    return rm_side_rotated(job, &job->workers[index], RM_SIDE_KEYS, first, left < to.rows ? left : to.rows,
                           tiled->scratch[index].raw, to, error);
}

/* Keys from index `first` on: a step of resident ones, or a block, rotated now. */
static ropemap_status keys_of_block(struct tiled *tiled, int32_t index, int64_t first, rm_view *keys,
                                    ropemap_error *error) {
    ropemap_job *job = tiled->job;
    const int64_t left = job->grid.cols.range.count - first;
    if (tiled->resident_keys != NULL) {
        const int64_t rows = left < tiled->step ? rm_round_up(left, tiled->block) : tiled->step;
        *keys = rows_at(tiled, tiled->resident_keys, first, rows);
        return ROPEMAP_OK;
    }
    struct scratch *scratch = &tiled->scratch[index];
    *keys = rows_at(tiled, scratch->keys, 0, tiled->block);
    return rm_side_rotated(job, &job->workers[index], RM_SIDE_KEYS, first,
                           left < keys->rows ? left : keys->rows, scratch->raw, *keys, error);
}

static ropemap_status rotate_queries(struct tiled *tiled, int32_t index, int64_t first, int64_t count,
                                     ropemap_error *error) {
    ropemap_job *job = tiled->job;
    struct scratch *scratch = &tiled->scratch[index];
    for (int64_t done = 0; done < count; done += tiled->block) {
        const int64_t left = count - done;
        const rm_view to = rows_at(tiled, scratch->queries, done, tiled->block);
        RM_TRY(rm_side_rotated(job, &job->workers[index], RM_SIDE_QUERIES, first + done,
                               left < to.rows ? left : to.rows, scratch->raw, to, error));
    }
    return ROPEMAP_OK;
}

/* Some query blocks of a band with one block of keys: rows [first, end), whose blocks begin in the band at
 * `queries`. */
static ropemap_status multiply_and_pool(struct tiled *tiled, int32_t index, rm_span rows, float *queries,
                                        int64_t col_first, rm_view keys, ropemap_error *error) {
    ropemap_job *job = tiled->job;
    struct scratch *scratch = &tiled->scratch[index];
    rm_worker *worker = &job->workers[index];
    const int64_t block = tiled->block, cols_left = job->grid.cols.range.count - col_first;
    double time = rm_seconds_now();
    if (job->rotation.fused) {
        RM_TRY(job->backend->similarity_pool(
            worker->context, job->rotation.dtype, rows_at(tiled, queries, 0, rows.end - rows.first),
            rm_view_rows(keys, 0, cols_left < keys.rows ? cols_left : keys.rows),
            rm_view_dense(scratch->tiles, block, block), &job->grid, rows.first, col_first, &scratch->cells,
            error));
        (void)rm_stage_time(worker, RM_STAGE_SIMILARITY, time);
        return ROPEMAP_OK;
    }
    const int64_t blocks = (rows.end - rows.first + block - 1) / block;
    const rm_view tiles =
        rm_view_dense(scratch->tiles + scratch->slot * tiled->batch * block * block, blocks * block, block);
    scratch->slot = (scratch->slot + 1) % tiled->slots;
    RM_TRY(job->backend->similarity(worker->context, job->rotation.dtype, blocks,
                                    rows_at(tiled, queries, 0, tiles.rows), keys, tiles, error));
    time = rm_stage_time(worker, RM_STAGE_SIMILARITY, time);
    for (int64_t first = rows.first; first < rows.end; first += block) {
        const int64_t left = rows.end - first;
        rm_view tile = rm_view_rows(tiles, first - rows.first, left < block ? left : block);
        tile.cols = cols_left < block ? cols_left : block;
        RM_TRY(
            job->backend->pool(worker->context, &job->grid, tile, first, col_first, &scratch->cells, error));
    }
    (void)rm_stage_time(worker, RM_STAGE_POOL, time);
    return ROPEMAP_OK;
}

/* Whether a row from index `first` on, of one block, sees any of the keys. */
static bool sees(const struct tiled *tiled, int64_t first, rm_span rows, int64_t col_first, rm_view keys) {
    const rm_span part = {.first = first,
                          .end = first + tiled->block < rows.end ? first + tiled->block : rows.end};
    return rm_sight_meets(rm_grid_sight_of(&tiled->job->grid, part), col_first, keys.rows);
}

/* The tiles of one block of keys, or of a step, with the query blocks of the band, but for the first ones and
 * the last ones that see none of the keys. */
static ropemap_status compute_block(struct tiled *tiled, int32_t index, rm_span rows, int64_t col_first,
                                    rm_view keys, ropemap_error *error) {
    const int64_t block = tiled->block,
                  most = tiled->job->rotation.fused ? tiled->band : tiled->batch * block;
    int64_t first = rows.first, end = rows.first + rm_round_up(rows.end - rows.first, block);
    while (first < end && !sees(tiled, first, rows, col_first, keys)) {
        first += block;
    }
    while (end > first && !sees(tiled, end - block, rows, col_first, keys)) {
        end -= block;
    }
    end = end < rows.end ? end : rows.end;
    for (; first < end; first += most) {
        const rm_span part = {.first = first, .end = first + most < end ? first + most : end};
        float *queries = tiled->scratch[index].queries + (first - rows.first) * tiled->row;
        RM_TRY(multiply_and_pool(tiled, index, part, queries, col_first, keys, error));
    }
    return ROPEMAP_OK;
}

/* Passes of a band over keys, with those that it has nothing to do in. */
static int64_t steps_of_band(const struct tiled *tiled, int64_t band) {
    const rm_grid *grid = &tiled->job->grid;
    const int64_t end = (band + 1) * tiled->band, count = grid->rows.range.count;
    const rm_sight last = rm_grid_sight(grid, (end < count ? end : count) - 1);
    return (last.near.end + tiled->step - 1) / tiled->step;
}

static ropemap_status compute_band(struct tiled *tiled, int32_t index, rm_span rows, ropemap_error *error) {
    const rm_grid *grid = &tiled->job->grid;
    rm_accumulator *cells = &tiled->scratch[index].cells;
    const rm_span touched = rm_bands_touch(grid, rows);
    cells->first_row = touched.first;
    cells->rows = touched.end - touched.first;
    rm_worker *worker = &tiled->job->workers[index];
    RM_TRY(tiled->job->backend->cells_begin(worker->context, cells, error));
    const rm_sight sight = rm_grid_sight_of(grid, rows);
    if (rm_sight_meets(sight, 0, grid->cols.range.count)) {
        RM_TRY(rotate_queries(tiled, index, rows.first, rows.end - rows.first, error));
    }
    for (int64_t col = 0; col < sight.near.end; col += tiled->step) {
        (void)atomic_fetch_add(&tiled->job->group->team.steps, 1);
        if (!rm_sight_meets(sight, col, tiled->step)) {
            continue;
        }
        rm_view keys = {0};
        RM_TRY(keys_of_block(tiled, index, col, &keys, error));
        RM_TRY(compute_block(tiled, index, rows, col, keys, error));
        RM_TRY(rm_job_poll(tiled->job, worker, error));
    }
    const double time = rm_seconds_now();
    RM_TRY(tiled->job->backend->cells_end(worker->context, cells, error));
    (void)rm_stage_time(worker, RM_STAGE_POOL, time);
    return ROPEMAP_OK;
}

static ropemap_status band_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    struct tiled *tiled = work;
    const rm_span rows = rm_bands_queries(tiled->job, tiled->part.first + task, tiled->band, tiled->block);
    bool merges = false;
    const ropemap_status status =
        rm_bands_enter(&tiled->bands, task, index, compute_band(tiled, index, rows, error), &merges, error);
    if (merges) {
        rm_bands_merge(&tiled->bands, &tiled->scratch[index].cells, rows);
    }
    rm_bands_leave(&tiled->bands, status != ROPEMAP_OK);
    return status;
}

static ropemap_status make_scratch(struct tiled *tiled, int32_t index, ropemap_error *error) {
    const ropemap_job *job = tiled->job;
    const rm_backend *backend = job->backend;
    rm_context *context = job->workers[index].context;
    struct scratch *scratch = &tiled->scratch[index];
    const int64_t dim = job->queries->head_dim, rows = rm_bands_most(&job->grid.rows, tiled->band);
    RM_TRY(rm_accumulator_make(&scratch->cells, job->request->pool, rows, job->plan.width, error));
    scratch->raw = backend->stage(context, tiled->block * dim);
    if (scratch->raw == NULL) {
        return rm_fail_memory(error, "rows", (uint64_t)(tiled->block * dim) * sizeof(float));
    }
    RM_TRY(backend->reserve(context, tiled->band * tiled->row, "rotated queries", &scratch->queries, error));
    if (!job->plan.keys_resident) {
        RM_TRY(backend->reserve(context, tiled->block * tiled->row, "rotated keys", &scratch->keys, error));
    }
    const int64_t tiles = tiled->slots * tiled->batch;
    return backend->reserve(context, tiles * tiled->block * tiled->block, "tile", &scratch->tiles, error);
}

static void free_scratch(const struct tiled *tiled, int32_t index) {
    const rm_backend *backend = tiled->job->backend;
    rm_context *context = tiled->job->workers[index].context;
    struct scratch *scratch = &tiled->scratch[index];
    backend->release(context, scratch->tiles);
    backend->release(context, scratch->keys);
    backend->release(context, scratch->queries);
    backend->unstage(context, scratch->raw);
    rm_accumulator_free(&scratch->cells);
}

static ropemap_status make_all(struct tiled *tiled, ropemap_error *error) {
    const ropemap_job *job = tiled->job;
    const int32_t threads = job->plan.threads;
    tiled->scratch = rm_alloc((uint64_t)threads, sizeof *tiled->scratch);
    if (tiled->scratch == NULL) {
        return rm_fail_memory(error, "tiles", (uint64_t)threads * sizeof *tiled->scratch);
    }
    for (int32_t i = 0; i < threads; i++) {
        RM_TRY(make_scratch(tiled, i, error));
    }
    if (job->plan.keys_resident) {
        const int64_t count = job->grid.cols.range.count;
        const int64_t blocks = (count + tiled->block - 1) / tiled->block;
        const int64_t floats = blocks * tiled->block * tiled->row;
        RM_TRY(job->backend->reserve(job->workers[0].context, floats, "rotated keys", &tiled->resident_keys,
                                     error));
        RM_TRY(rm_job_run(job, "rotate", blocks, rotate_keys_task, tiled, error));
    }
    return ROPEMAP_OK;
}

/* Bands can be few and long: progress counts the blocks of keys that they go through. Of very many bands the
 * sum is taken over a sample. */
static ropemap_status run_bands(struct tiled *tiled, ropemap_error *error) {
    rm_team *team = &tiled->job->group->team;
    const int64_t bands = tiled->part.end - tiled->part.first;
    const int64_t apart = bands / BANDS_SAMPLED + 1;
    for (int64_t band = tiled->part.first; band < tiled->part.end; band += apart) {
        team->total_steps += (double)apart * (double)steps_of_band(tiled, band);
    }
    atomic_store(&team->steps, 0);
    const ropemap_status status = rm_job_run(tiled->job, "tiles", bands, band_task, tiled, error);
    team->total_steps = 0.0;
    return status;
}

/* The cells above the diagonal, from those below. */
static ropemap_status mirror_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    (void)index;
    (void)error;
    const struct tiled *tiled = work;
    const int64_t width = tiled->job->plan.width;
    for (int64_t col = task + 1; col < width; col++) {
        tiled->bands.out[task * width + col] = tiled->bands.out[col * width + task];
    }
    return ROPEMAP_OK;
}

/* Floats that a rotated row takes. */
static int64_t row_of(const ropemap_job *job) {
    const int64_t dim = job->queries->head_dim;
    return job->plan.kernel == ROPEMAP_KERNEL_FUSED
               ? job->device.fused_row(job->plan.dtype, dim, job->request->pool)
               : dim;
}

/* A multiple of the block. */
static int64_t step_of(const ropemap_job *job) {
    const bool many =
        job->rotation.fused && job->plan.keys_resident && job->device.fused_keys > job->plan.block;
    return many ? job->device.fused_keys : job->plan.block;
}

static void drop(ropemap_job *job) {
    struct tiled *tiled = job->state;
    for (int32_t i = 0; tiled->scratch != NULL && i < job->plan.threads; i++) {
        free_scratch(tiled, i);
    }
    rm_free(tiled->scratch);
    job->backend->release(job->workers[0].context, tiled->resident_keys);
    rm_free(tiled);
}

static ropemap_status start(ropemap_job *job, ropemap_error *error) {
    struct tiled *tiled = rm_alloc(1, sizeof *tiled);
    if (tiled == NULL) {
        return rm_fail_memory(error, "tiles", sizeof *tiled);
    }
    *tiled = (struct tiled){.job = job,
                            .block = job->plan.block,
                            .band = job->plan.band,
                            .row = row_of(job),
                            .step = step_of(job),
                            .slots = rm_tile_slots(job),
                            .batch = rm_tile_batch(job)};
    job->state = tiled;
    job->drop = drop;
    return make_all(tiled, error);
}

static ropemap_status run(ropemap_job *job, float *cells, ropemap_error *error) {
    if (job->state == NULL) {
        RM_TRY(start(job, error));
    }
    struct tiled *tiled = job->state;
    tiled->part = rm_bands_of_part(job, tiled->band);
    ropemap_status status = rm_bands_make(&tiled->bands, job, cells, error);
    status = status == ROPEMAP_OK ? run_bands(tiled, error) : status;
    if (status == ROPEMAP_OK && job->grid.symmetric && job->part.end - job->part.first == job->plan.height) {
        status = rm_job_run(job, "mirror", job->plan.height, mirror_task, tiled, error);
    }
    rm_bands_free(&tiled->bands);
    return status;
}

/* ---- what it costs */

/* Of a worker's backend, for the products of a band. */
static int64_t scratch_bytes(const ropemap_job *job, int64_t band, int64_t block) {
    const rm_scratch *scratch = job->device.scratch;
    return job->plan.kernel == ROPEMAP_KERNEL_FUSED
               ? scratch->fused_scratch_bytes(&job->grid, job->request->pool, band, block)
               : scratch->tile_scratch_bytes(&job->grid, job->request->pool, block);
}

/* The device's own, smaller where cells are so small that the pieces of a tile outgrow it. */
static int64_t tiled_block(const ropemap_job *job) {
    const rm_device *device = &job->device;
    int64_t block = device->block;
    while (block > RM_BLOCK_LEAST &&
           scratch_bytes(job, RM_TILED_BAND_BLOCKS * block, block) > device->tile_scratch_most) {
        block /= 2;
    }
    return block;
}

/* Query rows that share one pass over the keys: a few blocks, fewer where their cells are many. A cell's
 * parts are merged band by band, so this depends on the request alone. */
static int64_t tiled_band(const ropemap_job *job, int64_t block) {
    int64_t band = RM_TILED_BAND_BLOCKS * block;
    while (band > block && rm_bands_cells_bytes(job, band) > BAND_CELLS_BYTES) {
        band /= 2;
    }
    return band;
}

/* Tiles that each worker has room for in cache, 1 at least. */
static int64_t tiles_with_room(const ropemap_job *job, int64_t workers, int64_t most) {
    const double tiles = (double)job->device.tile_bytes / (4.0 * (double)(job->plan.block * job->plan.block));
    const double each = tiles / (double)workers;
    return each < 2.0 ? 1 : each < (double)most ? (int64_t)each : most;
}

/* Bands are what workers share: of one band, one worker has all the room. */
int64_t rm_tile_slots(const ropemap_job *job) {
    if (job->plan.kernel == ROPEMAP_KERNEL_FUSED) {
        return 1;
    }
    const int64_t bands = job->plan.bands, threads = job->plan.threads;
    const int64_t workers = (bands < threads ? bands : threads) * rm_tile_batch(job);
    return tiles_with_room(job, workers, RM_TILE_SLOTS_MOST);
}

/* As if all workers worked, each with all of its slots; a number that comes out even in a band. */
int64_t rm_tile_batch(const ropemap_job *job) {
    if (job->plan.kernel == ROPEMAP_KERNEL_FUSED) {
        return 1; /* a tile is scratch, if anything */
    }
    const int64_t workers = job->device.tile_workers > 0 ? job->device.tile_workers : 1;
    const int64_t batch =
        tiles_with_room(job, workers * RM_TILE_SLOTS_MOST, job->plan.band / job->plan.block);
    return batch < 2 ? 1 : batch < 4 ? 2 : 4;
}

static rm_bytes tiled_worker(const ropemap_job *job) {
    const ropemap_plan *plan = &job->plan;
    const rm_scratch *scratch = job->device.scratch;
    const int64_t block = plan->block, dim = job->queries->head_dim, row = row_of(job);
    const double cells = rm_bands_cells_bytes(job, plan->band);
    const int64_t tiles = rm_tile_slots(job) * rm_tile_batch(job) * block * block;
    rm_bytes worker = {.host = 4.0 * (double)(block * dim) + cells,
                       .own = 4.0 * (double)(block * row + plan->band * row + tiles)};
    worker.own += (double)(scratch->cells_scratch_bytes((int64_t)cells) +
                           scratch_bytes(job, plan->band, block) + scratch->rows_scratch_bytes(block, dim));
    return worker;
}

/* As rm_job_fit_threads; fewer workers may have more tiles each. */
static void fit_tiled_threads(ropemap_job *job, rm_bytes once) {
    rm_job_take_bytes(job, tiled_worker(job), once);
    while (job->plan.threads > 1 && !(rm_job_fits(job) && rm_job_has_room(job))) {
        job->plan.threads--;
        rm_job_take_bytes(job, tiled_worker(job), once);
    }
}

/* `passes`: how often keys are rotated. */
static double flops(const ropemap_job *job, double passes) {
    const double dim = (double)job->queries->head_dim;
    const double rows = (double)job->grid.rows.range.count, cols = (double)job->grid.cols.range.count;
    const rm_span down = {.end = job->grid.rows.range.count}, across = {.end = job->grid.cols.range.count};
    const double pairs = !rm_mask_is_plain(&job->grid.mask)      ? rm_grid_pairs(&job->grid, down, across)
                         : job->grid.mask.causal || job->mirrors ? rows * cols / 2.0
                                                                 : rows * cols;
    return 2.0 * pairs * dim + (rows + passes * cols) * dim * RM_ROTATE_FLOPS;
}

double rm_tiled_flops(const ropemap_job *job) {
    return flops(job, 1.0);
}

static bool fuses(const ropemap_job *job) {
    const ropemap_request *request = job->request;
    return request->kernel != ROPEMAP_KERNEL_TILES && !job->not_fused && job->device.fused_row != NULL &&
           rm_mask_is_plain(&request->mask) &&
           job->device.fused_row(request->dtype, job->queries->head_dim, request->pool) > 0;
}

static void cost(ropemap_job *job) {
    ropemap_plan *plan = &job->plan;
    plan->kernel = fuses(job) ? ROPEMAP_KERNEL_FUSED : ROPEMAP_KERNEL_TILES;
    const int64_t block = tiled_block(job);
    const int64_t rows = job->grid.rows.range.count, cols = job->grid.cols.range.count;
    plan->method = ROPEMAP_METHOD_TILED;
    plan->dtype = job->request->dtype;
    plan->block = block;
    plan->band = tiled_band(job, block);
    plan->bands = (rows + plan->band - 1) / plan->band;
    plan->tiles = rm_count_tiles(rows, cols, block);
    /* where no tile lies in cache, as many as get rows ready */
    rm_job_limit_threads(job, plan->kernel == ROPEMAP_KERNEL_FUSED ? job->device.workers
                                                                   : job->device.tile_workers);
    const double resident = 4.0 * (double)rm_round_up(cols, block) * (double)row_of(job);
    rm_bytes once = {.host = (double)plan->width * 24.0};
    fit_tiled_threads(job, once);
    once.own += resident + RESIDENT_SPARE;
    rm_job_take_bytes(job, tiled_worker(job), once);
    plan->keys_resident = rm_job_fits(job);
    once.own = plan->keys_resident ? resident : 0.0;
    fit_tiled_threads(job, once);
    plan->flops = flops(job, plan->keys_resident ? 1.0 : (double)plan->bands);
}

const rm_method rm_method_tiled = {.cost = cost, .run = run, .in_parts = true};
