/* command_heads.h - ropemap heads: what every head does with its keys, as a document and files */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_HEADS_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_HEADS_H

#include "tools/ropemap/attention/head_inputs.h"
#include "tools/shards/shards.h"

#include <jansson.h>

/* Means over each head's queries. */
typedef enum statistic {
    STATISTIC_SINK,
    STATISTIC_RECENT,
    STATISTIC_ENTROPY,
    STATISTIC_KEYS,
    STATISTIC_DISTANCE,
    STATISTICS
} statistic;

typedef struct heads_options {
    head_options heads;
    ropemap_request request; /* its mask, scale, softmax and machine */
    work_options work;
    statistic statistic;
    int sort; /* 0: by layer and head; else 1 more than the statistic */
} heads_options;

/* One head. */
typedef struct heads_row {
    int64_t layer; /* -1: unknown */
    int64_t head, key_head;
    double mean[STATISTICS];
    int64_t empty, nan; /* queries that count in no mean */
} heads_row;

/* Start with the options and all else zeroed. */
typedef struct heads_result {
    const heads_options *options;
    head_shape shape;
    heads_row *rows;      /* [layers, heads], owned */
    const heads_row **by; /* the same as they are printed, owned */
} heads_result;

/* After head_options_check; `result` is to be freed after a failure too. */
ropemap_status heads_make(heads_result *result, ropemap_progress progress, void *user, ropemap_error *error);
void heads_free(heads_result *result);

/* Warns of heads with queries that count in no mean. */
void heads_warn(const heads_result *result);

/* JSON of schema ropemap.heads/1; NULL: no memory. The caller owns it. */
json_t *heads_document(const heads_result *result);

/* A picture, or the table as .csv. */
ropemap_status heads_encode(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                            ropemap_error *error);

#endif
