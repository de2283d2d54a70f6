/* routes.c - which path is answered by what, and a request's way there */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/routes.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options.h"
#include "tools/serve/serve.h"

#include <string.h>

static const serve_route routes[] = {
    {.path = "/map.png", .make = answer_map, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/map.svg", .make = answer_map, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/map.pdf", .make = answer_map, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/map.npy", .make = answer_map, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/value.json", .make = answer_value, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/curve.json", .make = answer_curve, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/curve.csv", .make = answer_curve, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/curve.npy", .make = answer_curve, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/curve.png", .make = answer_curve, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/curve.svg", .make = answer_curve, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/curve.pdf", .make = answer_curve, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/info.json", .make = answer_info, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/options.json", .make = answer_options, .lane = SERVE_PICTURES, .keeps = true},
    {.path = "/bound.json", .make = answer_bound, .lane = SERVE_SEARCHES, .keeps = true},
    {.path = "/explain.txt", .make = answer_explain, .lane = SERVE_SEARCHES, .keeps = true},
    {.path = "/model", .make = answer_model, .lane = SERVE_PICTURES, .posts = true},
};

const serve_route *route_find(const char *path, size_t length) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strlen(routes[i].path) == length && memcmp(routes[i].path, path, length) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

const serve_asset *asset_find(const char *path, size_t length) {
    const serve_asset *asset = NULL;
    for (int i = 0; (asset = asset_at(i)) != NULL; i++) {
        if (strlen(asset->path) == length && memcmp(asset->path, path, length) == 0) {
            return asset;
        }
    }
    return NULL;
}

/* Whether an option of the command is this machine's own; `names` may be "NAME" or "NAME=VALUES". */
static bool is_local(const cli_command *command, const char *name) {
    const cli_option *option = options_find(command, name, strcspn(name, "="));
    return option != NULL && option->local;
}

/* A flag is given as "causal", "causal=1" or "causal=true". */
static ropemap_status set_flag(const cli_command *command, const serve_pair *pair, void *into,
                               ropemap_error *error) {
    static const char *const on[] = {"", "1", "true"}, *const off[] = {"0", "false"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(pair->value, on[i]) == 0) {
            return options_set(command, pair->name, NULL, into, error);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (strcmp(pair->value, off[i]) == 0) {
            return ROPEMAP_OK;
        }
    }
    return fail(error, ROPEMAP_USAGE, "--%s: a value ('%.64s'), expected none, 1 or 0", pair->name,
                pair->value);
}

static ropemap_status set(const cli_command *command, const serve_pair *pair, void *into,
                          ropemap_error *error) {
    const cli_option *option = options_find(command, pair->name, strlen(pair->name));
    const bool varies = strcmp(pair->name, "vary") == 0 && is_local(command, pair->value);
    if (varies || is_local(command, pair->name)) {
        return fail(error, ROPEMAP_USAGE, "--%.64s: not for a browser to give, expected on the command line",
                    varies ? pair->value : pair->name);
    }
    if (option != NULL && option_is_flag(option)) {
        return set_flag(command, pair, into, error);
    }
    return options_set(command, pair->name, pair->value, into, error);
}

ropemap_status request_apply(const serve_context *context, const cli_command *command, serve_query *query,
                             void *into, rule_options *rule, char **config, ropemap_error *error) {
    const char *model = query_take(query, "model");
    ropemap_status status = ROPEMAP_OK;
    *config = NULL;
    for (int i = 0; i < query->count && status == ROPEMAP_OK; i++) {
        status = set(command, &query->pairs[i], into, error);
    }
    if (status == ROPEMAP_OK && model != NULL) {
        status = models_use(context->models, model, rule, config, error);
    }
    if (status != ROPEMAP_OK) {
        options_name(command, error);
    }
    return status;
}
