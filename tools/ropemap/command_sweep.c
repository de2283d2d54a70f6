/* command_sweep.c - `ropemap sweep`: maps of many settings side by side, or as the frames of an animation */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_map.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"
#include "tools/ropemap/vary.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 120, SIDE_USUAL = 256 };

typedef struct map_sweep {
    map_options map;
    sweep_options sweep;
} map_sweep;

/* One setting's map. */
typedef struct setting {
    ropemap_map map;
    ropemap_figure figure; /* made while the vectors were open */
    char label[LABEL_BYTES];
    char captured[LABEL_BYTES]; /* the capture's model; empty: none */
} setting;

/* ---- maps ---------------------------------------------------------------------------------------------- */

static ropemap_status make_one(const map_sweep *options, int index, cli_progress *progress, setting *to,
                               ropemap_error *error) {
    static map_sweep own; /* large */
    map_inputs inputs = {.queries = NULL};
    own = *options;
    ropemap_status status = vary_apply(&options->sweep.vary, index, &own, error);
    status = status == ROPEMAP_OK ? map_inputs_open(&own.map, &inputs, error) : status;
    if (status == ROPEMAP_OK) {
        vary_label(&options->sweep.vary, index, to->label, sizeof to->label);
        if (inputs.tensors.capture != NULL) {
            (void)snprintf(to->captured, sizeof to->captured, "%s",
                           ropemap_capture_model(inputs.tensors.capture));
        }
        status = map_run(&own.map, &inputs, progress_tell, progress, &to->map, error);
    }
    if (status == ROPEMAP_OK) {
        to->figure = map_caption(&own.map, &to->map);
    }
    map_inputs_free(&inputs);
    rule_options_free(&own.map.rule);
    return status;
}

static ropemap_status make_all(const map_sweep *options, cli_progress *progress, setting *settings, int count,
                               ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < count && status == ROPEMAP_OK; i++) {
        status = make_one(options, i, progress, &settings[i], error);
    }
    return status;
}

/* ---- the sheet ----------------------------------------------------------------------------------------- */

/* The text of every panel, or `other` where they differ; `words` is a text within the figure. */
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
static void make_title(const map_sweep *options, const setting *settings, int count, char *title,
                       size_t size) {
    const rule_options *rule = &options->map.rule;
    const char *captured = settings[0].captured[0] != '\0' ? settings[0].captured : NULL;
    const char *model = rule->preset != NULL ? rule->preset : rule->model != NULL ? rule->model : captured;
    const char *at = settings[0].figure.title, *part = NULL;
    char names[LABEL_BYTES];
    size_t length = next_part(&at, &part);
    const bool same = all_have_part(settings, count, part, length);
    vary_names(&options->sweep.vary, names, sizeof names);
    (void)snprintf(title, size, "%.*s over %s", same ? (int)length : 10, same ? part : "Similarity", names);
    const size_t begin = strlen(title), bytes = model != NULL ? strlen(model) + 1 : 0;
    if (bytes > 0 && begin + 2 + bytes <= size) {
        memcpy(title + begin, ", ", 2);
        memcpy(title + begin + 2, model, bytes);
    }
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
    const map_sweep *options;
    const setting *settings;
    ropemap_scale scale;
};

static ropemap_status encode_page(const struct page *page, output_kind kind, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    ropemap_figure figure = page->figure;
    const ropemap_page size = print_figure(&page->options->map.print, kind == OUTPUT_PNG, &figure);
    return ropemap_figure_encode(&figure, output_format(kind), &size, bytes, error);
}

static ropemap_status encode_frame(const struct page *page, int index, ropemap_bytes *bytes,
                                   ropemap_error *error) {
    ropemap_figure figure = page->settings[index].figure;
    const ropemap_page size = {.dpi = print_scale_of(&page->options->map.print, true).dpi};
    figure_options_apply(&page->options->map, true, &figure);
    figure.colormap = map_colormap(&page->options->map);
    figure.has_limits = true;
    figure.low = page->scale.low;
    figure.high = page->scale.high;
    return ropemap_figure_encode(&figure, ROPEMAP_PNG, &size, bytes, error);
}

static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const struct page *page = what;
    const int frame = sweep_frame(&page->options->sweep, index);
    return frame < 0 ? encode_page(page, kind, bytes, error) : encode_frame(page, frame, bytes, error);
}

