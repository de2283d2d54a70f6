/* cosine_sum.h - B(r), the sum of the cosines of the pairs, by the plainest loop */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_COSINE_SUM_H
#define ROPEMAP_TESTS_COSINE_SUM_H

#include "tests/divisors.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

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

/* What a caller of a search is told: its progress, which it stops at a share of the whole. */
struct wish {
    const char *stage;
    double last, total, stop_from;
    int calls;
};

static int tell(void *user, const char *stage, double done, double total) {
    struct wish *wish = user;
    assert_string_equal(stage, wish->stage);
    assert_true(done >= wish->last && done <= total);
    wish->last = done;
    wish->total = total;
    wish->calls++;
    return done >= wish->stop_from * total;
}

#endif
