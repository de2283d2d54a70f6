/* card.c - the decay card: what a base reaches, what lengths need, and where models stand */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS_MOST = 200, CARD_LIMIT = 1 << 22 };

/* Bases of the card, even in the logarithm. */
static const double LOWEST = 1e2, HIGHEST = 1e8;

static double base_at(int index) {
    return LOWEST * pow(HIGHEST / LOWEST, (double)index / (CARD_BASES - 1));
}

ropemap_status card_make(const bound_options *options, bound_card *card, ropemap_error *error) {
    ropemap_spec spec = options->rule.spec;
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < CARD_BASES && status == ROPEMAP_OK; i++) {
        ropemap_reach found = {0};
        card->base[i] = spec.base = base_at(i);
        status =
            ropemap_bound_reach(&spec, CARD_LIMIT, options->threads, call_tell, options->call, &found, error);
        card->half[i] = found.half > 0 ? (double)found.half : (double)NAN;
        card->zero[i] = found.reach > 0 ? (double)found.reach : (double)NAN;
    }
    return status;
}

static json_t *numbers(const double *values) {
    json_t *array = json_array();
    for (int i = 0; i < CARD_BASES; i++) {
        (void)json_array_append_new(array, document_real(values[i]));
    }
    return array;
}

json_t *card_document(const bound_card *card) {
    return json_pack("{s:o, s:o, s:o, s:i}", "base", numbers(card->base), "half", numbers(card->half),
                     "first_negative", numbers(card->zero), "limit", (int)CARD_LIMIT);
}

/* ---- models, those with one base and one length as one point --------------------------------------------
 */

typedef struct models {
    double base[MODELS_MOST], length[MODELS_MOST];
    int alike[MODELS_MOST];
    char name[MODELS_MOST][64];
    const char *names[MODELS_MOST];
    int count;
} models;

static int compare_presets(const void *a, const void *b) {
    const ropemap_preset *one = *(const ropemap_preset *const *)a, *other = *(const ropemap_preset *const *)b;
    return one->base != other->base ? (one->base > other->base) - (one->base < other->base)
           : one->trained_length != other->trained_length
               ? (one->trained_length > other->trained_length) - (one->trained_length < other->trained_length)
               : strcmp(one->name, other->name);
}

static void gather(models *all) {
    const ropemap_preset *sorted[MODELS_MOST];
    int count = 0;
    for (int32_t i = 0; ropemap_preset_at(i) != NULL && count < MODELS_MOST; i++) {
        const ropemap_preset *preset = ropemap_preset_at(i);
        if (preset->trained_length > 0 && preset->base >= LOWEST && preset->base <= HIGHEST) {
            sorted[count++] = preset;
        }
    }
    qsort(sorted, (size_t)count, sizeof *sorted, compare_presets);
    for (int i = 0; i < count; i++) {
        const double length = (double)sorted[i]->trained_length;
        const int last = all->count - 1;
        if (last >= 0 && all->base[last] == sorted[i]->base && all->length[last] == length) {
            all->alike[last]++;
            continue;
        }
        all->base[all->count] = sorted[i]->base;
        all->length[all->count] = length;
        (void)snprintf(all->name[all->count], sizeof all->name[0], "%s", sorted[i]->name);
        all->names[all->count] = all->name[all->count];
        all->count++;
    }
    for (int i = 0; i < all->count; i++) {
        char *end = all->name[i] + strlen(all->name[i]);
        if (all->alike[i] > 0) {
            (void)snprintf(end, (size_t)(all->name[i] + sizeof all->name[0] - end), " +%d", all->alike[i]);
        }
    }
}

/* ---- the chart ----------------------------------------------------------------------------------------- */

/* Lengths in the order of their least bases. */
static int collect(const bound_results *results, double *bases, double *lengths) {
    int count = 0;
    for (int i = 0; i < results->count; i++) {
        const bound_found *found = &results->found[i];
        if (found->count > 0 && !found->windows[0].low_is_edge && found->windows[0].low >= LOWEST &&
            found->windows[0].low <= HIGHEST && (count == 0 || found->windows[0].low >= bases[count - 1])) {
            bases[count] = found->windows[0].low;
            lengths[count++] = (double)found->length;
        }
    }
    return count;
}

enum { SERIES = 4, MARKS = 2, LINE_MOST = CARD_BASES + BOUND_LIST_MOST + 1 };

/* Points with x ascending. */
typedef struct line {
    double x[LINE_MOST], y[LINE_MOST];
    int count;
} line;

/* What the chart borrows. */
typedef struct picture {
    models models;
    double bases[BOUND_LIST_MOST], lengths[BOUND_LIST_MOST];
    line half, zero;
    double base, own_half, own_zero; /* of the present base; NaN: none was found */
    char own[80];
    ropemap_series series[SERIES];
    int count;
    ropemap_mark marks[MARKS];
    int mark_count;
} picture;

static void put(line *to, double x, double y) {
    int at = to->count++;
    for (; at > 0 && to->x[at - 1] > x; at--) {
        to->x[at] = to->x[at - 1];
        to->y[at] = to->y[at - 1];
    }
    to->x[at] = x;
    to->y[at] = y;
}

