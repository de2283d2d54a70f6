/* curves.c - the options of curves, and the curves that they describe */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ------------------------------------------------------------------------------------------- */

static const char *axis_choice(int index) {
    static const char *const names[] = {[CURVE_LINEAR] = "linear", [CURVE_LOG] = "log", NULL};
    return names[index];
}

static const char *quantity_choice(int index) {
    static const char *const names[] = {
        [CURVE_SIMILARITY] = "similarity", [CURVE_ROFORMER] = "roformer", [CURVE_ROFORMER + 1] = NULL};
    return names[index];
}

static const char *measure_choice(int index) {
    static const char *const names[] = {
        [CURVE_DOT] = "dot", [CURVE_SOFTMAX] = "softmax", [CURVE_SOFTMAX + 1] = NULL};
    return names[index];
}

static const char *phase_choice(int index) {
    return ropemap_phase_name((ropemap_phase)index);
}

const cli_option curve_rows[] = {
    {.group = GROUP_WHAT,
     .name = "distances",
     .letter = 'n',
     .argument = "RANGE",
     .initial = "4k, or all of the tensors",
     .help = "distances: COUNT from 0 on, FIRST:COUNT or FIRST:COUNT:STEP",
     .type = OPTION_RANGE,
     .offset = offsetof(curve_options, distances),
     .slider = &(const cli_slider){4, 0x1p24, true, 1, "tokens"}},
    {.group = GROUP_WHAT,
     .name = "quantity",
     .choices = quantity_choice,
     .initial = "similarity",
     .help = "S(r) / S(0) of equal vectors, or RoFormer's upper bound of the decay",
     .type = OPTION_CHOICE,
     .offset = offsetof(curve_options, quantity)},
    {.group = GROUP_WHAT,
     .name = "phase",
     .choices = phase_choice,
     .initial = "exact",
     .help = "exact, or with the rounding of a real implementation",
     .type = OPTION_CHOICE,
     .offset = offsetof(curve_options, phase)},
    {.group = GROUP_WHAT,
     .name = "shift",
     .argument = "N",
     .initial = "0",
     .help = "position of the key; the query comes the distance after it",
     .type = OPTION_INT,
     .offset = offsetof(curve_options, shift),
     .most = ROPEMAP_POSITION_END - 1},
    {.group = GROUP_WHAT,
     .name = "along",
     .argument = "AXIS",
     .initial = "the last one",
     .help =
         "of a rule with several axes: the one that distances are along, t, h, w or a number from 1; on the "
         "others both positions are equal",
     .type = OPTION_TEXT,
     .offset = offsetof(curve_options, along)},
    {.group = GROUP_WHAT,
     .name = "band",
     .argument = "FIRST:COUNT",
     .help = "what these pairs alone contribute",
     .type = OPTION_RANGE,
     .offset = offsetof(curve_options, band)},
    {.group = GROUP_OUTPUT,
     .name = "axis",
     .choices = axis_choice,
     .initial = "linear",
     .help = "the axis of distances",
     .type = OPTION_CHOICE,
     .offset = offsetof(curve_options, axis)},
    {.group = GROUP_OUTPUT,
     .name = "ylim",
     .argument = "LOW:HIGH",
     .help = "limits of the other axis",
     .type = OPTION_INTERVAL,
     .offset = offsetof(curve_options, limits)},
    {.group = GROUP_OUTPUT,
     .name = "size",
     .argument = "WxH",
     .initial = "1600x1000",
     .help = "pixels of the picture; with --width its shape",
     .type = OPTION_SIZE,
     .offset = offsetof(curve_options, size),
     .most = 8192},
    OPTION_FORCE(offsetof(curve_options, force)),
    OPTION_QUIET(offsetof(curve_options, quiet), "print nothing but errors"),
    {.name = NULL},
};

