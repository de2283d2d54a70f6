/* sheet.c - maps in panels under one colour scale */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet.h"
#include "host/base/alloc.h"
#include "host/figure/png.h"
#include "host/figure/sink_cairo.h"
#include "host/figure/sink_svg.h"
#include "host/figure/text.h"

#include <math.h>

static const rm_rgb ink = {0x1c, 0x1c, 0x1c}, soft_ink = {0x5a, 0x5a, 0x5a}, line_ink = {0x40, 0x40, 0x40};

/* Cells and a frame outside of them, which comes after: readers of pages let images stand out by a part of a
 * pixel. */
static void draw_cells(rm_drawing *drawing, rm_box box, int64_t line, const uint8_t *levels, int64_t rows,
                       int64_t cols, const rm_palette *palette) {
    const double x = (double)box.x, y = (double)box.y, width = (double)box.width, height = (double)box.height;
    const double pen = (double)line, full = width + 2.0 * pen;
    rm_drawing_raster(drawing, &(rm_item){.x = x,
                                          .y = y,
                                          .width = width,
                                          .height = height,
                                          .levels = levels,
                                          .rows = rows,
                                          .cols = cols,
                                          .palette = palette});
    rm_drawing_rectangle(drawing, x - pen, y - pen, full, pen, line_ink);
    rm_drawing_rectangle(drawing, x - pen, y + height, full, pen, line_ink);
    rm_drawing_rectangle(drawing, x - pen, y, pen, height, line_ink);
    rm_drawing_rectangle(drawing, x + width, y, pen, height, line_ink);
}

/* The middle of a line of whole pixels nearest to `place`, so that the line is sharp; it stays within the
 * box. */
static double snap(double place, int64_t length, int64_t line) {
    const double start = fmin(fmax(round(place - (double)line / 2.0), 0.0), (double)(length - line));
    return start + (double)line / 2.0;
}

/* Ticks to the left of a panel, or with their 0 at the bottom to the right of the bar. */
static void draw_side_ticks(rm_drawing *drawing, const rm_sheet_layout *layout, const rm_ticks *ticks,
                            rm_box box, bool right) {
    const double edge =
        (double)(right ? box.x + box.width + layout->line : box.x - layout->line - layout->tick);
    const double text_x = right ? edge + (double)(layout->tick + layout->gap) : edge - (double)layout->gap;
    const rm_text_style style = {
        .size = layout->tick_size, .ink = ink, .anchor = right ? RM_ANCHOR_START : RM_ANCHOR_END};
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double at = ticks->tick[tick].at, place = (right ? 1.0 - at : at) * (double)box.height;
        const double y = (double)box.y + snap(place, box.height, layout->line);
        rm_drawing_line(drawing, edge, y, (double)layout->tick, 0.0, (double)layout->line, line_ink);
        rm_drawing_text(drawing, text_x, y + RM_FONT_DIGIT / 2.0 * layout->tick_size, ticks->tick[tick].label,
                        style);
    }
}

/* Baseline of the tick labels below a box. */
static double below_baseline(const rm_sheet_layout *layout, rm_box box) {
    const int64_t top = box.y + box.height + layout->line + layout->tick + layout->gap;
    return (double)top + RM_FONT_DIGIT * layout->tick_size;
}

static void draw_bottom_ticks(rm_drawing *drawing, const rm_sheet_layout *layout, const rm_ticks *ticks,
                              rm_box box) {
    const double edge = (double)(box.y + box.height + layout->line);
    const rm_text_style style = {.size = layout->tick_size, .ink = ink, .anchor = RM_ANCHOR_MIDDLE};
    for (int32_t tick = 0; tick < ticks->count; tick++) {
        const double place = ticks->tick[tick].at * (double)box.width;
        const double x = (double)box.x + snap(place, box.width, layout->line);
        rm_drawing_line(drawing, x, edge, 0.0, (double)layout->tick, (double)layout->line, line_ink);
        rm_drawing_text(drawing, x, below_baseline(layout, box), ticks->tick[tick].label, style);
    }
}

