/* products.c - the ceilings of FLOPs: large products, and a map's tiles without anything around them */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/bench/ceiling.h"
#include "host/bench/inputs.h"

/* ---- large products */

enum { PRODUCT_CELLS = RM_PRODUCT_SIDE * RM_PRODUCT_SIDE };

ropemap_status rm_products_open(rm_products *products, const rm_crew *crew, ropemap_error *error) {
    *products = (rm_products){.crew = crew};
    const rm_backend *backend = crew->backend;
    products->tiles = rm_alloc((uint64_t)crew->threads, sizeof *products->tiles);
    if (products->tiles == NULL) {
        return rm_fail_memory(error, "large products", (uint64_t)crew->threads * sizeof *products->tiles);
    }
    RM_TRY(
        backend->reserve(crew->contexts[0], 2 * PRODUCT_CELLS, "large products", &products->inputs, error));
    for (int32_t i = 0; i < crew->threads; i++) {
        RM_TRY(
            backend->reserve(crew->contexts[i], PRODUCT_CELLS, "large products", &products->tiles[i], error));
    }
    rm_inputs_fill(products->inputs, 2 * PRODUCT_CELLS, 1.0, 3);
    return ROPEMAP_OK;
}

void rm_products_close(rm_products *products) {
    if (products->crew == NULL) {
        return;
    }
    const rm_backend *backend = products->crew->backend;
    for (int32_t i = 0; products->tiles != NULL && i < products->crew->threads; i++) {
        backend->release(products->crew->contexts[i], products->tiles[i]);
    }
    rm_free(products->tiles);
    backend->release(products->crew->contexts[0], products->inputs);
}

static ropemap_status product_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const rm_products *products = work;
    const rm_crew *crew = products->crew;
    const rm_view a = rm_view_dense(products->inputs, RM_PRODUCT_SIDE, RM_PRODUCT_SIDE);
    const rm_view b = rm_view_dense(products->inputs + PRODUCT_CELLS, RM_PRODUCT_SIDE, RM_PRODUCT_SIDE);
    const rm_view tile = rm_view_dense(products->tiles[worker], RM_PRODUCT_SIDE, RM_PRODUCT_SIDE);
    (void)task;
    return crew->backend->similarity(crew->contexts[worker], ROPEMAP_DTYPE_FP32, 1, a, b, tile, error);
}

ropemap_status rm_products_run(const rm_products *products, ropemap_error *error) {
    rm_products mine = *products;
    return rm_crew_run(products->crew, products->crew->threads, product_task, &mine, error);
}

double rm_products_flops(int32_t threads) {
    return 2.0 * (double)PRODUCT_CELLS * RM_PRODUCT_SIDE * (double)threads;
}

/* ---- tiles alone */

static int64_t blocks_of(int64_t n, int64_t block) {
    return (n + block - 1) / block;
}

ropemap_status rm_tiles_open(rm_tiles *tiles, const rm_crew *crew, int64_t rows, int64_t cols,
                             int32_t head_dim, int64_t band, ropemap_error *error) {
    const rm_backend *backend = crew->backend;
    const int64_t block = crew->device.block, down = blocks_of(rows, block), across = blocks_of(cols, block);
    const int64_t query_floats = down * block * head_dim, key_floats = across * block * head_dim;
    *tiles = (rm_tiles){.crew = crew, .head_dim = head_dim, .down = down, .across = across, .band = band};
    tiles->tiles = rm_alloc((uint64_t)crew->threads, sizeof *tiles->tiles);
    if (tiles->tiles == NULL) {
        return rm_fail_memory(error, "tiles", (uint64_t)crew->threads * sizeof *tiles->tiles);
    }
    RM_TRY(backend->reserve(crew->contexts[0], query_floats, "queries", &tiles->queries, error));
    RM_TRY(backend->reserve(crew->contexts[0], key_floats, "keys", &tiles->keys, error));
    for (int32_t i = 0; i < crew->threads; i++) {
        RM_TRY(backend->reserve(crew->contexts[i], block * block, "tiles", &tiles->tiles[i].tile, error));
    }
    rm_inputs_fill(tiles->queries, query_floats, rm_inputs_unit_reach(head_dim), 4);
    rm_inputs_fill(tiles->keys, key_floats, rm_inputs_unit_reach(head_dim), 5);
    return ROPEMAP_OK;
}

void rm_tiles_close(rm_tiles *tiles) {
    if (tiles->crew == NULL) {
        return;
    }
    const rm_backend *backend = tiles->crew->backend;
    for (int32_t i = 0; tiles->tiles != NULL && i < tiles->crew->threads; i++) {
        backend->release(tiles->crew->contexts[i], tiles->tiles[i].tile);
    }
    rm_free(tiles->tiles);
    backend->release(tiles->crew->contexts[0], tiles->queries);
    backend->release(tiles->crew->contexts[0], tiles->keys);
}

static ropemap_status tile(const rm_tiles *tiles, int32_t worker, int64_t row, int64_t col,
                           ropemap_error *error) {
    const rm_crew *crew = tiles->crew;
    const int64_t block = crew->device.block, floats = block * tiles->head_dim;
    struct rm_worker_tile *to = &tiles->tiles[worker];
    to->row = row;
    to->col = col;
    to->filled = true;
    return crew->backend->similarity(crew->contexts[worker], ROPEMAP_DTYPE_FP32, 1,
                                     rm_view_dense(tiles->queries + row * floats, block, tiles->head_dim),
                                     rm_view_dense(tiles->keys + col * floats, block, tiles->head_dim),
                                     rm_view_dense(to->tile, block, block), error);
}

static ropemap_status band_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    const rm_tiles *tiles = work;
    const int64_t first = task * tiles->band;
    const int64_t end = first + tiles->band < tiles->down ? first + tiles->band : tiles->down;
    for (int64_t col = 0; col < tiles->across; col++) {
        for (int64_t row = first; row < end; row++) {
            RM_TRY(tile(tiles, worker, row, col, error));
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_tiles_run(rm_tiles *tiles, ropemap_error *error) {
    for (int32_t i = 0; i < tiles->crew->threads; i++) {
        tiles->tiles[i].filled = false; /* a thread may come too late for a tile of its own */
    }
    return rm_crew_run(tiles->crew, blocks_of(tiles->down, tiles->band), band_task, tiles, error);
}

double rm_tiles_flops(int64_t rows, int64_t cols, int32_t head_dim) {
    const int64_t block = rm_cpu_device().block;
    const double tiles = (double)blocks_of(rows, block) * (double)blocks_of(cols, block);
    return 2.0 * tiles * (double)(block * block) * (double)head_dim;
}
