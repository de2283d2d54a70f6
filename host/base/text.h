/* text.h - text from files and arguments, made safe for terminals and messages; lists of words */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_TEXT_H
#define ROPEMAP_HOST_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 sequence at `text` [left]: no surrogates, nothing past U+10FFFF, no overlong forms (RFC
 * 3629, section 4). 0 where there is none. */
size_t rm_utf8_bytes(const char *text, size_t left);

/* The same, with its code point, and 0 for the code points that are no characters either. */
size_t rm_text_character(const char *text, size_t left, uint32_t *code);

enum { RM_WORD_BYTES = 48 };

/* Lists of words in one string, with single spaces between them, each shorter than RM_WORD_BYTES. Copies the
 * next word and moves past it; false past the last. */
bool rm_words_next(const char **words, char *word, size_t size);

bool rm_words_have(const char *words, const char *word);

/* False for control characters (C0, DEL, C1), line ends and changes of text direction, which could make a
 * terminal or a page show another name. */
bool rm_text_is_plain(uint32_t code);

enum { RM_LABEL_BYTES = 200 };

/*
 * Writes `text` as one line of at most size - 1 bytes: what is not plain (ropemap_text_next) becomes '?', and
 * a long text keeps its end, after "...", which distinguishes files and tensors. size >= 8.
 */
void rm_label_make(char *label, size_t size, const char *text);

#endif
