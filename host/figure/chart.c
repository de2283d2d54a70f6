/* chart.c - series against an axis, alone or in a grid of plots */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart.h"
#include "host/base/alloc.h"
#include "host/base/text.h"
#include "host/figure/chart_lines.h"
#include "host/figure/chart_ticks.h"
#include "host/figure/png.h"
#include "host/figure/sheet_layout.h"
#include "host/figure/sink_cairo.h"
#include "host/figure/sink_svg.h"
#include "host/figure/text.h"

#include <inttypes.h>
#include <math.h>

enum { RM_PLOTS_MAX = 100 };

/* Minor ticks, as a part of those with a label. */
#define MINOR 0.5

/* The middle of a line of whole pixels nearest to `place`, so that the line is sharp; within the plot. */
static double snap(double place, int64_t length, int64_t line) {
    const double start = fmin(fmax(round(place - (double)line / 2.0), 0.0), (double)(length - line));
    return start + (double)line / 2.0;
}

static double tick_x(const rm_chart_layout *layout, double at) {
    return (double)layout->plot.x + snap(at * (double)layout->plot.width, layout->plot.width, layout->line);
}

static double tick_y(const rm_chart_layout *layout, double at) {
    const int64_t height = layout->plot.height;
    return (double)layout->plot.y + snap((1.0 - at) * (double)height, height, layout->line);
}

/* A frame outside of the plot, and white within. */
static void draw_frame(rm_drawing *drawing, rm_box plot, double line) {
    const double x = (double)plot.x, y = (double)plot.y, width = (double)plot.width,
                 height = (double)plot.height;
    rm_drawing_rectangle(drawing, x - line, y - line, width + 2.0 * line, height + 2.0 * line,
                         RM_CHART_LINE_INK);
    rm_drawing_rectangle(drawing, x, y, width, height, RM_CHART_WHITE);
}

static void draw_grid(rm_drawing *drawing, const rm_chart_layout *layout) {
    const double x = (double)layout->plot.x, y = (double)layout->plot.y, line = (double)layout->line;
    const double width = (double)layout->plot.width, height = (double)layout->plot.height;
    for (int32_t tick = 0; tick < layout->x_ticks.count; tick++) {
        const double place = tick_x(layout, layout->x_ticks.tick[tick].at);
        rm_drawing_line(drawing, place, y, 0.0, height, line, RM_CHART_GRID_INK);
    }
    for (int32_t tick = 0; tick < layout->y_ticks.count; tick++) {
        const double place = tick_y(layout, layout->y_ticks.tick[tick].at);
        rm_drawing_line(drawing, x, place, width, 0.0, line, RM_CHART_GRID_INK);
    }
    if (!layout->y.log && layout->y.low < 0.0 && layout->y.high > 0.0) {
        const double place = tick_y(layout, rm_chart_place(&layout->y, 0.0));
        rm_drawing_line(drawing, x, place, width, 0.0, line, RM_CHART_ZERO_INK);
    }
}

static void draw_ticks_below(rm_drawing *drawing, const rm_chart_layout *layout) {
    const double edge = (double)(layout->plot.y + layout->plot.height + layout->line);
    const double line = (double)layout->line, length = (double)layout->tick;
    const double baseline = edge + length + (double)layout->gap + RM_FONT_DIGIT * layout->tick_size;
    const rm_text_style style = {.size = layout->tick_size, .ink = RM_CHART_INK, .anchor = RM_ANCHOR_MIDDLE};
    for (int32_t minor = 0; minor < layout->x_ticks.minor_count; minor++) {
        rm_drawing_line(drawing, tick_x(layout, layout->x_ticks.minor[minor]), edge, 0.0, MINOR * length,
                        line, RM_CHART_LINE_INK);
    }
    for (int32_t tick = 0; tick < layout->x_ticks.count; tick++) {
        const double x = tick_x(layout, layout->x_ticks.tick[tick].at);
        rm_drawing_line(drawing, x, edge, 0.0, length, line, RM_CHART_LINE_INK);
        rm_drawing_text(drawing, x, baseline, layout->x_ticks.tick[tick].label, style);
    }
}

