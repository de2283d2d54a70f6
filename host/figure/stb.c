/* stb.c - stb_image_write with libdeflate as its compressor */
/* SPDX-License-Identifier: MIT */
#include "host/figure/stb.h"
#include "host/base/alloc.h"

#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>

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

bool rm_stb_fits(int64_t width, int64_t height, int channels) {
    if (width < 1 || height < 1 || width > INT_MAX / 4 || height > INT_MAX) {
        return false;
    }
    /* Rows have a filter byte; incompressible data grow by 5 bytes every 10,000 at most; headers take 57. */
    const int64_t raw = (width * channels + 1) * height;
    return raw <= INT_MAX - INT_MAX / 1000;
}

uint8_t *rm_stb_png(const uint8_t *pixels, int width, int height, int channels, int *size) {
    if (pthread_once(&once, set_filter) != 0) {
        return NULL;
    }
    current = (job){.level = channels == 1 ? LEVEL_GREY : LEVEL_RGB};
    uint8_t *file = stbi_write_png_to_mem(pixels, width * channels, width, height, channels, size);
    rm_free(current.compressed);
    current.compressed = NULL;
    return file;
}
