/* stored.h - elements of any type inside guarded memory, for tests of kernels */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_STORED_H
#define ROPEMAP_EMU_STORED_H

#include "cuda/arith.h"
#include "host/ropemap.h"

#include <math.h>
#include <string.h>

#include <vector>

inline int bytes_of(ropemap_dtype type) {
    return type == ROPEMAP_DTYPE_BF16 || type == ROPEMAP_DTYPE_FP16 ? 2 : 4;
}

/* Elements with a guard on either side, `shift` elements beyond a multiple of 16 bytes. */
class stored {
  public:
    stored() = default;
    stored(ropemap_dtype of, int64_t count, int shift) : type(of), first(GUARD * 16 / bytes_of(of) + shift) {
        const size_t bytes = (size_t)(first + count) * (size_t)bytes_of(type);
        memory.resize(bytes / 16 + GUARD);
        memset(memory.data(), 0xa5, memory.size() * 16);
    }

    void *data() {
        return (unsigned char *)memory.data() + first * bytes_of(type);
    }

    const void *data() const {
        return (const unsigned char *)memory.data() + first * bytes_of(type);
    }

    float get(int64_t at) const {
        if (bytes_of(type) == 4) {
            return ((const float *)data())[at];
        }
        const uint16_t bits = ((const uint16_t *)data())[at];
        return type == ROPEMAP_DTYPE_FP16 ? rm_float_from_half(bits) : rm_float_from_bfloat(bits);
    }

    void set(int64_t at, float value) {
        if (bytes_of(type) == 4) {
            ((float *)data())[at] = type == ROPEMAP_DTYPE_TF32 ? rm_tf32_from_float(value) : value;
        } else {
            ((uint16_t *)data())[at] =
                type == ROPEMAP_DTYPE_FP16 ? rm_half_from_float(value) : rm_bfloat_from_float(value);
        }
    }

    /* From now on elements of another type of the same size. */
    void retype(ropemap_dtype to) {
        type = to;
    }

    void copy(int64_t at, const stored &other) {
        memcpy((unsigned char *)data() + at * bytes_of(type),
               (const unsigned char *)other.data() + at * bytes_of(type), (size_t)bytes_of(type));
    }

    /* Guards too. */
    bool same_bits(const stored &other) const {
        return memory.size() == other.memory.size() &&
               memcmp(memory.data(), other.memory.data(), memory.size() * 16) == 0;
    }

  private:
    struct alignas(16) words {
        unsigned char byte[16];
    };
    enum { GUARD = 4 }; /* words */
    ropemap_dtype type = ROPEMAP_DTYPE_FP32;
    int64_t first = 0;
    std::vector<words> memory;
};

inline uint64_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed ^ *seed >> 31;
}

/* Either sign, from 2^-30 to below 2^top: fp16 has subnormals and zeros of them, and infinities from 2^16. */
inline float random_wide(uint64_t *seed, int top) {
    const uint64_t bits = next_random(seed);
    const float fraction = 1.0f + (float)(bits >> 32 & 0x7fffff) * 0x1p-23f;
    return ldexpf(bits >> 62 & 1 ? fraction : -fraction, (int)(bits >> 8 & 0xff) % (30 + top) - 30);
}

/* In [-1, 1). */
inline float random_float(uint64_t *seed) {
    return (float)(next_random(seed) >> 40) * 0x1p-23f - 1.0f;
}

/* Any step and fine part: kernels take the phase of every pair as it comes. */
inline ropemap_freqs random_freqs(int32_t pairs, double attention, uint64_t seed) {
    ropemap_freqs freqs = {};
    freqs.pairs = pairs;
    freqs.attention_factor = attention;
    for (int32_t i = 0; i < pairs; i++) {
        freqs.step[i] = next_random(&seed) ^ next_random(&seed) << 32;
        freqs.fine[i] = (uint32_t)(next_random(&seed) >> 16);
    }
    return freqs;
}

#endif
