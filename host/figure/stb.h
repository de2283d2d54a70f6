/* stb.h - stb_image_write with libdeflate as its compressor */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_STB_H
#define ROPEMAP_HOST_FIGURE_STB_H

#include <stdbool.h>
#include <stdint.h>

/* Whether stb, which computes sizes in int, can encode an image; `channels` 1 or 3. */
bool rm_stb_fits(int64_t width, int64_t height, int channels);

/*
 * A PNG of grey or RGB `pixels` [height, width, channels] in memory from rm_alloc, its bytes counted in
 * `size`; NULL where memory is short. The image fits (rm_stb_fits).
 */
uint8_t *rm_stb_png(const uint8_t *pixels, int width, int height, int channels, int *size);

#endif
