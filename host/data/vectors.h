/* vectors.h - what every source of rows implements */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_VECTORS_H
#define ROPEMAP_HOST_DATA_VECTORS_H

#include "host/base/status.h"

/*
 * A source of rows. Row r belongs to position first_position + r; who asks has checked the range. Sources are
 * read by several threads at once and are not changed by it.
 */
struct ropemap_vectors {
    int64_t count;    /* rows; ROPEMAP_POSITION_END where there is no end */
    int32_t head_dim; /* floats a row */
    int64_t heads;    /* of the tensor that the rows were taken from, 1 otherwise */
    bool constant; /* every row is the unit vector with equal entries: the diagonal method counts on that */
    bool assumed_bfloat; /* elements of two bytes without a meaning were taken for bfloat16 */
    char label[200];     /* for messages and titles: "ones", "gauss seed 1", "q.npy", "kv.safetensors:k" */

    /* Fills `rows` [count, head_dim] with rows first, first + step, ... */
    ropemap_status (*read)(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                           float *rows, ropemap_error *error);

    /* Optional (NULL): rows first, first + 1, ... as they lie in memory, without a copy. */
    const float *(*borrow)(const ropemap_vectors *vectors, int64_t first);

    /* Releases what the source holds and the source itself. */
    void (*destroy)(ropemap_vectors *vectors);
};

#endif
