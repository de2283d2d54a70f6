/* test_random.c - normal rows: published words, an independent recomputation, and the statistics they must
 * have */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "tests/unit.h"
#include "tests/variants.h"

#include <math.h>

enum { ROWS = 4096, COLUMNS = 64, COUNT = ROWS * COLUMNS };

/* Known answers of the authors' Random123 distribution (kat_vectors, "philox4x32 10"). */
static void philox_gives_the_published_words(void **state) {
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        for (int lane = 0; lane < RM_PHILOX_LANES; lane++) {
            rm_philox_state words;
            for (int word = 0; word < 4; word++) {
                for (int other = 0; other < RM_PHILOX_LANES; other++) {
                    words.word[word][other] = (uint32_t)(other * 77 + word);
                }
                words.word[word][lane] = cases[i].counter[word];
            }
            rm_philox_baseline(cases[i].key, &words);
            for (int word = 0; word < 4; word++) {
                assert_int_equal(words.word[word][lane], cases[i].words[word]);
            }
        }
    }
}

/* Philox4x32-10 once more, from the figure of the paper: one counter, 64-bit products. */
static void oracle_philox(uint64_t seed, const uint32_t counter[4], uint32_t words[4]) {
    uint32_t l0 = counter[0], r0 = counter[1], l1 = counter[2], r1 = counter[3];
    uint32_t k0 = (uint32_t)(seed & 0xffffffff), k1 = (uint32_t)(seed >> 32);
    for (int round = 1; round <= 10; round++) {
        const uint64_t product0 = l0 * UINT64_C(3528531795), product1 = l1 * UINT64_C(3449720151);
        l0 = (uint32_t)(product1 / 4294967296) ^ r0 ^ k0;
        r0 = (uint32_t)(product1 % 4294967296);
        l1 = (uint32_t)(product0 / 4294967296) ^ r1 ^ k1;
        r1 = (uint32_t)(product0 % 4294967296);
        k0 += 2654435769u;
        k1 += 3144134277u;
    }
    words[0] = l0;
    words[1] = r0;
    words[2] = l1;
    words[3] = r1;
}

/* One element by the definition in random_kernel.c, with the C library's functions. */
static double oracle_element(uint64_t seed, uint32_t stream, int64_t row, int32_t column, int32_t head_dim) {
    const uint32_t counter[4] = {(uint32_t)column / 4, (uint32_t)(row % 4294967296),
                                 (uint32_t)(row / 4294967296), stream};
    uint32_t words[4];
    oracle_philox(seed, counter, words);
    const int pair = column % 4 / 2 * 2;
    const double radius = sqrt(-2.0 * log(((double)words[pair] + 0.5) / 4294967296.0));
    const double angle = 2.0 * acos(-1.0) * (((double)words[pair + 1] + 0.5) / 4294967296.0);
    return radius * (column % 2 == 0 ? cos(angle) : sin(angle)) / sqrt((double)head_dim);
}

static ropemap_vectors *make(int32_t head_dim, uint64_t seed, uint32_t stream) {
    ropemap_vectors *vectors = NULL;
    assert_int_equal(ropemap_vectors_gauss(head_dim, seed, stream, &vectors, NULL), ROPEMAP_OK);
    return vectors;
}

/*
 * Bound: rounding to float, 2^-24 of the value, and the errors in double of either side, of which the largest
 * is that of the oracle's angle: 2^-51 * 2 pi at a radius below 7, 2e-14.
 */
static void elements_follow_their_definition(void **state) {
    static const int64_t firsts[] = {0, 131071, 4294967295, ROPEMAP_POSITION_END - 3};
    static const int32_t dims[] = {2, 6, 30, 32, 34, 128};
    static const uint64_t seeds[] = {0, 1, 0x123456789abcdef0, UINT64_MAX};
    for (int i = 0; i < 4 * 6 * 4; i++) {
        const int64_t first = firsts[i % 4];
        const int32_t dim = dims[i / 4 % 6];
        const uint64_t seed = seeds[i / 24];
        const uint32_t stream = (uint32_t)i * 2654435769u;
        float rows[3 * 128];
        ropemap_vectors *vectors = make(dim, seed, stream);
        assert_int_equal(vectors->read(vectors, first, 3, 1, rows, NULL), ROPEMAP_OK);
        for (int k = 0; k < 3 * dim; k++) {
            const double wanted = oracle_element(seed, stream, first + k / dim, k % dim, dim);
            if (fabs((double)rows[k] - wanted) > ldexp(fabs(wanted), -24) + 2e-14) {
                fail_msg("row %d column %d: %.9g, not %.9g", k / dim, k % dim, (double)rows[k], wanted);
            }
        }
        ropemap_vectors_free(vectors);
    }
}

/* Of a row that ends within a pass of the loop, and of one that has several. */
static void variants_give_the_same_bits(void **state) {
    enum { FEW = 61 };
    static const int32_t dims[] = {2, 38, 128};
    static float wanted[FEW * 128], found[FEW * 128];
    for (int i = 0; i < 3; i++) {
        for (int variant = 0; variant_name(variant) != NULL; variant++) {
            if (!variant_force(variant_name(variant))) {
                continue;
            }
            ropemap_vectors *vectors = make(dims[i], 3, 5);
            float *rows = variant == 0 ? wanted : found;
            assert_int_equal(vectors->read(vectors, 4294967290, FEW, 1, rows, NULL), ROPEMAP_OK);
            assert_memory_equal(rows, wanted, (size_t)(FEW * dims[i]) * sizeof *rows);
            ropemap_vectors_free(vectors);
            variant_release();
        }
    }
}

