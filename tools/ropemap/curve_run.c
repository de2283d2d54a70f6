/* curve_run.c - curves from options */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/curve_run.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map_inputs.h"
#include "tools/ropemap/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CURVE_BUCKETS = 2000 };

/* Index one past part `bucket` of those that begin at index `start`; parts may be empty. */
static int64_t end_of(const curves *made, int64_t start, int bucket, bool log_axis) {
    const int64_t count = made->distances.count;
    const double share = (double)(bucket + 1) / CURVE_BUCKETS;
    if (bucket + 1 == CURVE_BUCKETS) {
        return count;
    }
    if (!log_axis) {
        return (int64_t)(share * (double)count);
    }
    const double first = made->distance[start], beyond = made->distance[count - 1] + 1.0;
    const double distance = first * pow(beyond / first, share);
    return (int64_t)ceil((distance - (double)made->distances.first) / (double)made->distances.step);
}

/* The columns of the object. */
struct columns {
    json_t *distance, *last, *mean, *low, *high;
};

static void add(const curves *made, const curve *one, int64_t first, int64_t end, struct columns *to) {
    double sum = 0.0, low = one->values[first], high = low;
    for (int64_t i = first; i < end; i++) {
        sum += one->values[i];
        low = fmin(low, one->values[i]);
        high = fmax(high, one->values[i]);
    }
    (void)json_array_append_new(to->distance, json_integer((json_int_t)made->distance[first]));
    (void)json_array_append_new(to->last, json_integer((json_int_t)made->distance[end - 1]));
    (void)json_array_append_new(to->mean, document_real(sum / (double)(end - first)));
    (void)json_array_append_new(to->low, document_real(low));
    (void)json_array_append_new(to->high, document_real(high));
}

json_t *curve_buckets(const curves *made, const curve *one, bool log_axis) {
    struct columns to = {json_array(), json_array(), json_array(), json_array(), json_array()};
    const int64_t count = made->distances.count;
    const int64_t start = log_axis && made->distance[0] == 0.0 && count > 1 ? 1 : 0;
    int64_t at = start;
    if (start > 0) {
        add(made, one, 0, start, &to);
    }
    for (int bucket = 0; bucket < CURVE_BUCKETS && at < count; bucket++) {
        const int64_t end = end_of(made, start, bucket, log_axis);
        if (end > at) {
            add(made, one, at, end < count ? end : count, &to);
            at = end;
        }
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "distance", to.distance, "last", to.last, "mean", to.mean,
                     "low", to.low, "high", to.high);
}

enum {
    VALUES_MOST = 1 << 26 /* of a curve: half a GiB */,
    REACH_LIMIT_LEAST = 1 << 20,
    FLOAT16_END = 65520 /* rounds to infinity */
};

/* Tensors of the curve, open for all settings. */
struct tensors {
    ropemap_vectors *queries, *keys;
    tensor_pair own; /* nothing where the vectors are lent */
};

static ropemap_status check_shapes(const curve_options *options, const struct tensors *tensors,
                                   ropemap_error *error) {
    return ropemap_vectors_head_dim(tensors->queries) == ropemap_vectors_head_dim(tensors->keys) &&
                   ropemap_vectors_count(tensors->queries) == ropemap_vectors_count(tensors->keys)
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_DATA,
                      "%.200s: not of the shape of %.200s, expected as many rows and elements", options->keys,
                      options->queries);
}

