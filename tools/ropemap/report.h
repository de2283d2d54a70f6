/* report.h - what a command reports, as text and JSON */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_REPORT_H
#define ROPEMAP_TOOLS_ROPEMAP_REPORT_H

#include "tools/ropemap/map_outputs.h"
#include "tools/ropemap/map_table.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

typedef struct cli_bytes {
    char text[24];
} cli_bytes;

/* In the unit that leaves one to four digits. */
cli_bytes bytes_shown(uint64_t bytes);

/* A number; null where it is NaN or infinite, which JSON cannot say. */
json_t *document_real(double value);

/* Axes of positions, each an object, [] where there is one; and the word for how pairs are dealt to them. */
json_t *document_axes(const ropemap_axes *axes);

const char *document_deal(const ropemap_axes *axes);

/* A text; bytes that are no UTF-8 become '?'. */
json_t *document_text(const char *text);

/* The base of a rule, and the file of its frequencies: one of them is null. */
json_t *document_base(const ropemap_spec *spec);

json_t *document_frequencies(const ropemap_spec *spec);

/* Prints a document to stdout in ASCII, so that no name in it can steer a terminal, and drops it; NULL counts
 * as a lack of memory. Returns the exit code. */
int document_print(json_t *document);

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
