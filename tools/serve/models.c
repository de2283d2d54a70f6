/* models.c - models and tensors that the page was given */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/models.h"
#include "tools/ropemap/failure.h"
#include "tools/serve/limits.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct model {
    char id[MODEL_ID_BYTES];
    char *text;       /* owned; NULL: a file's */
    const char *path; /* borrowed; NULL: posted */
    size_t bytes;
    uint64_t used; /* when, in uses of all; 0: never, the place is free */
    bool stays;    /* for good */
} model;

struct serve_models {
    pthread_mutex_t mutex;
    model kept[SERVE_MODELS];
    uint64_t uses;
};

serve_models *models_new(void) {
    serve_models *models = calloc(1, sizeof *models);
    if (models != NULL) {
        (void)pthread_mutex_init(&models->mutex, NULL);
    }
    return models;
}

void models_free(serve_models *models) {
    if (models == NULL) {
        return;
    }
    for (int i = 0; i < SERVE_MODELS; i++) {
        free(models->kept[i].text);
    }
    (void)pthread_mutex_destroy(&models->mutex);
    free(models);
}

/* FNV-1a, 64 bits: an identifier of a text, not a security measure. */
static void name(const char *text, size_t bytes, char id[MODEL_ID_BYTES]) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    }
    (void)snprintf(id, MODEL_ID_BYTES, "%016" PRIx64, hash);
}

/* The mutex is held. */
static model *find(serve_models *models, const char *id) {
    for (int i = 0; i < SERVE_MODELS; i++) {
        if (models->kept[i].used != 0 && strcmp(models->kept[i].id, id) == 0) {
            return &models->kept[i];
        }
    }
    return NULL;
}

/* A free place, or that of the model which was used longest ago and does not stay; the mutex is held. */
static model *make_place(serve_models *models) {
    model *oldest = NULL;
    for (int i = 0; i < SERVE_MODELS; i++) {
        model *one = &models->kept[i];
        if (!one->stays && (oldest == NULL || one->used < oldest->used)) {
            oldest = one;
        }
    }
    return oldest;
}

ropemap_status models_post(serve_models *models, const char *text, size_t bytes, bool stays,
                           char id[MODEL_ID_BYTES], ropemap_error *error) {
    char *copy = malloc(bytes + 1);
    if (copy == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "config.json: no memory for %zu bytes", bytes);
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    name(text, bytes, id);
    (void)pthread_mutex_lock(&models->mutex);
    model *place = find(models, id);
    place = place != NULL ? place : make_place(models);
    free(place->text);
    *place = (model){.text = copy, .bytes = bytes, .used = ++models->uses, .stays = stays || place->stays};
    memcpy(place->id, id, MODEL_ID_BYTES);
    (void)pthread_mutex_unlock(&models->mutex);
    return ROPEMAP_OK;
}

void models_keep_path(serve_models *models, const char *path, char id[MODEL_ID_BYTES]) {
    name(path, strlen(path), id);
    (void)pthread_mutex_lock(&models->mutex);
    model *place = make_place(models);
    *place = (model){.path = path, .used = ++models->uses, .stays = true};
    memcpy(place->id, id, MODEL_ID_BYTES);
    (void)pthread_mutex_unlock(&models->mutex);
}

ropemap_status models_use(serve_models *models, const char *id, rule_options *rule, char **text,
                          ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    *text = NULL;
    (void)pthread_mutex_lock(&models->mutex);
    model *found = find(models, id);
    if (found == NULL) {
        status = fail(error, ROPEMAP_USAGE, "--model: '%.40s' is not the id of a posted config.json", id);
    } else if (found->path != NULL) {
        rule->model = found->path;
    } else if ((*text = malloc(found->bytes + 1)) == NULL) {
        status = fail(error, ROPEMAP_RESOURCES, "--model: no memory for %zu bytes", found->bytes);
    } else {
        memcpy(*text, found->text, found->bytes + 1);
        rule->config = *text;
        rule->config_bytes = found->bytes;
    }
    if (found != NULL) {
        found->used = ++models->uses;
    }
    (void)pthread_mutex_unlock(&models->mutex);
    return status;
}

enum { OPEN_MOST = 64 };

/* One head of both. */
typedef struct open_pair {
    ropemap_order order;
    int64_t batch, head;
    tensor_pair opened;
    tensor_lent lent; /* that */
} open_pair;

struct serve_tensors {
    pthread_mutex_t mutex;
    open_pair pairs[OPEN_MOST];
    int count;
};

serve_tensors *tensors_new(void) {
    serve_tensors *tensors = calloc(1, sizeof *tensors);
    if (tensors != NULL) {
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

/* The pair of that head, opened if there is room; NULL: it is not open. The mutex is held. */
static ropemap_status find_pair(serve_tensors *tensors, const tensor_options *options,
                                const open_pair **found, ropemap_error *error) {
    for (int i = 0; i < tensors->count; i++) {
        const open_pair *pair = &tensors->pairs[i];
        if (pair->order == options->order && pair->batch == options->batch && pair->head == options->head) {
            *found = pair;
            return ROPEMAP_OK;
        }
    }
    if (tensors->count == OPEN_MOST) {
        return ROPEMAP_OK; /* the map opens and closes its own */
    }
    open_pair *pair = &tensors->pairs[tensors->count];
    *pair = (open_pair){.order = options->order, .batch = options->batch, .head = options->head};
    const ropemap_status status = tensor_pair_open(options, true, &pair->opened, error);
    if (status == ROPEMAP_OK) {
        pair->lent = (tensor_lent){.queries = &pair->opened.queries,
                                   .keys = &pair->opened.keys,
                                   .query_heads = 1,
                                   .key_heads = 1,
                                   .first = options->head};
        tensors->count++;
        *found = pair;
    } else {
        tensor_pair_free(&pair->opened);
    }
    return status;
}

ropemap_status tensors_lend(serve_tensors *tensors, tensor_options *options, ropemap_error *error) {
    const open_pair *pair = NULL;
    if (options->queries == NULL || options->capture != NULL) { /* what a capture states is needed too */
        return ROPEMAP_OK;
    }
    (void)pthread_mutex_lock(&tensors->mutex);
    const ropemap_status status = find_pair(tensors, options, &pair, error);
    options->lent = pair != NULL ? &pair->lent : NULL;
    (void)pthread_mutex_unlock(&tensors->mutex);
    return status;
}
