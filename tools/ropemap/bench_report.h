/* bench_report.h - what `ropemap bench` measured, as markdown, CSV, JSON or a picture */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_REPORT_H
#define ROPEMAP_TOOLS_BENCH_REPORT_H

#include "host/ropemap.h"

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
    ropemap_bench_machine machine;
    ropemap_bench_gpu gpu; /* where on_gpu */
    bool on_gpu;
    char date[32]; /* ISO 8601, UTC */
    ropemap_bench_row *rows;
    size_t count, room;
    bench_change *changes; /* [count]; NULL: nothing was compared */
} bench_report;

/* Each makes a whole document in bytes->data, to be freed with free(). ROPEMAP_RESOURCES. */
ropemap_status bench_markdown(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);
ropemap_status bench_csv(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);
ropemap_status bench_json(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);

/* A PNG, to be freed with ropemap_bytes_free(). ROPEMAP_USAGE: no row has bytes, FLOPs and a time. */
ropemap_status bench_roofline(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);

/* ---- words that reports share */

/* A short text, by value. */
typedef struct bench_words {
    char text[160];
} bench_words;

/* "131072 x 128 half", "131072 x 128 half hf-fp32", "16384 x 128 to 1024 x 1024", "bf16 131072 x 128 half,
 * 32:8 heads" */
bench_words bench_shape_words(const ropemap_bench_row *row);
/* ">= 50 % of ceiling: met"; empty where there is none. */
bench_words bench_target_words(const ropemap_bench_row *row);
/* Seconds with a unit that leaves three or more digits. */
bench_words bench_duration(double seconds);
/* "12.3 MB" with powers of ten; empty for 0. */
bench_words bench_amount(double value, const char *unit);
/* "13.0" of 13000 */
bench_words bench_cuda_version(int32_t version);
const char *bench_verdict_word(bench_verdict verdict);

/* Lets `write` fill a document. ROPEMAP_RESOURCES. */
ropemap_status bench_write(void (*write)(FILE *, const bench_report *), const bench_report *report,
                           ropemap_bytes *bytes, ropemap_error *error);

#endif
