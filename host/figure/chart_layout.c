/* chart_layout.c - where everything of a chart is placed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart.h"
#include "host/figure/drawing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Lengths at scale 1, in pixels. */
#define WORDS_SIZE 19.0

#define LEGEND_GAP 14.0 /* between plot and legend */

#define THICKNESS 2.6

#define ACROSS 22.0 /* between plots, and between their labels */

#define DOWN 18.0 /* from a plot to the name of the next */

#define PLOT_HEIGHT 200.0 /* what a row takes at least */

/* What a column of plots takes of a figure at scale 1; four fill a chart's width. */
#define PLOT_WIDTH 400.0

/* Text of a small figure is no smaller than at this scale: ten pixels at the axes. */
#define SCALE_LEAST 0.5

/* Past this part of the width it is below the plots: names next to their lines, and others. */
#define BESIDE_LINES 0.33

#define BESIDE 0.15

/* What the legend takes of the width at most: in one column, in several, and with names of points. */
#define LEGEND_MOST 0.38

#define LEGENDS_MOST 0.45

#define NAMES_MOST 0.6

/* Sizes of the numbers that a plot has at least on each side. */
#define PLOT_LEAST 3.0

/* A page is best filled where a row of plots is as wide, for its height, as the golden section. */
#define PAGE_SHAPE 0.62

enum {
    WORD_LINES = 2, /* of title and subtitle, each at most */
    NAME_LINES = 2, /* of a plot's name, at most */
    PASSES = 3,
    COLUMNS_USUAL = 4,
    BELOW_MOST = 3, /* rows of a legend below the plots */
    END_PART = 50   /* the end of a line is this part of its points */
};

static bool is_alone(const ropemap_chart *chart) {
    return rm_plots_of(chart).count == 1;
}

/* ---- legend ---- */

/* In sizes of a name. */
#define STEP 1.5

#define STEP_LEAST 1.15 /* where many entries have to share the height */

#define SWATCH 1.9

#define DOT 0.9 /* where there are no lines */

#define NUMBER 1.6 /* of three digits */

#define GAP 0.5 /* between line and name */

#define APART 1.2 /* between columns */

/* A line of the legend: a series, or one of its points. */
typedef struct entry {
    int32_t series;
    int64_t point; /* below 0: all of the series */
    int32_t number;
} entry;

/* Whether the legend has a line for each of its points. */
static bool has_numbers(const ropemap_series *series) {
    return series->names != NULL && !series->names_at_points;
}

/* Moves on to the next entry; false after the last one. Begin with {.series = -1}. */
static bool next_entry(const ropemap_plot *plot, entry *at) {
    const ropemap_series *own = at->series >= 0 ? &plot->series[at->series] : NULL;
    if (own != NULL && has_numbers(own) && at->point + 1 < own->count) {
        at->point++;
        at->number++;
        return true;
    }
    do {
        at->series++;
    } while (at->series < plot->series_count && plot->series[at->series].reference);
    const bool named = at->series < plot->series_count && has_numbers(&plot->series[at->series]);
    at->point = named ? 0 : -1;
    at->number += named ? 1 : 0;
    return at->series < plot->series_count;
}

static double entry_text(char text[RM_TEXT_BYTES], const ropemap_plot *plot, const entry *at, size_t skipped,
                         double size, double room) {
    const ropemap_series *series = &plot->series[at->series];
    const char *label = series->label != NULL ? series->label + skipped : NULL;
    return rm_text_fit(text, at->point >= 0 ? series->names[at->point] : label, size, room);
}

/* Bytes of the words that both labels begin with: up to the last space before they differ, where what is left
 * of each is one word. */
static size_t common_words(const char *a, const char *b, size_t most) {
    size_t words = 0;
    for (size_t at = 0; at < most && a[at] == b[at] && a[at] != '\0'; at++) {
        words = a[at] == ' ' ? at + 1 : words;
    }
    return words;
}

/* "base" of "base 10,000" and "base 500,000"; "d = 64" stays together. */
static void find_heading(const ropemap_plot *plot, rm_legend *legend) {
    const char *first = NULL;
    size_t words = RM_TEXT_BYTES - 1;
    for (entry at = {.series = -1}; next_entry(plot, &at);) {
        const char *label = plot->series[at.series].label;
        label = label != NULL ? label : "";
        first = first == NULL ? label : first;
        words = common_words(first, label, first == label ? strlen(first) : words);
        if (words == 0 || label[words] == '\0' || strchr(label + words, ' ') != NULL) {
            return;
        }
    }
    if (words > 1 && first[words - 2] != '=') {
        legend->skipped = words;
        (void)snprintf(legend->heading, sizeof legend->heading, "%.*s", (int)words - 1, first);
    }
}

