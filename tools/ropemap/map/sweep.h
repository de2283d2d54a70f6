/* sweep.h - maps of many settings, and the page that shows them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_SWEEP_H
#define ROPEMAP_TOOLS_ROPEMAP_SWEEP_H

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
    bool scaled;             /* `scale` is known */
    ropemap_scale scale;     /* of frames */
} sweep_result;

/* The bytes of a figure, owned by the caller: all maps side by side; and one, in the colours of all. */
ropemap_status sweep_page_encode(const sweep_result *result, output_kind kind, ropemap_bytes *bytes,
                                 ropemap_error *error);
ropemap_status sweep_frame_encode(sweep_result *result, int index, ropemap_bytes *bytes,
                                  ropemap_error *error);

#endif
