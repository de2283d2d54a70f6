/* limits.h - what the server takes from its clients, in one place */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_LIMITS_H
#define ROPEMAP_TOOLS_SERVE_LIMITS_H

enum {
    SERVE_HEADER_BYTES = 8192, /* of the request line and of all headers */
    SERVE_BODY_BYTES = 65536,
    SERVE_CONNECTIONS = 256,    /* the next takes the place of a stranger, or waits in the kernel's queue */
    SERVE_STRANGER_SECONDS = 4, /* until a client has sent a whole request with the token */
    SERVE_IDLE_SECONDS = 10,    /* without a byte, in either direction */
    SERVE_HEAD_SECONDS = 12,    /* of a request, after the answer before it */
    SERVE_WORKERS = 4,          /* two large maps, a search, and room for a coarse picture and a curve */
    SERVE_WAITING = 256,        /* requests that wait for a worker: one of each connection */
    SERVE_PAIRS = 64,           /* names in a query */
    SERVE_PATH_BYTES = 20,
    SERVE_VIEW_BYTES = 32, /* of the name of a view */
    SERVE_SIDE = 2048,     /* cells of a map */
    SERVE_PIXELS = 4096,   /* of a side of a chart */
    SERVE_CACHE_BYTES = 64 << 20,
    SERVE_HELD_BYTES = 256 << 20, /* of answers on their way, where there are several */
    SERVE_MODELS = 32,            /* posted models that are kept, the newest */
    SERVE_CURVE_VALUES = 1 << 24, /* of all curves of a request */
    SERVE_GRID = 1024             /* patches a side */
};

#endif
