/* sweep_page.c - maps of many settings side by side, in the words that they have in common, and as frames */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void label_own_colors(ropemap_figure *figure) {
    const size_t length = strlen(figure->value_label);
    (void)snprintf(figure->value_label + length, sizeof figure->value_label - length,
                   "%s: each map's least (0) to largest (1)",
                   figure->norm == ROPEMAP_NORM_LOG ? ", log" : "");
    figure->norm = ROPEMAP_NORM_LINEAR;
    figure->has_limits = true;
    figure->low = 0.0;
    figure->high = 1.0;
}

/* The text of every panel, or `other` where they differ; `words` is a text within the figure. */
static const char *in_common(const sweep_setting *settings, int count, size_t words, const char *other) {
    const char *first = (const char *)&settings[0].figure + words;
    for (int i = 1; i < count; i++) {
        if (strcmp((const char *)&settings[i].figure + words, first) != 0) {
            return other;
        }
    }
    return first;
}

/* Takes the part of a title at *at, up to a comma, and moves *at past it. Its length, 0 at the end. */
static size_t next_part(const char **at, const char **part) {
    const char *comma = strstr(*at, ", ");
    *part = *at;
    *at = comma != NULL ? comma + 2 : *at + strlen(*at);
    return comma != NULL ? (size_t)(comma - *part) : strlen(*part);
}

