/* sheet_layout.c - the grid of a sheet's panels, and where everything is placed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet_layout.h"
#include "host/base/text.h"
#include "host/figure/drawing.h"
#include "host/figure/figure.h"
#include "host/figure/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { RM_SHEET_PIXELS_MAX = 32767 }; /* a side of a sheet */

static ropemap_status check_counts(const ropemap_sheet *sheet, ropemap_error *error) {
    if (sheet->panels == NULL || sheet->count < 1 || sheet->count > RM_SHEET_PANELS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "sheet: %" PRId32 " panels%s, expected 1 to %d", sheet->count,
                       sheet->panels == NULL ? " and none in memory" : "", (int)RM_SHEET_PANELS_MAX);
    }
    if (sheet->columns < 0 || sheet->columns > RM_SHEET_PANELS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "sheet: %" PRId32 " columns, expected 1 to %d, or 0 for as square as it gets",
                       sheet->columns, (int)RM_SHEET_PANELS_MAX);
    }
    if (sheet->side != 0 && (sheet->side < RM_SHEET_SIDE_MIN || sheet->side > RM_SHEET_SIDE_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "sheet: panels of %" PRId64 " pixels, expected %d to %d, or 0 for %d", sheet->side,
                       (int)RM_SHEET_SIDE_MIN, (int)RM_SHEET_SIDE_MAX, (int)RM_SHEET_SIDE);
    }
    return rm_check_width(sheet->width, "sheet", error);
}

/* Map and ranges, by the rules of a figure of that panel alone. */
static ropemap_status check_map(const ropemap_panel *panel, ropemap_error *error) {
    if (panel->map == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "no map, expected one");
    }
    RM_TRY(rm_check_map(panel->map, error));
    const ropemap_figure figure = {.rows = panel->rows, .cols = panel->cols};
    return rm_check_figure(&figure, panel->map, error);
}

ropemap_status rm_sheet_check(const ropemap_sheet *sheet, ropemap_error *error) {
    RM_TRY(check_counts(sheet, error));
    RM_TRY(rm_print_check(sheet->font_size, sheet->dpi, error));
    for (int32_t index = 0; index < sheet->count; index++) {
        const ropemap_panel *panel = &sheet->panels[index];
        ropemap_error why = {.status = ROPEMAP_OK};
        const ropemap_status status = check_map(panel, &why);
        if (status != ROPEMAP_OK) {
            char name[64];
            rm_label_make(name, sizeof name, panel->label != NULL ? panel->label : "");
            return rm_fail(error, status, "sheet: panel %" PRId32 " \"%s\": %s", index + 1, name, why.text);
        }
    }
    return ROPEMAP_OK;
}

/* What a scale depends on, of the cells of all panels; NaN where there is no such cell. */
typedef struct span {
    float low, high; /* finite ones */
    float positive;  /* the least one above 0, where a logarithmic scale begins */
    bool has_nan;
} span;

static void take_cells(span *all, const ropemap_map *map) {
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const float value = map->cells[cell];
        if (isfinite(value)) {
            all->low = fminf(all->low, value);
            all->high = fmaxf(all->high, value);
            all->positive = value > 0.0F ? fminf(all->positive, value) : all->positive;
        } else {
            all->has_nan = all->has_nan || isnan(value);
        }
    }
}

/* The rules are a figure's: it is given a map of the cells that decide. */
ropemap_status rm_sheet_colour_choose(const ropemap_sheet *sheet, rm_colour *colour, bool *has_nan,
                                      ropemap_error *error) {
    span all = {.low = NAN, .high = NAN, .positive = NAN};
    for (int32_t index = 0; index < sheet->count; index++) {
        take_cells(&all, sheet->panels[index].map);
    }
    float cells[3] = {all.low, all.high, all.positive};
    const ropemap_map map = {.height = 1,
                             .width = 3,
                             .cells = cells,
                             .min = (double)all.low,
                             .max = (double)all.high,
                             .mean = (double)all.low,
                             .nan_cells = all.has_nan ? 1 : 0};
    const ropemap_figure figure = {.colormap = sheet->colormap,
                                   .norm = sheet->norm,
                                   .has_limits = sheet->has_limits,
                                   .low = sheet->low,
                                   .high = sheet->high,
                                   .rows = {.count = 1, .step = 1},
                                   .cols = {.count = 3, .step = 1}};
    *has_nan = all.has_nan;
    RM_TRY(rm_check_figure(&figure, &map, error));
    return rm_colour_choose(&figure, &map, colour, error);
}

