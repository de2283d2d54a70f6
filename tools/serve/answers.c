/* answers.c - what each path answers: the encoders of the commands, with the query as their options */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_info.h"
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/run.h"
#include "tools/serve/serve.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char TEXT[] = "text/plain; charset=utf-8";

/* ---- from the query to options --------------------------------------------------------------------------
 */

/* Whether an option of the command is this machine's own; `names` may be "NAME" or "NAME=VALUES". */
static bool is_local(const cli_command *command, const char *name) {
    const cli_option *option = options_find(command, name, strcspn(name, "=")).option;
    return option != NULL && option->local;
}

/* A flag is given as "causal", "causal=1" or "causal=true". */
static ropemap_status set_flag(const cli_command *command, const serve_pair *pair, void *into,
                               ropemap_error *error) {
    static const char *const on[] = {"", "1", "true"}, *const off[] = {"0", "false"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(pair->value, on[i]) == 0) {
            return options_set(command, pair->name, NULL, into, error);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (strcmp(pair->value, off[i]) == 0) {
            return ROPEMAP_OK;
        }
    }
    return fail(error, ROPEMAP_USAGE, "--%s: '%.64s' is no value of a flag; give 1, 0 or none", pair->name,
                pair->value);
}

static ropemap_status set(const cli_command *command, const serve_pair *pair, void *into,
                          ropemap_error *error) {
    const cli_option *option = options_find(command, pair->name, strlen(pair->name)).option;
    const bool names = strcmp(pair->name, "vary") == 0 || strcmp(pair->name, "diff") == 0;
    const bool varies = names && is_local(command, pair->value);
    if (varies || is_local(command, pair->name)) {
        const char *name = varies ? pair->value : pair->name;
        return fail(error, ROPEMAP_USAGE, "--%.*s is not accepted over HTTP", (int)strcspn(name, "="), name);
    }
    if (option != NULL && option->type == OPTION_FLAG) {
        return set_flag(command, pair, into, error);
    }
    return options_set(command, pair->name, pair->value, into, error);
}

ropemap_status request_apply(const serve_context *context, const cli_command *command, serve_query *query,
                             void *options, char **config, ropemap_error *error) {
    const char *model = query_take(query, "model");
    ropemap_status status = ROPEMAP_OK;
    *config = NULL;
    for (int i = 0; i < query->count && status == ROPEMAP_OK; i++) {
        status = set(command, &query->pairs[i], options, error);
    }
    if (status == ROPEMAP_OK && model != NULL) {
        status = models_use(context->models, model, rule_options_of(command, options), config, error);
    }
    if (status != ROPEMAP_OK) {
        options_name(command, error);
    }
    return status;
}

void route_answer(void *user, serve_job *job) {
    const serve_context *context = user;
    const serve_route *route = job->route;
    const cli_command *command = route->command;
    ropemap_error error = {.status = ROPEMAP_OK};
    ropemap_status status = ROPEMAP_OK;
    char *config = NULL;
    void *options = command != NULL ? options_new(command) : NULL;
    if (options == NULL && command != NULL) {
        status = fail(&error, ROPEMAP_RESOURCES, "no memory for the options");
    }
    if (options != NULL) {
        route->prepare(context, job, options);
        status = request_apply(context, command, &job->query, options, &config, &error);
    }
    status = status == ROPEMAP_OK ? route->make(context, job, options, &error) : status;
    if (status != ROPEMAP_OK && command != NULL) {
        options_name(command, &error);
    }
    if (status != ROPEMAP_OK) {
        answer_fail(job->answer, &error);
    }
    if (options != NULL) {
        options_free(command, options);
    }
    free(config);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Makes the answer a JSON document, which is dropped; NULL: memory was short. */
static void answer_document(serve_answer *answer, json_t *document) {
    ropemap_error error;
    if (document_bytes(document, &answer->bytes, &error) != ROPEMAP_OK) {
        answer_fail(answer, &error);
        return;
    }
    answer->status = 200;
    answer->type = "application/json";
}

/* The type of a path whose answer is a file. */
static const char *type_of(const char *path) {
    static const char *const types[OUTPUT_KINDS] = {[OUTPUT_PNG] = "image/png",
                                                    [OUTPUT_SVG] = "image/svg+xml",
                                                    [OUTPUT_PDF] = "application/pdf",
                                                    [OUTPUT_NPY] = "application/octet-stream",
                                                    [OUTPUT_CSV] = "text/csv; charset=utf-8"};
    return types[output_kind_of(path)];
}

/* ---- results ------------------------------------------------------------------------------------------- */

/* The call of a job. */
static cli_call call_of(const serve_context *context, serve_job *job) {
    return (cli_call){.session = context->session, .progress = job_progress, .user = job};
}

/* A command's result on its way into an answer. */
typedef ropemap_status (*answer_maker)(serve_job *job, void *options, void *made, ropemap_error *error);

static ropemap_status answer_with(const serve_context *context, serve_job *job, void *options,
                                  answer_maker answer, ropemap_error *error) {
    const cli_command *command = job->route->command;
    cli_call call = call_of(context, job);
    void *made = calloc(1, command->result->size);
    if (made == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "%s: no memory for it", command->name);
    }
    ropemap_status status = result_make(command, options, &call, made, error);
    status = status == ROPEMAP_OK ? answer(job, options, made, error) : status;
    if (command->result->free != NULL) {
        command->result->free(made);
    }
    free(made);
    return status;
}