/* Names in `size`, in as many columns as `height` requires, cut so that all is at most `most` wide. */
static rm_legend lay_legend(const ropemap_plot *plot, double size, double height, double most) {
    rm_legend legend = {.size = size};
    bool lines = false, numbers = false;
    for (entry at = {.series = -1}; next_entry(plot, &at); legend.count++) {
        lines = lines || !plot->series[at.series].points;
        numbers = numbers || at.point >= 0;
    }
    if (legend.count < 2 && !numbers) {
        legend.count = 0;
        return legend;
    }
    legend.numbered = numbers;
    if (!numbers) {
        find_heading(plot, &legend);
    }
    char text[RM_TEXT_BYTES];
    const int32_t heads = legend.heading[0] != '\0' ? 1 : 0;
    const double fits = fmax(floor(height / (STEP_LEAST * size)) - heads, 1.0);
    const int32_t columns = (int32_t)ceil(legend.count / fits);
    legend.rows = (legend.count + columns - 1) / columns;
    legend.step = fmin(STEP * size, height / (legend.rows + heads));
    legend.swatch = (lines ? SWATCH : numbers ? NUMBER : DOT) * size;
    const double before = legend.swatch + GAP * size;
    legend.room = (most - (columns - 1) * APART * size) / columns - before;
    double widest = rm_text_fit(text, legend.heading, size, legend.room + before) - before;
    for (entry at = {.series = -1}; next_entry(plot, &at);) {
        widest = fmax(widest, entry_text(text, plot, &at, legend.skipped, size, legend.room));
    }
    legend.column = before + widest + APART * size;
    legend.width = columns * legend.column - APART * size;
    return legend;
}

/* In one column where that is enough. */
static rm_legend choose_legend(const ropemap_plot *plot, double size, double height, double width) {
    bool named = false;
    for (int32_t index = 0; index < plot->series_count; index++) {
        named = named || has_numbers(&plot->series[index]);
    }
    const rm_legend legend = lay_legend(plot, size, height, LEGEND_MOST * width);
    return legend.rows < legend.count
               ? lay_legend(plot, size, height, (named ? NAMES_MOST : LEGENDS_MOST) * width)
               : legend;
}

/* Whether names stand next to the ends of what they name. */
static bool is_direct(const ropemap_plot *plot, bool alone) {
    bool points = false;
    for (int32_t index = 0; index < plot->series_count; index++) {
        points = points || plot->series[index].points;
    }
    return alone && !points;
}

/* In rows below the plots, `width` wide at most, with a heading before the first row. */
static rm_legend lay_legend_below(const ropemap_plot *plot, double size, double width) {
    char text[RM_TEXT_BYTES];
    rm_legend legend = lay_legend(plot, size, (double)RM_IMAGE_SIDE_MAX, width);
    const double apart = APART * size, heading = rm_text_fit(text, legend.heading, size, width / 2.0);
    legend.head = heading > 0.0 ? heading + apart : 0.0;
    const double fits = floor((width - legend.head + apart) / legend.column);
    const int32_t across = (int32_t)fmin(fmax(fits, 1.0), legend.count);
    legend.rows = (legend.count + across - 1) / across;
    legend.below = (legend.count + legend.rows - 1) / legend.rows;
    legend.step = STEP * size;
    legend.width = legend.head + legend.below * legend.column - apart;
    return legend;
}

/* A piece of line, a dot, or the number of a point in the colour of its series. */
static void draw_swatch(rm_drawing *drawing, const rm_chart_layout *layout, const entry *at, double left,
                        double middle) {
    const rm_legend *legend = &layout->legend;
    const ropemap_series *series = &layout->named->series[at->series];
    rm_item swatch = rm_chart_look(layout->named, at->series, layout->thickness, layout->dot);
    if (at->point >= 0) {
        char text[16];
        (void)snprintf(text, sizeof text, "%" PRId32, at->number);
        rm_drawing_text(drawing, left + legend->swatch, middle + 0.36 * legend->size, text,
                        (rm_text_style){.size = legend->size, .ink = swatch.ink, .anchor = RM_ANCHOR_END});
        return;
    }
    double points[] = {left + (series->points ? legend->swatch / 2.0 : 0.0), middle, left + legend->swatch,
                       middle};
    swatch.x = left;
    swatch.width = legend->swatch;
    swatch.y = middle - legend->step;
    swatch.height = 2.0 * legend->step;
    swatch.points = points;
    swatch.point_count = series->points ? 1 : 2;
    rm_drawing_path(drawing, &swatch);
}

