/* bench_csv.c - what `ropemap bench` measured, as comma-separated values (RFC 4180) */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_report.h"

#include <inttypes.h>
#include <stdio.h>

/* In quotes, quotes doubled. */
static void write_text(FILE *stream, const char *value) {
    (void)fputc('"', stream);
    for (; *value != '\0'; value++) {
        (void)fprintf(stream, "%s%c", *value == '"' ? "\"" : "", *value);
    }
    (void)fputs("\",", stream);
}

static void write_texts(FILE *stream, const bench_report *report, const ropemap_bench_row *row) {
    const ropemap_bench_machine *machine = &report->machine;
    const char *texts[] = {
        report->date, machine->processor, machine->simd, row->name, row->variant,
        row->phase,   row->formula,       row->ceiling,  row->unit, bench_target_words(row).text};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(stream, texts[i]);
    }
}

static void write_gpu(FILE *stream, const bench_report *report, const ropemap_bench_row *row) {
    const ropemap_bench_gpu *gpu = &report->gpu;
    const char *texts[] = {row->backend, row->dtype,          report->on_gpu ? gpu->gpu.name : "",
                           gpu->driver,  gpu->plugin.runtime, gpu->plugin.blas};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(stream, texts[i]);
    }
    (void)fprintf(stream, "%" PRId32 ",%" PRId32 ",%" PRId64 ",%.9g,%.9g,%" PRId64 ",%d,", row->heads,
                  row->key_heads, row->block, row->cold, row->cold_share, row->device_bytes,
                  row->throttled ? 1 : 0);
}

static void write_change(FILE *stream, const bench_change *change) {
    if (change == NULL || change->verdict == BENCH_NEW) {
        (void)fprintf(stream, ",,%s\r\n", change == NULL ? "" : bench_verdict_word(change->verdict));
        return;
    }
    (void)fprintf(stream, "%.9g,%.9g,%s\r\n", change->earlier, change->change,
                  bench_verdict_word(change->verdict));
}

static void write_row(FILE *stream, const bench_report *report, size_t index) {
    const ropemap_bench_row *row = &report->rows[index];
    write_texts(stream, report, row);
    (void)fprintf(stream, "%" PRId64 ",%" PRId32 ",%" PRId64 ",%" PRId64 ",%" PRId32 ",%" PRId32 ",",
                  row->positions, row->head_dim, row->width, row->height, row->threads, row->samples);
    (void)fprintf(stream,
                  "%.9g,%.9g,%.9g,%.9g,%.17g,%.17g,%.9g,%.9g,%.9g,%" PRId64 ",%.9g,%.9g,%" PRId64 ",%" PRId64
                  ",",
                  row->median, row->p5, row->p95, row->deviation, row->bytes, row->flops, row->rate,
                  row->ceiling_seconds, row->share, row->output_bytes, row->error, row->allowed, row->checked,
                  row->wrong);
    write_gpu(stream, report, row);
    write_change(stream, report->changes != NULL ? &report->changes[index] : NULL);
}

static void write_all(FILE *stream, const bench_report *report) {
    (void)fputs(
        "date,processor,simd,name,layout,phase,formula,ceiling,unit,target,positions,head_dim,"
        "width,height,threads,samples,median,p5,p95,deviation,bytes,flops,rate,ceiling_seconds,share,"
        "output_bytes,error,allowed,checked,wrong,backend,dtype,gpu,driver,runtime,gpu_blas,heads,key_heads,"
        "block,cold,cold_share,device_bytes,throttled,baseline,change,verdict\r\n",
        stream);
    for (size_t i = 0; i < report->count; i++) {
        write_row(stream, report, i);
    }
}

ropemap_status bench_csv(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    return bench_write(write_all, report, bytes, error);
}
