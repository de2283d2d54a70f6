/* command_export.c - ropemap export: exact tables of frequencies, cosines and sines as files */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_verify.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/run.h"

#include <stddef.h>
#include <stdio.h>

enum { EXPORT_KINDS = 1 << OUTPUT_NPY | 1 << OUTPUT_SAFETENSORS | 1 << OUTPUT_H | 1 << OUTPUT_GGUF };

typedef struct export_options {
    rule_options rule;
    int kind; /* a ropemap_table_kind */
    bool named;
    ropemap_range positions; /* count 0: not given */
    ropemap_element element;
    cli_texts outputs;
    bool force, quiet;
} export_options;

static const char *kind_choice(int index) {
    return ropemap_table_kind_name((ropemap_table_kind)index);
}

static const char *element_choice(int index) {
    return ropemap_element_name((ropemap_element)index);
}

static ropemap_status set_kind(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    export_options *options = into;
    if (options->named) {
        return fail(error, ROPEMAP_USAGE, "'%.64s' after %s; name one table", text,
                    kind_choice(options->kind));
    }
    options->named = true;
    return option_choose(option, text, &options->kind, error);
}

static const cli_option operand = {
    .argument = "inv-freq|cos-sin|rope-freqs",
    .help = "inverse frequencies [pairs]; cosines, then sines [positions, rotary dim], as vLLM's "
            "cos_sin_cache; llama.cpp's divisors [pairs], as rope_freqs.weight",
    .choices = kind_choice,
    .type = OPTION_CUSTOM,
    .set = set_kind};

static const cli_option export_rows[] = {
    {.group = GROUP_WHAT,
     .name = "positions",
     .letter = 'n',
     .argument = "RANGE",
     .initial = "4k",
     .help = "rows of cos-sin",
     .type = OPTION_RANGE,
     .offset = offsetof(export_options, positions)},
    {.group = GROUP_OUTPUT,
     .name = "dtype",
     .choices = element_choice,
     .initial = "fp32",
     .help = "type of the numbers, each rounded once",
     .type = OPTION_CHOICE,
     .offset = offsetof(export_options, element)},
    OPTION_OUTPUT(offsetof(export_options, outputs),
                  "a .npy, .safetensors, .gguf or C header (.h); npy:- writes one to standard output"),
    OPTION_FORCE(offsetof(export_options, force)),
    OPTION_QUIET(offsetof(export_options, quiet), "print nothing but errors"),
    {.name = NULL},
};

static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const export_options *options = what;
    const ropemap_table table = {.spec = options->rule.spec,
                                 .kind = (ropemap_table_kind)options->kind,
                                 .positions = options->positions,
                                 .element = options->element,
                                 .format = kind == OUTPUT_NPY           ? ROPEMAP_TABLE_NPY
                                           : kind == OUTPUT_SAFETENSORS ? ROPEMAP_TABLE_SAFETENSORS
                                           : kind == OUTPUT_H           ? ROPEMAP_TABLE_C
                                                                        : ROPEMAP_TABLE_GGUF};
    (void)index;
    return ropemap_table_make(&table, bytes, error);
}

/* Frequencies alone do not carry it, and scores would be off by its square. */
static ropemap_status warn(const export_options *options, ropemap_error *error) {
    static ropemap_freqs freqs; /* large */
    const ropemap_status status = ropemap_freqs_make(&options->rule.spec, &freqs, error);
    if (status == ROPEMAP_OK && options->kind != ROPEMAP_TABLE_COS_SIN && freqs.attention_factor != 1.0 &&
        !options->quiet) {
        (void)fprintf(stderr,
                      "ropemap: %s: the rule multiplies cosines and sines by %.9g, which this table does not "
                      "carry\n",
                      kind_choice(options->kind), freqs.attention_factor);
    }
    return status;
}

static ropemap_status check(export_options *options, cli_run *run, ropemap_error *error) {
    if (!options->named) {
        return fail(error, ROPEMAP_USAGE, "name a table: %s", operand.argument);
    }
    if (options->outputs.count == 0) {
        return fail(error, ROPEMAP_USAGE, "--output is missing; give a .npy, .safetensors, .gguf or .h file");
    }
    if (options->positions.count != 0 && options->kind != ROPEMAP_TABLE_COS_SIN) {
        return fail(error, ROPEMAP_USAGE, "--positions: only cos-sin has positions, %s does not",
                    kind_choice(options->kind));
    }
    if (options->positions.count == 0) {
        options->positions = (ropemap_range){.first = 0, .count = 4096, .step = 1};
    }
    const ropemap_status status =
        outputs_add_all(&run->outputs, &options->outputs, EXPORT_KINDS, options->force, error);
    return status == ROPEMAP_OK ? outputs_check(&run->outputs, NULL, error) : status;
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    export_options *options = given;
    ropemap_status status = check(options, run, error);
    status = status == ROPEMAP_OK ? rule_options_resolve(&options->rule, error) : status;
    status = status == ROPEMAP_OK ? warn(options, error) : status;
    if (status == ROPEMAP_OK) {
        run_begin(run, options->quiet);
        status = outputs_write(&run->outputs, encode, options, error);
        run_end(run);
    }
    return status;
}

static void notes(void) {
    (void)printf(
        "\nPhases are exact at every position below 2^40, and each number is rounded once: the nearest of "
        "its type,\n"
        "fp64 to 2^-62. Cosines and sines include the attention factor, as those of transformers and vLLM. "
        "rope-freqs\n"
        "are what base^(-2i/D) is divided by, for files whose rope.scaling.type is none; longrope has two "
        "lists, of\n"
        "which --length chooses. 'ropemap check' takes inv-freq and cos-sin.\n");
}

const cli_command command_export = {
    .name = "export",
    .summary = "write exact tables: inverse frequencies, cosines and sines, llama.cpp's rope_freqs",
    .usage = "inv-freq|cos-sin|rope-freqs -o FILE [--dtype TYPE] [what]",
    .examples =
        "  ropemap export cos-sin --preset llama3.1-8b -n 128k --dtype bf16 -o cos_sin.safetensors\n"
        "  ropemap export cos-sin -b 5e5 -n 16M:64 -o far.npy          positions 16,777,216 to 16,777,279\n"
        "  ropemap export rope-freqs --model ./config.json -o rope_freqs.gguf\n"
        "  ropemap export inv-freq -b 1e6 -d 64 --dtype fp64 -o inv_freq.h\n",
    .blocks = {{rule_rows, offsetof(export_options, rule)}, {export_rows, 0}},
    .operand = &operand,
    .notes = notes,
    .size = sizeof(export_options),
    .work = work,
};
