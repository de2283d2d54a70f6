/* vectors.h - where vectors come from: constant, random, memory, files */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_VECTORS_H
#define ROPEMAP_HOST_DATA_VECTORS_H

#include "host/base/status.h"
#include "host/base/text.h"

#include <stdint.h>

/* ---- random_kernel.c ----------------------------------------------------------------------------------- */

enum { RM_PHILOX_WORDS = 4, RM_PHILOX_LANES = 8 };

/* One word of several counters side by side, so that the compiler can use vector instructions. */
typedef struct rm_philox_state {
    uint32_t word[RM_PHILOX_WORDS][RM_PHILOX_LANES];
} rm_philox_state;

/* Normal numbers of one sequence, times `scale`. */
typedef struct rm_normal {
    uint32_t key[2], stream;
    double scale;
} rm_normal;

/* Fills `to` [columns] with row `row`. */
typedef void (*rm_normal_kernel)(const rm_normal *normal, uint64_t row, int32_t columns, float *to);

/*
 * rm_philox: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011) turns the counter of each lane into four words that pass for random. rm_normal_row is an
 * rm_normal_kernel. All variants give the same bits.
 */
#define RM_DECLARE_RANDOM(variant)                                                                           \
    void rm_philox_##variant(const uint32_t key[2], rm_philox_state *state);                                 \
    void rm_normal_row_##variant(const rm_normal *normal, uint64_t row, int32_t columns, float *to)
RM_DECLARE_RANDOM(baseline);
RM_DECLARE_RANDOM(v3);
RM_DECLARE_RANDOM(v4);

/* ---- sources ------------------------------------------------------------------------------------------- */

/*
 * Allocates a source of `bytes` bytes, zeroed, that begins with a ropemap_vectors; NULL and `error` where
 * memory is short. It has rows for every position, one head, and rm_source_free to destroy it.
 */
void *rm_source_alloc(size_t bytes, int32_t head_dim, ropemap_error *error);

void rm_source_free(ropemap_vectors *vectors); /* the source's own memory alone */

/* `status` and a message that begins with `name` where head_dim is odd or not in 2 to ROPEMAP_MAX_HEAD_DIM.
 */
ropemap_status rm_source_check_head_dim(const char *name, int64_t head_dim, ropemap_status status,
                                        ropemap_error *error);

/*
 * A source of rows. Row r is at position first + r * step; the caller has checked the range. Reading does not
 * change a source, and several threads may read at once.
 */
struct ropemap_vectors {
    int64_t count;       /* rows; ROPEMAP_POSITION_END where there is no end */
    int64_t first, step; /* 0 and 1 where there is no end */
    int32_t head_dim;    /* floats a row */
    int64_t heads;       /* of the tensor that the rows were taken from, 1 otherwise */
    bool constant; /* every row is the unit vector with equal entries: the diagonal method counts on that */
    const char *note; /* what a reader of them should know, static; NULL: nothing */
    char label[200];  /* for messages and titles: "ones", "gauss seed 1", "q.npy", "kv.safetensors:k" */

    /* Fills `rows` [count, head_dim] with rows first, first + step, ... */
    ropemap_status (*read)(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                           float *rows, ropemap_error *error);

    /* Optional (NULL): rows first, first + 1, ... as they lie in memory, without a copy. */
    const float *(*borrow)(const ropemap_vectors *vectors, int64_t first);

    /* Releases what the source holds and the source itself. */
    void (*destroy)(ropemap_vectors *vectors);
};

/* Positions given by a file or by a grid. */
struct ropemap_positions {
    int64_t count;
    int32_t axes; /* 1 to ROPEMAP_MAX_AXES */
    char label[RM_LABEL_BYTES];
    int64_t least, greatest;
    int64_t *values; /* [axes, count], each in [0, 2^40) */
};

#endif
