/* fake_product.c - products of the stand-in for cuBLAS, as column-major loops on host memory */
/* SPDX-License-Identifier: MIT */
/*
 * c = alpha op(a) op(b) + beta c, [m, n] of [m, k] and [k, n], columns `ld` elements apart. The k products of
 * an element are added one after another, rounded each time: in float for GemmEx, in double for Dgemm.
 */
#include "tests/emu/fake_product.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_half(uint16_t half) {
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    const float magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                            : exponent == 0 ? ldexpf((float)fraction, -24)
                                            : ldexpf((float)(fraction + 1024), exponent - 25);
    return half >> 15 != 0 ? -magnitude : magnitude;
}

/* Tensor cores take the upper 19 bits of a float. */
static float from_tf32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return from_bits(bits & 0xffffe000u);
}

static float element_at(const struct matrix *matrix, size_t at) {
    switch (matrix->element) {
    case FLOAT:
        return ((const float *)matrix->data)[at];
    case TF32:
        return from_tf32(((const float *)matrix->data)[at]);
    case HALF:
        return from_half(((const uint16_t *)matrix->data)[at]);
    case BFLOAT:
        return from_bits((uint32_t)((const uint16_t *)matrix->data)[at] << 16);
    case DOUBLE:
        break;
    }
    return NAN;
}

size_t fake_element_bytes(enum element element) {
    return element == DOUBLE ? 8 : element == HALF || element == BFLOAT ? 2 : 4;
}

/* ---- products ---- */

static size_t place(const struct matrix *matrix, int row, int col) {
    return matrix->transposed ? (size_t)row * (size_t)matrix->ld + (size_t)col
                              : (size_t)col * (size_t)matrix->ld + (size_t)row;
}

/* op(a) as [k][m], op(b) as [n][k]: each product then runs along rows of a. */
static void *make_room(size_t bytes) {
    void *made = malloc(bytes > 0 ? bytes : 1);
    if (made == NULL) {
        abort();
    }
    return made;
}

static float *unpack(const struct matrix *matrix, int outer, int inner, bool outer_is_row) {
    float *made = make_room((size_t)outer * (size_t)inner * sizeof *made);
    for (int i = 0; i < outer; i++) {
        for (int j = 0; j < inner; j++) {
            const size_t at = outer_is_row ? place(matrix, i, j) : place(matrix, j, i);
            made[(size_t)i * (size_t)inner + (size_t)j] = element_at(matrix, at);
        }
    }
    return made;
}

/* Most of the time of an emulated map; what it touches was made here, so that no sanitizer need look. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void
add_multiple(float *restrict to, const float *restrict from, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i] * factor;
    }
}

static void multiply_one(const struct product *work) {
    const size_t m = (size_t)work->m, n = (size_t)work->n, k = (size_t)work->k;
    float *a = unpack(&work->a, work->k, work->m, false), *b = unpack(&work->b, work->n, work->k, false);
    float *column = make_room(m * sizeof *column), *c = work->c;
    const float alpha = (float)work->alpha, beta = (float)work->beta;
    for (size_t j = 0; j < n; j++) {
        memset(column, 0, m * sizeof *column);
        for (size_t l = 0; l < k; l++) {
            add_multiple(column, a + l * m, b[j * k + l], m);
        }
        for (size_t i = 0; i < m; i++) { /* beta = 0: what was there is not read */
            float *cell = &c[j * (size_t)work->ldc + i];
            *cell = beta == 0.0f ? alpha * column[i] : alpha * column[i] + beta * *cell;
        }
    }
    free(a);
    free(b);
    free(column);
}

static const void *beyond(const struct matrix *matrix, long long elements) {
    return (const char *)matrix->data + elements * (long long)fake_element_bytes(matrix->element);
}

cudaError_t fake_multiply_floats(const void *arguments) {
    const struct product *work = arguments;
    for (int i = 0; i < work->count; i++) {
        struct product one = *work;
        one.a.data = beyond(&work->a, i * work->a_apart);
        one.b.data = beyond(&work->b, i * work->b_apart);
        one.c = (float *)work->c + i * work->c_apart;
        multiply_one(&one);
    }
    return cudaSuccess;
}

cudaError_t fake_multiply_doubles(const void *arguments) {
    const struct product *work = arguments;
    const double *a = work->a.data, *b = work->b.data;
    double *c = work->c;
    for (int j = 0; j < work->n; j++) {
        for (int i = 0; i < work->m; i++) {
            double sum = 0.0;
            for (int l = 0; l < work->k; l++) {
                sum += a[place(&work->a, i, l)] * b[place(&work->b, l, j)];
            }
            double *cell = &c[(size_t)j * (size_t)work->ldc + (size_t)i];
            *cell = work->beta == 0.0 ? work->alpha * sum : work->alpha * sum + work->beta * *cell;
        }
    }
    return cudaSuccess;
}
