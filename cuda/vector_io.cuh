/* vector_io.cuh - which elements of a row a thread holds, and how it loads, rotates and stores them */
/* SPDX-License-Identifier: MIT */
/*
 * A row is cut into chunks of N elements, one or two accesses of up to 16 bytes, and a thread holds two of
 * them, its group: first the groups of pairs that rotate together, then those that pass through. The two lie
 * half of the row apart, so that neighbouring threads access neighbouring chunks:
 *
 *     half          pairs (i, i + pairs)        |g0 g1 g2 g3 .. |g0 g1 g2 g3 .. |p0 p1 .. |p0 p1 ..|
 *     interleaved   pairs (2 i, 2 i + 1)        the same; both elements of a pair lie in one chunk
 *
 * Where N is 1 the two elements of an interleaved pair are neighbours.
 */
#ifndef ROPEMAP_CUDA_VECTOR_IO_CUH
#define ROPEMAP_CUDA_VECTOR_IO_CUH

#include "cuda/arith.h"
#include "cuda/kernels.h"

/* WORDS of 4 bytes in one access, whatever type they have: 1, 2 or 4. */
template <int WORDS> struct alignas(4 * WORDS) rm_words { uint32_t word[WORDS]; } __attribute__((may_alias));

template <ropemap_dtype T>
constexpr int RM_BYTES = T == ROPEMAP_DTYPE_BF16 || T == ROPEMAP_DTYPE_FP16 ? 2 : 4;

/* N neighbouring elements as they are stored. */
template <ropemap_dtype T, int N> struct rm_packed {
    static constexpr int WORDS = (N * RM_BYTES<T> + 3) / 4;
    static constexpr int ACCESS = WORDS < 4 ? WORDS : 4; /* words at once */
    uint32_t word[WORDS];
};

/* Elements at, ..., at + N - 1. Where N > 1 they start at a multiple of the bytes of an access. */
template <ropemap_dtype T, int N> RM_INLINE rm_packed<T, N> rm_load(const void *data, int64_t at) {
    rm_packed<T, N> packed;
    if constexpr (N > 1) {
        constexpr int ACCESS = rm_packed<T, N>::ACCESS;
        const auto *from = (const rm_words<ACCESS> *)((const char *)data + at * RM_BYTES<T>);
        for (int i = 0; i < packed.WORDS / ACCESS; i++) {
            const rm_words<ACCESS> words = from[i];
            for (int j = 0; j < ACCESS; j++) {
                packed.word[ACCESS * i + j] = words.word[j];
            }
        }
    } else if constexpr (RM_BYTES<T> == 4) {
        packed.word[0] = rm_bits_from_float(((const float *)data)[at]);
    } else {
        packed.word[0] = ((const uint16_t *)data)[at];
    }
    return packed;
}

template <ropemap_dtype T, int N> RM_INLINE void rm_store(void *data, int64_t at, rm_packed<T, N> packed) {
    if constexpr (N > 1) {
        constexpr int ACCESS = rm_packed<T, N>::ACCESS;
        auto *to = (rm_words<ACCESS> *)((char *)data + at * RM_BYTES<T>);
        for (int i = 0; i < packed.WORDS / ACCESS; i++) {
            rm_words<ACCESS> words;
            for (int j = 0; j < ACCESS; j++) {
                words.word[j] = packed.word[ACCESS * i + j];
            }
            to[i] = words;
        }
    } else if constexpr (RM_BYTES<T> == 4) {
        ((float *)data)[at] = rm_float_from_bits(packed.word[0]);
    } else {
        ((uint16_t *)data)[at] = (uint16_t)packed.word[0];
    }
}

/*
 * The GPU's own conversions, one instruction instead of ten or twenty, return what the functions in arith.h
 * return: a binary16 widened is exact, and .rn is to the nearest, ties to even, with subnormals. Only the
 * bits of a NaN differ.
 */
RM_INLINE float rm_widen_half(uint32_t half) {
#ifdef __CUDA_ARCH__
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"((uint16_t)half));
    return value;
#else
    return rm_float_from_half((uint16_t)half);
#endif
}

/* Two numbers in a word, the first in its lower half. */
template <ropemap_dtype T> RM_INLINE uint32_t rm_narrow(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    uint32_t word;
    if constexpr (T == ROPEMAP_DTYPE_FP16) {
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    } else {
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    }
    return word;
#else
    if constexpr (T == ROPEMAP_DTYPE_FP16) {
        return rm_half_from_float(low) | (uint32_t)rm_half_from_float(high) << 16;
    } else {
        return rm_bfloat_from_float(low) | (uint32_t)rm_bfloat_from_float(high) << 16;
    }
#endif
}

/* Element i as a float, exact. */
template <ropemap_dtype T, int N> RM_INLINE float rm_unpack(const rm_packed<T, N> &packed, int i) {
    if constexpr (RM_BYTES<T> == 4) {
        return rm_float_from_bits(packed.word[i]);
    } else {
        const uint32_t bits = i % 2 == 0 ? packed.word[i / 2] & 0xffffu : packed.word[i / 2] >> 16;
        return T == ROPEMAP_DTYPE_FP16 ? rm_widen_half(bits) : rm_float_from_bfloat((uint16_t)bits);
    }
}

