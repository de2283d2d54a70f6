/* test_vectors.c - rows of ones and from memory, how files are recognised, and what every source answers */
/* SPDX-License-Identifier: MIT */
#include "host/base/text.h"
#include "host/data/vectors.h"
#include "tests/scratch.h"
#include "tests/unit.h"

#include <math.h>

static scratch place;

static void ones_are_unit_vectors(void **state) {
    static const int32_t dims[] = {2, 6, 128, 4096};
    static float rows[3 * 4096];
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        ropemap_vectors *ones = NULL;
        assert_int_equal(ropemap_vectors_ones(dims[i], &ones, NULL), ROPEMAP_OK);
        assert_true(ones->constant);
        assert_null(ones->borrow);
        assert_string_equal(ones->label, "ones");
        assert_int_equal(ropemap_vectors_count(ones), ROPEMAP_POSITION_END);
        assert_int_equal(ropemap_vectors_head_dim(ones), dims[i]);
        assert_int_equal(ropemap_vectors_heads(ones), 1);
        rows[2 * dims[i]] = 9.0f;
        assert_int_equal(ones->read(ones, ROPEMAP_POSITION_END - 5, 2, 4, rows, NULL), ROPEMAP_OK);
        assert_true(rows[2 * dims[i]] == 9.0f);
        for (int32_t k = 0; k < 2 * dims[i]; k++) { /* 1 / sqrt(d), rounded once */
            assert_true(fabs((double)rows[k] * sqrt((double)dims[i]) - 1.0) <= ldexp(1.0, -23));
        }
        ropemap_vectors_free(ones);
    }
}

