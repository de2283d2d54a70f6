/* choice.h - what computes a request: the GPU or the processors, and what comes next when memory runs out */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_CHOICE_H
#define ROPEMAP_HOST_MAP_CHOICE_H

#include "host/map/job.h"

/* Fills job->device and job->plan: for the backend that the request names, or for the best there is. */
ropemap_status rm_choose(rm_job *job, ropemap_error *error);

/*
 * After ROPEMAP_RESOURCES (`error` says why): plans the job anew with tiles of half the side on the same
 * device, or, where they are small already, on the processors if the request leaves the choice. False where
 * nothing is left to try: then `error` stands as it was.
 */
bool rm_retreat(rm_job *job, const ropemap_error *error);

#endif
