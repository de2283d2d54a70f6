/* map_options.c - the options of a map */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options/map_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PART_MAX = 80, DEVICE_MOST = 1023 /* number of a GPU */ };

/* ---- names of values ----------------------------------------------------------------------------------- */

/* Names of values, in the order of their enumerations; NULL past the last. */
static const char *content_choice(int index) {
    static const char *const names[] = {
        [MAP_CONTENT_ONES] = "ones", [MAP_CONTENT_GAUSS] = "gauss", [MAP_CONTENT_GAUSS + 1] = NULL};
    return names[index];
}

static const char *measure_choice(int index) {
    return ropemap_measure_name((ropemap_measure)index);
}

static const char *pool_choice(int index) {
    return ropemap_pool_name((ropemap_pool)index);
}

static const char *backend_choice(int index) {
    static const char *const names[] = {"auto", "cpu", "cuda", NULL};
    return names[index];
}

static const char *method_choice(int index) {
    return ropemap_method_name((ropemap_method)index);
}

static const char *kernel_choice(int index) {
    return ropemap_kernel_name((ropemap_kernel)index);
}

static const char *dtype_choice(int index) {
    return ropemap_dtype_name((ropemap_dtype)index);
}

static const char *colormap_choice(int index) {
    return ropemap_colormap_name((ropemap_colormap)index);
}

static const char *phase_choice(int index) {
    return ropemap_phase_name((ropemap_phase)index);
}

static const char *norm_choice(int index) {
    return ropemap_norm_name((ropemap_norm)index);
}

/* ---- setters; `into` is a map_options -------------------------------------------------------------------
 */

/* Any of the three ranges. Its first position may depend on options to come, so the text is kept. */
static ropemap_status set_range(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    ropemap_range range;
    const ropemap_status status = number_range(option_subject(option).text, text, 0, &range, error);
    *(const char **)((char *)into + option->offset) = text;
    return status;
}

/* ones, gauss or gauss:SEED */
static ropemap_status set_content(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    map_options *options = into;
    const char *colon = strchr(text, ':');
    char name[PART_MAX];
    (void)snprintf(name, sizeof name, "%.*s", colon != NULL ? (int)(colon - text) : (int)strlen(text), text);
    int index = 0;
    ropemap_status status = option_choose(option, name, &index, error);
    options->content = (map_content)index;
    options->seed = 0;
    if (status == ROPEMAP_OK && colon != NULL && options->content != MAP_CONTENT_GAUSS) {
        return fail(error, ROPEMAP_USAGE, "--content: only gauss takes a seed ('%.64s')", text);
    }
    if (status == ROPEMAP_OK && colon != NULL) {
        status = number_integer(option_subject_of(option, text).text, colon + 1, 0, UINT64_MAX,
                                &options->seed, error);
    }
    return status;
}

/* linear, log, symlog or symlog:LINEAR */
static ropemap_status set_norm(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    char name[PART_MAX];
    const size_t length = strcspn(text, ":");
    (void)snprintf(name, sizeof name, "%.*s", (int)length, text);
    int index = 0;
    ropemap_status status = option_choose(option, length < sizeof name ? name : text, &index, error);
    options->norm = (ropemap_norm)index;
    options->linear_below = 0.0;
    if (status != ROPEMAP_OK || text[length] == '\0') {
        return status;
    }
    if (options->norm != ROPEMAP_NORM_SYMLOG) {
        return fail(error, ROPEMAP_USAGE, "--norm: only symlog takes a number ('%.64s')", text);
    }
    status =
        number_real(option_subject_of(option, text).text, text + length + 1, &options->linear_below, error);
    return status == ROPEMAP_OK && !(options->linear_below > 0.0)
               ? fail(error, ROPEMAP_USAGE, "--norm: '%.64s' is out of range; give a number above 0", text)
               : status;
}

/* V or V,V,... */
static ropemap_status set_contours(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    map_options *options = into;
    enum { MOST = (int)(sizeof options->contours / sizeof *options->contours) };
    const char *at = text;
    for (bool more = true; more;) {
        char part[PART_MAX];
        const size_t length = strcspn(at, ",");
        (void)snprintf(part, sizeof part, "%.*s", (int)length, at);
        if (options->contour_count == MOST) {
            return fail(error, ROPEMAP_USAGE, "--contour: '%.64s' is one too many; give at most %d", at,
                        (int)MOST);
        }
        const ropemap_status status = number_real(option_subject_of(option, text).text, part,
                                                  &options->contours[options->contour_count], error);
        if (status != ROPEMAP_OK) {
            return status;
        }
        options->contour_count++;
        more = at[length] == ',';
        at += length + 1;
    }
    return ROPEMAP_OK;
}

