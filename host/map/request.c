/* request.c - what may be asked of a map: defaults, names, ranges */
/* SPDX-License-Identifier: MIT */
#include "host/map/request.h"

#include "host/map/encoding.h"
#include "host/rule/axes.h"

#include <inttypes.h>

static const char *const measure_names[] = {"dot", "scaled", "cosine"};
static const char *const pool_names[] = {"mean", "min", "max", "absmax", "rms", "std"};
static const char *const method_names[] = {"auto", "factored", "diagonal", "tiled"};
static const char *const dtype_names[] = {"fp32", "tf32", "bf16", "fp16"};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

const char *ropemap_measure_name(ropemap_measure measure) {
    return (unsigned)measure < COUNT_OF(measure_names) ? measure_names[measure] : NULL;
}

const char *ropemap_pool_name(ropemap_pool pool) {
    return (unsigned)pool < COUNT_OF(pool_names) ? pool_names[pool] : NULL;
}

const char *ropemap_dtype_name(ropemap_dtype dtype) {
    return (unsigned)dtype < COUNT_OF(dtype_names) ? dtype_names[dtype] : NULL;
}

const char *ropemap_method_name(ropemap_method method) {
    return (unsigned)method < COUNT_OF(method_names) ? method_names[method] : NULL;
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

void ropemap_cell_bounds(int64_t count, int64_t cells, int64_t cell, int64_t *first, int64_t *end) {
    const rm_axis axis = {.range = {.count = count, .step = 1}, .cells = cells};
    const rm_span span = rm_axis_cell(&axis, cell);
    *first = span.first;
    *end = span.end;
}

static ropemap_status check_range(const char *name, ropemap_range range, ropemap_error *error) {
    if (range.first < 0 || range.first >= ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: first position is %" PRId64 ", expected 0 to 2^40 - 1",
                       name, range.first);
    }
    if (range.count < 1 || range.count > ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: count is %" PRId64 ", expected 1 to 2^40", name,
                       range.count);
    }
    if (range.step < 1 || range.step > ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: step is %" PRId64 ", expected 1 to 2^40", name, range.step);
    }
    const int64_t room = ROPEMAP_POSITION_END - 1 - range.first; /* last - first may be this much */
    if (range.count - 1 > room / range.step) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: %" PRId64 " positions from %" PRId64 " in steps of %" PRId64
                       " pass 2^40, expected all positions below it",
                       name, range.count, range.first, range.step);
    }
    return ROPEMAP_OK;
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
                                    ropemap_range range, const ropemap_request *request,
                                    ropemap_error *error) {
    if (vectors == NULL || vectors->count >= ROPEMAP_POSITION_END) {
        return ROPEMAP_OK;
    }
    const int64_t last = rm_position(range, range.count - 1);
    const int64_t end = request->first_position + vectors->count;
    if (range.first < request->first_position || last >= end) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: positions %" PRId64 " to %" PRId64 ", but %s (%s) holds positions %" PRId64
                       " to %" PRId64,
                       range_name, range.first, last, name, vectors->label, request->first_position, end - 1);
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
    if (ropemap_dtype_name(request->dtype) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "dtype: there is none numbered %d", (int)request->dtype);
    }
    if (request->threads < 0 || request->threads > RM_THREADS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "threads: %d, expected 1 to %d, or 0 for one a processor",
                       request->threads, RM_THREADS_MAX);
    }
    if ((request->queries == NULL) != (request->keys == NULL)) {
        return rm_fail(error, ROPEMAP_USAGE, "%s are missing: queries and keys come together or not at all",
                       request->queries == NULL ? "queries" : "keys");
    }
    if (request->first_position < 0 || request->first_position >= ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "first-position: %" PRId64 ", expected 0 to 2^40 - 1",
                       request->first_position);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_request_check(const ropemap_request *request, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(&request->spec, error));
    if (!request->already_rotated && request->encoding != ROPEMAP_ENCODING_NOPE) {
        RM_TRY(rm_axes_refuse(&request->spec, "rotate the vectors first, at positions on every axis", error));
    }
    RM_TRY(check_choices(request, error));
    RM_TRY(rm_encoding_check(request, error));
    RM_TRY(check_range("rows", request->rows, error));
    RM_TRY(check_range("cols", request->cols, error));
    RM_TRY(check_side("height", request->height, error));
    RM_TRY(check_side("width", request->width, error));
    RM_TRY(check_head_dim("queries", request->queries, request, error));
    RM_TRY(check_head_dim("keys", request->keys, request, error));
    RM_TRY(check_vectors("queries", request->queries, "rows", request->rows, request, error));
    return check_vectors("keys", request->keys, "cols", request->cols, request, error);
}