/* Where a row of the legend begins, and its middle. */
typedef struct place {
    double left, middle;
} place;

static place row_place(const rm_chart_layout *layout, int32_t row) {
    const rm_legend *legend = &layout->legend;
    if (legend->below > 0) {
        return (place){layout->legend_x + legend->head + row % legend->below * legend->column,
                       layout->legend_y + (row / legend->below + 0.5) * legend->step};
    }
    return (place){layout->legend_x + row / legend->rows * legend->column,
                   legend->numbered ? (double)layout->area.y + (row % legend->rows + 0.5) * legend->step
                                    : legend->middles[row]};
}

void rm_legend_draw(rm_drawing *drawing, const rm_chart_layout *layout) {
    const rm_legend *legend = &layout->legend;
    const rm_text_style style = {.size = legend->size, .ink = layout->theme->ink};
    int32_t row = 0;
    for (entry at = {.series = -1}; legend->count > 0 && next_entry(layout->named, &at); row++) {
        const entry shown = legend->numbered ? at : (entry){.series = legend->order[row], .point = -1};
        const place at_row = row_place(layout, row);
        char text[RM_TEXT_BYTES];
        draw_swatch(drawing, layout, &shown, at_row.left, at_row.middle);
        (void)entry_text(text, layout->named, &shown, legend->skipped, legend->size, legend->room);
        rm_drawing_text(drawing, at_row.left + legend->swatch + GAP * legend->size,
                        at_row.middle + 0.36 * legend->size, text, style);
        if (row == 0) {
            const double up = legend->below > 0 ? 0.0 : legend->step;
            (void)rm_text_fit(text, legend->heading, legend->size, legend->width);
            rm_drawing_text(drawing, at_row.left - legend->head, at_row.middle - up + 0.36 * legend->size,
                            text, (rm_text_style){.size = legend->size, .ink = layout->theme->soft_ink});
        }
    }
}

/* Of the last of so many parts of a line, on the axis, 0 to 1: the mean of its points, and how far they
 * swing. */
typedef struct line_end {
    double mean, swing;
} line_end;

static line_end end_of_line(const ropemap_chart *chart, const rm_chart_layout *layout,
                            const ropemap_series *series, int64_t parts) {
    int64_t last = series->count - 1;
    while (!rm_chart_shows(chart, series, last)) {
        last--;
    }
    double sum = 0.0, low = (double)INFINITY, high = -(double)INFINITY;
    int64_t count = 0;
    for (int64_t point = last; point >= 0 && point >= last - last / parts; point--) {
        if (rm_chart_shows(chart, series, point)) {
            const double y = rm_axis_place(&layout->y, series->y[point]);
            sum += y;
            low = fmin(low, y);
            high = fmax(high, y);
            count++;
        }
    }
    return (line_end){.mean = fmin(fmax(sum / (double)count, 0.0), 1.0), .swing = high - low};
}

/* Moves rows that are closer than a step apart, the middle of those that touch staying where it was; all
 * within `top` and `bottom`. */
static void spread(double *middles, int32_t count, double step, double top, double bottom) {
    int32_t first[RM_CHART_SERIES_MAX], groups = 0;
    double starts[RM_CHART_SERIES_MAX];
    for (int32_t row = 0; row < count; row++) {
        double sum = middles[row];
        first[groups] = row;
        for (int32_t size = 1;; size = row + 1 - first[groups]) {
            const double most = fmax(bottom - (size - 1) * step, top);
            starts[groups] = fmin(fmax(sum / size - (size - 1) * step / 2.0, top), most);
            if (groups == 0 ||
                starts[groups] >= starts[groups - 1] + (first[groups] - first[groups - 1]) * step) {
                break;
            }
            groups--;
            for (int32_t other = first[groups]; other < first[groups + 1]; other++) {
                sum += middles[other];
            }
        }
        groups++;
    }
    for (int32_t group = groups - 1, row = count - 1; group >= 0; group--) {
        for (; row >= first[group]; row--) {
            middles[row] = starts[group] + (row - first[group]) * step;
        }
    }
}

