/* numbers.c - the few numbers of a small .npy file */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/npy.h"

#include <inttypes.h>
#include <string.h>

enum { NUMBERS_MOST = 8192 };

/* The axis that is not of size 1; the first where all are. */
static ropemap_status check_shape(const rm_input *input, const rm_tensor *tensor, int64_t *count,
                                  ropemap_error *error) {
    uint64_t elements = 1;
    int32_t long_axes = 0;
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        long_axes += tensor->shape[axis] != 1;
        elements = tensor->shape[axis] != 1 ? tensor->shape[axis] : elements;
    }
    if (long_axes > 1 || elements == 0 || elements > NUMBERS_MOST) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: %" PRId32 " axes longer than 1, one of %" PRIu64
                       " numbers, expected one axis of 1 to %d numbers",
                       input->name, long_axes, elements, NUMBERS_MOST);
    }
    *count = (int64_t)elements;
    return ROPEMAP_OK;
}

static ropemap_status read(const rm_input *input, float **numbers, int64_t *count, ropemap_error *error) {
    rm_tensor tensor;
    RM_TRY(rm_npy_parse(input, &tensor, error));
    RM_TRY(check_shape(input, &tensor, count, error));
    const uint64_t bytes = rm_element_bytes(tensor.element), all = (uint64_t)*count * bytes;
    uint8_t *stored = rm_alloc_raw(all, 1);
    *numbers = rm_alloc_raw((uint64_t)*count, sizeof **numbers);
    ropemap_status status = stored == NULL || *numbers == NULL
                                ? rm_fail_memory(error, "numbers", all)
                                : rm_input_read(input, tensor.offset, all, stored, error);
    if (status == ROPEMAP_OK) {
        rm_element_convert(tensor.element, stored, bytes, *numbers, 1, *count);
    } else {
        rm_free(*numbers);
        *numbers = NULL;
    }
    rm_free(stored);
    return status;
}

ropemap_status ropemap_numbers_read(const char *path, float **numbers, int64_t *count, ropemap_error *error) {
    rm_input input;
    *numbers = NULL;
    *count = 0;
    RM_TRY(rm_input_open(path, &input, error));
    const ropemap_status status = read(&input, numbers, count, error);
    rm_input_close(&input);
    return status;
}

void ropemap_numbers_free(float *numbers) {
    rm_free(numbers);
}
