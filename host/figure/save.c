/* save.c - cells as a .npy file, and figures written by the ending of a name */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/figure/heatmap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0. */

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
    RM_TRY(rm_map_check(map, error));
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

static bool ends_with(const char *path, const char *ending) {
    const size_t length = strlen(path), tail = strlen(ending);
    if (length < tail) {
        return false;
    }
    for (size_t at = 0; at < tail; at++) {
        const char letter = path[length - tail + at];
        const bool upper = letter >= 'A' && letter <= 'Z';
        if ((upper ? (char)(letter - 'A' + 'a') : letter) != ending[at]) {
            return false;
        }
    }
    return true;
}

ropemap_status ropemap_figure_save(const ropemap_figure *figure, const char *path, bool force,
                                   ropemap_error *error) {
    static const char *const endings[] = {
        [ROPEMAP_PNG] = ".png", [ROPEMAP_SVG] = ".svg", [ROPEMAP_PDF] = ".pdf", ".npy"};
    enum { COUNT = (int)(sizeof endings / sizeof *endings), NPY = COUNT - 1 };
    ropemap_bytes bytes = {.data = NULL};
    int kind = 0;
    while (kind < COUNT && !ends_with(path, endings[kind])) {
        kind++;
    }
    if (kind == COUNT) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: expected a name that ends in .png, .svg, .pdf or .npy",
                       path);
    }
    if (kind != NPY) {
        RM_TRY(ropemap_figure_encode(figure, (ropemap_format)kind, NULL, &bytes, error));
    } else if (figure->panels == NULL && figure->panel.map != NULL) {
        RM_TRY(ropemap_map_npy(figure->panel.map, &bytes, error));
    } else {
        return rm_fail(error, ROPEMAP_USAGE, "%s: a .npy file holds one map, the figure's panel", path);
    }
    const ropemap_status status = ropemap_output_write(path, &bytes, force, error);
    ropemap_bytes_free(&bytes);
    return status;
}
