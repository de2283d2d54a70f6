/* baseline.c - rows against those of an earlier run, and against their own bounds */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/report.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Rows are the same where all that was run is. A verdict needs a few samples on both sides and spreads that
 * do not meet: nine samples in ten of one version then lie beyond nine in ten of the other's.
 */

enum { SAMPLES_LEAST = 5, BYTES_MAX = 64 * 1048576 };

static const char SCHEMA[] = "ropemap.bench/1", RECORD[] = "ropemap.gpu-check/1";

/* ---- reading */

static ropemap_status check_file(const char *path, ropemap_error *error) {
    struct stat about;
    if (stat(path, &about) != 0) {
        return fail(error, ROPEMAP_IO, "%s: cannot be read; a document of ropemap bench --json is needed",
                    path);
    }
    if (!S_ISREG(about.st_mode) || about.st_size > BYTES_MAX) {
        return fail(error, ROPEMAP_DATA, "%s: no regular file of at most %d MiB", path, BYTES_MAX / 1048576);
    }
    return ROPEMAP_OK;
}

/* The rows that follow a first line without any; the last may have been cut by what ended the run. */
static ropemap_status read_lines(const char *path, FILE *stream, json_t *rows, ropemap_error *error) {
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK;
    for (;;) {
        json_error_t reason;
        json_t *row = json_loadf(stream, flags, &reason);
        if (row == NULL) {
            return json_error_code(&reason) == json_error_premature_end_of_input
                       ? ROPEMAP_OK
                       : fail(error, ROPEMAP_DATA, "%s: row %zu: no JSON (%.100s)", path,
                              json_array_size(rows), reason.text);
        }
        if (json_array_append_new(rows, row) != 0) {
            return fail(error, ROPEMAP_RESOURCES, "bench: no memory for %s", path);
        }
    }
}

/* Nothing but white space to the end. */
static bool is_at_end(FILE *stream) {
    int byte = fgetc(stream);
    while (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t') {
        byte = fgetc(stream);
    }
    return byte == EOF;
}

/* The array of rows, which baseline->values own. */
static ropemap_status find_rows(const char *path, FILE *stream, bench_baseline *baseline, json_t **rows,
                                ropemap_error *error) {
    json_error_t reason;
    json_t *document = json_loadf(stream, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &reason);
    if (document == NULL) {
        return fail(error, ROPEMAP_DATA, "%s: line %d: no JSON (%.100s)", path, reason.line, reason.text);
    }
    baseline->values[0] = document;
    const char *schema = json_string_value(json_object_get(document, "schema"));
    if (schema != NULL && strcmp(schema, RECORD) == 0) {
        document = json_object_get(document, "bench");
        schema = json_string_value(json_object_get(document, "schema"));
    }
    *rows = json_object_get(document, "rows");
    const bool known = schema != NULL && strcmp(schema, SCHEMA) == 0;
    if (known && *rows == NULL && document == baseline->values[0]) {
        *rows = baseline->values[1] = json_array();
        ropemap_status status = read_lines(path, stream, *rows, error);
        if (status != ROPEMAP_OK || json_array_size(*rows) > 0) {
            return status;
        }
        *rows = NULL;
    }
    if (!known || !json_is_array(*rows) || !is_at_end(stream)) {
        return fail(error, ROPEMAP_DATA, "%s: schema '%.40s'; it must be %s, with rows", path,
                    schema != NULL ? schema : "", SCHEMA);
    }
    return ROPEMAP_OK;
}

