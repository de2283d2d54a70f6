/* plan.h - which device and method serve a request */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_PLAN_H
#define ROPEMAP_HOST_MAP_PLAN_H

#include "host/map/method.h"

/* Fills job->device, job->method and job->plan: for the backend that the request names, or for the best
 * there is. */
ropemap_status rm_plan_choose(ropemap_job *job, ropemap_error *error);

/*
 * After ROPEMAP_RESOURCES (`error` says why): plans the job anew on the same device, with tiles of half the
 * side where its memory ran out, or without fused products; else on the CPU if the request leaves the choice.
 * False where nothing is left to try: then `error` stays as it was.
 */
bool rm_plan_retreat(ropemap_job *job, const ropemap_error *error);

#endif