/* As the path's ending says: its document, or a file. */
static ropemap_status answer_result(serve_job *job, void *options, void *made, ropemap_error *error) {
    const cli_command *command = job->route->command;
    const char *ending = strrchr(job->path, '.');
    if (ending != NULL && strcmp(ending, ".json") == 0) {
        answer_document(job->answer, command->result->document(options, made));
        return ROPEMAP_OK;
    }
    job->answer->status = 200;
    job->answer->type = type_of(job->path);
    return result_encode(command, options, made, output_kind_of(job->path), &job->answer->bytes, error);
}

static ropemap_status make_result(const serve_context *context, serve_job *job, void *options,
                                  ropemap_error *error) {
    return answer_with(context, job, options, answer_result, error);
}

/* As many threads as on the server's command line. */
static void prepare_threads(const serve_context *context, serve_job *job, void *options) {
    int32_t *threads = options_field(job->route->command, options, "threads");
    *threads = context->options->map.request.threads;
}

/* ---- /map.* and /value.json ------------------------------------------------------------------------------
 */

/* Most bytes that a picture's work takes unless the command line says otherwise. */
static const uint64_t memory_usual = UINT64_C(1) << 30;

static bool has_name(const serve_query *query, const char *name) {
    for (int i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The machine as on the server's command line, and its tensors unless the query has content. */
static void prepare_map(const serve_context *context, serve_job *job, void *given) {
    const map_options *own = &context->options->map;
    map_options *options = given;
    options->request.threads = own->request.threads;
    options->request.memory = own->request.memory != 0 ? own->request.memory : memory_usual;
    options->request.backend = own->request.backend;
    options->request.device = own->request.device;
    if (!has_name(&job->query, "content")) {
        options->tensors = own->tensors;
    }
}

static ropemap_status check_limits(const map_options *options, output_kind kind, ropemap_error *error) {
    const cli_size *size = &options->size;
    const int64_t across = print_scale_of(&options->print, true).width;
    if (size->width > SERVE_SIDE || size->height > SERVE_SIDE) {
        return fail(error, ROPEMAP_USAGE,
                    "--size: %" PRId64 "x%" PRId64 " is too large; at most %d a side over HTTP", size->width,
                    size->height, SERVE_SIDE);
    }
    if (kind == OUTPUT_PNG && across > SERVE_PIXELS) {
        return fail(error, ROPEMAP_USAGE,
                    "--width: %" PRId64
                    " pixels are too many; at most %d over HTTP, or take map.svg or map.pdf",
                    across, SERVE_PIXELS);
    }
    int64_t patches = 1;
    for (int32_t axis = 0; axis < options->rule.sides; axis++) {
        patches *= options->rule.grid[axis] * (options->rule.sides == 1 ? options->rule.grid[axis] : 1);
    }
    if (patches > (int64_t)SERVE_GRID * SERVE_GRID) {
        return fail(error, ROPEMAP_USAGE,
                    "--grid: %" PRId64 " patches are too many; at most %d x %d over HTTP", patches,
                    SERVE_GRID, SERVE_GRID);
    }
    return ROPEMAP_OK;
}

/* The document of the map, in the Ropemap-Map header. */
static ropemap_status describe(const made_map *made, serve_answer *answer, ropemap_error *error) {
    json_t *document = map_document(&made->report);
    answer->detail = document != NULL
                         ? json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9))
                         : NULL;
    json_decref(document);
    return answer->detail != NULL ? ROPEMAP_OK
                                  : fail(error, ROPEMAP_RESOURCES, "map: no memory for its description");
}

