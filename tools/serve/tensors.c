/* tensors.c - the command line's tensors, which stay open between requests */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/tensors.h"

#include "tools/ropemap/map_inputs.h"

#include <pthread.h>
#include <stdlib.h>

enum { OPEN_MOST = 64 };

/* One head of both. */
typedef struct open_pair {
    ropemap_order order;
    int64_t batch, head;
    ropemap_vectors *queries, *keys;
} open_pair;

struct serve_tensors {
    const char *queries, *keys; /* FILE[:TENSOR] */
    pthread_mutex_t mutex;
    open_pair pairs[OPEN_MOST];
    int count;
};

serve_tensors *tensors_new(const char *queries, const char *keys) {
    serve_tensors *tensors = calloc(1, sizeof *tensors);
    if (tensors != NULL) {
        tensors->queries = queries;
        tensors->keys = keys;
        (void)pthread_mutex_init(&tensors->mutex, NULL);
    }
    return tensors;
}

void tensors_free(serve_tensors *tensors) {
    if (tensors == NULL) {
        return;
    }
    for (int i = 0; i < tensors->count; i++) {
        ropemap_vectors_free(tensors->pairs[i].queries);
        ropemap_vectors_free(tensors->pairs[i].keys);
    }
    (void)pthread_mutex_destroy(&tensors->mutex);
    free(tensors);
}

static ropemap_status open_one(const char *text, const ropemap_tensor *like, ropemap_vectors **vectors,
                               ropemap_error *error) {
    char *path = NULL;
    const ropemap_status status = tensor_open(text, like, &path, vectors, error);
    free(path);
    return status;
}

static ropemap_status open_both(const serve_tensors *tensors, open_pair *pair, ropemap_error *error) {
    ropemap_tensor like = {.order = pair->order, .batch = pair->batch, .head = pair->head};
    ropemap_status status = open_one(tensors->queries, &like, &pair->queries, error);
    if (status == ROPEMAP_OK) {
        like.query_heads = ropemap_vectors_heads(pair->queries);
        status = open_one(tensors->keys, &like, &pair->keys, error);
    }
    if (status != ROPEMAP_OK) {
        ropemap_vectors_free(pair->queries);
        ropemap_vectors_free(pair->keys);
    }
    return status;
}

/* The pair of that head, opened if there is room; NULL: it is not open. The mutex is held. */
static ropemap_status find(serve_tensors *tensors, const ropemap_tensor *like, const open_pair **found,
                           ropemap_error *error) {
    for (int i = 0; i < tensors->count; i++) {
        const open_pair *pair = &tensors->pairs[i];
        if (pair->order == like->order && pair->batch == like->batch && pair->head == like->head) {
            *found = pair;
            return ROPEMAP_OK;
        }
    }
    if (tensors->count == OPEN_MOST) {
        return ROPEMAP_OK; /* the map opens and closes its own */
    }
    open_pair *pair = &tensors->pairs[tensors->count];
    *pair = (open_pair){.order = like->order, .batch = like->batch, .head = like->head};
    const ropemap_status status = open_both(tensors, pair, error);
    if (status == ROPEMAP_OK) {
        tensors->count++;
        *found = pair;
    }
    return status;
}

ropemap_status tensors_lend(serve_tensors *tensors, const ropemap_tensor *like, ropemap_vectors **queries,
                            ropemap_vectors **keys, ropemap_error *error) {
    const open_pair *pair = NULL;
    (void)pthread_mutex_lock(&tensors->mutex);
    const ropemap_status status = find(tensors, like, &pair, error);
    *queries = pair != NULL ? pair->queries : NULL;
    *keys = pair != NULL ? pair->keys : NULL;
    (void)pthread_mutex_unlock(&tensors->mutex);
    return status;
}
