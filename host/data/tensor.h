/* tensor.h - a tensor as its file describes it, and the vectors of one of its heads */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_TENSOR_H
#define ROPEMAP_HOST_DATA_TENSOR_H

#include "host/base/input.h"
#include "host/base/limits.h"
#include "host/data/element.h"

/* What a reader of assumed_bfloat should know. */
#define RM_NOTE_BFLOAT                                                                                       \
    "elements of two bytes without a name (V2) were read as bfloat16, as ml_dtypes saves it"

/* What every file format is parsed into. Its bytes lie inside the file: the parser has checked that. */
typedef struct rm_tensor {
    char name[RM_LABEL_BYTES]; /* empty where the format has no names */
    rm_element element;
    bool assumed_bfloat; /* the file has elements of two bytes that it gives no meaning */
    bool fortran;        /* the first axis varies fastest, not the last */
    int32_t rank;
    uint64_t shape[RM_TENSOR_RANK_MAX]; /* [rank] */
    uint64_t offset;                    /* of the first element, bytes from the start of the file */
} rm_tensor;

/* Product of `rank` sizes, in *elements; false where it passes 2^64 on the way, even if a later size is 0. */
bool rm_tensor_elements(const uint64_t *shape, int32_t rank, uint64_t *elements);

/* "(8, 4096, 128)", cut to `size` */
void rm_tensor_shape_text(char *text, size_t size, const rm_tensor *tensor);

/*
 * The vectors of the head that `asked` names. Takes `input` over when it succeeds, and leaves it open when it
 * fails. ROPEMAP_DATA for a tensor that cannot be vectors, ROPEMAP_USAGE for a head or batch it lacks.
 */
ropemap_status rm_tensor_open(const rm_input *input, const rm_tensor *found, const ropemap_tensor *asked,
                              ropemap_vectors **vectors, ropemap_error *error);

#endif
