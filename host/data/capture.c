/* capture.c - captures: what their metadata states, checked, and the vectors of a head */
/* SPDX-License-Identifier: MIT */
#include "host/data/capture.h"
#include "host/base/alloc.h"
#include "host/data/tensor.h"
#include "host/data/vectors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ropemap_state_name(ropemap_state state) {
    static const char *const names[] = {[ROPEMAP_STATE_PRE] = "pre", [ROPEMAP_STATE_POST] = "post"};
    return (size_t)state < sizeof names / sizeof *names ? names[state] : NULL;
}

/* ---- fields -------------------------------------------------------------------------------------------- */

ropemap_status rm_fields_fail(const rm_fields *fields, const char *key, const char *fault) {
    char layer[32] = "";
    if (fields->layer >= 0) {
        (void)snprintf(layer, sizeof layer, "layer %" PRId32 ": ", fields->layer);
    }
    return rm_fail(fields->error, ROPEMAP_DATA, "%s: %s'%s' %s", fields->file, layer, key, fault);
}

static ropemap_status fail_value(const rm_fields *fields, const char *key, const char *rule) {
    char value[40], fault[160];
    char *text = json_dumps(json_object_get(fields->object, key), JSON_ENCODE_ANY | JSON_COMPACT);
    rm_label_make(value, sizeof value, text != NULL ? text : "too large");
    free(text);
    (void)snprintf(fault, sizeof fault, "is %s; %s", value, rule);
    return rm_fields_fail(fields, key, fault);
}

/* The value of a key; NULL where it is null or missing. */
static const json_t *field(const rm_fields *fields, const char *key) {
    const json_t *value = json_object_get(fields->object, key);
    return json_is_null(value) ? NULL : value;
}

ropemap_status rm_fields_integer(const rm_fields *fields, const char *key, bool required, int64_t least,
                                 int64_t most, int64_t *to) {
    const json_t *value = field(fields, key);
    if (value == NULL) {
        return required ? rm_fields_fail(fields, key, "is missing") : ROPEMAP_OK;
    }
    const int64_t number = (int64_t)json_integer_value(value);
    if (!json_is_integer(value) || number < least || number > most) {
        char rule[80];
        (void)snprintf(rule, sizeof rule, "it must be a whole number, %" PRId64 " to %" PRId64, least, most);
        return fail_value(fields, key, rule);
    }
    *to = number;
    return ROPEMAP_OK;
}

static ropemap_status take_integer32(const rm_fields *fields, const char *key, int32_t least, int32_t most,
                                     int32_t *to) {
    int64_t number = *to;
    RM_TRY(rm_fields_integer(fields, key, true, least, most, &number));
    *to = (int32_t)number;
    return ROPEMAP_OK;
}

ropemap_status rm_fields_positive(const rm_fields *fields, const char *key, double *to) {
    const json_t *value = field(fields, key);
    if (value == NULL) {
        return ROPEMAP_OK;
    }
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number > 0.0) || !(number < 1e30)) {
        return fail_value(fields, key, "it must be a number above 0");
    }
    *to = number;
    return ROPEMAP_OK;
}

static ropemap_status take_layout(const rm_fields *fields, const char *key, ropemap_layout *to) {
    const json_t *value = field(fields, key);
    const char *text = json_string_value(value);
    const bool half = text != NULL && strcmp(text, "half") == 0;
    if (half || (text != NULL && strcmp(text, "interleaved") == 0)) {
        *to = half ? ROPEMAP_LAYOUT_HALF : ROPEMAP_LAYOUT_INTERLEAVED;
        return ROPEMAP_OK;
    }
    return value == NULL ? rm_fields_fail(fields, key, "is missing")
                         : fail_value(fields, key, "it must be \"half\" or \"interleaved\"");
}

/* ---- a layer ------------------------------------------------------------------------------------------- */

