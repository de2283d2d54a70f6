/* padded.h - views inside guarded memory, and contexts of the CPU backend to work on them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_PADDED_H
#define ROPEMAP_TESTS_PADDED_H

#include "host/device/backend.h"

/* A view inside guarded memory: its first float is not aligned, its rows are 5 floats further apart than
 * cols. */
struct padded {
    float *memory; /* free() it */
    int64_t floats;
    rm_view view;
};

struct padded padded_new(int64_t rows, int64_t cols);

float *element(rm_view view, int64_t row, int64_t col);

/* Fails where a float outside the view has changed. */
void check_guards(const struct padded *padded);

/* Fails where two views of one size differ in a bit; `name` goes into the message. */
void check_same_bits(const char *name, rm_view wanted, rm_view got);

/* Uniform in [-1, 1). */
void fill_random(rm_view view, uint32_t seed);

/* Whole numbers from -7 to 7; column 0 is 4097, which needs 13 bits, where `wide` is true. */
void fill_whole(rm_view view, uint32_t seed, bool wide);

/* A context of the CPU backend; the test fails where there is none. */
rm_context *open_context(void);

#endif