const cli_option curve_single_rows[] = {
    {.group = GROUP_WHAT,
     .name = "measure",
     .choices = measure_choice,
     .initial = "dot",
     .help = "tensors: the mean of q.k at each distance, or how the mass of attention lies by distance",
     .type = OPTION_CHOICE,
     .offset = offsetof(curve_options, measure)},
    {.group = GROUP_WHAT,
     .name = "exact",
     .argument = "N",
     .initial = "4k",
     .help = "softmax: distances below N are counted one by one; beyond them a value is the mean of those "
             "within an eighth of an octave",
     .type = OPTION_INT,
     .offset = offsetof(curve_options, exact),
     .least = 1,
     .most = ROPEMAP_POSITION_END},
    {.group = GROUP_WHAT,
     .name = "vary",
     .argument = "NAME=VALUES",
     .help = "a curve for each value of another option: base=1e4,5e5, base=1e3-1e7*10, preset=A,B, "
             "scaling=RULE; may be given several times",
     .type = OPTION_CUSTOM,
     .set = vary_option,
     .offset = offsetof(curve_options, vary)},
    {.group = GROUP_WHAT,
     .name = "until-trained",
     .help =
         "the curve of a model ends at the length that it was trained at, or the side of its grid of patches",
     .type = OPTION_FLAG,
     .offset = offsetof(curve_options, until_trained)},
    OPTION_OUTPUT(offsetof(curve_options, outputs),
                  "where the curves go: .png, .svg, .pdf, .csv, .npy, or - for a PNG on standard output in "
                  "place of the text, csv:- for another kind"),
    {.group = GROUP_OUTPUT,
     .name = "label",
     .argument = "TEXT",
     .help = "name of a curve, in their order",
     .type = OPTION_TEXTS,
     .offset = offsetof(curve_options, labels),
     .computed = true},
    OPTION_JSON(offsetof(curve_options, json), "print JSON of schema ropemap.curve/1"),
    {.name = NULL},
};

curve_options curve_options_default(void) {
    return (curve_options){.rule = rule_options_default(),
                           .request = ropemap_request_default(),
                           .vary = {.command = &command_curve}};
}

/* ---- what goes together -------------------------------------------------------------------------------- */

enum {
    VALUES_MOST = 1 << 26 /* of a curve: half a GiB */,
    REACH_LIMIT_LEAST = 1 << 20,
    FLOAT16_END = 65520 /* rounds to infinity */
};

/* Real vectors, open for all settings. */
static ropemap_status open_tensors(const curve_options *options, tensor_pair *tensors, ropemap_error *error) {
    if (options->tensors.queries == NULL) {
        return ROPEMAP_OK;
    }
    const ropemap_status status = tensor_pair_open(&options->tensors, options->quiet, tensors, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    const bool equal = ropemap_vectors_count(tensors->queries) == ropemap_vectors_count(tensors->keys);
    return ropemap_vectors_head_dim(tensors->queries) == ropemap_vectors_head_dim(tensors->keys) &&
                   (equal || options->measure == CURVE_SOFTMAX)
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_DATA,
                      "%.200s: not of the shape of %.200s; a curve needs as many rows and elements",
                      options->tensors.keys, options->tensors.queries);
}

/* An option of softmax alone that is given; NULL: none. */
static const char *first_of_attention(const curve_options *options) {
    const ropemap_request *request = &options->request;
    return options->exact != 0               ? "exact"
           : request->scale != 0.0           ? "scale"
           : request->softmax.softcap != 0.0 ? "softcap"
           : request->softmax.has_sink       ? "sink-logit"
           : request->mask.causal            ? "causal"
           : request->mask.window != 0       ? "window"
           : request->mask.chunk != 0        ? "attention-chunk"
           : request->mask.sink_tokens != 0  ? "sink-tokens"
                                             : NULL;
}

/* A parameter of an encoding that is given without it; NULL: none. */
static const char *parameter_of_other(const ropemap_encoding_choice *encoding) {
    const bool chunks = encoding->kind == ROPEMAP_ENCODING_DUAL_CHUNK;
    return encoding->kind != ROPEMAP_ENCODING_ALIBI && encoding->slope != 0.0 ? "slope needs --encoding alibi"
           : !chunks && encoding->chunk != 0 ? "chunk needs --encoding dual-chunk"
           : !chunks && encoding->local != 0 ? "local needs --encoding dual-chunk"
                                             : NULL;
}

