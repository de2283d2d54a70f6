/* page_file.h - a figure as a page, and what is looked for in its bytes */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_PAGE_FILE_H
#define ROPEMAP_TESTS_PAGE_FILE_H

#include "host/ropemap_figure.h"
#include "tests/unit.h"

#include <math.h>

/* ---- what is looked for in a file ---- */

/* The first `text` at or after `from`, or NULL. Files contain zero bytes. */
static inline const uint8_t *find(const ropemap_bytes *bytes, const uint8_t *from, const char *text) {
    const size_t size = strlen(text);
    const uint8_t *end = bytes->data + bytes->size;
    for (const uint8_t *at = from; (size_t)(end - at) >= size; at++) {
        if (memcmp(at, text, size) == 0) {
            return at;
        }
    }
    return NULL;
}

static inline int count(const ropemap_bytes *bytes, const char *text) {
    int found = 0;
    for (const uint8_t *at = find(bytes, bytes->data, text); at != NULL; at = find(bytes, at + 1, text)) {
        found++;
    }
    return found;
}

static inline bool has(const ropemap_bytes *bytes, const char *text) {
    return count(bytes, text) > 0;
}

static inline bool equal(const ropemap_bytes *a, const ropemap_bytes *b) {
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* ---- figures ---- */

enum { SIDE = 24 };

/* Ends in NaN where `causal`. */
static inline ropemap_map make_map(float cells[SIDE * SIDE], bool causal) {
    ropemap_map map = {.height = SIDE, .width = SIDE, .cells = cells, .min = -1.0, .max = 1.0};
    for (int cell = 0; cell < SIDE * SIDE; cell++) {
        const bool none = causal && cell % SIDE > cell / SIDE;
        cells[cell] = none ? NAN : (float)(cell * 389 % 1000) / 500.0F - 1.0F;
        map.nan_cells += none ? 1 : 0;
    }
    return map;
}

static inline ropemap_figure make_figure(void) {
    return (ropemap_figure){.title = "base 10,000 & <d> = \"128\"",
                            .subtitle = "dot products, 100 × 100",
                            .row_label = "query position",
                            .col_label = "key position",
                            .value_label = "q · k / √d",
                            .panel = {.rows = {0, 100 * SIDE, 1}, .cols = {0, 100 * SIDE, 1}}};
}

/* Of a causal map. */
static inline ropemap_bytes make(const ropemap_figure *figure, ropemap_format format, double millimetres) {
    float cells[SIDE * SIDE];
    const ropemap_map map = make_map(cells, true);
    const ropemap_page page = {.millimetres = millimetres};
    ropemap_figure own = *figure;
    ropemap_bytes bytes = {.data = NULL};
    ropemap_error error = {.text = ""};
    own.panel.map = &map;
    if (ropemap_figure_encode(&own, format, &page, &bytes, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
    return bytes;
}

#endif
