/* command_map.c - ropemap map: the map that the options describe, as figure, file and JSON document */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/options.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* ---- the plan ------------------------------------------------------------------------------------------ */

/* Nothing where the type is the usual one. */
static void print_dtype(FILE *stream, const map_options *options, const ropemap_plan *plan) {
    const char *wanted = ropemap_dtype_name(options->request.dtype);
    if (plan->dtype != options->request.dtype) {
        (void)fprintf(stream, "dtype    %s, not %s: only the tiled method rounds rows\n",
                      ropemap_dtype_name(plan->dtype), wanted);
    } else if (plan->dtype != ROPEMAP_DTYPE_FP32) {
        (void)fprintf(stream, "dtype    %s\n", wanted);
    }
}

/* Prints a plan as lines of text. */
static void plan_print(FILE *stream, const map_options *options, const ropemap_plan *plan) {
    const bool cells = plan->method == ROPEMAP_METHOD_FACTORED;
    const char *unit = cells ? "cells" : "positions";
    (void)fprintf(stream, "method   %s: %s\n", ropemap_method_name(plan->method), plan->reason);
    (void)fprintf(stream, "backend  %s, %" PRId32 " thread%s: ", plan->backend, plan->threads,
                  plan->threads == 1 ? "" : "s");
    print_plain(stream, plan->backend_reason);
    for (int32_t i = 1; i < options->devices.count; i++) {
        (void)fprintf(stream, ", and GPU %" PRId32, options->devices.all[i]);
    }
    (void)fputc('\n', stream);
    print_dtype(stream, options, plan);
    (void)fprintf(stream, "map      %" PRId64 " x %" PRId64 " cells of %" PRId64 " x %" PRId64 " positions\n",
                  plan->width, plan->height, options->request.cols.count, options->request.rows.count);
    if (plan->tiles > 0) {
        (void)fprintf(stream, "bands    %" PRId64 " of %" PRId64 " %s%s\n", plan->bands, plan->band, unit,
                      plan->keys_resident ? ", rotated keys are kept" : "");
        (void)fprintf(stream, "tiles    %" PRId64 " of %" PRId64 " x %" PRId64 " %s%s\n", plan->tiles,
                      plan->block, plan->block, unit,
                      plan->kernel == ROPEMAP_KERNEL_FUSED ? ", pooled where they are made" : "");
    }
    (void)fprintf(stream, "memory   %s", bytes_shown(plan->bytes).text);
    if (plan->device_bytes > 0) {
        (void)fprintf(stream, ", and %s of the GPU's", bytes_shown(plan->device_bytes).text);
    }
    (void)fprintf(stream, "\nwork     %.4g FLOP\n", plan->flops);
}

/* What computes a map: a job, or several GPUs. */
typedef struct map_maker {
    ropemap_job *job;
    map_devices *devices;
} map_maker;

static ropemap_status open_maker(const map_options *options, const ropemap_request *request, map_maker *maker,
                                 ropemap_error *error) {
    return options->devices.count > 1 ? map_devices_open(&options->devices, request, &maker->devices, error)
                                      : ropemap_job_open(request, &maker->job, error);
}

static void free_maker(map_maker *maker) {
    ropemap_job_free(maker->job);
    if (maker->devices != NULL) {
        map_devices_free(maker->devices);
    }
}

static const ropemap_plan *plan_of(const map_maker *maker) {
    return maker->devices != NULL ? map_devices_plan(maker->devices) : ropemap_job_plan(maker->job);
}

/* ---- the map ------------------------------------------------------------------------------------------- */

static ropemap_status compute(const map_options *options, const ropemap_request *request, bool shows_plan,
                              ropemap_map *map, ropemap_error *error) {
    map_maker maker = {.job = NULL};
    ropemap_status status = open_maker(options, request, &maker, error);
    if (status == ROPEMAP_OK && shows_plan) {
        plan_print(stderr, options, plan_of(&maker));
    }
    if (status == ROPEMAP_OK) {
        status = maker.devices != NULL ? map_devices_run(maker.devices, map, error)
                                       : ropemap_job_run(maker.job, map, error);
    }
    free_maker(&maker);
    return status;
}

