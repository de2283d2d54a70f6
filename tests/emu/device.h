/* device.h - vector types, atomics and small functions of CUDA C++; a part of emu.h */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_DEVICE_H
#define ROPEMAP_EMU_DEVICE_H

/* Aligned to their size as in CUDA, so that UBSan reports a vector access at an odd address. */
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) double2 {
    double x, y;
};

inline float2 make_float2(float x, float y) {
    return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}
inline int2 make_int2(int x, int y) {
    return {x, y};
}
inline int4 make_int4(int x, int y, int z, int w) {
    return {x, y, z, w};
}
inline uint2 make_uint2(unsigned x, unsigned y) {
    return {x, y};
}
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
    return {x, y, z, w};
}
inline double2 make_double2(double x, double y) {
    return {x, y};
}

/*
 * Atomics are relaxed, as on a GPU: they order nothing else, and ThreadSanitizer must see that. All return
 * the old value.
 */
inline int atomicAdd(int *cell, int value) {
    return __atomic_fetch_add(cell, value, __ATOMIC_RELAXED);
}
inline unsigned atomicAdd(unsigned *cell, unsigned value) {
    return __atomic_fetch_add(cell, value, __ATOMIC_RELAXED);
}
inline unsigned long long atomicAdd(unsigned long long *cell, unsigned long long value) {
    return __atomic_fetch_add(cell, value, __ATOMIC_RELAXED);
}

/* Puts change(old) into the cell. */
template <class T, class Change> T emu_atomic_change(T *cell, Change change) {
    T old, wanted;
    __atomic_load(cell, &old, __ATOMIC_RELAXED);
    do {
        wanted = change(old);
    } while (!__atomic_compare_exchange(cell, &old, &wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}

inline float atomicAdd(float *cell, float value) {
    return emu_atomic_change(cell, [value](float old) { return old + value; });
}
inline double atomicAdd(double *cell, double value) {
    return emu_atomic_change(cell, [value](double old) { return old + value; });
}
inline int atomicMax(int *cell, int value) {
    return emu_atomic_change(cell, [value](int old) { return old > value ? old : value; });
}
inline unsigned atomicMax(unsigned *cell, unsigned value) {
    return emu_atomic_change(cell, [value](unsigned old) { return old > value ? old : value; });
}
inline int atomicMin(int *cell, int value) {
    return emu_atomic_change(cell, [value](int old) { return old < value ? old : value; });
}
inline unsigned atomicMin(unsigned *cell, unsigned value) {
    return emu_atomic_change(cell, [value](unsigned old) { return old < value ? old : value; });
}

/* CUDA's global min and max: integers of one type, and of floats the one that is a number. */
template <class T> std::enable_if_t<std::is_integral<T>::value, T> min(T a, T b) {
    return b < a ? b : a;
}
template <class T> std::enable_if_t<std::is_integral<T>::value, T> max(T a, T b) {
    return a < b ? b : a;
}
inline float min(float a, float b) {
    return fminf(a, b);
}
inline float max(float a, float b) {
    return fmaxf(a, b);
}
inline double min(double a, double b) {
    return fmin(a, b);
}
inline double max(double a, double b) {
    return fmax(a, b);
}

inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
inline int __float_as_int(float value) {
    return (int)__float_as_uint(value);
}
inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline float __int_as_float(int bits) {
    return __uint_as_float((unsigned)bits);
}

inline int __popc(unsigned bits) {
    return __builtin_popcount(bits);
}
inline int __clz(int value) {
    return value == 0 ? 32 : __builtin_clz((unsigned)value);
}
inline int __ffs(int value) {
    return __builtin_ffs(value);
}

/* Loads and stores that only hint at a cache. */
template <class T> T __ldg(const T *from) {
    return *from;
}
template <class T> T __ldcs(const T *from) {
    return *from;
}
template <class T> T __ldcg(const T *from) {
    return *from;
}
template <class T> void __stcs(T *to, T value) {
    *to = value;
}
template <class T> void __stcg(T *to, T value) {
    *to = value;
}
template <class T> void __stwt(T *to, T value) {
    *to = value;
}

#endif
