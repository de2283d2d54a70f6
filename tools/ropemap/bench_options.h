/* bench_options.h - what a command line of `ropemap bench` asks for */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_OPTIONS_H
#define ROPEMAP_TOOLS_BENCH_OPTIONS_H

#include "tools/ropemap/command.h"

enum { BENCH_LIST_MAX = 64, BENCH_DTYPES_MAX = 4 };

/* Numbers as a list option gives them. */
typedef struct bench_list {
    int64_t values[BENCH_LIST_MAX];
    int32_t count; /* 0: not given */
} bench_list;

typedef struct bench_options {
    ropemap_bench_options bench; /* complete but for the lists and callbacks */
    bench_list positions, head_dims, blocks;
    ropemap_dtype dtypes[BENCH_DTYPES_MAX];
    int32_t dtype_count; /* 0: not given */
    ropemap_bench_heads heads[BENCH_LIST_MAX];
    int32_t head_count;              /* likewise */
    const char *output;              /* "-": standard output */
    const char *roofline, *baseline; /* NULL: not given */
    double fail_above;               /* part of the earlier time; negative: not given */
    bool json, csv, force, quiet;
} bench_options;

/* Setters of lists; each fills what its option is named after. */
ropemap_status set_bench_positions(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error);
ropemap_status set_bench_head_dims(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error);
ropemap_status set_bench_blocks(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_bench_heads(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_bench_dtypes(void *into, const cli_option *option, const char *text, ropemap_error *error);

/* The tables, ended by a row without a name; their setters fill a bench_options. */
extern const cli_option bench_option_table[];
extern const cli_option bench_operand;

#endif
