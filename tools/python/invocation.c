/* invocation.c - a command of the program as a value: its options by name, its result, the files of that */
/* SPDX-License-Identifier: MIT */
#include "tools/python/invocation.h"
#include "tools/ropemap/attention/command_heads.h"
#include "tools/ropemap/attention/command_pairs.h"
#include "tools/ropemap/command_info.h"
#include "tools/ropemap/decay/command_bound.h"
#include "tools/ropemap/decay/command_explain.h"
#include "tools/ropemap/decay/curves.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/command_map.h"
#include "tools/ropemap/map/command_sweep.h"
#include "tools/ropemap/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a command computes and what becomes of its result. `made` begins zeroed, and is freed after a failure
 * too. */
typedef struct invocation_kind {
    const cli_command *command;
    size_t size; /* of the result */
    ropemap_status (*make)(invocation *work, void *made, ropemap_error *error);
    json_t *(*document)(const invocation *work, const void *made);
    ropemap_status (*encode)(const invocation *work, const void *made, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error);
    bool (*array)(const void *made, int32_t index, module_array *array);
    void (*free)(void *made);
} invocation_kind;

/* A text that options borrow, and the files that it names. */
typedef struct invocation_value {
    struct invocation_value *next;
    const cli_option *option;
    char text[];
} invocation_value;

struct invocation {
    const invocation_kind *kind;
    void *options, *made;
    void *ran; /* a copy of the options, with which it ran */
    invocation_value *values, *warnings;
    tensor_lent lent;
    ropemap_session *session;  /* of the call that runs */
    ropemap_progress progress; /* the caller's, of which `heard` is the last call; see tell */
    void *user;
    double heard; /* seconds */
    bool done;
};

/* Calls the caller's now and then: a call of Python takes a microsecond, and a map makes thousands. */
static int tell(void *user, const char *stage, double done, double total) {
    invocation *work = user;
    const double now = wall_clock();
    if (now - work->heard < 0.01) {
        return 0;
    }
    work->heard = now;
    return work->progress(work->user, stage, done, total);
}

/* Puts what is lent in the place of files. */
static ropemap_status take_lent(invocation *work, tensor_options *tensors, ropemap_error *error) {
    if (work->lent.queries == NULL) {
        return ROPEMAP_OK;
    }
    tensors->queries = "queries";
    tensors->keys = "keys";
    tensors->lent = &work->lent;
    return tensor_lent_place(tensors, error);
}

/* ---- maps ---------------------------------------------------------------------------------------------- */

typedef struct made_map {
    map_inputs inputs;
    ropemap_map map;
    double seconds;
} made_map;

static ropemap_status make_map(invocation *work, void *made, ropemap_error *error) {
    map_options *options = work->options;
    made_map *to = made;
    const double start = wall_clock();
    options->outputs = (cli_texts){.all = {"map.png"}, .count = 1}; /* what becomes of it is decided later */
    options->request.session = work->session;
    ropemap_status status = take_lent(work, &options->tensors, error);
    status = status == ROPEMAP_OK ? map_options_check(options, error) : status;
    status = status == ROPEMAP_OK ? figure_options_check(options, error) : status;
    status = status == ROPEMAP_OK ? map_inputs_open(options, &to->inputs, error) : status;
    status = status == ROPEMAP_OK ? map_run(options, &to->inputs, tell, work, &to->map, error) : status;
    to->seconds = wall_clock() - start;
    return status;
}

static json_t *document_map(const invocation *work, const void *made) {
    const made_map *from = made;
    const map_report report = {.options = work->options, .map = &from->map, .total_seconds = from->seconds};
    return map_document(&report);
}

static ropemap_status encode_map(const invocation *work, const void *made, output_kind kind,
                                 ropemap_bytes *bytes, ropemap_error *error) {
    const map_options *options = work->options;
    const ropemap_status status = figure_options_check(options, error);
    if (kind == OUTPUT_CSV) {
        return fail(error, ROPEMAP_USAGE, "--output: a map is no .csv; use .png, .svg, .pdf or .npy");
    }
    return status == ROPEMAP_OK ? map_encode(options, &((const made_map *)made)->map, kind, bytes, error)
                                : status;
}

