/* map_options.h - the options of a map */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_MAP_OPTIONS_H
#define ROPEMAP_TOOLS_ROPEMAP_MAP_OPTIONS_H

#include "tools/ropemap/options/options.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/shards/shards.h"

/* Options that were given. */
enum { MAP_CONTENT = 1 << 0, MAP_PHASE = 1 << 1, MAP_DIFF = 1 << 2, MAP_POOL = 1 << 3, MAP_NORM = 1 << 4 };

typedef enum map_content { MAP_CONTENT_ONES, MAP_CONTENT_GAUSS } map_content;

enum { MAP_DEVICES = 64 };

/* GPUs that share the map, each once; count 0: not given. */
typedef struct map_device_list {
    int32_t all[MAP_DEVICES], count;
} map_device_list;

/* Plain values; texts are borrowed from the command line. NULL: not given. */
typedef struct map_options {
    uint32_t given; /* of MAP_ bits */
    rule_options rule;
    tensor_options tensors;
    ropemap_request request; /* map_inputs_open sets its rule, vectors, ranges and size */

    map_device_list devices; /* the first is the request's */

    const char *positions, *row_positions, *col_positions; /* ranges as written */
    cli_size size;
    map_content content;
    uint64_t seed;
    ropemap_phase phase;
    const char *diff; /* NAME=VALUE: less the map with that option instead; or a phase, less the exact one */
    char less[120];   /* that other map, once the inputs are open: "no scaling", "base 10,000", "exact" */
    int64_t shift;    /* added to every position */
    const char *positions_from; /* a .npy file */
    bool rotated;               /* the request's vectors carry their rotation by now */
    ropemap_request shown; /* where vectors are rotated before the map: the request that titles describe */

    cli_texts outputs;
    bool bare;
    cli_interval limits;
    ropemap_norm norm;
    double linear_below, percent;
    double contours[8];
    int32_t contour_count;
    bool dark;
    print_size print;
    work_options work;
    ropemap_colormap colormap;
    bool json, force, quiet, verbose, dry_run;
} map_options;

map_options map_options_default(void);

/* The rows, which fill a map_options: those that the explorer's page has too, those that a sweep has as well,
 * those of a single map, and the GPUs that share maps. Those of the machine fill a ropemap_request, as does
 * the one GPU of other commands. */
extern const cli_option map_rows[], map_detail_rows[], map_single_rows[], devices_rows[], machine_rows[],
    device_rows[];

/* ROPEMAP_USAGE for options that do not go together or are missing. Opens no file. */
ropemap_status map_options_check(const map_options *options, ropemap_error *error);

/* How colours follow values: as asked for, or as suits the measure. */
ropemap_norm map_norm(const map_options *options);

/* The colours that were chosen; differences have white at 0. */
ropemap_colormap map_colormap(const map_options *options);

/* Warns on stderr of colours that not all readers can order; with --work, which is many processes, not. */
void figure_options_warn(const map_options *options);

/* The same of the options of a figure alone. */
ropemap_status figure_options_check(const map_options *options, ropemap_error *error);

#endif
