/* map.c - from a request to a map: open, run the method that was planned, sum up */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/job.h"

#include <math.h>

static ropemap_status run_method(rm_job *job, float *cells, ropemap_error *error) {
    switch (job->plan.method) {
    case ROPEMAP_METHOD_FACTORED:
        return rm_map_factored(job, cells, error);
    case ROPEMAP_METHOD_DIAGONAL:
        return rm_map_diagonal(job, cells, error);
    case ROPEMAP_METHOD_TILED:
    case ROPEMAP_METHOD_AUTO:
        break;
    }
    return rm_map_tiled(job, cells, error);
}

/* Smallest, largest and mean cell, and how many are NaN. NaN gets one pattern of bits: processors make several. */
static void describe_cells(ropemap_map *map) {
    double min = INFINITY, max = -INFINITY, sum = 0.0;
    int64_t count = 0;
    for (int64_t i = 0; i < map->height * map->width; i++) {
        const double value = (double)map->cells[i];
        if (!isnan(value)) {
            min = value < min ? value : min;
            max = value > max ? value : max;
            sum += value;
            count++;
        } else {
            map->cells[i] = NAN;
        }
    }
    map->nan_cells = map->height * map->width - count;
    map->min = count > 0 ? min : (double)NAN;
    map->max = count > 0 ? max : (double)NAN;
    map->mean = count > 0 ? sum / (double)count : (double)NAN;
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

static ropemap_status compute(rm_job *job, ropemap_map *map, ropemap_error *error) {
    const int64_t height = job->plan.height, width = job->plan.width;
    map->cells = rm_alloc_raw((uint64_t)height * (uint64_t)width, sizeof *map->cells);
    if (map->cells == NULL) {
        return rm_fail_memory(error, "map", (uint64_t)height * (uint64_t)width * sizeof *map->cells);
    }
    map->height = height;
    map->width = width;
    RM_TRY(rm_job_start(job, error));
    return run_method(job, map->cells, error);
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
        describe_cells(map);
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
