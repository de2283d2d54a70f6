/* layout.c - where everything of a framed figure is placed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/layout.h"
#include "host/figure/caption.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Lengths at scale 1, in pixels. Text of 20 on a figure of 1,300 is 8 points on a page of 7 inches. */
#define TITLE_SIZE 27.0

#define SUBTITLE_SIZE 18.0

#define LABEL_SIZE 22.0

#define TICK_SIZE 20.0

#define MARK_SIZE 17.0

#define MARGIN 26.0 /* between everything and the figure's edge */

#define LABEL_GAP 12.0 /* between tick labels and an axis label */

#define BAR_WIDTH 30.0

#define BAR_GAP 34.0 /* between the map and the colour bar */

#define TEXT_WIDTH 420.0 /* the title is not broken below this width */

/* Sizes of the numbers that a map in a figure of a given width has at least across. */
#define MAP_LEAST 3.0

enum {
    SIDE = 1024,      /* map pixels at scale 1, and what a small map is enlarged to */
    SIDE_LEAST = 600, /* what the longer side has at least */
    STRIP = 6,        /* the shorter side has at least this part of the longer one */
    WORD_LINES = 8,   /* of title, subtitle and note in a figure of a given width, each at most */
    PASSES = 8,       /* to reach a given width */
    CELL_SEEN = 4     /* pixels from which on a position is seen as a square of its own */
};

static int64_t whole(double length) {
    return (int64_t)ceil(length);
}

static int64_t at_least(int64_t value, int64_t least) {
    return value > least ? value : least;
}

/* A map so many pixels wide; thin ones are thickened. */
static void fit_map(rm_layout *layout, const ropemap_map *map, int64_t width) {
    const double shape = (double)map->height / (double)map->width;
    layout->map.width = width;
    layout->map.height = at_least(lround((double)width * fmin(fmax(shape, 1.0 / STRIP), STRIP)), 1);
}

/* Small maps are enlarged by whole pixels, thin ones thickened, so that every cell is equally large and
 * sharp. */
static void size_map(rm_layout *layout, const ropemap_map *map) {
    const int64_t longer = at_least(map->width, map->height);
    int64_t factor = at_least(SIDE / longer, 1);
    factor += factor * longer < SIDE_LEAST ? 1 : 0;
    const int64_t least = factor * longer / STRIP;
    layout->map.width = at_least(factor, least / map->width) * map->width;
    layout->map.height = at_least(factor, least / map->height) * map->height;
}

static double choose_scale(const ropemap_figure *figure, const rm_layout *layout) {
    if (figure->font_size > 0.0) {
        return figure->font_size / TICK_SIZE;
    }
    const int64_t longer = at_least(layout->map.width, layout->map.height);
    return fmin(fmax((double)longer / SIDE, 0.7), 16.0);
}

/* Whether labels keep a distance: `along` the axis they take their width, or else their height. */
static bool labels_fit(const rm_ticks *ticks, double length, double size, bool along, double *widest) {
    double last_end = -INFINITY;
    bool fit = true;
    *widest = 0.0;
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double width = rm_font_width(ticks->tick[tick].label, size);
        const double half = along ? width / 2.0 + 0.4 * size : 0.8 * size;
        /* Values grow upwards, positions downwards: distances are the same. */
        fit = fit && ticks->tick[tick].at * length - half >= last_end;
        last_end = ticks->tick[tick].at * length + half;
        *widest = fmax(*widest, width);
    }
    return fit;
}

/* Ticks of an axis before its labels are measured: at scale 1, one every 90 pixels across or 32 down, 8 at
 * most. */
static int32_t ticks_wanted(double length, double scale, bool along) {
    return (int32_t)fmin(fmax(length / ((along ? 90.0 : 32.0) * scale), 2.0), 8.0);
}

