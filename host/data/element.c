/* element.c - the number formats of tensor files, and their conversion to float */
/* SPDX-License-Identifier: MIT */
#include "host/data/element.h"

#include "cuda/arith.h"

#include <string.h>

static inline bool host_is_big_endian(void) {
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 0;
}

static inline uint16_t swap16(uint16_t x) {
    return (uint16_t)(x >> 8 | x << 8);
}

static inline uint32_t swap32(uint32_t x) {
    return x >> 24 | (x >> 8 & 0xff00u) | (x << 8 & 0xff0000u) | x << 24;
}

static inline uint64_t swap64(uint64_t x) {
    return (uint64_t)swap32((uint32_t)x) << 32 | swap32((uint32_t)(x >> 32));
}

static inline void convert_half(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint16_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        floats[i * float_stride] = rm_float_from_half(swap ? swap16(x) : x);
    }
}

static inline void convert_bfloat(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                  int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint16_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        floats[i * float_stride] = rm_float_from_bfloat(swap ? swap16(x) : x);
    }
}

static inline void convert_single(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                  int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        floats[i * float_stride] = rm_float_from_bits(swap ? swap32(x) : x);
    }
}

static inline void convert_double(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                  int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint64_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        x = swap ? swap64(x) : x;
        double value;
        memcpy(&value, &x, sizeof value);
        floats[i * float_stride] = (float)value;
    }
}

uint32_t rm_element_bytes(rm_element element) {
    switch (element.kind) {
    case RM_ELEMENT_I8:
    case RM_ELEMENT_U8:
        return 1;
    case RM_ELEMENT_F16:
    case RM_ELEMENT_BF16:
    case RM_ELEMENT_I16:
    case RM_ELEMENT_U16:
        return 2;
    case RM_ELEMENT_F32:
    case RM_ELEMENT_I32:
    case RM_ELEMENT_U32:
        return 4;
    case RM_ELEMENT_F64:
    case RM_ELEMENT_I64:
    case RM_ELEMENT_U64:
        break;
    }
    return 8;
}

bool rm_element_is_float(rm_element element) {
    return element.kind == RM_ELEMENT_F32 && element.big_endian == host_is_big_endian();
}

void rm_element_convert(rm_element element, const uint8_t *bytes, uint64_t byte_stride, float *floats,
                        int64_t float_stride, int64_t count) {
    const bool swap = element.big_endian != host_is_big_endian();
    const bool dense = byte_stride == rm_element_bytes(element) && float_stride == 1 && !swap;
    switch (element.kind) { /* the dense calls say so in constants: the compiler makes vector loops of them */
    case RM_ELEMENT_F16:
        dense ? convert_half(bytes, 2, floats, 1, count, false)
              : convert_half(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_BF16:
        dense ? convert_bfloat(bytes, 2, floats, 1, count, false)
              : convert_bfloat(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_F32:
        convert_single(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_F64:
        dense ? convert_double(bytes, 8, floats, 1, count, false)
              : convert_double(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_I8:
    case RM_ELEMENT_I16:
    case RM_ELEMENT_I32:
    case RM_ELEMENT_I64:
    case RM_ELEMENT_U8:
    case RM_ELEMENT_U16:
    case RM_ELEMENT_U32:
    case RM_ELEMENT_U64:
        break;
    }
}

double rm_element_double(rm_element element, const uint8_t *bytes) {
    if (element.kind != RM_ELEMENT_F64) {
        float value = 0.0f;
        rm_element_convert(element, bytes, rm_element_bytes(element), &value, 1, 1);
        return (double)value;
    }
    uint64_t x;
    memcpy(&x, bytes, sizeof x);
    x = element.big_endian != host_is_big_endian() ? swap64(x) : x;
    double value;
    memcpy(&value, &x, sizeof value);
    return value;
}

rm_whole rm_element_whole(rm_element element, const uint8_t *bytes) {
    const uint32_t size = rm_element_bytes(element);
    const bool is_signed = element.kind >= RM_ELEMENT_I8 && element.kind <= RM_ELEMENT_I64;
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value = value << 8 | bytes[element.big_endian ? i : size - 1 - i];
    }
    const bool negative = is_signed && (value >> (8 * size - 1)) != 0;
    return (rm_whole){.negative = negative,
                      .magnitude = negative ? (~value + 1) & (UINT64_MAX >> (64 - 8 * size)) : value};
}
