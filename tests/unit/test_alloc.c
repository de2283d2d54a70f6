/* test_alloc.c - counts that overflow are refused, memory is aligned, zeroed and freed */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "tests/unit.h"

static void products_that_overflow_are_refused(void **state) {
    /* products that wrap to 0, to a small number, and to just below 2^64 where padding would wrap */
    static const struct {
        uint64_t count;
        size_t size;
    } refused[] = {{(uint64_t)1 << 63, 2}, {((uint64_t)1 << 62) + 1, 4}, {UINT64_MAX, 1},
                   {UINT64_MAX, SIZE_MAX}, {UINT64_MAX / 2 + 10, 2},     {1, SIZE_MAX},
                   {2, SIZE_MAX / 2},      {UINT64_MAX - 62, 1}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_null(rm_alloc(refused[i].count, refused[i].size));
        assert_null(rm_alloc_raw(refused[i].count, refused[i].size));
    }
}

static void memory_is_aligned_and_writable_to_its_end(void **state) {
    for (uint64_t count = 0; count < 200; count++) {
        unsigned char *bytes = rm_alloc_raw(count, 1);
        double *doubles = rm_alloc(count, sizeof *doubles);
        assert_non_null(bytes);
        assert_non_null(doubles);
        assert_int_equal((uintptr_t)bytes % 64, 0);
        assert_int_equal((uintptr_t)doubles % 64, 0);
        memset(bytes, 0xa5, (size_t)count);
        for (uint64_t i = 0; i < count; i++) {
            assert_true(doubles[i] == 0.0);
        }
        rm_free(bytes);
        rm_free(doubles);
    }
}

static void reused_memory_is_zeroed(void **state) {
    enum { BYTES = 4096 };
    for (int round = 0; round < 8; round++) {
        unsigned char *memory = rm_alloc(BYTES, 1);
        assert_non_null(memory);
        for (int i = 0; i < BYTES; i++) {
            assert_int_equal(memory[i], 0);
        }
        memset(memory, 0xff, BYTES);
        rm_free(memory);
    }
}

static void empty_blocks_and_null_are_fine(void **state) {
    void *none = rm_alloc(0, 8), *empty = rm_alloc(8, 0);
    assert_non_null(none);
    assert_non_null(empty);
    assert_ptr_not_equal(none, empty);
    rm_free(none);
    rm_free(empty);
    rm_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_that_overflow_are_refused),
        cmocka_unit_test(memory_is_aligned_and_writable_to_its_end),
        cmocka_unit_test(reused_memory_is_zeroed),
        cmocka_unit_test(empty_blocks_and_null_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