static ropemap_status open_tensors(const curve_options *options, struct tensors *tensors,
                                   ropemap_error *error) {
    ropemap_tensor like = {.order = options->order, .batch = options->batch, .head = options->head};
    if ((options->queries == NULL) != (options->keys == NULL)) {
        return fail(error, ROPEMAP_USAGE, "--%s: missing, queries and keys come together",
                    options->queries == NULL ? "queries" : "keys");
    }
    if (options->queries == NULL) {
        return ROPEMAP_OK;
    }
    if (options->lent_queries != NULL) {
        tensors->queries = options->lent_queries;
        tensors->keys = options->lent_keys;
        return check_shapes(options, tensors, error);
    }
    const ropemap_status status =
        tensor_pair_open(options->queries, options->keys, &like, options->heads, &tensors->own, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    tensors->queries = tensors->own.queries;
    tensors->keys = tensors->own.keys;
    if (!options->quiet) {
        tensor_notes_print(tensors->queries, tensors->keys);
    }
    return check_shapes(options, tensors, error);
}

static ropemap_status check_tensor_options(const curve_options *options, ropemap_error *error) {
    const bool tensors = options->queries != NULL;
    if (tensors && (options->quantity != CURVE_SIMILARITY || options->pair_count > 0)) {
        return fail(error, ROPEMAP_USAGE, "--%s: given with --queries, expected of equal vectors",
                    options->pair_count > 0 ? "band" : "quantity");
    }
    if (!tensors && (options->already_rotated || (options->head != 0 && options->rule.frequencies == NULL) ||
                     options->batch != 0 || options->heads.queries != 0 || options->first_position != 0)) {
        return fail(error, ROPEMAP_USAGE, "--%s: without tensors, expected with --queries and --keys",
                    options->already_rotated                                  ? "state"
                    : options->head != 0 && options->rule.frequencies == NULL ? "head"
                    : options->batch != 0                                     ? "batch"
                    : options->heads.queries != 0                             ? "heads"
                                                                              : "first-position");
    }
    return options->label_count <= vary_count(&options->vary)
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--label: %d labels for %d curves", options->label_count,
                      vary_count(&options->vary));
}

static ropemap_status choose_distances(const curve_options *options, const struct tensors *tensors,
                                       curves *made, ropemap_error *error) {
    made->distances =
        options->has_distances ? options->distances : (ropemap_range){.first = 0, .count = 4096, .step = 1};
    if (tensors->queries != NULL) {
        const int64_t rows = ropemap_vectors_count(tensors->queries);
        made->distances.count = options->has_distances ? made->distances.count : rows;
        if (made->distances.first != 0 || made->distances.step != 1 || made->distances.count > rows) {
            return fail(
                error, ROPEMAP_USAGE,
                "--distances: of tensors all from 0 on are computed, expected a COUNT of at most %" PRId64
                ", their rows",
                rows);
        }
    }
    return made->distances.count <= VALUES_MOST
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--distances: %" PRId64
                      " values, expected at most %d: FIRST:COUNT:STEP takes every STEP-th",
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

/* One query after another with the key at the shift: maps that are one cell wide, each as high as maps may
 * be. */
static ropemap_status compute_rows(const curve_options *options, const ropemap_vectors *turned,
                                   const curves *made, curve *one, ropemap_error *error) {
    ropemap_request request = ropemap_request_default();
    request.spec = one->spec;
    request.queries = request.keys = turned;
    request.already_rotated = true;
    request.cols = (ropemap_range){.first = 0, .count = 1, .step = 1};
    request.width = 1;
    request.progress = options->progress;
    request.progress_user = options->progress_user;
    ropemap_status status = ROPEMAP_OK;
    for (int64_t done = 0; done < made->distances.count && status == ROPEMAP_OK; done += request.rows.count) {
        const int64_t left = made->distances.count - done;
        ropemap_map map = {.cells = NULL};
        request.rows = (ropemap_range){.first = made->distances.first + done * made->distances.step,
                                       .count = left < ROPEMAP_MAX_SIDE ? left : ROPEMAP_MAX_SIDE,
                                       .step = made->distances.step};
        request.height = request.rows.count;
        status = ropemap_map_compute(&request, &map, error);
        for (int64_t i = 0; i < request.rows.count && status == ROPEMAP_OK; i++) {
            one->values[done + i] = (double)map.cells[i];
        }
        ropemap_map_free(&map);
    }
    return status;
}

/* S(r) as a stack in use rounds it. */
static ropemap_status compute_rounded(const curve_options *options, const curves *made, curve *one,
                                      ropemap_error *error) {
    const ropemap_turning turning = {.spec = one->spec, .phase = options->phase, .shift = options->shift};
    ropemap_vectors *ones = NULL, *turned = NULL;
    if (options->queries != NULL || options->pair_count > 0 || options->quantity != CURVE_SIMILARITY ||
        one->along > 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--phase, --shift: given with --%s, expected of the similarity of equal vectors",
                    options->queries != NULL  ? "queries"
                    : one->along > 0          ? "along"
                    : options->pair_count > 0 ? "band"
                                              : "quantity");
    }
    if (options->phase == ROPEMAP_PHASE_FP16_ANGLES && options->shift >= FLOAT16_END) {
        return fail(error, ROPEMAP_USAGE,
                    "--shift: float16 has no number for position %" PRId64
                    ", so that all is NaN; with --phase fp16-angles give less than %d",
                    options->shift, FLOAT16_END);
    }
    ropemap_status status = ropemap_vectors_ones(one->spec.head_dim, &ones, error);
    status = status == ROPEMAP_OK ? ropemap_vectors_turned(ones, &turning, &turned, error) : status;
    status = status == ROPEMAP_OK ? compute_rows(options, turned, made, one, error) : status;
    ropemap_vectors_free(turned);
    ropemap_vectors_free(ones);
    return status;
}

