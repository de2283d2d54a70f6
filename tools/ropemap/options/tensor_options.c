/* tensor_options.c - the options of queries and keys in files, and those of one head opened */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options/tensor_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/options.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- rows ---------------------------------------------------------------------------------------------- */

const char *order_choice(int index) {
    static const char *const names[] = {
        [ROPEMAP_ORDER_HSD] = "hsd", [ROPEMAP_ORDER_SHD] = "shd", [ROPEMAP_ORDER_SHD + 1] = NULL};
    return names[index];
}

static const char *state_choice(int index) {
    return ropemap_state_name((ropemap_state)index);
}

/* N, or N,M: of queries, and of keys where they are fewer. */
static ropemap_status set_heads(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    tensor_options *options = into;
    char first[24];
    uint64_t queries = 0, keys = 0;
    const cli_subject name = option_subject(option);
    const char *comma = strchr(text, ','), *subject = name.text;
    const size_t length = comma == NULL ? strlen(text) : (size_t)(comma - text);
    if (length >= sizeof first) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.64s' is no number of heads; give N or N,M", subject, text);
    }
    memcpy(first, text, length);
    first[length] = '\0';
    ropemap_status status = number_integer(subject, first, 1, INT32_MAX, &queries, error);
    if (status == ROPEMAP_OK && comma != NULL) {
        status = number_integer(subject, comma + 1, 1, INT32_MAX, &keys, error);
    }
    options->heads = (tensor_heads){.queries = (int64_t)queries, .keys = (int64_t)keys};
    return status;
}

/* FIRST or FIRST:STEP, cut off from the list at *text. */
static ropemap_status take_place(const char *subject, const char **text, tensor_place *place,
                                 ropemap_error *error) {
    char part[48];
    uint64_t first = 0, step = 1;
    const size_t length = strcspn(*text, ",");
    (void)snprintf(part, sizeof part, "%.*s", length < sizeof part ? (int)length : 0, *text);
    char *colon = strchr(part, ':');
    *text += length + ((*text)[length] == ',' ? 1 : 0);
    if (colon != NULL) {
        *colon = '\0';
    }
    ropemap_status status =
        number_integer(subject, part, 0, (uint64_t)ROPEMAP_POSITION_END - 1, &first, error);
    if (status == ROPEMAP_OK && colon != NULL) {
        status = number_integer(subject, colon + 1, 1, (uint64_t)ROPEMAP_POSITION_END - 1, &step, error);
    }
    *place = (tensor_place){.first = (int64_t)first, .step = (int64_t)step};
    return status;
}

static ropemap_status set_places(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    tensor_options *options = into;
    const cli_subject name = option_subject_of(option, text);
    const bool both = strchr(text, ',') == NULL;
    ropemap_status status = take_place(name.text, &text, &options->query_place, error);
    if (status == ROPEMAP_OK && !both) {
        status = take_place(name.text, &text, &options->key_place, error);
    } else {
        options->key_place = options->query_place;
    }
    return status != ROPEMAP_OK || *text == '\0'
               ? status
               : fail(error, ROPEMAP_USAGE, "%s: give one place, or one of queries and one of keys",
                      name.text);
}

static ropemap_status set_capture(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    tensor_options *options = into;
    (void)option;
    if (options->capture == NULL && (options->queries != NULL || options->keys != NULL)) {
        return fail(error, ROPEMAP_USAGE, "--capture and --%s both say what the vectors are; use one",
                    options->queries != NULL ? "queries" : "keys");
    }
    options->capture = options->queries = options->keys = text;
    return ROPEMAP_OK;
}

