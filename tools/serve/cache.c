/* cache.c - answers that were given, for who asks the same again */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/cache.h"

#include <stdlib.h>
#include <string.h>

/* The list is in the order of use and at most a few thousand long: entries count as at least ENTRY bytes. */
enum { ENTRY = 32768 };

typedef struct entry {
    struct entry *next;
    serve_answer *answer;
    size_t bytes;
    char key[];
} entry;

struct serve_cache {
    entry *first; /* the one used last */
    size_t most, bytes;
};

serve_cache *cache_new(size_t bytes) {
    serve_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL) {
        cache->most = bytes;
    }
    return cache;
}

static void drop(serve_cache *cache, entry **link) {
    entry *old = *link;
    *link = old->next;
    cache->bytes -= old->bytes;
    answer_drop(old->answer);
    free(old);
}

void cache_free(serve_cache *cache) {
    while (cache != NULL && cache->first != NULL) {
        drop(cache, &cache->first);
    }
    free(cache);
}

/* The link to the entry of that key, or to the end. */
static entry **find(serve_cache *cache, const char *key) {
    entry **link = &cache->first;
    while (*link != NULL && strcmp((*link)->key, key) != 0) {
        link = &(*link)->next;
    }
    return link;
}

serve_answer *cache_find(serve_cache *cache, const char *key) {
    entry **link = find(cache, key);
    entry *found = *link;
    if (found == NULL) {
        return NULL;
    }
    *link = found->next;
    found->next = cache->first;
    cache->first = found;
    return answer_hold(found->answer);
}

void cache_put(serve_cache *cache, const char *key, serve_answer *answer) {
    const size_t length = strlen(key) + 1;
    const size_t real = sizeof(entry) + length + sizeof *answer + answer->bytes.size;
    const size_t bytes = real > ENTRY ? real : ENTRY;
    entry **same = find(cache, key);
    if (*same != NULL) {
        drop(cache, same);
    }
    entry *made = bytes <= cache->most / 8 ? malloc(sizeof *made + length) : NULL;
    if (made == NULL) {
        return;
    }
    while (cache->bytes + bytes > cache->most) {
        entry **last = &cache->first;
        while ((*last)->next != NULL) {
            last = &(*last)->next;
        }
        drop(cache, last);
    }
    *made = (entry){.next = cache->first, .answer = answer_hold(answer), .bytes = bytes};
    memcpy(made->key, key, length);
    cache->first = made;
    cache->bytes += bytes;
}

size_t cache_bytes(const serve_cache *cache) {
    return cache->bytes;
}