/* At most `most` ticks (2 to RM_TICKS_MAX) of the colour bar, from its lower end up. */
static rm_ticks rm_sheet_colour_ticks(const rm_colour *colour, int32_t most) {
    return rm_norm_ticks(colour->norm, colour->low, colour->high, most);
}

#define EMPTY 1.01 /* cost of empty places: of two that are else equally good, the fuller sheet */

#define TICK_SPACING 46.0 /* pixels at scale 1 from a tick to the next, at least */

enum {
    STRIP = 6,     /* the shorter side has at least this part of the longer one */
    CELL_SEEN = 4, /* pixels from which on a position is seen as a square of its own */
    TICKS_MOST = 5 /* along one side of a panel */
};

static int64_t at_least(int64_t value, int64_t least) {
    return value > least ? value : least;
}

/* A longer side of `side` pixels; thin maps are thickened. */
static void fit_panel(rm_box *box, const ropemap_map *map, int64_t side) {
    const double each = (double)side / (double)at_least(map->width, map->height);
    box->width = at_least(lround(each * (double)map->width), at_least(side / STRIP, 1));
    box->height = at_least(lround(each * (double)map->height), at_least(side / STRIP, 1));
}

/* Whole pixels a cell, as many as it takes to reach `side`; thin maps are thickened. */
static void size_panel(rm_box *box, const ropemap_map *map, int64_t side) {
    const int64_t longer = at_least(map->width, map->height);
    const int64_t factor = (side + longer - 1) / longer, least = factor * longer / STRIP;
    box->width = at_least(factor, least / map->width) * map->width;
    box->height = at_least(factor, least / map->height) * map->height;
}

int32_t rm_sheet_columns(int32_t count, double shape) {
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

/* If all panels are as large as the largest and an eighth of it apart. */
static int32_t choose_columns(const rm_sheet_grid *grid) {
    int64_t width = 1, height = 1;
    for (int32_t index = 0; index < grid->count; index++) {
        width = at_least(grid->panels[index].map.width, width);
        height = at_least(grid->panels[index].map.height, height);
    }
    const int64_t apart = at_least(width, height) / 8;
    return rm_sheet_columns(grid->count, (double)(width + apart) / (double)(height + apart));
}

static bool same_range(const ropemap_range *a, const ropemap_range *b) {
    return a->first == b->first && a->count == b->count && a->step == b->step;
}

/* Whether the ticks of one panel are those of all. */
static bool is_shared(const rm_sheet_grid *grid, const ropemap_sheet *sheet, bool along) {
    const ropemap_panel *first = sheet->panels;
    const rm_box *box = &grid->panels[0].map;
    for (int32_t index = 1; index < grid->count; index++) {
        const ropemap_panel *panel = &sheet->panels[index];
        const rm_box *own = &grid->panels[index].map;
        const bool same = along ? same_range(&panel->cols, &first->cols) && own->width == box->width
                                : same_range(&panel->rows, &first->rows) && own->height == box->height;
        if (!same) {
            return false;
        }
    }
    return true;
}

/*
 * Sizes of the panels and their places in the grid, of a checked sheet; not yet where they stand. Panels
 * whose ranges and sizes are all the same share ticks: those at the left and at the bottom have them. With
 * `fit`, else 0, longer sides have that many pixels, whatever cells come to.
 */
static void rm_sheet_grid_make(rm_sheet_grid *grid, const ropemap_sheet *sheet, int64_t fit) {
    memset(grid, 0, sizeof *grid); /* it is too large for an assignment by way of the stack */
    grid->count = sheet->count;
    const int64_t side = sheet->side > 0 ? sheet->side : RM_SHEET_SIDE;
    for (int32_t index = 0; index < grid->count; index++) {
        if (fit > 0) {
            fit_panel(&grid->panels[index].map, sheet->panels[index].map, fit);
        } else {
            size_panel(&grid->panels[index].map, sheet->panels[index].map, side);
        }
    }
    const int32_t wanted = sheet->columns > 0 ? sheet->columns : choose_columns(grid);
    grid->across = wanted < grid->count ? wanted : grid->count;
    grid->down = (grid->count + grid->across - 1) / grid->across;
    const bool rows_shared = is_shared(grid, sheet, false), cols_shared = is_shared(grid, sheet, true);
    for (int32_t index = 0; index < grid->count; index++) {
        rm_sheet_panel *panel = &grid->panels[index];
        const int32_t col = index % grid->across, row = index / grid->across;
        panel->has_rows = !rows_shared || col == 0;
        panel->has_cols = !cols_shared || index + grid->across >= grid->count; /* the last of its column */
        grid->widths[col] = at_least(panel->map.width, grid->widths[col]);
        grid->heights[row] = at_least(panel->map.height, grid->heights[row]);
    }
}

/* ---- ticks ---- */

/* Whether labels keep a distance: `along` the axis they take their width, or else their height. */
static bool labels_fit(const rm_ticks *ticks, double length, double size, bool along, double *widest) {
    double last_end = -(double)INFINITY;
    bool fit = true;
    *widest = 0.0;
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double width = rm_font_width(ticks->tick[tick].label, size);
        const double half = along ? width / 2.0 + 0.4 * size : 0.8 * size;
        fit = fit && ticks->tick[tick].at * length - half >= last_end;
        last_end = ticks->tick[tick].at * length + half;
        *widest = fmax(*widest, width);
    }
    return fit;
}

