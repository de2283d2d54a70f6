/* capture_hook.c - captures of vLLM-Hook: qk.safetensors and qk.json */
/* SPDX-License-Identifier: MIT */
/*
 * The tensors are [batch, position, heads * head_dim], after the rotation and padded with zeros at the end;
 * with "hookq_mode" last_token queries are [batch, heads * head_dim]. Positions count from 0.
 */
#include "host/base/alloc.h"
#include "host/base/input.h"
#include "host/data/capture.h"
#include "host/data/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ropemap_status no_capture(const ropemap_capture *capture, ropemap_error *error) {
    return rm_fail(
        error, ROPEMAP_DATA,
        "%s: not a capture: its metadata has no 'format', and there is no qk.json next to it; give "
        "its tensors by --queries and --keys",
        capture->name);
}

static char *copy_text(const char *text) {
    const size_t bytes = strlen(text) + 1;
    char *copy = rm_alloc_raw(bytes, 1);
    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}

/* The text of FILE.json next to FILE.safetensors, which the caller frees. */
static ropemap_status read_text(const ropemap_capture *capture, char **text, ropemap_error *error) {
    static const char ending[] = ".safetensors";
    const size_t length = strlen(capture->path), cut = sizeof ending - 1;
    rm_input input;
    if (length < cut || strcmp(capture->path + length - cut, ending) != 0) {
        return no_capture(capture, error);
    }
    char *path = copy_text(capture->path);
    if (path == NULL) {
        return rm_fail_memory(error, "name", length);
    }
    memcpy(path + length - cut, ".json", sizeof ".json");
    ropemap_status status = rm_input_open(path, &input, NULL);
    rm_free(path);
    if (status != ROPEMAP_OK) {
        return no_capture(capture, error);
    }
    if (input.size > RM_CAPTURE_JSON_MAX) {
        status = rm_fail(error, ROPEMAP_DATA, "%s: %" PRIu64 " bytes; at most %d are read", input.name,
                         input.size, RM_CAPTURE_JSON_MAX);
    }
    *text = status == ROPEMAP_OK ? rm_alloc(input.size + 1, 1) : NULL;
    if (status == ROPEMAP_OK) {
        status = *text == NULL ? rm_fail_memory(error, "JSON", input.size)
                               : rm_input_read(&input, 0, input.size, *text, error);
    }
    rm_input_close(&input);
    return status;
}

/* All of 0 .. count - 1. */
static ropemap_status all_heads(int64_t count, const int32_t **heads, int64_t *heads_count,
                                ropemap_error *error) {
    int32_t *made = rm_alloc_raw((uint64_t)count, sizeof *made);
    if (made == NULL) {
        return rm_fail_memory(error, "heads", (uint64_t)count * sizeof *made);
    }
    for (int32_t i = 0; i < (int32_t)count; i++) {
        made[i] = i;
    }
    *heads = made;
    *heads_count = count;
    return ROPEMAP_OK;
}

/*
 * vLLM-Hook states hidden_size / heads as the head's dimension, which models with one of their own do not
 * have, and a scale by it: the tensor's width tells.
 */
static ropemap_status find_dim(const ropemap_capture *capture, rm_capture_layer *layer, int64_t stated,
                               const rm_input *input, ropemap_error *error) {
    rm_tensor tensor;
    ropemap_capture_layer *shown = &layer->shown;
    RM_TRY(rm_safetensors_find(input, layer->names[0], &tensor, error));
    const uint64_t heads = (uint64_t)shown->heads,
                   width = tensor.rank > 0 ? tensor.shape[tensor.rank - 1] : 0;
    const uint64_t dim = width / heads;
    if (width % heads != 0 || dim < (uint64_t)stated || dim > ROPEMAP_MAX_HEAD_DIM) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: tensor '%s' has rows of %" PRIu64 " elements, qk.json %" PRIu64
                       " heads of %" PRId64 "; of a model on several GPUs merge the parts first",
                       capture->name, tensor.name, width, heads, stated);
    }
    shown->head_dim = (int32_t)dim;
    if (dim != (uint64_t)stated && fabs(shown->scale * sqrt((double)stated) - 1.0) < 1e-6) {
        shown->scale = 0.0;
    }
    return ROPEMAP_OK;
}

static ropemap_status take_layer(const ropemap_capture *capture, const rm_fields *config, const json_t *entry,
                                 const rm_input *input, rm_capture_layer *layer) {
    const rm_fields fields = {.file = config->file, .object = entry, .layer = -1, .error = config->error};
    static const char *const keys[] = {"key_q", "key_k"};
    ropemap_capture_layer *shown = &layer->shown;
    int64_t number = 0, dim = 0;
    for (int side = 0; side < 2; side++) {
        const char *name = json_string_value(json_object_get(entry, keys[side]));
        if (name == NULL) {
            return rm_fields_fail(&fields, keys[side], "is missing");
        }
        layer->names[side] = copy_text(name);
        if (layer->names[side] == NULL) {
            return rm_fail_memory(config->error, "name", strlen(name));
        }
    }
    RM_TRY(rm_fields_integer(&fields, "layer_num", true, 0, INT32_MAX, &number));
    RM_TRY(rm_fields_integer(config, "num_attention_heads", true, 1, RM_CAPTURE_HEADS_MAX, &shown->heads));
    RM_TRY(rm_fields_integer(config, "num_key_value_heads", true, 1, shown->heads, &shown->key_heads));
    RM_TRY(rm_fields_integer(config, "head_dim", true, 2, ROPEMAP_MAX_HEAD_DIM, &dim));
    RM_TRY(rm_fields_positive(config, "attention_multiplier", &shown->scale));
    if (shown->heads % shown->key_heads != 0) {
        return rm_fields_fail(config, "num_key_value_heads", "does not divide num_attention_heads");
    }
    shown->number = (int32_t)number;
    shown->rotary_dim = -1;
    shown->causal = true;
    RM_TRY(all_heads(shown->heads, &shown->queries, &shown->query_count, config->error));
    RM_TRY(all_heads(shown->key_heads, &shown->keys, &shown->key_count, config->error));
    return find_dim(capture, layer, dim, input, config->error);
}

