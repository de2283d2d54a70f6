/* answer.h - what a request gets: bytes with their type, made once and shared by all who ask */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_ANSWER_H
#define ROPEMAP_TOOLS_SERVE_ANSWER_H

#include "host/ropemap.h"

enum { ANSWER_DETAIL_BYTES = 1600 };

typedef struct serve_answer serve_answer;

/* The bytes are freed by the function, which takes them as the library and the tools make them. */
struct serve_answer {
    int status;                       /* of HTTP */
    const char *type;                 /* Content-Type; static */
    char detail[ANSWER_DETAIL_BYTES]; /* of the Ropemap-Map header, but for its closing brace; "": none */
    ropemap_bytes bytes;
    void (*free_bytes)(ropemap_bytes *bytes); /* NULL: they are static */
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

#endif