static rm_ticks lay_ticks(ropemap_range range, int64_t length, double size, double scale, bool along,
                          double *widest) {
    const bool centred = length / range.count >= CELL_SEEN;
    const double wanted = fmin(fmax((double)length / (TICK_SPACING * scale), 1.0), TICKS_MOST);
    rm_ticks ticks = {.count = 0};
    for (int32_t most = (int32_t)wanted; most >= 1; most--) {
        ticks = rm_ticks_positions(range, centred, most);
        if (labels_fit(&ticks, (double)length, size, along, widest)) {
            break;
        }
    }
    return ticks;
}

/* Ticks of the panels that have some, their labels `size` pixels; lengths are times `scale`. */
static void rm_sheet_grid_ticks(rm_sheet_grid *grid, const ropemap_sheet *sheet, double size, double scale) {
    for (int32_t index = 0; index < grid->count; index++) {
        rm_sheet_panel *panel = &grid->panels[index];
        double widest = 0.0;
        if (panel->has_rows) {
            panel->rows = lay_ticks(sheet->panels[index].rows, panel->map.height, size, scale, false,
                                    &panel->rows_widest);
        }
        if (panel->has_cols) {
            panel->cols = lay_ticks(sheet->panels[index].cols, panel->map.width, size, scale, true, &widest);
        }
    }
}

/* How far the labels below a panel reach beyond its left and its right edge; below 0: they end before. */
static double rm_sheet_panel_before(const rm_sheet_panel *panel, double size) {
    if (panel->cols.count == 0) {
        return -(double)INFINITY;
    }
    const rm_tick *first = &panel->cols.tick[0];
    return rm_font_width(first->label, size) / 2.0 - first->at * (double)panel->map.width;
}

static double rm_sheet_panel_beyond(const rm_sheet_panel *panel, double size) {
    if (panel->cols.count == 0) {
        return -(double)INFINITY;
    }
    const rm_tick *last = &panel->cols.tick[panel->cols.count - 1];
    return rm_font_width(last->label, size) / 2.0 - (1.0 - last->at) * (double)panel->map.width;
}

/* Lengths at scale 1, in pixels; text and frame as in layout.c, so that sheets stand beside maps. */
#define TITLE_SIZE 27.0

#define SUBTITLE_SIZE 18.0

#define LABEL_SIZE 22.0

#define TICK_SIZE 20.0

#define NAME_SIZE 20.0

#define MARGIN 26.0 /* between everything and the sheet's edge */

