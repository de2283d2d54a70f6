/* map_outputs.h - what a map is written to */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_OUTPUTS_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_OUTPUTS_H

#include "tools/ropemap/map_table.h"
#include "tools/ropemap/outputs.h"

/* What a file holds. */
typedef enum map_file {
    MAP_PNG = OUTPUT_PNG,
    MAP_SVG = OUTPUT_SVG,
    MAP_PDF = OUTPUT_PDF,
    MAP_NPY = OUTPUT_NPY,
    MAP_COUNT
} map_file;

/* By the name's ending; a PNG where it tells nothing. */
map_file map_file_of(const char *name);

/* A figure with the words of a map, and nothing else chosen; the vectors must still be open. */
ropemap_figure map_caption(const map_options *options, const ropemap_map *map);

/* The figure that the options ask for, as a PNG or as a page; the vectors must still be open. */
ropemap_figure map_figure_of(const map_options *options, const ropemap_map *map, bool png);

/* The file's bytes, owned by the caller. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status map_encode(const map_options *options, const ropemap_map *map, map_file kind,
                          ropemap_bytes *bytes, ropemap_error *error);

/* Wall-clock seconds. */
typedef struct map_output_seconds {
    double draw, write;
} map_output_seconds;

/* Adds every output and refuses what cannot be written, but for its place with --dry-run. ROPEMAP_USAGE,
 * ROPEMAP_IO. */
ropemap_status map_outputs_check(const map_options *options, cli_outputs *outputs, ropemap_error *error);

/* Draws the map once and writes each output; adds to `seconds`. ROPEMAP_STOPPED where a signal asked for it.
 */
ropemap_status map_outputs_write(const map_options *options, const ropemap_map *map, cli_outputs *outputs,
                                 map_output_seconds *seconds, ropemap_error *error);

#endif
