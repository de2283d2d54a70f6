/* cache.h - answers: made once, shared by all who wait for them, and kept */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_CACHE_H
#define ROPEMAP_TOOLS_SERVE_CACHE_H

#include "host/ropemap.h"

typedef struct serve_answer serve_answer;

/* Its memory is from malloc. */
struct serve_answer {
    int status;       /* of HTTP */
    const char *type; /* Content-Type; static */
    char *detail;     /* of the Ropemap-Map header, a JSON object; NULL: none */
    ropemap_bytes bytes;
};

/* An answer with one holder; NULL: no memory. */
serve_answer *answer_new(void);

/* One holder more, and one less; the last frees it. From any thread. */
serve_answer *answer_hold(serve_answer *answer);
void answer_drop(serve_answer *answer);

/* Makes it a sentence, with the status that a library's has in HTTP. */
void answer_fail(serve_answer *answer, const ropemap_error *error);

/* Makes it a text that is copied. */
void answer_text(serve_answer *answer, int status, const char *type, const char *text);

typedef struct serve_cache serve_cache;

/* Holds answers of at most `bytes` in all; the one that was requested longest ago goes first. NULL: no
 * memory. Of one thread. */
serve_cache *cache_new(size_t bytes);
void cache_free(serve_cache *cache);

/* The answer of that key, held for the caller; NULL: not here. */
serve_answer *cache_find(serve_cache *cache, const char *key);

/* Keeps an answer, in place of one of the same key; not one that is larger than an eighth of all. */
void cache_put(serve_cache *cache, const char *key, serve_answer *answer);

/* Bytes that are held, keys included. */
size_t cache_bytes(const serve_cache *cache);

#endif