#define LABEL_GAP 12.0 /* between tick labels and an axis label */

#define BAR_WIDTH 30.0

#define BAR_GAP 34.0 /* between the panels and the colour bar */

#define TEXT_WIDTH 420.0 /* the title is not broken below this width */

#define ACROSS 22.0 /* between panels, and between what their ticks have beside them */

#define DOWN 18.0 /* likewise, to the name of the next */

#define NAMELESS 10.0 /* more where panels have no names */

/* Panels of this width together have text at scale 1, which is 8 points on a page of 7 inches. */
#define SCALE_WIDTH 960.0

#define SCALE_LEAST 0.7

#define SCALE_PANEL 300.0 /* but text is not larger than a panel of this side has at scale 1 */

#define LABEL_LEAST 0.75 /* a label is drawn smaller by this much, then it is cut */

#define NAME_ROOM 5.0 /* sizes of text that a name has at least */

#define BAR_LEAST 6.0 /* sizes of text that the bar is tall at least */

#define PANEL_LEAST 3.0 /* sizes of text that a column of a sheet of a given width has at least */

enum { WORD_LINES = 3 /* of title and subtitle, each at most */, PASSES = 12 /* to reach a width */ };

static int64_t whole(double length) {
    return (int64_t)ceil(length);
}

static double choose_scale(const rm_sheet_grid *grid) {
    int64_t width = 0, longest = 0;
    for (int32_t col = 0; col < grid->across; col++) {
        width += grid->widths[col];
        longest = at_least(grid->widths[col], longest);
    }
    for (int32_t row = 0; row < grid->down; row++) {
        longest = at_least(grid->heights[row], longest);
    }
    return fmax(fmin((double)width / SCALE_WIDTH, (double)longest / SCALE_PANEL), SCALE_LEAST);
}

static void size_all(rm_sheet_layout *layout, double scale) {
    layout->scale = scale;
    layout->line = at_least((int64_t)lround(1.3 * scale), 1);
    layout->tick = whole(8.0 * scale);
    layout->gap = whole(6.0 * scale);
    layout->tick_size = TICK_SIZE * scale;
    layout->name_size = NAME_SIZE * scale;
    layout->title_size = TITLE_SIZE * scale;
    layout->title_step = 1.25 * layout->title_size;
    layout->subtitle_size = SUBTITLE_SIZE * scale;
    layout->subtitle_step = 1.35 * layout->subtitle_size;
    layout->nan_size = RM_FONT_DIGIT * layout->tick_size;
}

/* ---- words ---- */

/* A label is drawn smaller where it is longer than `room`, and cut where it is much longer. */
static void lay_label(rm_sheet_label *label, const char *text, double scale, double room) {
    label->size = LABEL_SIZE * scale;
    const double width = rm_chart_text_fit(label->text, text, label->size, (double)INFINITY);
    if (width > room) {
        label->size *= fmax(room / width, LABEL_LEAST);
        (void)rm_chart_text_fit(label->text, text, label->size, room);
    }
}

/* Room a label takes across its axis: its height and a gap, nothing without one. */
static double label_room(const rm_sheet_label *label, double scale) {
    return label->text[0] == '\0' ? 0.0 : label->size + LABEL_GAP * scale;
}

/* Whether any panel has a name; a column is wide enough for some of it. */
static bool has_names(rm_sheet_layout *layout, const ropemap_sheet *sheet) {
    rm_sheet_grid *grid = &layout->grid;
    bool any = false;
    for (int32_t index = 0; index < grid->count; index++) {
        const char *name = sheet->panels[index].label;
        any = any || (name != NULL && *name != '\0');
    }
    for (int32_t col = 0; col < grid->across && any; col++) {
        grid->widths[col] = at_least(grid->widths[col], whole(NAME_ROOM * layout->name_size));
    }
    return any;
}

static void lay_names(rm_sheet_layout *layout, const ropemap_sheet *sheet) {
    rm_sheet_grid *grid = &layout->grid;
    for (int32_t index = 0; index < grid->count; index++) {
        (void)rm_chart_text_fit(grid->panels[index].name, sheet->panels[index].label, layout->name_size,
                                (double)grid->widths[index % grid->across]);
    }
}

