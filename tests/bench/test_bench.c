/* test_bench.c - benchmarks count what they say, notice a wrong output, and their statistics are right */
/* SPDX-License-Identifier: MIT */
#include "tests/bench/benchmarks.h"
#include "tools/bench/gpu.h"

/* ---- statistics */

static void test_statistics_of_known_samples(void **state) {
    double odd[] = {5.0, 1.0, 4.0, 2.0, 3.0};
    statistics found = statistics_of(odd, 5);
    assert_near(found.median, 3.0, 0.0);
    assert_near(found.p5, 1.2, 1e-15);
    assert_near(found.p95, 4.8, 1e-15);
    assert_near(found.deviation, sqrt(2.5) / 3.0, 1e-15);
    double even[] = {10.0, 40.0, 20.0, 30.0};
    found = statistics_of(even, 4);
    assert_near(found.median, 25.0, 0.0);
    assert_near(found.p5, 11.5, 1e-14);
    assert_near(found.p95, 38.5, 1e-14);
    double one[] = {7.0};
    found = statistics_of(one, 1);
    assert_near(found.median, 7.0, 0.0);
    assert_near(found.p5, 7.0, 0.0);
    assert_near(found.p95, 7.0, 0.0);
    assert_near(found.deviation, 0.0, 0.0);
    double hundred[101];
    for (int i = 0; i <= 100; i++) {
        hundred[i] = (double)((i * 37) % 101); /* every number from 0 to 100 */
    }
    found = statistics_of(hundred, 101);
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
    const bench_shape shape = {.positions = 1000, .head_dim = 64, .width = 300, .height = 257, .threads = 2};
    const double elements = 1000.0 * 64.0, pairs = 1000.0 * 32.0;
    assert_near(named("cpu", "rotate")->bytes(&shape), 2.0 * elements * sizeof(float), 0.0);
    /* y * y; sine 3 fma, 1 product; cosine 4 fma; the scaling of y; twice the factor; 2 fma and 2 products */
    assert_near(named("cpu", "rotate")->flops(&shape), pairs * (1 + 7 + 8 + 1 + 2 + 6), 0.0);
    assert_near(named("cpu", "diagonal")->bytes(&shape), 1000.0 * sizeof(double), 0.0);
    assert_near(named("cpu", "diagonal")->flops(&shape), pairs * (1 + 7 + 8 + 1 + 1), 0.0);
    assert_near(named("cpu", "similarity")->flops(&shape), tiles_flops(1000, 1000, 64), 0.0);
    assert_near(named("cpu", "similarity")->bytes(&shape), 16.0 * (2 * 256 * 64 + 256 * 256) * sizeof(float),
                0.0);
    assert_near(named("cpu", "pool")->bytes(&shape), 1e6 * sizeof(float), 0.0);
    assert_near(named("cpu", "png")->bytes(&shape), 300.0 * 257.0 * sizeof(float), 0.0);
    const double map_bytes = 2.0 * elements * sizeof(float) + 300.0 * 257.0 * sizeof(float);
    assert_near(named("cpu", "map mean")->bytes(&shape), map_bytes, 0.0);
    assert_near(named("cpu", "map max")->bytes(&shape), map_bytes, 0.0);
    /* both sides: 25 a pair as above and one sum an element */
    assert_near(named("cpu", "map mean")->flops(&shape),
                tiles_flops(257, 300, 64) + 2 * (25 * pairs + elements), 0.0);
    assert_near(named("cpu", "map max")->flops(&shape), tiles_flops(1000, 1000, 64) + 2 * 25 * pairs, 0.0);
    /* a product and a sum for each element of each pair */
    assert_near(named("cpu", "softmax")->flops(&shape), 1000.0 * 1001.0 / 2 * 64 * 2, 0.0);
    assert_near(named("cpu", "softmax")->bytes(&shape), map_bytes, 0.0);
    bench_shape as_read = shape;
    as_read.phase = ROPEMAP_PHASE_HF_FP32;
    assert_near(named("cpu", "map mean")->flops(&as_read), tiles_flops(257, 300, 64) + 2 * elements, 0.0);
    assert_near(named("cpu", "map max")->flops(&as_read), tiles_flops(1000, 1000, 64), 0.0);
    assert_near(named("cpu", "rotate")->bytes(&as_read), 2.0 * elements * sizeof(float), 0.0);
    assert_near(named("cpu", "rotate")->flops(&as_read), 0.0, 0.0);
}

