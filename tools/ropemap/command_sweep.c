/* command_sweep.c - `ropemap sweep`: maps of many settings side by side, or as the frames of an animation */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_options.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/map_table.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/sweep_maps.h"

#include <stddef.h>
#include <stdio.h>

enum { SIDE_USUAL = 256 };

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
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "where the maps go, side by side: .png, .svg, .pdf, or - for a PNG on standard output, svg:- "
             "for another kind; may be given several times",
     .set = set_output},
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

/* What a page of maps does not show, and frames do. */
static ropemap_status check_frame_options(const sweep_options *options, ropemap_error *error) {
    const map_figure *figure = &options->map.figure;
    const char *name = figure->contour_count > 0 ? "contour" : figure->dark ? "dark" : NULL;
    return name == NULL || options->frames != NULL
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--%s: of frames alone, expected with --frames DIR", name);
}

static ropemap_status check(const sweep_options *options, const sweep_outputs *outputs,
                            ropemap_error *error) {
    if (options->vary.axis_count == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--vary: missing, expected --vary NAME=VALUES, such as base=1e3-1e7*10");
    }
    ropemap_status status = check_frame_options(options, error);
    status = status == ROPEMAP_OK ? figure_options_check(&options->map, error) : status;
    return status == ROPEMAP_OK ? sweep_outputs_check(outputs, vary_count(&options->vary), error) : status;
}

static int run(int argc, char **argv) {
    static sweep_options options; /* large */
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    options = (sweep_options){.map = map_options_default()};
    options.map.request.width = options.map.request.height = SIDE_USUAL;
    cli_outputs files;
    ropemap_status status = outputs_parse(&command_sweep, argc, argv, &options, &help, &files, &error);
    if (status == ROPEMAP_OK && help) {
        outputs_free(&files);
        vary_free(&options.vary);
        return help_command(&command_sweep);
    }
    const sweep_outputs outputs = {.pages = options.map.outputs,
                                   .page_count = options.map.output_count,
                                   .frames = options.frames,
                                   .force = options.map.force,
                                   .files = &files};
    status = status == ROPEMAP_OK ? outputs_note_vary(&files, &options.vary, &error) : status;
    status = status == ROPEMAP_OK ? check(&options, &outputs, &error) : status;
    status = status == ROPEMAP_OK ? sweep_maps(&options, &outputs, &error) : status;
    outputs_free(&files);
    vary_free(&options.vary);
    return options_report(&command_sweep, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nMaps are 256 x 256 cells unless --size says otherwise, and share one colour range and bar.\n");
}

/* Of one map alone, or said otherwise below. */
static const char *const not_taken[] = {"dry-run", "bare", "output", "percentile", "json", "verbose", NULL};

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
    .without = not_taken,
    .more = options_table,
    .notes = notes,
    .run = run,
};