static ropemap_status compute(const curve_options *options, const struct tensors *tensors, const curves *made,
                              curve *one, ropemap_error *error) {
    if (options->phase != ROPEMAP_PHASE_EXACT || options->shift != 0) {
        return compute_rounded(options, made, one, error);
    }
    if (tensors->queries != NULL) {
        const ropemap_mean_request mean = {.spec = one->spec,
                                           .queries = tensors->queries,
                                           .keys = tensors->keys,
                                           .already_rotated = options->already_rotated,
                                           .first_position = options->first_position,
                                           .first = options->first_position,
                                           .positions = ropemap_vectors_count(tensors->queries),
                                           .count = made->distances.count,
                                           .threads = options->threads,
                                           .progress = options->progress,
                                           .progress_user = options->progress_user};
        return ropemap_curve_mean(&mean, one->values, error);
    }
    const ropemap_curve_request request = {.spec = one->spec,
                                           .distances = made->distances,
                                           .along = one->along,
                                           .first_pair = options->first_pair,
                                           .pair_count = options->pair_count,
                                           .threads = options->threads,
                                           .progress = options->progress,
                                           .progress_user = options->progress_user};
    return options->quantity == CURVE_ROFORMER ? ropemap_curve_roformer(&request, one->values, error)
                                               : ropemap_curve_compute(&request, one->values, error);
}

