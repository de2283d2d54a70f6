/* cosine_sums.c - a rule's sums of cosines: at one distance, and many as one product */
/* SPDX-License-Identifier: MIT */
#include "host/decay/cosine_sums.h"
#include "host/base/alloc.h"
#include "host/rule/double_double.h"

/* A phase: `quarter` quarter turns and a rest of [-1/8, 1/8) turns, off by 2^-86. */
struct phase {
    unsigned quarter;
    rm_twofold rest;
};

/*
 * distance * (step * 2^-64 + fine * 2^-96) modulo 1 in 96 bits, exactly, and then an eighth of a turn ahead,
 * so that all numbers are positive.
 */
static struct phase phase_at(uint64_t step, uint32_t fine, int64_t distance) {
    const uint64_t r = (uint64_t)distance;
    const uint64_t low = (r & 0xffffffffu) * fine, high = (r >> 32) * fine; /* units of 2^-96, of 2^-64 */
    const uint64_t turns = r * step + high + (low >> 32) + (UINT64_C(1) << 61);
    const uint64_t rest = turns & (UINT64_MAX >> 2);
    const double upper = (double)(rest >> 31) * 0x1p-33 - 0.125;
    const double lower = (double)((rest & 0x7fffffffu) << 32 | (low & 0xffffffffu)) * 0x1p-96;
    const double sum = upper + lower, part = sum - upper;
    return (struct phase){.quarter = (unsigned)(turns >> 62),
                          .rest = {.high = sum, .low = (upper - (sum - part)) + (lower - part)}};
}

double rm_quarter_cosine(unsigned quarter, double radians) {
    const double value = quarter % 2 == 0 ? cos(radians) : sin(radians);
    return quarter % 4 == 1 || quarter % 4 == 2 ? -value : value;
}

static double cosine(struct phase phase) {
    return rm_quarter_cosine(phase.quarter, RM_TWO_PI.high * phase.rest.high);
}

double rm_bound_sum(const ropemap_freqs *freqs, int64_t distance) {
    double sum = 0.0;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        sum += cosine(phase_at(freqs->step[i], freqs->fine[i], distance));
    }
    return sum;
}

double rm_bound_sum_rest(const ropemap_spec *spec, int32_t pairs, double attention_factor) {
    return (0.5 * spec->head_dim - pairs) / (attention_factor * attention_factor);
}

/* sin(x) = cos(x - a quarter turn) */
double rm_bound_sum_sines(const ropemap_freqs *freqs, const double *rates, int64_t distance) {
    double sum = 0.0;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        struct phase phase = phase_at(freqs->step[i], freqs->fine[i], distance);
        phase.quarter += 3;
        sum += rates[i] * cosine(phase);
    }
    return sum;
}

bool rm_bound_sum_below(const ropemap_freqs *freqs, int64_t distance, double threshold) {
    const double above = rm_bound_sum(freqs, distance) - threshold;
    if (fabs(above) > 1e-12 * freqs->pairs) { /* more than the error at any number of pairs */
        return above < 0.0;
    }
    rm_twofold sum = rm_twofold_of(-threshold);
    for (int32_t i = 0; i < freqs->pairs; i++) {
        const struct phase phase = phase_at(freqs->step[i], freqs->fine[i], distance);
        sum = rm_twofold_add(sum, rm_exact_rotation(phase.quarter, phase.rest).c);
    }
    return sum.high < 0.0 || (sum.high == 0.0 && sum.low < 0.0);
}

enum { GROUP = 64, LANES = 16 }; /* values that are looked at together; minima kept apart */

/* About as many rows as columns, so that few sines and cosines are needed. */
static int64_t width_for(int64_t length) {
    int64_t width = 16;
    while (width < RM_BOUND_WIDTH && width * width < length) {
        width *= 2;
    }
    return width;
}

/*
 * Sines and cosines are off by 1.2e-7, so that a pair's two products are by 2 sqrt(2) times as much; 2 n
 * products of floats, whose magnitudes add up to n at most, lose 2 n * 2^-24 * n where they are added up in
 * any order (Higham, Accuracy and Stability, section 3.1).
 */
static double margin_for(int32_t pairs) {
    const double n = pairs;
    return 3.5e-7 * n + 1.21e-7 * n * n;
}

ropemap_status rm_bound_tile_open(rm_bound_tile *tile, rm_context *context, int32_t pairs, int64_t length,
                                  ropemap_error *error) {
    const int64_t width = width_for(length), needed = (length + width - 1) / width, dim = 2 * (int64_t)pairs;
    const int64_t rows = needed < RM_BOUND_ROWS ? needed : RM_BOUND_ROWS;
    const int64_t ones = width > rows ? width : rows;
    tile->context = context;
    tile->width = width;
    tile->rows = rows;
    tile->margin = margin_for(pairs);
    tile->first = tile->count = 0;
    tile->ones = rm_alloc((uint64_t)(ones * dim), sizeof(float));
    tile->near = rm_alloc_raw((uint64_t)(width * dim), sizeof(float));
    tile->far = rm_alloc_raw((uint64_t)(rows * dim), sizeof(float));
    tile->values = rm_alloc_raw((uint64_t)(rows * width), sizeof(float));
    if (tile->ones == NULL || tile->near == NULL || tile->far == NULL || tile->values == NULL) {
        return rm_fail_memory(error, "sums of cosines",
                              (uint64_t)((ones + width + rows) * dim + rows * width) * sizeof(float));
    }
    for (int64_t row = 0; row < ones; row++) {
        for (int64_t i = 0; i < pairs; i++) {
            tile->ones[row * dim + i] = 1.0f;
        }
    }
    return ROPEMAP_OK;
}

