/* png.c - benchmark: a bare heat map as a PNG, next to a copy of its cells */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_figure.h"
#include "tools/bench/check.h"

#include <libdeflate.h>
#include <math.h>
#include <string.h>

struct png {
    bench_state base;
    ropemap_figure figure;
    ropemap_map map;
    ropemap_bytes file;
    uint8_t *pixels; /* [height, 1 + width] what the file decodes to */
};

static void png_teardown(void *opened) {
    struct png *state = opened;
    ropemap_bytes_free(&state->file);
}

static ropemap_status png_prepare(void *opened, ropemap_error *error) {
    (void)error;
    png_teardown(opened);
    return ROPEMAP_OK;
}

static ropemap_status png_setup(void *opened, ropemap_error *error) {
    struct png *state = opened;
    bench_state *base = &state->base;
    const int64_t height = base->shape.height, width = base->shape.width, cells = width * height;
    state->map = (ropemap_map){.height = height, .width = width, .min = -1.0, .max = 1.0};
    state->pixels = bench_room(base, height * (width + 1), 1);
    RM_TRY(bench_whole(base, error));
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, cells, "cells", &state->map.cells, error));
    RM_TRY(bench_reserve(base, ROPEMAP_DTYPE_FP32, cells, "cells", &base->copied.to, error));
    base->copied.from = state->map.cells;
    base->copied.bytes = cells * (int64_t)sizeof *state->map.cells;
    const ropemap_request request = ropemap_request_default();
    state->figure = ropemap_figure_default(&request, &state->map);
    state->figure.bare = true;
    state->figure.colormap = ROPEMAP_COLORMAP_VIRIDIS;
    state->figure.has_limits = true;
    state->figure.low = -1.0;
    state->figure.high = 1.0;
    return bench_fill(base, ROPEMAP_DTYPE_FP32, state->map.cells, cells, 1.0, 7, error);
}

static ropemap_status png_run(void *opened, ropemap_error *error) {
    struct png *state = opened;
    return ropemap_figure_encode(&state->figure, ROPEMAP_PNG, NULL, &state->file, error);
}

static double png_bytes(const bench_shape *shape) {
    return 4.0 * (double)shape->width * (double)shape->height;
}

static bench_output png_output(void *opened) {
    const struct png *state = opened;
    return (bench_output){state->file.data, (int64_t)state->file.size, false};
}

/* ---- check: a decoder of what is written here */

static uint32_t big32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The chunk of that type: its data and their size. NULL: there is none, or the file breaks off. */
static const uint8_t *find_chunk(const ropemap_bytes *file, const char *type, size_t *size) {
    for (size_t at = 8; at < file->size && file->size - at >= 12; at += 12 + *size) {
        *size = big32(file->data + at);
        if (*size > file->size - at - 12) {
            return NULL;
        }
        if (memcmp(file->data + at + 4, type, 4) == 0) {
            return file->data + at + 8;
        }
    }
    return NULL;
}

/* A zlib stream that must fill `to` exactly. */
static bool inflate_exactly(const uint8_t *from, size_t count, uint8_t *to, size_t size) {
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    size_t written = 0;
    const bool whole = decompressor != NULL && libdeflate_zlib_decompress(decompressor, from, count, to, size,
                                                                          &written) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(decompressor);
    return whole && written == size;
}

/* Rows of a filter byte, which must be 0, and one level a cell; *levels without that of NaN. */
static bool decode(const struct png *state, size_t *levels) {
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const ropemap_bytes *file = &state->file;
    size_t header_size = 0, palette_size = 0, data_size = 0;
    if (file->data == NULL || file->size < sizeof signature ||
        memcmp(file->data, signature, sizeof signature) != 0) {
        return false;
    }
    const uint8_t *header = find_chunk(file, "IHDR", &header_size);
    const uint8_t *palette = find_chunk(file, "PLTE", &palette_size);
    const uint8_t *data = find_chunk(file, "IDAT", &data_size);
    const bool whole = header != NULL && palette != NULL && data != NULL && header_size == 13 &&
                       big32(header) == (uint32_t)state->map.width &&
                       big32(header + 4) == (uint32_t)state->map.height && header[8] == 8 && header[9] == 3;
    *levels = palette_size / 3 - 1; /* the last colour is that of NaN */
    return whole && inflate_exactly(data, data_size, state->pixels,
                                    (size_t)(state->map.height * (state->map.width + 1)));
}

static ropemap_status png_check(void *opened, check_result *result, ropemap_error *error) {
    (void)error;
    const struct png *state = opened;
    const int64_t width = state->map.width;
    size_t levels = 0;
    if (!decode(state, &levels)) {
        check_value(result, (double)NAN, 0.0, 0.5);
    }
    for (int64_t row = 0; result->wrong == 0 && row < state->map.height; row++) {
        const uint8_t *line = state->pixels + row * (width + 1);
        for (int64_t col = 0; col < width; col++) {
            const double value = (double)state->map.cells[row * width + col];
            const double wanted = (value - state->figure.low) / 2.0 * (double)(levels - 1);
            /* the nearest level, and 1e-6 for a value half way between two */
            check_value(result, line[0] == 0 ? (double)line[1 + col] : (double)NAN, wanted, 0.5 + 1e-6);
        }
    }
    return ROPEMAP_OK;
}

static const bench_stage png_stage = {.size = sizeof(struct png),
                                      .setup = png_setup,
                                      .teardown = png_teardown,
                                      .prepare = png_prepare,
                                      .run = png_run,
                                      .output = png_output,
                                      .check = png_check};

const bench_case cpu_png_benchmarks[] = {
    {.kind = BENCH_PNG,
     .name = "png",
     .formula = "bytes = 4 W H",
     .ceiling = "memcpy of the cells",
     .usual = {.width = 4096, .height = 4096, .threads = 1},
     .makes_file = true,
     .stage = &png_stage,
     .ceilings = {{.run = ceiling_copy}},
     .bytes = png_bytes},
    {.name = NULL},
};
