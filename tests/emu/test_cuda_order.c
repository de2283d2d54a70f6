/* test_cuda_order.c - tiles that are made on one stream and pooled on another: no wait between the two is
 * missing, and each that is left out is noticed */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"

#include "host/map/job.h"
#include "tests/computed.h"
#include "tests/unit.h"

enum { HEAD_DIM = 4, WAITS_MOST = 1000 };

static ropemap_vectors *queries, *keys;

/* Cells of 256 positions a side, as tiles have: all tiles come in pieces of one size, so that their memory
 * does not grow on the way, which would wait for all work. */
static ropemap_request request_of(ropemap_pool pool, int64_t rows, int64_t cols) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = HEAD_DIM;
    request.rows.count = rows;
    request.cols.count = cols;
    request.height = rows / 256;
    request.width = cols / 256;
    request.method = ROPEMAP_METHOD_TILED;
    request.pool = pool;
    request.queries = queries;
    request.keys = keys;
    request.threads = 1;
    request.backend = "cuda";
    return request;
}

static void compute(const ropemap_request *request) {
    ropemap_map map = {0};
    map_compute("order", request, &map);
    ropemap_map_free(&map);
}

/* What leaving out one wait after the other came to. */
struct found {
    long early, late,
        other; /* tiles pooled before they were made, overwritten before they were pooled, others */
    long unnoticed;
    long uploads; /* of a run */
};

/* Kernels need not run: what they touch is known when they are launched. */
static struct found leave_out(const ropemap_request *request) {
    struct found found = {0};
    fake_kernels(false);
    fake_reset();
    compute(request);
    linked_check_clean("nothing left out");
    found.uploads = fake_calls("cudaEventSynchronize"); /* once each, and nothing else */
    for (int wait = 1;; wait++) {
        assert_true(wait < WAITS_MOST);
        fake_reset();
        fake_forget_wait(wait);
        compute(request);
        if (!fake_forgot()) {
            break;
        }
        const fake_state seen = fake_look();
        const bool early = strncmp(seen.complaint, "rm_pool_launch reads what cublasGemm", 36) == 0;
        const bool late =
            strncmp(seen.complaint, "cublasGemm", 10) == 0 &&
            strstr(seen.complaint, "writes what rm_pool_launch of another stream reads") != NULL;
        found.early += early;
        found.late += late;
        found.other += seen.complaints > 0 && !early && !late;
        found.unnoticed += seen.complaints == 0;
    }
    fake_forget_wait(0);
    fake_kernels(true);
    fake_reset();
    return found;
}

/* Only waits for copies may be left out unnoticed, two for each: the host waits for copies too. */
static void check_waits(const char *name, const ropemap_request *request) {
    const struct found found = leave_out(request);
    if (found.early == 0 || found.late == 0 || found.unnoticed > 2 * found.uploads) {
        fail_msg(
            "%s: left out, %ld tiles are read too early, %ld overwritten too early, %ld other complaints; "
            "%ld waits are not missed in %ld uploads",
            name, found.early, found.late, found.other, found.unnoticed, found.uploads);
    }
}

static void test_every_wait_that_is_left_out(void **state) {
    ropemap_request request = request_of(ROPEMAP_POOL_STD, 1024, 1024);
    linked_gpu.tile_bytes = 2 * 256 * 256 * sizeof(float);
    check_waits("two tiles of one block", &request);
    linked_gpu.tile_bytes = 0;
    request = request_of(ROPEMAP_POOL_MAX, 1024, 512);
    check_waits("one tile", &request);
    linked_gpu_small();
}

/* While a tile is pooled the next is made: with work that is done as late as can be, a product is given, and
 * not done, when the one before it is not yet pooled. So it is a matter of the streams alone. */
