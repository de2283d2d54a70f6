/* fake_product.h - what the stand-in for cuBLAS multiplies */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_FAKE_PRODUCT_H
#define ROPEMAP_EMU_FAKE_PRODUCT_H

#include "tests/emu/fake.h"

/* What a matrix is read as. */
enum element { FLOAT, TF32, HALF, BFLOAT, DOUBLE };

struct matrix {
    const void *data;
    enum element element;
    bool transposed;
    int ld;
};

/* `count` products of one shape, whose matrices begin so many elements apart. */
struct product {
    struct matrix a, b;
    void *c;
    int m, n, k, ldc;
    double alpha, beta;
    int count;
    long long a_apart, b_apart, c_apart;
};

size_t fake_element_bytes(enum element element);

/* Work for a stream: of floats and shorter types, and of doubles. */
cudaError_t fake_multiply_floats(const void *arguments);
cudaError_t fake_multiply_doubles(const void *arguments);

#endif
