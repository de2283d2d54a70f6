/* command_sweep.h - ropemap sweep: maps of many settings, and the page that shows them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_SWEEP_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_SWEEP_H

#include "tools/ropemap/map/command_map.h"
#include "tools/ropemap/options/vary.h"

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
} sweep_setting;

/* Start zeroed. */
typedef struct sweep_result {
    const map_sweep *options;
    int count;
    sweep_setting *settings; /* [count], owned */
} sweep_result;

/* Finds what "all" layers and heads are: before anything else. */
ropemap_status sweep_number(map_sweep *options, ropemap_error *error);

/* Computes every setting's map; `result` is to be freed after a failure too. */
ropemap_status sweep_make(const map_sweep *options, ropemap_progress progress, void *user,
                          sweep_result *result, ropemap_error *error);
void sweep_free(sweep_result *result);

/* All maps side by side. */
ropemap_status sweep_encode(const sweep_result *result, output_kind kind, ropemap_bytes *bytes,
                            ropemap_error *error);

#endif