/* Whether a line that is `below` in the rows belongs above the one of the row before: steps of a quantity
 * keep their order, but at a single plot where the ends say otherwise by more than a row and than the lines
 * swing. */
static bool belongs_above(const rm_chart_layout *layout, const ropemap_chart *chart, line_end below,
                          line_end before) {
    const double row = layout->legend.step / (double)layout->area.height;
    const double slack = layout->named->ordered ? fmax(row, fmax(below.swing, before.swing)) : 0.0;
    return (is_alone(chart) || !layout->named->ordered) && below.mean > before.mean + slack;
}

/* Rows of series in the order of the lines' ends, and of a single plot's only column next to them. */
static void place_rows(rm_chart_layout *layout, const ropemap_chart *chart) {
    rm_legend *legend = &layout->legend;
    const ropemap_plot *named = layout->named;
    const int32_t heads = legend->heading[0] != '\0' ? 1 : 0, last = named->series_count - 1;
    const double top = (double)layout->area.y + (heads + 0.5) * legend->step;
    const bool rises = named->ordered && legend->below == 0 &&
                       end_of_line(chart, layout, &named->series[last], 1).mean >
                           end_of_line(chart, layout, named->series, 1).mean;
    line_end ends[RM_CHART_SERIES_MAX];
    int32_t count = 0;
    for (int32_t at = 0; at <= last; at++) {
        const int32_t index = rises ? last - at : at;
        if (named->series[index].reference) {
            continue;
        }
        const line_end end = end_of_line(chart, layout, &named->series[index], END_PART);
        int32_t row = count++;
        for (; row > 0 && legend->below == 0 && belongs_above(layout, chart, end, ends[row - 1]); row--) {
            ends[row] = ends[row - 1];
            legend->order[row] = legend->order[row - 1];
        }
        ends[row] = end;
        legend->order[row] = index;
    }
    for (int32_t row = 0; row < count; row++) {
        legend->middles[row] = (double)layout->area.y + (1.0 - ends[row].mean) * (double)layout->area.height;
        if (!is_alone(chart) || legend->rows < count) {
            legend->middles[row] = top + row % legend->rows * legend->step;
        }
    }
    if (is_alone(chart) && legend->rows == count) {
        spread(legend->middles, count, legend->step, top,
               (double)(layout->area.y + layout->area.height) - 0.5 * legend->step);
    }
}

/* ---- sizes ---- */

double rm_chart_across(const rm_chart_layout *layout, double x) {
    return (double)layout->plot.x + rm_axis_place(&layout->x, x) * (double)layout->plot.width;
}

double rm_chart_down(const rm_chart_layout *layout, double y) {
    return (double)layout->plot.y + (1.0 - rm_axis_place(&layout->y, y)) * (double)layout->plot.height;
}

static bool has_text(const char *text) {
    return text != NULL && text[0] != '\0';
}

static int64_t whole(double length) {
    return (int64_t)lround(length);
}

/* By the area; the shorter side has the last word, as it holds both labels and the plot. */
static double choose_scale(double width, double height) {
    const double area = sqrt(width * height / ((double)RM_CHART_WIDTH * (double)RM_CHART_HEIGHT));
    return fmax(fmin(area, fmin(width / 700.0, height / 450.0)), SCALE_LEAST);
}

/* By the width; a given height has room for the rows, and for words and numbers around them. */
static double choose_grid_scale(const ropemap_chart *chart, const rm_chart_layout *layout) {
    const double by_width = (double)layout->width / (PLOT_WIDTH * fmax(layout->across, COLUMNS_USUAL));
    const double by_height = (double)chart->height / (PLOT_HEIGHT * (layout->down + 1.0));
    return fmax(chart->height > 0 ? fmin(by_width, by_height) : by_width, SCALE_LEAST);
}

