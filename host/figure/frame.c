/* frame.c - the items of a framed figure */
/* SPDX-License-Identifier: MIT */
#include "host/figure/frame.h"
#include "host/figure/font.h"

#include <math.h>

/* A frame outside of a box. It comes after what is in the box: readers of pages let images stand out by a
 * part of a pixel. */
static void draw_border(rm_drawing *drawing, rm_box box, const rm_layout *layout) {
    const double x = (double)box.x, y = (double)box.y, width = (double)box.width, height = (double)box.height;
    const double pen = (double)layout->line, full = width + 2.0 * pen;
    const rm_rgb line_ink = layout->theme->line;
    rm_drawing_rectangle(drawing, x - pen, y - pen, full, pen, line_ink);
    rm_drawing_rectangle(drawing, x - pen, y + height, full, pen, line_ink);
    rm_drawing_rectangle(drawing, x - pen, y, pen, height, line_ink);
    rm_drawing_rectangle(drawing, x + width, y, pen, height, line_ink);
}

static void draw_cells(rm_drawing *drawing, rm_box box, const uint8_t *levels, int64_t rows, int64_t cols,
                       const rm_palette *palette) {
    rm_drawing_raster(drawing, &(rm_item){.x = (double)box.x,
                                          .y = (double)box.y,
                                          .width = (double)box.width,
                                          .height = (double)box.height,
                                          .levels = levels,
                                          .rows = rows,
                                          .cols = cols,
                                          .palette = palette});
}

static void draw_lines(rm_drawing *drawing, const rm_text_lines *lines, double x, double y, double step,
                       rm_text_style style) {
    for (int32_t line = 0; line < lines->count; line++) {
        rm_drawing_text(drawing, x, y + step * line, lines->line[line], style);
    }
}

/* The middle of a line of whole pixels nearest to `place`, so that the line is sharp; it stays within the
 * box. */
static double snap(double place, int64_t length, int64_t line) {
    const double start = fmin(fmax(round(place - (double)line / 2.0), 0.0), (double)(length - line));
    return start + (double)line / 2.0;
}

/* Ticks to one side of a vertical axis; `upwards` for values, whose 0 is at the bottom. */
static void draw_side_ticks(rm_drawing *drawing, const rm_layout *layout, const rm_axis *axis, rm_box box,
                            bool right) {
    const double edge =
        (double)(right ? box.x + box.width + layout->line : box.x - layout->line - layout->tick);
    const double text_x = right ? edge + (double)(layout->tick + layout->gap) : edge - (double)layout->gap;
    const rm_text_style style = {.size = layout->tick_size,
                                 .ink = layout->theme->ink,
                                 .anchor = right ? RM_ANCHOR_START : RM_ANCHOR_END};
    for (int32_t tick = 0; tick < axis->ticks.count; tick++) {
        const double at = axis->ticks.tick[tick].at;
        const double place = (right ? 1.0 - at : at) * (double)box.height;
        const double y = (double)box.y + snap(place, box.height, layout->line);
        rm_drawing_line(drawing, edge, y, (double)layout->tick, 0.0, (double)layout->line,
                        layout->theme->line);
        rm_drawing_text(drawing, text_x, y + RM_FONT_DIGIT / 2.0 * layout->tick_size,
                        axis->ticks.tick[tick].label, style);
    }
}

static double below_baseline(const rm_layout *layout) {
    const int64_t top = layout->map.y + layout->map.height + layout->line + layout->tick + layout->gap;
    return (double)top + RM_FONT_DIGIT * layout->tick_size;
}

