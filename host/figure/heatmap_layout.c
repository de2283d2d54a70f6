/* heatmap_layout.c - where everything of a heat map is placed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/drawing.h"
#include "host/figure/heatmap.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lengths at scale 1, in pixels. */
#define BAR_WIDTH 22.0

#define BAR_GAP 24.0 /* between the panels and the colour bar */

#define TEXT_WIDTH 420.0 /* the title is not broken below this width */

#define MARK_SIZE 17.0 /* of the trained length's label */

#define ACROSS 22.0 /* between panels, and between what their ticks have next to them */

#define DOWN 18.0 /* the same, down to the name of the next */

#define NAMELESS 10.0 /* more where panels have no names */

#define TICKS_ACROSS 90.0 /* from a tick to the next at least, before labels are measured */

#define TICKS_DOWN 32.0

/* Panels of this width together have text at scale 1, but no larger than a panel of this side can hold. */
#define SCALE_WIDTH 960.0

#define SCALE_PANEL 300.0

#define SCALE_LEAST 0.7

#define SCALE_MOST 16.0 /* of one map alone */

/* In sizes of the tick labels. */
#define NAME_ROOM 5.0 /* what a name has at least */

#define NAME_LEAST 0.7 /* a name is smaller by this much, then it is cut */

#define NAMES_APART 0.8 /* in sizes of a name */

#define LINE 1.2 /* from a row's label to the next, at least */

#define BAR_LEAST 6.0 /* what the bar next to several panels is tall at least */

#define PANEL_LEAST 3.0 /* what a column in a figure of a given width has at least */

#define END_NEAR 1e-9 /* of the bar: a tick that near its end is there */

enum {
    SIDE_ALONE = 1024, /* pixels of a map alone at scale 1, and what a small one is enlarged to */
    SIDE_LEAST = 600,  /* what its longer side has at least */
    SIDE = 320,        /* pixels of a panel's longer side */
    STRIP = 6,         /* the shorter side has at least this part of the longer one */
    CELL_SEEN = 4,     /* pixels from which on a position is seen as a square of its own */
    TICKS_ALONE = 8,   /* along a side of a map alone, and its bar */
    TICKS_MOST = 5,    /* along a side of one of several panels */
    TICKS_BAR = 10,    /* along the bar next to several panels */
    WORD_LINES = 8,    /* of title, subtitle and footnote, each at most */
    PASSES = 12        /* to reach a given width */
};

static int64_t whole(double length) {
    return (int64_t)ceil(length);
}

static int64_t at_least(int64_t value, int64_t least) {
    return value > least ? value : least;
}

static bool is_alone(const rm_heatmap_layout *layout) {
    return layout->count == 1;
}

/* ---- sizes ---- */

/* A longer side of `side` pixels; thin maps are thickened. */
static void fit_panel(rm_box *box, const ropemap_map *map, int64_t side) {
    const double each = (double)side / (double)at_least(map->width, map->height);
    box->width = at_least(lround(each * (double)map->width), at_least(side / STRIP, 1));
    box->height = at_least(lround(each * (double)map->height), at_least(side / STRIP, 1));
}

/* Whole pixels a cell, so that cells are equally large and sharp; thin maps are thickened. */
static void enlarge_panel(rm_box *box, const ropemap_map *map, int64_t factor) {
    const int64_t least = factor * at_least(map->width, map->height) / STRIP;
    box->width = at_least(factor, least / map->width) * map->width;
    box->height = at_least(factor, least / map->height) * map->height;
}

/* Pixels a cell. */
static int64_t choose_factor(const ropemap_figure *figure, const ropemap_map *map, bool alone) {
    const int64_t longer = at_least(map->width, map->height), side = figure->side > 0 ? figure->side : SIDE;
    if (!alone || figure->side > 0) {
        return (side + longer - 1) / longer;
    }
    const int64_t factor = at_least(SIDE_ALONE / longer, 1);
    return factor * longer < SIDE_LEAST ? factor + 1 : factor;
}

