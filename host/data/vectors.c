/* vectors.c - where vectors come from: constant, random; and what every source has */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "host/base/alloc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static ropemap_status read_rows(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                float *rows, ropemap_error *error) {
    (void)first;
    (void)step;
    (void)error;
    const float entry = (float)(1.0 / sqrt((double)vectors->head_dim));
    for (int64_t i = 0; i < count * vectors->head_dim; i++) {
        rows[i] = entry;
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_vectors_ones(int32_t head_dim, ropemap_vectors **vectors, ropemap_error *error) {
    *vectors = NULL;
    RM_TRY(rm_source_check_head_dim("ones", head_dim, ROPEMAP_USAGE, error));
    ropemap_vectors *ones = rm_source_alloc(sizeof *ones, head_dim, error);
    if (ones == NULL) {
        return ROPEMAP_RESOURCES;
    }
    ones->constant = true;
    ones->read = read_rows;
    (void)snprintf(ones->label, sizeof ones->label, "ones");
    *vectors = ones;
    return ROPEMAP_OK;
}

/*
 * Columns 4b to 4b + 3 of row p of stream s come from the Philox counter (b, p mod 2^32, p / 2^32, s) under
 * the key (seed mod 2^32, seed / 2^32): words 0 and 1 make columns 4b and 4b + 1, words 2 and 3 the other
 * two, by the transform of Box and Muller (1958). Logarithm, sine and cosine are polynomials in double: every
 * machine with IEEE arithmetic gives the same floats. Radii end at sqrt(2 ln 2^33) = 6.76 standard
 * deviations.
 */

enum { ROUNDS = 10, LANES = RM_PHILOX_LANES };

typedef struct gauss_vectors {
    ropemap_vectors base;
    uint32_t key[2], stream;
    double scale; /* of a standard normal number: 1 / sqrt(head_dim) */
} gauss_vectors;

void rm_philox(const uint32_t key[2], rm_philox_state *state) {
    uint32_t key0 = key[0], key1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        for (int lane = 0; lane < LANES; lane++) {
            const uint64_t even = (uint64_t)0xd2511f53u * state->word[0][lane];
            const uint64_t odd = (uint64_t)0xcd9e8d57u * state->word[2][lane];
            state->word[0][lane] = (uint32_t)(odd >> 32) ^ state->word[1][lane] ^ key0;
            state->word[2][lane] = (uint32_t)(even >> 32) ^ state->word[3][lane] ^ key1;
            state->word[1][lane] = (uint32_t)odd;
            state->word[3][lane] = (uint32_t)even;
        }
        key0 += 0x9e3779b9u; /* the golden ratio and sqrt(3) - 1, in 2^-32 */
        key1 += 0xbb67ae85u;
    }
}

/*
 * -ln((w + 1/2) 2^-32), from u = (2w + 1) 2^-33 = m 2^e with m in [sqrt(1/2), sqrt(2)): ln m = 2 artanh(f),
 * f = (m - 1) / (m + 1), |f| < 0.172. The series ends where its terms are below 2^-53.
 */
static inline double minus_log(uint32_t w) {
    const double u = 2.0 * (double)w + 1.0;
    uint64_t bits;
    memcpy(&bits, &u, sizeof bits);
    const uint64_t shifted = bits - 0x3fe6a09e667f3bcdu; /* sqrt(1/2) as a double */
    const int64_t exponent = (int64_t)(shifted >> 52);
    bits -= (uint64_t)exponent << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    const double f = (m - 1.0) / (m + 1.0), t = f * f;
    double series = 1.0 / 19.0;
    series = series * t + 1.0 / 17.0;
    series = series * t + 1.0 / 15.0;
    series = series * t + 1.0 / 13.0;
    series = series * t + 1.0 / 11.0;
    series = series * t + 1.0 / 9.0;
    series = series * t + 1.0 / 7.0;
    series = series * t + 1.0 / 5.0;
    series = series * t + 1.0 / 3.0;
    return (double)(33 - exponent) * 0.69314718055994530942 - (2.0 * f + 2.0 * f * t * series);
}

/* Taylor series of sine and cosine for |x| <= pi/4; the first term left out is below 2^-54. */
static inline double small_sin(double x) {
    const double t = x * x;
    double series = -1.0 / 1307674368000.0;
    series = series * t + 1.0 / 6227020800.0;
    series = series * t - 1.0 / 39916800.0;
    series = series * t + 1.0 / 362880.0;
    series = series * t - 1.0 / 5040.0;
    series = series * t + 1.0 / 120.0;
    series = series * t - 1.0 / 6.0;
    return x + x * t * series;
}

static inline double small_cos(double x) {
    const double t = x * x;
    double series = 1.0 / 20922789888000.0;
    series = series * t - 1.0 / 87178291200.0;
    series = series * t + 1.0 / 479001600.0;
    series = series * t - 1.0 / 3628800.0;
    series = series * t + 1.0 / 40320.0;
    series = series * t - 1.0 / 720.0;
    series = series * t + 1.0 / 24.0;
    series = series * t - 1.0 / 2.0;
    return 1.0 + t * series;
}

/* Two normal numbers times `scale` at a distance and an angle of (w + 1/2) 2^-32, in turns. */
static inline void normal_pair(uint32_t radius_word, uint32_t angle_word, double scale, float *first,
                               float *second) {
    const double radius = sqrt(2.0 * minus_log(radius_word)) * scale;
    const uint32_t quadrant = (angle_word + 0x20000000u) >> 30;
    const double rest =
        (double)(int32_t)(angle_word - (quadrant << 30)) + 0.5; /* of the nearest quarter turn */
    const double x = rest * 1.4629180792671596e-9;              /* 2 pi 2^-32 */
    const double s = small_sin(x), c = small_cos(x);
    const double cosine = (quadrant & 1u) != 0 ? s : c, sine = (quadrant & 1u) != 0 ? c : s;
    *first = (float)(((quadrant + 1u) & 2u) != 0 ? -radius * cosine : radius * cosine);
    *second = (float)((quadrant & 2u) != 0 ? -radius * sine : radius * sine);
}

