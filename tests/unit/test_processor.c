/* test_processor.c - a process limited to one CPU counts one, whatever the machine has */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_setaffinity */
#include "host/base/processor.h"
#include "tests/unit.h"

#include <sched.h>

static void the_affinity_mask_counts(void **state) {
    cpu_set_t before, one;
    if (sched_getaffinity(0, sizeof before, &before) != 0) {
        skip(); /* more than 1024 CPUs */
    }
    assert_int_equal(rm_usable_cpus(), CPU_COUNT(&before));
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &before)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            break;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(rm_usable_cpus(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_affinity_mask_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
