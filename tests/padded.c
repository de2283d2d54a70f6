/* padded.c - views inside guarded memory, and contexts of the CPU backend to work on them */
/* SPDX-License-Identifier: MIT */
#include "tests/padded.h"

#include "cuda/arith.h"
#include "tests/unit.h"

enum { GAP = 5 };
static const uint32_t GUARD = 0x7fc12345; /* a NaN of a pattern that no arithmetic makes */

struct padded padded_new(int64_t rows, int64_t cols) {
    const int64_t stride = cols + GAP, floats = rows * stride + 2 * GAP;
    struct padded made = {.memory = malloc((size_t)floats * sizeof(float)), .floats = floats};
    assert_non_null(made.memory);
    for (int64_t i = 0; i < floats; i++) {
        made.memory[i] = rm_float_from_bits(GUARD);
    }
    made.view = (rm_view){.data = made.memory + GAP, .rows = rows, .cols = cols, .stride = stride};
    return made;
}

float *element(rm_view view, int64_t row, int64_t col) {
    return view.data + row * view.stride + col;
}

void check_guards(const struct padded *padded) {
    for (int64_t i = 0; i < padded->floats; i++) {
        const int64_t at = i - GAP;
        const bool inside = at >= 0 && at < padded->view.rows * padded->view.stride &&
                            at % padded->view.stride < padded->view.cols;
        if (!inside) {
            assert_int_equal(rm_bits_from_float(padded->memory[i]), GUARD);
        }
    }
}

static uint32_t random_bits(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

void fill_random(rm_view view, uint32_t seed) {
    for (int64_t i = 0; i < view.rows; i++) {
        for (int64_t j = 0; j < view.cols; j++) {
            *element(view, i, j) = (float)random_bits(&seed) * 0x1p-23f - 1.0f;
        }
    }
}

void fill_whole(rm_view view, uint32_t seed, bool wide) {
    for (int64_t i = 0; i < view.rows; i++) {
        for (int64_t j = 0; j < view.cols; j++) {
            *element(view, i, j) = (float)(random_bits(&seed) % 15) - 7.0f;
        }
        if (wide) {
            *element(view, i, 0) = 4097.0f;
        }
    }
}

void check_same_bits(const char *name, rm_view wanted, rm_view got) {
    for (int64_t i = 0; i < wanted.rows; i++) {
        for (int64_t j = 0; j < wanted.cols; j++) {
            const float a = *element(wanted, i, j), b = *element(got, i, j);
            if (rm_bits_from_float(a) != rm_bits_from_float(b)) {
                fail_msg("%s, row %lld, element %lld: %.9g, not %.9g", name, (long long)i, (long long)j,
                         (double)b, (double)a);
            }
        }
    }
}

rm_context *open_context(void) {
    rm_context *context = NULL;
    ropemap_error error = {0};
    const rm_device device = rm_cpu_device();
    if (rm_cpu_backend()->open(&context, &device, &error) != ROPEMAP_OK) {
        fail_msg("open: %s", error.text);
    }
    return context;
}