/* Title and subtitle start above the first panel's left edge. */
static void lay_titles(rm_sheet_layout *layout, const ropemap_sheet *sheet) {
    const int64_t margin = whole(MARGIN * layout->scale);
    const double room = (double)(layout->width - margin - layout->area.x);
    const double width = sheet->width > 0 ? room : fmax(room, TEXT_WIDTH * layout->scale);
    layout->title = rm_chart_text_lines(sheet->title, layout->title_size, width, WORD_LINES);
    layout->subtitle = rm_chart_text_lines(sheet->subtitle, layout->subtitle_size, width, WORD_LINES);
    const double widest = fmax(layout->title.width, layout->subtitle.width);
    layout->width = at_least(layout->width, layout->area.x + whole(widest) + margin);
}

/* ---- from left to right ---- */

/* What the ticks of panels take to their left and beyond their column, at the most: of the first column, of
 * those between, of the last. */
typedef struct beside {
    double first, before, beyond, last;
} beside;

static beside measure_ticks(const rm_sheet_layout *layout) {
    const rm_sheet_grid *grid = &layout->grid;
    const double ticks = (double)(layout->line + layout->tick + layout->gap), size = layout->tick_size;
    beside room = {.first = 0.0};
    for (int32_t index = 0; index < grid->count; index++) {
        const rm_sheet_panel *panel = &grid->panels[index];
        const int32_t col = index % grid->across;
        const double labels = panel->has_rows ? ticks + panel->rows_widest : 0.0;
        const double left = fmax(labels, rm_sheet_panel_before(panel, size));
        const double slack = (double)(grid->widths[col] - panel->map.width);
        const double right = rm_sheet_panel_beyond(panel, size) - slack;
        double *before = col == 0 ? &room.first : &room.before;
        double *beyond = col == grid->across - 1 ? &room.last : &room.beyond;
        *before = fmax(*before, left);
        *beyond = fmax(*beyond, right);
    }
    return room;
}

/* Row label, tick labels, panels. */
static void lay_columns(rm_sheet_layout *layout, const beside *room) {
    rm_sheet_grid *grid = &layout->grid;
    const double scale = layout->scale;
    const int64_t margin = whole(MARGIN * scale);
    int64_t x = margin + whole(label_room(&layout->row_label, scale) + room->first) + layout->line;
    layout->row_label.x = (double)margin + 0.78 * layout->row_label.size;
    layout->area.x = x;
    for (int32_t col = 0; col < grid->across; col++) {
        for (int32_t index = col; index < grid->count; index += grid->across) {
            grid->panels[index].map.x = x;
        }
        layout->area.width = x + grid->widths[col] - layout->area.x;
        x += grid->widths[col] + whole(room->beyond + ACROSS * scale + room->before) + 2 * layout->line;
    }
}

/* The colour bar, its ticks, labels and label. */
static void lay_bar(rm_sheet_layout *layout, const beside *room) {
    const double scale = layout->scale, size = layout->tick_size;
    const double over = room->last + (layout->has_nan ? 1.0 : 0.6) * size;
    layout->bar.x =
        layout->area.x + layout->area.width + at_least(whole(BAR_GAP * scale), whole(over) + layout->line);
    layout->bar.width = whole(BAR_WIDTH * scale);
    double widest = 0.0;
    for (int32_t tick = 0; tick < layout->values.count; tick++) {
        widest = fmax(widest, rm_font_width(layout->values.tick[tick].label, size));
    }
    const int64_t beside_bar = layout->line + layout->tick + layout->gap;
    const double labels_end = (double)(layout->bar.x + layout->bar.width + beside_bar) + widest;
    const double nan_end = layout->has_nan ? 1.4 * layout->nan_size + rm_font_width("NaN", size) : 0.0;
    const double end = fmax(labels_end, (double)layout->bar.x + nan_end);
    layout->value_label.x = end + LABEL_GAP * scale + 0.78 * layout->value_label.size;
    layout->width = whole(end + label_room(&layout->value_label, scale)) + whole(MARGIN * scale);
}

/* ---- from top to bottom ---- */

