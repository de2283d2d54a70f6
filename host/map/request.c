/* request.c - the request for a map: names of its choices, defaults, and the check of what is refused */
/* SPDX-License-Identifier: MIT */
#include "host/map/encoding.h"
#include "host/rule/rule.h"

#include <inttypes.h>
#include <math.h>

static const char *const measure_names[] = {"dot", "scaled", "cosine", "softmax"};

static const char *const method_names[] = {"auto", "factored", "diagonal", "tiled"};

static const char *const kernel_names[] = {"auto", "fused", "tiles"};

static const char *const dtype_names[] = {"fp32", "tf32", "bf16", "fp16"};

static const char *const encoding_names[] = {"rope", "sinusoidal", "alibi", "xpos", "nope", "dual-chunk"};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

const char *ropemap_measure_name(ropemap_measure measure) {
    return (unsigned)measure < COUNT_OF(measure_names) ? measure_names[measure] : NULL;
}

const char *ropemap_dtype_name(ropemap_dtype dtype) {
    return (unsigned)dtype < COUNT_OF(dtype_names) ? dtype_names[dtype] : NULL;
}

const char *ropemap_method_name(ropemap_method method) {
    return (unsigned)method < COUNT_OF(method_names) ? method_names[method] : NULL;
}

const char *ropemap_kernel_name(ropemap_kernel kernel) {
    return (unsigned)kernel < COUNT_OF(kernel_names) ? kernel_names[kernel] : NULL;
}

const char *ropemap_encoding_name(ropemap_encoding encoding) {
    return (unsigned)encoding < COUNT_OF(encoding_names) ? encoding_names[encoding] : NULL;
}

ropemap_request ropemap_request_default(void) {
    const ropemap_range positions = {.first = 0, .count = 4096, .step = 1};
    return (ropemap_request){
        .spec = ropemap_spec_default(),
        .rows = positions,
        .cols = positions,
        .width = 1024,
        .height = 1024,
    };
}

static ropemap_status check_side(const char *name, int64_t cells, ropemap_error *error) {
    if (cells < 1 || cells > ROPEMAP_MAX_SIDE) {
        return rm_fail(error, ROPEMAP_USAGE, "size: %s is %" PRId64 ", expected 1 to %d cells", name, cells,
                       ROPEMAP_MAX_SIDE);
    }
    return ROPEMAP_OK;
}

/* Every position of the range must have a row. */
static ropemap_status check_vectors(const char *name, const ropemap_vectors *vectors, const char *range_name,
                                    ropemap_range range, ropemap_error *error) {
    if (vectors == NULL || vectors->count >= ROPEMAP_POSITION_END) {
        return ROPEMAP_OK;
    }
    const int64_t last = rm_position(range, range.count - 1);
    const ropemap_range held = ropemap_vectors_positions(vectors);
    const int64_t held_last = rm_position(held, held.count - 1);
    if (range.first < held.first || last > held_last) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: positions %" PRId64 " to %" PRId64 ", but %s (%s) holds positions %" PRId64
                       " to %" PRId64,
                       range_name, range.first, last, name, vectors->label, held.first, held_last);
    }
    if ((range.first - held.first) % held.step != 0 || (range.count > 1 && range.step % held.step != 0)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: position %" PRId64 " and steps of %" PRId64 ", but %s (%s) holds every %" PRId64
                       "th position from %" PRId64 " on",
                       range_name, range.first, range.step, name, vectors->label, held.step, held.first);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_head_dim(const char *name, const ropemap_vectors *vectors,
                                     const ropemap_request *request, ropemap_error *error) {
    if (vectors != NULL && vectors->head_dim != request->spec.head_dim) {
        return rm_fail(error, ROPEMAP_USAGE, "head-dim: %d, but %s (%s) has vectors of %d",
                       request->spec.head_dim, name, vectors->label, vectors->head_dim);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_choices(const ropemap_request *request, ropemap_error *error) {
    if (ropemap_measure_name(request->measure) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "measure: there is none numbered %d", (int)request->measure);
    }
    if (ropemap_pool_name(request->pool) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "pool: there is none numbered %d", (int)request->pool);
    }
    if (ropemap_method_name(request->method) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "method: there is none numbered %d", (int)request->method);
    }
    if (ropemap_kernel_name(request->kernel) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "kernel: there is none numbered %d", (int)request->kernel);
    }
    if (ropemap_dtype_name(request->dtype) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "dtype: there is none numbered %d", (int)request->dtype);
    }
    int32_t threads = 0;
    RM_TRY(rm_team_size(request->threads, &threads, error));
    if ((request->queries == NULL) != (request->keys == NULL)) {
        return rm_fail(error, ROPEMAP_USAGE, "%s are missing: queries and keys come together or not at all",
                       request->queries == NULL ? "queries" : "keys");
    }
    return ROPEMAP_OK;
}

