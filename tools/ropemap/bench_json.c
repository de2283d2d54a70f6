/* bench_json.c - what `ropemap bench` measured, as JSON of schema ropemap.bench/1 */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_report.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/json.h"

#include <string.h>

static json_t *target_object(const ropemap_bench_row *row) {
    static const char *const names[] = {
        [ROPEMAP_BENCH_TARGET_SHARE] = "share",
        [ROPEMAP_BENCH_TARGET_SECONDS] = "seconds",
        [ROPEMAP_BENCH_TARGET_ERROR] = "error",
        [ROPEMAP_BENCH_TARGET_MEMORY] = "device_bytes",
    };
    const double reached[] = {
        [ROPEMAP_BENCH_TARGET_SHARE] = row->share,
        [ROPEMAP_BENCH_TARGET_SECONDS] = row->median,
        [ROPEMAP_BENCH_TARGET_ERROR] = row->error,
        [ROPEMAP_BENCH_TARGET_MEMORY] = (double)row->device_bytes,
    };
    if (row->against == ROPEMAP_BENCH_TARGET_NONE || row->samples == 0) {
        return json_null();
    }
    return json_pack("{s:s, s:f, s:f, s:b}", "of", names[row->against], "value", row->target, "reached",
                     reached[row->against], "met", row->met ? 1 : 0);
}

static json_t *times_object(const ropemap_bench_row *row) {
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
static json_t *kind_object(const ropemap_bench_row *row) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:I, s:I, s:I, s:i}", "bench",
                     ropemap_bench_name(row->bench), "name", row->name, "backend", row->backend, "dtype",
                     row->dtype, "layout", row->variant, "phase", row->phase, "positions",
                     (json_int_t)row->positions, "head_dim", (int)row->head_dim, "heads", (int)row->heads,
                     "key_heads", (int)row->key_heads, "block", (json_int_t)row->block, "width",
                     (json_int_t)row->width, "height", (json_int_t)row->height, "threads", (int)row->threads);
}

static json_t *speed_object(const ropemap_bench_row *row) {
    return json_pack("{s:o, s:f, s:f, s:s, s:f, s:s, s:s, s:f, s:f, s:f, s:I, s:I, s:b}", "seconds",
                     times_object(row), "bytes", row->bytes, "flops", row->flops, "formula", row->formula,
                     "rate", row->rate, "unit", row->unit, "ceiling", row->ceiling, "ceiling_seconds",
                     row->ceiling_seconds, "share", row->share, "cold_share", row->cold_share, "output_bytes",
                     (json_int_t)row->output_bytes, "device_bytes", (json_int_t)row->device_bytes,
                     "throttled", row->throttled ? 1 : 0);
}

static json_t *row_object(const ropemap_bench_row *row, const bench_change *change) {
    json_t *check =
        json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "error", document_real(row->error), "allowed",
                  document_real(row->allowed), "checked", (json_int_t)row->checked, "wrong",
                  (json_int_t)row->wrong, "target", target_object(row), "baseline", change_object(change));
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

static json_t *state_object(const ropemap_gpu_state *state) {
    if (!state->known) {
        return json_null();
    }
    return json_pack("{s:i, s:i, s:i, s:f, s:I}", "processor_mhz", (int)state->processor_mhz, "memory_mhz",
                     (int)state->memory_mhz, "celsius", (int)state->celsius, "watts", state->watts, "reasons",
                     (json_int_t)state->reasons);
}

static json_t *product_rates(const ropemap_bench_gpu *gpu) {
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
    const ropemap_bench_gpu *gpu = &report->gpu;
    if (!report->on_gpu) {
        return json_null();
    }
    json_t *what = json_pack("{s:i, s:o, s:s, s:i, s:I, s:I, s:o, s:s, s:s, s:s}", "index",
                             (int)gpu->gpu.index, "name", document_text(gpu->gpu.name), "architecture",
                             bench_cuda_version(1000 * gpu->gpu.major + 10 * gpu->gpu.minor).text,
                             "multiprocessors", (int)gpu->gpu.processors, "memory",
                             (json_int_t)gpu->gpu.memory, "cache", (json_int_t)gpu->gpu.cache, "driver",
                             document_text(gpu->driver), "supports", bench_cuda_version(gpu->supports).text,
                             "runtime", gpu->plugin.runtime, "blas", gpu->plugin.blas);
    return joined(what, json_pack("{s:o, s:o, s:b, s:s, s:f, s:o, s:I}", "before", state_object(&gpu->before),
                                  "after", state_object(&gpu->after), "throttled", gpu->throttled ? 1 : 0,
                                  "reasons", gpu->reasons, "copy_rate", gpu->copy_rate, "product_rates",
                                  product_rates(gpu), "product_side", (json_int_t)gpu->product_side));
}

ropemap_status bench_json(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_bench_machine *machine = &report->machine;
    json_t *document =
        json_pack("{s:s, s:s, s:s, s:{s:o, s:i, s:s}, s:o, s:o}", "schema", "ropemap.bench/1", "version",
                  ropemap_version(), "date", report->date, "machine", "processor",
                  document_text(machine->processor), "processors", (int)machine->processors, "simd",
                  machine->simd, "gpu", gpu_object(report), "rows", rows_array(report));
    char *text = document != NULL
                     ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(17) | JSON_ENSURE_ASCII)
                     : NULL;
    json_decref(document);
    if (text == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "bench: no memory for the report");
    }
    size_t length = strlen(text);
    text[length++] = '\n'; /* in place of the end: the bytes are counted */
    *bytes = (ropemap_bytes){.data = (uint8_t *)text, .size = length};
    return ROPEMAP_OK;
}
