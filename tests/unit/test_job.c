/* test_job.c - a map checks its rule, makes its frequencies and chooses its plan once, however often it runs
 */
/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>

#include "host/map/job.h"
#include "host/rule/rule.h"
#include "tests/unit.h"

/* The linker puts these in front of the library's own (--wrap in tests/CMakeLists.txt). */
ropemap_status __real_ropemap_spec_check(const ropemap_spec *spec, ropemap_error *error);
ropemap_status __wrap_ropemap_spec_check(const ropemap_spec *spec, ropemap_error *error);
ropemap_status __real_rm_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs, ropemap_error *error);
ropemap_status __wrap_rm_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs, ropemap_error *error);
ropemap_status __real_rm_plan_choose(ropemap_job *job, ropemap_error *error);
ropemap_status __wrap_rm_plan_choose(ropemap_job *job, ropemap_error *error);

/* Other tests of this program make maps from several threads. */
static atomic_int checks, frequencies, plans;

ropemap_status __wrap_ropemap_spec_check(const ropemap_spec *spec, ropemap_error *error) {
    checks++;
    return __real_ropemap_spec_check(spec, error);
}

ropemap_status __wrap_rm_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs, ropemap_error *error) {
    frequencies++;
    return __real_rm_freqs_make(spec, freqs, error);
}

ropemap_status __wrap_rm_plan_choose(ropemap_job *job, ropemap_error *error) {
    plans++;
    return __real_rm_plan_choose(job, error);
}

static void assert_once(void) {
    assert_int_equal(checks, 1);
    assert_int_equal(frequencies, 1);
    assert_int_equal(plans, 1);
}

static int start_counting(void **state) {
    checks = 0;
    frequencies = 0;
    plans = 0;
    return 0;
}

static ropemap_request small(ropemap_pool pool) {
    ropemap_request request = ropemap_request_default();
    request.rows.count = request.cols.count = 600;
    request.width = request.height = 40;
    request.pool = pool;
    request.backend = "cpu";
    return request;
}

static void one_map_of_each_method(void **state) {
    for (int method = ROPEMAP_METHOD_FACTORED; method <= ROPEMAP_METHOD_TILED; method++) {
        ropemap_request request = small(ROPEMAP_POOL_MEAN);
        ropemap_map map = {0};
        request.method = (ropemap_method)method;
        start_counting(NULL);
        assert_int_equal(ropemap_map_compute(&request, &map, NULL), ROPEMAP_OK);
        assert_once();
        ropemap_map_free(&map);
    }
}

static void a_job_is_planned_then_run_twice(void **state) {
    const ropemap_request request = small(ROPEMAP_POOL_MAX);
    ropemap_job *job = NULL;
    ropemap_map first = {0}, second = {0};
    assert_int_equal(ropemap_job_open(&request, &job, NULL), ROPEMAP_OK);
    const ropemap_plan plan = *ropemap_job_plan(job);
    assert_int_equal(plan.method, ROPEMAP_METHOD_DIAGONAL);
    assert_int_equal(ropemap_job_run(job, &first, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_job_run(job, &second, NULL), ROPEMAP_OK);
    assert_once();
    assert_memory_equal(&plan, &first.plan, sizeof plan);
    assert_memory_equal(first.cells, second.cells, 40 * 40 * sizeof(float));
    ropemap_map_free(&first);
    ropemap_map_free(&second);
    ropemap_job_free(job);
}

static void a_request_out_of_range_is_no_job(void **state) {
    ropemap_request request = small(ROPEMAP_POOL_MEAN);
    ropemap_error error = {0};
    ropemap_job *job = (ropemap_job *)&request;
    request.spec.base = 1.0;
    assert_int_equal(ropemap_job_open(&request, &job, &error), ROPEMAP_USAGE);
    assert_null(job);
    assert_says(error.text, "base: 1");
    assert_int_equal(frequencies + plans, 0);
    ropemap_job_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_map_of_each_method, start_counting),
        cmocka_unit_test_setup(a_job_is_planned_then_run_twice, start_counting),
        cmocka_unit_test_setup(a_request_out_of_range_is_no_job, start_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
