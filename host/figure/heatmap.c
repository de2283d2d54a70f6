/* heatmap.c - maps in panels under one colour scale, from a checked figure to a drawing */
/* SPDX-License-Identifier: MIT */
#include "host/figure/heatmap.h"
#include "host/base/alloc.h"
#include "host/base/text.h"
#include "host/figure/drawing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE_MIN = 64, SIDE_MAX = 32767 }; /* of a panel that is given a size */

/* ---- checks ---- */

/* ROPEMAP_USAGE for a map without cells, or with too many. */
static ropemap_status check_map(const ropemap_map *map, ropemap_error *error) {
    if (map->cells == NULL || map->height < 1 || map->width < 1) {
        return rm_fail(error, ROPEMAP_USAGE, "map: %" PRId64 " x %" PRId64 " cells%s, at least 1 x 1",
                       map->width, map->height, map->cells == NULL ? " and none in memory" : "");
    }
    if (map->height > ROPEMAP_MAX_SIDE || map->width > ROPEMAP_MAX_SIDE) {
        return rm_fail(error, ROPEMAP_USAGE, "map: %" PRId64 " x %" PRId64 " cells, at most %d a side",
                       map->width, map->height, ROPEMAP_MAX_SIDE);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_range(const char *name, const ropemap_range *range, int64_t cells,
                                  ropemap_error *error) {
    const bool positive = range->first >= 0 && range->count >= 1 && range->step >= 1;
    const bool below_end = positive && range->first < ROPEMAP_POSITION_END &&
                           range->count - 1 <= (ROPEMAP_POSITION_END - 1 - range->first) / range->step;
    if (!below_end) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: %" PRId64 ":%" PRId64 ":%" PRId64
                       ", expected FIRST:COUNT:STEP with positions from 0 to 2^40 - 1",
                       name, range->first, range->count, range->step);
    }
    if (range->count < cells) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: %" PRId64 " positions for %" PRId64 " cells, at least one a cell", name,
                       range->count, cells);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_panel(const ropemap_figure *figure, const ropemap_panel *panel,
                                  ropemap_error *error) {
    if (panel->map == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "map: none");
    }
    RM_TRY(check_map(panel->map, error));
    if (!figure->bare) {
        RM_TRY(check_range("rows", &panel->rows, panel->map->height, error));
        RM_TRY(check_range("cols", &panel->cols, panel->map->width, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status check_panels(const ropemap_figure *figure, ropemap_error *error) {
    const rm_panels panels = rm_panels_of(figure);
    if (panels.count < 1 || panels.count > RM_PANELS_MAX || (figure->panels == NULL && figure->count > 0)) {
        return rm_fail(error, ROPEMAP_USAGE, "figure: %" PRId32 " panels%s, 1 to %d are possible",
                       figure->count, figure->panels == NULL ? " and none in memory" : "",
                       (int)RM_PANELS_MAX);
    }
    if (figure->columns < 0 || figure->columns > RM_PANELS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "figure: %" PRId32 " columns, expected 1 to %d, or 0 for as square as it gets",
                       figure->columns, (int)RM_PANELS_MAX);
    }
    for (int32_t index = 0; index < panels.count; index++) {
        const ropemap_panel *panel = &panels.panel[index];
        ropemap_error why = {.status = ROPEMAP_OK};
        const ropemap_status status = check_panel(figure, panel, &why);
        if (status != ROPEMAP_OK && figure->panels == NULL) {
            return rm_fail(error, status, "%s", why.text);
        }
        if (status != ROPEMAP_OK) {
            char name[64];
            rm_label_make(name, sizeof name, panel->label != NULL ? panel->label : "");
            return rm_fail(error, status, "panel %" PRId32 " \"%s\": %s", index + 1, name, why.text);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check_sizes(const ropemap_figure *figure, ropemap_error *error) {
    if (figure->side != 0 && (figure->side < SIDE_MIN || figure->side > SIDE_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "figure: panels of %" PRId64 " pixels, expected %d to %d, or 0 for the usual size",
                       figure->side, (int)SIDE_MIN, (int)SIDE_MAX);
    }
    if (figure->width < 0 || figure->width > RM_IMAGE_SIDE_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "figure: %" PRId64 " pixels wide, expected 1 to %d, or 0",
                       figure->width, (int)RM_IMAGE_SIDE_MAX);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_overlay(const ropemap_figure *figure, ropemap_error *error) {
    const int32_t most = (int32_t)(sizeof figure->contours / sizeof *figure->contours);
    if (figure->contour_count < 0 || figure->contour_count > most) {
        return rm_fail(error, ROPEMAP_USAGE, "contour: %" PRId32 " values, at most %" PRId32,
                       figure->contour_count, most);
    }
    for (int32_t at = 0; at < figure->contour_count; at++) {
        if (!isfinite(figure->contours[at])) {
            return rm_fail(error, ROPEMAP_USAGE, "contour: one at %g, expected a finite number",
                           figure->contours[at]);
        }
    }
    if (figure->mark_col < 0) {
        return rm_fail(error, ROPEMAP_USAGE, "figure: a mark at column %" PRId64 ", expected 0 or more",
                       figure->mark_col);
    }
    if (figure->trained_length < 0) {
        return rm_fail(error, ROPEMAP_USAGE, "figure: a trained length of %" PRId64 ", expected 0 or more",
                       figure->trained_length);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_figure(const ropemap_figure *figure, ropemap_error *error) {
    RM_TRY(check_panels(figure, error));
    RM_TRY(rm_font_size_check(figure->font_size, error));
    if (!figure->bare) {
        RM_TRY(check_sizes(figure, error));
        return check_overlay(figure, error);
    }
    return rm_panels_of(figure).count == 1
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "bare: %" PRId32 " maps, only one map can be bare",
                         figure->count);
}

/* ---- drawing ---- */

static ropemap_status make_levels(const ropemap_figure *figure, rm_heatmap *made, ropemap_error *error) {
    const rm_panels panels = rm_panels_of(figure);
    int64_t cells = 0;
    for (int32_t index = 0; index < panels.count; index++) {
        cells += panels.panel[index].map->height * panels.panel[index].map->width;
    }
    made->levels = rm_alloc_raw((uint64_t)cells, 1);
    if (made->levels == NULL) {
        return rm_fail_memory(error, "figure", (uint64_t)cells);
    }
    uint8_t *levels = made->levels;
    for (int32_t index = 0; index < panels.count; index++) {
        const ropemap_map *map = panels.panel[index].map;
        rm_colour_levels(&made->colour, map->cells, map->height * map->width, levels);
        levels += map->height * map->width;
    }
    return ROPEMAP_OK;
}

static void draw_cells(rm_heatmap *made, rm_box box, const uint8_t *levels, int64_t rows, int64_t cols) {
    rm_drawing_raster(&made->drawing, &(rm_item){.x = (double)box.x,
                                                 .y = (double)box.y,
                                                 .width = (double)box.width,
                                                 .height = (double)box.height,
                                                 .levels = levels,
                                                 .rows = rows,
                                                 .cols = cols,
                                                 .palette = &made->colour.palette});
}

static void draw_bar(rm_heatmap *made, const rm_heatmap_layout *layout) {
    const rm_colour *colour = &made->colour;
    const int32_t low = rm_colour_level(colour, colour->bar_low),
                  high = rm_colour_level(colour, colour->bar_high);
    for (int32_t level = high; level >= low; level--) {
        made->bar[high - level] = (uint8_t)level;
    }
    draw_cells(made, layout->bar, made->bar, high - low + 1, 1);
    rm_frame_draw(&made->drawing, layout->bar, &layout->sizes, layout->theme);
}

static void draw_ticks(rm_heatmap *made, const rm_heatmap_layout *layout) {
    const rm_sizes *sizes = &layout->sizes;
    for (int32_t index = 0; index < layout->count; index++) {
        const rm_panel_layout *panel = &layout->panels[index];
        rm_ticks_draw(&made->drawing, &panel->rows, panel->map, RM_EDGE_LEFT, false, sizes, layout->theme);
    }
    rm_ticks_draw(&made->drawing, &layout->values, layout->bar, RM_EDGE_RIGHT, true, sizes, layout->theme);
    for (int32_t index = 0; index < layout->count; index++) {
        const rm_panel_layout *panel = &layout->panels[index];
        rm_ticks_draw(&made->drawing, &panel->cols, panel->map, RM_EDGE_BELOW, false, sizes, layout->theme);
    }
}

static void draw_words(rm_heatmap *made, const rm_heatmap_layout *layout) {
    const rm_sizes *sizes = &layout->sizes;
    rm_axis_label_draw(&made->drawing, &layout->row_label, layout->theme, true);
    rm_axis_label_draw(&made->drawing, &layout->col_label, layout->theme, false);
    rm_axis_label_draw(&made->drawing, &layout->value_label, layout->theme, true);
    if (layout->nan_name != NULL) {
        rm_swatch_draw(&made->drawing, layout->bar, 0, made->colour.palette.rgb[RM_LEVEL_NAN],
                       layout->nan_name, sizes, layout->theme);
    }
    if (layout->has_below) {
        rm_swatch_draw(&made->drawing, layout->bar, layout->nan_name != NULL ? 1 : 0,
                       made->colour.palette.rgb[RM_LEVEL_BELOW], RM_BELOW_NAME, sizes, layout->theme);
    }
    for (int32_t row = 0; row < layout->rows; row++) {
        rm_axis_label_draw(&made->drawing, &layout->row_headings[row], layout->theme, true);
    }
    rm_heading_draw(&made->drawing, &layout->heading, sizes, layout->theme, (double)layout->area.x);
    for (int32_t index = 0; index < layout->count; index++) {
        const rm_panel_layout *panel = &layout->panels[index];
        const double y = (double)(panel->map.y - sizes->line) - sizes->name_rise;
        rm_drawing_text(&made->drawing, (double)panel->map.x, y, panel->name,
                        (rm_text_style){.size = sizes->name, .ink = layout->theme->ink});
    }
}

bool rm_panel_has_values(const ropemap_panel *panel) {
    return panel->rows.count <= RM_CELL_TEXT_SIDE && panel->cols.count <= RM_CELL_TEXT_SIDE &&
           panel->map->height == panel->rows.count && panel->map->width == panel->cols.count;
}

static bool is_overlaid(const ropemap_figure *figure, const rm_heatmap_layout *layout) {
    const rm_panels panels = rm_panels_of(figure);
    bool overlaid = figure->contour_count > 0;
    for (int32_t index = 0; index < panels.count && !overlaid; index++) {
        overlaid = !isnan(layout->panels[index].across) ||
                   (!figure->unnumbered && rm_panel_has_values(&panels.panel[index]));
    }
    return overlaid;
}

/* Images, what is around them, and last what is on them. */
static ropemap_status draw_all(rm_heatmap *made, const rm_heatmap_layout *layout,
                               const ropemap_figure *figure, ropemap_error *error) {
    const rm_panels panels = rm_panels_of(figure);
    const uint8_t *levels = made->levels;
    made->drawing.width = layout->width;
    made->drawing.height = layout->height;
    rm_theme_paper(layout->theme, &made->drawing);
    for (int32_t index = 0; index < panels.count; index++) {
        const ropemap_map *map = panels.panel[index].map;
        draw_cells(made, layout->panels[index].map, levels, map->height, map->width);
        rm_frame_draw(&made->drawing, layout->panels[index].map, &layout->sizes, layout->theme);
        levels += map->height * map->width;
    }
    draw_bar(made, layout);
    draw_ticks(made, layout);
    draw_words(made, layout);
    return is_overlaid(figure, layout) ? rm_overlay_draw(made, layout, figure, error) : ROPEMAP_OK;
}

static ropemap_status draw_framed(const ropemap_figure *figure, rm_heatmap *made, ropemap_error *error) {
    rm_heatmap_layout *layout = rm_alloc(1, sizeof *layout); /* too large for the stack of a thread */
    if (layout == NULL) {
        return rm_fail_memory(error, "figure", sizeof *layout);
    }
    ropemap_status status = rm_heatmap_layout_make(layout, figure, &made->colour, error);
    status = status == ROPEMAP_OK ? draw_all(made, layout, figure, error) : status;
    rm_free(layout);
    return status;
}

ropemap_status rm_heatmap_make(const ropemap_figure *figure, rm_heatmap *made, ropemap_error *error) {
    *made = (rm_heatmap){.levels = NULL};
    RM_TRY(check_figure(figure, error));
    RM_TRY(rm_colour_choose(figure, &made->colour, error));
    if (!figure->bare) {
        RM_TRY(rm_font_use(figure->font, error));
    }
    RM_TRY(make_levels(figure, made, error));
    if (!figure->bare) {
        return draw_framed(figure, made, error);
    }
    const ropemap_map *map = rm_panels_of(figure).panel->map;
    made->drawing = (rm_drawing){.width = map->width, .height = map->height, .bare = true};
    draw_cells(made, (rm_box){.width = map->width, .height = map->height}, made->levels, map->height,
               map->width);
    return ROPEMAP_OK;
}

void rm_heatmap_free(rm_heatmap *made) {
    rm_drawing_free(&made->drawing);
    rm_free(made->levels);
    made->levels = NULL;
}

ropemap_status ropemap_figure_encode(const ropemap_figure *figure, ropemap_format format,
                                     const ropemap_page *page, ropemap_bytes *bytes, ropemap_error *error) {
    const rm_metadata metadata =
        rm_metadata_of(figure->title, sizeof figure->title, figure->description, sizeof figure->description);
    rm_heatmap made;
    RM_TRY(rm_format_check(format, page, error));
    ropemap_status status = rm_heatmap_make(figure, &made, error);
    status = status == ROPEMAP_OK ? rm_encode(&made.drawing, format, page, &metadata, bytes, error) : status;
    rm_heatmap_free(&made);
    return status;
}

/* A bare figure needs no cairo, whose images end before a map does. */
static ropemap_status expand_levels(const rm_heatmap *made, ropemap_image *image, ropemap_error *error) {
    const int64_t width = made->drawing.width, height = made->drawing.height, cells = width * height;
    uint8_t *rgb = rm_alloc_raw((uint64_t)cells, 3);
    if (rgb == NULL) {
        return rm_fail_memory(error, "figure", 3 * (uint64_t)cells);
    }
    for (int64_t cell = 0; cell < cells; cell++) {
        memcpy(rgb + 3 * cell, made->colour.palette.rgb[made->levels[cell]], 3);
    }
    *image = (ropemap_image){.width = width, .height = height, .rgb = rgb};
    return ROPEMAP_OK;
}

ropemap_status ropemap_figure_draw(const ropemap_figure *figure, ropemap_image *image, ropemap_error *error) {
    rm_heatmap made;
    ropemap_status status = rm_heatmap_make(figure, &made, error);
    if (status == ROPEMAP_OK) {
        status =
            figure->bare ? expand_levels(&made, image, error) : rm_sink_image(&made.drawing, image, error);
    }
    rm_heatmap_free(&made);
    return status;
}

void ropemap_image_free(ropemap_image *image) {
    if (image != NULL) {
        rm_free(image->rgb);
        *image = (ropemap_image){.rgb = NULL};
    }
}

/* ---- files ---- */

static bool ends_with(const char *path, const char *ending) {
    const size_t length = strlen(path), tail = strlen(ending);
    if (length < tail) {
        return false;
    }
    for (size_t at = 0; at < tail; at++) {
        const char letter = path[length - tail + at];
        const bool upper = letter >= 'A' && letter <= 'Z';
        if ((upper ? (char)(letter - 'A' + 'a') : letter) != ending[at]) {
            return false;
        }
    }
    return true;
}

ropemap_status ropemap_figure_save(const ropemap_figure *figure, const char *path, bool force,
                                   ropemap_error *error) {
    static const char *const endings[] = {
        [ROPEMAP_PNG] = ".png", [ROPEMAP_SVG] = ".svg", [ROPEMAP_PDF] = ".pdf", ".npy"};
    enum { COUNT = (int)(sizeof endings / sizeof *endings), NPY = COUNT - 1 };
    ropemap_bytes bytes = {.data = NULL};
    int kind = 0;
    while (kind < COUNT && !ends_with(path, endings[kind])) {
        kind++;
    }
    if (kind == COUNT) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: expected a name that ends in .png, .svg, .pdf or .npy",
                       path);
    }
    if (kind != NPY) {
        RM_TRY(ropemap_figure_encode(figure, (ropemap_format)kind, NULL, &bytes, error));
    } else if (figure->panels == NULL && figure->panel.map != NULL) {
        RM_TRY(ropemap_map_npy(figure->panel.map, &bytes, error));
    } else {
        return rm_fail(error, ROPEMAP_USAGE, "%s: a .npy file holds one map, the figure's panel", path);
    }
    const ropemap_status status = ropemap_output_write(path, &bytes, force, error);
    ropemap_bytes_free(&bytes);
    return status;
}
