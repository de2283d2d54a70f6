/* benchmarks.h - finds a benchmark, opens it and checks what it made */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_BENCH_BENCHMARKS_H
#define ROPEMAP_TESTS_BENCH_BENCHMARKS_H

#include "tests/unit.h"
#include "tools/bench/bench.h"

#include <math.h>

static inline void assert_near(double got, double wanted, double allowed) {
    if (!(fabs(got - wanted) <= allowed)) {
        fail_msg("%.17g, expected %.17g within %g", got, wanted, allowed);
    }
}

static inline const bench_case *named(const char *backend, const char *name) {
    const bench_case *found = NULL;
    for (int index = 0; (found = benchmark_at(backend, index)) != NULL && strcmp(found->name, name) != 0;) {
        index++;
    }
    assert_non_null(found);
    return found;
}

static inline void *open_shape(const bench_case *benchmark, const bench_shape *shape) {
    void *opened = NULL;
    ropemap_error error = {0};
    if (bench_open(benchmark, shape, &opened, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    return opened;
}

static inline check_result checked(const bench_case *benchmark, void *opened) {
    check_result result = {0};
    ropemap_error error = {0};
    if (benchmark->stage->check(opened, &result, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    assert_true(result.checked > 0);
    return result;
}

/* Every element that is checked is right. */
static inline void assert_right(const bench_case *benchmark, void *opened) {
    const check_result result = checked(benchmark, opened);
    if (result.wrong != 0 || !(result.error <= result.allowed)) {
        fail_msg("%s: %lld of %lld wrong, %g of %g", benchmark->name, (long long)result.wrong,
                 (long long)result.checked, result.error, result.allowed);
    }
}

/* The pools that a benchmark has, one bit at a time from `pool` on; its own where it has none to choose from.
 * Past the last: false. */
static inline bool has_pool(const bench_case *benchmark, ropemap_pool pool) {
    return benchmark->pools != 0 ? (benchmark->pools >> pool & 1u) != 0 : pool == benchmark->usual.pool;
}

#endif