static void lay_positions(rm_axis *axis, ropemap_range range, int64_t length, double size, double scale,
                          bool along) {
    const bool centred = length / range.count >= CELL_SEEN;
    for (int32_t most = ticks_wanted((double)length, scale, along); most >= 1; most--) {
        axis->ticks = rm_ticks_positions(range, centred, most);
        if (labels_fit(&axis->ticks, (double)length, size, along, &axis->widest)) {
            return;
        }
    }
}

static void lay_values(rm_axis *axis, const rm_colour *colour, int64_t length, double size, double scale) {
    const int32_t least = colour->norm.kind == ROPEMAP_NORM_LINEAR ? 2 : 1;
    for (int32_t most = ticks_wanted((double)length, scale, false); most >= least; most--) {
        axis->ticks = rm_norm_ticks(colour->norm, colour->low, colour->high, most);
        if (labels_fit(&axis->ticks, (double)length, size, false, &axis->widest)) {
            return;
        }
    }
}

/* A label is drawn smaller where it is longer than `room`. */
static void lay_label(rm_axis *axis, const char *field, size_t limit, double scale, double room) {
    rm_text_clean(axis->label, field, limit);
    axis->label_size = LABEL_SIZE * scale;
    const double width = rm_font_width(axis->label, axis->label_size);
    axis->label_size *= width > room ? room / width : 1.0;
}

static void lay_axes(rm_layout *layout, const ropemap_figure *figure, const rm_colour *colour, double scale) {
    const double size = layout->tick_size;
    lay_positions(&layout->rows, figure->rows, layout->map.height, size, scale, false);
    lay_positions(&layout->cols, figure->cols, layout->map.width, size, scale, true);
    lay_values(&layout->values, colour, layout->map.height, size, scale);
    const double tall = (double)layout->map.height, wide = (double)layout->map.width;
    lay_label(&layout->rows, figure->row_label, sizeof figure->row_label, scale, tall);
    lay_label(&layout->cols, figure->col_label, sizeof figure->col_label, scale, wide);
    lay_label(&layout->values, figure->value_label, sizeof figure->value_label, scale, tall);
}

/* Room an axis label takes across its axis: its height and a gap, nothing without a label. */
static double label_room(const rm_axis *axis, double scale) {
    return axis->label[0] == '\0' ? 0.0 : axis->label_size + LABEL_GAP * scale;
}

/* From left to right: row label, tick labels, ticks, map, bar, its ticks, labels and label. */
static void lay_columns(rm_layout *layout, double scale) {
    const int64_t margin = whole(MARGIN * scale), beside = layout->line + layout->tick + layout->gap;
    const rm_ticks *cols = &layout->cols.ticks;
    const double first = layout->cols.ticks.tick[0].at * (double)layout->map.width;
    const double overhang = rm_font_width(cols->tick[0].label, layout->tick_size) / 2.0 - first;
    const int64_t labels = whole(label_room(&layout->rows, scale) + layout->rows.widest) + beside;
    layout->map.x = margin + at_least(labels, whole(overhang));
    layout->row_label_x = (double)margin + 0.78 * layout->rows.label_size;

    const rm_tick *end = &cols->tick[cols->count - 1];
    const double over = rm_font_width(end->label, layout->tick_size) / 2.0 -
                        (1.0 - end->at) * (double)layout->map.width +
                        (layout->has_nan ? 1.0 : 0.6) * layout->tick_size;
    layout->bar.x = layout->map.x + layout->map.width + at_least(whole(BAR_GAP * scale), whole(over));
    layout->bar.width = whole(BAR_WIDTH * scale);
    const int64_t labels_x = layout->bar.x + layout->bar.width + beside;
    const double nan_end =
        layout->has_nan ? 1.4 * layout->nan_size + rm_font_width("NaN", layout->tick_size) : 0.0;
    const double labels_end = fmax((double)labels_x + layout->values.widest, (double)layout->bar.x + nan_end);
    layout->value_label_x = labels_end + LABEL_GAP * scale + 0.78 * layout->values.label_size;
    layout->width = whole(labels_end + label_room(&layout->values, scale)) + margin;
}

