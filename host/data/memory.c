/* memory.c - rows that the caller holds */
/* SPDX-License-Identifier: MIT */
#include "host/data/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct memory_vectors {
    ropemap_vectors base;
    const float *rows; /* [count, head_dim], borrowed */
} memory_vectors;

static const float *borrow_rows(const ropemap_vectors *vectors, int64_t first) {
    return ((const memory_vectors *)vectors)->rows + first * vectors->head_dim;
}

static ropemap_status read_rows(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                float *rows, ropemap_error *error) {
    (void)error;
    const int64_t dim = vectors->head_dim;
    for (int64_t i = 0; i < count; i++) {
        memcpy(rows + i * dim, borrow_rows(vectors, first + i * step), (size_t)dim * sizeof *rows);
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_vectors_memory(const float *rows, int64_t count, int32_t head_dim,
                                      ropemap_vectors **vectors, ropemap_error *error) {
    *vectors = NULL;
    RM_TRY(rm_source_check_head_dim("memory", head_dim, ROPEMAP_USAGE, error));
    if (rows == NULL) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "memory: rows is NULL, it must point to count * head_dim floats");
    }
    if (count < 1 || count > ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "memory: %" PRId64 " rows, there must be 1 to 2^40", count);
    }
    memory_vectors *memory = rm_source_alloc(sizeof *memory, head_dim, error);
    if (memory == NULL) {
        return ROPEMAP_RESOURCES;
    }
    memory->rows = rows;
    memory->base.count = count;
    memory->base.read = read_rows;
    memory->base.borrow = borrow_rows;
    (void)snprintf(memory->base.label, sizeof memory->base.label, "memory");
    *vectors = &memory->base;
    return ROPEMAP_OK;
}
