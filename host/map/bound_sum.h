/* bound_sum.h - the sum of a rule's cosines at one distance, and on which side of a number it lies */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_BOUND_SUM_H
#define ROPEMAP_HOST_MAP_BOUND_SUM_H

#include "host/ropemap.h"

/* B(distance), 0 <= distance < 2^40, off by pairs * 1e-15 + pairs^2 * 2^-53 at most. */
double rm_bound_sum(const ropemap_freqs *freqs, int64_t distance);

/* Whether B(distance) < threshold: computed again in twice the precision of double where double cannot tell.
 */
bool rm_bound_sum_below(const ropemap_freqs *freqs, int64_t distance, double threshold);

/*
 * Similarity of equal vectors is S(r) = (2 a^2 B(r) + the elements that do not rotate) / head_dim: it is
 * below a share of S(0), 0 <= share <= 1, where B(r) is below share * (pairs + rest) - rest.
 */
double rm_bound_sum_rest(const ropemap_spec *spec, const ropemap_freqs *freqs);

/* Sum of rates[i] * sin(phase of pair i) at `distance`, rates [pairs]. */
double rm_bound_sum_sines(const ropemap_freqs *freqs, const double *rates, int64_t distance);

#endif
