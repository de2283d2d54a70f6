/* sweep_maps.h - maps of many settings: what is asked of `ropemap sweep`, and the work */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SWEEP_MAPS_H
#define ROPEMAP_TOOLS_SWEEP_MAPS_H

#include "tools/ropemap/map_table.h"
#include "tools/ropemap/sweep_outputs.h"
#include "tools/ropemap/vary.h"

typedef struct sweep_options {
    map_options map; /* first: its setters serve here too */
    vary_set vary;
    int64_t columns;    /* 0: those of the last option that varies */
    const char *frames; /* a directory; NULL: none */
} sweep_options;

/* Computes every setting's map and writes the pages and frames, which are checked. */
ropemap_status sweep_maps(const sweep_options *options, const sweep_outputs *outputs, ropemap_error *error);

#endif
