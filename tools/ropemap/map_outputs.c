/* map_outputs.c - what a map is written to */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_outputs.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_options.h"
#include "tools/ropemap/map_inputs.h"
#include "tools/ropemap/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

map_file map_file_of(const char *name) {
    const output_kind kind = output_kind_of(name);
    return (int)kind < MAP_COUNT ? (map_file)kind : MAP_PNG;
}

/* Adds a part to a line; one that does not fit whole is left out. */
static void append(char *text, size_t size, const char *more) {
    const size_t length = strlen(text);
    if (length + strlen(more) < size) {
        (void)snprintf(text + length, size - length, "%s", more);
    }
}

/* "grid 14 × 14" */
static void describe_grid(const ropemap_axes *axes, ropemap_figure *figure) {
    for (int32_t axis = 0; axis < axes->count && axes->grid[axis] > 0; axis++) {
        char text[40];
        (void)snprintf(text, sizeof text, "%s%" PRId32, axis == 0 ? ", a grid of " : " × ", axes->grid[axis]);
        append(figure->subtitle, sizeof figure->subtitle, text);
        (void)snprintf(figure->row_label, sizeof figure->row_label, "query patch");
        (void)snprintf(figure->col_label, sizeof figure->col_label, "key patch");
        if (axis == axes->count - 1) {
            append(figure->subtitle, sizeof figure->subtitle, " patches");
        }
    }
}

ropemap_figure map_caption(const map_options *options, const ropemap_map *map) {
    ropemap_figure figure =
        ropemap_figure_default(map_turns(options) ? &options->shown : &options->request, map);
    char part[80];
    if (options->phase != ROPEMAP_PHASE_EXACT) {
        (void)snprintf(part, sizeof part, ", %s%s", ropemap_phase_name(options->phase),
                       options->diff ? " less exact" : "");
        append(figure.title, sizeof figure.title, part);
    }
    if (options->shift != 0) {
        (void)snprintf(part, sizeof part, ", shifted by %" PRId64, options->shift);
        append(figure.title, sizeof figure.title, part);
    }
    if (options->positions_from != NULL) {
        append(figure.subtitle, sizeof figure.subtitle, ", positions from a file");
    }
    if (options->positions_from == NULL && map_turns(options)) {
        describe_grid(&options->request.spec.axes, &figure);
    }
    if (options->diff) {
        append(figure.value_label, sizeof figure.value_label, ", difference");
    }
    return figure;
}

/* A bare PNG has a pixel a cell, and records how many an inch of its width has. */
static ropemap_page page_of(const map_options *options, const ropemap_map *map, bool png) {
    const print_scale scale = print_scale_of(&options->print, png);
    ropemap_page page = {.millimetres = scale.millimetres, .dpi = scale.dpi};
    if (options->bare && scale.millimetres > 0.0) {
        page.dpi = fmin(fmax((double)map->width / (scale.millimetres / 25.4), 10.0), 4800.0);
    }
    return page;
}

ropemap_figure map_figure_of(const map_options *options, const ropemap_map *map, bool png) {
    ropemap_figure figure = map_caption(options, map);
    figure.colormap = options->colormap;
    figure.has_limits = options->has_limits;
    figure.low = options->low;
    figure.high = options->high;
    figure.bare = options->bare;
    figure_options_apply(options, png, &figure);
    return figure;
}

ropemap_status map_encode(const map_options *options, const ropemap_map *map, map_file kind,
                          ropemap_bytes *bytes, ropemap_error *error) {
    if (kind == MAP_NPY) {
        return ropemap_map_npy(map, bytes, error);
    }
    const ropemap_figure figure = map_figure_of(options, map, kind == MAP_PNG);
    const ropemap_page page = page_of(options, map, kind == MAP_PNG);
    return ropemap_figure_encode(&figure, output_format((output_kind)kind), &page, bytes, error);
}

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
