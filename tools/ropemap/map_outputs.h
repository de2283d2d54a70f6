/* map_outputs.h - the files a map goes to: checked before the work, written after it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_MAP_OUTPUTS_H
#define ROPEMAP_TOOLS_MAP_OUTPUTS_H

#include "tools/ropemap/map_options.h"
#include "tools/ropemap/outputs.h"

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
