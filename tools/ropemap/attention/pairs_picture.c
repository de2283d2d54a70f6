/* pairs_picture.c - the pictures of ropemap pairs: heat maps of head and pair, magnitudes, curves */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/attention.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS_MOST = 100, LABEL_BYTES = 80 };

/* How a quantity of every pair is shown. */
static const struct look {
    const char *title, *value;
    bool sides; /* of queries and of keys, side by side */
    ropemap_norm norm;
    ropemap_colormap colormap;
    double low, high; /* 0, 0: those of the values */
} looks[] = {
    [PAIRS_NORM] = {"Mean norm of each rotary pair", "mean norm", true, ROPEMAP_NORM_LINEAR,
                    ROPEMAP_COLORMAP_VIRIDIS, 0, 0},
    [PAIRS_RESULTANT] = {"Mean resultant length of each rotary pair", "mean resultant length", true,
                         ROPEMAP_NORM_LINEAR, ROPEMAP_COLORMAP_VIRIDIS, 0, 1},
    [PAIRS_ANGLE] = {"Angle of mean query to mean key", "degrees", false, ROPEMAP_NORM_LINEAR,
                     ROPEMAP_COLORMAP_CYCLIC, -180, 180},
    [PAIRS_SHARE] = {"Share in the variance of the logits", "share", false, ROPEMAP_NORM_LOG,
                     ROPEMAP_COLORMAP_MAGMA, 1e-4, 1},
};

ropemap_status pairs_picture_check(pairs_picture picture, int layers, int32_t heads, ropemap_error *error) {
    if (picture == PAIRS_MAGNITUDE) {
        return layers == 1 && heads == 1
                   ? ROPEMAP_OK
                   : fail(error, ROPEMAP_USAGE, "--picture magnitude shows one head; give --head N%s",
                          layers > 1 ? " and one layer" : "");
    }
    const bool curve = picture == PAIRS_CURVE, one = heads == 1;
    const int panels = curve ? layers * heads : (one ? 1 : layers) * (looks[picture].sides ? 2 : 1);
    return panels <= PANELS_MOST
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--picture: %d panels are too many, at most %d; give %s", panels,
                      PANELS_MOST, curve ? "--head N or fewer layers" : "fewer layers or --head N");
}

static void make_subtitle(const pairs_result *result, char *text, size_t size) {
    const bool causal = pairs_causal(result) && result->options->picture == PAIRS_SHARE;
    (void)snprintf(text, size, "%.160s%s", result->shape.subtitle, causal ? ", causal" : "");
}

/* ---- heat maps ----------------------------------------------------------------------------------------- */

/* Panels and what they borrow. */
struct panels {
    ropemap_panel panel[PANELS_MOST];
    ropemap_map map[PANELS_MOST];
    char label[PANELS_MOST][LABEL_BYTES];
    int count;
    float *cells; /* of all, owned where they are not the result's own */
    int64_t used;
};

/* Cells that are filled. */
static ropemap_map map_of(float *cells, int64_t height, int64_t width) {
    ropemap_map map = {
        .height = height, .width = width, .cells = cells, .min = (double)NAN, .max = (double)NAN};
    for (int64_t i = 0; i < height * width; i++) {
        map.nan_cells += isnan(cells[i]) ? 1 : 0;
        map.min = fmin(map.min, (double)cells[i]); /* fmin and fmax pass over NaN */
        map.max = fmax(map.max, (double)cells[i]);
    }
    return map;
}

static ropemap_panel *add_panel(struct panels *to, float *cells, int64_t height, int64_t width) {
    ropemap_panel *panel = &to->panel[to->count];
    to->map[to->count] = map_of(cells, height, width);
    panel->map = &to->map[to->count];
    panel->label = to->label[to->count++];
    return panel;
}

static double value_of(pairs_picture picture, const ropemap_pair *pair, bool key) {
    const ropemap_pair_side *side = key ? &pair->key : &pair->query;
    switch (picture) {
    case PAIRS_NORM:
        return side->norm;
    case PAIRS_RESULTANT:
        return side->resultant;
    case PAIRS_ANGLE:
        return 57.29577951308232 * pair->angle;
    default:
        return pair->share;
    }
}

/* Rows are the heads of a layer, each key head once; or, of one head, the layers. */
static void add_quantity(const pairs_result *result, int layer, bool key, struct panels *to) {
    const pairs_picture picture = result->options->picture;
    const bool down_layers = result->shape.heads == 1 && result->shape.layers > 1;
    const int32_t rows = down_layers ? result->shape.layers : result->shape.heads;
    float *cells = to->cells + to->used;
    int64_t height = 0;
    for (int32_t row = 0; row < rows; row++) {
        const bool seen = key && !down_layers && row > 0 &&
                          result->shape.numbers[row].key == result->shape.numbers[row - 1].key;
        const ropemap_pair *pairs = down_layers ? pairs_of(result, row, 0) : pairs_of(result, layer, row);
        for (int32_t i = 0; i < result->pairs && !seen; i++) {
            cells[height * result->pairs + i] = (float)value_of(picture, &pairs[i], key);
        }
        height += seen ? 0 : 1;
    }
    to->used += height * result->pairs;
    const int count = to->count;
    ropemap_panel *panel = add_panel(to, cells, height, result->pairs);
    const head_options *options = &result->options->heads;
    panel->cols = (ropemap_range){.count = result->pairs, .step = 1};
    const head_axis down = down_layers ? layer_axis(options) : heads_axis(&result->shape, key);
    panel->rows = down.range;
    panel->row_numbers = down.numbers;
    const char *side = !looks[picture].sides ? "" : key ? "keys" : "queries";
    if (result->shape.layers > 1 && !down_layers) {
        (void)snprintf(to->label[count], LABEL_BYTES, "layer %" PRId64 "%s%s",
                       result->options->heads.layer_numbers[layer], side[0] != '\0' ? ", " : "", side);
    } else {
        (void)snprintf(to->label[count], LABEL_BYTES, "%s", side);
    }
}