/* If all panels are as large as the largest and an eighth of it apart. */
static int32_t choose_columns(const rm_heatmap_layout *layout) {
    int64_t width = 1, height = 1;
    for (int32_t index = 0; index < layout->count; index++) {
        width = at_least(layout->panels[index].map.width, width);
        height = at_least(layout->panels[index].map.height, height);
    }
    const int64_t apart = at_least(width, height) / 8;
    return rm_columns_for(layout->count, (double)(width + apart) / (double)(height + apart));
}

static bool same_range(const ropemap_range *a, const ropemap_range *b) {
    return a->first == b->first && a->count == b->count && a->step == b->step;
}

/* Whether the ticks of one panel are those of all. */
static bool is_shared(const rm_heatmap_layout *layout, const ropemap_panel *panels, bool across) {
    const rm_box *box = &layout->panels[0].map;
    for (int32_t index = 1; index < layout->count; index++) {
        const rm_box *own = &layout->panels[index].map;
        const bool same =
            across ? same_range(&panels[index].cols, &panels->cols) && own->width == box->width &&
                         panels[index].col_numbers == panels->col_numbers
                   : same_range(&panels[index].rows, &panels->rows) && own->height == box->height &&
                         panels[index].row_numbers == panels->row_numbers;
        if (!same) {
            return false;
        }
    }
    return true;
}

/*
 * Sizes of the panels and their places in the grid, not yet where they are. Panels whose ranges and sizes are
 * all the same share ticks: those at the left and at the bottom have them. With `fit`, else 0, longer sides
 * have that many pixels, whatever cells come to.
 */
static void make_grid(rm_heatmap_layout *layout, const ropemap_figure *figure, int64_t fit) {
    const rm_panels panels = rm_panels_of(figure);
    layout->count = panels.count;
    for (int32_t index = 0; index < panels.count; index++) {
        const ropemap_map *map = panels.panel[index].map;
        rm_box *box = &layout->panels[index].map;
        if (fit > 0) {
            fit_panel(box, map, fit);
        } else {
            enlarge_panel(box, map, choose_factor(figure, map, is_alone(layout)));
        }
    }
    const int32_t wanted = figure->columns > 0 ? figure->columns : choose_columns(layout);
    layout->columns = wanted < layout->count ? wanted : layout->count;
    layout->rows = (layout->count + layout->columns - 1) / layout->columns;
    memset(layout->widths, 0, sizeof layout->widths);
    memset(layout->heights, 0, sizeof layout->heights);
    const bool rows_shared = is_shared(layout, panels.panel, false);
    const bool cols_shared = is_shared(layout, panels.panel, true);
    for (int32_t index = 0; index < layout->count; index++) {
        rm_panel_layout *panel = &layout->panels[index];
        const int32_t col = index % layout->columns, row = index / layout->columns;
        panel->has_rows = !rows_shared || col == 0;
        panel->has_cols = !cols_shared || index + layout->columns >= layout->count; /* last of its column */
        layout->widths[col] = at_least(panel->map.width, layout->widths[col]);
        layout->heights[row] = at_least(panel->map.height, layout->heights[row]);
    }
}

static double choose_scale(const rm_heatmap_layout *layout) {
    int64_t width = 0, longest = 0;
    for (int32_t col = 0; col < layout->columns; col++) {
        width += layout->widths[col];
        longest = at_least(layout->widths[col], longest);
    }
    for (int32_t row = 0; row < layout->rows; row++) {
        longest = at_least(layout->heights[row], longest);
    }
    const double alone = fmin((double)longest / (double)SIDE_ALONE, SCALE_MOST);
    const double together = fmin((double)width / SCALE_WIDTH, (double)longest / SCALE_PANEL);
    return fmax(is_alone(layout) ? alone : together, SCALE_LEAST);
}

/* ---- ticks ---- */

/* As many as have room by `apart` at scale 1, before their labels are measured. */
static int32_t ticks_wanted(const rm_heatmap_layout *layout, int64_t length, double apart, int32_t most) {
    return (int32_t)fmin(fmax((double)length / (apart * layout->sizes.scale), 2.0), most);
}

