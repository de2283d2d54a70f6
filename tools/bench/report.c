/* report.c - what was measured: one table of columns, shown as markdown, written and read as JSON */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/report.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- words */

static void add(bench_words *words, const char *format, ...) FAILURE_PRINTF(2, 3);

static void add(bench_words *words, const char *format, ...) {
    const size_t used = strlen(words->text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words->text + used, sizeof words->text - used, format, arguments);
    va_end(arguments);
}

bench_words bench_shape_words(const bench_row *row) {
    bench_words shape = {.text = ""};
    if (row->dtype[0] != '\0') {
        add(&shape, "%s ", row->dtype);
    }
    if (row->block != 0) {
        add(&shape, "tile of %" PRId64, row->block);
    } else if (row->positions != 0) {
        add(&shape, "%" PRId64, row->positions);
    }
    if (row->head_dim != 0) {
        add(&shape, row->block != 0 ? ", d %" PRId32 : " x %" PRId32, row->head_dim);
    }
    if (row->variant[0] != '\0') {
        add(&shape, " %s", row->variant);
    }
    if (row->phase[0] != '\0' && strcmp(row->phase, ropemap_phase_name(ROPEMAP_PHASE_EXACT)) != 0) {
        add(&shape, " %s", row->phase);
    }
    if (row->heads != 0) {
        add(&shape, ", %" PRId32 ":%" PRId32 " heads", row->heads, row->key_heads);
    }
    if (row->block != 0 && row->width != 0) {
        add(&shape, " of %" PRId64, row->positions);
    }
    if (row->width != 0) {
        add(&shape, "%s%" PRId64 " x %" PRId64, shape.text[0] != '\0' ? " to " : "", row->width, row->height);
    }
    return shape;
}

bench_words bench_duration(double seconds) {
    bench_words shown = {.text = ""};
    if (seconds < 1e-3) {
        add(&shown, "%.4g us", 1e6 * seconds);
    } else if (seconds < 1.0) {
        add(&shown, "%.4g ms", 1e3 * seconds);
    } else {
        add(&shown, "%.4g s", seconds);
    }
    return shown;
}

bench_words bench_amount(double value, const char *unit) {
    static const char prefixes[] = " kMGT";
    bench_words shown = {.text = ""};
    size_t prefix = 0;
    for (; value >= 1000.0 && prefix + 2 < sizeof prefixes; prefix++) {
        value /= 1000.0;
    }
    if (value > 0.0) {
        add(&shown, "%.4g %.*s%s", value, prefix > 0 ? 1 : 0, prefixes + prefix, unit);
    }
    return shown;
}

static bench_words cuda_version(int32_t version) {
    bench_words shown = {.text = ""};
    add(&shown, "%" PRId32 ".%" PRId32, version / 1000, version % 1000 / 10);
    return shown;
}

static const char *bench_verdict_word(bench_verdict verdict) {
    static const char *const words[] = {
        [BENCH_NEW] = "not in the baseline", [BENCH_UNSURE] = "too few samples",
        [BENCH_SAME] = "within the noise",   [BENCH_FASTER] = "faster",
        [BENCH_SLOWER] = "slower",
    };
    return words[verdict];
}

/* The target and whether it was met, or why the row has no time; a pipe in a message would end the cell. */
static bench_words target_words(const bench_row *row) {
    bench_words shown = {.text = ""};
    if (row->failure[0] != '\0') {
        add(&shown, "FAILED: %s", row->failure);
        for (char *at = strchr(shown.text, '|'); at != NULL; at = strchr(at, '|')) {
            *at = '/';
        }
    } else if (row->samples > 0 && row->against == BENCH_TARGET_SHARE) {
        add(&shown, ">= %.3g %% of ceiling", 100 * row->target);
    } else if (row->samples > 0 && row->against == BENCH_TARGET_SECONDS) {
        add(&shown, "<= %.3g s", row->target);
    } else if (row->samples > 0 && row->against == BENCH_TARGET_ERROR) {
        add(&shown, "error <= %.2g", row->target);
    } else if (row->samples > 0 && row->against == BENCH_TARGET_MEMORY) {
        add(&shown, "<= %s of the GPU", bench_amount(row->target, "B").text);
    } else {
        return shown;
    }
    if (row->failure[0] == '\0') {
        add(&shown, ": %s", row->met ? "met" : "MISSED");
    }
    return shown;
}

