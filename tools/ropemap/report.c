/* report.c - what a command reports, as text and JSON */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/report.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map_inputs.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

cli_bytes bytes_shown(uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    cli_bytes shown;
    (void)snprintf(shown.text, sizeof shown.text, "%.4g %s", value, units[unit]);
    return shown;
}

json_t *document_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *document_text(const char *text) {
    json_t *plain = json_string(text);
    if (plain != NULL) {
        return plain;
    }
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t index = 0; index < size; index++) {
        copy[index] = text[index];
        if ((unsigned char)text[index] >= 0x80) {
            copy[index] = '?';
        }
    }
    plain = json_string(copy);
    free(copy);
    return plain;
}

json_t *document_base(const ropemap_spec *spec) {
    return spec->frequencies == NULL ? json_real(spec->base) : json_null();
}

json_t *document_frequencies(const ropemap_spec *spec) {
    return spec->frequencies == NULL ? json_null() : document_text(spec->frequencies->name);
}

static json_t *range_object(ropemap_range range) {
    return json_pack("{s:I, s:I, s:I}", "first", (json_int_t)range.first, "count", (json_int_t)range.count,
                     "step", (json_int_t)range.step);
}

const char *document_deal(const ropemap_axes *axes) {
    return axes->count > 0 ? ropemap_deal_name(axes->deal) : "none";
}

json_t *document_axes(const ropemap_axes *axes) {
    json_t *array = json_array();
    for (int32_t axis = 0; axis < axes->count; axis++) {
        json_t *one = json_pack("{s:s, s:i, s:o}", "name", ropemap_axis_name(axes, axis), "elements",
                                2 * (int)axes->pairs[axis], "patches",
                                axes->grid[axis] > 0 ? json_integer(axes->grid[axis]) : json_null());
        (void)json_array_append_new(array, one);
    }
    return array;
}

static json_t *spec_object(const ropemap_spec *spec) {
    ropemap_freqs freqs;
    ropemap_error error;
    const bool known = ropemap_freqs_make(spec, &freqs, &error) == ROPEMAP_OK;
    char scaling[400];
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    return json_pack("{s:o, s:o, s:i, s:i, s:s, s:s, s:s, s:o, s:o, s:s, s:o}", "base", document_base(spec),
                     "frequencies_from", document_frequencies(spec), "head_dim", (int)spec->head_dim,
                     "rotary_dim", (int)(spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim), "layout",
                     ropemap_layout_name(spec->layout), "rule", ropemap_scaling_name(spec->scaling.rule),
                     "scaling", scaling, "length",
                     spec->length > 0.0 ? json_integer((json_int_t)spec->length) : json_null(),
                     "attention_factor", known ? json_real(freqs.attention_factor) : json_null(), "deal",
                     document_deal(&spec->axes), "axes", document_axes(&spec->axes));
}

static json_t *content_object(const map_options *options) {
    if (options->queries != NULL) {
        const int64_t heads = options->heads.queries;
        return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:s, s:I}", "kind", "tensors", "queries",
                         document_text(options->queries), "keys", document_text(options->keys), "heads",
                         heads != 0 ? json_integer((json_int_t)heads) : json_null(), "batch",
                         (json_int_t)options->batch, "head", (json_int_t)options->head, "state",
                         options->request.already_rotated && !map_turns(options) ? "post" : "pre",
                         "first_position", (json_int_t)options->request.first_position);
    }
    if (options->content == MAP_CONTENT_GAUSS) {
        char seed[24]; /* as text: JSON readers lose digits beyond 2^53 */
        (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)options->seed);
        return json_pack("{s:s, s:s}", "kind", "gauss", "seed", seed);
    }
    return json_pack("{s:s}", "kind", "ones");
}

static json_t *plan_object(const ropemap_plan *plan) {
    return json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:f}", "block", (json_int_t)plan->block, "band",
                     (json_int_t)plan->band, "bands", (json_int_t)plan->bands, "tiles",
                     (json_int_t)plan->tiles, "keys_resident", plan->keys_resident ? 1 : 0, "bytes",
                     (json_int_t)plan->bytes, "device_bytes", (json_int_t)plan->device_bytes, "flops",
                     plan->flops);
}

/* null where the encoding has no chunks */
static json_t *chunk_number(const ropemap_request *request, int64_t asked, int64_t usual) {
    const bool has = request->encoding == ROPEMAP_ENCODING_DUAL_CHUNK;
    return has ? json_integer((json_int_t)(asked != 0 ? asked : usual)) : json_null();
}

/*
 * A document of that schema with what was asked and the plan. NULL where memory is short, as every function
 * here. The caller owns it.
 */
static json_t *document_start(const char *schema, const map_options *options, const ropemap_plan *plan) {
    const ropemap_request *request = &options->request;
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:s, s:s, s:b, "
        "s:s, s:b, s:I, s:o, s:s, s:o, s:o, " /* phase, difference, shift, positions_from, encoding, chunks */
        "s:s, s:o, s:s, s:o, s:b, s:s, s:i, s:o}",
        "schema", schema, "version", ropemap_version(), "spec", spec_object(&request->spec), "content",
        content_object(options), "rows", range_object(request->rows), "cols", range_object(request->cols),
        "size", "width", (json_int_t)plan->width, "height", (json_int_t)plan->height, "pool",
        ropemap_pool_name(request->pool), "measure", ropemap_measure_name(request->measure), "causal",
        request->causal ? 1 : 0, "phase", ropemap_phase_name(options->phase), "difference",
        options->diff ? 1 : 0, "shift", (json_int_t)options->shift, "positions_from",
        options->positions_from != NULL ? document_text(options->positions_from) : json_null(), "encoding",
        ropemap_encoding_name(request->encoding), "chunk",
        chunk_number(request, request->chunk, ROPEMAP_CHUNK), "local",
        chunk_number(request, request->local, ROPEMAP_LOCAL), "method", ropemap_method_name(plan->method),
        "reason", document_text(plan->reason), "backend", plan->backend, "backend_reason",
        document_text(plan->backend_reason), "fell_back", plan->fell_back ? 1 : 0, "dtype",
        ropemap_dtype_name(plan->dtype), "threads", (int)plan->threads, "plan", plan_object(plan));
}

