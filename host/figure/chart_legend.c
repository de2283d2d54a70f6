/* chart_legend.c - the names of a chart's series, beside its plot */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_legend.h"
#include "host/figure/chart_style.h"
#include "host/figure/chart_text.h"

#include <math.h>

/* In sizes of a name. */
#define STEP       1.5
#define STEP_LEAST 1.15 /* where many series have to share the height */
#define SWATCH     2.2
#define DOT        0.9 /* where there are no lines */
#define GAP        0.5 /* between line and name */
#define APART      1.2 /* between columns */

rm_chart_legend rm_chart_legend_lay(const ropemap_chart *chart, double size, double height, double room) {
    rm_chart_legend legend = {.count = chart->series_count > 1 ? chart->series_count : 0, .size = size};
    if (legend.count == 0) {
        return legend;
    }
    const double fits = fmax(floor(height / (STEP_LEAST * size)), 1.0);
    const int32_t columns = (int32_t)ceil(legend.count / fits);
    legend.rows = (legend.count + columns - 1) / columns;
    legend.step = fmin(STEP * size, height / legend.rows);
    bool lines = false;
    for (int32_t index = 0; index < legend.count; index++) {
        lines = lines || !chart->series[index].points;
    }
    legend.swatch = (lines ? SWATCH : DOT) * size;
    const double before = legend.swatch + GAP * size;
    const double each = (room - (columns - 1) * APART * size) / columns - before;
    double widest = 0.0;
    for (int32_t index = 0; index < legend.count; index++) {
        widest = fmax(widest, rm_chart_text_fit(legend.name[index], chart->series[index].label, size, each));
    }
    legend.column = before + widest + APART * size;
    legend.width = columns * legend.column - APART * size;
    return legend;
}

void rm_chart_legend_draw(rm_drawing *drawing, const rm_chart_legend *legend, const ropemap_chart *chart,
                          double x, double y, double thickness, double dot) {
    for (int32_t index = 0; index < legend->count; index++) {
        const ropemap_series *series = &chart->series[index];
        const double left = x + index / legend->rows * legend->column;
        const double middle = y + (index % legend->rows + 0.5) * legend->step;
        double points[] = {left + (series->points ? legend->swatch / 2.0 : 0.0), middle,
                           left + legend->swatch, middle};
        rm_item swatch =
            rm_chart_style(index, series->points, series->dashed, series->points ? dot : thickness);
        swatch.x = left;
        swatch.width = legend->swatch;
        swatch.y = middle - legend->step;
        swatch.height = 2.0 * legend->step;
        swatch.points = points;
        swatch.point_count = series->points ? 1 : 2;
        rm_drawing_path(drawing, &swatch);
        rm_drawing_text(drawing, left + legend->swatch + GAP * legend->size, middle + 0.36 * legend->size,
                        legend->name[index], (rm_text_style){.size = legend->size, .ink = RM_CHART_INK});
    }
}