/* ---- the columns */

/* What a member of a row is. */
typedef enum cell_type {
    CELL_NONE,
    CELL_TEXT, /* const char * */
    CELL_NAME, /* char [sizeof row.name] */
    CELL_KIND,
    CELL_INT32,
    CELL_INT64,
    CELL_REAL,
    CELL_FLAG
} cell_type;

enum {
    SAME = 1,    /* rows are of the same benchmark where all of these are the same */
    NEEDED = 2,  /* every document has it */
    TIMED = 4,   /* empty where nothing was timed */
    CHECKED = 8, /* empty where nothing was checked */
    OF_CPU = 16, /* in the CPU's tables alone */
    OF_GPU = 32,
    OR_NONE = 64 /* 0 is "-" in tables, and null */
};

/* How tables show it. */
typedef enum cell_form {
    SHOW_TEXT,
    SHOW_COUNT,
    SHOW_SECONDS,
    SHOW_BYTES,
    SHOW_FLOPS,
    SHOW_SHARE,
    SHOW_ERROR,
    SHOW_DEVIATION,
    SHOW_RATE,
    SHOW_WRONG,
    SHOW_SHAPE,
    SHOW_TARGET
} cell_form;

/* A member of a row in JSON, a column of the tables, or both: in the order of both. */
typedef struct column {
    const char *key;   /* in JSON; NULL: not there */
    const char *group; /* the object within the row; NULL: the row */
    const char *title; /* in tables; NULL: not there */
    cell_type type;
    unsigned flags;
    size_t offset;
    cell_form form;
} column;

#define AT(member) offsetof(bench_row, member)

