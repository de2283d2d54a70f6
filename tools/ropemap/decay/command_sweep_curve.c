/* command_sweep_curve.c - `ropemap sweep curve`: curves of many settings as plots side by side */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/decay/curves.h"
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

static void close_sweep(sweep *all) {
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

static ropemap_status make_all(sweep *all, cli_progress *progress, ropemap_error *error) {
    static curve_sweep own; /* large */
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < all->count && status == ROPEMAP_OK; i++) {
        own = *all->options;
        own.curve.progress = progress_tell;
        own.curve.progress_user = progress;
        status = vary_apply(&all->options->sweep.vary, i, &own, error);
        status = status == ROPEMAP_OK ? curves_make(&own.curve, &all->made[i], error) : status;
        if (status == ROPEMAP_OK) {
            vary_label(&all->options->sweep.vary, i, all->labels[i], sizeof all->labels[i]);
            curve_chart_make(&own.curve, &all->made[i], &all->charts[i]);
            all->plots[i] = all->charts[i].chart.plot;
            all->plots[i].label = all->labels[i];
        }
    }
    if (status == ROPEMAP_OK) {
        make_words(all);
    }
    return status;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

/* Plots and what their size is from; all curves and their limits, for the frames. */
struct page {
    ropemap_chart chart;
    const curve_options *options;
    const sweep *all;
    double low, high;
};

static ropemap_status encode_page(const struct page *page, output_kind kind, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    ropemap_chart chart = page->chart;
    const ropemap_page size =
        print_chart(&page->options->print, page->options->size, 0.0, kind == OUTPUT_PNG, &chart);
    return ropemap_chart_encode(&chart, output_format(kind), &size, bytes, error);
}

/* ---- frames -------------------------------------------------------------------------------------------- */

/* Limits of all frames: the given ones, else those of all curves with some room. */
static void choose_limits(const sweep *all, double *low, double *high) {
    const curve_options *options = &all->options->curve;
    *low = options->limits.given ? options->limits.low : INFINITY;
    *high = options->limits.given ? options->limits.high : -INFINITY;
    for (int i = 0; i < all->count && !options->limits.given; i++) {
        const curves *made = &all->made[i];
        for (int j = 0; j < made->count; j++) {
            for (int64_t at = 0; at < made->distances.count; at++) {
                *low = fmin(*low, made->one[j].values[at]);
                *high = fmax(*high, made->one[j].values[at]);
            }
        }
    }
    if (!options->limits.given) {
        const double room = *high > *low ? ROOM * (*high - *low) : ROOM * fmax(fabs(*high), 1.0);
        *low -= room;
        *high += room;
    }
}

static ropemap_status encode_frame(const struct page *page, int index, ropemap_bytes *bytes,
                                   ropemap_error *error) {
    const sweep *all = page->all;
    const curve_options *options = &all->options->curve;
    curve_chart *one = &all->charts[index];
    char part[LABEL_BYTES + 4];
    (void)snprintf(part, sizeof part, ", %s", all->labels[index]);
    curve_chart_words(options, all->made, all->count, part, one);
    ropemap_chart chart = one->chart;
    const ropemap_page size = print_chart(&options->print, options->size, PRINT_SHAPE, true, &chart);
    chart.has_y_limits = true;
    chart.y_low = page->low;
    chart.y_high = page->high;
    return ropemap_chart_encode(&chart, ROPEMAP_PNG, &size, bytes, error);
}

/* ---- both ---------------------------------------------------------------------------------------------- */

static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const struct page *page = what;
    const int frame = sweep_frame(&page->all->options->sweep, index);
    return frame < 0 ? encode_page(page, kind, bytes, error) : encode_frame(page, frame, bytes, error);
}

static ropemap_status write_all(const sweep *all, cli_outputs *outputs, ropemap_error *error) {
    const curve_sweep *options = all->options;
    struct page page = {.options = &options->curve, .all = all, .chart = all->charts[0].chart};
    page.chart.title = all->words.title;
    page.chart.subtitle = all->words.subtitle;
    page.chart.description = all->words.description;
    page.chart.plots = all->plots;
    page.chart.count = all->count;
    page.chart.columns = sweep_columns(&options->sweep);
    static vary_headings headings; /* large */
    if (sweep_headings(&options->sweep, &headings)) {
        page.chart.row_headings = headings.rows;
        page.chart.col_headings = headings.cols;
    }
    choose_limits(all, &page.low, &page.high);
    return outputs_write(outputs, encode, &page, error);
}

/* Computes every setting's curves and writes the pages and frames. After a signal does not return. */
static ropemap_status make(const curve_sweep *options, cli_run *run, ropemap_error *error) {
    sweep all = {.options = options, .count = vary_count(&options->sweep.vary)};
    ropemap_status status = open_sweep(&all, error);
    run_begin(run, options->curve.quiet);
    status = status == ROPEMAP_OK ? make_all(&all, &run->progress, error) : status;
    progress_end(&run->progress);
    status = status == ROPEMAP_OK ? write_all(&all, &run->outputs, error) : status;
    run_end(run);
    close_sweep(&all);
    return status;
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

static ropemap_status check(const curve_sweep *options, cli_outputs *outputs, ropemap_error *error) {
    static const char *const shared[] = {"distances", NULL};
    ropemap_status status = vary_refuse(&options->sweep.vary, shared, error);
    status = status == ROPEMAP_OK ? print_size_check(&options->curve.print, error) : status;
    status = status == ROPEMAP_OK ? check_lines(options, error) : status;
    status = status == ROPEMAP_OK ? vary_note(&options->curve.vary, outputs, error) : status;
    return status == ROPEMAP_OK ? sweep_check(&options->sweep, options->curve.force, outputs, error) : status;
}

static ropemap_status work(void *options, cli_run *run, ropemap_error *error) {
    curve_sweep *all = options;
    ropemap_status status = heads_number_all(&all->sweep.vary, &all->curve.tensors, error);
    status = status == ROPEMAP_OK ? check(options, &run->outputs, error) : status;
    return status == ROPEMAP_OK ? make(options, run, error) : status;
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
               {curve_rows, offsetof(curve_sweep, curve)},
               {tensor_rows, offsetof(curve_sweep, curve.tensors)},
               {thread_rows, offsetof(curve_sweep, curve.threads)},
               {line_rows, offsetof(curve_sweep, curve)},
               {print_rows, offsetof(curve_sweep, curve.print)},
               {print_height_rows, offsetof(curve_sweep, curve.print)}},
    .notes = notes,
    .size = sizeof(curve_sweep),
    .start = start,
    .work = work,
    .end = end,
};
