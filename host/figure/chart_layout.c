/* chart_layout.c - where everything of a chart stands */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_layout.h"
#include "host/figure/chart_text.h"
#include "host/figure/font.h"

#include <math.h>

/* Lengths at scale 1, in pixels; text and frame as in layout.c, so that charts stand beside maps. */
#define TITLE_SIZE    27.0
#define SUBTITLE_SIZE 18.0
#define LABEL_SIZE    22.0
#define TICK_SIZE     20.0
#define WORDS_SIZE    19.0
#define MARGIN        26.0 /* between everything and the figure's edge */
#define LABEL_GAP     12.0 /* between tick labels and an axis label */
#define LEGEND_GAP    30.0 /* between plot and legend */
#define THICKNESS     2.6

/* Text of a small figure is no smaller than at this scale: ten pixels at the axes. */
#define SCALE_LEAST 0.5

/* What the legend takes of the width at most; more where it has several columns. */
#define LEGEND_MOST  0.3
#define LEGENDS_MOST 0.45

enum { WORD_LINES = 2 /* of title and subtitle, each at most */, PASSES = 3 };

double rm_chart_across(const rm_chart_layout *layout, double x) {
    return (double)layout->plot.x + rm_chart_place(&layout->x, x) * (double)layout->plot.width;
}

double rm_chart_down(const rm_chart_layout *layout, double y) {
    return (double)layout->plot.y + (1.0 - rm_chart_place(&layout->y, y)) * (double)layout->plot.height;
}

static int64_t whole(double length) {
    return (int64_t)lround(length);
}

/* By the area; the shorter side has the last word, as it holds both labels and the plot. */
static double choose_scale(double width, double height) {
    const double area = sqrt(width * height / ((double)RM_CHART_WIDTH * RM_CHART_HEIGHT));
    return fmax(fmin(area, fmin(width / 700.0, height / 450.0)), SCALE_LEAST);
}

/* Dots of many points are smaller. */
static double dot_width(const ropemap_chart *chart) {
    int64_t most = 0;
    for (int32_t index = 0; index < chart->series_count; index++) {
        const ropemap_series *series = &chart->series[index];
        most = series->points && series->count > most ? series->count : most;
    }
    return most <= 200 ? 10.0 : most <= 1000 ? 7.0 : 4.5;
}

static void size_all(rm_chart_layout *layout, const ropemap_chart *chart) {
    layout->width = chart->width > 0 ? chart->width : RM_CHART_WIDTH;
    layout->height = chart->height > 0 ? chart->height : RM_CHART_HEIGHT;
    const double scale = choose_scale((double)layout->width, (double)layout->height);
    layout->scale = scale;
    layout->line = whole(fmax(1.3 * scale, 1.0));
    layout->column = whole(fmax(scale, 1.0));
    layout->tick = whole(8.0 * scale);
    layout->gap = whole(6.0 * scale);
    layout->thickness = THICKNESS * scale;
    layout->dot = dot_width(chart) * scale;
    layout->tick_size = TICK_SIZE * scale;
    layout->label_size = LABEL_SIZE * scale;
    layout->words_size = WORDS_SIZE * scale;
    layout->title_size = TITLE_SIZE * scale;
    layout->title_step = 1.25 * layout->title_size;
    layout->subtitle_size = SUBTITLE_SIZE * scale;
    layout->subtitle_step = 1.35 * layout->subtitle_size;
}

/* From top to bottom: title, subtitle, plot, ticks, their labels, the label of the axis. */
static void lay_lines(rm_chart_layout *layout, bool x_label) {
    const double margin = (double)whole(MARGIN * layout->scale);
    double y = margin;
    layout->title_y = y + 0.8 * layout->title_size;
    y += layout->title_step * layout->title.count;
    layout->subtitle_y = y + layout->subtitle_size;
    if (layout->subtitle.count > 0) {
        y += 0.2 * layout->subtitle_size + layout->subtitle_step * layout->subtitle.count;
    }
    const bool words = layout->title.count + layout->subtitle.count > 0;
    layout->plot.y = whole(y + (words ? 0.7 : 0.0) * layout->tick_size) + layout->line;
    const double label = x_label ? layout->label_size + LABEL_GAP * layout->scale : 0.0;
    const double below =
        margin + label + layout->tick_size + (double)(layout->line + layout->tick + layout->gap);
    layout->plot.height = layout->height - layout->plot.y - whole(below);
    layout->x_label_y = (double)layout->height - margin - 0.22 * layout->label_size;
}

