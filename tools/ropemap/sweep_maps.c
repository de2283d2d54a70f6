/* sweep_maps.c - the maps of `ropemap sweep`, side by side on a page or each as a frame */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/sweep_maps.h"

#include "tools/ropemap/command_map.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_options.h"
#include "tools/ropemap/map_outputs.h"
#include "tools/ropemap/progress.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 120 };

/* One setting's map. */
typedef struct setting {
    ropemap_map map;
    ropemap_figure figure; /* made while the vectors were open */
    char label[LABEL_BYTES];
} setting;

/* ---- maps ---------------------------------------------------------------------------------------------- */

static ropemap_status make_one(const sweep_options *options, int index, cli_progress *progress, setting *to,
                               ropemap_error *error) {
    static sweep_options own; /* large */
    map_inputs inputs = {.queries = NULL};
    own = *options;
    ropemap_status status = vary_apply(&options->vary, index, &own, error);
    status = status == ROPEMAP_OK ? map_inputs_open(&own.map, &inputs, error) : status;
    if (status == ROPEMAP_OK) {
        vary_label(&options->vary, index, to->label, sizeof to->label);
        status = map_run(&own.map, &inputs, progress_tell, progress, &to->map, error);
    }
    if (status == ROPEMAP_OK) {
        to->figure = map_caption(&own.map, &to->map);
    }
    map_inputs_free(&inputs);
    rule_options_free(&own.map.rule);
    return status;
}

static ropemap_status make_all(const sweep_options *options, setting *settings, int count,
                               ropemap_error *error) {
    cli_progress progress = progress_start(options->map.quiet);
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        status = make_one(options, i, &progress, &settings[i], error);
    }
    progress_end(&progress);
    return status;
}

/* ---- the sheet ----------------------------------------------------------------------------------------- */

/* What every panel says, or `other` where they differ; `words` is a text within the figure. */
static const char *in_common(const setting *settings, int count, size_t words, const char *other) {
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

static bool all_have_part(const setting *settings, int count, const char *part, size_t length) {
    int have = 0;
    while (have < count && has_part(settings[have].figure.title, part, length)) {
        have++;
    }
    return have == count;
}

/* "RoPE similarity over head-dim, llama3-8b, base 500000, shifted by 7": what varies, the model, and what the
 * titles of all maps have in common. */
static void make_title(const sweep_options *options, const setting *settings, int count, char *title,
                       size_t size) {
    const rule_options *rule = &options->map.rule;
    const char *model = rule->preset != NULL ? rule->preset : rule->model;
    const char *at = settings[0].figure.title, *part = NULL;
    char names[LABEL_BYTES];
    size_t length = next_part(&at, &part);
    const bool same = all_have_part(settings, count, part, length);
    vary_names(&options->vary, names, sizeof names);
    (void)snprintf(title, size, "%.*s over %s%s%s", same ? (int)length : 10, same ? part : "Similarity",
                   names, model != NULL ? ", " : "", model != NULL ? model : "");
    while ((length = next_part(&at, &part)) > 0) {
        const size_t end = strlen(title);
        if (all_have_part(settings, count, part, length) && end + 2 + length < size) {
            (void)snprintf(title + end, size - end, ", %.*s", (int)length, part);
        }
    }
}

/* All maps and what their size is from; the maps and their limits, for the frames. */
struct page {
    ropemap_figure figure;
    const sweep_options *options;
    const setting *settings;
    ropemap_scale scale;
};

static ropemap_status encode_page(const void *what, output_kind kind, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    const struct page *page = what;
    const print_scale scale = print_scale_of(&page->options->map.print, kind == OUTPUT_PNG);
    const ropemap_page size = {.millimetres = scale.millimetres, .dpi = scale.dpi};
    ropemap_figure figure = page->figure;
    figure.width = scale.width;
    figure.font_size = scale.font_size;
    return ropemap_figure_encode(&figure, output_format(kind), &size, bytes, error);
}

/* ---- frames -------------------------------------------------------------------------------------------- */

static ropemap_status encode_frame(const void *what, int index, ropemap_bytes *bytes, ropemap_error *error) {
    const struct page *page = what;
    ropemap_figure figure = page->settings[index].figure;
    figure_options_apply(&page->options->map, true, &figure);
    figure.colormap = page->options->map.colormap;
    figure.has_limits = true;
    figure.low = page->scale.low;
    figure.high = page->scale.high;
    const print_scale scale = print_scale_of(&page->options->map.print, true);
    const ropemap_page size = {.dpi = scale.dpi};
    return ropemap_figure_encode(&figure, ROPEMAP_PNG, &size, bytes, error);
}

/* ---- both ---------------------------------------------------------------------------------------------- */

/* All maps side by side, in the words that they have in common. */
static ropemap_figure make_figure(const sweep_options *options, const setting *settings,
                                  const ropemap_panel *panels, int count) {
    const int axes = options->vary.axis_count;
    ropemap_figure figure = {.panels = panels,
                             .count = count,
                             .columns = options->columns > 0 ? (int32_t)options->columns
                                        : axes > 1           ? options->vary.axes[axes - 1].count
                                                             : 0,
                             .colormap = options->map.colormap,
                             .norm = options->map.figure.norm,
                             .linear_below = options->map.figure.linear_below,
                             .has_limits = options->map.has_limits,
                             .low = options->map.low,
                             .high = options->map.high};
    make_title(options, settings, count, figure.title, sizeof figure.title);
    (void)snprintf(figure.subtitle, sizeof figure.subtitle, "%s",
                   in_common(settings, count, offsetof(ropemap_figure, subtitle), ""));
    (void)snprintf(figure.value_label, sizeof figure.value_label, "%s",
                   in_common(settings, count, offsetof(ropemap_figure, value_label), "similarity"));
    memcpy(figure.row_label, settings[0].figure.row_label, sizeof figure.row_label);
    memcpy(figure.col_label, settings[0].figure.col_label, sizeof figure.col_label);
    return figure;
}

static ropemap_status write_all(const sweep_options *options, const sweep_outputs *outputs,
                                const setting *settings, int count, ropemap_error *error) {
    ropemap_panel *panels = calloc((size_t)count, sizeof *panels);
    if (panels == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d panels", count);
    }
    for (int i = 0; i < count; i++) {
        panels[i] = settings[i].figure.panel;
        panels[i].label = settings[i].label;
    }
    struct page page = {
        .figure = make_figure(options, settings, panels, count), .options = options, .settings = settings};
    const sweep_encoder encoder = {.page = encode_page, .frame = encode_frame, .what = &page};
    ropemap_status status = ropemap_figure_scale(&page.figure, &page.scale, error);
    status = status == ROPEMAP_OK ? sweep_outputs_write(outputs, &encoder, error) : status;
    free(panels);
    return status;
}

ropemap_status sweep_maps(const sweep_options *options, const sweep_outputs *outputs, ropemap_error *error) {
    const int count = vary_count(&options->vary);
    setting *settings = calloc((size_t)count, sizeof *settings);
    if (settings == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d settings", count);
    }
    signals_hold();
    ropemap_status status = make_all(options, settings, count, error);
    status = status == ROPEMAP_OK ? write_all(options, outputs, settings, count, error) : status;
    outputs_free(outputs->files);
    signals_release();
    for (int i = 0; i < count; i++) {
        ropemap_map_free(&settings[i].map);
    }
    free(settings);
    return status;
}