static bool array_of_map(const void *made, int32_t index, module_array *array) {
    const ropemap_map *map = &((const made_map *)made)->map;
    *array = (module_array){.name = "cells",
                            .data = map->cells,
                            .item = sizeof *map->cells,
                            .rank = 2,
                            .shape = {map->height, map->width}};
    return index == 0;
}

static void free_map(void *made) {
    ropemap_map_free(&((made_map *)made)->map);
    map_inputs_free(&((made_map *)made)->inputs);
}

/* ---- curves -------------------------------------------------------------------------------------------- */

static ropemap_status make_curves(invocation *work, void *made, ropemap_error *error) {
    curve_options *options = work->options;
    options->progress = tell;
    options->progress_user = work;
    options->request.session = work->session;
    ropemap_status status = take_lent(work, &options->tensors, error);
    status = status == ROPEMAP_OK ? print_size_check(&options->print, error) : status;
    return status == ROPEMAP_OK ? curves_make(options, made, error) : status;
}

static json_t *document_curves(const invocation *work, const void *made) {
    return curves_document(work->options, made);
}

static ropemap_status encode_curves(const invocation *work, const void *made, output_kind kind,
                                    ropemap_bytes *bytes, ropemap_error *error) {
    const curve_options *options = work->options;
    const ropemap_status status = print_size_check(&options->print, error);
    return status == ROPEMAP_OK ? curves_encode(options, made, kind, bytes, error) : status;
}

/* The distances, then each curve. */
static bool array_of_curves(const void *made, int32_t index, module_array *array) {
    const curves *from = made;
    const bool values = index > 0 && index <= from->count;
    *array = (module_array){.name = values ? from->one[index - 1].label : "distances",
                            .data = values ? from->one[index - 1].values : from->distance,
                            .item = sizeof(double),
                            .rank = 1,
                            .shape = {from->distances.count}};
    return index <= from->count;
}

static void free_curves(void *made) {
    curves_free(made);
}

/* ---- bounds and rules ---------------------------------------------------------------------------------- */

static ropemap_status make_bound(invocation *work, void *made, ropemap_error *error) {
    bound_options *options = work->options;
    options->progress = tell;
    options->progress_user = work;
    const ropemap_status status = bound_check(options, error);
    return status == ROPEMAP_OK ? bound_run(options, made, error) : status;
}

static json_t *document_bound(const invocation *work, const void *made) {
    return bound_document(&((const bound_options *)work->options)->rule.spec, made);
}

static void free_bound(void *made) {
    bound_results_free(made);
}

static ropemap_status encode_bound(const invocation *work, const void *made, output_kind kind,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    return bound_encode(work->options, made, kind, bytes, error);
}

static ropemap_status make_explanation(invocation *work, void *made, ropemap_error *error) {
    explain_options *options = work->options;
    options->progress = tell;
    options->progress_user = work;
    const ropemap_status status = explain_make(options, made, error);
    if (status == ROPEMAP_OK) {
        explain_say(&options->rule.spec, made);
    }
    return status;
}

static json_t *document_explanation(const invocation *work, const void *made) {
    return explain_document(&((const explain_options *)work->options)->rule.spec, made);
}

static ropemap_status make_rule(invocation *work, void *made, ropemap_error *error) {
    info_options *options = work->options;
    const ropemap_status status = rule_options_resolve(&options->rule, error);
    return status == ROPEMAP_OK ? info_make(&options->rule, made, error) : status;
}

static json_t *document_rule(const invocation *work, const void *made) {
    (void)work;
    return info_document(made);
}

static ropemap_status encode_rule(const invocation *work, const void *made, output_kind kind,
                                  ropemap_bytes *bytes, ropemap_error *error) {
    return info_encode(made, &((const info_options *)work->options)->print, kind, bytes, error);
}

static bool array_of_rule(const void *made, int32_t index, module_array *array) {
    const info_rule *info = made;
    *array = (module_array){.name = "frequencies",
                            .data = info->radians,
                            .item = sizeof(double),
                            .rank = 1,
                            .shape = {info->pairs}};
    return index == 0;
}

/* ---- real heads ---------------------------------------------------------------------------------------- */

