/* dry_run.c - what `ropemap map` says about a plan: how a map would be computed, and at what cost */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/report.h"

#include <inttypes.h>

/* A count of bytes in the unit that leaves one to four digits. */
static void print_bytes(FILE *stream, uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    (void)fprintf(stream, "%.4g %s", value, units[unit]);
}

void plan_print(FILE *stream, const map_options *options, const ropemap_plan *plan) {
    const bool cells = plan->method == ROPEMAP_METHOD_FACTORED;
    const char *unit = cells ? "cells" : "positions";
    (void)fprintf(stream, "method   %s: %s\n", ropemap_method_name(plan->method), plan->reason);
    (void)fprintf(stream, "backend  %s, %" PRId32 " thread%s\n", plan->backend, plan->threads,
                  plan->threads == 1 ? "" : "s");
    (void)fprintf(stream, "map      %" PRId64 " x %" PRId64 " cells of %" PRId64 " x %" PRId64 " positions\n",
                  plan->width, plan->height, options->request.cols.count, options->request.rows.count);
    if (plan->tiles > 0) {
        (void)fprintf(stream, "bands    %" PRId64 " of %" PRId64 " %s%s\n", plan->bands, plan->band, unit,
                      plan->keys_resident ? ", rotated keys are kept" : "");
        (void)fprintf(stream, "tiles    %" PRId64 " of %" PRId64 " x %" PRId64 " %s\n", plan->tiles,
                      plan->block, plan->block, unit);
    }
    (void)fprintf(stream, "memory   ");
    print_bytes(stream, plan->bytes);
    (void)fprintf(stream, "\nwork     %.4g FLOP\n", plan->flops);
}

int plan_report(const map_options *options, const ropemap_plan *plan) {
    if (options->json) {
        return document_print(document_start("ropemap.plan/1", options, plan));
    }
    plan_print(stdout, options, plan);
    return finish_stdout();
}
