/* command_sweep.c - `ropemap sweep`: maps of many settings side by side, or as the frames of an animation */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map/command_sweep.h"
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map_shards.h"
#include "tools/ropemap/run.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_USUAL = 256 };

static const char *sort_choice(int index) {
    static const char *const names[] = {
        [ORDER_SETTING] = "setting", [ORDER_SINK] = "sink",         [ORDER_RECENT] = "recent",
        [ORDER_ENTROPY] = "entropy", [ORDER_DISTANCE] = "distance", [ORDER_DISTANCE + 1] = NULL};
    return names[index];
}

static const char *colors_choice(int index) {
    static const char *const names[] = {"shared", "own", NULL};
    return names[index];
}

static const cli_option panel_rows[] = {
    {.group = GROUP_OUTPUT,
     .name = "colors",
     .choices = colors_choice,
     .initial = "shared",
     .help = "one range of values for the colours of all maps, or each map's own",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_sweep, own_colors),
     .computed = true},
    {.group = GROUP_OUTPUT,
     .name = "sort",
     .choices = sort_choice,
     .initial = "setting",
     .help =
         "order of the panels of softmax: as they vary, or by a mean over the queries, the largest first: "
         "attention on the first 4 or the last 256 keys, entropy in nats, distance of the keys",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_sweep, order),
     .computed = true},
    {.name = NULL},
};

/* ---- maps ---------------------------------------------------------------------------------------------- */

static double rank_of(const ropemap_attention_row *mean, sweep_order order) {
    switch (order) {
    case ORDER_SINK:
        return (double)mean->sink;
    case ORDER_RECENT:
        return (double)mean->recent;
    case ORDER_ENTROPY:
        return (double)mean->entropy;
    case ORDER_DISTANCE:
        return (double)mean->distance;
    case ORDER_SETTING:
        break;
    }
    return (double)NAN;
}

/* A setting that is open: a copy of the options, set and resolved for it alone. Too large for a stack. */
typedef struct opened_setting {
    const map_sweep *options;
    map_sweep own;
    map_inputs inputs;
} opened_setting;

static ropemap_status open_setting(opened_setting *opened, int index, ropemap_error *error) {
    opened->own = *opened->options;
    opened->inputs = (map_inputs){.queries = NULL};
    const ropemap_status status = vary_apply(&opened->options->sweep.vary, index, &opened->own, error);
    return status == ROPEMAP_OK ? map_inputs_open(&opened->own.map, &opened->inputs, error) : status;
}

static void close_setting(void *user) {
    opened_setting *opened = user;
    map_inputs_free(&opened->inputs);
    rule_options_free(&opened->own.map.rule);
}

/* `made`: the map and the one that --diff takes away from it, where they are computed, and to->rank is; NULL:
 * they are not. */
static ropemap_status make_one(opened_setting *opened, int index, ropemap_progress progress, void *user,
                               ropemap_map *made, sweep_setting *to, ropemap_error *error) {
    ropemap_status status = open_setting(opened, index, error);
    const map_inputs *inputs = &opened->inputs;
    const bool ranked = opened->options->order != ORDER_SETTING;
    if (status == ROPEMAP_OK) {
        vary_label(&opened->options->sweep.vary, index, to->label, sizeof to->label);
        if (inputs->tensors.capture != NULL) {
            (void)snprintf(to->captured, sizeof to->captured, "%s",
                           ropemap_capture_model(inputs->tensors.capture));
        }
    }
    if (status == ROPEMAP_OK && made != NULL) {
        to->map = made[0];
        made[0] = (ropemap_map){.cells = NULL};
        status = inputs->other != NULL ? ropemap_map_subtract(&to->map, &made[1], error) : ROPEMAP_OK;
    } else if (status == ROPEMAP_OK) {
        ropemap_attention_row mean = {0};
        status =
            map_run_mean(&opened->own.map, inputs, progress, user, &to->map, ranked ? &mean : NULL, error);
        to->rank = rank_of(&mean, opened->options->order);
    }
    if (status == ROPEMAP_OK && ranked) {
        const size_t length = strlen(to->label);
        (void)snprintf(to->label + length, sizeof to->label - length, ": %s %.3g",
                       sort_choice((int)opened->options->order), to->rank);
    }
    if (status == ROPEMAP_OK) {
        to->figure = map_caption(&opened->own.map, &to->map);
    }
    close_setting(opened);
    return status;
}

