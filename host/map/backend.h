/* backend.h - what a backend does: arithmetic on its own memory, one stage a call; it decides nothing else */
/* SPDX-License-Identifier: MIT */
/*
 * A backend knows neither methods nor files: the band loops of host/map hand it rows, boundaries and tiles.
 * The CPU backend (host/cpu) is the reference; another one starts as a copy of its table and replaces
 * entries. Each worker opens a context of its own (CPU: a thread's scratch memory; CUDA: a stream and a
 * cuBLAS handle); calls on one context come from one thread at a time and take effect in the order of the
 * calls.
 */
#ifndef ROPEMAP_HOST_MAP_BACKEND_H
#define ROPEMAP_HOST_MAP_BACKEND_H

#include "host/base/status.h"
#include "host/base/view.h"
#include "host/map/grid.h"

typedef struct rm_context rm_context; /* a worker's share of a backend; each backend defines its own */

/* How rows become rotated rows. */
typedef struct rm_rotation {
    const ropemap_freqs *freqs;
    ropemap_layout layout;
    bool rotate;    /* false: the rows are rotated already */
    bool normalise; /* divide each row by its length after rotating; a zero row becomes NaN */
} rm_rotation;

/*
 * Cells in the making, [rows of cells, cols of cells]. What a cell holds: min, max, absmax: `extreme` so far;
 * mean: sum; rms: sum of squares; std: `sum` is the mean so far, `square` the sum of squared deviations
 * from it, `pairs` their number. Arrays a pool does not use are NULL. A NaN that went in stays.
 */
typedef struct rm_cells {
    ropemap_pool pool;
    int64_t first_row;  /* cell row of the arrays' first row */
    int64_t rows, cols; /* cell rows held, and all cell columns */
    float *extreme;     /* [rows, cols], starts at the pool's neutral value */
    double *sum;        /* [rows, cols], starts at 0 */
    double *square;     /* [rows, cols], starts at 0 */
    double *pairs;      /* [rows, cols], starts at 0 */
} rm_cells;

/* Takes `pairs` values of a mean and a sum of squared deviations into a cell's (Chan, Golub, LeVeque 1979).
 */
static inline void rm_cells_merge(rm_cells *cells, int64_t cell, double pairs, double mean, double square) {
    const double before = cells->pairs[cell], all = before + pairs;
    const double change = mean - cells->sum[cell];
    cells->sum[cell] += change * (pairs / all);
    cells->square[cell] += square + change * change * (before * pairs / all);
    cells->pairs[cell] = all;
}

typedef struct rm_backend {
    const char *name;
    int32_t block;          /* side of a tile that stays in cache, in positions */
    uint64_t context_bytes; /* memory that a context takes */

    ropemap_status (*open)(rm_context **context, ropemap_error *error);
    void (*close)(rm_context *context);

    /* Which copy of its loops a context runs, for people to read: "v3". Static text. */
    const char *(*variant)(const rm_context *context);

    /*
     * Memory that the stages below read and write, [floats], NULL when there is none. It need not be memory
     * of the host's: side.c (rows in) and cells.c (cells out) are the two places where the two meet.
     */
    float *(*reserve)(rm_context *context, int64_t floats);
    void (*release)(rm_context *context, float *memory); /* NULL memory is fine */

    /* to[i] = rotated from[i] for positions.first + i * positions.step; both [positions.count, head_dim]. */
    ropemap_status (*rotate)(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                             rm_view from, rm_view to, ropemap_error *error);

    /* sums[d] += rotated from[i][d] over all i: rotate and pool in one pass. sums [head_dim], host memory. */
    ropemap_status (*rotate_sum)(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                                 rm_view from, double *sums, ropemap_error *error);

    /* tile = q k^T: [rows of q, rows of k] from [., inner] and [., inner], strides as the views say. */
    ropemap_status (*similarity)(rm_context *context, rm_view queries, rm_view keys, rm_view tile,
                                 ropemap_error *error);

    /* gram = x^T x, both triangles, [cols of x, cols of x]: second moments of rows. */
    ropemap_status (*gram)(rm_context *context, rm_view rows, rm_view gram, ropemap_error *error);

    /* Takes the tile whose corner is position index (row_first, col_first) into the cells it touches. */
    ropemap_status (*pool)(rm_context *context, const rm_grid *grid, rm_view tile, int64_t row_first,
                           int64_t col_first, rm_cells *cells, ropemap_error *error);

    /*
     * values[t] = sum over pairs of weight * cos(phase(|distances.first + t * distances.step|)), for
     * t < distances.count; |distance| < 2^40. `weight` is one number for all pairs.
     */
    ropemap_status (*distances)(rm_context *context, const ropemap_freqs *freqs, double weight,
                                ropemap_range distances, double *values, ropemap_error *error);
} rm_backend;

/* The reference backend: C17 and BLAS, host memory. */
const rm_backend *rm_cpu_backend(void);

#endif
