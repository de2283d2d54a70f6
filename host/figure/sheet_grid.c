/* sheet_grid.c - how large the panels of a sheet are, how many stand side by side, and which have ticks */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet_grid.h"
#include "host/figure/font.h"

#include <math.h>
#include <string.h>

#define EMPTY        1.01 /* cost of empty places: of two that are else equally good, the fuller sheet */
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

void rm_sheet_grid_make(rm_sheet_grid *grid, const ropemap_sheet *sheet, int64_t fit) {
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

void rm_sheet_grid_ticks(rm_sheet_grid *grid, const ropemap_sheet *sheet, double size, double scale) {
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

double rm_sheet_panel_before(const rm_sheet_panel *panel, double size) {
    if (panel->cols.count == 0) {
        return -(double)INFINITY;
    }
    const rm_tick *first = &panel->cols.tick[0];
    return rm_font_width(first->label, size) / 2.0 - first->at * (double)panel->map.width;
}

double rm_sheet_panel_beyond(const rm_sheet_panel *panel, double size) {
    if (panel->cols.count == 0) {
        return -(double)INFINITY;
    }
    const rm_tick *last = &panel->cols.tick[panel->cols.count - 1];
    return rm_font_width(last->label, size) / 2.0 - (1.0 - last->at) * (double)panel->map.width;
}
