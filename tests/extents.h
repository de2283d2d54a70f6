/* extents.h - where the texts of a drawing are, and what they must not lie on */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_EXTENTS_H
#define ROPEMAP_TESTS_EXTENTS_H

#include "host/figure/drawing.h"
#include "host/figure/lettering.h"
#include "tests/unit.h"

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

/* Of a line its stroke, of all else its rectangle. */
static extent shape_extent(const rm_item *item) {
    const double half = item->kind == RM_ITEM_LINE ? item->thickness / 2.0 : 0.0;
    const bool across = item->kind == RM_ITEM_LINE && item->height == 0.0;
    return (extent){item->x - (across ? 0.0 : half), item->y - (across ? half : 0.0),
                    item->x + item->width + (across ? 0.0 : half),
                    item->y + item->height + (across ? half : 0.0)};
}

/* What a text may not lie on: other texts and, but for one with a halo, lines, rectangles and cells. Paper is
 * a rectangle as large as the page. */
static bool is_obstacle(const rm_drawing *drawing, const rm_item *item, bool halo) {
    const bool shape =
        item->kind == RM_ITEM_RECTANGLE || item->kind == RM_ITEM_RASTER || item->kind == RM_ITEM_LINE;
    return item->kind == RM_ITEM_TEXT || (shape && !halo && item->width < (double)drawing->width);
}

/* No text runs off the page, within `margin` of its edge, or onto an obstacle. */
static void check_texts(const rm_drawing *drawing, double margin) {
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind != RM_ITEM_TEXT) {
            continue;
        }
        const extent own = text_extent(item);
        assert_true(own.left >= margin && own.top >= margin);
        assert_true(own.right <= (double)drawing->width - margin);
        assert_true(own.bottom <= (double)drawing->height - margin);
        for (int64_t other = 0; other < drawing->count; other++) {
            const rm_item *that = &drawing->items[other];
            const extent box = that->kind == RM_ITEM_TEXT ? text_extent(that) : shape_extent(that);
            if (other != at && is_obstacle(drawing, that, item->style.halo > 0.0) && !apart(&own, &box)) {
                fail_msg("\"%s\" lies on item %d \"%s\"", item->text, (int)other, that->text);
            }
        }
    }
}

static inline int32_t count_anchored(const rm_drawing *drawing, const char *text, rm_anchor anchor) {
    int32_t found = 0;
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        const bool is_that = item->kind == RM_ITEM_TEXT && strcmp(item->text, text) == 0;
        found += is_that && item->style.anchor == anchor ? 1 : 0;
    }
    return found;
}

static inline int32_t count_texts(const rm_drawing *drawing, const char *text) {
    return count_anchored(drawing, text, RM_ANCHOR_START) + count_anchored(drawing, text, RM_ANCHOR_MIDDLE) +
           count_anchored(drawing, text, RM_ANCHOR_END);
}

#endif
