/* bench_table.c - the options of `ropemap bench` and what they do with their values */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

enum { PART_MAX = 80, THREADS_MAX = 1024, SAMPLES_MAX = 1000000, POSITIONS_MAX = 1 << 24 };

static const char *bench_choice(int index) {
    return ropemap_bench_name((ropemap_bench)index);
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

/* Appends `first`, and first * factor^i up to `last`. */
static ropemap_status append(const cli_option *option, const char *text, bench_list *list, uint64_t first,
                             uint64_t last, uint64_t factor, ropemap_error *error) {
    for (uint64_t value = first; value <= last; value *= factor) {
        if (list->count == BENCH_LIST_MAX) {
            return fail(error, ROPEMAP_USAGE, "--%s: too many ('%.64s'), expected at most %d numbers",
                        option->name, text, BENCH_LIST_MAX);
        }
        list->values[list->count++] = (int64_t)value;
    }
    return ROPEMAP_OK;
}

/* One item: NUMBER, FROM-TO (doubling) or FROM-TO*FACTOR. `item` is taken apart. */
static ropemap_status read_item(const cli_option *option, const char *text, char *item, uint64_t most,
                                bench_list *list, ropemap_error *error) {
    char *dash = strchr(item, '-'), *star = strchr(item, '*');
    uint64_t first = 0, last = 0, factor = 2;
    if (star != NULL && (dash == NULL || star < dash)) {
        return fail(error, ROPEMAP_USAGE, "--%s: not a list ('%.64s'), expected numbers or FROM-TO*FACTOR",
                    option->name, text);
    }
    if (dash != NULL) {
        *dash = '\0';
    }
    if (star != NULL) {
        *star = '\0';
    }
    const cli_subject subject = option_subject_of(option, text);
    ropemap_status status = number_integer(subject.text, item, 1, most, &first, error);
    last = first;
    if (status == ROPEMAP_OK && dash != NULL) {
        status = number_integer(subject.text, dash + 1, first, most, &last, error);
    }
    if (status == ROPEMAP_OK && star != NULL) {
        status = number_integer(subject.text, star + 1, 2, most, &factor, error);
    }
    return status == ROPEMAP_OK ? append(option, text, list, first, last, factor, error) : status;
}

/* Items with commas between them. */
static ropemap_status read_list(const cli_option *option, const char *text, uint64_t most, bench_list *list,
                                ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    list->count = 0;
    for (const char *at = text; status == ROPEMAP_OK && at != NULL;) {
        char item[PART_MAX];
        const size_t length = strcspn(at, ",");
        if (length >= sizeof item) {
            return fail(error, ROPEMAP_USAGE,
                        "--%s: not a list ('%.64s'), expected numbers or FROM-TO*FACTOR", option->name, text);
        }
        (void)snprintf(item, sizeof item, "%.*s", (int)length, at);
        status = read_item(option, text, item, most, list, error);
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return status;
}

static ropemap_status set_positions(void *into, const cli_option *option, const char *text,
                                    ropemap_error *error) {
    bench_options *options = into;
    return read_list(option, text, POSITIONS_MAX, &options->positions, error);
}

static ropemap_status set_head_dims(void *into, const cli_option *option, const char *text,
                                    ropemap_error *error) {
    bench_options *options = into;
    const ropemap_status status = read_list(option, text, ROPEMAP_MAX_HEAD_DIM, &options->head_dims, error);
    for (int32_t i = 0; status == ROPEMAP_OK && i < options->head_dims.count; i++) {
        if (options->head_dims.values[i] % 2 != 0) {
            return fail(error, ROPEMAP_USAGE, "--%s: odd ('%.64s'), expected even numbers from 2 to %d",
                        option->name, text, ROPEMAP_MAX_HEAD_DIM);
        }
    }
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

/* WIDTHxHEIGHT, or one number for both */
static ropemap_status set_size(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    bench_options *options = into;
    char width[PART_MAX];
    const size_t length = strcspn(text, "x");
    if (length >= sizeof width) {
        return fail(error, ROPEMAP_USAGE, "--%s: not a size ('%.64s'), expected WIDTHxHEIGHT", option->name,
                    text);
    }
    (void)snprintf(width, sizeof width, "%.*s", (int)length, text);
    const cli_subject subject = option_subject_of(option, text);
    uint64_t sides[2] = {0, 0};
    ropemap_status status = number_integer(subject.text, width, 1, ROPEMAP_MAX_SIDE, &sides[0], error);
    sides[1] = sides[0];
    if (status == ROPEMAP_OK && text[length] == 'x') {
        status = number_integer(subject.text, text + length + 1, 1, ROPEMAP_MAX_SIDE, &sides[1], error);
    }
    options->bench.width = (int64_t)sides[0];
    options->bench.height = (int64_t)sides[1];
    return status;
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

const cli_option bench_operand = {.argument = "BENCHMARK...",
                                  .choices = bench_choice,
                                  .help =
                                      "rotate, similarity, pool, diagonal, png, map; all where none is named",
                                  .set = set_bench};

const cli_option bench_option_table[] = {
    {.group = GROUP_WHAT,
     .name = "positions",
     .letter = 'n',
     .argument = "LIST",
     .initial = "each benchmark's own",
     .help = "positions of the rows, at most 16M: see below",
     .set = set_positions},
    {.group = GROUP_WHAT,
     .name = "head-dim",
     .letter = 'd',
     .argument = "LIST",
     .initial = "128",
     .help = "elements of a head, even",
     .set = set_head_dims},
    {.group = GROUP_WHAT,
     .name = "layout",
     .choices = layout_choice,
     .initial = "both for rotate, half for map",
     .help = "which elements form a pair",
     .set = set_layout},
    {.group = GROUP_WHAT,
     .name = "size",
     .argument = "WxH",
     .initial = "each benchmark's own",
     .help = "cells of pool, png and map; one number stands for both",
     .set = set_size},
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "all processors, and one besides for rotate and similarity",
     .help = "threads, 1 to 1024",
     .set = set_threads},
    {.group = GROUP_HOW,
     .name = "samples",
     .argument = "N",
     .initial = "as many as take --seconds, 5 at least",
     .help = "how often each row is timed",
     .set = set_samples},
    {.group = GROUP_HOW,
     .name = "seconds",
     .argument = "S",
     .initial = "1",
     .help = "time for each row",
     .set = set_seconds},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .initial = "standard output",
     .help = "where the table goes",
     .set = option_set_text,
     .offset = offsetof(bench_options, output)},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "write JSON of schema ropemap.bench/1 instead of markdown",
     .set = option_set_flag,
     .offset = offsetof(bench_options, json)},
    {.group = GROUP_OUTPUT,
     .name = "csv",
     .help = "write comma-separated values instead of markdown",
     .set = option_set_flag,
     .offset = offsetof(bench_options, csv)},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace a file that exists",
     .set = option_set_flag,
     .offset = offsetof(bench_options, force)},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "show no progress",
     .set = option_set_flag,
     .offset = offsetof(bench_options, quiet)},
    {.name = NULL},
};