/* Numbers of a panel's rows or columns in the place of their positions 0, 1, ... */
static rm_ticks ticks_of(ropemap_range range, const int64_t *numbers, bool centred, int32_t most) {
    rm_ticks ticks = rm_ticks_positions(range, centred, most);
    for (int32_t i = 0; numbers != NULL && i < ticks.count; i++) {
        const int64_t at = (int64_t)(ticks.tick[i].at * (double)range.count + 1e-6);
        rm_number_grouped(ticks.tick[i].label, numbers[at < range.count ? at : range.count - 1]);
    }
    return ticks;
}

static void lay_positions(const rm_heatmap_layout *layout, rm_ticks *ticks, ropemap_range range,
                          const int64_t *numbers, int64_t length, bool across) {
    const bool centred = length / range.count >= CELL_SEEN;
    const double apart = across ? TICKS_ACROSS : TICKS_DOWN;
    if (!across && centred && range.count <= TICKS_ALONE &&
        (double)length >= LINE * layout->sizes.ticks * (double)range.count) { /* few rows: each has its own */
        *ticks = ticks_of(range, numbers, true, (int32_t)range.count);
        (void)rm_ticks_fit(ticks, (double)length, layout->sizes.ticks, false);
        return;
    }
    int32_t most = ticks_wanted(layout, length, apart, is_alone(layout) ? TICKS_ALONE : TICKS_MOST);
    do {
        *ticks = ticks_of(range, numbers, centred, most);
    } while (!rm_ticks_fit(ticks, (double)length, layout->sizes.ticks, across) && --most >= 1);
}

/* A tick at an end of the bar, in place of those too near to it. */
static void end_bar(rm_ticks *ticks, const rm_colour *colour, bool low, double room) {
    char value[RM_NUMBER_TEXT];
    (void)snprintf(value, sizeof value, "%.3g", low ? colour->bar_low : colour->bar_high);
    rm_tick end = {.at = low ? 0.0 : 1.0};
    ropemap_number_text(end.label, strtod(value, NULL));
    int32_t kept = 0;
    for (int32_t index = 0; index < ticks->count; index++) {
        if (fabs(ticks->tick[index].at - end.at) >= room) {
            ticks->tick[kept++] = ticks->tick[index];
        }
    }
    kept = kept < RM_TICKS_MAX ? kept : RM_TICKS_MAX - 1;
    if (low) {
        memmove(ticks->tick + 1, ticks->tick, (size_t)kept * sizeof end);
    }
    ticks->tick[low ? 0 : kept] = end;
    ticks->count = kept + 1;
}

/* An end of the bar that stands for more than its number says so. `room`: what a label takes of the bar. */
static void mark_past(rm_ticks *ticks, const rm_colour *colour, double room) {
    for (int end = 0; end < 2; end++) {
        const bool low = end == 0;
        if (!(low ? colour->past_low : colour->past_high)) {
            continue;
        }
        const int32_t last = ticks->count - 1;
        const bool there =
            last >= 0 && (low ? ticks->tick[0].at < END_NEAR : ticks->tick[last].at > 1.0 - END_NEAR);
        if (!there) {
            end_bar(ticks, colour, low, room);
        }
        rm_tick *tick = &ticks->tick[low ? 0 : ticks->count - 1];
        char label[RM_NUMBER_TEXT];
        const int wrote = snprintf(label, sizeof label, "%s %s", low ? "≤" : "≥", tick->label);
        if (wrote < RM_NUMBER_TEXT) {
            memcpy(tick->label, label, sizeof label);
        }
    }
}

static void lay_values(rm_heatmap_layout *layout, const rm_colour *colour) {
    const int64_t length = layout->bar.height;
    const int32_t least = colour->norm.kind == ROPEMAP_NORM_LINEAR ? 2 : 1;
    int32_t most = ticks_wanted(layout, length, TICKS_DOWN, is_alone(layout) ? TICKS_ALONE : TICKS_BAR);
    do {
        layout->values = rm_ticks_scale(colour->norm, colour->bar_low, colour->bar_high, most);
    } while (!rm_ticks_fit(&layout->values, (double)length, layout->sizes.ticks, false) && --most >= least);
    while (!rm_ticks_fit(&layout->values, (double)length, layout->sizes.ticks, false) &&
           layout->values.count > 1) {
        layout->values.count--;
    }
    mark_past(&layout->values, colour, LINE * layout->sizes.ticks / (double)length);
    (void)rm_ticks_fit(&layout->values, (double)length, layout->sizes.ticks, false);
}

