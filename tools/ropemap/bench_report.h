/* bench_report.h - what `ropemap bench` measured, as markdown, CSV or JSON */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_REPORT_H
#define ROPEMAP_TOOLS_BENCH_REPORT_H

#include "host/ropemap.h"

typedef struct bench_report {
    ropemap_bench_machine machine;
    char date[32]; /* ISO 8601, UTC */
    ropemap_bench_row *rows;
    size_t count, room;
} bench_report;

/* Each makes a whole document in bytes->data, to be freed with free(). ROPEMAP_RESOURCES. */
ropemap_status bench_markdown(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);
ropemap_status bench_csv(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);
ropemap_status bench_json(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error);

#endif
