/* bench_table.c - the options of `ropemap bench` and what they do with their values */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

enum { THREADS_MAX = 1024, SAMPLES_MAX = 1000000, DEVICES_MAX = 1023 };

static const char *bench_choice(int index) {
    return ropemap_bench_name((ropemap_bench)index);
}

static const char *backend_word(int index) {
    static const char *const names[] = {"auto", "cpu", "cuda", NULL};
    return names[index];
}

static const char *layout_choice(int index) {
    return ropemap_layout_name((ropemap_layout)index);
}

static ropemap_status set_bench(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bench_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->bench.which |= UINT32_C(1) << index;
    return status;
}

static ropemap_status set_layout(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    bench_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->bench.has_layout = true;
    options->bench.layout = (ropemap_layout)index;
    return status;
}

static const char *phase_choice(int index) {
    return ropemap_phase_name((ropemap_phase)index);
}

static ropemap_status set_phase(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bench_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->bench.phase = (ropemap_phase)index;
    return status;
}

static ropemap_status set_size(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    ropemap_bench_options *bench = &((bench_options *)into)->bench;
    return number_size(option_subject(option).text, text, ROPEMAP_MAX_SIDE, &bench->width, &bench->height,
                       error);
}

static ropemap_status set_threads(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    bench_options *options = into;
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, THREADS_MAX, &value, error);
    options->bench.threads = (int32_t)value;
    return status;
}

static ropemap_status set_samples(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    bench_options *options = into;
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, SAMPLES_MAX, &value, error);
    options->bench.samples = (int32_t)value;
    return status;
}

static ropemap_status set_seconds(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    bench_options *options = into;
    const ropemap_status status =
        number_real(option_subject(option).text, text, &options->bench.seconds, error);
    return status != ROPEMAP_OK || options->bench.seconds > 0
               ? status
               : fail(error, ROPEMAP_USAGE, "--%s: too small ('%.64s'), expected a number above 0",
                      option->name, text);
}

static ropemap_status set_backend(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    bench_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->bench.backend = backend_word(index);
    return status;
}

static ropemap_status set_device(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    bench_options *options = into;
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 0, DEVICES_MAX, &value, error);
    options->bench.device = (int32_t)value;
    return status;
}

/* "5%" or "5" */
static ropemap_status set_fail_above(void *into, const cli_option *option, const char *text,
                                     ropemap_error *error) {
    bench_options *options = into;
    char number[64];
    double percent = 0.0;
    const size_t length = strlen(text), sign = length > 0 && text[length - 1] == '%' ? 1 : 0;
    (void)snprintf(number, sizeof number, "%.*s", (int)(length - sign), text);
    const ropemap_status status = number_real(option_subject(option).text, number, &percent, error);
    options->fail_above = percent / 100.0;
    return status != ROPEMAP_OK || percent >= 0.0
               ? status
               : fail(error, ROPEMAP_USAGE, "--%s: negative ('%.64s'), expected a percentage", option->name,
                      text);
}

const cli_option bench_operand = {
    .argument = "BENCHMARK...",
    .choices = bench_choice,
    .help = "rotate, similarity, pool, diagonal, png, map, tile; all where none is named",
    .type = OPTION_CUSTOM,
    .set = set_bench};

