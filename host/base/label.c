/* label.c - names from files and arguments, made fit for a message */
/* SPDX-License-Identifier: MIT */
#include "host/base/label.h"

#include "host/ropemap.h"

#include <string.h>

static const char CUT[] = "...";

void rm_label_make(char *label, size_t size, const char *text) {
    const size_t length = strlen(text), cut_length = sizeof CUT - 1;
    size_t at = 0;
    if (length >= size) {
        memcpy(label, CUT, cut_length);
        at = cut_length;
        text += length - (size - 1 - cut_length);
        while ((*text & 0xc0) == 0x80) { /* not inside a UTF-8 character */
            text++;
        }
    }
    bool plain = false;
    for (size_t bytes = 0; (bytes = ropemap_text_next(text, &plain)) > 0; text += bytes) {
        memcpy(label + at, plain ? text : "?", plain ? bytes : 1);
        at += plain ? bytes : 1;
    }
    label[at] = '\0';
}
