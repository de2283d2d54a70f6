/* kernels.c - which copy of the processor-dependent loops runs */
/* SPDX-License-Identifier: MIT */
#include "host/cpu/kernels.h"

#include <stdlib.h>
#include <string.h>

#if defined(RM_HAS_VARIANT_v4)
static bool processor_has_v3(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

static bool processor_has_v4(void) {
    return processor_has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
}
#endif

static bool processor_has_baseline(void) {
    return true;
}

/* Best first. */
static const struct {
    rm_kernels kernels;
    bool (*runs_here)(void);
} table[] = {
#if defined(RM_HAS_VARIANT_v4)
    {{.name = "v4",
      .rotate = rm_rotate_v4,
      .turns_fill = rm_turns_fill_v4,
      .rotate_sum = rm_rotate_sum_v4,
      .pack_keys = rm_pack_keys_v4,
      .multiply_packed = rm_multiply_packed_v4,
      .multiply_adds = rm_multiply_adds_v4,
      .column_extremes = rm_column_extremes_v4,
      .column_sums = rm_column_sums_v4,
      .column_deviations = rm_column_deviations_v4,
      .distances = rm_distances_v4,
      .softmax = &rm_softmax_kernels_v4},
     processor_has_v4},
    {{.name = "v3",
      .rotate = rm_rotate_v3,
      .turns_fill = rm_turns_fill_v3,
      .rotate_sum = rm_rotate_sum_v3,
      .pack_keys = rm_pack_keys_v3,
      .multiply_packed = rm_multiply_packed_v3,
      .multiply_adds = rm_multiply_adds_v3,
      .column_extremes = rm_column_extremes_v3,
      .column_sums = rm_column_sums_v3,
      .column_deviations = rm_column_deviations_v3,
      .distances = rm_distances_v3,
      .softmax = &rm_softmax_kernels_v3},
     processor_has_v3},
#endif
    {{.name = "baseline",
      .rotate = rm_rotate_baseline,
      .turns_fill = rm_turns_fill_baseline,
      .rotate_sum = rm_rotate_sum_baseline,
      .pack_keys = rm_pack_keys_baseline,
      .multiply_packed = rm_multiply_packed_baseline,
      .multiply_adds = rm_multiply_adds_baseline,
      .column_extremes = rm_column_extremes_baseline,
      .column_sums = rm_column_sums_baseline,
      .column_deviations = rm_column_deviations_baseline,
      .distances = rm_distances_baseline,
      .softmax = &rm_softmax_kernels_baseline},
     processor_has_baseline},
};

ropemap_status rm_kernels_pick(const rm_kernels **kernels, ropemap_error *error) {
    const char *forced = getenv("ROPEMAP_SIMD");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const bool wanted = forced == NULL || forced[0] == '\0' || strcmp(forced, table[i].kernels.name) == 0;
        if (wanted && table[i].runs_here()) {
            *kernels = &table[i].kernels;
            return ROPEMAP_OK;
        }
    }
    return rm_fail(error, ROPEMAP_RESOURCES,
                   "ROPEMAP_SIMD: '%s' does not run on this processor, expected v4, v3 or baseline", forced);
}
