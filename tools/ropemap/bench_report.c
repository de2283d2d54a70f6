/* bench_report.c - what `ropemap bench` measured, as markdown, CSV or JSON */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_report.h"

#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A short text, by value. */
typedef struct words {
    char text[96];
} words;

static ropemap_status no_memory(ropemap_error *error) {
    return fail(error, ROPEMAP_RESOURCES, "bench: no memory for the report");
}

/* ---- words that markdown and CSV share ----------------------------------------------------------------- */

/* "131072 x 128 half", "16384 x 128 → 1024 x 1024", "4096 x 4096" */
static words shape_of(const ropemap_bench_row *row) {
    words shape = {.text = ""};
    char *at = shape.text;
    const size_t size = sizeof shape.text;
    int used = 0;
    if (row->positions != 0) {
        used += snprintf(at, size, "%" PRId64, row->positions);
    }
    if (row->head_dim != 0) {
        used += snprintf(at + used, size - (size_t)used, " x %" PRId32, row->head_dim);
    }
    if (row->variant[0] != '\0') {
        used += snprintf(at + used, size - (size_t)used, " %s", row->variant);
    }
    if (row->width != 0) {
        (void)snprintf(at + used, size - (size_t)used, "%s%" PRId64 " x %" PRId64, used > 0 ? " to " : "",
                       row->width, row->height);
    }
    return shape;
}

/* "at least 0.50 of the ceiling: met" */
static words target_of(const ropemap_bench_row *row) {
    words target = {.text = ""};
    if (row->against == ROPEMAP_BENCH_TARGET_NONE || row->samples == 0) {
        return target;
    }
    if (row->against == ROPEMAP_BENCH_TARGET_SHARE) {
        (void)snprintf(target.text, sizeof target.text, ">= %.3g %% of ceiling: %s", 100 * row->target,
                       row->met ? "met" : "MISSED");
    } else {
        (void)snprintf(target.text, sizeof target.text, "<= %.3g s: %s", row->target,
                       row->met ? "met" : "MISSED");
    }
    return target;
}

/* Seconds with a unit that leaves three or more digits. */
static words duration(double seconds) {
    words shown;
    const bool micro = seconds < 1e-3, milli = seconds < 1.0;
    (void)snprintf(shown.text, sizeof shown.text, "%.4g %s",
                   seconds * (micro   ? 1e6
                              : milli ? 1e3
                                      : 1.0),
                   micro   ? "us"
                   : milli ? "ms"
                           : "s");
    return shown;
}

/* "12.3 MB" with powers of ten; empty for 0. */
static words amount(double value, const char *unit) {
    static const char prefixes[] = " kMGT";
    words shown = {.text = ""};
    size_t prefix = 0;
    for (; value >= 1000.0 && prefix + 2 < sizeof prefixes; prefix++) {
        value /= 1000.0;
    }
    if (value > 0.0) {
        (void)snprintf(shown.text, sizeof shown.text, "%.4g %.*s%s", value, prefix > 0 ? 1 : 0,
                       prefixes + prefix, unit);
    }
    return shown;
}

/* ---- markdown ------------------------------------------------------------------------------------------ */

static void markdown_machine(FILE *stream, const bench_report *report) {
    const ropemap_bench_machine *machine = &report->machine;
    (void)fprintf(stream, "ropemap %s, %s: %" PRId32 " x %s, SIMD %s, BLAS for %s (%s)\n\n",
                  ropemap_version(), report->date, machine->processors, machine->processor, machine->simd,
                  machine->blas_core, machine->blas);
}

