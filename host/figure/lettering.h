/* lettering.h - numbers and text as figures write them: in the one embedded font, in lines that fit */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_LETTERING_H
#define ROPEMAP_HOST_FIGURE_LETTERING_H

#include "host/base/status.h"
#include "host/ropemap_figure.h"

/* ---- numbers; no locale changes them. ropemap_number_text() is the general one ---- */

enum { RM_NUMBER_TEXT = ROPEMAP_NUMBER_TEXT }; /* bytes that hold any of these */

#define RM_MINUS "\u2212"

/* "131,072" */
void rm_number_grouped(char text[RM_NUMBER_TEXT], int64_t value);

/* value * 10^-digits as "\u22121,000.25", digits in [0, 24]. */
void rm_number_decimal(char text[RM_NUMBER_TEXT], int64_t value, int digits);

/* value * 10^-digits * 10^power as "2.5×10⁻⁹"; plain "0" for 0. */
void rm_number_scientific(char text[RM_NUMBER_TEXT], int64_t value, int digits, int power);

/* A position >= 0, exactly: "96k", "1.5M" (k = 1024) where that takes at most two decimals, else "1,000". */
void rm_number_position(char text[RM_NUMBER_TEXT], int64_t position);

/* To so many decimals, 1 to 3, halves away from zero: "0.3", "\u22121.0"; "2.5×10⁶" from a million on; "∞";
 * "NaN". */
void rm_number_cell(char text[RM_NUMBER_TEXT], double value, int decimals);

/* ---- words ---- */

enum { RM_TEXT_BYTES = 192, RM_TEXT_LINES = 8 };

typedef struct rm_text_lines {
    int32_t count; /* 0 for an empty text */
    double width;  /* of the widest, pixels */
    char line[RM_TEXT_LINES][RM_TEXT_BYTES];
} rm_text_lines;

/*
 * Copies the text in a field of `limit` bytes, up to its zero if it has one, into `size` bytes: what is not
 * UTF-8 becomes U+FFFD and what controls becomes a space; what does not fit is left out.
 */
void rm_text_clean(char *out, size_t size, const char *field, size_t limit);

struct _cairo_font_face;

struct _cairo_font_options;

/* Takes a font into use for this thread's next figure, NULL for the embedded one. ROPEMAP_RESOURCES where
 * FreeType or cairo refuses. */
ropemap_status rm_font_use(const ropemap_font *font, ropemap_error *error);

/* rm_font_use() of the embedded font. */
ropemap_status rm_font_ready(ropemap_error *error);

/* The beginning of a text that is of one font: the one in use, or the embedded one for what that lacks. */
typedef struct rm_run {
    size_t bytes;                  /* 0 at the end of the text */
    struct _cairo_font_face *face; /* for a cairo context to use; stays with this file */
} rm_run;

rm_run rm_font_run(const char *text);

/* "Times New Roman", the name of the font in use. */
const char *rm_font_family(void);

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