static void lay_ticks(rm_heatmap_layout *layout, const ropemap_panel *panels) {
    for (int32_t index = 0; index < layout->count; index++) {
        rm_panel_layout *panel = &layout->panels[index];
        panel->rows.count = panel->cols.count = 0;
        if (panel->has_rows) {
            lay_positions(layout, &panel->rows, panels[index].rows, panels[index].row_numbers,
                          panel->map.height, false);
        }
        if (panel->has_cols) {
            lay_positions(layout, &panel->cols, panels[index].cols, panels[index].col_numbers,
                          panel->map.width, true);
        }
    }
}

/* ---- names and marks ---- */

/* Of a panel, or of its column, above the first row. */
static const char *name_of(const rm_heatmap_layout *layout, const ropemap_figure *figure, int32_t index) {
    const char *const *headings = figure->col_headings;
    return headings == NULL          ? rm_panels_of(figure).panel[index].label
           : index < layout->columns ? headings[index]
                                     : NULL;
}

/* Names make room for some of them. */
static void lay_names(rm_heatmap_layout *layout, const ropemap_figure *figure) {
    bool any = false;
    for (int32_t index = 0; index < layout->count; index++) {
        const char *name = name_of(layout, figure, index);
        any = any || (name != NULL && name[0] != '\0');
    }
    for (int32_t col = 0; col < layout->columns && any; col++) {
        layout->widths[col] = at_least(layout->widths[col], whole(NAME_ROOM * layout->sizes.name));
    }
    layout->names_on_top = any;
    layout->names_between = any && figure->col_headings == NULL;
}

/* Names reach to the next one, and the last ones to the bar; where that is not enough all are smaller, and
 * then cut. */
static void fit_names(rm_heatmap_layout *layout, const ropemap_figure *figure) {
    double part = 1.0;
    for (int pass = 0; pass < 2; pass++) { /* whole, then in the size that all have room in */
        for (int32_t index = 0; index < layout->count; index++) {
            const int32_t col = index % layout->columns;
            const double start = (double)layout->panels[col].map.x;
            const double end = col + 1 < layout->columns
                                   ? (double)layout->panels[col + 1].map.x - NAMES_APART * layout->sizes.name
                                   : start + (double)layout->widths[col] + BAR_GAP * layout->sizes.scale;
            char *name = layout->panels[index].name;
            const double width = rm_text_fit(name, name_of(layout, figure, index), layout->sizes.name,
                                             pass == 0 ? (double)INFINITY : end - start);
            part = width > end - start ? fmin(part, (end - start) / width * (1.0 - 1e-9)) : part;
        }
        layout->sizes.name *= pass == 0 ? fmax(part, NAME_LEAST) : 1.0;
    }
}

/* To the right of each row of panels, read from the bottom to the top; the room that they take. */
static double lay_row_headings(rm_heatmap_layout *layout, const ropemap_figure *figure) {
    double room = 0.0;
    for (int32_t row = 0; row < layout->rows; row++) {
        rm_axis_label *heading = &layout->row_headings[row];
        rm_row_heading_fit(heading, figure->row_headings != NULL ? figure->row_headings[row] : NULL,
                           &layout->sizes, (double)layout->heights[row]);
        heading->x = (double)(layout->area.x + layout->area.width + layout->sizes.line + layout->sizes.gap) +
                     0.78 * heading->size;
        room = fmax(room, rm_axis_label_room(heading, &layout->sizes));
    }
    return room;
}

/* How far along an axis a position begins, 0 to 1; NaN where that is not inside, and for 0. */
static double mark_at(ropemap_range range, int64_t position) {
    const double at = (double)(position - range.first) / ((double)range.count * (double)range.step);
    return position > 0 && at > 0.0 && at < 1.0 ? at : (double)NAN;
}

