/* command_curve.c - ropemap curve */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/map_options.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_VALUES_MOST = 10000 /* of a curve; more go into buckets */ };

/* ---- words --------------------------------------------------------------------------------------------- */

/* The first distance within which lies that share of what is shown. */
static int64_t distance_of(const curves *made, const curve *one, double share) {
    double all = 0.0, sum = 0.0;
    int64_t at = 0;
    for (int64_t i = 0; i < made->distances.count; i++) {
        all += one->values[i];
    }
    for (; at < made->distances.count - 1 && sum + one->values[at] < share * all; at++) {
        sum += one->values[at];
    }
    return at;
}

static void print(const void *given, const void *from) {
    const curve_options *options = given;
    const curves *made = from;
    for (int i = 0; i < made->count; i++) {
        const curve *one = &made->one[i];
        print_plain(stdout, one->label);
        if (options->measure == CURVE_SOFTMAX) {
            (void)printf(": half of the mass within %s tokens, nine tenths within %s\n",
                         number_in_words((double)distance_of(made, one, 0.5)).text,
                         number_in_words((double)distance_of(made, one, 0.9)).text);
            continue;
        }
        if (!one->has_reach) {
            (void)printf(": %.7g at distance %.0f, %.7g at %.0f\n", one->values[0], made->distance[0],
                         one->values[made->distances.count - 1], made->distance[made->distances.count - 1]);
            continue;
        }
        if (one->reach.half > 0) {
            (void)printf(": below half of S(0) at %s tokens", number_in_words((double)one->reach.half).text);
        }
        if (one->reach.reach > 0) {
            (void)printf("%s first below zero at %s\n", one->reach.half > 0 ? "," : ":",
                         number_in_words((double)one->reach.reach).text);
        } else {
            (void)printf("%s never below zero at the distances searched\n", one->reach.half > 0 ? "," : ":");
        }
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

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

/*
 * The values of a curve in parts, one after another: distance 0 alone, as there a line begins, and at most
 * CURVE_BUCKETS that are even on a linear or a logarithmic axis. An object of arrays `distance` and `last`,
 * the first and the last distance of each part, and `mean`, `low` and `high` of its values. NaN: null. NULL:
 * no memory.
 */
static json_t *curve_buckets(const curves *made, const curve *one, bool log_axis) {
    struct columns to = {json_array(), json_array(), json_array(), json_array(), json_array()};
    const int64_t count = made->distances.count;
    const int64_t start = made->distance[0] == 0.0 && count > 1 ? 1 : 0;
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

static json_t *values_array(const curves *made, const curve *one) {
    json_t *array = json_array();
    for (int64_t i = 0; i < made->distances.count; i++) {
        (void)json_array_append_new(array, document_real(one->values[i]));
    }
    return array;
}

static json_t *curve_object(const curve_options *options, const curves *made, const curve *one) {
    char scaling[400];
    ropemap_scaling_format(&one->spec.scaling, false, scaling, sizeof scaling);
    const bool known = one->has_reach, many = made->distances.count > JSON_VALUES_MOST;
    return json_pack("{s:o, s:s, s:o, s:o, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "label",
                     document_text(one->label), "encoding", ropemap_encoding_name(one->encoding), "base",
                     document_base(&one->spec), "frequencies_from", document_frequencies(&one->spec),
                     "head_dim", (int)one->spec.head_dim, "scaling", scaling, "along",
                     one->along > 0 ? json_string(ropemap_axis_name(&one->spec.axes, one->along - 1))
                                    : json_null(),
                     "trained_length", document_count(one->trained_length), "first_negative",
                     known ? document_count(one->reach.reach) : json_null(), "half",
                     known ? document_count(one->reach.half) : json_null(), "similarity_at_zero",
                     one->at_zero > 0.0 ? document_real(one->at_zero) : json_null(), "values",
                     many ? json_null() : values_array(made, one), "buckets",
                     many ? curve_buckets(made, one, options->axis == CURVE_LOG) : json_null());
}

static json_t *document(const void *given, const void *from) {
    const curve_options *options = given;
    const curves *made = from;
    json_t *array = json_array();
    for (int i = 0; i < made->count; i++) {
        (void)json_array_append_new(array, curve_object(options, made, &made->one[i]));
    }
    return json_pack("{s:s, s:s, s:s, s:{s:I, s:I, s:I}, s:o}", "schema", "ropemap.curve/1", "version",
                     ropemap_version(), "quantity",
                     options->measure == CURVE_SOFTMAX     ? "attention"
                     : options->tensors.queries != NULL    ? "mean"
                     : options->quantity == CURVE_ROFORMER ? "roformer"
                                                           : "similarity",
                     "distances", "first", (json_int_t)made->distances.first, "count",
                     (json_int_t)made->distances.count, "step", (json_int_t)made->distances.step, "curves",
                     array);
}

/* ---- tables -------------------------------------------------------------------------------------------- */

/* A label between quotes, its own doubled (RFC 4180). */
static void put_label(FILE *stream, const char *label) {
    (void)fputs(",\"", stream);
    for (; *label != '\0'; label++) {
        (void)fputs(*label == '"' ? "\"\"" : (const char[]){*label, '\0'}, stream);
    }
    (void)fputc('"', stream);
}

static void put_csv(FILE *stream, const void *from) {
    const curves *made = from;
    (void)fputs("distance", stream);
    for (int i = 0; i < made->count; i++) {
        put_label(stream, made->one[i].label);
    }
    (void)fputc('\n', stream);
    for (int64_t row = 0; row < made->distances.count; row++) {
        (void)fprintf(stream, "%.0f", made->distance[row]);
        for (int i = 0; i < made->count; i++) {
            (void)fprintf(stream, ",%.10g", made->one[i].values[row]);
        }
        (void)fputc('\n', stream);
    }
}

/* [curves, distances], little-endian float32, format version 1.0. */
static void put_npy(FILE *stream, const void *from) {
    const curves *made = from;
    char header[118]; /* a multiple of 64 with the 10 bytes before it, as the format wants */
    (void)snprintf(header, sizeof header,
                   "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %" PRId64 "), }", made->count,
                   made->distances.count);
    (void)fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, stream);
    (void)fprintf(stream, "%-117s\n", header);
    for (int i = 0; i < made->count; i++) {
        for (int64_t at = 0; at < made->distances.count; at++) {
            const float value = (float)made->one[i].values[at];
            uint32_t bits;
            memcpy(&bits, &value, sizeof bits);
            const uint8_t bytes[] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                                     (uint8_t)(bits >> 24)};
            (void)fwrite(bytes, 1, sizeof bytes, stream);
        }
    }
}

static ropemap_status encode(const void *given, void *made, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const curve_options *options = given;
    curve_chart chart;
    (void)index;
    if (kind == OUTPUT_CSV || kind == OUTPUT_NPY) {
        return outputs_table(kind == OUTPUT_CSV ? put_csv : put_npy, made, bytes, error);
    }
    curve_chart_make(options, made, &chart);
    const ropemap_page page =
        print_chart(&options->print, options->size, PRINT_SHAPE, kind == OUTPUT_PNG, &chart.chart);
    return ropemap_chart_encode(&chart.chart, output_format(kind), &page, bytes, error);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status check(void *options, cli_outputs *outputs, ropemap_error *error) {
    return outputs != NULL ? vary_note(&((curve_options *)options)->vary, outputs, error) : ROPEMAP_OK;
}

static ropemap_status make(void *given, cli_call *call, void *made, ropemap_error *error) {
    curve_options *options = given;
    options->call = call;
    options->request.session = call->session;
    options->tensors.names_keys = call->alone;
    return curves_make(options, made, error);
}

static void start(void *options) {
    *(curve_options *)options = curve_options_default();
}

static void end(void *options) {
    vary_free(&((curve_options *)options)->vary);
}

static void notes(void) {
    (void)printf(
        "\nWithout tensors the curve is S(r) / S(0), the share of their similarity that two equal vectors "
        "keep at\n"
        "distance r, as in bound and explain. S(0) is 1 unless the rule has an attention factor, which\n"
        "--json gives as similarity_at_zero; a map's values have that factor. Of another --encoding it is a\n"
        "column of the map: the key at --shift, the query the distance after it; ALiBi's is a score.\n"
        "Where a pixel holds many distances the picture shows their mean and, behind it, all from the\n"
        "smallest to the largest.\n");
}

static const cli_result result = {.size = sizeof(curves),
                                  .kinds = OUTPUT_PICTURES | 1 << OUTPUT_CSV | 1 << OUTPUT_NPY,
                                  .check = check,
                                  .make = make,
                                  .encode = encode,
                                  .document = document,
                                  .print = print,
                                  .array = curves_array,
                                  .free = curves_free};

const cli_command command_curve = {
    .name = "curve",
    .summary = "draw similarity against distance, for one or many settings",
    .usage = "[what] [how] [output]",
    .examples =
        "  ropemap curve --vary base=1e4,5e5,1e6 -n 128k --axis log -o decay.png\n"
        "  ropemap curve --vary preset=llama2-7b,llama3-8b,qwen3-8b -n 32k --until-trained -o models.svg\n"
        "  ropemap curve --quantity roformer -n 256 -o roformer.pdf\n"
        "  ropemap curve --vary encoding=rope,xpos,alibi -n 1k --ylim=-1:1 -o encodings.png\n"
        "  ropemap curve --vary phase=exact,hf-fp32,bf16-inv-freq --shift 1M -n 1k -o rounded.png\n"
        "  ropemap curve --queries q.npy --keys k.npy -o measured.png\n"
        "  ropemap curve --queries q.npy --keys k.npy --measure softmax --causal --axis log -o mass.png\n",
    .blocks = {{rule_rows, offsetof(curve_options, rule)},
               {curve_single_rows, 0},
               {encoding_rows, offsetof(curve_options, request)},
               {curve_rows, 0},
               {tensor_rows, offsetof(curve_options, tensors)},
               {attention_rows, offsetof(curve_options, request)},
               {machine_rows, offsetof(curve_options, request)},
               {device_rows, offsetof(curve_options, request)},
               {thread_rows, offsetof(curve_options, threads)},
               {print_rows, offsetof(curve_options, print)},
               {print_height_rows, offsetof(curve_options, print)}},
    .notes = notes,
    .size = sizeof(curve_options),
    .start = start,
    .work = result_work,
    .end = end,
    .result = &result,
};
