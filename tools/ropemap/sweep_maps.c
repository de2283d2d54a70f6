/* sweep_maps.c - the maps of `ropemap sweep`, side by side on a page or each as a frame */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/sweep_maps.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_setters.h"
#include "tools/ropemap/map_turning.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 120 };

/* One setting's map. */
typedef struct setting {
    ropemap_map map;
    ropemap_figure figure; /* made while the vectors were open */
    ropemap_range rows, cols;
    char label[LABEL_BYTES];
} setting;

/* ---- maps ---------------------------------------------------------------------------------------------- */

static ropemap_status make_one(const sweep_options *options, int index, cli_progress *progress, setting *to,
                               ropemap_error *error) {
    static sweep_options own; /* large */
    map_inputs inputs = {.queries = NULL};
    own = *options;
    ropemap_status status = vary_apply(&options->vary, index, &own, error);
    status = status == ROPEMAP_OK ? map_inputs_open(&own.map, &inputs, error) : status;
    if (status == ROPEMAP_OK) {
        own.map.request.progress = progress_tell;
        own.map.request.progress_user = progress;
        vary_label(&options->vary, index, to->label, sizeof to->label);
        status = ropemap_map_compute(&own.map.request, &to->map, error);
    }
    if (status == ROPEMAP_OK) {
        to->figure =
            ropemap_figure_default(map_turns(&own.map) ? &own.map.shown : &own.map.request, &to->map);
        to->rows = own.map.request.rows;
        to->cols = own.map.request.cols;
    }
    map_inputs_free(&inputs);
    rule_options_free(&own.map.rule);
    return status;
}

static ropemap_status make_all(const sweep_options *options, setting *settings, int count,
                               ropemap_error *error) {
    cli_progress progress = progress_start(options->map.quiet);
    ropemap_status status = ROPEMAP_OK;
    signals_hold();
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        status = make_one(options, i, &progress, &settings[i], error);
    }
    progress_end(&progress);
    signals_release();
    return status;
}

/* ---- the sheet ----------------------------------------------------------------------------------------- */