int document_print(json_t *document) {
    ropemap_error error;
    if (document == NULL) {
        return failure_report(fail(&error, ROPEMAP_RESOURCES, "--json: no memory for the document"), &error);
    }
    (void)json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17) | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(document);
    return finish_stdout();
}

/* Most memory the process has held; 0 where the system does not say. */
static uint64_t peak_bytes(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static json_t *seconds_object(const map_report *report) {
    const ropemap_seconds *seconds = &report->map->seconds;
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "read", seconds->read, "rotate", seconds->rotate,
                     "similarity", seconds->similarity, "pool", seconds->pool, "draw",
                     report->output_seconds.draw, "write", report->output_seconds.write, "total",
                     report->total_seconds);
}

static json_t *outputs_array(const map_options *options) {
    json_t *outputs = json_array();
    for (int index = 0; index < options->output_count; index++) {
        if (json_array_append_new(outputs, document_text(options->outputs[index])) != 0) {
            json_decref(outputs);
            return NULL;
        }
    }
    return outputs;
}

int report_json(const map_report *report) {
    const ropemap_map *map = report->map;
    json_t *document = document_start("ropemap.map/1", report->options, &map->plan);
    json_t *results = json_pack("{s:o, s:o, s:o, s:I, s:o, s:I, s:o}", "min", document_real(map->min), "max",
                                document_real(map->max), "mean", document_real(map->mean), "nan_cells",
                                (json_int_t)map->nan_cells, "seconds", seconds_object(report), "peak_bytes",
                                (json_int_t)peak_bytes(), "outputs", outputs_array(report->options));
    if (document != NULL && json_object_update(document, results) != 0) {
        json_decref(document);
        document = NULL;
    }
    json_decref(results);
    return document_print(document);
}

/* How the reason begins on a machine without a GPU. */
static const char no_driver[] = "no GPU: there is no NVIDIA driver";

/* Whether the CPU was chosen as it is on most machines and for most maps; the words are those of host/map. */
static bool is_plain(const char *reason) {
    static const char *const plain[] = {no_driver, "a GPU takes longer to start", "asked for"};
    bool found = false;
    for (size_t index = 0; index < sizeof plain / sizeof plain[0]; index++) {
        found = found || strncmp(reason, plain[index], strlen(plain[index])) == 0;
    }
    return found;
}

void report_backend(const map_report *report) {
    const ropemap_plan *plan = &report->map->plan;
    const bool cpu = strcmp(plan->backend, "cpu") == 0;
    if (plan->fell_back || (cpu && !is_plain(plan->backend_reason))) {
        (void)fputs("ropemap: backend: ", stderr);
        print_plain(stderr, plan->backend_reason);
        (void)fputs(cpu ? "; computed on the CPU\n" : "\n", stderr);
    }
}

/* "tiled on cpu"; with the type of the rows where another than the usual one was asked for. */
static void print_method(const map_report *report) {
    const ropemap_plan *plan = &report->map->plan;
    const bool usual = report->options->request.dtype == ROPEMAP_DTYPE_FP32;
    const bool alone = strncmp(plan->backend_reason, no_driver, strlen(no_driver)) == 0;
    (void)fprintf(stderr, "%s%s%s on %s%s", ropemap_method_name(plan->method), usual ? "" : " in ",
                  usual ? "" : ropemap_dtype_name(plan->dtype), plan->backend, alone ? " (no GPU)" : "");
}

void report_line(const map_report *report) {
    const ropemap_map *map = report->map;
    const ropemap_request *request = &report->options->request;
    if (report->options->verbose) {
        const ropemap_seconds *seconds = &map->seconds;
        (void)fprintf(stderr,
                      "ropemap: read %.3f s, rotate %.3f s, similarity %.3f s, pool %.3f s, draw %.3f s, "
                      "write %.3f s\n",
                      seconds->read, seconds->rotate, seconds->similarity, seconds->pool,
                      report->output_seconds.draw, report->output_seconds.write);
    }
    (void)fprintf(stderr,
                  "ropemap: %" PRId64 " x %" PRId64 " positions, %" PRId64 " x %" PRId64
                  " cells, %s of %s from %.4g to %.4g, mean %.4g; ",
                  request->cols.count, request->rows.count, map->width, map->height,
                  ropemap_pool_name(request->pool), ropemap_measure_name(request->measure), map->min,
                  map->max, map->mean);
    if (map->nan_cells > 0) {
        (void)fprintf(stderr, "%" PRId64 " cells NaN; ", map->nan_cells);
    }
    print_method(report);
    (void)fprintf(stderr, ", %.2f s;", report->total_seconds);
    for (int index = 0; index < report->options->output_count; index++) {
        (void)fputc(' ', stderr);
        print_plain(stderr, report->options->outputs[index]);
    }
    (void)fputc('\n', stderr);
}

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