static void rows_in_memory_are_borrowed(void **state) {
    enum { COUNT = 11, DIM = 4 };
    float rows[COUNT * DIM], copy[COUNT * DIM];
    for (int i = 0; i < COUNT * DIM; i++) {
        rows[i] = (float)i;
    }
    ropemap_vectors *memory = NULL;
    assert_int_equal(ropemap_vectors_memory(rows, COUNT, DIM, &memory, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_count(memory), COUNT);
    assert_int_equal(ropemap_vectors_head_dim(memory), DIM);
    assert_int_equal(ropemap_vectors_heads(memory), 1);
    assert_false(memory->constant);
    assert_ptr_equal(memory->borrow(memory, 0), rows);
    assert_ptr_equal(memory->borrow(memory, 10), rows + 10 * DIM);
    assert_int_equal(memory->read(memory, 0, COUNT, 1, copy, NULL), ROPEMAP_OK);
    assert_memory_equal(copy, rows, sizeof rows);
    assert_int_equal(memory->read(memory, 1, 4, 3, copy, NULL), ROPEMAP_OK);
    for (int i = 0; i < 4 * DIM; i++) {
        assert_true(copy[i] == (float)((1 + i / DIM * 3) * DIM + i % DIM));
    }
    ropemap_vectors_free(memory);
}

/* Element j of row i is i + 16 j, a number that every type holds exactly. */
static void rows_in_memory_may_be_of_any_type_and_stride(void **state) {
    enum { COUNT = 7, DIM = 6, PITCH = 9 };
    static const ropemap_element types[] = {ROPEMAP_ELEMENT_FP32, ROPEMAP_ELEMENT_FP64, ROPEMAP_ELEMENT_FP16,
                                            ROPEMAP_ELEMENT_BF16};
    (void)state;
    for (int type = 0; type < 4; type++) {
        const size_t size = types[type] == ROPEMAP_ELEMENT_FP32   ? 4
                            : types[type] == ROPEMAP_ELEMENT_FP64 ? 8
                                                                  : 2;
        uint8_t *bytes = malloc(COUNT * PITCH * size + 1), *data = bytes + 1; /* no alignment */
        for (int i = 0; i < COUNT * PITCH; i++) {
            const int value = i % PITCH < DIM ? i / PITCH + 16 * (i % PITCH) : -1;
            const float single = (float)value;
            const double twice = (double)value;
            uint32_t bits;
            memcpy(&bits, &single, sizeof bits);
            const uint16_t upper = (uint16_t)(bits >> 16);
            /* 5 bits of exponent where a float has 8; all values are whole and below 2048 */
            const uint16_t half =
                (uint16_t)(value == 0 ? 0 : (bits >> 16 & 0x8000) | (((bits >> 13) - (112u << 10)) & 0x7fff));
            const void *from[] = {&single, &twice, &half, &upper};
            memcpy(data + (size_t)i * size, from[type], size);
        }
        for (int down = 0; down < 2; down++) { /* upwards in memory, too */
            const ropemap_rows rows = {.data = down == 0 ? data : data + (COUNT - 1) * PITCH * size,
                                       .element = types[type],
                                       .count = COUNT,
                                       .stride = (down == 0 ? 1 : -1) * (int64_t)(PITCH * size),
                                       .head_dim = DIM,
                                       .heads = 3,
                                       .label = "view"};
            ropemap_vectors *vectors = NULL;
            float copy[3 * DIM];
            assert_int_equal(ropemap_vectors_rows(&rows, &vectors, NULL), ROPEMAP_OK);
            assert_null(vectors->borrow);
            assert_int_equal(ropemap_vectors_heads(vectors), 3);
            assert_string_equal(ropemap_vectors_label(vectors), "view");
            assert_int_equal(vectors->read(vectors, 1, 3, 2, copy, NULL), ROPEMAP_OK);
            for (int i = 0; i < 3 * DIM; i++) {
                const int row = 1 + 2 * (i / DIM);
                assert_true(copy[i] == (float)((down == 0 ? row : COUNT - 1 - row) + 16 * (i % DIM)));
            }
            ropemap_vectors_free(vectors);
        }
        free(bytes);
    }
}

static void arguments_are_checked(void **state) {
    const float rows[4] = {0};
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_vectors_ones(3, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "ones: head dimension 3 is odd");
    assert_int_equal(ropemap_vectors_ones(0, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "head dimension 0; it must be 2 to 4096");
    assert_int_equal(ropemap_vectors_memory(rows, 2, -2, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "head dimension -2");
    assert_int_equal(ropemap_vectors_memory(NULL, 2, 2, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "NULL");
    assert_int_equal(ropemap_vectors_memory(rows, 0, 2, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "0 rows");
    assert_int_equal(ropemap_vectors_memory(rows, ROPEMAP_POSITION_END + 1, 2, &vectors, &error),
                     ROPEMAP_USAGE);
    assert_says(error.text, "1099511627777 rows");
    ropemap_rows view = {.data = rows, .count = 2, .stride = 8, .head_dim = 2, .label = "view"};
    assert_int_equal(ropemap_vectors_rows(&view, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "view: 0 heads");
    view.heads = 1;
    view.element = (ropemap_element)4;
    assert_int_equal(ropemap_vectors_rows(&view, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "element 4");
    const ropemap_tensor none = {.path = NULL};
    assert_int_equal(ropemap_vectors_open(&none, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "path");
    assert_null(vectors);
    ropemap_vectors_free(NULL);
}

/* Smallest good files of both formats: a vector of two floats, 1 and 2. */
static const char NPY[] = "\x93NUMPY\x01\0\x3b\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"
                          "\0\0\x80\x3f\0\0\0\x40";
static const char SAFETENSORS[] =
    "\x38\0\0\0\0\0\0\0{\"q\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}"
    "\0\0\x80\x3f\0\0\0\x40";

static ropemap_status open_as(const char *name, const char *bytes, size_t size, ropemap_vectors **vectors,
                              ropemap_error *error) {
    scratch_write(&place, name, bytes, size);
    const ropemap_tensor tensor = {.path = place.path};
    return ropemap_vectors_open(&tensor, vectors, error);
}

static void assert_opens(const char *name, const char *bytes, size_t size, const char *label) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    if (open_as(name, bytes, size, &vectors, &error) != ROPEMAP_OK) {
        fail_msg("%s refused: %s", name, error.text);
    }
    float rows[2];
    assert_string_equal(vectors->label, label);
    assert_int_equal(vectors->read(vectors, 0, 1, 1, rows, &error), ROPEMAP_OK);
    assert_true(rows[0] == 1.0f && rows[1] == 2.0f);
    ropemap_vectors_free(vectors);
}

static void assert_refused(const char *name, const char *bytes, size_t size, const char *words) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    assert_int_equal(open_as(name, bytes, size, &vectors, &error), ROPEMAP_DATA);
    assert_says(error.text, words);
}

static void the_ending_decides_then_the_first_bytes(void **state) {
    assert_opens("a.npy", NPY, sizeof NPY - 1, "a.npy");
    assert_opens("a.bin", NPY, sizeof NPY - 1, "a.bin");
    assert_opens("npy", NPY, sizeof NPY - 1, "npy");
    assert_opens("a.safetensors", SAFETENSORS, sizeof SAFETENSORS - 1, "a.safetensors:q");
    assert_opens("a.bin", SAFETENSORS, sizeof SAFETENSORS - 1, "a.bin:q");
    assert_refused("a.npy", SAFETENSORS, sizeof SAFETENSORS - 1, "not a .npy file");
    assert_refused("a.safetensors", NPY, sizeof NPY - 1, "does not fit in a file of");
    assert_refused("a.bin", "nothing of the kind", 19, "not a .npy, .npz or .safetensors file");
    assert_refused("a.bin", "", 0, "not a .npy, .npz or .safetensors file");
    assert_refused("a.bin", NPY, 8, "not a .npy, .npz or .safetensors file");
}

static void labels_are_one_short_line(void **state) {
    char label[12];
    rm_label_make(label, sizeof label, "q.npy");
    assert_string_equal(label, "q.npy");
    rm_label_make(label, sizeof label, "");
    assert_string_equal(label, "");
    rm_label_make(label, sizeof label, "elevenbytes");
    assert_string_equal(label, "elevenbytes");
    rm_label_make(label, sizeof label, "twelve bytes");
    assert_string_equal(label, "...ve bytes");
    rm_label_make(label, sizeof label, "a\nb\x1b[\x7f\t");
    assert_string_equal(label, "a?b?[??");
    rm_label_make(label, sizeof label,
                  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9x"); /* not half an e' */
    assert_string_equal(label, "...\xc3\xa9\xc3\xa9\xc3\xa9x");
    rm_label_make(label, sizeof label,
                  "0123456\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"); /* no UTF-8 at all */
    assert_string_equal(label, "...");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ones_are_unit_vectors),
        cmocka_unit_test(rows_in_memory_are_borrowed),
        cmocka_unit_test(rows_in_memory_may_be_of_any_type_and_stride),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(the_ending_decides_then_the_first_bytes),
        cmocka_unit_test(labels_are_one_short_line),
    };
    place = scratch_open();
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failures;
}
