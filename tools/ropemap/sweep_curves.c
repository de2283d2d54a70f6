/* sweep_curves.c - the curves of `ropemap sweep curve`, as plots side by side or each as a frame */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/sweep_curves.h"

#include "tools/ropemap/curve_chart.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABEL_BYTES = 120, TITLE_BYTES = 200, COMMON_BYTES = 200 };

/* Left empty above and below the curves of frames, as a part of their span. */
#define ROOM 0.05

/* All plots; one array an aspect, since the library takes plots as an array. */
typedef struct sweep {
    const sweep_curve_options *options;
    int count;
    curves *made;        /* [count] */
    curve_chart *charts; /* [count] */
    ropemap_plot *plots; /* [count] */
    char (*labels)[LABEL_BYTES];
    char title[TITLE_BYTES], common[COMMON_BYTES];
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

/* "RoPE similarity against distance, over head-dim and base" */
static void make_title(sweep *all) {
    char names[LABEL_BYTES];
    vary_names(&all->options->plots, names, sizeof names);
    (void)snprintf(all->title, sizeof all->title, "%s, over %s", all->charts[0].chart.title, names);
}

static ropemap_status make_all(sweep *all, ropemap_error *error) {
    static sweep_curve_options own; /* large */
    cli_progress progress = progress_start(all->options->curve.quiet);
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < all->count && status == ROPEMAP_OK; i++) {
        own = *all->options;
        own.curve.progress = progress_tell;
        own.curve.progress_user = &progress;
        status = vary_apply(&all->options->plots, i, &own, error);
        status = status == ROPEMAP_OK ? curves_make(&own.curve, &all->made[i], error) : status;
        if (status == ROPEMAP_OK) {
            vary_label(&all->options->plots, i, all->labels[i], sizeof all->labels[i]);
            curve_chart_make(&own.curve, &all->made[i], &all->charts[i]);
            all->plots[i] = all->charts[i].chart.plot;
            all->plots[i].label = all->labels[i];
        }
    }
    if (status == ROPEMAP_OK) {
        make_title(all);
        curve_chart_common(&all->options->curve, all->made, all->count, all->common, sizeof all->common);
    }
    progress_end(&progress);
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

static ropemap_status encode_page(const void *what, output_kind kind, ropemap_bytes *bytes,
                                  ropemap_error *error) {
    const struct page *page = what;
    ropemap_chart chart = page->chart;
    const ropemap_page size = curve_chart_size(page->options, kind == OUTPUT_PNG, 0.0, &chart);
    return ropemap_chart_encode(&chart, output_format(kind), &size, bytes, error);
}

/* ---- frames -------------------------------------------------------------------------------------------- */

/* Limits of all frames: the given ones, else those of all curves with some room. */
static void choose_limits(const sweep *all, double *low, double *high) {
    const curve_options *options = &all->options->curve;
    *low = options->has_limits ? options->low : INFINITY;
    *high = options->has_limits ? options->high : -INFINITY;
    for (int i = 0; i < all->count && !options->has_limits; i++) {
        const curves *made = &all->made[i];
        for (int j = 0; j < made->count; j++) {
            for (int64_t at = 0; at < made->distances.count; at++) {
                *low = fmin(*low, made->one[j].values[at]);
                *high = fmax(*high, made->one[j].values[at]);
            }
        }
    }
    if (!options->has_limits) {
        const double room = *high > *low ? ROOM * (*high - *low) : ROOM * fmax(fabs(*high), 1.0);
        *low -= room;
        *high += room;
    }
}

static ropemap_status encode_frame(const void *what, int index, ropemap_bytes *bytes, ropemap_error *error) {
    const struct page *page = what;
    const sweep *all = page->all;
    char subtitle[LABEL_BYTES + COMMON_BYTES];
    ropemap_chart chart = all->charts[index].chart;
    (void)snprintf(subtitle, sizeof subtitle, "%s%s%s", all->labels[index],
                   all->common[0] != '\0' ? ", " : "", all->common);
    chart.subtitle = subtitle;
    const ropemap_page size = curve_chart_size(&all->options->curve, true, CURVE_SHAPE, &chart);
    chart.has_y_limits = true;
    chart.y_low = page->low;
    chart.y_high = page->high;
    return ropemap_chart_encode(&chart, ROPEMAP_PNG, &size, bytes, error);
}

/* ---- both ---------------------------------------------------------------------------------------------- */

static ropemap_status write_all(const sweep *all, const sweep_outputs *outputs, ropemap_error *error) {
    const sweep_curve_options *options = all->options;
    const int axes = options->plots.axis_count;
    struct page page = {.options = &options->curve, .all = all, .chart = all->charts[0].chart};
    page.chart.title = all->title;
    page.chart.subtitle = all->common;
    page.chart.plots = all->plots;
    page.chart.count = all->count;
    page.chart.columns = options->columns > 0 ? (int32_t)options->columns
                         : axes > 1           ? options->plots.axes[axes - 1].count
                                              : 0;
    choose_limits(all, &page.low, &page.high);
    const sweep_encoder encoder = {.page = encode_page, .frame = encode_frame, .what = &page};
    return sweep_outputs_write(outputs, &encoder, error);
}

ropemap_status sweep_curves(const sweep_curve_options *options, const sweep_outputs *outputs,
                            ropemap_error *error) {
    sweep all = {.options = options, .count = vary_count(&options->plots)};
    ropemap_status status = open_sweep(&all, error);
    signals_hold();
    status = status == ROPEMAP_OK ? make_all(&all, error) : status;
    status = status == ROPEMAP_OK ? write_all(&all, outputs, error) : status;
    outputs_free(outputs->files);
    signals_release();
    close_sweep(&all);
    return status;
}
