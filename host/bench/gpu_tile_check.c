/* gpu_tile_check.c - whether a tile, or the cells it went into, hold what they should */
/* SPDX-License-Identifier: MIT */
#include "host/bench/gpu_tile.h"

#include "host/bench/inputs.h"
#include "host/bench/reference.h"

#include <math.h>

enum { CHECKED_ELEMENTS = 1024, CHECKED_CELLS = 64 };

/* A unit of double's last place of 1, halved. */
static const double DOUBLE_ROUNDING = 0x1p-53;

/*
 * An element of the tile as it should be, and by how much it may be off: products are exact or rounded once,
 * and head_dim of them are added in float; where tensor cores add, they cut what lies below the last place of
 * the largest term instead of rounding it, which takes twice as much.
 */
static double element(const rm_gpu_tile *state, int64_t row, int64_t col, double *allowed) {
    const int64_t dim = state->shape.head_dim;
    if (state->work == RM_TILE_POOL) {
        *allowed = 0.0;
        return (double)state->host_tile[row * state->side + col];
    }
    const float *q = state->host_queries + row * dim, *k = state->host_keys + col * dim;
    double dot = 0.0, sizes = 0.0;
    for (int64_t d = 0; d < dim; d++) {
        const double product = (double)q[d] * (double)k[d];
        dot += product;
        sizes += fabs(product);
    }
    *allowed = 2.0 * ((double)dim + 1.0) * RM_FLOAT_ROUNDING * sizes;
    return dot;
}

static ropemap_status check_elements(rm_gpu_tile *state, rm_verdict *verdict, ropemap_error *error) {
    const int64_t side = state->side, all = side * side;
    RM_TRY(state->gpu->backend->read(state->gpu->context, rm_view_dense(state->tile, side, side),
                                     rm_view_dense(state->host_tile, side, side), error));
    for (int64_t i = 0; i < rm_sample_count(all, CHECKED_ELEMENTS); i++) {
        const int64_t at = rm_sample_at(all, CHECKED_ELEMENTS, i);
        double allowed = 0.0;
        const double wanted = element(state, at / side, at % side, &allowed);
        rm_verdict_take(verdict, (double)state->host_tile[at], wanted, allowed);
    }
    return ROPEMAP_OK;
}

/* What a cell is made of, as it should be. */
struct cell {
    double pairs, mean, magnitude, square, largest;
    double off; /* the most that any value may be off */
};

static struct cell measure_cell(const rm_gpu_tile *state, rm_span rows, rm_span cols) {
    struct cell cell = {.largest = -INFINITY};
    int64_t count = 0;
    for (int64_t row = rows.first; row < rows.end; row++) {
        for (int64_t col = cols.first; col < cols.end; col++) {
            double allowed = 0.0;
            const double value = element(state, row, col, &allowed);
            state->values[count++] = value;
            cell.mean += value;
            cell.magnitude += fabs(value);
            cell.largest = fmax(cell.largest, value);
            cell.off = fmax(cell.off, allowed);
        }
    }
    cell.pairs = (double)count;
    cell.mean /= cell.pairs;
    for (int64_t i = 0; i < count; i++) {
        cell.square += (state->values[i] - cell.mean) * (state->values[i] - cell.mean);
    }
    return cell;
}

/*
 * The same tile went in `pooled` times: sums and squares are as many times as large, extremes the same. Means
 * and deviations follow values that are off by at most `off` with no more than that. Sums in double take a
 * rounding a value and one each time; squares besides grow 32 roundings of 32 values by 32 at most, before
 * they are merged (cuda/pool.cu). Where a square is off by r, its root is by r over the sum of both roots,
 * and by sqrt(r) at most.
 */
static void check_cell(const rm_gpu_tile *state, int64_t at, const struct cell *cell, rm_verdict *verdict) {
    const double times = (double)state->pooled, all = times * cell->pairs;
    if (state->pool == ROPEMAP_POOL_MAX) {
        rm_verdict_take(verdict, (double)state->cells.extreme[at], cell->largest, cell->off);
    } else if (state->pool == ROPEMAP_POOL_MEAN) {
        const double rounding = (2.0 * cell->pairs + times + 2.0) * DOUBLE_ROUNDING;
        rm_verdict_take(verdict, state->cells.sum[at] / all, cell->mean,
                        cell->off + rounding * cell->magnitude / cell->pairs);
    } else {
        const double deviation = sqrt(cell->square / cell->pairs);
        const double off = (4.0 * (cell->pairs + times) + 2048.0) * DOUBLE_ROUNDING *
                           (cell->square + cell->magnitude) / cell->pairs;
        rm_verdict_take(verdict, sqrt(state->cells.square[at] / all), deviation,
                        cell->off + (deviation > sqrt(off) ? off / deviation : sqrt(off)));
    }
}

static rm_span clipped(rm_span span, int64_t end) {
    return (rm_span){.first = span.first, .end = span.end < end ? span.end : end};
}

static ropemap_status check_cells(rm_gpu_tile *state, rm_verdict *verdict, ropemap_error *error) {
    const rm_backend *backend = state->gpu->backend;
    const int64_t across = rm_partition_cell_of(&state->grid.cols, state->side - 1) + 1;
    const int64_t total = state->cells.rows * across;
    RM_TRY(backend->cells_end(state->gpu->context, &state->cells, error));
    for (int64_t i = 0; i < rm_sample_count(total, CHECKED_CELLS); i++) {
        const int64_t number = rm_sample_at(total, CHECKED_CELLS, i);
        const int64_t row = number / across, col = number % across;
        const struct cell cell =
            measure_cell(state, clipped(rm_partition_cell(&state->grid.rows, row), state->side),
                         clipped(rm_partition_cell(&state->grid.cols, col), state->side));
        check_cell(state, row * state->cells.cols + col, &cell, verdict);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_gpu_tile_check(void *opened, rm_verdict *verdict, ropemap_error *error) {
    rm_gpu_tile *state = opened;
    return state->work == RM_TILE_SIMILARITY ? check_elements(state, verdict, error)
                                             : check_cells(state, verdict, error);
}