ropemap_range rm_request_keys(const ropemap_request *request) {
    const bool more = request->measure == ROPEMAP_MEASURE_SOFTMAX && request->softmax.keys.count != 0;
    return more ? request->softmax.keys : request->cols;
}

/* ---- checks of the measure: softmax above all ---- */

static ropemap_status check_numbers(const ropemap_request *request, ropemap_error *error) {
    const ropemap_softmax *softmax = &request->softmax;
    if (!(softmax->softcap >= 0.0 && softmax->softcap <= 1e6)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "softcap: %g is out of range; give a number above 0, at most 1e6", softmax->softcap);
    }
    if (softmax->has_sink && !(fabs(softmax->sink_logit) <= 1e6)) {
        return rm_fail(error, ROPEMAP_USAGE, "sink-logit: %g is out of range; give -1e6 to 1e6",
                       softmax->sink_logit);
    }
    return ROPEMAP_OK;
}

/* The columns are some of the keys, one after another. */
static ropemap_status check_keys(const ropemap_request *request, ropemap_error *error) {
    const ropemap_range keys = rm_request_keys(request), cols = request->cols;
    RM_TRY(rm_range_check("keys", keys, false, error));
    RM_TRY(rm_range_check("cols", cols, false, error));
    const int64_t last = rm_position(cols, cols.count - 1);
    const bool inside = cols.first >= keys.first && last <= rm_position(keys, keys.count - 1);
    const bool even = cols.count == 1 || cols.step == keys.step;
    return inside && even && (cols.first - keys.first) % keys.step == 0
               ? ROPEMAP_OK
               : rm_fail(
                     error, ROPEMAP_USAGE,
                     "cols: %" PRId64 " to %" PRId64 " in steps of %" PRId64
                     " are no part of the keys of softmax, %" PRId64 " to %" PRId64 " in steps of %" PRId64,
                     cols.first, last, cols.step, keys.first, rm_position(keys, keys.count - 1), keys.step);
}

static ropemap_status check_softmax(const ropemap_request *request, ropemap_error *error) {
    if (request->pool != ROPEMAP_POOL_MASS && request->pool != ROPEMAP_POOL_MEAN &&
        request->pool != ROPEMAP_POOL_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "pool: %s does not go with softmax; give mass, mean or max",
                       ropemap_pool_name(request->pool));
    }
    if (request->method != ROPEMAP_METHOD_AUTO && request->method != ROPEMAP_METHOD_TILED) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "method: %s cannot serve softmax, which needs every pair; give tiled",
                       ropemap_method_name(request->method));
    }
    if (request->encoding.kind != ROPEMAP_ENCODING_ROPE && request->encoding.kind != ROPEMAP_ENCODING_NOPE) {
        return rm_fail(error, ROPEMAP_USAGE, "encoding: %s does not go with softmax; give rope or nope",
                       ropemap_encoding_name(request->encoding.kind));
    }
    RM_TRY(check_keys(request, error));
    return check_numbers(request, error);
}

static ropemap_status check_measure(const ropemap_request *request, ropemap_error *error) {
    const char *measure = ropemap_measure_name(request->measure);
    const bool softmax = request->measure == ROPEMAP_MEASURE_SOFTMAX;
    if (request->scale != 0.0 && !softmax && request->measure != ROPEMAP_MEASURE_SCALED) {
        return rm_fail(error, ROPEMAP_USAGE, "scale: %g does not go with %s; give measure scaled or softmax",
                       request->scale, measure);
    }
    if (!(request->scale >= 0.0 && request->scale <= 1e6)) {
        return rm_fail(error, ROPEMAP_USAGE, "scale: %g is out of range; give a number above 0, at most 1e6",
                       request->scale);
    }
    if (softmax) {
        return check_softmax(request, error);
    }
    if (request->pool == ROPEMAP_POOL_MASS) {
        return rm_fail(error, ROPEMAP_USAGE, "pool: mass does not go with %s; give measure softmax", measure);
    }
    if (request->softmax.softcap != 0.0 || request->softmax.has_sink) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: does not go with %s; give measure softmax",
                       request->softmax.has_sink ? "sink-logit" : "softcap", measure);
    }
    return ROPEMAP_OK;
}

