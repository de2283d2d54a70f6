/* kernels.h - the loops that are compiled once for each level of x86-64, and the table that holds them */
/* SPDX-License-Identifier: MIT */
/*
 * rotate.c, rotate_sum.c, similarity_kernel.c, columns.c and distances.c are compiled with RM_VARIANT set to
 * baseline, v3 (AVX2, FMA) and v4 (AVX-512); each copy defines functions under its own name. All give the
 * same bits, except that the baseline of x86-64 multiplies without FMA (similarity_kernel.c).
 */
#ifndef ROPEMAP_HOST_CPU_KERNELS_H
#define ROPEMAP_HOST_CPU_KERNELS_H

#include "host/device/backend.h"

enum { RM_GROUP = 16 }; /* rows that are added up in float before double takes over */

/* Cosines and sines of 0, 1, ..., RM_GROUP - 1 times `step` tokens. */
typedef struct rm_turns {
    int64_t step; /* tokens; 0 while empty */
    int32_t pairs;
    uint64_t *freq; /* [pairs] the frequencies it was made for */
    float *c, *s;   /* [RM_GROUP, pairs] */
} rm_turns;

enum {
    RM_PACKED_KEYS = 256,  /* most keys that are packed at a time */
    RM_PACKED_DEPTH = 512, /* and most elements of each: a panel of keys stays in the first-level cache */
    RM_PACKED_TAIL = 16    /* most queries that a patch of a product has */
};

/* Keys in the order in which a product reads them. */
typedef struct rm_packed {
    int64_t keys, depth;
    float *panels; /* [RM_PACKED_KEYS, RM_PACKED_DEPTH] at most, in panels of a few keys */
    float *tail;   /* [RM_PACKED_TAIL, RM_PACKED_DEPTH] for the last queries */
} rm_packed;

/* to[i] = from[i] rotated by the phase of position i, [positions.count, head_dim]; from and to may not
 * overlap. */
typedef void (*rm_rotate_kernel)(const ropemap_freqs *freqs, ropemap_layout layout, ropemap_range positions,
                                 rm_view from, rm_view to);

/* turns->c and ->s for turns->step. */
typedef void (*rm_turns_kernel)(const ropemap_freqs *freqs, rm_turns *turns);

/* totals[d] += sum of up to RM_GROUP rotated rows, the first at `position`, the others turns->step apart;
 * elements that rotate only. */
typedef void (*rm_rotate_sum_kernel)(const rm_turns *turns, const ropemap_freqs *freqs, ropemap_layout layout,
                                     int64_t position, rm_view rows, double *totals);

/* Packs keys [keys, depth]. */
typedef void (*rm_pack_keys_kernel)(rm_view keys, rm_packed *packed);

/* tile[i][j] = queries[i] . keys[j], or += where `add`: queries [., depth], tile [rows of queries, keys]. */
typedef void (*rm_multiply_packed_kernel)(rm_view queries, const rm_packed *packed, bool add, rm_view tile);

/* Multiply-adds in registers, as many at a time as a product has: the ceiling of its rate. Returns the number
 * of operations. *sum goes in, below 1, and the result comes out, so that no compiler drops the work. */
typedef int64_t (*rm_multiply_adds_kernel)(int64_t rounds, float *sum);

/* Down each column of part: the largest of s, -s (min) or |s| (absmax); bad[j] is not 0 where one was NaN. */
typedef void (*rm_column_extremes_kernel)(rm_view part, ropemap_pool pool, float *extremes, uint32_t *bad);

/* Sums of s, or of s^2. */
typedef void (*rm_column_sums_kernel)(rm_view part, bool squares, double *sums);

/* Sums of (s - means[column])^2. */
typedef void (*rm_column_deviations_kernel)(rm_view part, const double *means, double *squares);

/* values[t] = sum over pairs of cos(phase(|first + t * step|)), [distances.count]. */
typedef void (*rm_distances_kernel)(const ropemap_freqs *freqs, ropemap_range distances, double *values);

typedef struct rm_kernels {
    const char *name;
    rm_rotate_kernel rotate;
    rm_turns_kernel turns_fill;
    rm_rotate_sum_kernel rotate_sum;
    rm_pack_keys_kernel pack_keys;
    rm_multiply_packed_kernel multiply_packed;
    rm_multiply_adds_kernel multiply_adds;
    rm_column_extremes_kernel column_extremes;
    rm_column_sums_kernel column_sums;
    rm_column_deviations_kernel column_deviations;
    rm_distances_kernel distances;
} rm_kernels;

/* What one copy of the loops is called from outside: rm_rotate_v3 and so on. */
#define RM_DECLARE_VARIANT(variant)                                                                          \
    void rm_rotate_##variant(const ropemap_freqs *freqs, ropemap_layout layout, ropemap_range positions,     \
                             rm_view from, rm_view to);                                                      \
    void rm_turns_fill_##variant(const ropemap_freqs *freqs, rm_turns *turns);                               \
    void rm_rotate_sum_##variant(const rm_turns *turns, const ropemap_freqs *freqs, ropemap_layout layout,   \
                                 int64_t position, rm_view rows, double *totals);                            \
    void rm_pack_keys_##variant(rm_view keys, rm_packed *packed);                                            \
    void rm_multiply_packed_##variant(rm_view queries, const rm_packed *packed, bool add, rm_view tile);     \
    int64_t rm_multiply_adds_##variant(int64_t rounds, float *sum);                                          \
    void rm_column_extremes_##variant(rm_view part, ropemap_pool pool, float *extremes, uint32_t *bad);      \
    void rm_column_sums_##variant(rm_view part, bool squares, double *sums);                                 \
    void rm_column_deviations_##variant(rm_view part, const double *means, double *squares);                 \
    void rm_distances_##variant(const ropemap_freqs *freqs, ropemap_range distances, double *values)
RM_DECLARE_VARIANT(baseline);
RM_DECLARE_VARIANT(v3);
RM_DECLARE_VARIANT(v4);

/* rm_rotate + RM_VARIANT: the name of this copy. */
#define RM_PASTE(name, variant)       name##_##variant
#define RM_PASTE_VALUE(name, variant) RM_PASTE(name, variant)
#define RM_VARIANT_NAME(name)         RM_PASTE_VALUE(name, RM_VARIANT)

/* The best table for this processor, or the one that ROPEMAP_SIMD names. RESOURCES: it does not run here. */
ropemap_status rm_kernels_pick(const rm_kernels **kernels, ropemap_error *error);

#endif
