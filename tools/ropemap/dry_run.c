/* dry_run.c - what `ropemap map` says about a plan: how a map would be computed, and at what cost */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bytes.h"
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/report.h"

#include <inttypes.h>

/* Without a word where nobody asked for another type than the usual one. */
static void print_dtype(FILE *stream, const map_options *options, const ropemap_plan *plan) {
    const char *asked = ropemap_dtype_name(options->request.dtype);
    if (plan->dtype != options->request.dtype) {
        (void)fprintf(stream, "dtype    %s, not %s: only the tiled method rounds rows\n",
                      ropemap_dtype_name(plan->dtype), asked);
    } else if (plan->dtype != ROPEMAP_DTYPE_FP32) {
        (void)fprintf(stream, "dtype    %s\n", asked);
    }
}

void plan_print(FILE *stream, const map_options *options, const ropemap_plan *plan) {
    const bool cells = plan->method == ROPEMAP_METHOD_FACTORED;
    const char *unit = cells ? "cells" : "positions";
    (void)fprintf(stream, "method   %s: %s\n", ropemap_method_name(plan->method), plan->reason);
    (void)fprintf(stream, "backend  %s, %" PRId32 " thread%s: ", plan->backend, plan->threads,
                  plan->threads == 1 ? "" : "s");
    print_plain(stream, plan->backend_reason);
    (void)fputc('\n', stream);
    print_dtype(stream, options, plan);
    (void)fprintf(stream, "map      %" PRId64 " x %" PRId64 " cells of %" PRId64 " x %" PRId64 " positions\n",
                  plan->width, plan->height, options->request.cols.count, options->request.rows.count);
    if (plan->tiles > 0) {
        (void)fprintf(stream, "bands    %" PRId64 " of %" PRId64 " %s%s\n", plan->bands, plan->band, unit,
                      plan->keys_resident ? ", rotated keys are kept" : "");
        (void)fprintf(stream, "tiles    %" PRId64 " of %" PRId64 " x %" PRId64 " %s\n", plan->tiles,
                      plan->block, plan->block, unit);
    }
    (void)fprintf(stream, "memory   %s", bytes_shown(plan->bytes).text);
    if (plan->device_bytes > 0) {
        (void)fprintf(stream, ", and %s of the GPU's", bytes_shown(plan->device_bytes).text);
    }
    (void)fprintf(stream, "\nwork     %.4g FLOP\n", plan->flops);
}

int plan_report(const map_options *options, const ropemap_plan *plan) {
    if (options->json) {
        return document_print(document_start("ropemap.plan/1", options, plan));
    }
    plan_print(stdout, options, plan);
    return finish_stdout();
}
