/* bound_base.h - whether a base keeps the sums of cosines of a rule from falling below 0 */
/* SPDX-License-Identifier: MIT */
/*
 * Frequencies come from the rule itself, for every base. A base is refuted by one distance: those around the
 * distances that refuted its neighbours are looked at first. A base that is accepted has had every distance
 * looked at. Which of the two it is does not depend on what was looked at before.
 *
 * A verdict stands for larger bases too, as far as Taylor's theorem says that no sum can have crossed 0. With
 * x = log(base) and u = i / pairs a frequency is theta = c e^(-u x), where the rule is one of those that
 * multiply frequencies by what does not depend on the base, and
 *     B'(r) = sum of u r theta sin(r theta),  |B'| <= sum of u r theta,
 *     |B''| <= sum of (u r theta)^2 + u^2 r theta,
 * bounds that fall as x grows.
 */
#ifndef ROPEMAP_HOST_MAP_BOUND_BASE_H
#define ROPEMAP_HOST_MAP_BOUND_BASE_H

#include "host/map/bound_team.h"
#include "host/map/bound_tile.h"

enum { RM_BOUND_HINTS = 4 };

typedef struct rm_bound_verdict {
    bool holds;  /* B(r) >= 0 for all distances */
    double room; /* bases up to e^room times as large have the same verdict */
} rm_bound_verdict;

/* A worker's memory. */
typedef struct rm_bound_base {
    rm_bound_team *team;
    int32_t worker;
    int64_t length;    /* distances 0 .. length - 1 */
    ropemap_spec spec; /* with the base in hand */
    ropemap_freqs freqs;
    bool smooth;                     /* frequencies depend on the base as above */
    double rates[ROPEMAP_MAX_PAIRS]; /* [pairs] u theta, rad */
    rm_bound_tile tile;
    int32_t hint_count;
    int64_t hints[RM_BOUND_HINTS]; /* distances that refuted bases, the latest first */
} rm_bound_base;

/* Close it after success and after failure. */
ropemap_status rm_bound_base_open(rm_bound_base *base, rm_bound_team *team, int32_t worker,
                                  const ropemap_bound_request *request, ropemap_error *error);
void rm_bound_base_close(rm_bound_base *base);

ropemap_status rm_bound_base_judge(rm_bound_base *base, double value, rm_bound_verdict *verdict,
                                   ropemap_error *error);

/* The first distance with B(r) < 0 for the base `value`, -1: none. */
ropemap_status rm_bound_base_first(rm_bound_base *base, double value, int64_t *first, ropemap_error *error);

/* The distance with the least B(r). */
ropemap_status rm_bound_base_least(rm_bound_base *base, double value, rm_bound_least *least,
                                   ropemap_error *error);

#endif
