/* map_options.c - which options of `ropemap map` go together */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_options.h"

#include "tools/ropemap/failure.h"

#include <string.h>

map_options map_options_default(void) {
    return (map_options){.rule = rule_options_default(), .request = ropemap_request_default()};
}

static ropemap_status check_tensors(const map_options *options, ropemap_error *error) {
    if ((options->queries == NULL) != (options->keys == NULL)) {
        const bool queries = options->queries != NULL;
        return fail(error, ROPEMAP_USAGE, "--%s: missing, expected with --%s ('%.200s')",
                    queries ? "keys" : "queries", queries ? "queries" : "keys",
                    queries ? options->queries : options->keys);
    }
    if (options->queries != NULL && options->has_content) {
        return fail(error, ROPEMAP_USAGE,
                    "--content: given with --queries ('%.200s'), expected one of the two", options->queries);
    }
    const bool of_table = options->needs_tensor != NULL && strcmp(options->needs_tensor, "head") == 0 &&
                          options->rule.frequencies != NULL;
    if (options->queries == NULL &&
        ((options->needs_tensor != NULL && !of_table) || options->heads.queries != 0)) {
        return fail(error, ROPEMAP_USAGE, "--%s: without tensors, expected with --queries and --keys",
                    options->needs_tensor != NULL ? options->needs_tensor : "heads");
    }
    return ROPEMAP_OK;
}

ropemap_status map_options_check(const map_options *options, ropemap_error *error) {
    const ropemap_status status = check_tensors(options, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (options->output_count == 0 && !options->dry_run) {
        return fail(error, ROPEMAP_USAGE, "--output: missing, expected -o FILE.png, .svg, .pdf or .npy");
    }
    return ROPEMAP_OK;
}
