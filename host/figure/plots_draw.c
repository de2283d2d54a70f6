/* plots_draw.c - charts side by side as a list of what is drawn */
/* SPDX-License-Identifier: MIT */
#include "host/figure/plots_draw.h"
#include "host/base/alloc.h"
#include "host/base/label.h"
#include "host/figure/chart.h"
#include "host/figure/chart_axes.h"
#include "host/figure/chart_check.h"
#include "host/figure/chart_style.h"
#include "host/figure/chart_text.h"
#include "host/figure/font.h"
#include "host/figure/sheet_grid.h"
#include "host/figure/sink_image.h"

#include <inttypes.h>
#include <math.h>

/* A page is best filled where it is as wide, for its height, as the golden section. */
#define PAGE_SHAPE 0.62

enum { NAME_LINES = 2 /* at most */ };

/* ---- checks */

static ropemap_chart chart_of(const ropemap_plots *plots, int32_t index) {
    ropemap_chart chart = plots->page;
    chart.series = plots->plots[index].series;
    chart.series_count = plots->plots[index].series_count;
    chart.marks = plots->plots[index].marks;
    chart.mark_count = plots->plots[index].mark_count;
    return chart;
}

static ropemap_status check(const ropemap_plots *plots, ropemap_error *error) {
    if (plots->plots == NULL || plots->count < 1 || plots->count > RM_PLOTS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "plots: %" PRId32 "%s, expected 1 to %d", plots->count,
                       plots->plots == NULL ? " and none in memory" : "", (int)RM_PLOTS_MAX);
    }
    if (plots->columns < 0 || plots->columns > RM_PLOTS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "plots: %" PRId32 " columns, expected 1 to %d, or 0 for as the page is best filled",
                       plots->columns, (int)RM_PLOTS_MAX);
    }
    for (int32_t index = 0; index < plots->count; index++) {
        const ropemap_chart chart = chart_of(plots, index);
        ropemap_error why = {.status = ROPEMAP_OK};
        const ropemap_status status = rm_chart_check(&chart, &why);
        if (status != ROPEMAP_OK) {
            const char *label = plots->plots[index].label;
            char name[64];
            rm_label_make(name, sizeof name, label != NULL ? label : "");
            return rm_fail(error, status, "plots: %" PRId32 " \"%s\": %s", index + 1, name, why.text);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check_height(const rm_chart_layout *layout, ropemap_error *error) {
    return layout->height <= RM_IMAGE_SIDE_MAX
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "plots: a page of %" PRId64 " x %" PRId64
                         " pixels, expected at most %d a side; more columns take less",
                         layout->width, layout->height, (int)RM_IMAGE_SIDE_MAX);
}

/* ---- all plots as one chart, for axes that hold everything */

static void gather(const ropemap_plots *plots, ropemap_series *series, ropemap_mark *marks) {
    for (int32_t index = 0; index < plots->count; index++) {
        const ropemap_plot *plot = &plots->plots[index];
        for (int32_t at = 0; at < plot->series_count; at++) {
            *series++ = plot->series[at];
        }
        for (int32_t at = 0; at < plot->mark_count; at++) {
            *marks++ = plot->marks[at];
        }
    }
}

static ropemap_status lay_out(const ropemap_plots *plots, const rm_chart_grid *grid, rm_chart_layout *layout,
                              ropemap_error *error) {
    ropemap_chart all = plots->page;
    all.series_count = all.mark_count = 0;
    for (int32_t index = 0; index < plots->count; index++) {
        all.series_count += plots->plots[index].series_count;
        all.mark_count += plots->plots[index].mark_count;
    }
    ropemap_series *series = rm_alloc((uint64_t)all.series_count, sizeof *series);
    ropemap_mark *marks = rm_alloc((uint64_t)all.mark_count + 1, sizeof *marks);
    if (series == NULL || marks == NULL) {
        rm_free(series);
        rm_free(marks);
        return rm_fail_memory(error, "plots", (uint64_t)all.series_count * sizeof *series);
    }
    gather(plots, series, marks);
    all.series = series;
    all.marks = marks;
    *layout = rm_chart_layout_make(&all, grid);
    rm_free(series);
    rm_free(marks);
    RM_TRY(rm_chart_layout_check(layout, grid, error));
    return check_height(layout, error);
}

/* ---- drawing */

/* The plot with most series. */
static int32_t fullest(const ropemap_plots *plots) {
    int32_t best = 0;
    for (int32_t index = 1; index < plots->count; index++) {
        best = plots->plots[index].series_count > plots->plots[best].series_count ? index : best;
    }
    return best;
}

/* Numbers stand beside the first column, and below what has no plot below it. */
static void draw_one(rm_drawing *drawing, const ropemap_plots *plots, int32_t index,
                     const rm_chart_grid *grid, const rm_chart_layout *layout) {
    const ropemap_chart chart = chart_of(plots, index);
    const int32_t col = index % grid->across, row = index / grid->across;
    rm_chart_layout own = *layout;
    own.plot.x += col * (layout->plot.width + layout->apart_x);
    own.plot.y += row * (layout->plot.height + layout->apart_y);
    own.y_shown = col == 0;
    own.x_shown = index + grid->across >= plots->count;
    rm_chart_plot_draw(drawing, &chart, &own);
    const rm_text_lines name = rm_chart_text_lines(plots->plots[index].label, layout->name_size,
                                                   (double)layout->plot.width, grid->name_lines);
    const double last = (double)(own.plot.y - layout->line) - layout->name_rise;
    for (int32_t line = 0; line < name.count; line++) {
        rm_drawing_text(drawing, (double)own.plot.x, last - (name.count - 1 - line) * layout->name_step,
                        name.line[line], (rm_text_style){.size = layout->name_size, .ink = RM_CHART_INK});
    }
}

/* Lines that the names of plots take in `room` pixels; 0 where no plot has one. */
static int32_t count_lines(const ropemap_plots *plots, double size, double room) {
    int32_t most = 0;
    for (int32_t index = 0; index < plots->count; index++) {
        const rm_text_lines lines = rm_chart_text_lines(plots->plots[index].label, size, room, NAME_LINES);
        most = lines.count > most ? lines.count : most;
    }
    return most;
}

/* Names that are longer than a plot is wide have two lines. */
static ropemap_status lay_out_with_names(const ropemap_plots *plots, rm_chart_grid *grid,
                                         rm_chart_layout *layout, ropemap_error *error) {
    grid->name_lines = count_lines(plots, 1.0, (double)INFINITY);
    RM_TRY(lay_out(plots, grid, layout, error));
    const int32_t lines = count_lines(plots, layout->name_size, (double)layout->plot.width);
    if (lines > grid->name_lines) {
        grid->name_lines = lines;
        RM_TRY(lay_out(plots, grid, layout, error));
    }
    return ROPEMAP_OK;
}

ropemap_status rm_plots_draw(const ropemap_plots *plots, rm_drawing *drawing, ropemap_error *error) {
    RM_TRY(check(plots, error));
    RM_TRY(rm_font_ready(error));
    const int32_t wanted = plots->columns > 0 ? plots->columns : rm_sheet_columns(plots->count, PAGE_SHAPE);
    const ropemap_chart legend = chart_of(plots, fullest(plots));
    rm_chart_grid grid = {.across = wanted < plots->count ? wanted : plots->count, .legend = &legend};
    grid.down = (plots->count + grid.across - 1) / grid.across;
    rm_chart_layout layout;
    RM_TRY(lay_out_with_names(plots, &grid, &layout, error));
    drawing->width = layout.width;
    drawing->height = layout.height;
    for (int32_t index = 0; index < plots->count; index++) {
        draw_one(drawing, plots, index, &grid, &layout);
    }
    rm_chart_words_draw(drawing, &layout);
    rm_chart_legend_draw(drawing, &layout.legend, &legend, layout.legend_x, (double)layout.area.y,
                         layout.thickness, layout.dot);
    return ROPEMAP_OK;
}
