/* theme.c - the colours of everything around a map: dark on light, or light on dark */
/* SPDX-License-Identifier: MIT */
#include "host/figure/theme.h"

/* The NaN of the light one is palette.c's own. */
static const rm_theme light = {.paper = {0xff, 0xff, 0xff},
                               .ink = {0x1c, 0x1c, 0x1c},
                               .soft_ink = {0x5a, 0x5a, 0x5a},
                               .line = {0x40, 0x40, 0x40},
                               .nan = {0xc6, 0xc6, 0xc6},
                               .nan_beside_greys = {0x8f, 0xb4, 0xe0}};

static const rm_theme dark_one = {.paper = {0x12, 0x14, 0x17},
                                  .ink = {0xe6, 0xe6, 0xe6},
                                  .soft_ink = {0xa9, 0xad, 0xb3},
                                  .line = {0x8c, 0x91, 0x98},
                                  .nan = {0x40, 0x40, 0x40},
                                  .nan_beside_greys = {0x2f, 0x55, 0x8f}};

const rm_theme *rm_theme_of(bool dark) {
    return dark ? &dark_one : &light;
}

void rm_theme_paper(const rm_theme *theme, rm_drawing *drawing) {
    if (theme != &light) {
        rm_drawing_rectangle(drawing, 0.0, 0.0, (double)drawing->width, (double)drawing->height,
                             theme->paper);
    }
}