static void test_the_stages_of_two_tiles_overlap(void **state) {
    rm_plugin plugin;
    rm_context *context = NULL;
    float *memory = NULL;
    rm_accumulator cells = {0};
    float extreme[1];
    assert_int_equal(rm_plugin_open(&plugin, NULL), ROPEMAP_OK);
    const rm_backend *cuda = plugin.table.backend;
    assert_int_equal(cuda->open(&context, &linked_gpu, NULL), ROPEMAP_OK);
    assert_int_equal(cuda->reserve(context, 4 * 16, "test", &memory, NULL), ROPEMAP_OK);
    float rows[16] = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            cuda->write(context, rm_view_dense(rows, 4, 4), rm_view_dense(memory + 16 * i, 4, 4), NULL),
            ROPEMAP_OK);
    }
    const ropemap_range range = {.count = 4, .step = 1};
    const rm_grid grid = {.rows = {.range = range, .cells = 1}, .cols = {.range = range, .cells = 1}};
    cells = (rm_accumulator){.pool = ROPEMAP_POOL_MAX, .rows = 1, .cols = 1, .extreme = extreme};
    fake_late(true);
    assert_int_equal(cuda->cells_begin(context, &cells, NULL), ROPEMAP_OK);
    for (int tile = 0; tile < 2; tile++) {
        const rm_view q = rm_view_dense(memory, 4, 4), to = rm_view_dense(memory + 32 + 16 * tile, 4, 4);
        assert_int_equal(cuda->similarity(context, ROPEMAP_DTYPE_FP32, 1, q, q, to, NULL), ROPEMAP_OK);
        const long before = fake_calls("cudaStreamWaitEvent");
        assert_int_equal(cuda->pool(context, &grid, to, 0, 0, &cells, NULL), ROPEMAP_OK);
        assert_int_equal(fake_calls("cudaStreamWaitEvent"),
                         before + 1); /* pooling for making, not the reverse */
    }
    assert_int_equal(cuda->cells_end(context, &cells, NULL), ROPEMAP_OK);
    assert_true(extreme[0] == 0.0f);
    fake_late(false);
    cuda->release(context, memory);
    cuda->close(context);
    rm_plugin_close(&plugin);
    linked_check_clean("two tiles");
}

/* ---- how many tiles, of how many blocks */

static ropemap_job job_with(int64_t block, int32_t threads, int64_t bands, uint64_t tiles) {
    return (ropemap_job){
        .device = {.tile_workers = 2, .tile_bytes = tiles * (uint64_t)(block * block) * sizeof(float)},
        .plan = {.block = block, .band = 4 * block, .threads = threads, .bands = bands}};
}

static void test_how_many_tiles(void **state) {
    static const struct {
        int32_t threads;
        int64_t bands;
        uint64_t tiles; /* that there is room for */
        int64_t slots, batch;
    } cases[] = {{2, 9, 0, 1, 1},  {2, 9, 2, 1, 1},  {2, 9, 3, 1, 1}, {1, 9, 2, 2, 1},
                 {2, 1, 2, 2, 1},  {2, 9, 4, 2, 1},  {2, 9, 7, 2, 1}, {2, 9, 8, 2, 2},
                 {2, 9, 15, 2, 2}, {2, 9, 16, 2, 4}, {1, 9, 99, 2, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const ropemap_job job = job_with(512, cases[i].threads, cases[i].bands, cases[i].tiles);
        assert_int_equal(rm_tile_slots(&job), cases[i].slots);
        assert_int_equal(rm_tile_batch(&job), cases[i].batch);
    }
    ropemap_job job = job_with(512, 2, 9, 99);
    job.plan.band = job.plan.block; /* there is nothing to put together */
    assert_int_equal(rm_tile_batch(&job), 1);
}

static int make_vectors(void **state) {
    linked_gpu_small();
    return ropemap_vectors_gauss(HEAD_DIM, 1, 0, &queries, NULL) == ROPEMAP_OK &&
                   ropemap_vectors_gauss(HEAD_DIM, 1, 1, &keys, NULL) == ROPEMAP_OK
               ? 0
               : -1;
}

static int free_vectors(void **state) {
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_wait_that_is_left_out),
        cmocka_unit_test(test_the_stages_of_two_tiles_overlap),
        cmocka_unit_test(test_how_many_tiles),
    };
    return cmocka_run_group_tests(tests, make_vectors, free_vectors);
}
