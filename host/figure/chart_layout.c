/* chart_layout.c - where everything of a chart is placed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_layout.h"
#include "host/figure/text.h"

#include <inttypes.h>
#include <math.h>

enum { INKS = 8, PATTERNS = 6 };

/* Okabe and Ito 2008: told apart by every kind of eye; those that are dark on white come first. */
static const rm_rgb inks[INKS] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73},
                                  {0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9},
                                  {0x00, 0x00, 0x00}, {0xf0, 0xe4, 0x42}};

/* In thicknesses of the line. Colours come back after eight series with the next two patterns. */
static const struct {
    int32_t count;
    double dash[RM_DASHES_MAX];
} patterns[PATTERNS] = {{0, {0.0}},      {2, {4.0, 2.5}},  {4, {7.0, 2.2, 1.4, 2.2}},
                        {2, {1.4, 1.8}}, {2, {11.0, 3.0}}, {6, {7.0, 2.2, 1.4, 2.2, 1.4, 2.2}}};

rm_item rm_chart_style(int32_t index, bool points, bool dashed, double thickness) {
    const int32_t pattern = (2 * (index / INKS) + (dashed ? 1 : 0)) % PATTERNS;
    rm_item item = {.kind = points ? RM_ITEM_DOTS : RM_ITEM_POLYLINE,
                    .thickness = thickness,
                    .ink = inks[index % INKS],
                    .dot = (rm_dot)pattern};
    item.dashes = points ? 0 : patterns[pattern].count;
    for (int32_t dash = 0; dash < item.dashes; dash++) {
        item.dash[dash] = patterns[pattern].dash[dash] * thickness;
    }
    return item;
}

/* In sizes of a name. */
#define STEP 1.5

#define STEP_LEAST 1.15 /* where many series have to share the height */

#define SWATCH 2.2

#define DOT 0.9 /* where there are no lines */

#define GAP 0.5 /* between line and name */

#define APART 1.2 /* between columns */

/* Names in `size`, in as many columns as `height` asks for, cut so that all is at most `room` wide. */
static rm_chart_legend rm_chart_legend_lay(const ropemap_chart *chart, double size, double height,
                                           double room) {
    rm_chart_legend legend = {.count = chart->series_count > 1 ? chart->series_count : 0, .size = size};
    if (legend.count == 0) {
        return legend;
    }
    const double fits = fmax(floor(height / (STEP_LEAST * size)), 1.0);
    const int32_t columns = (int32_t)ceil(legend.count / fits);
    legend.rows = (legend.count + columns - 1) / columns;
    legend.step = fmin(STEP * size, height / legend.rows);
    bool lines = false;
    for (int32_t index = 0; index < legend.count; index++) {
        lines = lines || !chart->series[index].points;
    }
    legend.swatch = (lines ? SWATCH : DOT) * size;
    const double before = legend.swatch + GAP * size;
    const double each = (room - (columns - 1) * APART * size) / columns - before;
    double widest = 0.0;
    for (int32_t index = 0; index < legend.count; index++) {
        widest = fmax(widest, rm_chart_text_fit(legend.name[index], chart->series[index].label, size, each));
    }
    legend.column = before + widest + APART * size;
    legend.width = columns * legend.column - APART * size;
    return legend;
}

void rm_chart_legend_draw(rm_drawing *drawing, const rm_chart_legend *legend, const ropemap_chart *chart,
                          double x, double y, double thickness, double dot) {
    for (int32_t index = 0; index < legend->count; index++) {
        const ropemap_series *series = &chart->series[index];
        const double left = x + index / legend->rows * legend->column;
        const double middle = y + (index % legend->rows + 0.5) * legend->step;
        double points[] = {left + (series->points ? legend->swatch / 2.0 : 0.0), middle,
                           left + legend->swatch, middle};
        rm_item swatch =
            rm_chart_style(index, series->points, series->dashed, series->points ? dot : thickness);
        swatch.x = left;
        swatch.width = legend->swatch;
        swatch.y = middle - legend->step;
        swatch.height = 2.0 * legend->step;
        swatch.points = points;
        swatch.point_count = series->points ? 1 : 2;
        rm_drawing_path(drawing, &swatch);
        rm_drawing_text(drawing, left + legend->swatch + GAP * legend->size, middle + 0.36 * legend->size,
                        legend->name[index], (rm_text_style){.size = legend->size, .ink = RM_CHART_INK});
    }
}

