/* roofline.c - the rows of `ropemap bench` below the ceilings that were measured with them: a roofline */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_figure.h"
#include "tools/bench/report.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CEILINGS_MAX = 6 };

/* Factors that the axes reach beyond what is drawn, as their names need room. */
#define ROOM 2.5

#define ROOM_RIGHT 6.0

/* Pixels of the plot and of a column of names, and rows of a column. */
enum { PLOT_WIDTH = 1240, COLUMN_WIDTH = 560, COLUMN_ROWS = 40, TEXT_SIZE = 18 };

/* A limit of the machine: a slope of bytes a second, or a level of FLOPs a second. */
typedef struct ceiling {
    char name[32];
    bool of_flops;
    double rate; /* units a second */
} ceiling;

/* What a chart borrows while it is drawn: work over bytes across, 1e9 operations a second upwards. */
typedef struct roofline {
    double *x, *y;      /* [count] */
    bench_words *words; /* [count] */
    const char **names; /* [count] */
    const bench_row **rows;
    int32_t count;
    ceiling ceilings[CEILINGS_MAX];
    int32_t ceiling_count;
    double low_x, high_x, low_y, high_y; /* at the edges */
    double line_x[CEILINGS_MAX][2], line_y[CEILINGS_MAX][2];
    char labels[CEILINGS_MAX][80];
    ropemap_series series[BENCH_KINDS + CEILINGS_MAX];
    int32_t series_count;
} roofline;

/* ---- ceilings */

static void add_ceiling(roofline *made, const char *name, bool of_flops, double rate) {
    if (rate > 0.0 && made->ceiling_count < CEILINGS_MAX) {
        ceiling *to = &made->ceilings[made->ceiling_count++];
        (void)snprintf(to->name, sizeof to->name, "%s", name);
        to->of_flops = of_flops;
        to->rate = rate;
    }
}

static void add_gpu_ceilings(roofline *made, const bench_gpu *gpu) {
    add_ceiling(made, "device copy", false, 1e9 * gpu->copy_rate);
    for (int dtype = 0; dtype < 4; dtype++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s product", ropemap_dtype_name((ropemap_dtype)dtype));
        add_ceiling(made, name, true, 1e9 * gpu->product_rates[dtype]);
    }
}

/* The fastest that any row's ceiling ran: memcpy of rotate, multiply-adds of similarity. */
static void add_cpu_ceilings(roofline *made, const bench_report *report) {
    double copy = 0.0, product = 0.0;
    for (size_t i = 0; i < report->count; i++) {
        const bench_row *row = &report->rows[i];
        if (row->samples == 0 || !(row->ceiling_seconds > 0.0)) {
            continue;
        }
        const double bytes = row->bytes / row->ceiling_seconds, flops = row->flops / row->ceiling_seconds;
        copy = strcmp(row->name, "rotate") == 0 && bytes > copy ? bytes : copy;
        product = row->kind == BENCH_SIMILARITY && flops > product ? flops : product;
    }
    add_ceiling(made, "memcpy", false, copy);
    add_ceiling(made, "multiply-adds", true, product);
}

/* The steepest slope, and the highest level; 0 where there is none. */
static double greatest(const roofline *made, bool of_flops) {
    double most = 0.0;
    for (int32_t i = 0; i < made->ceiling_count; i++) {
        most = made->ceilings[i].of_flops == of_flops ? fmax(most, made->ceilings[i].rate) : most;
    }
    return most;
}

/* A level begins at the steepest slope, and a slope ends at the highest level. */
static void draw_ceiling(roofline *made, int32_t index) {
    const ceiling one = made->ceilings[index];
    const double slope = greatest(made, false), level = greatest(made, true), rate = one.rate;
    double *x = made->line_x[index], *y = made->line_y[index];
    x[0] = one.of_flops && slope > 0.0 ? fmax(rate / slope, made->low_x) : made->low_x;
    x[1] = !one.of_flops && level > 0.0 ? fmin(level / rate, made->high_x) : made->high_x;
    for (int end = 0; end < 2; end++) {
        y[end] = 1e-9 * (one.of_flops ? rate : rate * x[end]);
    }
    const bench_words amount = bench_amount(rate, one.of_flops ? "FLOP/s" : "B/s");
    (void)snprintf(made->labels[index], sizeof made->labels[index], "%s: %.40s", one.name, amount.text);
    if (x[0] < x[1]) {
        made->series[made->series_count++] =
            (ropemap_series){.label = made->labels[index], .x = x, .y = y, .count = 2, .reference = true};
    }
}

/* ---- points */

static bool is_shown(const bench_row *row) {
    return row->samples > 0 && row->bytes > 0.0 && row->flops > 0.0;
}

static int by_intensity(const void *a, const void *b) {
    const bench_row *first = *(const bench_row *const *)a, *second = *(const bench_row *const *)b;
    const double x = first->flops / first->bytes, y = second->flops / second->bytes;
    return first->kind != second->kind ? (first->kind > second->kind) - (first->kind < second->kind)
           : x != y                    ? (x > y) - (x < y)
                                       : (first > second) - (first < second);
}

