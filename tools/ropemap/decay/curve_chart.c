/* curve_chart.c - a curve's figure */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Whether a curve begins at another similarity than 1. */
static bool has_factor(const curves *made, int count) {
    bool any = false;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < made[i].count; j++) {
            const double at_zero = made[i].one[j].at_zero;
            any = any || (at_zero > 0.0 && fabs(at_zero - 1.0) > 1e-6);
        }
    }
    return any;
}

enum { SEVERAL = ROPEMAP_ENCODING_DUAL_CHUNK + 1 };

/* The encoding of all curves, or SEVERAL. */
static int encoding_of(const curves *made, int count) {
    const ropemap_encoding first = made[0].one[0].encoding;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < made[i].count; j++) {
            if (made[i].one[j].encoding != first) {
                return SEVERAL;
            }
        }
    }
    return (int)first;
}

/* Whether any is of ALiBi; *slope: that of all of those, 0 where they differ. */
static bool has_alibi(const curves *made, int count, double *slope) {
    bool any = false;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < made[i].count; j++) {
            const curve *one = &made[i].one[j];
            if (one->encoding == ROPEMAP_ENCODING_ALIBI) {
                *slope = !any || one->slope == *slope ? one->slope : 0.0;
                any = true;
            }
        }
    }
    return any;
}

static const char *value_words(const curve_options *options, const curves *made, int count) {
    const int encoding = encoding_of(made, count);
    double slope = 0.0;
    return options->measure == CURVE_SOFTMAX     ? "attention mass per token"
           : options->tensors.queries != NULL    ? "mean of q · k"
           : options->quantity == CURVE_ROFORMER ? "relative upper bound"
           : options->band.count > 0             ? "share of the pairs"
           : encoding == ROPEMAP_ENCODING_ALIBI  ? "q · k − slope × distance"
           : has_alibi(made, count, &slope)      ? "score"
           : has_factor(made, count)             ? "similarity / S(0)"
                                                 : "similarity";
}

/* A line at a distance that the chart shows and no line is at yet, with a ring on the curve that it is of. */
static void add_mark(const curves *made, int index, const char *words, int64_t at, bool ring,
                     curve_chart *to) {
    ropemap_plot *plot = &to->chart.plot;
    bool known = plot->mark_count == CURVE_MARKS_MOST || at <= 0 || (double)at < made->distance[0] ||
                 (double)at > made->distance[made->distances.count - 1];
    for (int i = 0; i < plot->mark_count; i++) {
        known = known || to->marks[i].at == (double)at;
    }
    if (!known) {
        char *label = to->words[plot->mark_count];
        (void)snprintf(label, sizeof to->words[0], "%s %s", words, number_in_words((double)at).text);
        const int64_t after = at - made->distances.first;
        const double *value = &made->one[index].values[after / made->distances.step];
        to->marks[plot->mark_count++] =
            (ropemap_mark){.of_x = true,
                           .at = (double)at,
                           .label = label,
                           .dot = ring && after % made->distances.step == 0 ? value : NULL};
    }
}

/* Where one curve is first below half and below zero, and the trained lengths. */
static void add_marks(const curves *made, curve_chart *to) {
    if (made->count == 1 && made->one[0].has_reach) {
        add_mark(made, 0, "below ½ at", made->one[0].reach.half, true, to);
        add_mark(made, 0, "below 0 at", made->one[0].reach.reach, true, to);
    }
    for (int i = 0; i < made->count; i++) {
        add_mark(made, i, "trained", made->one[i].trained_length, made->count > 1, to);
    }
}

/* ---- what curves have in common -------------------------------------------------------------------------
 */

/* Adds a part to a line of parts with commas between them. */
static void add(char *text, size_t size, const char *format, ...) FAILURE_PRINTF(3, 4);

static void add(char *text, size_t size, const char *format, ...) {
    const size_t length = strlen(text), comma = length > 0 ? 2 : 0;
    if (length + comma >= size) {
        return;
    }
    memcpy(text + length, ", ", comma);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + length + comma, size - length - comma, format, arguments);
    va_end(arguments);
}

static bool same_scaling(const ropemap_spec *a, const ropemap_spec *b) {
    char one[400], other[400];
    ropemap_scaling_format(&a->scaling, false, one, sizeof one);
    ropemap_scaling_format(&b->scaling, false, other, sizeof other);
    return strcmp(one, other) == 0;
}

static bool same_axes(const curve *a, const curve *b) {
    char one[80], other[80];
    ropemap_axes_format(&a->spec.axes, one, sizeof one);
    ropemap_axes_format(&b->spec.axes, other, sizeof other);
    return a->along == b->along && strcmp(one, other) == 0;
}

static int32_t rotating(const ropemap_spec *spec) {
    return spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
}

