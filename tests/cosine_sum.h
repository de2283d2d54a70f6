/* cosine_sum.h - B(r), the sum of the cosines of the pairs, by the plainest loop */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_COSINE_SUM_H
#define ROPEMAP_TESTS_COSINE_SUM_H

#include "tests/divisors.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

static ropemap_spec spec_with(double base, int32_t head_dim, const char *scaling) {
    ropemap_spec spec = ropemap_spec_default();
    spec.base = base;
    spec.head_dim = head_dim;
    assert_int_equal(ropemap_scaling_parse(scaling, some_divisors(), &spec.scaling, NULL), ROPEMAP_OK);
    return spec;
}

/* B(r) from the turns a token of each pair. */
static long double plain_sum(const ropemap_freqs *freqs, int64_t r) {
    long double sum = 0;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        const long double turns =
            (long double)freqs->step[i] * 0x1p-64L + (long double)freqs->fine[i] * 0x1p-96L;
        sum += oracle_cos(remainderl(turns * (long double)r, 1.0L));
    }
    return sum;
}

#endif