/* Heads below `end`, ascending: allocated. */
static ropemap_status take_heads(const rm_fields *fields, const char *key, int64_t end, const int32_t **heads,
                                 int64_t *count) {
    static const char rule[] = "it must list heads of the layer, ascending";
    const json_t *list = field(fields, key);
    const size_t size = json_array_size(list);
    if (list == NULL) {
        return rm_fields_fail(fields, key, "is missing");
    }
    if (!json_is_array(list) || size == 0 || (int64_t)size > end) {
        return fail_value(fields, key, rule);
    }
    int32_t *numbers = rm_alloc_raw(size, sizeof *numbers);
    if (numbers == NULL) {
        return rm_fail_memory(fields->error, "heads", size * sizeof *numbers);
    }
    *heads = numbers;
    for (size_t i = 0; i < size; i++) {
        const json_t *value = json_array_get(list, i);
        const int64_t number = (int64_t)json_integer_value(value);
        if (!json_is_integer(value) || number < (i > 0 ? numbers[i - 1] + 1 : 0) || number >= end) {
            return fail_value(fields, key, rule);
        }
        numbers[i] = (int32_t)number;
    }
    *count = (int64_t)size;
    return ROPEMAP_OK;
}

/* Index of a head in a list; -1: it is not there. */
static int64_t index_of(const int32_t *heads, int64_t count, int64_t head) {
    for (int64_t i = 0; i < count; i++) {
        if (heads[i] == head) {
            return i;
        }
    }
    return -1;
}

static int64_t key_head_of(const ropemap_capture_layer *layer, int64_t head) {
    return head / (layer->heads / layer->key_heads);
}