/* Takes the other map of --diff away from `map`. */
static ropemap_status take_other(const map_inputs *inputs, const ropemap_request *like, ropemap_map *map,
                                 ropemap_error *error) {
    ropemap_map other = {.cells = NULL};
    ropemap_request request = inputs->other->options.request;
    request.progress = like->progress;
    request.progress_user = like->progress_user;
    ropemap_status status = compute(&inputs->other->options, &request, false, &other, error);
    if (status == ROPEMAP_OK) {
        status = ropemap_map_subtract(map, &other, error);
    }
    ropemap_map_free(&other);
    return status;
}

static ropemap_status compute_with_mean(const ropemap_request *request, ropemap_map *map,
                                        ropemap_attention_row *mean, ropemap_error *error) {
    const ropemap_attention_request asked = {.map = *request};
    ropemap_attention attention = {.count = 0};
    const ropemap_status status = ropemap_attention_compute(&asked, map, &attention, error);
    *mean = attention.mean;
    ropemap_attention_free(&attention);
    return status;
}

ropemap_status map_run_mean(const map_options *options, const map_inputs *inputs, ropemap_progress progress,
                            void *progress_user, ropemap_map *map, ropemap_attention_row *mean,
                            ropemap_error *error) {
    ropemap_request request = options->request;
    request.progress = progress;
    request.progress_user = progress_user;
    const ropemap_status status =
        mean != NULL ? compute_with_mean(&request, map, mean, error)
                     : compute(options, &request, options->verbose && !options->quiet, map, error);
    return status == ROPEMAP_OK && inputs->other != NULL ? take_other(inputs, &request, map, error) : status;
}

ropemap_status map_run(const map_options *options, const map_inputs *inputs, ropemap_progress progress,
                       void *progress_user, ropemap_map *map, ropemap_error *error) {
    return map_run_mean(options, inputs, progress, progress_user, map, NULL, error);
}

/* ---- the figure ---------------------------------------------------------------------------------------- */

/* Adds a part to a line of parts with commas between them; one that does not fit whole is left out. */
static void append(char *text, size_t size, const char *more) {
    const size_t length = strlen(text);
    if (length + strlen(more) + 2 < size) {
        (void)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "", more);
    }
}

static void append_to_both(ropemap_figure *figure, const char *more) {
    append(figure->subtitle, sizeof figure->subtitle, more);
    append(figure->description, sizeof figure->description, more);
}

/* "a grid of 14 × 14 patches" */
static void describe_grid(const ropemap_axes *axes, ropemap_figure *figure) {
    char text[120] = "";
    for (int32_t axis = 0; axis < axes->count && axes->grid[axis] > 0; axis++) {
        const size_t length = strlen(text);
        (void)snprintf(text + length, sizeof text - length, "%s%" PRId32 "%s",
                       axis == 0 ? "a grid of " : " × ", axes->grid[axis],
                       axis == axes->count - 1 ? " patches" : "");
        (void)snprintf(figure->row_label, sizeof figure->row_label, "query patch");
        (void)snprintf(figure->col_label, sizeof figure->col_label, "key patch");
    }
    if (text[0] != '\0') {
        append_to_both(figure, text);
    }
}

