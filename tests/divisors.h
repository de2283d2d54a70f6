/* divisors.h - room for the lists of the scalings that a test parses */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_DIVISORS_H
#define ROPEMAP_TESTS_DIVISORS_H

#include "host/ropemap.h"

/* For one scaling; it holds while seven more are parsed. */
static inline ropemap_divisors *some_divisors(void) {
    static ropemap_divisors all[8];
    static int next;
    next = (next + 1) % 8;
    return &all[next];
}

#endif
