/* attention.c - what each query does with its keys, and how far it looks: the request and its result */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/job.h"

#include <inttypes.h>
#include <math.h>

enum { SINK_TOKENS = 4, RECENT = 256, EXACT = 4096, BINS_AN_OCTAVE = 8, BINS_MOST = 8 * 40 };

static int64_t last_of(ropemap_range range) {
    return rm_position(range, range.count - 1);
}

/* Distances that occur are below it. */
static int64_t reach_of(const ropemap_request *request) {
    const ropemap_range keys = rm_request_keys(request);
    const int64_t back = last_of(request->rows) - keys.first;
    const int64_t ahead = last_of(keys) - request->rows.first;
    return (back > ahead ? back : ahead) + 1;
}

/* Edges one by one up to `exact`, then eight an octave, until they are beyond every distance. */
static int64_t fill_edges(int64_t exact, int64_t reach, int64_t *edges) {
    int64_t count = 0;
    for (; count <= exact; count++) {
        edges[count] = count;
    }
    for (int step = 1; edges[count - 1] < reach; step++) {
        const int64_t edge = (int64_t)ceil((double)exact * exp2((double)step / BINS_AN_OCTAVE));
        if (edge > edges[count - 1]) {
            edges[count++] = edge < reach ? edge : reach;
        }
    }
    return count - 1;
}

static ropemap_status make_bins(const ropemap_attention_request *request, ropemap_attention *attention,
                                rm_attention *wanted, ropemap_error *error) {
    const int64_t reach = reach_of(&request->map), asked = request->exact != 0 ? request->exact : EXACT;
    wanted->exact = asked < reach ? asked : reach > 0 ? reach : 1;
    attention->edges = rm_alloc((uint64_t)wanted->exact + BINS_MOST + 2, sizeof *attention->edges);
    attention->mass = rm_alloc((uint64_t)wanted->exact + BINS_MOST + 2, sizeof *attention->mass);
    if (attention->edges == NULL || attention->mass == NULL) {
        return rm_fail_memory(error, "distances", (uint64_t)wanted->exact * 16);
    }
    attention->bins = fill_edges(wanted->exact, reach, attention->edges);
    wanted->bins = (int32_t)(attention->bins - wanted->exact);
    wanted->edges = attention->edges + wanted->exact;
    wanted->mass = attention->mass;
    return ROPEMAP_OK;
}

static ropemap_status check_tokens(const char *name, int64_t tokens, ropemap_error *error) {
    return tokens >= 0 && tokens <= ROPEMAP_POSITION_END
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 " is out of range; give 1 to 2^40 tokens", name,
                         tokens);
}

/* Ranges are looked at before rm_job_open checks them: what is made here depends on them. */
static ropemap_status check(const ropemap_attention_request *request, ropemap_error *error) {
    if (request->map.measure != ROPEMAP_MEASURE_SOFTMAX) {
        return rm_fail(error, ROPEMAP_USAGE, "measure: attention needs softmax, not %s",
                       ropemap_measure_name(request->map.measure));
    }
    RM_TRY(rm_range_check("rows", request->map.rows, false, error));
    RM_TRY(rm_range_check("cols", rm_request_keys(&request->map), false, error));
    RM_TRY(check_tokens("sink-tokens", request->sink_tokens, error));
    RM_TRY(check_tokens("recent", request->recent, error));
    return check_tokens("exact", request->exact, error);
}

static ropemap_status prepare(const ropemap_attention_request *request, ropemap_attention *attention,
                              rm_attention *wanted, ropemap_error *error) {
    wanted->sink_tokens = request->sink_tokens != 0 ? request->sink_tokens : SINK_TOKENS;
    wanted->recent = request->recent != 0 ? request->recent : RECENT;
    attention->count = request->map.rows.count;
    if (request->rows) {
        attention->rows = rm_alloc_raw((uint64_t)attention->count, sizeof *attention->rows);
        wanted->rows = attention->rows;
        if (attention->rows == NULL) {
            return rm_fail_memory(error, "rows", (uint64_t)attention->count * sizeof *attention->rows);
        }
    }
    return request->distances ? make_bins(request, attention, wanted, error) : ROPEMAP_OK;
}

static ropemap_status compute(const ropemap_attention_request *request, rm_attention *wanted,
                              ropemap_map *map, ropemap_attention *attention, ropemap_error *error) {
    ropemap_job *job = NULL;
    ropemap_map made = {0};
    RM_TRY(rm_job_open(&request->map, wanted, map == NULL, &job, error));
    const ropemap_status status = ropemap_job_run(job, &made, error);
    ropemap_job_free(job);
    attention->mean = wanted->mean;
    attention->empty_rows = made.empty_rows;
    attention->nan_rows = made.nan_rows;
    attention->plan = made.plan;
    attention->seconds = made.seconds;
    if (map != NULL) {
        *map = made;
    } else {
        ropemap_map_free(&made);
    }
    return status;
}

ropemap_status ropemap_attention_compute(const ropemap_attention_request *request, ropemap_map *map,
                                         ropemap_attention *attention, ropemap_error *error) {
    rm_attention wanted = {.sink_tokens = 0};
    *attention = (ropemap_attention){.count = 0};
    if (map != NULL) {
        *map = (ropemap_map){0};
    }
    ropemap_status status = check(request, error);
    status = status == ROPEMAP_OK ? prepare(request, attention, &wanted, error) : status;
    status = status == ROPEMAP_OK ? compute(request, &wanted, map, attention, error) : status;
    if (status != ROPEMAP_OK) {
        ropemap_attention_free(attention);
    }
    return status;
}

void ropemap_attention_free(ropemap_attention *attention) {
    if (attention != NULL) {
        rm_free(attention->rows);
        rm_free(attention->edges);
        rm_free(attention->mass);
        *attention = (ropemap_attention){.count = 0};
    }
}
