/* text.c - text that a font can take: valid UTF-8, in lines that fit */
/* SPDX-License-Identifier: MIT */
#include "host/figure/text.h"
#include "host/figure/font.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the sequence that starts with `byte`, 0 where none does. */
static size_t sequence_bytes(uint8_t byte) {
    return byte < 0x80 ? 1 : byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
}

/* No surrogates, nothing past U+10FFFF, no long forms, and none of the codes that are no characters. */
static bool is_character(uint32_t code, size_t bytes) {
    const bool in_range = code < 0x110000 && (code & 0xfffff800) != 0xd800;
    const bool shortest = bytes < 3 || (bytes == 3 ? code >= 0x800 : code >= 0x10000);
    return in_range && shortest && (code & 0xfffe) != 0xfffe && (code < 0xfdd0 || code > 0xfdef);
}

/* Bytes of the character at `text`, of which `left` bytes are there; 0 where it is none. */
static size_t character_bytes(const uint8_t *text, size_t left, uint32_t *code) {
    const size_t bytes = sequence_bytes(*text);
    if (bytes == 0 || bytes > left) {
        return 0;
    }
    *code = bytes == 1 ? *text : *text & (0x7fu >> bytes);
    for (size_t byte = 1; byte < bytes; byte++) {
        if ((text[byte] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (text[byte] & 0x3f);
    }
    return is_character(*code, bytes) ? bytes : 0;
}

void rm_text_clean(char out[RM_TEXT_BYTES], const char *field, size_t limit) {
    const size_t size = strnlen(field, limit);
    size_t end = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        const uint8_t *from = (const uint8_t *)field + at;
        const size_t bytes = character_bytes(from, size - at, &code);
        const bool control = bytes > 0 && (code < 0x20 || (code >= 0x7f && code < 0xa0));
        const char *source = bytes == 0 ? "\ufffd" : control ? " " : field + at;
        const size_t length = bytes == 0 ? 3 : control ? 1 : bytes;
        if (end + length >= RM_TEXT_BYTES) {
            break;
        }
        memcpy(out + end, source, length);
        end += length;
        at += bytes == 0 ? 1 : bytes;
    }
    out[end] = '\0';
}

/* Length of what fits of `text` in `width`: up to a space or the end, one word at least. */
static size_t fitting_bytes(const char *text, double size, double width) {
    size_t fits = 0;
    for (size_t end = strcspn(text, " ");; end += 1 + strcspn(text + end + 1, " ")) {
        char part[RM_TEXT_BYTES];
        (void)snprintf(part, sizeof part, "%.*s", (int)end, text);
        if (fits > 0 && rm_font_width(part, size) > width) {
            return fits;
        }
        fits = end;
        if (text[end] == '\0') {
            return fits;
        }
    }
}

rm_text_lines rm_text_wrap(const char *text, double size, double width) {
    rm_text_lines lines = {.count = 0, .width = 0.0};
    text += strspn(text, " ");
    while (*text != '\0' && lines.count < RM_TEXT_LINES) {
        const bool last = lines.count == RM_TEXT_LINES - 1;
        const size_t bytes = last ? strlen(text) : fitting_bytes(text, size, width);
        char *line = lines.line[lines.count++];
        (void)snprintf(line, RM_TEXT_BYTES, "%.*s", (int)bytes, text);
        const double wide = rm_font_width(line, size);
        lines.width = wide > lines.width ? wide : lines.width;
        text += bytes;
        text += strspn(text, " ");
    }
    return lines;
}
