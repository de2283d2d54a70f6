/* map_shards.h - maps as shards of a piece of work: bands of rows of cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_SHARDS_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_SHARDS_H

#include "tools/ropemap/options/map_options.h"
#include "tools/shards/shards.h"

/* Where requests come from, one open at a time in each lane. */
typedef struct map_source {
    void *user;
    int count;                      /* of maps */
    const map_device_list *devices; /* several: each has a thread, which calls these as a lane of its own */
    /* *request is good until `close`; what it reads stays open so long. `close` follows a failure too. */
    ropemap_status (*open)(void *user, int32_t lane, int index, ropemap_request *request,
                           ropemap_error *error);
    void (*close)(void *user, int32_t lane);
    /* NULL: maps are cut. Else a map is a shard, which this computes, and a number that goes with it. */
    ropemap_status (*whole)(void *user, int32_t lane, int index, const ropemap_request *request,
                            ropemap_map *map, double *number, ropemap_error *error);
} map_source;

/* Computes all maps together with whoever else works in the queue's directory. maps [source->count], zeroed,
 * and numbers [source->count] are filled where *end is WORK_MERGE; each map is to be freed with
 * ropemap_map_free, after a failure too. `numbers` may be NULL. */
ropemap_status map_shards_run(work_queue *queue, const map_source *source, bool quiet, ropemap_map *maps,
                              double *numbers, work_end *end, ropemap_error *error);

#endif