/* Whether each curve has queries and keys of its own. */
static bool varies_tensors(const curve_options *options) {
    return options->tensors.queries != NULL &&
           (vary_has(&options->vary, "head") || vary_has(&options->vary, "layer"));
}

static ropemap_status check(const curve_options *options, ropemap_error *error) {
    const uint32_t only = TENSOR_ALL & ~(uint32_t)TENSOR_ORDER &
                          ~(uint32_t)(options->rule.frequencies != NULL ? TENSOR_HEAD : 0);
    const bool tensors = options->tensors.queries != NULL;
    const ropemap_range *band = &options->band;
    const ropemap_status status = tensor_options_check(&options->tensors, only, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (!tensors && options->measure == CURVE_SOFTMAX) {
        return fail(error, ROPEMAP_USAGE,
                    "--measure softmax is of real vectors; give --queries and --keys, or --capture");
    }
    const char *other = options->measure != CURVE_SOFTMAX ? first_of_attention(options) : NULL;
    if (other != NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s needs --measure softmax", other);
    }
    if (tensors && (options->quantity != CURVE_SIMILARITY || band->count > 0)) {
        return fail(error, ROPEMAP_USAGE, "--%s: only equal vectors have one; leave --queries out",
                    band->count > 0 ? "band" : "quantity");
    }
    if (band->count > 0 && (band->step != 1 || band->first + band->count > ROPEMAP_MAX_PAIRS)) {
        return fail(error, ROPEMAP_USAGE,
                    "--band: %" PRId64 ":%" PRId64 " is out of range; give FIRST:COUNT of pairs below %d",
                    band->first, band->count, ROPEMAP_MAX_PAIRS);
    }
    const bool rows = options->rule.frequencies != NULL; /* heads of a table of frequencies */
    if (!tensors && (vary_has(&options->vary, "layer") || (vary_has(&options->vary, "head") && !rows))) {
        return fail(error, ROPEMAP_USAGE, "--vary head and layer need --capture, or --queries and --keys");
    }
    const tensor_lent *lent = options->tensors.lent;
    if (lent != NULL && varies_tensors(options) &&
        (lent->query_heads == 1 || vary_has(&options->vary, "layer"))) {
        return fail(error, ROPEMAP_USAGE, "--vary: one %s is open; vary another option",
                    lent->query_heads == 1 ? "head" : "layer");
    }
    return options->labels.count <= vary_count(&options->vary)
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--label: %d labels for %d curves", options->labels.count,
                      vary_count(&options->vary));
}

/* Distances that tensors have. */
static int64_t distances_of(const curve_options *options, const tensor_pair *tensors) {
    const ropemap_range rows = ropemap_vectors_positions(tensors->queries);
    const ropemap_range cols = ropemap_vectors_positions(tensors->keys);
    const int64_t back = rows.first + (rows.count - 1) * rows.step - cols.first;
    const int64_t ahead = cols.first + (cols.count - 1) * cols.step - rows.first;
    const int64_t reach = (back > ahead && options->measure == CURVE_SOFTMAX ? back : ahead) + 1;
    return options->measure == CURVE_SOFTMAX ? reach : rows.count;
}

static ropemap_status choose_distances(const curve_options *options, const tensor_pair *tensors, curves *made,
                                       ropemap_error *error) {
    const bool given = options->distances.count > 0;
    made->distances = given ? options->distances : (ropemap_range){.first = 0, .count = 4096, .step = 1};
    if (tensors->queries != NULL) {
        const int64_t rows = distances_of(options, tensors);
        made->distances.count = given ? made->distances.count : rows;
        if (made->distances.first != 0 || made->distances.step != 1 || made->distances.count > rows) {
            return fail(error, ROPEMAP_USAGE,
                        "--distances: tensors have every distance from 0 on; give a COUNT of at most %" PRId64
                        ", as many as there are",
                        rows);
        }
    }
    return made->distances.count <= VALUES_MOST
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--distances: %" PRId64
                      " values are too many, at most %d; FIRST:COUNT:STEP takes every STEP-th",
                      made->distances.count, VALUES_MOST);
}