const cli_option bench_option_table[] = {
    {.group = GROUP_WHAT,
     .name = "positions",
     .letter = 'n',
     .argument = "LIST",
     .initial = "each benchmark's own",
     .help = "positions of the rows, at most 16M: see below",
     .type = OPTION_CUSTOM,
     .set = set_bench_positions},
    {.group = GROUP_WHAT,
     .name = "head-dim",
     .letter = 'd',
     .argument = "LIST",
     .initial = "128; for similarity on a GPU 64, 128, 256",
     .help = "elements of a head, even",
     .type = OPTION_CUSTOM,
     .set = set_bench_head_dims},
    {.group = GROUP_WHAT,
     .name = "dtype",
     .argument = "LIST",
     .initial = "all of them",
     .help = "GPU: numbers that are stored or multiplied, of fp32, tf32, bf16, fp16",
     .type = OPTION_CUSTOM,
     .set = set_bench_dtypes},
    {.group = GROUP_WHAT,
     .name = "heads",
     .argument = "LIST",
     .initial = "1:1,32:8",
     .help = "GPU, rotate: heads of queries and of keys, Q:K; Q alone has a quarter as many of keys",
     .type = OPTION_CUSTOM,
     .set = set_bench_heads},
    {.group = GROUP_WHAT,
     .name = "block",
     .argument = "LIST",
     .initial = "what maps take; for similarity half and twice of it besides",
     .help = "GPU: side of a tile, 16 to 16384",
     .type = OPTION_CUSTOM,
     .set = set_bench_blocks},
    {.group = GROUP_WHAT,
     .name = "layout",
     .choices = layout_choice,
     .initial = "both for rotate, half for map",
     .help = "which elements form a pair",
     .type = OPTION_CUSTOM,
     .set = set_layout},
    {.group = GROUP_WHAT,
     .name = "phase",
     .choices = phase_choice,
     .initial = "exact",
     .help = "CPU, rotate and map: how the rotation is computed, exactly or as a stack in use does",
     .type = OPTION_CUSTOM,
     .set = set_phase},
    {.group = GROUP_WHAT,
     .name = "size",
     .argument = "WxH",
     .initial = "each benchmark's own",
     .help = "cells of pool, png and map; one number stands for both",
     .type = OPTION_CUSTOM,
     .set = set_size},
    {.group = GROUP_HOW,
     .name = "backend",
     .choices = backend_word,
     .initial = "auto",
     .help = "what is timed; auto: a GPU where there is one that can be used",
     .type = OPTION_CUSTOM,
     .set = set_backend},
    {.group = GROUP_HOW,
     .name = "device",
     .argument = "N",
     .initial = "0",
     .help = "which GPU",
     .type = OPTION_CUSTOM,
     .set = set_device},
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "all processors, and one besides for rotate and similarity",
     .help = "threads, 1 to 1024",
     .type = OPTION_CUSTOM,
     .set = set_threads},
    {.group = GROUP_HOW,
     .name = "samples",
     .argument = "N",
     .initial = "as many as take --seconds, 5 at least",
     .help = "how often each row is timed",
     .type = OPTION_CUSTOM,
     .set = set_samples},
    {.group = GROUP_HOW,
     .name = "seconds",
     .argument = "S",
     .initial = "1",
     .help = "time for each row",
     .type = OPTION_CUSTOM,
     .set = set_seconds},
    {.group = GROUP_HOW,
     .name = "profile",
     .help = "GPU: run each once in a named range (NVTX) for a profiler, and time nothing",
     .type = OPTION_FLAG,
     .offset = offsetof(bench_options, bench.profile)},
    {.group = GROUP_HOW,
     .name = "baseline",
     .argument = "FILE",
     .help = "compare with what an earlier run wrote with --json",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_options, baseline),
     .reads = READS_FILE},
    {.group = GROUP_HOW,
     .name = "fail-above",
     .argument = "PERCENT",
     .help = "exit with 6 where a row is slower than the baseline's by more, beyond the noise",
     .type = OPTION_CUSTOM,
     .set = set_fail_above},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .initial = "standard output",
     .help = "where the table goes",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_options, output)},
    {.group = GROUP_OUTPUT,
     .name = "roofline",
     .argument = "FILE",
     .help = "draw all rows below the ceilings, as a PNG",
     .type = OPTION_TEXT,
     .offset = offsetof(bench_options, roofline)},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "write JSON of schema ropemap.bench/1 instead of markdown",
     .type = OPTION_FLAG,
     .offset = offsetof(bench_options, json)},
    {.group = GROUP_OUTPUT,
     .name = "csv",
     .help = "write comma-separated values instead of markdown",
     .type = OPTION_FLAG,
     .offset = offsetof(bench_options, csv)},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace a file that exists",
     .type = OPTION_FLAG,
     .offset = offsetof(bench_options, force)},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "show no progress",
     .type = OPTION_FLAG,
     .offset = offsetof(bench_options, quiet)},
    {.name = NULL},
};
