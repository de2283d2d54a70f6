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
    RM_ELEMENT_F64   /* IEEE binary64 */
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
 * stays NaN.
 */
void rm_element_convert(rm_element element, const uint8_t *bytes, uint64_t byte_stride, float *floats,
                        int64_t float_stride, int64_t count);

#endif