void rm_bound_tile_close(rm_bound_tile *tile) {
    rm_free(tile->ones);
    rm_free(tile->near);
    rm_free(tile->far);
    rm_free(tile->values);
}

/* Cosine and sine of each pair at `positions`: a row of ones and zeros, rotated. */
static ropemap_status turn(rm_bound_tile *tile, const ropemap_freqs *freqs, ropemap_range positions,
                           float *rows, ropemap_error *error) {
    const rm_rotation rotation = {.freqs = freqs, .layout = ROPEMAP_LAYOUT_HALF, .rotate = true};
    const int64_t dim = 2 * (int64_t)freqs->pairs;
    return rm_cpu_backend()->rotate(tile->context, &rotation, positions,
                                    rm_view_dense(tile->ones, positions.count, dim),
                                    rm_view_dense(rows, positions.count, dim), error);
}

ropemap_status rm_bound_tile_begin(rm_bound_tile *tile, const ropemap_freqs *freqs, ropemap_error *error) {
    tile->freqs = *freqs;
    tile->freqs.attention_factor = 1.0;
    tile->backwards = tile->freqs;
    for (int32_t i = 0; i < freqs->pairs; i++) {
        tile->backwards.step[i] = (uint64_t)0 - freqs->step[i];
    }
    const ropemap_range positions = {.first = 0, .count = tile->width, .step = 1};
    return turn(tile, &tile->backwards, positions, tile->near, error);
}

ropemap_status rm_bound_tile_fill(rm_bound_tile *tile, int64_t first, int64_t end, ropemap_error *error) {
    const int64_t room = tile->rows * tile->width, dim = 2 * (int64_t)tile->freqs.pairs;
    tile->first = first;
    tile->count = end - first < room ? end - first : room;
    const int64_t rows = (tile->count + tile->width - 1) / tile->width;
    const ropemap_range positions = {.first = first, .count = rows, .step = tile->width};
    RM_TRY(turn(tile, &tile->freqs, positions, tile->far, error));
    return rm_cpu_backend()->similarity(
        tile->context, ROPEMAP_DTYPE_FP32, 1, rm_view_dense(tile->far, rows, dim),
        rm_view_dense(tile->near, tile->width, dim), rm_view_dense(tile->values, rows, tile->width), error);
}

int64_t rm_bound_tile_below(const rm_bound_tile *tile, double threshold) {
    const float high = (float)(threshold + 1.001 * tile->margin),
                low = (float)(threshold - 1.001 * tile->margin);
    for (int64_t first = 0; first < tile->count; first += GROUP) {
        const int64_t left = tile->count - first, count = left < GROUP ? left : GROUP;
        const float *values = tile->values + first;
        unsigned any = 0;
        for (int64_t t = 0; t < count; t++) {
            any |= values[t] < high ? 1u : 0u;
        }
        for (int64_t t = 0; any != 0 && t < count; t++) {
            const int64_t distance = tile->first + first + t;
            if (values[t] < low ||
                (values[t] < high && rm_bound_sum_below(&tile->freqs, distance, threshold))) {
                return distance;
            }
        }
    }
    return -1;
}

static float lowest(const float *values, int64_t count) {
    float lanes[LANES];
    for (int i = 0; i < LANES; i++) {
        lanes[i] = values[0];
    }
    int64_t t = 0;
    for (; t + LANES <= count; t += LANES) {
        for (int i = 0; i < LANES; i++) {
            lanes[i] = values[t + i] < lanes[i] ? values[t + i] : lanes[i];
        }
    }
    for (; t < count; t++) {
        lanes[0] = values[t] < lanes[0] ? values[t] : lanes[0];
    }
    for (int i = 1; i < LANES; i++) {
        lanes[0] = lanes[i] < lanes[0] ? lanes[i] : lanes[0];
    }
    return lanes[0];
}

double rm_bound_tile_floor(const rm_bound_tile *tile) {
    return (double)lowest(tile->values, tile->count) - tile->margin;
}

void rm_bound_tile_least(const rm_bound_tile *tile, int64_t end, rm_bound_least *least) {
    const int64_t left = end - tile->first, count = left < tile->count ? left : tile->count;
    if (count <= 0) {
        return;
    }
    const double low = (double)lowest(tile->values, count);
    if (low - tile->margin > least->value) {
        return;
    }
    for (int64_t t = 0; t < count; t++) {
        if ((double)tile->values[t] <= low + 2.0 * tile->margin) {
            const double value = rm_bound_sum(&tile->freqs, tile->first + t);
            if (value < least->value) {
                *least = (rm_bound_least){.at = tile->first + t, .value = value};
            }
        }
    }
}
