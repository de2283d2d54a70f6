/* command_check.c - ropemap check */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/json.h"
#include "tools/ropemap/rule_options.h"
#include "tools/ropemap/run.h"

#include <stddef.h>
#include <stdio.h>

typedef struct check_options {
    rule_options rule;
    const char *file;
    bool json;
} check_options;

static ropemap_status set_file(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    check_options *options = into;
    if (options->file != NULL) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.200s' after '%.200s'; give one file", option->argument,
                    text, options->file);
    }
    options->file = text;
    return ROPEMAP_OK;
}

static const cli_option operand = {.argument = "FILE.npy",
                                   .help = "inv_freq, as numpy.save wrote it",
                                   .type = OPTION_CUSTOM,
                                   .set = set_file,
                                   .reads = READS_FILE};

static const cli_option check_rows[] = {
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.check/1 instead of a sentence",
     .type = OPTION_FLAG,
     .offset = offsetof(check_options, json)},
    {.name = NULL},
};

static int report(const check_options *options, const ropemap_comparison *found) {
    if (options->json) {
        return document_print(
            json_pack("{s:s, s:o, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
                      "ropemap.check/1", "file", document_text(options->file), "matches",
                      found->matches ? 1 : 0, "verdict", found->verdict, "text", found->text, "pair",
                      found->pair >= 0 ? json_integer(found->pair) : json_null(), "found",
                      found->pair >= 0 ? document_real(found->found) : json_null(), "wanted",
                      found->pair >= 0 ? document_real(found->wanted) : json_null(), "worst",
                      document_real(found->worst), "parameter",
                      found->parameter[0] != '\0' ? document_text(found->parameter) : json_null(),
                      "parameter_found", document_real(found->parameter_found), "parameter_wanted",
                      document_real(found->parameter_wanted)));
    }
    (void)printf("%s: %s\n", found->matches ? "matches" : "DOES NOT MATCH", found->text);
    if (!found->matches && found->pair >= 0) {
        (void)printf("first at pair %d: %.9g rad/token where the rule has %.9g\n", (int)found->pair,
                     found->found, found->wanted);
    }
    return finish_stdout();
}

static ropemap_status compare(const check_options *options, ropemap_comparison *found, ropemap_error *error) {
    float *numbers = NULL;
    int64_t rows = 0, count = 0;
    ropemap_spec spec = options->rule.spec;
    ropemap_error reason = {.status = ROPEMAP_OK};
    if ((options->rule.given & RULE_LENGTH) == 0) {
        spec.length = 0.0; /* any: the buffer may be from before a long prompt or from after one */
    }
    ropemap_status status = ropemap_numbers_read(options->file, &numbers, &rows, &count, error);
    if (status == ROPEMAP_OK) {
        status = ropemap_inv_freq_compare(numbers, rows, count, &spec, found, &reason);
    }
    if (reason.status != ROPEMAP_OK) {
        status = fail(error, status, "%.200s: %.290s", options->file, reason.text);
    }
    ropemap_numbers_free(numbers);
    return status;
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    check_options *options = given;
    ropemap_comparison found;
    if (options->file == NULL) {
        return fail(error, ROPEMAP_USAGE, "FILE.npy is missing; name the buffer to check");
    }
    ropemap_status status = rule_options_resolve(&options->rule, error);
    status = status == ROPEMAP_OK ? compare(options, &found, error) : status;
    if (status == ROPEMAP_OK) {
        run->code = report(options, &found);
        run->code = run->code == ROPEMAP_OK && !found.matches ? ROPEMAP_CHECK : run->code;
    }
    return status;
}

static void notes(void) {
    (void)printf(
        "\nA buffer may hold inv_freq, 1/inv_freq, wavelengths or turns a token, one a pair or one an "
        "element,\n"
        "in one row or several. Of a rule that depends on the length any length matches, unless --length is\n"
        "given. A mismatch is explained by the number of the rule that would make the buffer (base, factor,\n"
        "another rule, the dimension of exponents, the rotary share), by rounding to bfloat16 or float16, "
        "by\n"
        "layout or order, by memory that was never written to; else the pairs that differ are listed.\n"
        "Exit code 6: it does not match.\n");
}

const cli_command command_check = {
    .name = "check",
    .summary = "compare a dumped buffer of inverse frequencies with a model",
    .usage = "FILE.npy [--model PATH | --preset NAME] [what]",
    .examples =
        "  python3 -c 'import numpy; numpy.save(\"inv_freq.npy\", rotary_emb.inv_freq.float().cpu())'\n"
        "  ropemap check inv_freq.npy --model ./config.json\n"
        "  ropemap check inv_freq.npy --preset llama3.1-8b --json\n",
    .blocks = {{rule_rows, offsetof(check_options, rule)}, {check_rows, 0}},
    .operand = &operand,
    .notes = notes,
    .size = sizeof(check_options),
    .work = work,
};
