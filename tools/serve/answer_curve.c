/* answer_curve.c - /curve.*: similarity against distance */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/curve_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options.h"
#include "tools/serve/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static curve_options start_options(const serve_context *context, serve_job *job) {
    const map_options *own = &context->options->map;
    curve_options options = {.rule = rule_options_default(),
                             .threads = own->request.threads,
                             .progress = job_progress,
                             .progress_user = job};
    /* As of a map, though a curve has no such option: real vectors where nothing else is asked. */
    const bool content = query_take(&job->query, "content") != NULL;
    if (own->queries != NULL && !content) {
        options.queries = own->queries;
        options.heads = own->heads;
        options.keys = own->keys;
        options.order = own->order;
        options.batch = own->batch;
        options.head = own->head;
        options.already_rotated = own->request.already_rotated;
        options.first_position = own->request.first_position;
    }
    return options;
}

/* The server's own tensors, where the curve is of those. */
static ropemap_status take_tensors(const serve_context *context, curve_options *options,
                                   ropemap_error *error) {
    const ropemap_tensor like = {.order = options->order, .batch = options->batch, .head = options->head};
    return options->queries == NULL
               ? ROPEMAP_OK
               : tensors_lend(context->tensors, &like, &options->lent_queries, &options->lent_keys, error);
}

/* What it takes fits. */
static ropemap_status check(const curve_options *options, ropemap_error *error) {
    const int64_t across = print_scale_of(&options->print, true).width;
    if (options->width > SERVE_PIXELS || options->height > SERVE_PIXELS || across > SERVE_PIXELS) {
        return fail(error, ROPEMAP_USAGE, "--%s: more than %d pixels a side, expected fewer from a browser",
                    across > SERVE_PIXELS ? "width" : "size", SERVE_PIXELS);
    }
    const int64_t count = options->has_distances ? options->distances.count : 1;
    if (count > SERVE_CURVE_VALUES / vary_count(&options->vary)) {
        return fail(error, ROPEMAP_USAGE,
                    "--distances: %" PRId64 " of %d curves, expected at most %d values in all from a browser",
                    count, vary_count(&options->vary), SERVE_CURVE_VALUES);
    }
    return ROPEMAP_OK;
}

static const char *type_of(const char *path) {
    const char *ending = strrchr(path, '.');
    return strcmp(ending, ".png") == 0   ? "image/png"
           : strcmp(ending, ".svg") == 0 ? "image/svg+xml"
           : strcmp(ending, ".pdf") == 0 ? "application/pdf"
           : strcmp(ending, ".csv") == 0 ? "text/csv; charset=utf-8"
                                         : "application/octet-stream";
}

static void free_table(ropemap_bytes *bytes) {
    curves_bytes_free(".csv", bytes);
}

static ropemap_status encode(const curve_options *options, const curves *made, serve_job *job,
                             ropemap_error *error) {
    const bool table = strstr(job->path, ".csv") != NULL || strstr(job->path, ".npy") != NULL;
    if (strstr(job->path, ".json") != NULL) {
        answer_document(job->answer, curves_document(options, made));
        return ROPEMAP_OK;
    }
    job->answer->status = 200;
    job->answer->type = type_of(job->path);
    job->answer->free_bytes = table ? free_table : ropemap_bytes_free;
    return curves_encode(options, made, job->path, &job->answer->bytes, error);
}

void answer_curve(void *user, serve_job *job) {
    const serve_context *context = user;
    curve_options options = start_options(context, job);
    curves *made = calloc(1, sizeof *made);
    ropemap_error error = {.status = ROPEMAP_OK};
    char *config = NULL;
    ropemap_status status =
        request_apply(context, &command_curve, &job->query, &options, &options.rule, &config, &error);
    if (status == ROPEMAP_OK && made == NULL) {
        status = fail(&error, ROPEMAP_RESOURCES, "curve: no memory");
    }
    status = status == ROPEMAP_OK ? check(&options, &error) : status;
    status = status == ROPEMAP_OK ? take_tensors(context, &options, &error) : status;
    status = status == ROPEMAP_OK ? curves_make(&options, made, &error) : status;
    status = status == ROPEMAP_OK ? encode(&options, made, job, &error) : status;
    if (status != ROPEMAP_OK) {
        options_name(&command_curve, &error);
        answer_fail(job->answer, &error);
    }
    if (made != NULL) {
        curves_free(made);
    }
    free(made);
    vary_free(&options.vary);
    free(config);
}
