/* command_sweep_curve.c - `ropemap sweep curve`: curves of many settings as plots side by side */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/sweep_curves.h"

#include <stddef.h>
#include <stdio.h>

static ropemap_status set_vary(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    sweep_curve_options *options = into;
    (void)option;
    return vary_add(&options->plots, &command_sweep_curve, text, error);
}

static ropemap_status set_lines(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    sweep_curve_options *options = into;
    (void)option;
    return vary_add(&options->curve.vary, &command_sweep_curve, text, error);
}

static ropemap_status set_columns(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    sweep_curve_options *options = into;
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
     .help = "a plot for each value of an option above: base=1e4,5e5, head-dim=64,128,256, preset=A,B; every "
             "combination, where it is given for up to three options",
     .set = set_vary},
    {.group = GROUP_WHAT,
     .name = "lines",
     .argument = "NAME=VALUES",
     .help = "a line in every plot for each value of another option, likewise",
     .set = set_lines},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "where the plots go, side by side: .png, .svg, .pdf, or - for a PNG on standard output, svg:- "
             "for another kind; may be given several times",
     .set = curve_set_output},
    {.group = GROUP_OUTPUT,
     .name = "columns",
     .argument = "N",
     .initial = "those of the last option that varies",
     .help = "plots side by side",
     .set = set_columns},
    {.group = GROUP_OUTPUT,
     .name = "frames",
     .argument = "DIR",
     .help = "one chart a setting, frame-000.png and on, all with the same limits",
     .set = option_set_text,
     .offset = offsetof(sweep_curve_options, frames)},
    {.name = NULL},
};

/* No option is of plots and of lines at once. */
static ropemap_status check_lines(const sweep_curve_options *options, ropemap_error *error) {
    const vary_set *plots = &options->plots, *lines = &options->curve.vary;
    for (int i = 0; i < plots->axis_count; i++) {
        for (int j = 0; j < lines->axis_count; j++) {
            if (plots->axes[i].option == lines->axes[j].option) {
                return fail(error, ROPEMAP_USAGE, "--lines %s: varies between plots, expected another option",
                            lines->axes[j].option->name);
            }
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check(const sweep_curve_options *options, const sweep_outputs *outputs,
                            ropemap_error *error) {
    static const char *const shared[] = {"distances", NULL};
    if (options->plots.axis_count == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--vary: missing, expected --vary NAME=VALUES, such as head-dim=64,128,256");
    }
    ropemap_status status = vary_refuse(&options->plots, shared, error);
    status = status == ROPEMAP_OK ? print_size_check(&options->curve.print, error) : status;
    status = status == ROPEMAP_OK ? check_lines(options, error) : status;
    return status == ROPEMAP_OK ? sweep_outputs_check(outputs, vary_count(&options->plots), error) : status;
}

static int run(int argc, char **argv) {
    static sweep_curve_options options; /* large */
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    options = (sweep_curve_options){.curve = {.rule = rule_options_default()}};
    cli_outputs files;
    ropemap_status status = outputs_parse(&command_sweep_curve, argc, argv, &options, &help, &files, &error);
    if (status == ROPEMAP_OK && help) {
        outputs_free(&files);
        vary_free(&options.plots);
        vary_free(&options.curve.vary);
        return help_command(&command_sweep_curve);
    }
    const sweep_outputs outputs = {.pages = options.curve.outputs,
                                   .page_count = options.curve.output_count,
                                   .frames = options.frames,
                                   .force = options.curve.force,
                                   .files = &files};
    status = status == ROPEMAP_OK ? outputs_note_vary(&files, &options.plots, &error) : status;
    status = status == ROPEMAP_OK ? outputs_note_vary(&files, &options.curve.vary, &error) : status;
    status = status == ROPEMAP_OK ? check(&options, &outputs, &error) : status;
    status = status == ROPEMAP_OK ? sweep_curves(&options, &outputs, &error) : status;
    outputs_free(&files);
    vary_free(&options.plots);
    vary_free(&options.curve.vary);
    return options_report(&command_sweep_curve, status, &error);
}

static void notes(void) {
    (void)printf("\nAll plots share both axes; what their lines stand for is said once, beside them.\n");
}

/* Said otherwise below, or of one chart alone. */
static const char *const not_taken[] = {"vary", "output", "label", "json", NULL};

const cli_command command_sweep_curve = {
    .name = "sweep curve",
    .summary = "draw curves of many settings as plots side by side",
    .usage = "--vary NAME=VALUES [--vary ...] [--lines NAME=VALUES] [what] [how] -o FILE",
    .examples = "  ropemap sweep curve -n 128k --axis log --vary head-dim=64,128,256 --lines base=1e4,5e5 -o "
                "curves.pdf\n"
                "  ropemap sweep curve -n 32k --vary preset=llama2-7b,llama3-8b,qwen3-8b -o models.svg\n"
                "  ropemap sweep curve -n 16k --vary base=1e3-1e7*1.1 --frames frames\n",
    .takes_rule = true,
    .options = curve_option_table,
    .without = not_taken,
    .more = options_table,
    .notes = notes,
    .run = run,
};