/* Up to the first base that reaches farther than was searched: of those beyond it some alone would be there.
 */
static void put_all(line *to, const double *base, const double *reach) {
    for (int i = 0; i < CARD_BASES && !isnan(reach[i]); i++) {
        put(to, base[i], reach[i]);
    }
}

/* Lines through the card's bases, and through what is marked between them. */
static void draw_lines(const bound_card *card, int least, picture *to) {
    put_all(&to->half, card->base, card->half);
    put_all(&to->zero, card->base, card->zero);
    for (int i = 0; i < least; i++) {
        put(&to->zero, to->bases[i], to->lengths[i]);
    }
    if (to->mark_count > 0 && !isnan(to->own_half)) {
        put(&to->half, to->base, to->own_half);
    }
    if (to->mark_count > 0 && !isnan(to->own_zero)) {
        put(&to->zero, to->base, to->own_zero);
    }
}

static void mark_base(const bound_results *results, picture *to) {
    const ropemap_reach *reach = &results->reach;
    to->own_half = reach->half > 0 ? (double)reach->half : (double)NAN;
    to->own_zero = reach->reach > 0 ? (double)reach->reach : (double)NAN;
    (void)snprintf(to->own, sizeof to->own, "base %s", number_in_words(to->base).text);
    to->marks[0] = (ropemap_mark){
        .of_x = true, .at = to->base, .label = to->own, .dot = reach->reach > 0 ? &to->own_zero : NULL};
    to->marks[1] = (ropemap_mark){
        .of_x = true, .at = to->base, .label = "", .dot = reach->half > 0 ? &to->own_half : NULL};
    to->mark_count = MARKS;
}

static void compose(const bound_options *options, const bound_results *results, picture *to) {
    to->base = options->rule.spec.base;
    if (results->has_reach && to->base >= LOWEST && to->base <= HIGHEST) {
        mark_base(results, to);
    }
    gather(&to->models);
    const int least = collect(results, to->bases, to->lengths);
    draw_lines(results->card, least, to);
    if (to->zero.count > 0) {
        to->series[to->count++] =
            (ropemap_series){.label = "below 0", .x = to->zero.x, .y = to->zero.y, .count = to->zero.count};
    }
    if (to->half.count > 0) {
        to->series[to->count++] = (ropemap_series){.label = "below ½",
                                                   .x = to->half.x,
                                                   .y = to->half.y,
                                                   .count = to->half.count,
                                                   .dashed = true,
                                                   .alike = to->zero.count > 0};
    }
    if (least > 0) {
        to->series[to->count++] = (ropemap_series){.label = "least base",
                                                   .x = to->bases,
                                                   .y = to->lengths,
                                                   .count = least,
                                                   .points = true,
                                                   .alike = true};
    }
    to->series[to->count++] = (ropemap_series){.label = "models",
                                               .x = to->models.base,
                                               .y = to->models.length,
                                               .count = to->models.count,
                                               .points = true,
                                               .muted = true,
                                               .names = to->models.names,
                                               .names_at_points = true};
}

ropemap_status card_encode(const bound_options *options, const bound_results *results, output_kind kind,
                           ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_spec *spec = &options->rule.spec;
    char title[200], description[400], scaling[ROPEMAP_SCALING_TITLE], all[100];
    picture *to = calloc(1, sizeof *to);
    if (to == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--card: no memory for the picture");
    }
    compose(options, results, to);
    if (to->zero.count == 0 && to->half.count == 0) {
        free(to);
        return fail(
            error, ROPEMAP_USAGE,
            "--card: similarity is never below half of S(0), whatever the base, where %d of %d elements "
            "rotate; there is nothing to draw",
            (int)(spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim), (int)spec->head_dim);
    }
    ropemap_scaling_title(scaling, &spec->scaling);
    (void)snprintf(title, sizeof title, "How far a RoPE base reaches, %s%sd = %d", scaling,
                   scaling[0] != '\0' ? ", " : "", (int)spec->head_dim);
    ropemap_scaling_format(&spec->scaling, false, all, sizeof all);
    (void)snprintf(description, sizeof description,
                   "By base, scaling %s: the distance where similarity first falls below zero and below half "
                   "of S(0), the least base that holds each length, and models at the length they were "
                   "trained at",
                   all);
    ropemap_chart chart = {.title = title,
                           .description = description,
                           .x_label = "base",
                           .y_label = "tokens",
                           .log_x = true,
                           .log_y = true,
                           .y_tokens = true,
                           .plot = {.series = to->series,
                                    .series_count = to->count,
                                    .marks = to->marks,
                                    .mark_count = to->mark_count}};
    const ropemap_page page =
        print_chart(&options->print, (cli_size){0, 0}, PRINT_SHAPE, kind == OUTPUT_PNG, &chart);
    const ropemap_status status = ropemap_chart_encode(&chart, output_format(kind), &page, bytes, error);
    free(to);
    return status;
}
