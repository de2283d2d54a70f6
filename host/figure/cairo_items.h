/* cairo_items.h - a drawing's items as cairo draws them, on pixels and on pages */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_CAIRO_ITEMS_H
#define ROPEMAP_HOST_FIGURE_CAIRO_ITEMS_H

#include "host/figure/drawing.h"

struct _cairo;

/* Takes the font (font.h), which is ready, into use. */
void rm_cairo_font(struct _cairo *cairo);

/*
 * Draws an item of any kind but a raster. `page`: letters with a halo stay letters that a reader can select;
 * else they are filled outlines, which lie on their halo to a part of a pixel.
 */
void rm_cairo_item(struct _cairo *cairo, const rm_item *item, bool page);

/* The words of memory that cairo's RGB24 has for the palette's entries: 0x00RRGGBB. */
void rm_cairo_words(const rm_palette *palette, uint32_t words[RM_LEVELS + 1]);

#endif