/* All maps side by side, in the words that they have in common. */
static ropemap_figure make_figure(const map_sweep *options, const setting *settings,
                                  const ropemap_panel *panels, int count) {
    ropemap_figure figure = {.panels = panels,
                             .count = count,
                             .columns = sweep_columns(&options->sweep),
                             .colormap = map_colormap(&options->map),
                             .norm = map_norm(&options->map),
                             .linear_below = options->map.linear_below,
                             .has_limits = options->map.limits.given,
                             .low = options->map.limits.low,
                             .high = options->map.limits.high};
    make_title(options, settings, count, figure.title, sizeof figure.title);
    (void)snprintf(figure.subtitle, sizeof figure.subtitle, "%s",
                   in_common(settings, count, offsetof(ropemap_figure, subtitle), ""));
    (void)snprintf(figure.description, sizeof figure.description, "%s",
                   in_common(settings, count, offsetof(ropemap_figure, description), ""));
    (void)snprintf(figure.value_label, sizeof figure.value_label, "%s",
                   in_common(settings, count, offsetof(ropemap_figure, value_label), "similarity"));
    memcpy(figure.row_label, settings[0].figure.row_label, sizeof figure.row_label);
    memcpy(figure.col_label, settings[0].figure.col_label, sizeof figure.col_label);
    return figure;
}

static ropemap_status write_all(const map_sweep *options, cli_outputs *outputs, const setting *settings,
                                int count, ropemap_error *error) {
    ropemap_panel *panels = calloc((size_t)count, sizeof *panels);
    if (panels == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d panels", count);
    }
    for (int i = 0; i < count; i++) {
        panels[i] = settings[i].figure.panel;
        panels[i].label = settings[i].label;
    }
    static vary_headings headings; /* large */
    struct page page = {
        .figure = make_figure(options, settings, panels, count), .options = options, .settings = settings};
    if (sweep_headings(&options->sweep, &headings)) {
        page.figure.row_headings = headings.rows;
        page.figure.col_headings = headings.cols;
    }
    ropemap_status status = ropemap_figure_scale(&page.figure, &page.scale, error);
    status = status == ROPEMAP_OK ? outputs_write(outputs, encode, &page, error) : status;
    free(panels);
    return status;
}

