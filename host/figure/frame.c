/* frame.c - what surrounds maps and plots: colours, sizes, frames, ticks, labels, titles */
/* SPDX-License-Identifier: MIT */
#include "host/figure/frame.h"

#include <math.h>

/* A label is drawn smaller by this much, then it is cut. */
#define LABEL_LEAST 0.75

#define HEADING_LEAST 0.5

/* A title is drawn smaller by this much where it then has room on one line. */
#define TITLE_LEAST 0.8

#define FONT_SIZE_MIN 2.0

#define FONT_SIZE_MAX 400.0

/* Minor ticks, as a part of those with a label. */
#define MINOR 0.5

/* From the left edge of the swatch to its name, in sides of the swatch. */
#define SWATCH_NAME 1.4

/* From one to the next, in sizes of the text. */
#define SWATCH_STEP 1.35

static const rm_theme light = {.paper = {0xff, 0xff, 0xff},
                               .ink = {0x1c, 0x1c, 0x1c},
                               .soft_ink = {0x5a, 0x5a, 0x5a},
                               .line = {0x40, 0x40, 0x40}};

static const rm_theme night = {.paper = {0x12, 0x14, 0x17},
                               .ink = {0xe6, 0xe6, 0xe6},
                               .soft_ink = {0xa9, 0xad, 0xb3},
                               .line = {0x8c, 0x91, 0x98}};

const rm_theme *rm_theme_of(bool dark) {
    return dark ? &night : &light;
}

void rm_theme_paper(const rm_theme *theme, rm_drawing *drawing) {
    if (theme != &light) {
        rm_drawing_rectangle(drawing, 0.0, 0.0, (double)drawing->width, (double)drawing->height,
                             theme->paper);
    }
}

rm_sizes rm_sizes_at(double scale) {
    const double title = 24.0 * scale, subtitle = 18.0 * scale, name = 20.0 * scale;
    return (rm_sizes){.scale = scale,
                      .margin = (int64_t)ceil(14.0 * scale),
                      .line = (int64_t)fmax(round(1.3 * scale), 1.0),
                      .tick = (int64_t)ceil(6.0 * scale),
                      .gap = (int64_t)ceil(8.0 * scale),
                      .label_gap = 8.0 * scale,
                      .ticks = RM_TICK_SIZE * scale,
                      .label = 21.0 * scale,
                      .name = name,
                      .title = title,
                      .subtitle = subtitle,
                      .title_step = 1.25 * title,
                      .subtitle_step = 1.35 * subtitle,
                      .name_step = 1.25 * name,
                      .name_rise = 0.38 * name};
}

ropemap_status rm_font_size_check(double font_size, ropemap_error *error) {
    return font_size == 0.0 || (font_size >= FONT_SIZE_MIN && font_size <= FONT_SIZE_MAX)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "font-size: %.4g pixels, expected %.0f to %.0f, or 0 for one from the figure",
                         font_size, FONT_SIZE_MIN, FONT_SIZE_MAX);
}

double rm_name_height(const rm_sizes *sizes, int32_t lines) {
    return lines > 0 ? sizes->name_rise + 0.8 * sizes->name + (lines - 1) * sizes->name_step : 0.0;
}

/* Cost of empty places: of two equally good numbers of columns, the fuller page. */
#define EMPTY 1.01

int32_t rm_columns_for(int32_t count, double shape) {
    int32_t best = 1;
    double least = (double)INFINITY;
    for (int32_t columns = count; columns >= 1; columns--) {
        const int32_t rows = (count + columns - 1) / columns;
        const double empty = EMPTY * log((double)(columns * rows) / (double)count);
        const double off = fabs(log(shape * (double)columns / (double)rows)) + empty;
        if (off < least - 1e-9) {
            least = off;
            best = columns;
        }
    }
    return best;
}

/* ---- words ---- */

/* The first baseline of lines in the subtitle's size, which begin at *y and move it down. */
static double place_small_lines(const rm_text_lines *lines, const rm_sizes *sizes, double *y) {
    const double baseline = *y + sizes->subtitle;
    *y += lines->count > 0 ? 0.2 * sizes->subtitle + sizes->subtitle_step * lines->count : 0.0;
    return baseline;
}

void rm_heading_break(rm_heading *heading, const char *const words[3], const rm_sizes *sizes, double room,
                      const int32_t most[3]) {
    char line[RM_TEXT_BYTES];
    const double width = rm_text_fit(line, words[0], sizes->title, (double)INFINITY);
    const bool shrinks = width > room && TITLE_LEAST * width <= room;
    heading->title_size = sizes->title * (shrinks ? room / width : 1.0);
    heading->title = rm_text_break(words[0], heading->title_size, room * (1.0 + 1e-9), most[0]);
    heading->subtitle = rm_text_break(words[1], sizes->subtitle, room, most[1]);
    heading->note = rm_text_break(words[2], sizes->subtitle, room, most[2]);
}

