/* curve_report.c - curves as text, JSON and files */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/curve_options.h"
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_VALUES_MOST = 10000, MARKS_MOST = 4 };

/* ---- words --------------------------------------------------------------------------------------------- */

int curves_text(const curve_options *options, const curves *made) {
    for (int i = 0; i < made->count; i++) {
        const curve *one = &made->one[i];
        print_plain(stdout, one->label);
        if (!one->has_reach) {
            (void)printf(": %.7g at distance %.0f, %.7g at %.0f\n", one->values[0], made->distance[0],
                         one->values[made->distances.count - 1], made->distance[made->distances.count - 1]);
            continue;
        }
        if (one->reach.half > 0) {
            (void)printf(": below one half at %" PRId64 " tokens", one->reach.half);
        }
        if (one->reach.reach > 0) {
            (void)printf("%s first below zero at %" PRId64 "\n", one->reach.half > 0 ? "," : ":",
                         one->reach.reach);
        } else {
            (void)printf("%s never below zero within what was looked at\n", one->reach.half > 0 ? "," : ":");
        }
    }
    return options->output_count >= 0 ? finish_stdout() : ROPEMAP_INTERNAL;
}

static json_t *values_array(const curves *made, const curve *one) {
    if (made->distances.count > JSON_VALUES_MOST) {
        return json_null();
    }
    json_t *array = json_array();
    for (int64_t i = 0; i < made->distances.count; i++) {
        (void)json_array_append_new(array, document_real(one->values[i]));
    }
    return array;
}

