/* test_bench.c - benchmarks count what they say, notice a wrong output, and their statistics are right */
/* SPDX-License-Identifier: MIT */
#include "host/bench/statistics.h"
#include "host/bench/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- statistics */

static void assert_near(double got, double wanted, double allowed) {
    if (!(fabs(got - wanted) <= allowed)) {
        fail_msg("%.17g, expected %.17g within %g", got, wanted, allowed);
    }
}

static void test_statistics_of_known_samples(void **state) {
    (void)state;
    double odd[] = {5.0, 1.0, 4.0, 2.0, 3.0};
    rm_statistics found = rm_statistics_of(odd, 5);
    assert_near(found.median, 3.0, 0.0);
    assert_near(found.p5, 1.2, 1e-15);
    assert_near(found.p95, 4.8, 1e-15);
    assert_near(found.deviation, sqrt(2.5) / 3.0, 1e-15);
    double even[] = {10.0, 40.0, 20.0, 30.0};
    found = rm_statistics_of(even, 4);
    assert_near(found.median, 25.0, 0.0);
    assert_near(found.p5, 11.5, 1e-14);
    assert_near(found.p95, 38.5, 1e-14);
    double one[] = {7.0};
    found = rm_statistics_of(one, 1);
    assert_near(found.median, 7.0, 0.0);
    assert_near(found.p5, 7.0, 0.0);
    assert_near(found.p95, 7.0, 0.0);
    assert_near(found.deviation, 0.0, 0.0);
    double hundred[101];
    for (int i = 0; i <= 100; i++) {
        hundred[i] = (double)((i * 37) % 101); /* every number from 0 to 100 */
    }
    found = rm_statistics_of(hundred, 101);
    assert_near(found.median, 50.0, 0.0);
    assert_near(found.p5, 5.0, 1e-12);
    assert_near(found.p95, 95.0, 1e-12);
    /* the sum of (i - 50)^2 is 2 (1 + 4 + ... + 2500) = 85850 */
    assert_near(found.deviation, sqrt(85850.0 / 100.0) / 50.0, 1e-15);
}

/* ---- formulas, counted one operation after another */

static double tiles_flops(int64_t rows, int64_t cols, int64_t dim) {
    double flops = 0.0;
    for (int64_t row = 0; row < rows; row += 256) {
        for (int64_t col = 0; col < cols; col += 256) {
            flops += 256.0 * 256.0 * (double)dim * 2.0; /* a product and a sum each */
        }
    }
    return flops;
}

static void test_formulas(void **state) {
    (void)state;
    const rm_shape shape = {.positions = 1000, .head_dim = 64, .width = 300, .height = 257, .threads = 2};
    const double elements = 1000.0 * 64.0, pairs = 1000.0 * 32.0;
    assert_near(rm_bench_rotate.bytes(&shape), 2.0 * elements * sizeof(float), 0.0);
    /* y * y; sine 3 fma, 1 product; cosine 4 fma; the scaling of y; twice the factor; 2 fma and 2 products */
    assert_near(rm_bench_rotate.flops(&shape), pairs * (1 + 7 + 8 + 1 + 2 + 6), 0.0);
    assert_near(rm_bench_diagonal.bytes(&shape), 1000.0 * sizeof(double), 0.0);
    assert_near(rm_bench_diagonal.flops(&shape), pairs * (1 + 7 + 8 + 1 + 1), 0.0);
    assert_near(rm_bench_similarity.flops(&shape), tiles_flops(1000, 1000, 64), 0.0);
    assert_near(rm_bench_similarity.bytes(&shape), 16.0 * (2 * 256 * 64 + 256 * 256) * sizeof(float), 0.0);
    assert_near(rm_bench_similarity.ceiling_runs(&shape), 16.0 * 256 * 256 * 64 / (2.0 * 1024 * 1024 * 1024),
                1e-15);
    assert_near(rm_bench_pool_mean.bytes(&shape), 1e6 * sizeof(float), 0.0);
    assert_near(rm_bench_png.bytes(&shape), 300.0 * 257.0 * sizeof(float), 0.0);
    const double map_bytes = 2.0 * elements * sizeof(float) + 300.0 * 257.0 * sizeof(float);
    assert_near(rm_bench_map_mean.bytes(&shape), map_bytes, 0.0);
    assert_near(rm_bench_map_max.bytes(&shape), map_bytes, 0.0);
    /* both sides: 25 a pair as above and one sum an element */
    assert_near(rm_bench_map_mean.flops(&shape), tiles_flops(257, 300, 64) + 2 * (25 * pairs + elements),
                0.0);
    assert_near(rm_bench_map_max.flops(&shape), tiles_flops(1000, 1000, 64) + 2 * 25 * pairs, 0.0);
    assert_near(rm_bench_map_mean_turned.flops(&shape), tiles_flops(257, 300, 64) + 2 * elements, 0.0);
    assert_near(rm_bench_map_max_turned.flops(&shape), tiles_flops(1000, 1000, 64), 0.0);
    assert_near(rm_bench_rotate_turned.bytes(&shape), 2.0 * elements * sizeof(float), 0.0);
    assert_null(rm_bench_rotate_turned.flops);
}

