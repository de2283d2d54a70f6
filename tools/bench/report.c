/* report.c - what was measured, as markdown, JSON or a picture */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/report.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- words */

static void add(bench_words *words, size_t *used, const char *format, ...) FAILURE_PRINTF(3, 4);

static void add(bench_words *words, size_t *used, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (*used < sizeof words->text) {
        const int length = vsnprintf(words->text + *used, sizeof words->text - *used, format, arguments);
        *used += length > 0 ? (size_t)length : 0;
    }
    va_end(arguments);
}

bench_words bench_shape_words(const bench_row *row) {
    bench_words shape = {.text = ""};
    size_t used = 0;
    if (row->dtype[0] != '\0') {
        add(&shape, &used, "%s ", row->dtype);
    }
    if (row->block != 0) {
        add(&shape, &used, "tile of %" PRId64 "%s", row->block, row->head_dim != 0 ? ", " : "");
    }
    if (row->block != 0 && row->head_dim != 0) {
        add(&shape, &used, "d %" PRId32, row->head_dim);
    } else if (row->block == 0) {
        if (row->positions != 0) {
            add(&shape, &used, "%" PRId64, row->positions);
        }
        if (row->head_dim != 0) {
            add(&shape, &used, " x %" PRId32, row->head_dim);
        }
    }
    if (row->variant[0] != '\0') {
        add(&shape, &used, " %s", row->variant);
    }
    if (row->phase[0] != '\0' && strcmp(row->phase, ropemap_phase_name(ROPEMAP_PHASE_EXACT)) != 0) {
        add(&shape, &used, " %s", row->phase);
    }
    if (row->heads != 0) {
        add(&shape, &used, ", %" PRId32 ":%" PRId32 " heads", row->heads, row->key_heads);
    }
    if (row->block != 0 && row->width != 0) {
        add(&shape, &used, " of %" PRId64, row->positions);
    }
    if (row->width != 0) {
        add(&shape, &used, "%s%" PRId64 " x %" PRId64, used > 0 ? " to " : "", row->width, row->height);
    }
    return shape;
}

static bench_words duration(double seconds) {
    bench_words shown;
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

bench_words bench_amount(double value, const char *unit) {
    static const char prefixes[] = " kMGT";
    bench_words shown = {.text = ""};
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

static bench_words target_words(const bench_row *row) {
    bench_words target = {.text = ""};
    size_t used = 0;
    const char *met = row->met ? "met" : "MISSED";
    if (row->samples == 0) {
        return target;
    }
    switch (row->against) {
    case BENCH_TARGET_SHARE:
        add(&target, &used, ">= %.3g %% of ceiling: %s", 100 * row->target, met);
        break;
    case BENCH_TARGET_SECONDS:
        add(&target, &used, "<= %.3g s: %s", row->target, met);
        break;
    case BENCH_TARGET_ERROR:
        add(&target, &used, "error <= %.2g: %s", row->target, met);
        break;
    case BENCH_TARGET_MEMORY:
        add(&target, &used, "<= %s of the GPU: %s", bench_amount(row->target, "B").text, met);
        break;
    case BENCH_TARGET_NONE:
        break;
    }
    return target;
}

static bench_words cuda_version(int32_t version) {
    bench_words shown;
    (void)snprintf(shown.text, sizeof shown.text, "%" PRId32 ".%" PRId32, version / 1000,
                   version % 1000 / 10);
    return shown;
}

const char *bench_verdict_word(bench_verdict verdict) {
    static const char *const words[] = {
        [BENCH_NEW] = "not in the baseline", [BENCH_UNSURE] = "too few samples",
        [BENCH_SAME] = "within the noise",   [BENCH_FASTER] = "faster",
        [BENCH_SLOWER] = "slower",
    };
    return words[verdict];
}

/* ---- markdown */

/* ---- what it was measured on */

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

/* What both tables show of a row that was timed. */
static void write_times(FILE *stream, const bench_row *row) {
    if (row->samples == 0) {
        (void)fputs(" | | | | | | | |", stream);
        return;
    }
    (void)fprintf(stream, " | %s | %s | %s | %.2f %%%s%s | %s | %s | %.4g %s | %.1f %%",
                  duration(row->median).text, duration(row->p5).text, duration(row->p95).text,
                  100 * row->deviation, row->noisy ? " noisy" : "", row->throttled ? " held back" : "",
                  bench_amount(row->bytes, "B").text, bench_amount(row->flops, "FLOP").text, row->rate,
                  row->unit, 100 * row->share);
}

/* The last columns; a pipe in a message would end the cell. */
static void write_check(FILE *stream, const bench_row *row) {
    char failure[sizeof row->failure];
    if (row->failure[0] == '\0') {
        (void)fprintf(stream, " | %.2g | %" PRId64 " of %" PRId64 " | %s |\n", row->error, row->wrong,
                      row->checked, target_words(row).text);
        return;
    }
    memcpy(failure, row->failure, sizeof failure);
    for (char *at = strchr(failure, '|'); at != NULL; at = strchr(at, '|')) {
        *at = '/';
    }
    (void)fprintf(stream, " | | | FAILED: %s |\n", failure);
}

static void cpu_row(FILE *stream, const bench_row *row) {
    (void)fprintf(stream, "| %s | %s | %" PRId32 " | %" PRId32, row->name, bench_shape_words(row).text,
                  row->threads, row->samples);
    write_times(stream, row);
    (void)fprintf(stream, " | %s", bench_amount((double)row->output_bytes, "B").text);
    write_check(stream, row);
}

static void gpu_row(FILE *stream, const bench_row *row) {
    (void)fprintf(stream, "| %s | %s | %" PRId32, row->name, bench_shape_words(row).text, row->samples);
    write_times(stream, row);
    if (row->cold > 0.0) {
        (void)fprintf(stream, " | %s | %.1f %%", duration(row->cold).text, 100 * row->cold_share);
    } else {
        (void)fprintf(stream, " | |");
    }
    (void)fprintf(stream, " | %s", bench_amount((double)row->device_bytes, "B").text);
    write_check(stream, row);
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
                    "cache was overwritten; whole maps by\nthe host's. GPU memory: the most that a map took. "
                    "The phase and all other arithmetic of rotate take what its share\nleaves of the copy's "
                    "time at most.\n",
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
            (void)fprintf(stream, " %s | %s | %+.1f %% | %s |\n", duration(change->earlier).text,
                          duration(row->median).text, 100 * change->change,
                          bench_verdict_word(change->verdict));
        }
    }
}

