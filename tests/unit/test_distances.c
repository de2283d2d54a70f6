/* test_distances.c - sums of cosines at many distances against a plain loop, in every SIMD variant */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "tests/padded.h"
#include "tests/unit.h"
#include "tests/variants.h"

#include <math.h>

static const ropemap_range distance_cases[] = {{0, 1, 1},
                                               {-15, 31, 1},
                                               {-1000, 257, 1},
                                               {1, 127, 3},
                                               {-((int64_t)1 << 20) - 100, 600, 1},
                                               {-500, 1021, 17},
                                               {-3000, 33, 7},
                                               {-((int64_t)1 << 40) + 1, 257, 1},
                                               {((int64_t)1 << 40) - 400, 400, 1},
                                               {-((int64_t)1 << 39), 4, (int64_t)1 << 38},
                                               {0, 1021, 524288}};
enum { DISTANCE_CASES = sizeof distance_cases / sizeof distance_cases[0], DISTANCES_MOST = 1021 };

/* Doubles are added in an order of their own: off by pairs^2 2^-53 of the weight at most. */
static void check_distances(rm_context *context, const ropemap_freqs *freqs, ropemap_range distances,
                            double *values) {
    const double weight = 1.0 / freqs->pairs;
    values[distances.count] = -7.0;
    assert_int_equal(rm_cpu_backend()->distances(context, freqs, weight, distances, values, NULL),
                     ROPEMAP_OK);
    assert_true(values[distances.count] == -7.0);
    for (int64_t t = 0; t < distances.count; t++) {
        const int64_t signed_distance = distances.first + t * distances.step;
        const int64_t distance = signed_distance < 0 ? -signed_distance : signed_distance;
        double sum = 0;
        for (int32_t p = 0; p < freqs->pairs; p++) {
            sum += (double)rm_cos(rm_phase32(rm_phase(freqs->step[p], freqs->fine[p], distance)));
        }
        assert_true(fabs(values[t] - weight * sum) <= (freqs->pairs + 2) * 0x1p-53);
    }
}

static void test_distances(void **state) {
    static double first[DISTANCE_CASES][DISTANCES_MOST + 1], values[DISTANCES_MOST + 1];
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = 66;
    ropemap_freqs freqs;
    assert_int_equal(ropemap_freqs_make(&spec, &freqs, NULL), ROPEMAP_OK);
    for (int v = 0; variant_name(v) != NULL; v++) {
        if (variant_force(variant_name(v))) {
            rm_context *context = open_context();
            for (size_t i = 0; i < DISTANCE_CASES; i++) {
                check_distances(context, &freqs, distance_cases[i], v == 0 ? first[i] : values);
                if (v != 0) {
                    assert_memory_equal(values, first[i], (size_t)distance_cases[i].count * sizeof *values);
                }
            }
            rm_cpu_backend()->close(context);
        }
    }
    variant_release();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
