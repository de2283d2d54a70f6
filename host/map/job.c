/* job.c - a map's job: opened, planned, run or run in parts; its backend, workers and rows; what its cells
 * come to */
/* SPDX-License-Identifier: MIT */
#include "host/map/job.h"
#include "host/base/alloc.h"
#include "host/ropemap_parts.h"
#include "host/rule/rule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- backend and workers */

static ropemap_status find_backend(ropemap_job *job, ropemap_error *error) {
    if (strcmp(job->device.backend, "cuda") != 0) {
        job->backend = rm_cpu_backend();
        return ROPEMAP_OK;
    }
    ropemap_session *session = job->request->session;
    RM_TRY(session != NULL ? rm_session_plugin(session, &job->plugin, error)
                           : rm_plugin_open(&job->plugin, error));
    job->backend = job->plugin.table.backend;
    return ROPEMAP_OK;
}

ropemap_status rm_job_start(ropemap_job *job, ropemap_error *error) {
    RM_TRY(find_backend(job, error));
    RM_TRY(rm_workers_open(&job->group, job->plan.threads, job->backend, &job->device, job->request->session,
                           error));
    job->workers = job->group->each;
    job->plan.threads = job->group->team.threads;
    job->group->team.progress = job->request->progress;
    job->group->team.progress_user = job->request->progress_user;
    if (job->method != &rm_method_softmax) { /* which lets go of those that it does not take */
        (void)rm_workers_kept(job->group, NULL, job->keys_range, &job->rotation);
    }
    return ROPEMAP_OK;
}

void rm_job_stop(ropemap_job *job) {
    if (job->state != NULL) {
        job->drop(job);
        job->state = NULL;
    }
    rm_workers_close(job->group, job->broken);
    if (job->request->session == NULL) {
        rm_plugin_close(&job->plugin);
    }
    job->group = NULL;
    job->workers = NULL;
    job->backend = NULL;
}

ropemap_status rm_job_run(const ropemap_job *job, const char *stage, int64_t count, rm_task task, void *work,
                          ropemap_error *error) {
    return rm_workers_run(job->group, stage, count, task, work, error);
}

ropemap_status rm_job_poll(const ropemap_job *job, const rm_worker *worker, ropemap_error *error) {
    return rm_team_poll(&job->group->team, (int32_t)(worker - job->workers), error);
}

/* ---- rows of a side */

ropemap_range rm_side_range(const ropemap_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? job->grid.rows.range : job->keys_range;
}

static const ropemap_vectors *rm_side_vectors(const ropemap_job *job, rm_side side) {
    return side == RM_SIDE_QUERIES ? job->queries : job->keys;
}

static ropemap_status refuse_nonfinite(const ropemap_vectors *vectors, ropemap_range positions, rm_view rows,
                                       ropemap_error *error) {
    for (int64_t i = 0; i < rows.rows; i++) {
        const float *row = rows.data + i * rows.stride;
        for (int64_t d = 0; d < rows.cols; d++) {
            if (!isfinite(row[d])) {
                return rm_fail(error, ROPEMAP_DATA,
                               "%s: element %" PRId64 " at position %" PRId64
                               " is %g, expected finite numbers only (strict)",
                               vectors->label, d, rm_position(positions, i), (double)row[d]);
            }
        }
    }
    return ROPEMAP_OK;
}

/* Every `step`-th of `lent`, which are only read from; for a device with memory of its own by way of the
 * scratch, which is pinned: each worker copies there, where the driver would copy with one thread. */
static void lend_rows(const ropemap_job *job, rm_view lent, int64_t step, rm_view *rows) {
    lent.stride *= step;
    if (job->device.memory == 0) {
        *rows = lent;
        return;
    }
    for (int64_t i = 0; i < lent.rows; i++) {
        memcpy(rows->data + i * rows->stride, lent.data + i * lent.stride,
               (size_t)lent.cols * sizeof *lent.data);
    }
}

ropemap_status rm_side_read(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
                            int64_t count, float *scratch, rm_view *rows, ropemap_error *error) {
    RM_TRY(rm_job_poll(job, worker, error));
    const double start = rm_seconds_now();
    const ropemap_vectors *vectors = rm_side_vectors(job, side);
    const ropemap_range range = rm_side_range(job, side);
    const ropemap_range positions = {.first = rm_position(range, first), .count = count, .step = range.step};
    const int64_t row = (positions.first - vectors->first) / vectors->step;
    const int64_t step = range.step / vectors->step; /* 0 of a single row, perhaps */
    *rows = rm_view_dense(scratch, count, vectors->head_dim);
    if (vectors->borrow != NULL) {
        const float *lent = vectors->borrow(vectors, row);
        lend_rows(job, rm_view_dense((float *)(uintptr_t)lent, count, vectors->head_dim), step, rows);
    } else {
        RM_TRY(vectors->read(vectors, row, count, step, scratch, error));
    }
    if (job->request->strict) {
        RM_TRY(refuse_nonfinite(vectors, positions, *rows, error));
    }
    (void)rm_stage_time(worker, RM_STAGE_READ, start);
    return ROPEMAP_OK;
}