const cli_option tensor_rows[] = {
    {.group = GROUP_WHAT,
     .name = "capture",
     .argument = "FILE",
     .help = "queries and keys of a real model, with its rule, positions, scale and mask, as python -m "
             "ropemap.capture or vLLM-Hook (qk.safetensors) wrote them",
     .type = OPTION_CUSTOM,
     .set = set_capture,
     .reads = READS_FILE,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "layer",
     .argument = "N",
     .initial = "the only one",
     .help = "which layer of a capture",
     .type = OPTION_INT,
     .offset = offsetof(tensor_options, layer),
     .most = INT32_MAX,
     .bit = TENSOR_LAYER,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "queries",
     .argument = "FILE[:TENSOR]",
     .help = "queries from a .npy or .safetensors file",
     .type = OPTION_TEXT,
     .offset = offsetof(tensor_options, queries),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "keys",
     .argument = "FILE[:TENSOR]",
     .help = "keys from such a file",
     .type = OPTION_TEXT,
     .offset = offsetof(tensor_options, keys),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "order",
     .choices = order_choice,
     .initial = "hsd",
     .help = "axes of the tensors: [batch, head, position, element] or [batch, position, head, element]; "
             "leading ones may be missing",
     .type = OPTION_CHOICE,
     .offset = offsetof(tensor_options, order),
     .bit = TENSOR_ORDER,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "heads",
     .argument = "N[,M]",
     .help =
         "the tensors are [position, N * head dim], as vLLM has them, or [batch, position, N * head dim]: "
         "heads of queries, and of keys, which otherwise follow from the head dim",
     .type = OPTION_CUSTOM,
     .set = set_heads,
     .bit = TENSOR_HEADS,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "batch",
     .argument = "N",
     .initial = "0",
     .help = "which batch of the tensors",
     .type = OPTION_INT,
     .offset = offsetof(tensor_options, batch),
     .most = INT32_MAX,
     .bit = TENSOR_BATCH,
     .page = {.tensors = true}},
    {.group = GROUP_WHAT,
     .name = "head",
     .argument = "N",
     .initial = "0",
     .help = "which query head; fewer key heads are shared evenly",
     .type = OPTION_INT,
     .offset = offsetof(tensor_options, head),
     .most = INT32_MAX,
     .bit = TENSOR_HEAD,
     .page = {.tensors = true}},
    {.group = GROUP_WHAT,
     .name = "state",
     .choices = state_choice,
     .initial = "pre, or what a capture has",
     .help = "whether the vectors are from before or after the rotation; the latter are not rotated again",
     .type = OPTION_CHOICE,
     .offset = offsetof(tensor_options, state),
     .bit = TENSOR_STATE,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "first-position",
     .argument = "N[:STEP][,N[:STEP]]",
     .initial = "0",
     .help =
         "position of the tensors' first row, and the step to the next; of queries, then of keys where those "
         "differ",
     .type = OPTION_CUSTOM,
     .set = set_places,
     .bit = TENSOR_FIRST_POSITION,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "rotary-first",
     .argument = "N",
     .initial = "0",
     .help = "which element of wider rows is the first that rotates, as DeepSeek's last ones",
     .type = OPTION_INT32,
     .offset = offsetof(tensor_options, rotary_first),
     .most = ROPEMAP_MAX_HEAD_DIM - 2,
     .bit = TENSOR_ROTARY_FIRST,
     .page = {.place = PLACE_NONE}},
    {.name = NULL},
};

/* What a capture states is not for options to say. */
static ropemap_status check_capture(const tensor_options *options, ropemap_error *error) {
    const uint32_t stated = TENSOR_ORDER | TENSOR_HEADS | TENSOR_ROTARY_FIRST;
    const cli_option *given = options_given(tensor_rows, options->given & stated);
    const bool other = options->queries != options->capture || options->keys != options->capture;
    if (options->capture != NULL && other) {
        return fail(error, ROPEMAP_USAGE, "--capture and --%s both say what the vectors are; use one",
                    options->queries != options->capture ? "queries" : "keys");
    }
    if (options->capture != NULL && given != NULL) {
        return fail(error, ROPEMAP_USAGE, "--capture and --%s both say how the tensors lie; leave --%s out",
                    given->name, given->name);
    }
    return options->capture != NULL || (options->given & TENSOR_LAYER) == 0
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--layer needs --capture");
}

ropemap_status tensor_options_check(const tensor_options *options, uint32_t only, ropemap_error *error) {
    const cli_option *given = options_given(tensor_rows, options->given & only & ~(uint32_t)TENSOR_LAYER);
    const ropemap_status status = check_capture(options, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if ((options->queries == NULL) != (options->keys == NULL)) {
        const bool queries = options->queries != NULL;
        return fail(error, ROPEMAP_USAGE, "--%s is missing; --%s ('%.200s') needs it",
                    queries ? "keys" : "queries", queries ? "queries" : "keys",
                    queries ? options->queries : options->keys);
    }
    return options->queries != NULL || given == NULL
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--%s needs --queries and --keys", given->name);
}

/* ---- files --------------------------------------------------------------------------------------------- */

const char *tensor_cut(char *text) {
    if (access(text, F_OK) == 0) {
        return NULL;
    }
    char *last = strrchr(text, ':');
    for (char *colon = last; colon != NULL;) {
        *colon = '\0';
        if (access(text, F_OK) == 0) {
            return colon + 1;
        }
        char *before = strrchr(text, ':');
        *colon = ':';
        colon = before;
    }
    if (last != NULL && strchr(last, '/') == NULL) {
        *last = '\0';
        return last + 1;
    }
    return NULL;
}

/* One head of FILE[:TENSOR]; *path is the file and is the caller's to free, also after a failure. */
static ropemap_status tensor_open(const char *text, const ropemap_tensor *like, char **path,
                                  ropemap_vectors **vectors, ropemap_error *error) {
    const size_t size = strlen(text) + 1;
    ropemap_tensor tensor = *like;
    *path = malloc(size);
    if (*path == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "%.200s: no memory for the name", text);
    }
    memcpy(*path, text, size);
    tensor.name = tensor_cut(*path);
    tensor.path = *path;
    return ropemap_vectors_open(&tensor, vectors, error);
}