/* The largest first, NaN last; equal ones stay in their order. */
static void sort_all(sweep_setting *settings, int count) {
    for (int i = 1; i < count; i++) {
        const sweep_setting one = settings[i];
        int at = i;
        for (; at > 0 && !isnan(one.rank) && !(settings[at - 1].rank >= one.rank); at--) {
            settings[at] = settings[at - 1];
        }
        settings[at] = one;
    }
    for (int i = 0; i < count; i++) {
        settings[i].figure.panel.map = &settings[i].map;
    }
}

/* ---- own colours --------------------------------------------------------------------------------------- */

static double level_of(const ropemap_scale *scale, double value) {
    const bool log = scale->norm == ROPEMAP_NORM_LOG;
    const double low = log ? log10(scale->low) : scale->low, high = log ? log10(scale->high) : scale->high;
    const double at = !log ? value : value > 0.0 ? log10(value) : low;
    return fmin(fmax((at - low) / (high - low), 0.0), 1.0);
}

/* Cells become their place, 0 to 1, between the map's least and largest value. */
static ropemap_status take_own_colors(const map_sweep *options, sweep_setting *one, ropemap_error *error) {
    ropemap_figure figure = one->figure;
    ropemap_scale scale;
    figure.norm = map_norm(&options->map);
    figure.percentile = options->map.percent / 100.0;
    const ropemap_status status = ropemap_figure_scale(&figure, &scale, error);
    const size_t length = strlen(one->label);
    for (int64_t i = 0; status == ROPEMAP_OK && i < one->map.height * one->map.width; i++) {
        const float cell = one->map.cells[i];
        one->map.cells[i] = isnan(cell) ? cell : (float)level_of(&scale, (double)cell);
    }
    (void)snprintf(one->label + length, sizeof one->label - length, ", up to %.2g", one->map.max);
    one->map.min = 0.0;
    one->map.max = 1.0;
    return status;
}

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

