/* command_curve.c - ropemap curve */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/curve_chart.h"
#include "tools/ropemap/curve_options.h"
#include "tools/ropemap/curve_run.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_VALUES_MOST = 10000 /* of a curve; more are told in buckets */ };

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
            (void)printf(": below half of S(0) at %" PRId64 " tokens", one->reach.half);
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
    json_t *array = json_array();
    for (int64_t i = 0; i < made->distances.count; i++) {
        (void)json_array_append_new(array, document_real(one->values[i]));
    }
    return array;
}

static json_t *whole(int64_t value) {
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

static json_t *curve_object(const curve_options *options, const curves *made, const curve *one) {
    char scaling[400];
    ropemap_scaling_format(&one->spec.scaling, false, scaling, sizeof scaling);
    const bool known = one->has_reach, many = made->distances.count > JSON_VALUES_MOST;
    return json_pack(
        "{s:o, s:o, s:o, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "label", document_text(one->label), "base",
        document_base(&one->spec), "frequencies_from", document_frequencies(&one->spec), "head_dim",
        (int)one->spec.head_dim, "scaling", scaling, "along",
        one->along > 0 ? json_string(ropemap_axis_name(&one->spec.axes, one->along - 1)) : json_null(),
        "trained_length", whole(one->trained_length), "first_negative",
        known ? whole(one->reach.reach) : json_null(), "half", known ? whole(one->reach.half) : json_null(),
        "values", many ? json_null() : values_array(made, one), "buckets",
        many ? curve_buckets(made, one, options->log_axis) : json_null());
}

json_t *curves_document(const curve_options *options, const curves *made) {
    json_t *array = json_array();
    for (int i = 0; i < made->count; i++) {
        (void)json_array_append_new(array, curve_object(options, made, &made->one[i]));
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

ropemap_status curves_check_outputs(const curve_options *options, cli_outputs *outputs,
                                    ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (options->output_count == 0 && !options->json && options->quiet) {
        return fail(error, ROPEMAP_USAGE,
                    "--quiet: nothing would be said or written, expected -o FILE or --json");
    }
    status = print_size_check(&options->print, error);
    for (int i = 0; i < options->output_count && status == ROPEMAP_OK; i++) {
        status = outputs_add(outputs, options->outputs[i],
                             OUTPUT_PICTURES | 1 << OUTPUT_CSV | 1 << OUTPUT_NPY, options->force, error);
    }
    return status == ROPEMAP_OK ? outputs_check(outputs,
                                                options->json    ? "--json"
                                                : options->quiet ? NULL
                                                                 : "",
                                                error)
                                : status;
}

static ropemap_status make_file(const curve_options *options, const curves *made, ropemap_chart *chart,
                                output_kind kind, ropemap_bytes *bytes, ropemap_error *error) {
    if (kind == OUTPUT_CSV || kind == OUTPUT_NPY) {
        return kind == OUTPUT_CSV ? make_csv(made, bytes, error) : make_npy(made, bytes, error);
    }
    const ropemap_page page = curve_chart_size(options, kind == OUTPUT_PNG, CURVE_SHAPE, chart);
    return ropemap_chart_encode(chart, output_format(kind), &page, bytes, error);
}

ropemap_status curves_encode(const curve_options *options, const curves *made, const char *name,
                             ropemap_bytes *bytes, ropemap_error *error) {
    curve_chart chart;
    curve_chart_make(options, made, &chart);
    return make_file(options, made, &chart.chart, output_kind_of(name), bytes, error);
}

void curves_bytes_free(const char *name, ropemap_bytes *bytes) {
    if (output_kind_of(name) == OUTPUT_CSV || output_kind_of(name) == OUTPUT_NPY) {
        free(bytes->data); /* made here, not by the library */
        *bytes = (ropemap_bytes){.data = NULL};
    } else {
        ropemap_bytes_free(bytes);
    }
}

ropemap_status curves_write(const curve_options *options, const curves *made, cli_outputs *outputs,
                            ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int at = 0; at < options->output_count && status == ROPEMAP_OK; at++) {
        const int index = outputs_order(outputs, at);
        ropemap_bytes bytes = {.data = NULL};
        status = curves_encode(options, made, options->outputs[index], &bytes, error);
        status = status == ROPEMAP_OK ? outputs_write(outputs, index, &bytes, error) : status;
        curves_bytes_free(options->outputs[index], &bytes);
    }
    return status == ROPEMAP_OK ? outputs_finish(outputs, error) : status;
}

/* Computes the curves, shows how far it is, and writes them. After a signal does not return. */
static ropemap_status make(curve_options *options, curves *made, cli_outputs *outputs, ropemap_error *error) {
    cli_progress progress = progress_start(options->quiet);
    options->progress = progress_tell;
    options->progress_user = &progress;
    signals_hold();
    ropemap_status status = curves_make(options, made, error);
    progress_end(&progress);
    status = status == ROPEMAP_OK ? curves_write(options, made, outputs, error) : status;
    outputs_free(outputs);
    signals_release();
    return status;
}

static ropemap_status work(curve_options *options, cli_outputs *outputs, int *code, ropemap_error *error) {
    static curves made; /* large */
    ropemap_status status = outputs_note_vary(outputs, &options->vary, error);
    status = status == ROPEMAP_OK ? curves_check_outputs(options, outputs, error) : status;
    status = status == ROPEMAP_OK ? make(options, &made, outputs, error) : status;
    if (status == ROPEMAP_OK && options->json) {
        *code = document_print(curves_document(options, &made));
    } else if (status == ROPEMAP_OK && !options->quiet && outputs->stdout_name == NULL) {
        *code = curves_text(options, &made);
    }
    curves_free(&made);
    return status;
}

static int run(int argc, char **argv) {
    static curve_options options; /* large */
    ropemap_error error = {.status = ROPEMAP_OK};
    cli_outputs outputs;
    bool help = false;
    int code = ROPEMAP_OK;
    options = (curve_options){.rule = rule_options_default()};
    ropemap_status status = outputs_parse(&command_curve, argc, argv, &options, &help, &outputs, &error);
    if (status == ROPEMAP_OK && help) {
        code = help_command(&command_curve);
    } else if (status == ROPEMAP_OK) {
        status = work(&options, &outputs, &code, &error);
    }
    outputs_free(&outputs);
    vary_free(&options.vary);
    return status == ROPEMAP_OK ? code : options_report(&command_curve, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nWithout tensors the curve is S(r), the similarity that two equal unit vectors keep at distance "
        "r.\n"
        "What is first below one half is S(r) / S(0), as in bound and explain: only an attention factor "
        "makes\n"
        "S(0) another number than 1.\n"
        "Where a pixel holds many distances the picture shows their mean and, behind it, all from the\n"
        "smallest to the largest.\n");
}

const cli_command command_curve = {
    .name = "curve",
    .summary = "draw similarity against distance, for one or many settings",
    .usage = "[what] [how] [output]",
    .examples =
        "  ropemap curve --vary base=1e4,5e5,1e6 -n 128k --axis log -o decay.png\n"
        "  ropemap curve --vary preset=llama2-7b,llama3-8b,qwen3-8b -n 32k -o models.svg -o models.csv\n"
        "  ropemap curve --quantity roformer -n 256 -o roformer.pdf\n"
        "  ropemap curve --vary phase=exact,hf-fp32,bf16-inv-freq --shift 1M -n 1k -o rounded.png\n"
        "  ropemap curve --queries q.npy --keys k.npy -o measured.png\n",
    .takes_rule = true,
    .options = curve_option_table,
    .notes = notes,
    .run = run,
};
