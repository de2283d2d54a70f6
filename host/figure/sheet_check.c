/* sheet_check.c - whether a sheet can be shown at all */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet_check.h"
#include "host/base/label.h"
#include "host/figure/check.h"
#include "host/figure/page.h"

#include <inttypes.h>

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