/* Whether a panel of the row has ticks below that the next row must make room for; below the last row there
 * is room anyway, and none is needed above an empty place. */
static bool has_ticks_between(const rm_sheet_grid *grid, int32_t row) {
    for (int32_t col = 0; col < grid->across; col++) {
        if ((row + 1) * grid->across + col < grid->count && grid->panels[row * grid->across + col].has_cols) {
            return true;
        }
    }
    return false;
}

/* Height of the panels with what is between them, from the first panel's top edge; places them from `top`. */
static int64_t stack(rm_sheet_layout *layout, int64_t top, bool names) {
    rm_sheet_grid *grid = &layout->grid;
    const double ticks = (double)(layout->tick + layout->gap) + layout->tick_size;
    const double name = names ? layout->name_rise + 0.8 * layout->name_size : NAMELESS * layout->scale;
    int64_t y = top, end = top;
    for (int32_t row = 0; row < grid->down; row++) {
        for (int32_t index = row * grid->across; index < grid->count && index < (row + 1) * grid->across;
             index++) {
            grid->panels[index].map.y = y;
        }
        end = y + grid->heights[row];
        const double below = has_ticks_between(grid, row) ? ticks : 0.0;
        y = end + whole(below + DOWN * layout->scale + name) + 2 * layout->line;
    }
    return end - top;
}

/* Title, subtitle, panels with their names and ticks, column label. */
static void lay_rows(rm_sheet_layout *layout, bool names) {
    const double scale = layout->scale, size = layout->tick_size;
    const int64_t margin = whole(MARGIN * scale);
    double y = (double)margin;
    layout->title_y = y + 0.8 * layout->title_size;
    y += layout->title_step * layout->title.count;
    layout->subtitle_y = y + layout->subtitle_size;
    y += layout->subtitle.count > 0
             ? 0.2 * layout->subtitle_size + layout->subtitle_step * layout->subtitle.count
             : 0.0;
    const bool words = layout->title.count + layout->subtitle.count > 0;
    y += (words ? 0.7 : 0.0) * size + (names ? layout->name_rise + 0.8 * layout->name_size : size / 2.0);
    layout->area.y = whole(y) + layout->line;
    (void)stack(layout, layout->area.y, names);
    layout->bar.y = layout->area.y;
    const int64_t below = layout->area.y + layout->area.height + layout->line + layout->tick + layout->gap;
    const double labels_end = (double)below + size;
    layout->col_label.y = labels_end + LABEL_GAP * scale + 0.6 * layout->col_label.size;
    layout->height = whole(labels_end + label_room(&layout->col_label, scale)) + margin;
    const double middle_y = (double)layout->area.y + (double)layout->area.height / 2.0;
    layout->row_label.y = layout->value_label.y = middle_y;
    layout->col_label.x = (double)layout->area.x + (double)layout->area.width / 2.0;
}

/* As in a figure; a bar along several panels has room for some more. */
static void lay_values(rm_sheet_layout *layout, const rm_colour *colour) {
    const double height = (double)layout->bar.height, least = 1.6 * layout->tick_size;
    for (int32_t most = (int32_t)fmin(fmax(height / (32.0 * layout->scale), 2.0), 10.0); most >= 2; most--) {
        layout->values = rm_sheet_colour_ticks(colour, most);
        bool fit = true;
        for (int32_t tick = 1; tick < layout->values.count; tick++) {
            const double apart = layout->values.tick[tick].at - layout->values.tick[tick - 1].at;
            fit = fit && apart * height >= least;
        }
        if (fit) {
            return;
        }
    }
}

