/* captures.c - what a capture states, and what the options say: which of the two holds */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Whether its rows are yet to be rotated. */
static bool rotates(const tensor_pair *pair) {
    return pair->layer != NULL && pair->state == ROPEMAP_STATE_PRE;
}

void capture_take_rule(const tensor_pair *pair, rule_options *rule) {
    if (!rotates(pair) || rule_options_named(rule)) {
        return;
    }
    rule->config = ropemap_capture_config(pair->capture);
    rule->config_bytes = strlen(rule->config);
    rule->config_name =
        ropemap_capture_model(pair->capture)[0] != '\0' ? ropemap_capture_model(pair->capture) : NULL;
    if (rule->layer_type == NULL) {
        rule->layer_type = pair->layer_text;
    }
}

static ropemap_status check_given(const tensor_pair *pair, const rule_options *rule, ropemap_error *error) {
    const ropemap_capture_layer *layer = pair->layer;
    const int number = (int)layer->number;
    if ((rule->given & RULE_LAYOUT) != 0 && rule->spec.layout != layer->layout) {
        return fail(error, ROPEMAP_DATA,
                    "--layout %s: layer %d was captured in layout %s; leave --layout out",
                    ropemap_layout_name(rule->spec.layout), number, ropemap_layout_name(layer->layout));
    }
    if ((rule->given & RULE_HEAD_DIM) != 0 && rule->spec.head_dim != layer->head_dim) {
        return fail(error, ROPEMAP_DATA,
                    "--head-dim %" PRId32 ": rows of layer %d have %" PRId32
                    " elements; leave --head-dim out",
                    rule->spec.head_dim, number, layer->head_dim);
    }
    const int32_t rotary = rule->spec.rotary_dim != 0 ? rule->spec.rotary_dim : rule->spec.head_dim;
    if (rotary != layer->rotary_dim) {
        return fail(error, ROPEMAP_DATA,
                    "%.180s: by %s %" PRId32 " elements rotate, as they were captured %" PRId32,
                    ropemap_vectors_label(pair->queries),
                    (rule->given & RULE_ROTARY_DIM) != 0 ? "--rotary-dim"
                    : rule->config != NULL               ? "the model's config.json"
                    : rule->model != NULL                ? "--model"
                                                         : "--preset",
                    rotary, layer->rotary_dim);
    }
    return ROPEMAP_OK;
}

/* The factor of the capture's own config.json; tables of 16 bits have it within 2^-8. */
static ropemap_status check_factor(const tensor_pair *pair, const rule_options *rule,
                                   const ropemap_spec *spec, ropemap_error *error) {
    ropemap_freqs freqs;
    if (rule->config == NULL || (rule->given & RULE_SCALING) != 0 || pair->layer->attention == 0.0) {
        return ROPEMAP_OK;
    }
    const ropemap_status status = ropemap_freqs_make(spec, &freqs, error);
    if (status != ROPEMAP_OK || fabs(freqs.attention_factor / pair->layer->attention - 1.0) < 0x1p-7) {
        return status;
    }
    return fail(error, ROPEMAP_DATA,
                "%.180s: by the model's config.json the attention factor is %.6g, as it was captured %.6g",
                ropemap_vectors_label(pair->queries), freqs.attention_factor, pair->layer->attention);
}

