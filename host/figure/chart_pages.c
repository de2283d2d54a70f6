/* chart_pages.c - a chart as a page */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart.h"
#include "host/figure/sink_pdf.h"
#include "host/figure/sink_svg.h"

typedef ropemap_status (*page_sink)(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                                    ropemap_error *error);

static ropemap_status make_page(const ropemap_chart *chart, double millimetres, page_sink sink,
                                ropemap_bytes *bytes, ropemap_error *error) {
    char title[RM_TEXT_BYTES];
    rm_text_clean(title, chart->title != NULL ? chart->title : "", RM_TEXT_BYTES);
    const rm_page page = {.title = title, .millimetres = millimetres, .dpi = chart->dpi, .paper = true};
    RM_TRY(rm_page_check(&page, error));
    rm_drawing drawing = {.items = NULL};
    ropemap_status status = rm_chart_draw(chart, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = sink(&drawing, &page, bytes, error);
    }
    rm_drawing_free(&drawing);
    return status;
}

ropemap_status ropemap_chart_svg(const ropemap_chart *chart, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(chart, millimetres, rm_sink_svg, bytes, error);
}

ropemap_status ropemap_chart_pdf(const ropemap_chart *chart, double millimetres, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    return make_page(chart, millimetres, rm_sink_pdf, bytes, error);
}
