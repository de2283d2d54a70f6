/* vectors.c - where vectors come from: constant, random; and what every source has */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "host/base/alloc.h"
#include "host/base/processor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

typedef struct gauss_vectors {
    ropemap_vectors base;
    rm_normal normal; /* its scale is 1 / sqrt(head_dim) */
    rm_normal_kernel row;
} gauss_vectors;

static ropemap_status read_random(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                  float *rows, ropemap_error *error) {
    (void)error;
    const gauss_vectors *gauss = (const gauss_vectors *)vectors;
    for (int64_t i = 0; i < count; i++) {
        gauss->row(&gauss->normal, (uint64_t)(first + i * step), vectors->head_dim,
                   rows + i * vectors->head_dim);
    }
    return ROPEMAP_OK;
}

static const rm_normal_kernel normal_rows[] = {
    [RM_BASELINE] = rm_normal_row_baseline,
#if defined(RM_HAS_VARIANT_v4)
    [RM_V3] = rm_normal_row_v3,
    [RM_V4] = rm_normal_row_v4,
#endif
};

ropemap_status ropemap_vectors_gauss(int32_t head_dim, uint64_t seed, uint32_t stream,
                                     ropemap_vectors **vectors, ropemap_error *error) {
    rm_variant variant = RM_BASELINE;
    *vectors = NULL;
    RM_TRY(rm_source_check_head_dim("gauss", head_dim, ROPEMAP_USAGE, error));
    RM_TRY(rm_variant_pick(&variant, error));
    gauss_vectors *gauss = rm_source_alloc(sizeof *gauss, head_dim, error);
    if (gauss == NULL) {
        return ROPEMAP_RESOURCES;
    }
    gauss->normal = (rm_normal){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                                .stream = stream,
                                .scale = 1.0 / sqrt((double)head_dim)};
    gauss->row = normal_rows[variant];
    gauss->base.read = read_random;
    (void)snprintf(gauss->base.label, sizeof gauss->base.label, "gauss seed %" PRIu64, seed);
    *vectors = &gauss->base;
    return ROPEMAP_OK;
}

void ropemap_vectors_free(ropemap_vectors *vectors) {
    if (vectors != NULL) {
        vectors->destroy(vectors);
    }
}

int64_t ropemap_vectors_count(const ropemap_vectors *vectors) {
    return vectors->count;
}

ropemap_range ropemap_vectors_positions(const ropemap_vectors *vectors) {
    return (ropemap_range){.first = vectors->first, .count = vectors->count, .step = vectors->step};
}

ropemap_status ropemap_vectors_place(ropemap_vectors *vectors, int64_t first, int64_t step,
                                     ropemap_error *error) {
    const int64_t end = ROPEMAP_POSITION_END;
    const bool endless = vectors->count == end;
    if (first < 0 || first >= end || step < 1 || step > end || (endless && (first != 0 || step != 1)) ||
        (!endless && vectors->count - 1 > (end - 1 - first) / step)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "first-position: %s: %" PRId64 " rows from position %" PRId64
                       " on in steps of %" PRId64 "; %s",
                       vectors->label, vectors->count, first, step,
                       endless ? "such rows have every position" : "all must lie in [0, 2^40)");
    }
    vectors->first = first;
    vectors->step = step;
    return ROPEMAP_OK;
}

int32_t ropemap_vectors_head_dim(const ropemap_vectors *vectors) {
    return vectors->head_dim;
}

const char *ropemap_vectors_note(const ropemap_vectors *vectors) {
    return vectors->note;
}

const char *ropemap_vectors_label(const ropemap_vectors *vectors) {
    return vectors->label;
}

int64_t ropemap_vectors_heads(const ropemap_vectors *vectors) {
    return vectors->heads;
}

void rm_source_free(ropemap_vectors *vectors) {
    rm_free(vectors);
}

void *rm_source_alloc(size_t bytes, int32_t head_dim, ropemap_error *error) {
    ropemap_vectors *vectors = rm_alloc(1, bytes);
    if (vectors == NULL) {
        (void)rm_fail_memory(error, "vectors", bytes);
        return NULL;
    }
    vectors->count = ROPEMAP_POSITION_END;
    vectors->step = 1;
    vectors->head_dim = head_dim;
    vectors->heads = 1;
    vectors->destroy = rm_source_free;
    return vectors;
}

ropemap_status rm_source_check_head_dim(const char *name, int64_t head_dim, ropemap_status status,
                                        ropemap_error *error) {
    if (head_dim < 2 || head_dim > ROPEMAP_MAX_HEAD_DIM) {
        return rm_fail(error, status, "%s: head dimension %" PRId64 "; it must be 2 to %d", name, head_dim,
                       ROPEMAP_MAX_HEAD_DIM);
    }
    if (head_dim % 2 != 0) {
        return rm_fail(error, status, "%s: head dimension %" PRId64 " is odd; RoPE rotates pairs", name,
                       head_dim);
    }
    return ROPEMAP_OK;
}
