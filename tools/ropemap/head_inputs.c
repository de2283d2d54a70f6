/* head_inputs.c - the options of real heads, and queries and keys of every head of one layer after another */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/head_inputs.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 80 };

/* ---- options ------------------------------------------------------------------------------------------- */

const cli_option head_rows[] = {
    {.group = GROUP_WHAT,
     .name = "layers",
     .argument = "RANGE",
     .help =
         "COUNT from 0 on, or FIRST:COUNT[:STEP]: --queries and --keys name one layer's files or tensors, "
         "with {} for its number",
     .type = OPTION_RANGE,
     .offset = offsetof(head_options, layers)},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help =
         "where the picture goes, .png, .svg or .pdf, or the whole table, .csv; csv:- for standard output "
         "in place of the text; may be given several times",
     .type = OPTION_TEXTS,
     .offset = offsetof(head_options, outputs),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print everything as JSON on standard output",
     .type = OPTION_FLAG,
     .offset = offsetof(head_options, json),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace files that exist",
     .type = OPTION_FLAG,
     .offset = offsetof(head_options, force),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "print nothing but errors",
     .type = OPTION_FLAG,
     .offset = offsetof(head_options, quiet),
     .local = true},
    {.name = NULL},
};

int head_layers(const head_options *options) {
    return options->layers.count > 0 ? (int)options->layers.count : 1;
}

int64_t head_layer(const head_options *options, int index) {
    return options->layers.count > 0 ? options->layers.first + index * options->layers.step : -1;
}

static ropemap_status check_layers(const head_options *options, ropemap_error *error) {
    const tensor_options *tensors = &options->tensors;
    const bool marked = strstr(tensors->queries, "{}") != NULL, other = strstr(tensors->keys, "{}") != NULL;
    if (options->layers.count > HEAD_LAYERS_MOST) {
        return fail(error, ROPEMAP_USAGE, "--layers: %" PRId64 " layers are too many, at most %d",
                    options->layers.count, HEAD_LAYERS_MOST);
    }
    if (options->layers.count > 0 && !(marked && other)) {
        return fail(error, ROPEMAP_USAGE,
                    "--layers: --%s '%.200s' names the same rows for every layer; put {} in the place of the "
                    "layer's number",
                    marked ? "keys" : "queries", marked ? tensors->keys : tensors->queries);
    }
    return ROPEMAP_OK;
}

/* `text` with the layer's number for {}; owned by the caller, NULL: no memory. */
static char *name_of(const char *text, int64_t layer) {
    char number[24];
    const char *mark = layer >= 0 ? strstr(text, "{}") : NULL;
    const size_t size = strlen(text) + sizeof number;
    char *name = malloc(size);
    (void)snprintf(number, sizeof number, "%" PRId64, layer);
    if (name != NULL) {
        (void)snprintf(name, size, "%.*s%s%s", mark != NULL ? (int)(mark - text) : (int)strlen(text), text,
                       mark != NULL ? number : "", mark != NULL ? mark + 2 : "");
    }
    return name;
}

/* No output may be one of the layers' files. */
static ropemap_status note_layers(const head_options *options, cli_outputs *outputs, ropemap_error *error) {
    static const cli_option tensor = {.reads = READS_TENSOR};
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < 2 * (int)options->layers.count && status == ROPEMAP_OK; i++) {
        const char *text = i % 2 == 0 ? options->tensors.queries : options->tensors.keys;
        char *name = name_of(text, head_layer(options, i / 2));
        status = name != NULL ? outputs_note(outputs, &tensor, name, error)
                              : fail(error, ROPEMAP_RESOURCES, "--layers: no memory for the names");
        free(name);
    }
    return status;
}

ropemap_status head_options_check(head_options *options, unsigned kinds, cli_outputs *outputs,
                                  ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (options->tensors.queries == NULL && options->tensors.keys == NULL) {
        return fail(error, ROPEMAP_USAGE, "--queries and --keys are missing; give the files of real heads");
    }
    status = tensor_options_check(&options->tensors, TENSOR_ALL, error);
    status = status == ROPEMAP_OK ? check_layers(options, error) : status;
    if (status == ROPEMAP_OK && options->outputs.count == 0 && !options->json && options->quiet) {
        return fail(error, ROPEMAP_USAGE, "--quiet leaves nothing to print or write; give -o FILE or --json");
    }
    status = status == ROPEMAP_OK ? print_size_check(&options->print, error) : status;
    status = status == ROPEMAP_OK ? rule_options_resolve(&options->rule, error) : status;
    status = status == ROPEMAP_OK ? note_layers(options, outputs, error) : status;
    return status == ROPEMAP_OK ? outputs_add_all(outputs, &options->outputs, kinds, options->force, error)
                                : status;
}

/* ---- one layer ----------------------------------------------------------------------------------------- */

