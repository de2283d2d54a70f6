/* chart.c - lines over a common x, as a PNG file */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart.h"
#include "host/figure/chart_axes.h"
#include "host/figure/chart_lines.h"
#include "host/figure/chart_marks.h"
#include "host/figure/drawing_png.h"
#include "host/figure/font.h"

/* From back to front: axes, bands, marks, series, their labels. */
static void draw_all(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout,
                     const rm_chart_curve *curves) {
    rm_chart_axes_draw(drawing, layout);
    for (int32_t index = 0; index < chart->series_count; index++) {
        rm_chart_band_draw(drawing, chart, index, layout, &curves[index]);
    }
    rm_chart_marks_draw(drawing, chart, layout);
    for (int32_t index = 0; index < chart->series_count; index++) {
        rm_chart_series_draw(drawing, chart, index, layout, &curves[index]);
    }
    rm_chart_mark_labels_draw(drawing, chart, layout, curves);
}

void rm_chart_plot_draw(rm_drawing *drawing, const ropemap_chart *chart, const rm_chart_layout *layout) {
    rm_chart_curve curves[RM_CHART_SERIES_MAX];
    int32_t made = 0;
    while (made < chart->series_count && rm_chart_curve_make(chart, made, layout, &curves[made])) {
        made++;
    }
    if (made == chart->series_count) {
        draw_all(drawing, chart, layout, curves);
    } else {
        drawing->incomplete = true;
    }
    while (made > 0) {
        rm_chart_curve_free(&curves[--made]);
    }
}

ropemap_status rm_chart_draw(const ropemap_chart *chart, rm_drawing *drawing, ropemap_error *error) {
    RM_TRY(rm_chart_check(chart, error));
    RM_TRY(rm_font_ready(error));
    const rm_chart_layout layout = rm_chart_layout_make(chart, NULL);
    RM_TRY(rm_chart_layout_check(&layout, NULL, error));
    drawing->width = layout.width;
    drawing->height = layout.height;
    rm_chart_plot_draw(drawing, chart, &layout);
    rm_chart_words_draw(drawing, &layout);
    rm_chart_legend_draw(drawing, &layout.legend, chart, layout.legend_x, (double)layout.area.y,
                         layout.thickness, layout.dot);
    return ROPEMAP_OK;
}

ropemap_status ropemap_chart_png(const ropemap_chart *chart, ropemap_bytes *bytes, ropemap_error *error) {
    rm_drawing drawing = {.items = NULL};
    ropemap_image image = {.rgb = NULL};
    ropemap_status status = rm_chart_draw(chart, &drawing, error);
    if (status == ROPEMAP_OK) {
        status = rm_drawing_pixels(&drawing, &image, error);
    }
    rm_drawing_free(&drawing);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, chart->dpi, bytes, error) : status;
}