/* Dots of many points are smaller. */
static double dot_width(const ropemap_chart *chart) {
    const rm_plots plots = rm_plots_of(chart);
    int64_t most = 0;
    for (int32_t index = 0; index < plots.count; index++) {
        for (int32_t at = 0; at < plots.plot[index].series_count; at++) {
            const ropemap_series *series = &plots.plot[index].series[at];
            most = series->points && series->count > most ? series->count : most;
        }
    }
    return most <= 200 ? 10.0 : most <= 1000 ? 7.0 : 4.5;
}

/* Columns have room for their text; a figure for more of them than usual is wider. */
static int64_t usual_width(int32_t across) {
    return across <= COLUMNS_USUAL ? RM_CHART_WIDTH : whole(fmin(PLOT_WIDTH * across, RM_CHART_SIDE_MAX));
}

/* The plot with most series. */
static const ropemap_plot *fullest(const rm_plots plots) {
    const ropemap_plot *best = plots.plot;
    for (int32_t index = 1; index < plots.count; index++) {
        best = plots.plot[index].series_count > best->series_count ? &plots.plot[index] : best;
    }
    return best;
}

const char *rm_chart_name(const rm_chart_layout *layout, const ropemap_chart *chart, int32_t index) {
    const char *const *headings = chart->col_headings;
    return headings == NULL         ? rm_plots_of(chart).plot[index].label
           : index < layout->across ? headings[index]
                                    : NULL;
}

/* Lines that the names of plots take in `room` pixels; 0 where no plot has one. */
static int32_t count_name_lines(const rm_chart_layout *layout, const ropemap_chart *chart, double size,
                                double room) {
    int32_t most = 0;
    for (int32_t index = 0; index < rm_plots_of(chart).count; index++) {
        const rm_text_lines lines =
            rm_text_break(rm_chart_name(layout, chart, index), size, room, NAME_LINES);
        most = lines.count > most ? lines.count : most;
    }
    return most;
}

static void size_all(rm_chart_layout *layout, const ropemap_chart *chart, int32_t columns) {
    const rm_plots plots = rm_plots_of(chart);
    *layout = (rm_chart_layout){.theme = rm_theme_of(false),
                                .x = rm_chart_range_x(chart),
                                .y = rm_chart_range_y(chart),
                                .named = fullest(plots),
                                .across = columns < plots.count ? columns : plots.count};
    layout->down = (plots.count + layout->across - 1) / layout->across;
    layout->width = chart->width > 0 ? chart->width : usual_width(layout->across);
    layout->height = chart->height > 0 ? chart->height : RM_CHART_HEIGHT;
    const double chosen = is_alone(chart) ? choose_scale((double)layout->width, (double)layout->height)
                                          : choose_grid_scale(chart, layout);
    const double scale = chart->font_size > 0.0 ? chart->font_size / RM_TICK_SIZE : chosen;
    layout->sizes = rm_sizes_at(scale);
    layout->words = WORDS_SIZE * scale;
    layout->column = whole(fmax(scale, 1.0));
    layout->thickness = THICKNESS * scale;
    layout->dot = dot_width(chart) * scale;
    layout->name_lines = count_name_lines(layout, chart, 1.0, (double)INFINITY);
}

/* ---- places ---- */

/* Few plots side by side are flatter. */
static double plot_shape(int32_t across) {
    return across == 1 ? 0.4 : across == 2 ? 0.6 : 0.75;
}

/* Of one below the plots, with what is above it. */
static double legend_height(const rm_chart_layout *layout) {
    const rm_legend *legend = &layout->legend;
    return legend->below > 0 ? LEGEND_GAP * layout->sizes.scale + legend->rows * legend->step : 0.0;
}

/* From top to bottom: title, subtitle, plots, ticks, their labels, the label of the axis, a legend that is
 * below. */
static void lay_lines(rm_chart_layout *layout, const ropemap_chart *chart) {
    const rm_sizes *sizes = &layout->sizes;
    const double margin = (double)sizes->margin, name = rm_name_height(sizes, layout->name_lines);
    double y = rm_heading_place(&layout->heading, sizes, margin);
    y += (rm_heading_is_empty(&layout->heading) ? 0.0 : 0.7) * sizes->ticks + name;
    layout->area.y = whole(y) + sizes->line;
    const double between = chart->col_headings == NULL ? name : 0.0;
    layout->apart_y = whole(DOWN * sizes->scale + between) + 2 * sizes->line;
    const double label = has_text(chart->x_label) ? sizes->label + sizes->label_gap : 0.0;
    const double below = margin + legend_height(layout) + label + sizes->ticks +
                         (double)(sizes->line + sizes->tick + sizes->gap);
    const int64_t apart = (layout->down - 1) * layout->apart_y;
    if (!is_alone(chart) && chart->height == 0) {
        const double tall = plot_shape(layout->across) * (double)layout->plot.width;
        layout->height = layout->area.y + layout->down * whole(tall) + apart + whole(below);
    }
    const int64_t height = layout->height - layout->area.y - whole(below);
    layout->plot.y = layout->area.y;
    layout->plot.height = (height - apart) / layout->down;
    layout->area.height = layout->down * layout->plot.height + apart;
}

