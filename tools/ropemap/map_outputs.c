/* map_outputs.c - the files a map goes to: checked before the work, written after it */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_outputs.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_setters.h"
#include "tools/ropemap/map_encode.h"
#include "tools/ropemap/progress.h"

static ropemap_status check_width(const map_options *options, ropemap_error *error) {
    bool picture = options->print.width == 0.0;
    for (int index = 0; index < options->output_count; index++) {
        picture = picture || map_file_of(options->outputs[index]) != MAP_NPY;
    }
    return picture ? ROPEMAP_OK
                   : fail(error, ROPEMAP_USAGE,
                          "--width: given without a picture, expected it with -o FILE.png, .svg or .pdf");
}

ropemap_status map_outputs_check(const map_options *options, cli_outputs *outputs, ropemap_error *error) {
    ropemap_status status = check_width(options, error);
    status = status == ROPEMAP_OK ? figure_options_check(options, error) : status;
    for (int index = 0; index < options->output_count && status == ROPEMAP_OK; index++) {
        status = outputs_add(outputs, options->outputs[index], OUTPUT_PICTURES | 1 << OUTPUT_NPY,
                             options->force, error);
    }
    return status == ROPEMAP_OK && !options->dry_run
               ? outputs_check(outputs, options->json ? "--json" : NULL, error)
               : status;
}

/* The bytes of each kind of file, made when they are first needed. */
typedef struct encoded {
    ropemap_bytes bytes[MAP_COUNT];
} encoded;

ropemap_status map_outputs_write(const map_options *options, const ropemap_map *map, cli_outputs *outputs,
                                 map_output_seconds *seconds, ropemap_error *error) {
    encoded made = {.bytes = {{.data = NULL}}};
    ropemap_status status = ROPEMAP_OK;
    double written = wall_clock();
    for (int at = 0; at < options->output_count && status == ROPEMAP_OK; at++) {
        const int index = outputs_order(outputs, at);
        const map_file kind = map_file_of(options->outputs[index]);
        const double start = wall_clock();
        status = made.bytes[kind].data == NULL ? map_encode(options, map, kind, &made.bytes[kind], error)
                                               : ROPEMAP_OK;
        const double drawn = wall_clock();
        seconds->draw += drawn - start;
        status = status == ROPEMAP_OK ? outputs_write(outputs, index, &made.bytes[kind], error) : status;
        written = wall_clock();
        seconds->write += written - drawn;
    }
    status = status == ROPEMAP_OK ? outputs_finish(outputs, error) : status;
    seconds->write += wall_clock() - written;
    for (int kind = 0; kind < MAP_COUNT; kind++) {
        ropemap_bytes_free(&made.bytes[kind]);
    }
    return status;
}