static bool varies(const sweep_options *options, const char *name) {
    for (int i = 0; i < options->vary.axis_count; i++) {
        if (strcmp(options->vary.axes[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether what varies is a matter of the rule alone: else no panel's words hold for the others. */
static bool rule_varies_alone(const sweep_options *options) {
    for (int i = 0; i < options->vary.axis_count; i++) {
        const cli_option *option = options->vary.axes[i].option;
        bool rule = false;
        for (const cli_option *row = rule_option_table; row->name != NULL; row++) {
            rule = rule || row == option;
        }
        if (!rule) {
            return false;
        }
    }
    return true;
}

/* "Similarity over base and head-dim, scaling yarn:factor=4,original=32768": what varies, and what the rule
 * keeps. */
static void make_title(const sweep_options *options, char *title, size_t size) {
    const rule_options *rule = &options->map.rule;
    char names[LABEL_BYTES];
    vary_names(&options->vary, names, sizeof names);
    size_t length = (size_t)snprintf(title, size, "%s over %s",
                                     varies(options, "encoding") ? "Similarity" : "RoPE similarity", names);
    const bool named = rule->preset != NULL || rule->model != NULL;
    if (named && length < size) {
        (void)snprintf(title + length, size - length, ", %s",
                       rule->preset != NULL ? rule->preset : rule->model);
    } else if (!varies(options, "base") && !varies(options, "preset") && !varies(options, "model") &&
               length < size) {
        char scaling[80];
        ropemap_scaling_format(&rule->spec.scaling, false, scaling, sizeof scaling);
        (void)snprintf(title + length, size - length, ", base %.10g%s%s", rule->spec.base,
                       rule->spec.scaling.rule != ROPEMAP_SCALING_NONE ? ", " : "",
                       rule->spec.scaling.rule != ROPEMAP_SCALING_NONE ? scaling : "");
    }
}

/* A sheet and what its size is from. */
struct page {
    ropemap_sheet sheet;
    const print_size *print;
};

static ropemap_status encode(const void *what, sweep_kind kind, ropemap_bytes *bytes, ropemap_error *error) {
    const struct page *page = what;
    const print_scale scale = print_scale_of(page->print, kind == SWEEP_PNG);
    ropemap_sheet sheet = page->sheet;
    sheet.width = scale.width;
    sheet.font_size = scale.font_size;
    sheet.dpi = scale.dpi;
    return kind == SWEEP_SVG   ? ropemap_sheet_svg(&sheet, scale.millimetres, bytes, error)
           : kind == SWEEP_PDF ? ropemap_sheet_pdf(&sheet, scale.millimetres, bytes, error)
                               : ropemap_sheet_png(&sheet, bytes, error);
}

static ropemap_status write_sheets(const sweep_options *options, const sweep_outputs *outputs,
                                   const setting *settings, int count, ropemap_error *error) {
    char title[160];
    ropemap_panel *panels = calloc((size_t)count, sizeof *panels);
    if (panels == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d panels", count);
    }
    for (int i = 0; i < count; i++) {
        panels[i] = (ropemap_panel){.map = &settings[i].map,
                                    .label = settings[i].label,
                                    .rows = settings[i].rows,
                                    .cols = settings[i].cols};
    }
    make_title(options, title, sizeof title);
    const ropemap_figure figure = settings[0].figure;
    const bool alike = rule_varies_alone(options);
    const int axes = options->vary.axis_count;
    const struct page page = {.print = &options->map.print,
                              .sheet = {.title = title,
                                        .subtitle = alike ? figure.subtitle : "",
                                        .row_label = figure.row_label,
                                        .col_label = figure.col_label,
                                        .value_label = alike ? figure.value_label : "similarity",
                                        .panels = panels,
                                        .count = count,
                                        .columns = options->columns > 0 ? (int32_t)options->columns
                                                   : axes > 1           ? options->vary.axes[axes - 1].count
                                                                        : 0,
                                        .colormap = options->map.colormap,
                                        .norm = options->map.figure.norm,
                                        .has_limits = options->map.has_limits,
                                        .low = options->map.low,
                                        .high = options->map.high}};
    const ropemap_status status = sweep_pages_write(outputs, encode, &page, error);
    free(panels);
    return status;
}

/* ---- frames -------------------------------------------------------------------------------------------- */

/* Colour limits of all frames: the given ones, else those of all maps, symmetric where both signs are there.
 */
static bool choose_limits(const sweep_options *options, const setting *settings, int count, double *low,
                          double *high) {
    const ropemap_colormap colormap = options->map.colormap;
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < count; i++) {
        *low = fmin(*low, settings[i].map.min);
        *high = fmax(*high, settings[i].map.max);
    }
    const bool both = *low < 0.0 && *high > 0.0;
    if (options->map.has_limits) {
        *low = options->map.low;
        *high = options->map.high;
    } else if (colormap == ROPEMAP_COLORMAP_DIVERGING || (colormap == ROPEMAP_COLORMAP_AUTO && both)) {
        *high = fmax(fabs(*low), fabs(*high));
        *low = -*high;
    }
    return *low < *high;
}

static ropemap_status write_frames(const sweep_options *options, const sweep_outputs *outputs,
                                   const setting *settings, int count, ropemap_error *error) {
    double low = 0.0, high = 0.0;
    const bool limited = choose_limits(options, settings, count, &low, &high);
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        char name[SWEEP_NAME_BYTES];
        sweep_frame_name(outputs, i, name);
        ropemap_figure figure = settings[i].figure;
        figure_options_apply(&options->map, true, &figure);
        figure.colormap = options->map.colormap;
        figure.has_limits = limited;
        figure.low = low;
        figure.high = high;
        status = ropemap_map_save(&settings[i].map, &figure, name, outputs->force, error);
    }
    return status;
}

ropemap_status sweep_maps(const sweep_options *options, const sweep_outputs *outputs, ropemap_error *error) {
    const int count = vary_count(&options->vary);
    setting *settings = calloc((size_t)count, sizeof *settings);
    if (settings == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d settings", count);
    }
    ropemap_status status = make_all(options, settings, count, error);
    status = status == ROPEMAP_OK ? write_sheets(options, outputs, settings, count, error) : status;
    if (status == ROPEMAP_OK && outputs->frames != NULL) {
        status = write_frames(options, outputs, settings, count, error);
    }
    for (int i = 0; i < count; i++) {
        ropemap_map_free(&settings[i].map);
    }
    free(settings);
    return status;
}