/* Computes every setting's map and writes the pages and frames. After a signal does not return. */
static ropemap_status make(const map_sweep *options, cli_run *run, ropemap_error *error) {
    const int count = vary_count(&options->sweep.vary);
    setting *settings = calloc((size_t)count, sizeof *settings);
    if (settings == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d settings", count);
    }
    run_begin(run, options->map.quiet);
    ropemap_status status = make_all(options, &run->progress, settings, count, error);
    progress_end(&run->progress);
    status = status == ROPEMAP_OK ? write_all(options, &run->outputs, settings, count, error) : status;
    run_end(run);
    for (int i = 0; i < count; i++) {
        ropemap_map_free(&settings[i].map);
    }
    free(settings);
    return status;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status check(const map_sweep *options, cli_outputs *outputs, ropemap_error *error) {
    const char *frame = options->map.contour_count > 0 ? "contour" : options->map.dark ? "dark" : NULL;
    if (frame != NULL && options->sweep.frames == NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s needs --frames DIR", frame);
    }
    ropemap_status status = figure_options_check(&options->map, error);
    status = status == ROPEMAP_OK ? map_note_diff(&options->map, outputs, error) : status;
    return status == ROPEMAP_OK ? sweep_check(&options->sweep, options->map.force, outputs, error) : status;
}

/* The layers that were captured, and the heads of --layer or else of the first. */
static ropemap_status number_captured(map_sweep *options, int64_t *numbers, ropemap_error *error) {
    const tensor_options *tensors = &options->map.tensors;
    ropemap_capture *capture = NULL;
    const ropemap_capture_layer *layer = NULL;
    int64_t count = 0;
    ropemap_status status = ropemap_capture_open(tensors->capture, &capture, error);
    while (status == ROPEMAP_OK && count <= VARY_VALUES &&
           (layer = ropemap_capture_layer_at(capture, (int32_t)count)) != NULL) {
        numbers[count++] = layer->number;
    }
    status =
        status == ROPEMAP_OK ? vary_number(&options->sweep.vary, "layer", numbers, count, error) : status;
    if (status == ROPEMAP_OK && (tensors->given & TENSOR_LAYER) != 0) {
        status = ropemap_capture_find(capture, tensors->layer, &layer, error);
    } else if (status == ROPEMAP_OK) {
        layer = ropemap_capture_layer_at(capture, 0);
    }
    for (count = 0; status == ROPEMAP_OK && count <= VARY_VALUES && count < layer->query_count; count++) {
        numbers[count] = layer->queries[count];
    }
    status = status == ROPEMAP_OK ? vary_number(&options->sweep.vary, "head", numbers, count, error) : status;
    ropemap_capture_free(capture);
    return status;
}

static ropemap_status number_heads(map_sweep *options, int64_t *numbers, ropemap_error *error) {
    tensor_pair pair = {.queries = NULL};
    ropemap_status status = tensor_pair_open(&options->map.tensors, true, &pair, error);
    if (status == ROPEMAP_OK) {
        const int64_t heads = ropemap_vectors_heads(pair.queries);
        for (int64_t i = 0; i < heads && i <= VARY_VALUES; i++) {
            numbers[i] = i;
        }
        status = vary_number(&options->sweep.vary, "head", numbers,
                             heads <= VARY_VALUES ? heads : VARY_VALUES + 1, error);
    }
    tensor_pair_free(&pair);
    return status;
}

/* Finds what "all" layers and heads are. */
static ropemap_status number_all(map_sweep *options, ropemap_error *error) {
    const tensor_options *tensors = &options->map.tensors;
    const bool layers = vary_over_all(&options->sweep.vary, "layer");
    int64_t numbers[VARY_VALUES + 1]; /* one more is refused */
    if (!layers && !vary_over_all(&options->sweep.vary, "head")) {
        return ROPEMAP_OK;
    }
    if (layers && tensors->capture == NULL) {
        return fail(error, ROPEMAP_USAGE, "--vary layer=all needs --capture");
    }
    if (tensors->queries == NULL || tensors->keys == NULL) {
        return fail(error, ROPEMAP_USAGE, "--vary head=all needs --capture, or --queries and --keys");
    }
    return tensors->capture != NULL ? number_captured(options, numbers, error)
                                    : number_heads(options, numbers, error);
}

static ropemap_status work(void *options, cli_run *run, ropemap_error *error) {
    ropemap_status status = number_all(options, error);
    status = status == ROPEMAP_OK ? check(options, &run->outputs, error) : status;
    figure_options_warn(&((map_sweep *)options)->map);
    return status == ROPEMAP_OK ? make(options, run, error) : status;
}

static void start(void *given) {
    map_sweep *options = given;
    options->map = map_options_default();
    options->map.size = (cli_size){SIDE_USUAL, SIDE_USUAL};
    options->sweep.vary.command = &command_sweep;
}

static void end(void *options) {
    vary_free(&((map_sweep *)options)->sweep.vary);
}

static void notes(void) {
    (void)printf(
        "\nMaps are 256 x 256 cells unless --size says otherwise, and share one colour range and bar.\n");
}

const cli_command command_sweep = {
    .name = "sweep",
    .summary = "draw maps of many settings side by side",
    .usage = "--vary NAME=VALUES [--vary ...] [what] [how] -o FILE",
    .examples =
        "  ropemap sweep -n 128k --vary base=1e3-1e7*10 --vary head-dim=64,128,256 -o sweep.png\n"
        "  ropemap sweep -n 32k --pool absmax --vary preset=llama2-7b,llama3-8b,qwen3-8b -o models.svg\n"
        "  ropemap sweep -n 16k --vary base=1e3-1e7*1.1 --frames frames\n",
    .blocks = {{rule_rows, offsetof(map_sweep, map.rule)},
               {sweep_rows, offsetof(map_sweep, sweep)},
               {map_rows, offsetof(map_sweep, map)},
               {attention_rows, offsetof(map_sweep, map.request)},
               {tensor_rows, offsetof(map_sweep, map.tensors)},
               {section_rows, offsetof(map_sweep, map.rule)},
               {map_detail_rows, offsetof(map_sweep, map)},
               {machine_rows, offsetof(map_sweep, map.request)},
               {thread_rows, offsetof(map_sweep, map.request.threads)},
               {print_rows, offsetof(map_sweep, map.print)}},
    .notes = notes,
    .size = sizeof(map_sweep),
    .start = start,
    .work = work,
    .end = end,
};
