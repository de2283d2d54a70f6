/* label.h - names from files and arguments, made fit for a message */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_LABEL_H
#define ROPEMAP_HOST_BASE_LABEL_H

#include <stddef.h>

enum { RM_LABEL_BYTES = 200 };

/*
 * Writes `text` as one line of at most size - 1 bytes: what ropemap_text_next finds not plain becomes '?',
 * and of a text that is too long the end stays, after "...", which tells files and tensors apart. size >= 8.
 */
void rm_label_make(char *label, size_t size, const char *text);

#endif
