/* answer.c - what a request gets: bytes with their type, made once and shared by all who ask */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/answer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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

static void free_bytes(serve_answer *answer) {
    if (answer->free_bytes != NULL) {
        answer->free_bytes(&answer->bytes);
    }
    answer->bytes = (ropemap_bytes){.data = NULL};
    answer->free_bytes = NULL;
}

void answer_drop(serve_answer *answer) {
    held_answer *held = (held_answer *)answer;
    if (held != NULL && atomic_fetch_sub(&held->holders, 1) == 1) {
        free_bytes(answer);
        free(held);
    }
}

static void free_copy(ropemap_bytes *bytes) {
    free(bytes->data);
}

void answer_text(serve_answer *answer, int status, const char *type, const char *text) {
    const size_t length = strlen(text);
    free_bytes(answer);
    answer->status = status;
    answer->type = type;
    answer->detail[0] = '\0';
    answer->bytes.data = malloc(length + 1);
    if (answer->bytes.data != NULL) {
        memcpy(answer->bytes.data, text, length + 1);
        answer->bytes.size = length;
        answer->free_bytes = free_copy;
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