/* A side never has more cells than positions. */
static void test_formulas_of_more_cells_than_positions(void **state) {
    (void)state;
    const rm_shape shape = {.positions = 10, .head_dim = 2, .width = 300, .height = 4, .threads = 1};
    assert_near(rm_bench_map_max.bytes(&shape), (2 * 10 * 2 + 10 * 4) * 4.0, 0.0);
}

/* ---- every benchmark, whole, spoilt and with one wrong element */

static const rm_shape small = {.positions = 200, .head_dim = 16, .width = 20, .height = 24, .threads = 1};

static rm_verdict verdict_of(const rm_benchmark *benchmark, void *opened) {
    rm_verdict verdict = {0};
    ropemap_error error = {0};
    if (benchmark->check(opened, &verdict, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    return verdict;
}

static void run_whole(const rm_benchmark *benchmark, void *opened) {
    ropemap_error error = {0};
    if ((benchmark->prepare != NULL && benchmark->prepare(opened, &error) != ROPEMAP_OK) ||
        benchmark->run(opened, &error) != ROPEMAP_OK ||
        benchmark->run_ceiling(opened, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    const rm_verdict verdict = verdict_of(benchmark, opened);
    if (verdict.wrong != 0 || verdict.checked == 0 || !(verdict.error <= verdict.allowed)) {
        fail_msg("%s: %lld of %lld wrong, %g of %g", benchmark->name, (long long)verdict.wrong,
                 (long long)verdict.checked, verdict.error, verdict.allowed);
    }
}

static void spoil_and_look(const rm_benchmark *benchmark, void *opened) {
    const rm_output output = benchmark->output(opened);
    uint8_t *bytes = output.data;
    assert_non_null(bytes);
    assert_true(output.size > 8);
    bytes[3] ^= 0x40; /* the exponent of the first float, and of the first double or second float */
    bytes[7] ^= 0x40;
    const rm_verdict planted = verdict_of(benchmark, opened);
    if (planted.wrong < 1 || planted.wrong > 2) {
        fail_msg("%s: %lld of %lld wrong after one was planted", benchmark->name, (long long)planted.wrong,
                 (long long)planted.checked);
    }
    bytes[3] ^= 0x40;
    bytes[7] ^= 0x40;
    assert_int_equal(verdict_of(benchmark, opened).wrong, 0);
    memset(bytes, 0xff, output.size);
    assert_true(verdict_of(benchmark, opened).wrong > 0);
}

static void *open_shape(const rm_benchmark *benchmark, const rm_shape *shape) {
    void *opened = NULL;
    ropemap_error error = {0};
    if (benchmark->open(shape, &opened, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    return opened;
}

static void check_layouts(const rm_benchmark *benchmark, ropemap_phase phase) {
    const ropemap_layout last =
        (benchmark->uses & RM_USES_LAYOUT) != 0 ? ROPEMAP_LAYOUT_INTERLEAVED : ROPEMAP_LAYOUT_HALF;
    for (ropemap_layout layout = ROPEMAP_LAYOUT_HALF; layout <= last; layout++) {
        rm_shape shape = small;
        shape.layout = layout;
        shape.phase = phase;
        void *opened = open_shape(benchmark, &shape);
        run_whole(benchmark, opened);
        spoil_and_look(benchmark, opened);
        run_whole(benchmark, opened);
        benchmark->close(opened);
    }
}

static void test_every_check_sees_what_is_planted(void **state) {
    (void)state;
    for (int index = 0; rm_benchmark_at(index) != NULL; index++) {
        const rm_benchmark *benchmark = rm_benchmark_at(index);
        for (ropemap_phase phase = ROPEMAP_PHASE_EXACT; ropemap_phase_name(phase) != NULL; phase++) {
            if (rm_benchmark_serves(benchmark, phase)) {
                check_layouts(benchmark, phase);
            }
        }
        benchmark->close(NULL);
    }
}

/* Damage anywhere in a picture's data is seen, not that of its header alone. */
static void test_a_damaged_picture(void **state) {
    (void)state;
    void *opened = NULL;
    assert_int_equal(rm_bench_png.open(&small, &opened, NULL), ROPEMAP_OK);
    run_whole(&rm_bench_png, opened);
    const rm_output output = rm_bench_png.output(opened);
    assert_int_equal(rm_bench_png.output_bytes(opened), output.size);
    uint8_t *bytes = output.data;
    const size_t data = 33 + 12 + 768 + 8; /* after IHDR and PLTE; IEND and a CRC of 16 bytes follow */
    for (size_t at = data; at + 16 < output.size; at += 11) {
        bytes[at] ^= 0x10;
        assert_true(verdict_of(&rm_bench_png, opened).wrong > 0);
        bytes[at] ^= 0x10;
    }
    assert_int_equal(verdict_of(&rm_bench_png, opened).wrong, 0);
    rm_bench_png.close(opened);
}

/* ---- runs through the public interface */

struct seen {
    int rows, stop_after;
    unsigned benches;
    int32_t samples;
};

static int look(void *user, const ropemap_bench_row *row) {
    struct seen *seen = user;
    seen->rows++;
    seen->benches |= 1u << row->bench;
    assert_int_equal(row->samples, seen->samples);
    const bool turns = row->bench == ROPEMAP_BENCH_ROTATE || row->bench == ROPEMAP_BENCH_DIAGONAL ||
                       row->bench == ROPEMAP_BENCH_MAP;
    assert_string_equal(row->phase, turns ? "exact" : "");
    assert_string_equal(row->backend, "cpu");
    assert_string_equal(row->dtype, "");
    assert_true(row->heads == 0 && row->block == 0 && row->cold == 0.0 && row->device_bytes == 0);
    assert_int_equal(row->wrong, 0);
    assert_true(row->checked > 0);
    assert_true(row->p5 > 0.0 && row->p5 <= row->median && row->median <= row->p95);
    assert_true(row->deviation >= 0.0 && row->noisy == (row->deviation > 0.005));
    assert_true(row->share > 0.0 && row->ceiling_seconds > 0.0);
    const double work = strcmp(row->unit, "GB/s") == 0 ? row->bytes : row->flops;
    assert_near(row->rate, work / row->median / 1e9, 1e-9 * row->rate);
    assert_true(row->against == ROPEMAP_BENCH_TARGET_NONE); /* targets are for the usual shapes */
    return seen->rows == seen->stop_after ? 1 : 0;
}

static ropemap_bench_options tiny(struct seen *seen) {
    static const int64_t positions[] = {33, 130}, head_dims[] = {6};
    ropemap_bench_options options = ropemap_bench_options_default();
    options.positions = positions;
    options.position_count = 2;
    options.head_dims = head_dims;
    options.head_dim_count = 1;
    options.width = 9;
    options.height = 11;
    options.samples = seen->samples;
    options.threads = 2;
    options.report = look;
    options.report_user = seen;
    return options;
}

static void test_tiny_runs(void **state) {
    (void)state;
    struct seen seen = {.samples = 2};
    ropemap_error error = {0};
    const ropemap_bench_options options = tiny(&seen);
    if (ropemap_bench_run(&options, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(seen.benches, (1u << (ROPEMAP_BENCH_MAP + 1)) - 1);
    /* for both positions: rotate and rotate / libm in two layouts, similarity, three pools, diagonal, two
     * maps */
    assert_int_equal(seen.rows, 2 * (4 + 1 + 3 + 1 + 2) + 1);
}

static void test_a_selection_that_stops(void **state) {
    (void)state;
    struct seen seen = {.samples = 1, .stop_after = 1};
    ropemap_bench_options options = tiny(&seen);
    options.which = 1u << ROPEMAP_BENCH_DIAGONAL;
    assert_int_equal(ropemap_bench_run(&options, NULL), ROPEMAP_STOPPED);
    assert_int_equal(seen.rows, 1);
    assert_int_equal(seen.benches, 1u << ROPEMAP_BENCH_DIAGONAL);
}

static int stop(void *user, const char *stage, double done, double total) {
    assert_true(done >= 0.0 && done <= total);
    assert_string_equal(stage, "png");
    ++*(int *)user;
    return 1;
}

static void test_progress_that_stops(void **state) {
    (void)state;
    struct seen seen = {.samples = 3};
    int calls = 0;
    ropemap_bench_options options = tiny(&seen);
    options.which = 1u << ROPEMAP_BENCH_PNG;
    options.progress = stop;
    options.progress_user = &calls;
    assert_int_equal(ropemap_bench_run(&options, NULL), ROPEMAP_STOPPED);
    assert_int_equal(calls, 1);
    assert_int_equal(seen.rows, 0);
}

static void test_options_out_of_range(void **state) {
    (void)state;
    enum { WRONG = 21 };
    static const int64_t zero[] = {0}, odd[] = {64, 63}, far[] = {(1 << 24) + 1};
    const ropemap_bench_options base = ropemap_bench_options_default();
    static const ropemap_dtype types[] = {ROPEMAP_DTYPE_FP32, (ropemap_dtype)9};
    static const ropemap_bench_heads heads[] = {{0, 1}};
    ropemap_bench_options wrong[WRONG];
    for (size_t i = 0; i < WRONG; i++) {
        wrong[i] = base;
        wrong[i].position_count = wrong[i].head_dim_count = 1;
    }
    wrong[0].positions = zero;
    wrong[1].positions = far;
    wrong[2].head_dims = odd;
    wrong[2].head_dim_count = 2;
    wrong[3].threads = -1;
    wrong[4].samples = -1;
    wrong[5].seconds = 0.0;
    wrong[6].width = 5;
    wrong[7].layout = (ropemap_layout)7;
    wrong[8].positions = odd;
    wrong[8].position_count = 0;
    /* lists of a GPU's benchmarks: refused for the CPU, and checked before any GPU is looked for */
    wrong[9].dtypes = types;
    wrong[9].dtype_count = 1;
    wrong[10].blocks = far;
    wrong[10].block_count = 1;
    wrong[11].profile = true;
    wrong[12].which = 1u << ROPEMAP_BENCH_TILE;
    for (size_t i = 13; i < 19; i++) {
        wrong[i].backend = "cuda";
    }
    wrong[13].backend = "metal";
    wrong[14].dtypes = types;
    wrong[14].dtype_count = 2;
    wrong[15].heads = heads;
    wrong[15].head_count = 1;
    wrong[16].blocks = far;
    wrong[16].block_count = 1;
    wrong[17].which = 1u << ROPEMAP_BENCH_PNG;
    wrong[18].phase = ROPEMAP_PHASE_FP32FREQ;
    /* a phase that is none, and one that a named benchmark does not have */
    wrong[19].phase = (ropemap_phase)8;
    wrong[20].phase = ROPEMAP_PHASE_HF_FP32;
    wrong[20].which = 1u << ROPEMAP_BENCH_MAP | 1u << ROPEMAP_BENCH_DIAGONAL;
    for (size_t i = 0; i < WRONG; i++) {
        ropemap_error error = {0};
        assert_int_equal(ropemap_bench_run(&wrong[i], &error), ROPEMAP_USAGE);
        assert_true(error.text[0] != '\0');
    }
}

static void test_the_machine_is_described(void **state) {
    (void)state;
    ropemap_bench_machine machine;
    assert_int_equal(ropemap_bench_describe(&machine, NULL), ROPEMAP_OK);
    assert_true(machine.processors >= 1 && machine.processor[0] != '\0');
    assert_true(strcmp(machine.simd, "v4") == 0 || strcmp(machine.simd, "v3") == 0 ||
                strcmp(machine.simd, "baseline") == 0);
    assert_string_equal(ropemap_bench_name(ROPEMAP_BENCH_MAP), "map");
    assert_string_equal(ropemap_bench_name(ROPEMAP_BENCH_TILE), "tile");
    assert_null(ropemap_bench_name((ropemap_bench)(ROPEMAP_BENCH_TILE + 1)));
}

static void test_which_backend_has_what(void **state) {
    (void)state;
    for (ropemap_bench bench = ROPEMAP_BENCH_ROTATE; ropemap_bench_name(bench) != NULL; bench++) {
        const bool host_alone = bench == ROPEMAP_BENCH_DIAGONAL || bench == ROPEMAP_BENCH_PNG;
        const bool turns = bench == ROPEMAP_BENCH_ROTATE || bench == ROPEMAP_BENCH_MAP;
        assert_true(ropemap_bench_exists(bench, "cpu", ROPEMAP_PHASE_EXACT) == (bench != ROPEMAP_BENCH_TILE));
        assert_true(ropemap_bench_exists(bench, "cuda", ROPEMAP_PHASE_EXACT) == !host_alone);
        assert_true(ropemap_bench_exists(bench, "cpu", ROPEMAP_PHASE_BF16_TABLES) == turns);
        assert_false(ropemap_bench_exists(bench, "cuda", ROPEMAP_PHASE_HF_FP32));
    }
    for (int index = 0; rm_gpu_benchmark_at(index) != NULL; index++) {
        const rm_benchmark *benchmark = rm_gpu_benchmark_at(index);
        assert_non_null(benchmark->spoil);
        assert_non_null(benchmark->run_ceiling);
        assert_null(benchmark->output(NULL).data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_of_known_samples),
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_formulas_of_more_cells_than_positions),
        cmocka_unit_test(test_every_check_sees_what_is_planted),
        cmocka_unit_test(test_a_damaged_picture),
        cmocka_unit_test(test_tiny_runs),
        cmocka_unit_test(test_a_selection_that_stops),
        cmocka_unit_test(test_progress_that_stops),
        cmocka_unit_test(test_options_out_of_range),
        cmocka_unit_test(test_the_machine_is_described),
        cmocka_unit_test(test_which_backend_has_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
