/* numbers.c - the few numbers of a small .npy file, and frequencies */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/npy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBERS_MOST = 1 << 24 };

/* The last axis that is not of size 1 holds a row; those before it count rows. */
static ropemap_status check_shape(const rm_input *input, const rm_tensor *tensor, int64_t *rows,
                                  int64_t *count, ropemap_error *error) {
    uint64_t elements = 1, row = 1;
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        const uint64_t size = tensor->shape[axis];
        if (size == 0 || size > NUMBERS_MOST / elements) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: axis %" PRId32 " has %" PRIu64
                           " entries; a buffer of frequencies has 1 to %d numbers",
                           input->name, axis, size, NUMBERS_MOST);
        }
        elements *= size;
        row = size != 1 ? size : row;
    }
    *rows = (int64_t)(elements / row);
    *count = (int64_t)row;
    return ROPEMAP_OK;
}

static ropemap_status read(const rm_input *input, float **numbers, int64_t *rows, int64_t *count,
                           ropemap_error *error) {
    rm_tensor tensor;
    RM_TRY(rm_npy_parse(input, &tensor, error));
    RM_TRY(check_shape(input, &tensor, rows, count, error));
    const uint64_t bytes = rm_element_bytes(tensor.element);
    const uint64_t elements = (uint64_t)*rows * (uint64_t)*count, all = elements * bytes;
    uint8_t *stored = rm_alloc_raw(all, 1);
    *numbers = rm_alloc_raw(elements, sizeof **numbers);
    ropemap_status status = stored == NULL || *numbers == NULL
                                ? rm_fail_memory(error, "numbers", all)
                                : rm_input_read(input, tensor.offset, all, stored, error);
    if (status == ROPEMAP_OK) {
        rm_element_convert(tensor.element, stored, bytes, *numbers, 1, (int64_t)elements);
    } else {
        rm_free(*numbers);
        *numbers = NULL;
    }
    rm_free(stored);
    return status;
}

ropemap_status ropemap_numbers_read(const char *path, float **numbers, int64_t *rows, int64_t *count,
                                    ropemap_error *error) {
    rm_input input;
    *numbers = NULL;
    *rows = *count = 0;
    RM_TRY(rm_input_open(path, &input, error));
    const ropemap_status status = read(&input, numbers, rows, count, error);
    rm_input_close(&input);
    return status;
}

void ropemap_numbers_free(float *numbers) {
    rm_free(numbers);
}

/* ---- frequencies */

typedef struct table {
    ropemap_frequencies shown; /* first: it is what the caller frees */
    char name[RM_LABEL_BYTES + 48];
    double radians[]; /* [shown.pairs] */
} table;

/* [pairs] or [heads, pairs], apart from axes of size 1. */
static ropemap_status check_table(const rm_input *input, const rm_tensor *tensor, int64_t head,
                                  uint64_t *heads, uint64_t *pairs, ropemap_error *error) {
    uint64_t sizes[2] = {1, 1};
    int32_t count = 0;
    char shape[96];
    rm_tensor_shape_text(shape, sizeof shape, tensor);
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        if (tensor->shape[axis] != 1 && count++ < 2) {
            sizes[count - 1] = tensor->shape[axis];
        }
    }
    *heads = count == 2 ? sizes[0] : 1;
    *pairs = count == 2 ? sizes[1] : sizes[0];
    if (count > 2 || *heads == 0 || *heads > INT32_MAX || *pairs == 0 || *pairs > ROPEMAP_MAX_PAIRS) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: shape %s, frequencies are [pairs] or [heads, pairs], 1 to %d pairs", input->name,
                       shape, ROPEMAP_MAX_PAIRS);
    }
    return head >= 0 && (uint64_t)head < *heads ? ROPEMAP_OK
                                                : rm_fail(error, ROPEMAP_USAGE,
                                                          "%s: no frequencies of head %" PRId64
                                                          ", there are %" PRIu64 " heads, counted from 0",
                                                          input->name, head, *heads);
}

static ropemap_status read_radians(const rm_input *input, const rm_tensor *tensor, uint64_t heads,
                                   int64_t head, table *made, ropemap_error *error) {
    const uint64_t bytes = rm_element_bytes(tensor->element), pairs = (uint64_t)made->shown.pairs;
    const uint64_t row = (uint64_t)head * (tensor->fortran ? 1 : pairs), apart = tensor->fortran ? heads : 1;
    for (uint64_t i = 0; i < pairs; i++) {
        uint8_t stored[8] = {0};
        RM_TRY(rm_input_read(input, tensor->offset + (row + i * apart) * bytes, bytes, stored, error));
        made->radians[i] = rm_element_double(tensor->element, stored);
        if (!isfinite(made->radians[i])) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: the frequency of pair %" PRIu64 " is %g, not a number of "
                           "radians a token",
                           input->name, i, made->radians[i]);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status read_table(const rm_input *input, int64_t head, table **made, ropemap_error *error) {
    rm_tensor tensor;
    uint64_t heads = 1, pairs = 1;
    RM_TRY(rm_npy_parse(input, &tensor, error));
    RM_TRY(check_table(input, &tensor, head, &heads, &pairs, error));
    const uint64_t bytes = sizeof(table) + pairs * sizeof(double);
    table *whole = rm_alloc(1, bytes);
    *made = whole;
    if (whole == NULL) {
        return rm_fail_memory(error, input->name, bytes);
    }
    const char *slash = strrchr(input->name, '/'), *file = slash == NULL ? input->name : slash + 1;
    (void)snprintf(whole->name, sizeof whole->name, heads > 1 ? "%s, head %" PRId64 " of %" PRIu64 : "%s",
                   file, head, heads);
    whole->shown = (ropemap_frequencies){.radians = whole->radians,
                                         .pairs = (int32_t)pairs,
                                         .heads = (int64_t)heads,
                                         .name = whole->name,
                                         .note = tensor.assumed_bfloat ? RM_NOTE_BFLOAT : NULL};
    return read_radians(input, &tensor, heads, head, whole, error);
}

ropemap_status ropemap_frequencies_read(const char *path, int64_t head, ropemap_frequencies **frequencies,
                                        ropemap_error *error) {
    rm_input input;
    table *made = NULL;
    *frequencies = NULL;
    RM_TRY(rm_input_open(path, &input, error));
    const ropemap_status status = read_table(&input, head, &made, error);
    rm_input_close(&input);
    if (status != ROPEMAP_OK) {
        rm_free(made);
        return status;
    }
    *frequencies = &made->shown;
    return ROPEMAP_OK;
}

void ropemap_frequencies_free(ropemap_frequencies *frequencies) {
    rm_free(frequencies);
}
