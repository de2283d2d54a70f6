/* rule.h - a rule: defaults, check, and its frequencies in turns a token */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_RULE_RULE_H
#define ROPEMAP_HOST_RULE_RULE_H

#include "host/base/status.h"
#include "host/rule/double_double.h"

typedef struct rm_schedule {
    int32_t pairs;
    double attention;
    rm_twofold *radians; /* [pairs], a token */
} rm_schedule;

/* What the rule of `spec` comes to; the caller frees `radians` with rm_free. ROPEMAP_USAGE, _RESOURCES. */
ropemap_status rm_schedule_make(const ropemap_spec *spec, rm_schedule *schedule, ropemap_error *error);

/* The frequencies of a schedule as backends take them. */
void rm_schedule_freqs(const rm_schedule *schedule, ropemap_freqs *freqs);

#endif