/* Maps in their order, and in their own colours. */
static ropemap_status arrange(sweep_result *result, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (result->options->order != ORDER_SETTING) {
        sort_all(result->settings, result->count);
    }
    for (int i = 0; status == ROPEMAP_OK && result->options->own_colors != 0 && i < result->count; i++) {
        status = take_own_colors(result->options, &result->settings[i], error);
    }
    return status;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static ropemap_status begin(const map_sweep *options, sweep_result *result, opened_setting **opened,
                            ropemap_error *error) {
    const int count = vary_count(&options->sweep.vary);
    *opened = calloc(1, sizeof **opened);
    *result = (sweep_result){
        .options = options, .count = count, .settings = calloc((size_t)count, sizeof *result->settings)};
    if (*opened == NULL || result->settings == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d settings", count);
    }
    (*opened)->options = options;
    return ROPEMAP_OK;
}

ropemap_status sweep_make(const map_sweep *options, ropemap_progress progress, void *user,
                          sweep_result *result, ropemap_error *error) {
    opened_setting *opened = NULL;
    ropemap_status status = begin(options, result, &opened, error);
    for (int i = 0; i < result->count && status == ROPEMAP_OK; i++) {
        status = make_one(opened, i, progress, user, NULL, &result->settings[i], error);
    }
    free(opened);
    return status == ROPEMAP_OK ? arrange(result, error) : status;
}

/* ---- maps, together with others ------------------------------------------------------------------------ */

/* Maps of a setting: with --diff two. */
static int maps_of(const map_sweep *options) {
    return (options->map.given & MAP_DIFF) != 0 ? 2 : 1;
}

static ropemap_status open_map(void *user, int index, ropemap_request *request, ropemap_error *error) {
    opened_setting *opened = user;
    const int maps = maps_of(opened->options);
    const ropemap_status status = open_setting(opened, index / maps, error);
    if (status == ROPEMAP_OK) {
        *request = index % maps == 0 ? opened->own.map.request : opened->inputs.other->options.request;
    }
    return status;
}

/* A map of softmax with what --sort goes by; the other one of --diff alone. */
static ropemap_status make_whole(void *user, int index, const ropemap_request *request, ropemap_map *map,
                                 double *rank, ropemap_error *error) {
    const map_sweep *options = ((const opened_setting *)user)->options;
    if (index % maps_of(options) != 0) {
        return ropemap_map_compute(request, map, error);
    }
    const ropemap_attention_request ranked = {.map = *request};
    ropemap_attention attention = {.count = 0};
    const ropemap_status status = ropemap_attention_compute(&ranked, map, &attention, error);
    *rank = rank_of(&attention.mean, options->order);
    ropemap_attention_free(&attention);
    return status;
}

static ropemap_status share_maps(const map_sweep *options, opened_setting *opened, work_queue *queue,
                                 sweep_result *result, ropemap_map *made, double *ranks, work_end *end,
                                 ropemap_error *error) {
    const int maps = maps_of(options);
    const map_source source = {.user = opened,
                               .count = result->count * maps,
                               .open = open_map,
                               .close = close_setting,
                               .whole = options->order != ORDER_SETTING ? make_whole : NULL};
    ropemap_status status = map_shards_run(queue, &source, options->map.quiet, made, ranks, end, error);
    for (int i = 0; i < result->count && status == ROPEMAP_OK && *end == WORK_MERGE; i++) {
        result->settings[i].rank = ranks[(ptrdiff_t)i * maps];
        status = make_one(opened, i, NULL, NULL, made + (ptrdiff_t)i * maps, &result->settings[i], error);
    }
    return status == ROPEMAP_OK && *end == WORK_MERGE ? arrange(result, error) : status;
}

static ropemap_status share(const map_sweep *options, work_queue *queue, sweep_result *result, work_end *end,
                            ropemap_error *error) {
    opened_setting *opened = NULL;
    ropemap_status status = begin(options, result, &opened, error);
    const int count = result->count * maps_of(options);
    ropemap_map *made = calloc((size_t)count, sizeof *made);
    double *ranks = calloc((size_t)count, sizeof *ranks);
    if (status == ROPEMAP_OK && (made == NULL || ranks == NULL)) {
        status = fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d maps", count);
    }
    status =
        status == ROPEMAP_OK ? share_maps(options, opened, queue, result, made, ranks, end, error) : status;
    for (int i = 0; i < count && made != NULL; i++) {
        ropemap_map_free(&made[i]);
    }
    free(ranks);
    free(made);
    free(opened);
    return status;
}

void sweep_free(sweep_result *result) {
    for (int i = 0; i < result->count && result->settings != NULL; i++) {
        ropemap_map_free(&result->settings[i].map);
    }
    free(result->settings);
    *result = (sweep_result){.settings = NULL};
}

/* ---- the sheet ----------------------------------------------------------------------------------------- */

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

/* `words` is a text within the figure. */
static bool all_have_part(const sweep_setting *settings, int count, size_t words, const char *part,
                          size_t length) {
    int have = 0;
    while (have < count && has_part((const char *)&settings[have].figure + words, part, length)) {
        have++;
    }
    return have == count;
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
    size_t length = next_part(&at, &part);
    const bool same = all_have_part(settings, count, offsetof(ropemap_figure, title), part, length);
    vary_names(&options->sweep.vary, names, sizeof names);
    (void)snprintf(title, size, "%.*s over %s", same ? (int)length : 10, same ? part : "Similarity", names);
    const size_t begin = strlen(title), bytes = model != NULL ? strlen(model) + 1 : 0;
    if (bytes > 0 && begin + 2 + bytes <= size) {
        memcpy(title + begin, ", ", 2);
        memcpy(title + begin + 2, model, bytes);
    }
    while ((length = next_part(&at, &part)) > 0) {
        const size_t end = strlen(title);
        if (all_have_part(settings, count, offsetof(ropemap_figure, title), part, length) &&
            end + 2 + length < size) {
            (void)snprintf(title + end, size - end, ", %.*s", (int)length, part);
        }
    }
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
                   in_common(settings, result->count, offsetof(ropemap_figure, value_label), "similarity"));
    memcpy(figure->row_label, settings[0].figure.row_label, sizeof figure->row_label);
    memcpy(figure->col_label, settings[0].figure.col_label, sizeof figure->col_label);
    if (options->own_colors != 0) {
        label_own_colors(figure);
    }
    const bool labelled = options->own_colors != 0 || options->order != ORDER_SETTING;
    if (!labelled && sweep_headings(&options->sweep, &made->headings)) {
        figure->row_headings = made->headings.rows;
        figure->col_headings = made->headings.cols;
    }
    return made;
}

