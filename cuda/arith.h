/* arith.h - the arithmetic that every backend shares: phase, cosine, rotation, exponentials, 16-bit floats */
/* SPDX-License-Identifier: MIT */
/*
 * It lives in cuda/ because nvcc is the strictest of its compilers; host/ and its CPU backend include it as
 * well. Common subset of C17 and C++17, so that the CPU backend, the CUDA kernels and their emulation compile
 * the same text and give the same bits. The only library calls are fmaf, and ceilf, fabsf and copysignf,
 * which are exact. Build with -ffp-contract=off (nvcc: -fmad=false): a contraction chosen by the compiler
 * would change bits between backends.
 */
#ifndef ROPEMAP_CUDA_ARITH_H
#define ROPEMAP_CUDA_ARITH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define RM_INLINE static __host__ __device__ __forceinline__
#else
#define RM_INLINE static inline
#endif

/*
 * Phase. A pair advances by `step` turns of 2^-64 a token, refined by `fine` in units of 2^-96 turns; the
 * phase of a position is their multiple, and unsigned overflow drops whole turns exactly. `fine`
 * enters only through whole spans of 2^RM_SPAN_BITS tokens: inside a span consecutive positions differ by
 * exactly `step`. Error for 0 <= position < 2^40: below 2^20 * 2^-65 + 2^40 * 2^-97 < 2^-44 turns (4e-13
 * rad), so that what remains is the rounding of sine and cosine. A u64 step alone would be off by 1.9e-7 rad
 * at 2^40.
 */
enum { RM_SPAN_BITS = 20 };

/* 32 by 32 bits. nvcc would widen both factors first and multiply 64 by 64, three instructions for one. */
RM_INLINE uint64_t rm_wide_product(uint32_t a, uint32_t b) {
#ifdef __CUDA_ARCH__
    uint64_t product;
    asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(a), "r"(b));
    return product;
#else
    return (uint64_t)a * b;
#endif
}

/* The share of the phase that is constant over the span of 2^20 tokens that holds `position`, in 2^-64 turns.
 */
RM_INLINE uint64_t rm_span_phase(uint32_t fine, int64_t position) {
    return rm_wide_product((uint32_t)(position >> RM_SPAN_BITS), fine) >> (32 - RM_SPAN_BITS);
}

/* The phase of `position` (0 <= position < 2^40), in 2^-64 turns. */
RM_INLINE uint64_t rm_phase(uint64_t step, uint32_t fine, int64_t position) {
    return (uint64_t)position * step + rm_span_phase(fine, position);
}

/* The upper 32 bits of a phase, rounded to nearest: what rm_sincos takes. Error 2^-33 turns (7.3e-10 rad). */
RM_INLINE uint32_t rm_phase32(uint64_t phase) {
    return (uint32_t)((phase + 0x80000000u) >> 32);
}

RM_INLINE float rm_float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

RM_INLINE uint32_t rm_bits_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/*
 * Sine and cosine of a quarter turn's fraction y in [-1/2, 1/2] quarter turns, t = y * y: minimax polynomials
 * (Remez exchange in 40 digits; truncation errors 1.5e-9 and 6e-11), rounding to float adds at most 9e-8.
 */
RM_INLINE float rm_quarter_sin(float y, float t) {
    float s = fmaf(t, -0.0045949729846925203f, 0.079677182276977667f);
    s = fmaf(t, s, -0.64596312139010523f);
    s = fmaf(t, s, 1.5707963124723047f);
    return y * s;
}

RM_INLINE float rm_quarter_cos(float t) {
    float c = fmaf(t, 0.00090421617010257576f, -0.020860388116212056f);
    c = fmaf(t, c, 0.25366925988124021f);
    c = fmaf(t, c, -1.2337005441121228f);
    return fmaf(t, c, 1.0f);
}

/* The signed rest of a phase after its nearest quarter turn, in quarter turns: [-1/2, 1/2]. */
RM_INLINE float rm_quarter_rest(uint32_t phase32) {
    const uint32_t quarter = (phase32 + 0x20000000u) & 0xc0000000u;
    return (float)(int32_t)(phase32 - quarter) * 9.31322574615478515625e-10f; /* 2^-30 */
}

/* A phase moved on by an eighth of a turn: its two upper bits number the nearest quarter turn. */
RM_INLINE uint32_t rm_eighth_on(uint32_t phase32) {
    return phase32 + 0x20000000u;
}

