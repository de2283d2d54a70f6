/* command_sweep.c - `ropemap sweep`: maps of many settings side by side, or as the frames of an animation */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"
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
    const vary_set *vary = &opened->options->sweep.vary;
    const ropemap_status status = vary_apply(vary, index, &opened->own, error);
    vary_keep_own(vary, &opened->own.map.request.encoding);
    return status == ROPEMAP_OK ? map_inputs_open(&opened->own.map, &opened->inputs, error) : status;
}

static void close_setting(opened_setting *opened) {
    map_inputs_free(&opened->inputs);
    rule_options_free(&opened->own.map.rule);
}

/* `made`: the map and the one that --diff takes away from it, where they are computed, and to->rank is; NULL:
 * they are not. */
static ropemap_status make_one(opened_setting *opened, int index, cli_call *call, ropemap_map *made,
                               sweep_setting *to, ropemap_error *error) {
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
            map_run_mean(&opened->own.map, inputs, call_tell, call, &to->map, ranked ? &mean : NULL, error);
        to->rank = rank_of(&mean, opened->options->order);
    }
    if (status == ROPEMAP_OK && ranked) {
        const size_t length = strlen(to->label);
        (void)snprintf(to->label + length, sizeof to->label - length, ": %s %.3g",
                       sort_choice((int)opened->options->order), to->rank);
    }
    if (status == ROPEMAP_OK) {
        to->figure = map_caption(&opened->own.map, &to->map);
        to->endless = opened->own.map.request.encoding.kind == ROPEMAP_ENCODING_ALIBI;
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

/* *opened: one for each GPU of the list. */
static ropemap_status begin(map_sweep *options, cli_call *call, sweep_result *result, opened_setting **opened,
                            ropemap_error *error) {
    const int count = vary_count(&options->sweep.vary);
    options->map.request.session = call->session;
    options->map.tensors.names_keys = call->alone;
    const int32_t lanes = options->map.devices.count > 1 ? options->map.devices.count : 1;
    *opened = calloc((size_t)lanes, sizeof **opened);
    *result = (sweep_result){
        .options = options, .count = count, .settings = calloc((size_t)count, sizeof *result->settings)};
    if (*opened == NULL || result->settings == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d settings", count);
    }
    for (int32_t lane = 0; lane < lanes; lane++) {
        (*opened)[lane].options = options;
    }
    return ROPEMAP_OK;
}

static ropemap_status make(void *options, cli_call *call, void *made, ropemap_error *error) {
    sweep_result *result = made;
    opened_setting *opened = NULL;
    ropemap_status status = begin(options, call, result, &opened, error);
    for (int i = 0; i < result->count && status == ROPEMAP_OK; i++) {
        status = make_one(opened, i, call, NULL, &result->settings[i], error);
    }
    free(opened);
    return status == ROPEMAP_OK ? arrange(result, error) : status;
}

/* ---- maps, together with others ------------------------------------------------------------------------ */

/* Maps of a setting: with --diff two. */
static int maps_of(const map_sweep *options) {
    return (options->map.given & MAP_DIFF) != 0 ? 2 : 1;
}

static ropemap_status open_map(void *user, int32_t lane, int index, ropemap_request *request,
                               ropemap_error *error) {
    opened_setting *opened = (opened_setting *)user + lane;
    const int maps = maps_of(opened->options);
    const ropemap_status status = open_setting(opened, index / maps, error);
    if (status == ROPEMAP_OK) {
        *request = index % maps == 0 ? opened->own.map.request : opened->inputs.other->options.request;
    }
    return status;
}

static void close_map(void *user, int32_t lane) {
    close_setting((opened_setting *)user + lane);
}

/* A map of softmax with what --sort goes by; the other one of --diff alone. */
static ropemap_status make_whole(void *user, int32_t lane, int index, const ropemap_request *request,
                                 ropemap_map *map, double *rank, ropemap_error *error) {
    const map_sweep *options = ((const opened_setting *)user + lane)->options;
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

static ropemap_status share_maps(const map_sweep *options, cli_call *call, opened_setting *opened,
                                 work_queue *queue, sweep_result *result, ropemap_map *made, double *ranks,
                                 ropemap_error *error) {
    const int maps = maps_of(options);
    const map_source source = {.user = opened,
                               .count = result->count * maps,
                               .devices = &options->map.devices,
                               .open = open_map,
                               .close = close_map,
                               .whole = options->order != ORDER_SETTING ? make_whole : NULL};
    ropemap_status status =
        map_shards_run(queue, &source, options->map.quiet, made, ranks, &queue->end, error);
    for (int i = 0; i < result->count && status == ROPEMAP_OK && queue->end == WORK_MERGE; i++) {
        result->settings[i].rank = ranks[(ptrdiff_t)i * maps];
        status = make_one(opened, i, call, made + (ptrdiff_t)i * maps, &result->settings[i], error);
    }
    return status == ROPEMAP_OK && queue->end == WORK_MERGE ? arrange(result, error) : status;
}

static ropemap_status share(void *given, cli_call *call, work_queue *queue, void *to, ropemap_error *error) {
    map_sweep *options = given;
    sweep_result *result = to;
    opened_setting *opened = NULL;
    ropemap_status status = begin(options, call, result, &opened, error);
    const int count = result->count * maps_of(options);
    ropemap_map *made = calloc((size_t)count, sizeof *made);
    double *ranks = calloc((size_t)count, sizeof *ranks);
    if (status == ROPEMAP_OK && (made == NULL || ranks == NULL)) {
        status = fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d maps", count);
    }
    status =
        status == ROPEMAP_OK ? share_maps(options, call, opened, queue, result, made, ranks, error) : status;
    for (int i = 0; i < count && made != NULL; i++) {
        ropemap_map_free(&made[i]);
    }
    free(ranks);
    free(made);
    free(opened);
    return status;
}

static void free_result(void *made) {
    sweep_result *result = made;
    for (int i = 0; i < result->count && result->settings != NULL; i++) {
        ropemap_map_free(&result->settings[i].map);
    }
    free(result->settings);
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
    if (options->order != ORDER_SETTING && options->map.devices.count > 1 &&
        options->map.work.folder == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--sort: each map is made by one GPU; give one --device, or --work DIR for GPUs to share "
                    "the maps");
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

static ropemap_status check(void *given, cli_outputs *outputs, ropemap_error *error) {
    map_sweep *options = given;
    ropemap_status status = heads_number_all(&options->sweep.vary, &options->map.tensors, error);
    status = status == ROPEMAP_OK ? check_page(options, error) : status;
    if (status == ROPEMAP_OK && outputs != NULL) {
        status = map_note_diff(&options->map, outputs, error);
    }
    status = status == ROPEMAP_OK ? sweep_check(&options->sweep, options->map.force, outputs, error) : status;
    if (status == ROPEMAP_OK && outputs != NULL) {
        figure_options_warn(&options->map);
    }
    return status;
}

static ropemap_status encode(const void *given, void *made, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const map_sweep *options = given;
    const int frame = sweep_frame(&options->sweep, index);
    const ropemap_status status = check_page(options, error);
    return status != ROPEMAP_OK ? status
           : frame < 0          ? sweep_page_encode(made, kind, bytes, error)
                                : sweep_frame_encode(made, frame, bytes, error);
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

static bool array(const void *made, int32_t index, cli_array *to) {
    const sweep_result *from = made;
    const sweep_setting *setting = &from->settings[index < from->count ? index : 0];
    *to = (cli_array){.name = setting->label,
                      .data = setting->map.cells,
                      .item = sizeof *setting->map.cells,
                      .rank = 2,
                      .shape = {setting->map.height, setting->map.width}};
    return index < from->count;
}

static const cli_result result = {.size = sizeof(sweep_result),
                                  .kinds = OUTPUT_PICTURES,
                                  .check = check,
                                  .make = make,
                                  .share = share,
                                  .encode = encode,
                                  .array = array,
                                  .free = free_result};

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
               {encoding_rows, offsetof(map_sweep, map.request)},
               {map_rows, offsetof(map_sweep, map)},
               {attention_rows, offsetof(map_sweep, map.request)},
               {tensor_rows, offsetof(map_sweep, map.tensors)},
               {section_rows, offsetof(map_sweep, map.rule)},
               {map_detail_rows, offsetof(map_sweep, map)},
               {machine_rows, offsetof(map_sweep, map.request)},
               {devices_rows, offsetof(map_sweep, map)},
               {thread_rows, offsetof(map_sweep, map.request.threads)},
               {work_rows, offsetof(map_sweep, map.work)},
               {print_rows, offsetof(map_sweep, map.print)}},
    .notes = notes,
    .size = sizeof(map_sweep),
    .start = start,
    .work = result_work,
    .end = end,
    .result = &result,
};