static void draw_panel(rm_drawing *drawing, const rm_sheet_layout *layout, const rm_sheet_panel *panel) {
    if (panel->has_rows) {
        draw_side_ticks(drawing, layout, &panel->rows, panel->map, false);
    }
    if (panel->has_cols) {
        draw_bottom_ticks(drawing, layout, &panel->cols, panel->map);
    }
    rm_drawing_text(drawing, (double)panel->map.x, (double)(panel->map.y - layout->line) - layout->name_rise,
                    panel->name, (rm_text_style){.size = layout->name_size, .ink = ink});
}

static void draw_label(rm_drawing *drawing, const rm_sheet_label *label, bool upwards) {
    rm_drawing_text(
        drawing, label->x, label->y, label->text,
        (rm_text_style){.size = label->size, .ink = ink, .anchor = RM_ANCHOR_MIDDLE, .upwards = upwards});
}

/* What the colour of NaN is, below the colour bar in line with the tick labels of the last row. */
static void draw_nan_swatch(rm_drawing *drawing, const rm_sheet_layout *layout, const rm_palette *palette) {
    const double baseline = below_baseline(layout, layout->bar), x = (double)layout->bar.x;
    const double side = round(layout->nan_size), bottom = round(baseline), line = (double)layout->line;
    const uint8_t *rgb = palette->rgb[RM_LEVEL_NAN];
    rm_drawing_rectangle(drawing, x - line, bottom - side - line, side + 2.0 * line, side + 2.0 * line,
                         line_ink);
    rm_drawing_rectangle(drawing, x, bottom - side, side, side, (rm_rgb){rgb[0], rgb[1], rgb[2]});
    rm_drawing_text(drawing, x + 1.4 * layout->nan_size, baseline, "NaN",
                    (rm_text_style){.size = layout->tick_size, .ink = ink, .anchor = RM_ANCHOR_START});
}

static void draw_lines(rm_drawing *drawing, const rm_text_lines *lines, double x, double y, double step,
                       rm_text_style style) {
    for (int32_t line = 0; line < lines->count; line++) {
        rm_drawing_text(drawing, x, y + step * line, lines->line[line], style);
    }
}

static void draw_words(rm_drawing *drawing, const rm_sheet_layout *layout) {
    draw_label(drawing, &layout->row_label, true);
    draw_label(drawing, &layout->col_label, false);
    draw_label(drawing, &layout->value_label, true);
    draw_lines(drawing, &layout->title, (double)layout->area.x, layout->title_y, layout->title_step,
               (rm_text_style){.size = layout->title_size, .ink = ink});
    draw_lines(drawing, &layout->subtitle, (double)layout->area.x, layout->subtitle_y, layout->subtitle_step,
               (rm_text_style){.size = layout->subtitle_size, .ink = soft_ink});
}

void rm_sheet_draw(rm_drawing *drawing, const rm_sheet_layout *layout, const ropemap_sheet *sheet,
                   const uint8_t *levels, const rm_colour *colour, rm_bar_levels *bar) {
    drawing->width = layout->width;
    drawing->height = layout->height;
    for (int32_t index = 0; index < layout->grid.count; index++) {
        const ropemap_map *map = sheet->panels[index].map;
        const rm_sheet_panel *panel = &layout->grid.panels[index];
        draw_cells(drawing, panel->map, layout->line, levels, map->height, map->width, &colour->palette);
        draw_panel(drawing, layout, panel);
        levels += map->height * map->width;
    }
    for (int step = 0; step < RM_LEVELS; step++) {
        bar->level[step] = (uint8_t)(RM_LEVEL_MAX - step);
    }
    draw_cells(drawing, layout->bar, layout->line, bar->level, RM_LEVELS, 1, &colour->palette);
    draw_side_ticks(drawing, layout, &layout->values, layout->bar, true);
    if (layout->has_nan) {
        draw_nan_swatch(drawing, layout, &colour->palette);
    }
    draw_words(drawing, layout);
}

