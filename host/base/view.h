/* view.h - a rectangle of floats, not owned */
/* SPDX-License-Identifier: MIT */
/* Common subset of C17 and C++17: kernels take views too. */
#ifndef ROPEMAP_HOST_BASE_VIEW_H
#define ROPEMAP_HOST_BASE_VIEW_H

#include <stdint.h>

/* Row-major [rows, cols]; consecutive rows are `stride` floats apart, stride >= cols. */
typedef struct rm_view {
    float *data;
    int64_t rows, cols, stride;
} rm_view;

static inline rm_view rm_view_dense(float *data, int64_t rows, int64_t cols) {
    rm_view view;
    view.data = data;
    view.rows = rows;
    view.cols = cols;
    view.stride = cols;
    return view;
}

/* Rows [first, first + count) of a view. */
static inline rm_view rm_view_rows(rm_view view, int64_t first, int64_t count) {
    view.data += first * view.stride;
    view.rows = count;
    return view;
}

/* Columns [first, first + count) of a view. */
static inline rm_view rm_view_cols(rm_view view, int64_t first, int64_t count) {
    view.data += first;
    view.cols = count;
    return view;
}

#endif
