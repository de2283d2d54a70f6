/* command_info.c - `ropemap info`: the rule in effect, where it came from, and what each pair does */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/info_report.h"
#include "tools/ropemap/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

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
             "training are shaded",
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

static ropemap_status draw(const info_options *options, const info_rule *info, ropemap_error *error) {
    const size_t length = strlen(options->output);
    if (length < 4 || strcmp(options->output + length - 4, ".png") != 0) {
        return fail(error, ROPEMAP_USAGE, "--output: unknown ending ('%.300s'), expected .png",
                    options->output);
    }
    ropemap_status status = ropemap_output_check(options->output, options->force, error);
    ropemap_bytes bytes = {.data = NULL};
    status = status == ROPEMAP_OK ? info_draw(info, &bytes, error) : status;
    status =
        status == ROPEMAP_OK ? ropemap_output_write(options->output, &bytes, options->force, error) : status;
    ropemap_bytes_free(&bytes);
    return status;
}

/* Of the rule that the options and a model make. */
static ropemap_status tell(info_options *options, int *code, ropemap_error *error) {
    static info_rule info; /* large */
    ropemap_status status = rule_options_resolve(&options->rule, error);
    status = status == ROPEMAP_OK ? info_make(&options->rule, &info, error) : status;
    status = status == ROPEMAP_OK && options->output != NULL ? draw(options, &info, error) : status;
    if (status == ROPEMAP_OK) {
        *code = options->json ? document_print(info_document(&info)) : info_text(&info);
    }
    return status;
}

static int run(int argc, char **argv) {
    info_options options = {.rule = rule_options_default()};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int code = ROPEMAP_OK;
    ropemap_status status = options_parse(&command_info, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_info);
    }
    if (status == ROPEMAP_OK && options.presets && (options.output != NULL || options.rule.preset != NULL)) {
        status = fail(&error, ROPEMAP_USAGE, "--presets: given with --%s, expected alone",
                      options.output != NULL ? "output" : "preset");
    }
    if (status == ROPEMAP_OK && options.presets) {
        return options.json ? document_print(json_pack("{s:s, s:o}", "schema", "ropemap.presets/1", "presets",
                                                       presets_array()))
                            : presets_text();
    }
    status = status == ROPEMAP_OK ? tell(&options, &code, &error) : status;
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
