/* norm_ticks.h - the values on a colour scale that get a label, whatever its norm */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_NORM_TICKS_H
#define ROPEMAP_HOST_FIGURE_NORM_TICKS_H

#include "host/figure/norm.h"
#include "host/figure/ticks.h"

/*
 * At most `most` ticks (2 to RM_TICKS_MAX; 1 where the scale is not linear) from `low` to `high`, low < high,
 * low > 0 where it is logarithmic, from the bottom up. Powers of ten, "10⁻³", and 0 on a symmetric scale.
 * With less than three of them a logarithmic scale has 1, 2, 3, 5 and 7 times, or 1, 2 and 5 times such;
 * where all that is less than two, ticks are an equal difference apart, "0.42".
 */
rm_ticks rm_norm_ticks(rm_norm norm, double low, double high, int32_t most);

#endif