/* Title, subtitle and note start above the map's left edge and widen the figure where a word is longer than
 * it. */
static void lay_titles(rm_layout *layout, const ropemap_figure *figure, const char *note, double scale) {
    char title[RM_TEXT_BYTES], subtitle[RM_TEXT_BYTES];
    rm_text_clean(title, figure->title, sizeof figure->title);
    rm_text_clean(subtitle, figure->subtitle, sizeof figure->subtitle);
    const int64_t margin = whole(MARGIN * scale);
    const double room = (double)(layout->width - margin - layout->map.x);
    if (figure->width > 0) {
        layout->title = rm_chart_text_lines(title, layout->title_size, room, WORD_LINES);
        layout->subtitle = rm_chart_text_lines(subtitle, layout->subtitle_size, room, WORD_LINES);
        layout->note = rm_chart_text_lines(note, layout->subtitle_size, room, WORD_LINES);
        return;
    }
    const double width = fmax(room, TEXT_WIDTH * scale);
    layout->title = rm_text_wrap(title, layout->title_size, width);
    layout->subtitle = rm_text_wrap(subtitle, layout->subtitle_size, width);
    layout->note = rm_text_wrap(note, layout->subtitle_size, width);
    const double widest = fmax(fmax(layout->title.width, layout->subtitle.width), layout->note.width);
    layout->width = at_least(layout->width, layout->map.x + whole(widest) + margin);
}

/* How far along an axis the trained length begins, 0 to 1; NaN where that is not inside. */
static double trained_at(ropemap_range range, int64_t trained) {
    const double at = (double)(trained - range.first) / ((double)range.count * (double)range.step);
    return at > 0.0 && at < 1.0 ? at : (double)NAN;
}

/* The label stands over the line, or as near to it as the map's ends let it. */
static void lay_mark(rm_layout *layout, const ropemap_figure *figure, double scale) {
    rm_mark *mark = &layout->mark;
    mark->across = trained_at(figure->cols, figure->trained_length) * (double)layout->map.width;
    mark->down = trained_at(figure->rows, figure->trained_length) * (double)layout->map.height;
    if (isnan(mark->across) || isnan(mark->down)) {
        return;
    }
    char length[RM_NUMBER_TEXT];
    rm_number_grouped(length, figure->trained_length);
    char label[RM_NUMBER_TEXT];
    (void)snprintf(label, sizeof label, "trained %.40s", length);
    mark->size = MARK_SIZE * scale;
    const double most = figure->width > 0 ? (double)layout->map.width : (double)INFINITY;
    const double wide = rm_chart_text_fit(mark->label, label, mark->size, most);
    const double room = (double)layout->map.width - wide;
    mark->label_x = (double)layout->map.x + fmax(fmin(mark->across - wide / 2.0, room), 0.0);
    const int64_t end = whole(mark->label_x + wide) + whole(MARGIN * scale);
    layout->width = at_least(layout->width, end);
}

/* The first baseline of lines in the subtitle's size, which begin at *y and move it down. */
static double lay_small_lines(const rm_layout *layout, const rm_text_lines *lines, double *y) {
    const double baseline = *y + layout->subtitle_size;
    *y += lines->count > 0 ? 0.2 * layout->subtitle_size + layout->subtitle_step * lines->count : 0.0;
    return baseline;
}

/* From top to bottom: title, subtitle, note, label of the trained length, map, ticks, tick labels, column
 * label. */