/* Finds the layers; what becomes of the result is decided later. */
static ropemap_status check_heads(invocation *work, head_options *options, ropemap_error *error) {
    cli_outputs outputs = {.count = 0};
    options->json = true;
    ropemap_status status = take_lent(work, &options->tensors, error);
    status = status == ROPEMAP_OK ? ropemap_outputs_new(&outputs.set, error) : status;
    status = status == ROPEMAP_OK ? head_options_check(options, 0, &outputs, error) : status;
    outputs_free(&outputs);
    return status;
}

static ropemap_status make_heads(invocation *work, void *made, ropemap_error *error) {
    heads_options *options = work->options;
    heads_result *result = made;
    options->request.session = work->session;
    result->options = options;
    ropemap_status status = check_heads(work, &options->heads, error);
    status = status == ROPEMAP_OK ? heads_make(result, tell, work, error) : status;
    if (status == ROPEMAP_OK) {
        heads_warn(result);
    }
    return status;
}

static json_t *document_heads(const invocation *work, const void *made) {
    (void)work;
    return heads_document(made);
}

static ropemap_status encode_heads(const invocation *work, const void *made, output_kind kind,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    (void)work;
    return heads_encode(made, kind, bytes, error);
}

static void free_heads(void *made) {
    heads_free(made);
}

static ropemap_status make_pairs(invocation *work, void *made, ropemap_error *error) {
    pairs_options *options = work->options;
    pairs_result *result = made;
    result->options = options;
    ropemap_status status = check_heads(work, &options->heads, error);
    status = status == ROPEMAP_OK ? pairs_make(result, tell, work, error) : status;
    if (status == ROPEMAP_OK) {
        pairs_warn(result);
    }
    return status;
}

static json_t *document_pairs(const invocation *work, const void *made) {
    (void)work;
    return pairs_document(made);
}

static ropemap_status encode_pairs(const invocation *work, const void *made, output_kind kind,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    (void)work;
    return pairs_encode(made, kind, bytes, error);
}

static bool array_of_pairs(const void *made, int32_t index, module_array *array) {
    const pairs_result *from = made;
    const int64_t layers = from->shape.layers, heads = from->shape.heads;
    const module_array arrays[] = {
        {"pairs", from->all, sizeof *from->all, 3, {layers, heads, from->pairs}},
        {"curves", from->curves, sizeof *from->curves, 4, {layers, heads, 2, from->distances}},
        {"magnitudes",
         from->magnitudes,
         sizeof *from->magnitudes,
         3,
         {ROPEMAP_MAGNITUDES, from->shape.head_dim, from->cells}}};
    const bool found = index < (int32_t)(sizeof arrays / sizeof *arrays);
    *array = arrays[found ? index : 0];
    return found;
}

static void free_pairs(void *made) {
    pairs_free(made);
}

/* ---- sweeps -------------------------------------------------------------------------------------------- */

static ropemap_status make_sweep(invocation *work, void *made, ropemap_error *error) {
    map_sweep *options = work->options;
    options->map.request.session = work->session;
    ropemap_status status = take_lent(work, &options->map.tensors, error);
    status = status == ROPEMAP_OK ? sweep_number(options, error) : status;
    status = status == ROPEMAP_OK ? figure_options_check(&options->map, error) : status;
    return status == ROPEMAP_OK ? sweep_make(options, tell, work, made, error) : status;
}

static ropemap_status encode_sweep(const invocation *work, const void *made, output_kind kind,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    const map_sweep *options = work->options;
    const ropemap_status status = figure_options_check(&options->map, error);
    return status == ROPEMAP_OK ? sweep_encode(made, kind, bytes, error) : status;
}

static bool array_of_sweep(const void *made, int32_t index, module_array *array) {
    const sweep_result *from = made;
    const bool found = index < from->count;
    const sweep_setting *setting = &from->settings[found ? index : 0];
    *array = (module_array){setting->label,
                            setting->map.cells,
                            sizeof *setting->map.cells,
                            2,
                            {setting->map.height, setting->map.width}};
    return found;
}

