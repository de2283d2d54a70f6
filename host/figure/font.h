/* font.h - the one font of all figures */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_FONT_H
#define ROPEMAP_HOST_FIGURE_FONT_H

#include "host/base/status.h"

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

#endif
