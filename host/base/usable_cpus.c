/* usable_cpus.c - how many CPUs this process may use */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_getaffinity, CPU_ALLOC; in this file alone */
#include "host/base/team.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

enum { CPUS_MOST = 65536 }; /* size of the largest mask that is tried */

/*
 * CPUs in the affinity mask, as set by taskset, a batch system or a container; 0 if it cannot be read. The
 * system refuses a mask that is shorter than its own, so longer ones are tried.
 */
static long cpus_allowed(void) {
    for (size_t room = 1024; room <= CPUS_MOST; room *= 2) {
        cpu_set_t *set = CPU_ALLOC(room);
        if (set == NULL) {
            return 0;
        }
        const size_t bytes = CPU_ALLOC_SIZE(room);
        const int result = sched_getaffinity(0, bytes, set), reason = errno;
        const long count = result == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (result == 0 || reason != EINVAL) {
            return count;
        }
    }
    return 0;
}

int32_t rm_usable_cpus(void) {
    const long allowed = cpus_allowed();
    const long count = allowed > 0 ? allowed : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (int32_t)(count > RM_THREADS_MAX ? RM_THREADS_MAX : count);
}