/* Room next to a plot that the first and the last label of the axis across need. */
typedef struct overhang {
    double before, beyond;
} overhang;

/* From left to right: label of the axis, tick labels, ticks, plots, legend. */
static void lay_columns(rm_chart_layout *layout, const ropemap_chart *chart, const overhang *over) {
    const rm_sizes *sizes = &layout->sizes;
    const double margin = (double)sizes->margin, width = (double)layout->width;
    const double label = has_text(chart->y_label) ? sizes->label + sizes->label_gap : 0.0;
    const double next_to_axis = (double)(sizes->line + sizes->tick + sizes->gap);
    layout->area.x = layout->plot.x = whole(margin + label + layout->y_ticks.widest + next_to_axis);
    const double tall = (double)layout->height - (double)layout->area.y - margin;
    layout->legend = choose_legend(layout->named, layout->words, tall, width);
    const double most = is_direct(layout->named, is_alone(chart)) ? BESIDE_LINES : BESIDE;
    if (layout->legend.width > most * width && !layout->legend.numbered) {
        const double room = width - (double)layout->area.x - margin;
        const rm_legend below = lay_legend_below(layout->named, layout->words, room);
        layout->legend = below.rows <= BELOW_MOST ? below : layout->legend;
    }
    const bool beside = layout->legend.count > 0 && layout->legend.below == 0;
    const double gap = LEGEND_GAP * sizes->scale;
    const double headings =
        chart->row_headings != NULL ? sizes->name + (double)(sizes->line + sizes->gap) : 0.0;
    const double right = margin + (beside ? layout->legend.width + fmax(gap + headings, over->beyond)
                                          : fmax(over->beyond - margin / 2.0, headings));
    const int64_t width_left = layout->width - layout->plot.x - whole(right) - sizes->line;
    const double labels = over->before + over->beyond + 0.8 * sizes->ticks;
    layout->apart_x = whole(fmax(ACROSS * sizes->scale, labels)) + 2 * sizes->line;
    layout->plot.width = (width_left - (layout->across - 1) * layout->apart_x) / layout->across;
    layout->area.width = layout->across * layout->plot.width + (layout->across - 1) * layout->apart_x;
    layout->legend_x = beside ? width - margin - layout->legend.width : (double)layout->area.x;
}

#define BANDS "line: mean of a pixel, band: its range"

/* Whether a line has a band: points are nowhere closer than at its end, on either axis. */
static bool has_bands(const rm_chart_layout *layout, const ropemap_chart *chart) {
    const rm_plots plots = rm_plots_of(chart);
    bool any = false;
    for (int32_t index = 0; index < plots.count; index++) {
        for (int32_t line = 0; line < plots.plot[index].series_count; line++) {
            const ropemap_series *series = &plots.plot[index].series[line];
            const int64_t last = series->count - 1;
            any = any || (!series->points && last > 0 &&
                          (rm_axis_place(&layout->x, series->x[last]) -
                           rm_axis_place(&layout->x, series->x[last - 1])) *
                                  (double)layout->plot.width <
                              0.5 * (double)layout->column);
        }
    }
    return any;
}