static bool has_part(const char *title, const char *wanted, size_t length) {
    const char *part = NULL;
    for (size_t own = 0; (own = next_part(&title, &part)) > 0;) {
        if (own == length && memcmp(part, wanted, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Of the maps whose scores fall without end, or of the others. `words` is a text within the figure. */
static bool kind_has_part(const sweep_setting *settings, int count, bool endless, size_t words,
                          const char *part, size_t length) {
    bool have = true;
    for (int i = 0; i < count; i++) {
        have = have && (settings[i].endless != endless ||
                        has_part((const char *)&settings[i].figure + words, part, length));
    }
    return have;
}

static bool all_have_part(const sweep_setting *settings, int count, size_t words, const char *part,
                          size_t length) {
    return kind_has_part(settings, count, false, words, part, length) &&
           kind_has_part(settings, count, true, words, part, length);
}

static bool any_endless(const sweep_setting *settings, int count) {
    bool any = false;
    for (int i = 0; i < count; i++) {
        any = any || settings[i].endless;
    }
    return any;
}

/* Adds what the titles of all maps have in common, or of those that `endless` tells apart: ALiBi has a slope,
 * the others a base. */
static void add_common(const sweep_setting *settings, int count, bool endless, char *title, size_t size) {
    const char *at = "", *part = NULL;
    for (int i = count - 1; i >= 0; i--) {
        at = settings[i].endless == endless ? settings[i].figure.title : at;
    }
    (void)next_part(&at, &part);
    for (size_t length = 0; (length = next_part(&at, &part)) > 0;) {
        const size_t end = strlen(title);
        if (kind_has_part(settings, count, endless, offsetof(ropemap_figure, title), part, length) &&
            !has_part(title, part, length) && end + 2 + length < size) {
            (void)snprintf(title + end, size - end, ", %.*s", (int)length, part);
        }
    }
}

/* "RoPE similarity over head-dim, llama3-8b, base 500000, shifted by 7": what varies, the model, and what the
 * titles of all maps have in common. */
static void make_title(const map_sweep *options, const sweep_setting *settings, int count, char *title,
                       size_t size) {
    const rule_options *rule = &options->map.rule;
    const char *captured = settings[0].captured[0] != '\0' ? settings[0].captured : NULL;
    const char *model = rule->preset != NULL ? rule->preset : rule->model != NULL ? rule->model : captured;
    const char *at = settings[0].figure.title, *part = NULL;
    char names[SWEEP_LABEL];
    const size_t length = next_part(&at, &part);
    const bool same = all_have_part(settings, count, offsetof(ropemap_figure, title), part, length);
    vary_names(&options->sweep.vary, names, sizeof names);
    const char *other = any_endless(settings, count) ? "Scores" : "Similarity";
    (void)snprintf(title, size, "%.*s over %s", same ? (int)length : (int)strlen(other), same ? part : other,
                   names);
    const size_t begin = strlen(title), bytes = model != NULL ? strlen(model) + 1 : 0;
    if (bytes > 0 && begin + 2 + bytes <= size) {
        memcpy(title + begin, ", ", 2);
        memcpy(title + begin + 2, model, bytes);
    }
    add_common(settings, count, false, title, size);
    add_common(settings, count, true, title, size);
}

/* "causal, vectors SmolLM2-135M, head 0" of panels that differ in their layer. */
static void make_subtitle(const sweep_setting *settings, int count, char *text, size_t size) {
    const char *at = settings[0].figure.subtitle, *part = NULL;
    text[0] = '\0';
    for (size_t length = 0; (length = next_part(&at, &part)) > 0;) {
        const size_t end = strlen(text);
        if (all_have_part(settings, count, offsetof(ropemap_figure, subtitle), part, length) &&
            end + 2 + length < size) {
            (void)snprintf(text + end, size - end, "%s%.*s", end > 0 ? ", " : "", (int)length, part);
        }
    }
}

/* All maps side by side, in the words that they have in common; it must not move, and is large. */
typedef struct page {
    ropemap_figure figure;
    ropemap_panel panels[VARY_SETTINGS];
    vary_headings headings;
} page;

/* Beside scores that fall without end, the colours are those of shares of what is at distance 0, as the axis
 * of curves is: all others would be pale. */
static void limit_to_shares(const sweep_setting *settings, ropemap_figure *figure) {
    double most = 0.0;
    for (int i = 0; i < figure->count; i++) {
        most = settings[i].endless ? most : fmax(most, fmax(-settings[i].map.min, settings[i].map.max));
    }
    if (any_endless(settings, figure->count) && most > 0.0 && figure->norm == ROPEMAP_NORM_LINEAR &&
        !figure->has_limits) {
        figure->has_limits = true;
        figure->high = most <= 1.0 ? 1.0 : most;
        figure->low = -figure->high;
    }
}

/* NULL: no memory. The caller frees it. */
static page *make_page(const sweep_result *result, ropemap_error *error) {
    const map_sweep *options = result->options;
    const sweep_setting *settings = result->settings;
    page *made = calloc(1, sizeof *made);
    if (made == NULL) {
        (void)fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d panels", result->count);
        return NULL;
    }
    for (int i = 0; i < result->count; i++) {
        made->panels[i] = settings[i].figure.panel;
        made->panels[i].label = settings[i].label;
    }
    ropemap_figure *figure = &made->figure;
    *figure = (ropemap_figure){.panels = made->panels,
                               .count = result->count,
                               .columns = sweep_columns(&options->sweep),
                               .colormap = map_colormap(&options->map),
                               .norm = map_norm(&options->map),
                               .linear_below = options->map.linear_below,
                               .has_limits = options->map.limits.given,
                               .low = options->map.limits.low,
                               .high = options->map.limits.high};
    make_title(options, settings, result->count, figure->title, sizeof figure->title);
    make_subtitle(settings, result->count, figure->subtitle, sizeof figure->subtitle);
    (void)snprintf(figure->description, sizeof figure->description, "%s",
                   in_common(settings, result->count, offsetof(ropemap_figure, description), ""));
    (void)snprintf(figure->value_label, sizeof figure->value_label, "%s",
                   in_common(settings, result->count, offsetof(ropemap_figure, value_label),
                             any_endless(settings, result->count) ? "score" : "similarity"));
    (void)snprintf(
        figure->row_label, sizeof figure->row_label, "%s",
        in_common(settings, result->count, offsetof(ropemap_figure, row_label), "query position or patch"));
    (void)snprintf(
        figure->col_label, sizeof figure->col_label, "%s",
        in_common(settings, result->count, offsetof(ropemap_figure, col_label), "key position or patch"));
    if (options->own_colors != 0) {
        label_own_colors(figure);
    } else {
        limit_to_shares(settings, figure);
    }
    const bool labelled = options->own_colors != 0 || options->order != ORDER_SETTING;
    if (!labelled && sweep_headings(&options->sweep, &made->headings)) {
        figure->row_headings = made->headings.rows;
        figure->col_headings = made->headings.cols;
    }
    return made;
}

ropemap_status sweep_page_encode(const sweep_result *result, output_kind kind, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    page *made = make_page(result, error);
    if (made == NULL) {
        return ROPEMAP_RESOURCES;
    }
    const ropemap_page size = print_figure(&result->options->map.print, kind == OUTPUT_PNG, &made->figure);
    const ropemap_status status =
        ropemap_figure_encode(&made->figure, output_format(kind), &size, bytes, error);
    free(made);
    return status;
}

static ropemap_status find_scale(sweep_result *result, ropemap_error *error) {
    page *made = make_page(result, error);
    const ropemap_status status =
        made != NULL ? ropemap_figure_scale(&made->figure, &result->scale, error) : ROPEMAP_RESOURCES;
    free(made);
    result->scaled = status == ROPEMAP_OK;
    return status;
}

ropemap_status sweep_frame_encode(sweep_result *result, int index, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    const map_options *options = &result->options->map;
    ropemap_figure figure = result->settings[index].figure;
    const ropemap_page size = {.dpi = print_scale_of(&options->print, true).dpi};
    const ropemap_status status = result->scaled ? ROPEMAP_OK : find_scale(result, error);
    figure_options_apply(options, true, &figure);
    figure.colormap = map_colormap(options);
    figure.has_limits = true;
    figure.low = result->scale.low;
    figure.high = result->scale.high;
    return status == ROPEMAP_OK ? ropemap_figure_encode(&figure, ROPEMAP_PNG, &size, bytes, error) : status;
}
