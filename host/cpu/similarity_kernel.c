/* similarity_kernel.c - dot products of queries with packed keys: a few rows by a few vectors in registers */
/* SPDX-License-Identifier: MIT */
/*
 * Compiled once for each level of x86-64 (kernels.h), and with -ffp-contract=fast: sum += query * key is one
 * fused operation where the hardware has it, from v3 up and on aarch64. There a score is one chain of them
 * over d, in order, from 0: its bits depend neither on the level nor on how rows, keys and d are cut into
 * blocks. The baseline of x86-64 has no fused multiply-add, and fmaf() in software is a hundred times slower:
 * it rounds products too, in the same order, so that its last bits differ.
 *
 * Keys are packed so that lanes are keys, in panels of COLS keys, each [depth, COLS]. A panel stays in the
 * first-level cache while all queries pass by.
 */
#include "host/cpu/kernels.h"

#include <string.h>

#if defined(__AVX512F__)
enum { LANES = 16, VECTORS = 2, ROWS = 12 }; /* 24 sums, 2 vectors of keys and a query in 32 registers */
#elif defined(__AVX__)
enum { LANES = 8, VECTORS = 2, ROWS = 6 }; /* 12, 2 and 1 in 16 */
#elif defined(__aarch64__)
enum { LANES = 4, VECTORS = 4, ROWS = 6 }; /* 24, 4 and 1 in 32 */
#else
enum { LANES = 4, VECTORS = 2, ROWS = 6 }; /* 12, 2, 1 and a product in 16 */
#endif
enum { COLS = LANES * VECTORS, QUAD = 4 };

_Static_assert((int)ROWS <= (int)RM_PACKED_TAIL && (int)RM_PACKED_KEYS % (int)COLS == 0,
               "packed memory has room for whole panels and for the last queries");

/* At any address of a float. */
typedef float vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float quad __attribute__((vector_size(4 * QUAD), aligned(4), may_alias));

/* ---- packing */

/* to[d] = elements d of QUAD keys, for d < QUAD. */
static inline void transpose_quad(const float *from, int64_t stride, float *to) {
#if defined(__clang__) || __GNUC__ >= 12 /* where there is __builtin_shufflevector */
    const quad a = *(const quad *)from, b = *(const quad *)(from + stride);
    const quad c = *(const quad *)(from + 2 * stride), d = *(const quad *)(from + 3 * stride);
    const quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(quad *)(to + COLS) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(quad *)(to + 2 * COLS) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(quad *)(to + 3 * COLS) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
#else
    for (int d = 0; d < QUAD; d++) {
        for (int key = 0; key < QUAD; key++) {
            to[d * COLS + key] = from[key * stride + d];
        }
    }
#endif
}

/* Up to QUAD keys as columns of a panel. */
static void pack_quad(rm_view keys, float *to) {
    int64_t d = 0;
    for (; keys.rows == QUAD && d + QUAD <= keys.cols; d += QUAD) {
        transpose_quad(keys.data + d, keys.stride, to + d * COLS);
    }
    for (; d < keys.cols; d++) {
        for (int64_t key = 0; key < QUAD; key++) {
            to[d * COLS + key] = key < keys.rows ? keys.data[key * keys.stride + d] : 0.0f;
        }
    }
}

void RM_VARIANT_NAME(rm_pack_keys)(rm_view keys, rm_packed *packed) {
    packed->keys = keys.rows;
    packed->depth = keys.cols;
    const int64_t padded = (keys.rows + COLS - 1) / COLS * COLS;
    for (int64_t first = 0; first < padded; first += QUAD) {
        const int64_t left = keys.rows - first, count = left < 0 ? 0 : left < QUAD ? left : QUAD;
        float *panel = packed->panels + first / COLS * COLS * keys.cols;
        pack_quad(rm_view_rows(keys, count == 0 ? 0 : first, count), panel + first % COLS);
    }
}

/* ---- products */

/* The sums of ROWS queries with a panel, over what `to` holds where `add`, else over 0. The loops over rows
 * are unrolled so that all sums stay in registers. */