static ropemap_status take_all_heads(const rm_fields *fields, ropemap_capture_layer *layer) {
    RM_TRY(rm_fields_integer(fields, "heads", true, 1, RM_CAPTURE_HEADS_MAX, &layer->heads));
    RM_TRY(rm_fields_integer(fields, "kv_heads", true, 1, layer->heads, &layer->key_heads));
    if (layer->heads % layer->key_heads != 0) {
        char rule[80];
        (void)snprintf(rule, sizeof rule, "the layer's %" PRId64 " heads are no multiple of it",
                       layer->heads);
        return fail_value(fields, "kv_heads", rule);
    }
    RM_TRY(take_heads(fields, "query_heads", layer->heads, &layer->queries, &layer->query_count));
    RM_TRY(take_heads(fields, "key_heads", layer->key_heads, &layer->keys, &layer->key_count));
    for (int64_t i = 0; i < layer->query_count; i++) {
        const int64_t key = key_head_of(layer, layer->queries[i]);
        if (index_of(layer->keys, layer->key_count, key) < 0) {
            char rule[80];
            (void)snprintf(rule, sizeof rule, "query head %" PRId32 " uses key head %" PRId64,
                           layer->queries[i], key);
            return fail_value(fields, "key_heads", rule);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status take_rotation(const rm_fields *fields, ropemap_capture_layer *layer) {
    int64_t dim = -1, first = 0;
    RM_TRY(take_integer32(fields, "head_dim", 2, ROPEMAP_MAX_HEAD_DIM, &layer->head_dim));
    RM_TRY(rm_fields_integer(fields, "rotary_dim", false, 0, layer->head_dim, &dim));
    layer->rotary_dim = (int32_t)dim;
    if (dim % 2 == 1) {
        return fail_value(fields, "rotary_dim", "pairs rotate: it must be even");
    }
    if (dim > 0) {
        RM_TRY(rm_fields_integer(fields, "rotary_first", true, 0, layer->head_dim - dim, &first));
        RM_TRY(take_layout(fields, "layout", &layer->layout));
        RM_TRY(take_layout(fields, "layout_after", &layer->after));
        RM_TRY(rm_fields_positive(fields, "attention_factor", &layer->attention));
    }
    layer->rotary_first = (int32_t)first;
    return ROPEMAP_OK;
}

static ropemap_status take_sinks(const rm_fields *fields, ropemap_capture_layer *layer) {
    const json_t *list = field(fields, "sinks");
    if (list == NULL) {
        return ROPEMAP_OK;
    }
    if (!json_is_array(list) || (int64_t)json_array_size(list) != layer->query_count) {
        return fail_value(fields, "sinks", "it must have a number for each of query_heads");
    }
    double *sinks = rm_alloc_raw((uint64_t)layer->query_count, sizeof *sinks);
    if (sinks == NULL) {
        return rm_fail_memory(fields->error, "sinks", (uint64_t)layer->query_count * sizeof *sinks);
    }
    layer->sinks = sinks;
    for (int64_t i = 0; i < layer->query_count; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        sinks[i] = json_number_value(value);
        if (!json_is_number(value) || fabs(sinks[i]) > 1e30) {
            return fail_value(fields, "sinks", "it must have a number for each of query_heads");
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status take_mask(const rm_fields *fields, ropemap_capture_layer *layer) {
    const json_t *causal = field(fields, "causal");
    if (!json_is_boolean(causal)) {
        return causal == NULL ? rm_fields_fail(fields, "causal", "is missing")
                              : fail_value(fields, "causal", "it must be true or false");
    }
    layer->causal = json_is_true(causal);
    RM_TRY(rm_fields_integer(fields, "window", false, 1, ROPEMAP_POSITION_END - 1, &layer->window));
    RM_TRY(rm_fields_integer(fields, "chunk", false, 1, ROPEMAP_POSITION_END - 1, &layer->chunk));
    return layer->window > 0 && layer->chunk > 0
               ? rm_fields_fail(fields, "window", "and 'chunk' are both given; a layer has one of them")
               : ROPEMAP_OK;
}

static ropemap_status take_layer(rm_fields *fields, ropemap_capture_layer *layer) {
    if (!json_is_object(fields->object)) {
        return rm_fields_fail(fields, "layers", "must be a list of objects");
    }
    RM_TRY(take_integer32(fields, "layer", 0, INT32_MAX, &layer->number));
    fields->layer = layer->number;
    const char *type = json_string_value(field(fields, "type"));
    if (type != NULL) {
        rm_label_make(layer->type, sizeof layer->type, type);
    }
    RM_TRY(take_all_heads(fields, layer));
    RM_TRY(take_rotation(fields, layer));
    RM_TRY(rm_fields_positive(fields, "scale", &layer->scale));
    RM_TRY(rm_fields_positive(fields, "softcap", &layer->softcap));
    RM_TRY(take_mask(fields, layer));
    return take_sinks(fields, layer);
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

enum entry {
    FORMAT,
    VERSION,
    STATE,
    ORDER,
    MODEL,
    CONFIG,
    TOKENS,
    Q_FIRST,
    Q_STEP,
    K_FIRST,
    K_STEP,
    LAYERS,
    ENTRIES
};

static const char *const entry_names[ENTRIES] = {"format",     "version",   "state",    "order",
                                                 "model",      "config",    "tokens",   "query_first",
                                                 "query_step", "key_first", "key_step", "layers"};

static ropemap_status take_number(const char *file, const rm_metadata_entry *entry, int64_t least,
                                  int64_t *to, ropemap_error *error) {
    char *end = NULL;
    const char *text = entry->value;
    if (text == NULL) {
        return rm_fail(error, ROPEMAP_DATA, "%s: '%s' is missing in its metadata", file, entry->name);
    }
    const long long number = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < least || number >= ROPEMAP_POSITION_END) {
        char value[40];
        rm_label_make(value, sizeof value, text);
        return rm_fail(error, ROPEMAP_DATA, "%s: '%s' is '%s'; it must be a whole number from %" PRId64 " on",
                       file, entry->name, value, least);
    }
    *to = (int64_t)number;
    return ROPEMAP_OK;
}

/* Index of a word among `words`, which ends with NULL. */
static ropemap_status take_word(const char *file, const rm_metadata_entry *entry, const char *const *words,
                                int *to, ropemap_error *error) {
    char value[40];
    for (int i = 0; entry->value != NULL && words[i] != NULL; i++) {
        if (strcmp(entry->value, words[i]) == 0) {
            *to = i;
            return ROPEMAP_OK;
        }
    }
    if (entry->value == NULL) {
        return rm_fail(error, ROPEMAP_DATA, "%s: '%s' is missing in its metadata", file, entry->name);
    }
    rm_label_make(value, sizeof value, entry->value);
    return rm_fail(error, ROPEMAP_DATA, "%s: '%s' is '%s'; this program knows %s%s%s", file, entry->name,
                   value, words[0], words[1] != NULL ? ", " : "", words[1] != NULL ? words[1] : "");
}

ropemap_status rm_capture_json(const char *file, const char *what, const char *text, json_t **root,
                               ropemap_error *error) {
    json_error_t reason;
    if (strlen(text) > RM_CAPTURE_JSON_MAX) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %s has %zu bytes; at most %d are read", file, what,
                       strlen(text), RM_CAPTURE_JSON_MAX);
    }
    *root = json_loads(text, JSON_REJECT_DUPLICATES, &reason);
    return *root != NULL ? ROPEMAP_OK
                         : rm_fail(error, ROPEMAP_DATA, "%s: %s, line %d: %.200s", file, what, reason.line,
                                   reason.text);
}

ropemap_status rm_capture_make_layers(ropemap_capture *capture, size_t count, ropemap_error *error) {
    if (count == 0 || count > RM_CAPTURE_LAYERS_MAX) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %zu layers; a capture has 1 to %d", capture->name, count,
                       RM_CAPTURE_LAYERS_MAX);
    }
    capture->layers = rm_alloc(count, sizeof *capture->layers);
    capture->layer_count = (int32_t)count;
    return capture->layers != NULL ? ROPEMAP_OK
                                   : rm_fail_memory(error, "layers", count * sizeof *capture->layers);
}

ropemap_status rm_capture_check_order(const ropemap_capture *capture, ropemap_error *error) {
    for (int32_t i = 1; i < capture->layer_count; i++) {
        if (capture->layers[i].shown.number <= capture->layers[i - 1].shown.number) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: layer %" PRId32 " after layer %" PRId32 "; they must ascend", capture->name,
                           capture->layers[i].shown.number, capture->layers[i - 1].shown.number);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status take_layers(const char *text, ropemap_capture *capture, ropemap_error *error) {
    json_t *root = NULL;
    RM_TRY(rm_capture_json(capture->name, "'layers'", text, &root, error));
    ropemap_status status = rm_capture_make_layers(capture, json_array_size(root), error);
    for (int32_t i = 0; i < capture->layer_count && status == ROPEMAP_OK; i++) {
        rm_fields fields = {
            .file = capture->name, .object = json_array_get(root, (size_t)i), .layer = -1, .error = error};
        ropemap_capture_layer *layer = &capture->layers[i].shown;
        status = take_layer(&fields, layer);
        if (status == ROPEMAP_OK && layer->rotary_dim < 0 &&
            ropemap_capture_has(capture, ROPEMAP_STATE_PRE)) {
            status = rm_fields_fail(&fields, "rotary_dim", "is missing, but the state is pre");
        }
    }
    json_decref(root);
    return status == ROPEMAP_OK ? rm_capture_check_order(capture, error) : status;
}

static ropemap_status take_entries(rm_metadata_entry *entries, ropemap_capture *capture,
                                   ropemap_error *error) {
    static const char *const versions[] = {"1", NULL}, *const formats[] = {"ropemap.capture", NULL},
                             *const states[] = {"pre", "post", "both", NULL},
                             *const orders[] = {"hsd", "shd", NULL};
    const char *file = capture->name;
    int format = 0, version = 0, state = 0, order = 0;
    RM_TRY(take_word(file, &entries[FORMAT], formats, &format, error));
    RM_TRY(take_word(file, &entries[VERSION], versions, &version, error));
    RM_TRY(take_word(file, &entries[STATE], states, &state, error));
    RM_TRY(take_word(file, &entries[ORDER], orders, &order, error));
    capture->has[ROPEMAP_STATE_PRE] = state != 1;
    capture->has[ROPEMAP_STATE_POST] = state != 0;
    capture->order = (ropemap_order)order;
    rm_label_make(capture->model, sizeof capture->model,
                  entries[MODEL].value != NULL ? entries[MODEL].value : "");
    RM_TRY(take_number(file, &entries[TOKENS], 1, &capture->tokens, error));
    RM_TRY(take_number(file, &entries[Q_FIRST], 0, &capture->queries.first, error));
    RM_TRY(take_number(file, &entries[Q_STEP], 1, &capture->queries.step, error));
    RM_TRY(take_number(file, &entries[K_FIRST], 0, &capture->keys.first, error));
    RM_TRY(take_number(file, &entries[K_STEP], 1, &capture->keys.step, error));
    if (entries[CONFIG].value == NULL || entries[LAYERS].value == NULL) {
        return rm_fail(error, ROPEMAP_DATA, "%s: '%s' is missing in its metadata", file,
                       entries[CONFIG].value == NULL ? "config" : "layers");
    }
    RM_TRY(take_layers(entries[LAYERS].value, capture, error));
    capture->config = entries[CONFIG].value;
    entries[CONFIG].value = NULL;
    return ROPEMAP_OK;
}

static ropemap_status read_capture(const rm_input *input, ropemap_capture *capture, ropemap_error *error) {
    rm_metadata_entry entries[ENTRIES];
    for (int i = 0; i < ENTRIES; i++) {
        entries[i] = (rm_metadata_entry){.name = entry_names[i]};
    }
    ropemap_status status = rm_safetensors_metadata(input, entries, ENTRIES, error);
    if (status == ROPEMAP_OK && entries[FORMAT].value == NULL) {
        status = rm_capture_read_hook(capture, error);
    } else if (status == ROPEMAP_OK) {
        status = take_entries(entries, capture, error);
    }
    for (int i = 0; i < ENTRIES; i++) {
        rm_free(entries[i].value);
    }
    return status;
}

ropemap_status ropemap_capture_open(const char *path, ropemap_capture **capture, ropemap_error *error) {
    *capture = NULL;
    rm_input input;
    RM_TRY(rm_input_open(path, &input, error));
    const size_t bytes = strlen(path) + 1;
    ropemap_capture *made = rm_alloc(1, sizeof *made + bytes);
    ropemap_status status = ROPEMAP_OK;
    if (made == NULL) {
        status = rm_fail_memory(error, "capture", sizeof *made + bytes);
    } else {
        made->path = (char *)(made + 1);
        memcpy(made->path, path, bytes);
        (void)snprintf(made->name, sizeof made->name, "%s", input.name);
        status = read_capture(&input, made, error);
    }
    rm_input_close(&input);
    if (status != ROPEMAP_OK) {
        ropemap_capture_free(made);
        return status;
    }
    *capture = made;
    return ROPEMAP_OK;
}

void ropemap_capture_free(ropemap_capture *capture) {
    if (capture == NULL) {
        return;
    }
    for (int32_t i = 0; i < capture->layer_count && capture->layers != NULL; i++) {
        rm_capture_layer *layer = &capture->layers[i];
        rm_free((void *)(uintptr_t)layer->shown.queries);
        rm_free((void *)(uintptr_t)layer->shown.keys);
        rm_free((void *)(uintptr_t)layer->shown.sinks);
        rm_free(layer->names[0]);
        rm_free(layer->names[1]);
    }
    rm_free(capture->layers);
    rm_free(capture->config);
    rm_free(capture->lengths);
    rm_free(capture);
}

/* ---- what it states ------------------------------------------------------------------------------------ */

const char *ropemap_capture_model(const ropemap_capture *capture) {
    return capture->model;
}

const char *ropemap_capture_config(const ropemap_capture *capture) {
    return capture->config;
}

int64_t ropemap_capture_tokens(const ropemap_capture *capture) {
    return capture->tokens;
}

bool ropemap_capture_has(const ropemap_capture *capture, ropemap_state state) {
    return capture->has[state];
}

const ropemap_capture_layer *ropemap_capture_layer_at(const ropemap_capture *capture, int32_t index) {
    return index >= 0 && index < capture->layer_count ? &capture->layers[index].shown : NULL;
}

/* "0, 4, 9, ..." */
static void list_layers(const ropemap_capture *capture, char *text, size_t size) {
    size_t at = 0;
    for (int32_t i = 0; i < capture->layer_count && i < 9 && at < size; i++) {
        at += (size_t)snprintf(text + at, size - at, "%s%" PRId32, i == 0 ? "" : ", ",
                               capture->layers[i].shown.number);
    }
    if (capture->layer_count > 9 && at < size) {
        (void)snprintf(text + at, size - at, ", ...");
    }
}

ropemap_status ropemap_capture_find(const ropemap_capture *capture, int64_t number,
                                    const ropemap_capture_layer **layer, ropemap_error *error) {
    char captured[160];
    for (int32_t i = 0; i < capture->layer_count; i++) {
        if (capture->layers[i].shown.number == number) {
            *layer = &capture->layers[i].shown;
            return ROPEMAP_OK;
        }
    }
    list_layers(capture, captured, sizeof captured);
    return rm_fail(error, ROPEMAP_USAGE, "layer: %s has no layer %" PRId64 "; captured: %s", capture->name,
                   number, captured);
}

/* ---- vectors ------------------------------------------------------------------------------------------- */

static const rm_capture_layer *own_layer(const ropemap_capture_layer *layer) {
    return (const rm_capture_layer *)(const void *)layer;
}

/* One side of a capture of our own: `index` of the heads that its tensor holds. */
static ropemap_status open_side(const ropemap_capture *capture, const ropemap_capture_layer *layer,
                                ropemap_state state, bool keys, int64_t index, ropemap_vectors **vectors,
                                ropemap_error *error) {
    char name[64];
    (void)snprintf(name, sizeof name, "layers.%" PRId32 ".%s.%s", layer->number, ropemap_state_name(state),
                   keys ? "k" : "q");
    const ropemap_tensor tensor = {.path = capture->path,
                                   .name = name,
                                   .order = capture->order,
                                   .head = index,
                                   .rotary_first = layer->rotary_first};
    const int64_t heads = keys ? layer->key_count : layer->query_count;
    ropemap_error reason = {.status = ROPEMAP_OK};
    ropemap_vectors *made = NULL;
    const ropemap_status status = ropemap_vectors_open(&tensor, &made, &reason);
    if (status != ROPEMAP_OK) { /* what the capture states is wrong, not the request */
        return rm_fail(error, status == ROPEMAP_USAGE ? ROPEMAP_DATA : status, "%s", reason.text);
    }
    *vectors = made;
    if (ropemap_vectors_heads(made) != heads || ropemap_vectors_head_dim(made) != layer->head_dim) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: tensor '%s' has %" PRId64 " heads of %" PRId32 ", its metadata %" PRId64
                       " of %" PRId32,
                       capture->name, name, ropemap_vectors_heads(made), ropemap_vectors_head_dim(made),
                       heads, layer->head_dim);
    }
    const rm_capture_place place = keys ? capture->keys : capture->queries;
    const int64_t rows = ropemap_vectors_count(made);
    if (place.first >= capture->tokens || rows - 1 > (capture->tokens - 1 - place.first) / place.step) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: tensor '%s' has %" PRId64 " rows from position %" PRId64
                       " on in steps of %" PRId64 ", but the model read %" PRId64 " tokens",
                       capture->name, name, rows, place.first, place.step, capture->tokens);
    }
    return ropemap_vectors_place(made, place.first, place.step, error);
}