ropemap_figure map_caption(const map_options *options, const ropemap_map *map) {
    ropemap_figure figure =
        ropemap_figure_default(map_prerotates(options) ? &options->shown : &options->request, map);
    char part[80];
    if (options->phase != ROPEMAP_PHASE_EXACT) {
        append(figure.title, sizeof figure.title, ropemap_phase_name(options->phase));
    }
    if (options->shift != 0) {
        (void)snprintf(part, sizeof part, "shifted by %s", number_in_words((double)options->shift).text);
        append(figure.title, sizeof figure.title, part);
    }
    if (options->positions_from != NULL) {
        append_to_both(&figure, "positions from a file");
    }
    if (options->positions_from == NULL && map_prerotates(options)) {
        describe_grid(&options->request.spec.axes, &figure);
    }
    if (options->diff != NULL) {
        const size_t length = strlen(figure.title);
        (void)snprintf(figure.title + length, sizeof figure.title - length, "%s%s",
                       strchr(options->diff, '=') != NULL ? ", minus the same with " : " less ",
                       options->less);
        append(figure.value_label, sizeof figure.value_label, "difference");
    }
    return figure;
}

/* Where the axes count what is no position of the model's, its length has no place on them. */
static int64_t trained_length(const map_options *options) {
    const bool positions = options->positions_from == NULL && options->shift == 0;
    return positions && options->rule.opened != NULL ? ropemap_model_trained_length(options->rule.opened) : 0;
}

void figure_options_apply(const map_options *options, bool png, ropemap_figure *figure) {
    (void)print_figure(&options->print, png, figure);
    figure->norm = map_norm(options);
    figure->linear_below = options->linear_below;
    figure->percentile = options->percent / 100.0;
    memcpy(figure->contours, options->contours, sizeof figure->contours);
    figure->contour_count = options->contour_count;
    figure->trained_length = trained_length(options);
    figure->dark = options->dark;
}

/* A bare PNG has a pixel a cell, and records how many an inch of its width has. */
static ropemap_page page_of(const map_options *options, const ropemap_map *map, bool png) {
    const print_scale scale = print_scale_of(&options->print, png);
    ropemap_page page = {.millimetres = scale.millimetres, .dpi = scale.dpi};
    if (options->bare && scale.millimetres > 0.0) {
        page.dpi = fmin(fmax((double)map->width / (scale.millimetres / 25.4), 10.0), 4800.0);
    }
    return page;
}

/* The figure that the options ask for, as a PNG or as a page; the vectors must still be open. */
static ropemap_figure map_figure_of(const map_options *options, const ropemap_map *map, bool png) {
    ropemap_figure figure = map_caption(options, map);
    figure.colormap = map_colormap(options);
    figure.has_limits = options->limits.given;
    figure.low = options->limits.low;
    figure.high = options->limits.high;
    figure.bare = options->bare;
    figure_options_apply(options, png, &figure);
    const char *preset = rule_preset(&options->rule);
    if (preset != NULL) {
        char rest[sizeof figure.subtitle];
        memcpy(rest, figure.subtitle, sizeof rest);
        (void)snprintf(figure.subtitle, sizeof figure.subtitle, "%s%s%.*s", preset,
                       rest[0] != '\0' ? ", " : "", (int)(sizeof rest - strlen(preset) - 3), rest);
    }
    return figure;
}

/* The file's bytes, owned by the caller. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
static ropemap_status map_encode(const map_options *options, const ropemap_map *map, output_kind kind,
                                 ropemap_bytes *bytes, ropemap_error *error) {
    if (kind == OUTPUT_NPY) {
        return ropemap_map_npy(map, bytes, error);
    }
    const ropemap_figure figure = map_figure_of(options, map, kind == OUTPUT_PNG);
    const ropemap_page page = page_of(options, map, kind == OUTPUT_PNG);
    return ropemap_figure_encode(&figure, output_format(kind), &page, bytes, error);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *range_object(ropemap_range range) {
    return json_pack("{s:I, s:I, s:I}", "first", (json_int_t)range.first, "count", (json_int_t)range.count,
                     "step", (json_int_t)range.step);
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
    if (options->tensors.queries != NULL) {
        const int64_t heads = options->tensors.heads.queries;
        return json_pack(
            "{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:o, s:o}", "kind", "tensors", "layer",
            options->tensors.capture != NULL ? json_integer((json_int_t)options->tensors.layer) : json_null(),
            "queries", document_text(options->tensors.queries), "keys", document_text(options->tensors.keys),
            "heads", heads != 0 ? json_integer((json_int_t)heads) : json_null(), "batch",
            (json_int_t)options->tensors.batch, "head", (json_int_t)options->tensors.head, "state",
            options->request.already_rotated && !map_prerotates(options) ? "post" : "pre", "query_positions",
            range_object(ropemap_vectors_positions(options->request.queries)), "key_positions",
            range_object(ropemap_vectors_positions(options->request.keys)));
    }
    if (options->content == MAP_CONTENT_GAUSS) {
        char seed[24]; /* as text: JSON readers lose digits beyond 2^53 */
        (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)options->seed);
        return json_pack("{s:s, s:s}", "kind", "gauss", "seed", seed);
    }
    return json_pack("{s:s}", "kind", "ones");
}

