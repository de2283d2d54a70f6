/* variant.c - which copy of the loops that depend on the processor runs */
/* SPDX-License-Identifier: MIT */
#include "host/base/variant.h"

#include <stdlib.h>
#include <string.h>

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