/* Lengths at scale 1, in pixels; text and frame as in layout.c, so that charts stand beside maps. */
#define TITLE_SIZE 27.0

#define SUBTITLE_SIZE 18.0

#define LABEL_SIZE 22.0

#define TICK_SIZE 20.0

#define WORDS_SIZE 19.0

#define MARGIN 26.0 /* between everything and the figure's edge */

#define LABEL_GAP 12.0 /* between tick labels and an axis label */

#define LEGEND_GAP 30.0 /* between plot and legend */

#define THICKNESS 2.6

#define NAME_SIZE 20.0

#define ACROSS 22.0 /* between plots, and between their labels */

#define DOWN 18.0 /* from a plot to the name of the next */

#define PLOT_HEIGHT 200.0 /* what a row takes at least */

#define PLOT_WIDTH                                                                                           \
    400.0 /* what a column of plots takes of a figure at scale 1; four fill a chart's width                  \
           */

/* Text of a small figure is no smaller than at this scale: ten pixels at the axes. */
#define SCALE_LEAST 0.5

/* What the legend takes of the width at most; more where it has several columns. */
#define LEGEND_MOST 0.3

#define LEGENDS_MOST 0.45

/* Sizes of the numbers that a plot has at least on each side. */
#define PLOT_LEAST 3.0

enum { WORD_LINES = 2 /* of title and subtitle, each at most */, PASSES = 3, COLUMNS_USUAL = 4 };

static const rm_chart_grid alone = {.across = 1, .down = 1};

double rm_chart_across(const rm_chart_layout *layout, double x) {
    return (double)layout->plot.x + rm_chart_place(&layout->x, x) * (double)layout->plot.width;
}

double rm_chart_down(const rm_chart_layout *layout, double y) {
    return (double)layout->plot.y + (1.0 - rm_chart_place(&layout->y, y)) * (double)layout->plot.height;
}

