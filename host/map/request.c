/* request.c - what a map is asked for: its names, its defaults, and whether it can be had */
/* SPDX-License-Identifier: MIT */
#include "host/attention/softmax.h"
#include "host/map/encoding.h"
#include "host/rule/rule.h"

#include <inttypes.h>

static const char *const measure_names[] = {"dot", "scaled", "cosine", "softmax"};

static const char *const method_names[] = {"auto", "factored", "diagonal", "tiled"};

static const char *const kernel_names[] = {"auto", "fused", "tiles"};

static const char *const dtype_names[] = {"fp32", "tf32", "bf16", "fp16"};

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

ropemap_status rm_request_check(const ropemap_request *request, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(&request->spec, error));
    if (!request->already_rotated && request->encoding.kind != ROPEMAP_ENCODING_NOPE) {
        RM_TRY(rm_axes_refuse(&request->spec, "rotate the vectors first, at positions on every axis", error));
    }
    RM_TRY(check_choices(request, error));
    RM_TRY(rm_mask_check(&request->mask, error));
    RM_TRY(rm_softmax_check(request, error));
    RM_TRY(rm_encoding_check(request, error));
    RM_TRY(rm_range_check("rows", request->rows, false, error));
    RM_TRY(rm_range_check("cols", request->cols, false, error));
    RM_TRY(check_side("height", request->height, error));
    RM_TRY(check_side("width", request->width, error));
    RM_TRY(check_head_dim("queries", request->queries, request, error));
    RM_TRY(check_head_dim("keys", request->keys, request, error));
    RM_TRY(check_vectors("queries", request->queries, "rows", request->rows, error));
    return check_vectors("keys", request->keys, "cols", rm_softmax_keys(request), error);
}
