/* png.c - benchmark: a bare heat map as a PNG, next to a copy of its cells */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/ropemap_figure.h"
#include "tools/bench/ceiling.h"
#include "tools/bench/check.h"

#include <libdeflate.h>
#include <math.h>
#include <string.h>

struct state {
    bench_shape shape;
    bench_workers workers;
    ropemap_figure figure;
    ropemap_map map;
    float *copy; /* [height, width] what the ceiling writes */
    ropemap_bytes file;
};

static void png_close(void *opened) {
    struct state *state = opened;
    if (state != NULL) {
        workers_close(&state->workers);
        rm_free(state->map.cells);
        rm_free(state->copy);
        ropemap_bytes_free(&state->file);
        rm_free(state);
    }
}

static ropemap_status png_open(const bench_shape *shape, void **opened, ropemap_error *error) {
    struct state *state = rm_alloc(1, sizeof *state);
    *opened = state;
    if (state == NULL) {
        return rm_fail_memory(error, "benchmark", sizeof *state);
    }
    const int64_t cells = shape->width * shape->height;
    state->shape = *shape;
    RM_TRY(workers_open(&state->workers, 1, error));
    state->map = (ropemap_map){.height = shape->height, .width = shape->width, .min = -1.0, .max = 1.0};
    state->map.cells = rm_alloc_raw((uint64_t)cells, sizeof *state->map.cells);
    state->copy = rm_alloc((uint64_t)cells, sizeof *state->copy);
    if (state->map.cells == NULL || state->copy == NULL) {
        return rm_fail_memory(error, "cells", 2 * (uint64_t)cells * sizeof(float));
    }
    inputs_fill(state->map.cells, cells, 1.0, 7);
    const ropemap_request request = ropemap_request_default();
    state->figure = ropemap_figure_default(&request, &state->map);
    state->figure.bare = true;
    state->figure.colormap = ROPEMAP_COLORMAP_VIRIDIS;
    state->figure.has_limits = true;
    state->figure.low = -1.0;
    state->figure.high = 1.0;
    return ROPEMAP_OK;
}

static ropemap_status png_prepare(void *opened, ropemap_error *error) {
    struct state *state = opened;
    (void)error;
    ropemap_bytes_free(&state->file);
    return ROPEMAP_OK;
}

static ropemap_status png_run(void *opened, ropemap_error *error) {
    struct state *state = opened;
    return ropemap_figure_encode(&state->figure, ROPEMAP_PNG, NULL, &state->file, error);
}

static ropemap_status run_copy(void *opened, ropemap_error *error) {
    struct state *state = opened;
    const int64_t bytes = state->map.width * state->map.height * (int64_t)sizeof(float);
    return ceiling_copy(&state->workers, state->map.cells, state->copy, bytes, error);
}

static double png_bytes(const bench_shape *shape) {
    return 4.0 * (double)shape->width * (double)shape->height;
}

static ropemap_bytes png_output(void *opened) {
    const struct state *state = opened;
    return state->file;
}

static uint32_t big32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The chunk of that type: its data and their size. NULL: there is none, or the file breaks off. */
static const uint8_t *find_chunk(const ropemap_bytes *file, const char *type, size_t *size) {
    for (size_t at = 8; file->size - at >= 12;) {
        const size_t bytes = big32(file->data + at);
        if (bytes > file->size - at - 12) {
            return NULL;
        }
        if (memcmp(file->data + at + 4, type, 4) == 0) {
            *size = bytes;
            return file->data + at + 8;
        }
        at += 12 + bytes;
        if (at >= file->size) {
            return NULL;
        }
    }
    return NULL;
}

/* Decodes a zlib stream that must fill `to` exactly. */
static bool inflate_exactly(const uint8_t *from, size_t count, uint8_t *to, size_t size) {
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    size_t written = 0;
    const bool whole = decompressor != NULL && libdeflate_zlib_decompress(decompressor, from, count, to, size,
                                                                          &written) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(decompressor);
    return whole && written == size;
}

/* Rows of a filter byte, which must be 0, and one level a cell; *levels without that of NaN. */
static bool decode(const struct state *state, uint8_t *pixels, size_t size, size_t *levels) {
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    size_t header_size = 0, palette_size = 0, data_size = 0;
    if (state->file.data == NULL || state->file.size < sizeof signature ||
        memcmp(state->file.data, signature, sizeof signature) != 0) {
        return false;
    }
    const uint8_t *header = find_chunk(&state->file, "IHDR", &header_size);
    const uint8_t *palette = find_chunk(&state->file, "PLTE", &palette_size);
    const uint8_t *data = find_chunk(&state->file, "IDAT", &data_size);
    const bool whole = header != NULL && palette != NULL && data != NULL && header_size == 13 &&
                       big32(header) == (uint32_t)state->map.width &&
                       big32(header + 4) == (uint32_t)state->map.height && header[8] == 8 && header[9] == 3;
    *levels = palette_size / 3 - 1; /* the last colour is that of NaN */
    return whole && inflate_exactly(data, data_size, pixels, size);
}

static ropemap_status png_check(void *opened, check_result *result, ropemap_error *error) {
    const struct state *state = opened;
    const int64_t width = state->map.width, height = state->map.height;
    const size_t size = (size_t)(height * (width + 1));
    uint8_t *pixels = rm_alloc(size, 1);
    if (pixels == NULL) {
        return rm_fail_memory(error, "pixels", size);
    }
    size_t levels = 0;
    if (!decode(state, pixels, size, &levels)) {
        check_value(result, (double)NAN, 0.0, 0.5);
    }
    for (int64_t row = 0; result->wrong == 0 && row < height; row++) {
        const uint8_t *line = pixels + row * (width + 1);
        for (int64_t col = 0; col < width; col++) {
            const double value = (double)state->map.cells[row * width + col];
            const double wanted = (value - state->figure.low) / 2.0 * (double)(levels - 1);
            /* the nearest level, and 1e-6 for a value half way between two */
            check_value(result, line[0] == 0 ? (double)line[1 + col] : (double)NAN, wanted, 0.5 + 1e-6);
        }
    }
    rm_free(pixels);
    return ROPEMAP_OK;
}

const bench_case cpu_png_benchmarks[] = {
    {.kind = BENCH_PNG,
     .name = "png",
     .formula = "bytes = 4 W H",
     .ceiling = "memcpy of the cells",
     .uses = BENCH_USES_SIZE | BENCH_USES_NO_THREADS,
     .usual = {.width = 4096, .height = 4096},
     .makes_file = true,
     .open = png_open,
     .close = png_close,
     .prepare = png_prepare,
     .run = png_run,
     .ceilings = {{.run = run_copy}},
     .bytes = png_bytes,
     .output = png_output,
     .check = png_check},
    {.name = NULL},
};
