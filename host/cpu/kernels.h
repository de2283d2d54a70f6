/* kernels.h - the loops that are compiled once for each level of x86-64, and the table that holds them */
/* SPDX-License-Identifier: MIT */
/* All give the same bits, except that the baseline of x86-64 multiplies without FMA (similarity_kernel.c). */
#ifndef ROPEMAP_HOST_CPU_KERNELS_H
#define ROPEMAP_HOST_CPU_KERNELS_H

#include "host/base/processor.h"
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

/*
 * Softmax of a tile of scores, [keys, RM_SOFTMAX_LANES]: lanes are queries, as are those of all arrays.
 * Weights are powers of two, exp2 of an exponent (cuda/arith.h) above a whole number for each query, its
 * reference.
 */
enum {
    RM_SOFTMAX_LANES = 64, /* a tile of 24 KiB, its queries and keys stay in the first-level cache */
    RM_SOFTMAX_KEYS = 96   /* of a tile at most: what is added up in float */
};

typedef float (*rm_softmax_tile)[RM_SOFTMAX_LANES];

typedef struct rm_span32 {
    int32_t first, end;
} rm_span32;

/* The keys of a tile that each query sees: those of two spans. */
typedef struct rm_softmax_sight {
    int32_t first[2][RM_SOFTMAX_LANES], end[2][RM_SOFTMAX_LANES];
} rm_softmax_sight;

/* What a tile's weights come to. */
typedef struct rm_softmax_moments {
    double total[RM_SOFTMAX_LANES]; /* of all weights */
    float part[RM_SOFTMAX_LANES];   /* of those that were weighed last */
    float log[RM_SOFTMAX_LANES];    /* of weight times exponent */
    float place[RM_SOFTMAX_LANES];  /* of weight times number of the key in the tile */
    float sink[RM_SOFTMAX_LANES], recent[RM_SOFTMAX_LANES]; /* of some weights */
} rm_softmax_moments;

/* The same over tile after tile, above a reference that rises; `place` counts keys from index 0. */
typedef struct rm_softmax_rows {
    float reference[RM_SOFTMAX_LANES];
    double total[RM_SOFTMAX_LANES], log[RM_SOFTMAX_LANES], place[RM_SOFTMAX_LANES];
    double sink[RM_SOFTMAX_LANES], recent[RM_SOFTMAX_LANES];
} rm_softmax_rows;

typedef struct rm_softmax_kernels {
    /* score = softcap tanh(scale q.k / softcap) */
    void (*cap)(rm_softmax_tile tile, int32_t keys, float scale, float softcap);
    /* -infinity where a key is not seen, whatever was there. */
    void (*hide)(rm_softmax_tile tile, int32_t keys, const rm_softmax_sight *sight);
    /* The larger of `largest` and what is below it; a NaN is passed over. */
    void (*maxima)(rm_softmax_tile tile, int32_t keys, float *largest);
    /* reference[q] of a tile whose largest scores are `largest`; `all` becomes the larger of the two. */
    void (*refer)(const float *largest, float factor, float *all, float *reference);
    /* Scores times `factor` become weights above `reference`; to->part and ->total, or these and ->log,
     * ->place.
     */
    void (*weigh)(rm_softmax_tile tile, rm_span32 keys, float factor, const float *reference, bool all,
                  rm_softmax_moments *to);
    /* sums[q] = of the weights of keys first[q] to end[q] - 1. */
    void (*select)(rm_softmax_tile tile, int32_t keys, const int32_t *first, const int32_t *end, float *sums);
    /* value += sums, each above a reference of its own; `held` becomes the larger of the two. Where there is
     * nothing yet, the sums and their reference. */
    void (*merge)(const float *sums, const float *reference, bool first, double *value, float *held);
    /* Takes a tile into the rows' sums; its first key is number `first`. */
    void (*advance)(const rm_softmax_moments *from, const float *reference, double first,
                    rm_softmax_rows *to);
    /* out = value / 2^(top - held) * share */
    void (*settle)(const double *value, const float *held, const double *top, const double *share,
                   double *out);
    /* line[q - k + RM_SOFTMAX_KEYS - 1] += weight of query q and key k times share[q] */
    void (*spread)(rm_softmax_tile tile, int32_t keys, const double *share, double *line);
} rm_softmax_kernels;

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
    const rm_softmax_kernels *softmax;
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
    void rm_distances_##variant(const ropemap_freqs *freqs, ropemap_range distances, double *values);        \
    extern const rm_softmax_kernels rm_softmax_kernels_##variant
RM_DECLARE_VARIANT(baseline);
RM_DECLARE_VARIANT(v3);
RM_DECLARE_VARIANT(v4);

/* The table of rm_variant_pick; its statuses. */
ropemap_status rm_kernels_pick(const rm_kernels **kernels, ropemap_error *error);

#endif