/* Columns 4 block to 4 (block + LANES) - 1 of a row. */
static void make_blocks(const gauss_vectors *gauss, uint64_t row, uint32_t block,
                        float to[LANES * RM_PHILOX_WORDS]) {
    rm_philox_state state;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        state.word[0][lane] = block + lane;
        state.word[1][lane] = (uint32_t)row;
        state.word[2][lane] = (uint32_t)(row >> 32);
        state.word[3][lane] = gauss->stream;
    }
    rm_philox(gauss->key, &state);
    for (int lane = 0; lane < LANES; lane++) {
        float *next = to + lane * RM_PHILOX_WORDS;
        normal_pair(state.word[0][lane], state.word[1][lane], gauss->scale, next, next + 1);
        normal_pair(state.word[2][lane], state.word[3][lane], gauss->scale, next + 2, next + 3);
    }
}

static ropemap_status read_random(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                  float *rows, ropemap_error *error) {
    (void)error;
    const gauss_vectors *gauss = (const gauss_vectors *)vectors;
    enum { AT_ONCE = LANES * RM_PHILOX_WORDS };
    const int32_t dim = vectors->head_dim;
    for (int64_t i = 0; i < count; i++) {
        for (int32_t column = 0; column < dim; column += AT_ONCE) {
            float made[AT_ONCE];
            const int32_t left = dim - column < AT_ONCE ? dim - column : AT_ONCE;
            make_blocks(gauss, (uint64_t)(first + i * step), (uint32_t)column / RM_PHILOX_WORDS, made);
            memcpy(rows + i * dim + column, made, (size_t)left * sizeof *made);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_vectors_gauss(int32_t head_dim, uint64_t seed, uint32_t stream,
                                     ropemap_vectors **vectors, ropemap_error *error) {
    *vectors = NULL;
    RM_TRY(rm_source_check_head_dim("gauss", head_dim, ROPEMAP_USAGE, error));
    gauss_vectors *gauss = rm_source_alloc(sizeof *gauss, head_dim, error);
    if (gauss == NULL) {
        return ROPEMAP_RESOURCES;
    }
    gauss->key[0] = (uint32_t)seed;
    gauss->key[1] = (uint32_t)(seed >> 32);
    gauss->stream = stream;
    gauss->scale = 1.0 / sqrt((double)head_dim);
    gauss->base.read = read_random;
    (void)snprintf(gauss->base.label, sizeof gauss->base.label, "gauss seed %" PRIu64, seed);
    *vectors = &gauss->base;
    return ROPEMAP_OK;
}

void ropemap_vectors_free(ropemap_vectors *vectors) {
    if (vectors != NULL) {
        vectors->destroy(vectors);
    }
}

int64_t ropemap_vectors_count(const ropemap_vectors *vectors) {
    return vectors->count;
}

ropemap_range ropemap_vectors_positions(const ropemap_vectors *vectors) {
    return (ropemap_range){.first = vectors->first, .count = vectors->count, .step = vectors->step};
}

ropemap_status ropemap_vectors_place(ropemap_vectors *vectors, int64_t first, int64_t step,
                                     ropemap_error *error) {
    const int64_t end = ROPEMAP_POSITION_END;
    const bool endless = vectors->count == end;
    if (first < 0 || first >= end || step < 1 || step > end || (endless && (first != 0 || step != 1)) ||
        (!endless && vectors->count - 1 > (end - 1 - first) / step)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "first-position: %s: %" PRId64 " rows from position %" PRId64
                       " on in steps of %" PRId64 "; %s",
                       vectors->label, vectors->count, first, step,
                       endless ? "such rows have every position" : "all must lie in [0, 2^40)");
    }
    vectors->first = first;
    vectors->step = step;
    return ROPEMAP_OK;
}

int32_t ropemap_vectors_head_dim(const ropemap_vectors *vectors) {
    return vectors->head_dim;
}

const char *ropemap_vectors_note(const ropemap_vectors *vectors) {
    return vectors->note;
}

const char *ropemap_vectors_label(const ropemap_vectors *vectors) {
    return vectors->label;
}

int64_t ropemap_vectors_heads(const ropemap_vectors *vectors) {
    return vectors->heads;
}

void rm_source_free(ropemap_vectors *vectors) {
    rm_free(vectors);
}

void *rm_source_alloc(size_t bytes, int32_t head_dim, ropemap_error *error) {
    ropemap_vectors *vectors = rm_alloc(1, bytes);
    if (vectors == NULL) {
        (void)rm_fail_memory(error, "vectors", bytes);
        return NULL;
    }
    vectors->count = ROPEMAP_POSITION_END;
    vectors->step = 1;
    vectors->head_dim = head_dim;
    vectors->heads = 1;
    vectors->destroy = rm_source_free;
    return vectors;
}

ropemap_status rm_source_check_head_dim(const char *name, int64_t head_dim, ropemap_status status,
                                        ropemap_error *error) {
    if (head_dim < 2 || head_dim > ROPEMAP_MAX_HEAD_DIM) {
        return rm_fail(error, status, "%s: head dimension %" PRId64 "; it must be 2 to %d", name, head_dim,
                       ROPEMAP_MAX_HEAD_DIM);
    }
    if (head_dim % 2 != 0) {
        return rm_fail(error, status, "%s: head dimension %" PRId64 " is odd; RoPE rotates pairs", name,
                       head_dim);
    }
    return ROPEMAP_OK;
}
