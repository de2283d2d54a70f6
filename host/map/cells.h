/* cells.h - cells in the making: kept, merged and brought to their final number */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_CELLS_H
#define ROPEMAP_HOST_MAP_CELLS_H

#include "host/device/backend.h"

/* Bytes that one cell in the making takes. */
int64_t rm_cells_bytes(ropemap_pool pool);

/* Room for [rows, cols] cells; free it also after a failure. */
ropemap_status rm_cells_make(rm_cells *cells, ropemap_pool pool, int64_t rows, int64_t cols,
                             ropemap_error *error);
void rm_cells_free(rm_cells *cells);

/* Takes what row `from_row` of `from` holds into row `to_row` of `to`. */
void rm_cells_merge_row(rm_cells *to, int64_t to_row, const rm_cells *from, int64_t from_row);

/* The final numbers of row `row`, times `scale`: out[col] for cell columns [col_first, col_end); cells
 * without a pair are NaN. */
void rm_cells_finish_row(const rm_cells *cells, int64_t row, const rm_grid *grid, double scale,
                         int64_t col_first, int64_t col_end, float *out);

#endif
