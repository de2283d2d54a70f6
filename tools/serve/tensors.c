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
    tensor_pair opened;
} open_pair;

struct serve_tensors {
    const char *queries, *keys; /* FILE[:TENSOR] */
    tensor_heads heads;
    pthread_mutex_t mutex;
    open_pair pairs[OPEN_MOST];
    int count;
};

serve_tensors *tensors_new(const char *queries, const char *keys, tensor_heads heads) {
    serve_tensors *tensors = calloc(1, sizeof *tensors);
    if (tensors != NULL) {
        tensors->queries = queries;
        tensors->keys = keys;
        tensors->heads = heads;
        (void)pthread_mutex_init(&tensors->mutex, NULL);
    }
    return tensors;
}

void tensors_free(serve_tensors *tensors) {
    if (tensors == NULL) {
        return;
    }
    for (int i = 0; i < tensors->count; i++) {
        tensor_pair_free(&tensors->pairs[i].opened);
    }
    (void)pthread_mutex_destroy(&tensors->mutex);
    free(tensors);
}

static ropemap_status open_both(const serve_tensors *tensors, open_pair *pair, ropemap_error *error) {
    const ropemap_tensor like = {.order = pair->order, .batch = pair->batch, .head = pair->head};
    const ropemap_status status =
        tensor_pair_open(tensors->queries, tensors->keys, &like, tensors->heads, &pair->opened, error);
    if (status != ROPEMAP_OK) {
        tensor_pair_free(&pair->opened);
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
    *queries = pair != NULL ? pair->opened.queries : NULL;
    *keys = pair != NULL ? pair->opened.keys : NULL;
    (void)pthread_mutex_unlock(&tensors->mutex);
    return status;
}
