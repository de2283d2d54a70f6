/* divisors.h - specs of scalings that a test parses, and room for their lists */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_DIVISORS_H
#define ROPEMAP_TESTS_DIVISORS_H

#include "host/ropemap.h"
#include "tests/unit.h"

/* For one scaling; it holds while seven more are parsed. */
static inline ropemap_divisors *some_divisors(void) {
    static ropemap_divisors all[8];
    static int next;
    next = (next + 1) % 8;
    return &all[next];
}

static inline ropemap_spec spec_of(const char *rule, double base, int32_t head_dim) {
    ropemap_spec spec = ropemap_spec_default();
    ropemap_error error = {0};
    if (ropemap_scaling_parse(rule, some_divisors(), &spec.scaling, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", rule, error.text);
    }
    spec.base = base;
    spec.head_dim = head_dim;
    return spec;
}

#endif
