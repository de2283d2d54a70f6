/* text.h - text that a font can take: valid UTF-8, in lines that fit */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_TEXT_H
#define ROPEMAP_HOST_FIGURE_TEXT_H

#include "host/base/status.h"

enum { RM_TEXT_BYTES = 192, RM_TEXT_LINES = 8 };

typedef struct rm_text_lines {
    int32_t count; /* 0 for an empty text */
    double width;  /* of the widest, pixels */
    char line[RM_TEXT_LINES][RM_TEXT_BYTES];
} rm_text_lines;

/*
 * Copies the text in a field of `limit` bytes, up to its zero if it has one: what is not UTF-8 becomes U+FFFD
 * and what controls becomes a space; what does not fit is left out.
 */
void rm_text_clean(char out[RM_TEXT_BYTES], const char *field, size_t limit);

/* Breaks clean text at spaces, so that lines are at most `width` pixels; a longer word stays whole. */
rm_text_lines rm_text_wrap(const char *text, double size, double width);

#endif