static ropemap_status set_device(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    ropemap_request *request = into;
    uint64_t device = 0;
    if (strchr(text, ',') != NULL) {
        return fail(
            error, ROPEMAP_USAGE,
            "--device: '%.64s' lists several GPUs, which only map and sweep share; give one, or start a "
            "process for each with --work DIR",
            text);
    }
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 0, DEVICE_MOST, &device, error);
    request->device = (int32_t)device;
    return status;
}

/* N or N,N,...; given again, it replaces the list. */
static ropemap_status set_devices(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    map_options *options = into;
    map_device_list list = {.count = 0};
    const char *at = text;
    for (bool more = true; more;) {
        char part[PART_MAX];
        uint64_t device = 0;
        const size_t length = strcspn(at, ",");
        (void)snprintf(part, sizeof part, "%.*s", (int)length, at);
        const ropemap_status status =
            number_integer(option_subject_of(option, text).text, part, 0, DEVICE_MOST, &device, error);
        if (status != ROPEMAP_OK) {
            return status;
        }
        for (int32_t i = 0; i < list.count; i++) {
            if (list.all[i] == (int32_t)device) {
                return fail(error, ROPEMAP_USAGE, "--device: '%.64s' has GPU %d twice; give each once", text,
                            (int)device);
            }
        }
        if (list.count == MAP_DEVICES) {
            return fail(error, ROPEMAP_USAGE, "--device: '%.64s' is one too many; give at most %d", at,
                        (int)MAP_DEVICES);
        }
        list.all[list.count++] = (int32_t)device;
        more = at[length] == ',';
        at += length + 1;
    }
    options->devices = list;
    options->request.device = list.all[0];
    return ROPEMAP_OK;
}

/* NAME=VALUE, whose name and value are read with the other map's options; or a phase. */
static ropemap_status set_diff(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int phase = 0;
    options->diff = text;
    return strchr(text, '=') != NULL ? ROPEMAP_OK : option_choose(option, text, &phase, error);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

const cli_option map_rows[] = {
    {.group = GROUP_WHAT,
     .name = "positions",
     .letter = 'n',
     .argument = "RANGE",
     .initial = "4k, or all of the tensors or the grid",
     .help = "number of query and key positions",
     .type = OPTION_CUSTOM,
     .set = set_range,
     .offset = offsetof(map_options, positions),
     .slider = &(const cli_slider){4, 0x1p24, true, 1, "tokens"},
     .page = {.place = PLACE_RULE, .label = "Length"}},
    {.group = GROUP_WHAT,
     .name = "content",
     .argument = "ones|gauss[:SEED]",
     .choices = content_choice,
     .initial = "ones",
     .help = "queries and keys: the unit vector with equal entries everywhere, or independent random vectors "
             "of mean square length 1",
     .type = OPTION_CUSTOM,
     .set = set_content,
     .bit = MAP_CONTENT,
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "shift",
     .argument = "N",
     .initial = "0",
     .help = "added to every position before rotating: an exact map does not change, a rounded one does",
     .type = OPTION_INT,
     .offset = offsetof(map_options, shift),
     .most = ROPEMAP_POSITION_END - 1,
     .slider = &(const cli_slider){1, 0x1p39, true, 1, "tokens"},
     .page = {.place = PLACE_PRECISION, .label = "Position shift"}},
    {.group = GROUP_WHAT,
     .name = "phase",
     .choices = phase_choice,
     .initial = "exact",
     .help = "exact, or with the rounding of a real implementation",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_options, phase),
     .bit = MAP_PHASE,
     .page = {.place = PLACE_PRECISION, .label = "Arithmetic"}},
    {.group = GROUP_WHAT,
     .name = "measure",
     .choices = measure_choice,
     .initial = "dot",
     .help = "q.k, q.k / sqrt(D), q.k / (|q| |k|), or attention: softmax over the keys that a query sees",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_options, request.measure),
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "pool",
     .choices = pool_choice,
     .initial = "mean, of softmax mass",
     .help = "how the similarities of a cell become one number; of softmax mean, max, or mass: what its keys "
             "have of a query's attention, so that a row sums to 1",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_options, request.pool),
     .bit = MAP_POOL,
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_OUTPUT,
     .name = "cmap",
     .choices = colormap_choice,
     .initial = "auto",
     .help = "colours; turbo and seed are not for colour-blind readers",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_options, colormap),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_OUTPUT,
     .name = "norm",
     .argument = "linear|log|symlog[:V]",
     .choices = norm_choice,
     .initial = "linear, of softmax log",
     .help = "linear, log (positive values only) or symlog (linear within +/-V; default max/1000)",
     .type = OPTION_CUSTOM,
     .set = set_norm,
     .bit = MAP_NORM,
     .page = {.place = PLACE_COLOUR, .label = "Colour scale"}},
    {.name = NULL},
};

