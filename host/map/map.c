/* map.c - a map, from request to cells */
/* SPDX-License-Identifier: MIT */
#include "host/attention/softmax.h"
#include "host/base/alloc.h"
#include "host/encoding/encoding.h"
#include "host/map/plan.h"
#include "host/ropemap_parts.h"
#include "host/rule/rule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const char *const measure_names[] = {"dot", "scaled", "cosine", "softmax"};

static const char *const method_names[] = {"auto", "factored", "diagonal", "tiled"};

static const char *const kernel_names[] = {"auto", "fused", "tiles"};

static const char *const dtype_names[] = {"fp32", "tf32", "bf16", "fp16"};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

const char *ropemap_measure_name(ropemap_measure measure) {
    return (unsigned)measure < COUNT_OF(measure_names) ? measure_names[measure] : NULL;
}

const char *ropemap_dtype_name(ropemap_dtype dtype) {
    return (unsigned)dtype < COUNT_OF(dtype_names) ? dtype_names[dtype] : NULL;
}

const char *ropemap_method_name(ropemap_method method) {
    return (unsigned)method < COUNT_OF(method_names) ? method_names[method] : NULL;
}

const char *ropemap_kernel_name(ropemap_kernel kernel) {
    return (unsigned)kernel < COUNT_OF(kernel_names) ? kernel_names[kernel] : NULL;
}

ropemap_request ropemap_request_default(void) {
    const ropemap_range positions = {.first = 0, .count = 4096, .step = 1};
    return (ropemap_request){
        .spec = ropemap_spec_default(),
        .rows = positions,
        .cols = positions,
        .width = 1024,
        .height = 1024,
    };
}

void ropemap_cell_bounds(int64_t count, int64_t cells, int64_t cell, int64_t *first, int64_t *end) {
    const rm_partition axis = {.range = {.count = count, .step = 1}, .cells = cells};
    const rm_span span = rm_partition_cell(&axis, cell);
    *first = span.first;
    *end = span.end;
}

static ropemap_status check_side(const char *name, int64_t cells, ropemap_error *error) {
    if (cells < 1 || cells > ROPEMAP_MAX_SIDE) {
        return rm_fail(error, ROPEMAP_USAGE, "size: %s is %" PRId64 ", expected 1 to %d cells", name, cells,
                       ROPEMAP_MAX_SIDE);
    }
    return ROPEMAP_OK;
}

/* Every position of the range must have a row. */
static ropemap_status check_vectors(const char *name, const ropemap_vectors *vectors, const char *range_name,
                                    ropemap_range range, ropemap_error *error) {
    if (vectors == NULL || vectors->count >= ROPEMAP_POSITION_END) {
        return ROPEMAP_OK;
    }
    const int64_t last = rm_position(range, range.count - 1);
    const ropemap_range held = ropemap_vectors_positions(vectors);
    const int64_t held_last = rm_position(held, held.count - 1);
    if (range.first < held.first || last > held_last) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: positions %" PRId64 " to %" PRId64 ", but %s (%s) holds positions %" PRId64
                       " to %" PRId64,
                       range_name, range.first, last, name, vectors->label, held.first, held_last);
    }
    if ((range.first - held.first) % held.step != 0 || (range.count > 1 && range.step % held.step != 0)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: position %" PRId64 " and steps of %" PRId64 ", but %s (%s) holds every %" PRId64
                       "th position from %" PRId64 " on",
                       range_name, range.first, range.step, name, vectors->label, held.step, held.first);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_head_dim(const char *name, const ropemap_vectors *vectors,
                                     const ropemap_request *request, ropemap_error *error) {
    if (vectors != NULL && vectors->head_dim != request->spec.head_dim) {
        return rm_fail(error, ROPEMAP_USAGE, "head-dim: %d, but %s (%s) has vectors of %d",
                       request->spec.head_dim, name, vectors->label, vectors->head_dim);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_choices(const ropemap_request *request, ropemap_error *error) {
    if (ropemap_measure_name(request->measure) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "measure: there is none numbered %d", (int)request->measure);
    }
    if (ropemap_pool_name(request->pool) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "pool: there is none numbered %d", (int)request->pool);
    }
    if (ropemap_method_name(request->method) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "method: there is none numbered %d", (int)request->method);
    }
    if (ropemap_kernel_name(request->kernel) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "kernel: there is none numbered %d", (int)request->kernel);
    }
    if (ropemap_dtype_name(request->dtype) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "dtype: there is none numbered %d", (int)request->dtype);
    }
    int32_t threads = 0;
    RM_TRY(rm_team_size(request->threads, &threads, error));
    if ((request->queries == NULL) != (request->keys == NULL)) {
        return rm_fail(error, ROPEMAP_USAGE, "%s are missing: queries and keys come together or not at all",
                       request->queries == NULL ? "queries" : "keys");
    }
    return ROPEMAP_OK;
}

static ropemap_status check_request(const ropemap_request *request, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(&request->spec, error));
    if (!request->already_rotated && request->encoding.kind != ROPEMAP_ENCODING_NOPE) {
        RM_TRY(rm_axes_refuse(&request->spec, "rotate the vectors first, at positions on every axis", error));
    }
    RM_TRY(check_choices(request, error));
    RM_TRY(rm_mask_check(&request->mask, error));
    RM_TRY(rm_softmax_check(request, error));
    RM_TRY(rm_encoding_check(request, error));
    RM_TRY(rm_range_check("rows", request->rows, false, error));
    RM_TRY(rm_range_check("cols", request->cols, false, error));
    RM_TRY(check_side("height", request->height, error));
    RM_TRY(check_side("width", request->width, error));
    RM_TRY(check_head_dim("queries", request->queries, request, error));
    RM_TRY(check_head_dim("keys", request->keys, request, error));
    RM_TRY(check_vectors("queries", request->queries, "rows", request->rows, error));
    return check_vectors("keys", request->keys, "cols", rm_softmax_keys(request), error);
}

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
    job->keys_range = rm_softmax_keys(request);
    const double scale = request->scale != 0.0 ? request->scale : 1.0 / sqrt((double)request->spec.head_dim);
    job->scale = request->measure == ROPEMAP_MEASURE_SCALED ? scale : 1.0;
    job->memory = request->memory != 0 ? request->memory : quarter_of_memory();
}

static ropemap_status prepare(const ropemap_request *request, ropemap_job *job, ropemap_error *error) {
    RM_TRY(check_request(request, error));
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