static ropemap_status open_sides(const ropemap_capture *capture, const ropemap_capture_layer *layer,
                                 int64_t head, int64_t batch, ropemap_state state, ropemap_vectors **queries,
                                 ropemap_vectors **keys, ropemap_error *error) {
    const int64_t query = index_of(layer->queries, layer->query_count, head);
    const int64_t key = index_of(layer->keys, layer->key_count, key_head_of(layer, head));
    if (own_layer(layer)->names[0] != NULL) {
        return rm_capture_open_hook(capture, own_layer(layer), head, batch, queries, keys, error);
    }
    if (batch != 0) {
        return rm_fail(error, ROPEMAP_USAGE, "batch: %" PRId64 ", but %s has one, 0", batch, capture->name);
    }
    RM_TRY(open_side(capture, layer, state, false, query, queries, error));
    return open_side(capture, layer, state, true, key, keys, error);
}

/* A query before every key would see none, one after them all not the keys that the model saw. */
static ropemap_status check_sight(const ropemap_capture *capture, const ropemap_capture_layer *layer,
                                  const ropemap_vectors *queries, const ropemap_vectors *keys,
                                  ropemap_error *error) {
    const ropemap_range q = ropemap_vectors_positions(queries), k = ropemap_vectors_positions(keys);
    const int64_t q_last = q.first + (q.count - 1) * q.step, k_last = k.first + (k.count - 1) * k.step;
    return !layer->causal || (k.first <= q.first && k_last > q_last - k.step)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_DATA,
                         "%s: layer %" PRId32 " is causal, but its queries are at positions %" PRId64
                         " to %" PRId64 ", its keys at %" PRId64 " to %" PRId64,
                         capture->name, layer->number, q.first, q_last, k.first, k_last);
}