static ropemap_status make_distances(curves *made, ropemap_error *error) {
    made->distance = malloc((size_t)made->distances.count * sizeof *made->distance);
    if (made->distance == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--distances: no memory for %" PRId64 " values",
                    made->distances.count);
    }
    for (int64_t i = 0; i < made->distances.count; i++) {
        made->distance[i] = (double)(made->distances.first + i * made->distances.step);
    }
    return ROPEMAP_OK;
}

/* ---- one setting --------------------------------------------------------------------------------------- */

/* One query after another, the first `distances` after the request's only key: maps that are one cell wide,
 * each as high as maps may be. */
static ropemap_status compute_rows(const curve_options *options, ropemap_request request,
                                   ropemap_range distances, double *values, ropemap_error *error) {
    request.width = 1;
    request.threads = options->threads;
    request.progress = call_tell;
    request.progress_user = options->call;
    ropemap_status status = ROPEMAP_OK;
    for (int64_t done = 0; done < distances.count && status == ROPEMAP_OK; done += request.rows.count) {
        const int64_t left = distances.count - done;
        ropemap_map map = {.cells = NULL};
        request.rows = (ropemap_range){.first = request.cols.first + distances.first + done * distances.step,
                                       .count = left < ROPEMAP_MAX_SIDE ? left : ROPEMAP_MAX_SIDE,
                                       .step = distances.step};
        request.height = request.rows.count;
        status = ropemap_map_compute(&request, &map, error);
        for (int64_t i = 0; i < request.rows.count && status == ROPEMAP_OK; i++) {
            values[done + i] = (double)map.cells[i];
        }
        ropemap_map_free(&map);
    }
    return status;
}

/* ROPEMAP_USAGE where an option is given that is of more than equal vectors under the whole of a rule. */
static ropemap_status refuse_others(const curve_options *options, const curve *one, const char *what,
                                    ropemap_error *error) {
    const char *other = options->tensors.queries != NULL        ? "queries"
                        : one->along > 0                        ? "along"
                        : options->band.count > 0               ? "band"
                        : options->quantity != CURVE_SIMILARITY ? "quantity"
                                                                : NULL;
    return other == NULL ? ROPEMAP_OK
                         : fail(error, ROPEMAP_USAGE, "%s of the similarity of equal vectors; leave --%s out",
                                what, other);
}

/* S(r) of another encoding than RoPE: a column of its map. */
static ropemap_status compute_encoded(const curve_options *options, const curves *made, curve *one,
                                      ropemap_error *error) {
    ropemap_request request = ropemap_request_default();
    request.spec = one->spec;
    request.encoding = options->request.encoding;
    request.mask.causal = request.encoding.kind == ROPEMAP_ENCODING_DUAL_CHUNK;
    request.cols = (ropemap_range){.first = options->shift, .count = 1, .step = made->distances.step};
    ropemap_status status = refuse_others(options, one, "--encoding is", error);
    if (status == ROPEMAP_OK && options->phase != ROPEMAP_PHASE_EXACT) {
        return fail(error, ROPEMAP_USAGE, "--phase: only RoPE has one; leave --encoding %s out",
                    ropemap_encoding_name(request.encoding.kind));
    }
    status =
        status == ROPEMAP_OK ? compute_rows(options, request, made->distances, one->values, error) : status;
    return status == ROPEMAP_OK
               ? compute_rows(options, request, (ropemap_range){.count = 1, .step = made->distances.step},
                              &one->at_zero, error)
               : status;
}

