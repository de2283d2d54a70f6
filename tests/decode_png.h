/* decode_png.h - a PNG reader of the tests' own: every chunk's CRC, the filters, grey, palette and RGB of 8
 * bits */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_DECODE_PNG_H
#define ROPEMAP_TESTS_DECODE_PNG_H

#include <libdeflate.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct decoded_png {
    int64_t width, height;
    int colour_type; /* 0 grey, 2 RGB, 3 palette */
    int channels;    /* bytes a pixel */
    bool has_palette;
    uint32_t density; /* pixels a metre, 0 if absent */
    uint8_t palette[256][3];
    uint8_t *pixels; /* [height, width, channels]; free it */
} decoded_png;

static inline uint32_t read_big32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Bit by bit, as the specification's appendix defines it. */
static inline uint32_t slow_crc(const uint8_t *bytes, size_t count) {
    uint32_t crc = 0xffffffff;
    for (size_t at = 0; at < count; at++) {
        crc ^= bytes[at];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
        }
    }
    return ~crc;
}

/* libdeflate's CRC is only trusted for chunks too long for the slow one. */
static inline uint32_t chunk_crc(const uint8_t *bytes, size_t count) {
    return count < 65536 ? slow_crc(bytes, count) : libdeflate_crc32(0, bytes, count);
}

static inline int paeth(int left, int up, int corner) {
    const int guess = left + up - corner;
    const int by_left = abs(guess - left), by_up = abs(guess - up), by_corner = abs(guess - corner);
    return by_left <= by_up && by_left <= by_corner ? left : by_up <= by_corner ? up : corner;
}

/* Undoes the filters of `raw`, whose rows start with the filter's number. */
static inline bool unfilter(decoded_png *png, const uint8_t *raw) {
    const int64_t row_bytes = png->width * png->channels, step = png->channels;
    for (int64_t row = 0; row < png->height; row++) {
        const uint8_t *from = raw + row * (row_bytes + 1);
        uint8_t *to = png->pixels + row * row_bytes;
        const uint8_t *above = row > 0 ? to - row_bytes : NULL;
        for (int64_t at = 0; at < row_bytes; at++) {
            const int left = at >= step ? to[at - step] : 0, up = above != NULL ? above[at] : 0;
            const int corner = above != NULL && at >= step ? above[at - step] : 0;
            const int guesses[5] = {0, left, up, (left + up) / 2, paeth(left, up, corner)};
            if (from[0] > 4) {
                return false;
            }
            to[at] = (uint8_t)(from[1 + at] + guesses[from[0]]);
        }
    }
    return true;
}

/* One chunk; the data of IDAT chunks are gathered in `packed`. */
static inline bool take_chunk(decoded_png *png, const uint8_t *chunk, size_t bytes, uint8_t *packed,
                              size_t *count) {
    const uint8_t *data = chunk + 8;
    if (memcmp(chunk + 4, "IHDR", 4) == 0) {
        png->width = read_big32(data);
        png->height = read_big32(data + 4);
        png->colour_type = data[9];
        png->channels = data[9] == 2 ? 3 : 1;
        return bytes == 13 && data[8] == 8 && data[10] == 0 && data[11] == 0 && data[12] == 0;
    }
    if (memcmp(chunk + 4, "PLTE", 4) == 0) {
        png->has_palette = true;
        memcpy(png->palette, data, bytes <= sizeof png->palette ? bytes : 0);
        return bytes % 3 == 0 && bytes <= sizeof png->palette && *count == 0;
    }
    if (memcmp(chunk + 4, "pHYs", 4) == 0) {
        png->density = read_big32(data);
        return bytes == 9 && read_big32(data + 4) == png->density && data[8] == 1 && *count == 0;
    }
    if (memcmp(chunk + 4, "IDAT", 4) == 0) {
        memcpy(packed + *count, data, bytes);
        *count += bytes;
        return true;
    }
    if (memcmp(chunk + 4, "iTXt", 4) == 0) { /* a keyword, not compressed, of no language */
        const size_t keyword = strnlen((const char *)data, bytes);
        return keyword >= 1 && keyword <= 79 && bytes > keyword + 5 &&
               memcmp(data + keyword, "\0\0\0\0\0", 5) == 0;
    }
    return memcmp(chunk + 4, "IEND", 4) == 0 && bytes == 0;
}

static inline bool inflate_pixels(decoded_png *png, const uint8_t *packed, size_t count) {
    const size_t raw_bytes = (size_t)((png->width * png->channels + 1) * png->height);
    uint8_t *raw = malloc(raw_bytes);
    png->pixels = malloc((size_t)(png->width * png->channels * png->height));
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    const bool good = raw != NULL && png->pixels != NULL && inflater != NULL &&
                      libdeflate_zlib_decompress(inflater, packed, count, raw, raw_bytes, NULL) == 0 &&
                      unfilter(png, raw);
    libdeflate_free_decompressor(inflater);
    free(raw);
    return good;
}

/* False for anything a strict reader would refuse. */
static inline bool decode_png(const uint8_t *file, size_t size, decoded_png *png) {
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    *png = (decoded_png){.width = 0};
    if (size < 8 || memcmp(file, signature, 8) != 0) {
        return false;
    }
    uint8_t *packed = malloc(size);
    size_t count = 0, at = 8;
    bool good = packed != NULL, ended = false;
    while (good && !ended) {
        const size_t bytes = size - at >= 12 ? read_big32(file + at) : SIZE_MAX;
        good = size - at >= 12 && bytes <= size - at - 12 &&
               read_big32(file + at + 8 + bytes) == chunk_crc(file + at + 4, bytes + 4) &&
               take_chunk(png, file + at, bytes, packed, &count);
        ended = good && memcmp(file + at + 4, "IEND", 4) == 0;
        at += good ? bytes + 12 : 0;
    }
    good = good && at == size && (png->colour_type == 3) == png->has_palette &&
           inflate_pixels(png, packed, count);
    free(packed);
    return good;
}

#endif