static int by_number(const void *a, const void *b) {
    const rm_capture_layer *x = a, *y = b;
    return (x->shown.number > y->shown.number) - (x->shown.number < y->shown.number);
}

static ropemap_status take_lengths(ropemap_capture *capture, const rm_fields *root) {
    const json_t *lengths = json_object_get(root->object, "seq_lens");
    const size_t count = json_array_size(lengths);
    RM_TRY(rm_fields_integer(root, "batch_size", true, 1, INT32_MAX, &capture->batches));
    if (lengths == NULL) {
        return ROPEMAP_OK;
    }
    if ((int64_t)count != capture->batches) {
        return rm_fields_fail(root, "seq_lens", "must have a length for each of batch_size");
    }
    capture->lengths = rm_alloc_raw(count, sizeof *capture->lengths);
    if (capture->lengths == NULL) {
        return rm_fail_memory(root->error, "lengths", count * sizeof *capture->lengths);
    }
    for (size_t i = 0; i < count; i++) {
        capture->lengths[i] = (int64_t)json_integer_value(json_array_get(lengths, i));
        if (capture->lengths[i] < 1 || capture->lengths[i] >= ROPEMAP_POSITION_END) {
            return rm_fields_fail(root, "seq_lens", "must have whole numbers, 1 or more");
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status take_root(ropemap_capture *capture, const json_t *root, const rm_input *input,
                                ropemap_error *error) {
    const rm_fields fields = {.file = capture->name, .object = root, .layer = -1, .error = error};
    const rm_fields config = {
        .file = capture->name, .object = json_object_get(root, "config"), .layer = -1, .error = error};
    const json_t *order = json_object_get(root, "layer_order");
    const char *mode = json_string_value(json_object_get(root, "hookq_mode"));
    if (!json_is_object(config.object) || !json_is_array(order)) {
        return rm_fields_fail(&fields, json_is_object(config.object) ? "layer_order" : "config",
                              "is missing in qk.json");
    }
    if (mode == NULL || (strcmp(mode, "all_tokens") != 0 && strcmp(mode, "last_token") != 0)) {
        return rm_fields_fail(&fields, "hookq_mode", "must be all_tokens or last_token");
    }
    capture->last_token = strcmp(mode, "last_token") == 0;
    capture->has[ROPEMAP_STATE_POST] = true;
    RM_TRY(take_lengths(capture, &fields));
    RM_TRY(rm_capture_make_layers(capture, json_array_size(order), error));
    for (int32_t i = 0; i < capture->layer_count; i++) {
        RM_TRY(take_layer(capture, &config, json_array_get(order, (size_t)i), input, &capture->layers[i]));
    }
    qsort(capture->layers, (size_t)capture->layer_count, sizeof *capture->layers, by_number);
    return rm_capture_check_order(capture, error);
}

ropemap_status rm_capture_read_hook(ropemap_capture *capture, ropemap_error *error) {
    char *text = NULL;
    json_t *root = NULL;
    rm_input input;
    ropemap_status status = read_text(capture, &text, error);
    status = status == ROPEMAP_OK ? rm_capture_json(capture->name, "qk.json", text, &root, error) : status;
    status = status == ROPEMAP_OK ? rm_input_open(capture->path, &input, error) : status;
    if (status == ROPEMAP_OK) {
        status = take_root(capture, root, &input, error);
        rm_input_close(&input);
    }
    json_decref(root);
    rm_free(text);
    return status;
}

ropemap_status rm_capture_open_hook(const ropemap_capture *capture, const rm_capture_layer *layer,
                                    int64_t head, int64_t batch, ropemap_vectors **queries,
                                    ropemap_vectors **keys, ropemap_error *error) {
    const ropemap_capture_layer *shown = &layer->shown;
    if (batch < 0 || batch >= capture->batches) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "batch: %s has no batch %" PRId64 ": there are %" PRId64 ", counted from 0",
                       capture->name, batch, capture->batches);
    }
    ropemap_tensor tensor = {.path = capture->path,
                             .name = layer->names[1],
                             .batch = batch,
                             .head = head / (shown->heads / shown->key_heads),
                             .packed_head_dim = shown->head_dim,
                             .row_count = capture->lengths != NULL ? capture->lengths[batch] : 0};
    RM_TRY(ropemap_vectors_open(&tensor, keys, error));
    tensor.name = layer->names[0];
    tensor.head = head;
    if (capture->last_token) { /* [batch, heads * head_dim]: a row of a single batch */
        tensor.batch = 0;
        tensor.first_row = batch;
        tensor.row_count = 1;
    }
    RM_TRY(ropemap_vectors_open(&tensor, queries, error));
    const int64_t last = ropemap_vectors_count(*keys) - 1;
    return capture->last_token ? ropemap_vectors_place(*queries, last, 1, error) : ROPEMAP_OK;
}
