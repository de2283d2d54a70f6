/* kernels.h - the loops that are compiled once for each level of the processor, and the table they stand in
 */
/* SPDX-License-Identifier: MIT */
/*
 * rotate.c and distances.c are compiled with RM_VARIANT set to baseline, v3 (AVX2, FMA) and v4 (AVX-512);
 * each copy defines functions under its own name. All give the same bits.
 */
#ifndef ROPEMAP_HOST_CPU_KERNELS_H
#define ROPEMAP_HOST_CPU_KERNELS_H

#include "host/map/backend.h"

/* to[i] = from[i] turned by the phase of position i, [positions.count, head_dim]; from and to may not
 * overlap. */
typedef void (*rm_rotate_kernel)(const ropemap_freqs *freqs, ropemap_layout layout, ropemap_range positions,
                                 rm_view from, rm_view to);

/* values[t] = sum over pairs of cos(phase(|first + t * step|)), [distances.count]. */
typedef void (*rm_distances_kernel)(const ropemap_freqs *freqs, ropemap_range distances, double *values);

typedef struct rm_kernels {
    const char *name;
    rm_rotate_kernel rotate;
    rm_distances_kernel distances;
} rm_kernels;

void rm_rotate_baseline(const ropemap_freqs *freqs, ropemap_layout layout, ropemap_range positions,
                        rm_view from, rm_view to);
void rm_rotate_v3(const ropemap_freqs *freqs, ropemap_layout layout, ropemap_range positions, rm_view from,
                  rm_view to);
void rm_rotate_v4(const ropemap_freqs *freqs, ropemap_layout layout, ropemap_range positions, rm_view from,
                  rm_view to);
void rm_distances_baseline(const ropemap_freqs *freqs, ropemap_range distances, double *values);
void rm_distances_v3(const ropemap_freqs *freqs, ropemap_range distances, double *values);
void rm_distances_v4(const ropemap_freqs *freqs, ropemap_range distances, double *values);

/* rm_rotate + RM_VARIANT: the name of this copy. */
#define RM_PASTE(name, variant)       name##_##variant
#define RM_PASTE_VALUE(name, variant) RM_PASTE(name, variant)
#define RM_VARIANT_NAME(name)         RM_PASTE_VALUE(name, RM_VARIANT)

/* The best table for this processor, or the one that ROPEMAP_SIMD names. RESOURCES: it does not run here. */
ropemap_status rm_kernels_pick(const rm_kernels **kernels, ropemap_error *error);

#endif
