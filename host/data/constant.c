/* constant.c - every row the unit vector with equal entries */
/* SPDX-License-Identifier: MIT */
#include "host/data/source.h"

#include <math.h>
#include <stdio.h>

static ropemap_status read_rows(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                float *rows, ropemap_error *error) {
    (void)first;
    (void)step;
    (void)error;
    const float entry = (float)(1.0 / sqrt((double)vectors->head_dim));
    for (int64_t i = 0; i < count * vectors->head_dim; i++) {
        rows[i] = entry;
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_vectors_ones(int32_t head_dim, ropemap_vectors **vectors, ropemap_error *error) {
    *vectors = NULL;
    RM_TRY(rm_source_check_head_dim("ones", head_dim, ROPEMAP_USAGE, error));
    ropemap_vectors *ones = rm_source_alloc(sizeof *ones, head_dim, error);
    if (ones == NULL) {
        return ROPEMAP_RESOURCES;
    }
    ones->constant = true;
    ones->read = read_rows;
    (void)snprintf(ones->label, sizeof ones->label, "ones");
    *vectors = ones;
    return ROPEMAP_OK;
}