/* Whether any map is marked. */
static bool lay_trained(rm_heatmap_layout *layout, const ropemap_panel *panels, int64_t trained) {
    bool marked = false;
    for (int32_t index = 0; index < layout->count; index++) {
        rm_panel_layout *panel = &layout->panels[index];
        panel->across = mark_at(panels[index].cols, trained) * (double)panel->map.width;
        panel->down = mark_at(panels[index].rows, trained) * (double)panel->map.height;
        if (isnan(panel->across + panel->down)) {
            panel->across = panel->down = (double)NAN;
        }
        marked = marked || !isnan(panel->across);
    }
    return marked;
}

/* A mark across alone, where the trained length has none. */
static void lay_mark(rm_heatmap_layout *layout, const ropemap_panel *panels, int64_t mark) {
    for (int32_t index = 0; index < layout->count; index++) {
        rm_panel_layout *panel = &layout->panels[index];
        if (isnan(panel->across)) {
            panel->across = mark_at(panels[index].cols, mark) * (double)panel->map.width;
        }
    }
}

/* Over the mark, or as near to it as the map's ends let it. */
static void lay_trained_label(rm_heatmap_layout *layout, const ropemap_figure *figure, bool labelled) {
    const rm_panel_layout *panel = &layout->panels[0];
    rm_axis_label *label = &layout->trained;
    label->text[0] = '\0';
    if (!labelled) {
        return;
    }
    char length[RM_NUMBER_TEXT], text[RM_NUMBER_TEXT];
    rm_number_grouped(length, figure->trained_length);
    (void)snprintf(text, sizeof text, "trained %.24s", length);
    label->size = MARK_SIZE * layout->sizes.scale;
    const double most = figure->width > 0 ? (double)panel->map.width : (double)INFINITY;
    const double wide = rm_text_fit(label->text, text, label->size, most);
    const double room = (double)panel->map.width - wide;
    label->x = (double)panel->map.x + fmax(fmin(panel->across - wide / 2.0, room), 0.0);
    layout->width = at_least(layout->width, whole(label->x + wide) + layout->sizes.margin);
}

/* ---- from left to right ---- */

/* What the ticks of panels take to their left and beyond their column, at the most: of the first column, of
 * those between, of the last. */
typedef struct tick_room {
    double first, before, beyond, last;
} tick_room;

static tick_room measure_ticks(const rm_heatmap_layout *layout) {
    const rm_sizes *sizes = &layout->sizes;
    const double ticks = (double)(sizes->line + sizes->tick + sizes->gap);
    const double label = rm_axis_label_room(&layout->row_label, sizes);
    tick_room room = {.first = 0.0};
    for (int32_t index = 0; index < layout->count; index++) {
        const rm_panel_layout *panel = &layout->panels[index];
        const int32_t col = index % layout->columns;
        const double labels =
            (col == 0 ? label : 0.0) + (panel->has_rows ? ticks + panel->rows.widest : (double)sizes->line);
        const double left = fmax(labels, rm_ticks_before(&panel->cols, panel->map.width, sizes));
        const double slack = (double)(layout->widths[col] - panel->map.width);
        const double right = rm_ticks_beyond(&panel->cols, panel->map.width, sizes) - slack;
        double *before = col == 0 ? &room.first : &room.before;
        double *beyond = col == layout->columns - 1 ? &room.last : &room.beyond;
        *before = fmax(*before, left);
        *beyond = fmax(*beyond, right);
    }
    return room;
}

/* Row label, tick labels, panels. */
static void lay_columns(rm_heatmap_layout *layout, const tick_room *room) {
    const rm_sizes *sizes = &layout->sizes;
    int64_t x = sizes->margin + whole(room->first);
    layout->row_label.x = (double)sizes->margin + 0.78 * layout->row_label.size;
    layout->area.x = x;
    for (int32_t col = 0; col < layout->columns; col++) {
        for (int32_t index = col; index < layout->count; index += layout->columns) {
            layout->panels[index].map.x = x;
        }
        layout->area.width = x + layout->widths[col] - layout->area.x;
        x += layout->widths[col] + whole(room->beyond + ACROSS * sizes->scale + room->before) + sizes->line;
    }
}

