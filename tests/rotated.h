/* rotated.h - rows in memory, rotated while they are read */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_ROTATED_H
#define ROPEMAP_TESTS_ROTATED_H

#include "host/data/vectors.h"
#include "tests/divisors.h"
#include "tests/unit.h"

/* `rows` and the requested part of them; the caller frees both. */
typedef struct rotated {
    ropemap_vectors *inner, *rows;
} rotated;

static inline rotated rotate(const float *rows, int64_t count, int64_t first,
                             const ropemap_prerotation *rotation) {
    rotated made = {0};
    ropemap_error error = {0};
    const int32_t dim = rotation->spec.head_dim;
    assert_int_equal(ropemap_vectors_memory(rows, count, dim, &made.inner, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_place(made.inner, first, 1, &error), ROPEMAP_OK);
    if (ropemap_vectors_rotated(made.inner, rotation, &made.rows, &error) != ROPEMAP_OK) {
        fail_msg("refused: %s", error.text);
    }
    return made;
}

static inline void drop(rotated *made) {
    ropemap_vectors_free(made->rows);
    ropemap_vectors_free(made->inner);
}

static inline void read_all(const ropemap_vectors *rows, float *to) {
    assert_int_equal(rows->read(rows, 0, rows->count, 1, to, NULL), ROPEMAP_OK);
}

/* Positions that live as long as the test runs. */
static inline ropemap_positions positions_of(int32_t axes, int64_t count, int64_t *values) {
    ropemap_positions positions = {
        .count = count, .axes = axes, .label = "p.npy", .least = values[0], .greatest = values[0]};
    for (int64_t i = 0; i < axes * count; i++) {
        positions.least = values[i] < positions.least ? values[i] : positions.least;
        positions.greatest = values[i] > positions.greatest ? values[i] : positions.greatest;
    }
    positions.values = values;
    return positions;
}

#endif
