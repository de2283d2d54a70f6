/* command_sweep_curve.c - `ropemap sweep curve`: curves of many settings as plots side by side */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/vary.h"
#include "tools/ropemap/run.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABEL_BYTES = 120 };

/* Left empty above and below the curves of frames, as a part of their span. */
#define ROOM 0.05

typedef struct curve_sweep {
    curve_options curve; /* first, as its own `vary`, the lines of each plot, is applied to it alone */
    sweep_options sweep; /* what varies between plots */
} curve_sweep;

/* All plots; one array an aspect, since the library takes plots as an array. */
typedef struct sweep {
    const curve_sweep *options;
    int count;
    curves *made;        /* [count] */
    curve_chart *charts; /* [count] */
    ropemap_plot *plots; /* [count] */
    char (*labels)[LABEL_BYTES];
    curve_chart words; /* of the page */
    double low, high;  /* limits of frames */
} sweep;

static ropemap_status open_sweep(sweep *all, ropemap_error *error) {
    const size_t count = (size_t)all->count;
    all->made = calloc(count, sizeof *all->made);
    all->charts = calloc(count, sizeof *all->charts);
    all->plots = calloc(count, sizeof *all->plots);
    all->labels = calloc(count, sizeof *all->labels);
    return all->made != NULL && all->charts != NULL && all->plots != NULL && all->labels != NULL
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_RESOURCES, "--vary: no memory for %d plots", all->count);
}

static void close_sweep(void *made) {
    sweep *all = made;
    for (int i = 0; i < all->count && all->made != NULL; i++) {
        curves_free(&all->made[i]);
    }
    free(all->made);
    free(all->charts);
    free(all->plots);
    free(all->labels);
}

/* "RoPE similarity over base and head dimension" */
static void make_words(sweep *all) {
    char names[LABEL_BYTES], part[LABEL_BYTES + 8];
    vary_names(&all->options->sweep.vary, names, sizeof names);
    (void)snprintf(part, sizeof part, " over %s", names);
    curve_chart_words(&all->options->curve, all->made, all->count, part, &all->words);
}

/* Limits of all frames: the given ones, else those of all curves with some room. */
static void choose_limits(sweep *all) {
    const curve_options *options = &all->options->curve;
    double low = options->limits.given ? options->limits.low : INFINITY;
    double high = options->limits.given ? options->limits.high : -INFINITY;
    for (int i = 0; i < all->count && !options->limits.given; i++) {
        const curves *made = &all->made[i];
        for (int j = 0; j < made->count; j++) {
            for (int64_t at = 0; at < made->distances.count; at++) {
                low = fmin(low, made->one[j].values[at]);
                high = fmax(high, made->one[j].values[at]);
            }
        }
    }
    if (!options->limits.given) {
        const double room = high > low ? ROOM * (high - low) : ROOM * fmax(fabs(high), 1.0);
        low -= room;
        high += room;
    }
    all->low = low;
    all->high = high;
}

