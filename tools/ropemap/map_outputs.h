/* map_outputs.h - the files a map goes to: checked before the work, written after it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_MAP_OUTPUTS_H
#define ROPEMAP_TOOLS_MAP_OUTPUTS_H

#include "tools/ropemap/map_inputs.h"

/* Wall-clock seconds. */
typedef struct map_output_seconds {
    double draw, write;
} map_output_seconds;

/*
 * Refuses names that cannot be outputs, are inputs or name one file twice (ROPEMAP_USAGE), and places that
 * cannot be written (ROPEMAP_IO). Nothing is left behind.
 */
ropemap_status map_outputs_check(const map_options *options, const map_inputs *inputs, ropemap_error *error);

/* Draws the map once and writes each output; adds to `seconds`. ROPEMAP_STOPPED where a signal asked for it.
 */
ropemap_status map_outputs_write(const map_options *options, const ropemap_map *map,
                                 map_output_seconds *seconds, ropemap_error *error);

#endif
