/* pairs.h - how many pairs of positions a cell holds */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_PAIRS_H
#define ROPEMAP_HOST_MAP_PAIRS_H

#include "host/map/grid.h"

/* The first row index, possibly past the last row, whose position is not before that of column index `col`.
 */
int64_t rm_grid_first_row(const rm_grid *grid, int64_t col);

/* Pairs that count in rows x cols, as a double: exact below 2^53, else rounded. */
double rm_grid_pairs(const rm_grid *grid, rm_span rows, rm_span cols);

#endif
