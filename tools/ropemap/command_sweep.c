/* command_sweep.c - `ropemap sweep`: maps of many settings side by side, or as the frames of an animation */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_setters.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/map_turning.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"
#include "tools/ropemap/vary.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE_USUAL = 256, LABEL_BYTES = 120, NAME_BYTES = 4096 };

typedef struct sweep_options {
    map_options map; /* first: its setters serve here too */
    vary_set vary;
    int64_t columns;
    const char *frames; /* a directory; NULL: none */
} sweep_options;

/* One setting's map. */
typedef struct setting {
    ropemap_map map;
    ropemap_figure figure; /* made while the vectors were open */
    ropemap_range rows, cols;
    char label[LABEL_BYTES];
} setting;

/* ---- options ------------------------------------------------------------------------------------------- */

static ropemap_status set_vary(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    sweep_options *options = into;
    (void)option;
    return vary_add(&options->vary, &command_sweep, text, error);
}

static ropemap_status set_columns(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    sweep_options *options = into;
    uint64_t columns = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, VARY_SETTINGS, &columns, error);
    options->columns = (int64_t)columns;
    return status;
}

static const cli_option options_table[] = {
    {.group = GROUP_WHAT,
     .name = "vary",
     .argument = "NAME=VALUES",
     .help =
         "a map for each value of an option above: base=1e3-1e7*10, head-dim=64,128,256, preset=A,B; every "
         "combination, where it is given for up to three options",
     .set = set_vary},
    {.group = GROUP_OUTPUT,
     .name = "columns",
     .argument = "N",
     .initial = "those of the last option that varies",
     .help = "maps side by side",
     .set = set_columns},
    {.group = GROUP_OUTPUT,
     .name = "frames",
     .argument = "DIR",
     .help = "one figure a setting, frame-000.png and on, all with the same colour limits",
     .set = option_set_text,
     .offset = offsetof(sweep_options, frames)},
    {.name = NULL},
};

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
    size_t length =
        (size_t)snprintf(title, size, "%s", varies(options, "encoding") ? "Similarity" : "RoPE similarity");
    for (int i = 0; i < options->vary.axis_count && length < size; i++) {
        const int added = snprintf(title + length, size - length, "%s%s", i == 0 ? " over " : " and ",
                                   options->vary.axes[i].option->name);
        length += added > 0 ? (size_t)added : 0;
    }
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

static ropemap_status write_sheet(const sweep_options *options, const ropemap_sheet *sheet, const char *name,
                                  ropemap_error *error) {
    ropemap_bytes bytes = {.data = NULL};
    const size_t length = strlen(name);
    const char *ending = length >= 4 ? name + length - 4 : name;
    ropemap_status status =
        strcmp(ending, ".svg") == 0   ? ropemap_sheet_svg(sheet, options->map.millimetres, &bytes, error)
        : strcmp(ending, ".pdf") == 0 ? ropemap_sheet_pdf(sheet, options->map.millimetres, &bytes, error)
                                      : ropemap_sheet_png(sheet, &bytes, error);
    status = status == ROPEMAP_OK ? ropemap_output_write(name, &bytes, options->map.force, error) : status;
    ropemap_bytes_free(&bytes);
    return status;
}

static ropemap_status write_sheets(const sweep_options *options, const setting *settings, int count,
                                   ropemap_error *error) {
    char title[160];
    ropemap_panel *panels = calloc((size_t)count, sizeof *panels);
    ropemap_status status = ROPEMAP_OK;
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
    const ropemap_sheet sheet = {.title = title,
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
                                 .high = options->map.high};
    for (int i = 0; i < options->map.output_count && status == ROPEMAP_OK; i++) {
        status = write_sheet(options, &sheet, options->map.outputs[i], error);
    }
    free(panels);
    return status;
}

/* ---- frames -------------------------------------------------------------------------------------------- */

static ropemap_status make_directory(const sweep_options *options, ropemap_error *error) {
    return mkdir(options->frames, 0777) == 0 || errno == EEXIST
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_IO, "--frames: '%.200s' cannot be made: %s", options->frames,
                      strerror(errno));
}

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

/* Every name, before any frame is written. */
static ropemap_status check_frames(const sweep_options *options, int count, ropemap_error *error) {
    ropemap_status status = make_directory(options, error);
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "%s/frame-%03d.png", options->frames, i);
        status = ropemap_output_check(name, options->map.force, error);
    }
    return status;
}

