/* sheet_scene.c - a sheet as a list of what is drawn */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet_scene.h"
#include "host/base/alloc.h"
#include "host/figure/font.h"
#include "host/figure/sheet_draw.h"

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