double rm_heading_place(rm_heading *heading, const rm_sizes *sizes, double y) {
    heading->title_y = y + 0.8 * sizes->title;
    y += sizes->title_step * heading->title.count;
    heading->subtitle_y = place_small_lines(&heading->subtitle, sizes, &y);
    heading->note_y = place_small_lines(&heading->note, sizes, &y);
    return y;
}

bool rm_heading_is_empty(const rm_heading *heading) {
    return heading->title.count + heading->subtitle.count + heading->note.count == 0;
}

static void draw_lines(rm_drawing *drawing, const rm_text_lines *lines, double x, double y, double step,
                       rm_text_style style) {
    for (int32_t line = 0; line < lines->count; line++) {
        rm_drawing_text(drawing, x, y + step * line, lines->line[line], style);
    }
}

void rm_heading_draw(rm_drawing *drawing, const rm_heading *heading, const rm_sizes *sizes,
                     const rm_theme *theme, double x) {
    const rm_text_style title = {.size = heading->title_size, .ink = theme->ink};
    const rm_text_style small = {.size = sizes->subtitle, .ink = theme->soft_ink};
    draw_lines(drawing, &heading->title, x, heading->title_y, sizes->title_step, title);
    draw_lines(drawing, &heading->subtitle, x, heading->subtitle_y, sizes->subtitle_step, small);
    draw_lines(drawing, &heading->note, x, heading->note_y, sizes->subtitle_step, small);
}

static void fit_label(rm_axis_label *label, const char *text, double size, double least, double room) {
    const double width = rm_text_fit(label->text, text, size, (double)INFINITY);
    label->size = size;
    if (width > room) {
        label->size *= fmax(room / width, least);
        (void)rm_text_fit(label->text, text, label->size, room * (1.0 + 1e-9));
    }
}

void rm_axis_label_fit(rm_axis_label *label, const char *text, const rm_sizes *sizes, double room) {
    fit_label(label, text, sizes->label, LABEL_LEAST, room);
}

void rm_row_heading_fit(rm_axis_label *label, const char *text, const rm_sizes *sizes, double room) {
    fit_label(label, text, sizes->name, HEADING_LEAST, room);
}

double rm_axis_label_room(const rm_axis_label *label, const rm_sizes *sizes) {
    return label->text[0] == '\0' ? 0.0 : label->size + sizes->label_gap;
}

void rm_axis_label_draw(rm_drawing *drawing, const rm_axis_label *label, const rm_theme *theme,
                        bool upwards) {
    const rm_text_style style = {
        .size = label->size, .ink = theme->ink, .anchor = RM_ANCHOR_MIDDLE, .upwards = upwards};
    rm_drawing_text(drawing, label->x, label->y, label->text, style);
}

/* ---- lines ---- */

void rm_frame_draw(rm_drawing *drawing, rm_box box, const rm_sizes *sizes, const rm_theme *theme) {
    const double x = (double)box.x, y = (double)box.y, width = (double)box.width, height = (double)box.height;
    const double pen = (double)sizes->line, full = width + 2.0 * pen;
    rm_drawing_rectangle(drawing, x - pen, y - pen, full, pen, theme->line);
    rm_drawing_rectangle(drawing, x - pen, y + height, full, pen, theme->line);
    rm_drawing_rectangle(drawing, x - pen, y, pen, height, theme->line);
    rm_drawing_rectangle(drawing, x + width, y, pen, height, theme->line);
}

double rm_snap(double place, int64_t length, int64_t line) {
    const double start = fmin(fmax(round(place - (double)line / 2.0), 0.0), (double)(length - line));
    return start + (double)line / 2.0;
}

/* Where a part of an axis is in pixels of the figure, in the middle of whole pixels. */
static double place_of(double at, rm_box box, bool across, bool upwards, int64_t line) {
    const int64_t length = across ? box.width : box.height;
    const double place = (upwards ? 1.0 - at : at) * (double)length;
    return (double)(across ? box.x : box.y) + rm_snap(place, length, line);
}

/* Baseline of the tick labels below a box. */
static double ticks_baseline(rm_box box, const rm_sizes *sizes) {
    const int64_t top = box.y + box.height + sizes->line + sizes->tick + sizes->gap;
    return (double)top + RM_FONT_DIGIT * sizes->ticks;
}