ropemap_status sweep_encode(const sweep_result *result, output_kind kind, ropemap_bytes *bytes,
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

/* What is being written: pages, and frames with the colours of these. */
typedef struct written_sweep {
    const sweep_result *result;
    ropemap_scale scale;
} written_sweep;

static ropemap_status find_scale(written_sweep *written, ropemap_error *error) {
    page *made = make_page(written->result, error);
    const ropemap_status status =
        made != NULL ? ropemap_figure_scale(&made->figure, &written->scale, error) : ROPEMAP_RESOURCES;
    free(made);
    return status;
}

static ropemap_status encode_frame(const written_sweep *written, int index, ropemap_bytes *bytes,
                                   ropemap_error *error) {
    const map_options *options = &written->result->options->map;
    ropemap_figure figure = written->result->settings[index].figure;
    const ropemap_page size = {.dpi = print_scale_of(&options->print, true).dpi};
    figure_options_apply(options, true, &figure);
    figure.colormap = map_colormap(options);
    figure.has_limits = true;
    figure.low = written->scale.low;
    figure.high = written->scale.high;
    return ropemap_figure_encode(&figure, ROPEMAP_PNG, &size, bytes, error);
}

static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const written_sweep *written = what;
    const int frame = sweep_frame(&written->result->options->sweep, index);
    return frame < 0 ? sweep_encode(written->result, kind, bytes, error)
                     : encode_frame(written, frame, bytes, error);
}

/* Computes every setting's map and writes the pages and frames. After a signal does not return. */
static ropemap_status make(const map_sweep *options, cli_run *run, work_queue *queue, ropemap_error *error) {
    const bool shares = queue->document != NULL;
    work_end end = WORK_MERGE;
    sweep_result result = {.settings = NULL};
    written_sweep written = {.result = &result};
    run_begin(run, options->map.quiet);
    ropemap_status status = shares ? share(options, queue, &result, &end, error)
                                   : sweep_make(options, progress_tell, &run->progress, &result, error);
    progress_end(&run->progress);
    if (status == ROPEMAP_OK && end == WORK_MERGE) {
        status = find_scale(&written, error);
        status = status == ROPEMAP_OK ? outputs_write(&run->outputs, encode, &written, error) : status;
        status = shares ? work_finish(queue, status, error) : status;
    }
    run_end(run);
    if (status == ROPEMAP_OK && end != WORK_MERGE) {
        work_report(queue, end, options->map.quiet);
    }
    sweep_free(&result);
    return status;
}

/* ---- the command --------------------------------------------------------------------------------------- */

/* Of the orders and colours of panels. */
static ropemap_status check_panels(const map_sweep *options, ropemap_error *error) {
    const char *apart = options->own_colors != 0 ? "colors" : options->order != ORDER_SETTING ? "sort" : NULL;
    if (apart != NULL && options->sweep.frames != NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s is of pages; leave --frames out", apart);
    }
    if (options->order != ORDER_SETTING && options->map.request.measure != ROPEMAP_MEASURE_SOFTMAX) {
        return fail(error, ROPEMAP_USAGE, "--sort needs --measure softmax");
    }
    return options->own_colors != 0 &&
                   (options->map.limits.given || map_norm(&options->map) == ROPEMAP_NORM_SYMLOG)
               ? fail(error, ROPEMAP_USAGE, "--colors own: it goes without --clim and --norm symlog")
               : ROPEMAP_OK;
}

