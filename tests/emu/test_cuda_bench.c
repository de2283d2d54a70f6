/* test_cuda_bench.c - benchmarks of an emulated GPU: what they check, what they count, what they leave behind
 */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"

#include "tests/bench/benchmarks.h"
#include "tools/bench/check.h"
#include "tools/bench/gpu.h"

enum { MEMORY = 160 * 1048576, CALLS_MOST = 100000 };

static int set_up(void **state) {
    linked_gpu_small();
    linked_gpu.warpgroups = true;
    fake_reset();
    fake_memory(MEMORY);
    return 0;
}

/* ---- numbers to the device and back */

static void test_numbers_there_and_back(void **state) {
    static const double units[] = {0x1p-24, 0x1p-11, 0x1p-8, 0x1p-11};
    static float wide[600], got[600];
    timed_gpu gpu;
    ropemap_error error = {0};
    if (gpu_open(&gpu, 0, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    for (ropemap_dtype dtype = ROPEMAP_DTYPE_FP32; ropemap_dtype_name(dtype) != NULL; dtype++) {
        float *memory = NULL;
        assert_int_equal(gpu_reserve(&gpu, dtype, 600, "test", &memory, NULL), ROPEMAP_OK);
        assert_int_equal(gpu_fill(&gpu, dtype, memory, 600, 3.0, 11, NULL), ROPEMAP_OK);
        memcpy(wide, gpu.chunk, sizeof wide);
        assert_int_equal(gpu_read(&gpu, dtype, memory, 0, 600, got, NULL), ROPEMAP_OK);
        for (int i = 0; i < 600; i++) {
            assert_true(wide[i] != 0.0f && fabsf(wide[i]) < 3.0f);
            assert_near((double)got[i], (double)wide[i],
                        dtype == ROPEMAP_DTYPE_FP32 ? 0.0 : check_rounding(dtype, fabs((double)wide[i])));
        }
        float last[2];
        assert_int_equal(gpu_read(&gpu, dtype, memory, 598, 2, last, NULL), ROPEMAP_OK);
        assert_memory_equal(last, got + 598, sizeof last);
        assert_int_equal(gpu_spoil(&gpu, memory, 600 * gpu_element(dtype), NULL), ROPEMAP_OK);
        assert_int_equal(gpu_read(&gpu, dtype, memory, 0, 600, got, NULL), ROPEMAP_OK);
        for (int i = 0; i < 600; i++) {
            assert_true(isnan(got[i]));
        }
        assert_near(check_rounding(dtype, 1.0), units[dtype], dtype == ROPEMAP_DTYPE_FP16 ? 0x1p-25 : 0.0);
        gpu_release(&gpu, memory);
    }
    gpu_close(&gpu);
    linked_check_clean("numbers");
}

/* ---- checks */

static bench_shape small_shape(const bench_case *benchmark, timed_gpu *gpu, ropemap_dtype dtype) {
    bench_shape shape = benchmark->usual;
    shape.gpu = gpu;
    shape.positions = 70;
    shape.head_dim = benchmark->usual.head_dim != 0 ? 8 : 0;
    shape.width = benchmark->usual.width != 0 ? 9 : 0;
    shape.height = benchmark->usual.height != 0 ? 11 : 0;
    shape.threads = benchmark->by_wall ? 2 : 0;
    shape.dtype = (benchmark->uses & BENCH_USES_DTYPE) != 0 ? dtype : ROPEMAP_DTYPE_FP32;
    if ((benchmark->uses & BENCH_USES_HEADS) != 0) {
        shape.heads = (bench_heads){.queries = 3, .keys = 1};
    }
    shape.block = 48;
    return shape;
}

static void run_times(const bench_case *benchmark, const timed_gpu *gpu, void *opened, int times) {
    ropemap_error error = {0};
    ropemap_status status = bench_prepare(opened, &error);
    for (int i = 0; i < times && status == ROPEMAP_OK; i++) {
        status = benchmark->stage->run(opened, &error);
    }
    status = status == ROPEMAP_OK ? gpu->backend->finish(gpu->context, &error) : status;
    if (status != ROPEMAP_OK) {
        fail_msg("%s: %s", benchmark->name, error.text);
    }
}

static void check_benchmark(const bench_case *benchmark, timed_gpu *gpu, ropemap_dtype dtype,
                            ropemap_pool pool) {
    bench_shape shape = small_shape(benchmark, gpu, dtype);
    shape.pool = pool;
    if (benchmark->serves != NULL && !benchmark->serves(&shape)) {
        shape.head_dim = 48; /* as short as these are, rows are not fused */
        if (!benchmark->serves(&shape)) {
            assert_int_equal(dtype, ROPEMAP_DTYPE_FP32);
            return;
        }
    }
    void *opened = open_shape(benchmark, &shape);
    run_times(benchmark, gpu, opened, 1);
    assert_right(benchmark, opened);
    if (!benchmark->by_wall) {
        run_times(benchmark, gpu, opened, 3); /* what goes into cells again and again counts as often */
        assert_right(benchmark, opened);
        assert_int_equal(bench_spoil(opened, NULL), ROPEMAP_OK);
        const check_result result = checked(benchmark, opened);
        if (result.wrong != result.checked) {
            fail_msg("%s: %lld of %lld wrong after all was spoilt", benchmark->name, (long long)result.wrong,
                     (long long)result.checked);
        }
    }
    bench_close(opened);
}

static void test_checks(void **state) {
    timed_gpu gpu;
    assert_int_equal(gpu_open(&gpu, 0, NULL), ROPEMAP_OK);
    static const ropemap_dtype dtypes[] = {ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_BF16, ROPEMAP_DTYPE_FP16};
    const bench_case *benchmark = NULL;
    for (int index = 0; (benchmark = benchmark_at("cuda", index)) != NULL; index++) {
        for (ropemap_pool pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
            for (int i = 0; i < 3 && has_pool(benchmark, pool); i++) {
                check_benchmark(benchmark, &gpu, dtypes[i], pool);
            }
        }
    }
    gpu_close(&gpu);
    linked_check_clean("checks");
}

/* ---- formulas, counted one operation after another */

static double ceiling_runs(const char *name, const bench_shape *shape) {
    return named("cuda", name)->ceilings[0].runs(named("cuda", name), shape);
}

static void test_formulas(void **state) {
    timed_gpu gpu = {.side = 64, .chunk_floats = 1024, .device = {.block = 16}};
    bench_shape shape = {.positions = 100,
                         .head_dim = 8,
                         .width = 9,
                         .height = 300, /* there are no more cells than positions */
                         .gpu = &gpu,
                         .dtype = ROPEMAP_DTYPE_BF16,
                         .heads = {.queries = 3, .keys = 2},
                         .block = 32};
    const double pairs = 100.0 * 4.0, elements = 100.0 * 8.0, tile = 32.0 * 32.0;
    assert_near(named("cuda", "rotate")->bytes(&shape), 2.0 * 5.0 * elements * 2.0, 0.0);
    assert_near(named("cuda", "rotate")->flops(&shape), pairs * (17 + 2) + 5.0 * pairs * 6.0, 0.0);
    bench_shape far = shape; /* fp32, without heads of its own */
    far.dtype = ROPEMAP_DTYPE_FP32;
    far.heads = (bench_heads){.queries = 0};
    assert_near(named("cuda", "rotate far")->bytes(&far), 2.0 * 2.0 * elements * 4.0, 0.0);
    assert_near(named("cuda", "rotate far")->flops(&far), pairs * (17 + 2) + 2.0 * pairs * 6.0, 0.0);
    assert_near(named("cuda", "similarity")->flops(&shape), tile * 8.0 * 2.0, 0.0);
    assert_near(named("cuda", "similarity")->bytes(&shape), 2.0 * 32.0 * 8.0 * 2.0 + tile * 4.0, 0.0);
    assert_near(ceiling_runs("similarity", &shape), tile * 8.0 / (64.0 * 64.0 * 64.0), 1e-15);
    assert_near(named("cuda", "pool")->bytes(&shape), tile * 4.0, 0.0);
    assert_near(named("cuda", "tile")->bytes(&shape), 2.0 * 32.0 * 8.0 * 2.0 + 2.0 * tile * 4.0, 0.0);
    bench_shape band = shape; /* four blocks of 16 queries, and all keys */
    assert_near(named("cuda", "fused")->flops(&band), 64.0 * 100.0 * 8.0 * 2.0, 0.0);
    assert_near(named("cuda", "fused")->bytes(&band), (64.0 + 100.0) * 8.0 * 2.0, 0.0);
    const double cells = 9.0 * 100.0;
    assert_near(named("cuda", "map mean")->bytes(&shape), 2.0 * elements * 4.0 + cells * 4.0, 0.0);
    assert_near(named("cuda", "map mean")->flops(&shape), cells * 8.0 * 2.0 + 2.0 * (25.0 * pairs + elements),
                0.0);
    assert_near(ceiling_runs("map mean", &shape), 2.0 * elements / 1024.0, 1e-15);
    assert_near(named("cuda", "map")->flops(&shape), 1e4 * 8.0 * 2.0 + 2.0 * 25.0 * pairs, 0.0);
    assert_near(ceiling_runs("map", &shape), 1e4 / 256.0, 1e-12);
    assert_near(named("cuda", "map")->memory_target(&shape), 2.0 * elements * 4.0 + 268435456.0, 0.0);
    shape.block = 200; /* no tile is larger than the map */
    assert_near(named("cuda", "pool")->bytes(&shape), 1e4 * 4.0, 0.0);
}

/* ---- the clock */

static void test_runs_of_a_sample(void **state) {
    assert_int_equal(timing_runs(1.0), 1);
    assert_int_equal(timing_runs(2e-3), 1);
    assert_int_equal(timing_runs(1.99e-3), 2);
    assert_int_equal(timing_runs(10e-6), 200);
    assert_int_equal(timing_runs(0.0), 1000);
}

static void test_reasons(void **state) {
    char words[120];
    assert_false(nvml_throttled(0));
    assert_false(nvml_throttled(0x1 | 0x2 | 0x100)); /* idle, or held by a setting */
    for (uint64_t bit = 0x4; bit <= 0x80; bit *= 2) {
        assert_true(nvml_throttled(bit));
        nvml_words(bit | 0x1, words, sizeof words);
        assert_true(words[0] != '\0' && strchr(words, ',') == NULL);
    }
    nvml_words(0xffff, words, sizeof words);
    assert_int_equal(strlen(words),
                     strlen("power cap, hardware slowdown, kept in step with others, heat, heat "
                            "(hardware), power brake"));
    nvml_words(0x1, words, sizeof words);
    assert_string_equal(words, "");
}

/* ---- in a graph */

static const char *const in_graphs[] = {"rotate", "rotate far", "similarity"};

static void assert_ok(ropemap_status status, const ropemap_error *error) {
    if (status != ROPEMAP_OK) {
        fail_msg("%s", error->text);
    }
}

/* What is recorded does not run, and runs at each launch. */
static void check_graph(const bench_case *benchmark, timed_gpu *gpu) {
    const bench_shape shape = small_shape(benchmark, gpu, ROPEMAP_DTYPE_BF16);
    ropemap_error error = {0};
    void *opened = open_shape(benchmark, &shape);
    run_times(benchmark, gpu, opened, 1);
    assert_ok(bench_spoil(opened, &error), &error);
    assert_ok(gpu->timing->record_begin(gpu->context, &error), &error);
    for (int i = 0; i < 3; i++) {
        assert_ok(benchmark->stage->run(opened, &error), &error);
    }
    assert_ok(gpu->timing->record_end(gpu->context, &error), &error);
    for (int launch = 0; launch < 3; launch++) {
        assert_ok(gpu->backend->finish(gpu->context, &error), &error);
        const check_result result = checked(benchmark, opened);
        assert_int_equal(result.wrong, launch == 0 ? result.checked : 0);
        assert_ok(bench_spoil(opened, &error), &error);
        assert_ok(gpu->timing->graph(gpu->context, &error), &error);
    }
    run_times(benchmark, gpu, opened, 1);
    assert_right(benchmark, opened);
    bench_close(opened);
}

static void test_a_graph_runs_what_was_recorded(void **state) {
    for (int late = 0; late < 2; late++) {
        timed_gpu gpu;
        fake_late(late != 0);
        assert_int_equal(gpu_open(&gpu, 0, NULL), ROPEMAP_OK);
        for (size_t i = 0; i < sizeof in_graphs / sizeof in_graphs[0]; i++) {
            check_graph(named("cuda", in_graphs[i]), &gpu);
        }
        gpu_close(&gpu);
        linked_check_clean("graphs");
    }
}

/* Faults of a stage while it is recorded. */
typedef enum fault { NO_FAULT, ALLOCATES, WAITS, COPIES, ELSEWHERE, LEFT_OUT, FAILS, FAULTS } fault;

static fault planted;
static cudaStream_t elsewhere;

static ropemap_status run_planted(void *opened, ropemap_error *error) {
    const bench_case *rotate = named("cuda", "rotate");
    const timed_gpu *gpu = ((bench_state *)opened)->shape.gpu;
    const bool recorded = fake_calls("cudaStreamBeginCapture") > fake_calls("cudaStreamEndCapture");
    void *memory = NULL;
    float pageable = 0.0f;
    switch (recorded ? planted : NO_FAULT) {
    case ALLOCATES:
        assert_int_equal(cudaMalloc(&memory, 16), cudaErrorStreamCaptureUnsupported);
        break;
    case WAITS:
        RM_TRY(rotate->stage->run(opened, error));
        return gpu->backend->finish(gpu->context, error);
    case COPIES:
        assert_int_not_equal(gpu->timing->upload(gpu->context, &pageable, gpu->scratch, 4, NULL), ROPEMAP_OK);
        return ROPEMAP_OK;
    case ELSEWHERE:
        assert_int_not_equal(cudaMemsetAsync(gpu->scratch, 0, 4, elsewhere), cudaSuccess);
        break;
    case LEFT_OUT:
        return ROPEMAP_OK;
    case FAILS:
        fake_fail("rm_rotate_launch", 1, 0);
        break;
    case NO_FAULT:
    case FAULTS:
        break;
    }
    return rotate->stage->run(opened, error);
}

static bench_row rotate_row(timed_gpu *gpu) {
    const bench_options options = {.samples = 2, .seconds = 1.0};
    bench_stage stage = *named("cuda", "rotate")->stage;
    bench_case benchmark = *named("cuda", "rotate");
    bench_row row;
    ropemap_error error = {0};
    stage.run = run_planted;
    benchmark.stage = &stage;
    const bench_shape shape = small_shape(&benchmark, gpu, ROPEMAP_DTYPE_FP16);
    assert_ok(benchmark_measure(&benchmark, &shape, &options, &row, &error), &error);
    assert_true(row.samples == 2 && row.median > 0.0 && row.cold > 0.0 && row.share > 0.0);
    assert_true(row.checked > 0 && row.wrong == 0);
    return row;
}

static void assert_no_graph(const bench_row *row, const char *why) {
    if (row->graph != 0.0 || strstr(row->no_graph, why) == NULL) {
        fail_msg("in a graph %g s, not for '%s': %s", row->graph, why, row->no_graph);
    }
}

static void test_a_fault_in_a_graph_is_caught(void **state) {
    static const char *const reasons[FAULTS] = {
        [ALLOCATES] = "rm_rotate_launch failed",
        [WAITS] = "cudaStreamSynchronize failed",
        [COPIES] = "cudaStreamEndCapture failed",
        [ELSEWHERE] = "rm_rotate_launch failed",
        [LEFT_OUT] = "elements wrong",
        [FAILS] = "rm_rotate_launch failed",
    };
    timed_gpu gpu;
    assert_int_equal(gpu_open(&gpu, 0, NULL), ROPEMAP_OK);
    assert_int_equal(cudaStreamCreateWithFlags(&elsewhere, cudaStreamNonBlocking), cudaSuccess);
    for (planted = NO_FAULT + 1; planted < FAULTS; planted++) {
        const bench_row row = rotate_row(&gpu);
        assert_no_graph(&row, reasons[planted]);
        assert_int_equal(fake_look().complaints, planted == ELSEWHERE ? 1 : 0);
        fake_reset();
        fake_memory(MEMORY);
    }
    planted = NO_FAULT;
    const bench_row row = rotate_row(&gpu);
    assert_true(row.graph > 0.0 && row.no_graph[0] == '\0');
    assert_int_equal(cudaStreamDestroy(elsewhere), cudaSuccess);
    gpu_close(&gpu);
    linked_check_clean("faults in graphs");
}

/* The row is what it is without a graph, and the next one has its own. */
static void test_a_graph_that_fails(void **state) {
    static const struct {
        const char *call;
        int countdown;
        bool matters;
    } cases[] = {
        {"cudaStreamBeginCapture", 1, true},
        {"cudaStreamEndCapture", 1, true},
        {"cudaGraphInstantiateWithFlags", 1, true},
        {"cudaGraphLaunch", 1, true},
        {"cudaGraphLaunch", 2, true},
        {"cudaGraphLaunch", 3, true},
        {"cudaGraphDestroy", 1, false},
        {"cudaGraphExecDestroy", 1, false},
    };
    timed_gpu gpu;
    assert_int_equal(gpu_open(&gpu, 0, NULL), ROPEMAP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_fail(cases[i].call, cases[i].countdown, 0);
        const bench_row row = rotate_row(&gpu);
        if (cases[i].matters) {
            assert_string_equal(fake_failed(), cases[i].call);
            assert_no_graph(&row, cases[i].call);
        }
        fake_fail(NULL, 0, 0);
        assert_true(rotate_row(&gpu).graph > 0.0);
    }
    gpu_close(&gpu);
    linked_check_clean("graphs that fail");
}

/* ---- whole runs, and every call that can fail */

static int count(void *user, const bench_row *row) {
    ++*(int *)user;
    assert_string_equal(row->backend, "cuda");
    assert_int_equal(row->wrong, 0);
    assert_true(row->failure[0] != '\0' ? row->samples == 0
                                        : row->samples == 1 && row->cold > 0.0 && row->cold_share > 0.0);
    assert_true(row->failure[0] != '\0' || (row->graph > 0.0) == (row->no_graph[0] == '\0'));
    return 0;
}

static ropemap_status run_tiny(uint32_t which, int *rows, bench_gpu *gpu, ropemap_error *error) {
    const bench_options options = {.backend = "cuda",
                                   .which = which,
                                   .positions = {.values = {18}, .count = 1},
                                   .head_dims = {.values = {4}, .count = 1},
                                   .blocks = {.values = {16}, .count = 1},
                                   .dtypes = {.values = {ROPEMAP_DTYPE_FP16}, .count = 1},
                                   .heads = {.values = {BENCH_HEADS(2, 0)}, .count = 1},
                                   .layout = BENCH_HALF,
                                   .size = {2, 2},
                                   .samples = 1,
                                   .seconds = 1.0,
                                   .gpu = gpu,
                                   .report = count,
                                   .report_user = rows};
    return bench_run(&options, error);
}

static void test_a_tiny_run(void **state) {
    int rows = 0;
    bench_gpu gpu = {0};
    ropemap_error error = {0};
    if (run_tiny(1u << BENCH_ROTATE | 1u << BENCH_SIMILARITY, &rows, &gpu, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(rows, 3);
    assert_string_equal(gpu.gpu.name, "Emulated GPU");
    assert_true(gpu.copy_rate > 0.0 && gpu.product_side >= 64);
    for (int dtype = 0; dtype < 4; dtype++) {
        assert_true((gpu.product_rates[dtype] > 0.0) == (dtype == ROPEMAP_DTYPE_FP16));
    }
    linked_check_clean("a tiny run");
}

/* Which call is the k-th does not depend on time but for how often short runs are repeated: so the end of the
 * loop is a run that nothing failed in, wherever that is. */
static void test_every_call_that_fails(void **state) {
    for (int call = 1; call < CALLS_MOST; call += CASE_STEP * (1 + call / 8)) {
        int rows = 0;
        ropemap_error error = {0};
        fake_reset();
        fake_memory(MEMORY);
        fake_fail("*", call, 0);
        const ropemap_status status = run_tiny(1u << BENCH_POOL, &rows, NULL, &error);
        const bool failed = fake_failed() != NULL;
        if (status != ROPEMAP_OK && (status != ROPEMAP_RESOURCES || error.text[0] == '\0' || !failed)) {
            fail_msg("call %d: status %d, %s", call, (int)status, error.text);
        }
        linked_check_clean("a call that fails");
        if (!failed) {
            assert_int_equal(status, ROPEMAP_OK);
            return;
        }
    }
    fail_msg("no run ended within %d calls", CALLS_MOST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_numbers_there_and_back, set_up),
        cmocka_unit_test_setup(test_checks, set_up),
        cmocka_unit_test_setup(test_formulas, set_up),
        cmocka_unit_test_setup(test_runs_of_a_sample, set_up),
        cmocka_unit_test_setup(test_reasons, set_up),
        cmocka_unit_test_setup(test_a_graph_runs_what_was_recorded, set_up),
        cmocka_unit_test_setup(test_a_fault_in_a_graph_is_caught, set_up),
        cmocka_unit_test_setup(test_a_graph_that_fails, set_up),
        cmocka_unit_test_setup(test_a_tiny_run, set_up),
        cmocka_unit_test_setup(test_every_call_that_fails, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
