/* numbers.c - the few numbers of a small .npy file */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/npy.h"

#include <inttypes.h>
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