static void draw_below(rm_drawing *drawing, const rm_ticks *ticks, rm_box box, const rm_sizes *sizes,
                       const rm_theme *theme) {
    const double edge = (double)(box.y + box.height + sizes->line);
    const double pen = (double)sizes->line, length = (double)sizes->tick;
    const rm_text_style style = {.size = sizes->ticks, .ink = theme->ink, .anchor = RM_ANCHOR_MIDDLE};
    for (int32_t minor = 0; minor < ticks->minor_count; minor++) {
        const double x = place_of(ticks->minor[minor], box, true, false, sizes->line);
        rm_drawing_line(drawing, x, edge, 0.0, MINOR * length, pen, theme->line);
    }
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double x = place_of(ticks->tick[tick].at, box, true, false, sizes->line);
        rm_drawing_line(drawing, x, edge, 0.0, length, pen, theme->line);
        rm_drawing_text(drawing, x, ticks_baseline(box, sizes), ticks->tick[tick].label, style);
    }
}

/* To the left of a box, or to its right. */
static void draw_beside(rm_drawing *drawing, const rm_ticks *ticks, rm_box box, bool right, bool upwards,
                        const rm_sizes *sizes, const rm_theme *theme) {
    const double pen = (double)sizes->line, length = (double)sizes->tick, gap = (double)sizes->gap;
    const double edge = (double)(right ? box.x + box.width + sizes->line : box.x - sizes->line);
    const double out = right ? 1.0 : -1.0, start = right ? 0.0 : -1.0;
    const rm_text_style style = {
        .size = sizes->ticks, .ink = theme->ink, .anchor = right ? RM_ANCHOR_START : RM_ANCHOR_END};
    for (int32_t minor = 0; minor < ticks->minor_count; minor++) {
        const double y = place_of(ticks->minor[minor], box, false, upwards, sizes->line);
        rm_drawing_line(drawing, edge + start * MINOR * length, y, MINOR * length, 0.0, pen, theme->line);
    }
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double y = place_of(ticks->tick[tick].at, box, false, upwards, sizes->line);
        rm_drawing_line(drawing, edge + start * length, y, length, 0.0, pen, theme->line);
        rm_drawing_text(drawing, edge + out * (length + gap), y + RM_FONT_DIGIT / 2.0 * sizes->ticks,
                        ticks->tick[tick].label, style);
    }
}

void rm_ticks_draw(rm_drawing *drawing, const rm_ticks *ticks, rm_box box, rm_edge edge, bool upwards,
                   const rm_sizes *sizes, const rm_theme *theme) {
    if (edge == RM_EDGE_BELOW) {
        draw_below(drawing, ticks, box, sizes, theme);
    } else {
        draw_beside(drawing, ticks, box, edge == RM_EDGE_RIGHT, upwards, sizes, theme);
    }
}

double rm_ticks_before(const rm_ticks *ticks, int64_t width, const rm_sizes *sizes) {
    return ticks->count == 0
               ? -(double)INFINITY
               : rm_font_width(ticks->tick[0].label, sizes->ticks) / 2.0 - ticks->tick[0].at * (double)width;
}

double rm_ticks_beyond(const rm_ticks *ticks, int64_t width, const rm_sizes *sizes) {
    if (ticks->count == 0) {
        return -(double)INFINITY;
    }
    const rm_tick *last = &ticks->tick[ticks->count - 1];
    return rm_font_width(last->label, sizes->ticks) / 2.0 - (1.0 - last->at) * (double)width;
}

/* ---- swatches ---- */

static double swatch_side(const rm_sizes *sizes) {
    return RM_FONT_DIGIT * sizes->ticks;
}

double rm_swatch_width(const char *name, const rm_sizes *sizes) {
    return SWATCH_NAME * swatch_side(sizes) + rm_font_width(name, sizes->ticks);
}

double rm_swatch_end(rm_box bar, int32_t row, const rm_sizes *sizes) {
    return ticks_baseline(bar, sizes) + row * SWATCH_STEP * sizes->ticks;
}

void rm_swatch_draw(rm_drawing *drawing, rm_box bar, int32_t row, const uint8_t ink[3], const char *name,
                    const rm_sizes *sizes, const rm_theme *theme) {
    const double baseline = rm_swatch_end(bar, row, sizes), x = (double)bar.x, pen = (double)sizes->line;
    const double side = round(swatch_side(sizes)), bottom = round(baseline);
    rm_drawing_rectangle(drawing, x - pen, bottom - side - pen, side + 2.0 * pen, side + 2.0 * pen,
                         theme->line);
    rm_drawing_rectangle(drawing, x, bottom - side, side, side, (rm_rgb){ink[0], ink[1], ink[2]});
    rm_drawing_text(drawing, x + SWATCH_NAME * swatch_side(sizes), baseline, name,
                    (rm_text_style){.size = sizes->ticks, .ink = theme->ink});
}
