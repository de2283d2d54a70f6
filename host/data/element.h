/* element.h - the number formats of tensor files, and their conversion to float */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_ELEMENT_H
#define ROPEMAP_HOST_DATA_ELEMENT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum rm_element_kind {
    RM_ELEMENT_F16,  /* IEEE binary16 */
    RM_ELEMENT_BF16, /* the upper half of a binary32 */
    RM_ELEMENT_F32,  /* IEEE binary32 */
    RM_ELEMENT_F64,  /* IEEE binary64 */
    RM_ELEMENT_I8,   /* whole numbers, two's complement */
    RM_ELEMENT_I16,
    RM_ELEMENT_I32,
    RM_ELEMENT_I64,
    RM_ELEMENT_U8,
    RM_ELEMENT_U16,
    RM_ELEMENT_U32,
    RM_ELEMENT_U64
} rm_element_kind;

/* How one number lies in a file. */
typedef struct rm_element {
    rm_element_kind kind;
    bool big_endian;
} rm_element;

uint32_t rm_element_bytes(rm_element element);

/* Whether the bytes of a file are floats of this machine as they are. */
bool rm_element_is_float(rm_element element);

/*
 * floats[i * float_stride] = the number at bytes + i * byte_stride, for i < count; `bytes` need not be
 * aligned. Exact but for F64, which is rounded to the nearest float: beyond 3.4e38 that is infinity. NaN
 * stays NaN. Not for whole numbers.
 */
void rm_element_convert(rm_element element, const uint8_t *bytes, uint64_t byte_stride, float *floats,
                        int64_t float_stride, int64_t count);

/* The number at `bytes`, which need not be aligned, exactly. Not for whole numbers. */
double rm_element_double(rm_element element, const uint8_t *bytes);

/* A whole number of up to 64 bits, with or without a sign. */
typedef struct rm_whole {
    bool negative;
    uint64_t magnitude;
} rm_whole;

/* The whole number at `bytes`, which need not be aligned; `element` is one of I8 to U64. */
rm_whole rm_element_whole(rm_element element, const uint8_t *bytes);

#endif
