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
    ropemap_range rows, cols;
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
        to->rows = own.map.request.rows;
        to->cols = own.map.request.cols;
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

/* A sheet and what its size is from; the maps, for their frames. */
struct page {
    ropemap_sheet sheet;
    const sweep_options *options;
    const setting *settings;
    bool limited; /* frames: whether low and high are their limits */
    double low, high;
};

static ropemap_status encode_page(const void *what, output_kind kind, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    const struct page *page = what;
    const print_scale scale = print_scale_of(&page->options->map.print, kind == OUTPUT_PNG);
    ropemap_sheet sheet = page->sheet;
    sheet.width = scale.width;
    sheet.font_size = scale.font_size;
    sheet.dpi = scale.dpi;
    return kind == OUTPUT_SVG   ? ropemap_sheet_svg(&sheet, scale.millimetres, bytes, error)
           : kind == OUTPUT_PDF ? ropemap_sheet_pdf(&sheet, scale.millimetres, bytes, error)
                                : ropemap_sheet_png(&sheet, bytes, error);
}

/* ---- frames -------------------------------------------------------------------------------------------- */

/* Colour limits of all frames: the given ones, else those of all maps, symmetric where both signs are there.
 */
static bool choose_limits(const sweep_options *options, const setting *settings, int count, double *low,
                          double *high) {
    const ropemap_colormap colormap = options->map.colormap;
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < count; i++) {
        *low = fmin(*low, settings[i].map.min);
        *high = fmax(*high, settings[i].map.max);
    }
    const bool both = *low < 0.0 && *high > 0.0;
    if (options->map.has_limits) {
        *low = options->map.low;
        *high = options->map.high;
    } else if (colormap == ROPEMAP_COLORMAP_DIVERGING || (colormap == ROPEMAP_COLORMAP_AUTO && both)) {
        *high = fmax(fabs(*low), fabs(*high));
        *low = -*high;
    }
    return *low < *high;
}

static ropemap_status encode_frame(const void *what, int index, ropemap_bytes *bytes, ropemap_error *error) {
    const struct page *page = what;
    ropemap_figure figure = page->settings[index].figure;
    figure_options_apply(&page->options->map, true, &figure);
    figure.colormap = page->options->map.colormap;
    figure.has_limits = page->limited;
    figure.low = page->low;
    figure.high = page->high;
    return ropemap_figure_png(&figure, &page->settings[index].map, bytes, error);
}

/* ---- both ---------------------------------------------------------------------------------------------- */

static ropemap_status write_all(const sweep_options *options, const sweep_outputs *outputs,
                                const setting *settings, int count, ropemap_error *error) {
    char title[320];
    ropemap_panel *panels = calloc((size_t)count, sizeof *panels);
    if (panels == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d panels", count);
    }
    for (int i = 0; i < count; i++) {
        panels[i] = (ropemap_panel){.map = &settings[i].map,
                                    .label = settings[i].label,
                                    .rows = settings[i].rows,
                                    .cols = settings[i].cols};
    }
    make_title(options, settings, count, title, sizeof title);
    const int axes = options->vary.axis_count;
    struct page page = {
        .options = options,
        .settings = settings,
        .sheet = {.title = title,
                  .subtitle = in_common(settings, count, offsetof(ropemap_figure, subtitle), ""),
                  .row_label = settings[0].figure.row_label,
                  .col_label = settings[0].figure.col_label,
                  .value_label =
                      in_common(settings, count, offsetof(ropemap_figure, value_label), "similarity"),
                  .panels = panels,
                  .count = count,
                  .columns = options->columns > 0 ? (int32_t)options->columns
                             : axes > 1           ? options->vary.axes[axes - 1].count
                                                  : 0,
                  .colormap = options->map.colormap,
                  .norm = options->map.figure.norm,
                  .has_limits = options->map.has_limits,
                  .low = options->map.low,
                  .high = options->map.high}};
    page.limited = choose_limits(options, settings, count, &page.low, &page.high);
    const sweep_encoder encoder = {.page = encode_page, .frame = encode_frame, .what = &page};
    const ropemap_status status = sweep_outputs_write(outputs, &encoder, error);
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