static void draw_ticks_beside(rm_drawing *drawing, const rm_chart_layout *layout) {
    const double edge = (double)(layout->plot.x - layout->line);
    const double line = (double)layout->line, length = (double)layout->tick;
    const rm_text_style style = {.size = layout->tick_size, .ink = RM_CHART_INK, .anchor = RM_ANCHOR_END};
    for (int32_t minor = 0; minor < layout->y_ticks.minor_count; minor++) {
        rm_drawing_line(drawing, edge - MINOR * length, tick_y(layout, layout->y_ticks.minor[minor]),
                        MINOR * length, 0.0, line, RM_CHART_LINE_INK);
    }
    for (int32_t tick = 0; tick < layout->y_ticks.count; tick++) {
        const double y = tick_y(layout, layout->y_ticks.tick[tick].at);
        rm_drawing_line(drawing, edge - length, y, length, 0.0, line, RM_CHART_LINE_INK);
        rm_drawing_text(drawing, edge - length - (double)layout->gap,
                        y + RM_FONT_DIGIT / 2.0 * layout->tick_size, layout->y_ticks.tick[tick].label, style);
    }
}

static void draw_lines(rm_drawing *drawing, const rm_text_lines *lines, double x, double y, double step,
                       rm_text_style style) {
    for (int32_t line = 0; line < lines->count; line++) {
        rm_drawing_text(drawing, x, y + step * line, lines->line[line], style);
    }
}

/* Title, subtitle and the labels of the axes. */
static void rm_chart_words_draw(rm_drawing *drawing, const rm_chart_layout *layout) {
    const double x = (double)layout->area.x, middle_x = x + (double)layout->area.width / 2.0;
    const double middle_y = (double)layout->area.y + (double)layout->area.height / 2.0;
    rm_text_style style = {.size = layout->label_size, .ink = RM_CHART_INK, .anchor = RM_ANCHOR_MIDDLE};
    rm_drawing_text(drawing, middle_x, layout->x_label_y, layout->x_label, style);
    style.upwards = true;
    rm_drawing_text(drawing, layout->y_label_x, middle_y, layout->y_label, style);
    draw_lines(drawing, &layout->title, x, layout->title_y, layout->title_step,
               (rm_text_style){.size = layout->title_size, .ink = RM_CHART_INK});
    draw_lines(drawing, &layout->subtitle, x, layout->subtitle_y, layout->subtitle_step,
               (rm_text_style){.size = layout->subtitle_size, .ink = RM_CHART_SOFT_INK});
}

/* All that stands behind and around the series of a plot. */
static void rm_chart_axes_draw(rm_drawing *drawing, const rm_chart_layout *layout) {
    draw_frame(drawing, layout->plot, (double)layout->line);
    draw_grid(drawing, layout);
    if (layout->x_shown) {
        draw_ticks_below(drawing, layout);
    }
    if (layout->y_shown) {
        draw_ticks_beside(drawing, layout);
    }
}

/* From back to front: axes, bands, marks, series, their labels. */
static void draw_all(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout,
                     const rm_chart_curve *curves) {
    rm_chart_axes_draw(drawing, layout);
    for (int32_t index = 0; index < chart->series_count; index++) {
        rm_chart_band_draw(drawing, chart, index, layout, &curves[index]);
    }
    rm_chart_marks_draw(drawing, chart, layout);
    for (int32_t index = 0; index < chart->series_count; index++) {
        rm_chart_series_draw(drawing, chart, index, layout, &curves[index]);
    }
    rm_chart_mark_labels_draw(drawing, chart, layout, curves);
}

/* The chart's plot: axes, series and marks, without words around it. */
static void rm_chart_plot_draw(rm_drawing *drawing, const ropemap_chart *chart,
                               const rm_chart_layout *layout) {
    rm_chart_curve curves[RM_CHART_SERIES_MAX];
    int32_t made = 0;
    while (made < chart->series_count && rm_chart_curve_make(chart, made, layout, &curves[made])) {
        made++;
    }
    if (made == chart->series_count) {
        draw_all(drawing, chart, layout, curves);
    } else {
        drawing->incomplete = true;
    }
    while (made > 0) {
        rm_chart_curve_free(&curves[--made]);
    }
}

