/* chart_axes.c - frame, grid, numbers and words of a chart */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_axes.h"
#include "host/figure/chart_style.h"
#include "host/figure/font.h"

#include <math.h>

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

void rm_chart_words_draw(rm_drawing *drawing, const rm_chart_layout *layout) {
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

void rm_chart_axes_draw(rm_drawing *drawing, const rm_chart_layout *layout) {
    draw_frame(drawing, layout->plot, (double)layout->line);
    draw_grid(drawing, layout);
    if (layout->x_shown) {
        draw_ticks_below(drawing, layout);
    }
    if (layout->y_shown) {
        draw_ticks_beside(drawing, layout);
    }
}
