/* answer_map.c - /map.*: the map that the query asks for; /value.json: one pair of it */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_map.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_options.h"
#include "tools/ropemap/map_outputs.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/report.h"
#include "tools/serve/serve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most bytes that a picture's work takes where the command line did not say. */
static const uint64_t memory_usual = UINT64_C(1) << 30;

/* A map on its way from the query to the answer. */
typedef struct drawing {
    map_options options;
    map_inputs inputs;
    char *config; /* a posted model's text, which the rule borrows */
    ropemap_map map;
} drawing;

static bool has_name(const serve_query *query, const char *name) {
    for (int i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What the command line of the server says of the machine, and of tensors where the query has no content. */
static map_options start_options(const serve_context *context, const serve_query *query) {
    const map_options *own = &context->options->map;
    map_options options = map_options_default();
    options.request.threads = own->request.threads;
    options.request.memory = own->request.memory != 0 ? own->request.memory : memory_usual;
    options.request.backend = own->request.backend;
    options.request.device = own->request.device;
    options.request.session = context->session;
    if (own->queries != NULL && !has_name(query, "content")) {
        options.queries = own->queries;
        options.heads = own->heads;
        options.keys = own->keys;
        options.order = own->order;
        options.batch = own->batch;
        options.head = own->head;
        options.request.already_rotated = own->request.already_rotated;
        options.request.first_position = own->request.first_position;
    }
    return options;
}

/* A map of few columns and many rows, drawn to a width, may be as high as it likes: pages alone have one
 * here. */
static ropemap_status check_limits(const map_options *options, map_file kind, ropemap_error *error) {
    const ropemap_request *request = &options->request;
    if (request->width > SERVE_SIDE || request->height > SERVE_SIDE) {
        return fail(error, ROPEMAP_USAGE,
                    "--size: %" PRId64 "x%" PRId64 ", expected at most %d a side from a browser",
                    request->width, request->height, SERVE_SIDE);
    }
    if (kind == MAP_PNG && options->print.width > 0.0) {
        return fail(
            error, ROPEMAP_USAGE,
            "--width: of a PNG, expected of map.svg or map.pdf from a browser; --size says its cells");
    }
    int64_t patches = 1;
    for (int32_t axis = 0; axis < options->rule.sides; axis++) {
        patches *= options->rule.grid[axis] * (options->rule.sides == 1 ? options->rule.grid[axis] : 1);
    }
    if (patches > (int64_t)SERVE_GRID * SERVE_GRID) {
        return fail(error, ROPEMAP_USAGE, "--grid: %" PRId64 " patches, at most %d x %d from a browser",
                    patches, SERVE_GRID, SERVE_GRID);
    }
    return ROPEMAP_OK;
}

/* The server's own tensors, where the map is of those. */
static ropemap_status take_tensors(const serve_context *context, map_options *options, ropemap_error *error) {
    const ropemap_tensor like = {.order = options->order, .batch = options->batch, .head = options->head};
    return options->queries == NULL
               ? ROPEMAP_OK
               : tensors_lend(context->tensors, &like, &options->lent_queries, &options->lent_keys, error);
}

static ropemap_status open_drawing(const serve_context *context, serve_job *job, drawing *made,
                                   ropemap_error *error) {
    made->options = start_options(context, &job->query);
    ropemap_status status = request_apply(context, &command_map, &job->query, &made->options,
                                          &made->options.rule, &made->config, error);
    made->options.outputs[0] = job->path + 1;
    made->options.output_count = 1;
    status = status == ROPEMAP_OK ? check_limits(&made->options, map_file_of(job->path), error) : status;
    status = status == ROPEMAP_OK ? map_options_check(&made->options, error) : status;
    status = status == ROPEMAP_OK ? figure_options_check(&made->options, error) : status;
    status = status == ROPEMAP_OK ? take_tensors(context, &made->options, error) : status;
    return status == ROPEMAP_OK ? map_inputs_open(&made->options, &made->inputs, error) : status;
}

static void close_drawing(drawing *made) {
    ropemap_map_free(&made->map);
    map_inputs_free(&made->inputs);
    rule_options_free(&made->options.rule);
    free(made->config);
}

/* ---- /map.* -------------------------------------------------------------------------------------------- */

static json_t *range_array(ropemap_range range) {
    return json_pack("{s:I, s:I, s:I}", "first", (json_int_t)range.first, "count", (json_int_t)range.count,
                     "step", (json_int_t)range.step);
}

static json_t *contours_array(const ropemap_figure *figure) {
    json_t *array = json_array();
    for (int32_t i = 0; i < figure->contour_count; i++) {
        (void)json_array_append_new(array, json_real(figure->contours[i]));
    }
    return array;
}

/* What the picture does not say of itself, in the Ropemap-Map header. */
static ropemap_status describe(const drawing *made, double seconds, serve_answer *answer,
                               ropemap_error *error) {
    const ropemap_map *map = &made->map;
    const ropemap_figure figure = map_figure_of(&made->options, map, true);
    ropemap_scale scale;
    const ropemap_status status = ropemap_figure_scale(&figure, &scale, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    json_t *detail = json_pack(
        "{s:o, s:o, s:o, s:f, s:f, s:f, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:o, s:f, s:o, s:o, s:o, s:o, "
        "s:o, "
        "s:o, s:o, s:o, s:I}",
        "min", document_real(map->min), "max", document_real(map->max), "mean", document_real(map->mean),
        "low", scale.low, "high", scale.high, "linear_below", scale.linear_below, "norm",
        ropemap_norm_name(scale.norm), "colormap", ropemap_colormap_name(scale.colormap), "nan_cells",
        (json_int_t)map->nan_cells, "width", (json_int_t)map->width, "height", (json_int_t)map->height,
        "method", ropemap_method_name(map->plan.method), "backend", map->plan.backend, "reason",
        document_text(map->plan.reason), "seconds", seconds, "rows", range_array(figure.panel.rows), "cols",
        range_array(figure.panel.cols), "title", document_text(figure.title), "subtitle",
        document_text(figure.subtitle), "value_label", document_text(figure.value_label), "row_label",
        document_text(figure.row_label), "col_label", document_text(figure.col_label), "contours",
        contours_array(&figure), "trained_length", (json_int_t)figure.trained_length);
    const size_t length = detail == NULL
                              ? 0
                              : json_dumpb(detail, answer->detail, sizeof answer->detail - 1,
                                           JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    json_decref(detail);
    if (length == 0 || length >= sizeof answer->detail) {
        return fail(error, ROPEMAP_RESOURCES, "map: no room for its description");
    }
    answer->detail[length - 1] = '\0'; /* without the closing brace */
    return ROPEMAP_OK;
}

void answer_map(void *user, serve_job *job) {
    static const char *const types[] = {[MAP_PNG] = "image/png",
                                        [MAP_SVG] = "image/svg+xml",
                                        [MAP_PDF] = "application/pdf",
                                        [MAP_NPY] = "application/octet-stream"};
    const map_file kind = map_file_of(job->path);
    drawing made = {.config = NULL};
    ropemap_error error = {.status = ROPEMAP_OK};
    const double start = wall_clock();
    ropemap_status status = open_drawing(user, job, &made, &error);
    if (status == ROPEMAP_OK && made.options.bare && kind != MAP_PNG) {
        status = fail(&error, ROPEMAP_USAGE, "--bare: of %s, expected of map.png alone", job->path + 1);
    }
    if (status == ROPEMAP_OK) {
        status = map_run(&made.options, &made.inputs, job_progress, job, &made.map, &error);
    }
    if (status == ROPEMAP_OK) {
        status = map_encode(&made.options, &made.map, kind, &job->answer->bytes, &error);
        job->answer->free_bytes = ropemap_bytes_free;
    }
    if (status == ROPEMAP_OK) {
        job->answer->status = 200;
        job->answer->type = types[kind];
        status = describe(&made, wall_clock() - start, job->answer, &error);
    }
    close_drawing(&made);
    if (status != ROPEMAP_OK) {
        options_name(&command_map, &error);
        answer_fail(job->answer, &error);
    }
}

/* ---- /value.json --------------------------------------------------------------------------------------- */

/* Takes the position of that name out of the query. */
static ropemap_status take_position(serve_query *query, const char *name, int64_t *position,
                                    ropemap_error *error) {
    const char *text = query_take(query, name);
    uint64_t value = 0;
    if (text == NULL) {
        return fail(error, ROPEMAP_USAGE, "%s: missing, expected a position", name);
    }
    const ropemap_status status =
        number_integer(name, text, 0, (uint64_t)ROPEMAP_POSITION_END - 1, &value, error);
    *position = (int64_t)value;
    return status;
}

void answer_value(void *user, serve_job *job) {
    static const char *const unused[] = {"rows", "cols", "size", "pool", "bare", "clim", "percentile"};
    drawing made = {.config = NULL};
    ropemap_error error = {.status = ROPEMAP_OK};
    int64_t row = 0, col = 0;
    char rows[40], cols[40];
    ropemap_status status = take_position(&job->query, "i", &row, &error);
    status = status == ROPEMAP_OK ? take_position(&job->query, "j", &col, &error) : status;
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
        (void)query_take(&job->query, unused[i]);
    }
    if (status == ROPEMAP_OK) { /* the two that were taken left room for two */
        (void)snprintf(rows, sizeof rows, "%" PRId64 ":1", row);
        (void)snprintf(cols, sizeof cols, "%" PRId64 ":1", col);
        job->query.pairs[job->query.count++] = (serve_pair){"rows", rows};
        job->query.pairs[job->query.count++] = (serve_pair){"cols", cols};
        status = open_drawing(user, job, &made, &error);
    }
    if (status == ROPEMAP_OK) {
        status = map_run(&made.options, &made.inputs, job_progress, job, &made.map, &error);
    }
    if (status == ROPEMAP_OK) {
        answer_document(job->answer,
                        json_pack("{s:s, s:I, s:I, s:I, s:o}", "schema", "ropemap.value/1", "i",
                                  (json_int_t)row, "j", (json_int_t)col, "distance", (json_int_t)(row - col),
                                  "value", document_real((double)made.map.cells[0])));
    } else {
        options_name(&command_map, &error);
        answer_fail(job->answer, &error);
    }
    close_drawing(&made);
}