static json_t *whole(int64_t value) {
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

static json_t *curve_object(const curves *made, const curve *one) {
    char scaling[400];
    ropemap_scaling_format(&one->spec.scaling, false, scaling, sizeof scaling);
    const bool known = one->has_reach;
    return json_pack("{s:o, s:f, s:i, s:s, s:o, s:o, s:o, s:o}", "label", document_text(one->label), "base",
                     one->spec.base, "head_dim", (int)one->spec.head_dim, "scaling", scaling,
                     "trained_length", whole(one->trained_length), "first_negative",
                     known ? whole(one->reach.reach) : json_null(), "half",
                     known ? whole(one->reach.half) : json_null(), "values", values_array(made, one));
}

json_t *curves_document(const curve_options *options, const curves *made) {
    json_t *array = json_array();
    for (int i = 0; i < made->count; i++) {
        (void)json_array_append_new(array, curve_object(made, &made->one[i]));
    }
    return json_pack("{s:s, s:s, s:s, s:{s:I, s:I, s:I}, s:o}", "schema", "ropemap.curve/1", "version",
                     ropemap_version(), "quantity",
                     options->queries != NULL              ? "mean"
                     : options->quantity == CURVE_ROFORMER ? "roformer"
                                                           : "similarity",
                     "distances", "first", (json_int_t)made->distances.first, "count",
                     (json_int_t)made->distances.count, "step", (json_int_t)made->distances.step, "curves",
                     array);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static const char *value_words(const curve_options *options) {
    return options->queries != NULL              ? "mean of q · k"
           : options->quantity == CURVE_ROFORMER ? "upper bound (RoFormer)"
           : options->pair_count > 0             ? "share of the pairs"
                                                 : "similarity";
}

/* The chart and what it borrows. */
struct chart {
    ropemap_chart chart;
    ropemap_series series[CURVES_MOST];
    ropemap_mark marks[MARKS_MOST];
    char words[MARKS_MOST][80], title[160], subtitle[200];
};

/* The trained lengths, each once. */
static void add_marks(const curves *made, struct chart *made_chart) {
    const double last = made->distance[made->distances.count - 1];
    for (int i = 0; i < made->count && made_chart->chart.mark_count < MARKS_MOST; i++) {
        const int64_t length = made->one[i].trained_length;
        bool known = length <= 0 || (double)length > last || (double)length < made->distance[0];
        for (int j = 0; j < i; j++) {
            known = known || made->one[j].trained_length == length;
        }
        if (!known) {
            const int at = made_chart->chart.mark_count++;
            (void)snprintf(made_chart->words[at], sizeof made_chart->words[at], "trained length %" PRId64,
                           length);
            made_chart->marks[at] =
                (ropemap_mark){.of_x = true, .at = (double)length, .label = made_chart->words[at]};
        }
    }
}

/* What all curves have in common. */
static void describe(const curve_options *options, const curves *made, struct chart *to) {
    const ropemap_spec *first = &made->one[0].spec;
    bool same_base = true, same_dim = true;
    for (int i = 1; i < made->count; i++) {
        same_base = same_base && made->one[i].spec.base == first->base;
        same_dim = same_dim && made->one[i].spec.head_dim == first->head_dim;
    }
    (void)snprintf(to->title, sizeof to->title, "%s",
                   options->queries != NULL              ? "Mean similarity against distance"
                   : options->quantity == CURVE_ROFORMER ? "Long-term decay of RoPE"
                                                         : "RoPE similarity against distance");
    int length = same_base ? snprintf(to->subtitle, sizeof to->subtitle, "base %.10g", first->base) : 0;
    if (same_dim && length >= 0) {
        length += snprintf(to->subtitle + length, sizeof to->subtitle - (size_t)length, "%sd = %d",
                           length > 0 ? ", " : "", (int)first->head_dim);
    }
    char scaling[100], other[100];
    bool same_rule = first->scaling.rule != ROPEMAP_SCALING_NONE;
    ropemap_scaling_format(&first->scaling, false, scaling, sizeof scaling);
    for (int i = 1; i < made->count; i++) {
        ropemap_scaling_format(&made->one[i].spec.scaling, false, other, sizeof other);
        same_rule = same_rule && strcmp(scaling, other) == 0;
    }
    if (same_dim && first->rotary_dim != 0 && first->rotary_dim != first->head_dim) {
        length += snprintf(to->subtitle + length, sizeof to->subtitle - (size_t)length, ", %d rotated",
                           (int)first->rotary_dim);
    }
    if (same_rule) {
        length += snprintf(to->subtitle + length, sizeof to->subtitle - (size_t)length, "%s%s",
                           length > 0 ? ", " : "", scaling);
    }
    if (options->pair_count > 0 && length >= 0) {
        (void)snprintf(to->subtitle + length, sizeof to->subtitle - (size_t)length, "%spairs %d to %d",
                       length > 0 ? ", " : "", (int)options->first_pair,
                       (int)(options->first_pair + options->pair_count - 1));
    }
}

/* A logarithmic axis begins at distance 1. */
static void make_chart(const curve_options *options, const curves *made, struct chart *to) {
    const int64_t skip = options->log_axis && made->distance[0] == 0.0 && made->distances.count > 1 ? 1 : 0;
    *to = (struct chart){.chart = {.series_count = made->count}};
    for (int i = 0; i < made->count; i++) {
        to->series[i] = (ropemap_series){.label = made->one[i].label,
                                         .x = made->distance + skip,
                                         .y = made->one[i].values + skip,
                                         .count = made->distances.count - skip};
    }
    describe(options, made, to);
    add_marks(made, to);
    to->chart.title = to->title;
    to->chart.subtitle = to->subtitle;
    to->chart.x_label = "distance (tokens)";
    to->chart.y_label = value_words(options);
    to->chart.log_x = options->log_axis;
    to->chart.has_y_limits = options->has_limits;
    to->chart.y_low = options->low;
    to->chart.y_high = options->high;
    to->chart.series = to->series;
    to->chart.marks = to->marks;
    to->chart.width = options->width;
    to->chart.height = options->height;
}

/* ---- tables -------------------------------------------------------------------------------------------- */

/* Room for more bytes, or ROPEMAP_RESOURCES. */
static ropemap_status grow(ropemap_bytes *bytes, size_t *capacity, size_t more, ropemap_error *error) {
    if (bytes->size + more <= *capacity) {
        return ROPEMAP_OK;
    }
    const size_t wanted = 2 * (*capacity) + more;
    uint8_t *data = realloc(bytes->data, wanted);
    if (data == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--output: no memory for a table of %zu bytes", wanted);
    }
    bytes->data = data;
    *capacity = wanted;
    return ROPEMAP_OK;
}

static ropemap_status put(ropemap_bytes *bytes, size_t *capacity, const char *text, ropemap_error *error) {
    const size_t length = strlen(text);
    const ropemap_status status = grow(bytes, capacity, length, error);
    if (status == ROPEMAP_OK) {
        memcpy(bytes->data + bytes->size, text, length);
        bytes->size += length;
    }
    return status;
}

/* A label between quotes, its own doubled (RFC 4180). */
static ropemap_status put_label(ropemap_bytes *bytes, size_t *capacity, const char *label,
                                ropemap_error *error) {
    char quoted[2 * CURVE_LABEL + 4];
    size_t at = 0;
    quoted[at++] = ',';
    quoted[at++] = '"';
    for (; *label != '\0'; label++) {
        if (*label == '"') {
            quoted[at++] = '"';
        }
        quoted[at++] = *label;
    }
    quoted[at++] = '"';
    quoted[at] = '\0';
    return put(bytes, capacity, quoted, error);
}

static ropemap_status make_csv(const curves *made, ropemap_bytes *bytes, ropemap_error *error) {
    size_t capacity = 0;
    char text[40];
    ropemap_status status = put(bytes, &capacity, "distance", error);
    for (int i = 0; i < made->count && status == ROPEMAP_OK; i++) {
        status = put_label(bytes, &capacity, made->one[i].label, error);
    }
    status = status == ROPEMAP_OK ? put(bytes, &capacity, "\n", error) : status;
    for (int64_t row = 0; row < made->distances.count && status == ROPEMAP_OK; row++) {
        (void)snprintf(text, sizeof text, "%.0f", made->distance[row]);
        status = put(bytes, &capacity, text, error);
        for (int i = 0; i < made->count && status == ROPEMAP_OK; i++) {
            (void)snprintf(text, sizeof text, ",%.10g", made->one[i].values[row]);
            status = put(bytes, &capacity, text, error);
        }
        status = status == ROPEMAP_OK ? put(bytes, &capacity, "\n", error) : status;
    }
    return status;
}

/* [curves, distances], little-endian float32, format version 1.0. */
static ropemap_status make_npy(const curves *made, ropemap_bytes *bytes, ropemap_error *error) {
    char header[128];
    const int written = snprintf(header, sizeof header,
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %" PRId64 "), }",
                                 made->count, made->distances.count);
    const size_t count = (size_t)made->count * (size_t)made->distances.count;
    const size_t start = 128; /* a multiple of 64, as the format wants */
    bytes->data = malloc(start + count * sizeof(float));
    if (bytes->data == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--output: no memory for %zu values", count);
    }
    bytes->size = start + count * sizeof(float);
    memset(bytes->data, ' ', start);
    memcpy(bytes->data, "\x93NUMPY\x01\x00\x76\x00", 10); /* 118 bytes of header follow */
    memcpy(bytes->data + 10, header, (size_t)written);
    bytes->data[start - 1] = '\n';
    for (size_t i = 0; i < count; i++) {
        const float value =
            (float)made->one[i / (size_t)made->distances.count].values[i % (size_t)made->distances.count];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        for (size_t byte = 0; byte < sizeof bits; byte++) {
            bytes->data[start + i * sizeof bits + byte] = (uint8_t)(bits >> (8 * byte));
        }
    }
    return ROPEMAP_OK;
}

