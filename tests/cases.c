/* cases.c - the vectors of map requests, and the error that each method may have */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"

#include <math.h>
#include <stdlib.h>

static int64_t row_step(const map_case *test) {
    return test->row_step == 0 ? 1 : test->row_step;
}

/* Rows of vectors that a range needs: up to its last position. */
static int64_t rows_needed(const map_case *test, ropemap_range range) {
    return (range.first + (range.count - 1) * range.step - test->first_position) / row_step(test) + 1;
}

static float random_float(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*seed >> 32) * 0x1p-31f;
}

static float *make_rows(const map_case *test, ropemap_range range, uint64_t seed, int64_t zero_every) {
    const int64_t dim = test->spec.head_dim, rows = rows_needed(test, range);
    float *data = malloc((size_t)(rows * dim) * sizeof *data);
    if (data == NULL) {
        abort();
    }
    for (int64_t i = 0; i < rows * dim; i++) {
        const float value = random_float(&seed);
        data[i] = test->content == CASE_WHOLE ? roundf(value * 3) : value;
        if (test->content == CASE_ZEROS && i / dim % zero_every == 1) {
            data[i] = 0;
        }
    }
    if (test->content == CASE_NAN) {
        data[rows * 2 / 3 * dim + dim / 2] = NAN;
    }
    if (test->content == CASE_INFINITY) {
        data[rows * 2 / 3 * dim + 1] = INFINITY;
    }
    return data;
}

void case_data_make(const map_case *test, case_data *data) {
    *data = (case_data){.request = ropemap_request_default()};
    ropemap_request *request = &data->request;
    request->spec = test->spec;
    request->spec.scaling.factor = test->spec.scaling.factor == 0 ? 1 : test->spec.scaling.factor;
    request->already_rotated = test->already_rotated;
    request->rows = test->rows;
    request->cols = test->cols;
    request->width = test->width;
    request->height = test->height;
    request->mask = (ropemap_mask){.causal = test->causal,
                                   .window = test->window,
                                   .chunk = test->chunk,
                                   .sink_tokens = test->sink_tokens};
    request->threads = 1;
    if (test->content == CASE_ONES) {
        return;
    }
    const int64_t queries = rows_needed(test, test->rows), keys = rows_needed(test, test->cols);
    data->queries = make_rows(test, test->rows, 1, 3);
    data->keys = make_rows(test, test->cols, 2, 5);
    const int32_t dim = test->spec.head_dim;
    if (ropemap_vectors_memory(data->queries, queries, dim, &data->query_vectors, NULL) != ROPEMAP_OK ||
        ropemap_vectors_memory(data->keys, keys, dim, &data->key_vectors, NULL) != ROPEMAP_OK ||
        ropemap_vectors_place(data->query_vectors, test->first_position, row_step(test), NULL) !=
            ROPEMAP_OK ||
        ropemap_vectors_place(data->key_vectors, test->first_position, row_step(test), NULL) != ROPEMAP_OK) {
        abort();
    }
    request->queries = data->query_vectors;
    request->keys = data->key_vectors;
}

void case_data_free(case_data *data) {
    ropemap_vectors_free(data->query_vectors);
    ropemap_vectors_free(data->key_vectors);
    free(data->queries);
    free(data->keys);
    *data = (case_data){0};
}

bool case_method_serves(const case_data *data, ropemap_method method) {
    const ropemap_request *request = &data->request;
    const ropemap_mask *mask = &request->mask;
    switch (method) {
    case ROPEMAP_METHOD_FACTORED:
        return (request->pool == ROPEMAP_POOL_MEAN || request->pool == ROPEMAP_POOL_RMS ||
                request->pool == ROPEMAP_POOL_STD) &&
               mask->window == 0 && mask->chunk == 0;
    case ROPEMAP_METHOD_DIAGONAL:
        return data->queries == NULL && request->rows.step == request->cols.step && mask->chunk == 0 &&
               mask->sink_tokens == 0;
    case ROPEMAP_METHOD_AUTO:
    case ROPEMAP_METHOD_TILED:
        break;
    }
    return true;
}