/* "smollm2, layer 9, head 4" */
static void make_label(const ropemap_capture *capture, const ropemap_capture_layer *layer, int64_t head,
                       ropemap_vectors *vectors) {
    char label[RM_LABEL_BYTES + 80];
    (void)snprintf(label, sizeof label, "%s, layer %" PRId32 ", head %" PRId64,
                   capture->model[0] != '\0' ? capture->model : capture->name, layer->number, head);
    rm_label_make(vectors->label, sizeof vectors->label, label);
}

ropemap_status ropemap_capture_vectors(const ropemap_capture *capture, const ropemap_capture_layer *layer,
                                       int64_t head, int64_t batch, ropemap_state state,
                                       ropemap_vectors **queries, ropemap_vectors **keys,
                                       ropemap_error *error) {
    *queries = *keys = NULL;
    if (!capture->has[state]) {
        return rm_fail(
            error, ROPEMAP_DATA, "state: %s holds %s, not %s", capture->name,
            ropemap_state_name(state == ROPEMAP_STATE_PRE ? ROPEMAP_STATE_POST : ROPEMAP_STATE_PRE),
            ropemap_state_name(state));
    }
    if (index_of(layer->queries, layer->query_count, head) < 0) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "head: %s has no head %" PRId64 " of layer %" PRId32 "; captured: %" PRId64
                       ", from %" PRId32 " to %" PRId32,
                       capture->name, head, layer->number, layer->query_count, layer->queries[0],
                       layer->queries[layer->query_count - 1]);
    }
    ropemap_status status = open_sides(capture, layer, head, batch, state, queries, keys, error);
    status = status == ROPEMAP_OK ? check_sight(capture, layer, *queries, *keys, error) : status;
    if (status == ROPEMAP_OK) {
        make_label(capture, layer, head, *queries);
        make_label(capture, layer, head, *keys);
    }
    if (status != ROPEMAP_OK) {
        ropemap_vectors_free(*queries);
        ropemap_vectors_free(*keys);
        *queries = *keys = NULL;
    }
    return status;
}
