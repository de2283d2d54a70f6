/* heads.h - what every head does with its keys, a row each, and the picture of it */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_HEADS_H
#define ROPEMAP_TOOLS_ROPEMAP_HEADS_H

#include "tools/ropemap/attention/head_inputs.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

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

int64_t heads_count(const heads_result *result);

/* Measures them, or with --work those that fall to this process; functions of a cli_result. Warns of heads
 * with queries that count in no mean. */
ropemap_status heads_make(void *options, cli_call *call, void *made, ropemap_error *error);
ropemap_status heads_share(void *options, cli_call *call, work_queue *queue, void *made,
                           ropemap_error *error);
void heads_free(void *made);

/* How a statistic is shown. */
typedef struct statistic_look {
    const char *name, *title, *value;
    ropemap_norm norm;
    double low, high; /* of its colours; 0, 0: the values' own */
} statistic_look;

extern const statistic_look statistics[STATISTICS];

/* The heads' subtitle and what the options say that queries see. */
void heads_subtitle(const heads_result *result, char *text, size_t size);

/* Whether no query sees a later key: as asked for, or as a capture states. */
bool heads_causal(const heads_result *result);

/* The file's bytes, owned by the caller. */
ropemap_status heads_picture_encode(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                                    ropemap_error *error);

#endif
