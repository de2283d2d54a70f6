/* test_cuda_session.c - what a session keeps of the CUDA backend: the second map starts nothing */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fake.h"
#include "tests/emu/linked.h"
#include "tests/unit.h"

static ropemap_request small_map(ropemap_session *session, const ropemap_vectors *vectors) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 8;
    request.queries = request.keys = vectors;
    request.rows.count = request.cols.count = 97;
    request.width = request.height = 13;
    request.pool = ROPEMAP_POOL_MAX;
    request.backend = "cuda";
    request.threads = 1; /* else chance decides which context multiplies */
    request.session = session;
    return request;
}

static void the_second_map_starts_nothing(void **state) {
    ropemap_session *session = NULL;
    ropemap_vectors *vectors = NULL;
    ropemap_map alone = {0}, first = {0}, second = {0};
    assert_int_equal(ropemap_vectors_gauss(8, 1, 0, &vectors, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_session_open(&session, NULL), ROPEMAP_OK);
    fake_reset();
    linked_gpu_small();
    const ropemap_request without = small_map(NULL, vectors), with = small_map(session, vectors);
    assert_int_equal(ropemap_map_compute(&without, &alone, NULL), ROPEMAP_OK);
    linked_check_clean("without a session");
    assert_int_equal(ropemap_map_compute(&with, &first, NULL), ROPEMAP_OK);
    const long handles = fake_calls("cublasCreate");
    const long device = fake_calls("cudaMalloc"), host = fake_calls("cudaMallocHost");
    assert_true(handles > 0 && device > 0 && host > 0);
    assert_int_equal(ropemap_map_compute(&with, &second, NULL), ROPEMAP_OK);
    assert_int_equal(fake_calls("cublasCreate"), handles);
    assert_int_equal(fake_calls("cudaMalloc"), device);
    assert_int_equal(fake_calls("cudaMallocHost"), host);
    const size_t bytes = (size_t)(alone.height * alone.width) * sizeof(float);
    assert_memory_equal(first.cells, alone.cells, bytes);
    assert_memory_equal(second.cells, alone.cells, bytes);
    ropemap_session_close(session);
    linked_check_clean("after the session");
    ropemap_map_free(&alone);
    ropemap_map_free(&first);
    ropemap_map_free(&second);
    ropemap_vectors_free(vectors);
}

/* A device that failed once may have lost its context: the next map opens its own. */
static void what_failed_is_not_kept(void **state) {
    ropemap_session *session = NULL;
    ropemap_vectors *vectors = NULL;
    ropemap_map map = {0};
    assert_int_equal(ropemap_vectors_gauss(8, 1, 0, &vectors, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_session_open(&session, NULL), ROPEMAP_OK);
    fake_reset();
    linked_gpu_small();
    const ropemap_request request = small_map(session, vectors);
    fake_fail("cudaLaunchKernel", 1, 0);
    assert_int_not_equal(ropemap_map_compute(&request, &map, NULL), ROPEMAP_OK);
    linked_check_clean("after a failure");
    const long handles = fake_calls("cublasCreate");
    assert_int_equal(ropemap_map_compute(&request, &map, NULL), ROPEMAP_OK);
    assert_true(fake_calls("cublasCreate") > handles);
    ropemap_session_close(session);
    linked_check_clean("after the session");
    ropemap_map_free(&map);
    ropemap_vectors_free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_map_starts_nothing),
        cmocka_unit_test(what_failed_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