static void markdown_row(FILE *stream, const ropemap_bench_row *row) {
    (void)fprintf(stream, "| %s | %s | %" PRId32 " | %" PRId32, row->name, shape_of(row).text, row->threads,
                  row->samples);
    if (row->samples == 0) {
        (void)fprintf(stream, " | | | | | | | | | | %.2g | %" PRId64 " of %" PRId64 " | |\n", row->error,
                      row->wrong, row->checked);
        return;
    }
    (void)fprintf(stream, " | %s | %s | %s | %.2f %%%s | %s | %s | %.4g %s | %.1f %%",
                  duration(row->median).text, duration(row->p5).text, duration(row->p95).text,
                  100 * row->deviation, row->noisy ? " noisy" : "", amount(row->bytes, "B").text,
                  amount(row->flops, "FLOP").text, row->rate, row->unit, 100 * row->share);
    (void)fprintf(stream, " | %s | %.2g | %" PRId64 " of %" PRId64 " | %s |\n",
                  amount((double)row->output_bytes, "B").text, row->error, row->wrong, row->checked,
                  target_of(row).text);
}

/* Each benchmark's formula and ceiling, once. */
static void markdown_notes(FILE *stream, const bench_report *report) {
    (void)fprintf(
        stream,
        "\nn positions, d elements of a head, W x H cells, tiles of b x b; of ceiling: median of the "
        "ceiling's time / the\nsample's, run in turn on as many threads; deviation: standard deviation "
        "/ mean, noisy above 0.5 %%; error: largest\ndifference from a double-precision computation in "
        "the timed buffer; wrong: elements beyond what rounding explains.\n");
    for (size_t i = 0; i < report->count; i++) {
        const ropemap_bench_row *row = &report->rows[i];
        if (i == 0 || strcmp(row->name, report->rows[i - 1].name) != 0) {
            (void)fprintf(stream, "- %s: %s; ceiling: %s\n", row->name, row->formula, row->ceiling);
        }
    }
}

static void write_markdown(FILE *stream, const bench_report *report) {
    markdown_machine(stream, report);
    (void)fprintf(
        stream,
        "| benchmark | shape | threads | samples | median | p5 | p95 | deviation | bytes | FLOP | rate | "
        "of ceiling | file | error | wrong | target |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < report->count; i++) {
        markdown_row(stream, &report->rows[i]);
    }
    markdown_notes(stream, report);
}

/* ---- CSV ----------------------------------------------------------------------------------------------- */

/* RFC 4180: in quotes, quotes doubled. */
static void csv_text(FILE *stream, const char *value) {
    (void)fputc('"', stream);
    for (; *value != '\0'; value++) {
        (void)fprintf(stream, "%s%c", *value == '"' ? "\"" : "", *value);
    }
    (void)fputs("\",", stream);
}

static void csv_row(FILE *stream, const bench_report *report, const ropemap_bench_row *row) {
    const ropemap_bench_machine *machine = &report->machine;
    const char *texts[] = {report->date,  machine->processor, machine->simd,      machine->blas_core,
                           machine->blas, row->name,          row->variant,       row->formula,
                           row->ceiling,  row->unit,          target_of(row).text};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        csv_text(stream, texts[i]);
    }
    (void)fprintf(stream, "%" PRId64 ",%" PRId32 ",%" PRId64 ",%" PRId64 ",%" PRId32 ",%" PRId32 ",",
                  row->positions, row->head_dim, row->width, row->height, row->threads, row->samples);
    (void)fprintf(stream,
                  "%.9g,%.9g,%.9g,%.9g,%.17g,%.17g,%.9g,%.9g,%.9g,%" PRId64 ",%.9g,%.9g,%" PRId64 ",%" PRId64
                  "\r\n",
                  row->median, row->p5, row->p95, row->deviation, row->bytes, row->flops, row->rate,
                  row->ceiling_seconds, row->share, row->output_bytes, row->error, row->allowed, row->checked,
                  row->wrong);
}

static void write_csv(FILE *stream, const bench_report *report) {
    (void)fputs(
        "date,processor,simd,blas_core,blas,name,layout,formula,ceiling,unit,target,positions,head_dim,"
        "width,height,threads,samples,median,p5,p95,deviation,bytes,flops,rate,ceiling_seconds,share,"
        "output_bytes,error,allowed,checked,wrong\r\n",
        stream);
    for (size_t i = 0; i < report->count; i++) {
        csv_row(stream, report, &report->rows[i]);
    }
}

