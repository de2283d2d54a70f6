/* bound_draw.c - the least base against the length of the context, as a chart */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bound_options.h"
#include "tools/ropemap/failure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A head dim's least bases over lengths. */
struct line {
    char label[40];
    double lengths[BOUND_LIST_MOST], bases[BOUND_LIST_MOST];
    int64_t count;
};

static int collect(const bound_found *found, int count, struct line *lines) {
    int line_count = 0;
    for (int i = 0; i < count; i++) {
        if (i == 0 || found[i].head_dim != found[i - 1].head_dim) {
            (void)snprintf(lines[line_count++].label, sizeof lines[0].label, "d = %d",
                           (int)found[i].head_dim);
        }
        struct line *line = &lines[line_count - 1];
        line->lengths[line->count] = (double)found[i].length;
        /* a search that began inside a window does not know the least base; next to 1 there is none below */
        const bool known =
            found[i].count > 0 && (!found[i].windows[0].low_is_edge || bound_any_base(&found[i].windows[0]));
        line->bases[line->count++] = known ? found[i].windows[0].low : (double)NAN;
    }
    return line_count;
}

ropemap_status bound_add_outputs(const bound_options *options, cli_outputs *outputs, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (options->output_count > 0 && options->length_count < 2) {
        return fail(error, ROPEMAP_USAGE,
                    "--output: draws a table, expected with --table of two lengths or more");
    }
    for (int i = 0; i < options->output_count && status == ROPEMAP_OK; i++) {
        status = outputs_add(outputs, options->outputs[i], OUTPUT_PICTURES, options->force, error);
    }
    return status;
}

static ropemap_status make(const bound_options *options, const bound_found *found, int count,
                           const char *name, ropemap_bytes *bytes, ropemap_error *error) {
    static struct line lines[BOUND_LIST_MOST]; /* large */
    ropemap_series series[BOUND_LIST_MOST];
    memset(lines, 0, sizeof lines);
    const int line_count = collect(found, count, lines);
    for (int i = 0; i < line_count; i++) {
        series[i] = (ropemap_series){.label = lines[i].label,
                                     .x = lines[i].lengths,
                                     .y = lines[i].bases,
                                     .count = lines[i].count,
                                     .points = true};
    }
    char scaling[100], subtitle[300];
    ropemap_scaling_format(&options->rule.spec.scaling, false, scaling, sizeof scaling);
    (void)snprintf(subtitle, sizeof subtitle,
                   "%s%sno distance below the length has a negative similarity; scaling %s",
                   line_count == 1 ? lines[0].label : "", line_count == 1 ? ", " : "", scaling);
    const ropemap_chart chart = {.title = "Least RoPE base against context length",
                                 .subtitle = subtitle,
                                 .x_label = "context length (tokens)",
                                 .y_label = "least base",
                                 .log_x = true,
                                 .log_y = true,
                                 .series = series,
                                 .series_count = line_count};
    const output_kind kind = output_kind_of(name);
    return kind == OUTPUT_SVG   ? ropemap_chart_svg(&chart, 0.0, bytes, error)
           : kind == OUTPUT_PDF ? ropemap_chart_pdf(&chart, 0.0, bytes, error)
                                : ropemap_chart_png(&chart, bytes, error);
}

ropemap_status bound_draw(const bound_options *options, const bound_found *found, int count,
                          cli_outputs *outputs, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int at = 0; at < options->output_count && status == ROPEMAP_OK; at++) {
        const int index = outputs_order(outputs, at);
        ropemap_bytes bytes = {.data = NULL};
        status = make(options, found, count, options->outputs[index], &bytes, error);
        status = status == ROPEMAP_OK ? outputs_write(outputs, index, &bytes, error) : status;
        ropemap_bytes_free(&bytes);
    }
    status = status == ROPEMAP_OK ? outputs_finish(outputs, error) : status;
    return status;
}
