/* cache.c - answers: made once, shared by all who wait for them, and kept */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/cache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ------------------------------------------------------------------------------------------- */

/* An answer and how many hold it. */
typedef struct held_answer {
    serve_answer answer; /* first */
    atomic_int holders;
} held_answer;

serve_answer *answer_new(void) {
    held_answer *held = calloc(1, sizeof *held);
    if (held == NULL) {
        return NULL;
    }
    atomic_init(&held->holders, 1);
    return &held->answer;
}

serve_answer *answer_hold(serve_answer *answer) {
    held_answer *held = (held_answer *)answer;
    (void)atomic_fetch_add(&held->holders, 1);
    return answer;
}

void answer_drop(serve_answer *answer) {
    held_answer *held = (held_answer *)answer;
    if (held != NULL && atomic_fetch_sub(&held->holders, 1) == 1) {
        ropemap_bytes_free(&answer->bytes);
        free(answer->detail);
        free(held);
    }
}

void answer_text(serve_answer *answer, int status, const char *type, const char *text) {
    const size_t length = strlen(text);
    ropemap_bytes_free(&answer->bytes);
    free(answer->detail);
    answer->detail = NULL;
    answer->status = status;
    answer->type = type;
    answer->bytes.data = malloc(length + 1);
    if (answer->bytes.data != NULL) {
        memcpy(answer->bytes.data, text, length + 1);
        answer->bytes.size = length;
    }
}

static int http_status(ropemap_status status) {
    switch (status) {
    case ROPEMAP_USAGE:
        return 400;
    case ROPEMAP_DATA:
        return 422;
    case ROPEMAP_STOPPED:
        return 409;
    case ROPEMAP_RESOURCES:
        return 503;
    case ROPEMAP_OK:
    case ROPEMAP_INTERNAL:
    case ROPEMAP_IO:
    case ROPEMAP_CHECK:
        break;
    }
    return 500;
}

/* Names of files may hold any byte. */
void answer_fail(serve_answer *answer, const ropemap_error *error) {
    char text[sizeof error->text + 2];
    size_t at = 0;
    for (; error->text[at] != '\0' && at < sizeof error->text; at++) {
        const unsigned char byte = (unsigned char)error->text[at];
        text[at] = byte < 0x20 || byte == 0x7f ? '?' : error->text[at];
    }
    text[at] = '\n';
    text[at + 1] = '\0';
    answer_text(answer, http_status(error->status), "text/plain; charset=utf-8", text);
}

/* ---- those that are kept ------------------------------------------------------------------------------- */

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
    const size_t real = sizeof(entry) + length + sizeof *answer +
                        (answer->detail != NULL ? strlen(answer->detail) : 0) + answer->bytes.size;
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
