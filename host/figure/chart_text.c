/* chart_text.c - texts of any length in the room that a chart has for them */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_text.h"
#include "host/figure/font.h"

#include <stdbool.h>
#include <string.h>

#define CUT "…"

/* Takes the last character, and spaces before it, off. */
static void shorten(char *text) {
    size_t end = strlen(text);
    while (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0x80) {
        end--;
    }
    end -= end > 0 ? 1 : 0;
    while (end > 0 && text[end - 1] == ' ') {
        end--;
    }
    text[end] = '\0';
}

/* Clean text; one that has no room in RM_TEXT_BYTES is cut, too. */
static double cut_to(char text[RM_TEXT_BYTES], bool is_cut, double size, double room) {
    double width = rm_font_width(text, size);
    if (!is_cut && width <= room) {
        return width;
    }
    while (strlen(text) + sizeof CUT > RM_TEXT_BYTES) {
        shorten(text);
    }
    const double mark = rm_font_width(CUT, size);
    while (*text != '\0' && rm_font_width(text, size) + mark > room) {
        shorten(text);
    }
    if (mark > room) {
        return 0.0;
    }
    memcpy(text + strlen(text), CUT, sizeof CUT);
    return rm_font_width(text, size);
}

/* Whether the text is longer than what was kept of it. */
static bool clean_text(char out[RM_TEXT_BYTES], const char *text) {
    const char *field = text != NULL ? text : "";
    rm_text_clean(out, field, SIZE_MAX);
    return strlen(field) >= RM_TEXT_BYTES;
}

double rm_chart_text_fit(char out[RM_TEXT_BYTES], const char *text, double size, double room) {
    const bool is_cut = clean_text(out, text);
    return cut_to(out, is_cut, size, room);
}

rm_text_lines rm_chart_text_lines(const char *text, double size, double room, int32_t most) {
    char clean[RM_TEXT_BYTES];
    const bool is_cut = clean_text(clean, text);
    rm_text_lines lines = rm_text_wrap(clean, size, room);
    if (lines.count > most && most > 0) {
        /* What is left of the text, from the last line on, is the last line. */
        const char *from = clean;
        for (int32_t line = 0; line < most; line++) {
            from = strstr(from, lines.line[line]);
            from += line < most - 1 ? strlen(lines.line[line]) : 0;
        }
        memmove(lines.line[most - 1], from, strlen(from) + 1);
        lines.count = most;
    }
    lines.width = 0.0;
    for (int32_t line = 0; line < lines.count; line++) {
        const double width = cut_to(lines.line[line], is_cut && line == lines.count - 1, size, room);
        lines.width = width > lines.width ? width : lines.width;
    }
    return lines;
}
