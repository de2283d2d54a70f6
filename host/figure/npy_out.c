/* npy_out.c - a map's cells as a .npy file */
/* SPDX-License-Identifier: MIT */
/* The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0. */
#include "host/base/alloc.h"
#include "host/figure/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 128, PREAMBLE = 10 }; /* bytes; the header with its preamble is a multiple of 64 */

/* Little-endian whatever the machine is. */
static void put_floats(uint8_t *to, const float *cells, int64_t count) {
    for (int64_t cell = 0; cell < count; cell++) {
        uint32_t bits;
        memcpy(&bits, &cells[cell], sizeof bits);
        to[4 * cell] = (uint8_t)bits;
        to[4 * cell + 1] = (uint8_t)(bits >> 8);
        to[4 * cell + 2] = (uint8_t)(bits >> 16);
        to[4 * cell + 3] = (uint8_t)(bits >> 24);
    }
}

ropemap_status ropemap_map_npy(const ropemap_map *map, ropemap_bytes *bytes, ropemap_error *error) {
    RM_TRY(rm_check_map(map, error));
    const int64_t cells = map->height * map->width;
    const uint64_t size = HEADER + 4 * (uint64_t)cells;
    uint8_t *data = rm_alloc_raw(size, 1);
    if (data == NULL) {
        return rm_fail_memory(error, "npy", size);
    }
    char header[HEADER];
    const int used = snprintf(header, sizeof header,
                              "\x93NUMPY\x01%c%c%c{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRId64
                              ", %" PRId64 "), }",
                              0, HEADER - PREAMBLE, 0, map->height, map->width);
    memset(header + used, ' ', (size_t)(HEADER - 1 - used));
    header[HEADER - 1] = '\n';
    memcpy(data, header, HEADER);
    put_floats(data + HEADER, map->cells, cells);
    *bytes = (ropemap_bytes){.data = data, .size = (size_t)size};
    return ROPEMAP_OK;
}
