/* cost.c - what each method costs: its blocks and bands, workers, memory, operations */
/* SPDX-License-Identifier: MIT */
#include "host/map/cost.h"

#include "host/encoding/dual_chunk.h"
#include "host/map/accumulator.h"
#include "host/map/closed_form.h"
#include "host/map/pieces.h"
#include "host/map/plan.h"
#include "host/map/range_query.h"

#include <math.h>

enum {
    ROTATE_FLOPS = 20,              /* of one element: phase, sine and cosine, two products */
    FEATURES_BYTES = 192 * 1048576, /* features of cells kept at a time, where one block of cells fits */
    DEVICE_FEATURES_BYTES = 64 * 1048576, /* likewise, in a device's memory, of two blocks 128 MiB at most */
    DEVICE_BLOCK_LEAST = 32,              /* cells: a block of fewer is no work for a device */
    DEVICE_ROOM = 256 * 1048576,          /* of a device's memory, besides what its inputs take */
    RESIDENT_SPARE = 16 * 1048576,        /* kept free beside resident keys */
    BAND_CELLS_BYTES = 16 * 1048576, /* cells in the making, of one worker, where a block's are not more */
    TILE_PARTS_BYTES = 32 * 1048576, /* pieces of a tile, of one worker with memory of its own */
    FACTORED_BLOCK_MOST = 512,       /* cells: a block is copied to the host and finished there */
    PART_LEAST = 32768,              /* differences that a worker of the diagonal method holds */
    PART_MOST = 1048576,             /* likewise, where cells do not span half as many */
    PARTS_BYTES = 192 * 1048576      /* of all workers' parts, where one alone is not more */
};

/* Bytes of the host's memory, and of the backend's own, which may be the host's too. */
struct bytes {
    double host, own;
};

static bool has_own_memory(const rm_job *job) {
    return job->device.memory != 0;
}