static void draw_bottom_ticks(rm_drawing *drawing, const rm_layout *layout) {
    const rm_ticks *ticks = &layout->cols.ticks;
    const double edge = (double)(layout->map.y + layout->map.height + layout->line);
    const rm_text_style style = {
        .size = layout->tick_size, .ink = layout->theme->ink, .anchor = RM_ANCHOR_MIDDLE};
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double place = ticks->tick[tick].at * (double)layout->map.width;
        const double x = (double)layout->map.x + snap(place, layout->map.width, layout->line);
        rm_drawing_line(drawing, x, edge, 0.0, (double)layout->tick, (double)layout->line,
                        layout->theme->line);
        rm_drawing_text(drawing, x, below_baseline(layout), ticks->tick[tick].label, style);
    }
}

static void draw_labels(rm_drawing *drawing, const rm_layout *layout) {
    const rm_text_style style = {.ink = layout->theme->ink, .anchor = RM_ANCHOR_MIDDLE};
    rm_text_style rows = style, cols = style, values = style;
    rows.size = layout->rows.label_size;
    cols.size = layout->cols.label_size;
    values.size = layout->values.label_size;
    rows.upwards = values.upwards = true;
    const double middle_x = (double)layout->map.x + (double)layout->map.width / 2.0;
    const double middle_y = (double)layout->map.y + (double)layout->map.height / 2.0;
    rm_drawing_text(drawing, layout->row_label_x, middle_y, layout->rows.label, rows);
    rm_drawing_text(drawing, middle_x, layout->col_label_y, layout->cols.label, cols);
    rm_drawing_text(drawing, layout->value_label_x, middle_y, layout->values.label, values);
}

/* What the colour of NaN is, below the colour bar in line with the tick labels of the columns. */
static void draw_nan_swatch(rm_drawing *drawing, const rm_layout *layout, const rm_palette *palette) {
    const double side = round(layout->nan_size), bottom = round(below_baseline(layout));
    const double line = (double)layout->line, x = (double)layout->bar.x;
    const uint8_t *rgb = palette->rgb[RM_LEVEL_NAN];
    rm_drawing_rectangle(drawing, x - line, bottom - side - line, side + 2.0 * line, side + 2.0 * line,
                         layout->theme->line);
    rm_drawing_rectangle(drawing, x, bottom - side, side, side, (rm_rgb){rgb[0], rgb[1], rgb[2]});
    rm_drawing_text(
        drawing, x + 1.4 * layout->nan_size, below_baseline(layout), "NaN",
        (rm_text_style){.size = layout->tick_size, .ink = layout->theme->ink, .anchor = RM_ANCHOR_START});
}

void rm_frame_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_map *map,
                   const uint8_t *levels, const rm_colour *colour, rm_bar_levels *bar) {
    for (int step = 0; step < RM_LEVELS; step++) {
        bar->level[step] = (uint8_t)(RM_LEVEL_MAX - step);
    }
    drawing->width = layout->width;
    drawing->height = layout->height;
    rm_theme_paper(layout->theme, drawing);
    draw_cells(drawing, layout->map, levels, map->height, map->width, &colour->palette);
    draw_border(drawing, layout->map, layout);
    draw_cells(drawing, layout->bar, bar->level, RM_LEVELS, 1, &colour->palette);
    draw_border(drawing, layout->bar, layout);
    draw_side_ticks(drawing, layout, &layout->rows, layout->map, false);
    draw_side_ticks(drawing, layout, &layout->values, layout->bar, true);
    draw_bottom_ticks(drawing, layout);
    draw_labels(drawing, layout);
    if (layout->has_nan) {
        draw_nan_swatch(drawing, layout, &colour->palette);
    }
    const rm_theme *theme = layout->theme;
    const rm_text_style title = {.size = layout->title_size, .ink = theme->ink};
    const rm_text_style small = {.size = layout->subtitle_size, .ink = theme->soft_ink};
    const double x = (double)layout->map.x;
    draw_lines(drawing, &layout->title, x, layout->title_y, layout->title_step, title);
    draw_lines(drawing, &layout->subtitle, x, layout->subtitle_y, layout->subtitle_step, small);
    draw_lines(drawing, &layout->note, x, layout->note_y, layout->subtitle_step, small);
}
