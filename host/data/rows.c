/* rows.c - reads rows of floats from a file in which they lie with any strides */
/* SPDX-License-Identifier: MIT */
#include "host/data/rows.h"

#include "host/base/alloc.h"

enum {
    STAGE_BYTES = 65536, /* read at once before conversion: stays in cache; the longest row takes 32768 */
    GAP_BYTES = 4096,    /* a page: a smaller gap is read across, which costs less than another call */
    COLUMN_ROWS = 2048   /* rows filled column by column at once, so that they stay in cache */
};

/* `count` runs of `width` elements each, adjacent inside, `stride` bytes from run to run. */
typedef struct run_list {
    uint64_t offset, stride; /* bytes */
    int64_t width, count;
} run_list;

/* Run r goes to to[r * to_stride], ... */
static ropemap_status read_runs(const rm_input *input, rm_element element, run_list runs, uint8_t *stage,
                                float *to, int64_t to_stride, ropemap_error *error) {
    const uint64_t size = rm_element_bytes(element), run_bytes = (uint64_t)runs.width * size;
    const bool across = runs.stride - run_bytes <= GAP_BYTES;
    const int64_t at_once = across ? (int64_t)((STAGE_BYTES - run_bytes) / runs.stride) + 1 : 1;
    for (int64_t done = 0; done < runs.count; done += at_once) {
        const int64_t count = runs.count - done < at_once ? runs.count - done : at_once;
        const uint64_t bytes = (uint64_t)(count - 1) * runs.stride + run_bytes;
        RM_TRY(rm_input_read(input, runs.offset + (uint64_t)done * runs.stride, bytes, stage, error));
        float *next = to + done * to_stride;
        if (runs.width == 1) {
            rm_element_convert(element, stage, runs.stride, next, to_stride, count);
            continue;
        }
        for (int64_t run = 0; run < count; run++) {
            rm_element_convert(element, stage + (uint64_t)run * runs.stride, size, next + run * to_stride, 1,
                               runs.width);
        }
    }
    return ROPEMAP_OK;
}

/* Rows whose elements are not adjacent (Fortran order): a column at a time. */
static ropemap_status read_columns(const rm_input *input, const rm_rows *rows, run_list all, uint8_t *stage,
                                   float *to, ropemap_error *error) {
    for (int64_t done = 0; done < all.count; done += COLUMN_ROWS) {
        const int64_t count = all.count - done < COLUMN_ROWS ? all.count - done : COLUMN_ROWS;
        for (int32_t column = 0; column < rows->columns; column++) {
            const uint64_t offset =
                all.offset + (uint64_t)done * all.stride + (uint64_t)column * rows->column_stride;
            const run_list runs = {.offset = offset, .stride = all.stride, .width = 1, .count = count};
            RM_TRY(read_runs(input, rows->element, runs, stage, to + done * rows->columns + column,
                             rows->columns, error));
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_rows_read(const rm_input *input, const rm_rows *rows, int64_t first, int64_t count,
                            int64_t step, float *to, ropemap_error *error) {
    const uint64_t size = rm_element_bytes(rows->element), row_bytes = (uint64_t)rows->columns * size;
    run_list runs = {
        .offset = rows->offset + (uint64_t)first * rows->row_stride,
        .stride =
            count > 1 ? (uint64_t)step * rows->row_stride : row_bytes, /* of one row: no product to wrap */
        .width = rows->columns,
        .count = count,
    };
    const bool adjacent = rows->column_stride == size, dense = adjacent && runs.stride == row_bytes;
    if (dense && rm_element_is_float(rows->element)) {
        return rm_input_read(input, runs.offset, (uint64_t)count * row_bytes, to, error);
    }
    if (dense) { /* one long row of single elements */
        runs = (run_list){.offset = runs.offset, .stride = size, .width = 1, .count = count * rows->columns};
    }
    uint8_t *stage = rm_alloc_raw(STAGE_BYTES, 1);
    if (stage == NULL) {
        return rm_fail_memory(error, input->name, STAGE_BYTES);
    }
    const ropemap_status status =
        adjacent ? read_runs(input, rows->element, runs, stage, to, dense ? 1 : rows->columns, error)
                 : read_columns(input, rows, runs, stage, to, error);
    rm_free(stage);
    return status;
}
