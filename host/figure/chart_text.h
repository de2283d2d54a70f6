/* chart_text.h - texts of any length in the room that a chart has for them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CHART_TEXT_H
#define ROPEMAP_HOST_FIGURE_CHART_TEXT_H

#include "host/figure/text.h"

/*
 * Cleans a text (may be NULL) and cuts it to `room` pixels, with … where something is left out; empty where
 * not even that fits. Returns its width. The font is ready.
 */
double rm_chart_text_fit(char out[RM_TEXT_BYTES], const char *text, double size, double room);

/* Breaks a text (may be NULL) into at most `most` lines, 0 where it is empty, and cuts each to `room` pixels.
 */
rm_text_lines rm_chart_text_lines(const char *text, double size, double room, int32_t most);

#endif