static void add_quantities(const pairs_result *result, struct panels *to) {
    const int layers = result->shape.heads == 1 ? 1 : result->shape.layers;
    for (int layer = 0; layer < layers; layer++) {
        add_quantity(result, layer, false, to);
        if (looks[result->options->picture].sides) {
            add_quantity(result, layer, true, to);
        }
    }
}

/* Position across, channel down. */
static void add_magnitudes(const pairs_result *result, struct panels *to) {
    static const char *const names[] = {"queries before rotation", "keys before rotation",
                                        "queries after rotation", "keys after rotation"};
    const int64_t dim = result->shape.head_dim, cells = result->cells;
    for (int kind = 0; kind < ROPEMAP_MAGNITUDES; kind++) {
        ropemap_panel *panel = add_panel(to, result->magnitudes + kind * dim * cells, dim, cells);
        panel->rows = (ropemap_range){.count = dim, .step = 1};
        panel->cols = kind % 2 == 0 ? result->shape.rows : result->shape.cols;
        panel->label = names[kind];
    }
}

/* Whether each pair turns no faster than the one before. */
static bool falls(const pairs_result *result, int32_t rotating) {
    for (int32_t i = 1; i < rotating; i++) {
        if (fabs(result->all[i].frequency) > fabs(result->all[i - 1].frequency)) {
            return false;
        }
    }
    return true;
}

/* Marks the pairs that turn less than once over the trained length, from the dashed line on. */
static void mark_slow(const pairs_result *result, int32_t rotating, ropemap_figure *figure) {
    const double turn = 6.283185307179586;
    const int64_t trained = result->shape.trained;
    int32_t first = 0;
    while (first < rotating && fabs(result->all[first].frequency) * (double)trained >= turn) {
        first++;
    }
    if (trained > 0 && !result->shape.mixed && falls(result, rotating) && first < rotating) {
        const size_t length = strlen(figure->subtitle);
        figure->mark_col = first;
        (void)snprintf(figure->subtitle + length, sizeof figure->subtitle - length,
                       "; dashed: a turn over the trained %s", number_in_words((double)trained).text);
    }
}

static void describe_quantity(const pairs_result *result, ropemap_figure *figure) {
    const struct look *look = &looks[result->options->picture];
    const int32_t rotary = result->shape.rotary_dim != 0 ? result->shape.rotary_dim : result->shape.head_dim;
    head_title(&result->options->heads, &result->shape, look->title, figure->title, sizeof figure->title);
    (void)snprintf(figure->value_label, sizeof figure->value_label, "%s", look->value);
    const bool layers = result->shape.heads == 1 && result->shape.layers > 1;
    (void)snprintf(figure->row_label, sizeof figure->row_label, "%s",
                   (layers ? layer_axis(&result->options->heads) : heads_axis(&result->shape, false)).label);
    (void)snprintf(figure->col_label, sizeof figure->col_label, "pair%s",
                   falls(result, rotary / 2) ? ", fastest first" : "");
    if (rotary < result->shape.head_dim) {
        (void)snprintf(figure->col_label, sizeof figure->col_label, "pair; from %" PRId32 " on not rotated",
                       rotary / 2);
    }
    figure->unnumbered = true;
    make_subtitle(result, figure->subtitle, sizeof figure->subtitle);
    mark_slow(result, rotary / 2, figure);
    figure->norm = look->norm;
    figure->colormap = look->colormap;
    figure->has_limits = look->low < look->high;
    figure->low = look->low;
    figure->high = look->high;
}

static void describe_magnitudes(const pairs_result *result, ropemap_figure *figure) {
    head_title(&result->options->heads, &result->shape, "Magnitude of each channel", figure->title,
               sizeof figure->title);
    (void)snprintf(figure->value_label, sizeof figure->value_label, "mean magnitude");
    (void)snprintf(figure->row_label, sizeof figure->row_label, "channel");
    (void)snprintf(figure->col_label, sizeof figure->col_label, "position");
    figure->columns = 2;
    make_subtitle(result, figure->subtitle, sizeof figure->subtitle);
}