/* A head's queries and keys; its neighbour's keys where both have the same. */
static ropemap_status open_head(const tensor_options *like, bool quiet, int32_t index, layer_heads *layer,
                                ropemap_error *error) {
    tensor_options tensors = *like;
    tensors.head = layer->numbers[index].query;
    const ropemap_status status =
        tensor_pair_open(&tensors, quiet || index > 0, &layer->opened[index], error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    const tensor_pair *pair = &layer->opened[index];
    layer->query_heads = ropemap_vectors_heads(pair->queries);
    layer->key_heads = ropemap_vectors_heads(pair->keys);
    layer->numbers[index].key = layer->numbers[index].query / (layer->query_heads / layer->key_heads);
    const bool shared = index > 0 && layer->numbers[index].key == layer->numbers[index - 1].key;
    layer->heads[index] =
        (ropemap_head){.queries = pair->queries, .keys = shared ? layer->heads[index - 1].keys : pair->keys};
    return ROPEMAP_OK;
}

static ropemap_status open_heads(const tensor_options *tensors, bool quiet, layer_heads *layer,
                                 ropemap_error *error) {
    tensor_pair first = {.queries = NULL};
    const bool one = (tensors->given & TENSOR_HEAD) != 0;
    ropemap_status status = tensor_pair_open(tensors, true, &first, error);
    if (status == ROPEMAP_OK) {
        layer->count = one ? 1 : (int32_t)ropemap_vectors_heads(first.queries);
        layer->heads = calloc((size_t)layer->count, sizeof *layer->heads);
        layer->opened = calloc((size_t)layer->count, sizeof *layer->opened);
        layer->numbers = calloc((size_t)layer->count, sizeof *layer->numbers);
    }
    tensor_pair_free(&first);
    if (status == ROPEMAP_OK && (layer->heads == NULL || layer->opened == NULL || layer->numbers == NULL)) {
        return fail(error, ROPEMAP_RESOURCES, "--queries: no memory for %" PRId32 " heads", layer->count);
    }
    for (int32_t i = 0; i < layer->count && status == ROPEMAP_OK; i++) {
        layer->numbers[i].query = one ? tensors->head : i;
        status = open_head(tensors, quiet, i, layer, error);
    }
    return status;
}

static int64_t last_of(ropemap_range range) {
    return range.first + (range.count - 1) * range.step;
}

/* What the tensors say of the rule. */
static ropemap_status take_rule(head_options *options, layer_heads *layer, ropemap_error *error) {
    ropemap_spec *spec = &options->rule.spec;
    const ropemap_vectors *queries = layer->heads[0].queries, *keys = layer->heads[0].keys;
    const int32_t dim = ropemap_vectors_head_dim(queries);
    const bool known = (options->rule.given & RULE_HEAD_DIM) != 0 || options->rule.opened != NULL;
    layer->rows = ropemap_vectors_positions(queries);
    layer->cols = ropemap_vectors_positions(keys);
    if (known && spec->head_dim != dim) {
        return fail(error, ROPEMAP_USAGE,
                    "--head-dim: %" PRId32 " is not that of the tensors; leave it out or give %" PRId32
                    ", as in %.180s",
                    spec->head_dim, dim, ropemap_vectors_label(queries));
    }
    if (options->rule.table != NULL && options->rule.table->heads > 1 && layer->count > 1) {
        return fail(error, ROPEMAP_USAGE,
                    "--frequencies: %.180s has a row for each of its %" PRId64 " heads; give --head N",
                    options->rule.frequencies, options->rule.table->heads);
    }
    spec->head_dim = dim;
    if (spec->length == 0.0) {
        const int64_t query = last_of(layer->rows), key = last_of(layer->cols);
        spec->length = (double)(query > key ? query : key) + 1.0;
    }
    return ROPEMAP_OK;
}

ropemap_status layer_heads_open(head_options *options, int index, layer_heads *layer, ropemap_error *error) {
    const int64_t number = head_layer(options, index);
    tensor_options tensors = options->tensors;
    char *queries = name_of(tensors.queries, number), *keys = name_of(tensors.keys, number);
    ropemap_status status = ROPEMAP_OK;
    tensors.queries = queries;
    tensors.keys = keys;
    options->rule.head = tensors.head;
    if (queries == NULL || keys == NULL) {
        status = fail(error, ROPEMAP_RESOURCES, "--queries: no memory for the name");
    }
    status = status == ROPEMAP_OK ? open_heads(&tensors, options->quiet || index > 0, layer, error) : status;
    status = status == ROPEMAP_OK ? take_rule(options, layer, error) : status;
    free(queries);
    free(keys);
    return status;
}

void layer_heads_free(layer_heads *layer) {
    for (int32_t i = 0; i < layer->count && layer->opened != NULL; i++) {
        tensor_pair_free(&layer->opened[i]);
    }
    free(layer->opened);
    free(layer->numbers);
    free(layer->heads);
    *layer = (layer_heads){.heads = NULL};
}

/* ---- all layers ---------------------------------------------------------------------------------------- */

ropemap_status head_shape_take(const head_options *options, const layer_heads *layer, int index,
                               head_shape *shape, ropemap_error *error) {
    const ropemap_model *model = options->rule.opened;
    const char *label = ropemap_vectors_label(layer->heads[0].queries);
    if (index == 0) {
        *shape = (head_shape){.layers = head_layers(options),
                              .heads = layer->count,
                              .numbers = calloc((size_t)layer->count, sizeof *shape->numbers),
                              .query_heads = layer->query_heads,
                              .key_heads = layer->key_heads,
                              .rows = layer->rows,
                              .cols = layer->cols,
                              .spec = options->rule.spec};
        (void)snprintf(shape->origin, sizeof shape->origin, "%.*s",
                       model != NULL ? 159 : (int)strcspn(label, ":"),
                       model != NULL ? ropemap_model_name(model) : label);
    }
    if (shape->numbers == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--queries: no memory for %" PRId32 " heads", layer->count);
    }
    if (index == 0) {
        memcpy(shape->numbers, layer->numbers, (size_t)layer->count * sizeof *shape->numbers);
    }
    const bool same = layer->count == shape->heads && layer->query_heads == shape->query_heads &&
                      layer->key_heads == shape->key_heads && layer->rows.count == shape->rows.count &&
                      layer->cols.count == shape->cols.count;
    return same ? ROPEMAP_OK
                : fail(error, ROPEMAP_DATA,
                       "--layers: layer %" PRId64 " has %" PRId64 " query and %" PRId64
                       " key heads of %" PRId64 " and %" PRId64 " rows, layer %" PRId64 " %" PRId64
                       " and %" PRId64 " of %" PRId64 " and %" PRId64 "; give layers that are alike",
                       head_layer(options, index), layer->query_heads, layer->key_heads, layer->rows.count,
                       layer->cols.count, head_layer(options, 0), shape->query_heads, shape->key_heads,
                       shape->rows.count, shape->cols.count);
}

void head_shape_free(head_shape *shape) {
    free(shape->numbers);
    shape->numbers = NULL;
}

ropemap_range head_axis(const head_shape *shape, bool keys) {
    ropemap_range axis = {.count = 0, .step = 1};
    int64_t last = -1;
    bool even = true;
    for (int32_t i = 0; i < shape->heads; i++) {
        const int64_t number = keys ? shape->numbers[i].key : shape->numbers[i].query;
        axis.first = axis.count == 0 ? number : axis.first;
        axis.step = axis.count == 1 && number != last ? number - last : axis.step;
        even = even && (axis.count == 0 || number == last || number - last == axis.step);
        axis.count += number != last ? 1 : 0;
        last = number;
    }
    return even ? axis : (ropemap_range){.count = axis.count, .step = 1};
}

void head_title(const head_options *options, const head_shape *shape, const char *what, char *text,
                size_t size) {
    const int64_t first = head_layer(options, 0), last = head_layer(options, shape->layers - 1);
    char layers[LABEL_BYTES] = "", head[LABEL_BYTES] = "";
    if (first >= 0 && shape->layers == 1) {
        (void)snprintf(layers, sizeof layers, ", layer %" PRId64, first);
    } else if (first >= 0) {
        (void)snprintf(layers, sizeof layers, ", layers %" PRId64 " to %" PRId64, first, last);
    }
    if (shape->heads == 1) {
        (void)snprintf(head, sizeof head, ", head %" PRId64, shape->numbers[0].query);
    }
    (void)snprintf(text, size, "%s: %s%s%s", what, shape->origin, layers, head);
}

void head_subtitle(const head_shape *shape, char *text, size_t size) {
    const ropemap_spec *spec = &shape->spec;
    char origin[LABEL_BYTES], scaling[LABEL_BYTES] = "", rotary[LABEL_BYTES] = "";
    rule_origin(spec, origin, sizeof origin);
    if (spec->rotary_dim != 0 && spec->rotary_dim != spec->head_dim) {
        (void)snprintf(rotary, sizeof rotary, ", %" PRId32 " rotated", spec->rotary_dim);
    }
    if (spec->scaling.rule != ROPEMAP_SCALING_NONE) {
        char rule[LABEL_BYTES - 4];
        ropemap_scaling_format(&spec->scaling, false, rule, sizeof rule);
        (void)snprintf(scaling, sizeof scaling, ", %s", rule);
    }
    (void)snprintf(text, size, "%s queries, %s keys, %s, d = %" PRId32 "%s%s",
                   number_in_words((double)shape->rows.count).text,
                   number_in_words((double)shape->cols.count).text, origin, spec->head_dim, rotary, scaling);
}