ropemap_status rm_side_rotated(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
                               int64_t count, float *scratch, rm_view to, ropemap_error *error) {
    rm_view rows = {0};
    RM_TRY(rm_side_read(job, worker, side, first, count, scratch, &rows, error));
    const double start = rm_seconds_now();
    const ropemap_range range = rm_side_range(job, side);
    const ropemap_range positions = {.first = rm_position(range, first), .count = count, .step = range.step};
    RM_TRY(job->backend->rotate(worker->context, &job->rotation, positions, rows, to, error));
    (void)rm_stage_time(worker, RM_STAGE_ROTATE, start);
    return ROPEMAP_OK;
}

/* ---- what the cells come to: smallest, largest, mean, and how many are NaN or masked */

/* The cells of a row, or of all rows. */
struct summary {
    float min, max;
    double sum;
    int64_t count; /* cells that are not NaN */
};

enum { LANES = 16 }; /* partial sums of a fixed order: the loop over them becomes vectors */

/* NaN gets one pattern of bits: CPUs make several. Selections, not branches, so that loops become vectors. */
static struct summary summarise_row(float *cells, int64_t width) {
    float min = INFINITY, max = -INFINITY;
    double lanes[LANES] = {0};
    int32_t count = 0;
    for (int64_t i = 0; i < width; i++) {
        const float value = cells[i];
        cells[i] = value == value ? value : NAN;
        min = value < min ? value : min;
        max = value > max ? value : max;
        count += value == value;
    }
    for (int64_t first = 0; first < width; first += LANES) {
        const int64_t lanes_used = width - first < LANES ? width - first : LANES;
        for (int64_t lane = 0; lane < lanes_used; lane++) {
            const float value = cells[first + lane];
            lanes[lane] += value == value ? (double)value : 0.0;
        }
    }
    double sum = 0.0;
    for (int64_t lane = 0; lane < LANES; lane++) {
        sum += lanes[lane];
    }
    return (struct summary){.min = min, .max = max, .sum = sum, .count = count};
}

static void add_row(struct summary *all, const struct summary *row) {
    all->min = row->min < all->min ? row->min : all->min;
    all->max = row->max > all->max ? row->max : all->max;
    all->sum += row->sum;
    all->count += row->count;
}

/* Smallest, largest and mean cell, and how many are NaN. */
static void take_summary(ropemap_map *map, const struct summary *all) {
    const bool any = all->count > 0;
    map->nan_cells = map->height * map->width - all->count;
    map->min = any ? (double)all->min : (double)NAN;
    map->max = any ? (double)all->max : (double)NAN;
    map->mean = any ? all->sum / (double)all->count : (double)NAN;
}

static const struct summary no_cells = {.min = INFINITY, .max = -INFINITY};

static void summarise(ropemap_map *map) {
    struct summary all = no_cells;
    for (int64_t row = 0; row < map->height; row++) {
        const struct summary one = summarise_row(map->cells + row * map->width, map->width);
        add_row(&all, &one);
    }
    take_summary(map, &all);
}

/* Cells without a pair that the mask leaves: of a row all beyond what it sees, and perhaps some before. */
static void count_masked(const rm_grid *grid, ropemap_map *map) {
    const bool plain = rm_mask_is_plain(&grid->mask);
    map->masked_cells = 0;
    for (int64_t row = 0; !rm_mask_is_none(&grid->mask) && row < map->height; row++) {
        const rm_span rows = rm_partition_cell(&grid->rows, row);
        const rm_sight seen = rm_grid_sight_of(grid, rows);
        const int64_t end = seen.near.end > 0 ? rm_partition_cell_of(&grid->cols, seen.near.end - 1) + 1 : 0;
        map->masked_cells += map->width - end;
        for (int64_t col = 0; !plain && col < end; col++) {
            map->masked_cells += !rm_grid_any(grid, seen, rows, rm_partition_cell(&grid->cols, col));
        }
    }
}

struct describing {
    ropemap_map *map;
    struct summary *rows; /* [height] */
};

