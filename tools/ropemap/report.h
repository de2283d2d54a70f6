/* report.h - what `ropemap map` says about a plan and about a map that was made */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_REPORT_H
#define ROPEMAP_TOOLS_REPORT_H

#include "tools/ropemap/map_outputs.h"

#include <stdio.h>

/* A map and how it came about. */
typedef struct map_report {
    const map_options *options;
    const ropemap_map *map;
    map_output_seconds output_seconds;
    double total_seconds; /* of the whole command */
} map_report;

/* Prints the JSON document of schema ropemap.map/1 to stdout; returns the exit code. */
int report_json(const map_report *report);

/* Prints one line to stderr, and with --verbose one of the time that each stage took. */
void report_line(const map_report *report);

/*
 * Prints one line to stderr where a GPU was to compute the map and did not, or in smaller tiles than planned.
 * Nothing where there is no driver, or the map is too small for a GPU: that is nobody's concern.
 */
void report_backend(const map_report *report);

/* Prints a plan as lines of text. */
void plan_print(FILE *stream, const map_options *options, const ropemap_plan *plan);

/* Prints a plan to stdout, as text or as JSON of schema ropemap.plan/1; returns the exit code. */
int plan_report(const map_options *options, const ropemap_plan *plan);

#endif
