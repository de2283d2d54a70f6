/* command_map.h - ropemap map */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_MAP_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_MAP_H

#include "tools/ropemap/map_inputs.h"

/* Computes it from opened inputs, less the exact one with --diff; `map` is to be freed after a failure too.
 */
ropemap_status map_run(const map_options *options, const map_inputs *inputs, ropemap_progress progress,
                       void *progress_user, ropemap_map *map, ropemap_error *error);

#endif
