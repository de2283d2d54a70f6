/* extents.h - where the texts of a drawing are, and what they must not lie on */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_EXTENTS_H
#define ROPEMAP_TESTS_EXTENTS_H

#include "host/figure/drawing.h"
#include "host/figure/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct extent {
    double left, top, right, bottom;
} extent;

/* Where ink may be: of a text its advance, DejaVu's ascent of capitals and digits, and its descent. */
static extent text_extent(const rm_item *item) {
    const double size = item->style.size, width = rm_font_width(item->text, size);
    const double before = item->style.anchor == RM_ANCHOR_START ? 0.0
                          : item->style.anchor == RM_ANCHOR_END ? width
                                                                : width / 2.0;
    if (item->style.upwards) {
        return (extent){item->x - 0.76 * size, item->y - width + before, item->x + 0.24 * size,
                        item->y + before};
    }
    return (extent){item->x - before, item->y - 0.76 * size, item->x - before + width, item->y + 0.24 * size};
}

static bool apart(const extent *a, const extent *b) {
    return a->left >= b->right || b->left >= a->right || a->top >= b->bottom || b->top >= a->bottom;
}

/* No text runs off the page, onto another or, but for those with a halo, onto a rectangle or cells. */
static void check_texts(const rm_drawing *drawing) {
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind != RM_ITEM_TEXT) {
            continue;
        }
        const extent own = text_extent(item);
        assert_true(own.left >= 1.0 && own.top >= 1.0);
        assert_true(own.right <= (double)drawing->width - 1.0 && own.bottom <= (double)drawing->height - 1.0);
        for (int64_t other = 0; other < drawing->count; other++) {
            const rm_item *that = &drawing->items[other];
            const extent box = that->kind == RM_ITEM_TEXT ? text_extent(that)
                                                          : (extent){that->x, that->y, that->x + that->width,
                                                                     that->y + that->height};
            const bool counts = that->kind == RM_ITEM_TEXT ||
                                ((that->kind == RM_ITEM_RECTANGLE || that->kind == RM_ITEM_RASTER) &&
                                 item->style.halo == 0.0);
            if (other != at && counts && !apart(&own, &box)) {
                fail_msg("\"%s\" lies on \"%s\"", item->text, that->text);
            }
        }
    }
}

#endif