static void print_notes(const tensor_pair *pair) {
    const ropemap_vectors *queries = pair->queries, *keys = pair->keys;
    const char *of_queries = ropemap_vectors_note(queries), *of_keys = ropemap_vectors_note(keys);
    const char *label = ropemap_vectors_label(queries), *other = ropemap_vectors_label(keys);
    if (pair->layer != NULL && pair->layer->rotary_dim == 0) {
        warning("layer %s does not rotate; its rows are taken as they are", pair->layer_text);
    }
    if (of_queries != NULL) {
        warning("%s: %s", label, of_queries);
    }
    if (of_keys != NULL && (of_queries == NULL || strcmp(label, other) != 0)) {
        warning("%s: %s", other, of_keys);
    }
}

/* Rows that are not as many need to be told apart by their positions. */
static ropemap_status place_pair(const tensor_options *options, const tensor_pair *pair,
                                 ropemap_error *error) {
    const tensor_place of_queries = options->query_place, of_keys = options->key_place;
    const int64_t queries = ropemap_vectors_count(pair->queries), keys = ropemap_vectors_count(pair->keys);
    if ((options->given & TENSOR_FIRST_POSITION) == 0) {
        return queries == keys
                   ? ROPEMAP_OK
                   : fail(error, ROPEMAP_USAGE,
                          "--first-position is missing: %.160s has %" PRId64 " rows, %.160s %" PRId64
                          "; give the positions of their first rows, such as %" PRId64 ",0",
                          options->queries, queries, options->keys, keys,
                          queries < keys ? keys - queries : 0);
    }
    const ropemap_status status =
        ropemap_vectors_place(pair->queries, of_queries.first, of_queries.step, error);
    return status == ROPEMAP_OK ? ropemap_vectors_place(pair->keys, of_keys.first, of_keys.step, error)
                                : status;
}

/* A place that is given is that of the capture. */
static ropemap_status check_places(const tensor_options *options, const tensor_pair *pair,
                                   ropemap_error *error) {
    const tensor_place *const given[] = {&options->query_place, &options->key_place};
    for (int side = 0; side < 2 && (options->given & TENSOR_FIRST_POSITION) != 0; side++) {
        const ropemap_range held = ropemap_vectors_positions(side == 0 ? pair->queries : pair->keys);
        if (given[side]->first != held.first || given[side]->step != held.step) {
            return fail(error, ROPEMAP_DATA,
                        "--first-position: %s at %" PRId64 " in steps of %" PRId64
                        ", but the capture has them at %" PRId64 " in steps of %" PRId64,
                        side == 0 ? "queries" : "keys", given[side]->first, given[side]->step, held.first,
                        held.step);
        }
    }
    return ROPEMAP_OK;
}

/* The layer that is named, or the only one. */
static ropemap_status find_layer(const tensor_options *options, tensor_pair *pair, ropemap_error *error) {
    const ropemap_capture *capture = pair->capture;
    if ((options->given & TENSOR_LAYER) != 0) {
        return ropemap_capture_find(capture, options->layer, &pair->layer, error);
    }
    pair->layer = ropemap_capture_layer_at(capture, 0);
    return ropemap_capture_layer_at(capture, 1) == NULL
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--layer is missing; '%.200s' has several, such as %d",
                      options->capture, (int)pair->layer->number);
}

/* The head that is named, or the first; the state likewise, before the rotation if it has that. */
static ropemap_status open_capture(const tensor_options *options, tensor_pair *pair, ropemap_error *error) {
    ropemap_status status = ropemap_capture_open(options->capture, &pair->capture, error);
    status = status == ROPEMAP_OK ? find_layer(options, pair, error) : status;
    if (status != ROPEMAP_OK) {
        return status;
    }
    const ropemap_capture_layer *layer = pair->layer;
    const bool pre = ropemap_capture_has(pair->capture, ROPEMAP_STATE_PRE);
    pair->head = (options->given & TENSOR_HEAD) != 0 ? options->head : layer->queries[0];
    pair->state = (options->given & TENSOR_STATE) != 0 ? options->state
                  : pre                                ? ROPEMAP_STATE_PRE
                                                       : ROPEMAP_STATE_POST;
    (void)snprintf(pair->layer_text, sizeof pair->layer_text, "%" PRId32, layer->number);
    status = ropemap_capture_vectors(pair->capture, layer, pair->head, options->batch, pair->state,
                                     &pair->queries, &pair->keys, error);
    if (layer->rotary_dim == 0) { /* nothing to rotate: as they are */
        pair->state = ROPEMAP_STATE_POST;
    }
    return status == ROPEMAP_OK ? check_places(options, pair, error) : status;
}