static const column columns[] = {
    {"bench", NULL, NULL, CELL_KIND, 0, AT(kind), SHOW_TEXT},
    {"name", NULL, "benchmark", CELL_NAME, SAME | NEEDED, AT(name), SHOW_TEXT},
    {NULL, NULL, "shape", CELL_NONE, 0, 0, SHOW_SHAPE},
    {"backend", NULL, NULL, CELL_TEXT, SAME | NEEDED, AT(backend), SHOW_TEXT},
    {"dtype", NULL, NULL, CELL_TEXT, SAME | NEEDED, AT(dtype), SHOW_TEXT},
    {"layout", NULL, NULL, CELL_TEXT, SAME | NEEDED, AT(variant), SHOW_TEXT},
    {"phase", NULL, NULL, CELL_TEXT, 0, AT(phase), SHOW_TEXT}, /* older documents have none */
    {"clock", NULL, NULL, CELL_TEXT, 0, AT(clock), SHOW_TEXT},
    {"positions", NULL, NULL, CELL_INT64, SAME | NEEDED, AT(positions), SHOW_TEXT},
    {"head_dim", NULL, NULL, CELL_INT32, SAME | NEEDED, AT(head_dim), SHOW_TEXT},
    {"heads", NULL, NULL, CELL_INT32, SAME | NEEDED, AT(heads), SHOW_TEXT},
    {"key_heads", NULL, NULL, CELL_INT32, SAME | NEEDED, AT(key_heads), SHOW_TEXT},
    {"block", NULL, NULL, CELL_INT64, SAME | NEEDED, AT(block), SHOW_TEXT},
    {"width", NULL, NULL, CELL_INT64, SAME | NEEDED, AT(width), SHOW_TEXT},
    {"height", NULL, NULL, CELL_INT64, SAME | NEEDED, AT(height), SHOW_TEXT},
    {"threads", NULL, "threads", CELL_INT32, SAME | NEEDED | OF_CPU, AT(threads), SHOW_COUNT},
    {"samples", "seconds", "samples", CELL_INT32, NEEDED, AT(samples), SHOW_COUNT},
    {"median", "seconds", "median", CELL_REAL, NEEDED | TIMED, AT(median), SHOW_SECONDS},
    {"predicted", "seconds", "predicted for an H200", CELL_REAL, OF_GPU, AT(predicted), SHOW_SECONDS},
    {"graph", "seconds", "in a graph", CELL_REAL, OF_GPU | TIMED | OR_NONE, AT(graph), SHOW_SECONDS},
    {"p5", "seconds", "p5", CELL_REAL, NEEDED | TIMED, AT(p5), SHOW_SECONDS},
    {"p95", "seconds", "p95", CELL_REAL, NEEDED | TIMED, AT(p95), SHOW_SECONDS},
    {"deviation", "seconds", "deviation", CELL_REAL, TIMED, AT(deviation), SHOW_DEVIATION},
    {"noisy", "seconds", NULL, CELL_FLAG, 0, AT(noisy), SHOW_TEXT},
    {"bytes", NULL, "bytes", CELL_REAL, TIMED, AT(bytes), SHOW_BYTES},
    {"flops", NULL, "FLOP", CELL_REAL, TIMED, AT(flops), SHOW_FLOPS},
    {"formula", NULL, NULL, CELL_TEXT, 0, AT(formula), SHOW_TEXT},
    {"rate", NULL, "rate", CELL_REAL, TIMED, AT(rate), SHOW_RATE},
    {"unit", NULL, NULL, CELL_TEXT, 0, AT(unit), SHOW_TEXT},
    {"ceiling", NULL, NULL, CELL_TEXT, 0, AT(ceiling), SHOW_TEXT},
    {"ceiling_seconds", NULL, NULL, CELL_REAL, 0, AT(ceiling_seconds), SHOW_TEXT},
    {"share", NULL, "of ceiling", CELL_REAL, TIMED, AT(share), SHOW_SHARE},
    {"cold", "seconds", "cold", CELL_REAL, OF_GPU | TIMED, AT(cold), SHOW_SECONDS},
    {"cold_share", NULL, "cold of ceiling", CELL_REAL, OF_GPU | TIMED, AT(cold_share), SHOW_SHARE},
    {"output_bytes", NULL, "file", CELL_INT64, OF_CPU, AT(output_bytes), SHOW_BYTES},
    {"device_bytes", NULL, "GPU memory", CELL_INT64, OF_GPU, AT(device_bytes), SHOW_BYTES},
    {"throttled", NULL, NULL, CELL_FLAG, 0, AT(throttled), SHOW_TEXT},
    {"error", NULL, "error", CELL_REAL, CHECKED, AT(error), SHOW_ERROR},
    {"allowed", NULL, NULL, CELL_REAL, 0, AT(allowed), SHOW_TEXT},
    {"checked", NULL, NULL, CELL_INT64, 0, AT(checked), SHOW_TEXT},
    {"wrong", NULL, "wrong", CELL_INT64, CHECKED, AT(wrong), SHOW_WRONG},
    {NULL, NULL, "target", CELL_NONE, 0, 0, SHOW_TARGET},
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const void *cell_of(const bench_row *row, const column *of) {
    return (const char *)row + of->offset;
}

/* NULL: the cell is a number. */
static const char *text_of(const bench_row *row, const column *of) {
    const void *cell = cell_of(row, of);
    return of->type == CELL_TEXT   ? *(const char *const *)cell
           : of->type == CELL_NAME ? cell
           : of->type == CELL_KIND ? bench_kind_name(*(const bench_kind *)cell)
                                   : NULL;
}

/* Counts are below 2^53. */
static double number_of(const bench_row *row, const column *of) {
    const void *cell = cell_of(row, of);
    return of->type == CELL_INT32   ? (double)*(const int32_t *)cell
           : of->type == CELL_INT64 ? (double)*(const int64_t *)cell
           : of->type == CELL_REAL  ? *(const double *)cell
           : of->type == CELL_FLAG  ? (double)*(const bool *)cell
                                    : 0.0;
}

bool bench_row_same(const bench_row *before, const bench_row *row) {
    const char *exact = ropemap_phase_name(ROPEMAP_PHASE_EXACT);
    for (int i = 0; i < COLUMNS; i++) {
        const char *text = text_of(before, &columns[i]);
        if ((columns[i].flags & SAME) != 0 &&
            (text != NULL ? strcmp(text, text_of(row, &columns[i])) != 0
                          : number_of(before, &columns[i]) != number_of(row, &columns[i]))) {
            return false;
        }
    }
    /* older than phases and clocks: all was exact, and no CPU time */
    return (strcmp(before->phase, row->phase) == 0 ||
            (before->phase[0] == '\0' && strcmp(row->phase, exact) == 0)) &&
           (strcmp(before->clock, row->clock) == 0 ||
            (before->clock[0] == '\0' && strcmp(row->clock, "cpu") != 0));
}

/* ---- markdown: what it was measured on */

static void write_machine(FILE *stream, const bench_report *report) {
    const ropemap_machine *machine = &report->machine;
    (void)fprintf(stream, "ropemap %s, %s: %" PRId32 " x %s, SIMD %s\n\n", ropemap_version(), report->date,
                  machine->processors, machine->processor, machine->simd);
}

static void write_state(FILE *stream, const char *when, const bench_gpu_state *state) {
    if (state->known) {
        (void)fprintf(stream, "; %s: %" PRId32 " MHz, memory %" PRId32 " MHz, %" PRId32 " C, %.0f W", when,
                      state->processor_mhz, state->memory_mhz, state->celsius, state->watts);
    }
}

static void write_gpu(FILE *stream, const bench_gpu *gpu) {
    (void)fprintf(stream, "GPU %" PRId32 ": %s, sm_%" PRId32 "%" PRId32 ", %" PRId32 " multiprocessors, %s",
                  gpu->gpu.index, gpu->gpu.name, gpu->gpu.major, gpu->gpu.minor, gpu->gpu.processors,
                  bench_amount((double)gpu->gpu.memory, "B").text);
    (void)fprintf(stream, "; driver %s%sfor CUDA %s; %s, %s", gpu->driver, gpu->driver[0] != '\0' ? " " : "",
                  cuda_version(gpu->supports).text, gpu->plugin.runtime, gpu->plugin.blas);
    write_state(stream, "before", &gpu->before);
    (void)fputc('\n', stream);
    (void)fprintf(stream, "Measured at most: copy %.4g GB/s read and written; product of side %" PRId64,
                  gpu->copy_rate, gpu->product_side);
    for (int dtype = 0; dtype < 4; dtype++) {
        if (gpu->product_rates[dtype] > 0.0) {
            (void)fprintf(stream, ", %s %.4g GFLOP/s", ropemap_dtype_name((ropemap_dtype)dtype),
                          gpu->product_rates[dtype]);
        }
    }
    (void)fputs("\n\n", stream);
}

/* How the GPU fared, after the last row. */
static void write_gpu_after(FILE *stream, const bench_gpu *gpu) {
    (void)fprintf(stream, "\nGPU %" PRId32, gpu->gpu.index);
    write_state(stream, "after", &gpu->after);
    (void)fprintf(stream, "; clocks %s%s%s%s\n",
                  gpu->throttled      ? "HELD BACK"
                  : gpu->before.known ? "not held back"
                                      : "not known",
                  gpu->throttled ? " (" : "", gpu->reasons, gpu->throttled ? ")" : "");
}

/* ---- rows */

static bool is_shown(const column *of, const bench_report *report) {
    return of->title != NULL && (of->flags & (report->on_gpu ? OF_CPU : OF_GPU)) == 0;
}

static bench_words cell_words(const bench_row *row, const column *of) {
    const double value = number_of(row, of);
    bench_words shown = {.text = ""};
    if (((of->flags & TIMED) != 0 && row->samples == 0) ||
        ((of->flags & CHECKED) != 0 && row->failure[0] != '\0')) {
        return shown;
    }
    if ((of->flags & OR_NONE) != 0 && !(value > 0.0)) {
        add(&shown, "-");
        return shown;
    }
    switch (of->form) {
    case SHOW_TEXT:
        add(&shown, "%s", text_of(row, of));
        break;
    case SHOW_COUNT:
        add(&shown, "%.0f", value);
        break;
    case SHOW_SECONDS:
        return value > 0.0 ? bench_duration(value) : shown;
    case SHOW_BYTES:
        return bench_amount(value, "B");
    case SHOW_FLOPS:
        return bench_amount(value, "FLOP");
    case SHOW_SHARE:
        if (value > 0.0) {
            add(&shown, "%.1f %%", 100 * value);
        }
        break;
    case SHOW_ERROR:
        add(&shown, "%.2g", value);
        break;
    case SHOW_DEVIATION:
        add(&shown, "%.2f %%%s%s", 100 * value, row->noisy ? " noisy" : "",
            row->throttled ? " held back" : "");
        break;
    case SHOW_RATE:
        add(&shown, "%.4g %s", value, row->unit);
        break;
    case SHOW_WRONG:
        add(&shown, "%.0f of %" PRId64, value, row->checked);
        break;
    case SHOW_SHAPE:
        return bench_shape_words(row);
    case SHOW_TARGET:
        return target_words(row);
    }
    return shown;
}

void bench_markdown_row(FILE *stream, const bench_report *report, const bench_row *row) {
    for (int i = 0; i < COLUMNS; i++) {
        if (is_shown(&columns[i], report)) {
            (void)fprintf(stream, "| %s ", cell_words(row, &columns[i]).text);
        }
    }
    (void)fputs("|\n", stream);
}

/* ---- what the columns mean */

static bool is_first_of_its_name(const bench_report *report, size_t index) {
    return index == 0 || strcmp(report->rows[index].name, report->rows[index - 1].name) != 0;
}

/* Each benchmark's formula and ceiling, once. */
static void write_notes(FILE *stream, const bench_report *report) {
    (void)fprintf(
        stream,
        "\nn positions, d elements of a head, W x H cells, tiles of b x b; of ceiling: median of the "
        "ceiling's time / the\nsample's, run in turn%s; deviation: standard deviation "
        "/ mean, noisy above 0.5 %%; error: largest\ndifference from a double-precision computation in "
        "the timed buffer; wrong: elements beyond what rounding explains.\n",
        report->on_gpu ? "" : " on as many threads");
    if (report->on_gpu) {
        (void)fputs("Stages are timed by the GPU's clock, hot after a run of their own and cold after its "
                    "cache was overwritten; whole maps by\nthe host's. In a graph: the same runs, "
                    "launched all at once; what one takes less there is its launch.\nGPU memory: the most "
                    "that a map took. The phase and all other arithmetic of rotate take what its "
                    "share\nleaves of the copy's "
                    "time at most.\n",
                    stream);
    }
    if (report->count > 0 && strcmp(report->rows[0].clock, "cpu") == 0) {
        (void)fputs(
            "Times are the CPU time of all threads, shared out evenly: what a run takes where nothing "
            "else runs.\n",
            stream);
    }
    for (size_t i = 0; i < report->count; i++) {
        const bench_row *row = &report->rows[i];
        if (is_first_of_its_name(report, i)) {
            (void)fprintf(stream, "- %s: %s; ceiling: %s\n", row->name, row->formula, row->ceiling);
        }
    }
}

static void write_changes(FILE *stream, const bench_report *report) {
    (void)fputs("\n| compared with the baseline | shape | before | now | change | verdict |\n"
                "|---|---|---|---|---|---|\n",
                stream);
    for (size_t i = 0; i < report->count; i++) {
        const bench_row *row = &report->rows[i];
        const bench_change *change = &report->changes[i];
        (void)fprintf(stream, "| %s | %s |", row->name, bench_shape_words(row).text);
        if (change->verdict == BENCH_NEW) {
            (void)fprintf(stream, " | | | %s |\n", bench_verdict_word(change->verdict));
        } else {
            (void)fprintf(stream, " %s | %s | %+.1f %% | %s |\n", bench_duration(change->earlier).text,
                          bench_duration(row->median).text, 100 * change->change,
                          bench_verdict_word(change->verdict));
        }
    }
}

void bench_markdown_begin(FILE *stream, const bench_report *report) {
    write_machine(stream, report);
    if (report->on_gpu) {
        write_gpu(stream, &report->gpu);
    }
    for (int line = 0; line < 2; line++) {
        for (int i = 0; i < COLUMNS; i++) {
            if (is_shown(&columns[i], report)) {
                (void)fprintf(stream, line == 0 ? "| %s " : "|---", columns[i].title);
            }
        }
        (void)fputs("|\n", stream);
    }
}

void bench_markdown_end(FILE *stream, const bench_report *report) {
    if (report->on_gpu) {
        write_gpu_after(stream, &report->gpu);
    }
    if (report->changes != NULL) {
        write_changes(stream, report);
    }
    write_notes(stream, report);
}

static ropemap_status no_memory(ropemap_error *error) {
    return fail(error, ROPEMAP_RESOURCES, "bench: no memory for the report");
}

ropemap_status bench_markdown(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    char *data = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&data, &size);
    if (stream == NULL) {
        return no_memory(error);
    }
    if (report->ranked != NULL) {
        bench_rank_markdown(stream, report);
    } else {
        bench_markdown_begin(stream, report);
        for (size_t i = 0; i < report->count; i++) {
            bench_markdown_row(stream, report, &report->rows[i]);
        }
        bench_markdown_end(stream, report);
    }
    const bool failed = ferror(stream) != 0;
    if (fclose(stream) != 0 || failed) {
        free(data);
        return no_memory(error);
    }
    *bytes = (ropemap_bytes){.data = (uint8_t *)data, .size = size};
    return ROPEMAP_OK;
}

