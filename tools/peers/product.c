/* product.c - GFLOP/s of one thread: ropemap's products, a library's, and multiply-adds in registers */
/* SPDX-License-Identifier: MIT */
/*
 * peer_product HEAD_DIM SAMPLES [LIBRARY FUNCTION]: for tools/peers/product, which knows the libraries.
 * Prints one JSON object: GFLOP/s of each, by the thread's CPU time, SAMPLES of some milliseconds each, taken
 * in turn.
 */
#include "host/base/alloc.h"
#include "host/cpu/kernels.h"
#include "host/map/cells.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TILE = 256,      /* queries and keys of a tile */
    BAND = 4 * TILE, /* queries that a tile's keys meet in a map of maxima */
    CELL = 16,       /* positions of a cell's side, as in a map of 16,384 by 1,024 cells */
    ADDS_ROUNDS = 100000,
    MOST_SAMPLES = 1000
};

/* cblas_sgemm and dnnl_sgemm, as their headers declare them. */
typedef void (*blas_sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                           const float *a, int a_stride, const float *b, int b_stride, float beta, float *c,
                           int c_stride);
typedef int (*dnnl_sgemm)(char transpose_a, char transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
                          const float *a, int64_t a_stride, const float *b, int64_t b_stride, float beta,
                          float *c, int64_t c_stride);

struct bench {
    rm_context *context;
    const rm_kernels *kernels;
    rm_view queries, keys, tile;
    rm_grid grid;
    rm_accumulator cells;
    float sum;
    blas_sgemm blas;
    dnnl_sgemm dnnl;
};

/* Each returns the operations of one run. */
static double adds(struct bench *bench) {
    bench->sum = 0.5f;
    return (double)bench->kernels->multiply_adds(ADDS_ROUNDS, &bench->sum);
}

static double tile_flops(const struct bench *bench) {
    return 2.0 * TILE * TILE * (double)bench->queries.cols;
}

static double product(struct bench *bench) {
    (void)rm_cpu_backend()->similarity(bench->context, ROPEMAP_DTYPE_FP32, 1,
                                       rm_view_rows(bench->queries, 0, TILE), bench->keys, bench->tile, NULL);
    return tile_flops(bench);
}

static double maximum(struct bench *bench) {
    (void)rm_cpu_backend()->similarity_pool(bench->context, ROPEMAP_DTYPE_FP32, bench->queries, bench->keys,
                                            bench->tile, &bench->grid, 0, 0, &bench->cells, NULL);
    return tile_flops(bench) * (BAND / TILE);
}

static double library(struct bench *bench) {
    enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };
    const int dim = (int)bench->queries.cols;
    if (bench->blas != NULL) {
        bench->blas(ROW_MAJOR, AS_IS, TRANSPOSED, TILE, TILE, dim, 1.0f, bench->queries.data, dim,
                    bench->keys.data, dim, 0.0f, bench->tile.data, TILE);
    } else {
        (void)bench->dnnl('N', 'T', TILE, TILE, dim, 1.0f, bench->queries.data, dim, bench->keys.data, dim,
                          0.0f, bench->tile.data, TILE);
    }
    return tile_flops(bench);
}

typedef double (*run)(struct bench *bench);

static double seconds_of_thread(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double rate(struct bench *bench, run one) {
    const double begin = seconds_of_thread();
    double flops = 0.0, seconds = 0.0;
    while (seconds < 0.004) {
        flops += one(bench);
        seconds = seconds_of_thread() - begin;
    }
    return flops / seconds * 1e-9;
}

/* ISO C converts no object's address to a function's, but their bytes are the same. */
static bool find_library(struct bench *bench, const char *path, const char *name) {
    void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *address = opened != NULL ? dlsym(opened, name) : NULL;
    if (address == NULL) {
        (void)fprintf(stderr, "peer_product: %s\n", dlerror());
        return false;
    }
    if (strcmp(name, "cblas_sgemm") == 0) {
        memcpy(&bench->blas, &address, sizeof address);
    } else {
        memcpy(&bench->dnnl, &address, sizeof address);
    }
    return true;
}

static bool make(struct bench *bench, int64_t dim) {
    const rm_partition axis = {.range = {.count = BAND, .step = 1}, .cells = BAND / CELL};
    const rm_device device = rm_cpu_device();
    bench->queries = rm_view_dense(rm_alloc_raw((uint64_t)(BAND * dim), sizeof(float)), BAND, dim);
    bench->keys = rm_view_dense(rm_alloc_raw((uint64_t)(TILE * dim), sizeof(float)), TILE, dim);
    bench->tile = rm_view_dense(rm_alloc((uint64_t)TILE * TILE, sizeof(float)), TILE, TILE);
    bench->grid = (rm_grid){.rows = axis, .cols = axis};
    ropemap_error error = {0};
    if (bench->queries.data == NULL || bench->keys.data == NULL || bench->tile.data == NULL ||
        rm_kernels_pick(&bench->kernels, &error) != ROPEMAP_OK ||
        rm_cpu_backend()->open(&bench->context, &device, &error) != ROPEMAP_OK ||
        rm_accumulator_make(&bench->cells, ROPEMAP_POOL_MAX, BAND / CELL, BAND / CELL, &error) !=
            ROPEMAP_OK ||
        rm_cpu_backend()->cells_begin(bench->context, &bench->cells, &error) != ROPEMAP_OK) {
        (void)fprintf(stderr, "peer_product: %s\n", error.text[0] != '\0' ? error.text : "no memory");
        return false;
    }
    uint32_t state = 1;
    for (int64_t i = 0; i < (BAND + TILE) * dim; i++) {
        state = state * 1664525u + 1013904223u;
        float *to = i < BAND * dim ? bench->queries.data + i : bench->keys.data + (i - BAND * dim);
        *to = (float)(state >> 8) * 0x1p-23f - 1.0f;
    }
    return true;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        run run;
    } runs[] = {{"adds", adds}, {"product", product}, {"maximum", maximum}, {"library", library}};
    static double rates[4][MOST_SAMPLES];
    static struct bench bench;
    const int64_t dim = argc > 2 ? strtoll(argv[1], NULL, 10) : 0;
    const int samples = argc > 2 ? atoi(argv[2]) : 0;
    const int count = argc == 5 ? 4 : 3;
    if (dim < 1 || dim > ROPEMAP_MAX_HEAD_DIM || samples < 1 || samples > MOST_SAMPLES) {
        (void)fprintf(stderr, "usage: peer_product HEAD_DIM SAMPLES [LIBRARY FUNCTION]\n");
        return 2;
    }
    if (!make(&bench, dim) || (count == 4 && !find_library(&bench, argv[3], argv[4]))) {
        return 1;
    }
    for (int sample = -1; sample < samples; sample++) { /* the first one warms up */
        for (int i = 0; i < count; i++) {
            rates[i][sample < 0 ? 0 : sample] = rate(&bench, runs[i].run);
        }
    }
    (void)printf("{\"simd\": \"%s\"", bench.kernels->name);
    for (int i = 0; i < count; i++) {
        (void)printf(", \"%s\": [", runs[i].name);
        for (int sample = 0; sample < samples; sample++) {
            (void)printf("%s%.2f", sample == 0 ? "" : ", ", rates[i][sample]);
        }
        (void)printf("]");
    }
    (void)printf("}\n");
    return 0;
}