/* A map of few columns and many rows is high where it is drawn to a width. */
static ropemap_status check_height(const map_options *options, const made_map *made, output_kind kind,
                                   ropemap_error *error) {
    const double across = (double)print_scale_of(&options->print, true).width;
    const double high = across * (double)made->map.height / (double)made->map.width;
    return kind == OUTPUT_PNG && !options->bare && high > SERVE_PIXELS
               ? fail(error, ROPEMAP_USAGE,
                      "--width: the PNG would be %.0f pixels high; at most %d over HTTP, or take map.svg or "
                      "map.pdf",
                      high, SERVE_PIXELS)
               : ROPEMAP_OK;
}

static ropemap_status answer_map(serve_job *job, void *options, void *made, ropemap_error *error) {
    ropemap_status status = check_height(options, made, output_kind_of(job->path), error);
    status = status == ROPEMAP_OK ? answer_result(job, options, made, error) : status;
    return status == ROPEMAP_OK ? describe(made, job->answer, error) : status;
}

static ropemap_status make_map(const serve_context *context, serve_job *job, void *given,
                               ropemap_error *error) {
    map_options *options = given;
    const output_kind kind = output_kind_of(job->path);
    if (options->bare && kind != OUTPUT_PNG) {
        return fail(error, ROPEMAP_USAGE, "--bare is for map.png, not %s", job->path + 1);
    }
    ropemap_status status = check_limits(options, kind, error);
    status = status == ROPEMAP_OK ? tensors_lend(context->tensors, &options->tensors, error) : status;
    return status == ROPEMAP_OK ? answer_with(context, job, options, answer_map, error) : status;
}

/* A map of one cell: what only larger ones have plays no part. */
static void prepare_value(const serve_context *context, serve_job *job, void *options) {
    static const char *const unused[] = {"rows", "cols", "size", "pool", "bare", "clim", "percentile"};
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
        (void)query_take(&job->query, unused[i]);
    }
    job->cell[0] = query_take(&job->query, "i");
    job->cell[1] = query_take(&job->query, "j");
    prepare_map(context, job, options);
}

/* The position of that name, as a range of it alone. */
static ropemap_status read_position(const char *name, const char *text, char range[40],
                                    ropemap_error *error) {
    uint64_t value = 0;
    if (text == NULL) {
        return fail(error, ROPEMAP_USAGE, "%s is missing; give a position", name);
    }
    const ropemap_status status =
        number_integer(name, text, 0, (uint64_t)ROPEMAP_POSITION_END - 1, &value, error);
    (void)snprintf(range, 40, "%" PRIu64 ":1", value);
    return status;
}

static ropemap_status answer_value(serve_job *job, void *options, void *made, ropemap_error *error) {
    const int64_t row = ((map_options *)options)->request.rows.first;
    const int64_t col = ((map_options *)options)->request.cols.first;
    (void)error;
    answer_document(job->answer,
                    json_pack("{s:s, s:I, s:I, s:I, s:o}", "schema", "ropemap.value/1", "i", (json_int_t)row,
                              "j", (json_int_t)col, "distance", (json_int_t)(row - col), "value",
                              document_real((double)((made_map *)made)->map.cells[0])));
    return ROPEMAP_OK;
}

static ropemap_status make_value(const serve_context *context, serve_job *job, void *given,
                                 ropemap_error *error) {
    map_options *options = given;
    char rows[40], cols[40];
    if (options->request.measure == ROPEMAP_MEASURE_SOFTMAX && options->positions == NULL &&
        options->tensors.queries == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "positions is missing; softmax is over all keys, give how many, such as positions=4k");
    }
    ropemap_status status = read_position("i", job->cell[0], rows, error);
    status = status == ROPEMAP_OK ? read_position("j", job->cell[1], cols, error) : status;
    options->row_positions = rows;
    options->col_positions = cols;
    if (options->request.measure != ROPEMAP_MEASURE_SOFTMAX) { /* the same of one pair, and not by sums */
        options->request.pool = ROPEMAP_POOL_MAX;
    }
    status = status == ROPEMAP_OK ? check_limits(options, OUTPUT_PNG, error) : status;
    status = status == ROPEMAP_OK ? tensors_lend(context->tensors, &options->tensors, error) : status;
    status = status == ROPEMAP_OK ? answer_with(context, job, options, answer_value, error) : status;
    options->row_positions = options->col_positions = NULL;
    return status;
}

