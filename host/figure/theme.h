/* theme.h - the colours of everything around a map: dark on light, or light on dark */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_THEME_H
#define ROPEMAP_HOST_FIGURE_THEME_H

#include "host/figure/drawing.h"

typedef struct rm_theme {
    rm_rgb paper;
    rm_rgb ink, soft_ink;         /* of text: contrast with the paper of 4.5 at least (WCAG 2.2) */
    rm_rgb line;                  /* of frames and ticks */
    rm_rgb nan, nan_beside_greys; /* of cells that are NaN; the latter where the colour map is grey */
} rm_theme;

const rm_theme *rm_theme_of(bool dark);

/* The paper as the first item, where the sinks do not have it anyway. */
void rm_theme_paper(const rm_theme *theme, rm_drawing *drawing);

#endif