static json_t *plan_object(const ropemap_plan *plan) {
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:f}", "kernel", ropemap_kernel_name(plan->kernel), "block",
        (json_int_t)plan->block, "band", (json_int_t)plan->band, "bands", (json_int_t)plan->bands, "tiles",
        (json_int_t)plan->tiles, "keys_resident", plan->keys_resident ? 1 : 0, "bytes",
        (json_int_t)plan->bytes, "device_bytes", (json_int_t)plan->device_bytes, "flops", plan->flops);
}

/* null where the encoding has no chunks */
static json_t *chunk_number(const ropemap_request *request, int64_t given, int64_t usual) {
    const bool has = request->encoding.kind == ROPEMAP_ENCODING_DUAL_CHUNK;
    return has ? json_integer((json_int_t)(given != 0 ? given : usual)) : json_null();
}

/* null where a number is not given, or the measure is another one */
static json_t *softmax_object(const ropemap_request *request) {
    if (request->measure != ROPEMAP_MEASURE_SOFTMAX) {
        return json_null();
    }
    const ropemap_mask *mask = &request->mask;
    const ropemap_softmax *softmax = &request->softmax;
    const double usual = 1.0 / sqrt((double)request->spec.head_dim);
    return json_pack("{s:f, s:o, s:o, s:o, s:o, s:I, s:o}", "scale",
                     request->scale != 0.0 ? request->scale : usual, "softcap",
                     softmax->softcap != 0.0 ? json_real(softmax->softcap) : json_null(), "sink_logit",
                     softmax->has_sink ? json_real(softmax->sink_logit) : json_null(), "window",
                     document_count(mask->window), "attention_chunk", document_count(mask->chunk),
                     "sink_tokens", (json_int_t)mask->sink_tokens, "keys", range_object(softmax->keys));
}

/*
 * A document of that schema with the request and the plan. NULL where memory is short, as every function
 * here. The caller owns it.
 */
static json_t *document_start(const char *schema, const map_options *options, const ropemap_plan *plan) {
    const ropemap_request *request = &options->request;
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:s, s:s, s:b, "
        "s:s, s:b, s:o, s:I, s:o, s:s, s:o, s:o, " /* phase, difference, shift, positions_from, encoding... */
        "s:s, s:o, s:s, s:o, s:b, s:s, s:i, s:o, s:o}",
        "schema", schema, "version", ropemap_version(), "spec", spec_object(&request->spec), "content",
        content_object(options), "rows", range_object(request->rows), "cols", range_object(request->cols),
        "size", "width", (json_int_t)plan->width, "height", (json_int_t)plan->height, "pool",
        ropemap_pool_name(request->pool), "measure", ropemap_measure_name(request->measure), "causal",
        request->mask.causal ? 1 : 0, "phase", ropemap_phase_name(options->phase), "difference",
        options->diff != NULL ? 1 : 0, "less",
        options->diff != NULL ? document_text(options->less) : json_null(), "shift",
        (json_int_t)options->shift, "positions_from",
        options->positions_from != NULL ? document_text(options->positions_from) : json_null(), "encoding",
        ropemap_encoding_name(request->encoding.kind), "chunk",
        chunk_number(request, request->encoding.chunk, ROPEMAP_CHUNK), "local",
        chunk_number(request, request->encoding.local, ROPEMAP_LOCAL), "method",
        ropemap_method_name(plan->method), "reason", document_text(plan->reason), "backend", plan->backend,
        "backend_reason", document_text(plan->backend_reason), "fell_back", plan->fell_back ? 1 : 0, "dtype",
        ropemap_dtype_name(plan->dtype), "threads", (int)plan->threads, "plan", plan_object(plan), "softmax",
        softmax_object(request));
}