/* Floats rounded to elements. */
template <ropemap_dtype T, int N> RM_INLINE rm_packed<T, N> rm_pack(const float (&x)[N]) {
    rm_packed<T, N> packed;
    for (int i = 0; i < packed.WORDS; i++) {
        if constexpr (T == ROPEMAP_DTYPE_FP32) {
            packed.word[i] = rm_bits_from_float(x[i]);
        } else if constexpr (T == ROPEMAP_DTYPE_TF32) {
            packed.word[i] = rm_bits_from_float(rm_tf32_from_float(x[i]));
        } else {
            packed.word[i] = rm_narrow<T>(x[2 * i % N], N > 1 ? x[(2 * i + 1) % N] : 0.0f);
        }
    }
    return packed;
}

/* The elements of a thread: N from `first` on and N from `second` on. */
struct rm_place {
    int32_t first, second; /* equal where the row ends after the first N */
    int32_t pair;          /* of the first element; -1: the elements pass through */
    int32_t second_pair;   /* of the thread's pair number N / 2, which follows on but in interleaved rows */
};

/* Groups of a row: the last one may hold one chunk only. */
template <int N> RM_INLINE int32_t rm_groups(int32_t pairs, int32_t head_dim) {
    return pairs / N + (head_dim - 2 * pairs + 2 * N - 1) / (2 * N);
}

template <int N>
RM_INLINE rm_place rm_place_of(int32_t group, int32_t pairs, int32_t head_dim, ropemap_layout layout) {
    const int32_t rotating = pairs / N;
    rm_place place;
    if (group >= rotating) { /* pairs % N = 0: the elements that pass through follow on */
        const int32_t chunks = (head_dim - 2 * pairs) / N, chunk = group - rotating;
        const int32_t second = chunk + (chunks + 1) / 2;
        place.first = 2 * pairs + chunk * N;
        place.second = second < chunks ? 2 * pairs + second * N : place.first;
        place.pair = place.second_pair = -1;
    } else if (layout == ROPEMAP_LAYOUT_HALF || N == 1) {
        place.pair = group * N;
        place.second_pair = place.pair + N / 2;
        place.first = layout == ROPEMAP_LAYOUT_HALF ? place.pair : 2 * place.pair;
        place.second = layout == ROPEMAP_LAYOUT_HALF ? place.pair + pairs : place.first + 1;
    } else {
        place.first = group * N;
        place.second = (group + rotating) * N;
        place.pair = place.first / 2;
        place.second_pair = place.second / 2;
    }
    return place;
}

/* The frequencies of a thread's pairs, and their cosines and sines at a position, attention factor included.
 */
template <int N> struct rm_pair_freqs {
    uint64_t step[N];
    uint32_t fine[N];
    rm_gain attention;
};

template <int N> struct rm_sines { float c[N], s[N]; };

template <int N> RM_INLINE rm_pair_freqs<N> rm_pair_freqs_load(const ropemap_freqs *freqs, rm_place place) {
    rm_pair_freqs<N> pairs = {};
    if (place.pair >= 0) {
        pairs.attention = rm_gain_of(freqs->attention_factor);
        for (int i = 0; i < N; i++) {
            const int32_t pair = i < N / 2 ? place.pair + i : place.second_pair + i - N / 2;
            pairs.step[i] = freqs->step[pair];
            pairs.fine[i] = freqs->fine[pair];
        }
    }
    return pairs;
}

template <int N> RM_INLINE rm_sines<N> rm_sines_at(const rm_pair_freqs<N> &freqs, int64_t position) {
    rm_sines<N> sines;
    for (int i = 0; i < N; i++) {
        const uint32_t phase = rm_phase32(rm_phase(freqs.step[i], freqs.fine[i], position));
        sines.c[i] = rm_gain_times(freqs.attention, rm_cos(phase));
        sines.s[i] = rm_gain_times(freqs.attention, rm_sin(phase));
    }
    return sines;
}

/* N pairs, rotated: pair i is element i of both chunks, or (interleaved) elements 2 i and 2 i + 1 of the two
 * in a row. */
template <int N, bool HALF>
RM_INLINE void rm_rotate_pairs(const rm_sines<N> &sines, const float (&x)[2][N], float (&y)[2][N]) {
    for (int i = 0; i < N; i++) {
        const int a = HALF ? i : 2 * i, b = HALF ? N + i : 2 * i + 1;
        const float x0 = x[a / N][a % N], x1 = x[b / N][b % N];
        y[a / N][a % N] = rm_rotate_first(x0, x1, sines.c[i], sines.s[i]);
        y[b / N][b % N] = rm_rotate_second(x0, x1, sines.c[i], sines.s[i]);
    }
}

#endif
