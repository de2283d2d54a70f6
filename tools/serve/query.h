/* query.h - the part of a URL behind the question mark, as names and values */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_QUERY_H
#define ROPEMAP_TOOLS_SERVE_QUERY_H

#include "host/ropemap.h"
#include "tools/serve/limits.h"

typedef struct serve_pair {
    const char *name, *value; /* within the query's text */
} serve_pair;

typedef struct serve_query {
    char text[SERVE_HEADER_BYTES];
    serve_pair pairs[SERVE_PAIRS];
    int count;
} serve_query;

/*
 * Takes "base=5e5&causal&scaling=yarn%3Afactor%3D4" apart; `text` may be NULL. A name without "=" has the
 * value "". ROPEMAP_USAGE for an escape that is none, a control character, and too many pairs or bytes.
 */
ropemap_status query_parse(const char *text, serve_query *query, ropemap_error *error);

/* A copy, whose pairs are within its own text. */
void query_copy(serve_query *to, const serve_query *from);

/* The value of the last pair of that name, which is taken out with all others of it; NULL: there is none. */
const char *query_take(serve_query *query, const char *name);

/* Writes the pairs as one text, which differs where they differ: 0 where it does not fit in `size`. */
size_t query_key(const serve_query *query, const char *path, char *text, size_t size);

#endif
