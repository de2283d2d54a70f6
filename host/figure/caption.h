/* caption.h - what a figure's title, subtitle and footnotes read */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CAPTION_H
#define ROPEMAP_HOST_FIGURE_CAPTION_H

#include "host/figure/colour.h"
#include "host/figure/text.h"

/* The values of contours, what the limits leave out, and what a logarithm cannot show; empty where there is
 * none of it. */
void rm_note_write(char text[RM_TEXT_BYTES], const ropemap_figure *figure, const ropemap_map *map,
                   const rm_colour *colour);

#endif
