/* map_encode.h - a map as the bytes of a file: its figure, or its cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_MAP_ENCODE_H
#define ROPEMAP_TOOLS_MAP_ENCODE_H

#include "tools/ropemap/map_options.h"
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

#endif
