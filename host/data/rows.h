/* rows.h - reads rows of floats from a file in which they lie with any strides */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_ROWS_H
#define ROPEMAP_HOST_DATA_ROWS_H

#include "host/base/input.h"
#include "host/data/element.h"

/* Element (row, column) lies at byte offset + row * row_stride + column * column_stride, inside the file. */
typedef struct rm_rows {
    rm_element element;
    int32_t columns;
    uint64_t offset;                    /* bytes */
    uint64_t row_stride, column_stride; /* bytes; one of them spans at least the extent of the other axis */
} rm_rows;

/*
 * Fills `to` [count, columns] with rows first, first + step, ...; all of them lie inside the file. count >=
 * 0, step >= 1. ROPEMAP_DATA where the file shrank, ROPEMAP_IO, ROPEMAP_RESOURCES.
 */
ropemap_status rm_rows_read(const rm_input *input, const rm_rows *rows, int64_t first, int64_t count,
                            int64_t step, float *to, ropemap_error *error);

#endif