const cli_option map_detail_rows[] = {
    {.group = GROUP_WHAT,
     .name = "rows",
     .argument = "RANGE",
     .help = "positions of the queries, down, where they differ",
     .type = OPTION_CUSTOM,
     .set = set_range,
     .offset = offsetof(map_options, row_positions),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "cols",
     .argument = "RANGE",
     .help = "positions of the keys, across, where they differ",
     .type = OPTION_CUSTOM,
     .set = set_range,
     .offset = offsetof(map_options, col_positions),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "positions-from",
     .argument = "FILE.npy",
     .help = "positions of the rows, whole numbers [S], or [axes, S] with --axes or --sections; then "
             "ranges count rows",
     .type = OPTION_TEXT,
     .offset = offsetof(map_options, positions_from),
     .reads = READS_FILE,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "diff",
     .argument = "NAME=VALUE|PHASE",
     .choices = phase_choice,
     .help = "draw what changes: the map less the one with another value of one option, such as "
             "scaling=none, preset=llama2-7b, base=1e4 or head=3; or that --phase less the exact map",
     .type = OPTION_CUSTOM,
     .set = set_diff,
     .bit = MAP_DIFF,
     .page = {.place = PLACE_PRECISION, .label = "Difference to"}},
    {.group = GROUP_WHAT,
     .name = "strict",
     .help = "refuse tensors that hold NaN or infinity",
     .type = OPTION_FLAG,
     .offset = offsetof(map_options, request.strict),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "size",
     .argument = "WxH",
     .initial = "1024x1024",
     .help = "cells of the map; one number stands for both",
     .type = OPTION_SIZE,
     .offset = offsetof(map_options, size),
     .most = ROPEMAP_MAX_SIDE,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_HOW,
     .name = "method",
     .choices = method_choice,
     .initial = "auto",
     .help = "how cells are computed: from pooled rows, from every distance once, or from every pair",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_options, request.method)},
    {.group = GROUP_HOW,
     .name = "kernel",
     .choices = kernel_choice,
     .initial = "auto",
     .help = "tiled method: pool products where they are made (fused), or from tiles in memory",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_options, request.kernel)},
    {.group = GROUP_HOW,
     .name = "dtype",
     .choices = dtype_choice,
     .initial = "fp32",
     .help = "tiled method: what rotated rows are rounded to before every pair is multiplied",
     .type = OPTION_CHOICE,
     .offset = offsetof(map_options, request.dtype)},
    {.group = GROUP_OUTPUT,
     .name = "clim",
     .argument = "LOW:HIGH",
     .initial = "the map's own",
     .help = "values at the ends of the colour bar",
     .type = OPTION_INTERVAL,
     .offset = offsetof(map_options, limits),
     .page = {.place = PLACE_COLOUR, .label = "Colour range"}},
    {.group = GROUP_OUTPUT,
     .name = "contour",
     .argument = "V[,V...]",
     .help = "contour levels (up to 8)",
     .type = OPTION_CUSTOM,
     .set = set_contours,
     .page = {.place = PLACE_FILES, .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "dark",
     .help = "light text on a dark page",
     .type = OPTION_FLAG,
     .offset = offsetof(map_options, dark),
     .page = {.place = PLACE_FILES, .label = "Dark page", .framed = true}},
    OPTION_FORCE(offsetof(map_options, force)),
    OPTION_QUIET(offsetof(map_options, quiet), "print nothing but errors"),
    {.name = NULL},
};

const cli_option map_single_rows[] = {
    {.group = GROUP_HOW,
     .name = "dry-run",
     .help = "print how the map would be computed, and compute nothing",
     .type = OPTION_FLAG,
     .offset = offsetof(map_options, dry_run),
     .local = true},
    OPTION_OUTPUT(offsetof(map_options, outputs), "where the map goes: .png, .svg, .pdf, .npy, or - for a "
                                                  "PNG on standard output, svg:- for another kind"),
    {.group = GROUP_OUTPUT,
     .name = "bare",
     .help = "one pixel a cell, no frame",
     .type = OPTION_FLAG,
     .offset = offsetof(map_options, bare),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_OUTPUT,
     .name = "percentile",
     .argument = "P",
     .help = "clip P % of cells at each end",
     .type = OPTION_REAL,
     .offset = offsetof(map_options, percent),
     .bounds = &(const cli_bounds){.high = 40, .above = true, .words = "a percentage above 0, at most 40"},
     .slider = &(const cli_slider){0.1, 40, true, 0, "%"},
     .page = {.place = PLACE_COLOUR}},
    OPTION_JSON(offsetof(map_options, json), "print everything about the map as JSON on standard output"),
    {.group = GROUP_OUTPUT,
     .name = "verbose",
     .letter = 'v',
     .help = "print the plan and the time of each stage too",
     .type = OPTION_FLAG,
     .offset = offsetof(map_options, verbose),
     .local = true},
    {.name = NULL},
};

