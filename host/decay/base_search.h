/* base_search.h - the bases that keep the sums of cosines of a context from falling below 0 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DECAY_BASE_SEARCH_H
#define ROPEMAP_HOST_DECAY_BASE_SEARCH_H

#include "host/decay/cosine_sums.h"
#include "host/decay/team.h"

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

#endif