/* S(r) as a stack in use rounds it. */
static ropemap_status compute_rounded(const curve_options *options, const curves *made, curve *one,
                                      ropemap_error *error) {
    const ropemap_prerotation rotation = {
        .spec = one->spec, .phase = options->phase, .shift = options->shift};
    ropemap_vectors *ones = NULL, *rotated = NULL;
    ropemap_status status = refuse_others(options, one, "--phase and --shift are", error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (options->phase == ROPEMAP_PHASE_FP16_ANGLES && options->shift >= FLOAT16_END) {
        return fail(error, ROPEMAP_USAGE,
                    "--shift: float16 has no number for position %" PRId64
                    ", so that all is NaN; with --phase fp16-angles give less than %d",
                    options->shift, FLOAT16_END);
    }
    status = ropemap_vectors_ones(one->spec.head_dim, &ones, error);
    status = status == ROPEMAP_OK ? ropemap_vectors_rotated(ones, &rotation, &rotated, error) : status;
    if (status == ROPEMAP_OK) {
        ropemap_request request = ropemap_request_default();
        request.spec = one->spec;
        request.queries = request.keys = rotated;
        request.already_rotated = true;
        request.cols.count = 1;
        status = compute_rows(options, request, made->distances, one->values, error);
    }
    ropemap_vectors_free(rotated);
    ropemap_vectors_free(ones);
    return status;
}

/* The mass at each distance: its own, or that of its bin, spread evenly. */
static void spread(const ropemap_attention *attention, const curves *made, double *values) {
    for (int64_t bin = 0; bin < attention->bins; bin++) {
        const int64_t first = attention->edges[bin], end = attention->edges[bin + 1];
        for (int64_t at = first; at < end && at < made->distances.count; at++) {
            values[at] = attention->mass[bin] / (double)(end - first);
        }
    }
}

static ropemap_status compute_attention(const curve_options *options, const tensor_pair *tensors,
                                        const curves *made, curve *one, ropemap_error *error) {
    ropemap_attention_request request = {.map = options->request, .distances = true, .exact = options->exact};
    ropemap_attention attention = {.count = 0};
    request.map.measure = ROPEMAP_MEASURE_SOFTMAX;
    capture_take_attention(tensors, &request.map);
    request.map.spec = one->spec;
    request.map.queries = tensors->queries;
    request.map.keys = tensors->keys;
    request.map.keys_name = tensors->keys_name;
    request.map.already_rotated = tensors->state == ROPEMAP_STATE_POST;
    request.map.rows = ropemap_vectors_positions(tensors->queries);
    request.map.cols = ropemap_vectors_positions(tensors->keys);
    request.map.threads = options->threads;
    request.map.progress = call_tell;
    request.map.progress_user = options->call;
    const ropemap_status status = ropemap_attention_compute(&request, NULL, &attention, error);
    if (status == ROPEMAP_OK) {
        spread(&attention, made, one->values);
    }
    ropemap_attention_free(&attention);
    return status;
}

static ropemap_status compute(const curve_options *options, const tensor_pair *tensors, const curves *made,
                              curve *one, ropemap_error *error) {
    const bool nope = one->encoding == ROPEMAP_ENCODING_NOPE;
    if (one->encoding != ROPEMAP_ENCODING_ROPE && !(nope && tensors->queries != NULL)) {
        return compute_encoded(options, made, one, error);
    }
    if (options->phase != ROPEMAP_PHASE_EXACT || options->shift != 0) {
        return compute_rounded(options, made, one, error);
    }
    if (tensors->queries != NULL && options->measure == CURVE_SOFTMAX) {
        return compute_attention(options, tensors, made, one, error);
    }
    if (tensors->queries != NULL) {
        const ropemap_mean_request mean = {.spec = one->spec,
                                           .queries = tensors->queries,
                                           .keys = tensors->keys,
                                           .already_rotated = nope || tensors->state == ROPEMAP_STATE_POST,
                                           .first = ropemap_vectors_positions(tensors->queries).first,
                                           .positions = ropemap_vectors_count(tensors->queries),
                                           .count = made->distances.count,
                                           .threads = options->threads,
                                           .progress = call_tell,
                                           .progress_user = options->call};
        return ropemap_curve_mean(&mean, one->values, error);
    }
    const ropemap_curve_request request = {.spec = one->spec,
                                           .distances = made->distances,
                                           .along = one->along,
                                           .first_pair = (int32_t)options->band.first,
                                           .pair_count = (int32_t)options->band.count,
                                           .threads = options->threads,
                                           .progress = call_tell,
                                           .progress_user = options->call};
    return options->quantity == CURVE_ROFORMER ? ropemap_curve_roformer(&request, one->values, error)
                                               : ropemap_curve_compute(&request, one->values, error);
}

/* Similarity is a share of S(0), as in bound and explain; a band's is of all pairs. */
static ropemap_status divide(const curve_options *options, const curves *made, curve *one,
                             ropemap_error *error) {
    const ropemap_curve_request start = {.spec = one->spec,
                                         .distances = {.first = 0, .count = 1, .step = 1},
                                         .along = one->along,
                                         .threads = 1};
    if (options->tensors.queries != NULL || options->quantity != CURVE_SIMILARITY) {
        return ROPEMAP_OK;
    }
    const ropemap_status status = one->encoding != ROPEMAP_ENCODING_ROPE
                                      ? ROPEMAP_OK
                                      : ropemap_curve_compute(&start, &one->at_zero, error);
    for (int64_t i = 0; i < made->distances.count && status == ROPEMAP_OK; i++) {
        one->values[i] /= one->at_zero;
    }
    return status;
}

/* The first distance whose value is below a threshold; 0: none. */
static int64_t first_below(const curves *made, const curve *one, double threshold) {
    for (int64_t i = 1; i < made->distances.count; i++) {
        if (one->values[i] < threshold) {
            return i;
        }
    }
    return 0;
}

/* Where similarity is first below half of S(0) and below zero, within what is shown or a million tokens; of
 * another encoding than RoPE within what is shown. */
static ropemap_status find_reach(const curve_options *options, const curves *made, curve *one,
                                 ropemap_error *error) {
    const int64_t last = made->distances.first + (made->distances.count - 1) * made->distances.step + 1;
    const int64_t limit = last > REACH_LIMIT_LEAST && last < VALUES_MOST ? last : REACH_LIMIT_LEAST;
    one->has_reach = options->tensors.queries == NULL && options->quantity == CURVE_SIMILARITY &&
                     options->band.count == 0 && options->phase == ROPEMAP_PHASE_EXACT && one->along == 0;
    if (one->has_reach && one->encoding != ROPEMAP_ENCODING_ROPE) {
        one->has_reach = made->distances.first == 0 && made->distances.step == 1;
        one->reach =
            (ropemap_reach){.reach = first_below(made, one, 0.0), .half = first_below(made, one, 0.5)};
        return ROPEMAP_OK;
    }
    return one->has_reach ? ropemap_bound_reach(&one->spec, limit, options->threads, call_tell, options->call,
                                                &one->reach, error)
                          : ROPEMAP_OK;
}

/* The axis that is named, or the last one of a rule that has no other curve. */
static ropemap_status take_along(const curve_options *options, curve *one, ropemap_error *error) {
    const ropemap_axes *axes = &one->spec.axes;
    if (options->along == NULL) {
        one->along = ropemap_axes_apart(axes) ? axes->count : 0;
        return ROPEMAP_OK;
    }
    for (int32_t axis = 0; axis < axes->count; axis++) {
        char number[12];
        (void)snprintf(number, sizeof number, "%" PRId32, axis + 1);
        if (strcmp(options->along, number) == 0 ||
            strcmp(options->along, ropemap_axis_name(axes, axis)) == 0) {
            one->along = axis + 1;
            return ROPEMAP_OK;
        }
    }
    return fail(error, ROPEMAP_USAGE, "--along: no axis '%.64s': the rule has %" PRId32 "%s", options->along,
                axes->count == 0 ? 1 : axes->count, axes->count == 0 ? "; give --axes" : "");
}

bool rule_matters(ropemap_encoding encoding) {
    return encoding != ROPEMAP_ENCODING_ALIBI && encoding != ROPEMAP_ENCODING_NOPE;
}

static void take_label(const curve_options *options, const tensor_pair *tensors, int index,
                       const rule_options *rule, curve *one) {
    if (index < options->labels.count) {
        (void)snprintf(one->label, sizeof one->label, "%s", options->labels.all[index]);
        return;
    }
    vary_label(&options->vary, index, one->label, sizeof one->label);
    if (one->label[0] == '\0' && tensors->layer != NULL) {
        (void)snprintf(one->label, sizeof one->label, "%s", ropemap_vectors_label(tensors->queries));
    }
    if (one->label[0] == '\0' && rule->opened != NULL) {
        (void)snprintf(one->label, sizeof one->label, "%s", ropemap_model_name(rule->opened));
    }
    if (one->label[0] == '\0' && !rule_matters(one->encoding)) {
        (void)snprintf(one->label, sizeof one->label, "%s", ropemap_encoding_name(one->encoding));
    }
    if (one->label[0] == '\0') {
        rule_origin(&one->spec, one->label, sizeof one->label);
    }
    if (one->along > 0 && strstr(one->label, "along ") == NULL && index >= options->labels.count) {
        const size_t length = strlen(one->label);
        (void)snprintf(one->label + length, sizeof one->label - length, ", along %s",
                       ropemap_axis_name(&one->spec.axes, one->along - 1));
    }
}

/* Takes the setting's rule; a tensor brings its own head dim, the distances a length. */
static ropemap_status take_rule(curve_options *own, const tensor_pair *tensors, const curves *made, int index,
                                curve *one, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    one->encoding = own->request.encoding.kind;
    one->slope = own->request.encoding.slope != 0.0 ? own->request.encoding.slope : ROPEMAP_SLOPE;
    own->rule.head = own->tensors.head;
    capture_take_rule(tensors, &own->rule);
    status = status == ROPEMAP_OK ? rule_options_resolve(&own->rule, error) : status;
    if (status == ROPEMAP_OK) {
        one->spec = own->rule.spec;
        one->trained_length = own->rule.opened != NULL ? ropemap_model_trained_length(own->rule.opened) : 0;
        if (tensors->queries != NULL) {
            one->spec.head_dim = ropemap_vectors_head_dim(tensors->queries);
        }
        status = capture_settle_rule(tensors, &own->rule, own->quiet, &one->spec, error);
        if (one->spec.length == 0.0) {
            one->spec.length = (double)(made->distances.first + made->distances.count * made->distances.step);
        }
        status = status == ROPEMAP_OK ? take_along(own, one, error) : status;
        take_label(own, tensors, index, &own->rule, one);
        one->table = own->rule.table;
        one->model = own->rule.opened;
        one->lists = own->rule.lists;
        own->rule.table = NULL;
        own->rule.opened = NULL;
        own->rule.lists = NULL;
    }
    rule_options_free(&own->rule);
    return status;
}

/* Beyond the trained length there are no values, and along an axis none beyond that side of the model's grid.
 */
static ropemap_status end_at_trained(const curves *made, curve *one, ropemap_error *error) {
    const int64_t end = one->along == 0 ? one->trained_length : one->spec.axes.grid[one->along - 1] - 1;
    if (end <= 0) {
        return fail(
            error, ROPEMAP_USAGE,
            "--until-trained: no trained length is known of %s; name a model that has one, by --preset or "
            "--model",
            one->label);
    }
    for (int64_t i = 0; i < made->distances.count; i++) {
        one->values[i] = made->distance[i] > (double)end ? (double)NAN : one->values[i];
    }
    return ROPEMAP_OK;
}

static ropemap_status make_curve(curve_options *own, const tensor_pair *tensors, curves *made, int index,
                                 ropemap_error *error) {
    curve *one = &made->one[index];
    ropemap_status status = take_rule(own, tensors, made, index, one, error);
    made->count = index + 1; /* what it has is freed, refused or not */
    if (status != ROPEMAP_OK) {
        return status;
    }
    one->values = malloc((size_t)made->distances.count * sizeof *one->values);
    if (one->values == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--distances: no memory for %" PRId64 " values",
                    made->distances.count);
    }
    status = compute(own, tensors, made, one, error);
    status = status == ROPEMAP_OK ? divide(own, made, one, error) : status;
    status = status == ROPEMAP_OK ? find_reach(own, made, one, error) : status;
    return status == ROPEMAP_OK && own->until_trained ? end_at_trained(made, one, error) : status;
}

