/* head_inputs.c - the options of real heads, and queries and keys of every head of one layer after another */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/attention.h"
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"

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
    OPTION_OUTPUT(offsetof(head_options, outputs),
                  "where the picture goes, .png, .svg or .pdf, or the whole table, .csv; csv:- for standard "
                  "output in place of the text"),
    OPTION_JSON(offsetof(head_options, json), "print everything as JSON on standard output"),
    OPTION_FORCE(offsetof(head_options, force)),
    OPTION_QUIET(offsetof(head_options, quiet), "print nothing but errors"),
    {.name = NULL},
};

/* Every stride-th of the numbers, equal ones once. */
static head_axis axis_of(const int64_t *numbers, int64_t stride, int64_t count, const char *even,
                         const char *listed) {
    ropemap_range range = {.first = numbers[0], .count = 1, .step = 1};
    int64_t last = numbers[0];
    bool rises = true;
    for (int64_t i = 1; i < count; i++) {
        const int64_t number = numbers[i * stride];
        if (number != last) {
            range.step = range.count == 1 ? number - last : range.step;
            rises = rises && number - last == range.step && range.step > 0;
            range.count++;
        }
        last = number;
    }
    if (rises && range.first >= 0) {
        return (head_axis){.range = range, .label = even};
    }
    return (head_axis){
        .range = {.count = range.count, .step = 1}, .label = rises ? even : listed, .listed = !rises};
}

head_axis layer_axis(const head_options *options) {
    head_axis axis = axis_of(options->layer_numbers, 1, options->layer_count, "layer", "layer");
    axis.numbers = axis.listed ? options->layer_numbers : NULL;
    return axis;
}

static ropemap_status take_layer(head_options *options, int64_t number, ropemap_error *error) {
    if (options->layer_count == HEAD_LAYERS_MOST) {
        return fail(error, ROPEMAP_USAGE, "--layers: more than %d layers; give fewer", HEAD_LAYERS_MOST);
    }
    options->layer_numbers[options->layer_count++] = number;
    return ROPEMAP_OK;
}

/* Layers that do not rotate have no rule: left out of all, refused where they are named. */
static ropemap_status take_captured(head_options *options, const ropemap_capture_layer *layer, bool named,
                                    ropemap_error *error) {
    if (!options->needs_rule || layer->rotary_dim != 0) {
        return take_layer(options, layer->number, error);
    }
    if (named) {
        return fail(error, ROPEMAP_USAGE, "--layer %d: it does not rotate, so it has no pairs; leave it out",
                    (int)layer->number);
    }
    if (!options->quiet) {
        (void)fprintf(stderr, "ropemap: layer %d does not rotate, so it has no pairs\n", (int)layer->number);
    }
    return ROPEMAP_OK;
}

/* Those that were captured, of --layers or --layer where these are given. */
static ropemap_status find_captured(head_options *options, ropemap_error *error) {
    ropemap_capture *capture = NULL;
    const ropemap_capture_layer *layer = NULL;
    const bool one = (options->tensors.given & TENSOR_LAYER) != 0;
    const ropemap_range wanted =
        one ? (ropemap_range){.first = options->tensors.layer, .count = 1, .step = 1} : options->layers;
    ropemap_status status = ropemap_capture_open(options->tensors.capture, &capture, error);
    for (int64_t i = 0; i < wanted.count && status == ROPEMAP_OK; i++) { /* each must be there */
        status = ropemap_capture_find(capture, wanted.first + i * wanted.step, &layer, error);
        status = status == ROPEMAP_OK ? take_captured(options, layer, true, error) : status;
    }
    for (int32_t i = 0; wanted.count == 0 && status == ROPEMAP_OK; i++) {
        layer = ropemap_capture_layer_at(capture, i);
        if (layer == NULL) {
            break;
        }
        status = take_captured(options, layer, false, error);
    }
    if (status == ROPEMAP_OK && options->layer_count == 0) {
        status = fail(error, ROPEMAP_DATA, "%.200s: none of its layers rotates", options->tensors.capture);
    }
    ropemap_capture_free(capture);
    return status;
}

