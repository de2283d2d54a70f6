/* serve.h - what a server is started with, what its answers are made from, and its loop */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_H
#define ROPEMAP_TOOLS_SERVE_H

#include "tools/ropemap/options/map_options.h"
#include "tools/serve/guard.h"
#include "tools/serve/jobs.h"
#include "tools/serve/models.h"

#include <jansson.h>

struct event_base;
struct evconnlistener;

enum { SERVE_STATE_MOST = 32 };

/* An option of the command line that the page starts with. */
typedef struct serve_state {
    const char *name, *value;
} serve_state;

typedef struct serve_options {
    map_options map;
    int32_t port;                /* 0: any free one */
    const char *listen, *socket; /* NULL: not given */
    const char *base_path;       /* the same */
    cli_texts proxy_hosts, frame_ancestors;
    bool json, open, quiet;
    serve_state state[SERVE_STATE_MOST];
    int state_count;
    serve_state tensors[SERVE_STATE_MOST]; /* options of the command line that the page has no controls for */
    int tensors_count;
} serve_options;

typedef struct serve_context serve_context;

/* Paths that are answered alike. */
typedef struct serve_route {
    const char *paths;          /* "/map.png /map.svg"; NULL: the end of a table */
    const cli_command *command; /* whose options the query gives; NULL: none */
    /* Sets what the server's own command line has, before the query is applied. */
    void (*prepare)(const serve_context *context, serve_job *job, void *options);
    /* Fills the answer; must look at job_progress during long work. */
    ropemap_status (*make)(const serve_context *context, serve_job *job, void *options, ropemap_error *error);
    bool posts; /* a POST; else GET and HEAD */
    bool slow;  /* may take seconds */
    bool keeps; /* the answer depends on the query alone, and is kept */
} serve_route;

/* Read by every worker. */
struct serve_context {
    const serve_route *routes;
    const serve_options *options;
    serve_models *models;
    ropemap_session *session;
    serve_tensors *tensors;
    const char *model;                    /* id of the command line's, or of its capture's; NULL: none */
    char model_name[120], layer_type[12]; /* of the capture's; "": none */
    const char *backend;                  /* "cpu" or "cuda" */
    int32_t threads;
    int64_t tensor_rows; /* of the command line's tensors */
    int32_t tensor_dim;
};

/* All paths but those of the page's files. */
extern const serve_route serve_routes[];

/* NULL: there is none of that path. */
const serve_route *route_find(const serve_route *routes, const char *path, size_t length);

/* A serve_maker whose context is a serve_context: answers a job by its route. */
void route_answer(void *context, serve_job *job);

/*
 * Sets the options of a command, which takes a rule, from the query's pairs. Options that are this
 * machine's own are refused, but for `model`, which names a posted one: *config is the text that the rule
 * then borrows, for the caller to free.
 */
ropemap_status request_apply(const serve_context *context, const cli_command *command, serve_query *query,
                             void *options, char **config, ropemap_error *error);

/* Everything that the page's controls are made from. NULL: no memory. The caller owns it. */
json_t *options_document(const serve_context *context);

/* A server's loop: evhttp with limits, connections counted, and replies. */
typedef struct serve_http serve_http;

/*
 * Serves what `listener` accepts, in the loop of `base`; everything is borrowed, the listener taken over.
 * NULL: no memory or no threads.
 */
serve_http *http_start(struct event_base *base, struct evconnlistener *listener, serve_context *context,
                       const serve_guard *guard);

/* Ends what is being made, closes connections and the listener. */
void http_stop(serve_http *http);

#endif
