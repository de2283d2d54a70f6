/* axes.h - how pairs and frequencies are dealt to several axes of positions */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_RULE_AXES_H
#define ROPEMAP_HOST_RULE_AXES_H

#include "host/rule/scaling.h"

/* ROPEMAP_USAGE for axes that do not add up to the pairs that rotate, or that go with no such scaling. */
ropemap_status rm_axes_check(const ropemap_spec *spec, ropemap_error *error);

/* ROPEMAP_USAGE where a rule has several axes that positions must be given for: of work that has one axis. */
ropemap_status rm_axes_refuse(const ropemap_spec *spec, const char *work, ropemap_error *error);

/* The rule's frequencies, dealt to the axes: radians [pairs] from room for [2 * pairs]. */
void rm_axes_frequencies(const ropemap_spec *spec, rm_rule rule, int32_t pairs, rm_twofold *radians,
                         double *attention);

#endif