/* Where similarity is first below half of S(0) and below zero, within what is shown or a million tokens. */
static ropemap_status find_reach(const curve_options *options, const curves *made, curve *one,
                                 ropemap_error *error) {
    const int64_t last = made->distances.first + (made->distances.count - 1) * made->distances.step + 1;
    const int64_t limit = last > REACH_LIMIT_LEAST && last < VALUES_MOST ? last : REACH_LIMIT_LEAST;
    one->has_reach = options->queries == NULL && options->quantity == CURVE_SIMILARITY &&
                     options->pair_count == 0 && options->phase == ROPEMAP_PHASE_EXACT && one->along == 0;
    return one->has_reach ? ropemap_bound_reach(&one->spec, limit, options->threads, options->progress,
                                                options->progress_user, &one->reach, error)
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

static void take_label(const curve_options *options, int index, const rule_options *rule, curve *one) {
    if (index < options->label_count) {
        (void)snprintf(one->label, sizeof one->label, "%s", options->labels[index]);
        return;
    }
    vary_label(&options->vary, index, one->label, sizeof one->label);
    if (one->label[0] == '\0' && rule->opened != NULL) {
        (void)snprintf(one->label, sizeof one->label, "%s", ropemap_model_name(rule->opened));
    }
    if (one->label[0] == '\0') {
        rule_origin(&one->spec, one->label, sizeof one->label);
    }
    if (one->along > 0 && strstr(one->label, "along ") == NULL && index >= options->label_count) {
        const size_t length = strlen(one->label);
        (void)snprintf(one->label + length, sizeof one->label - length, ", along %s",
                       ropemap_axis_name(&one->spec.axes, one->along - 1));
    }
}

/* Takes the setting's rule; a tensor brings its own head dim, the distances a length. */
static ropemap_status take_rule(curve_options *own, const struct tensors *tensors, const curves *made,
                                int index, curve *one, ropemap_error *error) {
    ropemap_status status = vary_apply(&own->vary, index, own, error);
    own->rule.head = own->head;
    status = status == ROPEMAP_OK ? rule_options_resolve(&own->rule, error) : status;
    if (status == ROPEMAP_OK) {
        one->spec = own->rule.spec;
        one->trained_length = own->rule.opened != NULL ? ropemap_model_trained_length(own->rule.opened) : 0;
        if (tensors->queries != NULL) {
            one->spec.head_dim = ropemap_vectors_head_dim(tensors->queries);
        }
        if (one->spec.length == 0.0) {
            one->spec.length = (double)(made->distances.first + made->distances.count * made->distances.step);
        }
        status = take_along(own, one, error);
        take_label(own, index, &own->rule, one);
        one->table = own->rule.table;
        own->rule.table = NULL;
    }
    rule_options_free(&own->rule);
    return status;
}

static ropemap_status make_one(const curve_options *options, const struct tensors *tensors, curves *made,
                               int index, ropemap_error *error) {
    curve *one = &made->one[index];
    curve_options own = *options; /* what varies may be any option */
    ropemap_status status = take_rule(&own, tensors, made, index, one, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    made->count = index + 1;
    one->values = malloc((size_t)made->distances.count * sizeof *one->values);
    if (one->values == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--distances: no memory for %" PRId64 " values",
                    made->distances.count);
    }
    status = compute(&own, tensors, made, one, error);
    return status == ROPEMAP_OK ? find_reach(&own, made, one, error) : status;
}

static ropemap_status make_all(const curve_options *options, const struct tensors *tensors, curves *made,
                               ropemap_error *error) {
    const int count = vary_count(&options->vary);
    if (count > CURVES_MOST) {
        return fail(error, ROPEMAP_USAGE, "--vary: %d curves, expected at most %d", count, CURVES_MOST);
    }
    ropemap_status status = make_distances(made, error);
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        status = make_one(options, tensors, made, i, error);
    }
    return status;
}

ropemap_status curves_make(const curve_options *options, curves *made, ropemap_error *error) {
    static const char *const shared[] = {"distances", "queries", "keys",  "order",          "batch",
                                         "head",      "heads",   "state", "first-position", NULL};
    struct tensors tensors = {.queries = NULL};
    ropemap_status status = vary_refuse(&options->vary, shared, error);
    status = status == ROPEMAP_OK ? check_tensor_options(options, error) : status;
    status = status == ROPEMAP_OK ? open_tensors(options, &tensors, error) : status;
    status = status == ROPEMAP_OK ? choose_distances(options, &tensors, made, error) : status;
    status = status == ROPEMAP_OK ? make_all(options, &tensors, made, error) : status;
    tensor_pair_free(&tensors.own);
    return status;
}

void curves_free(curves *made) {
    for (int i = 0; i < made->count; i++) {
        free(made->one[i].values);
        ropemap_frequencies_free(made->one[i].table);
    }
    free(made->distance);
    made->count = 0;
    made->distance = NULL;
}
