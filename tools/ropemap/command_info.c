/* command_info.c - `ropemap info`: the rule in effect, where it came from, and what each pair does */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/info_report.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/outputs.h"
#include "tools/ropemap/signals.h"

#include <stddef.h>
#include <stdio.h>

static const cli_option options_table[] = {
    {.group = GROUP_WHAT,
     .name = "presets",
     .help = "list the known models instead",
     .set = option_set_flag,
     .offset = offsetof(info_options, presets),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "draw the wavelengths of the pairs, scaled and not, as a .png; pairs with angles not seen in "
             "training are shaded; - for standard output, in place of the text",
     .set = option_set_text,
     .offset = offsetof(info_options, output),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.info/1 instead of text",
     .set = option_set_flag,
     .offset = offsetof(info_options, json),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace a file that exists",
     .set = option_set_flag,
     .offset = offsetof(info_options, force),
     .local = true},
    {.name = NULL},
};

/* Draws it and writes it to the only output. */
static ropemap_status draw(const info_rule *info, cli_outputs *outputs, ropemap_error *error) {
    ropemap_bytes bytes = {.data = NULL};
    signals_hold();
    ropemap_status status = info_draw(info, &bytes, error);
    status = status == ROPEMAP_OK ? outputs_write(outputs, 0, &bytes, error) : status;
    status = status == ROPEMAP_OK ? outputs_finish(outputs, error) : status;
    ropemap_bytes_free(&bytes);
    outputs_free(outputs);
    signals_release();
    return status;
}

/* Of the rule that the options and a model make. */
static ropemap_status tell(info_options *options, cli_outputs *outputs, int *code, ropemap_error *error) {
    static info_rule info; /* large */
    ropemap_status status = ROPEMAP_OK;
    if (options->output != NULL) {
        status = outputs_add(outputs, options->output, 1 << OUTPUT_PNG, options->force, error);
    }
    status = status == ROPEMAP_OK ? outputs_check(outputs, options->json ? "--json" : "", error) : status;
    status = status == ROPEMAP_OK ? rule_options_resolve(&options->rule, error) : status;
    status = status == ROPEMAP_OK ? info_make(&options->rule, &info, error) : status;
    status = status == ROPEMAP_OK && options->output != NULL ? draw(&info, outputs, error) : status;
    if (status == ROPEMAP_OK && options->json) {
        *code = document_print(info_document(&info));
    } else if (status == ROPEMAP_OK && outputs->stdout_name == NULL) {
        *code = info_text(&info);
    }
    return status;
}

/* The known models instead. */
static ropemap_status list(const info_options *options, int *code, ropemap_error *error) {
    if (options->output != NULL || options->rule.preset != NULL) {
        return fail(error, ROPEMAP_USAGE, "--presets: given with --%s, expected alone",
                    options->output != NULL ? "output" : "preset");
    }
    *code = options->json ? document_print(json_pack("{s:s, s:o}", "schema", "ropemap.presets/1", "presets",
                                                     presets_array()))
                          : presets_text();
    return ROPEMAP_OK;
}

static int run(int argc, char **argv) {
    info_options options = {.rule = rule_options_default()};
    cli_outputs outputs;
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int code = ROPEMAP_OK;
    ropemap_status status = outputs_parse(&command_info, argc, argv, &options, &help, &outputs, &error);
    if (status == ROPEMAP_OK && help) {
        code = help_command(&command_info);
    } else if (status == ROPEMAP_OK) {
        status = options.presets ? list(&options, &code, &error) : tell(&options, &outputs, &code, &error);
    }
    outputs_free(&outputs);
    rule_options_free(&options.rule);
    return status == ROPEMAP_OK ? code : options_report(&command_info, status, &error);
}

static void notes(void) {
    (void)printf("\nA pair whose wavelength is longer than the trained length never completed a turn in "
                 "training: past\n"
                 "that length it reaches angles not seen there. Such pairs have a star, and shade in the "
                 "picture; with\n"
                 "--length those that do so within it, under the rule and options given.\n"
                 "\nRULE is one of:\n");
    help_scaling_rules();
    help_deals();
}

const cli_command command_info = {
    .name = "info",
    .summary = "tell the rule of a model: where each number comes from, and what each pair does",
    .usage = "[--model PATH | --preset NAME] [what] [output]",
    .examples = "  ropemap info --presets\n"
                "  ropemap info --preset llama3.1-8b\n"
                "  ropemap info --model ./config.json --json\n"
                "  ropemap info --model model.gguf -o wavelengths.png\n",
    .takes_rule = true,
    .options = options_table,
    .notes = notes,
    .run = run,
};
