/* bound_run.c - how far a base reaches, and the bases that reach far enough */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bound_options.h"
#include "tools/ropemap/failure.h"

#include <stdlib.h>
#include <string.h>

enum { REACH_LIMIT = 1 << 24 };

static ropemap_status find(const bound_options *options, int64_t length, int32_t head_dim, bound_found *found,
                           ropemap_error *error) {
    ropemap_bound_request request = {.spec = options->rule.spec,
                                     .length = length,
                                     .low = options->low,
                                     .high = options->high,
                                     .resolution = options->resolution,
                                     .threads = options->threads,
                                     .progress = options->progress,
                                     .progress_user = options->progress_user};
    if (head_dim != 0 && head_dim != request.spec.head_dim) {
        request.spec.head_dim = head_dim;
        request.spec.rotary_dim = 0;
        if (!ropemap_axes_apart(&request.spec.axes)) {
            request.spec.axes = (ropemap_axes){.count = 0}; /* sections of another head */
        }
    }
    if (length > BOUND_LENGTH_MOST) {
        return fail(error, ROPEMAP_USAGE, "--length: %lld, expected 2 to %d", (long long)length,
                    BOUND_LENGTH_MOST);
    }
    found->length = length;
    found->head_dim = request.spec.head_dim;
    return ropemap_bound_bases(&request, found->windows, options->windows, &found->count, error);
}

/* All lengths of all dims, or the one length. */
static ropemap_status find_all(const bound_options *options, bound_results *results, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (options->length_count == 0 && (options->rule.given & RULE_LENGTH) != 0) {
        results->count = 1;
        return find(options, (int64_t)options->rule.spec.length, 0, results->found, error);
    }
    for (int dim = 0; dim < (options->dim_count > 0 ? options->dim_count : 1); dim++) {
        for (int i = 0; i < options->length_count && status == ROPEMAP_OK; i++) {
            status =
                find(options, options->lengths[i], options->dim_count > 0 ? (int32_t)options->dims[dim] : 0,
                     &results->found[results->count++], error);
        }
    }
    return status;
}

static bool wants_reach(const bound_options *options) {
    const bool base = (options->rule.given & RULE_BASE) != 0 || rule_options_named(&options->rule) ||
                      options->rule.frequencies != NULL;
    return base && options->length_count == 0;
}

ropemap_status bound_check(const bound_options *options, ropemap_error *error) {
    const bool bases = options->length_count > 0 || (options->rule.given & RULE_LENGTH) != 0;
    if (bases && options->rule.frequencies != NULL) {
        return fail(
            error, ROPEMAP_USAGE,
            "--%s and --frequencies: a table has no base to search for; leave --%s out for how far the "
            "table reaches",
            options->length_count > 0 ? "table" : "length", options->length_count > 0 ? "table" : "length");
    }
    if (!bases && !wants_reach(options)) {
        return fail(error, ROPEMAP_USAGE,
                    "--length: missing, expected --length L for the least base, or --base B for its reach");
    }
    if (options->dim_count > 0 && options->length_count == 0) {
        return fail(error, ROPEMAP_USAGE, "--dims: without --table, expected with it");
    }
    return ROPEMAP_OK;
}

ropemap_status bound_run(bound_options *options, bound_results *results, ropemap_error *error) {
    *results =
        (bound_results){.limit = options->limit != 0 ? options->limit : REACH_LIMIT,
                        .found = calloc((size_t)BOUND_LIST_MOST * BOUND_LIST_MOST, sizeof *results->found)};
    if (results->found == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "bound: no memory for the results");
    }
    ropemap_status status = rule_options_resolve(&options->rule, error);
    results->has_reach = wants_reach(options);
    if (status == ROPEMAP_OK && results->has_reach) {
        status = ropemap_bound_reach(&options->rule.spec, results->limit, options->threads, options->progress,
                                     options->progress_user, &results->reach, error);
    }
    return status == ROPEMAP_OK ? find_all(options, results, error) : status;
}

void bound_results_free(bound_results *results) {
    free(results->found);
    results->found = NULL;
}