/* What the rules have in common, as parts of the title; the description has all of their scaling. */
static void find_common(const curve_options *options, const curves *made, int count, curve_chart *to) {
    const ropemap_spec *first = &made[0].one[0].spec;
    const int encoding = encoding_of(made, count);
    const bool rotates = rule_matters((ropemap_encoding)encoding);
    double slope = 0.0;
    bool base = rotates, dim = true, part = true, axes = made[0].one[0].along > 0;
    bool rule = rotates && first->scaling.rule != ROPEMAP_SCALING_NONE;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < made[i].count; j++) {
            const ropemap_spec *spec = &made[i].one[j].spec;
            base = base && (spec->frequencies == NULL
                                ? first->frequencies == NULL && spec->base == first->base
                                : first->frequencies != NULL &&
                                      strcmp(spec->frequencies->name, first->frequencies->name) == 0);
            dim = dim && spec->head_dim == first->head_dim;
            part = part && rotating(spec) == rotating(first);
            axes = axes && same_axes(&made[i].one[j], &made[0].one[0]);
            rule = rule && same_scaling(spec, first);
        }
    }
    if (base) {
        char origin[CURVE_LABEL];
        rule_origin(first, origin, sizeof origin);
        add(to->title, sizeof to->title, "%s", origin);
    }
    if (rule) {
        char scaling[100];
        ropemap_scaling_title(scaling, &first->scaling);
        add(to->title, sizeof to->title, "%s", scaling);
        ropemap_scaling_format(&first->scaling, false, scaling, sizeof scaling);
        add(to->description, sizeof to->description, "%s", scaling);
    }
    if (has_alibi(made, count, &slope) && slope != 0.0) {
        add(to->title, sizeof to->title, "slope %s", number_in_words(slope).text);
    }
    if (dim) {
        add(to->title, sizeof to->title, "d = %d", (int)first->head_dim);
    }
    if (dim && part && rotates && rotating(first) != first->head_dim) {
        add(to->title, sizeof to->title, "%d rotated", (int)first->rotary_dim);
    }
    if (axes) {
        char format[80];
        ropemap_axes_format(&first->axes, format, sizeof format);
        add(to->title, sizeof to->title, "axes %s", format);
    }
    if (options->band.count > 0) {
        add(to->title, sizeof to->title, "pairs %d to %d", (int)options->band.first,
            (int)(options->band.first + options->band.count - 1));
    }
}

void curve_chart_words(const curve_options *options, const curves *made, int count, const char *part,
                       curve_chart *to) {
    const ropemap_range *distances = &made[0].distances;
    const int encoding = encoding_of(made, count);
    double slope = 0.0;
    (void)snprintf(to->title, sizeof to->title, "%s%s",
                   options->measure == CURVE_SOFTMAX     ? "Attention"
                   : options->tensors.queries != NULL    ? "Mean similarity"
                   : options->quantity == CURVE_ROFORMER ? "RoFormer's bound of RoPE similarity"
                   : encoding == SEVERAL && has_alibi(made, count, &slope)
                       ? "Scores"
                       : ropemap_encoding_title((ropemap_encoding)encoding),
                   part);
    to->subtitle[0] = to->description[0] = '\0';
    const char *preset = rule_preset(&options->rule);
    if (count == 1 && made[0].origin[0] != '\0') {
        add(to->subtitle, sizeof to->subtitle, "%s", made[0].origin);
    } else if (preset != NULL && !vary_has(&options->vary, "preset")) {
        char names[CURVE_LABEL];
        vary_names(&options->vary, names, sizeof names);
        add(to->subtitle, sizeof to->subtitle, "%s%s%s", preset, names[0] != '\0' ? ", varied: " : "", names);
    }
    find_common(options, made, count, to);
    add(to->description, sizeof to->description, "%s distances from %s in steps of %s",
        number_in_words((double)distances->count).text, number_in_words((double)distances->first).text,
        number_in_words((double)distances->step).text);
    add(to->description, sizeof to->description,
        "a line is the mean of what a pixel holds and a band its least and greatest; k is 1,024");
    to->chart.title = to->title;
    to->chart.subtitle = to->subtitle;
    to->chart.description = to->description;
    to->chart.y_label = value_words(options, made, count);
}

/* ---- the chart ------------------------------------------------------------------------------------------
 */

/* A logarithmic axis begins at distance 1. */
void curve_chart_axes(const curve_options *options, const curves *made, curve_chart *to) {
    const int64_t skip =
        options->axis == CURVE_LOG && made->distance[0] == 0.0 && made->distances.count > 1 ? 1 : 0;
    for (int i = 0; i < made->count; i++) {
        to->series[i].x = made->distance + skip;
        to->series[i].y = made->one[i].values + skip;
        to->series[i].count = made->distances.count - skip;
    }
    to->chart.log_x = options->axis == CURVE_LOG;
    to->chart.has_y_limits = options->limits.given;
    to->chart.y_low = options->limits.low;
    to->chart.y_high = options->limits.high;
}

/* What distances are of. */
static void take_unit(const curves *made, ropemap_chart *chart) {
    int of_patches = 0;
    for (int i = 0; i < made->count; i++) {
        of_patches += made->one[i].along > 0;
    }
    chart->x_tokens = of_patches < made->count;
    chart->x_label = !chart->x_tokens ? "distance (patches)"
                     : of_patches > 0 ? "distance (tokens, or patches)"
                                      : "distance (tokens)";
}

void curve_chart_make(const curve_options *options, const curves *made, curve_chart *to) {
    *to = (curve_chart){
        .chart = {.plot = {.series_count = made->count, .ordered = vary_rises(&options->vary)}}};
    for (int i = 0; i < made->count; i++) {
        to->series[i] = (ropemap_series){.label = made->one[i].label};
    }
    curve_chart_axes(options, made, to);
    curve_chart_words(options, made, 1, "", to);
    add_marks(made, to);
    take_unit(made, &to->chart);
    to->chart.log_y = options->measure == CURVE_SOFTMAX;
    to->chart.plot.series = to->series;
    to->chart.plot.marks = to->marks;
}