static void lay_lines(rm_layout *layout, double scale) {
    const int64_t margin = whole(MARGIN * scale);
    double y = (double)margin;
    layout->title_y = y + 0.8 * layout->title_size;
    y += layout->title_step * layout->title.count;
    layout->subtitle_y = lay_small_lines(layout, &layout->subtitle, &y);
    layout->note_y = lay_small_lines(layout, &layout->note, &y);
    const bool words = layout->title.count + layout->subtitle.count + layout->note.count > 0;
    const bool marked = layout->mark.label[0] != '\0';
    if (marked) {
        y += words ? 0.7 * layout->mark.size : 0.0;
        layout->mark.label_y = y + 0.78 * layout->mark.size;
        y += layout->mark.size;
    }
    layout->map.y = whole(y + (words && !marked ? 0.7 : 0.0) * layout->tick_size + layout->tick_size / 2.0) +
                    layout->line;
    layout->bar.y = layout->map.y;
    layout->bar.height = layout->map.height;
    const double labels_y =
        (double)(layout->map.y + layout->map.height + layout->line + layout->tick + layout->gap);
    const double labels_end = labels_y + layout->tick_size;
    layout->col_label_y = labels_end + LABEL_GAP * scale + 0.6 * layout->cols.label_size;
    const double label = layout->cols.label[0] == '\0' ? 0.0 : label_room(&layout->cols, scale);
    layout->height = whole(labels_end + label) + margin;
}

/* With text at the scale `wanted`, 0 for the figure's own, around a map `width` pixels wide, 0 for whole
 * pixels a cell. */
static rm_layout lay_out(const ropemap_figure *figure, const ropemap_map *map, const rm_colour *colour,
                         double wanted, int64_t width) {
    char note[RM_TEXT_BYTES];
    rm_note_write(note, figure, map, colour);
    rm_layout layout = {.theme = rm_theme_of(figure->dark), .has_nan = map->nan_cells > 0};
    if (width > 0) {
        fit_map(&layout, map, width);
    } else {
        size_map(&layout, map);
    }
    const double scale = wanted > 0.0 ? wanted : choose_scale(figure, &layout);
    layout.scale = scale;
    layout.line = at_least((int64_t)lround(1.3 * scale), 1);
    layout.tick = whole(8.0 * scale);
    layout.gap = whole(6.0 * scale);
    layout.tick_size = TICK_SIZE * scale;
    layout.title_size = TITLE_SIZE * scale;
    layout.title_step = 1.25 * layout.title_size;
    layout.subtitle_size = SUBTITLE_SIZE * scale;
    layout.subtitle_step = 1.35 * layout.subtitle_size;
    layout.nan_size = RM_FONT_DIGIT * layout.tick_size;
    lay_axes(&layout, figure, colour, scale);
    lay_columns(&layout, scale);
    lay_titles(&layout, figure, note, scale);
    if (figure->trained_length > 0) {
        lay_mark(&layout, figure, scale);
    }
    lay_lines(&layout, scale);
    return layout;
}

rm_layout rm_layout_make(const ropemap_figure *figure, const ropemap_map *map, const rm_colour *colour) {
    rm_layout layout = lay_out(figure, map, colour, 0.0, 0);
    if (figure->width == 0) {
        return layout;
    }
    const double times = (double)figure->width / (double)layout.width;
    const double scale = figure->font_size > 0.0 ? layout.scale : layout.scale * times;
    int64_t width = at_least((int64_t)((double)layout.map.width * times), 1);
    for (int pass = 0; pass < PASSES;
         pass++) { /* numbers change with the map: it settles, and then shrinks */
        layout = lay_out(figure, map, colour, scale, width);
        const int64_t spare = figure->width - layout.width;
        if (spare == 0 || (spare > 0 && pass >= PASSES / 2)) {
            break;
        }
        width = at_least(width + spare, 1);
    }
    layout.width = at_least(layout.width, figure->width);
    return layout;
}

ropemap_status rm_layout_check(const rm_layout *layout, const ropemap_figure *figure, ropemap_error *error) {
    const bool tight = (double)layout->map.width < MAP_LEAST * layout->tick_size;
    return figure->width == 0 || (layout->width == figure->width && !tight)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "figure: %" PRId64 " pixels leave no room for the map beside text of %.4g pixels, "
                         "expected a wider figure or smaller text",
                         figure->width, layout->tick_size);
}

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
