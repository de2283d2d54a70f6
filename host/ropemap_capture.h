/* ropemap_capture.h - queries and keys of a real model in a file that says what they are */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_CAPTURE_H
#define ROPEMAP_CAPTURE_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ropemap_state {
    ROPEMAP_STATE_PRE, /* before the rotation */
    ROPEMAP_STATE_POST /* after it: not to be rotated again */
} ropemap_state;

ROPEMAP_API const char *ropemap_state_name(ropemap_state state); /* "pre"; NULL past the last */

/* What a capture states of one layer. Plain values; lists are the capture's own. */
typedef struct ropemap_capture_layer {
    int32_t number;
    char type[40];            /* "sliding_attention"; "": it has no name */
    int64_t heads, key_heads; /* of the model's layer; key heads are shared evenly */
    int64_t query_count;      /* heads that were captured, */
    const int32_t *queries;   /* [query_count] ascending */
    int64_t key_count;
    const int32_t *keys;   /* [key_count] the same of keys: at least those that the queries use */
    int32_t head_dim;      /* elements of a row */
    int32_t rotary_dim;    /* of them, those that rotate; 0: the layer does not rotate; -1: unknown */
    int32_t rotary_first;  /* the first of them */
    ropemap_layout layout; /* of state pre */
    ropemap_layout after;  /* of state post, which may be another */
    double attention;      /* factor; 0: unknown */
    double scale;          /* that q . k is multiplied by; 0: 1 / sqrt(head_dim) */
    double softcap;        /* 0: none */
    bool causal;           /* which keys a query sees, as in an attention mask: up to its own, */
    int64_t window, chunk; /* less than `window` away, in the same chunk; 0: none */
    const double *sinks;   /* [query_count] logits that join the sum of a row; NULL: none */
} ropemap_capture_layer;

/* A capture: its statements, checked against each other. Opaque, read only, may be shared by threads. */
typedef struct ropemap_capture ropemap_capture;

/*
 * Opens a capture that `python -m ropemap.capture` wrote, or the qk.safetensors of vLLM-Hook
 * (https://github.com/IBM/vLLM-Hook) with its qk.json next to it. *capture is the caller's, to be freed with
 * ropemap_capture_free; NULL on failure. ROPEMAP_DATA names what is missing, contradictory or of another
 * version; ROPEMAP_IO; ROPEMAP_RESOURCES.
 */
ROPEMAP_API ropemap_status ropemap_capture_open(const char *path, ropemap_capture **capture,
                                                ropemap_error *error);
ROPEMAP_API void ropemap_capture_free(ropemap_capture *capture); /* NULL is fine */

ROPEMAP_API const char *ropemap_capture_model(const ropemap_capture *capture); /* a name; "": none */

/* The text of the model's config.json, for ropemap_model_parse; NULL: the capture has none. */
ROPEMAP_API const char *ropemap_capture_config(const ropemap_capture *capture);

ROPEMAP_API int64_t
ropemap_capture_tokens(const ropemap_capture *capture); /* that the model read; 0: unknown */
ROPEMAP_API bool ropemap_capture_has(const ropemap_capture *capture, ropemap_state state);

/* Layer `index` of those captured, in the order of their numbers; NULL past the last. */
ROPEMAP_API const ropemap_capture_layer *ropemap_capture_layer_at(const ropemap_capture *capture,
                                                                  int32_t index);

/* The layer of that number. ROPEMAP_USAGE, with those that were captured, where it was not. */
ROPEMAP_API ropemap_status ropemap_capture_find(const ropemap_capture *capture, int64_t number,
                                                const ropemap_capture_layer **layer, ropemap_error *error);

/*
 * Queries of one head, and the keys that it uses, at their positions; elements that rotate come first in
 * their rows. `batch` is of vLLM-Hook's files, else 0. Both are the caller's, to be freed with
 * ropemap_vectors_free; NULL on failure. ROPEMAP_USAGE: no such layer, head, batch or state was captured.
 * ROPEMAP_DATA: the tensors are not what the capture states.
 */
ROPEMAP_API ropemap_status ropemap_capture_vectors(const ropemap_capture *capture,
                                                   const ropemap_capture_layer *layer, int64_t head,
                                                   int64_t batch, ropemap_state state,
                                                   ropemap_vectors **queries, ropemap_vectors **keys,
                                                   ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