/* A side never has more cells than positions. */
static void test_formulas_of_more_cells_than_positions(void **state) {
    const bench_shape shape = {.positions = 10, .head_dim = 2, .width = 300, .height = 4, .threads = 1};
    assert_near(named("cpu", "map max")->bytes(&shape), (2 * 10 * 2 + 10 * 4) * 4.0, 0.0);
}

/* ---- every benchmark, whole, spoilt and with one wrong element */

static const bench_shape small = {.positions = 97, .head_dim = 16, .width = 20, .height = 24, .threads = 1};

static void run_whole(const bench_case *benchmark, void *opened) {
    ropemap_error error = {0};
    if (bench_prepare(opened, &error) != ROPEMAP_OK || benchmark->stage->run(opened, &error) != ROPEMAP_OK ||
        benchmark->ceilings[0].run(opened, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
    assert_right(benchmark, opened);
}

static void spoil_and_look(const bench_case *benchmark, void *opened) {
    const bench_output output = benchmark->stage->output(opened);
    uint8_t *bytes = output.data;
    assert_non_null(bytes);
    assert_true(output.bytes > 8);
    bytes[3] ^= 0x40; /* the exponent of the first float, and of the first double or second float */
    bytes[7] ^= 0x40;
    const check_result planted = checked(benchmark, opened);
    if (planted.wrong < 1 || planted.wrong > 2) {
        fail_msg("%s: %lld of %lld wrong after one was planted", benchmark->name, (long long)planted.wrong,
                 (long long)planted.checked);
    }
    bytes[3] ^= 0x40;
    bytes[7] ^= 0x40;
    assert_right(benchmark, opened);
    memset(bytes, 0xff, (size_t)output.bytes);
    assert_true(checked(benchmark, opened).wrong > 0);
}

static void check_shape(const bench_case *benchmark, bench_shape shape) {
    const bool both = (benchmark->uses & BENCH_USES_LAYOUT) != 0;
    shape.method = benchmark->usual.method;
    for (shape.layout = ROPEMAP_LAYOUT_HALF; shape.layout <= (ropemap_layout)both; shape.layout++) {
        void *opened = open_shape(benchmark, &shape);
        run_whole(benchmark, opened);
        spoil_and_look(benchmark, opened);
        run_whole(benchmark, opened);
        bench_close(opened);
    }
}

static void test_every_check_sees_what_is_planted(void **state) {
    const bench_case *benchmark = NULL;
    for (int index = 0; (benchmark = benchmark_at("cpu", index)) != NULL; index++) {
        for (ropemap_phase phase = ROPEMAP_PHASE_EXACT; ropemap_phase_name(phase) != NULL; phase++) {
            bench_shape shape = small;
            shape.phase = phase;
            for (shape.pool = 0; ropemap_pool_name(shape.pool) != NULL; shape.pool++) {
                if ((phase == ROPEMAP_PHASE_EXACT || benchmark->formula_as_read != NULL) &&
                    has_pool(benchmark, shape.pool)) {
                    check_shape(benchmark, shape);
                }
            }
        }
    }
}

/* Damage anywhere in a picture's data is seen, not that of its header alone. */
static void test_a_damaged_picture(void **state) {
    const bench_case *png = named("cpu", "png");
    void *opened = open_shape(png, &small);
    run_whole(png, opened);
    const bench_output output = png->stage->output(opened);
    uint8_t *bytes = output.data;
    size_t data = 8; /* of IDAT, the last chunk but IEND; a CRC and IEND's 12 bytes follow */
    while (memcmp(bytes + data - 4, "IDAT", 4) != 0) {
        data++;
    }
    for (size_t at = data; at + 16 < (size_t)output.bytes; at += 11) {
        bytes[at] ^= 0x10;
        assert_true(checked(png, opened).wrong > 0);
        bytes[at] ^= 0x10;
    }
    assert_right(png, opened);
    bench_close(opened);
}

/* ---- whole runs */

struct seen {
    int rows, stop_after;
    unsigned benches;
    int32_t samples;
};

static int look(void *user, const bench_row *row) {
    struct seen *seen = user;
    seen->rows++;
    seen->benches |= 1u << row->kind;
    assert_int_equal(row->samples, seen->samples);
    const bool turns = row->kind == BENCH_ROTATE || row->kind == BENCH_DIAGONAL || row->kind == BENCH_MAP ||
                       row->kind == BENCH_SOFTMAX;
    assert_string_equal(row->phase, turns ? "exact" : "");
    assert_string_equal(row->backend, "cpu");
    assert_string_equal(row->dtype, "");
    assert_string_equal(row->failure, "");
    assert_true(row->heads == 0 && row->block == 0 && row->cold == 0.0 && row->device_bytes == 0);
    assert_int_equal(row->wrong, 0);
    assert_true(row->checked > 0);
    assert_true(row->p5 > 0.0 && row->p5 <= row->median && row->median <= row->p95);
    assert_true(row->deviation >= 0.0 && row->noisy == (row->deviation > 0.005));
    assert_true(row->share > 0.0 && row->ceiling_seconds > 0.0);
    const double work = strcmp(row->unit, "GB/s") == 0 ? row->bytes : row->flops;
    assert_near(row->rate, work / row->median / 1e9, 1e-9 * row->rate);
    assert_true(row->against == BENCH_TARGET_NONE); /* targets are for the usual shapes */
    return seen->rows == seen->stop_after ? 1 : 0;
}

static bench_options tiny(struct seen *seen) {
    return (bench_options){.positions = {.values = {33, 130}, .count = 2},
                           .head_dims = {.values = {6}, .count = 1},
                           .size = {9, 11},
                           .samples = seen->samples,
                           .seconds = 1.0,
                           .threads = 2,
                           .report = look,
                           .report_user = seen};
}

static void test_tiny_runs(void **state) {
    struct seen seen = {.samples = 2};
    ropemap_error error = {0};
    const bench_options options = tiny(&seen);
    if (bench_run(&options, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(seen.benches, (1u << BENCH_KINDS) - 1 - (1u << BENCH_TILE));
    /* for both positions: rotate and rotate / libm in two layouts, similarity, three pools, diagonal, two
     * maps, three of softmax */
    assert_int_equal(seen.rows, 2 * (4 + 1 + 3 + 1 + 2 + 3) + 1);
}

static void test_a_selection_that_stops(void **state) {
    struct seen seen = {.samples = 1, .stop_after = 1};
    bench_options options = tiny(&seen);
    options.which = 1u << BENCH_DIAGONAL;
    assert_int_equal(bench_run(&options, NULL), ROPEMAP_STOPPED);
    assert_int_equal(seen.rows, 1);
    assert_int_equal(seen.benches, 1u << BENCH_DIAGONAL);
}

static int stop_at_once(void *user, const char *stage, double done, double total) {
    assert_true(done >= 0.0 && done <= total);
    assert_string_equal(stage, "png");
    ++*(int *)user;
    return 1;
}

static void test_progress_that_stops(void **state) {
    struct seen seen = {.samples = 3};
    int calls = 0;
    bench_options options = tiny(&seen);
    options.which = 1u << BENCH_PNG;
    options.progress = stop_at_once;
    options.progress_user = &calls;
    assert_int_equal(bench_run(&options, NULL), ROPEMAP_STOPPED);
    assert_int_equal(calls, 1);
    assert_int_equal(seen.rows, 0);
}

static void test_options_that_contradict_each_other(void **state) {
    static const bench_options wrong[] = {
        /* lists of a GPU's benchmarks: refused for the CPU, before any GPU is looked for */
        {.dtypes = {.count = 1}},
        {.blocks = {.values = {64}, .count = 1}},
        {.heads = {.values = {BENCH_HEADS(1, 1)}, .count = 1}},
        {.profile = true},
        {.which = 1u << BENCH_TILE},
        {.backend = "cuda", .which = 1u << BENCH_PNG},
        {.backend = "cuda", .phase = ROPEMAP_PHASE_FP32FREQ},
        /* a phase that a named benchmark does not have */
        {.phase = ROPEMAP_PHASE_HF_FP32, .which = 1u << BENCH_MAP | 1u << BENCH_DIAGONAL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ropemap_error error = {0};
        assert_int_equal(bench_run(&wrong[i], &error), ROPEMAP_USAGE);
        assert_true(error.text[0] != '\0');
    }
}

/* ---- rows that fail */

static int count_failures(void *user, const bench_row *row) {
    int *counts = user;
    counts[row->failure[0] != '\0']++;
    assert_true(row->failure[0] == '\0' || (row->samples == 0 && strstr(row->failure, "memory") != NULL));
    return 0;
}

/* Rows of 2^64 bytes, which no allocator is asked for: what comes after them still runs. */
static void test_a_row_that_fails_is_a_row(void **state) {
    int counts[2] = {0};
    ropemap_error error = {0};
    const bench_options options = {.which = 1u << BENCH_ROTATE | 1u << BENCH_PNG,
                                   .positions = {.values = {INT64_C(1) << 55, 20}, .count = 2},
                                   .layout = BENCH_HALF,
                                   .size = {5, 5},
                                   .samples = 1,
                                   .seconds = 1.0,
                                   .threads = 1,
                                   .report = count_failures,
                                   .report_user = counts};
    assert_int_equal(bench_run(&options, &error), ROPEMAP_RESOURCES);
    assert_says(error.text, "memory");
    assert_true(counts[0] == 3 && counts[1] == 2); /* rotate, rotate / libm and png; the first two */
}

static void test_the_machine_is_described(void **state) {
    ropemap_machine machine;
    assert_int_equal(ropemap_machine_describe(&machine, NULL), ROPEMAP_OK);
    assert_true(machine.processors >= 1 && machine.processor[0] != '\0');
    assert_true(strcmp(machine.simd, "v4") == 0 || strcmp(machine.simd, "v3") == 0 ||
                strcmp(machine.simd, "baseline") == 0);
    bench_close(NULL); /* is fine */
    assert_string_equal(bench_kind_name(BENCH_MAP), "map");
    assert_string_equal(bench_kind_name(BENCH_TILE), "tile");
    assert_null(bench_kind_name(BENCH_KINDS));
}

static void test_which_backend_has_what(void **state) {
    for (bench_kind kind = BENCH_ROTATE; bench_kind_name(kind) != NULL; kind++) {
        const bool host_alone = kind == BENCH_DIAGONAL || kind == BENCH_PNG;
        const bool turns = kind == BENCH_ROTATE || kind == BENCH_MAP;
        assert_true(bench_exists(kind, "cpu", ROPEMAP_PHASE_EXACT) == (kind != BENCH_TILE));
        assert_true(bench_exists(kind, "cuda", ROPEMAP_PHASE_EXACT) == !host_alone);
        assert_true(bench_exists(kind, "cpu", ROPEMAP_PHASE_BF16_TABLES) == turns);
        assert_false(bench_exists(kind, "cuda", ROPEMAP_PHASE_HF_FP32));
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
        cmocka_unit_test(test_options_that_contradict_each_other),
        cmocka_unit_test(test_a_row_that_fails_is_a_row),
        cmocka_unit_test(test_the_machine_is_described),
        cmocka_unit_test(test_which_backend_has_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
