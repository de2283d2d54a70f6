/* rank.c - rows as shares of their own bounds, those with most headroom first */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A row whose ceiling is a bound: "rotate / libm" is compared with something slower. */
static bool has_bound(const bench_row *row) {
    return row->samples > 0 && row->share > 0.0 && strstr(row->name, " / ") == NULL;
}

static int by_headroom(const void *a, const void *b) {
    const bench_row *first = a, *second = b;
    const int bounds = (int)has_bound(second) - (int)has_bound(first);
    return bounds != 0 ? bounds : (first->share > second->share) - (first->share < second->share);
}

void bench_rank(bench_report *report) {
    qsort(report->rows, report->count, sizeof *report->rows, by_headroom);
}

void bench_rank_markdown(FILE *stream, const bench_report *report) {
    const char *slash = strrchr(report->ranked, '/'); /* of a file its name alone */
    (void)fprintf(stream,
                  "Rows of %.200s as shares of their own bounds, most headroom first. A bound is what the "
                  "ceiling's work takes\nin the same process; no run is faster.\n\n"
                  "| of its bound | time / bound | benchmark | shape | threads | median | cold, of its "
                  "bound | bound |\n|---|---|---|---|---|---|---|---|\n",
                  slash != NULL ? slash + 1 : report->ranked);
    for (size_t i = 0; i < report->count && has_bound(&report->rows[i]); i++) {
        const bench_row *row = &report->rows[i];
        char threads[16] = "", cold[32] = "";
        if (row->threads != 0) {
            (void)snprintf(threads, sizeof threads, "%" PRId32, row->threads);
        }
        if (row->cold_share > 0.0) {
            (void)snprintf(cold, sizeof cold, "%.1f %%", 100 * row->cold_share);
        }
        (void)fprintf(stream, "| %.1f %%%s | %.2f | %s | %s | %s | %s | %s | %s |\n", 100 * row->share,
                      row->noisy ? ", noisy" : "", 1.0 / row->share, row->name, bench_shape_words(row).text,
                      threads, bench_duration(row->median).text, cold, row->ceiling);
    }
}