/* Checks a chart and fills a zeroed drawing, for any sink; free it. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
static ropemap_status rm_chart_draw(const ropemap_chart *chart, rm_drawing *drawing, ropemap_error *error) {
    RM_TRY(rm_chart_check(chart, error));
    RM_TRY(rm_font_ready(error));
    const rm_chart_layout layout = rm_chart_layout_make(chart, NULL);
    RM_TRY(rm_chart_layout_check(&layout, NULL, error));
    drawing->width = layout.width;
    drawing->height = layout.height;
    rm_chart_plot_draw(drawing, chart, &layout);
    rm_chart_words_draw(drawing, &layout);
    rm_chart_legend_draw(drawing, &layout.legend, chart, layout.legend_x, (double)layout.area.y,
                         layout.thickness, layout.dot);
    return ROPEMAP_OK;
}

ropemap_status ropemap_chart_png(const ropemap_chart *chart, ropemap_bytes *bytes, ropemap_error *error) {
    rm_drawing drawing = {.items = NULL};
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = rm_chart_draw(chart, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = rm_drawing_pixels(&drawing, &image, error);
    }
    rm_drawing_free(&drawing);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, chart->dpi, bytes, error) : status;
}

typedef ropemap_status (*page_sink)(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                                    ropemap_error *error);

static ropemap_status make_page(const ropemap_chart *chart, double millimetres, page_sink sink,
                                ropemap_bytes *bytes, ropemap_error *error) {
    char title[RM_TEXT_BYTES];
    rm_text_clean(title, chart->title != NULL ? chart->title : "", RM_TEXT_BYTES);
    const rm_page page = {.title = title, .millimetres = millimetres, .dpi = chart->dpi, .paper = true};
    RM_TRY(rm_page_check(&page, error));
    rm_drawing drawing = {.items = NULL};
    ropemap_status status = rm_chart_draw(chart, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = sink(&drawing, &page, bytes, error);
    }
    rm_drawing_free(&drawing);
    return status;
}

ropemap_status ropemap_chart_svg(const ropemap_chart *chart, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(chart, millimetres, rm_sink_svg, bytes, error);
}

ropemap_status ropemap_chart_pdf(const ropemap_chart *chart, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(chart, millimetres, rm_sink_pdf, bytes, error);
}

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

ropemap_status ropemap_plots_png(const ropemap_plots *plots, ropemap_bytes *bytes, ropemap_error *error) {
    rm_drawing drawing = {.items = NULL};
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = rm_plots_draw(plots, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = rm_drawing_pixels(&drawing, &image, error);
    }
    rm_drawing_free(&drawing);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, plots->page.dpi, bytes, error) : status;
}

static ropemap_status make_plots_page(const ropemap_plots *plots, double millimetres, page_sink sink,
                                      ropemap_bytes *bytes, ropemap_error *error) {
    char title[RM_TEXT_BYTES];
    rm_text_clean(title, plots->page.title != NULL ? plots->page.title : "", SIZE_MAX);
    const rm_page page = {.title = title, .millimetres = millimetres, .dpi = plots->page.dpi, .paper = true};
    RM_TRY(rm_page_check(&page, error));
    rm_drawing drawing = {.items = NULL};
    ropemap_status status = rm_plots_draw(plots, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = sink(&drawing, &page, bytes, error);
    }
    rm_drawing_free(&drawing);
    return status;
}

ropemap_status ropemap_plots_svg(const ropemap_plots *plots, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_plots_page(plots, millimetres, rm_sink_svg, bytes, error);
}

ropemap_status ropemap_plots_pdf(const ropemap_plots *plots, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_plots_page(plots, millimetres, rm_sink_pdf, bytes, error);
}
