/* map_devices.h - one map on several GPUs of this machine, in one process */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_DEVICES_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_DEVICES_H

#include "tools/ropemap/options/map_options.h"

/*
 * Calls work(user, i) for 0 <= i < count, each on a thread of its own that takes no signals, and meanwhile
 * watch(user) on the calling thread: ten times a second and once all have ended. If a thread cannot be
 * started, its call follows on the calling thread.
 */
void map_devices_each(int32_t count, void (*work)(void *user, int32_t index), void (*watch)(void *user),
                      void *user);

/* Sets the device of a request for all GPUs of the list to one of them, and shares out `threads` and
 * `memory`. */
void map_devices_share(const map_device_list *list, int32_t index, ropemap_request *request);

typedef struct map_devices map_devices;

/*
 * A job for each GPU of the list, from its share of the same request. The vectors of the request outlive
 * *devices, which is the caller's, to be freed with map_devices_free; NULL on failure. ROPEMAP_USAGE: the map
 * is not for a GPU, or the GPUs differ; and statuses of ropemap_job_open.
 */
ropemap_status map_devices_open(const map_device_list *list, const ropemap_request *request,
                                map_devices **devices, ropemap_error *error);
void map_devices_free(map_devices *devices); /* NULL is fine */

/* The first GPU's, as all have it. */
const ropemap_plan *map_devices_plan(const map_devices *devices);

/*
 * Computes the map, with the bytes that one of the GPUs gives it; once. A GPU that fails leaves its part to
 * the others, with a warning. `map` is to be freed after a failure too. ROPEMAP_RESOURCES: none is left; and
 * statuses of ropemap_job_run.
 */
ropemap_status map_devices_run(map_devices *devices, ropemap_map *map, ropemap_error *error);

/* Opens, runs and frees. */
ropemap_status map_devices_compute(const map_device_list *list, const ropemap_request *request,
                                   ropemap_map *map, ropemap_error *error);

#endif
