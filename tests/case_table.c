/* case_table.c - the map requests that several tests walk */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"

#include <stddef.h>

#define FAR      (((int64_t)1 << 33) + 5)
#define LAST     ROPEMAP_POSITION_END /* one past it */
#define BILLION  ((int64_t)1 << 30)
#define ONES     CASE_ONES
#define RANDOM   CASE_RANDOM
#define WHOLE    CASE_WHOLE
#define ZEROS    CASE_ZEROS
#define NANS     CASE_NAN
#define INFINITE CASE_INFINITY
#define R(first, count, step)                                                                                \
    { first, count, step }
#define HALF  ROPEMAP_LAYOUT_HALF
#define INTER ROPEMAP_LAYOUT_INTERLEAVED

struct row {
    const char *name;
    case_content content;
    double base;
    int32_t head_dim;
    ropemap_layout layout;
    ropemap_range rows, cols;
    int64_t height, width;
    bool causal;
    struct {
        int32_t rotary; /* dim */
        ropemap_scaling_rule rule;
        double factor;
        int64_t first, step; /* of the vectors' positions */
        bool rotated;        /* already */
        int64_t window, chunk, sinks;
    } also;
};

/* Head dims are small where vectors are not constant: bounds grow with them, and a small bound finds more. */
static const struct row table[] = {
    {"one pair", ONES, 1e4, 2, HALF, R(0, 1, 1), R(0, 1, 1), 1, 1, false, .also = {0}},
    {"two by two", ONES, 1e4, 4, INTER, R(0, 2, 1), R(0, 2, 1), 1024, 1024, true, .also = {0}},
    {"a cell a position", ONES, 1e4, 64, HALF, R(0, 31, 1), R(0, 31, 1), 31, 31, false, .also = {0}},
    {"prime sides", ONES, 1e4, 64, HALF, R(0, 97, 1), R(0, 97, 1), 7, 13, false, .also = {0}},
    {"causal, sides that differ", ONES, 1e4, 64, HALF, R(40, 257, 1), R(0, 97, 1), 13, 7, true, .also = {0}},
    {"causal, one cell", ONES, 5e5, 32, HALF, R(0, 257, 1), R(0, 257, 1), 1, 1, true, .also = {0}},
    {"four blocks a side", ONES, 5e5, 16, HALF, R(0, 1021, 1), R(0, 1021, 1), 13, 7, false, .also = {0}},
    {"four blocks a side, causal", ONES, 5e5, 16, HALF, R(0, 1021, 1), R(0, 1021, 1), 7, 7, true,
     .also = {0}},
    {"far", ONES, 1e6, 64, HALF, R(FAR, 257, 1), R(FAR, 257, 1), 13, 13, true, .also = {0}},
    {"last positions", ONES, 1e4, 64, INTER, R(LAST - 509, 509, 1), R(LAST - 509, 509, 1), 7, 13, true,
     .also = {0}},
    {"far from each other", ONES, 1e13, 64, HALF, R(LAST - 97, 97, 1), R(0, 257, 1), 7, 7, false,
     .also = {0}},
    {"equal steps", ONES, 1e4, 64, HALF, R(5, 97, 3), R(1, 127, 3), 7, 13, true, .also = {0}},
    {"long equal steps", ONES, 1e6, 32, HALF, R(7, 97, 1048577), R(100, 97, 1048577), 13, 7, false,
     .also = {0}},
    {"unequal steps", ONES, 1e4, 64, HALF, R(1, 127, 2), R(0, 97, 3), 13, 7, true, .also = {0}},
    {"unequal steps, one column", ONES, 1e4, 16, HALF, R(3, 31, 5), R(9, 1, 1), 7, 1, true, .also = {0}},
    {"partial rotary", ONES, 1e4, 16, INTER, R(0, 97, 1), R(30, 31, 1), 7, 13, true, .also = {.rotary = 6}},
    {"linear scaling", ONES, 1e4, 64, HALF, R(0, 97, 1), R(0, 97, 1), 13, 7, false,
     .also = {.rule = ROPEMAP_SCALING_LINEAR, .factor = 4}},
    {"ntk scaling", ONES, 1e4, 64, HALF, R(0, 97, 1), R(0, 97, 1), 7, 7, true,
     .also = {.rotary = 32, .rule = ROPEMAP_SCALING_NTK, .factor = 8}},
    {"no pair at all", ONES, 1e4, 16, HALF, R(0, 31, 1), R(31, 97, 1), 7, 13, true, .also = {0}},
    {"one pair in a corner", ONES, 1e4, 16, HALF, R(0, 31, 1), R(30, 97, 1), 7, 13, true, .also = {0}},
    {"ones, rotated already", ONES, 1e4, 16, HALF, R(0, 97, 1), R(0, 97, 1), 7, 13, true,
     .also = {.rotated = true}},
    {"random", RANDOM, 1e4, 8, HALF, R(0, 97, 1), R(0, 97, 1), 7, 13, false, .also = {0}},
    {"random, one pair", RANDOM, 1e4, 2, INTER, R(0, 1, 1), R(0, 1, 1), 7, 7, true, .also = {0}},
    {"random, causal", RANDOM, 1e4, 8, INTER, R(0, 97, 1), R(0, 97, 1), 13, 7, true, .also = {0}},
    {"random, a cell a position", RANDOM, 1e4, 16, INTER, R(0, 31, 1), R(0, 33, 1), 31, 33, true,
     .also = {0}},
    {"random, partial rotary", RANDOM, 1e6, 18, HALF, R(0, 127, 1), R(50, 31, 1), 13, 7, false,
     .also = {.rotary = 10}},
    {"random, far", RANDOM, 1e4, 8, HALF, R(FAR + 30, 97, 1), R(FAR, 127, 1), 7, 13, true,
     .also = {.first = FAR}},
    {"random, last positions", RANDOM, 5e5, 8, INTER, R(LAST - 257, 257, 1), R(LAST - 300, 97, 3), 13, 7,
     true, .also = {.rotary = 4, .first = LAST - 300}},
    {"random, steps", RANDOM, 1e4, 8, HALF, R(13, 97, 3), R(10, 127, 2), 13, 13, true, .also = {.first = 10}},
    {"random, a row for every third position", RANDOM, 1e4, 8, HALF, R(16, 33, 6), R(10, 127, 3), 13, 13,
     true, .also = {.first = 10, .step = 3}},
    {"random, two blocks", RANDOM, 1e4, 32, HALF, R(0, 509, 1), R(0, 257, 1), 13, 7, false, .also = {0}},
    {"random, two blocks, causal", RANDOM, 1e4, 32, HALF, R(0, 509, 1), R(0, 509, 1), 5, 3, true,
     .also = {0}},
    {"random, four blocks, fine cells", RANDOM, 1e4, 8, HALF, R(0, 1021, 1), R(0, 97, 1), 600, 97, true,
     .also = {0}},
    {"random, two bands", RANDOM, 1e4, 8, HALF, R(0, 1300, 1), R(0, 31, 40), 7, 13, true, .also = {0}},
    {"random, two bands, fine cells", RANDOM, 1e4, 8, INTER, R(0, 1300, 1), R(0, 31, 1), 1300, 7, false,
     .also = {0}},
    {"random, odd number of pairs", RANDOM, 1e4, 134, HALF, R(0, 31, 1), R(0, 31, 1), 7, 7, true,
     .also = {0}},
    {"random, rotated already", RANDOM, 1e4, 8, HALF, R(0, 97, 1), R(0, 97, 1), 7, 13, true,
     .also = {.rotated = true}},
    {"whole numbers, rotated already", WHOLE, 1e4, 8, HALF, R(5, 127, 1), R(5, 127, 1), 13, 7, true,
     .also = {.first = 5, .rotated = true}},
    {"zero rows", ZEROS, 1e4, 8, HALF, R(0, 97, 1), R(0, 97, 1), 97, 13, false, .also = {0}},
    {"zero rows, causal", ZEROS, 1e4, 8, INTER, R(0, 31, 1), R(0, 31, 1), 31, 31, true, .also = {0}},
    {"NaN", NANS, 1e4, 8, HALF, R(0, 97, 1), R(0, 97, 1), 13, 7, false, .also = {0}},
    {"NaN, causal", NANS, 1e4, 8, INTER, R(0, 97, 1), R(0, 97, 1), 7, 13, true, .also = {0}},
    {"NaN, causal, two blocks", NANS, 1e4, 8, HALF, R(0, 257, 1), R(0, 300, 1), 97, 100, true, .also = {0}},
    {"infinity", INFINITE, 1e4, 8, HALF, R(0, 97, 1), R(0, 97, 1), 13, 7, false, .also = {0}},
    {"infinity, causal", INFINITE, 1e4, 8, HALF, R(0, 97, 1), R(0, 97, 1), 13, 13, true, .also = {0}},
    {"window, causal", ONES, 1e4, 8, HALF, R(3, 97, 1), R(0, 131, 1), 13, 31, true, .also = {.window = 23}},
    {"window of steps, both ways, far away", ONES, 1e4, 8, HALF, R(BILLION, 97, 3), R((BILLION)-50, 127, 3),
     13, 127, false, .also = {.window = 20}},
    {"window that few rows see", ONES, 1e4, 8, HALF, R(1, 31, 7), R(0, 97, 7), 31, 13, false,
     .also = {.window = 3}},
    {"window and sinks, two blocks", RANDOM, 1e4, 8, HALF, R(0, 257, 1), R(0, 300, 1), 31, 97, true,
     .also = {.window = 50, .sinks = 3}},
    {"window and sinks, both ways, unequal steps", RANDOM, 1e4, 8, HALF, R(5, 61, 2), R(0, 97, 3), 61, 13,
     false, .also = {.window = 31, .sinks = 11}},
    {"chunks, causal", RANDOM, 1e4, 8, HALF, R(0, 300, 1), R(0, 300, 1), 7, 100, true,
     .also = {.chunk = 113}},
    {"chunks and sinks, both ways", WHOLE, 1e4, 8, HALF, R(40, 97, 1), R(0, 131, 1), 13, 7, false,
     .also = {.rotated = true, .chunk = 37, .sinks = 2}},
    {"NaN, window", NANS, 1e4, 8, HALF, R(0, 97, 1), R(0, 97, 1), 31, 13, true, .also = {.window = 12}}};
enum { MAP_CASES = sizeof table / sizeof table[0] };

const map_case *map_case_at(int index) {
    static map_case made;
    if (index >= MAP_CASES) {
        return NULL;
    }
    const struct row *row = &table[index];
    made = (map_case){.name = row->name,
                      .spec = {.base = row->base,
                               .head_dim = row->head_dim,
                               .rotary_dim = row->also.rotary,
                               .layout = row->layout,
                               .scaling = {.rule = row->also.rule, .factor = row->also.factor}},
                      .content = row->content,
                      .first_position = row->also.first,
                      .row_step = row->also.step,
                      .rows = row->rows,
                      .cols = row->cols,
                      .height = row->height,
                      .width = row->width,
                      .causal = row->causal,
                      .already_rotated = row->also.rotated,
                      .window = row->also.window,
                      .chunk = row->also.chunk,
                      .sink_tokens = row->also.sinks};
    return &made;
}