static void rows_do_not_depend_on_how_they_are_read(void **state) {
    enum { FEW = 97, DIM = 38 };
    static float whole[FEW * DIM], part[FEW * DIM];
    const int64_t far = ROPEMAP_POSITION_END - FEW;
    ropemap_vectors *vectors = make(DIM, 7, 1);
    assert_int_equal(vectors->read(vectors, far, FEW, 1, whole, NULL), ROPEMAP_OK);
    for (int64_t size = 1; size < FEW; size = size * 2 + 1) {
        for (int64_t first = FEW - 1; first >= 0; first -= size) { /* from the end, in blocks */
            const int64_t count = FEW - first < size ? FEW - first : size;
            assert_int_equal(vectors->read(vectors, far + first, count, 1, part, NULL), ROPEMAP_OK);
            assert_memory_equal(part, whole + first * DIM, (size_t)(count * DIM) * sizeof *part);
        }
        const int64_t count = (FEW - 1) / size + 1;
        assert_int_equal(vectors->read(vectors, far, count, size, part, NULL), ROPEMAP_OK);
        for (int64_t i = 0; i < count; i++) {
            assert_memory_equal(part + i * DIM, whole + i * size * DIM, DIM * sizeof *part);
        }
    }
    ropemap_vectors_free(vectors);
}

/* Standard normal numbers, if the library keeps its word: entries times sqrt(head_dim). */
static void fill(double *values, uint64_t seed, uint32_t stream, int64_t first) {
    static float rows[COUNT];
    ropemap_vectors *vectors = make(COLUMNS, seed, stream);
    assert_int_equal(vectors->read(vectors, first, ROWS, 1, rows, NULL), ROPEMAP_OK);
    for (int i = 0; i < COUNT; i++) {
        values[i] = (double)rows[i] * sqrt((double)COLUMNS);
    }
    ropemap_vectors_free(vectors);
}

static double sample[COUNT], other[COUNT];

/*
 * Limits are five standard errors of n independent standard normal numbers: sqrt(1/n) of the mean, sqrt(2/n)
 * of the mean square, sqrt(15/n) of the third and sqrt(96/n) of the fourth moment (its mean is 3).
 */
static void moments_are_those_of_a_normal_distribution(void **state) {
    static const double means[5] = {0, 0, 1, 0, 3}, variances[5] = {0, 1, 2, 15, 96};
    fill(sample, 1, 0, 0);
    for (int power = 1; power <= 4; power++) {
        double sum = 0;
        for (int i = 0; i < COUNT; i++) {
            sum += pow(sample[i], power);
        }
        assert_true(fabs(sum / COUNT - means[power]) < 5 * sqrt(variances[power] / COUNT));
    }
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* Kolmogorov and Smirnov: P(D sqrt(n) > 2.75) = 2 exp(-2 * 2.75^2) = 5.4e-7, a five-sigma event. */
static void the_distribution_is_normal(void **state) {
    fill(sample, 2, 3, 1000000007);
    qsort(sample, COUNT, sizeof *sample, ascending);
    double distance = 0;
    for (int i = 0; i < COUNT; i++) {
        const double below = 0.5 * erfc(-sample[i] / sqrt(2.0));
        distance = fmax(distance, fmax(below - (double)i / COUNT, (double)(i + 1) / COUNT - below));
    }
    assert_true(distance * sqrt((double)COUNT) < 2.75);
}

/* Mean product of `count` independent pairs: standard error sqrt(1/count). */
static void assert_uncorrelated(const double *a, const double *b, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    assert_true(fabs(sum / count) < 5 / sqrt((double)count));
}

static void neighbours_streams_and_seeds_are_independent(void **state) {
    fill(sample, 1, 0, 0);
    for (int shift = 1; shift <= 8; shift++) { /* neighbouring columns, also across rows */
        assert_uncorrelated(sample, sample + shift, COUNT - shift);
    }
    assert_uncorrelated(sample, sample + COLUMNS, COUNT - COLUMNS); /* rows */
    fill(other, 1, 1, 0);
    assert_uncorrelated(sample, other, COUNT);
    fill(other, 2, 0, 0);
    assert_uncorrelated(sample, other, COUNT);
    fill(other, (uint64_t)1 << 32 | 1, 0, 0);
    assert_uncorrelated(sample, other, COUNT);
    fill(other, 1, 0, (int64_t)1 << 32);
    assert_uncorrelated(sample, other, COUNT);
}

static void arguments_are_checked(void **state) {
    static const int32_t dims[] = {0, -2, 1, 3, 4097, 4098, INT32_MIN};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        ropemap_vectors *vectors = NULL;
        ropemap_error error = {0};
        assert_int_equal(ropemap_vectors_gauss(dims[i], 1, 0, &vectors, &error), ROPEMAP_USAGE);
        assert_null(vectors);
        assert_says(error.text, "gauss: head dimension");
    }
    ropemap_vectors *vectors = make(4096, 42, 0);
    assert_int_equal(ropemap_vectors_count(vectors), ROPEMAP_POSITION_END);
    assert_int_equal(ropemap_vectors_head_dim(vectors), 4096);
    assert_int_equal(ropemap_vectors_heads(vectors), 1);
    assert_false(vectors->constant);
    assert_string_equal(vectors->label, "gauss seed 42");
    ropemap_vectors_free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_words),
        cmocka_unit_test(elements_follow_their_definition),
        cmocka_unit_test(variants_give_the_same_bits),
        cmocka_unit_test(rows_do_not_depend_on_how_they_are_read),
        cmocka_unit_test(moments_are_those_of_a_normal_distribution),
        cmocka_unit_test(the_distribution_is_normal),
        cmocka_unit_test(neighbours_streams_and_seeds_are_independent),
        cmocka_unit_test(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
