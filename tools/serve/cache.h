/* cache.h - answers that were given, for who asks the same again */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_CACHE_H
#define ROPEMAP_TOOLS_SERVE_CACHE_H

#include "tools/serve/answer.h"

typedef struct serve_cache serve_cache;

/* Holds answers of at most `bytes` in all; the one that was asked for longest ago goes first. NULL: no
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
