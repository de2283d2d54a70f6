/* map.c - from a request to a map: open, run the method that was planned, sum up */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/choice.h"
#include "host/map/dual_chunk.h"

#include <math.h>

static ropemap_status run_method(rm_job *job, float *cells, ropemap_error *error) {
    switch (job->plan.method) {
    case ROPEMAP_METHOD_FACTORED:
        return rm_map_factored(job, cells, error);
    case ROPEMAP_METHOD_DIAGONAL:
        return job->request->encoding == ROPEMAP_ENCODING_DUAL_CHUNK ? rm_map_dual_chunk(job, cells, error)
                                                                     : rm_map_diagonal(job, cells, error);
    case ROPEMAP_METHOD_TILED:
    case ROPEMAP_METHOD_AUTO:
        break;
    }
    return rm_map_tiled(job, cells, error);
}

/* What a row of cells comes to. */
struct summary {
    float min, max;
    double sum;
    int64_t count; /* cells that are not NaN */
};

enum { LANES = 16 }; /* partial sums of a fixed order: the loop over them becomes vectors */

struct describing {
    ropemap_map *map;
    struct summary *rows; /* [height] */
};

/* NaN gets one pattern of bits: processors make several. Selections, not branches, so that loops become
 * vectors. */
static ropemap_status describe_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    (void)index;
    (void)error;
    const struct describing *describing = work;
    const int64_t width = describing->map->width;
    float *cells = describing->map->cells + task * width;
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
    describing->rows[task] = (struct summary){.min = min, .max = max, .sum = sum, .count = count};
    return ROPEMAP_OK;
}

/* Smallest, largest and mean cell, and how many are NaN. */
static ropemap_status describe_cells(const rm_job *job, ropemap_map *map, ropemap_error *error) {
    struct describing describing = {.map = map};
    describing.rows = rm_alloc((uint64_t)map->height, sizeof *describing.rows);
    if (describing.rows == NULL) {
        return rm_fail_memory(error, "map", (uint64_t)map->height * sizeof *describing.rows);
    }
    const ropemap_status status = rm_job_run(job, "describe", map->height, describe_task, &describing, error);
    struct summary all = {.min = INFINITY, .max = -INFINITY};
    for (int64_t row = 0; row < map->height; row++) {
        const struct summary *part = &describing.rows[row];
        all.min = part->min < all.min ? part->min : all.min;
        all.max = part->max > all.max ? part->max : all.max;
        all.sum += part->sum;
        all.count += part->count;
    }
    rm_free(describing.rows);
    map->nan_cells = map->height * map->width - all.count;
    map->min = all.count > 0 ? (double)all.min : (double)NAN;
    map->max = all.count > 0 ? (double)all.max : (double)NAN;
    map->mean = all.count > 0 ? all.sum / (double)all.count : (double)NAN;
    return status;
}

static void describe_time(const rm_job *job, double start, ropemap_seconds *seconds) {
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

static ropemap_status attempt(rm_job *job, ropemap_map *map, ropemap_error *error) {
    ropemap_status status = rm_job_start(job, error);
    status = status == ROPEMAP_OK ? run_method(job, map->cells, error) : status;
    status = status == ROPEMAP_OK ? describe_cells(job, map, error) : status;
    job->broken = status != ROPEMAP_OK && status != ROPEMAP_STOPPED;
    return status;
}

/* Memory that runs out, of a GPU above all, does not end the job while there is something smaller to try. */
static ropemap_status compute(rm_job *job, ropemap_map *map, ropemap_error *error) {
    const int64_t height = job->plan.height, width = job->plan.width;
    map->cells = rm_alloc_raw((uint64_t)height * (uint64_t)width, sizeof *map->cells);
    if (map->cells == NULL) {
        return rm_fail_memory(error, "map", (uint64_t)height * (uint64_t)width * sizeof *map->cells);
    }
    map->height = height;
    map->width = width;
    ropemap_error reason = {0};
    ropemap_status status = attempt(job, map, &reason);
    while (status == ROPEMAP_RESOURCES && rm_retreat(job, &reason)) {
        rm_job_stop(job);
        status = attempt(job, map, &reason);
    }
    return status == ROPEMAP_OK ? status : rm_fail(error, status, "%s", reason.text);
}

ropemap_status ropemap_plan_make(const ropemap_request *request, ropemap_plan *plan, ropemap_error *error) {
    rm_job job;
    const ropemap_status status = rm_job_open(request, &job, error);
    *plan = job.plan;
    rm_job_close(&job);
    return status;
}

ropemap_status ropemap_map_compute(const ropemap_request *request, ropemap_map *map, ropemap_error *error) {
    const double start = rm_seconds_now();
    *map = (ropemap_map){0};
    rm_job job;
    ropemap_status status = rm_job_open(request, &job, error);
    if (status == ROPEMAP_OK) {
        status = compute(&job, map, error);
    }
    if (status == ROPEMAP_OK) {
        map->plan = job.plan;
        describe_time(&job, start, &map->seconds);
    } else {
        ropemap_map_free(map);
    }
    rm_job_close(&job);
    return status;
}

void ropemap_map_free(ropemap_map *map) {
    if (map != NULL) {
        rm_free(map->cells);
        *map = (ropemap_map){0};
    }
}
