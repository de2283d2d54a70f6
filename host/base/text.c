/* text.c - text from files and arguments, made safe for terminals and messages; lists of words; the version
 */
/* SPDX-License-Identifier: MIT */
#include "host/base/text.h"
#include "host/ropemap.h"

#include <string.h>

size_t rm_utf8_bytes(const char *text, size_t left) {
    const uint8_t *c = (const uint8_t *)text;
    const size_t bytes = left == 0 || (c[0] >= 0x80 && c[0] < 0xc2) || c[0] > 0xf4 ? 0
                         : c[0] < 0x80                                             ? 1
                         : c[0] < 0xe0                                             ? 2
                         : c[0] < 0xf0                                             ? 3
                                                                                   : 4;
    if (bytes > left) {
        return 0;
    }
    for (size_t i = 1; i < bytes; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    const bool beyond = (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf4 && c[1] > 0x8f);
    return overlong || beyond ? 0 : bytes;
}

size_t rm_text_character(const char *text, size_t left, uint32_t *code) {
    const size_t bytes = rm_utf8_bytes(text, left);
    *code = bytes < 2 ? (uint8_t)*text : (uint8_t)*text & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        *code = *code << 6 | ((uint8_t)text[i] & 0x3f);
    }
    const bool noncharacter = (*code & 0xfffe) == 0xfffe || (*code >= 0xfdd0 && *code <= 0xfdef);
    return noncharacter ? 0 : bytes;
}

/* The bidirectional formatting characters of Unicode (UAX 9), U+2028 and U+2029. */
bool rm_text_is_plain(uint32_t code) {
    return code >= 0x20 && (code < 0x7f || code >= 0xa0) && code != 0x61c && code != 0x200e &&
           code != 0x200f && (code < 0x2028 || code > 0x202e) && (code < 0x2066 || code > 0x206f);
}

bool rm_words_next(const char **words, char *word, size_t size) {
    const size_t length = strcspn(*words, " ");
    const size_t kept = length < size ? length : size - 1;
    memcpy(word, *words, kept);
    word[kept] = '\0';
    *words += length;
    *words += **words == ' ';
    return length > 0;
}

bool rm_words_have(const char *words, const char *word) {
    char next[RM_WORD_BYTES];
    while (rm_words_next(&words, next, sizeof next)) {
        if (strcmp(next, word) == 0) {
            return true;
        }
    }
    return false;
}

size_t ropemap_text_next(const char *text, bool *plain) {
    uint32_t code = 0;
    const size_t left = strnlen(text, 4), bytes = rm_text_character(text, left, &code);
    *plain = bytes > 0 && rm_text_is_plain(code);
    return bytes > 0 ? (*text != '\0' ? bytes : 0) : (left > 0 ? 1 : 0);
}

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

const char *ropemap_version(void) {
    return RM_VERSION;
}
