/* command_curve.c - `ropemap curve`: similarity against distance, for one or many settings */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/curve_options.h"
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"

#include <stdio.h>

/* Computes the curves, shows how far it is, and writes them. After a signal does not return. */
static ropemap_status make(curve_options *options, curves *made, cli_outputs *outputs, ropemap_error *error) {
    cli_progress progress = progress_start(options->quiet);
    options->progress = progress_tell;
    options->progress_user = &progress;
    signals_hold();
    ropemap_status status = curves_make(options, made, error);
    progress_end(&progress);
    status = status == ROPEMAP_OK ? curves_write(options, made, outputs, error) : status;
    outputs_free(outputs);
    signals_release();
    return status;
}

static ropemap_status work(curve_options *options, cli_outputs *outputs, int *code, ropemap_error *error) {
    static curves made; /* large */
    ropemap_status status = outputs_note_vary(outputs, &options->vary, error);
    status = status == ROPEMAP_OK ? curves_check_outputs(options, outputs, error) : status;
    status = status == ROPEMAP_OK ? make(options, &made, outputs, error) : status;
    if (status == ROPEMAP_OK && options->json) {
        *code = document_print(curves_document(options, &made));
    } else if (status == ROPEMAP_OK && !options->quiet && outputs->stdout_name == NULL) {
        *code = curves_text(options, &made);
    }
    curves_free(&made);
    return status;
}

static int run(int argc, char **argv) {
    static curve_options options; /* large */
    ropemap_error error = {.status = ROPEMAP_OK};
    cli_outputs outputs;
    bool help = false;
    int code = ROPEMAP_OK;
    options = (curve_options){.rule = rule_options_default()};
    ropemap_status status = outputs_parse(&command_curve, argc, argv, &options, &help, &outputs, &error);
    if (status == ROPEMAP_OK && help) {
        code = help_command(&command_curve);
    } else if (status == ROPEMAP_OK) {
        status = work(&options, &outputs, &code, &error);
    }
    outputs_free(&outputs);
    vary_free(&options.vary);
    return status == ROPEMAP_OK ? code : options_report(&command_curve, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nWithout tensors the curve is S(r), the similarity that two equal unit vectors keep at distance "
        "r.\n"
        "What is first below one half is S(r) / S(0), as in bound and explain: only an attention factor "
        "makes\n"
        "S(0) another number than 1.\n"
        "Where a pixel holds many distances the picture shows their mean and, behind it, all from the\n"
        "smallest to the largest.\n");
}

const cli_command command_curve = {
    .name = "curve",
    .summary = "draw similarity against distance, for one or many settings",
    .usage = "[what] [how] [output]",
    .examples =
        "  ropemap curve --vary base=1e4,5e5,1e6 -n 128k --axis log -o decay.png\n"
        "  ropemap curve --vary preset=llama2-7b,llama3-8b,qwen3-8b -n 32k -o models.svg -o models.csv\n"
        "  ropemap curve --quantity roformer -n 256 -o roformer.pdf\n"
        "  ropemap curve --vary phase=exact,hf-fp32,bf16-inv-freq --shift 1M -n 1k -o rounded.png\n"
        "  ropemap curve --queries q.npy --keys k.npy -o measured.png\n",
    .takes_rule = true,
    .options = curve_option_table,
    .notes = notes,
    .run = run,
};
