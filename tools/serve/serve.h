/* serve.h - what a server is started with, and what its answers are made from */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_H
#define ROPEMAP_TOOLS_SERVE_H

#include "tools/ropemap/map_table.h"
#include "tools/serve/jobs.h"
#include "tools/serve/models.h"

#include <jansson.h>

enum { SERVE_STATE_MOST = 32 };

/* An option of the command line that the page starts with. */
typedef struct serve_state {
    const char *name, *value;
} serve_state;

typedef struct serve_options {
    map_options map;             /* first: its setters serve here too */
    int32_t port;                /* 0: any free one */
    const char *listen, *socket; /* NULL: not given */
    bool json, open, quiet;
    serve_state state[SERVE_STATE_MOST];
    int state_count;
} serve_options;

/* Read by every worker. */
typedef struct serve_context {
    const serve_options *options;
    serve_models *models;
    ropemap_session *session;
    serve_tensors *tensors;
    const char *model;   /* id of the command line's; NULL: none */
    const char *backend; /* "cpu" or "cuda" */
    int32_t threads;
    int64_t tensor_rows; /* of the command line's tensors */
    int32_t tensor_dim;
} serve_context;

/*
 * Gives the query's pairs to the options of a command, which parses into `into`; its rule is there too.
 * Options that are this machine's own are refused, but for `model`, which names a posted one: *config is
 * the text that the rule then borrows, for the caller to free.
 */
ropemap_status request_apply(const serve_context *context, const cli_command *command, serve_query *query,
                             void *into, rule_options *rule, char **config, ropemap_error *error);

/* The answers, each a serve_maker whose context is a serve_context. */
void answer_map(void *context, serve_job *job);
void answer_value(void *context, serve_job *job);
void answer_curve(void *context, serve_job *job);
void answer_bound(void *context, serve_job *job);
void answer_info(void *context, serve_job *job);
void answer_explain(void *context, serve_job *job);
void answer_options(void *context, serve_job *job);
void answer_model(void *context, serve_job *job);

/* Makes the answer a JSON document, which is dropped; NULL: memory was short. */
void answer_document(serve_answer *answer, json_t *document);

#endif
