/* map.h - what the files of this room share: a map's inputs, its GPUs, its result, and sweeps of maps,
 * and maps as shards */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_MAP_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_MAP_H

#include "host/ropemap_attention.h"
#include "tools/ropemap/options/map_options.h"
#include "tools/ropemap/options/vary.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

#include <jansson.h>

/* ---- map_inputs.c: what a map is computed from: rows, columns, vectors, rotation */

/* Vectors that carry their rotation; keys NULL: those of the queries. */
typedef struct map_rotated {
    ropemap_vectors *queries, *keys;
} map_rotated;

/* What a request borrows. Start zeroed; free with map_inputs_free. */
typedef struct map_inputs {
    ropemap_vectors *queries, *keys; /* both NULL: ones */
    tensor_pair tensors;             /* those, where the options name or lend them */
    ropemap_vectors *ones;           /* those, where they are rotated before the map; NULL otherwise */
    ropemap_positions *positions;    /* NULL: one after another */
    map_rotated rotated;
    struct map_other *other; /* of --diff; NULL: none */
} map_inputs;

/* The map of --diff that is subtracted: the same options but for one, with what it is computed from. */
typedef struct map_other {
    map_options options;
    map_inputs inputs;
} map_other;

/*
 * Opens the vectors that `options` names and completes its request: vectors, head_dim and ranges.
 * ROPEMAP_USAGE, ROPEMAP_DATA, ROPEMAP_IO, ROPEMAP_RESOURCES.
 */
ropemap_status map_inputs_open(map_options *options, map_inputs *inputs, ropemap_error *error);

void map_inputs_free(map_inputs *inputs);

/* Whether vectors are rotated before the map. */
bool map_prerotates(const map_options *options);

/* ---- map_devices.c: one map on several GPUs of this machine, in one process */

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

/* ---- command_map.c: ropemap map: the map that the options describe, as figure, file and JSON document */

/* Computes it from opened inputs, less the other one with --diff; `map` is to be freed after a failure too.
 */
ropemap_status map_run(const map_options *options, const map_inputs *inputs, ropemap_progress progress,
                       void *progress_user, ropemap_map *map, ropemap_error *error);

/* The same of softmax, with what its queries come to; `mean` NULL: not wanted. */
ropemap_status map_run_mean(const map_options *options, const map_inputs *inputs, ropemap_progress progress,
                            void *progress_user, ropemap_map *map, ropemap_attention_row *mean,
                            ropemap_error *error);

/* Notes the file that the option within --diff names. ROPEMAP_RESOURCES. */
ropemap_status map_note_diff(const map_options *options, cli_outputs *outputs, ropemap_error *error);

/* A figure with the words of a map, and nothing else chosen; the vectors must still be open. */
ropemap_figure map_caption(const map_options *options, const ropemap_map *map);

/* Puts the options of a figure into one of a PNG or a page, with the length that the model was trained on. */
void figure_options_apply(const map_options *options, bool png, ropemap_figure *figure);

/* A map and how it came about; seconds are of the wall clock. */
typedef struct map_report {
    const map_options *options;
    const ropemap_map *map;
    double draw_seconds, write_seconds;
    double total_seconds; /* of all of it */
} map_report;

/* The result of the command. */
typedef struct made_map {
    map_inputs inputs;
    ropemap_map map;
    map_report report;
    double began; /* seconds */
} made_map;

/* The JSON document of schema ropemap.map/1; the vectors must still be open. NULL: no memory. The caller owns
 * it. */
json_t *map_document(const map_report *report);

/* ---- command_sweep.c, sweep_page.c: maps of many settings, and the page that shows them */

enum { SWEEP_LABEL = 120 };

/* What panels are in the order of, the largest first: means over the queries of softmax. */
typedef enum sweep_order {
    ORDER_SETTING,
    ORDER_SINK,
    ORDER_RECENT,
    ORDER_ENTROPY,
    ORDER_DISTANCE
} sweep_order;

typedef struct map_sweep {
    map_options map;
    sweep_options sweep;
    int own_colors; /* 1: each map has all colours */
    sweep_order order;
} map_sweep;

/* One setting's map. */
typedef struct sweep_setting {
    ropemap_map map;
    ropemap_figure figure; /* made while the vectors were open */
    char label[SWEEP_LABEL];
    char captured[SWEEP_LABEL]; /* the capture's model; empty: none */
    double rank;                /* what --sort goes by; NaN: nothing */
    bool endless;               /* scores of ALiBi, which fall without end */
} sweep_setting;

/* Start zeroed. */
typedef struct sweep_result {
    const map_sweep *options;
    int count;
    sweep_setting *settings; /* [count], owned */
    bool scaled;             /* `scale` is known */
    ropemap_scale scale;     /* of frames */
} sweep_result;

/* The bytes of a figure, owned by the caller: all maps side by side; and one, in the colours of all. */
ropemap_status sweep_page_encode(const sweep_result *result, output_kind kind, ropemap_bytes *bytes,
                                 ropemap_error *error);
ropemap_status sweep_frame_encode(sweep_result *result, int index, ropemap_bytes *bytes,
                                  ropemap_error *error);

/* ---- map_shards.c: maps as shards of a piece of work: bands of rows of cells */

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