/* Labels make room for themselves, which moves what they label: in a few passes it settles. */
static void settle(rm_chart_layout *layout, const ropemap_chart *chart) {
    const rm_sizes *sizes = &layout->sizes;
    rm_heading *heading = &layout->heading;
    overhang over = {.before = 0.0};
    layout->plot.width = layout->width / (layout->across + 1); /* to begin with */
    heading->title.count = heading->subtitle.count = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        lay_lines(layout, chart);
        layout->y_ticks = rm_ticks_axis(&layout->y, (double)layout->plot.height, sizes->ticks, false);
        lay_columns(layout, chart, &over);
        layout->x_ticks = rm_ticks_axis(&layout->x, (double)layout->plot.width, sizes->ticks, true);
        over.before = fmax(over.before, rm_ticks_before(&layout->x_ticks, layout->plot.width, sizes));
        over.beyond = fmax(over.beyond, rm_ticks_beyond(&layout->x_ticks, layout->plot.width, sizes));
        const double room = (double)(layout->width - layout->area.x - sizes->margin);
        const bool last = pass == PASSES - 1; /* has the lines that the plot made room for */
        char subtitle[RM_TEXT_BYTES];
        const char *const own = has_text(chart->subtitle) ? chart->subtitle : "";
        const char *const bands = has_bands(layout, chart) ? BANDS : "";
        (void)snprintf(subtitle, sizeof subtitle, "%s%s%s", own,
                       own[0] != '\0' && bands[0] != '\0' ? "; " : "", bands);
        const char *const words[3] = {chart->untitled ? NULL : chart->title,
                                      chart->untitled ? NULL : subtitle, NULL};
        rm_heading_break(heading, words, sizes, room,
                         (const int32_t[3]){last ? heading->title.count : WORD_LINES,
                                            last ? heading->subtitle.count : WORD_LINES, 1});
    }
}

static void lay_labels(rm_chart_layout *layout, const ropemap_chart *chart) {
    const rm_sizes *sizes = &layout->sizes;
    const rm_box *area = &layout->area;
    rm_axis_label_fit(&layout->x_label, chart->x_label, sizes, (double)area->width);
    rm_axis_label_fit(&layout->y_label, chart->y_label, sizes, (double)area->height);
    layout->x_label.x = (double)area->x + (double)area->width / 2.0;
    const double end = (double)(layout->height - sizes->margin) - legend_height(layout);
    layout->x_label.y = end - 0.22 * sizes->label;
    layout->legend_y = end + LEGEND_GAP * sizes->scale;
    layout->y_label.x = (double)sizes->margin + 0.78 * sizes->label;
    layout->y_label.y = (double)area->y + (double)area->height / 2.0;
}

static ropemap_status check_room(const rm_chart_layout *layout, ropemap_error *error) {
    const double least = PLOT_LEAST * layout->sizes.ticks;
    const double wide = layout->across * (least - (double)layout->plot.width);
    const double tall = layout->down * (least - (double)layout->plot.height);
    if (wide > 0.0 || tall > 0.0) {
        const double width = (double)layout->width, height = (double)layout->height;
        const double times = fmax((width + wide) / width, (height + tall) / height);
        return rm_fail(error, ROPEMAP_USAGE,
                       "chart: %" PRId64 " x %" PRId64 " pixels leave no room for %" PRId32 " x %" PRId32
                       " plots and text of %.3g pixels; give %.2g times the size, or smaller text",
                       layout->width, layout->height, layout->across, layout->down, layout->sizes.ticks,
                       ceil(times * 10.0) / 10.0);
    }
    if (layout->height > RM_IMAGE_SIDE_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "chart: %" PRId64 " x %" PRId64
                       " pixels, at most %d a side; more columns make it lower",
                       layout->width, layout->height, (int)RM_IMAGE_SIDE_MAX);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_chart_layout_make(rm_chart_layout *layout, const ropemap_chart *chart,
                                    ropemap_error *error) {
    const bool fixed = chart->columns > 0 || chart->col_headings != NULL;
    int32_t columns =
        chart->columns > 0 ? chart->columns : rm_columns_for(rm_plots_of(chart).count, PAGE_SHAPE);
    do { /* fewer side by side where the page is too narrow for them */
        size_all(layout, chart, columns);
        settle(layout, chart);
    } while (!fixed && (double)layout->plot.width < PLOT_LEAST * layout->sizes.ticks && --columns > 0);
    RM_TRY(check_room(layout, error));
    /* Names that are longer than a plot is wide have two lines. */
    const int32_t lines = count_name_lines(layout, chart, layout->sizes.name, (double)layout->plot.width);
    if (lines > layout->name_lines) {
        layout->name_lines = lines;
        settle(layout, chart);
        RM_TRY(check_room(layout, error));
    }
    lay_labels(layout, chart);
    if (layout->legend.count > 0 && !layout->legend.numbered) {
        place_rows(layout, chart);
    }
    return ROPEMAP_OK;
}