/* Most memory the process has held; 0 where the system does not say. */
static uint64_t peak_bytes(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static json_t *seconds_object(const map_report *report) {
    const ropemap_seconds *seconds = &report->map->seconds;
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "read", seconds->read, "rotate", seconds->rotate,
                     "similarity", seconds->similarity, "pool", seconds->pool, "draw", report->draw_seconds,
                     "write", report->write_seconds, "total", report->total_seconds);
}

static json_t *outputs_array(const map_options *options) {
    json_t *outputs = json_array();
    for (int index = 0; index < options->outputs.count; index++) {
        if (json_array_append_new(outputs, document_text(options->outputs.all[index])) != 0) {
            json_decref(outputs);
            return NULL;
        }
    }
    return outputs;
}

static json_t *contours_array(const ropemap_figure *figure) {
    json_t *array = json_array();
    for (int32_t i = 0; i < figure->contour_count; i++) {
        (void)json_array_append_new(array, json_real(figure->contours[i]));
    }
    return array;
}

/* What a picture shows, in words and colours; null where its limits are none. */
static json_t *figure_object(const map_report *report) {
    const ropemap_figure figure = map_figure_of(report->options, report->map, true);
    ropemap_scale scale;
    ropemap_error unheard;
    if (ropemap_figure_scale(&figure, &scale, &unheard) != ROPEMAP_OK) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:s, s:s, s:o, s:I}", "title",
                     document_text(figure.title), "subtitle", document_text(figure.subtitle), "description",
                     document_text(figure.description), "value_label", document_text(figure.value_label),
                     "row_label", document_text(figure.row_label), "col_label",
                     document_text(figure.col_label), "low", scale.low, "high", scale.high, "linear_below",
                     scale.linear_below, "norm", ropemap_norm_name(scale.norm), "colormap",
                     ropemap_colormap_name(scale.colormap), "contours", contours_array(&figure),
                     "trained_length", (json_int_t)figure.trained_length);
}

