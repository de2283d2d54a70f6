/* document.c - the parts that JSON documents about maps share */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/document.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/map_turning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *document_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *document_text(const char *text) {
    json_t *plain = json_string(text);
    if (plain != NULL) {
        return plain;
    }
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t index = 0; index < size; index++) {
        copy[index] = text[index];
        if ((unsigned char)text[index] >= 0x80) {
            copy[index] = '?';
        }
    }
    plain = json_string(copy);
    free(copy);
    return plain;
}

json_t *document_base(const ropemap_spec *spec) {
    return spec->frequencies == NULL ? json_real(spec->base) : json_null();
}

json_t *document_frequencies(const ropemap_spec *spec) {
    return spec->frequencies == NULL ? json_null() : document_text(spec->frequencies->name);
}

static json_t *range_object(ropemap_range range) {
    return json_pack("{s:I, s:I, s:I}", "first", (json_int_t)range.first, "count", (json_int_t)range.count,
                     "step", (json_int_t)range.step);
}

const char *document_deal(const ropemap_axes *axes) {
    return axes->count > 0 ? ropemap_deal_name(axes->deal) : "none";
}

json_t *document_axes(const ropemap_axes *axes) {
    json_t *array = json_array();
    for (int32_t axis = 0; axis < axes->count; axis++) {
        json_t *one = json_pack("{s:s, s:i, s:o}", "name", ropemap_axis_name(axes, axis), "elements",
                                2 * (int)axes->pairs[axis], "patches",
                                axes->grid[axis] > 0 ? json_integer(axes->grid[axis]) : json_null());
        (void)json_array_append_new(array, one);
    }
    return array;
}

static json_t *spec_object(const ropemap_spec *spec) {
    ropemap_freqs freqs;
    ropemap_error error;
    const bool known = ropemap_freqs_make(spec, &freqs, &error) == ROPEMAP_OK;
    char scaling[400];
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    return json_pack("{s:o, s:o, s:i, s:i, s:s, s:s, s:s, s:o, s:o, s:s, s:o}", "base", document_base(spec),
                     "frequencies_from", document_frequencies(spec), "head_dim", (int)spec->head_dim,
                     "rotary_dim", (int)(spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim), "layout",
                     ropemap_layout_name(spec->layout), "rule", ropemap_scaling_name(spec->scaling.rule),
                     "scaling", scaling, "length",
                     spec->length > 0.0 ? json_integer((json_int_t)spec->length) : json_null(),
                     "attention_factor", known ? json_real(freqs.attention_factor) : json_null(), "deal",
                     document_deal(&spec->axes), "axes", document_axes(&spec->axes));
}

static json_t *content_object(const map_options *options) {
    if (options->queries != NULL) {
        const int64_t heads = options->heads.queries;
        return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:s, s:I}", "kind", "tensors", "queries",
                         document_text(options->queries), "keys", document_text(options->keys), "heads",
                         heads != 0 ? json_integer((json_int_t)heads) : json_null(), "batch",
                         (json_int_t)options->batch, "head", (json_int_t)options->head, "state",
                         options->request.already_rotated && !map_turns(options) ? "post" : "pre",
                         "first_position", (json_int_t)options->request.first_position);
    }
    if (options->content == MAP_CONTENT_GAUSS) {
        char seed[24]; /* as text: JSON readers lose digits beyond 2^53 */
        (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)options->seed);
        return json_pack("{s:s, s:s}", "kind", "gauss", "seed", seed);
    }
    return json_pack("{s:s}", "kind", "ones");
}

static json_t *plan_object(const ropemap_plan *plan) {
    return json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:f}", "block", (json_int_t)plan->block, "band",
                     (json_int_t)plan->band, "bands", (json_int_t)plan->bands, "tiles",
                     (json_int_t)plan->tiles, "keys_resident", plan->keys_resident ? 1 : 0, "bytes",
                     (json_int_t)plan->bytes, "device_bytes", (json_int_t)plan->device_bytes, "flops",
                     plan->flops);
}

/* null where the encoding has no chunks */
static json_t *chunk_number(const ropemap_request *request, int64_t asked, int64_t usual) {
    const bool has = request->encoding == ROPEMAP_ENCODING_DUAL_CHUNK;
    return has ? json_integer((json_int_t)(asked != 0 ? asked : usual)) : json_null();
}

json_t *document_start(const char *schema, const map_options *options, const ropemap_plan *plan) {
    const ropemap_request *request = &options->request;
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:s, s:s, s:b, "
        "s:s, s:b, s:I, s:o, s:s, s:o, s:o, " /* phase, difference, shift, positions_from, encoding, chunks */
        "s:s, s:o, s:s, s:o, s:b, s:s, s:i, s:o}",
        "schema", schema, "version", ropemap_version(), "spec", spec_object(&request->spec), "content",
        content_object(options), "rows", range_object(request->rows), "cols", range_object(request->cols),
        "size", "width", (json_int_t)plan->width, "height", (json_int_t)plan->height, "pool",
        ropemap_pool_name(request->pool), "measure", ropemap_measure_name(request->measure), "causal",
        request->causal ? 1 : 0, "phase", ropemap_phase_name(options->phase), "difference",
        options->diff ? 1 : 0, "shift", (json_int_t)options->shift, "positions_from",
        options->positions_from != NULL ? document_text(options->positions_from) : json_null(), "encoding",
        ropemap_encoding_name(request->encoding), "chunk",
        chunk_number(request, request->chunk, ROPEMAP_CHUNK), "local",
        chunk_number(request, request->local, ROPEMAP_LOCAL), "method", ropemap_method_name(plan->method),
        "reason", document_text(plan->reason), "backend", plan->backend, "backend_reason",
        document_text(plan->backend_reason), "fell_back", plan->fell_back ? 1 : 0, "dtype",
        ropemap_dtype_name(plan->dtype), "threads", (int)plan->threads, "plan", plan_object(plan));
}

int document_print(json_t *document) {
    ropemap_error error;
    if (document == NULL) {
        return failure_report(fail(&error, ROPEMAP_RESOURCES, "--json: no memory for the document"), &error);
    }
    (void)json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17) | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(document);
    return finish_stdout();
}