static ropemap_status find_layers(head_options *options, ropemap_error *error) {
    const tensor_options *tensors = &options->tensors;
    const bool marked = strstr(tensors->queries, "{}") != NULL, other = strstr(tensors->keys, "{}") != NULL;
    ropemap_status status = ROPEMAP_OK;
    if (options->layers.count > 0 && (tensors->given & TENSOR_LAYER) != 0) {
        return fail(error, ROPEMAP_USAGE, "--layer and --layers both name layers; use one");
    }
    if (tensors->capture != NULL) {
        return find_captured(options, error);
    }
    if (options->layers.count > 0 && !(marked && other)) {
        return fail(error, ROPEMAP_USAGE,
                    "--layers: --%s '%.200s' names the same rows for every layer; put {} in the place of the "
                    "layer's number",
                    marked ? "keys" : "queries", marked ? tensors->keys : tensors->queries);
    }
    for (int64_t i = 0; i < options->layers.count && status == ROPEMAP_OK; i++) {
        status = take_layer(options, options->layers.first + i * options->layers.step, error);
    }
    return options->layers.count > 0 ? status : take_layer(options, -1, error);
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
    for (int i = 0; i < 2 * options->layer_count && status == ROPEMAP_OK; i++) {
        const char *text = i % 2 == 0 ? options->tensors.queries : options->tensors.keys;
        char *name = name_of(text, options->layer_numbers[i / 2]);
        status = name != NULL ? outputs_note(outputs, &tensor, name, error)
                              : fail(error, ROPEMAP_RESOURCES, "--layers: no memory for the names");
        free(name);
    }
    return status;
}

ropemap_status head_options_check(head_options *options, cli_outputs *outputs, ropemap_error *error) {
    if (options->tensors.queries == NULL && options->tensors.keys == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--capture is missing, or --queries and --keys; give the files of real heads");
    }
    ropemap_status status = tensor_options_check(&options->tensors, TENSOR_ALL, error);
    status = status == ROPEMAP_OK ? find_layers(options, error) : status;
    return status == ROPEMAP_OK && outputs != NULL ? note_layers(options, outputs, error) : status;
}

/* ---- one layer ----------------------------------------------------------------------------------------- */