/* ---- files --------------------------------------------------------------------------------------------- */

typedef enum file_kind { KIND_PNG, KIND_SVG, KIND_PDF, KIND_CSV, KIND_NPY, KIND_NONE } file_kind;

static file_kind kind_of(const char *name) {
    static const char *const endings[] = {".png", ".svg", ".pdf", ".csv", ".npy"};
    const size_t length = strlen(name);
    for (int kind = KIND_PNG; kind < KIND_NONE; kind++) {
        if (length >= 4 && strcmp(name + length - 4, endings[kind]) == 0) {
            return (file_kind)kind;
        }
    }
    return KIND_NONE;
}

ropemap_status curves_check_outputs(const curve_options *options, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (options->output_count == 0 && !options->json && options->quiet) {
        return fail(error, ROPEMAP_USAGE,
                    "--quiet: nothing would be said or written, expected -o FILE or --json");
    }
    for (int i = 0; i < options->output_count && status == ROPEMAP_OK; i++) {
        const char *name = options->outputs[i];
        if (kind_of(name) == KIND_NONE) {
            return fail(error, ROPEMAP_USAGE,
                        "--output: unknown ending ('%.300s'), expected .png, .svg, .pdf, .csv or .npy", name);
        }
        for (int j = 0; j < i; j++) {
            if (strcmp(name, options->outputs[j]) == 0) {
                return fail(error, ROPEMAP_USAGE, "--output: one file twice ('%.300s')", name);
            }
        }
        status = ropemap_output_check(name, options->force, error);
    }
    return status;
}

static ropemap_status make_file(const curve_options *options, const curves *made, const ropemap_chart *chart,
                                file_kind kind, ropemap_bytes *bytes, ropemap_error *error) {
    switch (kind) {
    case KIND_PNG:
        return ropemap_chart_png(chart, bytes, error);
    case KIND_SVG:
        return ropemap_chart_svg(chart, options->millimetres, bytes, error);
    case KIND_PDF:
        return ropemap_chart_pdf(chart, options->millimetres, bytes, error);
    case KIND_CSV:
        return make_csv(made, bytes, error);
    case KIND_NPY:
    case KIND_NONE:
        break;
    }
    return make_npy(made, bytes, error);
}

ropemap_status curves_encode(const curve_options *options, const curves *made, const char *name,
                             ropemap_bytes *bytes, ropemap_error *error) {
    struct chart chart;
    make_chart(options, made, &chart);
    return make_file(options, made, &chart.chart, kind_of(name), bytes, error);
}

void curves_bytes_free(const char *name, ropemap_bytes *bytes) {
    if (kind_of(name) == KIND_CSV || kind_of(name) == KIND_NPY) {
        free(bytes->data); /* made here, not by the library */
        *bytes = (ropemap_bytes){.data = NULL};
    } else {
        ropemap_bytes_free(bytes);
    }
}

ropemap_status curves_write(const curve_options *options, const curves *made, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < options->output_count && status == ROPEMAP_OK; i++) {
        const char *name = options->outputs[i];
        ropemap_bytes bytes = {.data = NULL};
        status = curves_encode(options, made, name, &bytes, error);
        status = status == ROPEMAP_OK ? ropemap_output_write(name, &bytes, options->force, error) : status;
        curves_bytes_free(name, &bytes);
    }
    return status;
}
