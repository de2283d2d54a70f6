/* map.c - a map, from request to cells */
/* SPDX-License-Identifier: MIT */
#include "host/attention/softmax.h"
#include "host/base/alloc.h"
#include "host/map/plan.h"
#include "host/rule/rule.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

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
    status = status == ROPEMAP_OK && !job->without_cells ? rm_describe_cells(job, map, error) : status;
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