/* A head's queries and keys; its neighbour's keys where both have the same. */
static ropemap_status open_head(const tensor_options *like, bool quiet, int32_t index, layer_heads *layer,
                                ropemap_error *error) {
    tensor_options tensors = *like;
    tensor_pair *pair = &layer->opened[index];
    head_number *number = &layer->numbers[index];
    tensors.head = number->query;
    tensors.given |= TENSOR_HEAD;
    const ropemap_status status = tensor_pair_open(&tensors, quiet || index > 0, pair, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    const ropemap_capture_layer *stated = pair->layer;
    layer->query_heads = stated != NULL ? stated->heads : ropemap_vectors_heads(pair->queries);
    layer->key_heads = stated != NULL ? stated->key_heads : ropemap_vectors_heads(pair->keys);
    number->key = number->query / (layer->query_heads / layer->key_heads);
    const bool shared = index > 0 && number->key == layer->numbers[index - 1].key;
    layer->heads[index] =
        (ropemap_head){.queries = pair->queries, .keys = shared ? layer->heads[index - 1].keys : pair->keys};
    return ROPEMAP_OK;
}

/* The numbers of the layer's heads, or of the one that is named; of a capture those that it has. */
static ropemap_status number_heads(const tensor_options *tensors, layer_heads *layer, ropemap_error *error) {
    tensor_pair first = {.queries = NULL};
    const bool one = (tensors->given & TENSOR_HEAD) != 0;
    ropemap_status status = tensor_pair_open(tensors, true, &first, error);
    if (status == ROPEMAP_OK) {
        const ropemap_capture_layer *stated = first.layer;
        layer->count = one              ? 1
                       : stated != NULL ? (int32_t)stated->query_count
                                        : (int32_t)ropemap_vectors_heads(first.queries);
        layer->heads = calloc((size_t)layer->count, sizeof *layer->heads);
        layer->opened = calloc((size_t)layer->count, sizeof *layer->opened);
        layer->numbers = calloc((size_t)layer->count, sizeof *layer->numbers);
        if (layer->heads == NULL || layer->opened == NULL || layer->numbers == NULL) {
            status =
                fail(error, ROPEMAP_RESOURCES, "--queries: no memory for %" PRId32 " heads", layer->count);
        }
        for (int32_t i = 0; status == ROPEMAP_OK && i < layer->count; i++) {
            layer->numbers[i].query = one ? tensors->head : stated != NULL ? stated->queries[i] : i;
        }
    }
    tensor_pair_free(&first);
    return status;
}

static int64_t last_of(ropemap_range range) {
    return range.first + (range.count - 1) * range.step;
}

/* What tensors say of the rule that a capture does not. */
static ropemap_status take_head_dim(const head_options *options, layer_heads *layer, ropemap_error *error) {
    const ropemap_vectors *queries = layer->heads[0].queries;
    const int32_t dim = ropemap_vectors_head_dim(queries);
    const bool known = (options->rule.given & RULE_HEAD_DIM) != 0 || layer->rule.opened != NULL;
    if (known && layer->spec.head_dim != dim) {
        return fail(error, ROPEMAP_USAGE,
                    "--head-dim: %" PRId32 " is not that of the tensors; leave it out or give %" PRId32
                    ", as in %.180s",
                    layer->spec.head_dim, dim, ropemap_vectors_label(queries));
    }
    layer->spec.head_dim = dim;
    return ROPEMAP_OK;
}

/* What a capture states of a layer's rule; of rotated rows the same, so that the rotation can be taken off.
 */
static ropemap_status take_captured_rule(const head_options *options, bool quiet, layer_heads *layer,
                                         ropemap_error *error) {
    tensor_pair pair = layer->opened[0];
    ropemap_capture_layer stated = *pair.layer;
    if (layer->rotated && options->needs_rule) {
        pair.state = ROPEMAP_STATE_PRE;
        stated.layout = stated.after;
    }
    pair.layer = &stated;
    if (pair.state == ROPEMAP_STATE_PRE && !rule_options_named(&layer->rule) &&
        ropemap_capture_config(pair.capture) == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--capture: %.200s has no config.json; name the model by --model or --preset",
                    options->tensors.capture);
    }
    capture_take_rule(&pair, &layer->rule);
    ropemap_status status = rule_options_resolve(&layer->rule, error);
    layer->spec = layer->rule.spec;
    layer->spec.head_dim = stated.head_dim;
    if (status == ROPEMAP_OK && stated.rotary_dim >= 0) { /* else unknown */
        status = capture_settle_rule(&pair, &layer->rule, quiet, &layer->spec, error);
    }
    return status;
}

/* The layer's own rule: a capture has one for each type of layer. */
static ropemap_status take_rule(const head_options *options, bool quiet, layer_heads *layer,
                                ropemap_error *error) {
    const tensor_pair *pair = &layer->opened[0];
    ropemap_status status = ROPEMAP_OK;
    layer->rotated = pair->state == ROPEMAP_STATE_POST;
    layer->causal = pair->layer != NULL && pair->layer->causal;
    layer->has_rule = !layer->rotated || options->needs_rule;
    layer->rows = ropemap_vectors_positions(pair->queries);
    layer->cols = ropemap_vectors_positions(pair->keys);
    layer->rule.head = layer->numbers[0].query;
    if (pair->layer != NULL) {
        status = take_captured_rule(options, quiet, layer, error);
    } else {
        if (layer->number[0] != '\0' && layer->rule.model != NULL && layer->rule.layer_type == NULL) {
            layer->rule.layer_type = layer->number;
        }
        status = rule_options_resolve(&layer->rule, error);
        layer->spec = layer->rule.spec;
        status = status == ROPEMAP_OK ? take_head_dim(options, layer, error) : status;
    }
    if (status == ROPEMAP_OK && layer->rule.table != NULL && layer->rule.table->heads > 1 &&
        layer->count > 1) {
        return fail(error, ROPEMAP_USAGE,
                    "--frequencies: %.180s has a row for each of its %" PRId64 " heads; give --head N",
                    options->rule.frequencies, layer->rule.table->heads);
    }
    if (layer->spec.length == 0.0) {
        const int64_t query = last_of(layer->rows), key = last_of(layer->cols);
        layer->spec.length = (double)(query > key ? query : key) + 1.0;
    }
    return status;
}