static ropemap_status make_one(const curve_options *options, const tensor_pair *tensors, curves *made,
                               int index, ropemap_error *error) {
    curve_options own = *options; /* what varies may be any option */
    tensor_pair opened = {.queries = NULL};
    const bool varies = varies_tensors(options);
    ropemap_status status = vary_apply(&own.vary, index, &own, error);
    vary_keep_own(&own.vary, &own.request.encoding);
    const char *parameter = parameter_of_other(&own.request.encoding);
    if (status == ROPEMAP_OK && parameter != NULL) {
        status = fail(error, ROPEMAP_USAGE, "--%s", parameter);
    }
    if (status == ROPEMAP_OK && varies) {
        own.quiet = true;
        status = open_tensors(&own, &opened, error);
    }
    status = status == ROPEMAP_OK ? make_curve(&own, varies ? &opened : tensors, made, index, error) : status;
    tensor_pair_free(&opened);
    return status;
}

/* "MODEL, layer 9, head 4" without what varies. */
static void cut_origin(const vary_set *vary, char *origin) {
    char *at = strstr(origin, vary_has(vary, "layer") ? ", layer " : ", head ");
    if (at != NULL && (vary_has(vary, "layer") || vary_has(vary, "head"))) {
        *at = '\0';
    }
}

static ropemap_status make_all(const curve_options *options, const tensor_pair *tensors, curves *made,
                               ropemap_error *error) {
    const int count = vary_count(&options->vary);
    if (count > CURVES_MOST) {
        return fail(error, ROPEMAP_USAGE, "--vary: %d curves; at most %d can be drawn", count, CURVES_MOST);
    }
    ropemap_status status = make_distances(made, error);
    made->origin[0] = '\0';
    if (tensors->layer != NULL) {
        (void)snprintf(made->origin, sizeof made->origin, "%s", ropemap_vectors_label(tensors->queries));
        cut_origin(&options->vary, made->origin);
    }
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        status = make_one(options, tensors, made, i, error);
    }
    return status;
}