/* With text at `scale`, 0 for the sheet's own, and panels of `side` pixels, 0 for whole pixels a cell. */
static void lay_out(rm_sheet_layout *layout, const ropemap_sheet *sheet, const rm_colour *colour,
                    double scale, int64_t side) {
    rm_sheet_grid *grid = &layout->grid;
    rm_sheet_grid_make(grid, sheet, side);
    size_all(layout, scale > 0.0 ? scale : choose_scale(grid));
    layout->name_rise = 0.38 * layout->name_size;
    const bool names = has_names(layout, sheet);
    lay_names(layout, sheet);
    rm_sheet_grid_ticks(grid, sheet, layout->tick_size, layout->scale);
    /* The last row is as tall as the bar needs, whatever its panels are. */
    const int64_t lack = whole(BAR_LEAST * layout->tick_size) - stack(layout, 0, names);
    grid->heights[grid->down - 1] += at_least(lack, 0);
    layout->area.height = layout->bar.height = stack(layout, 0, names);
    lay_values(layout, colour);
    lay_label(&layout->row_label, sheet->row_label, layout->scale, (double)layout->area.height);
    lay_label(&layout->value_label, sheet->value_label, layout->scale, (double)layout->area.height);
    const beside room = measure_ticks(layout);
    lay_columns(layout, &room);
    lay_label(&layout->col_label, sheet->col_label, layout->scale, (double)layout->area.width);
    lay_bar(layout, &room);
    lay_titles(layout, sheet);
    lay_rows(layout, names);
}

/* Pixels that a panel's longer side gains for each that its column is to gain, at most. */
static double side_by_width(const rm_sheet_grid *grid) {
    double most = 1.0;
    for (int32_t index = 0; index < grid->count; index++) {
        const rm_box *box = &grid->panels[index].map;
        if (box->width == grid->widths[index % grid->across]) {
            most = fmax(most, (double)box->height / (double)box->width);
        }
    }
    return most;
}

/* Panels as large as the sheet's width lets them be. */
static void fit_width(rm_sheet_layout *layout, const ropemap_sheet *sheet, const rm_colour *colour) {
    const rm_sheet_grid *grid = &layout->grid;
    const double times = (double)sheet->width / (double)layout->width;
    const double scale = sheet->font_size > 0.0 ? layout->scale : layout->scale * times;
    int64_t side = 1;
    for (int32_t index = 0; index < grid->count; index++) {
        side = at_least(grid->panels[index].map.width, at_least(grid->panels[index].map.height, side));
    }
    side = at_least((int64_t)((double)side * times), 1);
    for (int pass = 0; pass < PASSES; pass++) { /* numbers change with panels: it settles, and then shrinks */
        lay_out(layout, sheet, colour, scale, side);
        const int64_t spare = sheet->width - layout->width;
        if (spare >= 0 && (spare < grid->across || pass >= PASSES / 2)) {
            break;
        }
        const double change = floor((double)spare / (double)grid->across * side_by_width(grid));
        side = at_least(side + (int64_t)change, 1);
    }
    layout->width = at_least(layout->width, sheet->width);
}

static ropemap_status check_room(const rm_sheet_layout *layout, const ropemap_sheet *sheet,
                                 ropemap_error *error) {
    bool tight = false;
    for (int32_t col = 0; col < layout->grid.across; col++) {
        tight = tight || (double)layout->grid.widths[col] < PANEL_LEAST * layout->tick_size;
    }
    return sheet->width == 0 || (layout->width == sheet->width && !tight)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "sheet: %" PRId64 " pixels leave no room for %" PRId32
                         " panel%s side by side, beside text of %.4g pixels, expected a wider sheet, smaller "
                         "text or fewer columns",
                         sheet->width, layout->grid.across, layout->grid.across == 1 ? "" : "s",
                         layout->tick_size);
}

ropemap_status rm_sheet_layout_make(rm_sheet_layout *layout, const ropemap_sheet *sheet,
                                    const rm_colour *colour, bool has_nan, ropemap_error *error) {
    const rm_sheet_grid *grid = &layout->grid;
    layout->has_nan = has_nan;
    lay_out(layout, sheet, colour, sheet->font_size / TICK_SIZE, 0);
    if (sheet->width > 0) {
        fit_width(layout, sheet, colour);
        RM_TRY(check_room(layout, sheet, error));
    }
    if (layout->width > RM_SHEET_PIXELS_MAX || layout->height > RM_SHEET_PIXELS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "sheet: %" PRId64 " x %" PRId64 " pixels for %" PRId32 " x %" PRId32
                       " panels, expected at most %d a side; smaller or fewer panels take less",
                       layout->width, layout->height, grid->across, grid->down, (int)RM_SHEET_PIXELS_MAX);
    }
    return ROPEMAP_OK;
}