static ropemap_status encode_figure(const pairs_result *result, output_kind kind, struct panels *panels,
                                    ropemap_bytes *bytes, ropemap_error *error) {
    ropemap_figure figure = {.panels = panels->panel};
    const ropemap_page page = print_figure(&result->options->heads.print, kind == OUTPUT_PNG, &figure);
    if (result->options->picture == PAIRS_MAGNITUDE) {
        add_magnitudes(result, panels);
        describe_magnitudes(result, &figure);
    } else {
        add_quantities(result, panels);
        describe_quantity(result, &figure);
    }
    figure.count = panels->count;
    return ropemap_figure_encode(&figure, output_format(kind), &page, bytes, error);
}

/* ---- curves -------------------------------------------------------------------------------------------- */

/* Plots and what they borrow. */
struct plots {
    ropemap_plot plot[PANELS_MOST];
    ropemap_series series[PANELS_MOST][2];
    char label[PANELS_MOST][LABEL_BYTES];
    ropemap_mark trained; /* the length, where it is among the distances */
    char mark[LABEL_BYTES];
};

/* From distance 1 on, for the logarithm. */
static void add_plot(const pairs_result *result, int index, struct plots *to) {
    const double *measured = result->curves + 2 * (int64_t)index * result->distances;
    const int64_t layer = result->options->heads.layer_numbers[index / result->shape.heads];
    char of_layer[LABEL_BYTES / 2] = "";
    for (int i = 0; i < 2; i++) {
        to->series[index][i] = (ropemap_series){.label = i == 0 ? "mean of q · k" : "from mean q and k",
                                                .x = result->distance + 1,
                                                .y = measured + i * result->distances + 1,
                                                .count = result->distances - 1,
                                                .dashed = i == 1};
    }
    if (layer >= 0 && result->shape.layers > 1) { /* else the title has it */
        (void)snprintf(of_layer, sizeof of_layer, "layer %" PRId64 ", ", layer);
    }
    (void)snprintf(to->label[index], LABEL_BYTES, "%shead %" PRId64 " (%.3f)", of_layer,
                   result->shape.numbers[index % result->shape.heads].query, result->correlated[index]);
    to->plot[index] = (ropemap_plot){.label = to->label[index],
                                     .series = to->series[index],
                                     .series_count = 2,
                                     .marks = &to->trained,
                                     .mark_count = to->trained.label != NULL ? 1 : 0};
}

static ropemap_status encode_chart(const pairs_result *result, output_kind kind, struct plots *plots,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    const int count = result->shape.layers * result->shape.heads;
    const int64_t trained = result->shape.trained;
    char title[200], subtitle[200], correlation[40] = "; correlations in brackets";
    if (trained > 0 && trained < result->distances) {
        (void)snprintf(plots->mark, sizeof plots->mark, "trained %s", number_in_words((double)trained).text);
        plots->trained = (ropemap_mark){.of_x = true, .at = (double)trained, .label = plots->mark};
    }
    for (int i = 0; i < count; i++) {
        add_plot(result, i, plots);
    }
    head_title(&result->options->heads, &result->shape, "Mean logit and its prediction", title, sizeof title);
    make_subtitle(result, subtitle, sizeof subtitle);
    if (count == 1) { /* which needs no label */
        plots->plot[0].label = NULL;
        (void)snprintf(correlation, sizeof correlation, ", correlation %.3f", result->correlated[0]);
    }
    (void)snprintf(subtitle + strlen(subtitle), sizeof subtitle - strlen(subtitle), "%s", correlation);
    ropemap_chart chart = {.title = title,
                           .subtitle = subtitle,
                           .x_label = "distance (tokens)",
                           .y_label = "q · k",
                           .plots = plots->plot,
                           .count = count,
                           .log_x = true,
                           .x_tokens = true};
    const ropemap_page page = print_chart(&result->options->heads.print, (cli_size){0, 0},
                                          count == 1 ? PRINT_SHAPE : 0.0, kind == OUTPUT_PNG, &chart);
    if (count == 1) {
        chart.plots = NULL;
        chart.count = 0;
        chart.plot = plots->plot[0];
    }
    return ropemap_chart_encode(&chart, output_format(kind), &page, bytes, error);
}

ropemap_status pairs_picture_encode(const pairs_result *result, output_kind kind, ropemap_bytes *bytes,
                                    ropemap_error *error) {
    const bool curve = result->options->picture == PAIRS_CURVE;
    struct plots *plots = calloc(1, sizeof *plots);
    struct panels *panels = calloc(1, sizeof *panels);
    ropemap_status status = ROPEMAP_OK;
    if (plots != NULL && panels != NULL) { /* twice: queries and keys */
        panels->cells = malloc((size_t)result->shape.layers * (size_t)result->shape.heads *
                               (size_t)result->pairs * 2 * sizeof *panels->cells);
    }
    if (plots == NULL || panels == NULL || panels->cells == NULL) {
        status = fail(error, ROPEMAP_RESOURCES, "--output: no memory for the picture");
    } else {
        status = curve ? encode_chart(result, kind, plots, bytes, error)
                       : encode_figure(result, kind, panels, bytes, error);
    }
    free(panels != NULL ? panels->cells : NULL);
    free(panels);
    free(plots);
    return status;
}