static bool has_text(const char *text) {
    return text != NULL && text[0] != '\0';
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

/* Columns have room for their text; a figure for more of them than usual is wider. */
static int64_t usual_width(const rm_chart_grid *grid) {
    const double wanted = PLOT_WIDTH * grid->across;
    return grid->across <= COLUMNS_USUAL ? RM_CHART_WIDTH : whole(fmin(wanted, RM_CHART_SIDE_MAX));
}

/* By the width; a given height has room for the rows, and for words and numbers around them. */
static double choose_grid_scale(const ropemap_chart *chart, const rm_chart_grid *grid, double width) {
    const double by_width = width / (PLOT_WIDTH * fmax(grid->across, COLUMNS_USUAL));
    const double by_height = (double)chart->height / (PLOT_HEIGHT * (grid->down + 1.0));
    return fmax(chart->height > 0 ? fmin(by_width, by_height) : by_width, SCALE_LEAST);
}

static void size_all(rm_chart_layout *layout, const ropemap_chart *chart, const rm_chart_grid *grid) {
    layout->width = chart->width > 0 ? chart->width : usual_width(grid);
    layout->height = chart->height > 0 ? chart->height : RM_CHART_HEIGHT;
    const double chosen = grid == &alone ? choose_scale((double)layout->width, (double)layout->height)
                                         : choose_grid_scale(chart, grid, (double)layout->width);
    const double scale = chart->font_size > 0.0 ? chart->font_size / TICK_SIZE : chosen;
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
    layout->name_size = NAME_SIZE * scale;
    layout->name_step = 1.25 * layout->name_size;
    layout->name_rise = 0.38 * layout->name_size;
    layout->x_shown = layout->y_shown = true;
}

/* Room for the name above a plot. */
static double name_room(const rm_chart_layout *layout, const rm_chart_grid *grid) {
    return grid->name_lines > 0
               ? layout->name_rise + 0.8 * layout->name_size + (grid->name_lines - 1) * layout->name_step
               : 0.0;
}

/* Few plots side by side are flatter. */
static double plot_shape(const rm_chart_grid *grid) {
    return grid->across == 1 ? 0.4 : grid->across == 2 ? 0.6 : 0.75;
}

/* From top to bottom: title, subtitle, plots, ticks, their labels, the label of the axis. */
static void lay_lines(rm_chart_layout *layout, const ropemap_chart *chart, const rm_chart_grid *grid) {
    const bool x_label = has_text(chart->x_label);
    const double margin = (double)whole(MARGIN * layout->scale);
    double y = margin;
    layout->title_y = y + 0.8 * layout->title_size;
    y += layout->title_step * layout->title.count;
    layout->subtitle_y = y + layout->subtitle_size;
    if (layout->subtitle.count > 0) {
        y += 0.2 * layout->subtitle_size + layout->subtitle_step * layout->subtitle.count;
    }
    const bool words = layout->title.count + layout->subtitle.count > 0;
    y += (words ? 0.7 : 0.0) * layout->tick_size + name_room(layout, grid);
    layout->area.y = whole(y) + layout->line;
    layout->apart_y = whole(DOWN * layout->scale + name_room(layout, grid)) + 2 * layout->line;
    const double label = x_label ? layout->label_size + LABEL_GAP * layout->scale : 0.0;
    const double below =
        margin + label + layout->tick_size + (double)(layout->line + layout->tick + layout->gap);
    if (grid != &alone && chart->height == 0) {
        const double tall = plot_shape(grid) * (double)layout->plot.width;
        layout->height =
            layout->area.y + grid->down * whole(tall) + (grid->down - 1) * layout->apart_y + whole(below);
    }
    const int64_t height = layout->height - layout->area.y - whole(below);
    layout->plot.y = layout->area.y;
    layout->plot.height = (height - (grid->down - 1) * layout->apart_y) / grid->down;
    layout->area.height = grid->down * layout->plot.height + (grid->down - 1) * layout->apart_y;
    layout->x_label_y = (double)layout->height - margin - 0.22 * layout->label_size;
}

/* Room beside a plot that the first and the last label of the axis across need. */
typedef struct overhang {
    double before, beyond;
} overhang;

/* From left to right: label of the axis, tick labels, ticks, plots, legend. */
static void lay_columns(rm_chart_layout *layout, const ropemap_chart *chart, const rm_chart_grid *grid,
                        const overhang *over) {
    const ropemap_chart *named = grid->legend != NULL ? grid->legend : chart;
    const bool y_label = has_text(chart->y_label);
    const double margin = (double)whole(MARGIN * layout->scale), width = (double)layout->width;
    const double label = y_label ? layout->label_size + LABEL_GAP * layout->scale : 0.0;
    const double beside = (double)(layout->line + layout->tick + layout->gap);
    layout->y_label_x = margin + 0.78 * layout->label_size;
    layout->area.x = layout->plot.x = whole(margin + label + layout->y_ticks.widest + beside);
    const double tall = (double)layout->height - (double)layout->area.y - margin;
    const double size = layout->words_size;
    layout->legend = rm_chart_legend_lay(named, size, tall, LEGEND_MOST * width);
    if (layout->legend.rows < layout->legend.count) {
        layout->legend = rm_chart_legend_lay(named, size, tall, LEGENDS_MOST * width);
    }
    const double gap = LEGEND_GAP * layout->scale;
    const double legend = layout->legend.count > 0 ? layout->legend.width + fmax(gap, over->beyond) : 0.0;
    const double right =
        margin + (layout->legend.count > 0 ? legend : fmax(over->beyond - margin / 2.0, 0.0));
    const int64_t width_left = layout->width - layout->plot.x - whole(right) - layout->line;
    const double labels = over->before + over->beyond + 0.8 * layout->tick_size;
    layout->apart_x = whole(fmax(ACROSS * layout->scale, labels)) + 2 * layout->line;
    layout->plot.width = (width_left - (grid->across - 1) * layout->apart_x) / grid->across;
    layout->area.width = grid->across * layout->plot.width + (grid->across - 1) * layout->apart_x;
    layout->legend_x = width - margin - layout->legend.width;
}

/* Makes room for what the first and the last label across reach beyond the plot. */
static void widen_overhang(const rm_chart_layout *layout, overhang *over) {
    const rm_tick *first = &layout->x_ticks.tick[0], *last = first + layout->x_ticks.count - 1;
    const double width = (double)layout->plot.width;
    const double before = rm_font_width(first->label, layout->tick_size) / 2.0 - first->at * width;
    const double beyond = rm_font_width(last->label, layout->tick_size) / 2.0 - (1.0 - last->at) * width;
    over->before = fmax(over->before, before);
    over->beyond = fmax(over->beyond, beyond);
}

/* Labels make room for themselves, which moves what they label: in a few passes it settles. */
static void settle(rm_chart_layout *layout, const ropemap_chart *chart, const rm_chart_grid *grid) {
    overhang over = {.before = 0.0};
    layout->plot.width = layout->width / (grid->across + 1); /* to begin with */
    for (int pass = 0; pass < PASSES; pass++) {
        lay_lines(layout, chart, grid);
        layout->y_ticks =
            rm_chart_ticks_make(&layout->y, (double)layout->plot.height, layout->tick_size, false);
        lay_columns(layout, chart, grid, &over);
        layout->x_ticks =
            rm_chart_ticks_make(&layout->x, (double)layout->plot.width, layout->tick_size, true);
        widen_overhang(layout, &over);
        const double room = (double)(layout->width - layout->area.x) - MARGIN * layout->scale;
        const bool last = pass == PASSES - 1; /* has the lines that the plot made room for */
        layout->title = rm_chart_text_lines(chart->title, layout->title_size, room,
                                            last ? layout->title.count : WORD_LINES);
        layout->subtitle = rm_chart_text_lines(chart->subtitle, layout->subtitle_size, room,
                                               last ? layout->subtitle.count : WORD_LINES);
    }
}

rm_chart_layout rm_chart_layout_make(const ropemap_chart *chart, const rm_chart_grid *grid) {
    rm_chart_layout layout = {.x = rm_chart_range_x(chart), .y = rm_chart_range_y(chart)};
    const rm_chart_grid *all = grid != NULL ? grid : &alone;
    size_all(&layout, chart, all);
    settle(&layout, chart, all);
    (void)rm_chart_text_fit(layout.x_label, chart->x_label, layout.label_size, (double)layout.area.width);
    (void)rm_chart_text_fit(layout.y_label, chart->y_label, layout.label_size, (double)layout.area.height);
    return layout;
}

ropemap_status rm_chart_layout_check(const rm_chart_layout *layout, const rm_chart_grid *grid,
                                     ropemap_error *error) {
    const rm_chart_grid *all = grid != NULL ? grid : &alone;
    const double least = PLOT_LEAST * layout->tick_size;
    if ((double)layout->plot.width < least || (double)layout->plot.height < least) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "chart: %" PRId64 " x %" PRId64 " pixels leave no room for %" PRId32 " x %" PRId32
            " plots beside text of %.4g pixels, expected a larger chart, smaller text or fewer plots",
            layout->width, layout->height, all->across, all->down, layout->tick_size);
    }
    return ROPEMAP_OK;
}
