/* bound_base.h - whether a base keeps the similarity of equal vectors from falling below 0 */
/* SPDX-License-Identifier: MIT */
/*
 * Frequencies come from the rule itself, for every base. A base is refuted by one distance: those around the
 * distances that refuted its neighbours are looked at first. A base that is accepted has had every distance
 * looked at. Which of the two it is does not depend on what was looked at before.
 *
 * A verdict stands for larger bases too, as far as no sum can have crossed 0. As the base grows every
 * frequency falls or stays, for every rule but YaRN where its ramp begins past the last pair, so that up to a
 * base with frequencies theta' no sum changes by more than r * sum of (theta - theta'). Where the rule
 * multiplies frequencies by what does not depend on the base there is more: with x = log(base) and u = i /
 * pairs a frequency is theta = c e^(-u x), and Taylor's theorem has B'(r) = sum of u r theta sin(r theta),
 * |B'| <= sum of u r theta, |B''| <= sum of (u r theta)^2
 * + u^2 r theta, bounds that fall as x grows. A base whose slow pairs outweigh all others holds, and so do
 * all larger ones.
 */
#ifndef ROPEMAP_HOST_MAP_BOUND_BASE_H
#define ROPEMAP_HOST_MAP_BOUND_BASE_H

#include "host/map/bound_team.h"
#include "host/map/bound_tile.h"

enum { RM_BOUND_HINTS = 4 };

typedef struct rm_bound_verdict {
    bool holds;  /* S(r) >= 0 for all distances */
    double room; /* bases up to e^room times as large have the same verdict */
} rm_bound_verdict;

/* A worker's memory. */
typedef struct rm_bound_base {
    rm_bound_team *team;
    int32_t worker;
    int64_t length;    /* distances 0 .. length - 1 */
    ropemap_spec spec; /* with the base in hand */
    ropemap_freqs freqs;
    double zero;       /* similarity is below 0 where B is below this: minus what does not rotate */
    bool smooth;       /* frequencies are c e^(-u x) */
    bool divides_all;  /* as YaRN may, where frequencies rise once the base has grown out of it */
    double least_room; /* a smaller one is of no use */
    double radians[ROPEMAP_MAX_PAIRS]; /* [pairs] theta */
    double rates[ROPEMAP_MAX_PAIRS];   /* [pairs] u theta, rad */
    rm_bound_tile tile;
    int32_t hint_count;
    int64_t hints[RM_BOUND_HINTS]; /* distances that refuted bases, the latest first */
} rm_bound_base;

/* `step`: how far apart the logarithms of bases are. Close it after success and after failure. */
ropemap_status rm_bound_base_open(rm_bound_base *base, rm_bound_team *team, int32_t worker,
                                  const ropemap_bound_request *request, double step, ropemap_error *error);
void rm_bound_base_close(rm_bound_base *base);

ropemap_status rm_bound_base_judge(rm_bound_base *base, double value, rm_bound_verdict *verdict,
                                   ropemap_error *error);

/* The first distance with S(r) < 0 for the base `value`, -1: none. */
ropemap_status rm_bound_base_first(rm_bound_base *base, double value, int64_t *first, ropemap_error *error);

/* The distance with the least S(r), and S there as a share of S(0). */
ropemap_status rm_bound_base_least(rm_bound_base *base, double value, rm_bound_least *least,
                                   ropemap_error *error);

#endif
