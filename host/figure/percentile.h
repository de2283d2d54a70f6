/* percentile.h - limits that leave out a share of the cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_PERCENTILE_H
#define ROPEMAP_HOST_FIGURE_PERCENTILE_H

#include "host/base/status.h"

/*
 * Of the finite cells, or with `positive` of those above 0: *low is the least after floor(share * n) of n are
 * left out, *high the greatest after as many. share is 0 to 0.4; exact for any number of cells. INFINITY and
 * -INFINITY where there is no such cell. ROPEMAP_RESOURCES.
 */
ropemap_status rm_percentile(const float *cells, int64_t count, double share, bool positive, double *low,
                             double *high, ropemap_error *error);

#endif
