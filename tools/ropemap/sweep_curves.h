/* sweep_curves.h - curves of many settings: what is asked of `ropemap sweep curve`, and the work */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SWEEP_CURVES_H
#define ROPEMAP_TOOLS_SWEEP_CURVES_H

#include "tools/ropemap/curve_options.h"
#include "tools/ropemap/sweep_outputs.h"

typedef struct sweep_curve_options {
    curve_options curve; /* first: its setters serve here too; its `vary` are the lines of each plot */
    vary_set plots;
    int64_t columns;    /* 0: those of the last option that varies */
    const char *frames; /* a directory; NULL: none */
} sweep_curve_options;

/* Computes every setting's curves and writes the pages and frames, which are checked. */
ropemap_status sweep_curves(const sweep_curve_options *options, const sweep_outputs *outputs,
                            ropemap_error *error);

#endif