/* Of all that decides how the page looks. */
static ropemap_status check_page(const map_sweep *options, ropemap_error *error) {
    const char *frame = options->map.contour_count > 0 ? "contour" : options->map.dark ? "dark" : NULL;
    if (frame != NULL && options->sweep.frames == NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s is for one map, or for --frames DIR; leave it out", frame);
    }
    const ropemap_status status = check_panels(options, error);
    return status == ROPEMAP_OK ? figure_options_check(&options->map, error) : status;
}

static ropemap_status check(const map_sweep *options, cli_outputs *outputs, ropemap_error *error) {
    ropemap_status status = check_page(options, error);
    status = status == ROPEMAP_OK ? map_note_diff(&options->map, outputs, error) : status;
    return status == ROPEMAP_OK ? sweep_check(&options->sweep, options->map.force, outputs, error) : status;
}

ropemap_status sweep_number(map_sweep *options, ropemap_error *error) {
    return heads_number_all(&options->sweep.vary, &options->map.tensors, error);
}

static ropemap_status work(void *options, cli_run *run, ropemap_error *error) {
    map_options *map = &((map_sweep *)options)->map;
    const bool force = map->force;
    work_queue queue = {.document = NULL};
    map->force = force || map->work.folder != NULL; /* work_join looks at what exists */
    ropemap_status status = sweep_number(options, error);
    status = status == ROPEMAP_OK ? check(options, &run->outputs, error) : status;
    figure_options_warn(map);
    status = status == ROPEMAP_OK ? work_open(&map->work, force, run, &queue, error) : status;
    if (status == ROPEMAP_OK && queue.finished) {
        work_report(&queue, WORK_FINISHED, map->quiet);
    } else if (status == ROPEMAP_OK) {
        status = make(options, run, &queue, error);
    }
    work_free(&queue);
    return status;
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

/* ---- as a value ---------------------------------------------------------------------------------------- */

static ropemap_status value_make(void *given, cli_call *call, void *made, ropemap_error *error) {
    map_sweep *options = given;
    options->map.request.session = call->session;
    ropemap_status status = sweep_varies(&options->sweep, error);
    status = status == ROPEMAP_OK ? sweep_number(options, error) : status;
    status = status == ROPEMAP_OK ? check_page(options, error) : status;
    return status == ROPEMAP_OK ? sweep_make(options, call_tell, call, made, error) : status;
}

static ropemap_status value_encode(const void *options, const void *made, output_kind kind,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_status status = check_page(options, error);
    return status == ROPEMAP_OK ? sweep_encode(made, kind, bytes, error) : status;
}

static bool value_array(const void *made, int32_t index, cli_array *array) {
    const sweep_result *from = made;
    const sweep_setting *setting = &from->settings[index < from->count ? index : 0];
    *array = (cli_array){.name = setting->label,
                         .data = setting->map.cells,
                         .item = sizeof *setting->map.cells,
                         .rank = 2,
                         .shape = {setting->map.height, setting->map.width}};
    return index < from->count;
}

static void value_free(void *made) {
    sweep_free(made);
}

static const cli_result value = {sizeof(sweep_result), OUTPUT_PICTURES, value_make, NULL,
                                 value_encode,         value_array,     value_free};

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
               {panel_rows, 0},
               {map_rows, offsetof(map_sweep, map)},
               {attention_rows, offsetof(map_sweep, map.request)},
               {tensor_rows, offsetof(map_sweep, map.tensors)},
               {section_rows, offsetof(map_sweep, map.rule)},
               {map_detail_rows, offsetof(map_sweep, map)},
               {machine_rows, offsetof(map_sweep, map.request)},
               {device_rows, offsetof(map_sweep, map.request)},
               {thread_rows, offsetof(map_sweep, map.request.threads)},
               {work_rows, offsetof(map_sweep, map.work)},
               {print_rows, offsetof(map_sweep, map.print)}},
    .notes = notes,
    .size = sizeof(map_sweep),
    .start = start,
    .work = work,
    .end = end,
    .result = &value,
};