static ropemap_status write_frames(const sweep_options *options, const setting *settings, int count,
                                   ropemap_error *error) {
    double low = 0.0, high = 0.0;
    const bool limited = choose_limits(options, settings, count, &low, &high);
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "%s/frame-%03d.png", options->frames, i);
        ropemap_figure figure = settings[i].figure;
        figure_options_apply(&options->map, &figure);
        figure.percentile = 0.0; /* the limits are those of all frames */
        figure.colormap = options->map.colormap;
        figure.has_limits = limited;
        figure.low = low;
        figure.high = high;
        status = ropemap_map_save(&settings[i].map, &figure, name, options->map.force, error);
    }
    return status;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status check(const sweep_options *options, ropemap_error *error) {
    static const char *const shared[] = {"diff", NULL};
    ropemap_status status = vary_refuse(&options->vary, shared, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (options->vary.axis_count == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--vary: missing, expected --vary NAME=VALUES, such as base=1e3-1e7*10");
    }
    if (options->map.output_count == 0 && options->frames == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--output: missing, expected -o FILE.png, .svg or .pdf, or --frames DIR");
    }
    if (options->map.diff || options->map.json || options->map.dry_run || options->map.bare) {
        return fail(error, ROPEMAP_USAGE, "--%s: not of a sweep, expected with ropemap map",
                    options->map.diff      ? "diff"
                    : options->map.json    ? "json"
                    : options->map.dry_run ? "dry-run"
                                           : "bare");
    }
    for (int i = 0; i < options->map.output_count && status == ROPEMAP_OK; i++) {
        const char *name = options->map.outputs[i];
        const size_t length = strlen(name);
        const char *ending = length >= 4 ? name + length - 4 : "";
        if (strcmp(ending, ".png") != 0 && strcmp(ending, ".svg") != 0 && strcmp(ending, ".pdf") != 0) {
            return fail(error, ROPEMAP_USAGE,
                        "--output: unknown ending ('%.300s'), expected .png, .svg or .pdf", name);
        }
        status = ropemap_output_check(name, options->map.force, error);
    }
    return status;
}

static ropemap_status work(const sweep_options *options, ropemap_error *error) {
    const int count = vary_count(&options->vary);
    setting *settings = calloc((size_t)count, sizeof *settings);
    if (settings == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d settings", count);
    }
    ropemap_status status = options->frames != NULL ? check_frames(options, count, error) : ROPEMAP_OK;
    status = status == ROPEMAP_OK ? make_all(options, settings, count, error) : status;
    status = status == ROPEMAP_OK ? write_sheets(options, settings, count, error) : status;
    if (status == ROPEMAP_OK && options->frames != NULL) {
        status = write_frames(options, settings, count, error);
    }
    for (int i = 0; i < count; i++) {
        ropemap_map_free(&settings[i].map);
    }
    free(settings);
    return status;
}

static int run(int argc, char **argv) {
    static sweep_options options; /* large */
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    options = (sweep_options){.map = map_options_default()};
    options.map.request.width = options.map.request.height = SIDE_USUAL;
    ropemap_status status = options_parse(&command_sweep, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_sweep);
    }
    status = status == ROPEMAP_OK ? check(&options, &error) : status;
    status = status == ROPEMAP_OK ? work(&options, &error) : status;
    vary_free(&options.vary);
    return options_report(&command_sweep, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nMaps are 256 x 256 cells unless --size says otherwise, and share one colour range and bar.\n");
}

const cli_command command_sweep = {
    .name = "sweep",
    .summary = "draw maps of many settings side by side",
    .usage = "--vary NAME=VALUES [--vary ...] [what] [how] -o FILE",
    .examples =
        "  ropemap sweep -n 128k --vary base=1e3-1e7*10 --vary head-dim=64,128,256 -o sweep.png\n"
        "  ropemap sweep -n 32k --pool absmax --vary preset=llama2-7b,llama3-8b,qwen3-8b -o models.svg\n"
        "  ropemap sweep -n 16k --vary base=1e3-1e7*1.1 --frames frames\n",
    .takes_rule = true,
    .options = map_option_table,
    .more = options_table,
    .notes = notes,
    .run = run,
};
