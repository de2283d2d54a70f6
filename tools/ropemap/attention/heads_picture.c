/* heads_picture.c - the picture of heads: a heat map of layers and heads, or a chart of one row of them */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/attention.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const statistic_look statistics[] = {
    [STATISTIC_SINK] = {"sink", "Attention on the first 4 keys", "mass", ROPEMAP_NORM_LINEAR, 0, 1},
    [STATISTIC_RECENT] = {"recent", "Attention on the last 256 keys", "mass", ROPEMAP_NORM_LINEAR, 0, 1},
    [STATISTIC_ENTROPY] = {"entropy", "Entropy of attention", "nats", ROPEMAP_NORM_LINEAR, 0, 0},
    [STATISTIC_KEYS] = {"keys", "Keys in effect, exp(entropy)", "keys", ROPEMAP_NORM_LOG, 0, 0},
    [STATISTIC_DISTANCE] = {"distance", "Mean distance of attention", "tokens", ROPEMAP_NORM_LOG, 0, 0}};

bool heads_causal(const heads_result *result) {
    return result->options->request.mask.causal || result->shape.causal;
}

void heads_subtitle(const heads_result *result, char *text, size_t size) {
    const ropemap_mask *mask = &result->options->request.mask;
    const int64_t near = mask->window != 0 ? mask->window : mask->chunk;
    char limit[60] = "";
    if (near != 0) {
        (void)snprintf(limit, sizeof limit, ", %s of %s", mask->window != 0 ? "a window" : "chunks",
                       number_in_words((double)near).text);
    }
    (void)snprintf(text, size, "%.120s%s%s", result->shape.subtitle,
                   heads_causal(result) ? ", causal"
                   : near != 0          ? ""
                                        : ", every key seen",
                   limit);
}

/* ---- the picture --------------------------------------------------------------------------------------- */

/* A map of layers and heads, the more of them across. */
static ropemap_status make_map(const heads_result *result, ropemap_map *map, ropemap_error *error) {
    const int64_t count = heads_count(result), layers = result->shape.layers, heads = result->shape.heads;
    *map = (ropemap_map){.height = layers > heads ? heads : layers,
                         .width = layers > heads ? layers : heads,
                         .cells = malloc((size_t)count * sizeof *map->cells),
                         .min = (double)NAN,
                         .max = (double)NAN};
    if (map->cells == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--output: no memory for the picture");
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t from = layers > heads ? i % layers * heads + i / layers : i;
        const double value = result->rows[from].mean[result->options->statistic];
        map->cells[i] = (float)value;
        map->nan_cells += isnan(value) ? 1 : 0;
        map->min = fmin(map->min, (double)map->cells[i]); /* fmin and fmax pass over NaN */
        map->max = fmax(map->max, (double)map->cells[i]);
    }
    return ROPEMAP_OK;
}

static ropemap_status encode_map(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    const heads_options *options = result->options;
    const statistic shown = options->statistic;
    ropemap_map map;
    ropemap_status status = make_map(result, &map, error);
    const bool wide = result->shape.layers > result->shape.heads;
    head_axis layers = layer_axis(&options->heads), heads = heads_axis(&result->shape, false);
    layers.label = options->heads.layer_numbers[0] < 0 ? "" : layers.label;
    const head_axis *down = wide ? &heads : &layers, *across = wide ? &layers : &heads;
    ropemap_figure figure = {.colormap = ROPEMAP_COLORMAP_VIRIDIS,
                             .norm = statistics[shown].norm,
                             .has_limits = statistics[shown].low < statistics[shown].high,
                             .low = statistics[shown].low,
                             .high = statistics[shown].high,
                             .unnumbered = true};
    const ropemap_page page = print_figure(&options->heads.print, kind == OUTPUT_PNG, &figure);
    figure.panel = (ropemap_panel){.map = &map,
                                   .rows = down->range,
                                   .cols = across->range,
                                   .row_numbers = down->numbers,
                                   .col_numbers = across->numbers};
    (void)snprintf(figure.row_label, sizeof figure.row_label, "%s", down->label);
    (void)snprintf(figure.col_label, sizeof figure.col_label, "%s", across->label);
    head_title(&options->heads, &result->shape, statistics[shown].title, figure.title, sizeof figure.title);
    heads_subtitle(result, figure.subtitle, sizeof figure.subtitle);
    (void)snprintf(figure.value_label, sizeof figure.value_label, "%s", statistics[shown].value);
    status = status == ROPEMAP_OK ? ropemap_figure_encode(&figure, output_format(kind), &page, bytes, error)
                                  : status;
    free(map.cells);
    return status;
}

/* The heads of one layer, or one head of the layers: several, with one value to draw or more. */
static bool is_one_row(const heads_result *result) {
    const bool log = statistics[result->options->statistic].norm == ROPEMAP_NORM_LOG;
    int64_t shown = 0;
    for (int64_t i = 0; i < heads_count(result); i++) {
        const double value = result->rows[i].mean[result->options->statistic];
        shown += value > 0.0 || (!log && !isnan(value)) ? 1 : 0;
    }
    return heads_count(result) > 1 && shown > 0 && (result->shape.layers == 1 || result->shape.heads == 1);
}

/* A point for each, which a colour would give less exactly. */
static ropemap_status encode_chart(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                                   ropemap_error *error) {
    const heads_options *options = result->options;
    const statistic shown = options->statistic;
    const int64_t count = heads_count(result);
    const bool limited = statistics[shown].low < statistics[shown].high;
    const double room = 0.04 * (statistics[shown].high - statistics[shown].low); /* for dots at the ends */
    const bool layers = result->shape.layers > 1; /* whose numbers rise, as those of heads do */
    char title[200], subtitle[200];
    double *values = malloc(2 * (size_t)count * sizeof *values);
    if (values == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--output: no memory for the picture");
    }
    for (int64_t i = 0; i < count; i++) {
        values[i] = (double)(layers ? options->heads.layer_numbers[i] : result->shape.numbers[i].query);
        values[count + i] = result->rows[i].mean[shown];
    }
    head_title(&options->heads, &result->shape, statistics[shown].title, title, sizeof title);
    heads_subtitle(result, subtitle, sizeof subtitle);
    const ropemap_series series = {
        .label = statistics[shown].name, .x = values, .y = values + count, .count = count, .points = true};
    ropemap_chart chart = {.title = title,
                           .subtitle = subtitle,
                           .x_label = layers ? "layer" : "head",
                           .y_label = statistics[shown].value,
                           .log_y = statistics[shown].norm == ROPEMAP_NORM_LOG,
                           .has_y_limits = limited,
                           .y_low = statistics[shown].low - room,
                           .y_high = statistics[shown].high + room,
                           .plot = {.series = &series, .series_count = 1}};
    const ropemap_page page =
        print_chart(&options->heads.print, (cli_size){0, 0}, PRINT_SHAPE, kind == OUTPUT_PNG, &chart);
    const ropemap_status status = ropemap_chart_encode(&chart, output_format(kind), &page, bytes, error);
    free(values);
    return status;
}

ropemap_status heads_picture_encode(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                                    ropemap_error *error) {
    return (is_one_row(result) ? encode_chart : encode_map)(result, kind, bytes, error);
}