/* ---- /curve.* ------------------------------------------------------------------------------------------ */

/* As of a map, though a curve has no such option: real vectors unless the query has content. */
static void prepare_curve(const serve_context *context, serve_job *job, void *given) {
    const map_options *own = &context->options->map;
    curve_options *options = given;
    options->threads = own->request.threads;
    if (query_take(&job->query, "content") == NULL) {
        options->tensors = own->tensors;
    }
}

/* What it takes fits. */
static ropemap_status check_curves(const curve_options *options, ropemap_error *error) {
    const int64_t across = print_scale_of(&options->print, true).width;
    if (options->size.width > SERVE_PIXELS || options->size.height > SERVE_PIXELS || across > SERVE_PIXELS) {
        return fail(error, ROPEMAP_USAGE, "--%s is too large; at most %d pixels a side over HTTP",
                    across > SERVE_PIXELS ? "width" : "size", SERVE_PIXELS);
    }
    const int64_t count = options->distances.count > 0 ? options->distances.count : 1;
    if (count > SERVE_CURVE_VALUES / vary_count(&options->vary)) {
        return fail(error, ROPEMAP_USAGE,
                    "--distances: %" PRId64 " of %d curves are too many; at most %d values in all over HTTP",
                    count, vary_count(&options->vary), SERVE_CURVE_VALUES);
    }
    return ROPEMAP_OK;
}

static ropemap_status make_curve(const serve_context *context, serve_job *job, void *given,
                                 ropemap_error *error) {
    curve_options *options = given;
    ropemap_status status = check_curves(options, error);
    status = status == ROPEMAP_OK ? tensors_lend(context->tensors, &options->tensors, error) : status;
    return status == ROPEMAP_OK ? make_result(context, job, options, error) : status;
}

/* ---- /bound.json, /plan.json, /info.json, /explain.* and /model ---------------------------------------- */

/* Curves of the decay card alone, which take no search. */
static ropemap_status make_card(const serve_context *context, serve_job *job, void *given,
                                ropemap_error *error) {
    bound_options *options = given;
    cli_call call = call_of(context, job);
    bound_card *card = malloc(sizeof *card);
    if (card == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "card: no memory for it");
    }
    options->card = true;
    options->call = &call;
    ropemap_status status = bound_check(options, NULL, error);
    status = status == ROPEMAP_OK ? rule_options_resolve(&options->rule, error) : status;
    status = status == ROPEMAP_OK ? card_make(options, card, error) : status;
    if (status == ROPEMAP_OK) {
        answer_document(job->answer,
                        json_pack("{s:s, s:o}", "schema", "ropemap.card/1", "card", card_document(card)));
    }
    free(card);
    return status;
}

/* What is at hand at once: all but the least base. The page asks for it with the map, which needs the other
 * threads. */
static void prepare_answer(const serve_context *context, serve_job *job, void *given) {
    explain_options *options = given;
    (void)context;
    (void)job;
    options->threads = 1;
    options->quick = true;
}

static ropemap_status answer_text_of(serve_job *job, void *options, void *made, ropemap_error *error) {
    const explanation *found = made;
    char text[EXPLAIN_SENTENCES * (EXPLAIN_SENTENCE_BYTES + 1) + 1];
    size_t at = 0;
    (void)options;
    (void)error;
    for (int i = 0; i < EXPLAIN_SENTENCES && found->sentence[i][0] != '\0'; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s\n", found->sentence[i]);
    }
    answer_text(job->answer, 200, TEXT, text);
    return ROPEMAP_OK;
}

static ropemap_status make_text(const serve_context *context, serve_job *job, void *options,
                                ropemap_error *error) {
    return answer_with(context, job, options, answer_text_of, error);
}

static ropemap_status make_least(const serve_context *context, serve_job *job, void *given,
                                 ropemap_error *error) {
    explain_options *options = given;
    cli_call call = call_of(context, job);
    explanation found = {.length = 0};
    options->call = &call;
    const ropemap_status status = explain_least(options, &found, error);
    if (status == ROPEMAP_OK) {
        const bool any = found.least_base > 0.0 && !found.least_is_edge;
        answer_document(
            job->answer,
            json_pack(
                "{s:s, s:I, s:f, s:o, s:b, s:b}", "schema", "ropemap.least/1", "length",
                (json_int_t)found.length, "least_base", found.least_base, "least_base_in_words",
                any ? json_string(number_in_words(plan_least(found.least_base, found.least_high, false)).text)
                    : json_null(),
                "least_base_is_edge", found.least_is_edge ? 1 : 0, "all_larger_hold",
                found.least_is_lasting ? 1 : 0));
    }
    return status;
}

