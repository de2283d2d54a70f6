/* drawing.c - what a figure is made of, before it is pixels or a page */
/* SPDX-License-Identifier: MIT */
#include "host/figure/drawing.h"
#include "host/base/alloc.h"

#include <stdio.h>
#include <string.h>

/* Whether the item is in. */
static bool add(rm_drawing *drawing, const rm_item *item) {
    if (drawing->count == drawing->capacity) {
        const int64_t capacity = drawing->capacity == 0 ? 64 : 2 * drawing->capacity;
        rm_item *items = rm_alloc_raw((uint64_t)capacity, sizeof *items);
        if (items == NULL) {
            drawing->incomplete = true;
            return false;
        }
        if (drawing->count > 0) {
            memcpy(items, drawing->items, (size_t)drawing->count * sizeof *items);
        }
        rm_free(drawing->items);
        drawing->items = items;
        drawing->capacity = capacity;
    }
    drawing->items[drawing->count++] = *item;
    return true;
}

void rm_drawing_rectangle(rm_drawing *drawing, double x, double y, double width, double height, rm_rgb ink) {
    (void)add(
        drawing,
        &(rm_item){.kind = RM_ITEM_RECTANGLE, .x = x, .y = y, .width = width, .height = height, .ink = ink});
}

void rm_drawing_line(rm_drawing *drawing, double x, double y, double width, double height, double thickness,
                     rm_rgb ink) {
    (void)add(drawing, &(rm_item){.kind = RM_ITEM_LINE,
                                  .x = x,
                                  .y = y,
                                  .width = width,
                                  .height = height,
                                  .thickness = thickness,
                                  .ink = ink});
}

void rm_drawing_raster(rm_drawing *drawing, const rm_item *raster) {
    rm_item item = *raster;
    item.kind = RM_ITEM_RASTER;
    (void)add(drawing, &item);
}

void rm_drawing_path(rm_drawing *drawing, const rm_item *path) {
    if (path->point_count < 1) {
        return;
    }
    const uint64_t coordinates = 2 * (uint64_t)path->point_count;
    rm_item item = *path;
    item.points = rm_alloc_raw(coordinates, sizeof *item.points);
    if (item.points == NULL) {
        drawing->incomplete = true;
        return;
    }
    memcpy(item.points, path->points, (size_t)coordinates * sizeof *item.points);
    if (!add(drawing, &item)) {
        rm_free(item.points);
    }
}

void rm_drawing_text(rm_drawing *drawing, double x, double y, const char *text, rm_text_style style) {
    if (*text != '\0') {
        rm_item item = {.kind = RM_ITEM_TEXT, .x = x, .y = y, .style = style};
        (void)snprintf(item.text, sizeof item.text, "%s", text);
        (void)add(drawing, &item);
    }
}

void rm_drawing_free(rm_drawing *drawing) {
    for (int64_t item = 0; item < drawing->count; item++) {
        rm_free(drawing->items[item].points);
    }
    rm_free(drawing->items);
    *drawing = (rm_drawing){.items = NULL};
}
