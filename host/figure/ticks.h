/* ticks.h - the places on an axis or a colour scale that get a label */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_TICKS_H
#define ROPEMAP_HOST_FIGURE_TICKS_H

#include "host/figure/colour.h"
#include "host/figure/number.h"
#include "host/ropemap.h"

enum { RM_TICKS_MAX = 12 };

typedef struct rm_tick {
    double at; /* along the axis, 0 to 1 */
    char label[RM_NUMBER_TEXT];
} rm_tick;

typedef struct rm_ticks {
    int32_t count; /* 1 at least */
    rm_tick tick[RM_TICKS_MAX];
} rm_ticks;

/*
 * At most `most` ticks (1 to RM_TICKS_MAX) along a range of positions: multiples of a power of two where the
 * range is made of such, else of 1, 2 or 5 times a power of ten. `centred`: every position is wide enough to
 * be seen, and its tick stands in its middle; else a tick stands where its position begins, and the end of
 * the range may have one. Labels say the position exactly.
 */
rm_ticks rm_ticks_positions(ropemap_range range, bool centred, int32_t most);

/* At most `most` ticks (2 to RM_TICKS_MAX) on a scale from `low` to `high`, low < high, all to the same
 * decimal. */
rm_ticks rm_ticks_values(double low, double high, int32_t most);

/*
 * At most `most` ticks (2 to RM_TICKS_MAX; 1 where the scale is not linear) from `low` to `high`, low < high,
 * low > 0 where it is logarithmic, from the bottom up. Powers of ten, "10⁻³", and 0 on a symmetric scale.
 * With less than three of them a logarithmic scale has 1, 2, 3, 5 and 7 times, or 1, 2 and 5 times such;
 * where all that is less than two, ticks are an equal difference apart, "0.42".
 */
rm_ticks rm_norm_ticks(rm_norm norm, double low, double high, int32_t most);

#endif
