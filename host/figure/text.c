/* text.c - text that a font can take: valid UTF-8, in lines that fit */
/* SPDX-License-Identifier: MIT */
#include "host/figure/text.h"
#include "host/base/text.h"
#include "host/figure/font.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void rm_text_clean(char out[RM_TEXT_BYTES], const char *field, size_t limit) {
    const size_t size = strnlen(field, limit);
    size_t end = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        const size_t bytes = rm_text_character(field + at, size - at, &code);
        const bool control = bytes > 0 && !rm_text_is_plain(code);
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
