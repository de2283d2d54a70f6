/* bench_options.h - what a command line of `ropemap bench` asks for */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_OPTIONS_H
#define ROPEMAP_TOOLS_BENCH_OPTIONS_H

#include "tools/ropemap/command.h"

enum { BENCH_LIST_MAX = 64 };

/* Numbers as a list option gives them. */
typedef struct bench_list {
    int64_t values[BENCH_LIST_MAX];
    int32_t count; /* 0: not given */
} bench_list;

typedef struct bench_options {
    ropemap_bench_options bench; /* complete but for the lists and callbacks */
    bench_list positions, head_dims;
    const char *output; /* "-": standard output */
    bool json, csv, force, quiet;
} bench_options;

/* The tables, ended by a row without a name; their setters fill a bench_options. */
extern const cli_option bench_option_table[];
extern const cli_option bench_operand;

#endif