/* A series for each kind of benchmark, of points from the least intensity on: its x never falls. */
static void add_points(roofline *made, const bench_report *report) {
    for (size_t i = 0; i < report->count; i++) {
        if (is_shown(&report->rows[i])) {
            made->rows[made->count++] = &report->rows[i];
        }
    }
    qsort(made->rows, (size_t)made->count, sizeof *made->rows, by_intensity);
    for (int32_t i = 0; i < made->count; i++) {
        const bench_row *row = made->rows[i];
        char threads[32] = "";
        if (!report->on_gpu) {
            (void)snprintf(threads, sizeof threads, ", %" PRId32 " thread%s", row->threads,
                           row->threads == 1 ? "" : "s");
        }
        (void)snprintf(made->words[i].text, sizeof made->words[i].text, "%.30s %.90s%s", row->name,
                       bench_shape_words(row).text, threads);
        made->names[i] = made->words[i].text;
        made->x[i] = row->flops / row->bytes;
        made->y[i] = 1e-9 * row->flops / row->median;
        if (i == 0 || row->kind != made->rows[i - 1]->kind) {
            made->series[made->series_count++] = (ropemap_series){.label = bench_kind_name(row->kind),
                                                                  .x = made->x + i,
                                                                  .y = made->y + i,
                                                                  .points = true,
                                                                  .names = made->names + i};
        }
        made->series[made->series_count - 1].count++;
    }
}

/* Holds every point, every level and where the two ceilings meet. */
static void choose_edges(roofline *made) {
    const double slope = greatest(made, false), level = greatest(made, true);
    double low_x = INFINITY, high_x = 0.0, low_y = INFINITY, high_y = 0.0;
    for (int32_t i = 0; i < made->count; i++) {
        low_x = fmin(low_x, made->x[i]);
        high_x = fmax(high_x, made->x[i]);
        low_y = fmin(low_y, made->y[i]);
        high_y = fmax(high_y, made->y[i]);
    }
    if (slope > 0.0 && level > 0.0) {
        low_x = fmin(low_x, level / slope);
        high_x = fmax(high_x, level / slope);
    }
    made->low_x = low_x / ROOM;
    made->high_x = high_x * ROOM_RIGHT;
    made->low_y = low_y / ROOM;
    made->high_y = fmax(high_y, 1e-9 * level) * ROOM;
}

static ropemap_status draw(const bench_report *report, roofline *made, ropemap_bytes *bytes,
                           ropemap_error *error) {
    char subtitle[160];
    (void)snprintf(subtitle, sizeof subtitle, "%.90s, ropemap %.16s, %.30s",
                   report->on_gpu ? report->gpu.gpu.name : report->machine.processor, ropemap_version(),
                   report->date);
    choose_edges(made);
    for (int32_t i = 0; i < made->ceiling_count; i++) {
        draw_ceiling(made, i);
    }
    const int32_t columns = 1 + (made->count - 1) / COLUMN_ROWS;
    const ropemap_chart chart = {.title = "Measured rates under the limits of this machine",
                                 .subtitle = subtitle,
                                 .x_label = "FLOP / byte",
                                 .y_label = "GFLOP / s",
                                 .plot = {.series = made->series, .series_count = made->series_count},
                                 .log_x = true,
                                 .log_y = true,
                                 .has_y_limits = true,
                                 .y_low = made->low_y,
                                 .y_high = made->high_y,
                                 .width = PLOT_WIDTH + columns * COLUMN_WIDTH,
                                 .font_size = TEXT_SIZE};
    return ropemap_chart_encode(&chart, ROPEMAP_PNG, NULL, bytes, error);
}

ropemap_status bench_roofline(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    const size_t most = report->count + 1;
    roofline made = {.x = calloc(most, sizeof *made.x),
                     .y = calloc(most, sizeof *made.y),
                     .words = calloc(most, sizeof *made.words),
                     .names = calloc(most, sizeof *made.names),
                     .rows = calloc(most, sizeof *made.rows)};
    ropemap_status status = ROPEMAP_OK;
    if (made.x == NULL || made.y == NULL || made.words == NULL || made.names == NULL || made.rows == NULL) {
        status = fail(error, ROPEMAP_RESOURCES, "bench: no memory for the roofline");
    } else {
        add_points(&made, report);
        if (report->on_gpu) {
            add_gpu_ceilings(&made, &report->gpu);
        } else {
            add_cpu_ceilings(&made, report);
        }
        status = made.count > 0 ? draw(report, &made, bytes, error)
                                : fail(error, ROPEMAP_USAGE,
                                       "--roofline: no row has both bytes and FLOPs; rotate, similarity, "
                                       "map and tile do");
    }
    free(made.x);
    free(made.y);
    free(made.words);
    free(made.names);
    free(made.rows);
    return status;
}
