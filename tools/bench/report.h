/* report.h - what was measured, as markdown, JSON or a picture; compared with an earlier run; by headroom */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_REPORT_H
#define ROPEMAP_TOOLS_BENCH_REPORT_H

#include "host/ropemap_machine.h"
#include "tools/bench/bench.h"

#include <jansson.h>
#include <stdio.h>

/* How a row's median compares with an earlier one. */
typedef enum bench_verdict {
    BENCH_NEW,    /* there is no earlier row of the same kind */
    BENCH_UNSURE, /* too few samples on either side */
    BENCH_SAME,   /* the two spreads of samples, p5 to p95, meet */
    BENCH_FASTER,
    BENCH_SLOWER
} bench_verdict;

typedef struct bench_change {
    bench_verdict verdict;
    double earlier; /* seconds */
    double change;  /* median / earlier - 1 */
} bench_change;

typedef struct bench_report {
    ropemap_machine machine;
    bench_gpu gpu; /* where on_gpu */
    bool on_gpu;
    char date[32]; /* ISO 8601, UTC */
    bench_row *rows;
    size_t count, room;
    bench_change *changes; /* [count]; NULL: nothing was compared */
    const char *ranked;    /* NULL, or where the rows are from, which are then ranked: "this run" */
} bench_report;

/* A short text, by value. */
typedef struct bench_words {
    char text[240];
} bench_words;

/* "131072 x 128 half", "131072 x 128 half hf-fp32", "16384 x 128 to 1024 x 1024", "bf16 131072 x 128 half,
 * 32:8 heads" */
bench_words bench_shape_words(const bench_row *row);

/* "1.25 ms" */
bench_words bench_duration(double seconds);

/* "3.2 GB/s", with a prefix of a power of 1000; empty for 0. */
bench_words bench_amount(double value, const char *unit);

/* The tables: what comes before the first row, where the GPU is known already; a row; what comes after the
 * last. */
void bench_markdown_begin(FILE *stream, const bench_report *report);
void bench_markdown_row(FILE *stream, const bench_report *report, const bench_row *row);
void bench_markdown_end(FILE *stream, const bench_report *report);

/* All of them, or the rows by headroom where the report is ranked, as bytes->data to be freed with free().
 * ROPEMAP_RESOURCES. */
ropemap_status bench_markdown(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);

/* JSON of schema ropemap.bench/1, to be freed with free(). ROPEMAP_RESOURCES. */
ropemap_status bench_json(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);

/* The same document as lines that can be written while rows are finished: all but "rows" in the first, then a
 * row a line. False where memory is short or the stream takes no more. */
bool bench_lines_begin(FILE *stream, const bench_report *report);
bool bench_lines_row(FILE *stream, const bench_row *row);

/* A PNG, to be freed with ropemap_bytes_free(). ROPEMAP_USAGE: no row has bytes, FLOPs and a time. */
ropemap_status bench_roofline(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);

/* Whether all that was run is the same. */
bool bench_row_same(const bench_row *before, const bench_row *row);

/* A row of a document, whose texts it borrows. False: something that every row has is missing. */
bool bench_row_read(const json_t *object, bench_row *row);

/* ---- baseline.c */

/* Puts the rows in order, those with most headroom below their bound first; what has no bound is last. */
void bench_rank(bench_report *report);
void bench_rank_markdown(FILE *stream, const bench_report *report);

/* The rows of an earlier run. */
typedef struct bench_baseline {
    json_t *values[2]; /* what the rows borrow from: a document, or the first of its lines and the others */
    bench_row *rows;
    size_t count;
} bench_baseline;

/*
 * Reads what `ropemap bench` wrote with --json or --rows, or a record of tools/gpu-check. Free it also after
 * a failure. ROPEMAP_IO, ROPEMAP_DATA: no such document.
 */
ropemap_status bench_baseline_open(const char *path, bench_baseline *baseline, ropemap_error *error);
void bench_baseline_free(bench_baseline *baseline);

/* Fills report->changes, to be freed with free(). ROPEMAP_RESOURCES. */
ropemap_status bench_baseline_compare(const bench_baseline *baseline, bench_report *report,
                                      ropemap_error *error);

/* ROPEMAP_CHECK where a row is slower by more than this part of its earlier time. */
ropemap_status bench_baseline_judge(const bench_report *report, double fail_above, ropemap_error *error);

#endif