static ropemap_status describe_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    (void)index;
    (void)error;
    const struct describing *describing = work;
    const int64_t width = describing->map->width;
    describing->rows[task] = summarise_row(describing->map->cells + task * width, width);
    return ROPEMAP_OK;
}

static ropemap_status describe_cells(const ropemap_job *job, ropemap_map *map, ropemap_error *error) {
    struct describing describing = {.map = map};
    describing.rows = rm_alloc((uint64_t)map->height, sizeof *describing.rows);
    if (describing.rows == NULL) {
        return rm_fail_memory(error, "map", (uint64_t)map->height * sizeof *describing.rows);
    }
    const ropemap_status status = rm_job_run(job, "describe", map->height, describe_task, &describing, error);
    struct summary all = no_cells;
    for (int64_t row = 0; row < map->height; row++) {
        add_row(&all, &describing.rows[row]);
    }
    rm_free(describing.rows);
    take_summary(map, &all);
    count_masked(&job->grid, map);
    return status;
}

ropemap_status ropemap_map_subtract(ropemap_map *map, const ropemap_map *other, ropemap_error *error) {
    if (map->height != other->height || map->width != other->width) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "map: %" PRId64 " x %" PRId64 " cells, but the other has %" PRId64 " x %" PRId64,
                       map->width, map->height, other->width, other->height);
    }
    const int64_t lost = map->nan_cells - map->masked_cells + other->nan_cells - other->masked_cells;
    for (int64_t i = 0; i < map->height * map->width; i++) {
        map->cells[i] -= other->cells[i];
    }
    summarise(map);
    map->masked_cells = map->nan_cells > lost ? map->nan_cells - lost : 0;
    return ROPEMAP_OK;
}

void ropemap_job_join(ropemap_job *job, ropemap_map *map) {
    rm_job_stop(job);
    for (int64_t row = 0; job->grid.symmetric && row < map->height; row++) {
        for (int64_t col = row + 1; col < map->width; col++) {
            map->cells[row * map->width + col] = map->cells[col * map->width + row];
        }
    }
    summarise(map);
    count_masked(&job->grid, map);
    map->plan = job->plan;
}

/* ---- opened, and run */

void ropemap_cell_bounds(int64_t count, int64_t cells, int64_t cell, int64_t *first, int64_t *end) {
    const rm_partition axis = {.range = {.count = count, .step = 1}, .cells = cells};
    const rm_span span = rm_partition_cell(&axis, cell);
    *first = span.first;
    *end = span.end;
}

static void describe_time(const ropemap_job *job, double start, ropemap_seconds *seconds) {
    double stages[RM_STAGES] = {0};
    for (int32_t i = 0; i < job->plan.threads; i++) {
        for (int stage = 0; stage < RM_STAGES; stage++) {
            stages[stage] += job->workers[i].seconds[stage] / job->plan.threads;
        }
    }
    *seconds = (ropemap_seconds){.read = stages[RM_STAGE_READ],
                                 .rotate = stages[RM_STAGE_ROTATE],
                                 .similarity = stages[RM_STAGE_SIMILARITY],
                                 .pool = stages[RM_STAGE_POOL],
                                 .total = rm_seconds_now() - start};
}

static ropemap_status attempt(ropemap_job *job, ropemap_map *map, ropemap_error *error) {
    ropemap_status status = rm_job_start(job, error);
    job->part = (rm_span){.first = 0, .end = job->plan.height};
    status = status == ROPEMAP_OK ? job->method->run(job, map->cells, error) : status;
    status = status == ROPEMAP_OK && !job->without_cells ? describe_cells(job, map, error) : status;
    job->broken = status != ROPEMAP_OK && status != ROPEMAP_STOPPED;
    return status;
}

/* Memory that runs out, of a GPU above all, does not end the job while there is something smaller to try. */
static ropemap_status compute(ropemap_job *job, ropemap_map *map, ropemap_error *error) {
    const int64_t height = job->without_cells ? 0 : job->plan.height, width = job->plan.width;
    map->cells = rm_alloc_raw((uint64_t)height * (uint64_t)width, sizeof *map->cells);
    if (map->cells == NULL) {
        return rm_fail_memory(error, "map", (uint64_t)height * (uint64_t)width * sizeof *map->cells);
    }
    map->height = height;
    map->width = width;
    ropemap_error reason = {0};
    ropemap_status status = attempt(job, map, &reason);
    while (status == ROPEMAP_RESOURCES && rm_plan_retreat(job, &reason)) {
        rm_job_stop(job);
        status = attempt(job, map, &reason);
    }
    return status == ROPEMAP_OK ? status : rm_fail(error, status, "%s", reason.text);
}