/* The colour bar, its ticks, labels and label. */
static void lay_bar(rm_heatmap_layout *layout, const tick_room *room, double headings) {
    const rm_sizes *sizes = &layout->sizes;
    const bool swatches = layout->nan_name != NULL || layout->has_below;
    const double over = fmax(room->last, headings) + (swatches ? 1.0 : 0.6) * sizes->ticks;
    layout->bar.x =
        layout->area.x + layout->area.width + at_least(whole(BAR_GAP * sizes->scale), whole(over));
    layout->bar.width = whole(BAR_WIDTH * sizes->scale);
    const int64_t labels = layout->bar.x + layout->bar.width + sizes->line + sizes->tick + sizes->gap;
    double end = (double)labels + layout->values.widest;
    if (layout->nan_name != NULL) {
        end = fmax(end, (double)layout->bar.x + rm_swatch_width(layout->nan_name, sizes));
    }
    if (layout->has_below) {
        end = fmax(end, (double)layout->bar.x + rm_swatch_width(RM_BELOW_NAME, sizes));
    }
    layout->value_label.x = end + sizes->label_gap + 0.78 * layout->value_label.size;
    layout->width = whole(end + rm_axis_label_room(&layout->value_label, sizes)) + sizes->margin;
}

/* Title, subtitle and footnote start above the first panel's left edge. */
static void lay_words(rm_heatmap_layout *layout, const ropemap_figure *figure, int64_t trained) {
    const rm_sizes *sizes = &layout->sizes;
    char title[RM_TEXT_BYTES], subtitle[RM_TEXT_BYTES], note[RM_TEXT_BYTES];
    rm_text_clean(title, sizeof title, figure->title, sizeof figure->title);
    rm_text_clean(subtitle, sizeof subtitle, figure->subtitle, sizeof figure->subtitle);
    rm_footnote_write(note, figure, trained);
    const double room = (double)(layout->width - sizes->margin - layout->area.x);
    const double width = figure->width > 0 ? room : fmax(room, TEXT_WIDTH * sizes->scale);
    rm_heading *heading = &layout->heading;
    const bool shown = !figure->untitled;
    const char *const words[3] = {shown ? title : NULL, shown ? subtitle : NULL, shown ? note : NULL};
    rm_heading_break(heading, words, sizes, width, (const int32_t[3]){WORD_LINES, WORD_LINES, WORD_LINES});
    const double widest = fmax(fmax(heading->title.width, heading->subtitle.width), heading->note.width);
    layout->width = at_least(layout->width, layout->area.x + whole(widest) + sizes->margin);
}

/* ---- from top to bottom ---- */

/* Whether a panel of the row has ticks below that the next row must make room for; below the last row there
 * is room anyway, and none is needed above an empty place. */
static bool has_ticks_between(const rm_heatmap_layout *layout, int32_t row) {
    for (int32_t col = 0; col < layout->columns; col++) {
        const int32_t index = row * layout->columns + col;
        if (index + layout->columns < layout->count && layout->panels[index].has_cols) {
            return true;
        }
    }
    return false;
}

/* Places the panels from `top` down; returns the height of all with what is between them. */
static int64_t stack(rm_heatmap_layout *layout, int64_t top) {
    const rm_sizes *sizes = &layout->sizes;
    const double ticks = (double)(sizes->tick + sizes->gap) + sizes->ticks;
    const double name = layout->names_between ? rm_name_height(sizes, 1) : NAMELESS * sizes->scale;
    int64_t y = top, end = top;
    for (int32_t row = 0; row < layout->rows; row++) {
        for (int32_t index = row * layout->columns;
             index < layout->count && index < (row + 1) * layout->columns; index++) {
            layout->panels[index].map.y = y;
        }
        end = y + layout->heights[row];
        const double below = has_ticks_between(layout, row) ? ticks : 0.0;
        y = end + whole(below + DOWN * sizes->scale + name) + 2 * sizes->line;
    }
    return end - top;
}

