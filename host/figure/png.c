/* png.c - pixels as a PNG file in memory */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/drawing.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
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
enum { FILTER_NONE = 0, LEVEL_GREY = 1, LEVEL_RGB = 2, LEVEL_FEW = 9 /* charts are small */ };

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
static uint8_t *rm_stb_png(const uint8_t *pixels, int width, int height, int channels, int level, int *size) {
    if (pthread_once(&once, set_filter) != 0) {
        return NULL;
    }
    current = (job){.level = level};
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

static ropemap_status encode(const uint8_t *pixels, int64_t width, int64_t height, int channels, int level,
                             ropemap_bytes *bytes, ropemap_error *error) {
    RM_TRY(rm_png_check(width, height, channels, error));
    int size = 0;
    bytes->data = rm_stb_png(pixels, (int)width, (int)height, channels, level, &size);
    if (bytes->data == NULL) {
        return rm_fail_memory(error, "PNG", (uint64_t)width * (uint64_t)height * (uint64_t)channels);
    }
    bytes->size = (size_t)size;
    return ROPEMAP_OK;
}

ropemap_status rm_png_rgb(const ropemap_image *image, ropemap_bytes *bytes, ropemap_error *error) {
    return encode(image->rgb, image->width, image->height, 3, LEVEL_RGB, bytes, error);
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
static ropemap_status encode_indexed(const uint8_t *levels, int64_t width, int64_t height,
                                     const rm_palette *palette, int level, ropemap_bytes *bytes,
                                     ropemap_error *error) {
    RM_TRY(encode(levels, width, height, 1, level, bytes, error));
    bytes->data[COLOUR_TYPE] = TYPE_PALETTE;
    put32(bytes->data + HEADER_CRC, libdeflate_crc32(0, bytes->data + HEADER_TYPE, 4 + HEADER_DATA));
    return insert_chunk(bytes, "PLTE", &palette->rgb[0][0], PALETTE_BYTES, error);
}

ropemap_status rm_png_indexed(const uint8_t *levels, int64_t width, int64_t height, const rm_palette *palette,
                              ropemap_bytes *bytes, ropemap_error *error) {
    return encode_indexed(levels, width, height, palette, LEVEL_GREY, bytes, error);
}

/* ---- few colours ---- */

enum { SHARE_BITS = 5, SHARES = 1 << 3 * SHARE_BITS };

/* Colours that agree in the upper bits of each channel. */
typedef struct share {
    int64_t pixels;
    int64_t votes; /* for `rgb`: it has the colour of more than half of the pixels, if there is one */
    uint8_t rgb[3];
    uint8_t entry; /* of the palette */
} share;

static share *share_of(share *all, const uint8_t rgb[3]) {
    const int drop = 8 - SHARE_BITS;
    return &all[(rgb[0] >> drop) << 2 * SHARE_BITS | (rgb[1] >> drop) << SHARE_BITS | rgb[2] >> drop];
}

/* Boyer and Moore 1991: a majority's colour is exact, as that of paper, frames and flat areas. */
static void count_colours(const ropemap_image *image, share *all) {
    for (int64_t pixel = 0; pixel < image->width * image->height; pixel++) {
        const uint8_t *rgb = image->rgb + 3 * pixel;
        share *own = share_of(all, rgb);
        own->pixels++;
        if (own->votes == 0) {
            memcpy(own->rgb, rgb, 3);
        }
        own->votes += memcmp(own->rgb, rgb, 3) == 0 ? 1 : -1;
    }
}

static int by_pixels(const void *a, const void *b) {
    const share *const *one = a, *const *other = b;
    return (*one)->pixels != (*other)->pixels ? ((*one)->pixels < (*other)->pixels ? 1 : -1)
                                              : (*one < *other ? -1 : 1);
}

static uint8_t nearest(const rm_palette *palette, const uint8_t rgb[3]) {
    int best = 0, least = INT_MAX;
    for (int entry = 0; entry <= RM_LEVELS; entry++) {
        int distance = 0;
        for (int channel = 0; channel < 3; channel++) {
            const int apart = palette->rgb[entry][channel] - rgb[channel];
            distance += apart * apart;
        }
        best = distance < least ? entry : best;
        least = distance < least ? distance : least;
    }
    return (uint8_t)best;
}

/* The palette has the shares of the most pixels; those of the others get the nearest entry. */
static void choose_palette(share *all, share **used, rm_palette *palette) {
    int count = 0;
    for (int at = 0; at < SHARES; at++) {
        if (all[at].pixels > 0) {
            used[count++] = &all[at];
        }
    }
    qsort(used, (size_t)count, sizeof(share *), by_pixels);
    for (int at = 0; at <= RM_LEVELS; at++) { /* entries that are not needed repeat the first */
        memcpy(palette->rgb[at], used[at < count ? at : 0]->rgb, 3);
    }
    for (int at = 0; at < count; at++) {
        used[at]->entry = at <= RM_LEVELS ? (uint8_t)at : nearest(palette, used[at]->rgb);
    }
}

ropemap_status rm_png_few(const ropemap_image *image, ropemap_bytes *bytes, ropemap_error *error) {
    const int64_t pixels = image->width * image->height;
    share *all = rm_alloc(SHARES, sizeof *all), **used = rm_alloc_raw(SHARES, sizeof *used);
    uint8_t *levels = rm_alloc_raw((uint64_t)pixels, 1);
    ropemap_status status = ROPEMAP_OK;
    if (all == NULL || used == NULL || levels == NULL) {
        status = rm_fail_memory(error, "PNG", (uint64_t)pixels);
    } else {
        rm_palette palette;
        count_colours(image, all);
        choose_palette(all, used, &palette);
        for (int64_t pixel = 0; pixel < pixels; pixel++) {
            levels[pixel] = share_of(all, image->rgb + 3 * pixel)->entry;
        }
        status = encode_indexed(levels, image->width, image->height, &palette, LEVEL_FEW, bytes, error);
    }
    rm_free(levels);
    rm_free(used);
    rm_free(all);
    return status;
}

/* Chunk iTXt (chapter 11.3.3.4): UTF-8 that is not compressed, of no language. */
static ropemap_status insert_text(ropemap_bytes *bytes, const char *keyword, const char *text,
                                  ropemap_error *error) {
    uint8_t data[sizeof((rm_metadata *)0)->description + 32] = {0};
    const size_t name = strlen(keyword) + 1, length = strlen(text);
    if (length == 0) {
        return ROPEMAP_OK;
    }
    memcpy(data, keyword, name);
    memcpy(data + name + 4, text, length);
    return insert_chunk(bytes, "iTXt", data, name + 4 + length, error);
}

/* Chunk pHYs (chapter 11.3.4.3): pixels a metre across and down, then 1 for that unit. */
static ropemap_status insert_density(ropemap_bytes *bytes, double dpi, ropemap_error *error) {
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

/* Each chunk goes before those that are there. */
ropemap_status rm_png_describe(ropemap_bytes *bytes, double dpi, const rm_metadata *metadata,
                               ropemap_error *error) {
    char software[64];
    (void)snprintf(software, sizeof software, "ropemap %s", ropemap_version());
    RM_TRY(insert_text(bytes, "Software", software, error));
    RM_TRY(insert_text(bytes, "Description", metadata->description, error));
    RM_TRY(insert_text(bytes, "Title", metadata->title, error));
    return insert_density(bytes, dpi, error);
}