/*
 * `yes` where the nearest quarter turn is an odd one, else `no`: without a branch, so that every compiler
 * makes vectors of the loops around it, and with the difference of the two, which sine and cosine share.
 */
RM_INLINE uint32_t rm_select_odd(uint32_t eighth_on, float yes, float no) {
    const uint32_t mask = 0u - ((eighth_on >> 30) & 1u);
    return rm_bits_from_float(no) ^ ((rm_bits_from_float(yes) ^ rm_bits_from_float(no)) & mask);
}

/* cos of `phase32` 2^-32 turns. Error <= 1.2e-7, bound tested over all positions below 2^40. */
RM_INLINE float rm_cos(uint32_t phase32) {
    const uint32_t eighth_on = rm_eighth_on(phase32);
    const float y = rm_quarter_rest(phase32);
    const float t = y * y;
    const float s = rm_quarter_sin(y, t), c = rm_quarter_cos(t);
    const uint32_t sign = (eighth_on + 0x40000000u) & 0x80000000u;
    return rm_float_from_bits(rm_select_odd(eighth_on, s, c) ^ sign);
}

/* sin of `phase32` 2^-32 turns, same error as rm_cos. */
RM_INLINE float rm_sin(uint32_t phase32) {
    const uint32_t eighth_on = rm_eighth_on(phase32);
    const float y = rm_quarter_rest(phase32);
    const float t = y * y;
    const float s = rm_quarter_sin(y, t), c = rm_quarter_cos(t);
    return rm_float_from_bits(rm_select_odd(eighth_on, c, s) ^ (eighth_on & 0x80000000u));
}

/*
 * What cosines and sines are multiplied by, the attention factor, as a sum of two floats that is its double
 * to 2^-49 of itself. A float alone would be off by up to 2^-25 of every value, always to the same side.
 */
typedef struct rm_gain {
    float high, low;
} rm_gain;

RM_INLINE rm_gain rm_gain_of(double factor) {
    rm_gain gain;
    gain.high = (float)factor;
    gain.low = (float)(factor - (double)gain.high);
    return gain;
}

/* x times the factor: off by at most 2^-24 (1 + 2^-22) of the product, the rounding of the result. A factor
 * of 1 leaves x as it is. */
RM_INLINE float rm_gain_times(rm_gain gain, float x) {
    return fmaf(x, gain.high, x * gain.low);
}

/*
 * Orders of summation that decide bits, so they are the same on every backend. Squares of a row, in double:
 * element d goes to partial sum d % RM_PARTIAL_SUMS as long as whole groups last; the partial sums are added
 * in order, then the elements left over. Products of long rows: RM_PRODUCT_CHUNK elements at a time are
 * multiplied and added in float, the chunks in double.
 */
enum { RM_PARTIAL_SUMS = 8, RM_PRODUCT_CHUNK = 1024 };

/* One rotated pair: (x0, x1) rotated by the angle of cosine c and sine s, which include the attention factor.
 */
RM_INLINE float rm_rotate_first(float x0, float x1, float c, float s) {
    return fmaf(x0, c, -(x1 * s));
}

RM_INLINE float rm_rotate_second(float x0, float x1, float c, float s) {
    return fmaf(x0, s, x1 * c);
}

/*
 * Softmax works with powers of two: a score becomes an exponent t <= 0, relative to a whole number that is
 * not below the largest one, so that moving to another reference is exact. The product is rounded before the
 * difference, which is then exact for the largest score, whatever its size. What is below -126 has no weight:
 * no subnormal number appears, and a key that is not seen, -infinity, has exactly 0. NaN stays.
 */
RM_INLINE float rm_exponent(float score, float factor, float reference) {
    const float t = score * factor - reference;
    return t < -126.0f ? -127.0f : t;
}

/* The reference where there is no score, or none above -infinity: then weights are 0. */
#define RM_NO_REFERENCE (-3.40282347e38f)

/* The reference of scores up to `largest`. */
RM_INLINE float rm_exponent_reference(float largest, float factor) {
    const float exponent = largest * factor;
    return exponent > RM_NO_REFERENCE ? ceilf(exponent) : RM_NO_REFERENCE;
}

/*
 * 2^t, for t from -127 to 127: exact at whole numbers, 0 at -127, error below 0.94 ulp, a tested bound.
 * Adding 1.5 * 2^23 + 127 leaves the whole number next to t, biased as an exponent is, in the low bits of the
 * sum. Its power multiplies, so that a NaN stays one.
 */
