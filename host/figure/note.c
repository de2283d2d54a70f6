/* note.c - what a reader has to know of a figure besides its subtitle */
/* SPDX-License-Identifier: MIT */
#include "host/figure/note.h"
#include "host/figure/number.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Adds after what is there already; what does not fit is left out whole. */
static void add(char text[RM_TEXT_BYTES], const char *format, ...) RM_PRINTF(2, 3);

static void add(char text[RM_TEXT_BYTES], const char *format, ...) {
    const size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    const int added = vsnprintf(text + length, RM_TEXT_BYTES - length, format, arguments);
    va_end(arguments);
    if (added < 0 || (size_t)added >= RM_TEXT_BYTES - length) {
        text[length] = '\0';
    }
}

/* "contours at 0, 0.25 and 0.5" */
static void add_contours(char text[RM_TEXT_BYTES], const ropemap_figure *figure) {
    for (int32_t at = 0; at < figure->contour_count; at++) {
        char value[RM_NUMBER_TEXT];
        rm_number_value(value, figure->contours[at]);
        const bool last = at == figure->contour_count - 1;
        add(text, "%s%s",
            at == 0 ? figure->contour_count == 1 ? "contour at " : "contours at "
            : last  ? " and "
                    : ", ",
            value);
    }
}

static const char *between(const char *text) {
    return text[0] == '\0' ? "" : "; ";
}

void rm_note_write(char text[RM_TEXT_BYTES], const ropemap_figure *figure, const ropemap_map *map,
                   const rm_colour *colour) {
    text[0] = '\0';
    add_contours(text, figure);
    if (figure->percentile > 0.0) {
        char percent[RM_NUMBER_TEXT];
        rm_number_value(percent, 100.0 * figure->percentile);
        add(text, "%s%s %% of the cells beyond each end of the colours", between(text), percent);
    }
    if (colour->norm.kind == ROPEMAP_NORM_LOG && map->min <= 0.0) {
        add(text, "%svalues ≤ 0 in the first colour", between(text));
    }
}
