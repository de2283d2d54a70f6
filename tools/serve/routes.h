/* routes.h - which path is answered by what, and a request's way there */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_ROUTES_H
#define ROPEMAP_TOOLS_SERVE_ROUTES_H

#include "tools/serve/jobs.h"

typedef struct serve_route {
    const char *path;
    serve_maker make;
    serve_lane lane;
    bool posts; /* a POST; else GET and HEAD */
    bool keeps; /* the answer depends on the query alone, and is kept */
} serve_route;

/* NULL: there is none of that path. */
const serve_route *route_find(const char *path, size_t length);

/* A file of the page, compressed with gzip when the program was built. */
typedef struct serve_asset {
    const char *path, *type;
    const unsigned char *bytes, *end;
} serve_asset;

/* NULL: there is none of that path. Those of index 0 and up, NULL past the last. */
const serve_asset *asset_find(const char *path, size_t length);

const serve_asset *asset_at(int index);

#endif