/* ---- JSON */

static json_t *target_object(const bench_row *row) {
    static const char *const names[] = {
        [BENCH_TARGET_SHARE] = "share",
        [BENCH_TARGET_SECONDS] = "seconds",
        [BENCH_TARGET_ERROR] = "error",
        [BENCH_TARGET_MEMORY] = "device_bytes",
    };
    if (row->against == BENCH_TARGET_NONE || row->samples == 0) {
        return json_null();
    }
    return json_pack("{s:s, s:f, s:f, s:b}", "of", names[row->against], "value", row->target, "reached",
                     bench_reached(row), "met", row->met ? 1 : 0);
}

static json_t *change_object(const bench_change *change) {
    if (change == NULL) {
        return json_null();
    }
    if (change->verdict == BENCH_NEW) {
        return json_pack("{s:s, s:n, s:n}", "verdict", bench_verdict_word(change->verdict), "earlier",
                         "change");
    }
    return json_pack("{s:s, s:f, s:f}", "verdict", bench_verdict_word(change->verdict), "earlier",
                     change->earlier, "change", change->change);
}

/* Takes over `more`; NULL for either is NULL. */
static json_t *joined(json_t *object, json_t *more) {
    if (object == NULL || more == NULL || json_object_update(object, more) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(more);
    return object;
}

static json_t *cell_value(const bench_row *row, const column *of) {
    const char *text = text_of(row, of);
    const double number = number_of(row, of);
    const bool none = (of->flags & OR_NONE) != 0 && !(number > 0.0);
    return text != NULL            ? json_string(text)
           : none                  ? json_null()
           : of->type == CELL_REAL ? document_real(number)
           : of->type == CELL_FLAG ? json_boolean(number != 0.0)
                                   : json_integer((json_int_t)number);
}

/* Takes over the value; the row is dropped where it cannot be. */
static json_t *with_cell(json_t *object, const char *group, const char *key, json_t *value) {
    json_t *into = object;
    if (group != NULL) {
        into = json_object_get(object, group);
        if (into == NULL && json_object_set_new(object, group, json_object()) == 0) {
            into = json_object_get(object, group);
        }
    }
    if (json_object_set_new(into, key, value) == 0) {
        return object;
    }
    json_decref(object);
    return NULL;
}

static json_t *row_object(const bench_row *row, const bench_change *change) {
    json_t *object = json_object();
    for (int i = 0; i < COLUMNS; i++) {
        if (columns[i].key != NULL) {
            object = with_cell(object, columns[i].group, columns[i].key, cell_value(row, &columns[i]));
        }
    }
    object = with_cell(object, NULL, "target", target_object(row));
    object = with_cell(object, NULL, "baseline", change_object(change));
    object = with_cell(object, NULL, "no_graph",
                       row->no_graph[0] != '\0' ? document_text(row->no_graph) : json_null());
    return with_cell(object, NULL, "failure",
                     row->failure[0] != '\0' ? document_text(row->failure) : json_null());
}

static bench_kind kind_of(const char *name) {
    bench_kind kind = BENCH_ROTATE;
    while (bench_kind_name(kind) != NULL && strcmp(bench_kind_name(kind), name) != 0) {
        kind++;
    }
    return kind;
}

/* What is not there stays 0; false where it is of another type. */
static bool read_cell(const json_t *value, const column *of, bench_row *row) {
    void *cell = (char *)row + of->offset;
    const char *text = json_string_value(value);
    const bool wants_text = of->type == CELL_TEXT || of->type == CELL_NAME || of->type == CELL_KIND;
    if (wants_text ? text == NULL : !json_is_number(value) && !json_is_boolean(value)) {
        return json_is_null(value) && of->type == CELL_REAL;
    }
    if (of->type == CELL_TEXT) {
        *(const char **)cell = text;
    } else if (of->type == CELL_NAME) {
        (void)snprintf(cell, sizeof row->name, "%s", text);
    } else if (of->type == CELL_KIND) {
        *(bench_kind *)cell = kind_of(text);
    } else if (of->type == CELL_INT32) {
        *(int32_t *)cell = (int32_t)json_integer_value(value);
    } else if (of->type == CELL_INT64) {
        *(int64_t *)cell = (int64_t)json_integer_value(value);
    } else if (of->type == CELL_REAL) {
        *(double *)cell = json_number_value(value);
    } else {
        *(bool *)cell = json_is_true(value);
    }
    return true;
}

bool bench_row_read(const json_t *object, bench_row *row) {
    *row = (bench_row){.kind = BENCH_ROTATE};
    for (int i = 0; i < COLUMNS; i++) {
        const column *of = &columns[i];
        const json_t *in = of->group != NULL ? json_object_get(object, of->group) : object;
        if (of->type == CELL_TEXT) {
            *(const char **)(void *)((char *)row + of->offset) = "";
        }
        if (of->key != NULL && !read_cell(json_object_get(in, of->key), of, row) &&
            (of->flags & NEEDED) != 0) {
            return false;
        }
    }
    return true;
}

static json_t *rows_array(const bench_report *report) {
    json_t *rows = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const bench_change *change = report->changes != NULL ? &report->changes[i] : NULL;
        if (json_array_append_new(rows, row_object(&report->rows[i], change)) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

/* ---- the GPU */

static json_t *state_object(const bench_gpu_state *state) {
    if (!state->known) {
        return json_null();
    }
    return json_pack("{s:i, s:i, s:i, s:f, s:I}", "processor_mhz", (int)state->processor_mhz, "memory_mhz",
                     (int)state->memory_mhz, "celsius", (int)state->celsius, "watts", state->watts, "reasons",
                     (json_int_t)state->reasons);
}

static json_t *product_rates(const bench_gpu *gpu) {
    json_t *rates = json_object();
    for (int dtype = 0; dtype < 4; dtype++) {
        if (gpu->product_rates[dtype] > 0.0 &&
            json_object_set_new(rates, ropemap_dtype_name((ropemap_dtype)dtype),
                                json_real(gpu->product_rates[dtype])) != 0) {
            json_decref(rates);
            return NULL;
        }
    }
    return rates;
}

static json_t *gpu_object(const bench_report *report) {
    const bench_gpu *gpu = &report->gpu;
    if (!report->on_gpu) {
        return json_null();
    }
    json_t *what =
        json_pack("{s:i, s:o, s:s, s:i, s:I, s:I, s:o, s:s, s:s, s:s}", "index", (int)gpu->gpu.index, "name",
                  document_text(gpu->gpu.name), "architecture",
                  cuda_version(1000 * gpu->gpu.major + 10 * gpu->gpu.minor).text, "multiprocessors",
                  (int)gpu->gpu.processors, "memory", (json_int_t)gpu->gpu.memory, "cache",
                  (json_int_t)gpu->gpu.cache, "driver", document_text(gpu->driver), "supports",
                  cuda_version(gpu->supports).text, "runtime", gpu->plugin.runtime, "blas", gpu->plugin.blas);
    return joined(what, json_pack("{s:o, s:o, s:b, s:s, s:f, s:o, s:I}", "before", state_object(&gpu->before),
                                  "after", state_object(&gpu->after), "throttled", gpu->throttled ? 1 : 0,
                                  "reasons", gpu->reasons, "copy_rate", gpu->copy_rate, "product_rates",
                                  product_rates(gpu), "product_side", (json_int_t)gpu->product_side));
}

/* The document; rows NULL: without them. */
static json_t *document(const bench_report *report, json_t *rows) {
    const ropemap_machine *machine = &report->machine;
    json_t *made = json_pack("{s:s, s:s, s:s, s:{s:o, s:i, s:s}, s:o}", "schema", "ropemap.bench/1",
                             "version", ropemap_version(), "date", report->date, "machine", "processor",
                             document_text(machine->processor), "processors", (int)machine->processors,
                             "simd", machine->simd, "gpu", gpu_object(report));
    return rows != NULL ? joined(made, json_pack("{s:o}", "rows", rows)) : made;
}

ropemap_status bench_json(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    json_t *rows = rows_array(report), *whole = rows != NULL ? document(report, rows) : NULL;
    char *text = whole != NULL
                     ? json_dumps(whole, JSON_INDENT(2) | JSON_REAL_PRECISION(17) | JSON_ENSURE_ASCII)
                     : NULL;
    json_decref(whole);
    if (text == NULL) {
        return no_memory(error);
    }
    size_t length = strlen(text);
    text[length++] = '\n'; /* over the end: the bytes are counted */
    *bytes = (ropemap_bytes){.data = (uint8_t *)text, .size = length};
    return ROPEMAP_OK;
}

/* Takes over the object, writes it and flushes the stream. */
static bool write_line(FILE *stream, json_t *object) {
    const bool written =
        object != NULL &&
        json_dumpf(object, stream, JSON_COMPACT | JSON_REAL_PRECISION(17) | JSON_ENSURE_ASCII) == 0 &&
        fputc('\n', stream) != EOF && fflush(stream) == 0;
    json_decref(object);
    return written;
}

bool bench_lines_begin(FILE *stream, const bench_report *report) {
    return write_line(stream, document(report, NULL));
}

bool bench_lines_row(FILE *stream, const bench_row *row) {
    return write_line(stream, row_object(row, NULL));
}
