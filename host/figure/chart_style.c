/* chart_style.c - the colours of a chart, and what tells its series apart */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_style.h"

enum { INKS = 8, PATTERNS = 6 };

/* Okabe and Ito 2008: told apart by every kind of eye; those that are dark on white come first. */
static const rm_rgb inks[INKS] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73},
                                  {0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9},
                                  {0x00, 0x00, 0x00}, {0xf0, 0xe4, 0x42}};

/* In thicknesses of the line. Colours come back after eight series with the next two patterns. */
static const struct {
    int32_t count;
    double dash[RM_DASHES_MAX];
} patterns[PATTERNS] = {{0, {0.0}},      {2, {4.0, 2.5}},  {4, {7.0, 2.2, 1.4, 2.2}},
                        {2, {1.4, 1.8}}, {2, {11.0, 3.0}}, {6, {7.0, 2.2, 1.4, 2.2, 1.4, 2.2}}};

rm_item rm_chart_style(int32_t index, bool points, bool dashed, double thickness) {
    const int32_t pattern = (2 * (index / INKS) + (dashed ? 1 : 0)) % PATTERNS;
    rm_item item = {.kind = points ? RM_ITEM_DOTS : RM_ITEM_POLYLINE,
                    .thickness = thickness,
                    .ink = inks[index % INKS],
                    .dot = (rm_dot)pattern};
    item.dashes = points ? 0 : patterns[pattern].count;
    for (int32_t dash = 0; dash < item.dashes; dash++) {
        item.dash[dash] = patterns[pattern].dash[dash] * thickness;
    }
    return item;
}