ropemap_status capture_settle_rule(const tensor_pair *pair, const rule_options *rule, bool quiet,
                                   ropemap_spec *spec, ropemap_error *error) {
    const ropemap_capture_layer *layer = pair->layer;
    if (!rotates(pair)) {
        return ROPEMAP_OK;
    }
    const ropemap_status status = check_given(pair, rule, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (spec->layout != layer->layout && rule->config == NULL && rule_options_named(rule) && !quiet) {
        warning("the model's layout is %s, that of the capture %s; the capture's is used",
                ropemap_layout_name(spec->layout), ropemap_layout_name(layer->layout));
    }
    spec->layout = layer->layout;
    spec->head_dim = layer->head_dim;
    spec->rotary_dim = layer->rotary_dim;
    const bool depends = spec->scaling.rule == ROPEMAP_SCALING_DYNAMIC || spec->scaling.list_count > 0;
    if (depends && (rule->given & RULE_LENGTH) == 0) {
        spec->length = (double)ropemap_capture_tokens(pair->capture);
    }
    return check_factor(pair, rule, spec, error);
}

void capture_take_attention(const tensor_pair *pair, ropemap_request *request) {
    const ropemap_capture_layer *layer = pair->layer;
    if (layer == NULL) {
        return;
    }
    ropemap_mask *mask = &request->mask;
    ropemap_softmax *softmax = &request->softmax;
    mask->causal = mask->causal || layer->causal;
    if (request->measure == ROPEMAP_MEASURE_SCALED || request->measure == ROPEMAP_MEASURE_SOFTMAX) {
        request->scale = request->scale > 0.0 ? request->scale : layer->scale;
    }
    if (mask->window == 0 && mask->chunk == 0) {
        mask->window = layer->window;
        mask->chunk = layer->chunk;
    }
    if (request->measure != ROPEMAP_MEASURE_SOFTMAX) {
        return;
    }
    softmax->softcap = softmax->softcap > 0.0 ? softmax->softcap : layer->softcap;
    for (int64_t i = 0; i < layer->query_count && layer->sinks != NULL && !softmax->has_sink; i++) {
        if (layer->queries[i] == pair->head) {
            softmax->has_sink = true;
            softmax->sink_logit = layer->sinks[i];
        }
    }
}

/* ---- all heads, all layers ------------------------------------------------------------------------------
 */

/* The layers that were captured, and the heads of --layer or else of the first. */
static ropemap_status number_captured(vary_set *vary, const tensor_options *tensors, int64_t *numbers,
                                      ropemap_error *error) {
    ropemap_capture *capture = NULL;
    const ropemap_capture_layer *layer = NULL;
    int64_t count = 0;
    ropemap_status status = ropemap_capture_open(tensors->capture, &capture, error);
    while (status == ROPEMAP_OK && count <= VARY_VALUES &&
           (layer = ropemap_capture_layer_at(capture, (int32_t)count)) != NULL) {
        numbers[count++] = layer->number;
    }
    status = status == ROPEMAP_OK ? vary_number(vary, "layer", numbers, count, error) : status;
    if (status == ROPEMAP_OK && (tensors->given & TENSOR_LAYER) != 0) {
        status = ropemap_capture_find(capture, tensors->layer, &layer, error);
    } else if (status == ROPEMAP_OK) {
        layer = ropemap_capture_layer_at(capture, 0);
    }
    for (count = 0; status == ROPEMAP_OK && count <= VARY_VALUES && count < layer->query_count; count++) {
        numbers[count] = layer->queries[count];
    }
    status = status == ROPEMAP_OK ? vary_number(vary, "head", numbers, count, error) : status;
    ropemap_capture_free(capture);
    return status;
}

static ropemap_status number_heads(vary_set *vary, const tensor_options *tensors, int64_t *numbers,
                                   ropemap_error *error) {
    tensor_pair pair = {.queries = NULL};
    ropemap_status status = tensor_pair_open(tensors, true, &pair, error);
    if (status == ROPEMAP_OK) {
        const int64_t heads = ropemap_vectors_heads(pair.queries);
        for (int64_t i = 0; i < heads && i <= VARY_VALUES; i++) {
            numbers[i] = i;
        }
        status = vary_number(vary, "head", numbers, heads <= VARY_VALUES ? heads : VARY_VALUES + 1, error);
    }
    tensor_pair_free(&pair);
    return status;
}

ropemap_status heads_number_all(vary_set *vary, const tensor_options *tensors, ropemap_error *error) {
    const bool layers = vary_over_all(vary, "layer");
    int64_t numbers[VARY_VALUES + 1]; /* one more is refused */
    if (!layers && !vary_over_all(vary, "head")) {
        return ROPEMAP_OK;
    }
    if (layers && tensors->capture == NULL) {
        return fail(error, ROPEMAP_USAGE, "--vary layer=all needs --capture");
    }
    if (tensors->queries == NULL || tensors->keys == NULL) {
        return fail(error, ROPEMAP_USAGE, "--vary head=all needs --capture, or --queries and --keys");
    }
    return tensors->capture != NULL ? number_captured(vary, tensors, numbers, error)
                                    : number_heads(vary, tensors, numbers, error);
}
