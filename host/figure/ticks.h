/* ticks.h - the places on an axis or a colour scale that get a label */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_TICKS_H
#define ROPEMAP_HOST_FIGURE_TICKS_H

#include "host/figure/colour.h"
#include "host/figure/text.h"

enum { RM_TICKS_MAX = 16, RM_MINOR_MAX = 160 };

typedef struct rm_tick {
    double at; /* along the axis, 0 to 1 */
    char label[RM_NUMBER_TEXT];
} rm_tick;

typedef struct rm_ticks {
    int32_t count; /* with a label; 1 at least */
    rm_tick tick[RM_TICKS_MAX];
    int32_t minor_count; /* between them, without */
    double minor[RM_MINOR_MAX];
    double widest; /* of the labels, pixels; from rm_ticks_fit */
} rm_ticks;

/* Whether labels of a size keep a distance on an axis of `length` pixels; measures them. `along`: they lie
 * along the axis, and take their width of it. The font is ready. */
bool rm_ticks_fit(rm_ticks *ticks, double length, double size, bool along);

/*
 * At most `most` ticks (1 to RM_TICKS_MAX) along a range of positions: multiples of a power of two where the
 * range is made of such, else of 1, 2 or 5 times a power of ten. `centred`: every position is wide enough to
 * be seen, and its tick is in its middle; else a tick is where its position begins, and the end of the range
 * may have one. Labels give the position exactly.
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
rm_ticks rm_ticks_scale(rm_value_norm norm, double low, double high, int32_t most);

/* What the axis of a chart covers. */
typedef struct rm_axis_span {
    bool log;
    bool whole;       /* of whole numbers, with none between them */
    bool binary;      /* its numbers are positions, best given as powers of two */
    double low, high; /* at its ends, low < high; decimal logarithms where `log` */
} rm_axis_span;

/* 0 at the low end, 1 at the high one, and at most a million beyond; value > 0 where it is logarithmic. */
double rm_axis_place(const rm_axis_span *axis, double value);

/*
 * As many as keep apart on `length` pixels in labels of `size`: multiples of 1, 2 or 5 times a power of ten,
 * or of a power of two where the axis is binary; on a logarithmic axis powers, every so many of them, and in
 * a range of less than two of them 1, 2 and 5 times a power. `along` as above. The font is ready.
 */
rm_ticks rm_ticks_axis(const rm_axis_span *axis, double length, double size, bool along);

#endif
