/* kernels.c - the loops that depend on the processor, in a table for each level of x86-64 */
/* SPDX-License-Identifier: MIT */
#include "host/cpu/kernels.h"

static const rm_kernels table[] = {
    [RM_BASELINE] = {.name = "baseline",
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
#if defined(RM_HAS_VARIANT_v4)
    [RM_V3] = {.name = "v3",
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
    [RM_V4] = {.name = "v4",
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
#endif
};

ropemap_status rm_kernels_pick(const rm_kernels **kernels, ropemap_error *error) {
    rm_variant variant = RM_BASELINE;
    RM_TRY(rm_variant_pick(&variant, error));
    *kernels = &table[variant];
    return ROPEMAP_OK;
}
