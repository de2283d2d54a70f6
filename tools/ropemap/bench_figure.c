/* bench_figure.c - the rows of `ropemap bench` below the ceilings that were measured with them */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_report.h"

#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CEILINGS_MAX = 6 };

/* Names that a figure borrows while it is drawn. */
typedef struct figure {
    ropemap_roofline_point *points; /* [report->count] */
    bench_words *labels;            /* likewise */
    int32_t count;
    ropemap_roofline_ceiling ceilings[CEILINGS_MAX];
    bench_words names[CEILINGS_MAX];
    int32_t ceiling_count;
} figure;

static void add_ceiling(figure *made, const char *name, bool of_flops, double rate) {
    if (rate > 0.0 && made->ceiling_count < CEILINGS_MAX) {
        bench_words *words = &made->names[made->ceiling_count];
        (void)snprintf(words->text, sizeof words->text, "%s", name);
        made->ceilings[made->ceiling_count++] =
            (ropemap_roofline_ceiling){.label = words->text, .of_flops = of_flops, .rate = rate};
    }
}

static void add_gpu_ceilings(figure *made, const ropemap_bench_gpu *gpu) {
    add_ceiling(made, "device copy", false, 1e9 * gpu->copy_rate);
    for (int dtype = 0; dtype < 4; dtype++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s product", ropemap_dtype_name((ropemap_dtype)dtype));
        add_ceiling(made, name, true, 1e9 * gpu->product_rates[dtype]);
    }
}

/* The fastest that any row's ceiling ran: memcpy beside rotate, sgemm beside similarity. */
static void add_cpu_ceilings(figure *made, const bench_report *report) {
    double copy = 0.0, product = 0.0;
    for (size_t i = 0; i < report->count; i++) {
        const ropemap_bench_row *row = &report->rows[i];
        if (row->samples == 0 || !(row->ceiling_seconds > 0.0)) {
            continue;
        }
        const double bytes = row->bytes / row->ceiling_seconds, flops = row->flops / row->ceiling_seconds;
        copy = strcmp(row->name, "rotate") == 0 && bytes > copy ? bytes : copy;
        product = row->bench == ROPEMAP_BENCH_SIMILARITY && flops > product ? flops : product;
    }
    add_ceiling(made, "memcpy", false, copy);
    add_ceiling(made, "sgemm", true, product);
}

static void add_points(figure *made, const bench_report *report) {
    for (size_t i = 0; i < report->count; i++) {
        const ropemap_bench_row *row = &report->rows[i];
        if (row->samples > 0 && row->bytes > 0.0 && row->flops > 0.0) {
            bench_words *label = &made->labels[made->count];
            const bench_words shape = bench_shape_words(row);
            char threads[32] = "";
            if (!report->on_gpu) {
                (void)snprintf(threads, sizeof threads, ", %" PRId32 " thread%s", row->threads,
                               row->threads == 1 ? "" : "s");
            }
            (void)snprintf(label->text, sizeof label->text, "%.30s %.90s%s", row->name, shape.text, threads);
            made->points[made->count++] = (ropemap_roofline_point){
                .label = label->text, .bytes = row->bytes, .flops = row->flops, .seconds = row->median};
        }
    }
}

static ropemap_status draw(const bench_report *report, const figure *made, ropemap_bytes *bytes,
                           ropemap_error *error) {
    char subtitle[160];
    (void)snprintf(subtitle, sizeof subtitle, "%.90s, ropemap %.16s, %.30s",
                   report->on_gpu ? report->gpu.gpu.name : report->machine.processor, ropemap_version(),
                   report->date);
    const ropemap_roofline roofline = {
        .title = "Stages and maps below what the machine does at most, measured in one process",
        .subtitle = subtitle,
        .points = made->points,
        .point_count = made->count,
        .ceilings = made->ceilings,
        .ceiling_count = made->ceiling_count};
    return ropemap_roofline_png(&roofline, bytes, error);
}

ropemap_status bench_roofline(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    figure made = {.points = calloc(report->count + 1, sizeof *made.points),
                   .labels = calloc(report->count + 1, sizeof *made.labels)};
    ropemap_status status = ROPEMAP_OK;
    if (made.points == NULL || made.labels == NULL) {
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
                                       "--roofline: no row has both bytes and FLOPs, expected rotate, "
                                       "similarity, map or tile");
    }
    free(made.points);
    free(made.labels);
    return status;
}