static ropemap_status colour_maps(const ropemap_sheet *sheet, rm_sheet_scene *scene, ropemap_error *error) {
    int64_t cells = 0;
    for (int32_t index = 0; index < sheet->count; index++) {
        cells += sheet->panels[index].map->height * sheet->panels[index].map->width;
    }
    scene->levels = rm_alloc_raw((uint64_t)cells, 1);
    if (scene->levels == NULL) {
        return rm_fail_memory(error, "sheet", (uint64_t)cells);
    }
    uint8_t *levels = scene->levels;
    for (int32_t index = 0; index < sheet->count; index++) {
        const ropemap_map *map = sheet->panels[index].map;
        rm_colour_levels(&scene->colour, map->cells, map->height * map->width, levels);
        levels += map->height * map->width;
    }
    return ROPEMAP_OK;
}

ropemap_status rm_sheet_scene_make(const ropemap_sheet *sheet, rm_sheet_scene *scene, ropemap_error *error) {
    *scene = (rm_sheet_scene){.levels = NULL};
    bool has_nan = false;
    RM_TRY(rm_sheet_check(sheet, error));
    RM_TRY(rm_sheet_colour_choose(sheet, &scene->colour, &has_nan, error));
    RM_TRY(rm_font_ready(error));
    rm_sheet_layout *layout = rm_alloc(1, sizeof *layout); /* too large for the stack of a thread */
    if (layout == NULL) {
        return rm_fail_memory(error, "sheet", sizeof *layout);
    }
    ropemap_status status = rm_sheet_layout_make(layout, sheet, &scene->colour, has_nan, error);
    if (status == ROPEMAP_OK) {
        status = colour_maps(sheet, scene, error);
    }
    if (status == ROPEMAP_OK) {
        rm_sheet_draw(&scene->drawing, layout, sheet, scene->levels, &scene->colour, &scene->bar);
    }
    rm_free(layout);
    return status;
}

void rm_sheet_scene_free(rm_sheet_scene *scene) {
    rm_drawing_free(&scene->drawing);
    rm_free(scene->levels);
    scene->levels = NULL;
}

typedef ropemap_status (*page_sink)(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                                    ropemap_error *error);

static ropemap_status make_page(const ropemap_sheet *sheet, double millimetres, page_sink sink,
                                ropemap_bytes *bytes, ropemap_error *error) {
    char title[RM_TEXT_BYTES];
    rm_text_clean(title, sheet->title != NULL ? sheet->title : "", SIZE_MAX);
    const rm_page page = {.title = title, .millimetres = millimetres, .dpi = sheet->dpi, .paper = true};
    RM_TRY(rm_page_check(&page, error));
    rm_sheet_scene scene;
    ropemap_status status = rm_sheet_scene_make(sheet, &scene, error);
    if (status == ROPEMAP_OK) {
        status = sink(&scene.drawing, &page, bytes, error);
    }
    rm_sheet_scene_free(&scene);
    return status;
}

ropemap_status ropemap_sheet_svg(const ropemap_sheet *sheet, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(sheet, millimetres, rm_sink_svg, bytes, error);
}

ropemap_status ropemap_sheet_pdf(const ropemap_sheet *sheet, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(sheet, millimetres, rm_sink_pdf, bytes, error);
}

ropemap_status ropemap_sheet_png(const ropemap_sheet *sheet, ropemap_bytes *bytes, ropemap_error *error) {
    rm_sheet_scene scene;
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = rm_sheet_scene_make(sheet, &scene, error);
    if (status == ROPEMAP_OK) {
        status = rm_drawing_pixels(&scene.drawing, &image, error);
    }
    rm_sheet_scene_free(&scene);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, sheet->dpi, bytes, error) : status;
}
