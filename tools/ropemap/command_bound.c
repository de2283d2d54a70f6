/* command_bound.c - `ropemap bound`: how far a base reaches, and the least base that reaches far enough */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bound_options.h"
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/outputs.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"

#include <stdio.h>

static ropemap_status make(bound_options *options, bound_results *results, cli_outputs *outputs,
                           ropemap_error *error) {
    cli_progress progress = progress_start(options->quiet);
    options->progress = progress_tell;
    options->progress_user = &progress;
    signals_hold();
    ropemap_status status = bound_run(options, results, error);
    progress_end(&progress);
    if (status == ROPEMAP_OK && options->output_count > 0) {
        status = bound_draw(options, results->found, results->count, outputs, error);
    }
    outputs_free(outputs);
    signals_release();
    return status;
}

static ropemap_status work(bound_options *options, bound_results *results, cli_outputs *outputs, int *code,
                           ropemap_error *error) {
    ropemap_status status = bound_check(options, error);
    status = status == ROPEMAP_OK ? bound_add_outputs(options, outputs, error) : status;
    status = status == ROPEMAP_OK ? outputs_check(outputs, options->json ? "--json" : "", error) : status;
    status = status == ROPEMAP_OK ? make(options, results, outputs, error) : status;
    if (status == ROPEMAP_OK && options->json) {
        *code = document_print(bound_document(&options->rule.spec, results));
    } else if (status == ROPEMAP_OK && outputs->stdout_name == NULL) {
        *code = bound_text(&options->rule.spec, results);
    }
    return status;
}

static int run(int argc, char **argv) {
    bound_options options = bound_options_default();
    bound_results results = {.found = NULL};
    cli_outputs outputs;
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int code = ROPEMAP_OK;
    ropemap_status status = outputs_parse(&command_bound, argc, argv, &options, &help, &outputs, &error);
    if (status == ROPEMAP_OK && help) {
        code = help_command(&command_bound);
    } else if (status == ROPEMAP_OK) {
        status = work(&options, &results, &outputs, &code, &error);
    }
    outputs_free(&outputs);
    bound_results_free(&results);
    rule_options_free(&options.rule);
    return status == ROPEMAP_OK ? code : options_report(&command_bound, status, &error);
}

static void notes(void) {
    (void)printf("\nSimilarity is S(r), what rotation leaves of two equal tokens r apart, over the whole "
                 "head: elements\n"
                 "that do not rotate count in full, rotated ones times the square of the attention factor. "
                 "It is given as\n"
                 "a share of S(0); curve and explain mean the same. Where all elements rotate S(r) / S(0) is "
                 "the mean of\n"
                 "the pairs' cosines; for the rotated part of a head alone give --head-dim its size.\n"
                 "A length is held where S(r) is at or above zero for every r below it, the condition of "
                 "\"Base of RoPE\n"
                 "Bounds Context Length\" (arXiv 2405.14591). The bases that hold one are no interval: they "
                 "are scanned,\n"
                 "and every window of a relative width of 1e-6 or more is found.\n");
}

const cli_command command_bound = {
    .name = "bound",
    .summary = "tell how far a base reaches, and the least base for a length",
    .usage = "--length L | --base B | --table LENGTHS [what] [how]",
    .examples = "  ropemap bound --length 32k                 the least base, with its proof\n"
                "  ropemap bound -b 5e5                       the first distance below zero\n"
                "  ropemap bound --preset llama3.1-8b --length 128k\n"
                "  ropemap bound --table 1k-128k --dims 64,128 -o bases.png\n",
    .takes_rule = true,
    .options = bound_option_table,
    .notes = notes,
    .run = run,
};
