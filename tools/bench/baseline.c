/* baseline.c - an earlier document of `ropemap bench --json`, and what changed since */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/report.h"
#include "tools/ropemap/failure.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Rows are the same where all that was run is. A verdict needs a few samples on both sides and spreads that
 * do not meet: nine samples in ten of one version then lie beyond nine in ten of the other's.
 */

enum { SAMPLES_LEAST = 5, BYTES_MAX = 64 * 1048576 };

static const char SCHEMA[] = "ropemap.bench/1";

struct bench_baseline {
    json_t *document;
};

/* A row of the earlier document, as far as it is compared. */
typedef struct earlier {
    const char *name, *backend, *dtype, *layout;
    const char *phase; /* NULL: the document is older than phases, and all was exact */
    json_int_t positions, head_dim, heads, key_heads, block, width, height, threads, samples;
    double median, p5, p95;
} earlier;

/* Integers are numbers too: 1 for 1.0. */
static bool unpack(json_t *row, earlier *made) {
    return json_unpack(row, "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
                       &made->name, "backend", &made->backend, "dtype", &made->dtype, "layout", &made->layout,
                       "positions", &made->positions, "head_dim", &made->head_dim, "heads", &made->heads,
                       "key_heads", &made->key_heads, "block", &made->block, "width", &made->width, "height",
                       &made->height, "threads", &made->threads) == 0 &&
           json_unpack(row, "{s?s}", "phase", &made->phase) == 0 &&
           json_unpack(row, "{s:{s:I, s:F, s:F, s:F}}", "seconds", "samples", &made->samples, "median",
                       &made->median, "p5", &made->p5, "p95", &made->p95) == 0;
}

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

static ropemap_status check_rows(const char *path, json_t *document, ropemap_error *error) {
    const char *schema = json_string_value(json_object_get(document, "schema"));
    json_t *rows = json_object_get(document, "rows");
    if (schema == NULL || strcmp(schema, SCHEMA) != 0 || !json_is_array(rows)) {
        return fail(error, ROPEMAP_DATA, "%s: schema '%.40s'; it must be %s, with rows", path,
                    schema != NULL ? schema : "", SCHEMA);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        earlier row = {.name = NULL};
        if (!unpack(json_array_get(rows, i), &row)) {
            return fail(error, ROPEMAP_DATA, "%s: row %zu is incomplete: not written by ropemap bench --json",
                        path, i);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status bench_baseline_open(const char *path, bench_baseline **baseline, ropemap_error *error) {
    json_error_t reason;
    *baseline = NULL;
    ropemap_status status = check_file(path, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &reason);
    if (document == NULL) {
        return fail(error, ROPEMAP_DATA, "%s: line %d: no JSON (%.100s)", path, reason.line, reason.text);
    }
    status = check_rows(path, document, error);
    *baseline = status == ROPEMAP_OK ? malloc(sizeof **baseline) : NULL;
    if (*baseline == NULL) {
        json_decref(document);
        return status != ROPEMAP_OK ? status
                                    : fail(error, ROPEMAP_RESOURCES, "bench: no memory for %s", path);
    }
    (*baseline)->document = document;
    return ROPEMAP_OK;
}

void bench_baseline_free(bench_baseline *baseline) {
    if (baseline != NULL) {
        json_decref(baseline->document);
        free(baseline);
    }
}

/* ---- comparing */

static bool is_same_phase(const earlier *before, const bench_row *row) {
    const char *exact = ropemap_phase_name(ROPEMAP_PHASE_EXACT);
    return before->phase != NULL ? strcmp(before->phase, row->phase) == 0
                                 : row->phase[0] == '\0' || strcmp(row->phase, exact) == 0;
}

static bool is_same(const earlier *before, const bench_row *row) {
    return strcmp(before->name, row->name) == 0 && strcmp(before->backend, row->backend) == 0 &&
           strcmp(before->dtype, row->dtype) == 0 && strcmp(before->layout, row->variant) == 0 &&
           is_same_phase(before, row) && before->positions == row->positions &&
           before->head_dim == row->head_dim && before->heads == row->heads &&
           before->key_heads == row->key_heads && before->block == row->block &&
           before->width == row->width && before->height == row->height && before->threads == row->threads;
}

static bench_change compare(const earlier *before, const bench_row *row) {
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
    const json_t *rows = json_object_get(baseline->document, "rows");
    report->changes = calloc(report->count + 1, sizeof *report->changes);
    if (report->changes == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "bench: no memory for a comparison");
    }
    for (size_t i = 0; i < report->count; i++) {
        for (size_t j = 0; j < json_array_size(rows); j++) {
            earlier before = {.name = NULL};
            if (unpack(json_array_get(rows, j), &before) && is_same(&before, &report->rows[i])) {
                report->changes[i] = compare(&before, &report->rows[i]);
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