RM_INLINE float rm_exp2(float t) {
    const float shifted = t + 12583039.0f;
    const float f = t - (shifted - 12583039.0f);
    float p = fmaf(f, 0.000154697319775f, 0.00134100009661f);
    p = fmaf(f, p, 0.00961803078251f);
    p = fmaf(f, p, 0.055502973142f);
    p = fmaf(f, p, 0.240226510841f);
    p = fmaf(f, p, 0.693147225395f);
    p = fmaf(f, p, 1.0f);
    return p * rm_float_from_bits(rm_bits_from_float(shifted) << 23);
}

/* 2^k for a whole k of at most 0, in double: 0 below -1022 and for NaN. Adding 1.5 * 2^52 leaves k in the low
 * bits. */
RM_INLINE double rm_power_of_two(double k) {
    const double shifted = (k >= -1022.0 ? k : -1023.0) + 6755399441055744.0;
    uint64_t bits;
    double power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023u) << 52;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/*
 * tanh(x), error below 2 ulp: an odd polynomial (Cephes) below 5/8, above that 1 - 2 / (e^2x + 1); from 10
 * on it is 1.
 */
RM_INLINE float rm_tanh(float x) {
    const float magnitude = fabsf(x), square = x * x;
    float p = fmaf(square, -5.70498872745e-3f, 2.06390887954e-2f);
    p = fmaf(square, p, -5.37397155531e-2f);
    p = fmaf(square, p, 1.33314422036e-1f);
    p = fmaf(square, p, -3.33332819422e-1f);
    const float small = fmaf(x * square, p, x);
    const float power = rm_exp2((10.0f < magnitude ? 10.0f : magnitude) * 2.885390081777927f); /* 2 / ln 2 */
    const float large = copysignf(1.0f - 2.0f / (power + 1.0f), x);
    return magnitude < 0.625f ? small : large;
}

/*
 * IEEE binary16 to float, exact; subnormals, infinities and NaN included. Subnormals are rest * 2^-24, exact
 * in float; above, the exponent's bias goes from 15 to 127. Without a branch, so that loops become vectors.
 */
RM_INLINE float rm_float_from_half(uint16_t half) {
    const uint32_t rest = half & 0x7fffu, sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t small = rm_bits_from_float((float)rest * 5.9604644775390625e-8f);
    const uint32_t bits = rest < 0x400u ? small : (rest << 13) + (rest < 0x7c00u ? 0x38000000u : 0x70000000u);
    return rm_float_from_bits(sign | bits);
}

/* bfloat16 to float, exact. */
RM_INLINE float rm_float_from_bfloat(uint16_t bfloat) {
    return rm_float_from_bits((uint32_t)bfloat << 16);
}

/*
 * float to IEEE binary16, to the nearest, ties to even: beyond 65,504 (65,520 and more) infinity, below
 * 2^-14 a multiple of 2^-24. A NaN stays one. Adding 1/2 to a magnitude below 2^-14 leaves its multiple of
 * 2^-24, rounded by the addition itself, in the low bits of the sum.
 */
RM_INLINE uint16_t rm_half_from_float(float value) {
    const uint32_t bits = rm_bits_from_float(value), rest = bits & 0x7fffffffu;
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t small = rm_bits_from_float(rm_float_from_bits(rest) + 0.5f) - 0x3f000000u;
    const uint32_t large = (rest - 0x38000000u + 0xfffu + ((rest >> 13) & 1u)) >> 13;
    const uint32_t half = rest > 0x7f800000u    ? 0x7e00u
                          : rest >= 0x477ff000u ? 0x7c00u
                          : rest < 0x38800000u  ? small
                                                : large;
    return (uint16_t)(sign | half);
}

/* float to bfloat16, to the nearest, ties to even. A NaN stays one. */
RM_INLINE uint16_t rm_bfloat_from_float(float value) {
    const uint32_t bits = rm_bits_from_float(value);
    const uint32_t nan = 0x7fc0u | ((bits >> 16) & 0x8000u);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

/* float with the 10 explicit bits of a TensorFloat-32, to the nearest, ties to even. A NaN stays one. */
RM_INLINE float rm_tf32_from_float(float value) {
    const uint32_t bits = rm_bits_from_float(value);
    const uint32_t rounded = (bits + 0xfffu + ((bits >> 13) & 1u)) & 0xffffe000u;
    return (bits & 0x7fffffffu) > 0x7f800000u ? value : rm_float_from_bits(rounded);
}

#endif