/* Heading, label of the trained length, panels with their names and ticks, column label. */
static void lay_rows(rm_heatmap_layout *layout) {
    const rm_sizes *sizes = &layout->sizes;
    const bool words = !rm_heading_is_empty(&layout->heading), marked = layout->trained.text[0] != '\0';
    double y = rm_heading_place(&layout->heading, sizes, (double)sizes->margin);
    if (marked) {
        y += words ? 0.7 * layout->trained.size : 0.0;
        layout->trained.y = y + 0.78 * layout->trained.size;
        y += layout->trained.size;
    }
    y += words && !marked ? 0.7 * sizes->ticks : 0.0;
    layout->area.y =
        whole(y + (layout->names_on_top ? rm_name_height(sizes, 1) : sizes->ticks / 2.0)) + sizes->line;
    (void)stack(layout, layout->area.y);
    layout->bar.y = layout->area.y;
    const int64_t below = layout->area.y + layout->area.height + sizes->line + sizes->tick + sizes->gap;
    const double labels_end = (double)below + sizes->ticks;
    layout->col_label.y = labels_end + sizes->label_gap + 0.6 * layout->col_label.size;
    const int32_t swatches = (layout->nan_name != NULL ? 1 : 0) + (layout->has_below ? 1 : 0);
    const double swatches_end = rm_swatch_end(layout->bar, swatches - 1, sizes) + 0.3 * sizes->ticks;
    const double end = labels_end + rm_axis_label_room(&layout->col_label, sizes);
    layout->height = whole(fmax(end, swatches_end)) + sizes->margin;
    for (int32_t row = 0; row < layout->rows; row++) {
        layout->row_headings[row].y =
            (double)layout->panels[row * layout->columns].map.y + (double)layout->heights[row] / 2.0;
    }
    const double middle_y = (double)layout->area.y + (double)layout->area.height / 2.0;
    layout->row_label.y = layout->value_label.y = middle_y;
    layout->col_label.x = (double)layout->area.x + (double)layout->area.width / 2.0;
}

/* ---- all of it ---- */

static void lay_label(const rm_heatmap_layout *layout, rm_axis_label *label, const char *field, size_t limit,
                      int64_t room) {
    char text[RM_TEXT_BYTES];
    rm_text_clean(text, sizeof text, field, limit);
    rm_axis_label_fit(label, text, &layout->sizes, (double)room);
}

/* With text at `scale`, 0 for the figure's own, and panels of `side` pixels, 0 for whole pixels a cell. */
static void lay_out(rm_heatmap_layout *layout, const ropemap_figure *figure, const rm_colour *colour,
                    double scale, int64_t side) {
    const ropemap_panel *panels = rm_panels_of(figure).panel;
    make_grid(layout, figure, side);
    layout->sizes = rm_sizes_at(scale > 0.0 ? scale : choose_scale(layout));
    lay_names(layout, figure);
    lay_ticks(layout, panels);
    const bool marked = lay_trained(layout, panels, figure->trained_length);
    lay_mark(layout, panels, figure->mark_col);
    lay_label(layout, &layout->row_label, figure->row_label, sizeof figure->row_label, INT32_MAX);
    tick_room room = measure_ticks(layout);
    lay_columns(layout, &room);
    fit_names(layout, figure);
    if (!is_alone(layout)) { /* the last row is as tall as the bar needs, whatever its panels are */
        const int64_t lack = whole(BAR_LEAST * layout->sizes.ticks) - stack(layout, 0);
        layout->heights[layout->rows - 1] += at_least(lack, 0);
    }
    layout->area.height = layout->bar.height = stack(layout, 0);
    lay_values(layout, colour);
    lay_label(layout, &layout->row_label, figure->row_label, sizeof figure->row_label, layout->area.height);
    lay_label(layout, &layout->value_label, figure->value_label, sizeof figure->value_label,
              layout->area.height);
    room = measure_ticks(layout);
    lay_columns(layout, &room);
    lay_label(layout, &layout->col_label, figure->col_label, sizeof figure->col_label, layout->area.width);
    lay_bar(layout, &room, lay_row_headings(layout, figure));
    const bool labelled = is_alone(layout) && !layout->names_on_top;
    lay_words(layout, figure, marked && !labelled ? figure->trained_length : 0);
    lay_trained_label(layout, figure, marked && labelled);
    lay_rows(layout);
}

