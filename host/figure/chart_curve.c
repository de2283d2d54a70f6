/* chart_curve.c - a series of any length as what each column of the plot shows of it */
/* SPDX-License-Identifier: MIT */
#include "host/figure/chart_curve.h"
#include "host/base/alloc.h"

#include <math.h>

/* Before a column is finished: x is the sum of places, y of values over `unit`, top and bottom are values. */
typedef struct gathering {
    const rm_chart_layout *layout;
    rm_chart_curve *curve;
    double unit; /* the greatest size of a value: sums of what is at most 1 do not overflow */
    bool gap;    /* since the last point */
} gathering;

static double greatest_size(const ropemap_chart *chart, const ropemap_series *series) {
    double greatest = 0.0;
    for (int64_t point = 0; point < series->count; point++) {
        if (rm_chart_shows(chart, series, point)) {
            greatest = fmax(greatest, fabs(series->y[point]));
        }
    }
    return greatest > 0.0 ? greatest : 1.0;
}

static void gather(gathering *all, double x, double y) {
    const rm_box *plot = &all->layout->plot;
    const double place = fmin(fmax(rm_chart_place(&all->layout->x, x), 0.0), 1.0) * (double)plot->width;
    const int64_t pixel = place < (double)plot->width ? (int64_t)place : plot->width - 1;
    const int64_t index = pixel / all->layout->column;
    rm_chart_curve *curve = all->curve;
    rm_chart_column *last = curve->count > 0 ? &curve->columns[curve->count - 1] : NULL;
    if (last == NULL || last->index != index) {
        /* A gap narrower than a column is none: else it would show wherever it meets an edge of one. */
        const bool joined = last != NULL && (!all->gap || last->index + 1 == index);
        last = &curve->columns[curve->count++];
        *last = (rm_chart_column){.index = index, .top = y, .bottom = y, .joined = joined};
    }
    last->count++;
    last->x += place;
    last->y += y / all->unit;
    last->top = fmax(last->top, y);
    last->bottom = fmin(last->bottom, y);
    all->gap = false;
}

/*
 * Means of three columns, 1 : 2 : 1, where all three hold many points: a line through means of single columns
 * would still swing with what is as fast as two or three of them.
 */
static double smooth_mean(const rm_chart_curve *curve, int64_t at, const double *means) {
    if (at == 0 || at + 1 == curve->count) {
        return means[at];
    }
    const rm_chart_column *before = &curve->columns[at - 1], *after = &curve->columns[at + 1];
    const bool dense = before->count > 1 && curve->columns[at].count > 1 && after->count > 1 &&
                       curve->columns[at].joined && after->joined && before->index + 2 == after->index;
    return dense ? 0.25 * (means[at - 1] + means[at + 1]) + 0.5 * means[at] : means[at];
}

/* From sums and values to pixels. */
static void finish(const gathering *all, const double *means) {
    const rm_chart_layout *layout = all->layout;
    for (int64_t at = 0; at < all->curve->count; at++) {
        rm_chart_column *column = &all->curve->columns[at];
        column->x = (double)layout->plot.x + column->x / (double)column->count;
        double mean = smooth_mean(all->curve, at, means) * all->unit;
        if (layout->y.log && !(mean > 0.0)) {
            mean = column->bottom; /* sums of tiny numbers may vanish */
        }
        column->y = rm_chart_down(layout, mean);
        column->top = rm_chart_down(layout, column->top);
        column->bottom = rm_chart_down(layout, column->bottom);
    }
}

bool rm_chart_curve_make(const ropemap_chart *chart, int32_t index, const rm_chart_layout *layout,
                         rm_chart_curve *curve) {
    const ropemap_series *series = &chart->series[index];
    const uint64_t width = (uint64_t)layout->plot.width, points = (uint64_t)series->count;
    const uint64_t most = points < width ? points : width;
    *curve = (rm_chart_curve){.columns = rm_alloc_raw(most, sizeof *curve->columns)};
    double *means = rm_alloc_raw(most, sizeof *means);
    if (curve->columns == NULL || means == NULL) {
        rm_free(means);
        rm_chart_curve_free(curve);
        return false;
    }
    gathering all = {.layout = layout, .curve = curve, .unit = greatest_size(chart, series)};
    for (int64_t point = 0; point < series->count; point++) {
        if (rm_chart_shows(chart, series, point)) {
            gather(&all, series->x[point], series->y[point]);
        } else {
            all.gap = true;
        }
    }
    for (int64_t at = 0; at < curve->count; at++) {
        means[at] = curve->columns[at].y / (double)curve->columns[at].count;
    }
    finish(&all, means);
    rm_free(means);
    return true;
}

void rm_chart_curve_free(rm_chart_curve *curve) {
    rm_free(curve->columns);
    *curve = (rm_chart_curve){.columns = NULL};
}