static ropemap_status make(void *given, cli_call *call, void *made, ropemap_error *error) {
    const curve_sweep *options = given;
    sweep *all = made;
    *all = (sweep){.options = options, .count = vary_count(&options->sweep.vary)};
    ropemap_status status = open_sweep(all, error);
    for (int i = 0; i < all->count && status == ROPEMAP_OK; i++) {
        curve_sweep own = *options;
        own.curve.call = call;
        status = vary_apply(&options->sweep.vary, i, &own, error);
        vary_keep_own(&options->sweep.vary, &own.curve.request.encoding);
        status = status == ROPEMAP_OK ? curves_make(&own.curve, &all->made[i], error) : status;
        if (status == ROPEMAP_OK) {
            vary_label(&options->sweep.vary, i, all->labels[i], sizeof all->labels[i]);
            curve_chart_make(&own.curve, &all->made[i], &all->charts[i]);
            all->plots[i] = all->charts[i].chart.plot;
            all->plots[i].label = all->labels[i];
        }
    }
    if (status == ROPEMAP_OK) {
        make_words(all);
        choose_limits(all);
    }
    return status;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

static ropemap_status encode_page(const sweep *all, output_kind kind, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    const curve_options *options = &all->options->curve;
    vary_headings *headings = calloc(1, sizeof *headings); /* large */
    if (headings == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary: no memory for the headings");
    }
    for (int i = 0; i < all->count; i++) {
        curve_chart_axes(options, &all->made[i], &all->charts[i]);
    }
    ropemap_chart chart = all->charts[0].chart;
    chart.title = all->words.title;
    chart.subtitle = all->words.subtitle;
    chart.description = all->words.description;
    chart.y_label = all->words.chart.y_label;
    chart.plots = all->plots;
    chart.count = all->count;
    chart.columns = sweep_columns(&all->options->sweep);
    if (sweep_headings(&all->options->sweep, headings)) {
        chart.row_headings = headings->rows;
        chart.col_headings = headings->cols;
    }
    const ropemap_page size = print_chart(&options->print, options->size, 0.0, kind == OUTPUT_PNG, &chart);
    const ropemap_status status = ropemap_chart_encode(&chart, output_format(kind), &size, bytes, error);
    free(headings);
    return status;
}

/* ---- frames -------------------------------------------------------------------------------------------- */

static ropemap_status encode_frame(const sweep *all, int index, ropemap_bytes *bytes, ropemap_error *error) {
    const curve_options *options = &all->options->curve;
    curve_chart *one = &all->charts[index];
    char part[LABEL_BYTES + 4];
    (void)snprintf(part, sizeof part, ", %s", all->labels[index]);
    curve_chart_words(options, all->made, all->count, part, one);
    ropemap_chart chart = one->chart;
    const ropemap_page size = print_chart(&options->print, options->size, PRINT_SHAPE, true, &chart);
    chart.has_y_limits = true;
    chart.y_low = all->low;
    chart.y_high = all->high;
    return ropemap_chart_encode(&chart, ROPEMAP_PNG, &size, bytes, error);
}

/* ---- both ---------------------------------------------------------------------------------------------- */

static ropemap_status encode(const void *given, void *made, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const curve_sweep *options = given;
    const int frame = sweep_frame(&options->sweep, index);
    return frame < 0 ? encode_page(made, kind, bytes, error) : encode_frame(made, frame, bytes, error);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static const cli_option line_rows[] = {
    {.group = GROUP_WHAT,
     .name = "lines",
     .argument = "NAME=VALUES",
     .help = "a line in every panel for each value of another option",
     .type = OPTION_CUSTOM,
     .set = vary_option,
     .offset = offsetof(curve_options, vary)},
    {.name = NULL},
};

/* No option is of plots and of lines at once. */
static ropemap_status check_lines(const curve_sweep *options, ropemap_error *error) {
    const vary_set *plots = &options->sweep.vary, *lines = &options->curve.vary;
    for (int i = 0; i < plots->axis_count; i++) {
        for (int j = 0; j < lines->axis_count; j++) {
            if (plots->axes[i].match.option == lines->axes[j].match.option) {
                return fail(error, ROPEMAP_USAGE,
                            "--lines %s: it varies between plots; choose another option",
                            lines->axes[j].match.option->name);
            }
        }
    }
    return ROPEMAP_OK;
}

/* Puts numbers in the place of --vary head=all. */
static ropemap_status check(void *given, cli_outputs *outputs, ropemap_error *error) {
    static const char *const shared[] = {"distances", "axis", "ylim", NULL};
    curve_sweep *options = given;
    ropemap_status status = heads_number_all(&options->sweep.vary, &options->curve.tensors, error);
    status = status == ROPEMAP_OK ? vary_refuse(&options->sweep.vary, shared, error) : status;
    status = status == ROPEMAP_OK ? check_lines(options, error) : status;
    if (status == ROPEMAP_OK && outputs != NULL) {
        status = vary_note(&options->curve.vary, outputs, error);
    }
    return status == ROPEMAP_OK ? sweep_check(&options->sweep, options->curve.force, outputs, error) : status;
}

static void start(void *given) {
    curve_sweep *options = given;
    options->curve = curve_options_default();
    options->curve.vary.command = &command_sweep_curve;
    options->sweep.vary.command = &command_sweep_curve;
}

static void end(void *given) {
    curve_sweep *options = given;
    vary_free(&options->sweep.vary);
    vary_free(&options->curve.vary);
}

static void notes(void) {
    (void)printf("\nAll plots share both axes; their legend is drawn once, next to them.\n");
}

/* Those of one plot after another, each with its distances first. */
static bool array(const void *made, int32_t index, cli_array *to) {
    const sweep *all = made;
    int plot = 0;
    while (plot < all->count && index > all->made[plot].count) {
        index -= all->made[plot++].count + 1;
    }
    if (plot == all->count || !curves_array(&all->made[plot], index, to)) {
        return false;
    }
    to->group = all->labels[plot];
    return true;
}

static const cli_result result = {.size = sizeof(sweep),
                                  .kinds = OUTPUT_PICTURES,
                                  .check = check,
                                  .make = make,
                                  .encode = encode,
                                  .array = array,
                                  .free = close_sweep};

const cli_command command_sweep_curve = {
    .name = "sweep curve",
    .summary = "draw curves of many settings as plots side by side",
    .usage = "--vary NAME=VALUES [--vary ...] [--lines NAME=VALUES] [what] [how] -o FILE",
    .examples = "  ropemap sweep curve -n 128k --axis log --vary head-dim=64,128,256 --lines base=1e4,5e5 -o "
                "curves.pdf\n"
                "  ropemap sweep curve -n 32k --vary preset=llama2-7b,llama3-8b,qwen3-8b -o models.svg\n"
                "  ropemap sweep curve -n 16k --vary base=1e3-1e7*1.1 --frames frames\n",
    .blocks = {{rule_rows, offsetof(curve_sweep, curve.rule)},
               {sweep_rows, offsetof(curve_sweep, sweep)},
               {encoding_rows, offsetof(curve_sweep, curve.request)},
               {curve_rows, offsetof(curve_sweep, curve)},
               {tensor_rows, offsetof(curve_sweep, curve.tensors)},
               {thread_rows, offsetof(curve_sweep, curve.threads)},
               {line_rows, offsetof(curve_sweep, curve)},
               {print_rows, offsetof(curve_sweep, curve.print)},
               {print_height_rows, offsetof(curve_sweep, curve.print)}},
    .notes = notes,
    .size = sizeof(curve_sweep),
    .start = start,
    .work = result_work,
    .end = end,
    .result = &result,
};
