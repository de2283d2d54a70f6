/* bound_options.h - what a command line of `ropemap bound` asks for */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BOUND_OPTIONS_H
#define ROPEMAP_TOOLS_BOUND_OPTIONS_H

#include "tools/ropemap/rule_options.h"

enum { BOUND_WINDOWS_MOST = 16, BOUND_LIST_MOST = 32 };

typedef struct bound_options {
    rule_options rule;                                       /* first: see there */
    int64_t lengths[BOUND_LIST_MOST], dims[BOUND_LIST_MOST]; /* of --table */
    int length_count, dim_count;
    int windows; /* to look for, the first from the least base on */
    int64_t limit;
    double low, high;  /* bases that are searched; 0: the library's */
    double resolution; /* relative width of the least window that is found */
    int32_t threads;
    const char *output; /* a chart of the table; NULL: none */
    bool json, quiet, force;
} bound_options;

/* The windows of bases of one length and dimension. */
typedef struct bound_found {
    int64_t length;
    int32_t head_dim;
    int32_t count;
    ropemap_window windows[BOUND_WINDOWS_MOST];
} bound_found;

/* Draws the table and writes it: .png, .svg or .pdf. */
ropemap_status bound_draw(const bound_options *options, const bound_found *found, int count,
                          ropemap_error *error);

/* Print to stdout; return the exit code. `reach` NULL: none was asked for; `found` [count]. */
int bound_text(const ropemap_spec *spec, const ropemap_reach *reach, int64_t limit, const bound_found *found,
               int count);
int bound_json(const ropemap_spec *spec, const ropemap_reach *reach, int64_t limit, const bound_found *found,
               int count);

#endif