json_t *map_document(const map_report *report) {
    const ropemap_map *map = report->map;
    json_t *document = document_start("ropemap.map/1", report->options, &map->plan);
    json_t *results = json_pack(
        "{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:o}", "min", document_real(map->min), "max",
        document_real(map->max), "mean", document_real(map->mean), "nan_cells", (json_int_t)map->nan_cells,
        "masked_cells", (json_int_t)map->masked_cells, "empty_rows", (json_int_t)map->empty_rows, "nan_rows",
        (json_int_t)map->nan_rows, "figure", figure_object(report), "seconds", seconds_object(report),
        "peak_bytes", (json_int_t)peak_bytes(), "outputs", outputs_array(report->options));
    if (document != NULL && json_object_update(document, results) != 0) {
        json_decref(document);
        document = NULL;
    }
    json_decref(results);
    return document;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

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

/* Prints one line to stderr where a GPU was to compute the map and did not, or in smaller tiles than planned.
 * Nothing where there is no driver, or the map is too small for a GPU. */
static void report_backend(const map_report *report) {
    const ropemap_plan *plan = &report->map->plan;
    const bool cpu = strcmp(plan->backend, "cpu") == 0;
    if (plan->fell_back || (cpu && !is_plain(plan->backend_reason))) {
        (void)fputs("ropemap: backend: ", stderr);
        print_plain(stderr, plan->backend_reason);
        (void)fputs(cpu ? "; computed on the CPU\n" : "\n", stderr);
    }
}

/* "tiled on cpu"; with the type of the rows unless it is the usual one. */
static void print_method(const map_report *report) {
    const ropemap_plan *plan = &report->map->plan;
    const bool usual = report->options->request.dtype == ROPEMAP_DTYPE_FP32;
    const bool alone = strncmp(plan->backend_reason, no_driver, strlen(no_driver)) == 0;
    (void)fprintf(stderr, "%s%s%s on %s%s", ropemap_method_name(plan->method), usual ? "" : " in ",
                  usual ? "" : ropemap_dtype_name(plan->dtype), plan->backend, alone ? " (no GPU)" : "");
}

/* Queries that have no attention to draw. */
static void report_rows(const ropemap_map *map) {
    if (map->empty_rows > 0) {
        (void)fprintf(stderr, "%" PRId64 " queries see no key: mass 0; ", map->empty_rows);
    }
    if (map->nan_rows > 0) {
        (void)fprintf(stderr, "%" PRId64 " queries with a score that is NaN or infinite; ", map->nan_rows);
    }
}

/* Prints one line to stderr, and with --verbose one of the time that each stage took. */
static void report_line(const map_report *report) {
    const ropemap_map *map = report->map;
    const ropemap_request *request = &report->options->request;
    if (report->options->verbose) {
        const ropemap_seconds *seconds = &map->seconds;
        (void)fprintf(stderr,
                      "ropemap: read %.3f s, rotate %.3f s, similarity %.3f s, pool %.3f s, draw %.3f s, "
                      "write %.3f s\n",
                      seconds->read, seconds->rotate, seconds->similarity, seconds->pool,
                      report->draw_seconds, report->write_seconds);
    }
    (void)fprintf(stderr,
                  "ropemap: %" PRId64 " x %" PRId64 " positions, %" PRId64 " x %" PRId64
                  " cells, %s of %s from %.4g to %.4g, mean %.4g; ",
                  request->cols.count, request->rows.count, map->width, map->height,
                  ropemap_pool_name(request->pool), ropemap_measure_name(request->measure), map->min,
                  map->max, map->mean);
    if (map->masked_cells > 0) {
        (void)fprintf(stderr, "%" PRId64 " cells masked; ", map->masked_cells);
    }
    if (map->nan_cells > map->masked_cells) {
        (void)fprintf(stderr, "%" PRId64 " cells NaN; ", map->nan_cells - map->masked_cells);
    }
    report_rows(map);
    print_method(report);
    (void)fprintf(stderr, ", %.2f s;", report->total_seconds);
    for (int index = 0; index < report->options->outputs.count; index++) {
        (void)fputc(' ', stderr);
        print_plain(stderr, report->options->outputs.all[index]);
    }
    (void)fputc('\n', stderr);
}

/* ---- files --------------------------------------------------------------------------------------------- */

static ropemap_status check_width(const map_options *options, ropemap_error *error) {
    bool picture = options->print.width.size == 0.0;
    for (int index = 0; index < options->outputs.count; index++) {
        picture = picture || output_kind_of(options->outputs.all[index]) != OUTPUT_NPY;
    }
    return picture ? ROPEMAP_OK
                   : fail(error, ROPEMAP_USAGE, "--width needs a picture: -o FILE.png, .svg or .pdf");
}

ropemap_status map_note_diff(const map_options *options, cli_outputs *outputs, ropemap_error *error) {
    const char *equals = options->diff != NULL ? strchr(options->diff, '=') : NULL;
    if (equals == NULL) {
        return ROPEMAP_OK;
    }
    const cli_match match = options_find(&command_map, options->diff, (size_t)(equals - options->diff));
    return match.option != NULL ? outputs_note(outputs, match.option, equals + 1, error) : ROPEMAP_OK;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status check(void *given, cli_outputs *outputs, ropemap_error *error) {
    map_options *options = given;
    if (outputs == NULL) {
        options->outputs = (cli_texts){.all = {"map.png"}, .count = 1};
    }
    ropemap_status status = map_options_check(options, error);
    status = status == ROPEMAP_OK ? check_width(options, error) : status;
    if (status == ROPEMAP_OK && outputs != NULL) {
        status = map_note_diff(options, outputs, error);
    }
    status = status == ROPEMAP_OK ? figure_options_check(options, error) : status;
    if (status == ROPEMAP_OK && outputs != NULL) {
        figure_options_warn(options);
    }
    return status;
}

/* The inputs. */
static ropemap_status open_inputs(map_options *options, cli_call *call, made_map *made,
                                  ropemap_error *error) {
    made->began = wall_clock();
    made->report = (map_report){.options = options, .map = &made->map};
    options->request.session = call->session;
    options->request.progress = call_tell;
    options->request.progress_user = call;
    return map_inputs_open(options, &made->inputs, error);
}

static ropemap_status make(void *options, cli_call *call, void *made, ropemap_error *error) {
    made_map *to = made;
    ropemap_status status = open_inputs(options, call, to, error);
    status = status == ROPEMAP_OK ? map_run(options, &to->inputs, call_tell, call, &to->map, error) : status;
    to->report.total_seconds = wall_clock() - to->began;
    return status;
}

static ropemap_status encode(const void *options, void *made, int index, output_kind kind,
                             ropemap_bytes *bytes, ropemap_error *error) {
    made_map *from = made;
    const double start = wall_clock();
    ropemap_status status = figure_options_check(options, error);
    (void)index;
    status = status == ROPEMAP_OK ? map_encode(options, &from->map, kind, bytes, error) : status;
    from->report.draw_seconds += wall_clock() - start;
    return status;
}

static void written(const void *given, void *made, double seconds) {
    const map_options *options = given;
    made_map *to = made;
    to->report.write_seconds = seconds - to->report.draw_seconds;
    to->report.total_seconds = wall_clock() - to->began;
    if (!options->quiet) {
        report_backend(&to->report);
    }
    if (!options->quiet && !options->json) {
        report_line(&to->report);
    }
}

static json_t *document(const void *options, const void *made) {
    (void)options;
    return map_document(&((const made_map *)made)->report);
}

static bool array(const void *made, int32_t index, cli_array *to) {
    const ropemap_map *map = &((const made_map *)made)->map;
    *to = (cli_array){.name = "cells",
                      .data = map->cells,
                      .item = sizeof *map->cells,
                      .rank = 2,
                      .shape = {map->height, map->width}};
    return index == 0;
}

static void free_made(void *made) {
    ropemap_map_free(&((made_map *)made)->map);
    map_inputs_free(&((made_map *)made)->inputs);
}

/* ---- together with others ------------------------------------------------------------------------------ */

/* Of the map, and of the one that --diff takes away from it. */
struct both {
    const map_options *options;
    const map_inputs *inputs;
};

static ropemap_status open_one(void *user, int32_t lane, int index, ropemap_request *request,
                               ropemap_error *error) {
    const struct both *both = user;
    (void)lane;
    (void)error;
    *request = index == 0 ? both->options->request : both->inputs->other->options.request;
    return ROPEMAP_OK;
}

static void close_one(void *user, int32_t lane) {
    (void)user;
    (void)lane;
}

static ropemap_status share(void *given, cli_call *call, work_queue *queue, void *made,
                            ropemap_error *error) {
    const map_options *options = given;
    made_map *to = made;
    struct both both = {.options = options, .inputs = &to->inputs};
    map_source source = {.user = &both, .devices = &options->devices, .open = open_one, .close = close_one};
    ropemap_map maps[2] = {{.cells = NULL}};
    ropemap_status status = open_inputs(given, call, made, error);
    source.count = to->inputs.other != NULL ? 2 : 1;
    status = status == ROPEMAP_OK
                 ? map_shards_run(queue, &source, options->quiet, maps, NULL, &queue->end, error)
                 : status;
    if (status == ROPEMAP_OK && queue->end == WORK_MERGE && to->inputs.other != NULL) {
        status = ropemap_map_subtract(&maps[0], &maps[1], error);
    }
    to->map = maps[0];
    ropemap_map_free(&maps[1]);
    return status;
}

static const cli_result result = {.size = sizeof(made_map),
                                  .kinds = OUTPUT_PICTURES | 1 << OUTPUT_NPY,
                                  .check = check,
                                  .make = make,
                                  .share = share,
                                  .encode = encode,
                                  .written = written,
                                  .document = document,
                                  .array = array,
                                  .free = free_made};

/* Shows the plan and makes nothing. */
static ropemap_status dry_run(map_options *options, cli_run *run, ropemap_error *error) {
    map_inputs inputs = {.queries = NULL};
    map_maker maker = {.job = NULL};
    ropemap_status status = check(options, &run->outputs, error);
    status = status == ROPEMAP_OK
                 ? outputs_add_all(&run->outputs, &options->outputs, result.kinds, options->force, error)
                 : status;
    status = status == ROPEMAP_OK ? map_inputs_open(options, &inputs, error) : status;
    status = status == ROPEMAP_OK ? open_maker(options, &options->request, &maker, error) : status;
    if (status == ROPEMAP_OK && options->json) {
        run->code = document_print(document_start("ropemap.plan/1", options, plan_of(&maker)));
    } else if (status == ROPEMAP_OK) {
        plan_print(stdout, options, plan_of(&maker));
        run->code = finish_stdout();
    }
    free_maker(&maker);
    map_inputs_free(&inputs);
    return status;
}

static ropemap_status work(void *options, cli_run *run, ropemap_error *error) {
    return ((map_options *)options)->dry_run ? dry_run(options, run, error)
                                             : result_work(options, run, error);
}

static void start(void *options) {
    *(map_options *)options = map_options_default();
}

static void notes(void) {
    (void)printf(
        "\nRANGE is COUNT, FIRST:COUNT or FIRST:COUNT:STEP. Numbers may end in k, M or G (2^10, 2^20, 2^30)\n"
        "and may be written as 1e5. With --model or --preset the rule is the model's. RULE is one of:\n");
    help_scaling_rules();
    help_deals();
}

const cli_command command_map = {
    .name = "map",
    .summary = "draw how similar every two positions are, at any length",
    .usage = "[what] [how] -o FILE",
    .examples = "  ropemap map -n 128k -o map.png\n"
                "  ropemap map --preset llama3.1-8b -n 128k -o llama.png\n"
                "  ropemap map -b 5e5 -n 0:1M --pool absmax -o far.png -o far.npy\n"
                "  ropemap map --queries kv.safetensors:q --keys kv.safetensors:k --causal -o head0.png\n",
    .blocks = {{rule_rows, offsetof(map_options, rule)},
               {encoding_rows, offsetof(map_options, request)},
               {map_rows, 0},
               {attention_rows, offsetof(map_options, request)},
               {map_single_rows, 0},
               {devices_rows, 0},
               {tensor_rows, offsetof(map_options, tensors)},
               {section_rows, offsetof(map_options, rule)},
               {map_detail_rows, 0},
               {machine_rows, offsetof(map_options, request)},
               {thread_rows, offsetof(map_options, request.threads)},
               {work_rows, offsetof(map_options, work)},
               {print_rows, offsetof(map_options, print)}},
    .notes = notes,
    .size = sizeof(map_options),
    .start = start,
    .work = work,
    .result = &result,
};
