/* percentile.c - limits that leave out a share of the cells */
/* SPDX-License-Identifier: MIT */
/*
 * By two counts instead of a sort: cells are counted by the upper half of their bits, and those with the
 * wanted upper half by the lower half. That takes no copy of the cells, and three looks at them for two
 * ranks.
 */
#include "host/figure/percentile.h"
#include "host/base/alloc.h"

#include <math.h>
#include <string.h>

enum { HALVES = 1 << 16 };

typedef struct selection {
    const float *cells; /* [count] */
    int64_t count;
    bool positive;
    int64_t *counts; /* [HALVES] */
} selection;

/* Whole numbers in the order of the floats. */
static uint32_t key_of(float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

static double value_of(uint32_t key) {
    const uint32_t bits = key >> 31 != 0 ? key & 0x7fffffffu : ~key;
    float value = 0.0F;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static bool takes_part(const selection *from, float value) {
    return isfinite(value) && (!from->positive || value > 0.0F);
}

/* Cells by the upper half of their keys; how many there are. */
static int64_t count_upper(const selection *from) {
    int64_t found = 0;
    memset(from->counts, 0, HALVES * sizeof *from->counts);
    for (int64_t cell = 0; cell < from->count; cell++) {
        if (takes_part(from, from->cells[cell])) {
            from->counts[key_of(from->cells[cell]) >> 16]++;
            found++;
        }
    }
    return found;
}

static void count_lower(const selection *from, uint32_t upper) {
    memset(from->counts, 0, HALVES * sizeof *from->counts);
    for (int64_t cell = 0; cell < from->count; cell++) {
        const uint32_t key = key_of(from->cells[cell]);
        if (key >> 16 == upper && takes_part(from, from->cells[cell])) {
            from->counts[key & 0xffff]++;
        }
    }
}

/* The half that the cell of a rank has; the rank becomes that among the cells of this half. */
static uint32_t half_of_rank(const int64_t *counts, int64_t *rank) {
    uint32_t half = 0;
    while (*rank >= counts[half]) {
        *rank -= counts[half++];
    }
    return half;
}

static double select_rank(const selection *from, uint32_t upper, int64_t rank) {
    count_lower(from, upper);
    return value_of(upper << 16 | half_of_rank(from->counts, &rank));
}

ropemap_status rm_percentile(const float *cells, int64_t count, double share, bool positive, double *low,
                             double *high, ropemap_error *error) {
    const selection from = {.cells = cells,
                            .count = count,
                            .positive = positive,
                            .counts = rm_alloc_raw(HALVES, sizeof *from.counts)};
    if (from.counts == NULL) {
        return rm_fail_memory(error, "figure", HALVES * sizeof *from.counts);
    }
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    const int64_t found = count_upper(&from);
    if (found > 0) {
        /* The share may be a rounding below what was written. */
        int64_t first = (int64_t)floor(share * (double)found * (1.0 + 1e-12)), last = found - 1 - first;
        const uint32_t lower_end = half_of_rank(from.counts, &first);
        const uint32_t upper_end = half_of_rank(from.counts, &last);
        *low = select_rank(&from, lower_end, first);
        *high = select_rank(&from, upper_end, last);
    }
    rm_free(from.counts);
    return ROPEMAP_OK;
}