void bench_markdown_begin(FILE *stream, const bench_report *report) {
    write_machine(stream, report);
    if (report->on_gpu) {
        write_gpu(stream, &report->gpu);
    }
    (void)fputs(
        report->on_gpu
            ? "| benchmark | shape | samples | median | p5 | p95 | deviation | bytes | FLOP | rate | "
              "of ceiling | cold | cold of ceiling | GPU memory | error | wrong | target |\n"
              "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
            : "| benchmark | shape | threads | samples | median | p5 | p95 | deviation | bytes | FLOP "
              "| rate | of ceiling | file | error | wrong | target |\n"
              "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        stream);
}

void bench_markdown_row(FILE *stream, const bench_report *report, const bench_row *row) {
    if (report->on_gpu) {
        gpu_row(stream, row);
    } else {
        cpu_row(stream, row);
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
    bench_markdown_begin(stream, report);
    for (size_t i = 0; i < report->count; i++) {
        bench_markdown_row(stream, report, &report->rows[i]);
    }
    bench_markdown_end(stream, report);
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
    const double reached[] = {
        [BENCH_TARGET_SHARE] = row->share,
        [BENCH_TARGET_SECONDS] = row->median,
        [BENCH_TARGET_ERROR] = row->error,
        [BENCH_TARGET_MEMORY] = (double)row->device_bytes,
    };
    if (row->against == BENCH_TARGET_NONE || row->samples == 0) {
        return json_null();
    }
    return json_pack("{s:s, s:f, s:f, s:b}", "of", names[row->against], "value", row->target, "reached",
                     reached[row->against], "met", row->met ? 1 : 0);
}

static json_t *times_object(const bench_row *row) {
    return json_pack("{s:i, s:f, s:f, s:f, s:f, s:b, s:f}", "samples", (int)row->samples, "median",
                     row->median, "p5", row->p5, "p95", row->p95, "deviation", row->deviation, "noisy",
                     row->noisy ? 1 : 0, "cold", row->cold);
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

/* What was run: rows of two documents are the same where all of this is. */
static json_t *kind_object(const bench_row *row) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:I, s:I, s:I, s:i}", "bench",
                     bench_kind_name(row->kind), "name", row->name, "backend", row->backend, "dtype",
                     row->dtype, "layout", row->variant, "phase", row->phase, "positions",
                     (json_int_t)row->positions, "head_dim", (int)row->head_dim, "heads", (int)row->heads,
                     "key_heads", (int)row->key_heads, "block", (json_int_t)row->block, "width",
                     (json_int_t)row->width, "height", (json_int_t)row->height, "threads", (int)row->threads);
}

static json_t *speed_object(const bench_row *row) {
    return json_pack("{s:o, s:f, s:f, s:s, s:f, s:s, s:s, s:f, s:f, s:f, s:I, s:I, s:b}", "seconds",
                     times_object(row), "bytes", row->bytes, "flops", row->flops, "formula", row->formula,
                     "rate", row->rate, "unit", row->unit, "ceiling", row->ceiling, "ceiling_seconds",
                     row->ceiling_seconds, "share", row->share, "cold_share", row->cold_share, "output_bytes",
                     (json_int_t)row->output_bytes, "device_bytes", (json_int_t)row->device_bytes,
                     "throttled", row->throttled ? 1 : 0);
}

static json_t *row_object(const bench_row *row, const bench_change *change) {
    json_t *check =
        json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "error", document_real(row->error), "allowed",
                  document_real(row->allowed), "checked", (json_int_t)row->checked, "wrong",
                  (json_int_t)row->wrong, "target", target_object(row), "baseline", change_object(change),
                  "failure", row->failure[0] != '\0' ? document_text(row->failure) : json_null());
    return joined(joined(kind_object(row), speed_object(row)), check);
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
