/* tensor_options.c - the options of queries and keys in files, and those of one head opened */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/tensor_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- rows ---------------------------------------------------------------------------------------------- */

static const char *order_choice(int index) {
    static const char *const names[] = {
        [ROPEMAP_ORDER_HSD] = "hsd", [ROPEMAP_ORDER_SHD] = "shd", [ROPEMAP_ORDER_SHD + 1] = NULL};
    return names[index];
}

static const char *state_choice(int index) {
    static const char *const names[] = {[TENSOR_PRE] = "pre", [TENSOR_POST] = "post", NULL};
    return names[index];
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

const cli_option tensor_rows[] = {
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
     .initial = "pre",
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
    {.name = NULL},
};

ropemap_status tensor_options_check(const tensor_options *options, uint32_t only, ropemap_error *error) {
    const cli_option *given = options_given(tensor_rows, options->given & only);
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

static void print_notes(const ropemap_vectors *queries, const ropemap_vectors *keys) {
    const char *of_queries = ropemap_vectors_note(queries), *of_keys = ropemap_vectors_note(keys);
    const char *label = ropemap_vectors_label(queries), *other = ropemap_vectors_label(keys);
    if (of_queries != NULL) {
        (void)fprintf(stderr, "ropemap: warning: %s: %s\n", label, of_queries);
    }
    if (of_keys != NULL && (of_queries == NULL || strcmp(label, other) != 0)) {
        (void)fprintf(stderr, "ropemap: warning: %s: %s\n", other, of_keys);
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

ropemap_status tensor_pair_open(const tensor_options *options, bool quiet, tensor_pair *pair,
                                ropemap_error *error) {
    const tensor_heads heads = options->heads;
    ropemap_tensor tensor = {.order = options->order,
                             .batch = options->batch,
                             .head = options->head,
                             .packed_heads = heads.queries};
    if (options->lent_queries != NULL) {
        *pair = (tensor_pair){.queries = options->lent_queries, .keys = options->lent_keys};
        return ROPEMAP_OK;
    }
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
    status = status == ROPEMAP_OK ? place_pair(options, pair, error) : status;
    if (status == ROPEMAP_OK && !quiet) {
        print_notes(pair->queries, pair->keys);
    }
    return status;
}

void tensor_pair_free(tensor_pair *pair) {
    if (pair->query_path != NULL) {
        ropemap_vectors_free(pair->queries);
        ropemap_vectors_free(pair->keys);
    }
    free(pair->query_path);
    free(pair->key_path);
    *pair = (tensor_pair){.queries = NULL};
}