static ropemap_status open_files(const tensor_options *options, tensor_pair *pair, ropemap_error *error) {
    const tensor_heads heads = options->heads;
    ropemap_tensor tensor = {.order = options->order,
                             .batch = options->batch,
                             .head = options->head,
                             .packed_heads = heads.queries,
                             .rotary_first = options->rotary_first};
    ropemap_status status = tensor_open(options->queries, &tensor, &pair->query_path, &pair->queries, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    tensor.query_heads = ropemap_vectors_heads(pair->queries);
    tensor.packed_heads = heads.keys;
    if (heads.queries != 0 && heads.keys == 0) {
        tensor.packed_head_dim = ropemap_vectors_head_dim(pair->queries);
    }
    status = tensor_open(options->keys, &tensor, &pair->key_path, &pair->keys, error);
    return status == ROPEMAP_OK ? place_pair(options, pair, error) : status;
}

ropemap_status tensor_lent_place(const tensor_options *options, ropemap_error *error) {
    const tensor_lent *lent = options->lent;
    ropemap_status status = ROPEMAP_OK;
    for (int64_t i = 0; i < lent->query_heads && status == ROPEMAP_OK; i++) {
        for (int64_t j = 0; j < lent->key_heads && status == ROPEMAP_OK; j++) {
            const tensor_pair pair = {.queries = lent->queries[i], .keys = lent->keys[j]};
            status = place_pair(options, &pair, error);
        }
    }
    return status;
}

static ropemap_status take_lent(const tensor_options *options, tensor_pair *pair, ropemap_error *error) {
    const tensor_lent *lent = options->lent;
    const int64_t index = options->head - lent->first;
    if (index < 0 || index >= lent->query_heads) {
        return fail(error, ROPEMAP_USAGE, "--head: %" PRId64 ", but the queries have %" PRId64 " heads",
                    options->head, lent->query_heads);
    }
    if (lent->query_heads % lent->key_heads != 0) {
        return fail(error, ROPEMAP_DATA,
                    "--keys: %" PRId64 " heads, which %" PRId64 " query heads cannot share evenly",
                    lent->key_heads, lent->query_heads);
    }
    pair->queries = lent->queries[index];
    pair->keys = lent->keys[index / (lent->query_heads / lent->key_heads)];
    pair->lent = true;
    return ROPEMAP_OK;
}

/* All that rows of keys depend on; NULL without memory. */
static char *name_keys(const tensor_options *options, const tensor_pair *pair) {
    const ropemap_capture_layer *layer = pair->layer;
    const int64_t heads = layer != NULL ? layer->heads : ropemap_vectors_heads(pair->queries);
    const int64_t key_heads = layer != NULL ? layer->key_heads : ropemap_vectors_heads(pair->keys);
    const ropemap_range rows = ropemap_vectors_positions(pair->keys);
    const size_t size = strlen(options->keys) + 240;
    char *name = malloc(size);
    if (name != NULL) {
        (void)snprintf(name, size,
                       "%s, layer %s, head %" PRId64 " of %" PRId64 ", batch %" PRId64 ", %s, order %s, "
                       "first %" PRId32 ", packed %" PRId64 ":%" PRId64 ", at %" PRId64 ":%" PRId64,
                       options->keys, pair->layer_text, pair->head / (heads / key_heads), key_heads,
                       options->batch, state_choice((int)pair->state), order_choice((int)options->order),
                       options->rotary_first, options->heads.queries, options->heads.keys, rows.first,
                       rows.step);
    }
    return name;
}

ropemap_status tensor_pair_open(const tensor_options *options, bool quiet, tensor_pair *pair,
                                ropemap_error *error) {
    *pair = (tensor_pair){.state = options->state, .head = options->head};
    if (options->lent != NULL) {
        return take_lent(options, pair, error);
    }
    const ropemap_status status =
        options->capture != NULL ? open_capture(options, pair, error) : open_files(options, pair, error);
    if (status == ROPEMAP_OK && options->names_keys) {
        pair->keys_name = name_keys(options, pair);
    }
    if (status == ROPEMAP_OK && !quiet) {
        print_notes(pair);
    }
    return status;
}

void tensor_pair_free(tensor_pair *pair) {
    if (!pair->lent) {
        ropemap_vectors_free(pair->queries);
        ropemap_vectors_free(pair->keys);
    }
    if (pair->capture != NULL) {
        ropemap_capture_free(pair->capture);
    }
    free(pair->query_path);
    free(pair->key_path);
    free(pair->keys_name);
    *pair = (tensor_pair){.queries = NULL};
}
