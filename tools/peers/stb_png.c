/* stb_png.c - the peer of a bare PNG: the same picture as RGB through stb_image_write's own encoder */
/* SPDX-License-Identifier: MIT */
/*
 * peer_stb_png PICTURE.png [RUNS]: decodes the picture with stb_image and prints one line of JSON: the
 * seconds of each encoding with stb's defaults (filters tried for each row, its own deflate at level 8) and
 * the bytes of the file.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define STBI_ONLY_PNG
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

static double now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Encodes once; returns the bytes of the file, 0 where memory is short. */
static int encode(const uint8_t *rgb, int width, int height, double *seconds) {
    int size = 0;
    const double start = now();
    unsigned char *file = stbi_write_png_to_mem(rgb, 3 * width, width, height, 3, &size);
    *seconds = now() - start;
    const bool made = file != NULL;
    STBIW_FREE(file);
    return made ? size : 0;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        (void)fprintf(stderr, "usage: peer_stb_png PICTURE.png [RUNS]\n");
        return 2;
    }
    const long runs = argc > 2 ? strtol(argv[2], NULL, 10) : 3;
    int width = 0, height = 0, channels = 0, size = 0;
    uint8_t *rgb = stbi_load(argv[1], &width, &height, &channels, 3);
    if (rgb == NULL) {
        (void)fprintf(stderr, "peer_stb_png: %s: %s\n", argv[1], stbi_failure_reason());
        return 3;
    }
    (void)printf("{\"width\": %d, \"height\": %d, \"seconds\": [", width, height);
    for (long run = 0; run < runs; run++) {
        double seconds = 0.0;
        size = encode(rgb, width, height, &seconds);
        (void)printf("%s%.6f", run > 0 ? ", " : "", seconds);
    }
    (void)printf("], \"bytes\": %d}\n", size);
    stbi_image_free(rgb);
    return fflush(stdout) == 0 && size > 0 ? 0 : 4;
}
