/* bench_baseline.h - an earlier document of `ropemap bench --json`, and what changed since */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BENCH_BASELINE_H
#define ROPEMAP_TOOLS_BENCH_BASELINE_H

#include "tools/ropemap/bench_report.h"

typedef struct bench_baseline bench_baseline; /* opaque */

/* Reads a whole document, which is to be freed. ROPEMAP_IO, ROPEMAP_DATA: no such document. */
ropemap_status bench_baseline_open(const char *path, bench_baseline **baseline, ropemap_error *error);
void bench_baseline_free(bench_baseline *baseline); /* NULL is fine */

/* Fills report->changes, to be freed with free(). ROPEMAP_RESOURCES. */
ropemap_status bench_baseline_compare(const bench_baseline *baseline, bench_report *report,
                                      ropemap_error *error);

/* ROPEMAP_CHECK where a row is slower by more than this part of its earlier time. */
ropemap_status bench_baseline_judge(const bench_report *report, double fail_above, ropemap_error *error);

#endif
