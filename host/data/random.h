/* random.h - random words that depend on nothing but a key and a counter */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_RANDOM_H
#define ROPEMAP_HOST_DATA_RANDOM_H

#include <stdint.h>

enum { RM_PHILOX_WORDS = 4, RM_PHILOX_LANES = 8 };

/* One word of several counters side by side, so that the compiler can use vector instructions. */
typedef struct rm_philox_state {
    uint32_t word[RM_PHILOX_WORDS][RM_PHILOX_LANES];
} rm_philox_state;

/*
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): turns
 * the counter of each lane into four words that pass for random.
 */
void rm_philox(const uint32_t key[2], rm_philox_state *state);

#endif
