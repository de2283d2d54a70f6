/* processor.c - the CPUs that this process may use, and which copy of the loops for their kind it runs */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_getaffinity, CPU_ALLOC; in this file alone */
#include "host/base/processor.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
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

static bool runs_baseline(void) {
    return true;
}

#if defined(RM_HAS_VARIANT_v4)
static bool runs_v3(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

static bool runs_v4(void) {
    return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
}
#endif

static const struct {
    const char *name;
    bool (*runs_here)(void);
} variants[] = {
    [RM_BASELINE] = {"baseline", runs_baseline},
#if defined(RM_HAS_VARIANT_v4)
    [RM_V3] = {"v3", runs_v3},
    [RM_V4] = {"v4", runs_v4},
#endif
};

ropemap_status rm_variant_pick(rm_variant *variant, ropemap_error *error) {
    const char *forced = getenv("ROPEMAP_SIMD");
    for (size_t i = sizeof variants / sizeof variants[0]; i-- > 0;) { /* the best first */
        const bool wanted = forced == NULL || forced[0] == '\0' || strcmp(forced, variants[i].name) == 0;
        if (wanted && variants[i].runs_here()) {
            *variant = (rm_variant)i;
            return ROPEMAP_OK;
        }
    }
    return rm_fail(error, ROPEMAP_RESOURCES,
                   "ROPEMAP_SIMD: '%s' does not run on this processor, expected v4, v3 or baseline", forced);
}
