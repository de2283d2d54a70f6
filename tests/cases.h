/* cases.h - the map requests that several tests share, and their vectors */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_CASES_H
#define ROPEMAP_TESTS_CASES_H

#include "host/ropemap.h"

/* The content of the rows. */
typedef enum case_content {
    CASE_ONES,    /* no vectors named */
    CASE_RANDOM,  /* uniform in [-1, 1), in memory */
    CASE_WHOLE,   /* whole numbers from -3 to 3 */
    CASE_ZEROS,   /* random, every third row of queries and fifth of keys zero */
    CASE_NAN,     /* random, with a NaN in one query and one key */
    CASE_INFINITY /* random, with an infinity in one query and one key */
} case_content;

typedef struct map_case {
    const char *name;
    ropemap_spec spec; /* a scaling factor of 0 means 1 */
    case_content content;
    int64_t first_position, row_step; /* of the vectors; a step of 0 means 1 */
    ropemap_range rows, cols;
    int64_t height, width;
    bool causal, already_rotated;
    int64_t window, chunk, sink_tokens; /* of the mask */
} map_case;

/* Case `index`; NULL past the last. */
const map_case *map_case_at(int index);

/* A case with its vectors made. */
typedef struct case_data {
    ropemap_request request; /* one thread, dot, mean, method auto */
    float *queries, *keys;   /* [., head_dim] by row; NULL: ones */
    ropemap_vectors *query_vectors, *key_vectors;
} case_data;

void case_data_make(const map_case *test, case_data *data);
void case_data_free(case_data *data);

/* Whether a method must serve the request; what it must refuse otherwise. Tiled serves everything. */
bool case_method_serves(const case_data *data, ropemap_method method);

#endif
