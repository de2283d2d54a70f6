/* map_turning.h - vectors of a map that are rotated while they are read: precision modes, positions from a
 * file */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_MAP_TURNING_H
#define ROPEMAP_TOOLS_MAP_TURNING_H

#include "tools/ropemap/map_inputs.h"

/* Whether anything asks for that. */
bool map_turns(const map_options *options);

/* Opens the positions of a file or a grid, where there is one: before ranges are known. */
ropemap_status map_positions_open(map_options *options, map_inputs *inputs, ropemap_error *error);

/*
 * Puts turned vectors in the place of the request's, which is kept in options->shown for titles; with --diff
 * also those that inputs->exact holds.
 */
ropemap_status map_turning_open(map_options *options, map_inputs *inputs, ropemap_error *error);

/* The request with exact vectors, for --diff. */
ropemap_request map_exact_request(const map_options *options, const map_inputs *inputs);

#endif
