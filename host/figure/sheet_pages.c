/* sheet_pages.c - maps side by side with one colour scale, as a page */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sheet_scene.h"
#include "host/figure/sink_pdf.h"
#include "host/figure/sink_svg.h"

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
