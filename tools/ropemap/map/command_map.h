/* command_map.h - ropemap map: the map that the options describe, as figure, file and JSON document */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_MAP_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_MAP_H

#include "host/ropemap_attention.h"
#include "tools/ropemap/map/map_inputs.h"
#include "tools/ropemap/result.h"

#include <jansson.h>

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

/* The figure that the options ask for, as a PNG or as a page; the vectors must still be open. */
ropemap_figure map_figure_of(const map_options *options, const ropemap_map *map, bool png);

/* The file's bytes, owned by the caller. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status map_encode(const map_options *options, const ropemap_map *map, output_kind kind,
                          ropemap_bytes *bytes, ropemap_error *error);

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

#endif
