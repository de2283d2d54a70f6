/* scaling.h - the table of scaling rules: what each is called, takes and does to the frequencies */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_SPEC_SCALING_H
#define ROPEMAP_HOST_SPEC_SCALING_H

#include "host/base/status.h"
#include "host/spec/twofold.h"

/* Angles of pair 0 .. pairs - 1 in radians per token, given the rule's parameters. */
typedef void (*rm_scaling_frequencies)(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians);

typedef struct rm_scaling_row {
    const char *name;
    const char *help;
    bool takes_factor;
    rm_scaling_frequencies frequencies;
} rm_scaling_row;

/* The row of a rule, NULL where there is no such rule. */
const rm_scaling_row *rm_scaling_find(ropemap_scaling_rule rule);

/* ROPEMAP_USAGE where a parameter is out of its range. */
ropemap_status rm_scaling_check(const ropemap_scaling *scaling, ropemap_error *error);

#endif
