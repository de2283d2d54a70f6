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
    ropemap_request request; /* its vectors are gone: for titles of maps without any */
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
        to->request = own.map.request;
        to->request.queries = to->request.keys = NULL;
        vary_label(&options->vary, index, to->label, sizeof to->label);
        status = ropemap_map_compute(&own.map.request, &to->map, error);
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

/* "RoPE similarity over base and head-dim" */
static void make_title(const sweep_options *options, char *title, size_t size) {
    size_t length = (size_t)snprintf(title, size, "RoPE similarity");
    for (int i = 0; i < options->vary.axis_count && length < size; i++) {
        const int added = snprintf(title + length, size - length, "%s%s", i == 0 ? " over " : " and ",
                                   options->vary.axes[i].option->name);
        length += added > 0 ? (size_t)added : 0;
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
                                    .rows = settings[i].request.rows,
                                    .cols = settings[i].request.cols};
    }
    make_title(options, title, sizeof title);
    const ropemap_figure figure = ropemap_figure_default(&settings[0].request, &settings[0].map);
    const int axes = options->vary.axis_count;
    const ropemap_sheet sheet = {.title = title,
                                 .subtitle = figure.subtitle,
                                 .row_label = figure.row_label,
                                 .col_label = figure.col_label,
                                 .value_label = figure.value_label,
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

static ropemap_status write_frames(const sweep_options *options, const setting *settings, int count,
                                   ropemap_error *error) {
    ropemap_status status = make_directory(options, error);
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < count; i++) {
        low = fmin(low, settings[i].map.min);
        high = fmax(high, settings[i].map.max);
    }
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "%s/frame-%03d.png", options->frames, i);
        ropemap_figure figure = ropemap_figure_default(&settings[i].request, &settings[i].map);
        figure_options_apply(&options->map, &figure);
        figure.percentile = 0.0; /* the limits are those of all frames */
        figure.colormap = options->map.colormap;
        figure.has_limits = low < high;
        figure.low = options->map.has_limits ? options->map.low : low;
        figure.high = options->map.has_limits ? options->map.high : high;
        status = ropemap_map_save(&settings[i].map, &figure, name, options->map.force, error);
    }
    return status;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status check(const sweep_options *options, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
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
    ropemap_status status = make_all(options, settings, count, error);
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
