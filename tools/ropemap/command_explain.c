/* command_explain.c - `ropemap explain`: what a rule does to similarity, in five plain sentences */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/document.h"
#include "tools/ropemap/explain.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"

#include <stddef.h>
#include <stdio.h>

static const cli_option options_table[] = {
    {.group = GROUP_WHAT,
     .name = "quick",
     .help =
         "leave out the last sentence, the least base for a length, which takes seconds where that is long",
     .set = option_set_flag,
     .offset = offsetof(explain_options, quick)},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.explain/1: the sentences, and every number in them",
     .set = option_set_flag,
     .offset = offsetof(explain_options, json),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "show no progress",
     .set = option_set_flag,
     .offset = offsetof(explain_options, quiet),
     .local = true},
    {.name = NULL},
};

static ropemap_status work(explain_options *options, int *code, ropemap_error *error) {
    explanation found = {.length = 0};
    cli_progress progress = progress_start(options->quiet);
    options->progress = progress_tell;
    options->progress_user = &progress;
    signals_hold();
    const ropemap_status status = explain_make(options, &found, error);
    progress_end(&progress);
    signals_release();
    if (status == ROPEMAP_OK) {
        const ropemap_spec *spec = &options->rule.spec;
        explain_say(spec, &found);
        for (int i = 0; i < EXPLAIN_SENTENCES && found.sentence[i][0] != '\0' && !options->json; i++) {
            (void)printf("%s\n", found.sentence[i]);
        }
        *code = options->json ? document_print(explain_document(spec, &found)) : finish_stdout();
    }
    return status;
}

static int run(int argc, char **argv) {
    explain_options options = {.rule = rule_options_default()};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int code = ROPEMAP_OK;
    ropemap_status status = options_parse(&command_explain, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_explain);
    }
    status = status == ROPEMAP_OK ? work(&options, &code, &error) : status;
    rule_options_free(&options.rule);
    return status == ROPEMAP_OK ? code : options_report(&command_explain, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nSimilarity is S(r) of the whole head, as a share of S(0), as in curve and bound.\n"
        "The last sentence is about --length, else the model's trained length, else 32768 tokens.\n");
}

const cli_command command_explain = {
    .name = "explain",
    .summary = "say in five sentences what a rule does to similarity",
    .usage = "[--model PATH | --preset NAME] [what]",
    .examples = "  ropemap explain -b 5e5\n"
                "  ropemap explain --preset llama3.1-8b --json\n",
    .takes_rule = true,
    .options = options_table,
    .notes = notes,
    .run = run,
};