/* Pixels that a panel's longer side gains for each that its column is to gain, at most. */
static double side_by_width(const rm_heatmap_layout *layout) {
    double most = 1.0;
    for (int32_t index = 0; index < layout->count; index++) {
        const rm_box *box = &layout->panels[index].map;
        if (box->width == layout->widths[index % layout->columns]) {
            most = fmax(most, (double)box->height / (double)box->width);
        }
    }
    return most;
}

/* Panels as large as the figure's width lets them be. */
static void fit_width(rm_heatmap_layout *layout, const ropemap_figure *figure, const rm_colour *colour) {
    const double times = (double)figure->width / (double)layout->width;
    const double scale = figure->font_size > 0.0 ? layout->sizes.scale : layout->sizes.scale * times;
    int64_t side = 1;
    for (int32_t index = 0; index < layout->count; index++) {
        const rm_box *box = &layout->panels[index].map;
        side = at_least(box->width, at_least(box->height, side));
    }
    side = at_least((int64_t)((double)side * times), 1);
    for (int pass = 0; pass < PASSES; pass++) { /* numbers change with panels: it settles, and then shrinks */
        lay_out(layout, figure, colour, scale, side);
        const int64_t spare = figure->width - layout->width;
        if (spare >= 0 && (spare < layout->columns || pass >= PASSES / 2)) {
            break;
        }
        const double change = floor((double)spare / (double)layout->columns * side_by_width(layout));
        side = at_least(side + (int64_t)change, 1);
    }
    layout->width = at_least(layout->width, figure->width);
}

static ropemap_status check_room(const rm_heatmap_layout *layout, const ropemap_figure *figure,
                                 ropemap_error *error) {
    double wide = (double)layout->width;
    for (int32_t col = 0; col < layout->columns; col++) {
        wide += fmax(PANEL_LEAST * layout->sizes.ticks - (double)layout->widths[col], 0.0);
    }
    const bool alone = layout->columns == 1;
    return wide <= (double)figure->width
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "figure: %" PRId64 " pixels leave no room for %" PRId32
                         " map%s and text of %.3g pixels; give %.2g times the width%s smaller text%s",
                         figure->width, layout->columns, alone ? "" : "s side by side", layout->sizes.ticks,
                         ceil(10.0 * wide / (double)figure->width) / 10.0, alone ? " or" : ",",
                         alone ? "" : " or fewer columns");
}

/* What the colour of NaN stands for; NULL: no cell has it. */
static const char *nan_name_of(const rm_panels *panels) {
    int64_t masked = 0, nan = 0;
    for (int32_t index = 0; index < panels->count; index++) {
        const ropemap_map *map = panels->panel[index].map;
        masked += map->masked_cells;
        nan += map->nan_cells - map->masked_cells;
    }
    return nan > 0 ? (masked > 0 ? "masked, NaN" : "NaN") : masked > 0 ? "masked" : NULL;
}

ropemap_status rm_heatmap_layout_make(rm_heatmap_layout *layout, const ropemap_figure *figure,
                                      const rm_colour *colour, ropemap_error *error) {
    const rm_panels panels = rm_panels_of(figure);
    layout->theme = rm_theme_of(figure->dark);
    layout->nan_name = nan_name_of(&panels);
    layout->has_below = colour->has_below;
    lay_out(layout, figure, colour, figure->font_size / RM_TICK_SIZE, 0);
    if (figure->width > 0) {
        fit_width(layout, figure, colour);
        RM_TRY(check_room(layout, figure, error));
    }
    if (layout->width > RM_IMAGE_SIDE_MAX || layout->height > RM_IMAGE_SIDE_MAX) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "figure: %" PRId64 " x %" PRId64
            " pixels with its frame, at most %d a side; make it bare, or its maps smaller or fewer",
            layout->width, layout->height, (int)RM_IMAGE_SIDE_MAX);
    }
    return ROPEMAP_OK;
}