static void free_sweep(void *made) {
    sweep_free(made);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static const invocation_kind kinds[] = {
    {&command_map, sizeof(made_map), make_map, document_map, encode_map, array_of_map, free_map},
    {&command_curve, sizeof(curves), make_curves, document_curves, encode_curves, array_of_curves,
     free_curves},
    {&command_bound, sizeof(bound_results), make_bound, document_bound, encode_bound, NULL, free_bound},
    {&command_explain, sizeof(explanation), make_explanation, document_explanation, NULL, NULL, NULL},
    {&command_info, sizeof(info_rule), make_rule, document_rule, encode_rule, array_of_rule, NULL},
    {&command_heads, sizeof(heads_result), make_heads, document_heads, encode_heads, NULL, free_heads},
    {&command_pairs, sizeof(pairs_result), make_pairs, document_pairs, encode_pairs, array_of_pairs,
     free_pairs},
    {&command_sweep, sizeof(sweep_result), make_sweep, NULL, encode_sweep, array_of_sweep, free_sweep},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static const invocation_kind *kind_of(const char *command) {
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].command->name, command) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

ropemap_status invocation_open(const char *command, invocation **work, ropemap_error *error) {
    const invocation_kind *kind = kind_of(command);
    *work = NULL;
    if (kind == NULL) {
        return fail(error, ROPEMAP_USAGE, "%.80s: no command that computes", command);
    }
    invocation *opened = calloc(1, sizeof *opened);
    if (opened != NULL) {
        opened->kind = kind;
        opened->options = options_new(kind->command);
        opened->made = calloc(1, kind->size);
        opened->ran = malloc(kind->command->size);
    }
    if (opened == NULL || opened->options == NULL || opened->made == NULL || opened->ran == NULL) {
        invocation_free(opened);
        return fail(error, ROPEMAP_RESOURCES, "%s: no memory", command);
    }
    *work = opened;
    return ROPEMAP_OK;
}

static void free_values(invocation_value *value) {
    while (value != NULL) {
        invocation_value *next = value->next;
        free(value);
        value = next;
    }
}

/* Puts a copy of the text before the first; NULL: no memory. */
static const char *keep(invocation_value **first, const cli_option *option, const char *text) {
    const size_t bytes = strlen(text) + 1;
    invocation_value *kept = malloc(sizeof *kept + bytes);
    if (kept == NULL) {
        return NULL;
    }
    memcpy(kept->text, text, bytes);
    kept->option = option;
    kept->next = *first;
    *first = kept;
    return kept->text;
}

static void keep_warning(void *user, const char *text) {
    (void)keep(&((invocation *)user)->warnings, NULL, text);
}

void invocation_free(invocation *work) {
    if (work == NULL) {
        return;
    }
    if (work->made != NULL && work->kind->free != NULL) {
        work->kind->free(work->made);
    }
    free(work->made);
    free(work->ran);
    if (work->options != NULL) {
        options_free(work->kind->command, work->options);
    }
    free_values(work->values);
    free_values(work->warnings);
    free(work);
}

/* The program's own: what it prints, and when. */
static bool is_of_program(const char *name) {
    static const char *const names[] = {"output", "json",    "quiet",  "verbose",
                                        "force",  "dry-run", "frames", "presets"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

ropemap_status invocation_set(invocation *work, const char *name, const char *value, ropemap_error *error) {
    const cli_option *option = options_find(work->kind->command, name, strlen(name)).option;
    if (option != NULL && is_of_program(name)) {
        return fail(error, ROPEMAP_USAGE, "--%s is of the program; here results have save()", name);
    }
    const bool computes = option != NULL && (option->group != GROUP_OUTPUT || strcmp(name, "picture") == 0 ||
                                             strcmp(name, "sort") == 0 || strcmp(name, "font") == 0);
    if (work->done && computes) {
        return fail(error, ROPEMAP_USAGE, "--%s is for computing, which is done; compute again with it",
                    name);
    }
    const char *kept = keep(&work->values, option, value != NULL ? value : "");
    return kept != NULL
               ? options_set(work->kind->command, name, value != NULL ? kept : NULL, work->options, error)
               : fail(error, ROPEMAP_RESOURCES, "--%s: no memory", name);
}

void invocation_forget(invocation *work) {
    memcpy(work->options, work->ran, work->kind->command->size);
}

void invocation_lend(invocation *work, ropemap_vectors *const *queries, int64_t query_heads,
                     ropemap_vectors *const *keys, int64_t key_heads) {
    work->lent =
        (tensor_lent){.queries = queries, .keys = keys, .query_heads = query_heads, .key_heads = key_heads};
}

ropemap_status invocation_run(invocation *work, ropemap_session *session, ropemap_progress progress,
                              void *user, ropemap_error *error) {
    work->session = session;
    work->progress = progress;
    work->user = user;
    work->heard = 0.0;
    warnings_take(keep_warning, work);
    const ropemap_status status = work->kind->make(work, work->made, error);
    warnings_take(NULL, NULL);
    work->done = true;
    memcpy(work->ran, work->options, work->kind->command->size);
    if (status != ROPEMAP_OK) {
        error->status = status;
        options_name(work->kind->command, error);
    }
    return status;
}

const char *invocation_warning(const invocation *work, int32_t index) {
    const invocation_value *warning = work->warnings;
    while (warning != NULL && index-- > 0) {
        warning = warning->next;
    }
    return warning != NULL ? warning->text : NULL;
}

bool invocation_array(const invocation *work, int32_t index, module_array *array) {
    return work->kind->array != NULL && work->kind->array(work->made, index, array);
}

const ropemap_spec *invocation_rule(const invocation *work) {
    return work->kind->command == &command_info ? ((const info_rule *)work->made)->spec : NULL;
}

ropemap_status invocation_document(const invocation *work, ropemap_bytes *json, ropemap_error *error) {
    json_t *document = work->kind->document != NULL ? work->kind->document(work, work->made) : json_object();
    char *text = document != NULL ? json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(document);
    *json = (ropemap_bytes){.data = (uint8_t *)text, .size = text != NULL ? strlen(text) : 0};
    return text != NULL ? ROPEMAP_OK : fail(error, ROPEMAP_RESOURCES, "no memory for the document");
}

ropemap_status invocation_encode(const invocation *work, const char *name, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    const output_kind kind = output_kind_of(name);
    const char *command = work->kind->command->name;
    if (work->kind->encode == NULL) {
        return fail(error, ROPEMAP_USAGE, "%.200s: %s has no picture", name, command);
    }
    if (kind == OUTPUT_KINDS) {
        return fail(error, ROPEMAP_USAGE, "%.200s names no kind of file; use .png, .svg, .pdf, .npy or .csv",
                    name);
    }
    return work->kind->encode(work, work->made, kind, bytes, error);
}

ropemap_status invocation_inputs(const invocation *work, ropemap_outputs *outputs, ropemap_error *error) {
    cli_outputs all = {.set = outputs};
    ropemap_status status = ROPEMAP_OK;
    for (const invocation_value *value = work->values; value != NULL && status == ROPEMAP_OK;
         value = value->next) {
        status = value->option != NULL ? outputs_note(&all, value->option, value->text, error) : ROPEMAP_OK;
    }
    return status;
}

/* ---- the options, for stubs and docstrings ------------------------------------------------------------- */

static const char *type_of(const cli_option *option) {
    switch (option->type) {
    case OPTION_FLAG:
        return "bool";
    case OPTION_INT:
    case OPTION_INT32:
        return "int";
    case OPTION_REAL:
        return "float";
    case OPTION_RANGE:
        return "range";
    case OPTION_INTERVAL:
        return "interval";
    case OPTION_SIZE:
        return "size";
    case OPTION_CHOICE:
    case OPTION_WORD:
        return "choice";
    case OPTION_TEXT:
        return option->reads != READS_NOTHING ? "path" : "text";
    case OPTION_TEXTS:
        return "texts";
    case OPTION_CUSTOM:
        break;
    }
    return option->argument != NULL && strcmp(option->argument, "RANGE") == 0 ? "range" : "any";
}

bool invocation_option(const char *command, int32_t index, module_option *option) {
    const invocation_kind *kind = kind_of(command);
    for (const cli_block *block = kind != NULL ? kind->command->blocks : NULL;
         block != NULL && block->rows != NULL; block++) {
        for (const cli_option *row = block->rows; row->name != NULL; row++) {
            if (is_of_program(row->name) || index-- > 0) {
                continue;
            }
            *option = (module_option){.name = row->name,
                                      .argument = row->argument,
                                      .initial = row->initial,
                                      .help = row->help,
                                      .type = type_of(row)};
            if (row->choices != NULL) {
                option_list_choices(row, option->choices, sizeof option->choices);
            }
            return true;
        }
    }
    return false;
}
