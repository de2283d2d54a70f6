/* text.h - UTF-8 text in the one embedded font, in lines that fit */
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

struct _cairo_font_face;

struct _cairo_font_options;

/* Loads the font where it is not loaded yet. ROPEMAP_RESOURCES where FreeType or cairo refuses. */
ropemap_status rm_font_ready(ropemap_error *error);

/* The font after rm_font_ready, for a cairo context to use; stays with this file. */
struct _cairo_font_face *rm_font_face(void);

/* How text is drawn and measured: grey antialiasing, no hinting, so that it looks alike at every size. */
struct _cairo_font_options *rm_font_options(void); /* the caller destroys it */

/* Advance of clean text (text.h) of a size in pixels. 0 before rm_font_ready. */
double rm_font_width(const char *text, double size);

/* Height of a digit, and of a capital, as a part of the size. */
#define RM_FONT_DIGIT 0.73

/*
 * Cleans a text (may be NULL) and cuts it to `room` pixels, with … where something is left out; empty where
 * not even that fits. Returns its width. The font is ready.
 */
double rm_text_fit(char out[RM_TEXT_BYTES], const char *text, double size, double room);

/* Breaks a text (may be NULL) at spaces into at most `most` lines, none where it is empty, and cuts each to
 * `room` pixels. The font is ready. */
rm_text_lines rm_text_break(const char *text, double size, double room, int32_t most);

#endif
