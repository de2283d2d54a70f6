/* plan.h - the plan of a request, for tests */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_PLAN_H
#define ROPEMAP_TESTS_PLAN_H

#include "host/ropemap.h"

/* As ropemap_job_open; *plan is zeroed on failure. */
static inline ropemap_status plan_make(const ropemap_request *request, ropemap_plan *plan,
                                       ropemap_error *error) {
    ropemap_job *job = NULL;
    const ropemap_status status = ropemap_job_open(request, &job, error);
    *plan = job != NULL ? *ropemap_job_plan(job) : (ropemap_plan){0};
    ropemap_job_free(job);
    return status;
}

#endif