static ropemap_status write_all(void (*write)(FILE *, const bench_report *), const bench_report *report,
                                ropemap_bytes *bytes, ropemap_error *error) {
    char *data = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&data, &size);
    if (stream == NULL) {
        return no_memory(error);
    }
    write(stream, report);
    const bool failed = ferror(stream) != 0;
    if (fclose(stream) != 0 || failed) {
        free(data);
        return no_memory(error);
    }
    *bytes = (ropemap_bytes){.data = (uint8_t *)data, .size = size};
    return ROPEMAP_OK;
}

ropemap_status bench_markdown(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    return write_all(write_markdown, report, bytes, error);
}

ropemap_status bench_csv(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    return write_all(write_csv, report, bytes, error);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *target_object(const ropemap_bench_row *row) {
    if (row->against == ROPEMAP_BENCH_TARGET_NONE || row->samples == 0) {
        return json_null();
    }
    const bool share = row->against == ROPEMAP_BENCH_TARGET_SHARE;
    return json_pack("{s:s, s:f, s:f, s:b}", "of", share ? "share" : "seconds", "value", row->target,
                     "reached", share ? row->share : row->median, "met", row->met ? 1 : 0);
}

static json_t *times_object(const ropemap_bench_row *row) {
    return json_pack("{s:i, s:f, s:f, s:f, s:f, s:b}", "samples", (int)row->samples, "median", row->median,
                     "p5", row->p5, "p95", row->p95, "deviation", row->deviation, "noisy",
                     row->noisy ? 1 : 0);
}

static json_t *row_object(const ropemap_bench_row *row) {
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:I, s:i, s:I, s:I, s:i, s:o, s:f, s:f, s:s, s:f, s:s, s:s, s:f, s:f, s:I}", "bench",
        ropemap_bench_name(row->bench), "name", row->name, "layout", row->variant, "positions",
        (json_int_t)row->positions, "head_dim", (int)row->head_dim, "width", (json_int_t)row->width, "height",
        (json_int_t)row->height, "threads", (int)row->threads, "seconds", times_object(row), "bytes",
        row->bytes, "flops", row->flops, "formula", row->formula, "rate", row->rate, "unit", row->unit,
        "ceiling", row->ceiling, "ceiling_seconds", row->ceiling_seconds, "share", row->share, "output_bytes",
        (json_int_t)row->output_bytes);
    json_t *check = json_pack("{s:o, s:o, s:I, s:I, s:o}", "error", document_real(row->error), "allowed",
                              document_real(row->allowed), "checked", (json_int_t)row->checked, "wrong",
                              (json_int_t)row->wrong, "target", target_object(row));
    if (object != NULL && json_object_update(object, check) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(check);
    return object;
}

static json_t *rows_array(const bench_report *report) {
    json_t *rows = json_array();
    for (size_t i = 0; i < report->count; i++) {
        if (json_array_append_new(rows, row_object(&report->rows[i])) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

ropemap_status bench_json(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_bench_machine *machine = &report->machine;
    json_t *document = json_pack(
        "{s:s, s:s, s:s, s:{s:o, s:i, s:s, s:o, s:o}, s:o}", "schema", "ropemap.bench/1", "version",
        ropemap_version(), "date", report->date, "machine", "processor", document_text(machine->processor),
        "processors", (int)machine->processors, "simd", machine->simd, "blas_core",
        document_text(machine->blas_core), "blas", document_text(machine->blas), "rows", rows_array(report));
    char *text = document != NULL ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(document);
    if (text == NULL) {
        return no_memory(error);
    }
    size_t length = strlen(text);
    text[length++] = '\n'; /* in place of the end: the bytes are counted */
    *bytes = (ropemap_bytes){.data = (uint8_t *)text, .size = length};
    return ROPEMAP_OK;
}
