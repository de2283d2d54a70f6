/* gpu_ceiling.c - what a GPU can do at most: a large copy, large products, uploads */
/* SPDX-License-Identifier: MIT */
#include "host/bench/clock.h"

enum { TIMES = 3 /* of which the fastest counts: the first wakes the clocks up */ };

/* Halves of products keep the room of floats: a matrix begins on a boundary that any load is aligned to. */
static ropemap_status make_factors(rm_gpu *gpu, ropemap_dtype dtype, ropemap_error *error) {
    const int64_t cells = gpu->side * gpu->side;
    if (gpu->factors_made && gpu->factors_dtype == dtype) {
        return ROPEMAP_OK;
    }
    gpu->factors_made = false;
    RM_TRY(gpu->probe->convert(gpu->context, dtype, gpu->wide, gpu->factors, cells, error));
    RM_TRY(gpu->probe->convert(gpu->context, dtype, gpu->wide + cells, gpu->factors + cells, cells, error));
    gpu->factors_dtype = dtype;
    gpu->factors_made = true;
    return ROPEMAP_OK;
}

ropemap_status rm_gpu_product(rm_gpu *gpu, ropemap_dtype dtype, ropemap_error *error) {
    const int64_t side = gpu->side;
    RM_TRY(make_factors(gpu, dtype, error));
    return gpu->backend->similarity(gpu->context, dtype, 1, rm_view_dense(gpu->factors, side, side),
                                    rm_view_dense(gpu->factors + side * side, side, side),
                                    rm_view_dense(gpu->product, side, side), error);
}

double rm_gpu_product_flops(const rm_gpu *gpu) {
    const double side = (double)gpu->side;
    return 2.0 * side * side * side;
}

ropemap_status rm_gpu_upload(const rm_gpu *gpu, ropemap_error *error) {
    return gpu->probe->upload(gpu->context, gpu->chunk, gpu->scratch,
                              gpu->chunk_floats * (int64_t)sizeof(float), error);
}

double rm_gpu_upload_bytes(const rm_gpu *gpu) {
    return (double)gpu->chunk_floats * (double)sizeof(float);
}

/* ---- once, for the record and for a roofline */

static ropemap_status copy_factors(void *work, ropemap_error *error) {
    rm_gpu *gpu = work;
    return gpu->probe->copy(gpu->context, gpu->wide, gpu->factors,
                            2 * gpu->side * gpu->side * (int64_t)sizeof(float), error);
}

static ropemap_status fastest(const rm_gpu *gpu, rm_queued queue, void *work, double *least,
                              ropemap_error *error) {
    const rm_timing timing = {.gpu = gpu, .queue = queue, .work = work, .runs = 1};
    *least = 0.0;
    for (int i = 0; i < TIMES; i++) {
        double seconds = 0.0;
        RM_TRY(rm_clock_time(&timing, false, &seconds, error));
        *least = i == 0 || seconds < *least ? seconds : *least;
    }
    return ROPEMAP_OK;
}

ropemap_status rm_gpu_measure_copy(rm_gpu *gpu, ropemap_error *error) {
    double seconds = 0.0;
    gpu->factors_made = false; /* they are overwritten */
    RM_TRY(fastest(gpu, copy_factors, gpu, &seconds, error));
    gpu->about.copy_rate = 16.0 * (double)(gpu->side * gpu->side) / seconds * 1e-9;
    return ROPEMAP_OK;
}

struct product {
    rm_gpu *gpu;
    ropemap_dtype dtype;
};

static ropemap_status queue_product(void *work, ropemap_error *error) {
    const struct product *product = work;
    return rm_gpu_product(product->gpu, product->dtype, error);
}

ropemap_status rm_gpu_measure_product(rm_gpu *gpu, ropemap_dtype dtype, ropemap_error *error) {
    double seconds = 0.0;
    struct product product = {.gpu = gpu, .dtype = dtype};
    if (gpu->about.product_rates[dtype] > 0.0) {
        return ROPEMAP_OK;
    }
    RM_TRY(make_factors(gpu, dtype, error));
    RM_TRY(fastest(gpu, queue_product, &product, &seconds, error));
    gpu->about.product_rates[dtype] = rm_gpu_product_flops(gpu) / seconds * 1e-9;
    return ROPEMAP_OK;
}
