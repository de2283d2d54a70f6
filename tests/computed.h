/* computed.h - the plan and the map of a request, for tests */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_COMPUTED_H
#define ROPEMAP_TESTS_COMPUTED_H

#include "host/ropemap.h"
#include "tests/unit.h"

/* As ropemap_job_open; *plan is zeroed on failure. */
static inline ropemap_status plan_make(const ropemap_request *request, ropemap_plan *plan,
                                       ropemap_error *error) {
    ropemap_job *job = NULL;
    const ropemap_status status = ropemap_job_open(request, &job, error);
    *plan = job != NULL ? *ropemap_job_plan(job) : (ropemap_plan){0};
    ropemap_job_free(job);
    return status;
}

/* The map of a request that must be served; `name` goes into the message. Free it with ropemap_map_free. */
static inline void map_compute(const char *name, const ropemap_request *request, ropemap_map *map) {
    ropemap_error error = {0};
    if (ropemap_map_compute(request, map, &error) != ROPEMAP_OK) {
        fail_msg("%s, %s of %s, %s, %s by %s, %d threads, memory %llu: %s", name,
                 ropemap_pool_name(request->pool), ropemap_measure_name(request->measure),
                 ropemap_method_name(request->method), ropemap_dtype_name(request->dtype),
                 request->backend != NULL ? request->backend : "any", (int)request->threads,
                 (unsigned long long)request->memory, error.text);
    }
}

#endif
