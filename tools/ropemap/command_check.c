/* command_check.c - ropemap check */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_check.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/report.h"
#include "tools/ropemap/rule_options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t memory_bytes(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages < 1 || bytes < 1 ? 0 : (uint64_t)pages * (uint64_t)bytes;
}

static ropemap_status ask_gpus(diagnosis *found, ropemap_error *error) {
    const int32_t count = found->driver.devices;
    if (count < 1) {
        return ROPEMAP_OK;
    }
    found->gpus = calloc((size_t)count, sizeof *found->gpus);
    if (found->gpus == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "doctor: no memory for %d GPUs", (int)count);
    }
    for (int32_t index = 0; index < count; index++) {
        diagnosed_gpu *gpu = &found->gpus[index];
        gpu->reason.status = ropemap_gpu_describe(index, &gpu->gpu, &gpu->reason);
    }
    return ROPEMAP_OK;
}

/* Every stage runs: rows are rotated, multiplied and pooled. Only that tells whether all the parts work. */
static ropemap_status try_gpu(ropemap_error *reason) {
    ropemap_request request = ropemap_request_default();
    request.rows = request.cols = (ropemap_range){.first = 0, .count = 256, .step = 1};
    request.width = request.height = 16;
    request.pool = ROPEMAP_POOL_MAX;
    request.method = ROPEMAP_METHOD_TILED;
    request.backend = "cuda";
    ropemap_map map = {.cells = NULL};
    const ropemap_status status = ropemap_map_compute(&request, &map, reason);
    ropemap_map_free(&map);
    return status;
}

ropemap_status diagnosis_make(diagnosis *found, ropemap_error *error) {
    ropemap_status status = ropemap_bench_describe(&found->machine, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    found->memory = memory_bytes();
    found->driver_reason.status = ropemap_driver_describe(&found->driver, &found->driver_reason);
    found->plugin_reason.status = ropemap_plugin_describe(&found->plugin, &found->plugin_reason);
    if (found->driver_reason.status != ROPEMAP_OK) {
        found->gpu_reason = found->driver_reason;
        return ROPEMAP_OK;
    }
    status = ask_gpus(found, error);
    if (status == ROPEMAP_OK) {
        found->gpu_reason.status = try_gpu(&found->gpu_reason);
    }
    return status;
}

void diagnosis_free(diagnosis *found) {
    free(found->gpus);
    *found = (diagnosis){.gpus = NULL};
}

typedef struct check_options {
    rule_options rule; /* first: see there */
    const char *file;
    bool json;
} check_options;

static ropemap_status set_file(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    check_options *options = into;
    if (options->file != NULL) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.200s' after '%.200s', expected one file", option->argument,
                    text, options->file);
    }
    options->file = text;
    return ROPEMAP_OK;
}

static const cli_option operand = {
    .argument = "FILE.npy", .help = "inv_freq, as numpy.save wrote it", .set = set_file, .reads = READS_FILE};

static const cli_option options_table[] = {
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.check/1 instead of a sentence",
     .set = option_set_flag,
     .offset = offsetof(check_options, json)},
    {.name = NULL},
};

static int tell(const check_options *options, const ropemap_comparison *found) {
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

static ropemap_status check(check_options *options, int *code, ropemap_error *error) {
    ropemap_comparison found;
    if (options->file == NULL) {
        return fail(error, ROPEMAP_USAGE, "FILE.npy: missing; name the buffer to check");
    }
    ropemap_status status = rule_options_resolve(&options->rule, error);
    status = status == ROPEMAP_OK ? compare(options, &found, error) : status;
    if (status == ROPEMAP_OK) {
        *code = tell(options, &found);
        *code = *code == ROPEMAP_OK && !found.matches ? ROPEMAP_CHECK : *code;
    }
    return status;
}

static int run(int argc, char **argv) {
    check_options options = {.rule = rule_options_default()};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int code = ROPEMAP_OK;
    ropemap_status status = options_parse(&command_check, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_check);
    }
    status = status == ROPEMAP_OK ? check(&options, &code, &error) : status;
    rule_options_free(&options.rule);
    return status == ROPEMAP_OK ? code : options_report(&command_check, status, &error);
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
    .summary = "hold a dumped buffer of inverse frequencies against a model",
    .usage = "FILE.npy [--model PATH | --preset NAME] [what]",
    .examples =
        "  python3 -c 'import numpy; numpy.save(\"inv_freq.npy\", rotary_emb.inv_freq.float().cpu())'\n"
        "  ropemap check inv_freq.npy --model ./config.json\n"
        "  ropemap check inv_freq.npy --preset llama3.1-8b --json\n",
    .takes_rule = true,
    .options = options_table,
    .operand = &operand,
    .notes = notes,
    .run = run,
};