static inline void multiply(const float *restrict queries, int64_t stride, const float *restrict panel,
                            int64_t depth, bool add, float *restrict to, int64_t to_stride) {
    vector sums[ROWS][VECTORS];
#pragma GCC unroll ROWS
    for (int r = 0; r < ROWS; r++) {
        for (int v = 0; v < VECTORS; v++) {
            sums[r][v] = add ? *(const vector *)(to + r * to_stride + v * LANES) : (vector){0};
        }
    }
    for (int64_t d = 0; d < depth; d++) {
        vector keys[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            keys[v] = *(const vector *)(panel + d * COLS + v * LANES);
        }
#pragma GCC unroll ROWS
        for (int r = 0; r < ROWS; r++) {
            for (int v = 0; v < VECTORS; v++) {
                sums[r][v] += queries[r * stride + d] * keys[v];
            }
        }
    }
#pragma GCC unroll ROWS
    for (int r = 0; r < ROWS; r++) {
        for (int v = 0; v < VECTORS; v++) {
            *(vector *)(to + r * to_stride + v * LANES) = sums[r][v];
        }
    }
}

static void copy_rows(rm_view from, rm_view to) {
    for (int64_t i = 0; i < to.rows; i++) {
        memcpy(to.data + i * to.stride, from.data + i * from.stride, (size_t)to.cols * sizeof *to.data);
    }
}

/* At the lower and right edge of a tile: by way of a patch of whole size. */
static void multiply_edge(const float *queries, int64_t stride, const float *panel, int64_t depth, bool add,
                          rm_view to) {
    float patch[ROWS * COLS] = {0};
    const rm_view part = {.data = patch, .rows = to.rows, .cols = to.cols, .stride = COLS};
    if (add) {
        copy_rows(to, part);
    }
    multiply(queries, stride, panel, depth, add, patch, COLS);
    copy_rows(part, to);
}

/* The last queries, with zeros up to ROWS of them. */
static void fill_tail(rm_view queries, float *tail) {
    memset(tail, 0, (size_t)(ROWS * queries.cols) * sizeof *tail);
    copy_rows(queries, rm_view_dense(tail, queries.rows, queries.cols));
}

void RM_VARIANT_NAME(rm_multiply_packed)(rm_view queries, const rm_packed *packed, bool add, rm_view tile) {
    const int64_t whole = queries.rows / ROWS * ROWS, depth = packed->depth;
    if (whole < queries.rows) {
        fill_tail(rm_view_rows(queries, whole, queries.rows - whole), packed->tail);
    }
    for (int64_t col = 0; col < packed->keys; col += COLS) {
        const float *panel = packed->panels + col * depth;
        const int64_t left = packed->keys - col;
        const rm_view strip = rm_view_cols(tile, col, left < COLS ? left : COLS);
        for (int64_t row = 0; row < whole; row += ROWS) {
            const float *rows = queries.data + row * queries.stride;
            if (strip.cols == COLS) {
                multiply(rows, queries.stride, panel, depth, add, strip.data + row * strip.stride,
                         strip.stride);
            } else {
                multiply_edge(rows, queries.stride, panel, depth, add, rm_view_rows(strip, row, ROWS));
            }
        }
        if (whole < queries.rows) {
            multiply_edge(packed->tail, depth, panel, depth, add,
                          rm_view_rows(strip, whole, queries.rows - whole));
        }
    }
}

/* ---- the ceiling of products */

int64_t RM_VARIANT_NAME(rm_multiply_adds)(int64_t rounds, float *sum) {
    enum { SUMS = ROWS * VECTORS };
    vector sums[SUMS], factor = *sum + (vector){0}, term = factor;
#pragma GCC unroll SUMS
    for (int i = 0; i < SUMS; i++) {
        sums[i] = term * (float)i;
    }
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll SUMS
        for (int i = 0; i < SUMS; i++) {
            sums[i] = term + factor * sums[i];
        }
    }
    for (int i = 0; i < SUMS; i++) {
        for (int lane = 0; lane < LANES; lane++) {
            *sum += sums[i][lane];
        }
    }
    return 2 * rounds * SUMS * LANES;
}