ropemap_status layer_heads_open(const head_options *options, int index, layer_heads *layer,
                                ropemap_error *error) {
    const int64_t number = options->layer_numbers[index];
    const bool quiet = options->quiet || index > 0;
    tensor_options tensors = options->tensors;
    char *queries = name_of(tensors.queries, number), *keys = name_of(tensors.keys, number);
    ropemap_status status = ROPEMAP_OK;
    tensors.queries = queries;
    tensors.keys = keys;
    layer->rule = options->rule; /* not resolved: nothing is owned */
    if (number >= 0) {
        (void)snprintf(layer->number, sizeof layer->number, "%" PRId64, number);
    }
    if (tensors.capture != NULL) {
        tensors.layer = number;
        tensors.given |= TENSOR_LAYER;
    }
    if (queries == NULL || keys == NULL) {
        status = fail(error, ROPEMAP_RESOURCES, "--queries: no memory for the name");
    }
    status = status == ROPEMAP_OK ? number_heads(&tensors, layer, error) : status;
    for (int32_t i = 0; i < layer->count && status == ROPEMAP_OK; i++) {
        status = open_head(&tensors, quiet, i, layer, error);
    }
    status = status == ROPEMAP_OK ? take_rule(options, quiet, layer, error) : status;
    free(queries);
    free(keys);
    return status;
}

void layer_heads_free(layer_heads *layer) {
    for (int32_t i = 0; i < layer->count && layer->opened != NULL; i++) {
        tensor_pair_free(&layer->opened[i]);
    }
    rule_options_free(&layer->rule);
    free(layer->opened);
    free(layer->numbers);
    free(layer->heads);
    *layer = (layer_heads){.heads = NULL};
}

/* ---- all layers ---------------------------------------------------------------------------------------- */

/* "4,096 queries, 4,096 keys, base 100,000, d = 64" */
static void describe(const layer_heads *layer, bool mixed, char *text, size_t size) {
    const ropemap_spec *spec = &layer->spec;
    char origin[LABEL_BYTES], scaling[ROPEMAP_SCALING_TITLE + 2] = "", rotary[LABEL_BYTES] = "";
    rule_origin(spec, origin, sizeof origin);
    if (spec->rotary_dim != 0 && spec->rotary_dim != spec->head_dim) {
        (void)snprintf(rotary, sizeof rotary, ", %" PRId32 " rotated", spec->rotary_dim);
    }
    if (layer->has_rule && !mixed && spec->scaling.rule != ROPEMAP_SCALING_NONE) {
        char rule[ROPEMAP_SCALING_TITLE];
        ropemap_scaling_title(rule, &spec->scaling);
        (void)snprintf(scaling, sizeof scaling, ", %s", rule);
    }
    (void)snprintf(text, size, "%s queries, %s keys, %s, d = %" PRId32 "%s%s",
                   number_in_words((double)layer->rows.count).text,
                   number_in_words((double)layer->cols.count).text,
                   mixed             ? "each layer's own rule"
                   : layer->has_rule ? origin
                                     : "rows as they are",
                   spec->head_dim, rotary, scaling);
}

static ropemap_status begin_shape(const head_options *options, const layer_heads *layer, head_shape *shape,
                                  ropemap_error *error) {
    const ropemap_model *model = layer->rule.opened;
    const ropemap_capture *capture = layer->opened[0].capture;
    const char *label = ropemap_vectors_label(layer->heads[0].queries);
    const bool captured = capture != NULL && ropemap_capture_model(capture)[0] != '\0';
    *shape = (head_shape){.layers = options->layer_count,
                          .heads = layer->count,
                          .numbers = calloc((size_t)layer->count, sizeof *shape->numbers),
                          .query_heads = layer->query_heads,
                          .key_heads = layer->key_heads,
                          .rows = layer->rows,
                          .cols = layer->cols,
                          .head_dim = layer->spec.head_dim,
                          .rotary_dim = layer->spec.rotary_dim,
                          .rotated = layer->rotated,
                          .causal = layer->causal,
                          .trained = model != NULL ? ropemap_model_trained_length(model) : 0};
    (void)snprintf(shape->origin, sizeof shape->origin, "%.*s",
                   captured || model != NULL ? 150 : (int)strcspn(label, ":"),
                   captured        ? ropemap_capture_model(capture)
                   : model != NULL ? ropemap_model_name(model)
                                   : label);
    describe(layer, false, shape->subtitle, sizeof shape->subtitle);
    if (shape->numbers == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--queries: no memory for %" PRId32 " heads", layer->count);
    }
    memcpy(shape->numbers, layer->numbers, (size_t)layer->count * sizeof *shape->numbers);
    return ROPEMAP_OK;
}