static int64_t round_up(int64_t value, int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Blocks of a rectangle, at most 2^62. */
static int64_t count_tiles(int64_t rows, int64_t cols, int64_t block) {
    const int64_t down = round_up(rows, block) / block, across = round_up(cols, block) / block;
    const int64_t most = INT64_C(1) << 62;
    return down > most / across ? most : down * across;
}

/* No more workers than pay. */
static void limit_threads(rm_job *job, int32_t most) {
    if (most != 0 && job->plan.threads > most) {
        job->plan.threads = most;
    }
}

/* The workers' share and what is there once; besides, every method takes the workers' contexts and a line
 * about each row of cells. */
static void take_bytes(rm_job *job, struct bytes worker, struct bytes once) {
    const double threads = (double)job->plan.threads;
    const double host_worker = worker.host + (double)job->device.context_host + 2.0 * sizeof(rm_worker);
    const double host = once.host + host_worker * threads + 32.0 * (double)job->plan.height;
    const double own = once.own + (worker.own + (double)job->device.context_own) * threads;
    job->plan.bytes = (uint64_t)(has_own_memory(job) ? host : host + own);
    job->plan.device_bytes = has_own_memory(job) ? (uint64_t)own : 0;
}

static bool fits(const rm_job *job) {
    return job->plan.bytes <= job->memory &&
           (!has_own_memory(job) || job->plan.device_bytes <= job->device.memory);
}

bool rm_cost_has_room(const rm_job *job) {
    const double rows = (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
    const double room = 4.0 * rows * (double)job->queries->head_dim + (double)DEVICE_ROOM;
    return !has_own_memory(job) || (double)job->plan.device_bytes <= fmin(room, (double)job->device.memory);
}

/* Fewer workers where their own memory does not fit otherwise. */
static void fit_threads(rm_job *job, struct bytes worker, struct bytes once) {
    take_bytes(job, worker, once);
    while (job->plan.threads > 1 && !(fits(job) && rm_cost_has_room(job))) {
        job->plan.threads--;
        take_bytes(job, worker, once);
    }
}

static double pairs_of_positions(const rm_job *job) {
    return (double)job->grid.rows.range.count * (double)job->grid.cols.range.count;
}

/* What a device keeps of the rows that it rotates: as they come, twice, and rotated. */
static double device_rows_bytes(const rm_job *job, int64_t rows) {
    return has_own_memory(job) ? 12.0 * (double)rows * (double)job->queries->head_dim : 0.0;
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
    const double row = (double)job->plan.width * (double)rm_accumulator_bytes(job->request->pool);
    return row * (touched < height ? touched : height);
}

/* The most that the pieces of a tile of that side take. */
static double tile_parts_bytes(const rm_job *job, int64_t block) {
    const rm_grid *grid = &job->grid;
    const int64_t rows = lesser(block, grid->rows.range.count), cols = lesser(block, grid->cols.range.count);
    const int64_t down = rm_pieces_count(&grid->rows, 0, rows, RM_POOL_ROWS) + 1;
    const int64_t across = rm_pieces_count(&grid->cols, 0, cols, RM_POOL_COLS) + 1;
    return (double)down * (double)across * (double)rm_pool_part_bytes(job->request->pool);
}

/* The device's own, smaller where cells are so small that the pieces of a tile outgrow it. */
static int64_t tiled_block(const rm_job *job) {
    int64_t block = job->device.block;
    while (has_own_memory(job) && block > RM_BLOCK_LEAST && tile_parts_bytes(job, block) > TILE_PARTS_BYTES) {
        block /= 2;
    }
    return block;
}

/* Query rows that share one pass over the keys: a few blocks, fewer where their cells are many. A cell's
 * parts are merged band by band, so this depends on the request alone. */
static int64_t tiled_band(const rm_job *job, int64_t block) {
    int64_t band = RM_TILED_BAND_BLOCKS * block;
    while (band > block && band_cells_bytes(job, band) > BAND_CELLS_BYTES) {
        band /= 2;
    }
    return band;
}

/* Tiles that each worker has room for in cache, 1 at least. */
static int64_t tiles_with_room(const rm_job *job, int64_t workers, int64_t most) {
    const double tiles = (double)job->device.tile_bytes / (4.0 * (double)(job->plan.block * job->plan.block));
    const double each = tiles / (double)workers;
    return each < 2.0 ? 1 : each < (double)most ? (int64_t)each : most;
}

/* Bands are what workers share: of one band, one worker has all the room. */
int64_t rm_tile_slots(const rm_job *job) {
    const int64_t workers = lesser(job->plan.threads, job->plan.bands) * rm_tile_batch(job);
    return tiles_with_room(job, workers, RM_TILE_SLOTS_MOST);
}

/* As if all workers worked, each with all of its slots; a number that comes out even in a band. */
int64_t rm_tile_batch(const rm_job *job) {
    const int64_t workers = job->device.tile_workers > 0 ? job->device.tile_workers : 1;
    const int64_t batch =
        tiles_with_room(job, workers * RM_TILE_SLOTS_MOST, job->plan.band / job->plan.block);
    return batch < 2 ? 1 : batch < 4 ? 2 : 4;
}

static struct bytes tiled_worker(const rm_job *job) {
    const ropemap_plan *plan = &job->plan;
    const int64_t block = plan->block, dim = job->queries->head_dim;
    const double cells = band_cells_bytes(job, plan->band);
    const int64_t tiles = rm_tile_slots(job) * rm_tile_batch(job) * block * block;
    struct bytes worker = {.host = 4.0 * (double)(block * dim) + cells,
                           .own = 4.0 * (double)(block * dim + plan->band * dim + tiles)};
    if (has_own_memory(job)) {
        worker.own += cells + tile_parts_bytes(job, block) + device_rows_bytes(job, block);
    }
    return worker;
}

/* As fit_threads; fewer workers may have more tiles each. */
static void fit_tiled_threads(rm_job *job, struct bytes once) {
    take_bytes(job, tiled_worker(job), once);
    while (job->plan.threads > 1 && !(fits(job) && rm_cost_has_room(job))) {
        job->plan.threads--;
        take_bytes(job, tiled_worker(job), once);
    }
}

/* `passes`: how often keys are rotated. */
static double tiled_flops(const rm_job *job, double passes) {
    const double dim = (double)job->queries->head_dim;
    const double rows = (double)job->grid.rows.range.count, cols = (double)job->grid.cols.range.count;
    return (job->grid.causal || job->mirrors ? 1.0 : 2.0) * pairs_of_positions(job) * dim +
           (rows + passes * cols) * dim * ROTATE_FLOPS;
}

void rm_cost_tiled(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const int64_t block = tiled_block(job), dim = job->queries->head_dim;
    const int64_t rows = job->grid.rows.range.count, cols = job->grid.cols.range.count;
    plan->method = ROPEMAP_METHOD_TILED;
    plan->dtype = job->request->dtype;
    plan->block = block;
    plan->band = tiled_band(job, block);
    plan->bands = (rows + plan->band - 1) / plan->band;
    plan->tiles = count_tiles(rows, cols, block);
    limit_threads(job, job->device.tile_workers);
    const double resident = 4.0 * (double)round_up(cols, block) * (double)dim;
    struct bytes once = {.host = (double)plan->width * 24.0};
    fit_tiled_threads(job, once);
    once.own += resident + RESIDENT_SPARE;
    take_bytes(job, tiled_worker(job), once);
    plan->keys_resident = fits(job);
    once.own = plan->keys_resident ? resident : 0.0;
    take_bytes(job, tiled_worker(job), once);
    plan->flops = tiled_flops(job, plan->keys_resident ? 1.0 : (double)plan->bands);
}

/* ---- factored */

int64_t rm_factored_batch(const rm_job *job) {
    const int64_t rows = rm_partition_most(&job->grid.rows), cols = rm_partition_most(&job->grid.cols);
    const int64_t batch = job->device.rows_at_once / (rows > cols ? rows : cols);
    const bool moments = job->request->pool != ROPEMAP_POOL_MEAN;
    return batch < 1 || moments ? 1 : lesser(batch, job->plan.block);
}

/* Cells of a block: fewer where the features of two would outgrow a device's memory. */
static int64_t factored_block(const rm_job *job) {
    int64_t block = lesser(job->device.block, FACTORED_BLOCK_MOST);
    while (has_own_memory(job) && block > DEVICE_BLOCK_LEAST &&
           2 * 4 * block * rm_cell_features(job) > 2 * DEVICE_FEATURES_BYTES) {
        block /= 2;
    }
    return block;
}

/* A band of cells: all of them where their features fit in half of that memory. */
static int64_t factored_band(const rm_job *job, int64_t block, uint64_t memory) {
    const int64_t cells = job->plan.height > job->plan.width ? job->plan.height : job->plan.width;
    const int64_t all = round_up(cells, block), cell_bytes = 2 * 4 * rm_cell_features(job);
    const uint64_t half = memory / 2, most = has_own_memory(job) ? DEVICE_FEATURES_BYTES : FEATURES_BYTES;
    const int64_t room = (int64_t)(half < most ? half : most);
    const int64_t fit = room / cell_bytes / block * block;
    return fit < block ? block : fit < all ? fit : all;
}

static double factored_flops(const rm_job *job, int64_t band) {
    const double dim = (double)job->queries->head_dim;
    const double height = (double)job->plan.height, width = (double)job->plan.width;
    const bool moments = job->request->pool != ROPEMAP_POOL_MEAN;
    const double row_passes = height > (double)band ? ceil(width / (double)band) : 1.0;
    const double passes =
        row_passes * (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
    const double row_flops = dim * ROTATE_FLOPS + (moments ? 2.0 * dim * dim : 0.0);
    const bool closed = job->constant && !moments; /* a cell's mean is one sum, whatever its size */
    return (closed ? (height + width) * dim * ROTATE_FLOPS : passes * row_flops) +
           2.0 * height * width * (double)rm_cell_features(job);
}

/* Where there is memory for whatever pays: the two differ in their last bits, and which of them runs may not
 * depend on the memory that is allowed. */
bool rm_cost_favours_factored(const rm_job *job) {
    return factored_flops(job, factored_band(job, factored_block(job), UINT64_MAX)) < tiled_flops(job, 1.0);
}

int64_t rm_product_parts(const rm_job *job) {
    return has_own_memory(job) && job->request->pool != ROPEMAP_POOL_MEAN ? RM_PRODUCT_PARTS : 1;
}

/* Memory of one worker. */
static struct bytes factored_worker(const rm_job *job) {
    const int64_t block = job->plan.block, dim = job->queries->head_dim, rows = job->device.rows_at_once;
    const bool moments = job->request->pool != ROPEMAP_POOL_MEAN;
    const double batch = (double)rm_factored_batch(job), square = (double)(dim * dim);
    const int64_t tiles = rm_product_parts(job) * block * block;
    struct bytes worker = {.own = 4.0 * (double)tiles + device_rows_bytes(job, rows)};
    worker.host = 4.0 * (double)(rows * dim) + 8.0 * batch * (double)dim;
    worker.host += (double)sizeof(rm_phasor) * (2.0 * (double)job->freqs.pairs + 1.0);
    worker.host += 4.0 * batch * (double)rm_cell_features(job) + 8.0 * (double)(block * block);
    if (moments) {
        worker.host += 8.0 * square;
        worker.own += has_own_memory(job) ? 8.0 * square + 8.0 * (double)(rows * dim + block * block)
                                          : 4.0 * square + 8.0 * (double)(rows * dim);
    }
    if (job->grid.causal) {
        const int64_t straddle = job->device.block;
        worker.host += 12.0 * (double)(straddle * dim) + 24.0 * (double)job->plan.width;
        worker.own += 4.0 * (double)(2 * straddle * dim + straddle * straddle);
        worker.own += has_own_memory(job) ? tile_parts_bytes(job, straddle) : 0.0;
    }
    return worker;
}

void rm_cost_factored(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const int64_t features = rm_cell_features(job), block = factored_block(job);
    plan->method = ROPEMAP_METHOD_FACTORED;
    plan->dtype = ROPEMAP_DTYPE_FP32;
    plan->block = block;
    plan->band = factored_band(job, block, has_own_memory(job) ? job->device.memory : job->memory);
    plan->bands = (plan->height + plan->band - 1) / plan->band;
    plan->tiles = count_tiles(plan->height, plan->width, block);
    limit_threads(job, job->device.workers);
    fit_threads(
        job, factored_worker(job),
        (struct bytes){.own = 8.0 * (double)plan->band * (double)features, .host = 8.0 * (double)plan->band});
    plan->flops = factored_flops(job, plan->band);
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
    return rm_partition_most(&grid->rows) + rm_partition_most(&grid->cols) - 1;
}

int64_t rm_diagonal_stride(const rm_job *job) {
    const int64_t all = job->grid.rows.range.count + job->grid.cols.range.count - 1;
    return job->plan.band == all ? all : job->plan.band - cell_reach(&job->grid) + 1;
}

int64_t rm_diagonal_at_once(const rm_job *job) {
    return 64 * job->device.rows_at_once;
}

/* Differences in a part: many times what a cell spans, since that much is computed twice, while a part is
 * small. Sums begin with the part: it may depend on the request alone. */
static int64_t diagonal_part(const rm_grid *grid) {
    const int64_t all = grid->rows.range.count + grid->cols.range.count - 1, reach = cell_reach(grid);
    int64_t part = 8 * reach < PART_MOST ? 8 * reach : PART_MOST;
    part = part < 2 * reach ? 2 * reach : part < PART_LEAST ? PART_LEAST : part;
    return part < all ? part : all;
}

void rm_cost_diagonal(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const rm_partition *rows = &job->grid.rows, *cols = &job->grid.cols;
    plan->method = ROPEMAP_METHOD_DIAGONAL;
    plan->dtype = ROPEMAP_DTYPE_FP32;
    plan->block = 1;
    plan->band = diagonal_part(&job->grid);
    /* the last cell to begin: the lowest on the left */
    const int64_t last =
        rm_partition_cell(rows, rows->cells - 1).first - rm_partition_cell(cols, 0).end + cols->range.count;
    plan->bands = last / rm_diagonal_stride(job) + 1;
    plan->tiles = 0;
    const double part = difference_bytes(job->request->pool) * (double)(plan->band + 4);
    limit_threads(job, job->device.workers);
    while (plan->threads > 1 && part * plan->threads > PARTS_BYTES) {
        plan->threads--;
    }
    const double share = plan->bands < plan->threads ? (double)plan->bands / plan->threads : 1.0;
    const struct bytes worker = {.host = part * share,
                                 .own = has_own_memory(job) ? 8.0 * (double)rm_diagonal_at_once(job) : 0.0};
    fit_threads(job, worker, (struct bytes){0});
    plan->flops = (double)plan->bands * (double)plan->band * (double)job->freqs.pairs * ROTATE_FLOPS;
}

/* Operations of a cell, and of a chunk of queries in it: some twenty table entries, in two doubles each. */
enum { CHUNK_FLOPS = 500 };

void rm_cost_dual_chunk(rm_job *job) {
    ropemap_plan *plan = &job->plan;
    const ropemap_pool pool = job->request->pool;
    const rm_chunks chunks = rm_chunks_of(job->request);
    const double count = (double)chunks.far + 1.0;
    plan->method = ROPEMAP_METHOD_DIAGONAL;
    plan->dtype = ROPEMAP_DTYPE_FP32;
    plan->block = 1;
    plan->band = chunks.far + 1;
    plan->bands = 1;
    plan->tiles = 0;
    limit_threads(job, job->device.workers);
    const double tables = rm_pool_is_extreme(pool)   ? (double)rm_range_max_room(chunks.far + 1)
                          : pool == ROPEMAP_POOL_STD ? 4.0 * (count + 2.0)
                                                     : 2.0 * (count + 2.0);
    const struct bytes worker = {.own = has_own_memory(job) ? 8.0 * (double)rm_diagonal_at_once(job) : 0.0};
    fit_threads(job, worker, (struct bytes){.host = 8.0 * (count + tables)});
    const double rows = (double)job->grid.rows.range.count / (double)chunks.length;
    const double steps = (double)plan->height * (double)plan->width + 3.0 * rows;
    plan->flops = count * (double)job->freqs.pairs * ROTATE_FLOPS + steps * CHUNK_FLOPS;
}
