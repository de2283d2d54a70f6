/* rows.c - rows in memory, as another program holds them */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/tensor.h"
#include "host/data/vectors.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct memory_vectors {
    ropemap_vectors base;
    const uint8_t *data; /* of row 0, borrowed */
    int64_t stride;      /* bytes from one row to the next */
    rm_element element;
} memory_vectors;

/* Rows one after another, of floats. */
static const float *borrow_rows(const ropemap_vectors *vectors, int64_t first) {
    return (const float *)(const void *)((const memory_vectors *)vectors)->data + first * vectors->head_dim;
}

static ropemap_status read_memory(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                  float *rows, ropemap_error *error) {
    (void)error;
    const memory_vectors *memory = (const memory_vectors *)vectors;
    const int64_t dim = vectors->head_dim;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *row = memory->data + (first + i * step) * memory->stride;
        rm_element_convert(memory->element, row, rm_element_bytes(memory->element), rows + i * dim, 1, dim);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_rows(const ropemap_rows *rows, ropemap_error *error) {
    RM_TRY(rm_source_check_head_dim(rows->label, rows->head_dim, ROPEMAP_USAGE, error));
    if (rows->data == NULL) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%.150s: data is NULL; it must point to count * head_dim numbers", rows->label);
    }
    if (rows->count < 1 || rows->count > ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%.150s: %" PRId64 " rows; give 1 to 2^40", rows->label,
                       rows->count);
    }
    return rows->heads >= 1 ? ROPEMAP_OK
                            : rm_fail(error, ROPEMAP_USAGE, "%.150s: %" PRId64 " heads; give 1 or more",
                                      rows->label, rows->heads);
}

ropemap_status ropemap_vectors_rows(const ropemap_rows *rows, ropemap_vectors **vectors,
                                    ropemap_error *error) {
    static const rm_element_kind kinds[] = {[ROPEMAP_ELEMENT_FP32] = RM_ELEMENT_F32,
                                            [ROPEMAP_ELEMENT_FP64] = RM_ELEMENT_F64,
                                            [ROPEMAP_ELEMENT_FP16] = RM_ELEMENT_F16,
                                            [ROPEMAP_ELEMENT_BF16] = RM_ELEMENT_BF16};
    *vectors = NULL;
    RM_TRY(check_rows(rows, error));
    if ((unsigned)rows->element >= sizeof kinds / sizeof *kinds) {
        return rm_fail(error, ROPEMAP_USAGE, "%.150s: element %d is none of ropemap_element", rows->label,
                       (int)rows->element);
    }
    memory_vectors *memory = rm_source_alloc(sizeof *memory, rows->head_dim, error);
    if (memory == NULL) {
        return ROPEMAP_RESOURCES;
    }
    const bool dense = rows->element == ROPEMAP_ELEMENT_FP32 &&
                       rows->stride == rows->head_dim * (int64_t)sizeof(float) &&
                       (uintptr_t)rows->data % sizeof(float) == 0;
    memory->data = rows->data;
    memory->stride = rows->stride;
    memory->element = (rm_element){.kind = kinds[rows->element], .big_endian = rm_host_is_big_endian()};
    memory->base.count = rows->count;
    memory->base.heads = rows->heads;
    memory->base.read = read_memory;
    memory->base.borrow = dense ? borrow_rows : NULL;
    (void)snprintf(memory->base.label, sizeof memory->base.label, "%s", rows->label);
    *vectors = &memory->base;
    return ROPEMAP_OK;
}

ropemap_status ropemap_vectors_memory(const float *rows, int64_t count, int32_t head_dim,
                                      ropemap_vectors **vectors, ropemap_error *error) {
    const ropemap_rows all = {.data = rows,
                              .count = count,
                              .stride = head_dim * (int64_t)sizeof *rows,
                              .head_dim = head_dim,
                              .heads = 1,
                              .label = "memory"};
    return ropemap_vectors_rows(&all, vectors, error);
}
