/* real_gpu.h - finds the GPU that a test is to run on, and skips the test where there is none */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_REAL_GPU_H
#define ROPEMAP_TESTS_REAL_GPU_H

#include "host/device/plugin.h"
#include "host/ropemap_machine.h"
#include "tests/unit.h"

#include <stdbool.h>

/*
 * A group's setup: prints what the tests run on, or why they are skipped. The backend stays loaded between
 * them, so that not every map pays for loading cuBLAS.
 */
static inline int real_gpu_find(void **state) {
    static rm_plugin plugin;
    ropemap_gpu gpu;
    ropemap_error error = {0};
    *state = NULL;
    if (ropemap_gpu_describe(0, &gpu, &error) != ROPEMAP_OK ||
        rm_plugin_open(&plugin, &error) != ROPEMAP_OK) {
        (void)printf("skipped: %s\n", error.text);
        return 0;
    }
    (void)printf("%s, compute capability %d.%d, %s, %s\n", gpu.name, (int)gpu.major, (int)gpu.minor,
                 plugin.table.about.runtime, plugin.table.about.blas);
    *state = &plugin;
    return 0;
}

/* A group's teardown. */
static inline int real_gpu_leave(void **state) {
    if (*state != NULL) {
        rm_plugin_close(*state);
    }
    return 0;
}

/* To begin each test with. */
static inline void real_gpu_need(void *const *state) {
    if (*state == NULL) {
        skip();
    }
}

/* An argument runs only the tests whose names match it, with * and ?. */
static inline void real_gpu_filter(int argc, char **argv) {
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
}

#endif