/* The rule of a text that is posted. */
static void prepare_info(const serve_context *context, serve_job *job, void *given) {
    info_options *options = given;
    (void)context;
    if (job->route->posts) {
        options->rule.config = job->body.data != NULL ? (const char *)job->body.data : "";
        options->rule.config_bytes = job->body.size;
    }
}

static json_t *model_document(const char *id, const rule_options *rule, json_t *info) {
    const int64_t trained = ropemap_model_trained_length(rule->opened);
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "schema", "ropemap.model/1", "id", id, "name",
                     ropemap_model_name(rule->opened), "trained_length", document_count(trained), "info",
                     info);
}

static ropemap_status make_model(const serve_context *context, serve_job *job, void *given,
                                 ropemap_error *error) {
    const cli_result *result = command_info.result;
    const rule_options *rule = &((info_options *)given)->rule;
    info_rule info;
    cli_call call = call_of(context, job);
    char id[MODEL_ID_BYTES] = "";
    ropemap_status status = result->make(given, &call, &info, error);
    status = status == ROPEMAP_OK
                 ? models_post(context->models, rule->config, rule->config_bytes, false, id, error)
                 : status;
    if (status == ROPEMAP_OK) {
        answer_document(job->answer, model_document(id, rule, result->document(given, &info)));
    }
    return status;
}

/* ---- routes -------------------------------------------------------------------------------------------- */

static ropemap_status make_options(const serve_context *context, serve_job *job, void *options,
                                   ropemap_error *error) {
    (void)options;
    (void)error;
    answer_document(job->answer, options_document(context));
    return ROPEMAP_OK;
}

const serve_route serve_routes[] = {
    {.paths = "/map.png /map.svg /map.pdf /map.npy",
     .command = &command_map,
     .prepare = prepare_map,
     .make = make_map,
     .keeps = true},
    {.paths = "/value.json",
     .command = &command_map,
     .prepare = prepare_value,
     .make = make_value,
     .keeps = true},
    {.paths = "/curve.json /curve.csv /curve.npy /curve.png /curve.svg /curve.pdf",
     .command = &command_curve,
     .prepare = prepare_curve,
     .make = make_curve,
     .keeps = true},
    {.paths = "/bound.json",
     .command = &command_bound,
     .prepare = prepare_threads,
     .make = make_result,
     .slow = true,
     .keeps = true},
    {.paths = "/card.json",
     .command = &command_bound,
     .prepare = prepare_threads,
     .make = make_card,
     .keeps = true},
    {.paths = "/plan.json",
     .command = &command_plan,
     .prepare = prepare_threads,
     .make = make_result,
     .slow = true,
     .keeps = true},
    {.paths = "/answer.json",
     .command = &command_explain,
     .prepare = prepare_answer,
     .make = make_result,
     .keeps = true},
    {.paths = "/least.json",
     .command = &command_explain,
     .prepare = prepare_threads,
     .make = make_least,
     .slow = true,
     .keeps = true},
    {.paths = "/explain.json",
     .command = &command_explain,
     .prepare = prepare_threads,
     .make = make_result,
     .slow = true,
     .keeps = true},
    {.paths = "/explain.txt",
     .command = &command_explain,
     .prepare = prepare_threads,
     .make = make_text,
     .slow = true,
     .keeps = true},
    {.paths = "/info.json",
     .command = &command_info,
     .prepare = prepare_info,
     .make = make_result,
     .keeps = true},
    {.paths = "/model", .command = &command_info, .prepare = prepare_info, .make = make_model, .posts = true},
    {.paths = "/options.json", .make = make_options, .keeps = true},
    {.paths = NULL},
};

const serve_route *route_find(const serve_route *routes, const char *path, size_t length) {
    for (; routes->paths != NULL; routes++) {
        for (const char *at = routes->paths; *at != '\0'; at += strspn(at, " ")) {
            const size_t own = strcspn(at, " ");
            if (own == length && memcmp(at, path, length) == 0) {
                return routes;
            }
            at += own;
        }
    }
    return NULL;
}
