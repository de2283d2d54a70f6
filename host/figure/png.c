/* png.c - pixels as a PNG file in memory */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/sinks.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

/*
 * What the encoder of this thread is doing, for the compressor that stb calls without a word from its caller.
 * It also keeps the compressed data within reach: stb forgets them where it gets no memory for the file
 * around them.
 */
typedef struct job {
    int level;
    unsigned char *compressed;
} job;

static _Thread_local job current;

/* stb's compressor takes int sizes; NULL where memory is short. */
static unsigned char *deflate(unsigned char *data, int bytes, int *compressed_bytes, int level) {
    (void)level; /* a global of stb's, one for all images */
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(current.level);
    if (compressor != NULL) {
        const size_t bound = libdeflate_zlib_compress_bound(compressor, (size_t)bytes);
        current.compressed = rm_alloc_raw(bound, 1);
        if (current.compressed != NULL) {
            *compressed_bytes =
                (int)libdeflate_zlib_compress(compressor, data, (size_t)bytes, current.compressed, bound);
        }
    }
    libdeflate_free_compressor(compressor);
    return current.compressed;
}

static void release(void *memory) {
    if (memory == current.compressed) {
        current.compressed = NULL;
    }
    rm_free(memory);
}

/* Only stb's own compressor, which is not compiled, would call STBIW_REALLOC. */
#define STBIW_MALLOC(bytes)          rm_alloc_raw((uint64_t)(bytes), 1)
#define STBIW_FREE(memory)           release(memory)
#define STBIW_REALLOC(memory, bytes) ((void *)0)
#define STBIW_ZLIB_COMPRESS          deflate
#define STBIW_ASSERT(condition)      ((void)0)
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function" /* its other formats */
#if !defined(__clang__) /* GCC 14 sees one in the JPEG writer, inlined into this file */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

/*
 * No filter: cells of a palette have no gradients that one could follow. Levels by measuring 4096 x 4096
 * images: indices gain nothing above 1; RGB noise is 30 % smaller at 2 than at 1 for 6 % more time, and no
 * smaller above.
 */
enum { FILTER_NONE = 0, LEVEL_GREY = 1, LEVEL_RGB = 2 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_filter(void) {
    stbi_write_force_png_filter = FILTER_NONE;
}

/* Whether stb, which computes sizes in int, can encode an image; `channels` 1 or 3. */
static bool rm_stb_fits(int64_t width, int64_t height, int channels) {
    if (width < 1 || height < 1 || width > INT_MAX / 4 || height > INT_MAX) {
        return false;
    }
    /* Rows have a filter byte; incompressible data grow by 5 bytes every 10,000 at most; headers take 57. */
    const int64_t raw = (width * channels + 1) * height;
    return raw <= INT_MAX - INT_MAX / 1000;
}

/*
 * A PNG of grey or RGB `pixels` [height, width, channels] in memory from rm_alloc, its bytes counted in
 * `size`; NULL where memory is short. The image fits (rm_stb_fits).
 */
static uint8_t *rm_stb_png(const uint8_t *pixels, int width, int height, int channels, int *size) {
    if (pthread_once(&once, set_filter) != 0) {
        return NULL;
    }
    current = (job){.level = channels == 1 ? LEVEL_GREY : LEVEL_RGB};
    uint8_t *file = stbi_write_png_to_mem(pixels, width * channels, width, height, channels, size);
    rm_free(current.compressed);
    current.compressed = NULL;
    return file;
}

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
