/* test_cuda_room.c - what a map takes of a GPU's memory besides its inputs, by its plan */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "host/ropemap_machine.h"
#include "tests/computed.h"
#include "tests/emu/linked.h"
#include "tests/unit.h"

enum { ROOM = 256 * 1048576 };

/* A GPU with 50 MiB of cache and 80 GB of memory. */
static void large_gpu(int32_t head_dim) {
    const ropemap_gpu gpu = {.major = 9, .cache = UINT64_C(50) * 1048576, .memory = UINT64_C(80) << 30};
    linked_gpu = rm_gpu_device(&gpu, head_dim);
}

static void check(const ropemap_request *request) {
    ropemap_plan plan;
    ropemap_error error = {0};
    const ropemap_status status = plan_make(request, &plan, &error);
    if (status == ROPEMAP_USAGE) {
        return; /* a method that does not serve */
    }
    if (status != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    const double rows = (double)(request->rows.count + request->cols.count);
    const double inputs = 4.0 * rows * request->spec.head_dim;
    if ((double)plan.device_bytes > inputs + ROOM) {
        fail_msg("%lld positions, d = %d, %s, %s, causal %d: %llu bytes besides %g of inputs",
                 (long long)request->rows.count, (int)request->spec.head_dim,
                 ropemap_pool_name(request->pool), ropemap_method_name(plan.method), request->mask.causal,
                 (unsigned long long)plan.device_bytes, inputs);
    }
}

static void check_methods(ropemap_request request) {
    for (int method = 0; ropemap_method_name((ropemap_method)method) != NULL; method++) {
        request.method = (ropemap_method)method;
        /* second moments of long heads are never chosen, and asked for have to be somewhere */
        const bool asked = method == ROPEMAP_METHOD_FACTORED && request.pool >= ROPEMAP_POOL_RMS;
        if (!asked || request.spec.head_dim <= 256) {
            check(&request);
        }
    }
}

static void no_plan_takes_more(void **state) {
    static const int32_t dims[] = {2, 64, 96, 128, 256, 512};
    static const int64_t counts[] = {1, 4096, 65536, 1000003, INT64_C(1) << 30};
    for (int dim = 0; dim < 6; dim++) {
        ropemap_vectors *vectors = NULL;
        large_gpu(dims[dim]);
        assert_int_equal(ropemap_vectors_gauss(dims[dim], 1, 0, &vectors, NULL), ROPEMAP_OK);
        for (int count = 0; count < 5; count++) {
            for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
                for (int variant = 0; variant < 16; variant++) {
                    ropemap_request request = ropemap_request_default();
                    request.spec.head_dim = dims[dim];
                    request.queries = request.keys = vectors;
                    request.backend = "cuda";
                    request.rows.count = request.cols.count = counts[count];
                    request.pool = (ropemap_pool)pool;
                    request.mask.causal = (variant & 1) != 0;
                    request.threads = (variant & 2) != 0 ? 8 : 1;
                    request.width = request.height = (variant & 4) != 0 ? 4096 : 256;
                    request.dtype = (variant & 8) != 0 ? ROPEMAP_DTYPE_BF16 : ROPEMAP_DTYPE_FP32;
                    check_methods(request);
                }
            }
        }
        ropemap_vectors_free(vectors);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_plan_takes_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