static ropemap_status read_rows(const char *path, const json_t *rows, bench_baseline *baseline,
                                ropemap_error *error) {
    const size_t count = json_array_size(rows);
    baseline->rows = calloc(count + 1, sizeof *baseline->rows);
    if (baseline->rows == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "bench: no memory for %s", path);
    }
    for (; baseline->count < count; baseline->count++) {
        if (!bench_row_read(json_array_get(rows, baseline->count), &baseline->rows[baseline->count])) {
            return fail(error, ROPEMAP_DATA, "%s: row %zu is incomplete: not written by ropemap bench --json",
                        path, baseline->count);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status bench_baseline_open(const char *path, bench_baseline *baseline, ropemap_error *error) {
    *baseline = (bench_baseline){.rows = NULL};
    ropemap_status status = check_file(path, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return fail(error, ROPEMAP_IO, "%s: cannot be read", path);
    }
    json_t *rows = NULL;
    status = find_rows(path, stream, baseline, &rows, error);
    (void)fclose(stream);
    return status == ROPEMAP_OK ? read_rows(path, rows, baseline, error) : status;
}

void bench_baseline_free(bench_baseline *baseline) {
    json_decref(baseline->values[0]);
    json_decref(baseline->values[1]);
    free(baseline->rows);
    *baseline = (bench_baseline){.rows = NULL};
}

/* ---- comparing */

static bench_change compare(const bench_row *before, const bench_row *row) {
    bench_change change = {.verdict = BENCH_SAME, .earlier = before->median};
    if (row->samples == 0 || !(before->median > 0.0)) {
        return (bench_change){.verdict = BENCH_NEW};
    }
    change.change = row->median / before->median - 1.0;
    if (row->samples < SAMPLES_LEAST || before->samples < SAMPLES_LEAST) {
        change.verdict = BENCH_UNSURE;
    } else if (row->p5 > before->p95) {
        change.verdict = BENCH_SLOWER;
    } else if (row->p95 < before->p5) {
        change.verdict = BENCH_FASTER;
    }
    return change;
}

ropemap_status bench_baseline_compare(const bench_baseline *baseline, bench_report *report,
                                      ropemap_error *error) {
    report->changes = calloc(report->count + 1, sizeof *report->changes);
    if (report->changes == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "bench: no memory for a comparison");
    }
    for (size_t i = 0; i < report->count; i++) {
        for (size_t j = 0; j < baseline->count; j++) {
            if (bench_row_same(&baseline->rows[j], &report->rows[i])) {
                report->changes[i] = compare(&baseline->rows[j], &report->rows[i]);
            }
        }
    }
    return ROPEMAP_OK;
}

ropemap_status bench_baseline_judge(const bench_report *report, double fail_above, ropemap_error *error) {
    size_t slower = 0, worst = 0;
    for (size_t i = 0; i < report->count; i++) {
        const bench_change *change = &report->changes[i];
        if (change->verdict == BENCH_SLOWER && change->change > fail_above) {
            worst = slower == 0 || change->change > report->changes[worst].change ? i : worst;
            slower++;
        }
    }
    if (slower == 0) {
        return ROPEMAP_OK;
    }
    return fail(
        error, ROPEMAP_CHECK,
        "--fail-above: %zu of %zu rows are slower by more than %g %%, the worst %s (%.80s) by %.1f %%",
        slower, report->count, 100 * fail_above, report->rows[worst].name,
        bench_shape_words(&report->rows[worst]).text, 100 * report->changes[worst].change);
}

/* A row whose ceiling is a bound: "rotate / libm" is compared with something slower. */
static bool has_bound(const bench_row *row) {
    return row->samples > 0 && row->share > 0.0 && strstr(row->name, " / ") == NULL;
}

static int by_headroom(const void *a, const void *b) {
    const bench_row *first = a, *second = b;
    const int bounds = (int)has_bound(second) - (int)has_bound(first);
    return bounds != 0 ? bounds : (first->share > second->share) - (first->share < second->share);
}

void bench_rank(bench_report *report) {
    qsort(report->rows, report->count, sizeof *report->rows, by_headroom);
}

void bench_rank_markdown(FILE *stream, const bench_report *report) {
    const char *slash = strrchr(report->ranked, '/'); /* of a file its name alone */
    (void)fprintf(stream,
                  "Rows of %.200s as shares of their own bounds, most headroom first. A bound is what the "
                  "ceiling's work takes\nin the same process; no run is faster.\n\n"
                  "| of its bound | time / bound | benchmark | shape | threads | median | cold, of its "
                  "bound | bound |\n|---|---|---|---|---|---|---|---|\n",
                  slash != NULL ? slash + 1 : report->ranked);
    for (size_t i = 0; i < report->count && has_bound(&report->rows[i]); i++) {
        const bench_row *row = &report->rows[i];
        char threads[16] = "", cold[32] = "";
        if (row->threads != 0) {
            (void)snprintf(threads, sizeof threads, "%" PRId32, row->threads);
        }
        if (row->cold_share > 0.0) {
            (void)snprintf(cold, sizeof cold, "%.1f %%", 100 * row->cold_share);
        }
        (void)fprintf(stream, "| %.1f %%%s | %.2f | %s | %s | %s | %s | %s | %s |\n", 100 * row->share,
                      row->noisy ? ", noisy" : "", 1.0 / row->share, row->name, bench_shape_words(row).text,
                      threads, bench_duration(row->median).text, cold, row->ceiling);
    }
}
