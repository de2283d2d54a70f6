/* plots.c - charts side by side with the same axes, as a PNG file or a page */
/* SPDX-License-Identifier: MIT */
#include "host/figure/drawing_png.h"
#include "host/figure/plots_draw.h"
#include "host/figure/sink_pdf.h"
#include "host/figure/sink_svg.h"

ropemap_status ropemap_plots_png(const ropemap_plots *plots, ropemap_bytes *bytes, ropemap_error *error) {
    rm_drawing drawing = {.items = NULL};
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = rm_plots_draw(plots, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = rm_drawing_pixels(&drawing, &image, error);
    }
    rm_drawing_free(&drawing);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, plots->page.dpi, bytes, error) : status;
}

typedef ropemap_status (*page_sink)(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                                    ropemap_error *error);

static ropemap_status make_page(const ropemap_plots *plots, double millimetres, page_sink sink,
                                ropemap_bytes *bytes, ropemap_error *error) {
    char title[RM_TEXT_BYTES];
    rm_text_clean(title, plots->page.title != NULL ? plots->page.title : "", SIZE_MAX);
    const rm_page page = {.title = title, .millimetres = millimetres, .dpi = plots->page.dpi, .paper = true};
    RM_TRY(rm_page_check(&page, error));
    rm_drawing drawing = {.items = NULL};
    ropemap_status status = rm_plots_draw(plots, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = sink(&drawing, &page, bytes, error);
    }
    rm_drawing_free(&drawing);
    return status;
}

ropemap_status ropemap_plots_svg(const ropemap_plots *plots, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(plots, millimetres, rm_sink_svg, bytes, error);
}

ropemap_status ropemap_plots_pdf(const ropemap_plots *plots, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(plots, millimetres, rm_sink_pdf, bytes, error);
}
