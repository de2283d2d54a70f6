/* command_map.c - ropemap map */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_map.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/map_outputs.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/report.h"

#include <stdio.h>

/* Takes the exact map away from `map`. */
static ropemap_status take_exact(const map_options *options, const map_inputs *inputs,
                                 const ropemap_request *like, ropemap_map *map, ropemap_error *error) {
    ropemap_map exact = {.cells = NULL};
    ropemap_request request = map_exact_request(options, inputs);
    request.progress = like->progress;
    request.progress_user = like->progress_user;
    ropemap_status status = ropemap_map_compute(&request, &exact, error);
    if (status == ROPEMAP_OK) {
        status = ropemap_map_subtract(map, &exact, error);
    }
    ropemap_map_free(&exact);
    return status;
}

ropemap_status map_run(const map_options *options, const map_inputs *inputs, ropemap_progress progress,
                       void *progress_user, ropemap_map *map, ropemap_error *error) {
    ropemap_request request = options->request;
    request.progress = progress;
    request.progress_user = progress_user;
    const ropemap_status status = ropemap_map_compute(&request, map, error);
    return status == ROPEMAP_OK && options->diff ? take_exact(options, inputs, &request, map, error) : status;
}

/* Computes the map, shows how far it is, and writes it. After a signal does not return. */
static ropemap_status make(const map_options *options, const map_inputs *inputs, cli_outputs *outputs,
                           map_report *report, ropemap_map *map, ropemap_error *error) {
    cli_progress progress = progress_start(options->quiet);
    signals_hold();
    ropemap_status status = map_run(options, inputs, progress_tell, &progress, map, error);
    progress_end(&progress);
    if (status == ROPEMAP_OK) {
        status = map_outputs_write(options, map, outputs, &report->output_seconds, error);
    }
    outputs_free(outputs);
    signals_release();
    return status;
}

/* Everything between the options and the exit code; *code is that of a report that was printed. */
static ropemap_status work(map_options *options, map_inputs *inputs, cli_outputs *outputs, int *code,
                           ropemap_error *error) {
    const double start = wall_clock();
    ropemap_plan plan;
    ropemap_status status = map_outputs_check(options, outputs, error);
    status = status == ROPEMAP_OK ? map_inputs_open(options, inputs, error) : status;
    status = status == ROPEMAP_OK ? ropemap_plan_make(&options->request, &plan, error) : status;
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (options->dry_run) {
        *code = plan_report(options, &plan);
        return ROPEMAP_OK;
    }
    if (options->verbose && !options->quiet) {
        plan_print(stderr, options, &plan);
    }
    ropemap_map map = {.cells = NULL};
    map_report report = {.options = options, .map = &map};
    status = make(options, inputs, outputs, &report, &map, error);
    report.total_seconds = wall_clock() - start;
    if (status == ROPEMAP_OK && !options->quiet) {
        report_backend(&report);
    }
    if (status == ROPEMAP_OK && options->json) {
        *code = report_json(&report);
    } else if (status == ROPEMAP_OK && !options->quiet) {
        report_line(&report);
    }
    ropemap_map_free(&map);
    return status;
}

static int run(int argc, char **argv) {
    map_options options = map_options_default();
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    cli_outputs outputs;
    ropemap_status status = outputs_parse(&command_map, argc, argv, &options, &help, &outputs, &error);
    map_inputs inputs = {.queries = NULL};
    int code = ROPEMAP_OK;
    if (status == ROPEMAP_OK && help) {
        code = help_command(&command_map);
    } else if (status == ROPEMAP_OK) {
        status = map_options_check(&options, &error);
        status = status == ROPEMAP_OK ? work(&options, &inputs, &outputs, &code, &error) : status;
    }
    outputs_free(&outputs);
    map_inputs_free(&inputs);
    rule_options_free(&options.rule);
    return status == ROPEMAP_OK ? code : options_report(&command_map, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nRANGE is COUNT, FIRST:COUNT or FIRST:COUNT:STEP. Numbers may end in k, M or G (2^10, 2^20, 2^30)\n"
        "and may be written as 1e5. With --model or --preset the rule is the model's. RULE is one of:\n");
    help_scaling_rules();
    help_deals();
}

const cli_command command_map = {
    .name = "map",
    .summary = "draw how similar every two positions are, at any length",
    .usage = "[what] [how] -o FILE",
    .examples = "  ropemap map -n 128k -o map.png\n"
                "  ropemap map --preset llama3.1-8b -n 128k -o llama.png\n"
                "  ropemap map -b 5e5 -n 0:1M --pool absmax -o far.png -o far.npy\n"
                "  ropemap map --queries kv.safetensors:q --keys kv.safetensors:k --causal -o head0.png\n",
    .takes_rule = true,
    .options = map_option_table,
    .notes = notes,
    .run = run,
};
