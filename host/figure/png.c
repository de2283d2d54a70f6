/* png.c - pixels as a PNG file in memory */
/* SPDX-License-Identifier: MIT */
#include "host/figure/png.h"
#include "host/base/alloc.h"
#include "host/figure/sink_cairo.h"
#include "host/figure/stb.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <math.h>
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

/* Puts a chunk behind the header. ROPEMAP_RESOURCES, and the file is freed. */
static ropemap_status insert_chunk(ropemap_bytes *bytes, const char *type, const uint8_t *data, size_t count,
                                   ropemap_error *error) {
    const ropemap_bytes old = *bytes;
    const size_t size = old.size + CHUNK_OVERHEAD + count;
    uint8_t *file = rm_alloc_raw(size, 1);
    *bytes = (ropemap_bytes){.data = file, .size = file != NULL ? size : 0};
    if (file == NULL) {
        rm_free(old.data);
        return rm_fail_memory(error, "PNG", size);
    }
    uint8_t *chunk = file + HEADER_END;
    memcpy(file, old.data, HEADER_END);
    put32(chunk, (uint32_t)count);
    memcpy(chunk + 4, type, 4);
    memcpy(chunk + 8, data, count);
    put32(chunk + 8 + count, libdeflate_crc32(0, chunk + 4, 4 + count));
    memcpy(chunk + CHUNK_OVERHEAD + count, old.data + HEADER_END, old.size - HEADER_END);
    rm_free(old.data);
    return ROPEMAP_OK;
}

/* Grey becomes palette: the header's colour type is patched, and the palette's chunk follows it. */
ropemap_status rm_png_indexed(const uint8_t *levels, int64_t width, int64_t height, const rm_palette *palette,
                              ropemap_bytes *bytes, ropemap_error *error) {
    RM_TRY(encode(levels, width, height, 1, bytes, error));
    bytes->data[COLOUR_TYPE] = TYPE_PALETTE;
    put32(bytes->data + HEADER_CRC, libdeflate_crc32(0, bytes->data + HEADER_TYPE, 4 + HEADER_DATA));
    return insert_chunk(bytes, "PLTE", &palette->rgb[0][0], PALETTE_BYTES, error);
}

/* Chunk pHYs (chapter 11.3.4.3): pixels a metre across and down, then 1 for that unit. */
ropemap_status rm_png_density(ropemap_bytes *bytes, double dpi, ropemap_error *error) {
    uint8_t data[9] = {0};
    if (!(dpi > 0.0)) {
        return ROPEMAP_OK;
    }
    const uint32_t density = (uint32_t)lround(dpi / 0.0254);
    put32(data, density);
    put32(data + 4, density);
    data[8] = 1;
    return insert_chunk(bytes, "pHYs", data, sizeof data, error);
}

ropemap_status rm_drawing_pixels(const rm_drawing *drawing, ropemap_image *image, ropemap_error *error) {
    RM_TRY(rm_png_check(drawing->width, drawing->height, 3, error));
    return rm_sink_image(drawing, image, error);
}

ropemap_status rm_pixels_png(ropemap_image *image, double dpi, ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_status status = rm_png_rgb(image, bytes, error);
    ropemap_image_free(image);
    return status == ROPEMAP_OK ? rm_png_density(bytes, dpi, error) : status;
}