/* ---- checks of the encoding ---- */

static ropemap_status check_chunks(const ropemap_request *request, ropemap_error *error) {
    if (request->encoding.kind != ROPEMAP_ENCODING_DUAL_CHUNK) {
        return request->encoding.chunk == 0 && request->encoding.local == 0
                   ? ROPEMAP_OK
                   : rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 " with %s, expected with dual-chunk",
                             request->encoding.chunk != 0 ? "chunk" : "local",
                             request->encoding.chunk != 0 ? request->encoding.chunk : request->encoding.local,
                             ropemap_encoding_name(request->encoding.kind));
    }
    const rm_chunks chunks = rm_chunks_of(request);
    if (chunks.chunk < 2 || chunks.chunk > ROPEMAP_MAX_CHUNK) {
        return rm_fail(error, ROPEMAP_USAGE, "chunk: %" PRId64 ", expected 2 to %" PRId64 " tokens",
                       chunks.chunk, ROPEMAP_MAX_CHUNK);
    }
    if (chunks.local < 1 || chunks.local >= chunks.chunk) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "local: %" PRId64 " with a chunk of %" PRId64 ", expected 1 or more, fewer than that",
                       chunks.local, chunks.chunk);
    }
    if (!request->mask.causal) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "causal: dual-chunk needs it, as it has no distance to later keys");
    }
    if (request->rows.step != 1 || request->cols.step != 1) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "encoding: dual-chunk of positions in steps of %" PRId64 ", expected steps of 1",
                       request->rows.step != 1 ? request->rows.step : request->cols.step);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_encoding(const ropemap_request *request, ropemap_error *error) {
    const char *name = ropemap_encoding_name(request->encoding.kind);
    const bool own =
        request->encoding.kind != ROPEMAP_ENCODING_ROPE && request->encoding.kind != ROPEMAP_ENCODING_NOPE;
    if (name == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "encoding: there is none numbered %d",
                       (int)request->encoding.kind);
    }
    if (own && request->queries != NULL && !(request->queries->constant && request->keys->constant)) {
        return rm_fail(error, ROPEMAP_USAGE, "encoding: %s with vectors that differ, expected content ones",
                       name);
    }
    if (own && request->rows.step != request->cols.step) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "encoding: %s with different steps of rows and columns, expected equal ones", name);
    }
    if (own && request->method != ROPEMAP_METHOD_AUTO && request->method != ROPEMAP_METHOD_DIAGONAL) {
        return rm_fail(error, ROPEMAP_USAGE, "encoding: %s by the %s method, expected diagonal", name,
                       ropemap_method_name(request->method));
    }
    RM_TRY(check_chunks(request, error));
    const bool sloped = request->encoding.slope != 0.0;
    if (sloped && request->encoding.kind != ROPEMAP_ENCODING_ALIBI) {
        return rm_fail(error, ROPEMAP_USAGE, "slope: %g with %s, expected with alibi",
                       request->encoding.slope, name);
    }
    return !sloped || (request->encoding.slope > 0.0 && request->encoding.slope <= 1e6)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "slope: %g, expected a number above 0, at most 1e6",
                         request->encoding.slope);
}

/* ---- the whole ---- */

ropemap_status rm_request_check(const ropemap_request *request, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(&request->spec, error));
    if (!request->already_rotated && request->encoding.kind != ROPEMAP_ENCODING_NOPE) {
        RM_TRY(rm_axes_refuse(&request->spec, "rotate the vectors first, at positions on every axis", error));
    }
    RM_TRY(check_choices(request, error));
    RM_TRY(rm_mask_check(&request->mask, error));
    RM_TRY(check_measure(request, error));
    RM_TRY(check_encoding(request, error));
    RM_TRY(rm_range_check("rows", request->rows, false, error));
    RM_TRY(rm_range_check("cols", request->cols, false, error));
    RM_TRY(check_side("height", request->height, error));
    RM_TRY(check_side("width", request->width, error));
    RM_TRY(check_head_dim("queries", request->queries, request, error));
    RM_TRY(check_head_dim("keys", request->keys, request, error));
    RM_TRY(check_vectors("queries", request->queries, "rows", request->rows, error));
    return check_vectors("keys", request->keys, "cols", rm_request_keys(request), error);
}
