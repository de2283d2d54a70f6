/* pairs.c - what each rotary pair of real heads does: norms, angles, shares of the logits, curves */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_decay.h"
#include "tools/ropemap/attention/attention.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAGNITUDE_CELLS = 256 };

bool pairs_causal(const pairs_result *result) {
    return result->options->causal || result->shape.causal;
}

const ropemap_pair *pairs_of(const pairs_result *result, int layer, int32_t head) {
    return result->all + ((int64_t)layer * result->shape.heads + head) * result->pairs;
}

static void *room(uint64_t count, size_t size, ropemap_status *status, ropemap_error *error) {
    void *memory = calloc(count > 0 ? (size_t)count : 1, size);
    if (memory == NULL) {
        *status = fail(error, ROPEMAP_RESOURCES, "no memory for %" PRIu64 " numbers", count);
    }
    return memory;
}

/* Makes room for all layers. */
static ropemap_status begin(pairs_result *result, ropemap_error *error) {
    const pairs_picture picture = result->options->picture;
    const int64_t down = result->shape.rows.count, across = result->shape.cols.count;
    const int64_t least = down < across ? down : across;
    ropemap_status status = pairs_picture_check(picture, result->shape.layers, result->shape.heads, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    result->pairs = result->shape.head_dim / 2;
    result->cells = picture != PAIRS_MAGNITUDE ? 0 : least < MAGNITUDE_CELLS ? least : MAGNITUDE_CELLS;
    result->distances = picture == PAIRS_CURVE ? least / 2 + 1 : 0;
    const uint64_t heads = (uint64_t)result->shape.layers * (uint64_t)result->shape.heads;
    result->all = room(heads * (uint64_t)result->pairs, sizeof *result->all, &status, error);
    result->distance = room((uint64_t)result->distances, sizeof(double), &status, error);
    result->curves = room(heads * 2 * (uint64_t)result->distances, sizeof(double), &status, error);
    result->correlated = room(heads, sizeof(double), &status, error);
    result->magnitudes = room(ROPEMAP_MAGNITUDES * (uint64_t)(2 * result->pairs * result->cells),
                              sizeof(float), &status, error);
    for (int64_t r = 0; status == ROPEMAP_OK && r < result->distances; r++) {
        result->distance[r] = (double)r;
    }
    return status;
}

/* The mean logit at each distance, and what the centres predict of it. */
static ropemap_status make_curves(pairs_result *result, const layer_heads *layer, int index, cli_call *call,
                                  ropemap_error *error) {
    const head_options *options = &result->options->heads;
    ropemap_status status = ROPEMAP_OK;
    const ropemap_range *rows = &layer->rows, *cols = &layer->cols;
    if (rows->count != cols->count || rows->first != cols->first || rows->step != 1 || cols->step != 1) {
        return fail(error, ROPEMAP_DATA,
                    "--picture curve: %" PRId64 " queries and %" PRId64
                    " keys; it needs both of every position",
                    layer->rows.count, layer->cols.count);
    }
    for (int32_t head = 0; head < result->shape.heads && status == ROPEMAP_OK; head++) {
        const int64_t at = (int64_t)index * result->shape.heads + head;
        double *measured = result->curves + 2 * at * result->distances;
        const ropemap_mean_request mean = {.spec = layer->spec,
                                           .queries = layer->heads[head].queries,
                                           .keys = layer->heads[head].keys,
                                           .already_rotated = layer->rotated,
                                           .first = layer->rows.first,
                                           .positions = layer->rows.count,
                                           .count = result->distances,
                                           .threads = options->threads,
                                           .progress = call_tell,
                                           .progress_user = call};
        status = ropemap_curve_mean(&mean, measured, error);
        if (status == ROPEMAP_OK) {
            status = ropemap_pairs_curve(&layer->spec, pairs_of(result, index, head), result->distances,
                                         measured + result->distances, error);
        }
        result->correlated[at] =
            ropemap_pairs_correlation(measured, measured + result->distances, result->distances);
    }
    return status;
}

static ropemap_status make_layer(pairs_result *result, const layer_heads *layer, int index, cli_call *call,
                                 ropemap_error *error) {
    const head_options *options = &result->options->heads;
    const ropemap_pairs_request request = {.spec = layer->spec,
                                           .heads = layer->heads,
                                           .count = layer->count,
                                           .already_rotated = layer->rotated,
                                           .causal = result->options->causal || layer->causal,
                                           .threads = options->threads,
                                           .progress = call_tell,
                                           .progress_user = call};
    const ropemap_magnitudes magnitudes = {.cells = result->cells, .values = result->magnitudes};
    ropemap_pair *to = result->all + (int64_t)index * result->shape.heads * result->pairs;
    const ropemap_status status =
        ropemap_pairs_compute(&request, to, result->cells > 0 ? &magnitudes : NULL, error);
    return status == ROPEMAP_OK && result->distances > 0 ? make_curves(result, layer, index, call, error)
                                                         : status;
}

/* Prints a line for each head that holds a NaN or an infinity. */
static void warn(const pairs_result *result) {
    for (int i = 0; i < result->shape.layers * result->shape.heads; i++) {
        const ropemap_pair *pairs = pairs_of(result, i / result->shape.heads, i % result->shape.heads);
        int32_t bad = 0, first = 0;
        for (int32_t pair = result->pairs - 1; pair >= 0; pair--) {
            if (!isfinite(pairs[pair].variance)) {
                bad++;
                first = pair;
            }
        }
        if (bad > 0) {
            char layer[40] = "";
            if (result->options->heads.layer_numbers[0] >= 0) {
                (void)snprintf(layer, sizeof layer, "layer %" PRId64 ", ",
                               result->options->heads.layer_numbers[i / result->shape.heads]);
            }
            warning("%shead %" PRId64 ": %" PRId32 " of %" PRId32 " pairs, from pair %" PRId32
                    " on, hold NaN or infinity, so that no pair of the head has a share",
                    layer, result->shape.numbers[i % result->shape.heads].query, bad, result->pairs, first);
        }
    }
}

ropemap_status pairs_make(void *given, cli_call *call, void *made, ropemap_error *error) {
    const pairs_options *options = given;
    pairs_result *result = made;
    ropemap_status status = ROPEMAP_OK;
    result->options = options;
    for (int index = 0; index < options->heads.layer_count && status == ROPEMAP_OK; index++) {
        layer_heads layer = {.heads = NULL};
        status = layer_heads_open(&options->heads, index, &layer, error);
        if (status == ROPEMAP_OK) {
            status = head_shape_take(&options->heads, &layer, index, &result->shape, error);
        }
        status = status == ROPEMAP_OK && index == 0 ? begin(result, error) : status;
        status = status == ROPEMAP_OK ? make_layer(result, &layer, index, call, error) : status;
        layer_heads_free(&layer);
    }
    if (status == ROPEMAP_OK) {
        warn(result);
    }
    return status;
}

void pairs_free(void *made) {
    pairs_result *result = made;
    free(result->all);
    free(result->distance);
    free(result->curves);
    free(result->correlated);
    free(result->magnitudes);
    head_shape_free(&result->shape);
}