static uint64_t quarter_of_memory(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages < 1 || bytes < 1 ? (uint64_t)1 << 30 : (uint64_t)pages * (uint64_t)bytes / 4;
}

static rm_partition axis_of(ropemap_range range, int64_t cells) {
    return (rm_partition){.range = range, .cells = range.count < cells ? range.count : cells};
}

static void take_request(const ropemap_request *request, ropemap_job *job) {
    const bool cosine = request->measure == ROPEMAP_MEASURE_COSINE;
    job->request = request;
    job->queries = request->queries != NULL ? request->queries : job->owned;
    job->keys = request->keys != NULL ? request->keys : job->owned;
    job->constant = job->queries->constant && job->keys->constant;
    job->mirrors = job->queries == job->keys && rm_mask_is_none(&request->mask) &&
                   request->measure != ROPEMAP_MEASURE_SOFTMAX && request->height == request->width &&
                   memcmp(&request->rows, &request->cols, sizeof request->rows) == 0;
    job->rotation =
        (rm_rotation){.freqs = &job->freqs,
                      .layout = request->spec.layout,
                      .rotate = !request->already_rotated && request->encoding.kind != ROPEMAP_ENCODING_NOPE,
                      .normalise = cosine};
    job->grid = (rm_grid){.rows = axis_of(request->rows, request->height),
                          .cols = axis_of(request->cols, request->width),
                          .mask = request->mask};
    job->keys_range = rm_request_keys(request);
    const double scale = request->scale != 0.0 ? request->scale : 1.0 / sqrt((double)request->spec.head_dim);
    job->scale = request->measure == ROPEMAP_MEASURE_SCALED ? scale : 1.0;
    job->memory = request->memory != 0 ? request->memory : quarter_of_memory();
}

static ropemap_status prepare(const ropemap_request *request, ropemap_job *job, ropemap_error *error) {
    RM_TRY(rm_request_check(request, error));
    RM_TRY(rm_freqs_make(&request->spec, &job->freqs, error));
    if (request->queries == NULL) {
        RM_TRY(ropemap_vectors_ones(request->spec.head_dim, &job->owned, error));
    }
    take_request(request, job);
    return rm_plan_choose(job, error);
}

ropemap_status rm_job_open(const ropemap_request *request, rm_attention *attention, bool without_cells,
                           ropemap_job **job, ropemap_error *error) {
    *job = NULL;
    ropemap_job *made = rm_alloc(1, sizeof *made);
    if (made == NULL) {
        return rm_fail_memory(error, "map", sizeof *made);
    }
    made->attention = attention;
    made->without_cells = without_cells;
    const ropemap_status status = prepare(request, made, error);
    if (status != ROPEMAP_OK) {
        ropemap_job_free(made);
        return status;
    }
    *job = made;
    return ROPEMAP_OK;
}

ropemap_status ropemap_job_open(const ropemap_request *request, ropemap_job **job, ropemap_error *error) {
    return rm_job_open(request, NULL, false, job, error);
}

void ropemap_job_free(ropemap_job *job) {
    if (job != NULL) {
        if (job->group != NULL) {
            rm_job_stop(job);
        }
        ropemap_vectors_free(job->owned);
        rm_free(job);
    }
}

const ropemap_plan *ropemap_job_plan(const ropemap_job *job) {
    return &job->plan;
}

ropemap_status ropemap_job_run(ropemap_job *job, ropemap_map *map, ropemap_error *error) {
    const double start = rm_seconds_now();
    *map = (ropemap_map){0};
    const ropemap_status status = compute(job, map, error);
    if (status == ROPEMAP_OK) {
        map->plan = job->plan;
        map->empty_rows = job->empty_rows;
        map->nan_rows = job->nan_rows;
        describe_time(job, start, &map->seconds);
    } else {
        ropemap_map_free(map);
    }
    rm_job_stop(job);
    return status;
}

ropemap_status ropemap_map_compute(const ropemap_request *request, ropemap_map *map, ropemap_error *error) {
    ropemap_job *job = NULL;
    *map = (ropemap_map){0};
    RM_TRY(ropemap_job_open(request, &job, error));
    const ropemap_status status = ropemap_job_run(job, map, error);
    ropemap_job_free(job);
    return status;
}

void ropemap_map_free(ropemap_map *map) {
    if (map != NULL) {
        rm_free(map->cells);
        *map = (ropemap_map){0};
    }
}