ropemap_status curves_make(curve_options *options, curves *made, ropemap_error *error) {
    static const char *const shared[] = {"distances",      "queries",      "keys",  "capture",
                                         "order",          "batch",        "heads", "state",
                                         "first-position", "rotary-first", NULL};
    tensor_pair tensors = {.queries = NULL};
    ropemap_status status = vary_refuse(&options->vary, shared, error);
    status = status == ROPEMAP_OK ? heads_number_all(&options->vary, &options->tensors, error) : status;
    status = status == ROPEMAP_OK ? check(options, error) : status;
    curve_options first = *options; /* whose tensors have the distances of all */
    status = status == ROPEMAP_OK ? vary_apply(&options->vary, 0, &first, error) : status;
    status = status == ROPEMAP_OK ? open_tensors(&first, &tensors, error) : status;
    status = status == ROPEMAP_OK ? choose_distances(options, &tensors, made, error) : status;
    status = status == ROPEMAP_OK ? make_all(options, &tensors, made, error) : status;
    tensor_pair_free(&tensors);
    return status;
}

void curves_free(void *from) {
    curves *made = from;
    for (int i = 0; i < made->count; i++) {
        free(made->one[i].values);
        ropemap_frequencies_free(made->one[i].table);
        ropemap_model_free(made->one[i].model);
        free(made->one[i].lists);
    }
    free(made->distance);
    made->count = 0;
    made->distance = NULL;
}

bool curves_array(const void *from, int32_t index, cli_array *array) {
    const curves *made = from;
    const bool values = index > 0 && index <= made->count;
    *array = (cli_array){.name = values ? made->one[index - 1].label : "distances",
                         .data = values ? made->one[index - 1].values : made->distance,
                         .item = sizeof(double),
                         .rank = 1,
                         .shape = {made->distances.count}};
    return index <= made->count;
}
