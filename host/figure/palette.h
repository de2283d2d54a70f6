/* palette.h - the colours of a colour map */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_PALETTE_H
#define ROPEMAP_HOST_FIGURE_PALETTE_H

#include "host/ropemap.h"

/*
 * Level k of a map stands for k/254 of the way from its lower to its upper limit. 255 levels leave one entry
 * of an 8-bit palette to NaN, and being odd in number they have one in the middle: 0 on a diverging map is
 * its exact white.
 */
enum { RM_LEVELS = ROPEMAP_LEVELS, RM_LEVEL_MAX = 254, RM_LEVEL_NAN = 255 };

typedef struct rm_palette {
    uint8_t rgb[RM_LEVELS + 1][3]; /* the levels from low to high, then NaN */
} rm_palette;

/* `colormap` is one of the maps, not AUTO. */
void rm_palette_make(ropemap_colormap colormap, rm_palette *palette);

#endif
