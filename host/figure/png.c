/* png.c - pixels as a PNG file in memory */
/* SPDX-License-Identifier: MIT */
#include "host/figure/png.h"
#include "host/base/alloc.h"
#include "host/figure/stb.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <string.h>

/* Portable Network Graphics specification, chapters 5 and 11: signature, then IHDR, whose data start at 16.
 */
enum {
    CHUNK_OVERHEAD = 12, /* length, type, CRC */
    HEADER_TYPE = 12,
    HEADER_DATA = 13,
    COLOUR_TYPE = 25,
    HEADER_CRC = 29,
    HEADER_END = 33,
    PALETTE_BYTES = 3 * (RM_LEVELS + 1),
    TYPE_PALETTE = 3
};

static void put32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

ropemap_status rm_png_check(int64_t width, int64_t height, int channels, ropemap_error *error) {
    if (!rm_stb_fits(width, height, channels)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "PNG: %" PRId64 " x %" PRId64
                       " %s pixels, expected less than 2^31 bytes, which are about "
                       "%d a side",
                       width, height, channels == 1 ? "palette" : "RGB", channels == 1 ? 46300 : 26700);
    }
    return ROPEMAP_OK;
}

static ropemap_status encode(const uint8_t *pixels, int64_t width, int64_t height, int channels,
                             ropemap_bytes *bytes, ropemap_error *error) {
    RM_TRY(rm_png_check(width, height, channels, error));
    int size = 0;
    bytes->data = rm_stb_png(pixels, (int)width, (int)height, channels, &size);
    if (bytes->data == NULL) {
        return rm_fail_memory(error, "PNG", (uint64_t)width * (uint64_t)height * (uint64_t)channels);
    }
    bytes->size = (size_t)size;
    return ROPEMAP_OK;
}

ropemap_status rm_png_rgb(const ropemap_image *image, ropemap_bytes *bytes, ropemap_error *error) {
    return encode(image->rgb, image->width, image->height, 3, bytes, error);
}

/* Grey becomes palette: the header's colour type is patched, and the palette's chunk follows it. */
static void insert_palette(const ropemap_bytes *grey, const rm_palette *palette, uint8_t *file) {
    memcpy(file, grey->data, HEADER_END);
    file[COLOUR_TYPE] = TYPE_PALETTE;
    put32(file + HEADER_CRC, libdeflate_crc32(0, file + HEADER_TYPE, 4 + HEADER_DATA));
    uint8_t *chunk = file + HEADER_END;
    put32(chunk, PALETTE_BYTES);
    memcpy(chunk + 4, "PLTE", 4);
    memcpy(chunk + 8, palette->rgb, PALETTE_BYTES);
    put32(chunk + 8 + PALETTE_BYTES, libdeflate_crc32(0, chunk + 4, 4 + PALETTE_BYTES));
    memcpy(chunk + CHUNK_OVERHEAD + PALETTE_BYTES, grey->data + HEADER_END, grey->size - HEADER_END);
}

ropemap_status rm_png_indexed(const uint8_t *levels, int64_t width, int64_t height, const rm_palette *palette,
                              ropemap_bytes *bytes, ropemap_error *error) {
    ropemap_bytes grey = {.data = NULL};
    RM_TRY(encode(levels, width, height, 1, &grey, error));
    const size_t size = grey.size + CHUNK_OVERHEAD + PALETTE_BYTES;
    uint8_t *file = rm_alloc_raw(size, 1);
    if (file == NULL) {
        rm_free(grey.data);
        return rm_fail_memory(error, "PNG", size);
    }
    insert_palette(&grey, palette, file);
    rm_free(grey.data);
    *bytes = (ropemap_bytes){.data = file, .size = size};
    return ROPEMAP_OK;
}