ropemap_status head_shape_take(const head_options *options, const layer_heads *layer, int index,
                               head_shape *shape, ropemap_error *error) {
    char own[sizeof shape->subtitle];
    if (index == 0) {
        return begin_shape(options, layer, shape, error);
    }
    describe(layer, false, own, sizeof own);
    shape->mixed = shape->mixed || strcmp(own, shape->subtitle) != 0;
    if (shape->mixed) {
        describe(layer, true, shape->subtitle, sizeof shape->subtitle);
    }
    const bool same =
        layer->count == shape->heads && layer->query_heads == shape->query_heads &&
        layer->key_heads == shape->key_heads && layer->rows.count == shape->rows.count &&
        layer->cols.count == shape->cols.count && layer->spec.head_dim == shape->head_dim &&
        memcmp(layer->numbers, shape->numbers, (size_t)shape->heads * sizeof *shape->numbers) == 0;
    return same ? ROPEMAP_OK
                : fail(error, ROPEMAP_DATA,
                       "--layers: layer %" PRId64 " has %" PRId32 " of %" PRId64 " query and %" PRId64
                       " key heads of %" PRId64 " and %" PRId64 " rows, layer %" PRId64 " %" PRId32
                       " of %" PRId64 " and %" PRId64 " of %" PRId64 " and %" PRId64
                       "; give layers that are alike",
                       options->layer_numbers[index], layer->count, layer->query_heads, layer->key_heads,
                       layer->rows.count, layer->cols.count, options->layer_numbers[0], shape->heads,
                       shape->query_heads, shape->key_heads, shape->rows.count, shape->cols.count);
}

void head_shape_free(head_shape *shape) {
    free(shape->numbers);
    shape->numbers = NULL;
}

head_axis heads_axis(const head_shape *shape, bool keys) {
    const head_number *first = shape->numbers;
    return axis_of(keys ? &first->key : &first->query, sizeof *first / sizeof first->key, shape->heads,
                   "head", "nth head");
}

/* ", layers 0 to 29", or ", layers 0, 7, 9" where they are not evenly apart; cut where they are many. */
static void list(const char *what, const int64_t *numbers, int64_t stride, const head_axis *axis, char *text,
                 size_t size) {
    const int64_t count = axis->range.count;
    const bool listed = axis->listed;
    int length = snprintf(text, size, ", %ss %" PRId64, what, numbers[0]);
    if (!listed) {
        (void)snprintf(text + length, size - (size_t)length, " to %" PRId64, numbers[(count - 1) * stride]);
    }
    for (int64_t i = 1; listed && i < count && (size_t)length < size - 24; i++) {
        length += snprintf(text + length, size - (size_t)length, ", %" PRId64, numbers[i * stride]);
    }
    if (listed && (size_t)length >= size - 24) {
        (void)snprintf(text + length, size - (size_t)length, ", ...");
    }
}

void head_title(const head_options *options, const head_shape *shape, const char *what, char *text,
                size_t size) {
    const int64_t first = options->layer_numbers[0];
    const head_axis down = layer_axis(options), across = heads_axis(shape, false);
    char layers[LABEL_BYTES] = "", head[LABEL_BYTES] = "";
    if (first >= 0 && shape->layers == 1) {
        (void)snprintf(layers, sizeof layers, ", layer %" PRId64, first);
    } else if (first >= 0) {
        list("layer", options->layer_numbers, 1, &down, layers, sizeof layers);
    }
    if (shape->heads == 1) {
        (void)snprintf(head, sizeof head, ", head %" PRId64, shape->numbers[0].query);
    } else if (across.listed) {
        list("head", &shape->numbers[0].query, 2, &across, head, sizeof head);
    }
    (void)snprintf(text, size, "%s: %s%s%s", what, shape->origin, layers, head);
}