/* From left to right: label of the axis, tick labels, ticks, plot, legend. `over`: room beside the plot that
 * the last label of the axis across needs. */
static void lay_columns(rm_chart_layout *layout, const ropemap_chart *chart, bool y_label, double over) {
    const double margin = (double)whole(MARGIN * layout->scale), width = (double)layout->width;
    const double label = y_label ? layout->label_size + LABEL_GAP * layout->scale : 0.0;
    const double beside = (double)(layout->line + layout->tick + layout->gap);
    layout->y_label_x = margin + 0.78 * layout->label_size;
    layout->plot.x = whole(margin + label + layout->y_ticks.widest + beside);
    const double tall = (double)layout->height - (double)layout->plot.y - margin;
    const double size = layout->words_size;
    layout->legend = rm_chart_legend_lay(chart, size, tall, LEGEND_MOST * width);
    if (layout->legend.rows < layout->legend.count) {
        layout->legend = rm_chart_legend_lay(chart, size, tall, LEGENDS_MOST * width);
    }
    const double gap = LEGEND_GAP * layout->scale;
    const double legend = layout->legend.count > 0 ? layout->legend.width + fmax(gap, over) : 0.0;
    const double right = margin + (layout->legend.count > 0 ? legend : fmax(over - margin / 2.0, 0.0));
    layout->plot.width = layout->width - layout->plot.x - whole(right) - layout->line;
    layout->legend_x = width - margin - layout->legend.width;
}

/* How far the last label across reaches beyond the plot. */
static double overhang(const rm_chart_layout *layout) {
    const rm_tick *last = &layout->x_ticks.tick[layout->x_ticks.count - 1];
    const double half = rm_font_width(last->label, layout->tick_size) / 2.0;
    return fmax(half - (1.0 - last->at) * (double)layout->plot.width, 0.0);
}

/* Labels make room for themselves, which moves what they label: in a few passes it settles. */
static void settle(rm_chart_layout *layout, const ropemap_chart *chart) {
    const bool x_label = chart->x_label != NULL && chart->x_label[0] != '\0';
    const bool y_label = chart->y_label != NULL && chart->y_label[0] != '\0';
    double over = 0.0;
    for (int pass = 0; pass < PASSES; pass++) {
        lay_lines(layout, x_label);
        layout->y_ticks =
            rm_chart_ticks_make(&layout->y, (double)layout->plot.height, layout->tick_size, false);
        lay_columns(layout, chart, y_label, over);
        layout->x_ticks =
            rm_chart_ticks_make(&layout->x, (double)layout->plot.width, layout->tick_size, true);
        over = fmax(over, overhang(layout));
        const double room = (double)(layout->width - layout->plot.x) - MARGIN * layout->scale;
        const bool last = pass == PASSES - 1; /* has the lines that the plot made room for */
        layout->title = rm_chart_text_lines(chart->title, layout->title_size, room,
                                            last ? layout->title.count : WORD_LINES);
        layout->subtitle = rm_chart_text_lines(chart->subtitle, layout->subtitle_size, room,
                                               last ? layout->subtitle.count : WORD_LINES);
    }
}

rm_chart_layout rm_chart_layout_make(const ropemap_chart *chart) {
    rm_chart_layout layout = {.x = rm_chart_range_x(chart), .y = rm_chart_range_y(chart)};
    size_all(&layout, chart);
    settle(&layout, chart);
    (void)rm_chart_text_fit(layout.x_label, chart->x_label, layout.label_size, (double)layout.plot.width);
    (void)rm_chart_text_fit(layout.y_label, chart->y_label, layout.label_size, (double)layout.plot.height);
    return layout;
}
