/* capture.h - a capture while it is read */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_CAPTURE_H
#define ROPEMAP_HOST_DATA_CAPTURE_H

#include "host/base/input.h"
#include "host/base/status.h"
#include "host/base/text.h"
#include "host/ropemap_capture.h"

#include <jansson.h>

typedef struct rm_capture_layer {
    ropemap_capture_layer shown; /* first: the one is the other */
    char *names[2];              /* vLLM-Hook's tensors, of queries and keys; NULL: a capture of our own */
} rm_capture_layer;

/* Row r is at position first + r * step. */
typedef struct rm_capture_place {
    int64_t first, step;
} rm_capture_place;

struct ropemap_capture {
    char *path, name[RM_LABEL_BYTES], model[120];
    bool has[2]; /* by state */
    ropemap_order order;
    int64_t tokens; /* 0: unknown */
    rm_capture_place queries, keys;
    char *config; /* NULL: none */
    int32_t layer_count;
    rm_capture_layer *layers;  /* [layer_count] */
    int64_t batches, *lengths; /* vLLM-Hook: [batches] tokens of each; NULL: all rows are tokens */
    bool last_token;           /* vLLM-Hook: one query of each batch, that of its last token */
};

/* Fields of a JSON object, and what messages call it. */
typedef struct rm_fields {
    const char *file;
    const json_t *object;
    int32_t layer; /* -1: of none */
    ropemap_error *error;
} rm_fields;

ropemap_status rm_fields_fail(const rm_fields *fields, const char *key, const char *fault);

/* A whole number; null and missing leave *to where it is not required. */
ropemap_status rm_fields_integer(const rm_fields *fields, const char *key, bool required, int64_t least,
                                 int64_t most, int64_t *to);

/* A number above 0; null and missing leave *to. */
ropemap_status rm_fields_positive(const rm_fields *fields, const char *key, double *to);

/* JSON of limited size; *root is the caller's. */
ropemap_status rm_capture_json(const char *file, const char *what, const char *text, json_t **root,
                               ropemap_error *error);

ropemap_status rm_capture_make_layers(ropemap_capture *capture, size_t count, ropemap_error *error);

/* Layers ascend by their number. */
ropemap_status rm_capture_check_order(const ropemap_capture *capture, ropemap_error *error);

/* Reads the qk.json next to a qk.safetensors; ROPEMAP_DATA, no capture, where there is none. */
ropemap_status rm_capture_read_hook(ropemap_capture *capture, ropemap_error *error);

/* Queries and keys of a head. */
ropemap_status rm_capture_open_hook(const ropemap_capture *capture, const rm_capture_layer *layer,
                                    int64_t head, int64_t batch, ropemap_vectors **queries,
                                    ropemap_vectors **keys, ropemap_error *error);

#endif