const cli_option machine_rows[] = {
    {.group = GROUP_HOW,
     .name = "backend",
     .choices = backend_choice,
     .initial = "auto",
     .help = "what does the arithmetic; auto: the GPU where there is one and the map is large enough",
     .type = OPTION_WORD,
     .offset = offsetof(ropemap_request, backend),
     .local = true},
    {.group = GROUP_HOW,
     .name = "memory",
     .argument = "BYTES",
     .initial = "a quarter of RAM",
     .help = "memory the work may take",
     .type = OPTION_INT,
     .offset = offsetof(ropemap_request, memory),
     .least = 1,
     .most = INT64_MAX,
     .local = true},
    {.name = NULL},
};

const cli_option devices_rows[] = {
    {.group = GROUP_HOW,
     .name = "device",
     .argument = "N[,N...]",
     .initial = "0",
     .help = "which GPU, counted from 0; several of one kind share each map, and it has the same bytes",
     .type = OPTION_CUSTOM,
     .set = set_devices,
     .local = true},
    {.name = NULL},
};

const cli_option device_rows[] = {
    {.group = GROUP_HOW,
     .name = "device",
     .argument = "N",
     .initial = "0",
     .help = "which GPU, counted from 0; one (map and sweep take several)",
     .type = OPTION_CUSTOM,
     .set = set_device,
     .local = true},
    {.name = NULL},
};

/* ---- what goes together -------------------------------------------------------------------------------- */

map_options map_options_default(void) {
    const ropemap_request request = ropemap_request_default();
    return (map_options){.rule = rule_options_default(),
                         .request = request,
                         .size = {.width = request.width, .height = request.height}};
}

ropemap_status map_options_check(const map_options *options, ropemap_error *error) {
    /* a row of a table of frequencies is a head too */
    const uint32_t only = TENSOR_ALL & ~(uint32_t)TENSOR_STATE &
                          ~(uint32_t)(options->rule.frequencies != NULL ? TENSOR_HEAD : 0);
    const ropemap_status status = tensor_options_check(&options->tensors, only, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (options->tensors.queries != NULL && (options->given & MAP_CONTENT) != 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--content and --queries ('%.200s') both say what the vectors are; use one",
                    options->tensors.queries);
    }
    return options->outputs.count > 0 || options->dry_run
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--output is missing; give -o FILE.png, .svg, .pdf or .npy");
}

/* Attention falls by powers of ten; so do differences of it, both ways. */
ropemap_norm map_norm(const map_options *options) {
    if (options->request.measure != ROPEMAP_MEASURE_SOFTMAX || (options->given & MAP_NORM) != 0) {
        return options->norm;
    }
    return (options->given & MAP_DIFF) != 0 ? ROPEMAP_NORM_SYMLOG : ROPEMAP_NORM_LOG;
}

ropemap_colormap map_colormap(const map_options *options) {
    const bool difference = (options->given & MAP_DIFF) != 0 && options->colormap == ROPEMAP_COLORMAP_AUTO;
    return !difference     ? options->colormap
           : options->dark ? ROPEMAP_COLORMAP_DIFFERENCE_DARK
                           : ROPEMAP_COLORMAP_DIFFERENCE;
}

void figure_options_warn(const map_options *options) {
    if (!options->quiet && options->work.folder == NULL &&
        (options->colormap == ROPEMAP_COLORMAP_TURBO || options->colormap == ROPEMAP_COLORMAP_SEED)) {
        warning(
            "--cmap %s: colour-blind readers cannot order its colours; viridis, cividis, magma, batlow and "
            "diverging are safe",
            ropemap_colormap_name(options->colormap));
    }
}

ropemap_status figure_options_check(const map_options *options, ropemap_error *error) {
    if (options->percent > 0.0 && options->limits.given) {
        return fail(error, ROPEMAP_USAGE, "--percentile and --clim both set the limits; use one");
    }
    if (map_norm(options) == ROPEMAP_NORM_LOG && options->limits.given && !(options->limits.low > 0.0)) {
        return fail(error, ROPEMAP_USAGE,
                    "--clim: %g to %g with --norm log; give limits above 0, or use symlog",
                    options->limits.low, options->limits.high);
    }
    const char *frame = options->contour_count > 0       ? "contour"
                        : options->dark                  ? "dark"
                        : options->print.font.size > 0.0 ? "font-size"
                        : options->print.no_title        ? "no-title"
                                                         : NULL;
    if (options->bare && frame != NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s needs a frame; leave --bare out", frame);
    }
    if (options->bare && options->print.width.size > 0.0 && options->print.dpi > 0.0) {
        return fail(error, ROPEMAP_USAGE,
                    "--dpi and --width: a --bare picture has one pixel a cell; use one of the two");
    }
    return print_size_check(&options->print, error);
}
