/* routes.c - the exact paths that are served: nothing else is, and none is a file's */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/routes.h"

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
